//! The gate: a resource behind a door that can be closed, and the way in without a slot.

#![expect(
    unsafe_code,
    reason = "the resource is reached without a lock; the proof is in the crate's page"
)]

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::Revoked;
use crate::barrier::{self, FENCED};
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{Arc, IrqLock, Weak};
use crate::word::{INSIDE, Word};

/// A resource that may be taken away while others use it, and what stays: the state `S`. Counted; all
/// clones are the same.
///
/// ```
/// use revocable::{Revocable, Revoked};
///
/// let bus = Revocable::new(String::from("bus"));
/// let other = bus.clone();
/// assert_eq!(other.enter()?.len(), 3);
///
/// assert_eq!(bus.take().map(|bus| *bus), Some("bus".into()), "handed back, and nobody is inside");
/// assert_eq!(other.enter().err(), Some(Revoked));
/// # Ok::<(), Revoked>(())
/// ```
pub struct Revocable<T: ?Sized, S = ()>(pub(crate) Arc<Gate<T, S>>);

/// A [`Revocable`] that does not keep the state.
pub struct WeakRevocable<T: ?Sized, S = ()>(Weak<Gate<T, S>>);

/// What every user of a word reads comes first, the beginning of the state included; what they write lies
/// behind the state, and the counts of references lie before it. Calls by a slot read nothing here.
#[repr(C, align(128))]
pub(crate) struct Gate<T: ?Sized, S> {
    pub(crate) door: Door<T>,
    words: Box<[Word]>,
    state: S,
    /// Calls that came in without a slot.
    shared: AtomicU32,
    pub(crate) slots: IrqLock<Slots<T>>,
}

/// What leads to the resource without a slot.
#[repr(C)]
pub(crate) struct Door<T: ?Sized> {
    /// `None` only after [`Revocable::take`].
    resource: UnsafeCell<Option<Box<T>>>,
    /// [`REVOKED`], [`ORDERED`], and [`FENCED`] where callers need a fence.
    pub(crate) state: AtomicU32,
}

/// The resource is gone, or about to go.
pub(crate) const REVOKED: u32 = 1;

/// The barrier between [`REVOKED`] and the look at the counters was made.
const ORDERED: u32 = 4;

// SAFETY: the resource is shared by reference only while it is inside (needs `T: Sync`), and moved out
// by one thread after all others have left (needs `T: Send`); see the crate's proof.
unsafe impl<T: ?Sized + Send + Sync> Sync for Door<T> {}

/// The slots of all handles of one gate; a free one serves the next handle.
pub(crate) struct Slots<T: ?Sized> {
    pub(crate) all: Vec<Arc<Slot<T>>>,
    pub(crate) free: Vec<usize>,
}

/// All that a call of one handle looks at, in a cache line of its own.
#[repr(C, align(128))]
pub(crate) struct Slot<T: ?Sized> {
    /// How many calls the handle has inside. Written by its owner only.
    pub(crate) inside: AtomicU32,
    /// The state of the door, for this slot: zero in the common case, so that a call tests once.
    pub(crate) state: AtomicU32,
    /// The resource, while the door is open.
    pub(crate) resource: NonNull<T>,
    /// Its index in the list.
    pub(crate) place: usize,
}

// SAFETY: the pointer leads to what `Door` shares under the same conditions.
unsafe impl<T: ?Sized + Send + Sync> Send for Slot<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync> Sync for Slot<T> {}

impl<T> Revocable<T> {
    /// A resource, and nothing that stays.
    #[must_use]
    pub fn new(resource: T) -> Self {
        Self::with(Box::new(resource), 0, ())
    }
}

impl<T: ?Sized, S> Revocable<T, S> {
    /// A resource with so many words ([`Word`]), and what stays when it goes.
    #[must_use]
    pub fn with(resource: Box<T>, words: usize, state: S) -> Self {
        Self(Arc::new(Gate {
            door: Door {
                resource: UnsafeCell::new(Some(resource)),
                state: AtomicU32::new(barrier::prepare()),
            },
            words: (0..words).map(|_| Word::default()).collect(),
            state,
            shared: AtomicU32::new(0),
            slots: IrqLock::new(Slots::new()),
        }))
    }

