//! The debounce timers of a run: one thread that sleeps until the next is due.
//!
//! A file that has a timer running calls [`Timers::kick`]; the thread then looks at all files and
//! sleeps until the earliest deadline. It ends with its [`Files`].

use core::time::Duration;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;

use super::{Files, now};

/// How the timer thread is told that there is something to do.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    bell: Arc<Bell>,
}

#[derive(Debug, Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Timers {
    /// Starts the thread for these files.
    pub(crate) fn start(files: &Arc<Files>) {
        let (bell, files) = (Arc::clone(&files.timers.bell), Arc::downgrade(files));
        let started = thread::Builder::new()
            .name("ugpio-timers".into())
            .spawn(move || run(&bell, &files));
        if let Err(error) = started {
            tracing::error!("no thread for the debounce timers: {error}");
        }
    }

    /// A timer was started, or may have been.
    pub(crate) fn kick(&self) {
        self.bell.ring();
    }

    /// The same, as a waker for the queues of the core.
    pub(crate) fn waker(&self) -> core::task::Waker {
        Arc::clone(&self.bell).into()
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        self.bell.ring();
    }
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }

    /// Waits for the bell, at most until this time; forever without one.
    fn wait(&self, until_ns: Option<u64>) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !*rung {
            let left =
                until_ns.map(|at| Duration::from_nanos(at.saturating_sub(now().monotonic_ns)));
            rung = match left {
                Some(left) if left.is_zero() => return,
                Some(left) => {
                    self.changed
                        .wait_timeout(rung, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
                None => self
                    .changed
                    .wait(rung)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
        *rung = false;
    }
}

impl std::task::Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

fn run(bell: &Bell, files: &Weak<Files>) {
    let mut next = None;
    loop {
        bell.wait(next);
        let Some(files) = files.upgrade() else { return };
        next = files.advance(now());
    }
}
