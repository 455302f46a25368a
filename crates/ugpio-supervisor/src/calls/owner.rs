//! `chmod`, `chown`, `utimensat` and `truncate` of the board's files.
//!
//! Mode and owner are kept by the shadow tree and shown by `stat`, if the caller may change them.
// KERNEL: fs/attr.c setattr_prepare, fs/kernfs/inode.c (v6.12)

use rustix::io::Errno;

use super::{attr::Attr, context::Context, route::Targets};
use crate::{
    outcome::Reply,
    path::{Place, Target},
    shadow::Changed,
};

/// `chmod(path, mode)`
pub(super) fn chmod(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    change_mode(context, targets, context.call.uint(1))
}

/// `fchmodat(dirfd, path, mode)`, `fchmodat2(dirfd, path, mode, flags)`
pub(super) fn fchmodat(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    change_mode(context, targets, context.call.uint(2))
}

/// `chown(path, user, group)`, `lchown`
pub(super) fn chown(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    change_owner(context, targets, 1)
}

/// `fchownat(dirfd, path, user, group, flags)`
pub(super) fn fchownat(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    change_owner(context, targets, 2)
}

/// `utime`, `utimes`, `futimesat`, `utimensat`
// DIFFERS: the times of a virtual file do not change.
pub(super) fn times(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    let (_, attr) = look(context, targets)?;
    if context.process.credentials()?.owns(attr.uid) {
        Ok(Reply::Return(0))
    } else {
        Err(Errno::PERM)
    }
}

/// `truncate(path, length)`
// KERNEL: fs/open.c vfs_truncate (v6.12): a directory is EISDIR, what is no regular file EINVAL
// DIFFERS: Linux truncates an attribute of sysfs without an effect.
pub(super) fn truncate(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    let (_, attr) = look(context, targets)?;
    match attr.mode() & libc::S_IFMT {
        libc::S_IFDIR => Err(Errno::ISDIR),
        libc::S_IFREG => Ok(Reply::Return(0)),
        _ => Err(Errno::INVAL),
    }
}

/// `file_getattr`, `file_setattr`: only some file systems have such attributes.
pub(super) fn no_file_attributes(_: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    Err(match &targets[0] {
        Some(Target::Missing { .. }) => Errno::NOENT,
        _ => Errno::OPNOTSUPP,
    })
}

fn change_mode(context: &Context<'_>, targets: &Targets, mode: u32) -> Result<Reply, Errno> {
    let (path, attr) = look(context, targets)?;
    if !context.process.credentials()?.owns(attr.uid) {
        return Err(Errno::PERM);
    }
    if attr.mode() & libc::S_IFMT == libc::S_IFLNK {
        return Err(Errno::OPNOTSUPP);
    }
    if let Some(path) = path {
        let mode = Some(mode & 0o7777);
        let changed = Changed {
            mode,
            ..Changed::default()
        };
        context.layer.shadow.change(&path, changed);
    }
    Ok(Reply::Return(0))
}

fn change_owner(context: &Context<'_>, targets: &Targets, at: usize) -> Result<Reply, Errno> {
    let (path, attr) = look(context, targets)?;
    let given = |at: usize| Some(context.call.uint(at)).filter(|id| *id != u32::MAX);
    let (user, group) = (given(at), given(at + 1));
    let who = context.process.credentials()?;
    if !who.may_give(attr.uid, user, group) {
        return Err(Errno::PERM);
    }
    if let Some(path) = path {
        let changed = Changed {
            uid: user,
            gid: group,
            mode: None,
        };
        context.layer.shadow.change(&path, changed);
    }
    Ok(Reply::Return(0))
}

/// The file that a call is about, with its path if it has one, and what it is like now.
fn look(context: &Context<'_>, targets: &Targets) -> Result<(Option<Vec<u8>>, Attr), Errno> {
    let target = targets[0].as_ref().ok_or(Errno::NOENT)?;
    let attr = Attr::of(context, target)?;
    let path = match target {
        Target::At(location) if location.place == Place::Board => Some(location.path.clone()),
        _ => None,
    };
    Ok((path, attr))
}
