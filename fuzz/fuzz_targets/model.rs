//! Bytes as a story told to the engine and to a naive model of it, which must agree at every step.
//! The model, and how a story is read, are those of the property test of `gpio-uapi`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/gpio-uapi/tests/oracle/world/mod.rs"]
mod world;

fuzz_target!(|bytes: &[u8]| world::run(bytes));
