//! The program's end of a file, recognised and known to exist without being held.
//!
//! Holding it would hide the program's last close. An epoll set holds no reference: it loses its
//! entry with the last close, and `kcmp` compares a descriptor of the program with it.

use std::io::Read as _;
use std::os::fd::{AsFd as _, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::epoll;
use rustix::io::Errno;
use rustix::process::Pid;

use crate::sys::kcmp;

/// An epoll set with one entry: the program's end of a pipe.
#[derive(Debug)]
pub(crate) struct Witness {
    set: OwnedFd,
    /// The number the end had here when it was added; the entry is named by it.
    number: i32,
}

/// Whether `kcmp` was ever refused: then it always is.
static REFUSED: AtomicBool = AtomicBool::new(false);

impl Witness {
    /// A witness of this end.
    pub(crate) fn new(theirs: BorrowedFd<'_>) -> Result<Self, Errno> {
        let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        // Hang-up and error are always reported; the set is never waited for.
        epoll::add(
            &set,
            theirs,
            epoll::EventData::new_u64(0),
            epoll::EventFlags::empty(),
        )?;
        Ok(Self {
            set,
            number: theirs.as_raw_fd(),
        })
    }

    /// Whether descriptor `fd` of thread `tid` leads to this end; `None` if the kernel does not tell.
    pub(crate) fn is(&self, tid: Pid, fd: i32) -> Option<bool> {
        if REFUSED.load(Ordering::Relaxed) {
            return None;
        }
        match kcmp::is_in_epoll(tid, fd, self.set.as_fd(), self.number) {
            Ok(same) => Some(same),
            Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP) => {
                REFUSED.store(true, Ordering::Relaxed);
                None
            }
            Err(_) => Some(false),
        }
    }

    /// Whether anybody still holds the end; yes if the kernel does not tell.
    pub(crate) fn is_open(&self) -> bool {
        let mut text = String::new();
        let path = format!("/proc/self/fdinfo/{}", self.set.as_raw_fd());
        let read = std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text));
        read.is_err() || text.contains("tfd:")
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpid;

    use super::*;
    use crate::eventually::eventually;
    use crate::files::link::Link;

    #[test]
    fn an_end_is_known_until_its_last_close() {
        let pair = Link::pipe().unwrap();
        let other = Link::pipe().unwrap();
        let witness = Witness::new(pair.theirs.as_fd()).unwrap();
        let copy = pair.theirs.try_clone().unwrap();
        drop(pair.theirs);
        if let Some(same) = witness.is(getpid(), copy.as_raw_fd()) {
            assert!(same);
            assert_eq!(witness.is(getpid(), other.theirs.as_raw_fd()), Some(false));
            assert_eq!(witness.is(getpid(), 1_000_000), Some(false));
        }
        assert!(witness.is_open());
        drop(copy);
        eventually("the end is closed", || !witness.is_open());
    }
}
