//! Error numbers of Linux, as values.
//!
//! [`Errno`] is a newtype and not an enum, because a driver may return a number nobody has a name
//! for. The numbers are the generic ones (x86, ARM, RISC-V). Everything above the core speaks
//! [`Errno`]; [`crate::Error`] is turned into one at the uAPI.

use core::fmt;
use core::num::NonZeroU16;

/// An error number of Linux, never zero.
///
/// ```
/// use gpiolib::Errno;
///
/// assert_eq!(Errno::ENOENT.get(), 2);
/// assert_eq!(Errno::of(2).name(), Some("ENOENT"));
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Errno(NonZeroU16);

macro_rules! errnos {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        impl Errno {
            $(#[doc = $text] pub const $name: Self = Self::of($number);)*

            /// The symbolic name, if the number is one the core knows.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0.get() {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

errnos! {
    EPERM = 1, "Operation not permitted.";
    ENOENT = 2, "No such file, chip or line.";
    EINTR = 4, "Interrupted by a signal.";
    EIO = 5, "The chip failed, or cannot do it.";
    ENXIO = 6, "No such device or address: no interrupt for edges.";
    E2BIG = 7, "Argument too long.";
    EBADF = 9, "Bad file descriptor.";
    EAGAIN = 11, "Nothing there now; try again.";
    ENOMEM = 12, "Out of memory.";
    EACCES = 13, "Permission denied.";
    EFAULT = 14, "Bad address.";
    EBUSY = 16, "Somebody else holds it.";
    EEXIST = 17, "It exists already.";
    ENODEV = 19, "The chip is gone.";
    ENOTDIR = 20, "Not a directory.";
    EISDIR = 21, "Is a directory.";
    EINVAL = 22, "Invalid argument.";
    ENFILE = 23, "Too many open files in the system.";
    EMFILE = 24, "Too many open files.";
    ENOTTY = 25, "Not a terminal.";
    ENOSPC = 28, "No space left.";
    ESPIPE = 29, "Illegal seek.";
    ERANGE = 34, "Number out of range.";
    ENAMETOOLONG = 36, "File name too long.";
    ENOSYS = 38, "No such system call.";
    ENOTEMPTY = 39, "Directory not empty.";
    ELOOP = 40, "Too many symbolic links.";
    EBADE = 52, "Invalid exchange: a driver returned a positive number.";
    ENODATA = 61, "No data available.";
    EOVERFLOW = 75, "Value too large.";
    EOPNOTSUPP = 95, "Operation not supported.";
    EPROBE_DEFER = 517, "The provider is not there yet; private to the core.";
    ENOTSUPP = 524, "The driver has no such operation; private to the core.";
}

impl Errno {
    /// The errno with this number; zero becomes `EINVAL`, so that an error is never lost.
    #[must_use]
    pub const fn of(number: u16) -> Self {
        match NonZeroU16::new(number) {
            Some(number) => Self(number),
            None => Self(NonZeroU16::MIN.saturating_add(21)),
        }
    }

    /// The number itself, between 1 and 65535.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}
