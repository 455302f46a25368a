//! Open `value` files: what programs poll for edges.
//!
//! Linux lets a program poll `value` for `POLLPRI|POLLERR`, which stays until the file is read again.
//! No file that may be made without privilege does that, but a datagram socket does: it has an error
//! when its peer turns away with an unread message, and with `SO_SELECT_ERR_QUEUE` the error polls as
//! both. Asking for the error takes it back. Shut down for reading, it is always readable and
//! writable, as a sysfs file is. So poll, select and epoll are native; reads and seeks are trapped by
//! the number of the descriptor, and answered from here (docs/decisions/0004).
//!
//! A descriptor that was moved to another number is not trapped: it reads the text that the value had
//! when it was opened, and then the end of the file.

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::HashMap;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, Shutdown, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType,
    bind, connect, connect_unspec, getsockname, send, shutdown, socketpair, sockopt,
};

use crate::procdir::{Object, sockets_of_others};
use crate::shadow::Shadow;
use crate::sys::socket;

/// How many may be open before those that nobody has any more are looked for.
const SWEEP_AT: usize = 32;

/// The open values of one run.
#[derive(Debug)]
pub(crate) struct OpenValues {
    shadow: Arc<Shadow>,
    /// By the inode of the program's socket.
    table: Mutex<Table>,
    was_opened: AtomicBool,
}

#[derive(Debug)]
struct Table {
    values: HashMap<u64, Arc<OpenValue>>,
    sweep_at: usize,
}

/// What an open `value` can be polled for, besides the end of its line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Polls {
    /// The edges that the line is armed for.
    Edges,
    /// Nothing: the one in a chip's own directory.
    // KERNEL: gpiolib-sysfs.c gpio_sysfs_irq (v6.17)
    Nothing,
}

/// One open `value`.
#[derive(Debug)]
pub(crate) struct OpenValue {
    number: u32,
    is_writable: bool,
    polls: Polls,
    inode: u64,
    /// The program's socket, kept to take its error back.
    theirs: OwnedFd,
    ours: OwnedFd,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The line is not exported any more.
    is_gone: bool,
    position: u64,
    /// What reads that go on give.
    text: Vec<u8>,
}

impl OpenValues {
    pub(crate) fn new(shadow: Arc<Shadow>) -> Self {
        let table = Table {
            values: HashMap::new(),
            sweep_at: SWEEP_AT,
        };
        Self {
            shadow,
            table: Mutex::new(table),
            was_opened: AtomicBool::new(false),
        }
    }

    /// Whether nothing was ever opened.
    pub(crate) fn is_unopened(&self) -> bool {
        !self.was_opened.load(Ordering::Relaxed)
    }

