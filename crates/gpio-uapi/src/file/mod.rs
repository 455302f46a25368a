//! Open files: what a descriptor of a GPIO program stands for.
//!
//! [`File`] is one of four kinds, each in a file of its own: [`ChipFile`] (an open
//! `/dev/gpiochipN`), [`LineRequest`] (v2), [`LineHandle`] and [`LineEvent`] (v1). All share three
//! rules: once the chip is gone every ioctl and read is `ENODEV`, whatever else is wrong with it;
//! an unknown ioctl is `EINVAL`, not `ENOTTY`; and everything ends by being dropped. A call takes
//! `&self` and holds no lock while it copies to or from the caller, so several threads may be
//! inside one file and a caller whose memory is slow delays no other caller.

mod chip;
mod detector;
mod line_event;
mod line_handle;
mod line_request;
mod lines;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::task::Waker;

use gpiolib::{Device, Errno, Feature, Offset, Timestamp};

pub use chip::ChipFile;
pub use line_event::LineEvent;
pub use line_handle::LineHandle;
pub use line_request::LineRequest;

use crate::abi::ioctl;
use crate::fifo::{Buffer, Fifo, Records};
use crate::mem::Caller;
use crate::outcome::{Outcome, PollMask};
use crate::refusal::{Reason, Refusal};

/// An open file of a GPIO program: an *open file description*, whatever descriptors refer to it.
///
/// Dropping it is the last close: lines are released in the order of the request.
#[derive(Debug)]
pub enum File {
    /// An open chip.
    Chip(ChipFile),
    /// Requested lines, v2.
    LineRequest(LineRequest),
    /// Requested lines, v1.
    LineHandle(LineHandle),
    /// A line requested for its edges, v1.
    LineEvent(LineEvent),
}

// Threads of a program share its files.
const _: () = {
    const fn can_be_shared<T: Send + Sync>() {}
    can_be_shared::<File>();
};

/// Which of the four kinds a file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileKind {
    /// An open chip.
    Chip,
    /// Requested lines, v2.
    LineRequest,
    /// Requested lines, v1.
    LineHandle,
    /// A line requested for its edges, v1.
    LineEvent,
}

impl FileKind {
    /// What `/proc/PID/fd/N` of such a file says; a chip's says its path.
    pub const fn link(self) -> Option<&'static str> {
        match self {
            Self::Chip => None,
            Self::LineRequest => Some("anon_inode:gpio-line"),
            Self::LineHandle => Some("anon_inode:gpio-linehandle"),
            Self::LineEvent => Some("anon_inode:gpio-event"),
        }
    }

    /// Whether epoll takes such a file, and a read can ever give something.
    pub const fn has_events(self) -> bool {
        !matches!(self, Self::LineHandle)
    }
}

impl File {
    /// Opens the chip of a device; its info changes will lie in `records`.
    ///
    /// # Errors
    ///
    /// `ENODEV` when the chip is gone, up to some release; later ones open it all the same.
    // KERNEL: gpiolib-cdev.c gpio_chrdev_open (v6.12).
    pub fn open(device: &Device, records: Box<dyn Records>) -> Result<Self, Errno> {
        if device.is_gone() && !device.release().has(Feature::StaleOpen) {
            return Err(Errno::ENODEV);
        }
        Ok(Self::Chip(ChipFile::new(
            device.clone(),
            Fifo::new(records),
        )))
    }

    /// Answers `ioctl(2)`. A new file, if the call makes one, is given to `caller`.
    ///
    /// `now` may be `None` where the call [does not need](Self::needs_time) the time.
    pub fn ioctl(
        &self,
        cmd: u32,
        arg: u64,
        caller: &mut dyn Caller,
        now: impl Into<Option<Timestamp>>,
    ) -> Outcome {
        if self.device().is_gone() {
            return refuse(caller, Reason::Gone.into());
        }
        if let Some(now) = now.into() {
            self.advance(now);
        }
        let result = match self {
            Self::Chip(file) => file.ioctl(cmd, arg, caller),
            Self::LineRequest(file) => file.ioctl(cmd, arg, caller),
            Self::LineHandle(file) => file.ioctl(cmd, arg, caller),
            Self::LineEvent(file) => file.ioctl(cmd, arg, caller),
        };
        match result {
            Ok(()) => Outcome::Done(0),
            Err(refusal) => refuse(caller, refusal),
        }
    }

    /// Whether the time matters to an ioctl: not when values are read and no debounce timer runs.
    pub fn needs_time(&self, cmd: u32) -> bool {
        cmd != ioctl::GPIO_V2_LINE_GET_VALUES || self.next_deadline().is_some()
    }

    /// Answers `read(2)` of `len` bytes to `addr`.
    pub fn read(
        &self,
        addr: u64,
        len: u64,
        nonblock: bool,
        caller: &mut dyn Caller,
        now: Timestamp,
    ) -> Outcome {
        if let Self::LineHandle(_) = self {
            return Outcome::Fail(Errno::EINVAL);
        }
        if self.device().is_gone() {
            return Outcome::Fail(Errno::ENODEV);
        }
        self.advance(now);
        let mut to = Buffer {
            caller,
            addr,
            len,
            nonblock,
        };
        match self {
            Self::Chip(file) => file.read(&mut to),
            Self::LineRequest(file) => file.read(&mut to),
            Self::LineEvent(file) => file.read(&mut to),
            Self::LineHandle(_) => Outcome::Fail(Errno::EINVAL),
        }
    }

