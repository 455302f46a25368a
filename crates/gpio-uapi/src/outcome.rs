//! What a call on an open file comes to.
//!
//! [`Outcome`] answers `ioctl` and `read`; [`PollMask`] answers `poll`. Blocking is not an error:
//! the transport waits for the [`Readiness`] and asks again.

use bitflags::bitflags;
use gpiolib::Errno;

/// How a call ended, or why it has not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Outcome {
    /// Done; the number is the system call's result.
    Done(u64),
    /// Nothing happened yet. Call again, unchanged, once this has come.
    Wait(Readiness),
    /// Failed.
    Fail(Errno),
}

impl From<Result<(), Errno>> for Outcome {
    fn from(result: Result<(), Errno>) -> Self {
        match result {
            Ok(()) => Self::Done(0),
            Err(errno) => Self::Fail(errno),
        }
    }
}

/// What a sleeping call waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Readiness {
    /// A record to read, or the end of the chip: whatever makes [`PollMask`] not empty.
    Readable,
}

bitflags! {
    /// The events that `poll` reports.
    #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
    pub struct PollMask: u32 {
        /// `POLLIN`.
        const IN = 0x001;
        /// `POLLPRI`.
        const PRI = 0x002;
        /// `POLLOUT`.
        const OUT = 0x004;
        /// `POLLERR`.
        const ERR = 0x008;
        /// `POLLHUP`.
        const HUP = 0x010;
        /// `POLLRDNORM`.
        const RDNORM = 0x040;
        /// `POLLWRNORM`.
        const WRNORM = 0x100;
    }
}

impl PollMask {
    /// A record waits to be read.
    pub const READABLE: Self = Self::IN.union(Self::RDNORM);
    /// The chip is gone; hides records that are still queued.
    pub const GONE: Self = Self::HUP.union(Self::ERR);
    /// What a file without a poll operation of its own answers.
    pub const ALWAYS: Self = Self::READABLE.union(Self::OUT).union(Self::WRNORM);
}
