//! What a socket's sender can learn of its receiver, and how a socket's errors poll.
#![expect(
    unsafe_code,
    reason = "SIOCOUTQ and SO_SELECT_ERR_QUEUE have no safe wrapper"
)]

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

use super::check;

/// Makes an error of the socket poll as `POLLPRI` too, and not as `POLLERR` alone.
///
/// # Errors
///
/// `ENOPROTOOPT` on a kernel that has no such option (before 3.10).
pub fn select_errors(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    let on: libc::c_int = 1;
    let length = libc::socklen_t::try_from(size_of_val(&on)).map_err(|_| Errno::INVAL)?;
    let (level, option) = (libc::SOL_SOCKET, libc::SO_SELECT_ERR_QUEUE);
    // SAFETY: the kernel reads `length` bytes, which is the size of a live local.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const on).cast(),
            length,
        )
    };
    check(done).map(drop)
}

/// What is sent and not yet read, as the kernel charges it to the sender: more than the bytes, and
/// the same for every message of one size. 0 if the kernel cannot tell.
pub fn unsent(socket: BorrowedFd<'_>) -> usize {
    let mut charge: libc::c_int = 0;
    // SAFETY: `SIOCOUTQ` (the same number as `TIOCOUTQ`) writes one `int`, to a live local.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut charge) };
    check(done).map_or(0, |_| usize::try_from(charge).unwrap_or(0))
}
