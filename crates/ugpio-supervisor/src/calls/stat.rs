//! `stat`, `lstat`, `fstat` and `newfstatat`.
//!
//! A chip's node is a character device here whatever stands for it. The descriptor forms matter
//! only where the filter traps them; without that the kernel describes the file we gave out.

use rustix::io::Errno;

use super::{attr::Attr, context::Context, layout, route::Targets};
use crate::{outcome::Reply, path::Target};

/// The flags `newfstatat` knows. KERNEL: fs/stat.c vfs_statx
const KNOWN: i32 =
    libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH | libc::AT_NO_AUTOMOUNT | SYNC_TYPE;
/// `AT_STATX_SYNC_TYPE`.
pub(super) const SYNC_TYPE: i32 = 0x6000;

/// `stat(path, buf)`, `lstat(path, buf)`
pub(super) fn stat(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    finish(context, targets[0].as_ref(), 1)
}

/// `fstat(fd, buf)`
pub(super) fn fstat(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let target = context.descriptor(context.call.int(0));
    finish(context, target.as_ref(), 1)
}

/// `newfstatat(dirfd, path, buf, flags)`
pub(super) fn newfstatat(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    if context.call.int(3) & !KNOWN != 0 {
        return Ok(Reply::Continue);
    }
    finish(context, targets[0].as_ref(), 2)
}

fn finish(context: &Context<'_>, target: Option<&Target>, buf: usize) -> Result<Reply, Errno> {
    let Some(target) = target else {
        return Ok(Reply::Continue);
    };
    let attr = Attr::of(context, target)?;
    context.give(context.call.args[buf], &layout::stat(&attr), 0)
}
