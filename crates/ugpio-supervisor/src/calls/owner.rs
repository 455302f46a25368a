//! `chmod`, `chown` and `utimensat`: on the board's files they succeed and change nothing.
// DIFFERS: Linux keeps the new mode, owner and times of an attribute or a node.

use rustix::io::Errno;

use super::Context;
use crate::{outcome::Reply, path::Target};

/// `chmod(path, mode)`, `chown(path, user, group)`
pub(super) fn follow(context: &Context<'_>) -> Result<Reply, Errno> {
    answer(context.target(libc::AT_FDCWD, 0, true)?)
}

/// `lchown(path, user, group)`
pub(super) fn stay(context: &Context<'_>) -> Result<Reply, Errno> {
    answer(context.target(libc::AT_FDCWD, 0, false)?)
}

/// `fchmodat(dirfd, path, mode)`, and `fchmodat2` and `utimensat` with flags in the fourth place
pub(super) fn at(context: &Context<'_>, has_flags: bool) -> Result<Reply, Errno> {
    let call = context.call;
    let flags = if has_flags { call.int(3) } else { 0 };
    let follow = flags & libc::AT_SYMLINK_NOFOLLOW == 0;
    answer(context.target(call.int(0), 1, follow)?)
}

// The kernel looks at a path that leads to the host's file by another way; nobody needs more.
fn answer(target: Option<Target>) -> Result<Reply, Errno> {
    match target {
        None => Ok(Reply::Continue),
        Some(Target::Missing { .. }) => Err(Errno::NOENT),
        Some(_) => Ok(Reply::Return(0)),
    }
}
