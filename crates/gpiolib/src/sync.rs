//! Locks and atomics of the core: the one place that names a lock.
//!
//! `std` gives the standard mutex (poison is ignored: every critical section here leaves its data
//! whole), otherwise a spin lock; under `--cfg loom` the atomics are loom's.
//!
//! Lock order, outermost first: registry table → device watchers → line → edge or info queue.
//! No lock is held while a chip is called or a waker is woken. A queue's store is called under
//! the queue's lock and must take none of these.

#[cfg(loom)]
pub(crate) use loom::sync::atomic;

#[cfg(not(loom))]
pub(crate) use core::sync::atomic;

/// A mutual-exclusion lock whose `lock` cannot fail.
///
/// Public because the layer above, which is `no_std` too, must not name a lock of its own.
#[derive(Debug, Default)]
pub struct Mutex<T> {
    #[cfg(feature = "std")]
    inner: std::sync::Mutex<T>,
    #[cfg(not(feature = "std"))]
    inner: spin::mutex::SpinMutex<T>,
}

/// The proof that a [`Mutex`] is held.
#[cfg(feature = "std")]
pub type MutexGuard<'a, T> = std::sync::MutexGuard<'a, T>;
/// The proof that a [`Mutex`] is held.
#[cfg(not(feature = "std"))]
pub type MutexGuard<'a, T> = spin::mutex::SpinMutexGuard<'a, T>;

impl<T> Mutex<T> {
    /// A lock around `value`.
    #[cfg(feature = "std")]
    pub const fn new(value: T) -> Self {
        Self {
            inner: std::sync::Mutex::new(value),
        }
    }

    /// A lock around `value`.
    #[cfg(not(feature = "std"))]
    pub const fn new(value: T) -> Self {
        Self {
            inner: spin::mutex::SpinMutex::new(value),
        }
    }

    /// Takes the lock, waiting for whoever has it.
    #[cfg(feature = "std")]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes the lock, waiting for whoever has it.
    #[cfg(not(feature = "std"))]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.inner.lock()
    }
}
