//! The call guard: a chip that can be taken away while others call it.
//!
//! A [`Gated`] owns a chip and outlives it. Callers come in through a [`Pass`], which owns one
//! *slot* (one writer, a cache line of its own), or, on cold paths, through a shared counter.
//! [`Gated::close`] makes every later call fail; [`Closed::take`] then waits until the calls that
//! were already inside have left, and hands the chip back.
//!
//! # Why it is sound
//!
//! A caller stores *inside* and then loads *revoked*; the closer stores *revoked* and then loads
//! every *inside*. Between each pair stands a barrier, so at least one of the two sees the other
//! (Dekker's argument): either the caller turns back, or the closer waits for it. On Linux the
//! caller's barrier is a compiler fence and the closer pays for both with one
//! `membarrier(PRIVATE_EXPEDITED)`; elsewhere both are sequentially consistent fences. Slots are
//! added only under the slot lock and only while *revoked* is unset under that lock, so the closer
//! knows all of them. The chip is moved out only after every slot and the shared counter were seen
//! empty with *revoked* set; from then on nobody gets a reference to it.
//!
//! Closing from inside a call of the same chip waits for itself and never returns: a chip must not
//! unregister itself from one of its own callbacks.

#![expect(
    unsafe_code,
    reason = "the chip is reached without a lock; the proof is above"
)]

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::{OnceCell, UnsafeCell};
use core::fmt;
use core::ops::Deref;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::{Error, Result};

/// A chip that may be taken away, and what stays: the state `S`.
pub(crate) struct Gated<T: ?Sized, S> {
    revoked: AtomicBool,
    /// Calls that came in without a slot.
    shared: AtomicU32,
    slots: Mutex<Slots>,
    chip: UnsafeCell<Option<Box<T>>>,
    pub(crate) state: S,
}

// SAFETY: the chip is shared by reference only while it is inside (needs `T: Sync`), and moved out
// by one thread after all others have left (needs `T: Send`); see the module's proof.
unsafe impl<T: ?Sized + Send + Sync, S: Sync> Sync for Gated<T, S> {}

/// The slots of all passes of one gate; a free place is reused by the next pass.
#[derive(Default)]
struct Slots {
    taken: Vec<Option<Arc<Slot>>>,
    free: Vec<usize>,
}

/// How many calls one pass has inside. Written by its owner only.
#[repr(align(128))]
struct Slot {
    inside: AtomicU32,
}

impl<T: ?Sized, S> Gated<T, S> {
    pub(crate) fn new(chip: Box<T>, state: S) -> Self {
        barrier::prepare();
        Self {
            revoked: AtomicBool::new(false),
            shared: AtomicU32::new(0),
            slots: Mutex::new(Slots::default()),
            chip: UnsafeCell::new(Some(chip)),
            state,
        }
    }

    /// Whether the chip is gone, or about to go.
    pub(crate) fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Acquire)
    }

    /// Comes in without a slot: two read-modify-writes, for cold paths.
    pub(crate) fn enter_shared(&self) -> Result<Inside<'_, T>> {
        self.shared.fetch_add(1, Ordering::SeqCst);
        let leave = Leave {
            count: &self.shared,
            to: None,
        };
        barrier::full();
        self.pass(leave)
    }

    /// Turns a counted call into access, unless the chip is gone.
    fn pass<'a>(&'a self, leave: Leave<'a>) -> Result<Inside<'a, T>> {
        if self.revoked.load(Ordering::Acquire) {
            return Err(Error::Revoked);
        }
        // SAFETY: this call is counted and `revoked` was unset after the barrier, so `take` waits
        // for `leave` before it touches the cell mutably (module proof).
        let chip = unsafe { &*self.chip.get() };
        match chip.as_deref() {
            Some(chip) => Ok(Inside {
                chip,
                _leave: leave,
            }),
            None => Err(Error::Revoked),
        }
    }

    /// Makes every later call fail; `None` if another call closed the gate before.
    pub(crate) fn close(&self) -> Option<Closed<'_, T, S>> {
        let slots = self.slots.lock();
        if self.revoked.swap(true, Ordering::SeqCst) {
            return None;
        }
        let nobody_ever = slots.taken.is_empty();
        drop(slots);
        if nobody_ever {
            barrier::full();
        } else {
            barrier::heavy();
        }
        Some(Closed { gate: self })
    }
}

/// A gate that is closed, in the hands of the one who closed it.
pub(crate) struct Closed<'a, T: ?Sized, S> {
    gate: &'a Gated<T, S>,
}

