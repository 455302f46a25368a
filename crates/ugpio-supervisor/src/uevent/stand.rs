//! What stands for one netlink socket of uevents: a datagram socket whose messages are those of the two groups.
//!
//! No program without privilege can send to a netlink socket, so what a program gets for one is one end of a pair of
//! `AF_UNIX` sockets. Poll, epoll, reads, the options of every socket and attached filters are native on it; calls
//! that tell or show an address, a group or the sender's credentials are answered in [`super::calls`]. At most as
//! many messages as the kernel takes lie in the socket, the others wait here. Lock order: the socket's state is the
//! last; nothing of the program's memory is copied while it is held.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair, sockopt,
};

use super::message::Message;
use crate::outcome::Call;
use crate::sys::ptrace::recall::{Asleep, recall};

/// Longer than any message. KERNEL: UEVENT_BUFFER_SIZE is 2048; systemd reads 8192
const MESSAGE_MAX: usize = 16 * 1024;
/// How many messages the socket may hold whose senders are remembered: more than the kernel's longest queue.
const SHOWN_MAX: usize = 1024;

/// One socket of the program.
#[derive(Debug)]
pub(crate) struct Stand {
    /// The inode by which the program's descriptors are known.
    pub(crate) inode: u64,
    /// `SOCK_RAW` or `SOCK_DGRAM`, as it was asked for.
    pub(crate) kind: u32,
    /// Whether the machine's own events belong to it too: it was made in our network namespace.
    pub(crate) hears_machine: bool,
    /// The program's end, kept to take messages out of it for the program.
    theirs: OwnedFd,
    ours: OwnedFd,
    made_at: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    name: Name,
    /// The messages that lie in the socket, the oldest first; a filter of the program's may have dropped some.
    shown: VecDeque<Message>,
    /// The messages that do not fit, and how many bytes they have.
    waiting: VecDeque<Message>,
    waiting_bytes: usize,
    /// Whether one was dropped since the program was last told.
    has_lost: bool,
    /// Calls that were let through and may sleep until a message comes.
    sleepers: Vec<Asleep>,
}

/// What a socket is bound to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Name {
    pub(crate) is_bound: bool,
    pub(crate) portid: u32,
    /// The multicast groups, a bit each.
    pub(crate) groups: u32,
    /// Whether messages come with their group (`NETLINK_PKTINFO`).
    pub(crate) tells_group: bool,
}

/// What a receive found.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Received {
    Message(Message),
    /// Nothing: the kernel is to sleep, or to say that there is nothing.
    Nothing,
}

