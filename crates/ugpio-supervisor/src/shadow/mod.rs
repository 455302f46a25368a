//! The shadow tree: a private directory in memory that holds the virtual files under their own names.
//!
//! `/sys/bus/gpio/devices/gpiochip0` of the board is `<dir>/root/sys/bus/gpio/devices/gpiochip0`
//! here. Directories, links and attribute files are real ones, so a descriptor of any of them can
//! be given to a program and listing, seeking, `fchdir` and `dup` work natively; the link text in
//! `/proc/PID/fd` then says which virtual path it is. A chip's node only
//! marks the name: nobody is ever given a descriptor of it.
//!
//! [`Shadow`] is the tree; [`ChipNode`] describes a chip to show in it ([`Shadow::add_chip`]). Directories that exist
//! in both worlds are the machine's; only their listings are merged, in `calls::getdents`. The board adds and
//! removes, the resolver in [`crate::path`] reads. What the tree holds besides chips is up to the
//! caller: [`Shadow::mkdir`], [`Shadow::write_file`], [`Shadow::symlink`], [`Shadow::own`].

mod chip;
mod lines;
pub(crate) mod sim;

use core::mem::MaybeUninit;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::{self, Write as _},
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use rustix::{
    fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, RawDir, chmodat, openat, unlinkat},
    io::Errno,
    path::Arg,
};

pub use self::chip::ChipNode;
pub(crate) use self::chip::STUB_DRIVER;
use crate::names::{
    lexical,
    owned::{HIDDEN, Owned},
};
use crate::procdir::Object;

/// Mode of the tree's own directory and everything that only the supervisor enters.
const PRIVATE: u32 = 0o700;
/// How many bytes of a directory are listed at once when it is removed.
const LISTED: usize = 2048;
/// Mode of a sysfs directory.
const DIRECTORY: u32 = 0o755;

/// The tree of virtual files.
///
/// Dropping it removes the directory. A process that dies without dropping it leaves the directory
/// to whoever knows its [`dir`](Self::dir) and calls [`remove`].
#[derive(Debug)]
pub struct Shadow {
    dir: PathBuf,
    /// Keeps the directory from being swept away, if nobody else does.
    held: Option<Place>,
    root: PathBuf,
    owned: RwLock<Arc<Owned>>,
    chips: Mutex<BTreeMap<u32, ChipNode>>,
    /// What `chmod` and `chown` have changed, by path.
    changes: Mutex<BTreeMap<Vec<u8>, Changed>>,
    /// The order in which names were first listed among the machine's, by path.
    places: Mutex<BTreeMap<Vec<u8>, u32>>,
    /// The virtual paths of private files, by the names they are given.
    private: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    /// The virtual paths of sockets that stand for files, by their inodes.
    sockets: Mutex<BTreeMap<u64, Vec<u8>>>,
    /// How many bytes files have that are no texts, by path.
    sizes: Mutex<BTreeMap<Vec<u8>, u64>>,
    /// The simulated chips' lines.
    lines: Mutex<lines::LinesOfChips>,
    /// What is taken away from the modes of files that we make.
    umask: u32,
}

/// What was changed of a file that nobody can change in the file system: the tree's own modes and owners keep it
/// working.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Changed {
    pub(crate) mode: Option<u32>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
}

impl Shadow {
    /// Makes an empty tree in a new private directory.
    ///
    /// # Errors
    ///
    /// As [`place`], or what building the first directories reports.
    pub fn new() -> io::Result<Self> {
        let place = place()?;
        let mut shadow = Self::build(place.path.clone())?;
        shadow.held = Some(place);
        Ok(shadow)
    }

    /// Makes an empty tree in `dir`, a private directory from [`place`].
    ///
    /// # Errors
    ///
    /// What making the first directories reports, for instance a full file system.
    pub fn build(dir: PathBuf) -> io::Result<Self> {
        // Links in /proc are canonical, and they are compared with this.
        let dir = dir.canonicalize()?;
        let shadow = Self {
            root: dir.join("root"),
            held: None,
            places: Mutex::default(),
            changes: Mutex::default(),
            owned: RwLock::new(Arc::new(Owned::new())),
            chips: Mutex::default(),
            private: Mutex::default(),
            sockets: Mutex::default(),
            sizes: Mutex::default(),
            lines: Mutex::default(),
            umask: umask(),
            dir,
        };
        fs::DirBuilder::new().mode(DIRECTORY).create(&shadow.root)?;
        for path in ["/dev", "/sys/dev/char", "/sys/devices"] {
            shadow.mkdir_all(path.as_bytes())?;
        }
        shadow.add_bus()?;
        shadow.hide_itself();
        Ok(shadow)
    }

