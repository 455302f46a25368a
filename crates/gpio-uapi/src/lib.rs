//! The Linux GPIO character device with the kernel taken away.
//!
//! A program that uses `<linux/gpio.h>` opens a chip, asks questions, and is given further files
//! for the lines it requests. [`File`] is such an open file, of either ABI: it takes the same
//! `ioctl` and `read` calls as in Linux and answers with an [`Outcome`]. It knows nothing about
//! processes: the program's memory and descriptor table are behind [`Caller`], its queued records
//! behind [`Records`], and the time is an argument.
//!
//! # Modules
//!
//! - [`abi`]: the raw structures, flags and numbers. No behaviour.
//! - [`repr`]: raw structures judged and turned into values of the core, and back.
//! - [`file`]: one state machine for each kind of open file.
//! - `fifo`, `mem`, `outcome`: the seams to whoever carries the calls.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod abi;
mod fifo;
pub mod file;
mod mem;
mod outcome;
pub mod repr;

pub use fifo::{Records, Ring};
pub use file::{File, FileKind};
pub use mem::{Caller, Fault};
pub use outcome::{Outcome, PollMask, Readiness};
