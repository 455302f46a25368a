//! What an onlooker is told of the program's GPIO calls.
//!
//! A [`CallObserver`] is for people: traces, explanations, lint. It sees calls as they are answered and
//! changes none of them. Implemented by `ugpio`, called by `files` from any thread, with no lock held.

use core::fmt;

use gpio_uapi::abi::ioctl;
use gpio_uapi::{LineRef, Reason, Refusal};
use gpiolib::{Device, Offset, Timestamp};
use rustix::process::Pid;

/// Sees calls.
pub trait CallObserver: fmt::Debug + Send + Sync {
    /// An ioctl was refused, and the program is about to be told.
    fn refused(&self, refused: &RefusedCall<'_>);
}

/// An ioctl that was refused.
#[derive(Debug)]
pub struct RefusedCall<'a> {
    /// When.
    pub now: Timestamp,
    /// Who called.
    pub caller: Process,
    /// The chip behind the file.
    pub device: &'a Device,
    /// The ioctl.
    pub command: u32,
    /// Why.
    pub refusal: Refusal,
    /// Who holds the line, if it is refused because somebody does; `None` if that is no program.
    pub holder: Option<Process>,
}

/// A process of the run, as people know it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Process {
    /// Its id.
    pub pid: Pid,
    /// The name of its program; empty if it is gone.
    pub name: String,
}

impl Process {
    /// The process that a thread belongs to. Reads `/proc`.
    #[must_use]
    pub fn of(thread: Pid) -> Self {
        let read = |pid: Pid, file| {
            let text = std::fs::read_to_string(format!("/proc/{}/{file}", pid.as_raw_nonzero()));
            text.unwrap_or_default()
        };
        let status = read(thread, "status");
        let mut rows = status.lines();
        let number = rows.find_map(|row| row.strip_prefix("Tgid:")?.trim().parse().ok());
        let pid = number.and_then(Pid::from_raw).unwrap_or(thread);
        let name = read(pid, "comm").trim_end().to_owned();
        Self { pid, name }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() {
            "?"
        } else {
            &self.name
        };
        write!(f, "`{name}` (pid {})", self.pid.as_raw_nonzero())
    }
}

impl RefusedCall<'_> {
    /// The name of the ioctl.
    #[must_use]
    pub fn call(&self) -> String {
        let unknown = || format!("ioctl {:#x}", self.command);
        ioctl::name(self.command).map_or_else(unknown, str::to_owned)
    }

    /// Why, in words.
    #[must_use]
    pub fn why(&self) -> String {
        match (self.refusal.reason, self.refusal.line) {
            (Reason::Held, Some(LineRef::Line(offset))) => {
                format!("line {offset} is held by {}", self.holder_of(offset))
            }
            (Reason::NoSuchLine, Some(LineRef::Line(offset))) => {
                let last = self.device.ngpio().saturating_sub(1);
                format!(
                    "there is no line {offset}, {} has 0 to {last}",
                    self.device.name()
                )
            }
            _ => self.refusal.to_string(),
        }
    }

    fn holder_of(&self, offset: Offset) -> String {
        if let Some(holder) = &self.holder {
            return holder.to_string();
        }
        let consumer = self
            .device
            .line(offset)
            .and_then(|line| line.info().consumer);
        match consumer {
            Some(consumer) => format!("{:?}, which is no program's file", consumer.to_string()),
            None => "nobody any more".to_owned(),
        }
    }
}