impl Stand {
    /// A socket for the program, and its descriptor.
    pub(crate) fn new(
        kind: u32,
        is_nonblocking: bool,
        hears_machine: bool,
    ) -> Result<(Arc<Self>, OwnedFd), Errno> {
        let flags = SocketFlags::CLOEXEC;
        let (theirs, ours) = socketpair(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
        rustix::io::ioctl_fionbio(&theirs, is_nonblocking)?;
        let given = rustix::io::fcntl_dupfd_cloexec(&theirs, 0)?;
        let stand = Self {
            inode: rustix::fs::fstat(&theirs)?.st_ino,
            kind,
            hears_machine,
            theirs,
            ours,
            made_at: Instant::now(),
            state: Mutex::default(),
        };
        Ok((Arc::new(stand), given))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the program may not have its descriptor yet.
    pub(crate) fn is_new(&self) -> bool {
        /// Far longer than a descriptor takes to arrive.
        const MOMENT: Duration = Duration::from_secs(1);
        !self.name().is_bound && self.made_at.elapsed() < MOMENT
    }

    pub(crate) fn name(&self) -> Name {
        self.state().name
    }

    /// Changes what the socket is bound to.
    pub(crate) fn rename(&self, change: impl FnOnce(&mut Name)) {
        change(&mut self.state().name);
    }

    /// Whether senders' credentials are wanted (`SO_PASSCRED`).
    pub(crate) fn passes_credentials(&self) -> bool {
        sockopt::socket_passcred(&self.theirs).unwrap_or(false)
    }

    /// Delivers a message if the socket listens to its group. Who sleeps in a receive is called back first, to see
    /// it with its sender.
    pub(crate) fn deliver(self: &Arc<Self>, message: &Message) {
        let mut state = self.state();
        let group = 1_u32.checked_shl(message.group - 1).unwrap_or(0);
        if state.name.groups & group == 0 {
            return;
        }
        let room = sockopt::socket_recv_buffer_size(&self.theirs).unwrap_or(0);
        // KERNEL: net/netlink/af_netlink.c netlink_overrun (v6.12): the newest is lost, and the receiver is told
        if state.waiting_bytes + message.bytes.len() > room {
            state.has_lost = true;
            return;
        }
        state.waiting_bytes += message.bytes.len();
        state.waiting.push_back(message.clone());
        if state.sleepers.is_empty() {
            self.show(&mut state);
            return;
        }
        drop(state);
        let stand = Arc::clone(self);
        let thread = std::thread::Builder::new().name("ugpio-recall".into());
        if let Err(error) = thread.spawn(move || stand.call_back()) {
            tracing::error!(%error, "cannot call back who waits for a uevent: no thread can be started");
            self.show(&mut self.state());
        }
    }

    /// Has those who sleep make their calls again, and shows what they slept for.
    fn call_back(&self) {
        let sleepers = core::mem::take(&mut self.state().sleepers);
        let asleep: Vec<_> = sleepers.iter().collect();
        recall(&asleep, || self.show(&mut self.state()));
    }

    /// Puts as many messages into the socket as it takes.
    fn show(&self, state: &mut State) {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        while let Some(message) = state.waiting.pop_front() {
            let sent = send(&self.ours, &message.bytes, flags);
            if sent == Err(Errno::AGAIN) {
                state.waiting.push_front(message);
                return;
            }
            state.waiting_bytes -= message.bytes.len();
            state.shown.push_back(message);
            if state.shown.len() > SHOWN_MAX {
                state.shown.pop_front();
            }
        }
    }

    /// Whether the descriptor was made to wait for nothing.
    fn is_nonblocking(&self) -> bool {
        rustix::fs::fcntl_getfl(&self.theirs).is_ok_and(|flags| flags.contains(OFlags::NONBLOCK))
    }

    /// Takes the oldest message, or looks at it. If there is none, and it `may_sleep`, `call` is remembered.
    ///
    /// # Errors
    ///
    /// `ENOBUFS`: messages were lost since the last call.
    pub(crate) fn receive(
        &self,
        call: &Call,
        peeks: bool,
        may_sleep: bool,
    ) -> Result<Received, Errno> {
        let mut state = self.state();
        if core::mem::take(&mut state.has_lost) {
            return Err(Errno::NOBUFS);
        }
        let mut buf = vec![0; MESSAGE_MAX];
        let how = RecvFlags::DONTWAIT | RecvFlags::PEEK;
        let mut found = recv(&self.theirs, &mut *buf, how);
        if found == Err(Errno::AGAIN) {
            self.show(&mut state);
            found = recv(&self.theirs, &mut *buf, how);
        }
        let (length, _) = match found {
            Err(Errno::AGAIN) => {
                state.sleepers.retain(|other| other.call().tid != call.tid);
                if may_sleep && !self.is_nonblocking() {
                    state.sleepers.push(Asleep::new(call));
                }
                return Ok(Received::Nothing);
            }
            found => found?,
        };
        buf.truncate(length);
        // What came before was dropped by a filter, or read by the kernel through a descriptor that was moved.
        while state
            .shown
            .front()
            .is_some_and(|message| !message.bytes.starts_with(&buf))
        {
            state.shown.pop_front();
        }
        let known = state.shown.front().cloned();
        if !peeks {
            recv(
                &self.theirs,
                &mut *vec![0; MESSAGE_MAX],
                RecvFlags::DONTWAIT,
            )?;
            state.shown.pop_front();
            self.show(&mut state);
        }
        let sender = known.unwrap_or_else(|| Message::of_the_kernel(Vec::new()));
        Ok(Received::Message(Message {
            bytes: buf,
            ..sender
        }))
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::getpid;

    use super::*;

    fn call() -> Call {
        Call {
            id: 1,
            tid: getpid(),
            sys: None,
            nr: 0,
            args: [0; 6],
        }
    }

    fn polls(fd: &OwnedFd) -> bool {
        let mut fds = [PollFd::new(fd, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut fds, Some(&now)).unwrap() == 1
    }

    fn message(group: u32, text: &str) -> Message {
        Message {
            group,
            ..Message::of_the_kernel(text.as_bytes().to_vec())
        }
    }

    fn take(stand: &Stand) -> Option<Message> {
        match stand.receive(&call(), false, false).unwrap() {
            Received::Message(message) => Some(message),
            Received::Nothing => None,
        }
    }

    #[test]
    fn only_groups_that_are_listened_to_are_delivered() {
        let (stand, fd) = Stand::new(3, true, true).unwrap();
        stand.deliver(&message(1, "early"));
        stand.rename(|name| name.groups = 2);
        stand.deliver(&message(1, "kernel"));
        assert!(!polls(&fd));
        stand.deliver(&message(2, "udev"));
        assert!(polls(&fd));
        let looked_at = stand.receive(&call(), true, false).unwrap();
        assert_eq!(looked_at, Received::Message(message(2, "udev")));
        assert_eq!(take(&stand), Some(message(2, "udev")));
        assert!(!polls(&fd));
        assert_eq!(take(&stand), None);
    }

    #[test]
    fn more_messages_than_the_socket_takes_wait_in_order() {
        let (stand, fd) = Stand::new(3, true, true).unwrap();
        stand.rename(|name| name.groups = 3);
        let texts: Vec<String> = (0..600).map(|number| format!("message {number}")).collect();
        for text in &texts {
            stand.deliver(&message(1, text));
        }
        for text in &texts {
            assert!(polls(&fd));
            assert_eq!(take(&stand).unwrap().bytes, text.as_bytes());
        }
        assert!(!polls(&fd));
    }

    #[test]
    fn who_reads_too_slowly_is_told_once_that_messages_are_lost() {
        let (stand, _fd) = Stand::new(3, true, true).unwrap();
        stand.rename(|name| name.groups = 1);
        let long = "x".repeat(4096);
        for _ in 0..600 {
            stand.deliver(&message(1, &long));
        }
        assert_eq!(stand.receive(&call(), false, false), Err(Errno::NOBUFS));
        assert!(take(&stand).is_some());
    }

    #[test]
    fn a_message_that_was_read_past_us_takes_its_sender_with_it() {
        let (stand, fd) = Stand::new(3, true, true).unwrap();
        stand.rename(|name| name.groups = 3);
        stand.deliver(&message(2, "first"));
        stand.deliver(&message(1, "second"));
        rustix::io::read(&fd, &mut [0; 64]).unwrap();
        assert_eq!(take(&stand), Some(message(1, "second")));
    }
}
