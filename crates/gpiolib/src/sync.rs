//! Locks, atomics and counted pointers of the core: the one place that names a lock.
//!
//! `std` gives the standard mutex (poison is ignored: every critical section here leaves its data
//! whole), otherwise a spin lock. Under `--cfg loom` locks and atomics are loom's, and counted
//! pointers tell loom of every clone and drop, so that it tries every order of them.
//!
//! Lock order, outermost first: registry table → device watchers → line → edge or info queue.
//! Look-up tables and a bus's list are locked alone.
//! No lock is held while a chip is called or a waker is woken. A queue's store is called under
//! the queue's lock and must take none of these.

#[cfg(loom)]
mod modelled;

#[cfg(loom)]
pub(crate) use loom::sync::atomic;
#[cfg(loom)]
pub(crate) use modelled::{Arc, Weak};

#[cfg(not(loom))]
pub(crate) use alloc::sync::{Arc, Weak};
#[cfg(not(loom))]
pub(crate) use core::sync::atomic;

#[cfg(loom)]
use loom::sync as lock;
#[cfg(all(feature = "std", not(loom)))]
use std::sync as lock;

/// A mutual-exclusion lock whose `lock` cannot fail.
///
/// Public because the layer above, which is `no_std` too, must not name a lock of its own.
///
/// ```
/// use gpiolib::Mutex;
///
/// let count = Mutex::new(1);
/// *count.lock() += 1;
/// assert_eq!(*count.lock(), 2);
/// ```
#[derive(Debug, Default)]
pub struct Mutex<T> {
    #[cfg(any(feature = "std", loom))]
    inner: lock::Mutex<T>,
    #[cfg(not(any(feature = "std", loom)))]
    inner: spin::mutex::SpinMutex<T>,
}

/// The proof that a [`Mutex`] is held.
#[cfg(any(feature = "std", loom))]
pub type MutexGuard<'a, T> = lock::MutexGuard<'a, T>;
/// The proof that a [`Mutex`] is held.
#[cfg(not(any(feature = "std", loom)))]
pub type MutexGuard<'a, T> = spin::mutex::SpinMutexGuard<'a, T>;

impl<T> Mutex<T> {
    /// A lock around `value`.
    #[cfg(loom)]
    pub fn new(value: T) -> Self {
        Self {
            inner: lock::Mutex::new(value),
        }
    }

    /// A lock around `value`.
    #[cfg(all(feature = "std", not(loom)))]
    pub const fn new(value: T) -> Self {
        Self {
            inner: lock::Mutex::new(value),
        }
    }

    /// A lock around `value`.
    #[cfg(not(any(feature = "std", loom)))]
    pub const fn new(value: T) -> Self {
        Self {
            inner: spin::mutex::SpinMutex::new(value),
        }
    }

    /// Takes the lock, waiting for whoever has it.
    #[cfg(any(feature = "std", loom))]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes the lock, waiting for whoever has it.
    #[cfg(not(any(feature = "std", loom)))]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.inner.lock()
    }
}
