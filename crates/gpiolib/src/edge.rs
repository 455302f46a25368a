//! Edges on their way from a chip to a reader.
//!
//! A driver reports to the [`EdgeSink`] of the armed line; the core finds the request that holds the
//! line and puts the edge into its [`EdgeQueue`], which filters by the edges asked for, debounces,
//! numbers and stores. Whoever serves the request takes [`EdgeEvent`]s out, and calls
//! [`EdgeQueue::expire`] when [`EdgeQueue::next_deadline_ns`] has come.

pub(crate) mod arm;
mod subscription;
#[cfg(test)]
mod tests;
mod wait;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::task::Waker;

pub use self::subscription::Subscription;
use self::wait::Readers;
use crate::debounce::Debounce;
use crate::device::WeakDevice;
use crate::engine::{Overflow, Store};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, IrqLock};
use crate::{Edge, Edges, EventClock, Level, LineConfig, Offset, Timestamp};

/// Where a chip reports the edges of one armed line ([`crate::Chip::arm`]). Does not keep the device
/// alive; reports of a line that is no longer armed are dropped.
///
/// It can be called from any thread, and without `std` from an interrupt handler: it takes the core's
/// locks for the time of a few moves, and calls wakers and a queue's store, never the chip.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use gpiolib::{Chip, ChipConfig, EdgeSink, Edges, Level, Offset, Registry, Result, Timestamp};
///
/// #[derive(Clone, Default)]
/// struct Button(Arc<Mutex<Option<EdgeSink>>>);
/// impl Chip for Button {
///     fn get(&self, _: Offset) -> Result<Level> { Ok(Level::Low) }
///     fn arm(&self, _: Offset, _: Edges, sink: EdgeSink) -> Result<()> {
///         *self.0.lock().unwrap() = Some(sink);
///         Ok(())
///     }
/// }
///
/// let button = Button::default();
/// let chip = Registry::new().register(&ChipConfig::new("button", 1), button.clone())?;
/// let line = chip.device().line(Offset::new(0)).expect("it has one").request("door")?;
/// line.direction_input()?;
/// let events = line.subscribe(Edges::BOTH, 16)?;
/// let sink = button.0.lock().unwrap().take().expect("it is armed");
/// sink.edge(Level::High, Timestamp::at(1_000));
/// assert_eq!(events.pop().map(|event| event.timestamp_ns), Some(1_000));
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct EdgeSink {
    device: WeakDevice,
    offset: Offset,
}

impl EdgeSink {
    pub(crate) const fn new(device: WeakDevice, offset: Offset) -> Self {
        Self { device, offset }
    }

    /// Reports that the line changed to `level`, at the instant `at`. Call it with no lock of the chip
    /// held; an edge that no subscriber asked for is dropped.
    pub fn edge(&self, level: Level, at: Timestamp) {
        self.device.edge(self.offset, level, at);
    }

    /// The line reports no more: its chip is gone.
    pub(crate) fn end(&self) {
        self.device.end(self.offset);
    }

    /// The line it is for.
    #[must_use]
    pub const fn offset(&self) -> Offset {
        self.offset
    }
}

/// One reported edge of one line.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::{Edge, EdgeEvent, Edges, Level, Offset, Timestamp};
///
/// let sim = Sim::simple(1)?;
/// let line = sim.device().line(Offset::new(0)).expect("it has one").request("door")?;
/// line.direction_input()?;
/// let events = line.subscribe(Edges::BOTH, 16)?;
/// sim.set_pull(Offset::new(0), Level::High, Timestamp::at(1_000))?;
/// let expected = EdgeEvent {
///     timestamp_ns: 1_000,
///     edge: Edge::Rising,
///     offset: Offset::new(0),
///     seqno: 1,
///     line_seqno: 1,
/// };
/// assert_eq!(events.pop(), Some(expected));
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EdgeEvent {
    /// When, in nanoseconds of the clock the line was configured for.
    pub timestamp_ns: u64,
    /// Which edge, logically.
    pub edge: Edge,
    /// Which line.
    pub offset: Offset,
    /// Number among the events of the request, from 1; wraps.
    pub seqno: u32,
    /// Number among the events of the line, from 1; wraps.
    pub line_seqno: u32,
}

/// The bounded event queue of one request, of one line or several. All clones are the same queue. The
/// module's page shows one at work; consumers of single lines have [`crate::Subscription`].
#[derive(Clone)]
pub struct EdgeQueue(Arc<Shared>);

