//! What a program holds of chips that went, and will never use again.
//!
//! A program that opens its chip anew may close the old one a moment later; one that still holds files of an
//! earlier one as well leaks. Counted when something is opened, and only after a chip has gone.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The count.
#[derive(Debug, Default)]
pub(super) struct Leaks {
    has_gone: AtomicBool,
    most: AtomicUsize,
}

impl Leaks {
    /// Whether a chip has gone of which files are open.
    pub(super) fn set_gone(&self, has_gone: bool) {
        self.has_gone.store(has_gone, Ordering::Relaxed);
    }

    /// Whether one has.
    pub(super) fn has_gone(&self) -> bool {
        self.has_gone.load(Ordering::Relaxed)
    }

    /// So many files of chips that are gone are open.
    pub(super) fn note(&self, count: usize) {
        self.most.fetch_max(count, Ordering::Relaxed);
    }

    /// The most that were noted.
    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }
}
