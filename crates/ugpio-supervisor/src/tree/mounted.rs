//! A [`ControlTree`] in the shadow tree: its directories can be listed, its files opened and written to.
//!
//! Configfs gives each open of an attribute a text of its own, so the program gets a private file,
//! whose name, deleted at once but still shown by `/proc/PID/fd`, tells which attribute it is. The
//! files of a line in sysfs are live: all opens share the shadow's file, which is brought up to date
//! when it is opened, after each store, and whenever the line changes while it may be open.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::{CONFIGFS, ControlTree, MODULE, ROOT, Token};
use crate::attributes::{AttributeTree, Gone, Sink};
use crate::names::lexical;
use crate::shadow::Shadow;
use crate::shadow::sim::{DEBUG, LineAt, SimAttribute};

/// A tree where programs find it.
#[derive(Debug)]
pub struct Mounted {
    tree: Arc<dyn ControlTree>,
    shadow: Arc<Shadow>,
    /// Held while directories change, so that the tree and its shadow change together.
    namespace: Mutex<()>,
    /// Where private files are made.
    private: PathBuf,
    serial: AtomicU64,
    /// Whether a chip went of whose lines a file was opened.
    has_stale: AtomicBool,
    /// The lines whose files were opened, and are kept up to date. Held while one is written.
    watched: Mutex<BTreeSet<LineAt>>,
}

/// An open attribute of configfs or debugfs.
struct Private<'a> {
    tree: &'a dyn ControlTree,
    token: Token,
}

/// An open file of a line.
struct OfLine<'a> {
    mounted: &'a Mounted,
    line: LineAt,
    file: SimAttribute,
}

impl Sink for Private<'_> {
    fn store(&self, _: u64, text: &[u8]) -> Result<usize, Errno> {
        self.tree.store(self.token, text)
    }

    // KERNEL: fs/configfs/file.c fill_write_buffer (v6.12)
    fn own_text(&self) -> Option<Vec<u8>> {
        self.tree.show(self.token).ok()
    }
}

impl Sink for OfLine<'_> {
    fn store(&self, _: u64, text: &[u8]) -> Result<usize, Errno> {
        let taken = self.mounted.tree.store_line(self.line, self.file, text);
        self.mounted.refresh(self.line);
        taken
    }
}

impl Mounted {
    /// Shows an empty tree.
    ///
    /// # Errors
    ///
    /// What making directories reports.
    pub fn new(shadow: Arc<Shadow>, tree: Arc<dyn ControlTree>) -> io::Result<Self> {
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

    /// The text that a line's file has now.
    pub(crate) fn show_line(&self, line: LineAt, file: SimAttribute) -> Result<Vec<u8>, Errno> {
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
    /// when a line's level or pull has changed, without a lock that [`ControlTree::show_line`] needs.
    pub fn refresh(&self, line: LineAt) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if !watched.contains(&line) {
            return;
        }
        for file in SimAttribute::ALL {
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
            for file in SimAttribute::ALL {
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
}

impl AttributeTree for Mounted {
    /// An attribute is opened with its text of this moment; a line's file is brought up to date and left to the
    /// caller.
    fn open(&self, path: &[u8], flags: OFlags) -> Option<Result<OwnedFd, Errno>> {
        if let Some((line, _)) = LineAt::parse(path) {
            self.watch(line);
            return None;
        }
        let token = match super::chip_of_faults(path) {
            Some(chip) => self.tree.faults(chip)?,
            None => self.tree.find(&Self::names(path)?)?,
        };
        self.shadow.name_private(&token.to_string(), path);
        Some(self.open_private(token, flags))
    }

    fn sink(&self, link: &[u8]) -> Option<Box<dyn Sink + '_>> {
        let private = self.private.as_os_str().as_encoded_bytes();
        if let Some(rest) = lexical::below(link, private) {
            let name = core::str::from_utf8(rest.strip_prefix(b"/")?).ok()?;
            let (token, _) = name.split_once('-')?;
            let (tree, token) = (&*self.tree, Token::parse(token)?);
            return Some(Box::new(Private { tree, token }));
        }
        let inside = self.shadow.inside(link)?;
        if let Some(path) = inside.strip_suffix(b" (deleted)") {
            LineAt::parse(path)?;
            return Some(Box::new(Gone));
        }
        let (line, file) = LineAt::parse(&inside)?;
        Some(Box::new(OfLine {
            mounted: self,
            line,
            file,
        }))
    }

    fn has_stale(&self) -> bool {
        self.has_stale.load(Ordering::Relaxed)
    }

    fn is_gone(&self, link: &[u8]) -> bool {
        let inside = self.shadow.inside(link).unwrap_or_default();
        let path = inside.strip_suffix(b" (deleted)");
        path.is_some_and(|path| LineAt::parse(path).is_some())
    }
}
