//! `rmdir`, `unlink` and `unlinkat`: only directories that were made in the gpio-sim tree can go.
// KERNEL: fs/namei.c, fs/configfs/dir.c, fs/kernfs/dir.c (v6.12)

use rustix::{
    fs::{AtFlags, CWD},
    io::Errno,
};

use super::{Context, make::place_of};
use crate::{
    outcome::Reply,
    path::{Place, Target},
};

/// `rmdir(path)`
pub(super) fn rmdir(context: &Context<'_>) -> Result<Reply, Errno> {
    remove_dir(context, libc::AT_FDCWD, 0)
}

/// `unlink(path)`
pub(super) fn unlink(context: &Context<'_>) -> Result<Reply, Errno> {
    remove_file(context, libc::AT_FDCWD, 0)
}

/// `unlinkat(dirfd, path, flags)`
pub(super) fn unlinkat(context: &Context<'_>) -> Result<Reply, Errno> {
    let (dirfd, flags) = (context.call.int(0), context.call.int(2));
    match flags {
        0 => remove_file(context, dirfd, 1),
        libc::AT_REMOVEDIR => remove_dir(context, dirfd, 1),
        _ => Ok(Reply::Continue),
    }
}

fn remove_dir(context: &Context<'_>, dirfd: i32, arg: usize) -> Result<Reply, Errno> {
    let Some(target) = place_of(context, dirfd, arg)? else {
        return Ok(Reply::Continue);
    };
    let last = context
        .path(dirfd, arg)
        .map(|arg| arg.path)
        .unwrap_or_default();
    match last.rsplit(|byte| *byte == b'/').next() {
        Some(b".") => return Err(Errno::INVAL),
        Some(b"..") => return Err(Errno::NOTEMPTY),
        _ => {}
    }
    let location = match target {
        Target::At(location) => location,
        Target::Descriptor(_) => return Err(Errno::NOTDIR),
        Target::Missing { .. } => return Err(Errno::NOENT),
    };
    if location.place == Place::Host {
        rustix::fs::unlinkat(
            CWD,
            context.layer.host_path(&location.path),
            AtFlags::REMOVEDIR,
        )?;
    } else if location.mode & libc::S_IFMT != libc::S_IFDIR {
        return Err(Errno::NOTDIR);
    } else {
        let tree = context.layer.tree.as_deref().ok_or(Errno::PERM)?;
        tree.rmdir(&location.path)?;
    }
    Ok(Reply::Return(0))
}

fn remove_file(context: &Context<'_>, dirfd: i32, arg: usize) -> Result<Reply, Errno> {
    let Some(target) = place_of(context, dirfd, arg)? else {
        return Ok(Reply::Continue);
    };
    match target {
        Target::Missing { .. } => Err(Errno::NOENT),
        Target::At(location) if location.place == Place::Host => {
            rustix::fs::unlinkat(
                CWD,
                context.layer.host_path(&location.path),
                AtFlags::empty(),
            )?;
            Ok(Reply::Return(0))
        }
        Target::At(location) if location.mode & libc::S_IFMT == libc::S_IFDIR => Err(Errno::ISDIR),
        Target::At(_) | Target::Descriptor(_) => Err(Errno::PERM),
    }
}
