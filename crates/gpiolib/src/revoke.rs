//! The call guard: a chip that can be taken away while others call it.
//!
//! A [`Gated`] owns a chip and outlives it. Callers come in through a [`Pass`], which owns one
//! *slot* (one writer, a cache line of its own), or, on cold paths, through a shared counter.
//! [`Gated::close`] makes every later call fail; [`Closed::take`] then waits until the calls that
//! were already inside have left, and hands the chip back.
//!
//! # Why it is sound
//!
//! 1. *One of the two sees the other.* A caller counts itself *inside* and then loads *revoked*; the
//!    closer stores *revoked* and then loads every *inside*. Between each pair stands a barrier
//!    (Dekker's argument): either the caller turns back, or the closer waits for it. With slots on
//!    Linux the caller's half is a compiler fence, and the closer pays for both halves with one
//!    `membarrier(PRIVATE_EXPEDITED)`, which is a full barrier in every running thread of the
//!    process at some point of that call. Elsewhere both halves are sequentially consistent fences.
//!    Without a slot the four accesses are sequentially consistent themselves; loom, which takes
//!    such accesses for weaker than they are, gets a fence in addition.
//! 2. *The closer knows every counter.* Slots are added only under the slot lock and only while
//!    *revoked* is unset under that lock; *revoked* is set under it. A slot leaves the list only
//!    when its pass is dropped, which nobody is inside of, since [`Inside`] borrows the pass.
//! 3. *A counter never shows less than who is inside.* A slot is written by the thread that has the
//!    pass (`Pass` is not `Sync`, [`Inside`] not `Send`), one up on entry and one down on exit, in
//!    whatever order nested calls end, also when the chip panics. A leaked `Inside` only leaves the
//!    counter too high: the closer then waits for ever, which is safe.
//! 4. *What a caller did is over when the chip is moved.* Exits store with `Release`, the closer
//!    loads with `Acquire`. A slot that was dropped was dropped under the lock that `take` takes.
//! 5. *Nobody gets in afterwards.* The chip is moved out only with *revoked* set and after every
//!    counter was seen at zero; who counts itself in later sees *revoked* and leaves without looking
//!    at the chip.
//!
//! If the kernel refuses the barrier that it once granted (a process may put itself under a system
//! call filter), point 1 fails; the chip is then not moved but left where it is for good.
//!
//! Closing from inside a call of the same chip waits for itself and never returns: a chip must not
//! unregister itself from one of its own callbacks.
//!
//! loom proves the portable pair (`tests/loom_*.rs`), a stress run covers the kernel's
//! (`tests/stress.rs`); `docs/proof.md` says what each covers.

#![expect(
    unsafe_code,
    reason = "the chip is reached without a lock; the proof is above"
)]

mod barrier;
#[cfg(all(test, not(loom)))]
mod tests;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::{OnceCell, UnsafeCell};
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use crate::claim::Claim;
use crate::device::State;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Arc, Mutex};
use crate::{Chip, Error, Result};

/// A chip that may be taken away, and what stays: the state `S`.
///
/// What every call reads comes first, the beginning of the state included; what requests write
/// lies 128 bytes on if the state has 104, and the counts of references lie as far before it. A
/// device of 64 lines is promised to cost 32 bytes a line, so nothing here is padded twice.
#[repr(C, align(128))]
pub(crate) struct Gated<T: ?Sized, S> {
    door: Door<T>,
    pub(crate) state: S,
    /// Calls that came in without a slot.
    shared: AtomicU32,
    slots: Mutex<Slots>,
}

/// What every call reads.
#[repr(C)]
struct Door<T: ?Sized> {
    /// `None` only after [`Closed::take`].
    chip: UnsafeCell<Option<Box<T>>>,
    /// [`REVOKED`], and [`barrier::FENCED`] where callers need a fence. Zero in the common case, so
    /// that a call tests once.
    state: AtomicU32,
}

/// The chip is gone, or about to go.
const REVOKED: u32 = 1;

