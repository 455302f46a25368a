//! Extended attributes: virtual files have none and take none.
//!
//! `ls -l` asks for some and prints an error for every answer but the two that mean *none*.

use rustix::io::Errno;

use super::{context::Context, route::Targets};
use crate::{outcome::Reply, path::Target};

/// Longest name of an attribute. KERNEL: include/uapi/linux/limits.h XATTR_NAME_MAX
const NAME_MAX: usize = 255;

/// `getxattr(path, name, value, size)`, `lgetxattr`
pub(super) fn get(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    get_name(context, targets, 1)
}

/// `getxattrat(dirfd, path, flags, name, arguments, size)`
pub(super) fn get_at(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    get_name(context, targets, 3)
}

fn get_name(context: &Context<'_>, targets: &Targets, at: usize) -> Result<Reply, Errno> {
    let name = context
        .process
        .read_cstr(context.call.args[at], NAME_MAX + 1);
    let name = match name {
        Ok(name) if name.is_empty() => return Err(Errno::RANGE),
        Err(Errno::NAMETOOLONG) => return Err(Errno::RANGE),
        other => other?,
    };
    there(targets)?;
    none(&name)
}

/// `listxattr(path, list, size)`, `llistxattr`, `listxattrat(dirfd, path, flags, list, size)`
pub(super) fn list(_: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    there(targets)?;
    Ok(Reply::Return(0))
}

/// `setxattr`, `lsetxattr`, `setxattrat`, `removexattr`, `lremovexattr`, `removexattrat`
// DIFFERS: Linux keeps trusted and security attributes of sysfs and devtmpfs.
pub(super) fn change(_: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    there(targets)?;
    Err(Errno::PERM)
}

fn there(targets: &Targets) -> Result<(), Errno> {
    match &targets[0] {
        Some(Target::Missing { .. }) => Err(Errno::NOENT),
        _ => Ok(()),
    }
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
