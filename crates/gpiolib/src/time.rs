//! Instants, as arguments.
//!
//! The core reads no clock. A driver says when an edge happened, and who lets timers expire says
//! what time it is. For what no call brings a time for, such as a release by `Drop`, the owner of a
//! registry gives it a clock ([`crate::Registry::with_clock`]); [`ManualClock`] is one for tests and
//! for virtual time.

use crate::sync::{Arc, IrqLock};

/// One instant on both clocks a line event can ask for, in nanoseconds.
///
/// ```
/// use gpiolib::Timestamp;
///
/// let at = Timestamp::at(1_000);
/// assert_eq!((at.monotonic_ns, at.realtime_ns), (1_000, 1_000));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Timestamp {
    /// `CLOCK_MONOTONIC`, in nanoseconds.
    pub monotonic_ns: u64,
    /// `CLOCK_REALTIME`, in nanoseconds since 1970.
    pub realtime_ns: u64,
}

impl Timestamp {
    /// An instant for tests and virtual time: both clocks show `ns`.
    #[must_use]
    pub const fn at(ns: u64) -> Self {
        Self {
            monotonic_ns: ns,
            realtime_ns: ns,
        }
    }

    /// The same instant moved so that the monotonic clock shows `ns`.
    #[must_use]
    pub const fn moved_to(self, ns: u64) -> Self {
        let realtime_ns = self
            .realtime_ns
            .wrapping_add(ns.wrapping_sub(self.monotonic_ns));
        Self {
            monotonic_ns: ns,
            realtime_ns,
        }
    }
}

/// A clock that shows what it was last set to. All clones are the same clock.
///
/// ```
/// use gpiolib::{ManualClock, Registry, Timestamp};
///
/// let clock = ManualClock::new();
/// let registry = Registry::with_clock(clock.reader());
/// clock.set(Timestamp::at(1_000));
/// assert_eq!(registry.now(), Timestamp::at(1_000));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<IrqLock<Timestamp>>);

impl ManualClock {
    /// A clock that shows 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what it shows from now on.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock() = now;
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        *self.0.lock()
    }

    /// What a registry takes as its clock.
    pub fn reader(&self) -> impl Fn() -> Timestamp + Send + Sync + 'static {
        let clock = self.clone();
        move || clock.now()
    }
}
