//! `statx`.

use rustix::io::Errno;

use super::{attr::Attr, context::Context, layout, route::Targets, stat};
use crate::outcome::Reply;

/// `STATX__RESERVED`: a mask with it is refused.
const RESERVED: u32 = 0x8000_0000;
/// The flags `statx` knows.
const KNOWN: i32 =
    libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH | libc::AT_NO_AUTOMOUNT | stat::SYNC_TYPE;

/// `statx(dirfd, path, flags, mask, buf)`
///
/// The kernel may tell more than the mask asks for, and so do we.
pub(super) fn statx(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    let call = context.call;
    let (flags, mask) = (call.int(2), call.uint(3));
    if flags & !KNOWN != 0 || flags & stat::SYNC_TYPE == stat::SYNC_TYPE || mask & RESERVED != 0 {
        return Ok(Reply::Continue);
    }
    let Some(target) = &targets[0] else {
        return Ok(Reply::Continue);
    };
    let attr = Attr::of(context, target)?;
    context.give(call.args[4], &layout::statx(&attr), 0)
}
