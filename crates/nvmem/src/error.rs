//! What can go wrong with a memory, and the errno each case becomes.

use core::fmt;

use gpiolib::Errno;

/// The result of an operation on a memory.
pub type Result<T> = core::result::Result<T, Error>;

/// Why an operation on a memory failed.
///
/// ```
/// use gpiolib::Errno;
/// use nvmem::Error;
///
/// assert_eq!(Error::Revoked.errno(), Errno::ENODEV);
/// assert_eq!(Error::WriteProtect(gpiolib::Error::Io).errno(), Errno::EIO, "the line's own");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// `ENODEV`: the provider is gone.
    Revoked,
    /// `EINVAL`: a parameter is wrong; the text says which.
    Invalid(&'static str),
    /// `ERANGE`: a keep-out, or a number, does not fit; the text says which.
    Range(&'static str),
    /// `EPERM`: the memory cannot be read, or not be written.
    NotPermitted,
    /// `ENOENT`: there is no such cell.
    NotFound,
    /// `EPROBE_DEFER`: the provider is not there yet.
    ProbeDefer,
    /// `EEXIST`: a memory of this name is registered.
    Exists,
    /// `EFBIG`: the write begins beyond the end.
    TooBig,
    /// `EIO`: the memory, or the bus to it, failed.
    Io,
    /// `ETIMEDOUT`: the memory did not answer in time.
    TimedOut,
    /// The write-protect line could not be got or lowered: nothing was written.
    WriteProtect(gpiolib::Error),
    /// All was written, and the write-protect line could not be raised again: the memory may be
    /// unprotected.
    Unprotected(gpiolib::Error),
}

impl Error {
    /// The errno that stands for this error.
    #[must_use]
    pub const fn errno(self) -> Errno {
        match self {
            Self::Revoked => Errno::ENODEV,
            Self::Invalid(_) => Errno::EINVAL,
            Self::Range(_) => Errno::ERANGE,
            Self::NotPermitted => Errno::EPERM,
            Self::NotFound => Errno::ENOENT,
            Self::ProbeDefer => Errno::EPROBE_DEFER,
            Self::Exists => Errno::EEXIST,
            Self::TooBig => Errno::of(27),
            Self::Io => Errno::EIO,
            Self::TimedOut => Errno::of(110),
            Self::WriteProtect(error) | Self::Unprotected(error) => error.errno(),
        }
    }
}

impl From<revocable::Revoked> for Error {
    fn from(_: revocable::Revoked) -> Self {
        Self::Revoked
    }
}

impl From<gpiolib::Error> for Error {
    fn from(error: gpiolib::Error) -> Self {
        Self::WriteProtect(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revoked => f.write_str("the memory is gone"),
            Self::Invalid(what) | Self::Range(what) => f.write_str(what),
            Self::NotPermitted => f.write_str("the memory does not allow that"),
            Self::NotFound => f.write_str("no such cell"),
            Self::ProbeDefer => f.write_str("the memory is not there yet"),
            Self::Exists => f.write_str("a memory of this name is registered"),
            Self::TooBig => f.write_str("the write begins beyond the end"),
            Self::Io => f.write_str("the memory failed"),
            Self::TimedOut => f.write_str("the memory did not answer in time"),
            Self::WriteProtect(error) => write!(f, "not written, write protection: {error}"),
            Self::Unprotected(error) => write!(f, "written, but not protected again: {error}"),
        }
    }
}

impl core::error::Error for Error {}
