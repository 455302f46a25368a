//! Why a client verb could not go on, and the exit status that says so.
//!
//! [`Error`] is made by every file of this folder and printed by `main`.

use std::io;

use rustix::io::Errno;

use crate::clean;
use crate::cli::status;

/// Why a client verb could not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Words that are well-formed but cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// A name that no chip or line has, or several have.
    #[error("{0}")]
    NotFound(String),
    /// The chip went away.
    #[error("{0} was unplugged")]
    Gone(String),
    /// A system call failed.
    #[error("{what}: {}", reason(*.errno))]
    System {
        /// What was tried, as `cannot …`.
        what: String,
        /// Why it failed.
        errno: Errno,
    },
    /// The output has no reader, or cannot be written.
    #[error("cannot write: {}", clean::reason(.0))]
    Output(#[from] io::Error),
}

impl Error {
    /// The exit status, or `None` where the reader of our output has what it wanted.
    pub(crate) fn status(&self) -> Option<u8> {
        match self {
            Error::Usage(_) => Some(status::USAGE),
            Error::Gone(_) => Some(status::GONE),
            Error::NotFound(_) | Error::System { .. } => Some(status::FAILED),
            Error::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            Error::Output(_) => Some(status::FAILED),
        }
    }

    /// Output that has no reader any more.
    pub(super) fn reader_gone() -> Error {
        Error::Output(io::ErrorKind::BrokenPipe.into())
    }

    /// A failed call on `chip`, where ENODEV means that the chip is gone.
    pub(super) fn on_chip(chip: &str, what: String, errno: Errno) -> Error {
        if errno == Errno::NODEV {
            Error::Gone(chip.to_owned())
        } else {
            Error::System { what, errno }
        }
    }
}

/// The system's words for `errno`, as the end of a message.
fn reason(errno: Errno) -> String {
    clean::reason(&errno.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_lower_case_and_specific() {
        let error = Error::on_chip(
            "gpiochip0",
            "cannot open /dev/gpiochip0".into(),
            Errno::ACCESS,
        );
        assert_eq!(
            error.to_string(),
            "cannot open /dev/gpiochip0: permission denied"
        );
        assert_eq!(error.status(), Some(3));
    }

    #[test]
    fn enodev_is_an_unplugged_chip() {
        let error = Error::on_chip("gpiochip0 [demo]", "cannot read".into(), Errno::NODEV);
        assert_eq!(error.to_string(), "gpiochip0 [demo] was unplugged");
        assert_eq!(error.status(), Some(4));
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        assert_eq!(Error::reader_gone().status(), None);
        let full: io::Error = Errno::NOSPC.into();
        assert_eq!(Error::Output(full).status(), Some(3));
    }
}
