//! Calls on a descriptor that are not GPIO's but tell what it is: flags, positions, mappings, writes.
//!
//! What stands for a GPIO file is a pipe or a file in memory, and some of these calls show it. Which are
//! trapped is said in `traps`; here each is judged as the kernel judges it for a character device or an
//! anonymous file. Called by `dispatch`.

use std::sync::Arc;

use gpio_uapi::FileKind;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::poll::{process_of, shared};
use super::{Asked, OpenFile};
use crate::outcome::{Call, Reply};
use crate::path::machine::Machine;
use crate::thread::Thread;

/// The position of `preadv2` and `pwritev2` that means the file's own.
pub(super) const AT_ITS_OWN: u64 = u64::MAX;
/// The one flag of theirs that does not need what no GPIO file has. KERNEL: include/uapi/linux/fs.h RWF_HIPRI
pub(super) const RWF_HIPRI: u32 = 1;
/// The last of the `whence` values of `lseek`. KERNEL: include/uapi/linux/fs.h SEEK_MAX
const SEEK_MAX: u32 = 4;
/// The ioctls that the kernel answers for every file, and which do no harm to what stands for ours.
const OF_EVERY_FILE: [u32; 4] = [0x5450, 0x5451, 0x5421, 2]; // FIONCLEX, FIOCLEX, FIONBIO, FIGETBSZ
/// Asks for signals. KERNEL: fs/ioctl.c ioctl_fioasync
const FIOASYNC: u32 = 0x5452;
/// Asks for the size in use, of regular files. KERNEL: fs/ioctl.c do_vfs_ioctl
const FIOQSIZE: u32 = 0x5460;

/// The number of GPIO's ioctls. KERNEL: include/uapi/linux/gpio.h
const GPIO_TYPE: u32 = 0xb4;

/// An ioctl of a file that is none of ours. A chip or line of the machine that the program was started with, or got
/// from another process, is as gone as all the others.
// DIFFERS: GPIO ioctls of such a descriptor say ENODEV.
pub(super) fn ioctl_of_another(thread: &Thread<'_>, call: &Call) -> Reply {
    if (call.uint(1) >> 8) & 0xff != GPIO_TYPE {
        return Reply::Continue;
    }
    let fd = call.int(0);
    let link = thread.fd_link(fd).unwrap_or_default();
    let is_chip = || {
        let file = thread.reopen(fd, OFlags::PATH).ok()?;
        Machine::is_open_chip(&file).ok()
    };
    // KERNEL: drivers/gpio/gpiolib-cdev.c (v6.12): gpio-line, gpio-linehandle, gpio-event
    if link.starts_with(b"anon_inode:gpio-") || link.starts_with(b"/") && is_chip() == Some(true) {
        return Reply::Fail(Errno::NODEV);
    }
    Reply::Continue
}

/// What the kernel does with an ioctl of this number on any file; `None` if it asks the driver.
pub(super) fn ioctl_of_every_file(thread: &Thread<'_>, call: &Call) -> Option<Reply> {
    match call.uint(1) {
        cmd if OF_EVERY_FILE.contains(&cmd) => Some(Reply::Continue),
        FIOQSIZE => Some(Reply::Fail(Errno::NOTTY)),
        FIOASYNC => {
            let mut wanted = [0; 4];
            let read = thread.read(call.args[2], &mut wanted);
            Some(match read {
                Err(_) => Reply::Fail(Errno::FAULT),
                // No GPIO file sends signals.
                Ok(()) if wanted != [0; 4] => Reply::Fail(Errno::NOTTY),
                Ok(()) => Reply::Return(0),
            })
        }
        _ => None,
    }
}

/// `fcntl(fd, F_GETFL)` and `F_SETFL`.
pub(crate) fn fcntl(asked: &Asked<'_>, open: &Arc<OpenFile>) -> Reply {
    let Asked { thread, call, .. } = *asked;
    match call.int(1) {
        libc::F_GETFL => match thread.status_flags(call.int(0)) {
            Ok(flags) => Reply::Return(i64::from(open.shown_flags(flags))),
            Err(_) => Reply::Continue,
        },
        // KERNEL: fs/fcntl.c setfl (v6.12): no direct_IO, EINVAL
        libc::F_SETFL if call.int(2) & libc::O_DIRECT != 0 => Reply::Fail(Errno::INVAL),
        libc::F_SETFL if call.int(2) & libc::O_ASYNC != 0 => silently(thread, call),
        // KERNEL: pipe_fcntl and memfd_fcntl refuse files that are neither
        libc::F_SETPIPE_SZ | libc::F_GETPIPE_SZ => Reply::Fail(Errno::BADF),
        libc::F_ADD_SEALS | libc::F_GET_SEALS => Reply::Fail(Errno::INVAL),
        // KERNEL: fs/locks.c generic_setlease (v6.12): regular files only
        libc::F_SETLEASE => Reply::Fail(Errno::INVAL),
        _ => Reply::Continue,
    }
}

