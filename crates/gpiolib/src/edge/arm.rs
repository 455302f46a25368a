//! Arming a line, and who its edges go to.
//!
//! A line has one [`Listener`] at a time. It is put in its place before the chip is armed, so that no
//! edge is lost, and the place is taken by that one step: of two that come at once, one is `Busy`. While
//! the chip is asked to arm or disarm the place stays taken, with no lock held.
//!
//! An armed line is not made an output and an output is not armed: who arms sets ARMED and then looks at
//! OUT and DRIVING; who drives sets DRIVING and then looks at ARMED, in the same word.

use super::{EdgeQueue, EdgeSink};
use crate::config::flags;
use crate::device::{Device, Slot, WeakDevice};
use crate::ops::{self, NO_LINE};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::{Edges, Error, Level, Offset, Result, Timestamp};

/// Where the edges of a line go.
#[derive(Clone, Debug)]
pub(crate) enum Listener {
    /// Into a queue, as its line number so-and-so.
    Queue(EdgeQueue, usize),
    /// On to the line of another chip, which has the logical value of this one as its level.
    Relay {
        /// Of the other chip.
        sink: EdgeSink,
        /// Of this line.
        active_low: bool,
    },
    /// On to all consumers of a shared line: which of this device's.
    Shared(WeakDevice, usize),
}

impl Listener {
    pub(crate) fn edge(&self, level: Level, at: Timestamp) {
        match self {
            Self::Queue(queue, index) => queue.edge(*index, level, at),
            Self::Relay { sink, active_low } => {
                sink.edge(Level::from(level.value(*active_low).is_active()), at);
            }
            Self::Shared(device, index) => {
                if let Some(device) = device.upgrade()
                    && let Some(shared) = device.shares().get(*index)
                {
                    shared.edge(level, at);
                }
            }
        }
    }

    /// The line is given back, or its chip is gone.
    pub(crate) fn end(&self) {
        match self {
            Self::Queue(queue, index) => queue.end_line(*index),
            // The line of the other chip is there still.
            Self::Relay { .. } => {}
            Self::Shared(device, index) => {
                if let Some(device) = device.upgrade()
                    && let Some(shared) = device.shares().get(*index)
                {
                    shared.end();
                }
            }
        }
    }

    fn is_for(&self, queue: &EdgeQueue) -> bool {
        matches!(self, Self::Queue(own, _) if Arc::ptr_eq(&own.0, &queue.0))
    }
}

/// A line's listener, and how far the chip is with it.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) listener: Listener,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// The chip is being armed.
    Arming,
    /// The chip reports.
    Armed,
    /// The chip is being disarmed.
    Disarming,
    /// The chip is being removed and reports no more. Its readers do not know yet.
    Quiet,
}

/// Reports the electrical edges of a requested line to a listener. An output reports no edges, but
/// for an open drain, which others may pull low.
// KERNEL: gpiolib.c gpiochip_lock_as_irq (v6.12).
pub(crate) fn attach(
    device: &Device,
    offset: Offset,
    listener: Listener,
    edges: Edges,
) -> Result<()> {
    let slot = device.slot(offset).ok_or(NO_LINE)?;
    let chip = device.0.enter()?;
    let (place, before) = Place::reserve(slot, listener)?;
    if before & flags::DRIVING != 0 {
        return Err(Error::Io);
    }
    if !device.can_sleep() {
        match chip.direction(offset) {
            Err(Error::Unsupported) => {}
            answer => ops::remember(slot.flags, answer?),
        }
    }
    let word = slot.flags.load(Ordering::Acquire);
    if word & (flags::OUT | flags::OPEN_DRAIN) == flags::OUT {
        return Err(Error::Io);
    }
    match chip.arm(offset, edges, EdgeSink::new(device.downgrade(), offset)) {
        Err(Error::Unsupported) => return Err(Error::NoEdges),
        other => other?,
    }
    place.keep();
    Ok(())
}

/// Stops the edges of a line; with `whose`, only if they go to that queue. Answers where they went.
pub(crate) fn detach(
    device: &Device,
    offset: Offset,
    whose: Option<&EdgeQueue>,
) -> Option<Listener> {
    let slot = device.slot(offset)?;
    // Most lines are not armed: a look first, so that nothing is locked.
    if slot.flags.load(Ordering::Acquire) & flags::ARMED == 0 {
        return None;
    }
    let place = Place::of_armed(slot, whose)?;
    if let Ok(chip) = device.0.enter() {
        chip.disarm(offset);
    }
    Some(place.give_up())
}

