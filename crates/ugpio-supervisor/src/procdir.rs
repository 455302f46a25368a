//! Kept directories of `/proc/TID`: what a descriptor or the working directory of a thread is, in one system call.
//!
//! The handlers ask [`ProcDirs`] for the identity of the object behind a descriptor at the moment of the call, never
//! by bookkeeping of numbers. A kept directory is self-validating: it belongs to one task for ever and answers
//! `ESRCH` once that task is gone, upon which a new one is opened for the thread id's new owner.

pub(crate) mod images;

use core::ffi::CStr;
use std::collections::HashSet;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Statx, StatxFlags};
use rustix::io::Errno;
use rustix::process::Pid;

pub(crate) use self::images::Images;
use crate::life;

/// How many directories are kept.
const KEPT: usize = 64;
/// The longest text of a link: `PATH_MAX`, the longest the kernel gives.
const LINK_MAX: usize = 4096;

/// What is behind a descriptor.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Object {
    /// A pipe, by its inode number.
    Pipe(u64),
    /// A socket, by its inode number.
    Socket(u64),
    /// The file of a v1 line handle, by its number.
    Handle(u64),
    /// Anything else; ask for its path.
    Other,
}

/// An LRU of directories of `/proc/TID`, shared by the dispatcher threads.
#[derive(Debug, Default)]
pub struct ProcDirs {
    // Most recently used last.
    kept: Mutex<Vec<(Pid, OwnedFd)>>,
    pub(crate) images: Mutex<Images>,
    own_root: OnceLock<Option<RootIdentity>>,
    /// Whether a thread may have changed its root.
    has_rerooted: AtomicBool,
}

/// What tells one root from another: the mount, the file system, the file.
type RootIdentity = (u64, u32, u32, u64);

const ROOT_MASK: StatxFlags = StatxFlags::MNT_ID.union(StatxFlags::INO);

fn root_identity(found: &Statx) -> RootIdentity {
    let (major, minor) = (found.stx_dev_major, found.stx_dev_minor);
    (found.stx_mnt_id, major, minor, found.stx_ino)
}

impl ProcDirs {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What descriptor `fd` of thread `tid` is.
    ///
    /// # Errors
    ///
    /// `EBADF`: no such descriptor. `ESRCH`: no such thread. `EACCES`: not ours to look at.
    pub(crate) fn object(&self, tid: Pid, fd: i32) -> Result<Object, Errno> {
        let mut buf = [0; 64];
        let text = self.readlink(tid, LinkName::fd(fd)?.as_cstr(), &mut buf)?;
        Ok(Object::parse(text))
    }

    /// The path behind descriptor `fd` of thread `tid`, as `/proc` shows it: `/dev/null`, `pipe:[12]`, and with
    /// ` (deleted)` behind it where the name is gone.
    ///
    /// # Errors
    ///
    /// As [`object`](Self::object).
    pub(crate) fn fd_link(&self, tid: Pid, fd: i32) -> Result<Vec<u8>, Errno> {
        self.link(tid, LinkName::fd(fd)?.as_cstr())
    }

    /// What descriptor `fd` of thread `tid` was opened for: 0400 for reading, 0200 for writing.
    ///
    /// # Errors
    ///
    /// As [`object`](Self::object).
    // KERNEL: fs/proc/fd.c tid_fd_update_inode (v6.12): the mode of the link says so
    pub(crate) fn fd_mode(&self, tid: Pid, fd: i32) -> Result<u32, Errno> {
        let name = LinkName::fd(fd)?;
        let look =
            |dir: &OwnedFd| rustix::fs::statat(dir, name.as_cstr(), AtFlags::SYMLINK_NOFOLLOW);
        Ok(self.with(tid, look)?.st_mode)
    }

    /// Opens the file behind descriptor `fd` of thread `tid` once more; close-on-exec is added.
    ///
    /// # Errors
    ///
    /// As `openat`, and `ESRCH`: no such thread.
    pub(crate) fn reopen(&self, tid: Pid, fd: i32, flags: OFlags) -> Result<OwnedFd, Errno> {
        self.open(tid, LinkName::fd(fd)?.as_cstr(), flags)
    }

