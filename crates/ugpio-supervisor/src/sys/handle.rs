//! `open_by_handle_at`, to see what a handle leads to.
#![expect(unsafe_code, reason = "no safe wrapper exists; see the block")]

use std::os::fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd};

use rustix::io::Errno;

use super::check;

/// Opens with `O_PATH` what a handle names in the file system of `mount`: nothing is done to the file.
///
/// # Errors
///
/// `EPERM`: we may not open by handles there. `ESTALE`: nothing has this handle. `EINVAL`: it is none.
pub(crate) fn open_path(mount: impl AsFd, kind: i32, handle: &[u8]) -> Result<OwnedFd, Errno> {
    let length = u32::try_from(handle.len()).map_err(|_| Errno::INVAL)?;
    let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), handle].concat();
    // KERNEL: include/linux/fs.h struct file_handle (v6.12) begins with two words of 32 bits
    bytes.resize(bytes.len().next_multiple_of(size_of::<u32>()), 0);
    let words: Vec<u32> = bytes
        .chunks_exact(size_of::<u32>())
        .map(|word| u32::from_ne_bytes([word[0], word[1], word[2], word[3]]))
        .collect();
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    let mount = mount.as_fd().as_raw_fd();
    // SAFETY: `words` is aligned for the handle's head, which says how many of the bytes behind it are the handle's;
    // the kernel reads no more, and the vector outlives the call.
    let fd =
        check(unsafe { libc::syscall(libc::SYS_open_by_handle_at, mount, words.as_ptr(), flags) })?;
    let fd = i32::try_from(fd).map_err(|_| Errno::BADF)?;
    // SAFETY: the kernel has just made this descriptor for us, and no other code knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
