//! `inotify_add_watch`: whoever waits for a chip's node watches the shadow tree.
//!
//! A watch of the board's own files is put on what stands for them. A watch of `/dev` is put on the
//! shadow's `/dev`, where the chips' nodes come and go.
// DIFFERS: such a watch does not see the machine's own names in /dev change.

use std::os::unix::ffi::OsStrExt as _;

use rustix::io::Errno;

use super::Context;
use crate::outcome::Reply;
use crate::path::{Place, Resolution, Target, Want};

/// `inotify_add_watch(fd, path, mask)`
pub(super) fn add_watch(context: &Context<'_>) -> Result<Reply, Errno> {
    let Some(path) = context.path(libc::AT_FDCWD, 1) else {
        return Ok(Reply::Continue);
    };
    let mask = context.call.uint(2);
    let want = Want {
        follow: mask & libc::IN_DONT_FOLLOW == 0,
        listing: crate::path::Listing::Sure,
        ..Want::default()
    };
    let Resolution::Walked { is_native, target } = context.resolve(&path, want) else {
        return Ok(Reply::Continue);
    };
    let location = match target {
        Ok(Target::At(location)) => location,
        _ if is_native => return Ok(Reply::Continue),
        Ok(Target::Descriptor(_)) => return Err(Errno::ACCESS),
        Ok(Target::Missing { .. }) => return Err(Errno::NOENT),
        Err(errno) => return Err(errno),
    };
    let place = match location.place {
        Place::Board => context.layer.shadow.locate(&location.path),
        Place::Host if location.path == b"/dev" => context.layer.shadow.locate(b"/dev"),
        Place::Host if is_native => return Ok(Reply::Continue),
        Place::Host => context.layer.host_path(&location.path),
    };
    let is_dir = location.mode & libc::S_IFMT == libc::S_IFDIR;
    if mask & libc::IN_ONLYDIR != 0 && !is_dir {
        return Err(Errno::NOTDIR);
    }
    Ok(context
        .mover
        .watch(context.call, place.as_os_str().as_bytes()))
}
