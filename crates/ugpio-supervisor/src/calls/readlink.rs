//! `readlink` and `readlinkat`, the links of `/proc/PID` included.
//!
//! A link of the board has the text that Linux would give it. `/proc/self/fd/N` of a file of ours
//! says what it stands for, and `/proc/self/cwd` in the shadow tree says the virtual path.

use rustix::io::Errno;

use super::Context;
use crate::{
    outcome::Reply,
    path::{Resolution, Target, Want},
};

/// `readlink(path, buf, size)`
pub(super) fn readlink(context: &Context<'_>) -> Result<Reply, Errno> {
    answer(context, libc::AT_FDCWD, 0)
}

/// `readlinkat(dirfd, path, buf, size)`
pub(super) fn readlinkat(context: &Context<'_>) -> Result<Reply, Errno> {
    answer(context, context.call.int(0), 1)
}

/// Answers for the path at argument `path`; the buffer and its size follow it.
fn answer(context: &Context<'_>, dirfd: i32, path: usize) -> Result<Reply, Errno> {
    let call = context.call;
    let Ok(size @ 1..) = usize::try_from(call.int(path + 2)) else {
        return Ok(Reply::Continue);
    };
    let Some(path_arg) = context.path(dirfd, path) else {
        return Ok(Reply::Continue);
    };
    let Resolution::Walked { is_native, target } = context.resolve(&path_arg, Want::default())
    else {
        return Ok(Reply::Continue);
    };
    let identify = |link: &[u8]| context.layer.opener.identify(link);
    let text = match target {
        Ok(Target::At(link)) => {
            context.resolver(&identify, |resolver| match resolver.magic_text(&link) {
                None if is_native => Ok(None),
                None if link.mode & libc::S_IFMT == libc::S_IFLNK => {
                    resolver.link_text(&link).map(Some)
                }
                None => Err(Errno::INVAL),
                text => Ok(text),
            })?
        }
        _ if is_native => None,
        Ok(Target::Descriptor(_)) => return Err(Errno::INVAL),
        Ok(Target::Missing { .. }) => return Err(Errno::NOENT),
        Err(errno) => return Err(errno),
    };
    let Some(text) = text else {
        return Ok(Reply::Continue);
    };
    // KERNEL: cut without a sign and without a NUL
    let text = &text[..text.len().min(size)];
    let length = i64::try_from(text.len()).map_err(|_| Errno::INVAL)?;
    context.give(call.args[path + 1], text, length)
}
