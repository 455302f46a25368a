//! Which of the program's descriptors were closed for good.
//!
//! The last close of a descriptor shows at our end of its link, or, for a handle, in inotify; all of
//! these stand in one epoll set. After an unplug our end is closed and tells nothing any more; then
//! [`super::witness`] knows.

use core::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::event::epoll;
use rustix::io::Errno;

use super::handles::Handles;
use super::link::Pair;
use crate::procdir::Object;

/// The key that stands for "some handle" among the hang-ups.
const HANDLES: u64 = u64::MAX;

/// The epoll set of our ends, and the handles.
#[derive(Debug)]
pub(crate) struct Presence {
    /// Our ends; ready when the program's end is closed.
    ours: OwnedFd,
    handles: Handles,
}

impl Presence {
    pub(crate) fn new() -> Result<Self, Errno> {
        let (ours, handles) = (epoll::create(epoll::CreateFlags::CLOEXEC)?, Handles::new()?);
        epoll::add(
            &ours,
            handles.fd(),
            epoll::EventData::new_u64(HANDLES),
            epoll::EventFlags::IN,
        )?;
        Ok(Self { ours, handles })
    }

    /// Keeps an eye on a descriptor about to be handed out.
    pub(crate) fn add(&self, pair: &Pair) -> Result<(), Errno> {
        if let Object::Handle(number) = pair.object {
            return self.handles.add(number, pair.theirs.as_fd());
        }
        let data = epoll::EventData::new_u64(key_of(pair.object));
        // Hang-up and error are always reported.
        let added = pair
            .link
            .with(|ours| epoll::add(&self.ours, ours, data, epoll::EventFlags::RDHUP));
        added.unwrap_or(Ok(()))
    }

    /// What the program has closed for good since the last call, or what is still being dropped
    /// here. One quick system call when there is nothing.
    pub(crate) fn closed(&self) -> Vec<Object> {
        let mut events = [MaybeUninit::uninit(); 16];
        let now = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let Ok((events, _)) = epoll::wait(&self.ours, &mut events, Some(&now)) else {
            return Vec::new();
        };
        let mut closed = Vec::new();
        for key in events.iter().map(|event| event.data.u64()) {
            match key {
                HANDLES => closed.extend(self.handles.closed().into_iter().map(Object::Handle)),
                key => closed.push(Object::Pipe(key)),
            }
        }
        closed
    }

    /// A descriptor that polls readable when [`Presence::closed`] has something.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.ours.as_fd()
    }
}

/// A pipe as a number.
const fn key_of(object: Object) -> u64 {
    match object {
        Object::Pipe(inode) => inode,
        // Never put into the sets.
        Object::Socket(_) | Object::Handle(_) | Object::Other => HANDLES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eventually::eventually;
    use crate::files::link::Link;

    /// What is told to be closed, as soon as anything is.
    fn next_closed(presence: &Presence) -> Vec<Object> {
        let mut closed = Vec::new();
        eventually("a close is told", || {
            closed = presence.closed();
            !closed.is_empty()
        });
        closed
    }

    #[test]
    fn the_last_close_is_seen() {
        let pair = Link::pipe().unwrap();
        let presence = Presence::new().unwrap();
        presence.add(&pair).unwrap();
        let spare = pair.theirs.try_clone().unwrap();
        drop(pair.theirs);
        assert_eq!(presence.closed(), [], "a duplicate is left");
        drop(spare);
        assert_eq!(next_closed(&presence), [pair.object]);
    }

    #[test]
    fn our_end_tells_nothing_once_it_is_hung_up() {
        let pair = Link::pipe().unwrap();
        let presence = Presence::new().unwrap();
        presence.add(&pair).unwrap();
        drop(pair.link.let_go());
        drop(pair.theirs);
        // A hang-up that is told once would be told for ever.
        eventually("nothing is told", || presence.closed().is_empty());
    }

    #[test]
    fn a_handle_closes_at_any_time() {
        let presence = Presence::new().unwrap();
        let pair = Link::handle().unwrap();
        presence.add(&pair).unwrap();
        assert_eq!(presence.closed(), []);
        drop(pair.theirs);
        assert_eq!(next_closed(&presence), [pair.object]);
        assert_eq!(presence.closed(), []);
    }
}