    /// What stays when the resource goes.
    #[must_use]
    #[inline]
    pub fn state(&self) -> &S {
        &self.0.state
    }

    /// The words, as many as it was made with.
    #[must_use]
    #[inline]
    pub fn words(&self) -> &[Word] {
        &self.0.words
    }

    /// Whether the resource is gone, or about to go.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.0.is_revoked()
    }

    /// Comes in: the resource cannot be taken until the guard is dropped, which may be after a long wait.
    /// Two read-modify-writes of a shared counter: for cold paths; see [`Revocable::handle`].
    ///
    /// # Errors
    /// [`Revoked`].
    pub fn enter(&self) -> Result<Inside<'_, T>, Revoked> {
        self.0.enter_shared()
    }

    /// Closes the gate: every later call fails. Never waits for callers, so it may be called from inside
    /// one. Whether it was this call that closed it.
    pub fn revoke(&self) -> bool {
        self.0.close()
    }

    /// Closes the gate if that was not done, waits until nobody is inside, and hands the resource back.
    /// `None` if it was handed back before; or if the kernel took the barrier away that it once granted:
    /// the resource then stays, unreachable, for good.
    ///
    /// Waits for ever if called from inside.
    #[must_use]
    pub fn take(&self) -> Option<Box<T>> {
        self.0.close();
        self.0.take()
    }

    /// Whether both are the same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How many clones there are, handles and claims included.
    #[must_use]
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// The same, without keeping the state.
    #[must_use]
    pub fn downgrade(&self) -> WeakRevocable<T, S> {
        WeakRevocable(Arc::downgrade(&self.0))
    }
}

impl<T: ?Sized, S> Gate<T, S> {
    pub(crate) fn is_revoked(&self) -> bool {
        self.door.state.load(Ordering::Acquire) & REVOKED != 0
    }

    pub(crate) fn words(&self) -> &[Word] {
        &self.words
    }

