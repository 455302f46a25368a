//! `name_to_handle_at` and `open_by_handle_at`.
//!
//! A handle names a file whatever its path. The board's files have none, and none is opened in the file systems in
//! which the machine's own GPIO is.

use rustix::io::Errno;

use super::{context::Context, route::Targets};
use crate::{outcome::Reply, path::machine::Machine};

/// `name_to_handle_at(dirfd, path, handle, mount, flags)`
// DIFFERS: Linux has handles for files of sysfs and devtmpfs.
pub(super) fn name(_: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    Err(Errno::OPNOTSUPP)
}

/// `open_by_handle_at(mount, handle, flags)`
// DIFFERS: in sysfs, configfs, debugfs and devtmpfs no handle is valid.
pub(super) fn open(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let Ok(mount) = context.process.share(context.call.int(0)) else {
        return Ok(Reply::Continue);
    };
    match Machine::may_hold_gpio(&mount) {
        Ok(false) => Ok(Reply::Continue),
        _ => Err(Errno::STALE),
    }
}
