//! The front: the process the user started. It stands for the program towards shell and terminal.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, WaitId, WaitIdOptions, WaitOptions, getpid, set_child_subreaper, waitid, waitpid,
};

use super::ending::{Ending, Failure};
use super::guardian;
use super::message::Message;
use super::plan::{Leftover, Plan};
use crate::clean::clean;
use crate::descendants;
use crate::outcome::Errno;
use crate::sys::process::{self, Received, SignalSet, Target};

/// The front's side of a run.
///
/// It has given up standard input and output and every inherited descriptor but standard error, so that pipes end
/// when the program closes them.
#[derive(Debug)]
pub struct Front {
    link: OwnedFd,
    guardian: Pid,
    /// Whether the run's processes become our children when guardian and supervisor are gone.
    is_heir: bool,
    leftover: Leftover,
    remove_at_end: Vec<PathBuf>,
    program: Option<Target>,
    supervisor: Option<Pid>,
    /// Signals that came before the program had started.
    early: Vec<i32>,
    /// Whether a signal asked to end when the program was gone already, which we had not been told yet.
    is_to_end: bool,
    ended: Option<Ending>,
}

/// Has the processes of the run become children of this one when nobody else of us is left, and says whether they do.
///
/// Not where there are children already: this process took the place of one that had started them, and whom they
/// leave behind is none of the run.
pub(super) fn inherit() -> bool {
    let any = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let has_none = waitid(WaitId::All, any).is_err();
    has_none && set_child_subreaper(Some(getpid())).is_ok()
}

impl Front {
    pub(super) fn new(link: OwnedFd, guardian: Pid, is_heir: bool, plan: Plan) -> Self {
        process::null_stdio(0..=1);
        process::close_inherited();
        Self {
            link,
            guardian,
            is_heir,
            leftover: plan.leftover,
            remove_at_end: plan.remove_at_end,
            program: None,
            supervisor: None,
            early: Vec::new(),
            is_to_end: false,
            ended: None,
        }
    }

    /// Waits for the program's end, passing on signals and stopping whenever the program is stopped.
    ///
    /// Signals that a process sends to the front go to the program. Those of the terminal do not: the kernel sends
    /// them to the whole foreground job, the program included. Once the program has ended, a signal that asks to end
    /// ends the front's waiting for others, who are then killed.
    // DIFFERS: a signal sent with kill(2) to the whole process group reaches the program twice.
    #[must_use]
    pub fn wait(mut self) -> Ending {
        let signals = match process::signal_fd(&SignalSet::all()) {
            Ok(fd) => fd,
            Err(errno) => {
                return Ending::Failed(Failure::own(format!("cannot receive signals: {errno}")));
            }
        };
        loop {
            let mut fds = [
                PollFd::new(&self.link, PollFlags::IN),
                PollFd::new(&signals, PollFlags::IN),
            ];
            match poll(&mut fds, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Ending::Failed(Failure::own(format!("cannot wait: {errno}"))),
            }
            let is_told = !fds[0].revents().is_empty();
            while let Some(received) = process::read_signal(signals.as_fd()) {
                if let Some(ending) = self.ended.take_if(|_| is_deadly(received.signal)) {
                    return ending;
                }
                self.pass_on(received);
            }
            if is_told && let Some(ending) = self.hear() {
                return ending;
            }
        }
    }

    /// Takes one message; the ending, if the front is to end.
    fn hear(&mut self) -> Option<Ending> {
        match Message::receive(self.link.as_fd()) {
            Ok(Some(Message::Started {
                program,
                supervisor,
            })) => {
                self.supervisor = Some(supervisor);
                let program = Target::new(program);
                for signal in core::mem::take(&mut self.early) {
                    self.send(&program, signal);
                }
                self.program = Some(program);
                None
            }
            Ok(Some(Message::Stopped(signal))) => {
                self.stop(signal);
                None
            }
            Ok(Some(Message::Note(line))) => {
                eprintln!("ugpio: {}", clean(&line));
                None
            }
            Ok(Some(Message::Ended { ending, is_last })) => {
                // With nobody left there is no reason not to see everything cleaned up.
                if is_last || self.leftover == Leftover::Wait && !self.is_to_end {
                    self.ended = Some(ending);
                    return None;
                }
                Some(ending)
            }
            Err(Errno::INTR) => None,
            Ok(None) | Err(_) => Some(self.hung_up()),
        }
    }

    /// The supervisor is gone: at its time, or killed. The guardian has killed everybody when it ends, unless it was
    /// killed itself.
    fn hung_up(&mut self) -> Ending {
        while matches!(
            waitpid(Some(self.guardian), WaitOptions::empty()),
            Err(Errno::INTR)
        ) {}
        if self.is_heir {
            guardian::kill_orphans();
        }
        guardian::remove_all(&self.remove_at_end);
        self.ended.take().unwrap_or_else(|| {
            Ending::Failed(Failure::own(
                "the supervisor was killed, and with it the program and all it had started",
            ))
        })
    }

    fn pass_on(&mut self, received: Received) {
        let signal = received.signal;
        if signal == libc::SIGCHLD {
            return;
        }
        let Some(program) = self.program.take() else {
            self.early.push(signal);
            return;
        };
        self.pass_to(&program, received);
        self.program = Some(program);
    }

    fn pass_to(&mut self, program: &Target, received: Received) {
        let signal = received.signal;
        if !received.is_sent || self.is_own(received.sender) {
            return;
        }
        // `fg` continues the whole job; a program that runs already needs no second signal.
        if signal == libc::SIGCONT && !descendants::is_stopped(program.pid()) {
            return;
        }
        self.send(program, signal);
    }

    /// Sends a signal to the program. One that asks a program to end which has ended already is for us.
    fn send(&mut self, program: &Target, signal: i32) {
        if program.send(signal) == Err(Errno::SRCH) {
            self.is_to_end |= is_deadly(signal);
        }
    }

    /// Whether the sender belongs to the run: what it sends to its process group, the program gets by itself.
    fn is_own(&self, sender: Option<Pid>) -> bool {
        match (sender, self.supervisor) {
            (Some(sender), Some(supervisor)) => descendants::is_below(sender, supervisor),
            _ => false,
        }
    }

    /// Stops as the program did, until the shell or the supervisor continues us.
    fn stop(&self, signal: i32) {
        let is_stopped = || {
            self.program
                .as_ref()
                .is_some_and(|program| descendants::is_stopped(program.pid()))
        };
        if is_stopped() {
            process::suffer_if(signal, is_stopped);
        }
    }
}

/// Whether a signal asks a process to end.
fn is_deadly(signal: i32) -> bool {
    matches!(
        signal,
        libc::SIGINT | libc::SIGTERM | libc::SIGHUP | libc::SIGQUIT
    )
}