    /// The working directory of thread `tid`.
    ///
    /// # Errors
    ///
    /// `ESRCH`: no such thread. `EACCES`: not ours to look at.
    pub fn cwd(&self, tid: Pid) -> Result<Vec<u8>, Errno> {
        self.link(tid, c"cwd")
    }

    /// The root directory of thread `tid`.
    ///
    /// # Errors
    ///
    /// As [`cwd`](Self::cwd).
    pub fn root(&self, tid: Pid) -> Result<Vec<u8>, Errno> {
        self.link(tid, c"root")
    }

    /// The text of the thread's `status`.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn status(&self, tid: Pid) -> Result<String, Errno> {
        self.text(tid, c"status")
    }

    /// Whether the thread's root is ours, with our mounts. A thread of which that cannot be known counts as one.
    pub(crate) fn has_our_root(&self, tid: Pid) -> bool {
        if self.has_rerooted.load(Ordering::SeqCst) {
            return self.finds_our_root(tid);
        }
        life::has_known_root(tid, || self.finds_our_root(tid))
    }

    /// A thread is about to get another root, or other mounts, and so are those that share them. Threads begin with
    /// those of who made them, or with mounts of their own (`clone`), which is seen when they are looked at first.
    pub(crate) fn change_roots(&self) {
        self.has_rerooted.store(true, Ordering::SeqCst);
    }

    fn finds_our_root(&self, tid: Pid) -> bool {
        let look = |dir: &OwnedFd| rustix::fs::statx(dir, c"root", AtFlags::empty(), ROOT_MASK);
        let own = self.own_root.get_or_init(|| {
            let found = rustix::fs::statx(CWD, c"/", AtFlags::empty(), ROOT_MASK);
            found.ok().map(|found| root_identity(&found))
        });
        self.with(tid, look)
            .map_or(true, |found| Some(root_identity(&found)) == *own)
    }

    /// Whether the thread's user ids mean what ours do.
    pub(crate) fn has_our_user_namespace(&self, tid: Pid) -> bool {
        let own = rustix::fs::readlink(c"/proc/self/ns/user", Vec::new());
        own.is_ok_and(|own| self.link(tid, c"ns/user").as_deref() == Ok(own.as_bytes()))
    }

    /// Opens a file of the thread's directory, such as `status` or `cwd`; close-on-exec is added.
    ///
    /// # Errors
    ///
    /// As `openat`, and `ESRCH`: no such thread.
    pub fn open(&self, tid: Pid, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
        self.with(tid, |dir| {
            rustix::fs::openat(dir, name, flags | OFlags::CLOEXEC, Mode::empty())
        })
    }

    /// The first thread of the process that thread `tid` belongs to, by which the process is named.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn first_thread(&self, tid: Pid) -> Result<Pid, Errno> {
        let text = self.status(tid)?;
        let number = text.lines().find_map(|row| row.strip_prefix("Tgid:\t"));
        let first = number.and_then(|number| Pid::from_raw(number.parse().ok()?));
        first.ok_or(Errno::IO)
    }

    /// The status flags of what is behind a descriptor, close-on-exec left out.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn status_flags(&self, tid: Pid, fd: i32) -> Result<u32, Errno> {
        let name = std::ffi::CString::new(format!("fdinfo/{fd}")).map_err(|_| Errno::INVAL)?;
        let text = self.text(tid, &name)?;
        let row = text.lines().find_map(|row| row.strip_prefix("flags:\t"));
        let flags = row.and_then(|row| u32::from_str_radix(row, 8).ok());
        Ok(flags.ok_or(Errno::IO)? & !OFlags::CLOEXEC.bits())
    }

    /// All of a file of the thread's directory.
    fn text(&self, tid: Pid, name: &CStr) -> Result<String, Errno> {
        let mut text = String::new();
        let mut file = std::fs::File::from(self.open(tid, name, OFlags::RDONLY)?);
        let read = file.read_to_string(&mut text);
        read.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        Ok(text)
    }

    fn link(&self, tid: Pid, name: &CStr) -> Result<Vec<u8>, Errno> {
        let mut buf = [0; LINK_MAX];
        Ok(self.readlink(tid, name, &mut buf)?.to_vec())
    }

    fn readlink<'b>(&self, tid: Pid, name: &CStr, buf: &'b mut [u8]) -> Result<&'b [u8], Errno> {
        let len = match self.with(tid, |dir| rustix::fs::readlinkat_raw(dir, name, &mut *buf)) {
            // The directory is there, so it is the descriptor that is not.
            Err(Errno::NOENT) => return Err(Errno::BADF),
            len => len?,
        };
        Ok(&buf[..len])
    }

    /// Runs `look` on the thread's directory, and once more on a new one if the kept one belongs to a dead thread.
    fn with<T>(
        &self,
        tid: Pid,
        mut look: impl FnMut(&OwnedFd) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        #[cfg(fuzzing)]
        let tid = crate::fuzz::number(tid)?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().rposition(|entry| entry.0 == tid) {
            match look(&kept[at].1) {
                Err(Errno::SRCH) => drop(kept.remove(at)),
                done => {
                    if at + 1 != kept.len() {
                        kept[at..].rotate_left(1);
                    }
                    return done;
                }
            }
        }
        let dir = open_dir(tid)?;
        let done = look(&dir);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((tid, dir));
        done
    }

    /// Gives up all kept directories.
    pub fn clear(&self) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// A thread, by its directory of `/proc`: never another one that has its number later. Every kernel has these of every
