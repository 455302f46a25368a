//! `chdir`.
//!
//! A directory that the kernel finds at the same path is left to it. For any other the [`super::Mover`]
//! makes the program change to an open descriptor of it.

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};

use super::{Context, open};
use crate::{outcome::Reply, path::Target};

/// `chdir(path)`
pub(super) fn chdir(context: &Context<'_>) -> Result<Reply, Errno> {
    let location = match context.target(libc::AT_FDCWD, 0, true)? {
        None => return Ok(Reply::Continue),
        Some(Target::At(location)) => location,
        Some(Target::Descriptor(_)) => return Err(Errno::NOTDIR),
        Some(Target::Missing { .. }) => return Err(Errno::NOENT),
    };
    if location.mode & libc::S_IFMT != libc::S_IFDIR {
        return Err(Errno::NOTDIR);
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let dir = open::open_file(context, &location, flags, Mode::empty())?;
    Ok(context.mover.enter(context.call, dir))
}
