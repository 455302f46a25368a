//! `bind` and `connect` of sockets with paths.

use rustix::io::Errno;

use super::{
    context::{Context, PathArg},
    route::{Found, Targets},
};
use crate::{
    outcome::Reply,
    path::{Base, Dir, Target, Want},
    sys::ptrace::again::Instead,
};

/// Where the path begins in `struct sockaddr_un`.
const PATH_AT: usize = 2;
/// Its size. KERNEL: include/uapi/linux/un.h UNIX_PATH_MAX
const SIZE: usize = PATH_AT + 108;

/// `bind(socket, address, length)`
pub(super) fn bind(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    answer(context, false)
}

/// `connect(socket, address, length)`
pub(super) fn connect(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    answer(context, true)
}

fn answer(context: &Context<'_>, follow: bool) -> Result<Reply, Errno> {
    let Some(arg) = path(context) else {
        return Ok(Reply::Continue);
    };
    let want = Want {
        follow,
        ..Want::default()
    };
    let path = match context.find_path(&arg, want)? {
        Found::Native => return Ok(Reply::Continue),
        Found::Machine(path) => path,
        // KERNEL: net/unix/af_unix.c unix_bind_bsd, unix_find_bsd (v6.12)
        Found::Board(_) if !follow => return Err(Errno::ADDRINUSE),
        Found::Board(Target::Missing { .. }) => return Err(Errno::NOENT),
        Found::Board(_) => return Err(Errno::CONNREFUSED),
    };
    let family = u16::try_from(libc::AF_UNIX).unwrap_or_default();
    let address = [&family.to_ne_bytes()[..], &path, b"\0"].concat();
    // DIFFERS: a socket whose relative path is short enough and whose absolute one is not.
    if address.len() > SIZE {
        return Err(Errno::NAMETOOLONG);
    }
    let length = u64::try_from(address.len()).map_err(|_| Errno::NAMETOOLONG)?;
    let instead = vec![(1, Instead::Text(address)), (2, Instead::Value(length))];
    Ok(context.mover.again(context.call, instead))
}

/// The path in the address; `None` if it has none, which most have not.
fn path(context: &Context<'_>) -> Option<PathArg> {
    let call = context.call;
    let length = usize::try_from(call.int(2)).ok()?;
    if length <= PATH_AT || length > SIZE {
        return None;
    }
    let mut address = vec![0; length];
    context.process.read(call.args[1], &mut address).ok()?;
    let (family, path) = address.split_at(PATH_AT);
    if i32::from(u16::from_ne_bytes([family[0], family[1]])) != libc::AF_UNIX {
        return None;
    }
    let end = path.iter().position(|byte| *byte == 0);
    let path = path[..end.unwrap_or(path.len())].to_vec();
    let base = match path.first()? {
        b'/' => Base::Host(Dir::root()),
        _ => context.base(libc::AT_FDCWD)?,
    };
    Some(PathArg { base, path })
}
