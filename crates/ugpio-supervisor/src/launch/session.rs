//! The supervisor's side of a run: children, the front, and the end of everything.
//!
//! [`Session::begin`] forks the program. Afterwards the owner steps the session whenever its descriptor is readable:
//! from an event loop of its own (the descriptor is an epoll, itself pollable), or with [`Session::wait`].

use core::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use rustix::event::{Timespec, epoll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, getpid, set_child_subreaper, setpgid};

use super::ending::{Ending, Failure};
use super::message::Message;
use super::plan::{Leftover, Plan};
use super::{guardian, limits, tracee};
use crate::descendants;
use crate::observe::Process;
use crate::outcome::Errno;
use crate::sys::process::{self, Change, ChildStatus, SignalSet, Target};
use crate::sys::seccomp::Listener;

/// What happened in a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SessionEvent {
    /// The program has ended; what it started may live on.
    ProgramEnded(Ending),
    /// The last process of the run has ended. Nothing follows; the supervisor should clean up and exit.
    AllEnded,
}

/// What the epoll says is ready: children changed, the front is gone, the guardian is gone, all processes are gone.
const SIGNALS: u64 = 0;
const FRONT: u64 = 1;
const GUARDIAN: u64 = 2;
const LISTENER: u64 = 3;

/// A run, seen from the supervisor. To be stepped by the thread that called `launch`, whose children they are.
#[derive(Debug)]
pub struct Session {
    listener: Arc<Listener>,
    program: Pid,
    name: String,
    /// Where the program's process says that it could not be executed.
    tracee: OwnedFd,
    front: Target,
    link: OwnedFd,
    lifeline: OwnedFd,
    signals: OwnedFd,
    ready: OwnedFd,
    leftover: Leftover,
    remove_at_end: Vec<PathBuf>,
    hold_front: bool,
    /// How the program ended, once it has.
    ending: Option<Ending>,
    progress: Progress,
}

/// How far the run has come to its end.
#[derive(Debug, Default)]
struct Progress {
    /// The program is stopped, and the front was told.
    is_stopped: bool,
    is_killing: bool,
    is_guardian_gone: bool,
    is_nobody_left: bool,
    is_end_reported: bool,
    is_front_told: bool,
    is_over: bool,
}

/// The descriptors a session is made from.
struct Ends {
    link: OwnedFd,
    lifeline: OwnedFd,
    tracee: OwnedFd,
    front: Target,
}

impl Session {
    /// Starts the program and takes over its listener, or tells the front why not and ends this process. Runs in
    /// the supervisor, which has one thread.
    pub(super) fn begin(plan: Plan, link: OwnedFd, front: Target, lifeline: OwnedFd) -> Self {
        let fail = |failure: Failure| -> ! {
            descendants::kill_all();
            process::exit_now(failure.code.into())
        };
        let (program, tracee) = match start_program(&plan) {
            Ok(started) => started,
            Err(errno) => {
                let why = limits::because(errno);
                let failure = Failure::own(format!("cannot start a process: {why}"));
                tell_failure(&link, failure.clone());
                fail(failure)
            }
        };
        let _ = Message::Started {
            program,
            supervisor: getpid(),
        }
        .send(link.as_fd());
        leave_the_job(plan.keep_stderr);
        let begun = tracee::receive_listener(tracee.as_fd()).and_then(|listener| {
            let ends = Ends {
                link: rustix::io::fcntl_dupfd_cloexec(&link, 3).map_err(own)?,
                lifeline,
                tracee,
                front,
            };
            Self::new(plan, program, listener, ends)
        });
        begun.unwrap_or_else(|failure| {
            tell_failure(&link, failure.clone());
            fail(failure)
        })
    }

