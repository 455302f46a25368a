//! A thread of the program that waits in a call: its memory, and what its descriptors and directories are.
//!
//! [`Thread`] is the one road there. Everything that is found by the thread's number is confirmed afterwards: while
//! the call still waits, the number has meant this thread all the time, and its image has not been replaced. What is
//! written goes through an [`Image`], which cannot come to mean another process. [`Images`](crate::procdir::images::Images) keeps those.
//!
//! A kept image is right for the next call of the same number if the thread is the same, which a descriptor of the
//! thread tells, and if it has not replaced its image, which it cannot do unseen: the filter traps `execve`, and
//! [`ProcDirs::replaced`] forgets everything before the kernel may go on. A thread that is not the first of its process
//! takes over the number of the first with its new image; images of such a number are not kept any more.

use core::cell::OnceCell;
use core::ffi::CStr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::Pid;

use crate::outcome::Call;
use crate::procdir::{Object, ProcDirs};
use crate::sys::image::Image;
use crate::sys::remote;
use crate::sys::seccomp::{Listener, Wait};

/// A thread that waits in a call.
#[derive(Debug)]
pub(crate) struct Thread<'a> {
    listener: &'a Listener,
    id: u64,
    tid: Pid,
    dirs: &'a ProcDirs,
    /// Its image, once something was written or a kept one was found right.
    image: OnceCell<Arc<Image>>,
}

impl<'a> Thread<'a> {
    /// The thread that made `call`, which came from `listener`.
    pub(crate) fn new(listener: &'a Listener, dirs: &'a ProcDirs, call: &Call) -> Self {
        Self {
            listener,
            id: call.id,
            tid: call.tid,
            dirs,
            image: OnceCell::new(),
        }
    }