// SAFETY: the chip is shared by reference only while it is inside (needs `T: Sync`), and moved out
// by one thread after all others have left (needs `T: Send`); see the module's proof.
unsafe impl<T: ?Sized + Send + Sync> Sync for Door<T> {}

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
        Self {
            door: Door {
                chip: UnsafeCell::new(Some(chip)),
                state: AtomicU32::new(barrier::prepare()),
            },
            shared: AtomicU32::new(0),
            slots: Mutex::new(Slots::default()),
            state,
        }
    }

    /// Whether the chip is gone, or about to go.
    pub(crate) fn is_revoked(&self) -> bool {
        self.door.state.load(Ordering::Acquire) & REVOKED != 0
    }

    /// Comes in without a slot: two read-modify-writes, for cold paths. No fence: all four accesses
    /// of Dekker's argument are sequentially consistent themselves here.
    pub(crate) fn enter_shared(&self) -> Result<Inside<'_, T>> {
        self.shared.fetch_add(1, Ordering::SeqCst);
        let leave = Leave::Shared(&self.shared);
        barrier::for_loom();
        if self.door.state.load(Ordering::SeqCst) & REVOKED != 0 {
            return Err(Error::Revoked);
        }
        // SAFETY: this call is counted in `shared` and *revoked* was unset after that.
        let chip = unsafe { self.chip() };
        Ok(Inside::new(chip, leave))
    }

    /// The chip, for who is counted.
    ///
    /// # Safety
    /// The caller was counted, and then, after the barrier, found *revoked* unset; and is counted
    /// for as long as the reference lives.
    #[inline]
    unsafe fn chip(&self) -> &T {
        // SAFETY: `take`, the one who writes the cell, waits until the caller is counted out.
        let chip = unsafe { &*self.door.chip.get() };
        // Only a mutant of the barrier gets here without a chip; its model shall say so.
        assert!(!cfg!(loom) || chip.is_some(), "inside after the chip went");
        // SAFETY: there is a chip until `take` has it, and `take` has not begun to touch it.
        unsafe { chip.as_deref().unwrap_unchecked() }
    }

    /// Whether a counted caller must turn back; the caller's half of the barrier.
    #[inline]
    fn is_closed(&self) -> bool {
        if barrier::ALWAYS_FENCED {
            barrier::fenced();
            return self.is_revoked();
        }
        barrier::light();
        match self.door.state.load(Ordering::Acquire) {
            0 => false,
            state => self.is_closed_after_fence(state),
        }
    }

    /// The rarer cases: the chip is gone, or the caller's half is a fence.
    #[cold]
    fn is_closed_after_fence(&self, state: u32) -> bool {
        if state & barrier::FENCED == 0 {
            return true;
        }
        barrier::fenced();
        self.is_revoked()
    }

    /// Makes every later call fail; `None` if another call closed the gate before.
    pub(crate) fn close(&self) -> Option<Closed<'_, T, S>> {
        let slots = self.slots.lock();
        if self.door.state.fetch_or(REVOKED, Ordering::SeqCst) & REVOKED != 0 {
            return None;
        }
        let nobody_ever = slots.taken.is_empty();
        drop(slots);
        barrier::full();
        let ordered = nobody_ever || barrier::heavy();
        Some(Closed {
            gate: self,
            ordered,
        })
    }
}

/// A gate that is closed, in the hands of the one who closed it.
pub(crate) struct Closed<'a, T: ?Sized, S> {
    gate: &'a Gated<T, S>,
    /// Whether the barrier between *revoked* and the counters was made.
    ordered: bool,
}

