//! What a program holds of chips that went, and will never use again.
//!
//! A program that opens its chip anew may close the old one a moment later; one that still holds files of an
//! earlier one as well leaks. Counted when something is opened, and only after a chip has gone.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gpiolib::Device;

use super::Files;

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
}

impl Files {
    /// The most files of two or more chips that were gone, open while another was opened.
    #[must_use]
    pub fn leaked(&self) -> usize {
        self.leaks.most.load(Ordering::Relaxed)
    }

    /// Something is about to be opened.
    pub(super) fn count_leaks(&self) {
        if !self.leaks.has_gone.load(Ordering::Relaxed) {
            return;
        }
        // Files without a witness may have been closed, for all that is known.
        self.sweep_gone();
        let mut devices: Vec<Device> = Vec::new();
        let mut count = 0;
        for open in self.table().values() {
            if !open.is_gone() || open.witness.is_none() {
                continue;
            }
            count += 1;
            let device = open.file.device();
            if !devices.iter().any(|other| other.is_same(device)) {
                devices.push(device.clone());
            }
        }
        if devices.len() > 1 {
            self.leaks.most.fetch_max(count, Ordering::Relaxed);
        }
    }
}
