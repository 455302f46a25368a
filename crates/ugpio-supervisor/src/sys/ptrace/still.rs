//! Holding threads still while something changes that they must not see half done.
//!
//! A thread that runs, or sleeps in a call that a stop does not harm, is attached to and stopped. One that has gone to
//! sleep for good meanwhile (in vfork, in a trapped call) is not waited for: it stops before it comes back to its
//! program. `files` says which threads these are. As with [`super::recall`], the end of a thread of ours detaches
//! from whoever has not stopped in time.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, read};
use rustix::process::Pid;

use super::super::process::hold_waiting;
use super::{PAUSE_MAX, PAUSE_MIN, Registers, Slept, Traced, on_own_thread};

/// How long all threads together may take to stop, and afterwards those to come that slept where no stop reaches.
const STOPPING_MAX: Duration = Duration::from_secs(1);
/// Longer than the text of `/proc/TID/syscall`.
const CALL_MAX: usize = 256;
/// Signals that do nothing unless there is a handler, as a set.
const IGNORED: u64 = of(libc::SIGCHLD) | of(libc::SIGCONT) | of(libc::SIGURG) | of(libc::SIGWINCH);
/// Longer than the texts of `/proc/TID/status` and `stat`.
const STATUS_MAX: usize = 8192;

/// A signal as a set.
const fn of(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// What a thread does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Doing {
    /// It runs or is about to, or the machine does not show it.
    Running,
    /// It sleeps in a call.
    Asleep(Slept),
    /// It sleeps, but in no call: a page has to come, or a signal has stopped it.
    Waiting,
    /// It is gone.
    Gone,
}

/// A thread, whoever has its number later.
#[derive(Debug)]
pub(crate) struct Looker {
    tid: Pid,
    /// `/proc/TID`, which shows nothing any more once the thread is gone.
    dir: OwnedFd,
    doing: Doing,
}

impl Looker {
    /// The thread that has this number now; `None` if it is none.
    pub(crate) fn new(tid: Pid) -> Option<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, format!("/proc/{tid}"), flags, Mode::empty()).ok()?;
        let doing = Doing::of(&dir);
        (doing != Doing::Gone).then_some(Self { tid, dir, doing })
    }

    /// What it did when it was looked at.
    pub(crate) fn doing(&self) -> Doing {
        self.doing
    }

    /// Its number.
    pub(crate) fn tid(&self) -> Pid {
        self.tid
    }
}

impl Doing {
    /// What the thread of this directory of `/proc` does.
    // KERNEL: fs/proc/base.c proc_pid_syscall: "running"; the number of the call it sleeps in and the arguments; or -1
    pub(super) fn of(dir: &OwnedFd) -> Self {
        let mut text = [0; CALL_MAX];
        let text = match text_of(dir, c"syscall", &mut text) {
            Ok(text) => text,
            Err(Errno::SRCH) => return Self::Gone,
            Err(_) => return Self::Running,
        };
        let mut words = text.split_whitespace();
        match words.next() {
            // Nothing is shown of who has ended.
            None => Self::Gone,
            Some(word) => match word.parse() {
                Err(_) => Self::Running,
                Ok(-1) => Self::Waiting,
                Ok(nr) => {
                    let hex = words.next().and_then(|word| word.strip_prefix("0x"));
                    let first = hex.and_then(|hex| u64::from_str_radix(hex, 16).ok());
                    Self::Asleep(Slept {
                        nr,
                        first: first.unwrap_or_default(),
                    })
                }
            },
        }
    }
}

/// Whether the thread of this directory sleeps where no stop reaches it. What `syscall` shows would not do: a thread
/// that is about to be woken is not running yet, and looks at all its files again before it leaves `poll`.
fn is_out_of_reach(dir: &OwnedFd) -> bool {
    let mut text = [0; STATUS_MAX];
    // KERNEL: fs/proc/array.c task_state_array (v6.12)
    text_of(dir, c"stat", &mut text).is_ok_and(
        |text| matches!(text.rsplit_once(") "), Some((_, rest)) if rest.starts_with('D')),
    )
}

/// As much of a file of a thread's directory as fits.
fn text_of<'b>(
    dir: &OwnedFd,
    name: &core::ffi::CStr,
    buffer: &'b mut [u8],
) -> Result<&'b str, Errno> {
    let file = openat(dir, name, OFlags::CLOEXEC, Mode::empty())?;
    let length = read(&file, &mut *buffer)?;
    Ok(core::str::from_utf8(&buffer[..length]).unwrap_or_default())
}

/// Whether a signal is there that the thread of this directory takes and that does something to it.
pub(super) fn has_signal(dir: &OwnedFd) -> bool {
    let mut text = [0; STATUS_MAX];
    text_of(dir, c"status", &mut text).map_or(true, shows_signal)
}

/// Whether the text of a thread's status shows such a signal.
// KERNEL: kernel/signal.c sig_ignored (v6.12): a traced thread gets those too that it ignores, and drops them later
fn shows_signal(status: &str) -> bool {
    let set = |name: &str| {
        let mut rows = status.lines();
        let row = rows.find_map(|row| row.strip_prefix(name));
        row.and_then(|row| u64::from_str_radix(row.trim(), 16).ok())
            .unwrap_or_default()
    };
    let pending = (set("SigPnd:") | set("ShdPnd:")) & !set("SigBlk:");
    pending & (set("SigCgt:") | !(set("SigIgn:") | IGNORED)) != 0
}

