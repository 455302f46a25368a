//! `statfs` and `fstatfs`: the board's directories are of the file systems they stand for.

use rustix::io::Errno;

use super::{context::Context, route::Targets};
use crate::{outcome::Reply, path::Target, tree::Mounted};

/// `statfs(path, buf)`
pub(super) fn statfs(context: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    answer(context, targets[0].as_ref())
}

/// `fstatfs(fd, buf)`
pub(super) fn fstatfs(context: &Context<'_>, _: &Targets) -> Result<Reply, Errno> {
    answer(context, context.descriptor(context.call.int(0)).as_ref())
}

fn answer(context: &Context<'_>, target: Option<&Target>) -> Result<Reply, Errno> {
    let path = match target {
        None | Some(Target::Descriptor(_)) => return Ok(Reply::Continue),
        Some(Target::Missing { .. }) => return Err(Errno::NOENT),
        Some(Target::At(location)) => &location.path,
    };
    context.give(context.call.args[1], &record(Mounted::file_system(path)), 0)
}

/// `struct statfs` of a 64-bit machine, for a file system without blocks.
// KERNEL: fs/libfs.c simple_statfs (v6.12)
fn record(kind: i64) -> [u8; 120] {
    const PAGE: i64 = 4096;
    const NAME_MAX: i64 = 255;
    /// `ST_VALID` and `ST_RELATIME`.
    const FLAGS: i64 = 0x20 | 0x1000;
    let mut record = [0; 120];
    for (at, value) in [
        (0, kind),
        (8, PAGE),
        (64, NAME_MAX),
        (72, PAGE),
        (80, FLAGS),
    ] {
        record[at..at + 8].copy_from_slice(&value.to_ne_bytes());
    }
    record
}

#[cfg(test)]
mod tests {
    use core::mem::{offset_of, size_of};

    use super::*;

    #[test]
    fn statfs_is_as_the_c_library_lays_it_out() {
        assert_eq!(record(1).len(), size_of::<libc::statfs>());
        assert_eq!(offset_of!(libc::statfs, f_type), 0);
        assert_eq!(offset_of!(libc::statfs, f_bsize), 8);
        assert_eq!(offset_of!(libc::statfs, f_namelen), 64);
        assert_eq!(offset_of!(libc::statfs, f_frsize), 72);
    }
}
