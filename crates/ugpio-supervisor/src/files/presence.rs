//! Which of the program's descriptors still exist.
//!
//! While a chip is there, the last close of a descriptor shows at our end of its link, and
//! [`Presence::closed`] gives it at once. After an unplug our end is closed and tells nothing any
//! more; the program's end, however, stands in an epoll set of ours, which holds no reference and
//! loses its entry with the last close. [`Presence::left`] reads that set.

use std::collections::HashSet;
use std::io::Read as _;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::io::Errno;

/// The two epoll sets.
#[derive(Debug)]
pub(crate) struct Presence {
    /// Our ends; ready when the program's end is closed.
    ours: OwnedFd,
    /// The program's ends; never waited for, only listed.
    theirs: OwnedFd,
}

impl Presence {
    pub(crate) fn new() -> Result<Self, Errno> {
        let flags = epoll::CreateFlags::CLOEXEC;
        Ok(Self {
            ours: epoll::create(flags)?,
            theirs: epoll::create(flags)?,
        })
    }

    /// Keeps an eye on a descriptor about to be handed out, under this key.
    pub(crate) fn add(
        &self,
        key: u64,
        ours: BorrowedFd<'_>,
        theirs: BorrowedFd<'_>,
    ) -> Result<(), Errno> {
        let data = epoll::EventData::new_u64(key);
        // Hang-up and error are always reported; nothing else is asked for.
        epoll::add(&self.theirs, theirs, data, epoll::EventFlags::empty())?;
        epoll::add(&self.ours, ours, data, epoll::EventFlags::RDHUP)
    }

    /// The keys of the descriptors that the program has closed for good since the last call, or
    /// that are still being dropped here. One quick system call when there are none.
    pub(crate) fn closed(&self) -> Vec<u64> {
        let mut events = Vec::with_capacity(16);
        let now = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        match epoll::wait(&self.ours, spare_capacity(&mut events), Some(&now)) {
            Ok(_) => events.iter().map(|event| event.data.u64()).collect(),
            Err(_) => Vec::new(),
        }
    }

    /// A descriptor that polls readable when [`Presence::closed`] has something.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        use std::os::fd::AsFd;
        self.ours.as_fd()
    }

    /// The keys whose descriptors the program still holds; `None` if the kernel does not tell.
    pub(crate) fn left(&self) -> Option<HashSet<u64>> {
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
                .collect(),
        )
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
            let spare = rustix::io::dup(&pair.theirs).unwrap();
            pair.link
                .with(|end| presence.add(7, end, spare.try_clone().unwrap().as_fd()))
                .unwrap()
                .unwrap();
            assert_eq!(presence.closed(), [], "both ends are open");
            drop(pair.theirs);
            assert_eq!(presence.closed(), [], "a duplicate is left");
            drop(spare);
            assert_eq!(presence.closed(), [7]);
        }
        for pair in [Link::pipe().unwrap(), Link::socket().unwrap()] {
            let presence = Presence::new().unwrap();
            pair.link
                .with(|end| presence.add(7, end, pair.theirs.as_fd()))
                .unwrap()
                .unwrap();
            pair.link.hang_up();
            assert_eq!(presence.closed(), [], "our end tells nothing any more");
            assert_eq!(presence.left(), Some(HashSet::from([7])));
            drop(pair.theirs);
            assert_eq!(presence.left(), Some(HashSet::new()));
        }
    }

    use std::os::fd::AsFd;
}
