//! ugpio-supervisor: runs unmodified programs and answers some of their system calls.
//!
//! `launch` starts a program under the seccomp filter of `filter`; `notif` receives each trapped call and answers it
//! with what the handlers decide. Unsafe code lives in `sys` alone.

#![cfg(target_os = "linux")]
#![cfg_attr(
    fuzzing,
    allow(
        dead_code,
        reason = "what would act on the fuzzed process itself is not called"
    )
)]

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("ugpio knows the system calls of x86-64 and aarch64 only");

#[macro_use]
mod traps;

mod arch;
pub mod attributes;
mod calls;
mod class;
pub mod clean;
mod clock;
mod descendants;
mod dispatch;
#[cfg(test)]
mod eventually;
pub mod files;
pub mod filter;
#[cfg(fuzzing)]
pub mod fuzz;
pub mod launch;
mod life;
pub mod lint;
mod names;
pub mod notif;
pub mod observe;
pub mod outcome;
mod path;
mod procdir;
pub mod shadow;
mod stall;
mod sys;
mod thread;
pub mod tree;
mod uevent;
pub mod world;

/// What the fuzz targets, the examples and the measurements use of the inside. It may change at any time.
#[doc(hidden)]
pub mod inside {
    pub use crate::arch::{Arch, Sys};
    pub use crate::calls::{Opener, PathLayer};
    #[cfg(fuzzing)]
    pub use crate::calls::{check_merging, paths_of};
    pub use crate::path::Identity;
    pub use crate::procdir::ProcDirs;
    pub use crate::shadow::{ChipNode, Shadow};
    pub use crate::sys::insn::Insn;
    pub use crate::sys::{remote, seccomp};
}
