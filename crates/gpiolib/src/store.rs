//! Where queued records lie.
//!
//! A queue of the core keeps the rule (capacity, what to drop, numbers); the records themselves lie
//! in a [`Store`]. [`Ring`] keeps them in memory; the supervisor keeps them in the pipe that the
//! program reads, so that there is one queue and not two.

use alloc::collections::VecDeque;
use core::fmt;

/// A first-in first-out store of records.
///
/// ```
/// use gpiolib::engine::{Ring, Store};
///
/// let mut ring = Ring::new();
/// ring.push(1);
/// ring.push(2);
/// ring.replace_oldest(3);
/// assert_eq!((ring.pop(), ring.unread()), (Some(2), 1));
/// ```
pub trait Store<T>: Send {
    /// How many records wait to be read.
    fn unread(&mut self) -> usize;

    /// Adds a record at the end.
    fn push(&mut self, record: T);

    /// Takes the oldest record.
    fn pop(&mut self) -> Option<T>;

    /// Gives up the oldest record and adds one at the end, of which no reader is to be told.
    fn replace_oldest(&mut self, record: T) {
        self.pop();
        self.push(record);
    }
}

/// Records in memory.
///
/// ```
/// use gpiolib::InfoQueue;
/// use gpiolib::engine::Ring;
///
/// let changes = InfoQueue::with_store(InfoQueue::CAPACITY, Box::new(Ring::new()));
/// assert!(changes.is_empty());
/// ```
#[derive(Clone)]
pub struct Ring<T>(VecDeque<T>);

impl<T> Ring<T> {
    /// An empty ring; grows to what its queue lets in.
    #[must_use]
    pub const fn new() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Default for Ring<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ring").field(&self.0.len()).finish()
    }
}

impl<T: Send> Store<T> for Ring<T> {
    fn unread(&mut self) -> usize {
        self.0.len()
    }

    fn push(&mut self, record: T) {
        self.0.push_back(record);
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop_front()
    }
}

/// Which record a full queue gives up.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::engine::{DescExt, EdgeQueue, Overflow, Ring};
/// use gpiolib::{Edge, Edges, Level, LineConfig, Offset, Timestamp};
///
/// let sim = Sim::simple(1)?;
/// let line = sim.device().line(Offset::new(0)).expect("it has one").request("door")?;
/// line.direction_input()?;
/// let events = EdgeQueue::new(&[line.offset()], 1, Overflow::DropNewest, Box::new(Ring::new()));
/// events.configure(0, &LineConfig { edges: Edges::BOTH, ..line.config() });
/// line.arm(&events, 0, Edges::BOTH)?;
/// sim.set_pull(line.offset(), Level::High, Timestamp::at(1))?;
/// sim.set_pull(line.offset(), Level::Low, Timestamp::at(2))?;
/// assert_eq!(events.pop().map(|event| event.edge), Some(Edge::Rising), "the second had no room");
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Overflow {
    /// The oldest one makes room; nobody is woken.
    DropOldest,
    /// The new one is not stored.
    DropNewest,
}

impl Overflow {
    /// Stores `record` in a queue of at most `capacity`. Answers whether a reader is to be woken.
    // KERNEL: gpiolib-cdev.c linereq_put_event (v6.12) drops the oldest and does not wake;
    // lineevent_irq_thread and lineinfo_changed_notify drop the newest.
    pub(crate) fn store<T>(self, store: &mut dyn Store<T>, capacity: usize, record: T) -> bool {
        if store.unread() < capacity {
            store.push(record);
            return true;
        }
        if self == Self::DropOldest {
            store.replace_oldest(record);
        }
        false
    }
}
