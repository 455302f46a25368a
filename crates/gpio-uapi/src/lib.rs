//! The Linux GPIO character device with the kernel taken away.
//!
//! A program that uses `<linux/gpio.h>` opens a chip, asks questions, and is given further files
//! for the lines it requests. [`File`] is such an open file, of either ABI: it takes the same
//! `ioctl` and `read` calls as in Linux and answers with an [`Outcome`]. It knows nothing about
//! processes: the program's memory and descriptor table are behind [`Caller`], its queued records
//! behind [`Records`], and the time is an argument.
//!
//! ```
//! use gpio_sim::Sim;
//! use gpio_uapi::abi::{IntoBytes, common::ChipInfo, ioctl};
//! use gpio_uapi::{Caller, MemoryFault, File, Outcome, Records, MemoryRecords};
//! use gpiolib::{Errno, Timestamp};
//!
//! /// A program with one structure of memory and no room for further files.
//! struct Program(ChipInfo);
//!
//! impl Caller for Program {
//!     fn copy_in(&mut self, _addr: u64, _buf: &mut [u8]) -> Result<(), MemoryFault> {
//!         Err(MemoryFault)
//!     }
//!     fn copy_out(&mut self, _addr: u64, data: &[u8]) -> Result<(), MemoryFault> {
//!         self.0.as_mut_bytes().get_mut(..data.len()).ok_or(MemoryFault)?.copy_from_slice(data);
//!         Ok(())
//!     }
//!     fn records(&mut self) -> Box<dyn Records> {
//!         Box::new(MemoryRecords::new())
//!     }
//!     fn reserve_fd(&mut self) -> Result<i32, Errno> {
//!         Err(Errno::EMFILE)
//!     }
//!     fn install_fd(&mut self, _fd: i32, _file: File) {}
//! }
//!
//! let sim = Sim::simple(8).expect("8 lines are fine");
//! let chip = File::open(sim.device(), Box::new(MemoryRecords::new())).expect("the chip is there");
//! let mut program = Program(ChipInfo::default());
//! let outcome = chip.ioctl(ioctl::GPIO_GET_CHIPINFO, 0, &mut program, Timestamp::at(0));
//! assert_eq!(outcome, Outcome::Done(0));
//! assert_eq!(program.0.lines, 8);
//! ```
//!
//! # Modules
//!
//! - [`abi`]: the raw structures, flags and numbers. No behaviour.
//! - [`repr`]: raw structures judged and turned into values of the core, and back.
//! - [`mod@file`]: one state machine for each kind of open file.
//! - `refusal`: every check that can fail, with its errno and its words.
//! - [`class`]: the legacy interface, `/sys/class/gpio`, over the same core.
//! - `fifo`, `mem`, `outcome`: the seams to the code that carries the calls.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod abi;
pub mod class;
mod fifo;
pub mod file;
mod mem;
mod outcome;
mod refusal;
pub mod repr;

pub use fifo::{MemoryRecords, Records};
pub use file::{File, FileKind};
pub use mem::{Caller, MemoryFault};
pub use outcome::{Outcome, PollMask, Readiness};
pub use refusal::{LineRef, Reason, Refusal};

/// The example of the crate's README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
