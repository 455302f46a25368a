//! The way in of one handle: a slot that it alone writes.

#![expect(
    unsafe_code,
    reason = "the resource is reached without a lock; the proof is in the crate's page"
)]

use core::cell::OnceCell;
use core::fmt;
use core::ptr::NonNull;

use crate::barrier::FENCED;
use crate::gate::{Gate, Slot, is_rare};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::{Revocable, Revoked};

/// One handle's way in: 0.3 to 0.7 ns a call on Linux. `Send`, not `Sync`, since its slot has one writer; clone
/// it for another thread. The slot is taken at the first call.
///
/// ```
/// use revocable::{Revocable, Revoked};
///
/// let bus = Revocable::new([1, 2, 3]);
/// let handle = bus.handle();
/// let other = handle.clone();
/// let reader = std::thread::spawn(move || other.call(|bus| Ok::<_, Revoked>(bus[1])));
/// assert_eq!(reader.join().expect("it does not panic"), Ok(2));
/// assert_eq!(bus.take().map(|bus| *bus), Some([1, 2, 3]));
/// assert_eq!(handle.call(|bus| Ok(bus.len())), Err(Revoked));
/// ```
pub struct Handle<T: ?Sized, S = ()> {
    pass: Pass<T>,
    gate: Revocable<T, S>,
}

/// The slot of a handle, taken at the first call.
pub(crate) struct Pass<T: ?Sized>(OnceCell<Arc<Slot<T>>>);

impl<T: ?Sized, S> Revocable<T, S> {
    /// A way in for one thread at a time, and for many calls.
    #[must_use]
    pub fn handle(&self) -> Handle<T, S> {
        Handle {
            pass: Pass::new(),
            gate: self.clone(),
        }
    }
}

impl<T: ?Sized, S> Handle<T, S> {
    /// Does something with the resource, which cannot be taken meanwhile: two stores, two loads and two
    /// branches more than a plain call. Calls of one handle may nest.
    ///
    /// # Errors
    /// [`Revoked`], as the caller's error; the work's own.
    #[inline]
    pub fn call<R, E: From<Revoked>>(&self, work: impl FnOnce(&T) -> Result<R, E>) -> Result<R, E> {
        self.pass.call(|| &*self.gate.0, work)
    }

    /// What it leads to.
    #[must_use]
    pub const fn revocable(&self) -> &Revocable<T, S> {
        &self.gate
    }
}

impl<T: ?Sized> Pass<T> {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self(OnceCell::new())
    }

    /// A pass is only ever used with one gate, which the common case does not look for.
    #[inline]
    pub(crate) fn call<'a, S: 'a, R, E: From<Revoked>>(
        &self,
        gate: impl Fn() -> &'a Gate<T, S>,
        work: impl FnOnce(&T) -> Result<R, E>,
    ) -> Result<R, E>
    where
        T: 'a,
    {
        let Some(slot) = self.0.get() else {
            return self.call_rarely(gate(), work);
        };
        let depth = slot.inside.load(Ordering::Relaxed);
        slot.inside.store(1, Ordering::Relaxed);
        let leave = Back {
            inside: &slot.inside,
            depth: 0,
        };
        if is_rare(&slot.state, depth) {
            if depth == 0 {
                return Err(is_closed(gate()).into());
            }
            core::mem::forget(leave);
            slot.inside.store(depth, Ordering::Relaxed);
            return self.call_rarely(gate(), work);
        }
        #[cfg(loom)]
        gate().has_resource();
        // SAFETY: this call is counted in its slot, and *revoked* was unset after the barrier.
        work(unsafe { slot.resource.as_ref() })
    }

    /// The first call of all, or a call from inside a call: comes in where `depth` calls are inside
    /// already, and leaves as many behind.
    #[cold]
    #[inline(never)]
    fn call_rarely<S, R, E: From<Revoked>>(
        &self,
        gate: &Gate<T, S>,
        work: impl FnOnce(&T) -> Result<R, E>,
    ) -> Result<R, E> {
        let slot = match self.0.get() {
            Some(slot) => slot,
            None => self.join(gate)?,
        };
        let depth = slot.inside.load(Ordering::Relaxed);
        // More than any stack has room for.
        assert!(depth < u32::MAX, "calls of one handle nest too deep");
        slot.inside.store(depth + 1, Ordering::Relaxed);
        let _leave = Back {
            inside: &slot.inside,
            depth,
        };
        if is_rare(&slot.state, 0) {
            return Err(is_closed(gate).into());
        }
        #[cfg(loom)]
        gate.has_resource();
        // SAFETY: this call is counted in its slot, and *revoked* was unset after the barrier.
        work(unsafe { slot.resource.as_ref() })
    }

    /// Takes a slot, which then is this pass's own.
    fn join<S>(&self, gate: &Gate<T, S>) -> Result<&Slot<T>, Revoked> {
        let mut slots = gate.slots.lock();
        if gate.is_revoked() {
            return Err(Revoked);
        }
        let slot = match slots.free.pop().and_then(|place| slots.all.get(place)) {
            Some(slot) => Arc::clone(slot),
            None => {
                let slot = Arc::new(Slot {
                    inside: AtomicU32::new(0),
                    state: AtomicU32::new(gate.door.state.load(Ordering::Relaxed) & FENCED),
                    // SAFETY: *revoked* is unset and cannot be set while the lock is held.
                    resource: NonNull::from(unsafe { gate.resource() }),
                    place: slots.all.len(),
                });
                slots.all.push(Arc::clone(&slot));
                slot
            }
        };
        drop(slots);
        Ok(self.0.get_or_init(|| slot))
    }

    /// Gives the slot back. Called before the gate may go.
    pub(crate) fn leave<S>(&mut self, gate: &Gate<T, S>) {
        let Some(slot) = self.0.take() else {
            return;
        };
        let mut slots = gate.slots.lock();
        // After `take` the list is empty and the place means nothing any more.
        if slots.all.get(slot.place).is_some() {
            slots.free.push(slot.place);
        }
    }

    #[cfg(all(test, not(loom)))]
    pub(crate) fn inside(&self) -> Option<u32> {
        Some(self.0.get()?.inside.load(Ordering::Relaxed))
    }
}

/// Waits until the closer has marked the other slots and the door too, so that who hears of the
/// end by one way in finds all of them closed.
#[cold]
fn is_closed<T: ?Sized, S>(gate: &Gate<T, S>) -> Revoked {
    drop(gate.slots.lock());
    Revoked
}

/// Counts a call out again, also when the resource panics.
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

impl<T: ?Sized, S> Drop for Handle<T, S> {
    fn drop(&mut self) {
        self.pass.leave(&self.gate.0);
    }
}

impl<T: ?Sized, S> Clone for Handle<T, S> {
    fn clone(&self) -> Self {
        self.gate.handle()
    }
}

impl<T: ?Sized, S: fmt::Debug> fmt::Debug for Handle<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.gate).finish()
    }
}
