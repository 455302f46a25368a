//! What is publicly known of a line, and how changes of it are told.
//!
//! [`LineInfo`] is a snapshot; an [`InfoQueue`] receives an [`InfoChange`] for every watched line
//! that is requested, released or reconfigured. One queue serves one open chip file.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::task::Waker;

use crate::engine::{Overflow, Ring, Store};
use crate::sync::{Arc, IrqLock, Weak};
use crate::{Error, Label, LineConfig, Name, Offset, Result};

/// The public state of one line at one moment. Never contains the value.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::{Direction, Offset};
///
/// let sim = Sim::simple(1)?;
/// let info = sim.device().line(Offset::new(0)).expect("it has one").info();
/// assert!(!info.used && info.consumer.is_none());
/// assert_eq!(info.config.direction, Some(Direction::Input));
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LineInfo {
    /// Which line.
    pub offset: Offset,
    /// Its name, if the provider gave one.
    pub name: Option<Name>,
    /// Who holds it; only while it is requested.
    pub consumer: Option<Label>,
    /// Requested, hogged, used as an interrupt, or not valid.
    pub used: bool,
    /// Its settings; the direction is always known.
    pub config: LineConfig,
    /// The debounce period in microseconds, 0 for none.
    pub debounce_us: u32,
}

/// What happened to a line.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::engine::DescExt;
/// use gpiolib::{InfoChangeKind, InfoQueue, Offset};
///
/// let sim = Sim::simple(1)?;
/// let changes = InfoQueue::new(InfoQueue::CAPACITY);
/// changes.watch(Offset::new(0))?;
/// sim.device().attach(&changes);
/// let line = sim.device().line(Offset::new(0)).expect("it has one").request("led")?;
/// line.announce(InfoChangeKind::Requested);
/// drop(line);
/// let kinds = [changes.pop(), changes.pop()].map(|change| change.map(|change| change.kind));
/// assert_eq!(kinds, [Some(InfoChangeKind::Requested), Some(InfoChangeKind::Released)]);
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum InfoChangeKind {
    /// It was requested (1).
    Requested,
    /// Its request ended (2).
    Released,
    /// It was reconfigured (3).
    Reconfigured,
}

/// One change of a line, with the state after it.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::engine::DescExt;
/// use gpiolib::{InfoChangeKind, InfoQueue, Offset};
///
/// let sim = Sim::simple(1)?;
/// let changes = InfoQueue::new(InfoQueue::CAPACITY);
/// changes.watch(Offset::new(0))?;
/// sim.device().attach(&changes);
/// let line = sim.device().line(Offset::new(0)).expect("it has one").request("led")?;
/// line.announce(InfoChangeKind::Requested);
/// let change = changes.pop().expect("it was announced");
/// assert_eq!(change.kind, InfoChangeKind::Requested);
/// assert_eq!(change.info.consumer, Some("led".into()));
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct InfoChange {
    /// What happened.
    pub kind: InfoChangeKind,
    /// The line after it.
    pub info: LineInfo,
    /// When, on the monotonic clock, in nanoseconds.
    pub timestamp_ns: u64,
}

/// A bounded queue of changes of the watched lines of one device. All clones are the same queue.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::engine::DescExt;
/// use gpiolib::{InfoChangeKind, InfoQueue, Offset};
///
/// let sim = Sim::simple(2)?;
/// let changes = InfoQueue::new(InfoQueue::CAPACITY);
/// sim.device().attach(&changes);
/// changes.watch(Offset::new(1))?;
///
/// let line = sim.device().line(Offset::new(1)).expect("it has two lines");
/// let desc = line.request("led")?;
/// desc.announce(InfoChangeKind::Requested); // by whoever has configured it
/// drop(desc);
/// let kinds: Vec<_> = std::iter::from_fn(|| changes.pop()).map(|change| change.kind).collect();
/// assert_eq!(kinds, [InfoChangeKind::Requested, InfoChangeKind::Released]);
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone)]
pub struct InfoQueue(Arc<Shared>);

struct Shared {
    inner: IrqLock<Inner>,
    waker: IrqLock<Option<Waker>>,
}

struct Inner {
    store: Box<dyn Store<InfoChange>>,
    capacity: usize,
    /// One bit per line.
    watched: Vec<u64>,
}

impl InfoQueue {
    /// How many changes an open chip file keeps.
    // KERNEL: gpiolib-cdev.c: lineinfo FIFO of 32 records (v6.12).
    pub const CAPACITY: usize = 32;

