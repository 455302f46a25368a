//! The guardian: parent of the supervisor, there to clean up if the supervisor is killed.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, getpid, set_child_subreaper, setsid};

use super::ending::{Ending, Failure};
use super::limits;
use super::message::Message;
use super::plan::Plan;
use super::session::Session;
use crate::descendants;
use crate::outcome::Errno;
use crate::sys::process::{
    Target, close_inherited, exit_now, fork, null_stdio, poll_children, rename, wait_child,
};

/// Runs in the child of the front. Comes back in its child, the supervisor, and never in the guardian.
pub(super) fn become_guardian(plan: Plan, link: OwnedFd, front: Target) -> Session {
    let started = set_child_subreaper(Some(getpid())).and_then(|()| pipe_with(PipeFlags::CLOEXEC));
    let (lifeline, held) = match started {
        Ok(pipe) => pipe,
        Err(errno) => give_up(&link, errno),
    };
    match fork() {
        Ok(None) => {
            drop(held);
            Session::begin(plan, link, front, lifeline)
        }
        Ok(Some(supervisor)) => {
            drop((link, lifeline, front));
            guard(supervisor, &plan.remove_at_end);
            drop(held);
            exit_now(0)
        }
        Err(errno) => give_up(&link, errno),
    }
}

fn give_up(link: &OwnedFd, errno: Errno) -> ! {
    let failure = Failure::own(format!(
        "cannot start a process: {}",
        limits::because(errno)
    ));
    let _ = Message::Ended {
        ending: Ending::Failed(failure),
        is_last: true,
    }
    .send(link.as_fd());
    exit_now(125)
}

/// Waits for the supervisor's end, then kills whom it left, and removes what it left.
fn guard(supervisor: Pid, remove: &[PathBuf]) {
    // Not found by `killall ugpio`, which may well kill the supervisor.
    rename(c"gpio-guardian");
    let _ = setsid();
    null_stdio(0..=2);
    close_inherited();
    loop {
        match wait_child() {
            Ok(Some(change)) if change.pid == supervisor => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => break,
        }
    }
    kill_orphans();
    remove_all(remove);
}

/// Kills all descendants of this process, until none is left.
pub(super) fn kill_orphans() {
    // As a rule nobody is left, and looking through all processes of the machine is spared.
    while poll_children().is_ok() {
        descendants::kill_all();
        if !matches!(wait_child(), Ok(_) | Err(Errno::INTR)) {
            return;
        }
    }
}

/// Removes directories with all they contain, as far as possible.
pub(super) fn remove_all(paths: &[PathBuf]) {
    for path in paths {
        // Not the standard library's: copies of read-only directories are among them.
        let _ = crate::shadow::remove(path);
    }
}
