//! `open`, `creat` and `openat`; `openat2` joins in [`open_at`].
//!
//! The answer to an open that is ours is a descriptor: of a chip, from the [`super::Opener`]; of a
//! file or directory of the shadow tree; of a private copy of a directory that exists in both
//! worlds; or of a file of the machine that the kernel would not find at the program's path.

use std::os::fd::OwnedFd;

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags},
    io::Errno,
};

use super::{Context, PathArg};
use crate::{
    class::ClassDir,
    outcome::Reply,
    path::{Identity, Listing, Location, Place, Resolution, Target, Want, owned::chip_of_node},
};

/// `open(path, flags, mode)`
pub(super) fn open(context: &Context<'_>) -> Result<Reply, Errno> {
    let (flags, mode) = (context.call.uint(1), context.call.uint(2));
    open_at(context, libc::AT_FDCWD, 0, &How::new(flags, mode))
}

/// `creat(path, mode)`
pub(super) fn creat(context: &Context<'_>) -> Result<Reply, Errno> {
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::TRUNC;
    open_at(
        context,
        libc::AT_FDCWD,
        0,
        &How::new(flags.bits(), context.call.uint(1)),
    )
}

/// `openat(dirfd, path, flags, mode)`
pub(super) fn openat(context: &Context<'_>) -> Result<Reply, Errno> {
    let call = context.call;
    open_at(
        context,
        call.int(0),
        1,
        &How::new(call.uint(2), call.uint(3)),
    )
}

/// How a file is to be opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub(super) flags: OFlags,
    pub(super) mode: Mode,
    /// Refuse links on the way.
    pub(super) no_links: bool,
}

impl How {
    /// The flags and the mode of `open`. Bits that the kernel does not know do no harm.
    pub(super) fn new(flags: u32, mode: u32) -> Self {
        let mut flags = OFlags::from_bits_retain(flags);
        if flags.contains(OFlags::PATH) {
            // KERNEL: fs/open.c build_open_flags: beside O_PATH all but these is ignored
            flags &= OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        }
        Self {
            flags,
            mode: Mode::from_raw_mode(mode & 0o7777),
            no_links: false,
        }
    }

    fn has(&self, flag: OFlags) -> bool {
        self.flags.contains(flag)
    }

    fn writes(&self) -> bool {
        !self.has(OFlags::PATH) && (self.flags & OFlags::RWMODE != OFlags::RDONLY)
    }

    fn reads(&self) -> bool {
        !self.has(OFlags::PATH) && (self.flags & OFlags::RWMODE != OFlags::WRONLY)
    }

    /// Whether a directory opened so can be listed.
    fn lists(&self) -> bool {
        self.reads() && !self.writes() && !self.has(OFlags::CREATE)
    }

    pub(super) fn want(&self) -> Want {
        let is_exclusive = self.has(OFlags::CREATE | OFlags::EXCL);
        Want {
            follow: !self.has(OFlags::NOFOLLOW) && !is_exclusive,
            listing: match self.lists() {
                false => Listing::No,
                true if self.has(OFlags::DIRECTORY) => Listing::Sure,
                true => Listing::Perhaps,
            },
            no_links: self.no_links,
        }
    }
}

/// Opens the path at argument `path`.
pub(super) fn open_at(
    context: &Context<'_>,
    dirfd: i32,
    path: usize,
    how: &How,
) -> Result<Reply, Errno> {
    let Some(arg) = context.path(dirfd, path) else {
        return Ok(Reply::Continue);
    };
    let Resolution::Walked { is_native, target } = context.resolve(&arg, how.want()) else {
        return Ok(Reply::Continue);
    };
    if is_native {
        let copy = match target {
            Ok(Target::At(location)) => {
                copy(context, &location, how).or_else(|| amended(context, &location, how))
            }
            _ => None,
        };
        return copy.map_or(Ok(Reply::Continue), |fd| reply(fd, how));
    }
    match target? {
        Target::At(location) => {
            let fd = open_location(context, &arg, &location, how)?;
            reply_for(context, fd, &location, how)
        }
        Target::Descriptor(identity) => reply(reopen(context, identity, how)?, how),
        Target::Missing { .. } if !how.has(OFlags::CREATE) => Err(Errno::NOENT),
        // KERNEL: sysfs lets nobody make files; a chip's name in /dev is not for others to take.
        Target::Missing {
            place: Place::Board,
            ..
        } => Err(Errno::ACCESS),
        Target::Missing { path, place } => {
            let location = Location {
                path,
                place,
                mode: 0,
                is_magic: false,
            };
            reply(open_file(context, &location, how.flags, how.mode)?, how)
        }
    }
}

