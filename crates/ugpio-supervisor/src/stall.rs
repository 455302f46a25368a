//! Notices a thread that does not come back from a step that may take for ever.
//!
//! A thread joins a [`Watch`] with [`Watch::join`] and marks its steps with [`Joined::enter`]: the dispatcher makes each
//! call one step, since a copy of the program's memory, or a path that is looked up, may hang. The watch looks over
//! its threads and calls back once for each that stays inside longer than [`PATIENCE`]. It costs an idle run nothing:
//! when nobody entered for a while, the watching thread sleeps until someone does.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;

/// How long a step may take before another thread takes over.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);
/// How many looks in a row must see the same step before it counts as late.
const LOOKS: u64 = 2;

/// What one thread says about itself. Written by its owner only, but for the watcher's notes.
#[derive(Debug, Default)]
struct Slot {
    /// Counts borders of steps: odd inside a step.
    step: AtomicU64,
    /// The step that the watcher saw last, and how often in a row.
    seen: AtomicU64,
    looks: AtomicU64,
    /// Whether a step of this thread was ever late.
    was_late: AtomicBool,
}

#[derive(Debug, Default)]
struct Shared {
    slots: Mutex<Slots>,
    asleep: AtomicBool,
    watcher: OnceLock<Thread>,
}

/// The threads under a watch.
#[derive(Debug, Default)]
struct Slots {
    joined: Vec<Arc<Slot>>,
    /// How many steps those have made that left.
    past: u64,
}

/// Watches threads for steps that do not end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
}

impl Watch {
    /// Puts the calling thread under this watch until the result is dropped.
    #[must_use]
    pub(crate) fn join(&self) -> Joined {
        let slot = Arc::new(Slot::default());
        self.shared.slots().joined.push(Arc::clone(&slot));
        Joined {
            slot,
            shared: Arc::clone(&self.shared),
        }
    }

    /// How many steps were begun.
    #[must_use]
    pub(crate) fn steps(&self) -> u64 {
        let slots = self.shared.slots();
        slots
            .joined
            .iter()
            .map(|slot| slot.begun())
            .fold(slots.past, u64::wrapping_add)
    }

    /// Watches for ever, calling `stalled` once for each step that lasts longer than [`PATIENCE`].
    pub(crate) fn run(&self, mut stalled: impl FnMut()) -> ! {
        let _ = self.shared.watcher.set(std::thread::current());
        let mut seen = 0;
        loop {
            for _ in 0..self.shared.count_late() {
                stalled();
            }
            // Stays awake as long as calls keep coming, so that waking it is rare and not a part of each call.
            let steps = self.steps();
            if steps == seen && !self.shared.is_busy() {
                self.shared.sleep_until_entered();
            } else {
                std::thread::sleep(PATIENCE / 2);
            }
            seen = steps;
        }
    }
}

/// A thread's membership in a [`Watch`].
#[derive(Debug)]
pub(crate) struct Joined {
    slot: Arc<Slot>,
    shared: Arc<Shared>,
}

impl Joined {
    /// The thread is inside a step that may not end, until the result is dropped.
    pub(crate) fn enter(&self) -> Inside<'_> {
        // No barrier: the watcher looks again, much later, before it relies on having seen our step.
        self.slot.cross();
        if self.shared.asleep.load(Ordering::Acquire) {
            self.shared.wake();
        }
        Inside(&self.slot)
    }

    /// Whether a step of this thread has ever been reported as late.
    #[must_use]
    pub(crate) fn was_reported(&self) -> bool {
        self.slot.was_late.load(Ordering::Relaxed)
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        let mut slots = self.shared.slots();
        slots.joined.retain(|slot| !Arc::ptr_eq(slot, &self.slot));
        slots.past = slots.past.wrapping_add(self.slot.begun());
    }
}

/// A step under way.
#[derive(Debug)]
#[must_use]
pub(crate) struct Inside<'a>(&'a Slot);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.cross();
    }
}

impl Shared {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        if self.asleep.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.watcher.get()
        {
            thread.unpark();
        }
    }

    /// How many steps have become late since the last look.
    fn count_late(&self) -> usize {
        let slots = self.slots();
        slots.joined.iter().filter(|slot| slot.look()).count()
    }

    /// Whether a step is under way that was not reported yet.
    fn is_busy(&self) -> bool {
        let busy =
            |slot: &Arc<Slot>| slot.step.load(Ordering::SeqCst) % 2 == 1 && !slot.is_reported();
        self.slots().joined.iter().any(busy)
    }

    fn sleep_until_entered(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        // A thread that entered without seeing this did so before it became visible: by the next look,
        // its step is.
        std::thread::sleep(PATIENCE / 2);
        if !self.is_busy() {
            while self.asleep.load(Ordering::SeqCst) {
                std::thread::park();
            }
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Slot {
    /// The thread begins or ends a step. Only the slot's thread does.
    fn cross(&self) {
        let step = self.step.load(Ordering::Relaxed);
        self.step.store(step.wrapping_add(1), Ordering::Release);
    }

    /// How many steps were begun.
    fn begun(&self) -> u64 {
        self.step.load(Ordering::Relaxed).div_ceil(2)
    }

    /// One look of the watcher, every half [`PATIENCE`]. Whether the step became late with it: it was
    /// under way at this and the [`LOOKS`] looks before.
    fn look(&self) -> bool {
        let step = self.step.load(Ordering::SeqCst);
        if step.is_multiple_of(2) || self.seen.swap(step, Ordering::Relaxed) != step {
            self.looks.store(0, Ordering::Relaxed);
            return false;
        }
        let late = self.looks.fetch_add(1, Ordering::Relaxed) + 1 == LOOKS;
        if late {
            self.was_late.store(true, Ordering::Relaxed);
        }
        late
    }

    /// Whether the step under way was late and is known to be.
    fn is_reported(&self) -> bool {
        self.seen.load(Ordering::Relaxed) == self.step.load(Ordering::Relaxed)
            && self.looks.load(Ordering::Relaxed) >= LOOKS
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn reports_a_step_that_does_not_end_once_and_others_never() {
        let watch = Watch::default();
        let (report, reports) = mpsc::channel();
        let watcher = watch.clone();
        std::thread::spawn(move || watcher.run(|| report.send(()).unwrap()));
        let joined = watch.join();
        drop(joined.enter());
        let stuck = joined.enter();
        reports.recv().unwrap();
        drop(stuck);
        let again = joined.enter();
        reports.recv().unwrap();
        drop(again);
        assert!(reports.try_recv().is_err());
    }

    #[test]
    fn steps_are_counted_after_their_thread_has_left() {
        let watch = Watch::default();
        let (one, other) = (watch.join(), watch.join());
        drop(one.enter());
        let _inside = other.enter();
        assert_eq!(watch.steps(), 2);
        drop(one);
        assert_eq!(watch.steps(), 2);
    }
}
