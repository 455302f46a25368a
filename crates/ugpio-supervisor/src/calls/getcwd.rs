//! `getcwd`, for a working directory in the shadow tree.

use rustix::io::Errno;

use super::{context::Context, route::Targets};
use crate::{outcome::Reply, path::Base};

/// `getcwd(buf, size)`: the length returned counts the NUL.
pub(super) fn getcwd(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let mut path = match context.base(libc::AT_FDCWD) {
        None | Some(Base::Host(_)) => return Ok(Reply::Continue),
        Some(Base::Gone) => return Err(Errno::NOENT),
        Some(Base::Board(path)) => path,
    };
    path.push(0);
    let length = u64::try_from(path.len()).map_err(|_| Errno::RANGE)?;
    if context.call.args[1] < length {
        return Err(Errno::RANGE);
    }
    context.give(context.call.args[0], &path, length.cast_signed())
}
