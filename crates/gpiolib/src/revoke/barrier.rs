//! The two halves of the call guard's barrier, and how to wait.
//!
//! `light` stands between a caller's *inside* and its look at *revoked*, `heavy` between the
//! closer's *revoked* and its look at every *inside*. Together they order both pairs.
//!
//! `--cfg ugpio_mutant="weak_fence"` and `"no_barrier"` break one half each, for the tests that
//! must then fail (`docs/proof.md`).

use crate::sync::atomic::{Ordering, fence};

/// What `light` is in the portable pair. The mutant is an order short of what the proof needs.
const PORTABLE: Ordering = if cfg!(ugpio_mutant = "weak_fence") {
    Ordering::AcqRel
} else {
    Ordering::SeqCst
};

/// A sequentially consistent fence, for the closer and for callers without a slot.
pub(super) fn full() {
    fence(Ordering::SeqCst);
}

#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
mod by_kernel {
    use core::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};
    use std::sync::Once;

    use rustix::thread::{MembarrierCommand, membarrier};

    /// Set before the first gate exists, never changed afterwards.
    static EXPEDITED: AtomicBool = AtomicBool::new(false);
    static PROBE: Once = Once::new();

    /// Finds out, once and before the first gate exists, whether the kernel has the barrier.
    pub(in super::super) fn prepare() {
        PROBE.call_once(|| EXPEDITED.store(wanted() && expedited(), Ordering::Relaxed));
    }

    /// `UGPIO_GUARD=portable` asks for the portable pair, to compare or to distrust.
    fn wanted() -> bool {
        std::env::var_os("UGPIO_GUARD").is_none_or(|guard| guard != "portable")
    }

    /// One barrier through every thread of the process. Registers the process where that is not
    /// done yet, or was lost.
    fn expedited() -> bool {
        membarrier(MembarrierCommand::PrivateExpedited).is_ok()
            || membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
                && membarrier(MembarrierCommand::PrivateExpedited).is_ok()
    }

    #[inline]
    pub(in super::super) fn light() {
        if EXPEDITED.load(Ordering::Relaxed) {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(super::PORTABLE);
        }
    }

    /// Whether the barrier was made: it is not if the process has forbidden itself the call since.
    pub(in super::super) fn heavy() -> bool {
        super::full();
        let made = cfg!(ugpio_mutant = "no_barrier")
            || !EXPEDITED.load(Ordering::Relaxed)
            || expedited()
            || membarrier(MembarrierCommand::Global).is_ok();
        super::full();
        made
    }

    pub(in super::super) fn relax(tries: u32) {
        if tries < 100 {
            core::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

#[cfg(any(not(feature = "std"), not(target_os = "linux"), loom))]
mod portable {
    use crate::sync::atomic::fence;

    pub(in super::super) const fn prepare() {}

    #[inline]
    pub(in super::super) fn light() {
        fence(super::PORTABLE);
    }

    pub(in super::super) fn heavy() -> bool {
        super::full();
        true
    }

    pub(in super::super) fn relax(_tries: u32) {
        #[cfg(loom)]
        loom::thread::yield_now();
        #[cfg(all(feature = "std", not(loom)))]
        std::thread::yield_now();
        #[cfg(all(not(feature = "std"), not(loom)))]
        core::hint::spin_loop();
    }
}

#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
pub(super) use by_kernel::{heavy, light, prepare, relax};
#[cfg(any(not(feature = "std"), not(target_os = "linux"), loom))]
pub(super) use portable::{heavy, light, prepare, relax};
