//! Locks, atomics and counted pointers, for this crate and those that stand on it.
//!
//! With `std` both locks are the standard mutex (poison is ignored: a critical section here leaves its
//! data whole). Without it a [`Mutex`] is a spin lock, which may be held while a bus is waited for, and
//! an [`IrqLock`] is a critical section of the `critical-section` crate: interrupts of this core are off
//! while it is held, so that an interrupt handler can take it too. Under `--cfg loom` locks and atomics
//! are loom's, and counted pointers tell loom of every clone and drop, so that it tries every order.

#[cfg(not(any(feature = "std", loom)))]
mod irq;
#[cfg(loom)]
#[expect(missing_docs, reason = "they are as the standard ones")]
mod modelled;

// The standard ones, or loom's: for the crates that are modelled together with this one.
#[cfg(loom)]
pub use loom::sync::atomic;
#[cfg(loom)]
pub use modelled::{Arc, Weak};

#[cfg(not(loom))]
#[doc(hidden)]
pub use alloc::sync::{Arc, Weak};
#[cfg(not(loom))]
#[doc(hidden)]
pub use core::sync::atomic;

#[cfg(not(any(feature = "std", loom)))]
pub use irq::{IrqLock, IrqLockGuard};

#[cfg(loom)]
use loom::sync as lock;
#[cfg(all(feature = "std", not(loom)))]
use std::sync as lock;

/// A mutual-exclusion lock whose `lock` cannot fail. Not for interrupt handlers.
///
/// ```
/// use revocable::sync::Mutex;
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

/// A lock that is held for a few moves only, and may be taken by an interrupt handler.
///
/// ```
/// use revocable::sync::IrqLock;
///
/// let count = IrqLock::new(1);
/// *count.lock() += 1;
/// assert_eq!(*count.lock(), 2);
/// ```
#[cfg(any(feature = "std", loom))]
pub type IrqLock<T> = Mutex<T>;

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

    /// What is in the lock, which nobody else can have.
    #[cfg(any(feature = "std", loom))]
    pub fn into_inner(self) -> T {
        self.inner
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What is in the lock, which nobody else can have.
    #[cfg(not(any(feature = "std", loom)))]
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
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
