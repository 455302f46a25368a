//! How a run ends: as the program ended, or with a failure of ugpio's own. Used by `front` and `session`.

use core::fmt;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::clean::clean;
use crate::sys::process::{ChildStatus, exit_now, suffer};

/// A failure of ugpio itself, with its exit status and one line to print.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit status: 125 for failures of our own, 126 for a program that cannot be executed, 127 for one that is
    /// not found.
    pub code: u8,
    /// What to print, without the leading `ugpio: `.
    pub message: String,
}

impl Failure {
    /// A failure of our own: exit status 125.
    #[must_use]
    pub fn own(message: impl Into<String>) -> Self {
        Self {
            code: 125,
            message: message.into(),
        }
    }
}

/// How the program ended, or why it did not start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ending {
    /// It exited with this status.
    Exited(i32),
    /// This signal killed it.
    Signaled(i32),
    /// ugpio failed.
    Failed(Failure),
}

impl Ending {
    /// The ending in a child's status, if it has ended.
    pub(super) fn of(status: ChildStatus) -> Option<Self> {
        match status {
            ChildStatus::Exited(code) => Some(Self::Exited(code)),
            ChildStatus::Signaled(signal) => Some(Self::Signaled(signal)),
            ChildStatus::Stopped(_) | ChildStatus::Continued => None,
        }
    }

    /// The exit status a shell would show.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::Exited(code) => *code,
            Self::Signaled(signal) => 128 + signal,
            Self::Failed(failure) => failure.code.into(),
        }
    }

    /// Ends this process in the same way: by the same signal (without a core of our own), or with the same status,
    /// after a line on standard error if ugpio failed.
    pub fn reproduce(&self) -> ! {
        match self {
            Self::Exited(_) => {}
            Self::Signaled(signal) => {
                let _ = setrlimit(
                    Resource::Core,
                    Rlimit {
                        current: Some(0),
                        maximum: Some(0),
                    },
                );
                suffer(*signal);
            }
            Self::Failed(failure) => eprintln!("ugpio: {}", clean(&failure.to_string())),
        }
        exit_now(self.code())
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited with status {code}"),
            Self::Signaled(signal) => write!(f, "was killed by signal {signal}"),
            Self::Failed(failure) => write!(f, "{failure}"),
        }
    }
}
