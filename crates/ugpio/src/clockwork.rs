//! What moves the board's time: delays, bouncing contacts, square waves, chips that come back, recordings that are
//! played.
//!
//! All of these have moments at which they are due. [`Clockwork`] does what is due in the order of the moments, and
//! stamps it with them, however late it comes to it. A thread sleeps until the next one. So that a late thread changes
//! nothing that a program sees, calls that look at lines or at their timers do first what is due until then: they
//! take their time from here ([`Clock`]). A board without anything that takes time costs a sleeping thread.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Wake;
use std::thread::{self, Thread};
use std::time::Duration;

use gpio_sim::net::Nets;
use gpiolib::Timestamp;
use ugpio_supervisor::files::Clock;

use crate::control::plugged::Shared;
use crate::control::protocol::{Key, Pull};
use crate::control::server;

/// No moment.
const NEVER: u64 = u64::MAX;

/// A pull of a line at a moment.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    /// The label of the chip.
    pub(crate) chip: Arc<str>,
    /// The line.
    pub(crate) offset: u32,
    /// Where to.
    pub(crate) pull: Pull,
}

/// What is due on a board, and the thread that does it.
#[derive(Debug)]
pub(crate) struct Clockwork {
    plugged: Shared,
    nets: Nets,
    /// Pulls by their moments, in nanoseconds of the monotonic clock, and the order of their planning.
    pulls: Mutex<BTreeMap<(u64, u64), Due>>,
    /// Held by who does what is due: things happen in one order.
    turning: Mutex<()>,
    /// The next moment as far as it is known, zero if it must be looked for.
    next_ns: AtomicU64,
    is_rung: AtomicBool,
    thread: OnceLock<Thread>,
}

/// Wakes the thread.
struct Bell(Arc<Clockwork>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.ring();
    }
}

impl Clock for Clockwork {
    fn now(&self) -> Timestamp {
        let now = server::now();
        if self.next_ns.load(Ordering::Acquire) <= now.monotonic_ns {
            self.turn(now);
        }
        now
    }

    fn is_idle(&self) -> bool {
        self.next_ns.load(Ordering::Acquire) == NEVER
    }
}

impl Clockwork {
    /// Starts the thread. It goes on until the process ends.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(plugged: &Shared) -> io::Result<Arc<Clockwork>> {
        let clockwork = Arc::new(Clockwork::new(plugged));
        let own = Arc::clone(&clockwork);
        let thread = thread::Builder::new().name("ugpio-nets".into());
        let handle = thread.spawn(move || own.run())?;
        // A deadline that came before the thread was known rings for the first time now.
        let _ = clockwork.thread.set(handle.thread().clone());
        clockwork.ring();
        Ok(clockwork)
    }

    fn new(plugged: &Shared) -> Clockwork {
        let chips = plugged.borrow();
        Clockwork {
            plugged: plugged.clone(),
            nets: chips.nets().clone(),
            pulls: Mutex::default(),
            turning: Mutex::default(),
            next_ns: AtomicU64::new(0),
            is_rung: AtomicBool::new(false),
            thread: OnceLock::new(),
        }
    }

    /// Plans pulls, in nanoseconds of the monotonic clock. Of several at one moment the first planned is first.
    pub(crate) fn plan(&self, pulls: impl Iterator<Item = (u64, Due)>) {
        let mut planned = self.pulls();
        let numbers = planned.keys().map(|(_, number)| number + 1);
        let first = numbers.max().unwrap_or(0);
        let keyed = pulls.zip(first..);
        planned.extend(keyed.map(|((at_ns, pull), number)| ((at_ns, number), pull)));
        drop(planned);
        self.ring();
    }

    fn pulls(&self) -> MutexGuard<'_, BTreeMap<(u64, u64), Due>> {
        self.pulls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something may be due earlier than was known.
    fn ring(&self) {
        self.is_rung.store(true, Ordering::Release);
        self.next_ns.store(0, Ordering::Release);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn run(self: Arc<Self>) {
        let bell = Arc::new(Bell(Arc::clone(&self)));
        self.nets.set_waker(bell.into());
        loop {
            let now = server::now();
            match self.turn(now) {
                None => thread::park(),
                Some(next) => {
                    let left = next.saturating_sub(server::now().monotonic_ns);
                    thread::park_timeout(Duration::from_nanos(left));
                }
            }
        }
    }

    /// Does everything that is due until `now`, in its order; when the next thing is due.
    fn turn(&self, now: Timestamp) -> Option<u64> {
        let _one_at_a_time = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            self.is_rung.store(false, Ordering::Release);
            let next = self.step(now);
            if next.is_some_and(|at| at <= now.monotonic_ns) {
                continue;
            }
            self.next_ns.store(next.unwrap_or(NEVER), Ordering::Release);
            if !self.is_rung.load(Ordering::Acquire) {
                return next;
            }
        }
    }

    /// Does what is due first, if that is not after `now`; when the first thing was due.
    fn step(&self, now: Timestamp) -> Option<u64> {
        let pull = self.pulls().keys().next().map(|(at, _)| *at);
        let back = self.plugged.borrow().next_back();
        let net = self.nets.next_deadline();
        let other = pull.into_iter().chain(back).min();
        let next = other.into_iter().chain(net).min()?;
        if next > now.monotonic_ns {
            return Some(next);
        }
        if net == Some(next) {
            let until = other.unwrap_or(NEVER).min(now.monotonic_ns);
            self.nets.advance(now.moved_to(until));
        } else if pull == Some(next) {
            self.pull(now.moved_to(next));
        } else {
            self.plugged
                .borrow_mut()
                .come_back_in_time(now.moved_to(next));
        }
        Some(next)
    }

    /// Pulls the line that is first.
    fn pull(&self, at: Timestamp) {
        let Some((_, due)) = self.pulls().pop_first() else {
            return;
        };
        let (chip, line) = (Key::Word(due.chip.as_ref().into()), Key::Number(due.offset));
        // A chip that was unplugged meanwhile has no lines to pull.
        let _ = self.plugged.borrow().pull(&chip, &line, due.pull, at);
        // A fault that this set off.
        self.plugged.borrow_mut().attend(at);
    }
}

#[cfg(test)]
mod tests;
