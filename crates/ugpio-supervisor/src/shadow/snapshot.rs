//! Private listings of directories that exist in both worlds.
//!
//! `/dev` is the host's, but a program that lists it must find the board's chips and none of the
//! host's. It is given a descriptor of a directory made for this one `open`: placeholders for the
//! host's names and for ours. Listing, rewinding and seeking are then native, and the place of the
//! copy, `<dir>/snap/KEY/dev`, says which directory it stands for, even after it was removed.
//!
//! A copy is removed once its descriptor has been closed for the last time, which inotify tells
//! whatever was done with the descriptor (`dup`, `fork`, passing it on). [`Shadow::snapshot`] is
//! called by the open handler; it also sweeps.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs, io,
    mem::MaybeUninit,
    os::{
        fd::OwnedFd,
        unix::{
            ffi::{OsStrExt as _, OsStringExt as _},
            fs::{FileTypeExt as _, PermissionsExt as _},
        },
    },
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags, inotify};

use super::{Shadow, mark_device, remove};
use crate::path::{lexical, owned::Owned};

/// How many copies are kept where the machine cannot say which are still open.
const KEPT_UNWATCHED: usize = 64;

/// The copies that exist.
#[derive(Debug)]
pub(super) struct Snapshots {
    dir: PathBuf,
    next: u64,
    watch: Option<OwnedFd>,
    /// Watch descriptor to key; a copy without a watch is only in `unwatched`.
    watched: BTreeMap<i32, u64>,
    unwatched: BTreeSet<u64>,
}

impl Snapshots {
    /// No copies yet; they will be made in `dir`.
    pub(super) fn new(dir: PathBuf) -> Self {
        let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
        Self {
            dir,
            next: 0,
            watch: inotify::init(flags).ok(),
            watched: BTreeMap::new(),
            unwatched: BTreeSet::new(),
        }
    }

    fn place(&self, key: u64) -> PathBuf {
        self.dir.join(key.to_string())
    }

    /// Behaves as on a machine that has no watch to give.
    #[cfg(test)]
    pub(super) fn forget_watch(&mut self) {
        self.watch = None;
    }

    /// Watches the copy `key`, of which the caller holds the only descriptor.
    fn track(&mut self, key: u64, copy: &Path) {
        let flags = inotify::WatchFlags::CLOSE_NOWRITE | inotify::WatchFlags::ONLYDIR;
        match self
            .watch
            .as_ref()
            .map(|watch| inotify::add_watch(watch, copy, flags))
        {
            Some(Ok(wd)) => drop(self.watched.insert(wd, key)),
            _ => drop(self.unwatched.insert(key)),
        }
    }

    /// The keys of copies that nobody has open any more.
    fn finished(&mut self) -> Vec<u64> {
        let mut keys = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        if let Some(watch) = &self.watch {
            let mut reader = inotify::Reader::new(watch, &mut buffer);
            while let Ok(event) = reader.next() {
                keys.extend(self.watched.remove(&event.wd()));
            }
        }
        while self.unwatched.len() > KEPT_UNWATCHED {
            keys.extend(self.unwatched.pop_first());
        }
        keys
    }

    /// Removes the copies that are no longer open.
    fn sweep(&mut self) {
        for key in self.finished() {
            if let Err(error) = remove(&self.place(key)) {
                tracing::debug!(key, %error, "a directory copy stays until the end of the run");
            }
        }
    }
}

/// What stands for one name in a copy.
enum Placeholder {
    Directory,
    Device,
    File,
    Link(Vec<u8>),
}

impl Shadow {
    /// A descriptor to list the directory `path` with, whose host side is `real`; `None` if what
    /// the host shows is right as it is.
    ///
    /// # Errors
    ///
    /// What reading the two directories or making the copy reports.
    pub(crate) fn snapshot(&self, path: &[u8], real: &Path) -> io::Result<Option<OwnedFd>> {
        let ours = match list(&self.locate(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let theirs = list(real)?;
        let owned = self.owned();
        if !differs(path, &ours, &theirs, &owned) {
            return Ok(None);
        }
        let (key, place) = {
            let mut snapshots = self.lock_snapshots();
            snapshots.sweep();
            snapshots.next += 1;
            (snapshots.next, snapshots.place(snapshots.next))
        };
        let copy = if path == b"/" {
            place.clone()
        } else {
            place.join(relative(path))
        };
        let made = fill(&copy, path, &ours, &theirs, &owned).and_then(|()| open(&copy));
        match made {
            Ok(fd) => {
                self.lock_snapshots().track(key, &copy);
                Ok(Some(fd))
            }
            Err(error) => {
                // The reason for the failure matters more than the remains, which `Drop` removes.
                let _ = remove(&place);
                Err(error)
            }
        }
    }

    /// Removes the copies of directories that no program has open any more.
    pub fn sweep(&self) {
        self.lock_snapshots().sweep();
    }
}

/// The path without its leading slash, to be joined to a directory.
fn relative(path: &[u8]) -> OsString {
    OsString::from_vec(path.strip_prefix(b"/").unwrap_or(path).to_vec())
}

/// The names in a directory and what would stand for them.
fn list(dir: &Path) -> io::Result<BTreeMap<Vec<u8>, Placeholder>> {
    let mut names = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let stands = if kind.is_dir() {
            Placeholder::Directory
        } else if kind.is_symlink() {
            let Ok(text) = fs::read_link(entry.path()) else {
                continue;
            };
            Placeholder::Link(text.into_os_string().into_vec())
        } else if kind.is_char_device() {
            Placeholder::Device
        } else {
            Placeholder::File
        };
        names.insert(entry.file_name().into_vec(), stands);
    }
    Ok(names)
}

/// Whether the host's listing lacks one of our names or shows one that is the board's to decide.
fn differs(
    path: &[u8],
    ours: &BTreeMap<Vec<u8>, Placeholder>,
    theirs: &BTreeMap<Vec<u8>, Placeholder>,
    owned: &Owned,
) -> bool {
    let hidden =
        |name: &[u8]| !ours.contains_key(name) && owned.contains(&lexical::join(path, name));
    ours.keys().any(|name| !theirs.contains_key(name)) || theirs.keys().any(|name| hidden(name))
}

/// Makes the copy: the host's names but for the board's, then ours.
fn fill(
    copy: &Path,
    path: &[u8],
    ours: &BTreeMap<Vec<u8>, Placeholder>,
    theirs: &BTreeMap<Vec<u8>, Placeholder>,
    owned: &Owned,
) -> io::Result<()> {
    fs::create_dir_all(copy)?;
    let visible = |name: &[u8]| !owned.contains(&lexical::join(path, name));
    let host = theirs.iter().filter(|(name, _)| visible(name));
    let board = ours
        .iter()
        .filter(|(name, _)| !visible(name) || !theirs.contains_key(*name));
    for (name, stands) in host.chain(board) {
        let place = copy.join(OsString::from_vec(name.clone()));
        match stands {
            Placeholder::Directory => fs::create_dir(place)?,
            Placeholder::Device => mark_device(&place)?,
            Placeholder::File => drop(fs::File::create_new(place)?),
            Placeholder::Link(text) => {
                std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(text), place)?;
            }
        }
    }
    // A program that tries to make a name here is refused as it would be in the host's directory.
    fs::set_permissions(copy, fs::Permissions::from_mode(0o555))
}

fn open(copy: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    Ok(rustix::fs::open(copy, flags, Mode::empty())?)
}
