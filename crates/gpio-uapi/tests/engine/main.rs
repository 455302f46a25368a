//! The engine as a program sees it: one module for each ioctl or call, over two simulated chips.
//!
//! Tests named `row_NNN_…` assert the row of that number of the behaviour table of Linux 6.12.

#![expect(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "everything here is a test, also what has no #[test] on it"
)]

mod chip_info;
mod commands;
mod common;
mod lifetime;
mod poll;
mod prop;
mod releases;
mod threads;
mod unwatch;
mod v1;
mod v2;