    /// Whether this inode is that of an open value.
    pub(crate) fn has(&self, inode: u64) -> bool {
        self.table().values.contains_key(&inode)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the `value` of a line, which has this text now. `None` if the machine has no such socket.
    pub(crate) fn open(
        &self,
        number: u32,
        path: &[u8],
        is_writable: bool,
        polls: Polls,
        text: &[u8],
    ) -> Result<Option<OwnedFd>, Errno> {
        self.sweep();
        let made = match OpenValue::new(number, is_writable, polls, text) {
            Ok(made) => Arc::new(made),
            Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => return Err(errno),
            Err(errno) => {
                tracing::warn!(%errno, number, "a value cannot be polled");
                return Ok(None);
            }
        };
        let fd = rustix::io::fcntl_dupfd_cloexec(&made.theirs, 0)?;
        self.shadow.name_socket(made.inode, Some(path));
        self.was_opened.store(true, Ordering::Relaxed);
        self.table().values.insert(made.inode, made);
        Ok(Some(fd))
    }

    /// The open value that a link of `/proc/PID/fd` names.
    pub(crate) fn find(&self, link: &[u8]) -> Option<Arc<OpenValue>> {
        let Object::Socket(inode) = Object::parse(link) else {
            return None;
        };
        self.table().values.get(&inode).cloned()
    }

    fn of(&self, number: u32) -> Vec<Arc<OpenValue>> {
        let table = self.table();
        let meant = table.values.values().filter(|open| open.number == number);
        meant.cloned().collect()
    }

    /// Makes every open value of a line that is polled for edges poll as changed.
    pub(crate) fn signal(&self, number: u32) {
        let opens = self.of(number).into_iter();
        for open in opens.filter(|open| open.polls == Polls::Edges) {
            open.signal();
        }
    }

    /// The line is not exported any more.
    pub(crate) fn end(&self, number: u32) {
        for open in self.of(number) {
            let mut state = open.state();
            // A line that is exported again has new files.
            if !core::mem::replace(&mut state.is_gone, true) {
                drop(state);
                self.shadow.end_socket(open.inode);
                open.signal();
            }
        }
    }

    /// Lets go the values that no program has open any more, once there are many.
    fn sweep(&self) {
        {
            let table = self.table();
            if table.values.len() < table.sweep_at {
                return;
            }
        }
        let open = sockets_of_others();
        let mut table = self.table();
        let closed: Vec<u64> = table
            .values
            .keys()
            .copied()
            .filter(|one| !open.contains(one))
            .collect();
        for inode in closed {
            table.values.remove(&inode);
            self.shadow.name_socket(inode, None);
        }
        table.sweep_at = SWEEP_AT.max(2 * table.values.len());
    }
}

impl OpenValue {
    fn new(number: u32, is_writable: bool, polls: Polls, text: &[u8]) -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC;
        let (theirs, ours) = socketpair(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
        socket::select_errors(theirs.as_fd())?;
        // A name of the kernel's choice, by which the peer comes back.
        bind(&theirs, &SocketAddrUnix::new_unnamed())?;
        // Each byte for itself: what a short read leaves of a message is lost, and shells read so.
        for byte in text {
            send(&ours, &[*byte], SendFlags::NOSIGNAL)?;
        }
        shutdown(&theirs, Shutdown::Read)?;
        let inode = rustix::fs::fstat(&theirs)?.st_ino;
        Ok(Self {
            number,
            is_writable,
            polls,
            inode,
            theirs,
            ours,
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The line's number, while it is exported.
    pub(crate) fn number(&self) -> Option<u32> {
        (!self.state().is_gone).then_some(self.number)
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// Makes the socket poll `POLLPRI|POLLERR`, and wakes who polls it.
    // KERNEL: net/unix/af_unix.c unix_dgram_disconnected, unix_dgram_poll (v6.12)
    fn signal(&self) {
        let state = self.state();
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        // An error that is there already is taken by the first attempt.
        let sent = send(&self.theirs, b"!", flags).or_else(|_| send(&self.theirs, b"!", flags));
        let turned = sent.and_then(|_| {
            connect(&self.ours, &address(&self.theirs)?)?;
            connect_unspec(&self.ours)
        });
        drop(state);
        if let Err(errno) = turned {
            tracing::warn!(%errno, number = self.number, "nobody is told of an edge");
        }
    }

    /// Makes the socket poll as unchanged.
    fn calm(&self) {
        // What the error was is known.
        let _ = sockopt::socket_error(&self.theirs);
    }

    /// The bytes that a read gives: at the beginning those of `show`, which asks the line.
    pub(crate) fn read(
        &self,
        at: Option<u64>,
        room: usize,
        show: impl FnOnce(u32) -> Result<Vec<u8>, Errno>,
    ) -> Result<Vec<u8>, Errno> {
        let number = self.number().ok_or(Errno::NODEV)?;
        let from = at.unwrap_or_else(|| self.state().position);
        if from == 0 || at.is_some() {
            self.calm();
            let text = show(number)?;
            self.state().text = text;
        }
        let mut state = self.state();
        let start = usize::try_from(from)
            .unwrap_or(usize::MAX)
            .min(state.text.len());
        let end = start.saturating_add(room).min(state.text.len());
        let bytes = state.text[start..end].to_vec();
        if at.is_none() {
            state.position = from + u64::try_from(bytes.len()).unwrap_or_default();
        }
        Ok(bytes)
    }

    /// Moves the position, as `lseek` does; gives the new one.
    pub(crate) fn seek(&self, offset: i64, whence: i32) -> Result<i64, Errno> {
        /// What sysfs says the size of its files is.
        const SIZE: i64 = 4096;
        let mut state = self.state();
        let base = match whence {
            libc::SEEK_SET => 0,
            libc::SEEK_CUR => i64::try_from(state.position).map_err(|_| Errno::OVERFLOW)?,
            libc::SEEK_END => SIZE,
            _ => return Err(Errno::INVAL),
        };
        let to = base.checked_add(offset).ok_or(Errno::OVERFLOW)?;
        state.position = u64::try_from(to).map_err(|_| Errno::INVAL)?;
        Ok(to)
    }
}

fn address(socket: &OwnedFd) -> Result<SocketAddrUnix, Errno> {
    let name: SocketAddrAny = getsockname(socket)?;
    SocketAddrUnix::try_from(name)
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;
    use crate::eventually::eventually;

    fn polls(fd: &OwnedFd) -> PollFlags {
        let flags = PollFlags::PRI | PollFlags::ERR | PollFlags::IN | PollFlags::OUT;
        let mut fds = [PollFd::new(fd, flags)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut fds, Some(&now)).unwrap();
        fds[0].revents()
    }

    fn values() -> (tempfile::TempDir, OpenValues) {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("tree");
        std::fs::create_dir(&dir).unwrap();
        let shadow = Arc::new(Shadow::build(dir).unwrap());
        (base, OpenValues::new(shadow))
    }

    #[test]
    fn a_value_polls_as_in_sysfs() {
        let (_base, values) = values();
        let fd = values
            .open(7, b"/sys/x/value", false, Polls::Edges, b"0\n")
            .unwrap()
            .unwrap();
        let idle = PollFlags::IN | PollFlags::OUT;
        let changed = idle | PollFlags::PRI | PollFlags::ERR;
        assert_eq!(polls(&fd), idle);
        let open = values.of(7).pop().unwrap();
        let read = |at| open.read(at, 10, |_| Ok(b"1\n".to_vec()));
        for _ in 0..3 {
            values.signal(7);
            values.signal(7);
            assert_eq!(polls(&fd), changed);
            values.signal(8);
            open.seek(0, libc::SEEK_SET).unwrap();
            assert_eq!(read(None).unwrap(), b"1\n");
            assert_eq!(polls(&fd), idle);
            assert_eq!(read(None).unwrap(), b"");
        }
        values.signal(7);
        assert_eq!(read(Some(1)).unwrap(), b"\n");
        assert_eq!(polls(&fd), idle);
        values.end(7);
        assert_eq!(polls(&fd), changed);
        assert_eq!(read(None), Err(Errno::NODEV));
    }

    #[test]
    fn a_descriptor_that_was_moved_reads_once() {
        let (_base, values) = values();
        let fd = values
            .open(7, b"/sys/x/value", false, Polls::Edges, b"0\n")
            .unwrap()
            .unwrap();
        let mut buf = [0; 16];
        for (count, byte) in [(1, b'0'), (1, b'\n'), (0, b'\n')] {
            assert_eq!(rustix::io::read(&fd, &mut buf), Ok(count));
            assert_eq!(buf[0], byte);
        }
        assert_eq!(rustix::io::read(&fd, &mut buf), Ok(0));
    }

    #[test]
    fn values_that_nobody_has_open_are_let_go() {
        let (_base, values) = values();
        let open = |number| values.open(number, b"/sys/x/value", false, Polls::Edges, b"0\n");
        let count = || values.table().values.len();
        eventually("all but the new one are let go", || {
            while count() < SWEEP_AT {
                open(7).unwrap();
            }
            open(8).unwrap();
            count() == 1
        });
    }

    #[test]
    fn seeks_are_those_of_a_page() {
        let open = OpenValue::new(7, false, Polls::Edges, b"0\n").unwrap();
        assert_eq!(open.seek(1, libc::SEEK_SET), Ok(1));
        assert_eq!(open.seek(2, libc::SEEK_CUR), Ok(3));
        assert_eq!(open.seek(-1, libc::SEEK_END), Ok(4095));
        assert_eq!(open.seek(-1, libc::SEEK_SET), Err(Errno::INVAL));
        assert_eq!(open.seek(0, 7), Err(Errno::INVAL));
    }
}
