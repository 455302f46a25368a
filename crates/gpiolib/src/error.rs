//! What can go wrong in the core, and the errno each case becomes.
//!
//! [`Error`] is `Copy` and never allocates. [`Error::errno`] is the single table from condition to
//! errno; the uAPI overrides it in one place (a v1 event without edges is `ENODEV`).

use alloc::string::String;
use core::fmt;

use revocable::{Refused, Revoked};

use crate::{Errno, Label};

/// The result of an operation of the core.
pub type Result<T> = core::result::Result<T, Error>;

/// Why an operation of the core failed.
///
/// ```
/// use gpiolib::{Errno, Error};
///
/// assert_eq!(Error::Revoked.errno(), Errno::ENODEV);
/// assert_eq!(Error::Driver(Errno::of(71)).errno().get(), 71, "what the driver answered");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// `ENODEV`: the chip is gone; its descriptors are only numbed.
    Revoked,
    /// `EBUSY`: the line is requested already, or its interrupt is taken.
    Busy,
    /// `EPERM`: the line is not an output.
    NotOutput,
    /// `EPERM`: another consumer of the shared line, this one, has it as it is.
    Conflict(Holder),
    /// `ENXIO`: the line cannot report edges.
    NoEdges,
    /// `EINVAL`: a parameter is wrong; the text says which.
    Invalid(&'static str),
    /// `EIO`: the chip cannot do it, or its bus failed.
    Io,
    /// `ENOENT`: there is no such line or mapping.
    NotFound,
    /// `EPROBE_DEFER`: the provider is not there yet.
    ProbeDefer,
    /// `ENOTSUPP`: the driver has no such operation. The core emulates, ignores or translates it.
    Unsupported,
    /// `EOPNOTSUPP`: refused for good; never emulated.
    OpNotSupported,
    /// An errno that a driver returned.
    Driver(Errno),
}

impl Error {
    /// The errno that stands for this error.
    ///
    /// ```
    /// use gpiolib::{Errno, Error};
    /// assert_eq!(Error::Revoked.errno(), Errno::ENODEV);
    /// ```
    #[must_use]
    pub const fn errno(self) -> Errno {
        match self {
            Self::Revoked => Errno::ENODEV,
            Self::Busy => Errno::EBUSY,
            Self::NotOutput | Self::Conflict(_) => Errno::EPERM,
            Self::NoEdges => Errno::ENXIO,
            Self::Invalid(_) => Errno::EINVAL,
            Self::Io => Errno::EIO,
            Self::NotFound => Errno::ENOENT,
            Self::ProbeDefer => Errno::EPROBE_DEFER,
            Self::Unsupported => Errno::ENOTSUPP,
            Self::OpNotSupported => Errno::EOPNOTSUPP,
            Self::Driver(errno) => errno,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revoked => f.write_str("the chip is gone"),
            Self::Busy => f.write_str("the line is in use"),
            Self::NotOutput => f.write_str("the line is not an output"),
            Self::Conflict(other) => write!(f, "{other} shares the line and has it otherwise"),
            Self::NoEdges => f.write_str("the line cannot report edges"),
            Self::Invalid(what) => f.write_str(what),
            Self::Io => f.write_str("the chip failed"),
            Self::NotFound => f.write_str("no such line"),
            Self::ProbeDefer => f.write_str("the provider is not there yet"),
            Self::Unsupported => f.write_str("the driver has no such operation"),
            Self::OpNotSupported => f.write_str("operation not supported"),
            Self::Driver(errno) => write!(f, "the driver answered {errno}"),
        }
    }
}

impl core::error::Error for Error {}

/// Calls answer errors by value: a larger one makes every call dearer.
const _: () = assert!(size_of::<Error>() <= 24);

/// Who has a line, by the first 22 bytes of the name.
///
/// ```
/// use gpiolib::{Error, Holder};
///
/// assert_eq!(Error::Conflict(Holder::from("eeprom0")).to_string(),
///     "eeprom0 shares the line and has it otherwise");
/// ```
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Holder {
    len: u8,
    bytes: [u8; Self::MAX],
}

impl Holder {
    const MAX: usize = 22;

    /// The name, as far as it is kept.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl From<Label> for Holder {
    fn from(label: Label) -> Self {
        let (mut bytes, mut len) = ([0; Self::MAX], 0);
        for (place, byte) in bytes.iter_mut().zip(label.as_bytes()) {
            *place = *byte;
            len += 1;
        }
        Self { len, bytes }
    }
}

impl From<&str> for Holder {
    fn from(name: &str) -> Self {
        Label::from(name).into()
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl From<Revoked> for Error {
    #[inline]
    fn from(_: Revoked) -> Self {
        Self::Revoked
    }
}

impl From<Refused> for Error {
    #[inline]
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Revoked => Self::Revoked,
            Refused::Busy => Self::Busy,
            Refused::NoWord => crate::ops::NO_LINE,
        }
    }
}
