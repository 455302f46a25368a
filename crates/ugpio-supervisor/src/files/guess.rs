//! What descriptors led to lately: guesses, each checked at every use.
//!
//! A file's witness checks them by `kcmp`; where that is refused, or there is no witness, the text of
//! the link `/proc/TID/fd/N` does, which is kept open so that no path is walked. Every thread remembers what it answered itself, so that no
//! lock is taken for it. [`super::Files`] asks and tells.

use core::cell::RefCell;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};

use rustix::fs::{OFlags, readlinkat_raw};
use rustix::process::Pid;

use super::open_file::OpenFile;
use crate::procdir::{Object, ProcDirs};

/// How many guesses a thread keeps.
const KEPT: usize = 16;
/// Longer than the link of any of our files.
const LINK_MAX: usize = 64;

thread_local! {
    /// Newest last.
    static RECENT: RefCell<Vec<Guess>> = const { RefCell::new(Vec::new()) };
}

struct Guess {
    tid: Pid,
    fd: i32,
    open: Weak<OpenFile>,
    /// `None` if the witness tells.
    link: Option<Link>,
}

/// A link of `/proc/TID/fd`, and the text it shows as long as it leads to the same file.
struct Link {
    /// The link itself. It is this thread's and this number's for ever, whatever that leads to.
    link: OwnedFd,
    text: Vec<u8>,
}

/// What descriptor `fd` of thread `tid` led to when this thread last answered a call on it, if it still
/// does.
pub(super) fn look(tid: Pid, fd: i32) -> Option<Arc<OpenFile>> {
    RECENT.with_borrow(|recent| {
        let guess = recent.iter().rfind(|guess| guess.is_of(tid, fd))?;
        let open = guess.open.upgrade()?;
        let is_so = match &guess.link {
            Some(link) => link.is_the_same(),
            None => open.witness.as_ref()?.is(tid, fd)?,
        };
        is_so.then_some(open)
    })
}

/// Remembers that it led to `open`, which is `object`.
pub(super) fn keep(dirs: &ProcDirs, tid: Pid, fd: i32, object: Object, open: &Arc<OpenFile>) {
    let witness = open.witness.as_ref();
    let link = match witness.and_then(|witness| witness.is(tid, fd)) {
        Some(_) => None,
        None => match Link::read(dirs, tid, fd) {
            Some(link) if Object::parse(&link.text) == object => Some(link),
            // Another thread was quicker.
            _ => return,
        },
    };
    RECENT.with_borrow_mut(|recent| {
        recent.retain(|guess| !guess.is_of(tid, fd));
        if recent.len() == KEPT {
            recent.remove(0);
        }
        let open = Arc::downgrade(open);
        recent.push(Guess {
            tid,
            fd,
            open,
            link,
        });
    });
}

impl Guess {
    fn is_of(&self, tid: Pid, fd: i32) -> bool {
        (self.tid, self.fd) == (tid, fd)
    }
}

impl Link {
    fn read(dirs: &ProcDirs, tid: Pid, fd: i32) -> Option<Self> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW;
        let mut link = Self {
            link: dirs.reopen(tid, fd, flags).ok()?,
            text: Vec::new(),
        };
        let mut buf = [0; LINK_MAX];
        link.text = link.now(&mut buf)?.to_vec();
        Some(link)
    }

    fn now<'b>(&self, buf: &'b mut [u8; LINK_MAX]) -> Option<&'b [u8]> {
        let len = readlinkat_raw(&self.link, c"", &mut buf[..]).ok()?;
        buf.get(..len)
    }

    fn is_the_same(&self) -> bool {
        let mut buf = [0; LINK_MAX];
        self.now(&mut buf) == Some(&*self.text)
    }
}
