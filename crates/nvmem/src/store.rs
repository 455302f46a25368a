//! A memory in a file, that is whole whatever kills the program.
//!
//! Each write makes a new file beside the old one and puts it in its place:
//!
//! 1. [`Step::Write`]: the whole contents into a [`NewFile`] of an unused name;
//! 2. [`Step::SyncNew`]: `fsync` of it, so that its bytes are on the disk before its name is;
//! 3. [`Step::Rename`]: over `NAME`, which is one step for the file system;
//! 4. [`Step::SyncFolder`]: `fsync` of the folder, so that the new name is on the disk when the
//!    write is said to be done.
//!
//! Killed before 3 the old contents stay, killed after it the new ones do; there is no between. For
//! memories of EEPROM size: a write costs as much as the memory is long.
//!
//! The new file takes the old one's place and nothing else of it changes: its mode, its owner and its
//! group stay, a link to the store goes on leading to it. Where that cannot be, the write is refused.

mod place;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use self::place::{NewFile, Old};
use crate::{Access, Error, Provider, Result};

/// One step of a write, in order.
///
/// ```
/// use nvmem::Step;
///
/// let order = [Step::Write, Step::SyncNew, Step::Rename, Step::SyncFolder];
/// assert_ne!(order.first(), order.last());
/// ```
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// The new file is written.
    Write,
    /// The new file is made durable.
    SyncNew,
    /// The new file takes the old one's name.
    Rename,
    /// The new name is made durable.
    SyncFolder,
}

type Before = Box<dyn FnMut(Step) -> io::Result<()> + Send>;

/// A memory kept in a file.
///
/// ```
/// use nvmem::{FileStore, Provider};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("eeprom");
/// FileStore::open(&path, 256)?.write(4, b"kept").expect("the folder can be written");
/// let mut found = [0; 4];
/// FileStore::open(&path, 256)?.read(4, &mut found).expect("the file is there");
/// assert_eq!(&found, b"kept");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct FileStore {
    path: PathBuf,
    contents: Vec<u8>,
    access: Access,
    before: Option<Before>,
}

impl FileStore {
    /// Opens the memory in this file, or makes it, erased (all bits 1).
    ///
    /// A link is followed now, and the file it leads to is the store from then on. A file without a bit
    /// that lets anybody write, or that we may not write, is a memory that can only be read.
    ///
    /// # Errors
    /// What the file system answers; `InvalidData` if the file has another size, or is not an ordinary
    /// file.
    pub fn open(path: impl AsRef<Path>, size: usize) -> io::Result<Self> {
        let path = place::resolved(path.as_ref())?;
        let old = Old::of(&path)?;
        let contents = match &old {
            None => alloc::vec![0xff; size],
            Some(old) if old.is_of_size(size) => fs::read(&path)?,
            Some(_) => return Err(io::ErrorKind::InvalidData.into()),
        };
        if contents.len() != size {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let access = match old.map_or(Ok(()), |old| old.check_writable(&path)) {
            Ok(()) => Access::ReadWrite,
            Err(error) if is_refusal(&error) => Access::ReadOnly,
            Err(error) => return Err(error),
        };
        place::sweep(&path);
        Ok(Self {
            path,
            contents,
            access,
            before: None,
        })
    }

    /// Calls `before` ahead of each step; its error ends the write there, as a crash would.
    #[must_use]
    pub fn with_hook(
        mut self,
        before: impl FnMut(Step) -> io::Result<()> + Send + 'static,
    ) -> Self {
        self.before = Some(Box::new(before));
        self
    }

    fn step(&mut self, step: Step) -> io::Result<()> {
        self.before.as_mut().map_or(Ok(()), |before| before(step))
    }

    /// Puts `contents` in the file's place.
    fn replace(&mut self, contents: Vec<u8>) -> io::Result<()> {
        let old = Old::of(&self.path)?;
        if let Some(old) = &old {
            old.check_writable(&self.path)?;
        }
        self.step(Step::Write)?;
        let mut new = NewFile::beside(&self.path, old.as_ref())?;
        new.write(&contents)?;
        self.step(Step::SyncNew)?;
        new.sync()?;
        self.step(Step::Rename)?;
        new.take_place_of(&self.path)?;
        self.contents = contents;
        self.step(Step::SyncFolder)?;
        File::open(place::folder(&self.path))?.sync_all()
    }
}

/// Whether a write was refused, and nothing is broken.
fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind::{ExecutableFileBusy, PermissionDenied, ReadOnlyFilesystem};
    matches!(
        error.kind(),
        PermissionDenied | ReadOnlyFilesystem | ExecutableFileBusy
    )
}

impl Provider for FileStore {
    fn access(&self) -> Access {
        self.access
    }

    fn read(&mut self, offset: usize, data: &mut [u8]) -> Result<()> {
        let end = offset.saturating_add(data.len());
        let found = self.contents.get(offset..end);
        data.copy_from_slice(found.ok_or(Error::Invalid("beyond the end of the memory"))?);
        Ok(())
    }

    fn write(&mut self, offset: usize, data: &[u8]) -> Result<()> {
        let mut contents = self.contents.clone();
        let end = offset.saturating_add(data.len());
        contents
            .get_mut(offset..end)
            .ok_or(Error::Invalid("beyond the end of the memory"))?
            .copy_from_slice(data);
        self.replace(contents).map_err(|error| match error {
            error if is_refusal(&error) => Error::NotPermitted,
            _ => Error::Io,
        })
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
