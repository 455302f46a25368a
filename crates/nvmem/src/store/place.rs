//! Where a store lies: the file that a write replaces, and the new file beside it.
//!
//! [`Old`] judges what lies there, [`NewFile`] is what takes its place; `store.rs` calls both.

use core::hash::{BuildHasher as _, Hasher as _};
use std::collections::hash_map::RandomState;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// As many links as Linux follows.
// KERNEL: <linux/namei.h> MAXSYMLINKS (v6.12).
const MAX_LINKS: usize = 40;

/// Digits between a new file's prefix and its suffix.
const DIGITS: usize = 16;
const SUFFIX: &str = ".new";

/// Bytes of the store's name in a new file's: a name of a file ends at 255.
const STEM_MAX: usize = 200;

/// The path without a link in it, whether or not a file is there.
pub(super) fn resolved(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            // A target that is absolute replaces all of the path.
            Ok(target) => path = folder(&path).join(target),
            Err(_) => {
                let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
                return Ok(fs::canonicalize(folder(&path))?.join(name));
            }
        }
    }
    Err(io::Error::other("too many links"))
}

/// The folder in which a file lies.
pub(super) fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// The file that a write replaces.
#[derive(Debug)]
pub(super) struct Old(Metadata);

impl Old {
    /// What lies at `path`, if anything does.
    ///
    /// # Errors
    /// What the file system answers; `InvalidData` if it is not an ordinary file.
    pub(super) fn of(path: &Path) -> io::Result<Option<Old>> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_file() => Ok(Some(Old(found))),
            Ok(_) => Err(ErrorKind::InvalidData.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it has so many bytes.
    pub(super) fn is_of_size(&self, size: usize) -> bool {
        u64::try_from(size).is_ok_and(|size| self.0.len() == size)
    }

    /// Whether a write may replace it: renaming over a file asks for no right to the file itself.
    ///
    /// # Errors
    /// `PermissionDenied` if its mode lets nobody write, or if it has a second name, which would keep the
    /// old contents; what the file system answers to a writer.
    pub(super) fn check_writable(&self, path: &Path) -> io::Result<()> {
        if self.0.mode() & 0o222 == 0 || self.0.nlink() > 1 {
            return Err(ErrorKind::PermissionDenied.into());
        }
        OpenOptions::new().write(true).open(path).map(drop)
    }
}

/// A file that is written beside the store, and removed again unless it takes its place.
#[derive(Debug)]
pub(super) struct NewFile {
    file: File,
    path: Option<PathBuf>,
}

impl NewFile {
    /// An empty file in the folder of the store at `path`, of a name that nothing has, with the mode and
    /// the owner of `old`. It is locked until it is closed, so that [`sweep`] knows it is in use.
    ///
    /// # Errors
    /// What the file system answers, also when it does not let us keep the owner.
    pub(super) fn beside(path: &Path, old: Option<&Old>) -> io::Result<NewFile> {
        loop {
            let name = new_name(path);
            // Never follows a link at the name, and never opens what is there.
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(if old.is_some() { 0o600 } else { 0o666 })
                .open(&name);
            let file = match file {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                file => file?,
            };
            let new = NewFile {
                file,
                path: Some(name),
            };
            new.file.lock()?;
            let is = new.file.metadata()?;
            // Swept away between being made and being locked.
            if is.nlink() == 0 {
                continue;
            }
            if let Some(old) = old {
                new.become_like(&is, &old.0)?;
            }
            return Ok(new);
        }
    }

    fn become_like(&self, is: &Metadata, old: &Metadata) -> io::Result<()> {
        if (is.uid(), is.gid()) != (old.uid(), old.gid()) {
            fchown(&self.file, Some(old.uid()), Some(old.gid()))?;
        }
        // After the owner, whose change takes bits away.
        self.file
            .set_permissions(fs::Permissions::from_mode(old.mode() & 0o7777))
    }

    /// Writes the contents.
    pub(super) fn write(&mut self, contents: &[u8]) -> io::Result<()> {
        self.file.write_all(contents)
    }

    /// Brings the contents to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Gives it the name `path`.
    pub(super) fn take_place_of(mut self, path: &Path) -> io::Result<()> {
        if let Some(name) = &self.path {
            fs::rename(name, path)?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Nothing can be done about one that cannot be removed; the next open tries again.
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes what writers that were killed left beside the store. What cannot be removed stays.
pub(super) fn sweep(path: &Path) {
    let Ok(entries) = fs::read_dir(folder(path)) else {
        return;
    };
    let prefix = prefix(path);
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_new_name(&entry.file_name(), &prefix) {
            remove_unlocked(&entry.path());
        }
    }
}

/// Removes a file that no writer has locked.
fn remove_unlocked(path: &Path) {
    let Ok(file) = File::open(path) else {
        return;
    };
    if file.try_lock().is_ok() {
        let _ = fs::remove_file(path);
    }
}

fn new_name(path: &Path) -> PathBuf {
    let number = RandomState::new().build_hasher().finish();
    let mut name = prefix(path);
    name.push(format!("{number:0DIGITS$x}{SUFFIX}"));
    path.with_file_name(name)
}

/// What the names of new files beside the store begin with.
fn prefix(path: &Path) -> OsString {
    let name = path.file_name().unwrap_or_default().as_bytes();
    let stem = name.get(..STEM_MAX).unwrap_or(name);
    OsString::from_vec([b".", stem, b"."].concat())
}

fn is_new_name(name: &OsStr, prefix: &OsStr) -> bool {
    let rest = name.as_bytes().strip_prefix(prefix.as_bytes());
    let digits = rest.and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
    digits.is_some_and(|digits| digits.len() == DIGITS && digits.iter().all(u8::is_ascii_hexdigit))
}
