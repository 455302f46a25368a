//! Descriptors of v1 line handles: always ready, no events, refused by epoll.
//!
//! No pipe behaves like that, but a regular file does: an unnamed one in memory, opened for reading.
//! Nothing of ours stays open on it; inotify tells when the program has closed its last descriptor.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::{MemfdFlags, Mode, OFlags};
use rustix::io::Errno;

/// The handles that the program holds.
#[derive(Debug)]
pub(crate) struct Handles {
    inotify: OwnedFd,
    /// The handle behind each watch.
    watched: Mutex<HashMap<i32, u64>>,
}

/// Numbers of handles, unique in this process.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A file for a new handle, and the number that its name carries.
pub(crate) fn make() -> Result<(OwnedFd, u64), Errno> {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let file = rustix::fs::memfd_create(format!("gpio-linehandle:{number}"), MemfdFlags::CLOEXEC)?;
    // Opened anew, because only such a descriptor is read-only and tells inotify of its end.
    let theirs = rustix::fs::open(
        own_path(file.as_fd()),
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    Ok((theirs, number))
}

fn own_path(fd: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

impl Handles {
    pub(crate) fn new() -> Result<Self, Errno> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(Self {
            inotify,
            watched: Mutex::default(),
        })
    }

    /// Keeps an eye on a handle's file. What is closed here before the file is handed over, other
    /// than `theirs` itself, must be closed already.
    pub(crate) fn add(&self, number: u64, theirs: BorrowedFd<'_>) -> Result<(), Errno> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let watch = inotify::add_watch(&self.inotify, own_path(theirs), WatchFlags::CLOSE_NOWRITE)?;
        watched.insert(watch, number);
        Ok(())
    }

    /// The numbers of the handles that the program has closed for good since the last call.
    pub(crate) fn closed(&self) -> Vec<u64> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let mut closed = Vec::new();
        let mut buf = [MaybeUninit::uninit(); 1024];
        let mut events = inotify::Reader::new(&self.inotify, &mut buf);
        while let Ok(event) = events.next() {
            if event
                .events()
                .intersects(ReadFlags::CLOSE_NOWRITE | ReadFlags::IGNORED)
            {
                closed.extend(watched.remove(&event.wd()));
            }
        }
        closed
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eventually::eventually;
    use crate::procdir::Object;

    #[test]
    fn the_last_close_is_seen() {
        let handles = Handles::new().unwrap();
        let (theirs, number) = make().unwrap();
        let link = rustix::fs::readlink(own_path(theirs.as_fd()), Vec::new()).unwrap();
        assert_eq!(Object::parse(link.as_bytes()), Object::Handle(number));
        handles.add(number, theirs.as_fd()).unwrap();
        let copy = theirs.try_clone().unwrap();
        drop(theirs);
        assert_eq!(handles.closed(), []);
        drop(copy);
        let mut closed = Vec::new();
        eventually("the close is told", || {
            closed = handles.closed();
            !closed.is_empty()
        });
        assert_eq!(closed, [number]);
        assert_eq!(handles.closed(), []);
    }

    #[test]
    fn such_a_file_polls_like_a_handle() {
        use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
        let (theirs, _) = make().unwrap();
        let mut fds = [PollFd::new(&theirs, PollFlags::all())];
        poll(
            &mut fds,
            Some(&Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            }),
        )
        .unwrap();
        assert_eq!(fds[0].revents().bits(), 0x145);
        let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let added = epoll::add(
            &set,
            &theirs,
            epoll::EventData::new_u64(0),
            epoll::EventFlags::IN,
        );
        assert_eq!(added, Err(Errno::PERM));
        assert_eq!(rustix::io::write(&theirs, b"x"), Err(Errno::BADF));
        assert_eq!(
            rustix::fs::fcntl_getfl(&theirs).unwrap() & OFlags::RWMODE,
            OFlags::RDONLY
        );
    }
}
