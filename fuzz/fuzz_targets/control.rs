//! Messages of the control protocol; what must hold is said in `crates/ugpio/src/fuzz.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ugpio_front::fuzz::control(bytes));