    /// An empty queue of at most `capacity` changes, watching nothing. The newest is dropped when it is
    /// full.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::with_store(capacity, Box::new(Ring::new()))
    }

    /// The same over a store of an engine's own.
    #[must_use]
    pub fn with_store(capacity: usize, store: Box<dyn Store<InfoChange>>) -> Self {
        let inner = Inner {
            store,
            capacity,
            watched: Vec::new(),
        };
        Self(Arc::new(Shared {
            inner: IrqLock::new(inner),
            waker: IrqLock::new(None),
        }))
    }

    /// Starts watching a line.
    ///
    /// # Errors
    /// [`Error::Busy`] if it is watched already.
    pub fn watch(&self, offset: Offset) -> Result<()> {
        let (word, bit) = place(offset);
        let mut inner = self.0.inner.lock();
        if inner.watched.len() <= word {
            inner.watched.resize(word + 1, 0);
        }
        match inner.watched.get_mut(word) {
            Some(word) if *word & bit == 0 => *word |= bit,
            _ => return Err(Error::Busy),
        }
        Ok(())
    }

    /// Stops watching a line; records already queued stay.
    ///
    /// # Errors
    /// [`Error::Busy`] if it is not watched, as the uAPI has it.
    pub fn unwatch(&self, offset: Offset) -> Result<()> {
        let (word, bit) = place(offset);
        match self.0.inner.lock().watched.get_mut(word) {
            Some(word) if *word & bit != 0 => *word &= !bit,
            _ => return Err(Error::Busy),
        }
        Ok(())
    }

    /// Whether a line is watched.
    #[must_use]
    pub fn is_watched(&self, offset: Offset) -> bool {
        let (word, bit) = place(offset);
        self.0
            .inner
            .lock()
            .watched
            .get(word)
            .is_some_and(|word| word & bit != 0)
    }

    /// How many changes wait to be read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.inner.lock().store.unread()
    }

    /// Whether no change waits to be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the oldest change.
    #[must_use]
    pub fn pop(&self) -> Option<InfoChange> {
        self.0.inner.lock().store.pop()
    }

    /// Sets who is woken when a change was queued or the device is gone.
    pub fn set_waker(&self, waker: Waker) {
        *self.0.waker.lock() = Some(waker);
    }

    pub(crate) fn downgrade(&self) -> WeakInfoQueue {
        WeakInfoQueue(Arc::downgrade(&self.0))
    }
}

impl fmt::Debug for InfoQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfoQueue")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// The device's side of a queue: does not keep it alive.
#[derive(Clone)]
pub(crate) struct WeakInfoQueue(Weak<Shared>);

impl WeakInfoQueue {
    pub(crate) fn is_dead(&self) -> bool {
        self.0.strong_count() == 0
    }

    /// Queues a change if its line is watched.
    pub(crate) fn notify(&self, change: &InfoChange) {
        let Some(shared) = self.0.upgrade() else {
            return;
        };
        let (word, bit) = place(change.info.offset);
        let wake = {
            let mut inner = shared.inner.lock();
            let inner = &mut *inner;
            inner.watched.get(word).is_some_and(|word| word & bit != 0)
                && Overflow::DropNewest.store(&mut *inner.store, inner.capacity, change.clone())
        };
        if wake {
            shared.wake();
        }
    }

    pub(crate) fn hang_up(&self) {
        if let Some(shared) = self.0.upgrade() {
            shared.wake();
        }
    }
}

impl Shared {
    fn wake(&self) {
        let waker = self.waker.lock().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

const fn place(offset: Offset) -> (usize, u64) {
    (offset.index() / 64, 1 << (offset.get() % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(offset: u32) -> InfoChange {
        let offset = Offset::new(offset);
        let config = LineConfig::default();
        let info = LineInfo {
            offset,
            name: None,
            consumer: None,
            used: false,
            config,
            debounce_us: 0,
        };
        InfoChange {
            kind: InfoChangeKind::Released,
            info,
            timestamp_ns: 0,
        }
    }

    #[test]
    fn only_watched_lines_are_told_and_the_newest_is_dropped() {
        let queue = InfoQueue::new(2);
        queue.watch(Offset::new(70)).unwrap();
        assert_eq!(queue.watch(Offset::new(70)), Err(Error::Busy));
        for offset in [1, 70, 70, 70] {
            queue.downgrade().notify(&change(offset));
        }
        assert_eq!(queue.len(), 2);
        queue.unwatch(Offset::new(70)).unwrap();
        assert_eq!(queue.unwatch(Offset::new(70)), Err(Error::Busy));
        assert_eq!(queue.unwatch(Offset::new(7_000)), Err(Error::Busy));
        assert_eq!(
            queue.pop().map(|change| change.info.offset),
            Some(Offset::new(70)),
            "queued records stay"
        );
    }
}
