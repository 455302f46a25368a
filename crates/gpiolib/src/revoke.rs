//! The call guard: a chip that can be taken away while others call it.
//!
//! A [`Gated`] owns a chip and outlives it. Callers come in through a [`Pass`], which owns one
//! *slot* (one writer, a cache line of its own); to request or free a line, by a mark in the word of
//! that line; or, on other cold paths, through a shared counter.
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
//!    Every slot has a *revoked* of its own, so that a call looks at its slot alone; the closer sets
//!    all of them, and the door's, before its barrier. Without a slot the four accesses are
//!    sequentially consistent themselves; loom, which takes such accesses for weaker than they are,
//!    gets a fence in addition. Who gives a line back comes in as with a slot; see [`mod@line`].
//! 2. *The closer knows every counter.* Slots are added only under the slot lock and only while
//!    the door's *revoked* is unset under that lock; it is set under it. A slot goes to
//!    another pass only when its pass is dropped, which nobody is inside of, since calls borrow it.
//! 3. *A counter is not zero while somebody is inside.* A slot is written by the thread that has the
//!    pass (`Pass` is not `Sync`). A call is the extent of [`Pass::call`], so the calls of one pass
//!    nest: each leaves behind what it found, also when the chip panics. On its way in it stores a
//!    one, whatever it found; if that was not zero it stores one more than that instead. The common
//!    case found nothing and stores constants.
//! 4. *What a caller did is over when the chip is moved.* Exits store with `Release`, the closer
//!    loads with `Acquire`. A slot that was dropped was dropped under the lock that `take` takes.
//! 5. *Nobody gets in afterwards.* The chip is moved out only with *revoked* set and after every
//!    counter was seen at zero; who counts itself in later sees *revoked* and leaves without looking
//!    at the chip. Nor does anybody get in after somebody else was told: the door is marked after the
//!    slots, and who is told by its slot waits until the closer has marked everything.
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
mod counted;
mod line;
#[cfg(all(test, not(loom)))]
mod tests;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::{OnceCell, UnsafeCell};
use core::fmt;
use core::hint::cold_path;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

pub(crate) use self::line::{AtLine, Held, Last, Lines};

use self::barrier::FENCED;
use self::counted::Counted;
use self::line::INSIDE;
use crate::claim::Claim;
use crate::device::State;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Arc, Mutex};
use crate::{Chip, Error, Result};

/// A chip that may be taken away, and what stays: the state `S`.
///
/// What every request reads comes first, the beginning of the state included; what they write lies
/// 128 bytes on if the state has 104, and the counts of references lie as far before it. Calls read
/// nothing here. A device of 64 lines is promised to cost 32 bytes a line, so nothing here is padded
/// twice.
#[repr(C, align(128))]
pub(crate) struct Gated<T: ?Sized, S> {
    door: Door<T>,
    pub(crate) state: S,
    /// Calls that came in without a slot.
    shared: AtomicU32,
    slots: Mutex<Slots<T>>,
}

/// What leads to the chip without a slot.
#[repr(C)]
struct Door<T: ?Sized> {
    /// `None` only after [`Closed::take`].
    chip: UnsafeCell<Option<Box<T>>>,
    /// [`REVOKED`], and [`FENCED`] where callers need a fence.
    state: AtomicU32,
}

/// The chip is gone, or about to go.
const REVOKED: u32 = 1;

// SAFETY: the chip is shared by reference only while it is inside (needs `T: Sync`), and moved out
// by one thread after all others have left (needs `T: Send`); see the module's proof.
unsafe impl<T: ?Sized + Send + Sync> Sync for Door<T> {}

/// The slots of all passes of one gate; a free one serves the next pass.
struct Slots<T: ?Sized> {
    all: Vec<Arc<Slot<T>>>,
    free: Vec<usize>,
}

/// All that a call of one pass looks at, in a cache line of its own.
#[repr(C, align(128))]
struct Slot<T: ?Sized> {
    /// How many calls the pass has inside. Written by its owner only.
    inside: AtomicU32,
    /// The state of the door, for this slot: zero in the common case, so that a call tests once.
    state: AtomicU32,
    /// The chip, while the door is open.
    chip: NonNull<T>,
    /// Its index in the list.
    place: usize,
}

// SAFETY: the pointer leads to what `Door` shares under the same conditions.
unsafe impl<T: ?Sized + Send + Sync> Send for Slot<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync> Sync for Slot<T> {}

