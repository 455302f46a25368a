//! Where the records of a file lie, as the bytes that a program reads.
//!
//! The core's queues decide what is kept and what is dropped; a [`Records`] only holds bytes. In
//! memory that is a [`MemoryRecords`]; the supervisor implements it over the pipe or socket that stands in
//! for the file. The stores here encode what the core queues in the file's ABI.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU8, Ordering};

use gpiolib::engine::{Mutex, Store};
use gpiolib::{Edge, EdgeEvent, Errno, InfoChange, Offset};
use zerocopy::{FromZeros, IntoBytes};

use crate::abi::{common, v1, v2};
use crate::mem::Caller;
use crate::outcome::{Outcome, Readiness};
use crate::repr;

/// A first-in first-out store of records, all of one size, as bytes.
pub trait Records: Send {
    /// How many bytes wait to be read.
    fn bytes(&self) -> usize;

    /// Adds a record at the end. The core has made room before.
    fn push(&mut self, record: &[u8]);

    /// Moves the oldest bytes into `record`, which is one record long; says no when none waits.
    fn pop(&mut self, record: &mut [u8]) -> bool;

    /// Drops the oldest record and adds one at the end, without waking a reader.
    fn replace_oldest(&mut self, record: &[u8]) {
        let mut oldest = [0; size_of::<v2::LineInfoChanged>()];
        self.pop(&mut oldest[..record.len()]);
        self.push(record);
    }
}

/// Records in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryRecords(VecDeque<u8>);

impl MemoryRecords {
    /// An empty ring, which grows as its queue allows.
    pub const fn new() -> Self {
        Self(VecDeque::new())
    }
}

impl Records for MemoryRecords {
    fn bytes(&self) -> usize {
        self.0.len()
    }

    fn push(&mut self, record: &[u8]) {
        self.0.extend(record);
    }

    fn pop(&mut self, record: &mut [u8]) -> bool {
        let size = record.len();
        if self.0.len() < size {
            return false;
        }
        for (place, byte) in record.iter_mut().zip(self.0.drain(..size)) {
            *place = byte;
        }
        true
    }
}

/// The records of one file, shared between the core's queue, which fills them, and the file.
#[derive(Clone)]
pub(crate) struct Fifo(Arc<Mutex<Box<dyn Records>>>);

impl Fifo {
    pub(crate) fn new(records: Box<dyn Records>) -> Self {
        Self(Arc::new(Mutex::new(records)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().bytes() == 0
    }

    fn count(&self, size: usize) -> usize {
        self.0.lock().bytes() / size
    }

    fn push(&self, record: &[u8]) {
        self.0.lock().push(record);
    }

    fn pop(&self, record: &mut [u8]) -> bool {
        self.0.lock().pop(record)
    }

    fn replace_oldest(&self, record: &[u8]) {
        self.0.lock().replace_oldest(record);
    }

    /// Reads records of `size` bytes to `addr`, as long as `step` bytes of `len` remain.
    ///
    /// A record that cannot be copied out is lost, and with it the count of those before it.
    // KERNEL: gpiolib-cdev.c linereq_read, lineinfo_watch_read (v6.12).
    pub(crate) fn read(&self, to: &mut Buffer<'_>, size: usize, step: u64) -> Outcome {
        let mut record = [0; size_of::<v2::LineInfoChanged>()];
        let record = &mut record[..size];
        let mut copied = 0;
        loop {
            if !self.pop(record) {
                return to.nothing_more(copied);
            }
            if to
                .caller
                .copy_out(to.addr.wrapping_add(copied), record)
                .is_err()
            {
                return Outcome::Fail(Errno::EFAULT);
            }
            copied += size as u64;
            if to.len - copied < step {
                return Outcome::Done(copied);
            }
        }
    }
}

impl fmt::Debug for Fifo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fifo")
            .field("bytes", &self.0.lock().bytes())
            .finish()
    }
}

/// Where a `read` puts what it finds.
pub(crate) struct Buffer<'a> {
    pub(crate) caller: &'a mut dyn Caller,
    pub(crate) addr: u64,
    pub(crate) len: u64,
    pub(crate) nonblock: bool,
}

