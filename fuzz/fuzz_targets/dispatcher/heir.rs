//! The process that has the program's number after it: a fork of this one, which does nothing.

use rustix::process::{Pid, Signal};

/// A child with what this process had at the time. Dropping it ends it.
pub(crate) struct Heir {
    pub(crate) pid: Pid,
}

impl Heir {
    pub(crate) fn start() -> Heir {
        // SAFETY: the child calls nothing but what may be called after a fork of a process with threads.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: both are system calls without pointers.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                loop {
                    libc::pause();
                }
            }
        }
        Heir {
            pid: Pid::from_raw(child).expect("there is room for a process"),
        }
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(self.pid, Signal::KILL);
        let _ = rustix::process::waitpid(Some(self.pid), rustix::process::WaitOptions::empty());
    }
}
