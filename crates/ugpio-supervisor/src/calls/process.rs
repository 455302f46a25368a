//! What a handler may ask of the program: its memory, and what its descriptors are.
//!
//! [`Process`] is that, [`Thread`] the real one; tests have one of their own. Handlers read each argument once.

use std::os::fd::OwnedFd;

use rustix::{fs::OFlags, io::Errno};

use super::credentials::{Credentials, own_number};
use crate::{
    files::poll::{process_of, shared},
    path::View,
    thread::Thread,
};

/// A program that waits in a call.
pub(super) trait Process {
    /// A string at `addr`, of which at most `max` bytes are read, its NUL included.
    fn read_cstr(&self, addr: u64, max: usize) -> Result<Vec<u8>, Errno>;

    /// Fills `buf` from `addr`.
    fn read(&self, addr: u64, buf: &mut [u8]) -> Result<(), Errno>;

    /// Writes all of `data` at `addr`.
    fn write(&self, addr: u64, data: &[u8]) -> Result<(), Errno>;

    /// A path at `addr`. It is the caller's if [`confirm`](Self::confirm) says so afterwards.
    fn read_path(&self, addr: u64, max: usize) -> Result<Vec<u8>, Errno>;

    /// What a descriptor is, or the working directory for `AT_FDCWD`, as `/proc` shows it. As
    /// [`read_path`](Self::read_path), it is to be confirmed.
    fn link(&self, fd: i32) -> Result<Vec<u8>, Errno>;

    /// Whether what was found up to now is the caller's.
    fn confirm(&self) -> Result<(), Errno>;

    /// Where we find the directory behind a descriptor, or the working directory, whatever has its path now.
    fn place(&self, dirfd: i32) -> Option<Vec<u8>>;

    /// What a descriptor is, as `/proc` shows it.
    fn fd_link(&self, fd: i32) -> Result<Vec<u8>, Errno>;

    /// What a descriptor was opened for: 0400 for reading, 0200 for writing.
    fn fd_mode(&self, fd: i32) -> Result<u32, Errno>;

    /// The file behind a descriptor, opened anew for writing. Only for files of ours.
    fn reopen(&self, fd: i32) -> Result<OwnedFd, Errno>;

    /// Another descriptor of the same open file.
    fn share(&self, fd: i32) -> Result<OwnedFd, Errno>;

    /// Where its names begin, if not where ours do.
    fn view(&self) -> Option<View>;

    /// Who it is, for what it may do with files.
    fn credentials(&self) -> Result<Credentials, Errno>;

    /// Whether a debugger has it.
    fn is_traced(&self) -> bool;
}

impl Process for Thread<'_> {
    fn read_cstr(&self, addr: u64, max: usize) -> Result<Vec<u8>, Errno> {
        Thread::read_cstr(self, addr, max)
    }

    fn read(&self, addr: u64, buf: &mut [u8]) -> Result<(), Errno> {
        Thread::read(self, addr, buf)
    }

    fn write(&self, addr: u64, data: &[u8]) -> Result<(), Errno> {
        Thread::write(self, addr, data)
    }

    fn read_path(&self, addr: u64, max: usize) -> Result<Vec<u8>, Errno> {
        self.read_cstr_unconfirmed(addr, max)
    }

    fn link(&self, fd: i32) -> Result<Vec<u8>, Errno> {
        self.link_unconfirmed(fd)
    }

    fn confirm(&self) -> Result<(), Errno> {
        Thread::confirm(self)
    }

    fn place(&self, dirfd: i32) -> Option<Vec<u8>> {
        let tid = self.tid().as_raw_nonzero();
        Some(match dirfd {
            libc::AT_FDCWD => format!("/proc/{tid}/cwd").into_bytes(),
            fd => format!("/proc/{tid}/fd/{fd}").into_bytes(),
        })
    }

    fn fd_link(&self, fd: i32) -> Result<Vec<u8>, Errno> {
        Thread::fd_link(self, fd)
    }

    fn fd_mode(&self, fd: i32) -> Result<u32, Errno> {
        Thread::fd_mode(self, fd)
    }

    fn reopen(&self, fd: i32) -> Result<OwnedFd, Errno> {
        Thread::reopen(self, fd, OFlags::WRONLY | OFlags::NOCTTY)
    }

    fn share(&self, fd: i32) -> Result<OwnedFd, Errno> {
        let process = process_of(self).ok_or(Errno::SRCH)?;
        self.confirmed(shared(&process, fd))
    }

    fn view(&self) -> Option<View> {
        let (dirs, tid) = (self.dirs(), self.tid());
        if dirs.has_our_root(tid) {
            return None;
        }
        let root = dirs.root(tid).ok()?;
        let status = dirs.status(tid).ok()?;
        Some(View {
            prefix: format!("/proc/{}/root", tid.as_raw_nonzero()).into_bytes(),
            root: if root == b"/" { Vec::new() } else { root },
            tid: own_number(&status)?,
        })
    }

    fn credentials(&self) -> Result<Credentials, Errno> {
        let is_ours = self.dirs().has_our_user_namespace(self.tid());
        let status = self.confirmed(self.dirs().status(self.tid()))?;
        Credentials::parse(&status, is_ours).ok_or(Errno::IO)
    }

    fn is_traced(&self) -> bool {
        let status = self.dirs().status(self.tid()).unwrap_or_default();
        let tracer = status
            .lines()
            .find_map(|row| row.strip_prefix("TracerPid:"));
        tracer.is_some_and(|tracer| tracer.trim() != "0")
    }
}
