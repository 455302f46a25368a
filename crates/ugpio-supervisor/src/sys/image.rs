//! The memory of one image of a process, by a handle that can never come to mean another.
//!
//! `process_vm_writev` finds its target by number at the moment it runs: a process that was killed, or replaced its
//! image, may have passed that number on. `/proc/TID/mem` is bound to the memory it was opened on for ever. What it
//! lacks is the page protection, which writes through it override; the mapping is asked for that first. `thread`
//! opens and keeps these.
#![expect(
    unsafe_code,
    reason = "the query of a mapping is an ioctl without a safe wrapper"
)]

use core::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;
use rustix::process::Pid;

use super::check;
use crate::life::Life;

/// `PROCMAP_QUERY` of `<linux/fs.h>` (6.11): `_IOWR('f', 17, struct procmap_query)`.
const PROCMAP_QUERY: u32 = 0xc068_6611;
/// `PROCMAP_QUERY_VMA_WRITABLE`, in the answer.
const WRITABLE: u64 = 2;
/// How many mappings are remembered where asking for one is dear.
const RANGES: usize = 8;

/// `struct procmap_query`.
#[repr(C)]
#[derive(Default)]
struct Query {
    size: u64,
    flags: u64,
    addr: u64,
    start: u64,
    end: u64,
    vma_flags: u64,
    page_size: u64,
    offset: u64,
    inode: u64,
    device: [u32; 2],
    name_size: u32,
    build_id_size: u32,
    name_addr: u64,
    build_id_addr: u64,
}

const _: () = assert!(size_of::<Query>() == 0x68);

/// Whether the kernel was found not to know [`PROCMAP_QUERY`].
static IS_OLD: AtomicBool = AtomicBool::new(false);

/// The memory of one image.
#[derive(Debug)]
pub(crate) struct Image {
    mem: OwnedFd,
    maps: OwnedFd,
    /// The thread through which it was opened; `None` if this kernel has no such descriptor of it.
    thread: Option<Life>,
    /// Mappings found writable, on an old kernel.
    writable: Mutex<Vec<Range<u64>>>,
}

impl Image {
    /// The image behind these two files of `/proc/TID`, opened for reading and writing and for reading.
    pub(crate) fn new(tid: Pid, mem: OwnedFd, maps: OwnedFd) -> Self {
        Self {
            mem,
            maps,
            thread: Life::of(tid),
            writable: Mutex::default(),
        }
    }

    /// Whether the thread through which this was opened is known to be there still.
    pub(crate) fn is_inhabited(&self) -> bool {
        self.thread.as_ref().is_some_and(Life::goes_on)
    }

    /// Writes `data` and says how much of it arrived: less than all if the rest is not writable.
    ///
    /// # Errors
    ///
    /// `EFAULT`: not even the first byte is writable. `ESRCH`: this image has no user any more.
    pub(crate) fn write(&self, addr: u64, data: &[u8]) -> Result<usize, Errno> {
        let len = u64::try_from(data.len()).map_err(|_| Errno::FAULT)?;
        addr.checked_add(len).ok_or(Errno::FAULT)?;
        let mut done = 0;
        while done < data.len() {
            match self.write_once(addr + done as u64, &data[done..]) {
                Ok(count) => done += count,
                Err(Errno::INTR) => {}
                Err(_) if done > 0 => break,
                Err(errno) => return Err(errno),
            }
        }
        Ok(done)
    }

    /// Writes all of `data`, or fails; a part of it may have arrived then, as in the kernel.
    ///
    /// # Errors
    ///
    /// `EFAULT`: some byte is not writable. Else as [`write`](Self::write).
    pub(crate) fn write_all(&self, addr: u64, data: &[u8]) -> Result<(), Errno> {
        if self.write(addr, data)? == data.len() {
            Ok(())
        } else {
            Err(Errno::FAULT)
        }
    }

