//! Every system call that takes a path or a directory descriptor, and what becomes of it.
//!
//! One row a call: which arguments are paths and how their last name is treated, and what is done. The rule is the
//! same for all: a path that the kernel finds by itself is the kernel's; one that leads through the board to a
//! file of the machine is given to the caller's own call as the path that was found; one that leads to a file of
//! the board is answered by the row's handler. So nothing is done to the machine with other rights than the
//! caller's. The filter traps what has a handler ([`trapped`]), and a test compares the rows with the numbers of
//! the kernel's header.

use std::sync::LazyLock;

use rustix::io::Errno;

use super::{
    Context, access, chdir, exec, getcwd, getdents, handle, inotify, make, mounts, open, openat2,
    owner, readlink, remove, socket, stat, statfs, statx, xattr,
};
use crate::{arch::Sys, outcome::Reply, path::Target};

/// What a handler gets: what each path of the call names, if not a file the kernel finds.
pub(super) type Targets = [Option<Target>];
/// Answers a call of which some path names a file of the board, or that names no path.
pub(super) type Handler = fn(&Context<'_>, &Targets) -> Result<Reply, Errno>;

/// Which link in the last place of a path is followed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Last {
    /// Every one.
    Follow,
    /// None.
    Stay,
    /// None, and the name itself is what the call makes or takes away.
    Name,
    /// Every one, unless the argument has the bit.
    StayIf(u8, i32),
    /// None, unless the argument has the bit.
    FollowIf(u8, i32),
}

/// A path among the arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathAt {
    /// The argument with the descriptor of the directory that it begins at, if not the working directory.
    pub(super) dir: Option<u8>,
    /// The argument with its address.
    pub(super) path: u8,
    pub(super) last: Last,
}

