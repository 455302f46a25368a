//! The character device where only the descriptor's own calls show the difference: rows of the uAPI
//! reference's §11 that the engine does not decide, by number, as a program sees them under `ugpio run`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/again.rs"]
mod again;
mod inside;
mod rows;
mod sleepers;
mod unplugs;
