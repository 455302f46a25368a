//! `access`, `faccessat` and `faccessat2`.
//!
//! The supervisor runs as the program's user, so its own identity is asked for. For the board's
//! files that is the owner, or root, who is refused only execution.

use rustix::{
    io::Errno,
    process::{geteuid, getuid},
};

use super::{attr::Attr, context::Context, route::Targets};
use crate::outcome::Reply;

/// The flags `faccessat2` knows.
const KNOWN: i32 = libc::AT_EACCESS | libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH;
/// `R_OK | W_OK | X_OK`; nothing of it is `F_OK`.
const MODES: i32 = 7;

/// `access(path, mode)`
pub(super) fn access(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    judge(context, targets, context.call.int(1), 0)
}

/// `faccessat(dirfd, path, mode)`: the system call has no flags.
pub(super) fn faccessat(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    judge(context, targets, context.call.int(2), 0)
}

/// `faccessat2(dirfd, path, mode, flags)`
pub(super) fn faccessat2(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    let flags = context.call.int(3);
    if flags & !KNOWN != 0 {
        return Ok(Reply::Continue);
    }
    judge(context, targets, context.call.int(2), flags)
}

fn judge(context: &Context<'_>, targets: &Targets, mode: i32, flags: i32) -> Result<Reply, Errno> {
    let Some(target) = targets[0].as_ref().filter(|_| mode & !MODES == 0) else {
        return Ok(Reply::Continue);
    };
    let is_root = if flags & libc::AT_EACCESS != 0 {
        geteuid()
    } else {
        getuid()
    }
    .is_root();
    permitted(&Attr::of(context, target)?, mode.cast_unsigned(), is_root)?;
    Ok(Reply::Return(0))
}

/// KERNEL: fs/namei.c generic_permission: root may do all but execute what nobody can.
fn permitted(attr: &Attr, mode: u32, is_root: bool) -> Result<(), Errno> {
    let execute = mode & 1;
    let is_dir = attr.mode & libc::S_IFMT == libc::S_IFDIR;
    let granted = if is_root {
        6 | u32::from(is_dir || attr.mode & 0o111 != 0)
    } else {
        (attr.mode >> 6) & 7
    };
    if mode & !granted & 6 == 0 && execute & !granted == 0 {
        Ok(())
    } else {
        Err(Errno::ACCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_have_their_bits_and_root_all_but_execution() {
        let file = |mode| Attr {
            mode: libc::S_IFREG | mode,
            ..Attr::default()
        };
        let dir = Attr {
            mode: libc::S_IFDIR | 0o600,
            ..Attr::default()
        };
        for (attr, mode, owner, root) in [
            (&file(0o444), 4, true, true),
            (&file(0o444), 2, false, true),
            (&file(0o600), 1, false, false),
            (&file(0o001), 1, false, true),
            (&file(0o600), 6, true, true),
            (&dir, 1, false, true),
            (&file(0), 0, true, true),
        ] {
            assert_eq!(
                permitted(attr, mode, false).is_ok(),
                owner,
                "{attr:?} {mode}"
            );
            assert_eq!(permitted(attr, mode, true).is_ok(), root, "{attr:?} {mode}");
        }
    }
}
