//! What a socket's sender can learn of its receiver.
#![expect(unsafe_code, reason = "SIOCOUTQ has no safe wrapper")]

use std::os::fd::{AsRawFd, BorrowedFd};

use super::check;

/// What is sent and not yet read, as the kernel charges it to the sender: more than the bytes, and
/// the same for every message of one size. 0 if the kernel cannot tell.
pub fn unsent(socket: BorrowedFd<'_>) -> usize {
    let mut charge: libc::c_int = 0;
    // SAFETY: `SIOCOUTQ` (the same number as `TIOCOUTQ`) writes one `int`, to a live local.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut charge) };
    check(done).map_or(0, |_| usize::try_from(charge).unwrap_or(0))
}
