//! Reads of files that no native object can be: an open `value` of the legacy class, and a line's
//! file whose chip is gone.
//!
//! By default the first is trapped by its descriptor's number, the second only if the read has the
//! size of a record; for others the file was emptied, so that they say "end of file" and never an old
//! level.

use std::sync::Arc;

use rustix::io::Errno;

use super::{context::Context, route::Targets, write};
use crate::{
    class::{ClassDir, poll::OpenValue},
    outcome::Reply,
};

/// More than the text of any file here.
const TEXT_MAX: usize = 64;

/// `read(fd, buf, count)`
pub(super) fn read(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    answer(context, |_| Ok(None), one)
}

/// `pread64(fd, buf, count, offset)`
pub(super) fn pread64(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let at = |context: &Context<'_>| {
        let at = u64::try_from(context.call.args[3].cast_signed());
        at.map(Some).map_err(|_| Errno::INVAL)
    };
    answer(context, at, one)
}

/// `readv(fd, pieces, count)`
pub(super) fn readv(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    answer(context, |_| Ok(None), write::pieces)
}

/// The one piece of a call that has a buffer and its length.
fn one(context: &Context<'_>) -> Result<Vec<(u64, u64)>, Errno> {
    Ok(vec![(context.call.args[1], context.call.args[2])])
}

/// Answers a read at a position, if not the file's own, into some pieces.
fn answer(
    context: &Context<'_>,
    at: impl FnOnce(&Context<'_>) -> Result<Option<u64>, Errno>,
    places: impl FnOnce(&Context<'_>) -> Result<Vec<(u64, u64)>, Errno>,
) -> Result<Reply, Errno> {
    let Some((class, open)) = value(context) else {
        return stale(context);
    };
    let (at, places) = (at(context)?, places(context)?);
    let room: u64 = places
        .iter()
        .map(|(_, length)| *length)
        .fold(0, u64::saturating_add);
    let room = usize::try_from(room).unwrap_or(TEXT_MAX).min(TEXT_MAX);
    let text = open.read(at, room, |number| class.value(number))?;
    let mut rest = text.as_slice();
    for (addr, length) in places {
        let length = usize::try_from(length).unwrap_or(TEXT_MAX).min(rest.len());
        let (part, more) = rest.split_at(length);
        context.process.write(addr, part)?;
        rest = more;
    }
    Ok(Reply::Return(i64::try_from(text.len()).unwrap_or_default()))
}

/// `lseek(fd, offset, whence)`
pub(super) fn lseek(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let Some((_, open)) = value(context) else {
        return Ok(Reply::Continue);
    };
    let call = context.call;
    open.seek(call.args[1].cast_signed(), call.int(2))
        .map(Reply::Return)
}

/// The calls on sockets.
// KERNEL: net/socket.c sockfd_lookup_light (v6.12); a `value` that can be polled is a socket underneath
pub(super) fn no_socket(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    match value(context) {
        Some(_) => Err(Errno::NOTSOCK),
        None => Ok(Reply::Continue),
    }
}

/// The open value behind the descriptor of a call.
fn value<'a>(context: &Context<'a>) -> Option<(&'a ClassDir, Arc<OpenValue>)> {
    value_at(context, context.call.int(0))
}

fn value_at<'a>(context: &Context<'a>, fd: i32) -> Option<(&'a ClassDir, Arc<OpenValue>)> {
    let class = context.layer.class.as_deref()?;
    if class.is_unopened() {
        return None;
    }
    let link = context.process.fd_link(fd).ok()?;
    Some((class, class.open_value(&link)?))
}

/// Whether a descriptor is an open `value`.
pub(super) fn is_value_at(context: &Context<'_>, fd: i32) -> bool {
    value_at(context, fd).is_some()
}

// KERNEL: fs/kernfs/file.c kernfs_seq_start (v6.12)
// DIFFERS: a read that is not trapped gives the end of the file.
fn stale(context: &Context<'_>) -> Result<Reply, Errno> {
    let attributes = &context.layer.attributes;
    if !attributes.has_stale() {
        return Ok(Reply::Continue);
    }
    let Ok(link) = context.process.fd_link(context.call.int(0)) else {
        return Ok(Reply::Continue);
    };
    if attributes.is_gone(&link) {
        return Err(Errno::NODEV);
    }
    Ok(Reply::Continue)
}
