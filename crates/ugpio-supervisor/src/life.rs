//! Whether a thread lives: by a descriptor of it, which never comes to mean another as its number may.
//!
//! As long as a thread lives its number is its own. So what was found by the number after [`Life::of`] is true of the
//! thread if [`Life::goes_on`] says yes afterwards. [`has_known_root`] remembers by it who was found to have our root.

use core::cell::RefCell;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// `PIDFD_THREAD` of `<linux/pidfd.h>` (6.9): any thread, and not only the first of its process.
const PIDFD_THREAD: PidfdFlags = PidfdFlags::from_bits_retain(libc::O_EXCL.cast_unsigned());
/// How many threads one thread of ours remembers.
const KEPT: usize = 16;

thread_local! {
    /// Threads that were found to have our root. Newest last.
    static ROOTED: RefCell<Vec<(Pid, Life)>> = const { RefCell::new(Vec::new()) };
}

/// A thread, whatever becomes of its number.
#[derive(Debug)]
pub(crate) struct Life(OwnedFd);

impl Life {
    /// The thread that has this number; `None` if this kernel has no descriptor of it.
    pub(crate) fn of(tid: Pid) -> Option<Self> {
        #[cfg(fuzzing)]
        let tid = crate::fuzz::number(tid).ok()?;
        let thread = pidfd_open(tid, PIDFD_THREAD);
        let thread = thread.or_else(|_| pidfd_open(tid, PidfdFlags::empty()));
        thread.ok().map(Self)
    }

    /// Whether it is there still, and so has its number.
    // KERNEL: fs/pidfs.c pidfd_poll (6.12): looks at the task at once; readable from its death on
    pub(crate) fn goes_on(&self) -> bool {
        #[cfg(fuzzing)]
        if !crate::fuzz::is_there() {
            return false;
        }
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        loop {
            match poll(&mut fds, Some(&NOW)) {
                Err(Errno::INTR) => {}
                ready => return ready == Ok(0),
            }
        }
    }
}

/// Waits for nothing.
const NOW: rustix::event::Timespec = rustix::event::Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// Whether a thread has our root, by what was found before of the same thread; else by `look`.
///
/// To be asked only while no thread can have changed its root, which is for the caller to know.
pub(crate) fn has_known_root(tid: Pid, look: impl FnOnce() -> bool) -> bool {
    ROOTED.with_borrow_mut(|rooted| {
        if let Some(at) = rooted.iter().rposition(|known| known.0 == tid) {
            if rooted[at].1.goes_on() {
                return true;
            }
            rooted.remove(at);
        }
        // Taken first: what is found afterwards is the thread's, for as long as it goes on.
        let life = Life::of(tid);
        let has = look();
        if let Some(life) = life.filter(|_| has) {
            if rooted.len() == KEPT {
                rooted.remove(0);
            }
            rooted.push((tid, life));
        }
        has
    })
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn cat() -> (Child, Pid) {
        let child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        (child, pid)
    }

    #[test]
    fn a_life_ends() {
        let (mut child, pid) = cat();
        let life = Life::of(pid).unwrap();
        assert!(life.goes_on());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!life.goes_on());
        assert!(Life::of(pid).is_none());
    }

    #[test]
    fn a_root_is_looked_at_once_for_each_thread() {
        let (mut child, pid) = cat();
        assert!(!has_known_root(pid, || false), "another root is no secret");
        assert!(has_known_root(pid, || true));
        assert!(has_known_root(pid, || unreachable!("it is known")));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!has_known_root(pid, || false), "its number is anybody's");
    }

    #[test]
    fn a_bounded_number_is_remembered() {
        let mut children: Vec<_> = (0..KEPT + 3).map(|_| cat()).collect();
        for (_, pid) in &children {
            assert!(has_known_root(*pid, || true));
        }
        assert_eq!(ROOTED.with_borrow(Vec::len), KEPT);
        for (child, _) in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
