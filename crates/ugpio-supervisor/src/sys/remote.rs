//! Another process's memory: bounded reads and writes that no address or length can upset.
//!
//! The dispatcher's handlers use these for every pointer argument. A page of the other process may take for ever to
//! come (userfaultfd, a dead network file system): no lock may be held here, and `notif` has told `stall` of the call.
#![expect(
    unsafe_code,
    reason = "process_vm_readv and process_vm_writev have no safe wrapper"
)]

use rustix::io::Errno;
use rustix::process::Pid;

use super::check;

/// The smallest page size of any machine we run on; strings are read up to such borders.
const PAGE: usize = 4096;
/// How much of a string is read at first: nearly every path is shorter.
const FIRST: usize = 256;

/// Which way a copy goes.
enum Copy<'a> {
    /// From the other process to us.
    In(&'a mut [u8]),
    /// From us to the other process.
    Out(&'a [u8]),
}

impl Copy<'_> {
    fn len(&self) -> usize {
        match self {
            Copy::In(buf) => buf.len(),
            Copy::Out(data) => data.len(),
        }
    }

    /// What is left when so many bytes are done, which are not more than all.
    fn after(&mut self, done: usize) -> Copy<'_> {
        match self {
            Copy::In(buf) => Copy::In(&mut buf[done..]),
            Copy::Out(data) => Copy::Out(&data[done..]),
        }
    }
}

/// Reads memory of `tid`'s process at `addr` and says how many bytes came: fewer than asked if the rest is not
/// mapped.
///
/// # Errors
///
/// `EFAULT`: not even the first byte is readable. `ESRCH`: the process is gone. `EPERM`: it is not ours to read.
pub fn read(tid: Pid, addr: u64, buf: &mut [u8]) -> Result<usize, Errno> {
    copy(tid, addr, Copy::In(buf))
}

/// Fills `buf` from `tid`'s process, or fails.
///
/// # Errors
///
/// `EFAULT`: some byte is not readable. Else as [`read`].
pub fn read_exact(tid: Pid, addr: u64, buf: &mut [u8]) -> Result<(), Errno> {
    let wanted = buf.len();
    if read(tid, addr, buf)? == wanted {
        Ok(())
    } else {
        Err(Errno::FAULT)
    }
}

/// Writes `data` to `tid`'s process and says how many bytes arrived.
///
/// # Errors
///
/// `EFAULT`: not even the first byte is writable. Else as [`read`].
pub fn write(tid: Pid, addr: u64, data: &[u8]) -> Result<usize, Errno> {
    copy(tid, addr, Copy::Out(data))
}

/// Writes all of `data`, or fails; a part of it may have arrived then, as in the kernel.
///
/// # Errors
///
/// `EFAULT`: some byte is not writable. Else as [`read`].
pub fn write_all(tid: Pid, addr: u64, data: &[u8]) -> Result<(), Errno> {
    if write(tid, addr, data)? == data.len() {
        Ok(())
    } else {
        Err(Errno::FAULT)
    }
}

/// Reads a string that ends in NUL, without the NUL.
///
/// # Errors
///
/// `ENAMETOOLONG`: no NUL within `max` bytes. `EFAULT`: unmapped memory comes before one. Else as [`read`].
pub fn read_cstr(tid: Pid, addr: u64, max: usize) -> Result<Vec<u8>, Errno> {
    let mut text = Vec::new();
    let mut chunk = [0; PAGE];
    let mut at = addr;
    while text.len() < max {
        let to_border = PAGE - usize::try_from(at % PAGE as u64).map_err(|_| Errno::FAULT)?;
        let step = if text.is_empty() {
            to_border.min(FIRST)
        } else {
            to_border
        };
        let step = step.min(max - text.len());
        let got = read(tid, at, &mut chunk[..step])?;
        if let Some(end) = chunk[..got].iter().position(|&byte| byte == 0) {
            text.extend_from_slice(&chunk[..end]);
            return Ok(text);
        }
        if got < step {
            return Err(Errno::FAULT);
        }
        text.extend_from_slice(&chunk[..got]);
        at = at.checked_add(step as u64).ok_or(Errno::FAULT)?;
    }
    Err(Errno::NAMETOOLONG)
}

/// One copy in either direction, repeated until it is complete or the other side's mapping ends.
// Inlined, the direction is known: nearly every call of the program comes through here.
#[inline(always)]
fn copy(tid: Pid, addr: u64, mut what: Copy<'_>) -> Result<usize, Errno> {
    let len = what.len();
    addr.checked_add(len as u64).ok_or(Errno::FAULT)?;
    if len == 0 {
        return Ok(0);
    }
    match transfer(tid, addr, what.after(0)) {
        Ok(done) if done == len => Ok(len),
        Ok(done) if done > 0 => rest(tid, addr, what, done),
        Err(Errno::INTR) => rest(tid, addr, what, 0),
        none => none,
    }
}

