//! `write` and its kin: a store, if the descriptor is an attribute of the tree.
//!
//! Which it is, is told from the link of the descriptor at this moment, so a descriptor that was
//! moved or inherited stores like the first one. Every other write is the kernel's, and costs one
//! look at a flag as long as nothing was opened for storing.

use rustix::{fs::SeekFrom, io::Errno};

use super::{context::Context, read, route::Targets};
use crate::{attributes::Sink, outcome::Reply};

/// The most that any attribute takes.
const TEXT_MAX: usize = 4096;
/// Operations of an `io_submit`. KERNEL: include/uapi/linux/aio_abi.h (v6.12)
const REQUEST_READ: u16 = 0;
const REQUEST_POLL: u16 = 5;
const REQUEST_READ_PIECES: u16 = 7;
/// The most pieces of one `writev`. KERNEL: include/uapi/linux/uio.h UIO_MAXIOV
const PIECES_MAX: usize = 1024;

/// `write(fd, buf, count)`
pub(super) fn write(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    one(context, |_| Ok(None))
}

/// `pwrite64(fd, buf, count, offset)`
pub(super) fn pwrite64(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    one(context, at_offset)
}

/// The position of a call, if it is not the file's own.
type At = fn(&Context<'_>) -> Result<Option<u64>, Errno>;

/// The position in the last argument.
fn at_offset(context: &Context<'_>) -> Result<Option<u64>, Errno> {
    let at = u64::try_from(context.call.args[3].cast_signed());
    at.map(Some).map_err(|_| Errno::INVAL)
}

/// A store of one piece.
fn one(context: &Context<'_>, at: At) -> Result<Reply, Errno> {
    let call = context.call;
    let Some(sink) = sink(context, call.int(0)) else {
        return Ok(Reply::Continue);
    };
    let at = at(context)?;
    let count = usize::try_from(call.args[2]).map_or(TEXT_MAX, |count| count.min(TEXT_MAX));
    let mut text = vec![0; count];
    context.process.read(call.args[1], &mut text)?;
    store(context, &*sink, at, &text)
}

/// `writev(fd, pieces, count)`
pub(super) fn writev(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    many(context, |_| Ok(None))
}

/// `pwritev(fd, pieces, count, offset)`
pub(super) fn pwritev(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    many(context, at_offset)
}

/// `pwritev2(fd, pieces, count, offset, _, flags)`
// KERNEL: fs/read_write.c (v6.12): -1 is the file's own position
pub(super) fn pwritev2(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    many(context, |context| match context.call.args[3] {
        u64::MAX => Ok(None),
        _ => at_offset(context),
    })
}

/// A store of many pieces.
fn many(context: &Context<'_>, at: At) -> Result<Reply, Errno> {
    let Some(sink) = sink(context, context.call.int(0)) else {
        return Ok(Reply::Continue);
    };
    let at = at(context)?;
    let text = gather(context)?;
    // KERNEL: fs/read_write.c vfs_writev (v6.12): no bytes at all never reach the file
    if text.is_empty() {
        return Ok(Reply::Return(0));
    }
    store(context, &*sink, at, &text)
}

/// `sendfile(to, from, …)`
pub(super) fn sendfile(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    refuse(context, 0, Errno::INVAL)
}

/// `splice(from, _, to, …)`
pub(super) fn splice(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    refuse(context, 2, Errno::INVAL)
}

/// `copy_file_range(from, _, to, …)`
pub(super) fn copy_file_range(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    refuse(context, 2, Errno::XDEV)
}

/// The most requests that are looked at; the kernel takes fewer at once. KERNEL: fs/aio.c (v6.12)
const REQUESTS_MAX: u64 = 1 << 16;

/// `io_submit(context, count, requests)`: a store without a waiting thread, or a read of a `value`, is refused as by a
/// file that has no such operation. Other reads of a file are the kernel's.
// DIFFERS: Linux does both; and it begins the requests before the refused one.
pub(super) fn io_submit(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let is_refused = |request: (u16, i32)| match request {
        (REQUEST_POLL, _) => false,
        (REQUEST_READ | REQUEST_READ_PIECES, fd) => read::is_value_at(context, fd),
        (_, fd) => sink(context, fd).is_some() || read::is_value_at(context, fd),
    };
    let count = context.call.args[1].min(REQUESTS_MAX);
    // What cannot be read is the kernel's to refuse.
    let mut requests = (0..count).map_while(|number| request(context, number));
    if requests.any(is_refused) {
        return Err(Errno::INVAL);
    }
    Ok(Reply::Continue)
}

/// What one of the requests of an `io_submit` does, and with which descriptor.
// KERNEL: include/uapi/linux/aio_abi.h struct iocb (v6.12): aio_lio_opcode at 16, aio_fildes at 20
fn request(context: &Context<'_>, number: u64) -> Option<(u16, i32)> {
    let (mut at, mut request) = ([0; 8], [0; 24]);
    let place = context.call.args[2].checked_add(number * 8)?;
    context.process.read(place, &mut at).ok()?;
    let place = u64::from_ne_bytes(at);
    context.process.read(place, &mut request).ok()?;
    let operation = u16::from_ne_bytes([request[16], request[17]]);
    let fd = i32::from_ne_bytes([request[20], request[21], request[22], request[23]]);
    Some((operation, fd))
}

/// A call that copies to the descriptor in an argument is no way to store; who copies that way falls back to `write`.
// KERNEL: fs/read_write.c, fs/splice.c (v6.12): a file of configfs takes nothing by splicing.
// DIFFERS: one of sysfs does.
fn refuse(context: &Context<'_>, to: usize, refusal: Errno) -> Result<Reply, Errno> {
    match sink(context, context.call.int(to)) {
        Some(_) => Err(refusal),
        None => Ok(Reply::Continue),
    }
}

/// What a descriptor stores to; `None` if it is not ours, or cannot be written to: the kernel's EBADF.
fn sink<'a>(context: &Context<'a>, fd: i32) -> Option<Box<dyn Sink + 'a>> {
    let attributes = &context.layer.attributes;
    if !attributes.has_writers() {
        return None;
    }
    let link = context.process.fd_link(fd).ok()?;
    let sink = attributes.sink(&link)?;
    let mode = context.process.fd_mode(fd).ok()?;
    context.settle().ok().filter(|()| mode & 0o200 != 0)?;
    Some(sink)
}

