//! Programs under the supervisor, with every trapped call let through: what `launch` and `notif` promise.
//!
//! Each test runs `examples/passthrough.rs` as a user runs `ugpio run`. `support` has the means to look at it.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene fails")]

mod deaths;
mod endings;
mod jobs;
mod many;
mod signals;
mod support;