/// The descriptor for the program, blocking as it asked for.
fn reply(fd: OwnedFd, how: &How) -> Result<Reply, Errno> {
    Ok(Reply::Fd {
        fd,
        cloexec: how.has(OFlags::CLOEXEC),
    })
}

/// As [`reply`]; the descriptor of a `value` that is polled gets a number by which calls are trapped.
fn reply_for(
    context: &Context<'_>,
    fd: OwnedFd,
    location: &Location,
    how: &How,
) -> Result<Reply, Errno> {
    let class = context.layer.class.as_deref();
    let class = class.filter(|_| location.path.ends_with(b"/value"));
    let is_polled =
        |class: &ClassDir| rustix::fs::fstat(&fd).is_ok_and(|stat| class.has_opened(stat.st_ino));
    let free = |number: &i32| context.process.fd_link(*number) == Err(Errno::BADF);
    match class.filter(|class| is_polled(class)) {
        Some(class) => Ok(match class.numbers().find(free) {
            Some(number) => Reply::FdAt {
                fd,
                cloexec: how.has(OFlags::CLOEXEC),
                number,
            },
            None => return reply(fd, how),
        }),
        None => reply(fd, how),
    }
}

/// A private copy of a directory, if it is one that must be listed with the board's names in it.
fn copy(context: &Context<'_>, location: &Location, how: &How) -> Option<OwnedFd> {
    let is_dir = location.mode & libc::S_IFMT == libc::S_IFDIR;
    if location.place != Place::Host || !is_dir || !how.lists() || location.is_magic {
        return None;
    }
    let real = context.layer.host_path(&location.path);
    let made = context
        .layer
        .shadow
        .snapshot(&location.path, &real)
        .and_then(|fd| {
            fd.map(|fd| settle(fd, how.flags).map_err(std::io::Error::from))
                .transpose()
        });
    made.unwrap_or_else(|error| {
        tracing::warn!(dir = %real.display(), %error, "a listing lacks the board's names");
        None
    })
}

/// A copy of a file of `/proc` that lacks what the board has.
fn amended(context: &Context<'_>, location: &Location, how: &How) -> Option<OwnedFd> {
    if location.place != Place::Host || !how.reads() || how.writes() {
        return None;
    }
    super::proc::open(context, &location.path)
}

/// Opens what the path named, after the checks that the kernel makes of every file.
fn open_location(
    context: &Context<'_>,
    arg: &PathArg,
    location: &Location,
    how: &How,
) -> Result<OwnedFd, Errno> {
    if how.has(OFlags::CREATE | OFlags::EXCL) {
        return Err(Errno::EXIST);
    }
    match location.mode & libc::S_IFMT {
        libc::S_IFLNK if how.has(OFlags::PATH) => return open_beyond(context, arg, how),
        libc::S_IFLNK if how.has(OFlags::DIRECTORY) => return Err(Errno::NOTDIR),
        libc::S_IFLNK => return Err(Errno::LOOP),
        libc::S_IFDIR if how.writes() || how.has(OFlags::CREATE) => return Err(Errno::ISDIR),
        libc::S_IFDIR => {}
        _ if how.has(OFlags::DIRECTORY) => return Err(Errno::NOTDIR),
        _ => {}
    }
    if let Some(fd) = copy(context, location, how) {
        return Ok(fd);
    }
    if location.place == Place::Board {
        if let Some(id) = chip_of_node(&location.path) {
            return open_chip(context, id, how);
        }
        permitted(location.mode, how)?;
        let class = context.layer.class.as_deref();
        let tree = context.layer.tree.as_deref();
        if let Some(class) = class {
            class.list(&location.path, tree);
        }
        if let Some(opened) = class.and_then(|class| class.open(&location.path, how.flags)) {
            return opened.and_then(|fd| settle(fd, how.flags));
        }
        if let Some(opened) = tree.and_then(|tree| tree.open(&location.path, how.flags)) {
            return opened;
        }
    }
    // DIFFERS: a descriptor opened with O_PATH cannot be given to another process; one opened for
    // reading serves all that programs do with it.
    open_file(context, location, how.flags - OFlags::PATH, how.mode)
}

