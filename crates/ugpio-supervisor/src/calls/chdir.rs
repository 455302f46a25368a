//! `chdir`.
//!
//! A directory of the machine is left to the kernel. For one of the board the [`super::Mover`] makes the program
//! change to an open descriptor of it.

use rustix::{fs::OFlags, io::Errno};

use super::{context::Context, open, route::Targets};
use crate::{outcome::Reply, path::Target};

/// `chdir(path)`
pub(super) fn chdir(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    let location = match &targets[0] {
        None => return Ok(Reply::Continue),
        Some(Target::At(location)) => location,
        Some(Target::Descriptor(_)) => return Err(Errno::NOTDIR),
        Some(Target::Missing { .. }) => return Err(Errno::NOENT),
    };
    if location.mode & libc::S_IFMT != libc::S_IFDIR {
        return Err(Errno::NOTDIR);
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let dir = open::open_file(context, location, flags)?;
    Ok(context.mover.enter(context.call, dir))
}