impl<T: ?Sized, S> Closed<'_, T, S> {
    /// Waits until nobody is inside and moves the chip out. `None` if the kernel took the barrier
    /// away: the chip then stays, unreachable.
    pub(crate) fn take(self) -> Option<Box<T>> {
        // The lock is not held while waiting: a caller inside may drop other passes.
        let slots = core::mem::take(&mut *self.gate.slots.lock());
        for slot in slots.taken.iter().flatten() {
            wait_empty(&slot.inside);
        }
        wait_empty(&self.gate.shared);
        if !self.ordered {
            return None;
        }
        // SAFETY: `revoked` is set and every counter was seen at zero after the barrier of `close`,
        // so no reference into the cell exists or can be made; only one `Closed` is ever made.
        let chip = unsafe { &mut *self.gate.door.chip.get() };
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

/// Waits until a counter is zero. An acquiring load, so that the leaver's work is seen;
/// sequentially consistent for those who come in by [`Gated::enter_shared`].
fn wait_empty(count: &AtomicU32) {
    let mut tries = 0_u32;
    while count.load(Ordering::SeqCst) != 0 {
        barrier::relax(tries);
        tries = tries.saturating_add(1);
    }
}

/// What leads to a gate, and is shared by the clones of a way in.
///
/// # Safety
/// Always the same gate, for as long as it lives.
pub(crate) unsafe trait Leads {
    /// What is behind the gate.
    type Chip: ?Sized;
    /// What stays.
    type State;

    fn gate(&self) -> &Gated<Self::Chip, Self::State>;
}

// SAFETY: a claim's device is set when it is made; a `Pass` gives out no `&mut` of its key.
unsafe impl Leads for Claim {
    type Chip = dyn Chip;
    type State = State;

    #[inline]
    fn gate(&self) -> &Gated<dyn Chip, State> {
        &self.device.0
    }
}

/// One handle's way in, counted together with its key, which leads to the gate. `Send`, not
/// `Sync`: its slot has one writer; clone it for another thread. A clone touches one counter.
pub(crate) struct Pass<K: Leads> {
    key: Arc<K>,
    slot: OnceCell<(Arc<Slot>, usize)>,
}

impl<K: Leads> Pass<K> {
    /// A way in with this key. Takes no slot before the first call.
    pub(crate) fn new(key: K) -> Self {
        Self {
            key: Arc::new(key),
            slot: OnceCell::new(),
        }
    }

    #[inline]
    pub(crate) fn key(&self) -> &K {
        &self.key
    }

    #[inline]
    fn gate(&self) -> &Gated<K::Chip, K::State> {
        self.key.gate()
    }

    /// How many clones there are, this one included.
    pub(crate) fn handles(&self) -> usize {
        Arc::strong_count(&self.key)
    }

    /// Whether both are clones of one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.key, &other.key)
    }

    /// Comes in: one store, one load. `Revoked` if the chip is gone.
    #[inline]
    pub(crate) fn enter(&self) -> Result<Inside<'_, K::Chip>> {
        let slot = match self.slot.get() {
            Some((slot, _)) => slot,
            None => self.join()?,
        };
        // The common case stores a constant, so that one call does not wait for the store of the
        // one before.
        match slot.inside.load(Ordering::Relaxed) {
            0 => slot.inside.store(1, Ordering::Relaxed),
            depth => slot.deeper(depth)?,
        }
        let leave = Leave::Slot(slot);
        let gate = self.gate();
        if gate.is_closed() {
            return Err(Error::Revoked);
        }
        // SAFETY: this call is counted in its slot, and *revoked* was unset after the barrier.
        let chip = unsafe { gate.chip() };
        Ok(Inside::new(chip, leave))
    }

    #[cold]
    fn join(&self) -> Result<&Slot> {
        let gate = self.gate();
        let mut slots = gate.slots.lock();
        if gate.is_revoked() {
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

impl Slot {
    /// A call from inside a call.
    #[cold]
    fn deeper(&self, depth: u32) -> Result<()> {
        let depth = depth.checked_add(1).ok_or(Error::Busy)?;
        self.inside.store(depth, Ordering::Relaxed);
        Ok(())
    }

    #[inline]
    fn leave(&self) {
        match self.inside.load(Ordering::Relaxed) {
            1 => self.inside.store(0, Ordering::Release),
            depth => self.shallower(depth),
        }
    }

    #[cold]
    fn shallower(&self, depth: u32) {
        self.inside.store(depth.wrapping_sub(1), Ordering::Release);
    }
}

impl<K: Leads> Drop for Pass<K> {
    fn drop(&mut self) {
        let Some((slot, place)) = self.slot.take() else {
            return;
        };
        let mut slots = self.gate().slots.lock();
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

impl<K: Leads> Clone for Pass<K> {
    fn clone(&self) -> Self {
        Self {
            key: Arc::clone(&self.key),
            slot: OnceCell::new(),
        }
    }
}

/// Proof of being inside: the chip, usable until this is dropped, on the thread that came in.
pub(crate) struct Inside<'a, T: ?Sized> {
    chip: &'a T,
    _leave: Leave<'a>,
    /// Not `Send`: a slot has one writer.
    _stays: PhantomData<*const ()>,
}

impl<'a, T: ?Sized> Inside<'a, T> {
    #[inline]
    const fn new(chip: &'a T, leave: Leave<'a>) -> Self {
        Self {
            chip,
            _leave: leave,
            _stays: PhantomData,
        }
    }
}

impl<T: ?Sized> Deref for Inside<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.chip
    }
}

/// Counts a call out again, also when the chip panics.
enum Leave<'a> {
    Slot(&'a Slot),
    Shared(&'a AtomicU32),
}

impl Drop for Leave<'_> {
    #[inline]
    fn drop(&mut self) {
        match self {
            Self::Slot(slot) => slot.leave(),
            Self::Shared(count) => {
                count.fetch_sub(1, Ordering::Release);
            }
        }
    }
}