struct Shared {
    inner: IrqLock<Inner>,
    /// Whether a line was ever debounced: nearly no request has one, and then no timer is looked for.
    debounces: AtomicBool,
    readers: IrqLock<Readers>,
    timer: IrqLock<Option<Waker>>,
}

struct Inner {
    store: Box<dyn Store<EdgeEvent>>,
    /// [`EdgeQueue::close`] was called.
    closed: bool,
    capacity: usize,
    overflow: Overflow,
    /// Events that were dropped because the queue was full.
    lost: u64,
    seqno: u32,
    lines: Vec<Detector>,
}

/// What is detected on one line of the request.
#[derive(Debug)]
struct Detector {
    offset: Offset,
    edges: Edges,
    active_low: bool,
    clock: EventClock,
    line_seqno: u32,
    debounce: Option<Debounce>,
    /// The line will never report again: its request has ended, or its chip is gone.
    ended: bool,
}

impl EdgeQueue {
    /// An empty queue for a request of these lines, in request order.
    #[must_use]
    pub fn new(
        lines: &[Offset],
        capacity: usize,
        overflow: Overflow,
        store: Box<dyn Store<EdgeEvent>>,
    ) -> Self {
        let detector = |offset: &Offset| Detector {
            offset: *offset,
            edges: Edges::NONE,
            active_low: false,
            clock: EventClock::Monotonic,
            line_seqno: 0,
            debounce: None,
            ended: false,
        };
        let lines = lines.iter().map(detector).collect();
        let inner = Inner {
            store,
            closed: false,
            capacity,
            overflow,
            lost: 0,
            seqno: 0,
            lines,
        };
        Self(Arc::new(Shared {
            inner: IrqLock::new(inner),
            debounces: AtomicBool::new(false),
            readers: IrqLock::default(),
            timer: IrqLock::new(None),
        }))
    }

    /// Takes over edges, polarity and clock of the line at `index` of the request.
    pub fn configure(&self, index: usize, config: &LineConfig) {
        self.with_line(index, |line| {
            line.edges = config.edges;
            line.active_low = config.active_low;
            line.clock = config.clock;
        });
    }

    /// Debounces a line from now on, starting from the level it has.
    pub fn start_debounce(&self, index: usize, period_us: u32, level: Level) {
        self.0.debounces.store(true, Ordering::Relaxed);
        self.with_line(index, |line| {
            line.debounce = Some(Debounce::new(period_us, level))
        });
    }

    /// Replaces the period of a debounced line; a pending timer keeps its expiry.
    pub fn set_debounce_period(&self, index: usize, period_us: u32) {
        self.with_line(index, |line| {
            if let Some(debounce) = &mut line.debounce {
                debounce.set_period_us(period_us);
            }
        });
    }

    /// Stops debouncing a line; a pending change is lost.
    pub fn stop_debounce(&self, index: usize) {
        self.with_line(index, |line| line.debounce = None);
    }

    /// The debounced level of a line, if it is debounced here.
    #[must_use]
    pub fn debounced_level(&self, index: usize) -> Option<Level> {
        self.with_line(index, |line| line.debounce.map(|debounce| debounce.level()))
            .flatten()
    }

    fn with_line<R>(&self, index: usize, change: impl FnOnce(&mut Detector) -> R) -> Option<R> {
        self.0.inner.lock().lines.get_mut(index).map(change)
    }

    /// A line of the request changed to `level`: called by the core.
    pub(crate) fn edge(&self, index: usize, level: Level, now: Timestamp) {
        let (stored, timer) = self.0.inner.lock().edge(index, level, now);
        if stored {
            self.wake();
        }
        if timer {
            wake(&self.0.timer);
        }
    }

    /// When [`EdgeQueue::expire`] has something to do next, on the monotonic clock.
    #[must_use]
    pub fn next_deadline_ns(&self) -> Option<u64> {
        if !self.0.debounces.load(Ordering::Relaxed) {
            return None;
        }
        self.0
            .inner
            .lock()
            .lines
            .iter()
            .filter_map(|line| line.debounce?.deadline_ns())
            .min()
    }