/// `F_SETFL` with `O_ASYNC`, which no GPIO file knows, and of which a pipe would send signals.
// KERNEL: fs/fcntl.c setfl (v6.12): without fasync the flag is neither kept nor refused
fn silently(thread: &Thread<'_>, call: &Call) -> Reply {
    let flags = OFlags::from_bits_retain(call.uint(2))
        - OFlags::from_bits_retain(libc::O_ASYNC.cast_unsigned());
    let set = || {
        let process = process_of(thread)?;
        let file = shared(&process, call.int(0)).ok()?;
        // The flags are those of everybody who has the file: it must be the caller's.
        thread.confirm().ok()?;
        rustix::fs::fcntl_setfl(&file, flags).ok()
    };
    // DIFFERS: where descriptors cannot be looked at, records send signals.
    set().map_or(Reply::Continue, |()| Reply::Return(0))
}

/// `lseek(fd, offset, whence)`.
// KERNEL: fs/read_write.c ksys_lseek; gpio_fileops is nonseekable, noop_llseek of the others (v6.12)
pub(crate) fn lseek(asked: &Asked<'_>, open: &Arc<OpenFile>) -> Reply {
    match open.file.kind() {
        _ if asked.call.uint(2) > SEEK_MAX => Reply::Fail(Errno::INVAL),
        FileKind::Chip => Reply::Fail(Errno::SPIPE),
        _ => Reply::Return(0),
    }
}

/// `mmap(addr, length, prot, flags, fd, offset)`: what the kernel checks before it asks the file stays its own.
// KERNEL: mm/mmap.c do_mmap (v6.12)
pub(crate) fn mmap(asked: &Asked<'_>, _: &Arc<OpenFile>) -> Reply {
    let call = asked.call;
    let writes = call.int(2) & libc::PROT_WRITE != 0 && call.int(3) & libc::MAP_SHARED != 0;
    if call.args[1] == 0 || writes || !call.args[5].is_multiple_of(4096) {
        return Reply::Continue;
    }
    Reply::Fail(Errno::NODEV)
}

/// Reads and writes at a position, of which no GPIO file has any.
// KERNEL: fs/read_write.c ksys_pread64, do_preadv (v6.12)
pub(crate) fn at_position(asked: &Asked<'_>, _: &Arc<OpenFile>) -> Reply {
    if asked.call.args[3].cast_signed() < 0 {
        return Reply::Fail(Errno::INVAL);
    }
    Reply::Fail(Errno::SPIPE)
}

/// `write` and `writev`, which no GPIO file has.
// KERNEL: fs/read_write.c vfs_write (v6.12): EBADF by the mode, EINVAL without the operation
pub(crate) fn write(_: &Asked<'_>, open: &Arc<OpenFile>) -> Reply {
    Reply::Fail(if open.is_writable() {
        Errno::INVAL
    } else {
        Errno::BADF
    })
}

/// `pwritev2(fd, segments, count, low, high, flags)`: at the file's own position it is a `writev`.
pub(crate) fn pwritev2(asked: &Asked<'_>, open: &Arc<OpenFile>) -> Reply {
    if asked.call.args[3] != AT_ITS_OWN {
        return at_position(asked, open);
    }
    match write(asked, open) {
        // KERNEL: fs/read_write.c do_loop_readv_writev (v6.12)
        Reply::Fail(Errno::INVAL) if asked.call.uint(5) & !RWF_HIPRI != 0 => {
            Reply::Fail(Errno::OPNOTSUPP)
        }
        reply => reply,
    }
}

/// `fsync(fd)` and `fdatasync(fd)`, which no GPIO file has.
pub(crate) fn sync(_: &Asked<'_>, _: &Arc<OpenFile>) -> Reply {
    Reply::Fail(Errno::INVAL)
}
