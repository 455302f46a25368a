//! A trapped call and its answer: the words that `notif`, the per-call handlers and the session share.

use std::os::fd::OwnedFd;

use gpio_uapi::abi::ioctl;
use rustix::process::Pid;

pub use rustix::io::Errno;

use crate::arch::{Mark, Sys};

/// A system call that a thread of the program is waiting in. Its arguments were read once and do not change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Call {
    /// Cookie for the listener.
    pub id: u64,
    /// The calling thread. It may die at any moment; the listener's `is_valid` tells.
    pub tid: Pid,
    /// The call by name, `None` if the filter trapped one we have no name for.
    pub sys: Option<Sys>,
    /// The call by number, for messages.
    pub nr: u32,
    /// The six argument registers.
    pub args: [u64; 6],
}

impl Call {
    /// Argument `n` as the kernel sees an `int`: its low 32 bits.
    #[must_use]
    pub fn int(&self, n: usize) -> i32 {
        self.uint(n).cast_signed()
    }

    /// Argument `n` as the kernel sees an `unsigned int`: its low 32 bits.
    #[must_use]
    pub fn uint(&self, n: usize) -> u32 {
        u32::try_from(self.args[n] & u64::from(u32::MAX)).unwrap_or_default()
    }

    /// Whether the call's row has this mark.
    pub(crate) fn has(&self, mark: Mark) -> bool {
        self.sys.is_some_and(|sys| sys.is(mark))
    }

    /// Whether this is one of the calls that programs repeat most.
    pub(crate) fn is_value_ioctl(&self) -> bool {
        self.sys == Some(Sys::Ioctl)
            && matches!(
                self.uint(1),
                ioctl::GPIO_V2_LINE_GET_VALUES | ioctl::GPIO_V2_LINE_SET_VALUES
            )
    }
}

/// How a call is answered.
#[derive(Debug)]
pub enum Reply {
    /// The kernel carries it out, as if it had not been trapped.
    Continue,
    /// It returns this value.
    Return(i64),
    /// It fails.
    Fail(Errno),
    /// It returns a new descriptor of the caller for this file.
    Fd {
        /// The file; not opened with `O_PATH`.
        fd: OwnedFd,
        /// Whether the new descriptor closes on exec.
        cloexec: bool,
    },
    /// As [`Fd`](Self::Fd), with a number that the caller does not use; with any, if it cannot be that.
    FdAt {
        /// The file; not opened with `O_PATH`.
        fd: OwnedFd,
        /// Whether the new descriptor closes on exec.
        cloexec: bool,
        /// The number.
        number: i32,
    },
    /// The handler has answered through the listener itself, or nobody waits for an answer any more.
    Answered,
}

impl From<Result<i64, Errno>> for Reply {
    fn from(result: Result<i64, Errno>) -> Self {
        result.map_or_else(Self::Fail, Self::Return)
    }
}

/// An errno of the core as one of the system.
pub(crate) fn raw_errno(errno: gpiolib::Errno) -> Errno {
    Errno::from_raw_os_error(i32::from(errno.get()))
}

/// An errno of the system as one of the core.
pub(crate) fn errno_of(errno: Errno) -> gpiolib::Errno {
    gpiolib::Errno::of(u16::try_from(errno.raw_os_error()).unwrap_or(gpiolib::Errno::EIO.get()))
}
