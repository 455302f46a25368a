//! Attributes at places of their own.
//!
//! The bytes lie in a file of the shadow tree, which all opens share. It is brought up to date when it is opened and
//! after each store; who knows that they have changed otherwise says so with [`Shown::refresh`].

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::{AttributeFile, AttributeTree, Gone, Sink};
use crate::names::lexical;
use crate::shadow::Shadow;

/// Attributes by the virtual paths at which they are shown.
#[derive(Debug)]
pub struct Shown {
    shadow: Arc<Shadow>,
    files: Mutex<Files>,
    has_stale: AtomicBool,
}

#[derive(Debug, Default)]
struct Files {
    shown: BTreeMap<Vec<u8>, Arc<Open>>,
    /// Where some were once.
    hidden: BTreeSet<Vec<u8>>,
}

/// An attribute, and the file with its bytes, which no other code may write.
#[derive(Debug)]
struct Open {
    attribute: Arc<dyn AttributeFile>,
    file: File,
}

impl Shown {
    /// None yet.
    pub(crate) fn new(shadow: Arc<Shadow>) -> Self {
        Self {
            shadow,
            files: Mutex::default(),
            has_stale: AtomicBool::new(false),
        }
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows an attribute at a virtual path; directories on the way are made, and hide those of the machine only if
    /// they are the board's.
    ///
    /// # Errors
    ///
    /// What the file system reports: something is shown there already.
    pub fn show(&self, path: &str, attribute: Arc<dyn AttributeFile>) -> io::Result<()> {
        let path = path.as_bytes();
        self.shadow.mkdir_all(lexical::parent(path))?;
        let file = File::create_new(self.shadow.locate(path))?;
        file.set_permissions(fs::Permissions::from_mode(attribute.mode()))?;
        self.shadow.set_size(path, attribute.size());
        self.shadow.own(path);
        let open = Arc::new(Open { attribute, file });
        open.refresh();
        let mut files = self.files();
        files.hidden.remove(path);
        files.shown.insert(path.to_vec(), open);
        Ok(())
    }

    /// Takes an attribute away. Who has it open reads the end of the file, or `ENODEV`, and stores nothing.
    ///
    /// # Errors
    ///
    /// What the file system reports.
    pub fn hide(&self, path: &str) -> io::Result<()> {
        let path = path.as_bytes();
        let Some(open) = self.files().shown.remove(path) else {
            return Ok(());
        };
        self.has_stale.store(true, Ordering::Relaxed);
        self.files().hidden.insert(path.to_vec());
        self.shadow.set_size(path, None);
        open.file.set_len(0)?;
        self.shadow.remove(path)
    }

    /// The bytes of an attribute have changed, other than by a store.
    pub fn refresh(&self, path: &str) {
        if let Some(open) = self.find(path.as_bytes()) {
            open.refresh();
        }
    }

    fn find(&self, path: &[u8]) -> Option<Arc<Open>> {
        self.files().shown.get(path).cloned()
    }
}

impl AttributeTree for Shown {
    fn open(&self, path: &[u8], _: OFlags) -> Option<Result<OwnedFd, Errno>> {
        self.find(path)?.refresh();
        None
    }

    fn sink(&self, link: &[u8]) -> Option<Box<dyn Sink + '_>> {
        if self.is_gone(link) {
            return Some(Box::new(Gone));
        }
        let open = self.find(&self.shadow.inside(link)?)?;
        Some(Box::new(open))
    }

    fn has_stale(&self) -> bool {
        self.has_stale.load(Ordering::Relaxed)
    }

    fn is_gone(&self, link: &[u8]) -> bool {
        let inside = self.shadow.inside(link).unwrap_or_default();
        let path = inside.strip_suffix(b" (deleted)");
        path.is_some_and(|path| {
            let files = self.files();
            files.hidden.contains(path) || files.shown.contains_key(path)
        })
    }
}

impl Sink for Arc<Open> {
    fn size(&self) -> Option<u64> {
        self.attribute.size()
    }

    fn store(&self, at: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let taken = self.attribute.store(at, bytes);
        self.refresh();
        taken
    }
}

impl Open {
    /// Writes what the attribute shows to the file.
    fn refresh(&self) {
        let Ok(bytes) = self.attribute.show() else {
            // Who opens it reads what it was before.
            return;
        };
        let length = u64::try_from(bytes.len()).unwrap_or_default();
        let written = self.file.write_all_at(&bytes, 0);
        if let Err(error) = written.and_then(|()| self.file.set_len(length)) {
            tracing::warn!(%error, attribute = ?self.attribute, "an attribute is not up to date");
        }
    }
}