    fn new(plan: Plan, program: Pid, listener: Listener, ends: Ends) -> Result<Self, Failure> {
        let signals = process::signal_fd(&SignalSet::one(libc::SIGCHLD)).map_err(own)?;
        let ready = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(own)?;
        let add = |fd: BorrowedFd<'_>, token, flags| {
            epoll::add(&ready, fd, epoll::EventData::new_u64(token), flags).map_err(own)
        };
        add(signals.as_fd(), SIGNALS, epoll::EventFlags::IN)?;
        // Hang-ups alone are reported without asking.
        add(ends.link.as_fd(), FRONT, epoll::EventFlags::empty())?;
        add(ends.lifeline.as_fd(), GUARDIAN, epoll::EventFlags::empty())?;
        Ok(Self {
            listener: Arc::new(listener),
            program,
            name: plan
                .argv
                .first()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            tracee: ends.tracee,
            front: ends.front,
            link: ends.link,
            lifeline: ends.lifeline,
            signals,
            ready,
            leftover: plan.leftover,
            remove_at_end: plan.remove_at_end,
            hold_front: plan.hold_front,
            ending: None,
            progress: Progress::default(),
        })
    }

    /// Where trapped calls arrive. They wait until a dispatcher is started on it.
    #[must_use]
    pub fn listener(&self) -> Arc<Listener> {
        Arc::clone(&self.listener)
    }

    /// The program's process id.
    #[must_use]
    pub fn program(&self) -> Pid {
        self.program
    }

    /// How the program ended, once it has.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Handles what is ready and gives the next event, or `None` when there is nothing more to do now. Never blocks.
    pub fn step(&mut self) -> Option<SessionEvent> {
        loop {
            if let Some(event) = self.next_event() {
                return Some(event);
            }
            let now = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            if !self.handle_ready(Some(&now)) {
                return None;
            }
        }
    }

    /// Blocks for the next event. After [`SessionEvent::AllEnded`] that is the only one.
    pub fn wait(&mut self) -> SessionEvent {
        loop {
            if self.progress.is_over {
                return SessionEvent::AllEnded;
            }
            if let Some(event) = self.step() {
                return event;
            }
            self.handle_ready(None);
        }
    }

    /// Kills the program and everything it has started. The events that follow tell when that is done.
    pub fn kill(&mut self) {
        self.progress.is_killing = true;
        descendants::kill_all();
    }

    /// Ends the run because the supervisor cannot do its work: the front prints the failure and ends with its status.
    pub fn fail(&self, failure: Failure) -> ! {
        let code = failure.code.into();
        tell_failure(&self.link, failure);
        // The guardian repeats this until nobody is left.
        descendants::kill_all();
        process::exit_now(code)
    }

    /// Has the front print a line on its standard error, after `ugpio: `. Lost if the front reads nothing.
    pub fn say(&self, line: &str) {
        let _ = Message::Note(line.to_owned()).send(self.link.as_fd());
    }

    /// Whether the front waits for those that outlive the program, or they are to be killed first.
    #[must_use]
    pub fn is_front_to_wait(&self) -> bool {
        self.leftover != Leftover::Leave
    }

    /// Whether the front was told how to end.
    #[must_use]
    pub fn is_concluded(&self) -> bool {
        self.progress.is_front_told
    }

    /// Lets a front end that was held, as the program did or in another way. Only the first call counts.
    pub fn conclude(&mut self, instead: Option<Ending>) {
        if let Some(ending) = instead {
            self.ending = Some(ending);
        }
        self.tell_front();
    }

    /// Waits as long as `timeout` says and handles what is ready; whether anything was.
    fn handle_ready(&mut self, timeout: Option<&Timespec>) -> bool {
        let mut buf = [MaybeUninit::uninit(); 8];
        let Ok((events, _)) = epoll::wait(&self.ready, &mut buf, timeout) else {
            return false;
        };
        for event in &*events {
            match event.data.u64() {
                FRONT => self.front_gone(),
                GUARDIAN => self.guardian_gone(),
                LISTENER => {
                    let _ = epoll::delete(&self.ready, &self.listener);
                    self.progress.is_nobody_left = true;
                }
                _ => self.reap(),
            }
        }
        !events.is_empty()
    }

    /// The front has ended: as it should, or killed.
    fn front_gone(&mut self) {
        let _ = epoll::delete(&self.ready, &self.link);
        if !self.progress.is_front_told || self.leftover == Leftover::Wait {
            tracing::info!("the front is gone, killing the program");
            self.kill();
        }
    }

    fn guardian_gone(&mut self) {
        let _ = epoll::delete(&self.ready, &self.lifeline);
        tracing::warn!("the guardian was killed, killing the program");
        self.progress.is_guardian_gone = true;
        self.kill();
    }

    /// Takes the changes of all children: the program, and orphans that became ours.
    fn reap(&mut self) {
        while process::read_signal(self.signals.as_fd()).is_some() {}
        loop {
            match process::poll_children() {
                Ok(Some(change)) if change.pid == self.program => self.program_changed(change),
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) | Err(_) => break,
            }
        }
        if self.progress.is_killing {
            descendants::kill_all();
        }
    }

    fn program_changed(&mut self, change: Change) {
        if let ChildStatus::Stopped(signal) = change.status {
            self.progress.is_stopped = true;
            let _ = Message::Stopped(signal).send(self.link.as_fd());
            return;
        }
        // The front may be stopped, and the shell need not be the one who continued the program.
        if core::mem::take(&mut self.progress.is_stopped) {
            let _ = self.front.send(libc::SIGCONT);
        }
        if let Some(ending) = Ending::of(change.status) {
            let failure =
                tracee::receive_exec_failure(self.tracee.as_fd(), &self.name).map(Ending::Failed);
            self.ending = failure.or_else(|| self.guardian_failure()).or(Some(ending));
            self.watch_for_the_last();
            match self.leftover {
                Leftover::Kill => self.kill(),
                Leftover::Leave | Leftover::Wait if self.hold_front => {}
                Leftover::Leave | Leftover::Wait => self.tell_front(),
            }
        }
    }

    /// Has the session told when nobody is left. Not before the program has ended: every trapped call would have to
    /// pass by who waits for that.
    fn watch_for_the_last(&mut self) {
        let (data, flags) = (
            epoll::EventData::new_u64(LISTENER),
            epoll::EventFlags::empty(),
        );
        if let Err(error) = epoll::add(&self.ready, &self.listener, data, flags) {
            tracing::error!(%error, "cannot wait for what outlives the program, killing it");
            self.kill();
            self.progress.is_nobody_left = true;
        }
    }

    fn guardian_failure(&self) -> Option<Ending> {
        let text =
            "the guardian process was killed, and with it the program and all it had started";
        self.progress
            .is_guardian_gone
            .then(|| Ending::Failed(Failure::own(text)))
    }

    fn tell_front(&mut self) {
        if let Some(ending) = &self.ending
            && !self.progress.is_front_told
        {
            self.progress.is_front_told = true;
            let message = Message::Ended {
                ending: ending.clone(),
                is_last: self.listener.is_hung_up(),
            };
            if !self.listener.is_hung_up() && self.leftover == Leftover::Leave {
                self.say_who_stays();
            }
            let _ = message.send(self.link.as_fd());
        }
    }

    /// Says that the run goes on, which nothing else tells once the front has ended.
    fn say_who_stays(&self) {
        let stays: Vec<_> = descendants::of_this()
            .into_iter()
            .map(Process::of)
            .collect();
        let Some(first) = stays.first() else { return };
        let others = match stays.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        self.say(&format!("the run goes on as long as {first}{others} does"));
    }

    fn next_event(&mut self) -> Option<SessionEvent> {
        let ending = self.ending.as_ref()?;
        if !self.progress.is_end_reported {
            self.progress.is_end_reported = true;
            return Some(SessionEvent::ProgramEnded(ending.clone()));
        }
        if !self.progress.is_nobody_left || self.progress.is_over {
            return None;
        }
        self.progress.is_over = true;
        // Where one of us was killed the guardian may have been too, and not have died yet.
        if self.progress.is_guardian_gone || self.progress.is_killing {
            guardian::remove_all(&self.remove_at_end);
        }
        if !self.hold_front {
            self.tell_front();
        }
        Some(SessionEvent::AllEnded)
    }
}