/// What is done with a call.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the reasons are for the reader, and the tests")
)]
pub(super) enum Then {
    /// The paths are resolved, and the handler answers for the board.
    Paths(Handler),
    /// The handler looks at the arguments itself.
    Whole(Handler),
    /// The kernel's, always: why.
    Native(&'static str),
    /// Refused, always: with what, and why.
    Refused(Errno, &'static str),
}

/// One call.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) sys: Sys,
    pub(super) paths: &'static [PathAt],
    /// The argument whose `AT_EMPTY_PATH` makes the descriptor itself the file meant.
    pub(super) empty: Option<u8>,
    pub(super) then: Then,
}

const fn at(dir: u8, path: u8, last: Last) -> PathAt {
    PathAt {
        dir: Some(dir),
        path,
        last,
    }
}

const fn here(path: u8, last: Last) -> PathAt {
    PathAt {
        dir: None,
        path,
        last,
    }
}

const fn row(sys: Sys, paths: &'static [PathAt], then: Then) -> Row {
    Row {
        sys,
        paths,
        empty: None,
        then,
    }
}

impl Row {
    const fn empty(self, flags: u8) -> Self {
        Self {
            empty: Some(flags),
            ..self
        }
    }
}

use Last::{Follow, FollowIf, Name, Stay, StayIf};
use Then::{Native, Paths, Refused, Whole};

const NOFOLLOW: i32 = libc::AT_SYMLINK_NOFOLLOW;
const FOLLOW: i32 = libc::AT_SYMLINK_FOLLOW;

/// The rows.
pub(super) static ROWS: &[Row] = &[
    // Opening.
    row(Sys::Open, &[], Whole(open::open)),
    row(Sys::Creat, &[], Whole(open::creat)),
    row(Sys::Openat, &[], Whole(open::openat)),
    row(Sys::Openat2, &[], Whole(openat2::openat2)),
    row(
        Sys::NameToHandleAt,
        &[at(0, 1, FollowIf(4, FOLLOW))],
        Paths(handle::name),
    )
    .empty(4),
    row(Sys::OpenByHandleAt, &[], Whole(handle::open)),
    // Attributes.
    row(Sys::Stat, &[here(0, Follow)], Paths(stat::stat)),
    row(Sys::Lstat, &[here(0, Stay)], Paths(stat::stat)),
    row(Sys::Fstat, &[], Whole(stat::fstat)),
    row(
        Sys::Newfstatat,
        &[at(0, 1, StayIf(3, NOFOLLOW))],
        Paths(stat::newfstatat),
    )
    .empty(3),
    row(
        Sys::Statx,
        &[at(0, 1, StayIf(2, NOFOLLOW))],
        Paths(statx::statx),
    )
    .empty(2),
    row(Sys::Access, &[here(0, Follow)], Paths(access::access)),
    row(
        Sys::Faccessat,
        &[at(0, 1, Follow)],
        Paths(access::faccessat),
    ),
    row(
        Sys::Faccessat2,
        &[at(0, 1, StayIf(3, NOFOLLOW))],
        Paths(access::faccessat2),
    )
    .empty(3),
    row(Sys::Readlink, &[], Whole(readlink::readlink)),
    row(Sys::Readlinkat, &[], Whole(readlink::readlinkat)),
    row(Sys::Statfs, &[here(0, Follow)], Paths(statfs::statfs)),
    row(Sys::Fstatfs, &[], Whole(statfs::fstatfs)),
    row(Sys::Getxattr, &[here(0, Follow)], Paths(xattr::get)),
    row(Sys::Lgetxattr, &[here(0, Stay)], Paths(xattr::get)),
    row(
        Sys::Getxattrat,
        &[at(0, 1, StayIf(2, NOFOLLOW))],
        Paths(xattr::get_at),
    )
    .empty(2),
    row(Sys::Listxattr, &[here(0, Follow)], Paths(xattr::list)),
    row(Sys::Llistxattr, &[here(0, Stay)], Paths(xattr::list)),
    row(
        Sys::Listxattrat,
        &[at(0, 1, StayIf(2, NOFOLLOW))],
        Paths(xattr::list),
    )
    .empty(2),
    row(Sys::Setxattr, &[here(0, Follow)], Paths(xattr::change)),
    row(Sys::Lsetxattr, &[here(0, Stay)], Paths(xattr::change)),
    row(
        Sys::Setxattrat,
        &[at(0, 1, StayIf(2, NOFOLLOW))],
        Paths(xattr::change),
    )
    .empty(2),
    row(Sys::Removexattr, &[here(0, Follow)], Paths(xattr::change)),
    row(Sys::Lremovexattr, &[here(0, Stay)], Paths(xattr::change)),
    row(
        Sys::Removexattrat,
        &[at(0, 1, StayIf(2, NOFOLLOW))],
        Paths(xattr::change),
    )
    .empty(2),
    row(
        Sys::FileGetattr,
        &[at(0, 1, StayIf(4, NOFOLLOW))],
        Paths(owner::no_file_attributes),
    )
    .empty(4),
    row(
        Sys::FileSetattr,
        &[at(0, 1, StayIf(4, NOFOLLOW))],
        Paths(owner::no_file_attributes),
    )
    .empty(4),
    // Changing attributes.
    row(Sys::Chmod, &[here(0, Follow)], Paths(owner::chmod)),
    row(Sys::Fchmodat, &[at(0, 1, Follow)], Paths(owner::fchmodat)),
    row(
        Sys::Fchmodat2,
        &[at(0, 1, StayIf(3, NOFOLLOW))],
        Paths(owner::fchmodat),
    )
    .empty(3),
    row(Sys::Chown, &[here(0, Follow)], Paths(owner::chown)),
    row(Sys::Lchown, &[here(0, Stay)], Paths(owner::chown)),
    row(
        Sys::Fchownat,
        &[at(0, 1, StayIf(4, NOFOLLOW))],
        Paths(owner::fchownat),
    )
    .empty(4),
    row(Sys::Utime, &[here(0, Follow)], Paths(owner::times)),
    row(Sys::Utimes, &[here(0, Follow)], Paths(owner::times)),
    row(Sys::Futimesat, &[at(0, 1, Follow)], Paths(owner::times)),
    row(
        Sys::Utimensat,
        &[at(0, 1, StayIf(3, NOFOLLOW))],
        Paths(owner::times),
    )
    .empty(3),
    row(Sys::Truncate, &[here(0, Follow)], Paths(owner::truncate)),
    // Names.
    row(Sys::Mkdir, &[here(0, Name)], Paths(make::mkdir)),
    row(Sys::Mkdirat, &[at(0, 1, Name)], Paths(make::mkdir)),
    row(Sys::Mknod, &[here(0, Name)], Paths(make::node)),
    row(Sys::Mknodat, &[at(0, 1, Name)], Paths(make::node)),
    row(Sys::Symlink, &[here(1, Name)], Paths(make::node)),
    row(Sys::Symlinkat, &[at(1, 2, Name)], Paths(make::node)),
    row(
        Sys::Link,
        &[here(0, Stay), here(1, Name)],
        Paths(make::moved),
    ),
    row(
        Sys::Linkat,
        &[at(0, 1, FollowIf(4, FOLLOW)), at(2, 3, Name)],
        Paths(make::moved),
    )
    .empty(4),
    row(
        Sys::Rename,
        &[here(0, Name), here(1, Name)],
        Paths(make::moved),
    ),
    row(
        Sys::Renameat,
        &[at(0, 1, Name), at(2, 3, Name)],
        Paths(make::moved),
    ),
    row(
        Sys::Renameat2,
        &[at(0, 1, Name), at(2, 3, Name)],
        Paths(make::moved),
    ),
    row(Sys::Rmdir, &[here(0, Name)], Paths(remove::rmdir)),
    row(Sys::Unlink, &[here(0, Name)], Paths(remove::unlink)),
    row(Sys::Unlinkat, &[at(0, 1, Name)], Paths(remove::unlinkat)),
    // Directories.
    row(Sys::Chdir, &[here(0, Follow)], Paths(chdir::chdir)),
    row(
        Sys::Fchdir,
        &[],
        Native("a descriptor of a directory of either world is one"),
    ),
    row(Sys::Getcwd, &[], Whole(getcwd::getcwd)),
    row(Sys::Getdents64, &[], Whole(getdents::getdents64)),
    row(Sys::Getdents, &[], Whole(getdents::getdents)),
    row(Sys::Chroot, &[here(0, Follow)], Paths(mounts::root)),
    row(
        Sys::PivotRoot,
        &[here(0, Follow), here(1, Follow)],
        Paths(mounts::changed),
    ),
    // Watching.
    row(
        Sys::InotifyAddWatch,
        &[here(1, StayIf(2, libc::IN_DONT_FOLLOW.cast_signed()))],
        Whole(inotify::add_watch),
    ),
    row(
        Sys::FanotifyMark,
        &[at(
            3,
            4,
            StayIf(1, libc::FAN_MARK_DONT_FOLLOW.cast_signed()),
        )],
        Paths(inotify::mark),
    ),
    // Programs and sockets.
    row(Sys::Execve, &[here(0, Follow)], Paths(exec::exec)),
    row(
        Sys::Execveat,
        &[at(0, 1, StayIf(4, NOFOLLOW))],
        Paths(exec::exec),
    )
    .empty(4),
    row(Sys::Uselib, &[here(0, Follow)], Paths(exec::exec)),
    row(Sys::Bind, &[], Whole(socket::bind)),
    row(Sys::Connect, &[], Whole(socket::connect)),
    row(
        Sys::Sendto,
        &[],
        Native("the address of a datagram; relative ones from a virtual working directory fail"),
    ),
    row(Sys::Acct, &[here(0, Follow)], Paths(exec::exec)),
    row(
        Sys::Swapon,
        &[here(0, Follow)],
        Paths(mounts::no_block_device),
    ),
    row(
        Sys::Swapoff,
        &[here(0, Follow)],
        Paths(mounts::no_block_device),
    ),
    row(
        Sys::Quotactl,
        &[here(1, Follow)],
        Paths(mounts::no_block_device),
    ),
    row(
        Sys::QuotactlFd,
        &[],
        Native("a descriptor, whose file system has no quotas if it is ours"),
    ),
    // Mounts.
    row(Sys::Mount, &[here(1, Follow)], Whole(mounts::mount)),
    row(
        Sys::Umount2,
        &[here(0, StayIf(1, libc::UMOUNT_NOFOLLOW))],
        Paths(mounts::unmount),
    ),
    row(
        Sys::OpenTree,
        &[at(0, 1, StayIf(2, NOFOLLOW))],
        Paths(mounts::changed),
    )
    .empty(2),
    row(
        Sys::OpenTreeAttr,
        &[at(0, 1, StayIf(2, NOFOLLOW))],
        Paths(mounts::changed),
    )
    .empty(2),
    row(
        Sys::MoveMount,
        &[at(0, 1, FollowIf(4, 1)), at(2, 3, FollowIf(4, 0x10))],
        Paths(mounts::changed),
    ),
    row(
        Sys::Fspick,
        &[at(0, 1, StayIf(2, 2))],
        Paths(mounts::changed),
    ),
    row(
        Sys::MountSetattr,
        &[at(0, 1, StayIf(2, NOFOLLOW))],
        Paths(mounts::changed),
    )
    .empty(2),
    row(
        Sys::Fsconfig,
        &[],
        Native("a path in it names the source of a mount, which no file of the board can be"),
    ),
    row(
        Sys::Bpf,
        &[],
        Native("a path in its memory is one in bpffs, where the board has no names"),
    ),
    // Others.
    row(
        Sys::Fchmod,
        &[],
        Native("of a descriptor; the file behind it is the run's own"),
    ),
    row(
        Sys::Fchown,
        &[],
        Native("of a descriptor; the file behind it is the run's own"),
    ),
    row(
        Sys::Fsetxattr,
        &[],
        Native("of a descriptor; the file behind it is the run's own"),
    ),
    row(
        Sys::Fgetxattr,
        &[],
        Native("of a descriptor; the file behind it is the run's own"),
    ),
    row(
        Sys::Flistxattr,
        &[],
        Native("of a descriptor; the file behind it is the run's own"),
    ),
    row(
        Sys::Fremovexattr,
        &[],
        Native("of a descriptor; the file behind it is the run's own"),
    ),
    row(
        Sys::IoUringSetup,
        &[],
        Refused(Errno::NOSYS, "opens through a ring are not trapped"),
    ),
];

/// The row of a call.
pub(super) fn find(sys: Sys) -> Option<&'static Row> {
    static PLACES: LazyLock<Vec<Option<&'static Row>>> = LazyLock::new(|| {
        let last = ROWS.iter().map(|row| row.sys as usize).max();
        let mut places = vec![None; last.map_or(0, |last| last + 1)];
        for row in ROWS {
            places[row.sys as usize] = Some(row);
        }
        places
    });
    PLACES.get(sys as usize).copied().flatten()
}

/// The calls of the table that have to be trapped.
pub(crate) fn trapped() -> impl Iterator<Item = Sys> {
    let is_ours = |row: &&Row| matches!(row.then, Paths(_) | Whole(_));
    ROWS.iter().filter(is_ours).map(|row| row.sys)
}

/// The calls of the table that are refused.
pub(crate) fn refused() -> impl Iterator<Item = (Sys, Errno)> {
    ROWS.iter().filter_map(|row| match row.then {
        Refused(errno, _) => Some((row.sys, errno)),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
