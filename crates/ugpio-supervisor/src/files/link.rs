//! Our end of a descriptor that the program holds.
//!
//! The program's end of a chip, line or event file is the read end of a pipe; of a v1 handle, a file
//! ([`super::handles`]). Poll, epoll, blocking reads, dup, fork and passing work natively on both. No socket stands
//! for a file: `recv` would take its records, where Linux says `ENOTSOCK`. A [`Link`] is what stays here: it takes
//! records, tells how many bytes nobody has read yet, and hangs up.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gpio_uapi::Records;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;

use super::handles;
use super::mirror::Mirror;
use crate::procdir::Object;

/// The size of the smallest pipe: one page, enough for 85 v2 edge records or 14 v2 info changes.
const SMALL_PIPE: usize = 4096;

/// Our end of one open file of the program.
#[derive(Debug)]
pub(crate) struct Link {
    kind: Kind,
    /// `None` once hung up.
    end: Mutex<Option<OwnedFd>>,
    /// The records, where they are kept here. Its lock comes before that of `end`.
    pub(super) mirror: Option<Mutex<Mirror>>,
    /// Whether an epoll set of the program waits for it in a way in which no record may wake it.
    pub(super) is_deaf: AtomicBool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Pipe,
    Handle,
}

/// A new link, and the end that goes to the program.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) link: Arc<Link>,
    pub(crate) theirs: OwnedFd,
    pub(crate) object: Object,
}

impl Link {
    /// A pipe for any file with events.
    pub(crate) fn pipe() -> Result<Pair, Errno> {
        let (theirs, ours) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        // Most queues are 16 records; a pipe grows when a larger queue asks for it.
        let _ = rustix::pipe::fcntl_setpipe_size(&ours, SMALL_PIPE);
        let object = Object::Pipe(rustix::fs::fstat(&theirs)?.st_ino);
        Ok(Pair {
            link: Self::new(Kind::Pipe, ours),
            theirs,
            object,
        })
    }

    /// As [`Link::pipe`], with the records kept here.
    pub(crate) fn mirrored_pipe() -> Result<Pair, Errno> {
        let pair = Self::pipe()?;
        let end = pair.link.end().take();
        let link = Self {
            kind: Kind::Pipe,
            end: Mutex::new(end),
            mirror: Some(Mutex::default()),
            is_deaf: AtomicBool::new(false),
        };
        let link = Arc::new(link);
        Ok(Pair { link, ..pair })
    }

    /// A file for a v1 handle, which has no records and nothing of which stays here.
    pub(crate) fn handle() -> Result<Pair, Errno> {
        let (theirs, number) = handles::make()?;
        let link = Arc::new(Self {
            kind: Kind::Handle,
            end: Mutex::new(None),
            mirror: None,
            is_deaf: AtomicBool::new(false),
        });
        Ok(Pair {
            link,
            theirs,
            object: Object::Handle(number),
        })
    }

    fn new(kind: Kind, ours: OwnedFd) -> Arc<Self> {
        Arc::new(Self {
            kind,
            end: Mutex::new(Some(ours)),
            mirror: None,
            is_deaf: AtomicBool::new(false),
        })
    }

