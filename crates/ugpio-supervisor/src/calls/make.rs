//! `mkdir`, `symlink`, `link` and `rename`: making names.
//!
//! On the board directories are made only in the gpio-sim tree; nothing else is made anywhere.
// KERNEL: fs/namei.c, fs/configfs/dir.c, fs/kernfs/dir.c (v6.12)

use rustix::{
    fs::{CWD, Mode},
    io::Errno,
};

use super::{Context, PathArg};
use crate::{
    outcome::Reply,
    path::{Place, Target, Want},
};

/// `mkdir(path, mode)`
pub(super) fn mkdir(context: &Context<'_>) -> Result<Reply, Errno> {
    make_dir(context, libc::AT_FDCWD, 0, context.call.uint(1))
}

/// `mkdirat(dirfd, path, mode)`
pub(super) fn mkdirat(context: &Context<'_>) -> Result<Reply, Errno> {
    make_dir(context, context.call.int(0), 1, context.call.uint(2))
}

fn make_dir(context: &Context<'_>, dirfd: i32, arg: usize, mode: u32) -> Result<Reply, Errno> {
    let Some(target) = place_of(context, dirfd, arg)? else {
        return Ok(Reply::Continue);
    };
    match target {
        Target::At(_) | Target::Descriptor(_) => Err(Errno::EXIST),
        Target::Missing {
            path,
            place: Place::Board,
        } => {
            let tree = context.layer.tree.as_deref().ok_or(Errno::PERM)?;
            tree.mkdir(&path).map(|()| Reply::Return(0))
        }
        // DIFFERS: the program's umask is not known here; ours is the one it was started with.
        Target::Missing {
            path,
            place: Place::Host,
        } => {
            let place = context.layer.host_path(&path);
            rustix::fs::mkdirat(CWD, place, Mode::from_raw_mode(mode & 0o7777))?;
            Ok(Reply::Return(0))
        }
    }
}

/// `symlink(text, path)`
pub(super) fn symlink(context: &Context<'_>) -> Result<Reply, Errno> {
    make_link(context, libc::AT_FDCWD, 1)
}

/// `symlinkat(text, dirfd, path)`
pub(super) fn symlinkat(context: &Context<'_>) -> Result<Reply, Errno> {
    make_link(context, context.call.int(1), 2)
}

fn make_link(context: &Context<'_>, dirfd: i32, arg: usize) -> Result<Reply, Errno> {
    let Some(target) = place_of(context, dirfd, arg)? else {
        return Ok(Reply::Continue);
    };
    match target {
        Target::At(_) | Target::Descriptor(_) => Err(Errno::EXIST),
        Target::Missing {
            place: Place::Board,
            ..
        } => Err(Errno::PERM),
        Target::Missing {
            path,
            place: Place::Host,
        } => {
            let text = context
                .process
                .read_cstr(context.call.args[0], super::PATH_MAX)?;
            rustix::fs::symlinkat(text.as_slice(), CWD, context.layer.host_path(&path))?;
            Ok(Reply::Return(0))
        }
    }
}

/// `link(old, new)`, `rename(old, new)`
pub(super) fn two_paths(context: &Context<'_>) -> Result<Reply, Errno> {
    move_name(context, (libc::AT_FDCWD, 0), (libc::AT_FDCWD, 1))
}

/// `linkat(olddirfd, old, newdirfd, new, flags)`, `renameat`, `renameat2`
pub(super) fn two_paths_at(context: &Context<'_>) -> Result<Reply, Errno> {
    move_name(context, (context.call.int(0), 1), (context.call.int(2), 3))
}

/// No name of the board can be moved or doubled, and none can be moved into it.
fn move_name(context: &Context<'_>, old: (i32, usize), new: (i32, usize)) -> Result<Reply, Errno> {
    let (old, new) = (
        place_of(context, old.0, old.1),
        place_of(context, new.0, new.1),
    );
    match (old?, new?) {
        (None, None) => Ok(Reply::Continue),
        (Some(Target::Missing { .. }), _) => Err(Errno::NOENT),
        (Some(_), Some(_)) => Err(Errno::PERM),
        _ => Err(Errno::XDEV),
    }
}

/// What a path names whose last component is not followed, a slash behind it or not; `None` if it is
/// the kernel's.
pub(super) fn place_of(
    context: &Context<'_>,
    dirfd: i32,
    arg: usize,
) -> Result<Option<Target>, Errno> {
    let Some(PathArg { base, mut path }) = context.path(dirfd, arg) else {
        return Ok(None);
    };
    while path.len() > 1 && path.ends_with(b"/") {
        path.pop();
    }
    context
        .resolve(&PathArg { base, path }, Want::default())
        .answer()
        .transpose()
}
