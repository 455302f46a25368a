//! `inotify_add_watch` and `fanotify_mark`: whoever waits for the board's files watches the shadow tree.
//!
//! A watch of the board's own files is put on what stands for them. A watch of `/dev` is put on the
//! shadow's `/dev`, where the chips' nodes come and go.
// DIFFERS: such a watch does not see the machine's own names in /dev change.

use std::os::unix::ffi::OsStrExt as _;

use rustix::io::Errno;

use super::{
    context::{Context, PathArg},
    route::{Found, Targets},
};
use crate::{
    outcome::Reply,
    path::{Place, Resolution, Target, Want},
    sys::ptrace::again::Instead,
};

/// `inotify_add_watch(fd, path, mask)`
pub(super) fn add_watch(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let Some(path) = context.path(libc::AT_FDCWD, 1) else {
        return Ok(Reply::Continue);
    };
    let mask = context.call.uint(2);
    let want = Want {
        follow: mask & libc::IN_DONT_FOLLOW == 0,
        ..Want::default()
    };
    if context.settle().is_err() {
        return Ok(Reply::Continue);
    }
    if context.names(&path, b"/dev") {
        return Ok(watch(context, b"/dev"));
    }
    let location = match context.find_path(&path, want)? {
        Found::Native => return Ok(Reply::Continue),
        Found::Machine(path) => {
            let instead = vec![(1, Instead::Text(path))];
            return Ok(context.mover.again(context.call, instead));
        }
        Found::Board(Target::At(location)) => location,
        Found::Board(Target::Descriptor(_)) => return Err(Errno::ACCESS),
        Found::Board(_) => return Err(Errno::NOENT),
    };
    let is_dir = location.mode & libc::S_IFMT == libc::S_IFDIR;
    if mask & libc::IN_ONLYDIR != 0 && !is_dir {
        return Err(Errno::NOTDIR);
    }
    Ok(watch(context, &location.path))
}

/// Has the caller watch what stands for a file of the board.
fn watch(context: &Context<'_>, path: &[u8]) -> Reply {
    context.layer.shadow.look_for_lines(path);
    let place = context.layer.shadow.locate(path);
    let place = place.as_os_str().as_bytes().to_vec();
    let mask = context.call.args[2] & !u64::from(libc::IN_DONT_FOLLOW);
    let instead = vec![(1, Instead::Text(place)), (2, Instead::Value(mask))];
    context.mover.again(context.call, instead)
}

/// `fanotify_mark(fd, flags, mask, dirfd, path)`
// DIFFERS: Linux marks a file of sysfs or devtmpfs; nothing of the board can be marked.
pub(super) fn mark(_: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    Err(Errno::NODEV)
}

impl Context<'_> {
    /// Whether a path leads to this directory of the machine.
    fn names(&self, arg: &PathArg, dir: &[u8]) -> bool {
        let follow = Want {
            follow: true,
            ..Want::default()
        };
        let walked = self.resolver(&|link| self.layer.opener.identify(link), |resolver| {
            resolver.walk(&arg.base, &arg.path, follow)
        });
        matches!(
            walked,
            Resolution::Walked { target: Ok(Target::At(location)), .. }
                if location.place == Place::Host && location.path == dir
        )
    }
}
