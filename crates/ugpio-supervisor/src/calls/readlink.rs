//! `readlink` and `readlinkat`, the links of `/proc/PID` included.
//!
//! A link of the board has the text that Linux would give it. `/proc/self/fd/N` of a file of ours
//! says what it stands for, and `/proc/self/cwd` in the shadow tree says the virtual path.

use rustix::io::Errno;

use super::{
    context::Context,
    route::{Found, Targets},
};
use crate::{
    outcome::Reply,
    path::{Resolution, Target, Want},
    sys::ptrace::again::Instead,
};

/// `readlink(path, buf, size)`
pub(super) fn readlink(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    answer(context, libc::AT_FDCWD, 0)
}

/// `readlinkat(dirfd, path, buf, size)`
pub(super) fn readlinkat(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
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
    let resolution = context.resolve(&path_arg, Want::default());
    let text = match our_text(context, &resolution)? {
        Some(text) => text,
        None => match context.sort(&path_arg, resolution)? {
            Found::Native => return Ok(Reply::Continue),
            Found::Machine(machine) => {
                let instead = vec![(path, Instead::Text(machine))];
                return Ok(context.mover.again(call, instead));
            }
            Found::Board(Target::At(link)) if link.mode & libc::S_IFMT == libc::S_IFLNK => {
                let identify = |link: &[u8]| context.layer.opener.identify(link);
                context.resolver(&identify, |resolver| resolver.link_text(&link))?
            }
            Found::Board(Target::Missing { .. }) => {
                return Err(Errno::NOENT);
            }
            Found::Board(_) => return Err(Errno::INVAL),
        },
    };
    // KERNEL: cut without a sign and without a NUL
    let text = &text[..text.len().min(size)];
    let length = i64::try_from(text.len()).map_err(|_| Errno::INVAL)?;
    context.give(call.args[path + 1], text, length)
}

/// What a link of `/proc/PID` says, if it leads to a file of ours.
fn our_text(context: &Context<'_>, resolution: &Resolution) -> Result<Option<Vec<u8>>, Errno> {
    let Resolution::Walked {
        target: Ok(Target::At(link)),
        guarded,
        ..
    } = resolution
    else {
        return Ok(None);
    };
    let identify = |link: &[u8]| context.layer.opener.identify(link);
    let text = context.resolver(&identify, |resolver| resolver.magic_text(link));
    if text.is_some() {
        context.may_pass(guarded)?;
    }
    Ok(text)
}
