//! `getdents64` and `getdents` of directories that both worlds have names in.
//!
//! The directory is the machine's, opened by the caller, so paths through it are the kernel's. Only what is listed
//! differs: the board's names come first, then those of the machine without its own chips. Every name of the board
//! has a position of its own ([`FIRST`]), which the caller's open file is set to when the buffer is full, so that a
//! listing can be left, begun anew and gone on with anywhere, as `seekdir` does, and chips may come and go meanwhile.
//! Any other position is the machine's.

use core::mem::MaybeUninit;
use std::{
    io::{Seek as _, SeekFrom},
    os::fd::OwnedFd,
};

use rustix::{
    fs::{FileType, RawDir, RawDirEntry},
    io::Errno,
};

use super::{context::Context, route::Targets};
use crate::{
    outcome::Reply,
    path::{lexical, machine::Machine, owned::chip_of_node},
};

/// Position of the board's first name, and of the others with their places added.
///
/// It fits the positions of every file system that has names of the board (`sysfs` allows 31 bits), and no directory
/// there is that long. In sysfs a position is a hash: one of its names in 10^8 has one of these, and is passed over.
const FIRST: u64 = 0x5500_0000;
/// Position after the board's last name: the machine's first is next.
const LAST: u64 = FIRST + 0x00ff_ffff;
/// The most that is read at once, whatever room the program has.
const ROOM_MAX: usize = 0x8000;
/// Size of `struct linux_dirent64` before the name.
const HEAD: usize = 19;

/// A name of the board, with its place.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Name {
    place: u64,
    name: Vec<u8>,
    inode: u64,
    kind: u8,
}

/// One name.
struct Entry<'a> {
    inode: u64,
    /// Where the next one is.
    next: u64,
    kind: u8,
    name: &'a [u8],
}

/// How entries are laid out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Layout {
    /// `struct linux_dirent64`.
    New,
    /// `struct linux_dirent`, with the type in the last byte.
    Old,
}

/// `getdents64(fd, buf, size)`
pub(super) fn getdents64(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    list(context, Layout::New)
}

/// `getdents(fd, buf, size)`
pub(super) fn getdents(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    list(context, Layout::Old)
}

fn list(context: &Context<'_>, layout: Layout) -> Result<Reply, Errno> {
    let call = context.call;
    let Some(dir) = shared_dir(context, call.int(0)) else {
        return Ok(Reply::Continue);
    };
    let file = match context.process.share(call.int(0)) {
        Ok(file) => std::fs::File::from(file),
        Err(errno) => {
            // DIFFERS: where this is forbidden, the machine's names alone are listed.
            tracing::debug!(%errno, "a listing lacks the board's names");
            return Ok(Reply::Continue);
        }
    };
    let mut listing = Listing {
        context,
        dir,
        layout,
        file,
        bytes: Vec::new(),
        room: usize::try_from(call.uint(2))
            .unwrap_or(ROOM_MAX)
            .min(ROOM_MAX),
    };
    let from = listing.position()?;
    listing.fill(from)?;
    let length = i64::try_from(listing.bytes.len()).map_err(|_| Errno::INVAL)?;
    match context.give(call.args[1], &listing.bytes, length) {
        Ok(reply) => Ok(reply),
        Err(errno) => {
            listing.seek(from)?;
            Err(errno)
        }
    }
}

/// The directory behind a descriptor, if it is one of the machine in which the board has names or hides some.
fn shared_dir(context: &Context<'_>, fd: i32) -> Option<Vec<u8>> {
    let link = context.process.fd_link(fd).ok()?;
    if !link.starts_with(b"/") || context.layer.shadow.inside(&link).is_some() {
        return None;
    }
    let dir = context.view().inside_root(&link)?;
    let place = context.layer.shadow.locate(&dir);
    let is_dir = rustix::fs::lstat(place)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory);
    (is_dir || context.layer.shadow.owned().hides_in(&dir)).then_some(dir)
}

/// A listing under way.
struct Listing<'a> {
    context: &'a Context<'a>,
    /// The directory's path.
    dir: Vec<u8>,
    layout: Layout,
    /// The caller's open file.
    file: std::fs::File,
    bytes: Vec<u8>,
    /// How many bytes the program has room for.
    room: usize,
}