    /// Writes as much as one mapping takes.
    fn write_once(&self, addr: u64, data: &[u8]) -> Result<usize, Errno> {
        #[cfg(fuzzing)]
        if !crate::fuzz::is_there() {
            return Err(Errno::SRCH);
        }
        let mapping = self.writable_at(addr)?;
        let room = usize::try_from(mapping.end - addr).unwrap_or(usize::MAX);
        let part = &data[..room.min(data.len())];
        match rustix::io::pwrite(&self.mem, part, addr) {
            // KERNEL: fs/proc/base.c mem_rw (6.12): nothing once the last user of the memory is gone
            Ok(0) => Err(Errno::SRCH),
            Err(Errno::IO) => Err(Errno::FAULT),
            done => done,
        }
    }

    /// The mapping at `addr`, which can be written.
    fn writable_at(&self, addr: u64) -> Result<Range<u64>, Errno> {
        if IS_OLD.load(Ordering::Relaxed) {
            return self.read_writable_at(addr);
        }
        match self.query(addr) {
            Ok((mapping, flags)) if flags & WRITABLE != 0 => Ok(mapping),
            Ok(_) | Err(Errno::NOENT) => Err(Errno::FAULT),
            Err(Errno::NOTTY) => {
                IS_OLD.store(true, Ordering::Relaxed);
                self.read_writable_at(addr)
            }
            Err(errno) => Err(errno),
        }
    }

    fn query(&self, addr: u64) -> Result<(Range<u64>, u64), Errno> {
        let mut query = Query {
            size: size_of::<Query>() as u64,
            addr,
            ..Query::default()
        };
        // SAFETY: the kernel reads and writes one `procmap_query`, a live local of the size that it tells; no name
        // and no build id are asked for, so no pointer in it is followed.
        let asked = unsafe {
            libc::ioctl(
                self.maps.as_raw_fd(),
                libc::Ioctl::from(PROCMAP_QUERY),
                &raw mut query,
            )
        };
        check(asked)?;
        Ok((query.start..query.end, query.vma_flags))
    }

    /// The same from the text of all mappings. It takes long, so what was found writable is taken to stay so.
    // DIFFERS: before Linux 6.11, a page that was answered to and made read-only since is written to.
    fn read_writable_at(&self, addr: u64) -> Result<Range<u64>, Errno> {
        let mut known = self
            .writable
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(range) = known.iter().find(|range| range.contains(&addr)) {
            return Ok(range.clone());
        }
        let mut text = Vec::new();
        let mut chunk = [0; 4096];
        loop {
            match rustix::io::pread(&self.maps, &mut chunk, text.len() as u64)? {
                0 => break,
                count => text.extend_from_slice(&chunk[..count]),
            }
        }
        let mut rows = text.split(|&byte| byte == b'\n').filter_map(mapping);
        let found = rows.find(|(range, is_writable)| range.contains(&addr) && *is_writable);
        let (range, _) = found.ok_or(Errno::FAULT)?;
        if known.len() == RANGES {
            known.remove(0);
        }
        known.push(range.clone());
        Ok(range)
    }
}