    /// Keeps programs from finding this tree where it lies.
    fn hide_itself(&self) {
        if let Some(parent) = self.dir.parent() {
            let mut slot = self.owned.write().unwrap_or_else(PoisonError::into_inner);
            Arc::make_mut(&mut slot).hide_trees_in(parent.as_os_str().as_bytes());
        }
    }

    /// The private directory, for whoever must remove it if this process cannot.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a virtual path lies in the tree. It need not exist.
    #[must_use]
    pub(crate) fn locate(&self, path: &[u8]) -> PathBuf {
        let mut whole = self.root.as_os_str().as_bytes().to_vec();
        if path != b"/" {
            whole.extend_from_slice(path);
        }
        PathBuf::from(std::ffi::OsString::from_vec(whole))
    }

    /// Takes a subtree away from the host: it shows what the tree holds, even if that is nothing.
    pub fn own(&self, subtree: &[u8]) {
        let mut slot = self.owned.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut slot).add(subtree);
    }

    /// Has a directory of the tree looked for where the machine has none, wherever that is.
    pub(crate) fn show_directory(&self, path: &[u8]) {
        let mut slot = self.owned.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut slot).show(path);
    }

    /// Makes a directory, its missing parents included.
    ///
    /// # Errors
    ///
    /// What the file system reports; an existing directory is none.
    pub(crate) fn mkdir_all(&self, path: &[u8]) -> io::Result<()> {
        let make = || match self.mkdir(path, DIRECTORY) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        };
        match make() {
            // Most often only the last is missing, or none.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path != b"/" => {
                self.mkdir_all(lexical::parent(path))?;
                make()
            }
            other => other,
        }
    }

    /// Makes one directory with exactly the mode given.
    ///
    /// # Errors
    ///
    /// What the file system reports: the parent is missing, or the name is taken.
    pub fn mkdir(&self, path: &[u8], mode: u32) -> io::Result<()> {
        let place = self.locate(path);
        fs::DirBuilder::new().mode(mode).create(&place)?;
        if self.is_masked(mode) {
            fs::set_permissions(&place, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }

    /// Whether what is made with this mode has another.
    fn is_masked(&self, mode: u32) -> bool {
        mode & self.umask != 0
    }

    /// Makes a file, or gives an existing one new contents and mode.
    ///
    /// The file stays the same one: a program that has it open reads the new contents.
    ///
    /// # Errors
    ///
    /// What the file system reports.
    pub(crate) fn write_file(&self, path: &[u8], mode: u32, contents: &[u8]) -> io::Result<()> {
        let place = self.locate(path);
        let mut options = fs::OpenOptions::new();
        options.write(true).custom_flags(libc::O_NOFOLLOW);
        match options.clone().create_new(true).mode(mode).open(&place) {
            Ok(mut file) => {
                file.write_all(contents)?;
                if self.is_masked(mode) {
                    file.set_permissions(fs::Permissions::from_mode(mode))?;
                }
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        fs::set_permissions(&place, fs::Permissions::from_mode(0o600))?;
        let mut file = options.truncate(true).open(&place)?;
        file.write_all(contents)?;
        file.set_permissions(fs::Permissions::from_mode(mode))
    }

    /// The text of a file, if there is one.
    pub(crate) fn read(&self, path: &[u8]) -> Option<String> {
        fs::read_to_string(self.locate(path)).ok()
    }

    /// Gives an existing file a new text; it is never empty in between.
    ///
    /// # Errors
    ///
    /// What the file system reports.
    pub(crate) fn rewrite(&self, path: &[u8], text: &[u8]) -> io::Result<()> {
        use std::os::unix::fs::FileExt as _;
        let mut options = fs::OpenOptions::new();
        let options = options.write(true).custom_flags(libc::O_NOFOLLOW);
        let file = options.open(self.locate(path))?;
        file.write_all_at(text, 0)?;
        file.set_len(u64::try_from(text.len()).unwrap_or_default())
    }

    /// Makes a symbolic link at `path` with the text `target`.
    ///
    /// # Errors
    ///
    /// What the file system reports: the parent is missing, or the name is taken.
    pub fn symlink(&self, path: &[u8], target: &[u8]) -> io::Result<()> {
        std::os::unix::fs::symlink(OsStr::from_bytes(target), self.locate(path))
    }

    /// Removes a file, a link, or a directory with all that is in it.
    ///
    /// # Errors
    ///
    /// What the file system reports; a missing name is none.
    pub fn remove(&self, path: &[u8]) -> io::Result<()> {
        self.forget_changes(path);
        remove(&self.locate(path))
    }

    /// Says how many bytes a file has, if what it shows is not a text.
    pub(crate) fn set_size(&self, path: &[u8], size: Option<u64>) {
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        match size {
            Some(size) => drop(sizes.insert(path.to_vec(), size)),
            None => drop(sizes.remove(path)),
        }
    }

    /// How many bytes a file has, if that was said.
    pub(crate) fn size(&self, path: &[u8]) -> Option<u64> {
        let sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        sizes.get(path).copied()
    }

    /// What the board owns at this moment.
    pub(crate) fn owned(&self) -> Arc<Owned> {
        Arc::clone(&self.owned.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The virtual path of a path in the tree's own directory, or of a socket that stands for a file;
    /// `None` for any other path.
    pub(crate) fn inside(&self, path: &[u8]) -> Option<Vec<u8>> {
        if let Object::Socket(inode) = Object::parse(path) {
            return self.lock_sockets().get(&inode).cloned();
        }
        let rest = lexical::below(path, self.dir.as_os_str().as_bytes())?;
        if let Some(rest) = lexical::below(rest, b"/root") {
            return Some(or_root(rest));
        }
        self.private_path(lexical::below(rest, b"/attr")?)
    }

    /// Keeps what was changed of a file; what is `None` stays.
    pub(crate) fn change(&self, path: &[u8], changed: Changed) {
        let mut changes = self.lock_changes();
        let kept = changes.entry(path.to_vec()).or_default();
        *kept = Changed {
            mode: changed.mode.or(kept.mode),
            uid: changed.uid.or(kept.uid),
            gid: changed.gid.or(kept.gid),
        };
    }

    /// What was changed of a file.
    pub(crate) fn changed(&self, path: &[u8]) -> Option<Changed> {
        self.lock_changes().get(path).copied()
    }

    /// Forgets what was changed of the files below `path`, which are gone.
    pub(crate) fn forget_changes(&self, path: &[u8]) {
        self.lock_changes()
            .retain(|changed, _| lexical::below(changed, path).is_none());
    }

    fn lock_changes(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Changed>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a name is listed among those of a directory that the machine has too: every name has its place for good,
    /// so that a listing goes on where it was whatever came or went.
    pub(crate) fn place_in_listing(&self, path: &[u8]) -> u32 {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let next = u32::try_from(places.len()).unwrap_or(u32::MAX);
        *places.entry(path.to_vec()).or_insert(next)
    }

    /// Where files are made that only one open has: without a name, but told by the text of the link
    /// of their descriptors, `<dir>/attr/NAME-SERIAL (deleted)`.
    pub(crate) fn private_dir(&self) -> PathBuf {
        self.dir.join("attr")
    }

    /// Says which virtual path the private files of that name stand for.
    pub(crate) fn name_private(&self, name: &str, path: &[u8]) {
        self.lock_private()
            .entry(name.into())
            .or_insert_with(|| path.to_vec());
    }

    /// Forgets the private files that stand for something below `path`.
    pub(crate) fn forget_private(&self, path: &[u8]) {
        self.lock_private()
            .retain(|_, named| lexical::below(named, path).is_none());
    }

    /// Says which virtual path a socket stands for, or that it stands for none any more.
    pub(crate) fn name_socket(&self, inode: u64, path: Option<&[u8]>) {
        let mut sockets = self.lock_sockets();
        match path {
            Some(path) => drop(sockets.insert(inode, path.to_vec())),
            None => drop(sockets.remove(&inode)),
        }
    }

    /// Says that the file that a socket stands for was removed.
    pub(crate) fn end_socket(&self, inode: u64) {
        if let Some(path) = self.lock_sockets().get_mut(&inode) {
            path.extend_from_slice(b" (deleted)");
        }
    }

    fn lock_sockets(&self) -> MutexGuard<'_, BTreeMap<u64, Vec<u8>>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn private_path(&self, name: &[u8]) -> Option<Vec<u8>> {
        let name = name.strip_prefix(b"/")?;
        let end = name.iter().position(|byte| *byte == b'-')?;
        self.lock_private().get(&name[..end]).cloned()
    }

    fn lock_private(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
        self.private.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_chips(&self) -> MutexGuard<'_, BTreeMap<u32, ChipNode>> {
        self.chips.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.dir) {
            tracing::warn!(dir = %self.dir.display(), %error, "cannot remove the shadow tree");
        }
    }
}

/// Makes something that a listing shows as a character device (`d_type`), so that programs which
/// look no further see what `stat` would say: the one device number that anybody may make.
/// Where the file system has none, an empty file, which is told apart by `stat` only.
// KERNEL: namei.c vfs_mknod (since v5.8): a whiteout, 0:0, needs no capability. It cannot be opened.
fn mark_device(place: &Path) -> io::Result<()> {
    use rustix::fs::{FileType, makedev, mknodat};
    let mode = Mode::RUSR | Mode::WUSR;
    match mknodat(CWD, place, FileType::CharacterDevice, mode, makedev(0, 0)) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::File::create_new(place).map(drop),
    }
}

/// What this process takes away from the modes of files that it makes; everything, if that cannot be known without
/// changing it.
fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let row = status.lines().find_map(|row| row.strip_prefix("Umask:"));
    let mask = row.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok());
    mask.unwrap_or(0o777)
}

/// An absolute path from what is left of one after its prefix.
fn or_root(rest: &[u8]) -> Vec<u8> {
    if rest.is_empty() {
        b"/".to_vec()
    } else {
        rest.to_vec()
    }
}

/// Makes the private directory for a tree, in memory if the machine offers a place for that.
///
/// # Errors
///
/// The error of the last place tried, if none can be written to.
pub fn place() -> io::Result<Place> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let shared = Some(PathBuf::from("/dev/shm"));
    let temporary = std::env::var_os("TMPDIR").map(PathBuf::from);
    let last = Some(PathBuf::from("/tmp"));
    place_in([runtime, shared, temporary, last].into_iter().flatten())
}