    /// Whether a read of `len` bytes is filled by whole records, however many wait.
    pub fn takes_whole(&self, len: u64) -> bool {
        let whole = |size: usize| len > 0 && len.is_multiple_of(size as u64);
        match self {
            Self::Chip(file) => file.takes_whole(len),
            Self::LineRequest(_) => whole(size_of::<crate::abi::v2::LineEvent>()),
            Self::LineEvent(_) => whole(size_of::<crate::abi::v1::EventDataV1>()),
            Self::LineHandle(_) => false,
        }
    }

    /// Answers `poll(2)`: everything that is true now, whatever was asked for.
    pub fn poll(&self) -> PollMask {
        let fifo = match self {
            Self::Chip(file) => file.fifo(),
            Self::LineRequest(file) => file.fifo(),
            Self::LineEvent(file) => file.fifo(),
            Self::LineHandle(_) => return PollMask::ALWAYS,
        };
        if self.device().is_gone() {
            PollMask::GONE
        } else if fifo.is_empty() {
            PollMask::empty()
        } else {
            PollMask::READABLE
        }
    }

    /// What `/proc/PID/fdinfo/N` says below the lines that every file has.
    pub fn fdinfo(&self) -> String {
        match self {
            Self::LineRequest(file) => file.fdinfo(),
            _ => String::new(),
        }
    }

    /// The device behind the file, which may be gone.
    pub const fn device(&self) -> &Device {
        match self {
            Self::Chip(file) => file.device(),
            Self::LineRequest(file) => file.device(),
            Self::LineHandle(file) => file.device(),
            Self::LineEvent(file) => file.device(),
        }
    }

    /// Which kind of file this is.
    pub const fn kind(&self) -> FileKind {
        match self {
            Self::Chip(_) => FileKind::Chip,
            Self::LineRequest(_) => FileKind::LineRequest,
            Self::LineHandle(_) => FileKind::LineHandle,
            Self::LineEvent(_) => FileKind::LineEvent,
        }
    }

    /// The lines that the file holds, in the order of the request; none for a chip.
    pub fn offsets(&self) -> Vec<Offset> {
        match self {
            Self::Chip(_) => Vec::new(),
            Self::LineRequest(file) => file.offsets().to_vec(),
            Self::LineHandle(file) => file.offsets(),
            Self::LineEvent(file) => alloc::vec![file.offset()],
        }
    }

    /// How many edges were dropped because the program did not read them in time.
    pub fn lost_events(&self) -> u64 {
        match self {
            Self::LineRequest(file) => file.lost_events(),
            Self::LineEvent(file) => file.lost_events(),
            Self::Chip(_) | Self::LineHandle(_) => 0,
        }
    }

    /// When [`advance`](Self::advance) has something to do next, in nanoseconds of the monotonic
    /// clock.
    pub fn next_deadline(&self) -> Option<u64> {
        match self {
            Self::LineRequest(file) => file.next_deadline(),
            _ => None,
        }
    }

    /// Lets time pass: debounce timers that are due expire.
    pub fn advance(&self, now: Timestamp) {
        if let Self::LineRequest(file) = self {
            file.advance(now);
        }
    }

    /// Sets the waker to call when a record was queued, or the chip is gone while a reader may wait.
    ///
    /// Waking must not call back into the file. A line request that has no edges armed has nobody
    /// to wake it when the chip goes; whoever needs that listens to
    /// [`gpiolib::Registry::on_change`].
    pub fn set_waker(&self, waker: Waker) {
        match self {
            Self::Chip(file) => file.set_waker(waker),
            Self::LineRequest(file) => file.set_waker(waker),
            Self::LineEvent(file) => file.set_waker(waker),
            Self::LineHandle(_) => {}
        }
    }

    /// Sets the waker to call when a debounce timer was started, so that
    /// [`next_deadline`](Self::next_deadline) has an answer.
    pub fn set_timer_waker(&self, waker: Waker) {
        if let Self::LineRequest(file) = self {
            file.set_timer_waker(waker);
        }
    }
}

/// Tells the caller why, and the program that.
#[cold]
fn refuse(caller: &mut dyn Caller, refusal: Refusal) -> Outcome {
    caller.refused(&refusal);
    Outcome::Fail(refusal.errno())
}

/// Hands a new file to the caller, in the order of Linux: number, answer, file.
///
/// `answer` copies the structure with the new number out. When it fails the file is dropped, which
/// releases its lines.
fn install(
    caller: &mut dyn Caller,
    file: File,
    answer: impl FnOnce(&mut dyn Caller, i32) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let fd = caller.reserve_fd().map_err(Reason::Caller)?;
    match answer(caller, fd) {
        Ok(()) => caller.install_fd(fd, file),
        Err(refusal) => {
            caller.cancel_fd(fd);
            return Err(refusal);
        }
    }
    Ok(())
}