/// Stops the edges of a line whose chip is being removed. The listener stays until it is hung up.
pub(crate) fn quiesce(device: &Device, offset: Offset) {
    let Some(slot) = device.slot(offset) else {
        return;
    };
    let Some(place) = Place::of_armed(slot, None) else {
        return;
    };
    if let Ok(chip) = device.0.enter() {
        chip.disarm(offset);
    }
    place.stay(Phase::Quiet);
}

/// Ends what listens to a line, and wakes its reader, who then sees why.
pub(crate) fn hang_up(slot: Slot<'_>) {
    if let Some(listener) = forget(slot) {
        listener.end();
    }
}

/// Takes the listener of a line away, whatever the chip thinks.
pub(crate) fn forget(slot: Slot<'_>) -> Option<Listener> {
    let mut active = slot.active.lock();
    let listening = active.as_mut()?.listening.take();
    listening.map(|listening| listening.listener)
}

/// Who the edges of a line go to now.
pub(crate) fn listener(slot: Slot<'_>) -> Option<Listener> {
    let active = slot.active.lock();
    let listening = active.as_ref()?.listening.as_ref()?;
    (listening.phase != Phase::Quiet).then(|| listening.listener.clone())
}

/// The place of a line's listener, taken by who arms or disarms the chip. Dropping it leaves the place
/// empty, also when the chip panics.
struct Place<'a> {
    slot: Slot<'a>,
    listener: Listener,
    /// The listener stays in it.
    is_kept: bool,
}

impl<'a> Place<'a> {
    /// Takes an empty place. Answers the flags of the line as they were just before.
    fn reserve(slot: Slot<'a>, listener: Listener) -> Result<(Self, u32)> {
        let mut active = slot.active.lock();
        // There is no request: nobody but a request's handle gets here.
        let active = active.as_mut().ok_or(Error::Busy)?;
        if active.listening.is_some() {
            return Err(Error::Busy);
        }
        active.listening = Some(Listening {
            listener: listener.clone(),
            phase: Phase::Arming,
        });
        let before = slot.flags.fetch_or(flags::ARMED, Ordering::AcqRel);
        let is_kept = false;
        Ok((
            Self {
                slot,
                listener,
                is_kept,
            },
            before,
        ))
    }

    /// Takes the place of a listener that the chip is armed for.
    fn of_armed(slot: Slot<'a>, whose: Option<&EdgeQueue>) -> Option<Self> {
        let mut active = slot.active.lock();
        let listening = active.as_mut()?.listening.as_mut()?;
        let is_meant = whose.is_none_or(|queue| listening.listener.is_for(queue));
        if listening.phase != Phase::Armed || !is_meant {
            return None;
        }
        listening.phase = Phase::Disarming;
        let listener = listening.listener.clone();
        let is_kept = false;
        Some(Self {
            slot,
            listener,
            is_kept,
        })
    }

    fn keep(self) {
        self.stay(Phase::Armed);
    }

    /// Leaves the listener where it is.
    fn stay(mut self, phase: Phase) {
        self.is_kept = true;
        self.change(|listening| {
            if phase == Phase::Quiet {
                self.slot.flags.fetch_and(!flags::ARMED, Ordering::AcqRel);
            }
            if let Some(listening) = listening {
                listening.phase = phase;
            }
        });
    }

    /// Leaves the place empty. Answers who had it.
    fn give_up(self) -> Listener {
        self.listener.clone()
    }

    /// Changes what is in the place if it is still this one's: a request that ended took all with it.
    fn change(&self, change: impl FnOnce(&mut Option<Listening>)) {
        let mut active = self.slot.active.lock();
        let Some(active) = active.as_mut() else {
            return;
        };
        let is_own = |listening: &Listening| match (&listening.listener, &self.listener) {
            (Listener::Queue(one, _), Listener::Queue(other, _)) => Arc::ptr_eq(&one.0, &other.0),
            (Listener::Relay { .. }, Listener::Relay { .. })
            | (Listener::Shared(..), Listener::Shared(..)) => true,
            _ => false,
        };
        if active.listening.as_ref().is_some_and(is_own) {
            change(&mut active.listening);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let mut former = None;
        self.change(|listening| {
            self.slot.flags.fetch_and(!flags::ARMED, Ordering::AcqRel);
            former = listening.take();
        });
        // Dropped without the lock: a queue's store may be anything.
        drop(former);
    }
}