impl<T: ?Sized, S> Closed<'_, T, S> {
    /// Waits until nobody is inside and moves the chip out.
    pub(crate) fn take(self) -> Option<Box<T>> {
        // The lock is not held while waiting: a caller inside may drop other passes.
        let slots = core::mem::take(&mut *self.gate.slots.lock());
        for slot in slots.taken.iter().flatten() {
            wait_empty(&slot.inside);
        }
        wait_empty(&self.gate.shared);
        // SAFETY: `revoked` is set and every counter was seen at zero after the barrier of `close`,
        // so no reference into the cell exists or can be made; only one `Closed` is ever made.
        let chip = unsafe { &mut *self.gate.chip.get() };
        chip.take()
    }
}

impl<T: ?Sized, S: fmt::Debug> fmt::Debug for Gated<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gated")
            .field("revoked", &self.is_revoked())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Waits until a counter is zero; an `Acquire` load, so that the leaver's work is seen.
fn wait_empty(count: &AtomicU32) {
    let mut tries = 0_u32;
    while count.load(Ordering::Acquire) != 0 {
        barrier::relax(tries);
        tries = tries.saturating_add(1);
    }
}

/// One handle's way in. `Send`, not `Sync`: its slot has one writer; clone it for another thread.
pub(crate) struct Pass<T: ?Sized, S> {
    to: Arc<Gated<T, S>>,
    slot: OnceCell<(Arc<Slot>, usize)>,
}

impl<T: ?Sized, S> Pass<T, S> {
    /// A way into this gate. Takes no slot before the first call.
    pub(crate) const fn new(to: Arc<Gated<T, S>>) -> Self {
        Self {
            to,
            slot: OnceCell::new(),
        }
    }

    #[cfg(test)]
    pub(crate) const fn gate(&self) -> &Arc<Gated<T, S>> {
        &self.to
    }

    /// Comes in: one store, one load. `Revoked` if the chip is gone.
    #[inline]
    pub(crate) fn enter(&self) -> Result<Inside<'_, T>> {
        let slot = match self.slot.get() {
            Some((slot, _)) => slot,
            None => self.join()?,
        };
        let depth = slot.inside.load(Ordering::Relaxed);
        slot.inside.store(depth.wrapping_add(1), Ordering::Relaxed);
        let leave = Leave {
            count: &slot.inside,
            to: Some(depth),
        };
        barrier::light();
        self.to.pass(leave)
    }

    #[cold]
    fn join(&self) -> Result<&Slot> {
        let mut slots = self.to.slots.lock();
        if self.to.is_revoked() {
            return Err(Error::Revoked);
        }
        let slot = Arc::new(Slot {
            inside: AtomicU32::new(0),
        });
        let place = slots.free.pop().unwrap_or(slots.taken.len());
        match slots.taken.get_mut(place) {
            Some(entry) => *entry = Some(Arc::clone(&slot)),
            None => slots.taken.push(Some(Arc::clone(&slot))),
        }
        drop(slots);
        Ok(&self.slot.get_or_init(|| (slot, place)).0)
    }
}

impl<T: ?Sized, S> Drop for Pass<T, S> {
    fn drop(&mut self) {
        let Some((slot, place)) = self.slot.take() else {
            return;
        };
        let mut slots = self.to.slots.lock();
        // After `take` the list is empty and the place means nothing any more.
        if let Some(entry) = slots.taken.get_mut(place)
            && entry
                .as_ref()
                .is_some_and(|other| Arc::ptr_eq(other, &slot))
        {
            *entry = None;
            slots.free.push(place);
        }
    }
}

impl<T: ?Sized, S> Clone for Pass<T, S> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.to))
    }
}

/// Proof of being inside: the chip, usable until this is dropped.
pub(crate) struct Inside<'a, T: ?Sized> {
    chip: &'a T,
    _leave: Leave<'a>,
}

impl<T: ?Sized> Deref for Inside<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.chip
    }
}

/// Counts a call out again, also when the chip panics.
struct Leave<'a> {
    count: &'a AtomicU32,
    /// The depth to go back to for a slot; `None` for the shared counter.
    to: Option<u32>,
}

impl Drop for Leave<'_> {
    #[inline]
    fn drop(&mut self) {
        match self.to {
            Some(depth) => self.count.store(depth, Ordering::Release),
            None => {
                self.count.fetch_sub(1, Ordering::Release);
            }
        }
    }
}

