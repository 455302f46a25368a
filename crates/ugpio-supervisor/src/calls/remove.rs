//! `rmdir`, `unlink` and `unlinkat`: only directories that were made in the gpio-sim tree can go.
// KERNEL: fs/namei.c, fs/configfs/dir.c, fs/kernfs/dir.c (v6.12)

use rustix::io::Errno;

use super::{context::Context, route::Targets};
use crate::{
    outcome::Reply,
    path::{Target, lexical},
};

/// `rmdir(path)`
pub(super) fn rmdir(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    remove_dir(context, targets, libc::AT_FDCWD, 0)
}

/// `unlink(path)`
pub(super) fn unlink(_: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    remove_file(targets)
}

/// `unlinkat(dirfd, path, flags)`
pub(super) fn unlinkat(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    match context.call.int(2) {
        0 => remove_file(targets),
        libc::AT_REMOVEDIR => remove_dir(context, targets, context.call.int(0), 1),
        _ => Ok(Reply::Continue),
    }
}

fn remove_dir(
    context: &Context<'_>,
    targets: &Targets,
    dirfd: i32,
    arg: usize,
) -> Result<Reply, Errno> {
    let path = context.path(dirfd, arg).map(|arg| arg.path);
    match lexical::components(&path.unwrap_or_default()).next_back() {
        Some(b".") => return Err(Errno::INVAL),
        Some(b"..") => return Err(Errno::NOTEMPTY),
        _ => {}
    }
    let location = match &targets[0] {
        Some(Target::At(location)) => location,
        Some(Target::Descriptor(_)) => return Err(Errno::NOTDIR),
        _ => return Err(Errno::NOENT),
    };
    if location.mode & libc::S_IFMT != libc::S_IFDIR {
        return Err(Errno::NOTDIR);
    }
    let tree = context.layer.tree.as_deref().ok_or(Errno::PERM)?;
    tree.rmdir(&location.path)?;
    Ok(Reply::Return(0))
}

fn remove_file(targets: &Targets) -> Result<Reply, Errno> {
    Err(match &targets[0] {
        Some(Target::At(location)) if location.mode & libc::S_IFMT == libc::S_IFDIR => Errno::ISDIR,
        Some(Target::At(_) | Target::Descriptor(_)) => Errno::PERM,
        _ => Errno::NOENT,
    })
}
