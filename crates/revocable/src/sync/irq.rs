//! The lock that interrupt handlers may take: a critical section, and a mark that finds a lock taken
//! twice by one.

#![expect(
    unsafe_code,
    reason = "a value reached in a critical section; each block says why"
)]

use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, Ordering};

use critical_section::RestoreState;

/// A lock that is held for a few moves only, and may be taken by an interrupt handler.
#[derive(Default)]
pub struct IrqLock<T> {
    is_held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by one context at a time, in a critical section.
unsafe impl<T: Send> Sync for IrqLock<T> {}

/// The proof that an [`IrqLock`] is held. Guards are to be dropped in the reverse order of their making.
pub struct IrqLockGuard<'a, T> {
    lock: &'a IrqLock<T>,
    section: ManuallyDrop<Section>,
    /// Critical sections belong to the context that began them.
    _stays: PhantomData<*const ()>,
}

struct Section(RestoreState);

impl<T> IrqLock<T> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        Self {
            is_held: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock. Interrupts of this core are off until the guard is dropped.
    ///
    /// # Panics
    /// If this context has it already.
    pub fn lock(&self) -> IrqLockGuard<'_, T> {
        // SAFETY: released by the guard's drop, in this context, as the guard is not `Send`.
        let section = Section(unsafe { critical_section::acquire() });
        // Nobody but this context can have it, which would wait for itself.
        let was_held = self.is_held.swap(true, Ordering::Relaxed);
        let guard = ManuallyDrop::new(section);
        assert!(!was_held, "a lock is taken twice by one context");
        IrqLockGuard {
            lock: self,
            section: guard,
            _stays: PhantomData,
        }
    }
}

impl<T> Deref for IrqLockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `is_held` was unset and is set by this guard, so no other reference exists.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for IrqLockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and this guard is borrowed alone.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for IrqLockGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.is_held.store(false, Ordering::Relaxed);
        // SAFETY: begun by `lock`, in this context; ended once, here.
        unsafe { critical_section::release(self.section.0) };
    }
}

impl<T> fmt::Debug for IrqLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IrqLock").finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for IrqLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