/// Stores bytes at a position, if that is not the file's own. The position of a text counts for nothing.
fn store(
    context: &Context<'_>,
    sink: &dyn Sink,
    at: Option<u64>,
    bytes: &[u8],
) -> Result<Reply, Errno> {
    let fd = context.call.int(0);
    let taken = match sink.size() {
        Some(size) => store_within(context, sink, size, at, bytes)?,
        None => sink.store(0, bytes)?,
    };
    show_again(context, sink, fd);
    Ok(Reply::Return(i64::try_from(taken).unwrap_or(i64::MAX)))
}

/// Stores bytes in a file with a size: as many as there is room for.
// KERNEL: fs/sysfs/file.c sysfs_kf_bin_write (v6.12): EFBIG from the end on
fn store_within(
    context: &Context<'_>,
    sink: &dyn Sink,
    size: u64,
    at: Option<u64>,
    bytes: &[u8],
) -> Result<usize, Errno> {
    let shared = match at {
        Some(_) => None,
        None => Some(context.process.share(context.call.int(0))?),
    };
    let own = shared.as_ref().map(rustix::fs::tell).transpose()?;
    let from = at.or(own).unwrap_or_default();
    if size <= from {
        return Err(Errno::FBIG);
    }
    let room = usize::try_from(size - from).unwrap_or(usize::MAX);
    let bytes = &bytes[..bytes.len().min(room)];
    if bytes.is_empty() {
        return Ok(0);
    }
    let taken = sink.store(from, bytes)?;
    if let Some(shared) = shared {
        let to = from.saturating_add(u64::try_from(taken).unwrap_or_default());
        rustix::fs::seek(shared, SeekFrom::Start(to))?;
    }
    Ok(taken)
}

/// The pieces of `writev`, put together as far as an attribute takes them: one call is one store.
fn gather(context: &Context<'_>) -> Result<Vec<u8>, Errno> {
    let mut text = Vec::new();
    for (addr, length) in pieces(context)? {
        let room = TEXT_MAX - text.len();
        let length = usize::try_from(length).map_or(room, |length| length.min(room));
        let mut part = vec![0; length];
        context.process.read(addr, &mut part)?;
        text.extend(part);
    }
    Ok(text)
}

/// The addresses and lengths of the pieces of `writev` or `readv`.
pub(super) fn pieces(context: &Context<'_>) -> Result<Vec<(u64, u64)>, Errno> {
    let call = context.call;
    let count = usize::try_from(call.args[2]).map_err(|_| Errno::INVAL)?;
    if count > PIECES_MAX {
        return Err(Errno::INVAL);
    }
    let mut table = vec![0; count * 16];
    context.process.read(call.args[1], &mut table)?;
    let number = |bytes: &[u8]| {
        let mut number = [0; 8];
        number.copy_from_slice(bytes);
        u64::from_ne_bytes(number)
    };
    let piece = |piece: &[u8]| match (number(&piece[..8]), number(&piece[8..])) {
        (_, length) if length.cast_signed() < 0 => Err(Errno::INVAL),
        piece => Ok(piece),
    };
    table.chunks_exact(16).map(piece).collect()
}

/// The next read through a descriptor that was written to gives the attribute's new text, if it has one of its own.
fn show_again(context: &Context<'_>, sink: &dyn Sink, fd: i32) {
    let mode = context.process.fd_mode(fd);
    let Some(text) = sink
        .own_text()
        .filter(|_| mode.is_ok_and(|mode| mode & 0o400 != 0))
    else {
        return;
    };
    // A descriptor that is closed meanwhile has no next read.
    if let Ok(file) = context.process.reopen(fd) {
        let _ = rustix::fs::ftruncate(&file, 0).and_then(|()| rustix::io::pwrite(&file, &text, 0));
    }
}
