//! How a socket's errors poll.
#![expect(unsafe_code, reason = "SO_SELECT_ERR_QUEUE has no safe wrapper")]

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

use super::check;

/// Makes an error of the socket poll as `POLLPRI` too, and not as `POLLERR` alone.
///
/// # Errors
///
/// `ENOPROTOOPT` on a kernel that has no such option (before 3.10).
pub(crate) fn select_errors(socket: BorrowedFd<'_>) -> Result<(), Errno> {
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
