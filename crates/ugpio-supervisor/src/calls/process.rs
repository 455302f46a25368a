//! What a handler may ask of the program: its memory, and what its descriptors are.
//!
//! [`Process`] is that, [`Remote`] the real one over `sys::remote` and the kept `/proc` directories;
//! tests have one of their own. Handlers read each argument once.

use std::os::fd::OwnedFd;

use rustix::{
    fs::OFlags,
    io::Errno,
    process::{Pid, PidfdGetfdFlags, pidfd_getfd},
};

use super::credentials::{Credentials, own_number};
use crate::{files::poll::process_of, path::View, procdir::ProcDirs, sys::remote};

/// A program that waits in a call.
pub(super) trait Process {
    /// A string at `addr`, of which at most `max` bytes are read, its NUL included.
    fn read_cstr(&self, addr: u64, max: usize) -> Result<Vec<u8>, Errno>;

    /// Fills `buf` from `addr`.
    fn read(&self, addr: u64, buf: &mut [u8]) -> Result<(), Errno>;

    /// Writes all of `data` at `addr`.
    fn write(&self, addr: u64, data: &[u8]) -> Result<(), Errno>;

    /// The working directory, as `/proc` shows it.
    fn cwd(&self) -> Result<Vec<u8>, Errno>;

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
}

/// A thread of a running program.
pub(super) struct Remote<'a> {
    pub(super) tid: Pid,
    pub(super) dirs: &'a ProcDirs,
}

impl Process for Remote<'_> {
    fn read_cstr(&self, addr: u64, max: usize) -> Result<Vec<u8>, Errno> {
        remote::read_cstr(self.tid, addr, max)
    }

    fn read(&self, addr: u64, buf: &mut [u8]) -> Result<(), Errno> {
        remote::read_exact(self.tid, addr, buf)
    }

    fn write(&self, addr: u64, data: &[u8]) -> Result<(), Errno> {
        // A range that wraps round is none that the kernel would write to.
        let end = u64::try_from(data.len())
            .ok()
            .and_then(|len| addr.checked_add(len));
        end.ok_or(Errno::FAULT)?;
        remote::write_all(self.tid, addr, data)
    }

    fn cwd(&self) -> Result<Vec<u8>, Errno> {
        self.dirs.cwd(self.tid)
    }

    fn fd_link(&self, fd: i32) -> Result<Vec<u8>, Errno> {
        self.dirs.fd_link(self.tid, fd)
    }

    fn fd_mode(&self, fd: i32) -> Result<u32, Errno> {
        self.dirs.fd_mode(self.tid, fd)
    }

    fn reopen(&self, fd: i32) -> Result<OwnedFd, Errno> {
        self.dirs
            .reopen(self.tid, fd, OFlags::WRONLY | OFlags::NOCTTY)
    }

    fn share(&self, fd: i32) -> Result<OwnedFd, Errno> {
        let process = process_of(self.dirs, self.tid).ok_or(Errno::SRCH)?;
        pidfd_getfd(process, fd, PidfdGetfdFlags::empty())
    }

    fn view(&self) -> Option<View> {
        if self.dirs.has_our_root(self.tid) {
            return None;
        }
        let root = self.dirs.root(self.tid).ok()?;
        let status = self.dirs.status(self.tid).ok()?;
        Some(View {
            prefix: format!("/proc/{}/root", self.tid.as_raw_nonzero()).into_bytes(),
            root: if root == b"/" { Vec::new() } else { root },
            tid: own_number(&status)?,
        })
    }

    fn credentials(&self) -> Result<Credentials, Errno> {
        let is_ours = self.dirs.has_our_user_namespace(self.tid);
        Credentials::parse(&self.dirs.status(self.tid)?, is_ours).ok_or(Errno::IO)
    }
}
