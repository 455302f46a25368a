//! Notices a thread that does not come back from a step that may take for ever.
//!
//! [`enter`] marks the calling thread as inside such a step until the guard is dropped: remote memory copies do it,
//! and whoever opens a path that may hang should. A [`Watch`] looks over the dispatcher threads that joined it with
//! [`Watch::join`] and calls back once for each that stays inside longer than [`PATIENCE`]. It costs an idle run
//! nothing: when nobody entered for a while, the watching thread sleeps until someone does.

use core::cell::RefCell;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::Thread;

/// How long a step may take before another thread takes over.
pub const PATIENCE: Duration = Duration::from_millis(100);
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

thread_local! {
    static CURRENT: RefCell<Option<(Arc<Slot>, Arc<Shared>)>> = const { RefCell::new(None) };
}

#[derive(Debug, Default)]
struct Shared {
    slots: Mutex<Vec<Arc<Slot>>>,
    asleep: AtomicBool,
    watcher: OnceLock<Thread>,
}

/// The calling thread is inside a step that may not end, until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Inside {
    /// Whether this began the step: not on a thread that no [`Watch`] knows, nor inside another.
    began: bool,
}

/// Marks the calling thread as inside a step that may not end. Does nothing on a thread that no [`Watch`] knows.
pub fn enter() -> Inside {
    CURRENT.with_borrow(|current| {
        let Some((slot, shared)) = current else {
            return Inside { began: false };
        };
        let step = slot.step.load(Ordering::Relaxed);
        if step % 2 == 1 {
            return Inside { began: false };
        }
        // No barrier: the watcher looks again, much later, before it relies on having seen our step.
        slot.step.store(step.wrapping_add(1), Ordering::Release);
        if shared.asleep.load(Ordering::Acquire) {
            shared.wake();
        }
        Inside { began: true }
    })
}

impl Drop for Inside {
    fn drop(&mut self) {
        if !self.began {
            return;
        }
        CURRENT.with_borrow(|current| {
            if let Some((slot, _)) = current {
                let step = slot.step.load(Ordering::Relaxed);
                slot.step.store(step.wrapping_add(1), Ordering::Release);
            }
        });
    }
}

/// Watches threads for steps that do not end.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    shared: Arc<Shared>,
}

impl Watch {
    /// Puts the calling thread under this watch until the result is dropped.
    #[must_use]
    pub fn join(&self) -> Joined {
        let slot = Arc::new(Slot::default());
        self.shared.slots().push(Arc::clone(&slot));
        CURRENT.set(Some((Arc::clone(&slot), Arc::clone(&self.shared))));
        Joined {
            slot,
            shared: Arc::clone(&self.shared),
        }
    }

    /// Watches for ever, calling `stalled` once for each step that lasts longer than [`PATIENCE`].
    pub fn run(&self, mut stalled: impl FnMut()) -> ! {
        let _ = self.shared.watcher.set(std::thread::current());
        let mut seen = 0;
        loop {
            for _ in 0..self.shared.count_late() {
                stalled();
            }
            // Stays awake as long as calls keep coming, so that waking it is rare and not a part of each call.
            let steps = self.shared.steps();
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
pub struct Joined {
    slot: Arc<Slot>,
    shared: Arc<Shared>,
}

impl Joined {
    /// Whether a step of this thread has ever been reported as late.
    #[must_use]
    pub fn was_reported(&self) -> bool {
        self.slot.was_late.load(Ordering::Relaxed)
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.shared
            .slots()
            .retain(|slot| !Arc::ptr_eq(slot, &self.slot));
        CURRENT.set(None);
    }
}

impl Shared {
    fn slots(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Slot>>> {
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
        self.slots().iter().filter(|slot| slot.look()).count()
    }

    /// Whether a step is under way that was not reported yet.
    fn is_busy(&self) -> bool {
        let busy =
            |slot: &Arc<Slot>| slot.step.load(Ordering::SeqCst) % 2 == 1 && !slot.is_reported();
        self.slots().iter().any(busy)
    }

    /// Changes whenever a thread begins or ends a step.
    fn steps(&self) -> u64 {
        self.slots()
            .iter()
            .map(|slot| slot.step.load(Ordering::Relaxed))
            .fold(0, u64::wrapping_add)
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
        let _joined = watch.join();
        drop(enter());
        let stuck = enter();
        reports.recv().unwrap();
        drop(stuck);
        let again = enter();
        reports.recv().unwrap();
        drop(again);
        assert!(reports.try_recv().is_err());
    }

    #[test]
    fn threads_outside_a_watch_may_enter() {
        drop(enter());
    }
}
