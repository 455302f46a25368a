//! `name_to_handle_at` and `open_by_handle_at`.
//!
//! A handle names a file whatever its path. The board's files have none, and none is opened in the file systems in
//! which the machine's own GPIO is.

use rustix::io::Errno;

use super::{context::Context, route::Targets};
use crate::{outcome::Reply, path::machine::Machine, sys};

/// `name_to_handle_at(dirfd, path, handle, mount, flags)`
// DIFFERS: Linux has handles for files of sysfs and devtmpfs.
pub(super) fn name(_: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    Err(Errno::OPNOTSUPP)
}

/// The longest handle. KERNEL: include/uapi/linux/fcntl.h MAX_HANDLE_SZ
const HANDLE_MAX: u32 = 128;

/// `open_by_handle_at(mount, handle, flags)`
// DIFFERS: in sysfs, configfs, debugfs and devtmpfs no handle is valid, nor one of a chip's node anywhere.
pub(super) fn open(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let Ok(mount) = context.process.share(context.call.int(0)) else {
        return Ok(Reply::Continue);
    };
    if !matches!(Machine::may_hold_gpio(&mount), Ok(false)) {
        return Err(Errno::STALE);
    }
    let Some((kind, handle)) = read(context) else {
        return Ok(Reply::Continue);
    };
    match sys::handle::open_path(&mount, kind, &handle) {
        Ok(file) if Machine::is_open_chip(&file)? => Err(Errno::STALE),
        // Who may open by handles where we may not has mounted the file system in a user namespace of its own, where
        // nodes are no devices. KERNEL: fs/super.c alloc_super (v6.12): SB_I_NODEV
        _ => Ok(Reply::Continue),
    }
}

/// The kind of the handle and its bytes.
fn read(context: &Context<'_>) -> Option<(i32, Vec<u8>)> {
    let addr = context.call.args[1];
    let mut head = [0; 8];
    context.process.read(addr, &mut head).ok()?;
    let [a, b, c, d, kind @ ..] = head;
    let length = u32::from_ne_bytes([a, b, c, d]);
    let mut handle = vec![0; usize::try_from(length.min(HANDLE_MAX)).ok()?];
    context
        .process
        .read(addr.checked_add(8)?, &mut handle)
        .ok()?;
    Some((i32::from_ne_bytes(kind), handle))
}