/// The first of `bases` in which a directory can be made.
fn place_in(bases: impl Iterator<Item = PathBuf>) -> io::Result<Place> {
    let mut error = io::Error::from(io::ErrorKind::NotFound);
    for base in bases.filter(|base| base.is_absolute()) {
        sweep(&base);
        match private_dir(&base) {
            Ok(dir) => return Ok(dir),
            Err(refusal) => error = refusal,
        }
    }
    Err(error)
}

/// Makes a directory with a new name in `base`.
fn private_dir(base: &Path) -> io::Result<Place> {
    for attempt in 0_u32.. {
        let path = base.join(format!("{HIDDEN}{}-{attempt}", std::process::id()));
        match fs::DirBuilder::new().mode(PRIVATE).create(&path) {
            Ok(()) => match hold(&path, FlockOperation::NonBlockingLockShared) {
                Ok(held) => return Ok(Place { path, _held: held }),
                // Another run that is starting took it for one that was left, and removes it.
                Err(Errno::NOENT | Errno::WOULDBLOCK) => {}
                Err(errno) => return Err(errno.into()),
            },
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

/// A private directory. As long as a process of its run lives and has this, other runs leave it alone.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    _held: OwnedFd,
}

impl Place {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Locks a directory that is there. The lock is shared with processes that are forked, and goes with the last.
fn hold(path: &Path, how: FlockOperation) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = rustix::fs::open(path, flags, Mode::empty())?;
    rustix::fs::flock(&dir, how)?;
    let (held, there) = (rustix::fs::fstat(&dir)?, rustix::fs::lstat(path)?);
    if (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino) {
        Ok(dir)
    } else {
        Err(Errno::NOENT)
    }
}

/// Removes from `base` the directories of runs of which no process of ours is left: all were killed at once.
fn sweep(base: &Path) {
    let own = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let is_named_so = entry.file_name().as_bytes().starts_with(HIDDEN.as_bytes());
        let is_own = || {
            entry
                .metadata()
                .is_ok_and(|is| is.is_dir() && is.uid() == own)
        };
        if is_named_so
            && is_own()
            && let Ok(_held) = hold(&entry.path(), FlockOperation::NonBlockingLockExclusive)
        {
            // What cannot be removed now is tried again by the next run.
            let _ = remove(&entry.path());
        }
    }
}

/// Removes a tree, whatever the modes of its directories; also one that another process left.
///
/// # Errors
///
/// What the file system reports; a tree that is gone already is no error.
pub fn remove(path: &Path) -> io::Result<()> {
    match remove_at(CWD, path.as_os_str()) {
        Err(Errno::NOENT) => Ok(()),
        other => Ok(other?),
    }
}

/// Removes what a directory has under a name. What it is shows when it is removed: most are files and
/// empty directories.
fn remove_at(directory: BorrowedFd<'_>, name: impl Arg + Copy) -> Result<(), Errno> {
    let take_away = |flags| unlinkat(directory, name, flags);
    match take_away(AtFlags::REMOVEDIR) {
        Err(Errno::NOTDIR) => take_away(AtFlags::empty()),
        Err(Errno::NOTEMPTY | Errno::EXIST) => {
            empty(directory, name)?;
            take_away(AtFlags::REMOVEDIR)
        }
        done => done,
    }
}

/// Removes everything in a directory.
fn empty(parent: BorrowedFd<'_>, name: impl Arg + Copy) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // Without this mode it can be neither listed nor emptied.
    chmodat(parent, name, Mode::RWXU, AtFlags::empty())?;
    let directory = openat(parent, name, flags, Mode::empty())?;
    let mut buf = [MaybeUninit::uninit(); LISTED];
    let mut entries = RawDir::new(&directory, &mut buf);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            remove_at(directory.as_fd(), entry.file_name())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
