//! Nets between simulated chips, as programs and the world outside see them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod engine;
mod lines;
mod prop;
