//! Files whose bytes are made when they are read, and which do something when they are written: the attributes of
//! sysfs, configfs and debugfs.
//!
//! An [`AttributeFile`] is one such file; [`Shown`] has those that are at a place of their own, `ugpio`'s included. Where
//! many are told apart by their paths, an [`AttributeTree`] has them: the class (`class`), the gpio-sim tree and the
//! files of simulated lines (`tree`), the `uevent` files (`uevent`). [`Attributes`] are all of a run, and what the path
//! calls ask: there is one way to open one and one way to store to one.

mod shown;

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::OFlags;
use rustix::io::Errno;

pub use self::shown::Shown;

/// A file whose bytes are made when it is read, and which does something when it is written.
///
/// The methods are called from any thread, with no lock held.
pub trait AttributeFile: fmt::Debug + Send + Sync {
    /// Its permissions.
    fn mode(&self) -> u32;

    /// How many bytes it has, if it is read and written at positions. `None`: it is a text, and a store a whole one.
    fn size(&self) -> Option<u64> {
        None
    }

    /// All of its bytes.
    ///
    /// # Errors
    ///
    /// As the `read` of the kernel's file.
    fn show(&self) -> Result<Vec<u8>, Errno>;

    /// Stores bytes, at position `at` if the file has a size; gives how many were taken. They end where the file does.
    ///
    /// # Errors
    ///
    /// As the system call.
    fn store(&self, at: u64, bytes: &[u8]) -> Result<usize, Errno>;
}

/// What a write to an open descriptor goes to.
pub(crate) trait Sink {
    /// As [`AttributeFile::size`].
    fn size(&self) -> Option<u64> {
        None
    }

    /// As [`AttributeFile::store`].
    fn store(&self, at: u64, bytes: &[u8]) -> Result<usize, Errno>;

    /// The text that the next read through the same descriptor gives, where each open has a text of its own.
    fn own_text(&self) -> Option<Vec<u8>> {
        None
    }
}

/// Attributes that are told apart by the paths at which programs find them.
pub(crate) trait AttributeTree: fmt::Debug + Send + Sync {
    /// The file at a virtual path is about to be opened: brings it up to date, or gives what to open instead of it.
    fn open(&self, path: &[u8], flags: OFlags) -> Option<Result<OwnedFd, Errno>>;

    /// What writes to a descriptor go to, by its link in `/proc/PID/fd`, if it is one of this tree.
    fn sink(&self, link: &[u8]) -> Option<Box<dyn Sink + '_>>;

    /// Whether a file went that a program may have open.
    fn has_stale(&self) -> bool {
        false
    }

    /// Whether a link in `/proc/PID/fd` is that of a file of this tree that is gone.
    fn is_gone(&self, link: &[u8]) -> bool {
        let _ = link;
        false
    }
}

/// A file that is gone, of which somebody has a descriptor.
pub(crate) struct Gone;

impl Sink for Gone {
    // KERNEL: fs/kernfs/file.c kernfs_fop_write_iter (v6.12)
    fn store(&self, _: u64, _: &[u8]) -> Result<usize, Errno> {
        Err(Errno::NODEV)
    }
}

/// The attributes of a run.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    trees: Vec<Arc<dyn AttributeTree>>,
    /// Whether a program was ever given something that it can store to.
    has_writers: AtomicBool,
}

impl Attributes {
    /// Adds a tree, which is asked after those that are there.
    pub(crate) fn add(&mut self, tree: Arc<dyn AttributeTree>) {
        self.trees.push(tree);
    }

    /// Gets the file at a virtual path ready to be opened; gives what to open instead of it, if that is another.
    pub(crate) fn open(&self, path: &[u8], flags: OFlags) -> Option<Result<OwnedFd, Errno>> {
        if writes(flags) {
            self.has_writers.store(true, Ordering::Relaxed);
        }
        self.trees.iter().find_map(|tree| tree.open(path, flags))
    }

    /// Whether a write may be a store at all.
    pub(crate) fn has_writers(&self) -> bool {
        self.has_writers.load(Ordering::Relaxed)
    }

    /// What writes to a descriptor go to, by its link in `/proc/PID/fd`.
    pub(crate) fn sink(&self, link: &[u8]) -> Option<Box<dyn Sink + '_>> {
        self.trees.iter().find_map(|tree| tree.sink(link))
    }

    /// Whether a read may be one of a file that is gone.
    pub(crate) fn has_stale(&self) -> bool {
        self.trees.iter().any(|tree| tree.has_stale())
    }

    /// Whether a link in `/proc/PID/fd` is that of a file that is gone.
    pub(crate) fn is_gone(&self, link: &[u8]) -> bool {
        self.trees.iter().any(|tree| tree.is_gone(link))
    }
}

/// Whether a descriptor that is opened with these flags can be written to.
pub(crate) fn writes(flags: OFlags) -> bool {
    flags & OFlags::RWMODE != OFlags::RDONLY && !flags.contains(OFlags::PATH)
}
