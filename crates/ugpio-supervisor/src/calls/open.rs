//! `open`, `creat` and `openat`; `openat2` joins in [`open_at`].
//!
//! The answer to an open that is ours is a descriptor: of a chip, from the [`super::context::Opener`], or of a file or
//! directory of the shadow tree. The machine's files are opened by nobody but the caller.

use std::os::{fd::OwnedFd, unix::ffi::OsStringExt as _};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags},
    io::Errno,
    process::{getegid, geteuid},
};

use super::{
    context::{Context, PathArg},
    route::{Found, Targets},
};
use crate::{
    class::ClassDir,
    outcome::Reply,
    path::{
        Guarded, Identity, Location, Place, Resolution, Target, Want,
        owned::{MAJOR, chip_of_node},
    },
    sys::ptrace::again::Instead,
};

/// The mode of the directory that the shadow tree lies in.
const OWNERS_ALONE: u32 = 0o700;

/// `open(path, flags, mode)`
pub(super) fn open(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    open_at(context, libc::AT_FDCWD, 0, &How::new(context.call.uint(1)))
}

/// `creat(path, mode)`
pub(super) fn creat(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::TRUNC;
    open_at(context, libc::AT_FDCWD, 0, &How::new(flags.bits()))
}

/// `openat(dirfd, path, flags, mode)`
pub(super) fn openat(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let call = context.call;
    open_at(context, call.int(0), 1, &How::new(call.uint(2)))
}

/// `__O_TMPFILE`: `O_TMPFILE` without the `O_DIRECTORY` in it.
pub(super) const TMPFILE: u32 = (libc::O_TMPFILE & !libc::O_DIRECTORY).cast_unsigned();

/// How a file is to be opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub(super) flags: OFlags,
    /// Refuse links on the way.
    pub(super) no_links: bool,
    /// Stay below a directory (`openat2`): no other path can be put in place of the program's.
    pub(super) is_bound: bool,
}

impl How {
    /// The flags of `open`. Bits that the kernel does not know do no harm.
    pub(super) fn new(flags: u32) -> Self {
        let mut flags = OFlags::from_bits_retain(flags);
        if flags.contains(OFlags::PATH) {
            // KERNEL: fs/open.c build_open_flags: beside O_PATH all but these is ignored
            flags &= OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        }
        Self {
            flags,
            no_links: false,
            is_bound: false,
        }
    }

    fn has(&self, flag: OFlags) -> bool {
        self.flags.contains(flag)
    }

    /// Whether the kernel refuses the flags before it looks at the path.
    // KERNEL: fs/open.c build_open_flags (v6.12)
    fn is_refused(&self) -> bool {
        if self.has(OFlags::PATH) {
            return false;
        }
        let is_temporary = self.flags.bits() & TMPFILE != 0;
        is_temporary && !(self.writes() && self.has(OFlags::DIRECTORY))
            || self.has(OFlags::CREATE | OFlags::DIRECTORY)
            || self.flags & OFlags::RWMODE == OFlags::RWMODE && is_temporary
    }

    fn writes(&self) -> bool {
        !self.has(OFlags::PATH) && (self.flags & OFlags::RWMODE != OFlags::RDONLY)
    }

    fn reads(&self) -> bool {
        !self.has(OFlags::PATH) && (self.flags & OFlags::RWMODE != OFlags::WRONLY)
    }