/// The rest of a copy of which so many bytes are done.
#[cold]
fn rest(tid: Pid, addr: u64, mut what: Copy<'_>, mut done: usize) -> Result<usize, Errno> {
    while done < what.len() {
        let step = transfer(tid, addr + done as u64, what.after(done));
        match step {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(Errno::INTR) => {}
            Err(_) if done > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(done)
}

/// One system call. `addr` plus the length does not wrap.
#[inline(always)]
fn transfer(tid: Pid, addr: u64, what: Copy<'_>) -> Result<usize, Errno> {
    let there = usize::try_from(addr).map_err(|_| Errno::FAULT)?;
    #[cfg(fuzzing)]
    let tid = crate::fuzz::number(tid)?;
    let pid = tid.as_raw_nonzero().get();
    let iov_len = what.len();
    let remote = libc::iovec {
        iov_base: core::ptr::without_provenance_mut(there),
        iov_len,
    };
    let result = match what {
        Copy::In(buf) => {
            let here = libc::iovec {
                iov_base: buf.as_mut_ptr().cast(),
                iov_len,
            };
            // SAFETY: the kernel writes at most `iov_len` bytes into `buf`, which is ours alone; the remote iovec
            // is never dereferenced in this process.
            unsafe { libc::process_vm_readv(pid, &raw const here, 1, &raw const remote, 1, 0) }
        }
        Copy::Out(data) => {
            let here = libc::iovec {
                iov_base: data.as_ptr().cast_mut().cast(),
                iov_len,
            };
            // SAFETY: the kernel only reads `iov_len` bytes of `data`; the remote iovec is never dereferenced in
            // this process.
            unsafe { libc::process_vm_writev(pid, &raw const here, 1, &raw const remote, 1, 0) }
        }
    };
    check(i64::try_from(result).map_err(|_| Errno::IO)?)
        .and_then(|n| usize::try_from(n).map_err(|_| Errno::IO))
}

#[cfg(test)]
mod tests {
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
    use rustix::process::getpid;

    use super::*;

    fn addr_of(bytes: &[u8]) -> u64 {
        bytes.as_ptr().addr() as u64
    }

    /// Two pages of which only the first is mapped for reading and writing.
    fn half_mapped() -> u64 {
        let len = 2 * PAGE;
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice, leaked on purpose.
        let base = unsafe {
            rustix::mm::mmap_anonymous(core::ptr::null_mut(), len, prot, MapFlags::PRIVATE)
        }
        .unwrap();
        let second = base.wrapping_byte_add(PAGE);
        // SAFETY: the second page belongs to the mapping just made and nothing refers to it.
        unsafe { rustix::mm::mprotect(second, PAGE, MprotectFlags::empty()) }.unwrap();
        base.addr() as u64
    }

    #[test]
    fn copies_both_ways() {
        let theirs = *b"gpiochip0";
        let mut ours = [0; 9];
        read_exact(getpid(), addr_of(&theirs), &mut ours).unwrap();
        assert_eq!(&ours, b"gpiochip0");
        let page = half_mapped();
        write_all(getpid(), page, b"hello\0").unwrap();
        assert_eq!(read_cstr(getpid(), page, 4096).unwrap(), b"hello");
    }

    #[test]
    fn copies_of_nothing_touch_nothing() {
        assert_eq!(read(getpid(), 0, &mut []), Ok(0));
        assert_eq!(write(getpid(), u64::MAX, &[]), Ok(0));
    }

    #[test]
    fn pointers_to_nowhere_are_efault() {
        let mut buf = [0; 16];
        for addr in [
            0,
            1,
            4095,
            u64::MAX,
            u64::MAX - 15,
            u64::MAX - 16,
            1 << 63,
            0xffff_8000_0000_0000,
        ] {
            assert_eq!(
                read(getpid(), addr, &mut buf),
                Err(Errno::FAULT),
                "{addr:#x}"
            );
            assert_eq!(write(getpid(), addr, &buf), Err(Errno::FAULT), "{addr:#x}");
            assert_eq!(
                read_cstr(getpid(), addr, 4096),
                Err(Errno::FAULT),
                "{addr:#x}"
            );
        }
    }

    #[test]
    fn half_mapped_records_are_cut() {
        let end = half_mapped() + PAGE as u64;
        let mut buf = [0; 48];
        assert_eq!(read(getpid(), end - 20, &mut buf), Ok(20));
        assert_eq!(read_exact(getpid(), end - 20, &mut buf), Err(Errno::FAULT));
        assert_eq!(write(getpid(), end - 20, &buf), Ok(20));
        assert_eq!(write_all(getpid(), end - 20, &buf), Err(Errno::FAULT));
        assert_eq!(write_all(getpid(), end - 48, &buf), Ok(()));
    }

    #[test]
    fn strings_may_end_at_the_last_mapped_byte_and_not_later() {
        let end = half_mapped() + PAGE as u64;
        write_all(getpid(), end - 8, b"/dev/xy\0").unwrap();
        assert_eq!(read_cstr(getpid(), end - 8, 4096).unwrap(), b"/dev/xy");
        write_all(getpid(), end - 8, b"/dev/xyz").unwrap();
        assert_eq!(read_cstr(getpid(), end - 8, 4096), Err(Errno::FAULT));
    }

    #[test]
    fn strings_without_end_are_too_long() {
        let endless = vec![b'a'; 3 * PAGE];
        assert_eq!(
            read_cstr(getpid(), addr_of(&endless), 4096),
            Err(Errno::NAMETOOLONG)
        );
        assert_eq!(
            read_cstr(getpid(), addr_of(&endless) + 4000, 4096),
            Err(Errno::NAMETOOLONG)
        );
    }

    #[test]
    fn the_limit_counts_the_nul() {
        let text = b"abcd\0";
        assert_eq!(read_cstr(getpid(), addr_of(text), 5).unwrap(), b"abcd");
        assert_eq!(
            read_cstr(getpid(), addr_of(text), 4),
            Err(Errno::NAMETOOLONG)
        );
    }

    #[test]
    fn long_strings_cross_pages() {
        let mut long = vec![b'x'; 9000];
        long.push(0);
        assert_eq!(
            read_cstr(getpid(), addr_of(&long), 10_000).unwrap().len(),
            9000
        );
    }

    #[test]
    fn processes_that_are_gone_are_esrch() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = Pid::from_child(&child);
        child.wait().unwrap();
        assert_eq!(read(pid, 4096, &mut [0; 4]), Err(Errno::SRCH));
    }
}