/// The range of a row of `/proc/PID/maps`, and whether it can be written.
fn mapping(row: &[u8]) -> Option<(Range<u64>, bool)> {
    let row = core::str::from_utf8(row.get(..row.len().min(64))?).ok();
    let row = row?;
    let (range, rest) = row.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |hex| u64::from_str_radix(hex, 16).ok();
    let is_writable = rest.as_bytes().get(1) == Some(&b'w');
    Some((number(start)?..number(end)?, is_writable))
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};

    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};
    use rustix::process::getpid;

    use super::*;

    const PAGE: usize = 4096;

    fn of(pid: Pid) -> Image {
        let path = |name| format!("/proc/{}/{name}", pid.as_raw_nonzero());
        let mut writing = OpenOptions::new();
        let mem = writing.read(true).write(true).open(path("mem")).unwrap();
        let maps = File::open(path("maps")).unwrap();
        Image::new(pid, mem.into(), maps.into())
    }

    /// Two pages, of which only the first can be written.
    fn half_writable() -> (u64, *mut core::ffi::c_void) {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        let null = core::ptr::null_mut();
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice, leaked on purpose.
        let base = unsafe { rustix::mm::mmap_anonymous(null, 2 * PAGE, prot, MapFlags::PRIVATE) };
        let base = base.unwrap();
        protect(base.wrapping_byte_add(PAGE), MprotectFlags::READ);
        (base.addr() as u64, base)
    }

    fn protect(page: *mut core::ffi::c_void, flags: MprotectFlags) {
        // SAFETY: a page of a mapping made here, to which nothing refers.
        unsafe { rustix::mm::mprotect(page, PAGE, flags) }.unwrap();
    }

    fn read(addr: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        crate::sys::remote::read_exact(getpid(), addr, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn writes_stop_where_the_program_could_not_write_itself() {
        let image = of(getpid());
        let (base, page) = half_writable();
        let end = base + PAGE as u64;
        assert_eq!(image.write(base, b"hello"), Ok(5));
        assert_eq!(read(base, 5), b"hello");
        assert_eq!(image.write(end - 2, b"hello"), Ok(2));
        assert_eq!(image.write_all(end - 2, b"hello"), Err(Errno::FAULT));
        assert_eq!(image.write(end, b"hello"), Err(Errno::FAULT));
        assert_eq!(read(end, 5), [0; 5]);
        protect(page, MprotectFlags::READ);
        if !IS_OLD.load(Ordering::Relaxed) {
            assert_eq!(image.write(base, b"later"), Err(Errno::FAULT));
            assert_eq!(read(base, 5), b"hello");
        }
    }

    #[test]
    fn writes_cross_mappings() {
        let image = of(getpid());
        let (base, page) = half_writable();
        protect(
            page.wrapping_byte_add(PAGE),
            MprotectFlags::READ | MprotectFlags::WRITE,
        );
        // Another name keeps the kernel from making one mapping of both.
        protect(
            page,
            MprotectFlags::READ | MprotectFlags::WRITE | MprotectFlags::EXEC,
        );
        let border = base + PAGE as u64 - 3;
        assert_eq!(image.write(border, b"across"), Ok(6));
        assert_eq!(read(border, 6), b"across");
    }

    #[test]
    fn pointers_to_nowhere_are_efault() {
        let image = of(getpid());
        for addr in [
            0,
            1,
            4095,
            u64::MAX,
            u64::MAX - 15,
            1 << 63,
            0xffff_8000_0000_0000,
        ] {
            assert_eq!(image.write(addr, &[0; 16]), Err(Errno::FAULT), "{addr:#x}");
        }
    }

    #[test]
    fn mappings_are_found_in_the_text_too() {
        let image = of(getpid());
        let (base, _) = half_writable();
        for _ in 0..2 {
            assert!(image.read_writable_at(base).unwrap().contains(&base));
        }
        let second = base + PAGE as u64;
        assert_eq!(image.read_writable_at(second), Err(Errno::FAULT));
        assert_eq!(image.read_writable_at(0), Err(Errno::FAULT));
    }

    #[test]
    fn an_image_without_users_takes_nothing() {
        let mut child = std::process::Command::new("cat");
        let mut child = child.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let image = of(Pid::from_child(&child));
        assert!(image.is_inhabited());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!image.is_inhabited());
        assert_eq!(image.write(PAGE as u64, b"x"), Err(Errno::SRCH));
    }

    #[test]
    fn threads_are_known_to_end() {
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            tell.send(rustix::thread::gettid()).unwrap();
            let _ = ends.recv();
        });
        let image = of(told.recv().unwrap());
        // Where the kernel has no descriptor of a thread, its image is not kept.
        let is_known = image.thread.is_some();
        assert_eq!(image.is_inhabited(), is_known);
        drop(end);
        thread.join().unwrap();
        crate::eventually::eventually("the thread is gone", || !image.is_inhabited());
    }
}
