//! Takes down what happens on the board of a run, without ever holding it up.
//!
//! The server [taps](Recorder::tap) every event it hands on; a thread of its own writes them. Between
//! the two is a queue of fixed length: when the disk is too slow, events are dropped, counted, and the
//! count stands in the trace where they are missing. `run` makes a [`Recorder`] and tells it to
//! [`Recorder::sync`] before the front may end.

mod sink;
mod target;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use gpiolib::Timestamp;

use self::sink::Sink;
pub(crate) use self::target::Target;
use crate::control::protocol::{ChipState, Event, Happened};

/// Events that wait for the writing thread before some are dropped: some 20 MB at the most.
const QUEUE: usize = 64 * 1024;

/// How late an event may arrive and still be put in its place, in nanoseconds.
const LATE_NS: u64 = 200_000_000;

/// How long what was written may stay in memory while nothing happens.
const IDLE: Duration = Duration::from_millis(100);

/// How long the end of a run waits for the disk, without anything being written.
const PATIENCE: Duration = Duration::from_secs(10);

/// The server's side of a recording.
#[derive(Debug)]
pub(crate) struct Recorder {
    to: SyncSender<Order>,
    /// Counts what the thread does when that takes long.
    progress: Arc<AtomicU64>,
    left_out: Cell<u64>,
    left_out_in_all: Cell<u64>,
}

/// A message to the thread.
#[derive(Debug)]
enum Order {
    Happened(Happened),
    Plugged(u64, ChipState),
    Sync(u64, SyncSender<Synced>),
}

impl Order {
    fn at_ns(&self) -> u64 {
        match self {
            Order::Happened(happened) => happened.at_ns,
            Order::Plugged(at_ns, _) | Order::Sync(at_ns, _) => *at_ns,
        }
    }
}

/// What a recording has come to.
#[derive(Debug, Default)]
pub(crate) struct Synced {
    /// The dump, if it is one in memory.
    pub(crate) memory: Option<Vec<u8>>,
    /// What went wrong, each with the file's name.
    pub(crate) trouble: Vec<String>,
    /// Changes that are missing.
    pub(crate) lost: u64,
}

impl Recorder {
    /// Starts to record the run that starts now with these chips.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(
        targets: Vec<Target>,
        chips: &[ChipState],
        start: Timestamp,
    ) -> io::Result<Recorder> {
        let (to, orders) = sync_channel(QUEUE);
        let progress = Arc::new(AtomicU64::new(0));
        let sinks = targets
            .into_iter()
            .map(|target| Sink::new(target, chips, start, &progress))
            .collect();
        thread::Builder::new()
            .name("trace".into())
            .spawn(move || write_all(&orders, sinks))?;
        Ok(Recorder {
            to,
            progress,
            left_out: Cell::new(0),
            left_out_in_all: Cell::new(0),
        })
    }

    /// Takes down an event. `chip` is what was plugged in, if that is what has happened. Never blocks.
    pub(crate) fn tap(&self, happened: &Happened, chip: Option<ChipState>) {
        let at_ns = happened.at_ns;
        if let Event::Lost { count } = happened.event {
            self.left_out_in_all.set(self.left_out_in_all.get() + count);
        }
        let missing = self.left_out.get();
        if missing > 0 {
            let event = Event::Lost { count: missing };
            if self
                .to
                .try_send(Order::Happened(Happened { at_ns, event }))
                .is_ok()
            {
                self.left_out.set(0);
            }
        }
        let order = match chip {
            Some(chip) => Order::Plugged(at_ns, chip),
            None => Order::Happened(happened.clone()),
        };
        // A thread that is gone has failed, and will be found out.
        if let Err(TrySendError::Full(_)) = self.to.try_send(order) {
            self.left_out.set(self.left_out.get() + 1);
            self.left_out_in_all.set(self.left_out_in_all.get() + 1);
        }
    }

    /// Waits until all that was tapped until `now` is written, or the disk has had its chance.
    pub(crate) fn sync(&self, now: Timestamp) -> Synced {
        let (done, synced) = sync_channel(1);
        let late = || Synced {
            trouble: vec!["the trace is not written yet, the disk is too slow".to_owned()],
            ..Synced::default()
        };
        let result = match self.to.send(Order::Sync(now.monotonic_ns, done)) {
            Ok(()) => self.wait_for(&synced).unwrap_or_else(late),
            Err(_) => late(),
        };
        let lost = self.left_out_in_all.get();
        Synced { lost, ..result }
    }

    /// Waits as long as something is done.
    fn wait_for(&self, synced: &Receiver<Synced>) -> Option<Synced> {
        loop {
            let before = self.progress.load(Ordering::Relaxed);
            match synced.recv_timeout(PATIENCE) {
                Ok(synced) => return Some(synced),
                Err(RecvTimeoutError::Timeout)
                    if self.progress.load(Ordering::Relaxed) != before => {}
                Err(_) => return None,
            }
        }
    }
}