impl AsFd for Session {
    /// Readable when [`Session::step`] has something to do.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}

/// Forks the process that becomes the program, and gives the socket on which it reports.
fn start_program(plan: &Plan) -> Result<(Pid, OwnedFd), Errno> {
    set_child_subreaper(Some(getpid()))?;
    let parent = getpid();
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    // The program's process sends the listener through it when calls are trapped already.
    let number = theirs.as_raw_fd().cast_unsigned();
    if plan.trapped_from.is_some_and(|first| number >= first) {
        return Err(Errno::MFILE);
    }
    match process::fork()? {
        Some(program) => Ok((program, ours)),
        None => tracee::become_program(plan, &theirs, parent),
    }
}

/// Leaves the program's process group, so that the terminal's signals do not reach us, and lets go of all that was
/// inherited, so that pipes end with the program.
///
/// It stays in the program's session: the scheduler's automatic groups are one a session, and switching between two
/// of them would slow down each trapped call.
fn leave_the_job(keep_stderr: bool) {
    let _ = setpgid(None, None);
    process::null_stdio(0..=if keep_stderr { 1 } else { 2 });
    process::close_inherited();
}

fn tell_failure(link: &OwnedFd, failure: Failure) {
    let _ = Message::Ended {
        ending: Ending::Failed(failure),
        is_last: true,
    }
    .send(link.as_fd());
}

fn own(errno: Errno) -> Failure {
    Failure::own(format!(
        "cannot prepare the supervisor: {}",
        limits::because(errno)
    ))
}