    fn end(&self) -> MutexGuard<'_, Option<OwnedFd>> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `act` with our end, unless it is hung up.
    pub(crate) fn with<R>(&self, act: impl FnOnce(BorrowedFd<'_>) -> R) -> Option<R> {
        self.end().as_ref().map(|end| act(end.as_fd()))
    }

    /// Says whether no record may wake an epoll set that waits for it.
    pub(crate) fn set_deaf(&self, is_deaf: bool) {
        self.is_deaf.store(is_deaf, Ordering::Relaxed);
    }

    /// Whether [`Link::let_go`] has been here, or there was never anything to hang up.
    pub(crate) fn is_hung_up(&self) -> bool {
        self.end().is_none()
    }

    /// The chip is gone: what was not read is lost, and the program's end reports a hang-up when what this
    /// gives is closed.
    pub(super) fn let_go(&self) -> Option<OwnedFd> {
        let end = self.end().take();
        if let (Kind::Pipe, Some(end)) = (self.kind, &end) {
            drain(end.as_fd());
        }
        end
    }
}

/// How many bytes are in a pipe.
pub(super) fn unread(write_end: BorrowedFd<'_>) -> usize {
    rustix::io::ioctl_fionread(write_end).map_or(0, |bytes| usize::try_from(bytes).unwrap_or(0))
}

/// Puts records into a pipe, which grows if it has to. Fails if the program has closed its end, or hoards unread
/// bytes beyond what any queue holds; either way nobody misses them.
pub(super) fn put(write_end: BorrowedFd<'_>, bytes: &[u8]) -> bool {
    let mut written = rustix::io::write(write_end, bytes);
    if written == Err(Errno::AGAIN) {
        let _ = rustix::pipe::fcntl_setpipe_size(write_end, 16 * SMALL_PIPE);
        written = rustix::io::write(write_end, bytes);
    }
    written == Ok(bytes.len())
}

/// Takes the oldest bytes out of a pipe whose write end this is.
pub(super) fn take(write_end: BorrowedFd<'_>, record: &mut [u8]) -> bool {
    let taken = read_end(write_end).and_then(|read_end| rustix::io::read(&read_end, &mut *record));
    taken == Ok(record.len())
}

/// Takes everything out of a pipe whose write end this is.
pub(super) fn drain(write_end: BorrowedFd<'_>) {
    let Ok(read_end) = read_end(write_end) else {
        return;
    };
    let mut rest = [0; SMALL_PIPE];
    while rustix::io::read(&read_end, &mut rest).is_ok_and(|count| count > 0) {}
}

/// A short-lived read end of our own; kept open it would hide the program's last close.
fn read_end(write_end: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let path = format!("/proc/self/fd/{}", write_end.as_raw_fd());
    rustix::fs::open(
        path,
        OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// The records of an open file, lying in its link.
#[derive(Debug)]
pub(crate) struct LinkRecords {
    link: Arc<Link>,
}

impl LinkRecords {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self { link }
    }
}

impl Records for LinkRecords {
    fn bytes(&self) -> usize {
        self.link.with(unread).unwrap_or(0)
    }

    fn push(&mut self, record: &[u8]) {
        self.link.with(|end| put(end, record));
    }

    fn pop(&mut self, record: &mut [u8]) -> bool {
        self.link.with(|end| take(end, record)).unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;
    use crate::eventually::eventually;

    fn polled(fd: &OwnedFd) -> PollFlags {
        let mut fds = [PollFd::new(fd, PollFlags::IN)];
        poll(
            &mut fds,
            Some(&Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            }),
        )
        .unwrap();
        fds[0].revents()
    }

    #[test]
    fn a_pipe_knows_what_was_read_and_gives_up_its_oldest() {
        let pair = Link::pipe().unwrap();
        let mut records = LinkRecords::new(Arc::clone(&pair.link));
        for n in 1..=3_u8 {
            records.push(&[n; 48]);
        }
        assert_eq!(records.bytes(), 144);
        let mut first = [0; 48];
        rustix::io::read(&pair.theirs, &mut first).unwrap();
        assert_eq!((first[0], records.bytes()), (1, 96));
        assert!(records.pop(&mut first));
        assert_eq!((first[0], records.bytes()), (2, 48));
    }

    #[test]
    fn a_full_event_queue_of_the_largest_size_fits() {
        let pair = Link::pipe().unwrap();
        let mut records = LinkRecords::new(Arc::clone(&pair.link));
        for _ in 0..1024 {
            records.push(&[7; 48]);
        }
        assert_eq!(records.bytes(), 1024 * 48);
    }

    #[test]
    fn a_pipe_hangs_up_empty() {
        let pair = Link::pipe().unwrap();
        LinkRecords::new(Arc::clone(&pair.link)).push(&[1; 48]);
        assert_eq!(polled(&pair.theirs), PollFlags::IN);
        drop(pair.link.let_go());
        eventually("it hangs up", || polled(&pair.theirs) == PollFlags::HUP);
        assert_eq!(rustix::io::read(&pair.theirs, &mut [0; 48]), Ok(0));
    }

    #[test]
    fn a_full_queue_of_info_changes_fits() {
        for size in [104, 288] {
            let pair = Link::pipe().unwrap();
            let mut records = LinkRecords::new(Arc::clone(&pair.link));
            for _ in 0..32 {
                records.push(&vec![1; size]);
            }
            assert_eq!(records.bytes(), 32 * size);
            rustix::io::read(&pair.theirs, &mut vec![0; 2 * size]).unwrap();
            assert_eq!(records.bytes(), 30 * size);
        }
    }
}
