//! The other side of a call: the caller's memory, and its table of descriptors.
//!
//! [`Caller`] is implemented over another process by the supervisor and over a vector in tests.
//! Every open file reads its arguments once, through [`fetch`], and judges only its own copy.

use alloc::boxed::Box;

use gpiolib::Errno;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::fifo::Records;
use crate::file::File;
use crate::refusal::Refusal;

/// An access to the caller's memory failed; the caller sees `EFAULT`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MemoryFault;

impl From<MemoryFault> for Errno {
    fn from(_: MemoryFault) -> Self {
        Self::EFAULT
    }
}

/// The maker of the call that is being answered.
///
/// A new descriptor is made in three steps, in the order Linux has them: reserve a number, copy
/// the answer out, install the file. Between the first and the last the call can still fail.
pub trait Caller {
    /// Copies `buf.len()` bytes at `addr` out of the caller's memory.
    ///
    /// # Errors
    ///
    /// [`MemoryFault`] when any byte cannot be read; `buf` may then hold a part.
    fn copy_in(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), MemoryFault>;

    /// Copies `data` into the caller's memory at `addr`.
    ///
    /// # Errors
    ///
    /// [`MemoryFault`] when any byte cannot be written; a part may have been.
    fn copy_out(&mut self, addr: u64, data: &[u8]) -> Result<(), MemoryFault>;

    /// An empty place for the records of a file about to be made.
    fn records(&mut self) -> Box<dyn Records>;

    /// Takes a free descriptor number, without anything behind it yet.
    ///
    /// # Errors
    ///
    /// `EMFILE` or `ENFILE` when there is none.
    fn reserve_fd(&mut self) -> Result<i32, Errno>;

    /// Gives back a number from [`reserve_fd`](Self::reserve_fd) that will not be used.
    fn cancel_fd(&mut self, fd: i32) {
        _ = fd;
    }

    /// Receives the reason just before the call is refused.
    fn refused(&mut self, refusal: &Refusal) {
        _ = refusal;
    }

    /// Puts `file` behind a reserved number. Cannot fail.
    fn install_fd(&mut self, fd: i32, file: File);
}

/// Reads a structure at `addr`, once.
pub(crate) fn fetch<T: FromBytes + IntoBytes>(
    caller: &mut dyn Caller,
    addr: u64,
) -> Result<T, Refusal> {
    let mut value = T::new_zeroed();
    caller.copy_in(addr, value.as_mut_bytes())?;
    Ok(value)
}

/// Writes a structure at `addr`.
pub(crate) fn store<T: Immutable + IntoBytes>(
    caller: &mut dyn Caller,
    addr: u64,
    value: &T,
) -> Result<(), Refusal> {
    Ok(caller.copy_out(addr, value.as_bytes())?)
}
