//! Changes of simulated lines, for watchers outside the program.
//!
//! [`Changes`] is a bounded queue that any number of [`Sim`](crate::Sim)s and the [`Nets`](crate::net::Nets)
//! between them write to. Levels, pulls, faults, the info changes of the core and the reports of the nets
//! all go through it, each put in under the lock under which it happens: so one reader sees them in one
//! order, and it is the one in which they happened.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::task::Wake;
use core::fmt;
use core::task::Waker;

use gpiolib::engine::Store;
use gpiolib::{InfoChange, Level, Offset};
use revocable::sync::Mutex;

use crate::fault::Fired;
use crate::net::Report;

/// One thing that happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// To a line.
    Line(LineChange),
    /// To a net, or to a part at one.
    Nets {
        /// When, on the monotonic clock, in nanoseconds.
        at_ns: u64,
        /// What.
        report: Report,
    },
}

/// One thing that happened to a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LineChange {
    /// The tag under which the chip is watched.
    pub tag: u64,
    /// When: the registry's time then, on the monotonic clock, in nanoseconds.
    pub at_ns: u64,
    /// The line it happened to.
    pub offset: Offset,
    /// What it was.
    pub what: What,
}

/// What happened to a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum What {
    /// It has another level.
    Level(Level),
    /// It is pulled elsewhere.
    Pull(Level),
    /// It was requested, released or configured.
    Info(InfoChange),
    /// Something went wrong with it.
    Fault(Fired),
}

/// A queue of changes. Cheap to clone; all clones are the same queue.
#[derive(Clone)]
pub struct Changes(Arc<Shared>);

struct Shared {
    inner: Mutex<Inner>,
    waker: Mutex<Option<Waker>>,
}

struct Inner {
    queue: VecDeque<Change>,
    capacity: usize,
    lost: u64,
}

impl Changes {
    /// An empty queue. What does not fit is counted and left out.
    #[must_use]
    pub fn new(capacity: usize) -> Changes {
        let inner = Inner {
            queue: VecDeque::new(),
            capacity,
            lost: 0,
        };
        Changes(Arc::new(Shared {
            inner: Mutex::new(inner),
            waker: Mutex::new(None),
        }))
    }

    /// Takes the oldest change.
    #[must_use]
    pub fn pop(&self) -> Option<Change> {
        self.0.inner.lock().queue.pop_front()
    }

    /// Takes the number of changes that were left out since it was last taken.
    #[must_use]
    pub fn take_lost(&self) -> u64 {
        core::mem::take(&mut self.0.inner.lock().lost)
    }

    /// Sets the waker to call after a change was added or dropped.
    pub fn set_waker(&self, waker: Waker) {
        *self.0.waker.lock() = Some(waker);
    }

    /// Notes a change. May be called with a lock held; [`Changes::wake`] may not.
    pub(crate) fn push(&self, change: Change) {
        let mut inner = self.0.inner.lock();
        if inner.queue.len() < inner.capacity {
            inner.queue.push_back(change);
        } else {
            inner.lost = inner.lost.saturating_add(1);
        }
    }

    /// Wakes the reader. Not to be called with a lock held that the reader takes.
    pub fn wake(&self) {
        self.0.wake_by_ref();
    }

    /// A waker that wakes the reader of this queue.
    pub(crate) fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    /// A place where the core's info changes are put into this queue.
    pub(crate) fn info_store(&self, tag: u64) -> Box<dyn Store<InfoChange>> {
        Box::new(InfoStore {
            changes: self.clone(),
            tag,
        })
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waker = self.waker.lock().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.0.inner.lock();
        f.debug_struct("Changes")
            .field("len", &inner.queue.len())
            .field("lost", &inner.lost)
            .finish_non_exhaustive()
    }
}

/// Hands what the core stores on to the queue, and so never holds anything itself.
struct InfoStore {
    changes: Changes,
    tag: u64,
}

impl Store<InfoChange> for InfoStore {
    fn unread(&mut self) -> usize {
        0
    }

    fn push(&mut self, record: InfoChange) {
        let offset = record.info.offset;
        self.changes.push(Change::Line(LineChange {
            tag: self.tag,
            at_ns: record.timestamp_ns,
            offset,
            what: What::Info(record),
        }));
    }

    fn pop(&mut self) -> Option<InfoChange> {
        None
    }
}