/// Stops the threads that `find` finds, and those that it finds then, until it finds no more; acts, and lets all go.
/// What `begin` gives is `act`'s. Gives the numbers of those that were stopped. The session does not wait for children
/// meanwhile ([`hold_waiting`]).
///
/// # Errors
///
/// With nothing done: no thread of ours can be started.
pub(crate) fn hold_still<G>(
    begin: impl FnOnce() -> G + Send,
    find: impl Fn() -> Vec<Looker> + Send,
    act: impl FnOnce(G) + Send,
) -> Result<Vec<Pid>, Errno> {
    let _held = hold_waiting();
    on_own_thread(move || {
        let begun = begin();
        let held = stop_all(&find);
        act(begun);
        let is_stopped = |one: &&Held| one.state == State::Stopped;
        let stopped = held.iter().filter(is_stopped).map(|one| one.who.tid);
        let stopped = stopped.collect();
        let (now, later): (Vec<_>, Vec<_>) = held
            .into_iter()
            .partition(|one| one.state == State::Stopped);
        now.into_iter().for_each(Held::resume);
        let limit = Instant::now() + STOPPING_MAX;
        let coming = later.into_iter().filter(|one| one.state == State::Asleep);
        coming.for_each(|one| one.await_and_resume(limit));
        stopped
    })
}

/// Those that are stopped, or come to that before they come back to their programs.
fn stop_all(find: &impl Fn() -> Vec<Looker>) -> Vec<Held> {
    let limit = Instant::now() + STOPPING_MAX;
    let (mut known, mut held) = (BTreeSet::new(), Vec::new());
    loop {
        let fresh = find().into_iter();
        let fresh: Vec<_> = fresh
            .filter(|who| known.insert(who.tid.as_raw_nonzero()))
            .collect();
        if fresh.is_empty() {
            return held;
        }
        // All of them first, so that they stop side by side.
        let mut seized: Vec<_> = fresh
            .into_iter()
            .filter_map(|who| Held::seize(who, limit))
            .collect();
        seized.iter_mut().for_each(Held::settle);
        held.append(&mut seized);
        if Instant::now() >= limit {
            tracing::debug!("threads did not stop in time to see a chip go at one moment");
            return held;
        }
    }
}

/// Where a thread is that was asked to stop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// It was asked.
    Asked,
    Stopped,
    /// It sleeps where no stop reaches it, and stops when it comes from there.
    Asleep,
    Gone,
}

/// A thread that was asked to stop.
struct Held {
    who: Looker,
    thread: Traced,
    state: State,
}

impl Held {
    fn seize(who: Looker, limit: Instant) -> Option<Self> {
        let mut thread = Traced::seize(who.tid).ok()?;
        thread.limit = Some(limit);
        let state = State::Asked;
        // The number has meant this thread all the time if the thread is there still; the end of ours lets others go.
        if Doing::of(&who.dir) == Doing::Gone {
            return None;
        }
        Some(Self { who, thread, state })
    }

    /// Waits until the thread has stopped or sleeps.
    fn settle(&mut self) {
        let mut pause = PAUSE_MIN;
        let mut is_asleep = false;
        loop {
            match self.thread.take_interruption() {
                Ok(true) => self.state = State::Stopped,
                Ok(false) if is_asleep => self.state = State::Asleep,
                Ok(false) => {}
                Err(_) => self.state = State::Gone,
            }
            let is_late = self
                .thread
                .limit
                .is_some_and(|limit| Instant::now() >= limit);
            if self.state != State::Asked || is_late {
                return;
            }
            is_asleep = is_out_of_reach(&self.who.dir);
            if !is_asleep {
                std::thread::sleep(pause);
                pause = (2 * pause).min(PAUSE_MAX);
            }
        }
    }

    fn await_and_resume(mut self, limit: Instant) {
        self.thread.limit = Some(limit);
        if self.thread.await_interruption().is_ok() {
            self.resume();
        }
    }

    fn resume(self) {
        let slept = match self.who.doing {
            Doing::Asleep(slept) => Some(slept),
            _ => None,
        };
        self.thread.let_go(slept, &self.who.dir);
    }
}

impl Traced {
    /// Lets the stopped thread of this directory go. If the stop, and no signal, has ended a call with `EINTR`, as it
    /// does `epoll_wait`, the call is begun anew. `slept` is the call that it was found in.
    pub(super) fn let_go(self, slept: Option<Slept>, dir: &OwnedFd) {
        let begun_anew = |registers: Registers| {
            if let Some(again) = registers.interrupted(slept)
                && !has_signal(dir)
            {
                self.set_registers(again.repeating(&self)?)?;
            }
            Ok::<_, Errno>(())
        };
        if let Err(errno) = self.registers().and_then(begun_anew) {
            tracing::debug!(%errno, tid = %self.tid, "a call that was stopped ends with EINTR");
        }
        self.detach();
    }

    /// Whether the stop that was asked for has come. A signal that came first is delivered as without the stop.
    fn take_interruption(&self) -> Result<bool, Errno> {
        match self.look_for_stop() {
            Ok(Some(status)) if status >> 8 == libc::PTRACE_EVENT_STOP => Ok(true),
            Ok(Some(status)) => {
                let signal = usize::try_from(status & 0x7f).map_err(|_| Errno::INVAL)?;
                self.request(libc::PTRACE_CONT, 0, signal).map(|()| false)
            }
            Ok(None) | Err(Errno::INTR) => Ok(false),
            Err(errno) => Err(errno),
        }
    }
}

#[cfg(test)]
mod tests;
