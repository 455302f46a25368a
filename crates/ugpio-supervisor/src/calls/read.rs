//! Reads of a line's file whose chip is gone, as far as they are trapped.
//!
//! By default only reads of a record's size are; for the others the file was emptied, so that they say
//! "end of file" and never an old level.

use rustix::io::Errno;

use super::Context;
use crate::{outcome::Reply, tree::Sink};

/// `read(fd, …)`, `readv(fd, …)`, `pread64(fd, …)`
// KERNEL: fs/kernfs/file.c kernfs_seq_start (v6.12)
// DIFFERS: a read that is not trapped gives the end of the file.
pub(super) fn read(context: &Context<'_>) -> Result<Reply, Errno> {
    let tree = context.layer.tree.as_deref();
    let Some(tree) = tree.filter(|tree| tree.has_stale()) else {
        return Ok(Reply::Continue);
    };
    let link = context.process.fd_link(context.call.int(0));
    match link.ok().and_then(|link| tree.sink(&link)) {
        Some(Sink::Gone) => Err(Errno::NODEV),
        _ => Ok(Reply::Continue),
    }
}