/// thread, unlike descriptors of threads.
#[derive(Debug)]
pub(crate) struct ThisThread {
    dir: OwnedFd,
    #[cfg(fuzzing)]
    generation: u32,
}

impl ThisThread {
    /// The thread that has this number now.
    ///
    /// # Errors
    ///
    /// `ESRCH`: none has. What opening a directory reports.
    pub(crate) fn of(tid: Pid) -> Result<Self, Errno> {
        Ok(Self {
            dir: open_dir(tid)?,
            #[cfg(fuzzing)]
            generation: crate::fuzz::generation(),
        })
    }

    /// Whether it is there still, if only to be waited for.
    pub(crate) fn is_there(&self) -> bool {
        #[cfg(fuzzing)]
        if self.generation != crate::fuzz::generation() {
            return false;
        }
        rustix::fs::statat(&self.dir, c"stat", AtFlags::empty()).is_ok()
    }
}

fn open_dir(tid: Pid) -> Result<OwnedFd, Errno> {
    let path = format!("/proc/{}", tid.as_raw_nonzero());
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
        Err(Errno::NOENT) => Err(Errno::SRCH),
        dir => dir,
    }
}

/// `fd/N` without an allocation.
struct LinkName {
    text: [u8; 16],
}

impl LinkName {
    fn fd(fd: i32) -> Result<Self, Errno> {
        let mut number = u32::try_from(fd).map_err(|_| Errno::BADF)?;
        let (mut digits, mut count) = ([0; 10], 0);
        loop {
            digits[count] = b'0' + u8::try_from(number % 10).map_err(|_| Errno::BADF)?;
            count += 1;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        let mut text = [0; 16];
        text[..3].copy_from_slice(b"fd/");
        for (at, &digit) in digits[..count].iter().rev().enumerate() {
            text[3 + at] = digit;
        }
        Ok(Self { text })
    }

    fn as_cstr(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.text).unwrap_or_default()
    }
}

/// The number of a handle, out of the name that `files::handles` gives it.
fn handle(link: &[u8]) -> Option<u64> {
    let number = link
        .strip_prefix(b"/memfd:gpio-linehandle:")?
        .strip_suffix(b" (deleted)")?;
    core::str::from_utf8(number).ok()?.parse().ok()
}

/// The inodes of all sockets that processes other than this one have open, as far as they can be
/// looked at: programs of a run can.
pub(crate) fn sockets_of_others() -> HashSet<u64> {
    let own = std::process::id().to_string();
    let is_other = |name: &str| name != own && name.bytes().all(|byte| byte.is_ascii_digit());
    let mut found = HashSet::new();
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return found;
    };
    for process in processes.filter_map(Result::ok) {
        if !process.file_name().to_str().is_some_and(is_other) {
            continue;
        }
        let Ok(open) = std::fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        for fd in open.filter_map(Result::ok) {
            let link = std::fs::read_link(fd.path()).unwrap_or_default();
            if let Object::Socket(inode) = Object::parse(link.as_os_str().as_encoded_bytes()) {
                found.insert(inode);
            }
        }
    }
    found
}

