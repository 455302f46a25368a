//! One open GPIO file, and what its descriptors show.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use gpio_uapi::{File, FileKind};
use rustix::fs::OFlags;

use super::link::Link;
use super::witness::Witness;
use crate::observe::Process;

/// `O_ASYNC`.
const ASYNC: u32 = libc::O_ASYNC.cast_unsigned();
/// `O_LARGEFILE` as the kernel has it; the C library of a 64-bit machine says 0.
#[cfg(target_arch = "x86_64")]
const LARGEFILE: u32 = 0o100_000;
/// `O_LARGEFILE` as the kernel has it.
#[cfg(target_arch = "aarch64")]
const LARGEFILE: u32 = 0o400_000;

/// One open file, however many descriptors lead to it.
#[derive(Debug)]
pub(crate) struct OpenFile {
    pub(super) file: File,
    pub(super) link: Arc<Link>,
    /// The access mode that a chip was opened with; the other files are for reading.
    pub(super) access: OFlags,
    /// `None` for a handle, and if there was no descriptor left to make one.
    pub(super) witness: Option<Witness>,
    /// Who made it; known if somebody looks on.
    pub(super) owner: Option<Process>,
    /// Whether its owner is about to exit.
    pub(super) is_left: AtomicBool,
}

impl OpenFile {
    /// Whether its chip is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.file.device().is_gone()
    }

    /// The status flags a program sees, from those of what stands for the file.
    pub(super) fn shown_flags(&self, flags: u32) -> u32 {
        let rest = flags & !(OFlags::RWMODE.bits() | LARGEFILE | ASYNC);
        match self.file.kind() {
            FileKind::Chip => rest | self.access.bits() | LARGEFILE,
            _ => rest,
        }
    }

    /// Whether the file was opened for reading.
    pub(super) fn is_readable(&self) -> bool {
        self.access != OFlags::WRONLY
    }

    /// Whether the file was opened for writing, which only a chip can be.
    pub(super) fn is_writable(&self) -> bool {
        self.file.kind() == FileKind::Chip && self.access != OFlags::RDONLY
    }
}
