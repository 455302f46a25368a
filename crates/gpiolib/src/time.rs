//! Instants, as arguments.
//!
//! The core reads no clock. Whoever drives it (the supervisor, a test) passes a [`Timestamp`] with
//! each call that may need one; edges that a chip raises inside such a call are stamped with it.

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
