//! The two halves of the call guard's barrier, and how to wait.
//!
//! The caller's half stands between its *inside* and its look at *revoked*, the closer's (`full`,
//! then `heavy`) between *revoked* and its look at every *inside*. Together they order both pairs.
//! Where the kernel has the barrier, the caller's half is `light`, for the compiler only; where not,
//! gates carry [`FENCED`] and the caller's half is `fenced`.

use crate::sync::atomic::{Ordering, fence};

/// In a gate's state: its callers need a fence.
pub(crate) const FENCED: u32 = 2;

/// A sequentially consistent fence, for the closer.
pub(crate) fn full() {
    fence(Ordering::SeqCst);
}

/// The caller's half of the portable pair.
#[inline]
pub(crate) fn fenced() {
    fence(Ordering::SeqCst);
}

/// What loom needs between sequentially consistent accesses, which it takes for acquire and
/// release; nothing otherwise.
#[inline]
pub(crate) fn for_loom() {
    #[cfg(loom)]
    full();
}

#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
mod by_kernel {
    use core::sync::atomic::{AtomicBool, Ordering, compiler_fence};
    use std::sync::Once;

    use rustix::thread::{MembarrierCommand, membarrier};

    pub(crate) const ALWAYS_FENCED: bool = false;

    /// Set before the first gate exists, never changed afterwards.
    static EXPEDITED: AtomicBool = AtomicBool::new(false);
    static PROBE: Once = Once::new();

    /// Finds out, once and before the first gate exists, whether the kernel has the barrier.
    /// Answers the state that a gate begins with.
    pub(crate) fn prepare() -> u32 {
        PROBE.call_once(|| EXPEDITED.store(wanted() && expedited(), Ordering::Relaxed));
        if EXPEDITED.load(Ordering::Relaxed) {
            0
        } else {
            super::FENCED
        }
    }

    /// `REVOCABLE_GUARD=portable` asks for the portable pair, to compare or to distrust.
    fn wanted() -> bool {
        std::env::var_os("REVOCABLE_GUARD").is_none_or(|guard| guard != "portable")
    }

    /// One barrier through every thread of the process. Registers the process where that is not
    /// done yet, or was lost.
    fn expedited() -> bool {
        membarrier(MembarrierCommand::PrivateExpedited).is_ok()
            || membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
                && membarrier(MembarrierCommand::PrivateExpedited).is_ok()
    }

    /// The caller's half where the closer's is the kernel's.
    #[inline]
    pub(crate) fn light() {
        compiler_fence(Ordering::SeqCst);
    }

    /// Whether the barrier was made: it is not if the process has forbidden itself the call since.
    pub(crate) fn heavy() -> bool {
        let made = !EXPEDITED.load(Ordering::Relaxed)
            || expedited()
            || membarrier(MembarrierCommand::Global).is_ok();
        super::full();
        made
    }

    pub(crate) fn relax(tries: u32) {
        if tries < 100 {
            core::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

#[cfg(any(not(feature = "std"), not(target_os = "linux"), loom))]
mod portable {
    pub(crate) const fn prepare() -> u32 {
        super::FENCED
    }

    pub(crate) const ALWAYS_FENCED: bool = true;

    pub(crate) const fn light() {}

    pub(crate) const fn heavy() -> bool {
        true
    }

    pub(crate) fn relax(_tries: u32) {
        #[cfg(loom)]
        loom::thread::yield_now();
        #[cfg(all(feature = "std", not(loom)))]
        std::thread::yield_now();
        #[cfg(all(not(feature = "std"), not(loom)))]
        core::hint::spin_loop();
    }
}

#[cfg(all(feature = "std", target_os = "linux", not(loom)))]
pub(crate) use by_kernel::{ALWAYS_FENCED, heavy, light, prepare, relax};
#[cfg(any(not(feature = "std"), not(target_os = "linux"), loom))]
pub(crate) use portable::{ALWAYS_FENCED, heavy, light, prepare, relax};
