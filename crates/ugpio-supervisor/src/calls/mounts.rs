//! Mounts, roots and swap: the board's directories are no places for them, and its files no devices.

use rustix::io::Errno;

use super::{
    context::Context,
    route::Found,
    route::{Last, PathAt, Targets},
};
use crate::{
    outcome::Reply,
    path::{Target, machine},
    sys::ptrace::again::Instead,
    tree::CONFIGFS,
};

/// `mount(source, target, …)`: the source is a path only for some kinds.
pub(super) fn mount(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    machine::forget_file_systems();
    let path = |path| PathAt {
        dir: None,
        path,
        last: Last::Follow,
    };
    let mut instead = Vec::new();
    for at in [0, 1] {
        match context.find(&path(at), None) {
            Ok(Found::Native) => {}
            Ok(Found::Machine(path)) => instead.push((usize::from(at), Instead::Text(path))),
            Ok(Found::Board(target)) if at == 1 && is_shown_as_mount(&target) => {
                return remount(context);
            }
            Ok(Found::Board(target)) => return changed(context, &[Some(target)]),
            Err(errno) if at == 1 => return Err(errno),
            Err(_) => {}
        }
    }
    Ok(if instead.is_empty() {
        Reply::Continue
    } else {
        context.mover.again(context.call, instead)
    })
}

/// Whether the tables of mounts have a row for the place that the machine has not.
fn is_shown_as_mount(target: &Target) -> bool {
    matches!(target, Target::At(location) if location.path == CONFIGFS.as_bytes())
}

/// A mount that programs find in the tables: whoever may change its flags is obeyed, for as far as there is
/// something to change, as sandboxes do with every row.
// DIFFERS: the flags of the board's configfs do not change.
fn remount(context: &Context<'_>) -> Result<Reply, Errno> {
    let changes = libc::MS_REMOUNT | libc::MS_PRIVATE | libc::MS_SLAVE | libc::MS_SHARED;
    let who = context.process.credentials()?;
    if !who.may_mount() {
        return Err(Errno::PERM);
    }
    if context.call.args[3] & changes != 0 {
        Ok(Reply::Return(0))
    } else {
        Err(Errno::INVAL)
    }
}

/// `umount2(path, flags)`: the board uses what is shown as a mount.
pub(super) fn unmount(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    match &targets[0] {
        Some(target) if is_shown_as_mount(target) && context.process.credentials()?.may_mount() => {
            Err(Errno::BUSY)
        }
        _ => changed(context, targets),
    }
}

/// `pivot_root(new, old)`, `open_tree`, `move_mount`, `fspick`, `mount_setattr`: whoever may
/// not mount is refused as everywhere; for others there is no mount at the place.
// DIFFERS: nothing can be mounted on a directory of the board, nor one be mounted elsewhere.
pub(super) fn changed(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    machine::forget_file_systems();
    if targets
        .iter()
        .any(|target| matches!(target, Some(Target::Missing { .. })))
    {
        return Err(Errno::NOENT);
    }
    Err(match context.process.credentials() {
        Ok(who) if who.may_mount() => Errno::INVAL,
        _ => Errno::PERM,
    })
}

/// `chroot(path)`
// DIFFERS: a directory of the board cannot become a root.
pub(super) fn root(_: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    Err(match &targets[0] {
        Some(Target::At(location)) if location.mode & libc::S_IFMT == libc::S_IFDIR => Errno::PERM,
        Some(Target::At(_) | Target::Descriptor(_)) => Errno::NOTDIR,
        _ => Errno::NOENT,
    })
}

/// `swapon(path, flags)`, `swapoff(path)`, `quotactl(command, path, …)`
pub(super) fn no_block_device(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    Err(match (&targets[0], context.process.credentials()) {
        (Some(Target::Missing { .. }), _) => Errno::NOENT,
        (_, Ok(who)) if who.may_mount() => Errno::INVAL,
        _ => Errno::PERM,
    })
}
