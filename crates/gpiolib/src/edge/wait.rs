//! Waiting for events, and the end of a queue.
//!
//! A queue ends when it is closed, or when every line of it has: by the end of its request, or of its
//! chip. What is in it then can still be read.

use alloc::vec::Vec;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};

use super::{EdgeEvent, EdgeQueue, Inner};

/// Who waits for events of a queue.
#[derive(Default)]
pub(super) struct Readers {
    /// Woken each time.
    lasting: Option<Waker>,
    /// Woken once: each waits in [`EdgeQueue::poll_next`].
    waiting: Vec<Waker>,
}

impl Readers {
    fn add(&mut self, waker: &Waker) {
        if !self.waiting.iter().any(|other| other.will_wake(waker)) {
            self.waiting.push(waker.clone());
        }
    }
}

impl EdgeQueue {
    /// Sets who is woken each time an event was queued, and when the queue has ended.
    pub fn set_waker(&self, waker: Waker) {
        let former = self.0.readers.lock().lasting.replace(waker);
        // It may own anything, this queue too: dropped without the lock.
        drop(former);
    }

    /// The next event, oldest first: waits until there is one. `None` once the queue has ended and is
    /// read empty. Nothing is lost when the future is dropped before it is done, and any number of
    /// tasks may wait; each event goes to one of them.
    pub async fn next(&self) -> Option<EdgeEvent> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// As [`EdgeQueue::next`], for who polls by hand.
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<EdgeEvent>> {
        if let Poll::Ready(ended_or_event) = self.0.inner.lock().take() {
            return Poll::Ready(ended_or_event);
        }
        self.0.readers.lock().add(context.waker());
        // Once more: what came before the waker was there has woken nobody.
        self.0.inner.lock().take()
    }

    /// Ends the queue: no further event is stored, and readers see the end once they have read what is
    /// there. The lines stay requested, and armed until their subscription is dropped.
    pub fn close(&self) {
        self.0.inner.lock().closed = true;
        self.wake();
    }

    /// Whether the queue has ended; what it holds can still be read.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.inner.lock().has_ended()
    }

    /// The line at `index` will report no more.
    pub(super) fn end_line(&self, index: usize) {
        self.with_line(index, |line| line.ended = true);
        self.wake();
    }

    /// Wakes all who wait, with no lock held.
    pub(super) fn wake(&self) {
        let (lasting, waiting) = {
            let mut readers = self.0.readers.lock();
            (
                readers.lasting.clone(),
                core::mem::take(&mut readers.waiting),
            )
        };
        for waker in lasting.into_iter().chain(waiting) {
            waker.wake();
        }
    }
}

impl Inner {
    fn has_ended(&self) -> bool {
        self.closed || self.lines.iter().all(|line| line.ended)
    }

    fn take(&mut self) -> Poll<Option<EdgeEvent>> {
        match self.store.pop() {
            None if !self.has_ended() => Poll::Pending,
            taken => Poll::Ready(taken),
        }
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers")
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
