//! Bytes as an FST: an error, or a recording of which holds what holds of dumps.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the program uses more of it")]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/ugpio/src/clean.rs"]
mod clean;
#[path = "../../crates/ugpio/src/counted.rs"]
mod counted;
#[path = "recordings/judge.rs"]
mod judge;
#[path = "recordings/trace.rs"]
mod trace;

use trace::wave::Wave;

fuzz_target!(|bytes: &[u8]| match Wave::of_fst(Cursor::new(bytes)) {
    Ok(wave) => judge::judge(&wave),
    Err(problem) => judge::message(&problem.to_string()),
});
