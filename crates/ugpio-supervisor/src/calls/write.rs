//! `write` and its kin: a store, if the descriptor is an attribute of the tree.
//!
//! Which it is, is told from the link of the descriptor at this moment, so a descriptor that was
//! moved or inherited stores like the first one. Every other write is the kernel's, and costs one
//! look at a flag as long as nothing was opened for storing.

use rustix::io::Errno;

use super::{context::Context, route::Targets};
use crate::{
    class::{ClassDir, ClassFile},
    outcome::Reply,
    tree::{Mounted, Sink},
    uevent::{UeventFile, Uevents},
};

/// The most that any attribute takes.
const TEXT_MAX: usize = 4096;
/// The most pieces of one `writev`. KERNEL: include/uapi/linux/uio.h UIO_MAXIOV
const PIECES_MAX: usize = 1024;

/// `write(fd, buf, count)`
pub(super) fn write(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    one(context, i64::MIN)
}

/// `pwrite64(fd, buf, count, offset)`
pub(super) fn pwrite64(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    one(context, 0)
}

/// A store of one piece, at a position that is not below `least`.
fn one(context: &Context<'_>, least: i64) -> Result<Reply, Errno> {
    let (call, fd) = (context.call, context.call.int(0));
    let Some(meant) = sink(context, fd) else {
        return Ok(Reply::Continue);
    };
    if call.args[3].cast_signed() < least {
        return Err(Errno::INVAL);
    }
    let count = usize::try_from(call.args[2]).map_or(TEXT_MAX, |count| count.min(TEXT_MAX));
    let mut text = vec![0; count];
    context.process.read(call.args[1], &mut text)?;
    store(context, meant, &text)
}

/// `writev(fd, pieces, count)`
pub(super) fn writev(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    many(context, i64::MIN)
}

/// `pwritev(fd, pieces, count, offset)`
pub(super) fn pwritev(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    many(context, 0)
}

/// `pwritev2(fd, pieces, count, offset, _, flags)`
// KERNEL: fs/read_write.c (v6.12): -1 is the file's own position
pub(super) fn pwritev2(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    many(context, -1)
}

/// A store of many pieces, at a position that is not below `least`.
fn many(context: &Context<'_>, least: i64) -> Result<Reply, Errno> {
    let call = context.call;
    let Some(meant) = sink(context, call.int(0)) else {
        return Ok(Reply::Continue);
    };
    if call.args[3].cast_signed() < least {
        return Err(Errno::INVAL);
    }
    let text = gather(context)?;
    // KERNEL: fs/read_write.c vfs_writev (v6.12): no bytes at all never reach the file
    if text.is_empty() {
        return Ok(Reply::Return(0));
    }
    store(context, meant, &text)
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

/// A call that copies to the descriptor in an argument is no way to store; who copies that way falls back to `write`.
// KERNEL: fs/read_write.c, fs/splice.c (v6.12): a file of configfs takes nothing by splicing.
// DIFFERS: one of sysfs does.
fn refuse(context: &Context<'_>, to: usize, refusal: Errno) -> Result<Reply, Errno> {
    match sink(context, context.call.int(to)) {
        Some(_) => Err(refusal),
        None => Ok(Reply::Continue),
    }
}

/// What a descriptor stores to.
enum Meant<'a> {
    Tree(&'a Mounted, Sink),
    Class(&'a ClassDir, ClassFile),
    Uevent(&'a Uevents, UeventFile),
}

/// What a descriptor stores to; `None` if it is not ours, or cannot be written to: the kernel's EBADF.
fn sink<'a>(context: &Context<'a>, fd: i32) -> Option<Meant<'a>> {
    let tree = context
        .layer
        .tree
        .as_deref()
        .filter(|tree| tree.has_writers());
    let class = context
        .layer
        .class
        .as_deref()
        .filter(|class| class.has_writers());
    let uevents = context
        .layer
        .uevents
        .as_deref()
        .filter(|uevents| uevents.has_writers());
    if tree.is_none() && class.is_none() && uevents.is_none() {
        return None;
    }
    let link = context.process.fd_link(fd).ok()?;
    let in_tree = || tree.and_then(|tree| Some(Meant::Tree(tree, tree.sink(&link)?)));
    let in_class = || class.and_then(|class| Some(Meant::Class(class, class.sink(&link)?)));
    let of_device = || uevents.and_then(|all| Some(Meant::Uevent(all, all.sink(&link)?)));
    let meant = in_tree().or_else(in_class).or_else(of_device)?;
    let mode = context.process.fd_mode(fd).ok()?;
    (mode & 0o200 != 0).then_some(meant)
}

fn store(context: &Context<'_>, meant: Meant<'_>, text: &[u8]) -> Result<Reply, Errno> {
    let fd = context.call.int(0);
    let taken = match meant {
        Meant::Tree(tree, sink) => {
            let taken = tree.store(sink, text)?;
            if let Sink::Attribute(token) = sink {
                show_again(context, tree, fd, token);
            }
            taken
        }
        Meant::Class(class, file) => class.store(file, text)?,
        Meant::Uevent(uevents, file) => uevents.store(&file, text)?,
    };
    Ok(Reply::Return(i64::try_from(taken).unwrap_or(i64::MAX)))
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

/// The next read through a descriptor that was written to gives the attribute's new text.
// KERNEL: fs/configfs/file.c fill_write_buffer (v6.12)
fn show_again(context: &Context<'_>, tree: &Mounted, fd: i32, token: crate::tree::Token) {
    if !context
        .process
        .fd_mode(fd)
        .is_ok_and(|mode| mode & 0o400 != 0)
    {
        return;
    }
    // A descriptor that is closed meanwhile has no next read.
    if let (Ok(text), Ok(file)) = (tree.show(token), context.process.reopen(fd)) {
        let _ = Mounted::replace(&file, &text);
    }
}