    pub(super) fn want(&self) -> Want {
        let is_exclusive = self.has(OFlags::CREATE | OFlags::EXCL);
        Want {
            follow: !self.has(OFlags::NOFOLLOW) && !is_exclusive,
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
    if how.is_refused() {
        return Ok(Reply::Continue);
    }
    let Some(arg) = context.path(dirfd, path) else {
        return Ok(Reply::Continue);
    };
    let resolution = context.resolve(&arg, how.want());
    if let Some(opened) = chip_of_machine(context, &resolution, how) {
        return opened;
    }
    if let Some(location) = machine_file(&resolution)
        && let Some(fd) = amended(context, location, how, &resolution)?
    {
        return reply(fd, how);
    }
    let target = match context.sort(&arg, resolution)? {
        Found::Native => return Ok(Reply::Continue),
        Found::Machine(machine) => {
            let instead = vec![(path, Instead::Text(machine))];
            return Ok(context.mover.again(context.call, instead));
        }
        Found::Board(target) => target,
    };
    match target {
        Target::At(location) => {
            judge(&location, how)?;
            if how.has(OFlags::PATH)
                && let Some(reply) = path_only(context, &location.path, path, how)?
            {
                return Ok(reply);
            }
            let fd = open_location(context, &arg, &location, how)?;
            reply_for(context, fd, &location, how)
        }
        // KERNEL: fs/open.c do_dentry_open (v6.12): O_PATH never asks the file
        Target::Descriptor(identity) if how.has(OFlags::PATH) => {
            reopen_path_only(context, identity, path, how)
        }
        Target::Descriptor(identity) => reply(reopen(context, identity, how)?, how),
        Target::Missing { .. } if how.has(OFlags::CREATE) => {
            // KERNEL: sysfs lets nobody make files; a chip's name in /dev is not for others to take.
            Err(Errno::ACCESS)
        }
        Target::Missing { .. } => Err(Errno::NOENT),
    }
}

/// The file of the machine that a path leads to.
fn machine_file(resolution: &Resolution) -> Option<&Location> {
    match resolution {
        Resolution::Walked {
            target: Ok(Target::At(location)),
            ..
        } if location.place == Place::Host => Some(location),
        _ => None,
    }
}

/// The answer, if a path leads to a node of the machine that has a chip's number.
pub(super) fn chip_of_machine(
    context: &Context<'_>,
    resolution: &Resolution,
    how: &How,
) -> Option<Result<Reply, Errno>> {
    let id = chip_number(context, machine_file(resolution)?, how)?;
    Some(id.and_then(|id| reply(open_chip(context, id, how)?, how)))
}

/// The chip to open, if a node of the machine has a number of one: the board's of that number, whatever the name; the
/// machine's are not there.
// KERNEL: fs/char_dev.c chrdev_open (v6.12): a number without a driver is ENXIO
fn chip_number(
    context: &Context<'_>,
    location: &Location,
    how: &How,
) -> Option<Result<u32, Errno>> {
    let (major, minor) = location.number?;
    if how.has(OFlags::PATH) || how.has(OFlags::CREATE | OFlags::EXCL) || how.has(OFlags::DIRECTORY)
    {
        return None;
    }
    let node = context
        .layer
        .shadow
        .locate(format!("/dev/gpiochip{minor}").as_bytes());
    let is_there = major == MAJOR && rustix::fs::lstat(node).is_ok();
    Some(if is_there {
        Ok(minor)
    } else {
        Err(Errno::NXIO)
    })
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

/// A copy of a file of `/proc` that lacks what the board has.
fn amended(
    context: &Context<'_>,
    location: &Location,
    how: &How,
    resolution: &Resolution,
) -> Result<Option<OwnedFd>, Errno> {
    if !how.reads() || how.writes() {
        return Ok(None);
    }
    let copy = super::proc::open(context, &location.path);
    if let (Some(_), Resolution::Walked { guarded, .. }) = (&copy, resolution) {
        context.may_pass(guarded)?;
    }
    Ok(copy)
}

/// The checks that the kernel makes of every file.
fn judge(location: &Location, how: &How) -> Result<(), Errno> {
    if how.has(OFlags::CREATE | OFlags::EXCL) {
        return Err(Errno::EXIST);
    }
    match location.mode & libc::S_IFMT {
        libc::S_IFLNK if how.has(OFlags::DIRECTORY) => Err(Errno::NOTDIR),
        libc::S_IFLNK if !how.has(OFlags::PATH) => Err(Errno::LOOP),
        libc::S_IFDIR if how.writes() || how.has(OFlags::CREATE) => Err(Errno::ISDIR),
        libc::S_IFDIR | libc::S_IFLNK => Ok(()),
        _ if how.has(OFlags::DIRECTORY) => Err(Errno::NOTDIR),
        _ => Ok(()),
    }
}

/// A descriptor opened with `O_PATH` of a file of the board, whose path is argument `position`. It cannot be given to
/// another process, so the caller opens what stands for the file; `None` where it cannot reach that.
fn path_only(
    context: &Context<'_>,
    path: &[u8],
    position: usize,
    how: &How,
) -> Result<Option<Reply>, Errno> {
    let is_elsewhere = how.is_bound || how.no_links || context.process.view().is_some();
    if is_elsewhere || context.process.is_traced() || !context.mover.can_repeat() {
        return Ok(None);
    }
    // What the tree lies in is for its owner alone.
    let ours = Guarded {
        mode: OWNERS_ALONE,
        uid: geteuid().as_raw(),
        gid: getegid().as_raw(),
    };
    if !context.process.credentials()?.may_pass(&ours) {
        return Ok(None);
    }
    let place = context.layer.shadow.locate(path).into_os_string();
    let instead = vec![(position, Instead::Text(place.into_vec()))];
    Ok(Some(context.mover.again(context.call, instead)))
}

/// `O_PATH` of what is behind `/proc/self/fd/N`.
fn reopen_path_only(
    context: &Context<'_>,
    identity: Identity,
    position: usize,
    how: &How,
) -> Result<Reply, Errno> {
    if how.has(OFlags::DIRECTORY) {
        return Err(Errno::NOTDIR);
    }
    if let Identity::Chip { id, is_gone: false } = identity {
        let node = format!("/dev/gpiochip{id}");
        if let Some(reply) = path_only(context, node.as_bytes(), position, how)? {
            return Ok(reply);
        }
    }
    // The kernel opens what stands for the file, with which as little can be done.
    Ok(Reply::Continue)
}

/// Opens what the path named, which [`judge`] has let pass.
fn open_location(
    context: &Context<'_>,
    arg: &PathArg,
    location: &Location,
    how: &How,
) -> Result<OwnedFd, Errno> {
    if location.mode & libc::S_IFMT == libc::S_IFLNK {
        return open_beyond(context, arg, how);
    }
    if let Some(id) = chip_of_node(&location.path) {
        return open_chip(context, id, how);
    }
    permitted(location.mode, how)?;
    if let Some(opened) = context.layer.attributes.open(&location.path, how.flags) {
        return opened.and_then(|fd| settle(fd, how.flags));
    }
    // DIFFERS: where the caller cannot open what stands for the file with O_PATH, it gets one opened for reading.
    open_file(context, location, how.flags - OFlags::PATH)
}

/// `O_PATH | O_NOFOLLOW` of a link, for a caller that cannot open what stands for the link.
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
            judge(&location, &how)?;
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

/// `/proc/self/fd/N` of a file of ours: for a chip, its node, also when it is gone.
// KERNEL: fs/char_dev.c chrdev_open (v6.12): who holds a node keeps its driver. An anonymous file cannot be opened.
fn reopen(context: &Context<'_>, identity: Identity, how: &How) -> Result<OwnedFd, Errno> {
    match identity {
        _ if how.has(OFlags::CREATE | OFlags::EXCL) => Err(Errno::EXIST),
        _ if how.has(OFlags::DIRECTORY) => Err(Errno::NOTDIR),
        Identity::Chip { id, .. } => open_chip(context, id, how),
        // KERNEL: fs/char_dev.c chrdev_open (v6.12): a number without a driver
        Identity::Node(_) | Identity::Anonymous(_) => Err(Errno::NXIO),
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

/// Opens a file of the board for the program.
///
/// Nothing is followed on the way: the path was walked already.
pub(super) fn open_file(
    context: &Context<'_>,
    location: &Location,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    if location.place == Place::Host {
        // Nothing of the machine is opened with our rights.
        return Err(Errno::ACCESS);
    }
    let safe = OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    context.layer.shadow.look_for_lines(&location.path);
    let path = context.layer.shadow.locate(&location.path);
    let how = (flags - OFlags::CREATE - OFlags::EXCL - OFlags::TRUNC - OFlags::TMPFILE) | safe;
    let fd = rustix::fs::openat2(CWD, path, how, Mode::empty(), ResolveFlags::NO_SYMLINKS)?;
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