/// `O_PATH | O_NOFOLLOW` of a link.
// DIFFERS: the descriptor is of what the link leads to, not of the link.
fn open_beyond(context: &Context<'_>, arg: &PathArg, how: &How) -> Result<OwnedFd, Errno> {
    let how = How {
        flags: how.flags - OFlags::NOFOLLOW,
        ..*how
    };
    match context.resolve(arg, how.want()) {
        Resolution::Walked {
            target: Ok(Target::At(location)),
            ..
        } if location.mode & libc::S_IFMT != libc::S_IFLNK => {
            open_location(context, arg, &location, &how)
        }
        Resolution::Walked {
            target: Err(errno), ..
        } => Err(errno),
        _ => Err(Errno::NOENT),
    }
}

/// A chip's own descriptor.
fn open_chip(context: &Context<'_>, id: u32, how: &How) -> Result<OwnedFd, Errno> {
    settle(
        context.layer.opener.open_chip(id, how.flags.bits())?,
        how.flags,
    )
}

/// `/proc/self/fd/N` of a file of ours. KERNEL: an anonymous file cannot be opened, ENXIO
fn reopen(context: &Context<'_>, identity: Identity, how: &How) -> Result<OwnedFd, Errno> {
    match identity {
        _ if how.has(OFlags::CREATE | OFlags::EXCL) => Err(Errno::EXIST),
        _ if how.has(OFlags::DIRECTORY) => Err(Errno::NOTDIR),
        Identity::Chip { id, is_gone: false } => open_chip(context, id, how),
        Identity::Chip { .. } | Identity::Anonymous(_) => Err(Errno::NXIO),
    }
}

/// KERNEL: fs/kernfs/file.c kernfs_fop_open: what the mode lacks is refused to root too
fn permitted(mode: u32, how: &How) -> Result<(), Errno> {
    let is_dir = mode & libc::S_IFMT == libc::S_IFDIR;
    let lacks = |bits: u32| mode & bits == 0;
    if !is_dir && (how.reads() && lacks(0o444) || how.writes() && lacks(0o222)) {
        return Err(Errno::ACCESS);
    }
    Ok(())
}

/// Opens a file of either world for the program.
///
/// Nothing is followed on the way: the path was walked already. The open itself never waits, lest
/// a FIFO hold the supervisor up.
pub(super) fn open_file(
    context: &Context<'_>,
    location: &Location,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd, Errno> {
    let safe = OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let fd = match location.place {
        Place::Board => {
            let path = context.layer.shadow.locate(&location.path);
            let how =
                (flags - OFlags::CREATE - OFlags::EXCL - OFlags::TRUNC) | safe | OFlags::NOFOLLOW;
            rustix::fs::openat2(CWD, path, how, Mode::empty(), ResolveFlags::NO_SYMLINKS)
        }
        Place::Host => {
            let path = context.layer.host_path(&location.path);
            let links = if location.is_magic {
                OFlags::empty()
            } else {
                OFlags::NOFOLLOW
            };
            rustix::fs::open(path, (flags - OFlags::NOFOLLOW) | safe | links, mode)
        }
    }?;
    settle(fd, flags)
}

/// Gives a descriptor the status flags that the program asked for.
fn settle(fd: OwnedFd, flags: OFlags) -> Result<OwnedFd, Errno> {
    let now = rustix::fs::fcntl_getfl(&fd)?;
    let wanted = (now - OFlags::NONBLOCK) | (flags & OFlags::NONBLOCK);
    if now != wanted {
        rustix::fs::fcntl_setfl(&fd, wanted)?;
    }
    Ok(fd)
}
