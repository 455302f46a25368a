//! A [`Tree`] in the shadow tree: its directories can be listed, its files opened and written to.
//!
//! Configfs gives each open of an attribute a text of its own, so the program gets a private file,
//! whose name, deleted at once but still shown by `/proc/PID/fd`, tells which attribute it is. The
//! files of a line in sysfs are live: all opens share the shadow's file, which is brought up to date
//! when it is opened, after each store, and whenever the line changes while it may be open.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::{CONFIGFS, DEBUG, LineAt, LineFile, MODULE, ROOT, Token, Tree};
use crate::path::lexical;
use crate::shadow::Shadow;

/// A tree where programs find it.
#[derive(Debug)]
pub struct Mounted {
    tree: Arc<dyn Tree>,
    shadow: Arc<Shadow>,
    /// Held while directories change, so that the tree and its shadow change together.
    namespace: Mutex<()>,
    /// Where private files are made.
    private: PathBuf,
    serial: AtomicU64,
    /// Whether a program was ever given something that it can store to.
    has_writers: AtomicBool,
    /// Whether a chip went of whose lines a file was opened.
    has_stale: AtomicBool,
    /// The lines whose files were opened, and are kept up to date. Held while one is written.
    watched: Mutex<BTreeSet<LineAt>>,
}

/// What a descriptor of ours stores to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sink {
    /// An attribute; whether its private file can be read through the same descriptor is for the
    /// kernel to say.
    Attribute(Token),
    /// A line's file.
    Line(LineAt, LineFile),
    /// A line's file whose chip is gone.
    Gone,
}

impl Mounted {
    /// Shows an empty tree.
    ///
    /// # Errors
    ///
    /// What making directories reports.
    pub fn new(shadow: Arc<Shadow>, tree: Arc<dyn Tree>) -> io::Result<Self> {
        shadow.mkdir_all(ROOT.as_bytes())?;
        shadow.mkdir_all(MODULE.as_bytes())?;
        shadow.write_file(format!("{MODULE}/initstate").as_bytes(), 0o444, b"live\n")?;
        shadow.write_file(format!("{MODULE}/refcnt").as_bytes(), 0o444, b"0\n")?;
        shadow.mkdir_all(DEBUG.as_bytes())?;
        for path in [ROOT, MODULE, DEBUG] {
            shadow.own(path.as_bytes());
        }
        let private = shadow.private_dir();
        fs::create_dir(&private)?;
        Ok(Self {
            tree,
            shadow,
            namespace: Mutex::default(),
            private,
            serial: AtomicU64::new(0),
            has_writers: AtomicBool::new(false),
            has_stale: AtomicBool::new(false),
            watched: Mutex::default(),
        })
    }

    /// The names of a virtual path below the tree's root; `None` if it lies elsewhere.
    fn names(path: &[u8]) -> Option<Vec<&[u8]>> {
        Some(lexical::components(lexical::below(path, ROOT.as_bytes())?).collect())
    }

    /// Makes a directory. Whatever mode was asked for, it can be used.
    pub(crate) fn mkdir(&self, path: &[u8]) -> Result<(), Errno> {
        // KERNEL: fs/configfs/dir.c, fs/kernfs/dir.c (v6.12): nobody makes directories elsewhere
        let names = Self::names(path).ok_or(Errno::PERM)?;
        let _changing = self
            .namespace
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let entries = self.tree.mkdir(&names)?;
        let made = self.shadow.mkdir(path, 0o755).and_then(|()| {
            entries.iter().try_for_each(|entry| {
                self.make_file(
                    &self.shadow.locate(&lexical::join(path, entry.name)),
                    entry.mode,
                )
            })
        });
        made.map_err(|error| {
            // The first failure is the one worth telling.
            let _ = self.shadow.remove(path);
            let _ = self.tree.rmdir(&names);
            tracing::warn!(%error, "a directory of the gpio-sim tree cannot be made");
            Errno::from_io_error(&error).unwrap_or(Errno::IO)
        })
    }

    /// Removes a directory.
    pub(crate) fn rmdir(&self, path: &[u8]) -> Result<(), Errno> {
        let names = Self::names(path)
            .filter(|names| !names.is_empty())
            .ok_or(Errno::PERM)?;
        let _changing = self
            .namespace
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.tree.rmdir(&names)?;
        self.shadow.forget_private(path);
        self.shadow
            .remove(path)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }

    /// Opens the file at a virtual path, if it is the tree's to open: an attribute, with its text of
    /// this moment. A line's file is brought up to date and left to the caller.
    pub(crate) fn open(&self, path: &[u8], flags: OFlags) -> Option<Result<OwnedFd, Errno>> {
        let writes = flags & OFlags::RWMODE != OFlags::RDONLY && !flags.contains(OFlags::PATH);
        if let Some((line, _)) = LineAt::parse(path) {
            self.watch(line);
            if writes {
                self.has_writers.store(true, Ordering::Relaxed);
            }
            return None;
        }
        let token = match super::chip_of_faults(path) {
            Some(chip) => self.tree.faults(chip)?,
            None => self.tree.find(&Self::names(path)?)?,
        };
        if writes {
            self.has_writers.store(true, Ordering::Relaxed);
        }
        self.shadow.name_private(&token.to_string(), path);
        Some(self.open_private(token, flags))
    }

