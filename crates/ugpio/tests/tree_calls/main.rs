//! The gpio-sim control tree, system call by system call: each test runs itself again as the program
//! inside `ugpio run`, where it makes the calls through the C library like any other program.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/again.rs"]
mod again;
mod class;
mod gone;
mod inside;
mod names;
mod runs;
mod stores;
mod watches;
