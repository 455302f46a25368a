//! A consumer's side of edges: one line's events, and the guard that disarms it.

use core::fmt;
use core::task::{Context, Poll, Waker};

use super::arm::detach;
use super::{EdgeEvent, EdgeQueue};
use crate::device::{Device, WeakDevice};
use crate::ops;
use crate::{Error, Level, Offset, Result, Timestamp};

/// A line's edges, in a queue of their own. Dropping it disarms the line; the line stays requested. It
/// does not keep the request: when that ends, so does the subscription, and what it holds can still be
/// read.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::{Edges, Level, Offset, Timestamp};
///
/// let sim = Sim::simple(1)?;
/// let door = sim.device().line(Offset::new(0)).expect("it has one").input("door")?;
/// let events = door.subscribe(Edges::BOTH, 16)?;
/// sim.set_pull(Offset::new(0), Level::High, Timestamp::at(1))?;
/// assert_eq!(events.len(), 1);
/// drop(events);
/// assert!(door.subscribe(Edges::BOTH, 16).is_ok(), "the line can be listened to anew");
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[must_use = "the line is disarmed when this is dropped"]
pub struct Subscription {
    queue: EdgeQueue,
    device: WeakDevice,
    offset: Offset,
}

impl Subscription {
    pub(crate) fn new(device: &Device, offset: Offset, queue: EdgeQueue) -> Self {
        Self {
            queue,
            device: device.downgrade(),
            offset,
        }
    }

    /// The next event, oldest first: waits until there is one. `None` once the line's request, or its
    /// chip, has ended and the queue is read empty. Nothing is lost when the future is dropped before it
    /// is done, and any number of tasks may wait; each event goes to one of them.
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    /// use gpio_sim::Sim;
    /// use gpiolib::{Edges, Level, Offset, Timestamp};
    ///
    /// let sim = Sim::simple(1)?;
    /// let door = sim.device().line(Offset::new(0)).expect("it has one").input("door")?;
    /// let events = door.subscribe(Edges::BOTH, 16)?;
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(pin!(events.next()).poll(&mut context).is_pending());
    /// sim.set_pull(Offset::new(0), Level::High, Timestamp::at(7))?;
    /// let Poll::Ready(Some(event)) = pin!(events.next()).poll(&mut context) else { panic!("an edge") };
    /// assert_eq!(event.timestamp_ns, 7);
    /// drop(door);
    /// assert_eq!(pin!(events.next()).poll(&mut context), Poll::Ready(None));
    /// # Ok::<(), gpiolib::Error>(())
    /// ```
    pub async fn next(&self) -> Option<EdgeEvent> {
        self.queue.next().await
    }

    /// As [`Subscription::next`], for those who poll by hand.
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<EdgeEvent>> {
        self.queue.poll_next(context)
    }

    /// Takes the oldest event.
    #[must_use]
    pub fn pop(&self) -> Option<EdgeEvent> {
        self.queue.pop()
    }

    /// How many events wait to be read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether no event waits to be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many events were dropped because they were not read in time.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.queue.lost()
    }

    /// Whether no further event will come: the request or the chip has ended, or [`Subscription::close`]
    /// was called. What is queued can still be read.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Ends the queue, and with it the wait of every reader. The line stays armed until this is dropped.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Sets the waker of each event that is queued, and of the end.
    pub fn set_waker(&self, waker: Waker) {
        self.queue.set_waker(waker);
    }

    /// Debounces the line in software from now on, with this period in microseconds: an edge is reported
    /// when the line was stable for so long. The core has no clock: [`Subscription::expire`] must be
    /// called when [`Subscription::next_deadline_ns`] has come. A period of 0 stops debouncing.
    ///
    /// ```
    /// use gpio_sim::Sim;
    /// use gpiolib::{Edges, Level, Offset, Timestamp};
    ///
    /// let sim = Sim::simple(1)?;
    /// let button = sim.device().line(Offset::new(0)).expect("it has one").input("button")?;
    /// let events = button.subscribe(Edges::BOTH, 16)?;
    /// events.debounce(5)?;
    ///
    /// sim.set_pull(Offset::new(0), Level::High, Timestamp::at(1_000))?;
    /// assert!(events.is_empty(), "not stable yet");
    /// assert_eq!(events.next_deadline_ns(), Some(6_000));
    /// events.expire(Timestamp::at(6_000));
    /// assert_eq!(events.pop().map(|event| event.timestamp_ns), Some(6_000));
    /// # Ok::<(), gpiolib::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`crate::Desc::level`]: the level is read, to start from.
    pub fn debounce(&self, period_us: u32) -> Result<()> {
        if period_us == 0 {
            self.queue.stop_debounce(0);
            return Ok(());
        }
        let level = self.level()?;
        self.queue.start_debounce(0, period_us, level);
        Ok(())
    }

    /// When [`Subscription::expire`] has something to do next, on the monotonic clock.
    #[must_use]
    pub fn next_deadline_ns(&self) -> Option<u64> {
        self.queue.next_deadline_ns()
    }

    /// Lets a debounce timer that is due expire, which reads the line. Its event is stamped with the
    /// deadline, however late this is called.
    pub fn expire(&self, now: Timestamp) {
        self.queue.expire(now, |_| self.level().ok());
    }

    /// Sets the waker of a debounce timer that is started: [`Subscription::next_deadline_ns`] then has
    /// an answer.
    pub fn set_timer_waker(&self, waker: Waker) {
        self.queue.set_timer_waker(waker);
    }

    fn level(&self) -> Result<Level> {
        let device = self.device.upgrade().ok_or(Error::Revoked)?;
        let chip = device.0.enter()?;
        ops::cannot_is_io(chip.get(self.offset))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(device) = self.device.upgrade() {
            drop(detach(&device, self.offset, Some(&self.queue)));
        }
        self.queue.close();
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("offset", &self.offset)
            .field("queue", &self.queue)
            .finish()
    }
}
