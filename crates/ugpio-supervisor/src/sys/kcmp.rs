//! Whether a descriptor of another process is a certain file.
#![expect(unsafe_code, reason = "kcmp(2) has no safe wrapper")]

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::LazyLock;

use rustix::io::Errno;
use rustix::process::{Pid, getpid};

use super::check;

/// `KCMP_EPOLL_TFD` of `<linux/kcmp.h>`.
const EPOLL_TFD: libc::c_int = 7;

/// `struct kcmp_epoll_slot`.
#[repr(C)]
struct EpollSlot {
    efd: u32,
    tfd: u32,
    toff: u32,
}

/// Whether descriptor `fd` of thread `tid` is the file that was added to the epoll set `set` under
/// the number `number`, first of that number. The set holds no reference to the file.
///
/// # Errors
///
/// `EPERM`, `ENOSYS`: not allowed, or not built into this kernel. `EBADF`, `ENOENT`: one of the two
/// is no file any more. `ESRCH`: no such thread.
pub(crate) fn is_in_epoll(
    tid: Pid,
    fd: i32,
    set: BorrowedFd<'_>,
    number: i32,
) -> Result<bool, Errno> {
    #[cfg(fuzzing)]
    let tid = crate::fuzz::number(tid)?;
    let slot = EpollSlot {
        efd: set.as_raw_fd().cast_unsigned(),
        tfd: number.cast_unsigned(),
        toff: 0,
    };
    static OURS: LazyLock<i32> = LazyLock::new(|| getpid().as_raw_nonzero().get());
    let (theirs, ours) = (tid.as_raw_nonzero().get(), *OURS);
    // SAFETY: for this type the kernel reads one `kcmp_epoll_slot`, a live local, and writes nothing.
    let order =
        unsafe { libc::syscall(libc::SYS_kcmp, theirs, ours, EPOLL_TFD, fd, &raw const slot) };
    check(order).map(|order| order == 0)
}
