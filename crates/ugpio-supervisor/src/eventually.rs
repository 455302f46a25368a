//! Waiting, in tests, for what nothing announces.
//!
//! A process that another test starts holds every descriptor of this one until it has executed its
//! program. So what the last close of a descriptor brings about comes soon, and not at once.

use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until it is so.
#[track_caller]
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::yield_now();
    }
}
