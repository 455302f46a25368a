//! The calls of a run that were refused, on their way into the events of the board.
//!
//! The supervisor's threads put them in; the server takes them out together with what happened on the
//! lines, so that one order has it all. The queue is bounded: a program that fails in a loop does not
//! fill the memory.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gpio_sim::Changes;
use ugpio_supervisor::observe::{CallObserver, RefusedCall};

use crate::control::protocol::{ChipAt, Event, FailedCall, Happened};

/// Calls that wait for the server.
const PENDING: usize = 4096;

/// A queue of refused calls.
#[derive(Debug)]
pub(crate) struct Refusals {
    queue: Mutex<Queue>,
    /// Wakes the server.
    changes: Changes,
}

#[derive(Debug, Default)]
struct Queue {
    calls: VecDeque<Happened>,
    lost: u64,
}

impl Refusals {
    /// An empty queue, which wakes waiters for these changes.
    pub(crate) fn new(changes: Changes) -> Refusals {
        Refusals {
            queue: Mutex::default(),
            changes,
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes everything out, with the number of those that there was no room for.
    pub(crate) fn take(&self) -> (VecDeque<Happened>, u64) {
        let queue = core::mem::take(&mut *self.queue());
        (queue.calls, queue.lost)
    }
}

impl CallObserver for Refusals {
    fn refused(&self, refused: &RefusedCall<'_>) {
        let call = FailedCall {
            chip: ChipAt {
                chip: refused.device.name(),
                label: refused.device.label().to_owned(),
            },
            pid: refused.caller.pid.as_raw_nonzero().get(),
            program: refused.caller.name.clone(),
            call: refused.call(),
            errno: refused.refusal.errno().to_string(),
            why: refused.why(),
        };
        let happened = Happened {
            at_ns: refused.now.monotonic_ns,
            event: Event::Failed(call),
        };
        let mut queue = self.queue();
        if queue.calls.len() < PENDING {
            queue.calls.push_back(happened);
        } else {
            queue.lost += 1;
        }
        drop(queue);
        self.changes.wake();
    }
}