    /// Where its call came from.
    pub(crate) fn listener(&self) -> &'a Listener {
        self.listener
    }

    /// The kept directories of `/proc`.
    pub(crate) fn dirs(&self) -> &'a ProcDirs {
        self.dirs
    }

    /// Its number. What is found by it counts only after [`confirm`](Self::confirm).
    pub(crate) fn tid(&self) -> Pid {
        self.tid
    }

    /// Whether all that was found by the thread's number up to now is true of the thread.
    ///
    /// # Errors
    ///
    /// `ESRCH`: the call waits no more, and the number may mean another thread.
    pub(crate) fn confirm(&self) -> Result<(), Errno> {
        // A kept image is looked up each time: that it is kept says that nobody has replaced it since.
        let kept = self.dirs.images().of(self.tid);
        if let Some(image) = kept.filter(|_| self.is_killable()) {
            if image.is_inhabited() {
                let _ = self.image.set(image);
                return Ok(());
            }
            self.dirs.images().forget(self.tid);
        }
        if self.listener.is_valid(self.id) {
            Ok(())
        } else {
            Err(Errno::SRCH)
        }
    }

    /// Whether the thread waits for our answer as long as it lives.
    fn is_killable(&self) -> bool {
        self.listener.wait() == Wait::Killable
    }

    /// Gives what was found by the thread's number if it is true of the thread.
    pub(crate) fn confirmed<T>(&self, found: Result<T, Errno>) -> Result<T, Errno> {
        self.confirm().and(found)
    }

    /// Fills `buf` from `addr`, or fails.
    ///
    /// # Errors
    ///
    /// `EFAULT`: some byte is not readable. `ESRCH`: the thread is gone. `EPERM`: it is not ours to read.
    pub(crate) fn read(&self, addr: u64, buf: &mut [u8]) -> Result<(), Errno> {
        self.confirmed(remote::read_exact(self.tid, addr, buf))
    }

    /// Reads a string that ends in NUL, without the NUL.
    ///
    /// # Errors
    ///
    /// `ENAMETOOLONG`: no NUL within `max` bytes. Else as [`read`](Self::read).
    pub(crate) fn read_cstr(&self, addr: u64, max: usize) -> Result<Vec<u8>, Errno> {
        self.confirmed(remote::read_cstr(self.tid, addr, max))
    }

    /// As [`read_cstr`](Self::read_cstr), for who [confirms](Self::confirm) it before anything comes of it.
    pub(crate) fn read_cstr_unconfirmed(&self, addr: u64, max: usize) -> Result<Vec<u8>, Errno> {
        remote::read_cstr(self.tid, addr, max)
    }

    /// Writes all of `data` at `addr`, or fails; a part of it may have arrived then, as in the kernel.
    ///
    /// # Errors
    ///
    /// `EFAULT`: some byte is not writable. Else as [`read`](Self::read).
    pub(crate) fn write(&self, addr: u64, data: &[u8]) -> Result<(), Errno> {
        if data.is_empty() {
            return Ok(());
        }
        self.image()?.write_all(addr, data)
    }

    /// The image that made the call.
    ///
    /// # Errors
    ///
    /// `ESRCH`: the thread is gone. `EPERM`, `EACCES`: it is not ours to write to. What opening files reports.
    pub(crate) fn image(&self) -> Result<&Arc<Image>, Errno> {
        // DIFFERS: before Linux 5.19 a signal may end the call between this and the write.
        if !self.is_killable() || self.image.get().is_none() {
            self.confirm()?;
        }
        if let Some(image) = self.image.get() {
            return Ok(image);
        }
        let before = self.dirs.images().replacements;
        let open = |name, flags| self.dirs.open(self.tid, name, flags);
        let (mem, maps) = (open(c"mem", OFlags::RDWR)?, open(c"maps", OFlags::RDONLY)?);
        let image = Arc::new(Image::new(self.tid, mem, maps));
        // Opened by its number: it is the caller's if the call still waits now.
        if !self.listener.is_valid(self.id) {
            return Err(Errno::SRCH);
        }
        self.dirs.images().keep(self.tid, &image, before);
        Ok(self.image.get_or_init(|| image))
    }

    /// What a descriptor is, as `/proc` shows it.
    pub(crate) fn fd_link(&self, fd: i32) -> Result<Vec<u8>, Errno> {
        self.confirmed(self.dirs.fd_link(self.tid, fd))
    }

    /// As [`fd_link`](Self::fd_link), or the working directory for `AT_FDCWD`, for who [confirms](Self::confirm) it
    /// before anything comes of it.
    pub(crate) fn link_unconfirmed(&self, fd: i32) -> Result<Vec<u8>, Errno> {
        match fd {
            libc::AT_FDCWD => self.dirs.cwd(self.tid),
            fd => self.dirs.fd_link(self.tid, fd),
        }
    }

    /// What a descriptor is.
    pub(crate) fn object(&self, fd: i32) -> Result<Object, Errno> {
        self.confirmed(self.dirs.object(self.tid, fd))
    }

    /// What a descriptor was opened for: 0400 for reading, 0200 for writing.
    pub(crate) fn fd_mode(&self, fd: i32) -> Result<u32, Errno> {
        self.confirmed(self.dirs.fd_mode(self.tid, fd))
    }

    /// The file behind a descriptor, opened anew.
    pub(crate) fn reopen(&self, fd: i32, flags: OFlags) -> Result<OwnedFd, Errno> {
        self.confirmed(self.dirs.reopen(self.tid, fd, flags))
    }

    /// The status flags of what is behind a descriptor, close-on-exec left out.
    pub(crate) fn status_flags(&self, fd: i32) -> Result<u32, Errno> {
        self.confirmed(self.dirs.status_flags(self.tid, fd))
    }

    /// A file of the thread's directory in `/proc`.
    pub(crate) fn open(&self, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
        self.confirmed(self.dirs.open(self.tid, name, flags))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::process::{Child, Command, Stdio};

    use super::*;
    use crate::procdir::images::KEPT;

    fn cat() -> (Child, Pid, Arc<Image>) {
        let child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let path = |name| format!("/proc/{}/{name}", pid.as_raw_nonzero());
        let mut writing = OpenOptions::new();
        let mem = writing.read(true).write(true).open(path("mem")).unwrap();
        let maps = File::open(path("maps")).unwrap();
        let image = Arc::new(Image::new(pid, mem.into(), maps.into()));
        (child, pid, image)
    }

    #[test]
    fn images_are_kept_until_somebody_replaces_one() {
        let dirs = ProcDirs::new();
        let (mut child, pid, image) = cat();
        let before = dirs.images().replacements;
        dirs.images().keep(pid, &image, before);
        assert!(dirs.images().of(pid).is_some());
        dirs.replaced(pid);
        assert!(dirs.images().of(pid).is_none());
        // Opened before, so it may be the image before.
        dirs.images().keep(pid, &image, before);
        assert!(dirs.images().of(pid).is_none());
        let before = dirs.images().replacements;
        dirs.images().keep(pid, &image, before);
        assert!(dirs.images().of(pid).is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        dirs.images().forget(pid);
        dirs.images().keep(pid, &image, before);
        assert!(dirs.images().of(pid).is_none(), "its thread is gone");
    }

    #[test]
    fn images_of_the_dead_are_dropped_one_by_one() {
        let dirs = ProcDirs::new();
        let (mut living, pid, image) = cat();
        dirs.images().keep(pid, &image, 0);
        for _ in 0..3 {
            let (mut child, pid, image) = cat();
            dirs.images().keep(pid, &image, 0);
            child.kill().unwrap();
            child.wait().unwrap();
        }
        for _ in 0..6 {
            dirs.images().tidy();
        }
        let kept: Vec<Pid> = dirs.images().kept.iter().map(|(tid, _)| *tid).collect();
        assert_eq!(kept, [pid]);
        living.kill().unwrap();
        living.wait().unwrap();
        dirs.images().tidy();
        assert!(dirs.images().kept.is_empty());
    }

    /// Whoever is not the first thread of its process takes over the first one's number.
    #[test]
    fn the_number_that_is_taken_over_is_kept_no_more() {
        let dirs = ProcDirs::new();
        let own = rustix::process::getpid();
        let other = std::thread::spawn(rustix::thread::gettid);
        let (tell, told) = std::sync::mpsc::channel();
        let (end, ends) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            tell.send(rustix::thread::gettid()).unwrap();
            let _ = ends.recv();
        });
        dirs.replaced(told.recv().unwrap());
        let (mut child, pid, image) = cat();
        let before = dirs.images().replacements;
        dirs.images().keep(own, &image, before);
        assert!(dirs.images().of(own).is_none());
        dirs.images().keep(pid, &image, before);
        assert!(dirs.images().of(pid).is_some(), "another process's are");
        dirs.replaced(other.join().unwrap());
        let before = dirs.images().replacements;
        dirs.images().keep(pid, &image, before);
        assert!(dirs.images().of(pid).is_some(), "the dead replace nothing");
        drop(end);
        thread.join().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_bounded_number_is_kept() {
        let dirs = ProcDirs::new();
        let (mut child, pid, image) = cat();
        for number in 1..=2 * i32::try_from(KEPT).unwrap() {
            let number = Pid::from_raw(pid.as_raw_nonzero().get() + number).unwrap();
            dirs.images().keep(number, &image, 0);
        }
        assert_eq!(dirs.images().kept.len(), KEPT);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