impl Listing<'_> {
    fn position(&mut self) -> Result<u64, Errno> {
        self.file.stream_position().map_err(raw)
    }

    fn seek(&mut self, to: u64) -> Result<(), Errno> {
        self.file.seek(SeekFrom::Start(to)).map(drop).map_err(raw)
    }

    /// Gathers entries from a position on, and leaves the file at the next one.
    fn fill(&mut self, from: u64) -> Result<(), Errno> {
        if from == 0 || (FIRST..LAST).contains(&from) {
            let place = from.saturating_sub(FIRST);
            if let Some(next) = self.board(place)? {
                return self.seek(next);
            }
            self.seek(0)?;
        } else if from == LAST {
            self.seek(0)?;
        }
        match self.machine() {
            Err(Errno::INVAL) if !self.bytes.is_empty() => self.seek(LAST),
            Err(errno) => {
                self.seek(from)?;
                Err(errno)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Gathers the board's names from a place on; gives the position of the first for which there is no room.
    fn board(&mut self, from: u64) -> Result<Option<u64>, Errno> {
        for name in self.names()?.iter().filter(|name| name.place >= from) {
            let entry = Entry {
                inode: name.inode,
                next: FIRST + name.place + 1,
                kind: name.kind,
                name: &name.name,
            };
            if !self.push(&entry) {
                return if self.bytes.is_empty() {
                    Err(Errno::INVAL)
                } else {
                    Ok(Some(FIRST + name.place))
                };
            }
        }
        Ok(None)
    }

    /// The board's names that the machine's directory lacks, by their places.
    fn names(&self) -> Result<Vec<Name>, Errno> {
        let shadow = &self.context.layer.shadow;
        let owned = shadow.owned();
        let machine = Machine::new(&self.context.view().prefix);
        let mut names = Vec::new();
        let entries = match std::fs::read_dir(shadow.locate(&self.dir)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(names),
            entries => entries.map_err(raw)?,
        };
        for entry in entries {
            let entry = entry.map_err(raw)?;
            let name = std::os::unix::ffi::OsStringExt::into_vec(entry.file_name());
            let path = lexical::join(&self.dir, &name);
            if !owned.contains(&path) && machine.look(&path).is_ok() {
                continue;
            }
            let kind = if chip_of_node(&path).is_some() {
                libc::DT_CHR
            } else {
                kind_of(entry.file_type().map_err(raw)?)
            };
            let inode = std::os::unix::fs::DirEntryExt::ino(&entry);
            let place = u64::from(shadow.place_in_listing(&path));
            names.push(Name {
                place,
                name,
                inode,
                kind,
            });
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Gathers the machine's names from where the file is, without those that are the board's to show.
    fn machine(&mut self) -> Result<(), Errno> {
        let owned = self.context.layer.shadow.owned();
        loop {
            let mut buffer = vec![MaybeUninit::uninit(); self.room - self.bytes.len()];
            let file = self.file.try_clone().map_err(raw)?;
            let mut raw_dir = RawDir::new(OwnedFd::from(file), &mut buffer);
            let before = self.bytes.len();
            let mut is_end = true;
            while let Some(entry) = raw_dir.next() {
                is_end = false;
                let entry = entry?;
                if !owned.contains(&lexical::join(&self.dir, entry.file_name().to_bytes())) {
                    self.push(&Entry::of(&entry));
                }
                if raw_dir.is_buffer_empty() {
                    break;
                }
            }
            // All that was read may have been hidden.
            if is_end || self.bytes.len() > before {
                return Ok(());
            }
        }
    }

    /// Adds an entry, if there is room.
    fn push(&mut self, entry: &Entry<'_>) -> bool {
        let length = (HEAD + entry.name.len() + 1).next_multiple_of(8);
        let Ok(length16) = u16::try_from(length) else {
            return false;
        };
        if self.bytes.len() + length > self.room {
            return false;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&entry.inode.to_ne_bytes());
        self.bytes.extend_from_slice(&entry.next.to_ne_bytes());
        self.bytes.extend_from_slice(&length16.to_ne_bytes());
        if self.layout == Layout::New {
            self.bytes.push(entry.kind);
        }
        self.bytes.extend_from_slice(entry.name);
        self.bytes.resize(start + length, 0);
        if self.layout == Layout::Old {
            self.bytes[start + length - 1] = entry.kind;
        }
        true
    }
}

impl<'a> Entry<'a> {
    fn of(entry: &'a RawDirEntry<'_>) -> Self {
        Self {
            inode: entry.ino(),
            next: entry.next_entry_cookie(),
            kind: number_of(entry.file_type()),
            name: entry.file_name().to_bytes(),
        }
    }
}

fn kind_of(kind: std::fs::FileType) -> u8 {
    if kind.is_dir() {
        libc::DT_DIR
    } else if kind.is_symlink() {
        libc::DT_LNK
    } else {
        libc::DT_REG
    }
}

fn number_of(kind: FileType) -> u8 {
    match kind {
        FileType::RegularFile => libc::DT_REG,
        FileType::Directory => libc::DT_DIR,
        FileType::Symlink => libc::DT_LNK,
        FileType::Fifo => libc::DT_FIFO,
        FileType::Socket => libc::DT_SOCK,
        FileType::CharacterDevice => libc::DT_CHR,
        FileType::BlockDevice => libc::DT_BLK,
        FileType::Unknown => libc::DT_UNKNOWN,
    }
}

fn raw(error: std::io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}