    /// Lets the debounce timers that are due expire, in their order; their events are stamped with the deadlines,
    /// however late this is called. `level_of(index)` reads the electrical level
    /// of a line, `None` if it cannot be read; it is called without a lock held.
    pub fn expire(&self, now: Timestamp, mut level_of: impl FnMut(usize) -> Option<Level>) {
        if !self.0.debounces.load(Ordering::Relaxed) {
            return;
        }
        loop {
            // The earliest first: numbers follow time.
            let due = {
                let inner = self.0.inner.lock();
                let deadline = |line: &Detector| line.debounce?.deadline_ns();
                let due = inner.lines.iter().map(deadline).enumerate();
                let due = due.filter_map(|(index, at)| Some((at?, index)));
                due.filter(|(at, _)| *at <= now.monotonic_ns).min()
            };
            let Some((_, index)) = due else { return };
            let level = level_of(index);
            let stored = self.0.inner.lock().expire(index, level, now);
            if stored {
                self.wake();
            }
        }
    }

    /// How many events wait to be read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.inner.lock().store.unread()
    }

    /// Whether no event waits to be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many events were dropped because nobody read in time.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.0.inner.lock().lost
    }

    /// Takes the oldest event.
    #[must_use]
    pub fn pop(&self) -> Option<EdgeEvent> {
        self.0.inner.lock().store.pop()
    }

    /// Sets who is woken when a debounce timer was started: [`EdgeQueue::next_deadline_ns`] then
    /// has an answer. A timer that is started anew moves later and wakes nobody.
    pub fn set_timer_waker(&self, waker: Waker) {
        *self.0.timer.lock() = Some(waker);
    }
}

impl fmt::Debug for EdgeQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeQueue")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Takes an edge in. Answers whether an event was stored, and whether a timer was started.
    fn edge(&mut self, index: usize, level: Level, now: Timestamp) -> (bool, bool) {
        let pending = match self.lines.get(index).map(|line| line.debounce) {
            Some(Some(debounce)) => debounce.deadline_ns(),
            _ => return (self.emit(index, level, now), false),
        };
        // A timer that was due before this edge expires first, at the level of that time.
        let late = pending.filter(|at| *at <= now.monotonic_ns);
        let stored = late.is_some_and(|at| self.expire(index, Some(!level), now.moved_to(at)));
        if let Some(debounce) = self
            .lines
            .get_mut(index)
            .and_then(|line| line.debounce.as_mut())
        {
            debounce.edge(now.monotonic_ns);
        }
        (stored, pending.is_none())
    }

    fn expire(&mut self, index: usize, level: Option<Level>, now: Timestamp) -> bool {
        let line = self.lines.get_mut(index);
        let Some(debounce) = line.and_then(|line| line.debounce.as_mut()) else {
            return false;
        };
        // DIFFERS: Linux stamps with the time at which its worker comes to it.
        let at = debounce.deadline_ns().unwrap_or(now.monotonic_ns);
        let changed = debounce.expire(now.monotonic_ns, level);
        changed.is_some_and(|level| self.emit(index, level, now.moved_to(at)))
    }

    /// Numbers and stores the event that a change to `level` is, if it is asked for.
    // KERNEL: gpiolib-cdev.c edge_irq_thread, debounce_work_func (v6.12): filtered events consume
    // no number, overflowed ones do.
    fn emit(&mut self, index: usize, level: Level, now: Timestamp) -> bool {
        let Some(line) = self.lines.get_mut(index).filter(|_| !self.closed) else {
            return false;
        };
        let edge = if level.value(line.active_low).is_active() {
            Edge::Rising
        } else {
            Edge::Falling
        };
        if !line.edges.contains(edge) {
            return false;
        }
        self.seqno = self.seqno.wrapping_add(1);
        line.line_seqno = line.line_seqno.wrapping_add(1);
        let timestamp_ns = match line.clock {
            EventClock::Realtime => now.realtime_ns,
            EventClock::Monotonic | EventClock::Hte => now.monotonic_ns,
        };
        let event = EdgeEvent {
            timestamp_ns,
            edge,
            offset: line.offset,
            seqno: self.seqno,
            line_seqno: line.line_seqno,
        };
        let stored = self.overflow.store(&mut *self.store, self.capacity, event);
        // Whichever was given up, one is missing.
        self.lost += u64::from(!stored);
        stored
    }
}

/// Wakes whoever is registered, with no lock held.
fn wake(waker: &IrqLock<Option<Waker>>) {
    let waker = waker.lock().clone();
    if let Some(waker) = waker {
        waker.wake();
    }
}