impl Buffer<'_> {
    /// The answer of a read that found no (further) record after `copied` bytes.
    pub(crate) const fn nothing_more(&self, copied: u64) -> Outcome {
        match (copied, self.nonblock) {
            (0, true) => Outcome::Fail(Errno::EAGAIN),
            (0, false) => Outcome::Wait(Readiness::Readable),
            _ => Outcome::Done(copied),
        }
    }
}

/// Edges of a line request, as [`v2::LineEvent`].
pub(crate) struct LineEvents(pub(crate) Fifo);

impl Store<EdgeEvent> for LineEvents {
    fn unread(&mut self) -> usize {
        self.0.count(size_of::<v2::LineEvent>())
    }

    fn push(&mut self, event: EdgeEvent) {
        self.0.push(repr::v2::line_event(&event).as_bytes());
    }

    fn replace_oldest(&mut self, event: EdgeEvent) {
        self.0
            .replace_oldest(repr::v2::line_event(&event).as_bytes());
    }

    fn pop(&mut self) -> Option<EdgeEvent> {
        let mut raw = v2::LineEvent::new_zeroed();
        self.0.pop(raw.as_mut_bytes()).then(|| EdgeEvent {
            timestamp_ns: raw.timestamp_ns,
            edge: if raw.id == common::EDGE_RISING {
                Edge::Rising
            } else {
                Edge::Falling
            },
            offset: Offset::new(raw.offset),
            seqno: raw.seqno,
            line_seqno: raw.line_seqno,
        })
    }
}

/// Edges of a line event, as [`v1::EventDataV1`].
pub(crate) struct EventData(pub(crate) Fifo);

impl Store<EdgeEvent> for EventData {
    fn unread(&mut self) -> usize {
        self.0.count(size_of::<v1::EventDataV1>())
    }

    fn push(&mut self, event: EdgeEvent) {
        self.0.push(repr::v1::event_data(&event).as_bytes());
    }

    /// Nothing: a queue that drops the newest takes none out, and the file reads bytes.
    fn pop(&mut self) -> Option<EdgeEvent> {
        None
    }
}

/// Which ABI the watches of a chip file speak. Set by the first watch, never changed again.
#[derive(Debug, Default)]
pub(crate) struct Latch(AtomicU8);

/// One of the two ABIs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Abi {
    V1 = 1,
    V2 = 2,
}

impl Latch {
    /// Latches `abi`, unless the other one is latched.
    pub(crate) fn set(&self, abi: Abi) -> Result<(), Errno> {
        match self
            .0
            .compare_exchange(0, abi as u8, Ordering::AcqRel, Ordering::Acquire)
        {
            Err(other) if other != abi as u8 => Err(Errno::EPERM),
            _ => Ok(()),
        }
    }

    /// The ABI of records; v1 before any watch, as in Linux.
    pub(crate) fn get(&self) -> Abi {
        if self.0.load(Ordering::Acquire) == Abi::V2 as u8 {
            Abi::V2
        } else {
            Abi::V1
        }
    }
}

impl Abi {
    /// The size of an info change.
    pub(crate) const fn change_size(self) -> usize {
        match self {
            Self::V1 => size_of::<v1::LineInfoChangedV1>(),
            Self::V2 => size_of::<v2::LineInfoChanged>(),
        }
    }
}

/// Changes of watched lines, in the ABI of the watches.
///
/// A record is queued only for a watched line, so the ABI is latched by then.
pub(crate) struct Changes {
    pub(crate) fifo: Fifo,
    pub(crate) latch: Arc<Latch>,
}

impl Store<InfoChange> for Changes {
    fn unread(&mut self) -> usize {
        self.fifo.count(self.latch.get().change_size())
    }

    fn push(&mut self, change: InfoChange) {
        match self.latch.get() {
            Abi::V1 => self.fifo.push(repr::v1::info_changed(&change).as_bytes()),
            Abi::V2 => self.fifo.push(repr::v2::info_changed(&change).as_bytes()),
        }
    }

    /// Nothing: a queue that drops the newest takes none out, and the file reads bytes.
    fn pop(&mut self) -> Option<InfoChange> {
        None
    }
}
