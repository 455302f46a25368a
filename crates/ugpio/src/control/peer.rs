//! The peer of a control connection. Used by the [`server`](super::server).

use std::fs;

use tokio::net::UnixStream;

/// Whether the other end is of our own user. The socket's mode says so too, where modes count.
pub(super) fn is_owner(stream: &UnixStream) -> bool {
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}

/// Whether the other end is a process of our run: the supervisor is an ancestor of all of them.
pub(super) fn is_inside(stream: &UnixStream) -> bool {
    let peer = stream.peer_cred().ok().and_then(|peer| peer.pid());
    peer.is_some_and(|pid| descends_from(pid, std::process::id().cast_signed()))
}

fn descends_from(mut pid: i32, ancestor: i32) -> bool {
    while pid > 1 && pid != ancestor {
        // Gone, or not to be seen from here: nothing of ours.
        let Some(parent) = parent_of(pid) else {
            return false;
        };
        pid = parent;
    }
    pid == ancestor
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, also brackets and blanks; after it come the state and the parent.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ancestors_are_found_and_strangers_are_not() {
        let us = std::process::id().cast_signed();
        let parent = parent_of(us).unwrap();
        assert!(descends_from(us, us) && descends_from(us, parent));
        assert!(!descends_from(parent, us) && !descends_from(1, us));
        assert!(!descends_from(i32::MAX, us));
    }
}
