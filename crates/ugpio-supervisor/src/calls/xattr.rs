//! `getxattr`, `lgetxattr`, `listxattr` and `llistxattr`: virtual files have no extended attributes.
//!
//! `ls -l` asks for some and prints an error for every answer but the two that mean *none*.

use rustix::{
    fs::{
        getxattr as host_get, lgetxattr as host_lget, listxattr as host_list,
        llistxattr as host_llist,
    },
    io::Errno,
};

use super::Context;
use crate::{
    outcome::Reply,
    path::{Place, Target},
};

/// Longest name of an attribute. KERNEL: include/uapi/linux/limits.h XATTR_NAME_MAX
const NAME_MAX: usize = 255;
/// Largest value, and largest list.
const SIZE_MAX: u64 = 65536;

/// `getxattr(path, name, value, size)`
pub(super) fn getxattr(context: &Context<'_>, follow: bool) -> Result<Reply, Errno> {
    let call = context.call;
    let Some(target) = context.target(libc::AT_FDCWD, 0, follow)? else {
        return Ok(Reply::Continue);
    };
    let name = match context.process.read_cstr(call.args[1], NAME_MAX + 1) {
        Ok(name) if name.is_empty() => return Err(Errno::RANGE),
        Err(Errno::NAMETOOLONG) => return Err(Errno::RANGE),
        other => other?,
    };
    answer(
        context,
        &target,
        none(&name),
        call.args[2],
        call.args[3],
        |path, is_magic, buf| {
            if is_magic {
                host_get(path, &name, buf)
            } else {
                host_lget(path, &name, buf)
            }
        },
    )
}

/// `listxattr(path, list, size)`
pub(super) fn listxattr(context: &Context<'_>, follow: bool) -> Result<Reply, Errno> {
    let call = context.call;
    let Some(target) = context.target(libc::AT_FDCWD, 0, follow)? else {
        return Ok(Reply::Continue);
    };
    answer(
        context,
        &target,
        Ok(Reply::Return(0)),
        call.args[1],
        call.args[2],
        |path, is_magic, buf| {
            if is_magic {
                host_list(path, buf)
            } else {
                host_llist(path, buf)
            }
        },
    )
}

/// How a file without attributes refuses one. KERNEL: fs/xattr.c, by the name's prefix
fn none(name: &[u8]) -> Result<Reply, Errno> {
    let is_kept = name.starts_with(b"security.") || name.starts_with(b"trusted.");
    Err(if is_kept {
        Errno::NODATA
    } else {
        Errno::OPNOTSUPP
    })
}

/// Answers `ours` for the board's files, and what `ask` gets for the machine's.
fn answer(
    context: &Context<'_>,
    target: &Target,
    ours: Result<Reply, Errno>,
    addr: u64,
    size: u64,
    ask: impl FnOnce(&std::path::Path, bool, &mut [u8]) -> Result<usize, Errno>,
) -> Result<Reply, Errno> {
    let location = match target {
        Target::Missing { .. } => return Err(Errno::NOENT),
        Target::At(location) if location.place == Place::Host => location,
        Target::At(_) | Target::Descriptor(_) => return ours,
    };
    let room = usize::try_from(size.min(SIZE_MAX)).map_err(|_| Errno::TOOBIG)?;
    let mut buf = vec![0; room];
    let got = ask(
        &context.layer.host_path(&location.path),
        location.is_magic,
        &mut buf,
    )?;
    let length = i64::try_from(got).map_err(|_| Errno::TOOBIG)?;
    // Without room only the size is asked for.
    context.give(addr, buf.get(..got).unwrap_or_default(), length)
}