impl<T: ?Sized, S> Gated<T, S> {
    pub(crate) fn new(chip: Box<T>, state: S) -> Self {
        Self {
            door: Door {
                chip: UnsafeCell::new(Some(chip)),
                state: AtomicU32::new(barrier::prepare()),
            },
            shared: AtomicU32::new(0),
            slots: Mutex::new(Slots::new()),
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
        let leave = Leave(&self.shared);
        barrier::for_loom();
        if self.door.state.load(Ordering::SeqCst) & REVOKED != 0 {
            return Err(Error::Revoked);
        }
        // SAFETY: this call is counted in `shared` and *revoked* was unset after that.
        let chip = unsafe { self.chip() };
        Ok(Inside {
            chip,
            _leave: leave,
            _stays: PhantomData,
        })
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
        #[cfg(loom)]
        self.has_chip();
        // SAFETY: there is a chip until `take` has it, and `take` has not begun to touch it.
        unsafe { chip.as_deref().unwrap_unchecked() }
    }

    /// Only a mutant of the barrier gets here without a chip; its model shall say so.
    #[cfg(loom)]
    fn has_chip(&self) {
        // SAFETY: no model but a mutant's writes the cell while a caller is inside.
        let chip = unsafe { &*self.door.chip.get() };
        assert!(chip.is_some(), "inside after the chip went");
    }

    /// Makes every later call fail; `None` if another call closed the gate before.
    pub(crate) fn close(&self) -> Option<Closed<'_, T, S>>
    where
        S: Lines,
    {
        let slots = self.slots.lock();
        if self.is_revoked() {
            return None;
        }
        for slot in &slots.all {
            slot.state.fetch_or(REVOKED, Ordering::Relaxed);
        }
        // After the slots: who is told so by the door finds no slot that says otherwise.
        self.door.state.fetch_or(REVOKED, Ordering::SeqCst);
        let is_called = !slots.all.is_empty();
        drop(slots);
        barrier::full();
        let may_be_inside = is_called || self.is_held();
        let ordered = !may_be_inside || barrier::heavy();
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
    pub(crate) fn take(self) -> Option<Box<T>>
    where
        S: Lines,
    {
        // The lock is not held while waiting: a caller inside may drop other passes.
        let slots = core::mem::replace(&mut *self.gate.slots.lock(), Slots::new());
        for slot in &slots.all {
            wait_empty(&slot.inside, u32::MAX);
        }
        wait_empty(&self.gate.shared, u32::MAX);
        for word in self.gate.state.words() {
            wait_empty(word, INSIDE);
        }
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

/// Waits until these bits of a counter are zero. An acquiring load, so that the leaver's work is seen;
/// sequentially consistent for those who come in without a slot.
fn wait_empty(count: &AtomicU32, bits: u32) {
    let mut tries = 0_u32;
    while count.load(Ordering::SeqCst) & bits != 0 {
        barrier::relax(tries);
        tries = tries.saturating_add(1);
    }
}

/// What leads to a gate, and is shared by the clones of a way in.
///
/// # Safety
/// Always the same gate and the same word, for as long as it lives.
pub(crate) unsafe trait Leads {
    /// What is behind the gate.
    type Chip: ?Sized;
    /// What stays.
    type State;

    fn gate(&self) -> &Gated<Self::Chip, Self::State>;

    /// What every handle has at hand.
    fn word(&self) -> &AtomicU32;
}

// SAFETY: a claim's device is set when it is made; a `Pass` gives out no `&mut` of its key.
unsafe impl Leads for Claim {
    type Chip = dyn Chip;
    type State = State;

    #[inline]
    fn gate(&self) -> &Gated<dyn Chip, State> {
        &self.device().0
    }

    #[inline]
    fn word(&self) -> &AtomicU32 {
        self.flags()
    }
}

/// The caller's half of the barrier; then whether a counted caller must turn back or, looked at
/// together with that, `depth` is not zero.
#[inline]
fn is_rare(state: &AtomicU32, depth: u32) -> bool {
    if barrier::ALWAYS_FENCED {
        barrier::fenced();
        return state.load(Ordering::Acquire) & REVOKED | depth != 0;
    }
    barrier::light();
    match state.load(Ordering::Acquire) {
        seen if seen | depth == 0 => false,
        seen => {
            cold_path();
            if seen & FENCED != 0 {
                barrier::fenced();
            }
            state.load(Ordering::Acquire) & REVOKED | depth != 0
        }
    }
}

impl<T: ?Sized> Slots<T> {
    const fn new() -> Self {
        Self {
            all: Vec::new(),
            free: Vec::new(),
        }
    }
}

/// One handle's way in, counted together with its key, which leads to the gate. `Send`, not
/// `Sync`: its slot has one writer; clone it for another thread.
pub(crate) struct Pass<K: Leads> {
    slot: OnceCell<Arc<Slot<K::Chip>>>,
    key: Counted<K>,
    /// The key's.
    word: NonNull<AtomicU32>,
}

// SAFETY: the word is an atomic; the rest can go to other threads.
unsafe impl<K: Leads + Send + Sync> Send for Pass<K> where K::Chip: Send + Sync {}

impl<K: Leads> Pass<K> {
    /// A way in with this key. Takes no slot before the first call.
    #[inline]
    pub(crate) fn new(key: K) -> Self {
        let key = Counted::new(key);
        Self {
            slot: OnceCell::new(),
            word: NonNull::from(key.word()),
            key,
        }
    }

    /// The key's word.
    #[inline]
    pub(crate) const fn word(&self) -> &AtomicU32 {
        // SAFETY: always the same, for as long as there is the key, which `self.key` keeps.
        unsafe { self.word.as_ref() }
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
        self.key.handles()
    }

    /// Whether both are clones of one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.key.is_same(&other.key)
    }

    /// Does something inside the chip: two stores, two loads and two branches more than a plain call.
    /// `Revoked` if the chip is gone.
    #[inline]
    pub(crate) fn call<R>(&self, work: impl FnOnce(&K::Chip) -> Result<R>) -> Result<R> {
        let Some(slot) = self.slot.get() else {
            cold_path();
            return self.call_rarely(work);
        };
        let depth = slot.inside.load(Ordering::Relaxed);
        slot.inside.store(1, Ordering::Relaxed);
        let leave = Back {
            inside: &slot.inside,
            depth: 0,
        };
        if is_rare(&slot.state, depth) {
            cold_path();
            if depth == 0 {
                return Err(self.is_closed());
            }
            core::mem::forget(leave);
            slot.inside.store(depth, Ordering::Relaxed);
            return self.call_rarely(work);
        }
        #[cfg(loom)]
        self.gate().has_chip();
        // SAFETY: this call is counted in its slot, and *revoked* was unset after the barrier.
        work(unsafe { slot.chip.as_ref() })
    }

    /// The first call of all, or a call from inside a call: comes in where `depth` calls are inside
    /// already, and leaves as many behind.
    #[cold]
    #[inline(never)]
    fn call_rarely<R>(&self, work: impl FnOnce(&K::Chip) -> Result<R>) -> Result<R> {
        let slot = match self.slot.get() {
            Some(slot) => slot,
            None => self.join()?,
        };
        let depth = slot.inside.load(Ordering::Relaxed);
        if depth == u32::MAX {
            return Err(Error::Busy);
        }
        slot.inside.store(depth + 1, Ordering::Relaxed);
        let _leave = Back {
            inside: &slot.inside,
            depth,
        };
        if is_rare(&slot.state, 0) {
            return Err(self.is_closed());
        }
        #[cfg(loom)]
        self.gate().has_chip();
        // SAFETY: this call is counted in its slot, and *revoked* was unset after the barrier.
        work(unsafe { slot.chip.as_ref() })
    }

    /// Waits until the closer has marked the other slots and the door too, so that who hears of the
    /// end by one way in finds all of them closed.
    #[cold]
    fn is_closed(&self) -> Error {
        drop(self.gate().slots.lock());
        Error::Revoked
    }

    /// Takes a slot, which then is this pass's own.
    fn join(&self) -> Result<&Slot<K::Chip>> {
        let gate = self.gate();
        let mut slots = gate.slots.lock();
        if gate.is_revoked() {
            return Err(Error::Revoked);
        }
        let slot = match slots.free.pop().and_then(|place| slots.all.get(place)) {
            Some(slot) => Arc::clone(slot),
            None => {
                let slot = Arc::new(Slot {
                    inside: AtomicU32::new(0),
                    state: AtomicU32::new(gate.door.state.load(Ordering::Relaxed) & FENCED),
                    // SAFETY: *revoked* is unset and cannot be set while the lock is held.
                    chip: NonNull::from(unsafe { gate.chip() }),
                    place: slots.all.len(),
                });
                slots.all.push(Arc::clone(&slot));
                slot
            }
        };
        drop(slots);
        Ok(self.slot.get_or_init(|| slot))
    }
}

/// Counts a call out again, also when the chip panics.
struct Back<'a> {
    inside: &'a AtomicU32,
    depth: u32,
}

impl Drop for Back<'_> {
    #[inline]
    fn drop(&mut self) {
        self.inside.store(self.depth, Ordering::Release);
    }
}

impl<K: Leads> Drop for Pass<K> {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else {
            return;
        };
        let mut slots = self.gate().slots.lock();
        // After `take` the list is empty and the place means nothing any more.
        if slots.all.get(slot.place).is_some() {
            slots.free.push(slot.place);
        }
    }
}

impl<K: Leads> Clone for Pass<K> {
    fn clone(&self) -> Self {
        Self {
            slot: OnceCell::new(),
            key: self.key.clone(),
            word: self.word,
        }
    }
}

/// Proof of being inside without a slot: the chip, usable until this is dropped.
pub(crate) struct Inside<'a, T: ?Sized> {
    chip: &'a T,
    _leave: Leave<'a>,
    _stays: PhantomData<*const ()>,
}

impl<T: ?Sized> Deref for Inside<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.chip
    }
}

/// Counts a call out again, also when the chip panics.
struct Leave<'a>(&'a AtomicU32);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}
