//! `mkdir`, `mknod`, `symlink`, `link` and `rename`: making names.
//!
//! On the board directories are made only in the gpio-sim tree; nothing else is made anywhere.
// KERNEL: fs/namei.c, fs/configfs/dir.c, fs/kernfs/dir.c (v6.12)

use rustix::io::Errno;

use super::{context::Context, route::Targets};
use crate::{outcome::Reply, path::Target};

/// `mkdir(path, mode)`, `mkdirat(dirfd, path, mode)`
pub(super) fn mkdir(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    match &targets[0] {
        Some(Target::Missing { path, .. }) => {
            let tree = context.layer.tree.as_deref().ok_or(Errno::PERM)?;
            tree.mkdir(path).map(|()| Reply::Return(0))
        }
        _ => Err(Errno::EXIST),
    }
}

/// `mknod(path, mode, device)`, `mknodat`, `symlink(text, path)`, `symlinkat`
pub(super) fn node(_: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    Err(match &targets[0] {
        Some(Target::Missing { .. }) => Errno::PERM,
        _ => Errno::EXIST,
    })
}

/// `link(old, new)`, `rename(old, new)` and their kin: no name of the board can be moved or doubled, and none can be
/// moved into it.
pub(super) fn moved(_: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    match (&targets[0], &targets[1]) {
        (Some(Target::Missing { .. }), _) => Err(Errno::NOENT),
        // EXDEV would have programs make a copy: of a chip's node, in the machine's /dev.
        (Some(_), _) => Err(Errno::PERM),
        _ => Err(Errno::XDEV),
    }
}
