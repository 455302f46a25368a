//! `stat`, `lstat`, `fstat` and `newfstatat`.
//!
//! A chip's node is a character device here whatever stands for it. The descriptor forms matter
//! only where the filter traps them; without that the kernel describes the file we gave out.

use rustix::io::Errno;

use super::{Context, attr::Attr, layout};
use crate::{outcome::Reply, path::Target};

/// The flags `newfstatat` knows. KERNEL: fs/stat.c vfs_statx
const KNOWN: i32 =
    libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH | libc::AT_NO_AUTOMOUNT | SYNC_TYPE;
/// `AT_STATX_SYNC_TYPE`.
pub(super) const SYNC_TYPE: i32 = 0x6000;

/// `stat(path, buf)`
pub(super) fn stat(context: &Context<'_>) -> Result<Reply, Errno> {
    finish(context, context.target(libc::AT_FDCWD, 0, true)?, 1)
}

/// `lstat(path, buf)`
pub(super) fn lstat(context: &Context<'_>) -> Result<Reply, Errno> {
    finish(context, context.target(libc::AT_FDCWD, 0, false)?, 1)
}

/// `fstat(fd, buf)`
pub(super) fn fstat(context: &Context<'_>) -> Result<Reply, Errno> {
    finish(context, context.descriptor(context.call.int(0)), 1)
}

/// `newfstatat(dirfd, path, buf, flags)`
pub(super) fn newfstatat(context: &Context<'_>) -> Result<Reply, Errno> {
    let (dirfd, flags) = (context.call.int(0), context.call.int(3));
    if flags & !KNOWN != 0 {
        return Ok(Reply::Continue);
    }
    finish(context, at(context, dirfd, 1, flags)?, 2)
}

/// What a pair of directory descriptor and path names, under the flags of the `at` calls.
pub(super) fn at(
    context: &Context<'_>,
    dirfd: i32,
    path: usize,
    flags: i32,
) -> Result<Option<Target>, Errno> {
    if flags & libc::AT_EMPTY_PATH != 0 && context.is_empty(path) {
        return Ok(context.descriptor(dirfd));
    }
    context.target(dirfd, path, flags & libc::AT_SYMLINK_NOFOLLOW == 0)
}

fn finish(context: &Context<'_>, target: Option<Target>, buf: usize) -> Result<Reply, Errno> {
    let Some(target) = target else {
        return Ok(Reply::Continue);
    };
    let attr = Attr::of(context, &target)?;
    context.give(context.call.args[buf], &layout::stat(&attr), 0)
}