impl Object {
    /// Reads `pipe:[123]` and `socket:[123]`.
    pub(crate) fn parse(link: &[u8]) -> Self {
        let number = |rest: &[u8]| {
            core::str::from_utf8(rest.strip_suffix(b"]")?)
                .ok()?
                .parse()
                .ok()
        };
        let pipe = link
            .strip_prefix(b"pipe:[")
            .and_then(number)
            .map(Object::Pipe);
        let socket = || {
            link.strip_prefix(b"socket:[")
                .and_then(number)
                .map(Object::Socket)
        };
        let handle = || handle(link).map(Object::Handle);
        pipe.or_else(socket)
            .or_else(handle)
            .unwrap_or(Object::Other)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::process::{Command, Stdio};

    use rustix::process::getpid;

    use super::*;

    #[test]
    fn names_are_written_as_the_kernel_reads_them() {
        for (fd, name) in [
            (0, c"fd/0"),
            (7, c"fd/7"),
            (10, c"fd/10"),
            (1023, c"fd/1023"),
            (i32::MAX, c"fd/2147483647"),
        ] {
            assert_eq!(LinkName::fd(fd).unwrap().as_cstr(), name);
        }
        assert!(LinkName::fd(-1).is_err());
    }

    #[test]
    fn links_are_parsed_strictly() {
        assert_eq!(Object::parse(b"pipe:[123]"), Object::Pipe(123));
        assert_eq!(
            Object::parse(b"socket:[18446744073709551615]"),
            Object::Socket(u64::MAX)
        );
        for other in [
            &b"/dev/null"[..],
            b"pipe:[",
            b"pipe:[]",
            b"pipe:[-1]",
            b"pipe:[12",
            b"anon_inode:[eventfd]",
        ] {
            assert_eq!(Object::parse(other), Object::Other);
        }
    }

    #[test]
    fn tells_what_a_descriptor_is() {
        let dirs = ProcDirs::new();
        let (reader, writer) = std::io::pipe().unwrap();
        let object = dirs.object(getpid(), reader.as_raw_fd()).unwrap();
        assert!(matches!(object, Object::Pipe(_)));
        assert_eq!(dirs.object(getpid(), writer.as_raw_fd()).unwrap(), object);
        let (socket, _peer) = UnixStream::pair().unwrap();
        assert!(matches!(
            dirs.object(getpid(), socket.as_raw_fd()).unwrap(),
            Object::Socket(_)
        ));
        let null = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(
            dirs.object(getpid(), null.as_raw_fd()).unwrap(),
            Object::Other
        );
        assert_eq!(
            dirs.fd_link(getpid(), null.as_raw_fd()).unwrap(),
            b"/dev/null"
        );
        assert_eq!(dirs.object(getpid(), i32::MAX), Err(Errno::BADF));
        assert_eq!(dirs.object(getpid(), -1), Err(Errno::BADF));
    }

    #[test]
    fn flags_are_those_of_the_description() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let dirs = ProcDirs::new();
        let flags = || dirs.status_flags(getpid(), reader.as_raw_fd()).unwrap();
        assert_eq!(flags(), 0);
        rustix::io::ioctl_fionbio(&reader, true).unwrap();
        assert_eq!(flags(), OFlags::NONBLOCK.bits());
        assert!(dirs.status_flags(getpid(), i32::MAX).is_err());
    }

    #[test]
    fn follows_threads_that_come_and_go() {
        let dirs = ProcDirs::new();
        let mut child = Command::new("cat")
            .current_dir("/")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&child);
        assert_eq!(dirs.cwd(pid).unwrap(), b"/");
        assert_eq!(dirs.root(pid).unwrap(), b"/");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(dirs.cwd(pid), Err(Errno::SRCH));
        assert!(dirs.cwd(getpid()).is_ok());
    }

    #[test]
    fn keeps_a_bounded_number() {
        let dirs = ProcDirs::new();
        let mut children: Vec<_> = (0..KEPT + 6)
            .map(|_| {
                Command::new("cat")
                    .stdin(Stdio::piped())
                    .stdout(Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for child in &children {
            assert!(dirs.cwd(Pid::from_child(child)).is_ok());
        }
        assert_eq!(dirs.kept.lock().unwrap().len(), KEPT);
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