/// The two halves of the barrier, and how to wait.
#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
mod barrier {
    use core::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};
    use std::sync::Once;

    use rustix::thread::{MembarrierCommand, membarrier};

    /// Set before the first gate exists, never changed afterwards.
    static EXPEDITED: AtomicBool = AtomicBool::new(false);
    static PROBE: Once = Once::new();

    /// Registers the process for expedited barriers, once.
    pub(super) fn prepare() {
        PROBE.call_once(|| {
            let registered = membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok();
            let works = registered && membarrier(MembarrierCommand::PrivateExpedited).is_ok();
            EXPEDITED.store(works, Ordering::Relaxed);
        });
    }

    #[inline]
    pub(super) fn light() {
        if EXPEDITED.load(Ordering::Relaxed) {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    pub(super) fn full() {
        fence(Ordering::SeqCst);
    }

    pub(super) fn heavy() {
        full();
        if EXPEDITED.load(Ordering::Relaxed) {
            // Cannot fail once the probe has succeeded: the registration is for the process's life.
            let _ = membarrier(MembarrierCommand::PrivateExpedited);
        }
        full();
    }

    pub(super) fn relax(tries: u32) {
        if tries < 100 {
            core::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

/// The portable pair: sequentially consistent fences on both sides.
#[cfg(any(not(feature = "std"), not(target_os = "linux"), loom))]
mod barrier {
    use crate::sync::atomic::{Ordering, fence};

    pub(super) const fn prepare() {}

    #[inline]
    pub(super) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(super) fn full() {
        fence(Ordering::SeqCst);
    }

    pub(super) fn heavy() {
        fence(Ordering::SeqCst);
    }

    pub(super) fn relax(_tries: u32) {
        #[cfg(loom)]
        loom::thread::yield_now();
        #[cfg(all(feature = "std", not(loom)))]
        std::thread::yield_now();
        #[cfg(all(not(feature = "std"), not(loom)))]
        core::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Arc<Gated<u32, ()>> {
        Arc::new(Gated::new(Box::new(7), ()))
    }

    #[test]
    fn enters_until_closed() {
        let pass = Pass::new(gate());
        assert_eq!(pass.enter().map(|chip| *chip), Ok(7));
        assert_eq!(pass.gate().enter_shared().map(|chip| *chip), Ok(7));
        let closed = pass.gate().close().unwrap();
        assert!(pass.gate().close().is_none(), "only one closes");
        assert_eq!(pass.enter().err(), Some(Error::Revoked));
        assert_eq!(pass.gate().enter_shared().err(), Some(Error::Revoked));
        assert_eq!(pass.clone().enter().err(), Some(Error::Revoked));
        assert_eq!(closed.take().as_deref(), Some(&7));
    }

    #[test]
    fn nested_calls_count_out_in_order() {
        let pass = Pass::new(gate());
        let outer = pass.enter().unwrap();
        drop(pass.enter().unwrap());
        assert_eq!(pass.slot.get().unwrap().0.inside.load(Ordering::Relaxed), 1);
        drop(outer);
        assert_eq!(pass.slot.get().unwrap().0.inside.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn slots_are_reused() {
        let gate = gate();
        for _ in 0..10 {
            let pass = Pass::new(Arc::clone(&gate));
            drop(pass.enter().unwrap());
        }
        assert_eq!(gate.slots.lock().taken.len(), 1);
    }

    #[test]
    #[cfg(feature = "std")]
    fn take_waits_for_callers_inside() {
        let gate = gate();
        let (entered, wait_entered) = std::sync::mpsc::channel();
        let (release, wait_release) = std::sync::mpsc::channel::<()>();
        let caller = Pass::new(Arc::clone(&gate));
        let inside = std::thread::spawn(move || {
            let chip = caller.enter().unwrap();
            entered.send(()).unwrap();
            wait_release.recv().unwrap();
            *chip
        });
        wait_entered.recv().unwrap();
        let (closed, wait_closed) = std::sync::mpsc::channel();
        let taker = {
            let gate = Arc::clone(&gate);
            std::thread::spawn(move || {
                let token = gate.close().unwrap();
                closed.send(()).unwrap();
                token.take()
            })
        };
        wait_closed.recv().unwrap();
        assert!(!taker.is_finished());
        release.send(()).unwrap();
        assert_eq!(inside.join().unwrap(), 7);
        assert_eq!(taker.join().unwrap().as_deref(), Some(&7));
    }
}