    /// A file for one open of an attribute, with its text.
    fn open_private(&self, token: Token, flags: OFlags) -> Result<OwnedFd, Errno> {
        let text = self.tree.show(token)?;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let place = self.private.join(format!("{token}-{serial}"));
        let failed = |error: &io::Error| Errno::from_io_error(error).unwrap_or(Errno::IO);
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&place);
        made.and_then(|mut file| file.write_all(&text))
            .map_err(|error| failed(&error))?;
        let safe = OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NOFOLLOW;
        let how = (flags & (OFlags::RWMODE | OFlags::APPEND | OFlags::NONBLOCK)) | safe;
        let opened = rustix::fs::openat(CWD, &place, how, Mode::empty());
        fs::remove_file(&place).map_err(|error| failed(&error))?;
        opened
    }

    /// Whether a write may be a store at all.
    pub(crate) fn has_writers(&self) -> bool {
        self.has_writers.load(Ordering::Relaxed)
    }

    /// Whether a read may be one of a file whose chip is gone.
    pub(crate) fn has_stale(&self) -> bool {
        self.has_stale.load(Ordering::Relaxed)
    }

    /// What a descriptor stores to, by the text of its link in `/proc/PID/fd`.
    pub(crate) fn sink(&self, link: &[u8]) -> Option<Sink> {
        let private = self.private.as_os_str().as_encoded_bytes();
        if let Some(rest) = lexical::below(link, private) {
            let name = core::str::from_utf8(rest.strip_prefix(b"/")?).ok()?;
            let (token, _) = name.split_once('-')?;
            return Token::parse(token).map(Sink::Attribute);
        }
        let inside = self.shadow.inside(link)?;
        match inside.strip_suffix(b" (deleted)") {
            Some(path) => LineAt::parse(path).map(|_| Sink::Gone),
            None => LineAt::parse(&inside).map(|(line, file)| Sink::Line(line, file)),
        }
    }

    /// Stores a text; gives how much of it was taken.
    pub(crate) fn store(&self, sink: Sink, text: &[u8]) -> Result<usize, Errno> {
        match sink {
            Sink::Attribute(token) => self.tree.store(token, text),
            Sink::Line(line, file) => {
                let taken = self.tree.store_line(line, file, text);
                self.refresh(line);
                taken
            }
            // KERNEL: fs/kernfs/file.c kernfs_fop_write_iter (v6.12)
            Sink::Gone => Err(Errno::NODEV),
        }
    }

    /// The text that the next read through a descriptor of this attribute gives.
    pub(crate) fn show(&self, token: Token) -> Result<Vec<u8>, Errno> {
        self.tree.show(token)
    }

    /// The text that a line's file has now.
    pub(crate) fn show_line(&self, line: LineAt, file: LineFile) -> Result<Vec<u8>, Errno> {
        self.tree.show_line(line, file)
    }

    /// Keeps a line's files up to date from now on.
    fn watch(&self, line: LineAt) {
        self.watched
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(line);
        self.refresh(line);
    }

    /// Brings the files of a line up to date, if anybody has ever opened one of them. To be called
    /// when a line's level or pull has changed, without a lock that [`Tree::show_line`] needs.
    pub fn refresh(&self, line: LineAt) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if !watched.contains(&line) {
            return;
        }
        for file in LineFile::ALL {
            let Ok(text) = self.tree.show_line(line, file) else {
                watched.remove(&line);
                return;
            };
            if let Err(error) = self.shadow.write_line(line, file, &text) {
                tracing::debug!(?line, %error, "a line's file is not up to date");
            }
        }
    }

    /// Empties the files of a chip that is about to go: who has one open must not read an old level.
    pub fn forget(&self, chip: u32) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |offset| LineAt { chip, offset };
        let over: Vec<LineAt> = watched.range(at(0)..=at(u32::MAX)).copied().collect();
        for line in over {
            self.has_stale.store(true, Ordering::Relaxed);
            watched.remove(&line);
            for file in LineFile::ALL {
                if let Err(error) = self.shadow.write_line(line, file, b"") {
                    tracing::debug!(?line, %error, "a line's file keeps its last text");
                }
            }
        }
    }

    /// Makes an empty file.
    fn make_file(&self, place: &std::path::Path, mode: u32) -> io::Result<()> {
        File::create_new(place)?.set_permissions(fs::Permissions::from_mode(mode))
    }

    /// The file system's number for a virtual path, as `statfs` gives it.
    pub(crate) fn file_system(path: &[u8]) -> i64 {
        const SYSFS: i64 = 0x6265_6572;
        const CONFIG: i64 = 0x6265_6570;
        const DEBUG: i64 = 0x6462_6720;
        const TMPFS: i64 = 0x0102_1994;
        const PROC: i64 = 0x9fa0;
        if lexical::below(path, CONFIGFS.as_bytes()).is_some() {
            CONFIG
        } else if lexical::below(path, b"/sys/kernel/debug").is_some() {
            DEBUG
        } else if lexical::below(path, b"/sys").is_some() {
            SYSFS
        } else if lexical::below(path, b"/proc").is_some() {
            PROC
        } else {
            TMPFS
        }
    }

    /// Puts a new text behind a descriptor, for its next read.
    pub(crate) fn replace(file: &OwnedFd, text: &[u8]) -> Result<(), Errno> {
        rustix::fs::ftruncate(file, 0)?;
        rustix::io::pwrite(file.as_fd(), text, 0).map(drop)
    }
}
