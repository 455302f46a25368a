//! Calls on open files of sysfs and configfs that what stands for them would carry out, and those file systems do not.
//!
//! A file of the shadow tree is a regular one: it could be mapped, allocated and cut past the stores that a write is.

use rustix::io::Errno;

use super::{context::Context, route::Targets};
use crate::{
    outcome::Reply,
    path::{Place, Target},
};

/// `FALLOC_FL_*`. KERNEL: include/uapi/linux/falloc.h (v6.12)
const FALLOCATE_FLAGS: u32 = 0x7b;

/// What an open file of the board was opened for, as in [`super::process::Process::fd_mode`]; `None` if the descriptor
/// is none of those.
fn opened(context: &Context<'_>, arg: usize) -> Option<u32> {
    let fd = context.call.int(arg);
    match context.descriptor(fd)? {
        Target::At(location) if location.place == Place::Board => {}
        _ => return None,
    }
    // The kernel refuses descriptors opened with O_PATH.
    let mode = context.process.fd_mode(fd).ok()?;
    (mode & 0o600 != 0).then_some(mode)
}

/// `fsync(fd)`, `fdatasync(fd)`
// KERNEL: fs/sync.c vfs_fsync_range (v6.12): EINVAL without the operation
pub(super) fn sync(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    match opened(context, 0) {
        Some(_) => Err(Errno::INVAL),
        None => Ok(Reply::Continue),
    }
}

/// `ftruncate(fd, length)`
// KERNEL: fs/kernfs/inode.c kernfs_iop_setattr, fs/configfs/inode.c configfs_setattr (v6.12): a size changes nothing
pub(super) fn truncate(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    match opened(context, 0) {
        Some(mode) if context.call.args[1].cast_signed() < 0 || mode & 0o200 == 0 => {
            Err(Errno::INVAL)
        }
        Some(_) => Ok(Reply::Return(0)),
        None => Ok(Reply::Continue),
    }
}

/// `fallocate(fd, mode, offset, length)`
// KERNEL: fs/open.c vfs_fallocate (v6.12)
pub(super) fn allocate(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let call = context.call;
    let Some(mode) = opened(context, 0) else {
        return Ok(Reply::Continue);
    };
    let is_range = call.args[2].cast_signed() >= 0 && call.args[3].cast_signed() > 0;
    Err(match mode & 0o200 {
        _ if !is_range => Errno::INVAL,
        0 if call.uint(1) & !FALLOCATE_FLAGS == 0 => Errno::BADF,
        _ => Errno::OPNOTSUPP,
    })
}

/// `mmap(addr, length, prot, flags, fd, offset)`, shared ones.
// KERNEL: mm/mmap.c do_mmap, fs/kernfs/file.c kernfs_fop_mmap (v6.12)
pub(super) fn map(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    let call = context.call;
    let is_shared = call.int(3) & libc::MAP_SHARED != 0 && call.int(3) & libc::MAP_ANONYMOUS == 0;
    let Some(mode) = is_shared.then(|| opened(context, 4)).flatten() else {
        return Ok(Reply::Continue);
    };
    let lacks_write = call.int(2) & libc::PROT_WRITE != 0 && mode & 0o200 == 0;
    if call.args[1] == 0 || !call.args[5].is_multiple_of(4096) {
        return Ok(Reply::Continue);
    }
    Err(if lacks_write || mode & 0o400 == 0 {
        Errno::ACCESS
    } else {
        Errno::NODEV
    })
}
