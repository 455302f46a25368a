//! The one clock of the supervisor, on which everything below it gets its instants.

use gpiolib::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// The time now, on both clocks.
#[must_use]
pub(crate) fn now() -> Timestamp {
    let ns = |clock| {
        let time = clock_gettime(clock);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
    };
    Timestamp {
        monotonic_ns: ns(ClockId::Monotonic),
        realtime_ns: ns(ClockId::Realtime),
    }
}