    /// No fence: all four accesses of Dekker's argument are sequentially consistent themselves here.
    fn enter_shared(&self) -> Result<Inside<'_, T>, Revoked> {
        self.shared.fetch_add(1, Ordering::SeqCst);
        let leave = Leave(&self.shared);
        barrier::for_loom();
        if self.door.state.load(Ordering::SeqCst) & REVOKED != 0 {
            return Err(Revoked);
        }
        // SAFETY: this call is counted in `shared` and *revoked* was unset after that.
        let resource = unsafe { self.resource() };
        Ok(Inside {
            resource,
            _leave: leave,
            _stays: PhantomData,
        })
    }

    /// The resource, for who is counted.
    ///
    /// # Safety
    /// The caller was counted, and then, after the barrier, found *revoked* unset; and is counted
    /// for as long as the reference lives.
    #[inline]
    pub(crate) unsafe fn resource(&self) -> &T {
        // SAFETY: `take`, the one who writes the cell, waits until the caller is counted out.
        let resource = unsafe { &*self.door.resource.get() };
        #[cfg(loom)]
        self.has_resource();
        // SAFETY: there is a resource until `take` has it, and `take` has not begun to touch it.
        unsafe { resource.as_deref().unwrap_unchecked() }
    }

    /// Only a mutant of the barrier gets here without a resource; its model shall say so.
    #[cfg(loom)]
    pub(crate) fn has_resource(&self) {
        // SAFETY: no model but a mutant's writes the cell while a caller is inside.
        let resource = unsafe { &*self.door.resource.get() };
        assert!(resource.is_some(), "inside after the chip went");
    }

    /// Makes every later call fail; whether no other call did before.
    fn close(&self) -> bool {
        let slots = self.slots.lock();
        if self.is_revoked() {
            return false;
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
        if !may_be_inside || barrier::heavy() {
            self.door.state.fetch_or(ORDERED, Ordering::Release);
        }
        true
    }

    /// Whether the barrier was made, by who closed the gate, or else here.
    fn is_ordered(&self) -> bool {
        if self.door.state.load(Ordering::Acquire) & ORDERED != 0 {
            return true;
        }
        barrier::full();
        barrier::heavy()
    }

    /// Waits until nobody is inside and moves the resource out.
    fn take(&self) -> Option<Box<T>> {
        let is_ordered = self.is_ordered();
        // The lock is not held while waiting: a caller inside may drop other handles.
        let slots = self.slots.lock().all.clone();
        for slot in &slots {
            wait_empty(&slot.inside, u32::MAX);
        }
        wait_empty(&self.shared, u32::MAX);
        for word in &self.words {
            wait_empty(word.raw(), INSIDE);
        }
        if !is_ordered {
            return None;
        }
        let mut list = self.slots.lock();
        let unused = core::mem::replace(&mut *list, Slots::new());
        // SAFETY: *revoked* is set and every counter was seen at zero after the barrier, so no reference
        // into the cell exists or can be made by a caller; others who take have the lock in turn.
        let resource = unsafe { &mut *self.door.resource.get() }.take();
        drop(list);
        drop(unused);
        resource
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

/// Waits until these bits of a counter are zero. An acquiring load, so that the leaver's work is seen;
/// sequentially consistent for those who come in without a slot.
fn wait_empty(count: &AtomicU32, bits: u32) {
    let mut tries = 0_u32;
    while count.load(Ordering::SeqCst) & bits != 0 {
        barrier::relax(tries);
        tries = tries.saturating_add(1);
    }
}

/// The caller's half of the barrier; then whether a counted caller must turn back or, looked at
/// together with that, `depth` is not zero.
#[inline]
pub(crate) fn is_rare(state: &AtomicU32, depth: u32) -> bool {
    if barrier::ALWAYS_FENCED {
        barrier::fenced();
        return state.load(Ordering::Acquire) & REVOKED | depth != 0;
    }
    barrier::light();
    match state.load(Ordering::Acquire) {
        seen if seen | depth == 0 => false,
        seen => is_rare_at_all(state, seen, depth),
    }
}

#[cold]
fn is_rare_at_all(state: &AtomicU32, seen: u32, depth: u32) -> bool {
    if seen & FENCED != 0 {
        barrier::fenced();
    }
    state.load(Ordering::Acquire) & REVOKED | depth != 0
}

/// Proof of being inside without a slot: the resource, usable until this is dropped.
pub struct Inside<'a, T: ?Sized> {
    resource: &'a T,
    _leave: Leave<'a>,
    _stays: PhantomData<*const ()>,
}

impl<T: ?Sized> Deref for Inside<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.resource
    }
}

/// Counts a call out again, also when the resource panics.
struct Leave<'a>(&'a AtomicU32);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

impl<T: ?Sized, S> WeakRevocable<T, S> {
    /// The same, if anybody keeps it.
    #[must_use]
    pub fn upgrade(&self) -> Option<Revocable<T, S>> {
        self.0.upgrade().map(Revocable)
    }
}

impl<T: ?Sized, S> Clone for Revocable<T, S> {
    #[inline]
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized, S> Clone for WeakRevocable<T, S> {
    fn clone(&self) -> Self {
        Self(Weak::clone(&self.0))
    }
}

impl<T: ?Sized, S: fmt::Debug> fmt::Debug for Revocable<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocable")
            .field("is_revoked", &self.is_revoked())
            .field("state", self.state())
            .finish_non_exhaustive()
    }
}

impl<T: ?Sized, S> fmt::Debug for WeakRevocable<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(WeakRevocable)")
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Inside<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.resource.fmt(f)
    }
}
