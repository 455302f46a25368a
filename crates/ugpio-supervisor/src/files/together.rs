//! Closing many descriptors at one go.
//!
//! A program that polls several files of a chip looks at all of them when the first reports a hang-up, and Linux has
//! then hung up all: a chip goes once. Threads that can be stopped are stopped meanwhile (`super::sleepers`); to the
//! others [`close`] shows as little as a process can.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use rustix::io::{Errno, IoSlice};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    sendmsg, socketpair,
};

/// How many descriptors one message carries. KERNEL: include/net/scm.h SCM_MAX_FD
const CARRIED: usize = 253;

/// Closes the last descriptors of these files, all in one system call: they are put into a socket's queue first, and
/// the kernel closes what is in it with the socket. Another processor may look in between.
// DIFFERS: in Linux all files of a chip hang up at one moment.
pub(super) fn close(files: Vec<OwnedFd>) {
    if files.len() < 2 {
        return;
    }
    // What cannot be sent is closed one by one.
    let Ok((queue, sender)) = socketpair(
        AddressFamily::UNIX,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    ) else {
        return;
    };
    for some in files.chunks(CARRIED) {
        if let Err(error) = send(&sender, some) {
            tracing::debug!(%error, "descriptors are closed one by one");
        }
    }
    drop(files);
    // A thread that has just begun to run is not pushed aside by whom it wakes, so that it gets through.
    // KERNEL: kernel/sched/fair.c protect_slice (v6.12)
    std::thread::sleep(Duration::from_micros(1));
    drop(queue);
}

fn send(sender: &OwnedFd, files: &[OwnedFd]) -> Result<(), Errno> {
    let files: Vec<_> = files.iter().map(|file| file.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(CARRIED))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&files));
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(sender, &[IoSlice::new(b"!")], &mut control, flags).map(drop)
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    #[test]
    fn all_hang_up_however_many_they_are() {
        for count in [0, 1, 2, 8, CARRIED + 7] {
            let (theirs, ours): (Vec<_>, Vec<_>) =
                (0..count).map(|_| rustix::pipe::pipe().unwrap()).unzip();
            close(ours);
            for end in &theirs {
                let mut fds = [PollFd::new(end, PollFlags::IN)];
                poll(&mut fds, None).unwrap();
                assert_eq!(fds[0].revents(), PollFlags::HUP, "of {count}");
            }
        }
    }
}
