//! Which of the program's descriptors still exist.
//!
//! While a chip is there, the last close of a descriptor shows at our end of its link, and
//! [`Presence::closed`] gives it at once. After an unplug our end is closed and tells nothing any
//! more; the program's end, however, stands in an epoll set of ours, which holds no reference and
//! loses its entry with the last close. [`Presence::left`] reads that set.

use std::collections::HashSet;
use std::io::Read as _;
use std::os::fd::{AsFd as _, AsRawFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;

use super::handles::Handles;
use super::link::Pair;
use crate::procdir::Object;

/// The key that stands for "some handle" among the hang-ups.
const HANDLES: u64 = u64::MAX;

/// The epoll sets, and the handles.
#[derive(Debug)]
pub(crate) struct Presence {
    /// Our ends; ready when the program's end is closed.
    ours: OwnedFd,
    /// The program's ends; never waited for, only listed.
    theirs: OwnedFd,
    handles: Handles,
}

impl Presence {
    pub(crate) fn new() -> Result<Self, Errno> {
        let flags = epoll::CreateFlags::CLOEXEC;
        let (ours, theirs, handles) = (epoll::create(flags)?, epoll::create(flags)?, Handles::new()?);
        epoll::add(&ours, handles.fd(), epoll::EventData::new_u64(HANDLES), epoll::EventFlags::IN)?;
        Ok(Self { ours, theirs, handles })
    }

    /// Keeps an eye on a descriptor about to be handed out.
    pub(crate) fn add(&self, pair: &Pair) -> Result<(), Errno> {
        if let Object::Handle(number) = pair.object {
            return self.handles.add(number, pair.theirs.as_fd());
        }
        let data = epoll::EventData::new_u64(key_of(pair.object));
        // Hang-up and error are always reported; nothing else is asked for.
        epoll::add(&self.theirs, &pair.theirs, data, epoll::EventFlags::empty())?;
        let added = pair.link.with(|ours| epoll::add(&self.ours, ours, data, epoll::EventFlags::RDHUP));
        added.unwrap_or(Ok(()))
    }

    /// What the program has closed for good since the last call, or what is still being dropped
    /// here. One quick system call when there is nothing.
    pub(crate) fn closed(&self) -> Vec<Object> {
        let mut events = Vec::with_capacity(16);
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        if epoll::wait(&self.ours, spare_capacity(&mut events), Some(&now)).is_err() {
            return Vec::new();
        }
        let mut closed = Vec::new();
        for key in events.iter().map(|event| event.data.u64()) {
            match key {
                HANDLES => closed.extend(self.handles.closed().into_iter().map(Object::Handle)),
                key => closed.push(object_of(key)),
            }
        }
        closed
    }

    /// A descriptor that polls readable when [`Presence::closed`] has something.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.ours.as_fd()
    }

    /// The pipes and sockets of which the program still holds an end; `None` if the kernel does not
    /// tell. Handles are not among them: their last close is always seen by [`Presence::closed`].
    pub(crate) fn left(&self) -> Option<HashSet<Object>> {
        let mut text = String::new();
        let path = format!("/proc/self/fdinfo/{}", self.theirs.as_raw_fd());
        std::fs::File::open(path)
            .ok()?
            .read_to_string(&mut text)
            .ok()?;
        let key = |line: &str| {
            let data = line.split_once("data:")?.1.split_whitespace().next()?;
            u64::from_str_radix(data, 16).ok()
        };
        Some(
            text.lines()
                .filter(|line| line.starts_with("tfd:"))
                .filter_map(key)
                .map(object_of)
                .collect(),
        )
    }
}

/// A pipe or socket as one number: they are counted apart.
const fn key_of(object: Object) -> u64 {
    match object {
        Object::Pipe(inode) => inode << 1,
        Object::Socket(inode) => inode << 1 | 1,
        // Never put into the sets.
        Object::Handle(_) | Object::Other => HANDLES,
    }
}

const fn object_of(key: u64) -> Object {
    if key & 1 == 0 {
        Object::Pipe(key >> 1)
    } else {
        Object::Socket(key >> 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::link::Link;

    #[test]
    fn the_last_close_is_seen_before_and_after_an_unplug() {
        for pair in [Link::pipe().unwrap(), Link::socket().unwrap()] {
            let presence = Presence::new().unwrap();
            presence.add(&pair).unwrap();
            let spare = pair.theirs.try_clone().unwrap();
            drop(pair.theirs);
            assert_eq!(presence.closed(), [], "a duplicate is left");
            drop(spare);
            assert_eq!(presence.closed(), [pair.object]);
        }
        for pair in [Link::pipe().unwrap(), Link::socket().unwrap()] {
            let presence = Presence::new().unwrap();
            presence.add(&pair).unwrap();
            pair.link.hang_up();
            assert_eq!(presence.closed(), [], "our end tells nothing any more");
            assert_eq!(presence.left(), Some(HashSet::from([pair.object])));
            drop(pair.theirs);
            assert_eq!(presence.left(), Some(HashSet::new()));
        }
    }

    #[test]
    fn a_handle_closes_at_any_time() {
        let presence = Presence::new().unwrap();
        let pair = Link::handle().unwrap();
        presence.add(&pair).unwrap();
        assert_eq!(presence.closed(), []);
        drop(pair.theirs);
        assert_eq!(presence.closed(), [pair.object]);
        assert_eq!(presence.closed(), []);
    }
}