/// Events in the order of their moments. On a busy machine due changes come late, after events that have
/// happened since; in a recording it stands where it belongs, if it is not too late for that.
#[derive(Debug, Default)]
struct Sorted {
    /// By moment, and the order in which they came.
    waiting: BTreeMap<(u64, u64), Order>,
    came: u64,
    latest_ns: u64,
}

impl Sorted {
    fn put(&mut self, at_ns: u64, order: Order) {
        self.latest_ns = self.latest_ns.max(at_ns);
        self.waiting.insert((at_ns, self.came), order);
        self.came += 1;
    }

    /// What nothing can come before any more; with `all`, everything.
    fn take(&mut self, all: bool) -> Option<Order> {
        let ((at_ns, _), _) = self.waiting.first_key_value()?;
        let is_old = at_ns.saturating_add(LATE_NS) <= self.latest_ns;
        let is_ripe = all || is_old || self.waiting.len() > QUEUE;
        is_ripe
            .then(|| self.waiting.pop_first())?
            .map(|(_, order)| order)
    }
}

/// The thread: writes until the recorder is dropped.
fn write_all(orders: &Receiver<Order>, mut sinks: Vec<Sink>) {
    let mut is_flushed = false;
    let mut sorted = Sorted::default();
    loop {
        match orders.recv_timeout(IDLE) {
            Ok(Order::Sync(at_ns, done)) => {
                write(&mut sorted, &mut sinks, true);
                let mut synced = Synced::default();
                sinks.iter_mut().for_each(|sink| sink.until(at_ns));
                sinks.iter_mut().for_each(|sink| sink.sync(&mut synced));
                // Who does not wait any more needs no answer.
                let _ = done.send(synced);
            }
            Ok(order) => {
                if let Order::Happened(happened) = &order {
                    sinks.iter_mut().for_each(|sink| sink.explain(happened));
                }
                sorted.put(order.at_ns(), order);
                write(&mut sorted, &mut sinks, false);
            }
            Err(RecvTimeoutError::Timeout) if is_flushed => continue,
            Err(RecvTimeoutError::Timeout) => {
                write(&mut sorted, &mut sinks, true);
                sinks.iter_mut().for_each(Sink::flush);
                is_flushed = true;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => {
                write(&mut sorted, &mut sinks, true);
                let mut synced = Synced::default();
                return sinks.iter_mut().for_each(|sink| sink.sync(&mut synced));
            }
        }
        is_flushed = false;
    }
}

/// Writes what is ripe, or everything.
fn write(sorted: &mut Sorted, sinks: &mut [Sink], all: bool) {
    while let Some(order) = sorted.take(all) {
        match order {
            Order::Happened(happened) => sinks.iter_mut().for_each(|sink| sink.event(&happened)),
            Order::Plugged(at_ns, chip) => {
                sinks.iter_mut().for_each(|sink| sink.plug(at_ns, &chip));
            }
            Order::Sync(..) => {}
        }
    }
}

#[cfg(test)]
mod tests;
