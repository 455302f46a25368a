//! Calling threads back: out of a call in which they sleep, so that the call comes again and can be answered.
//!
//! Such a thread may do something else by the time it is attached to, and not stop for as long as that lasts: in
//! vfork(2) until its child lets it go, in a driver until its hardware answers. The child may need us for that. So the
//! wait for the stops has an end, and a thread of ours whose own end detaches from whoever has not stopped: the kernel
//! lets go by request only of a thread that is stopped.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, statat};

use super::super::process::hold_waiting;
use super::still::Doing;
use super::{Slept, Traced, on_own_thread};
use crate::arch::{Arch, Sys};
use crate::outcome::Call;

/// How long all that are called back together may take to stop. A thread that sleeps stops at once if it gets a
/// processor.
const STOPPING_MAX: Duration = Duration::from_secs(1);

/// A call that was let through and may sleep, and the thread that made it, whoever has its number later.
#[derive(Debug)]
pub(crate) struct Asleep {
    call: Call,
    /// `/proc/TID`, which shows nothing any more once the thread is gone. Without it the thread is not called back.
    dir: Option<OwnedFd>,
}

impl Asleep {
    /// The call is about to be let through: its thread still waits for that.
    pub(crate) fn new(call: &Call) -> Self {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, format!("/proc/{}", call.tid), flags, Mode::empty());
        let dir = dir.inspect_err(|errno| {
            tracing::debug!(%errno, tid = %call.tid, "a thread that sleeps cannot be called back");
        });
        Self {
            call: *call,
            dir: dir.ok(),
        }
    }

    /// The call, as it came first.
    pub(crate) fn call(&self) -> &Call {
        &self.call
    }

    /// Attaches to the thread if it may be asleep in the call now, and has it stop.
    fn seize(&self, limit: Instant) -> Option<Traced> {
        let dir = self.dir.as_ref()?;
        if !is_there(dir) || !self.may_be(dir) {
            return None;
        }
        let mut thread = Traced::seize(self.call.tid).ok()?;
        thread.limit = Some(limit);
        Some(thread)
    }

    /// Waits for the stop, which makes the thread leave the call without a result.
    fn stopped<'a>(&'a self, thread: Traced) -> Option<Recalled<'a>> {
        let outcome = thread.await_interruption();
        if let Err(errno) = outcome {
            tracing::debug!(%errno, tid = %self.call.tid, "a thread did not stop to be called back");
        }
        // The number has meant this thread all the time if the thread is there still.
        if let Some(dir) = self.dir.as_ref()
            && outcome.is_ok()
            && is_there(dir)
        {
            return Some(Recalled {
                thread,
                dir,
                call: &self.call,
            });
        }
        thread.detach();
        None
    }

    /// Whether the thread may be asleep in this call now.
    fn may_be(&self, dir: &OwnedFd) -> bool {
        let restart = Arch::NATIVE.number(Sys::RestartSyscall).map(i64::from);
        match Doing::of(dir) {
            Doing::Running => true,
            Doing::Asleep(Slept { nr, .. }) => nr == i64::from(self.call.nr) || Some(nr) == restart,
            Doing::Waiting | Doing::Gone => false,
        }
    }
}

/// Whether the thread of this directory lives, so that its number means no other one.
fn is_there(dir: &OwnedFd) -> bool {
    statat(dir, c"stat", AtFlags::empty()).is_ok()
}

/// Stops the threads that sleep in these calls, does what is to be done `meanwhile`, and lets them go: they make
/// their calls again. Says which of them were stopped: not those that do not sleep there any more, do not stop, or
/// have a debugger. The session does not wait for children meanwhile ([`hold_waiting`]).
pub(crate) fn recall(sleepers: &[&Asleep], meanwhile: impl FnOnce() + Send) -> Vec<bool> {
    let mut meanwhile = Some(meanwhile);
    let mut act = || meanwhile.take().map_or((), |act| act());
    if sleepers.is_empty() {
        act();
        return Vec::new();
    }
    let _held = hold_waiting();
    let stopped = on_own_thread(|| {
        let limit = Instant::now() + STOPPING_MAX;
        // All of them first, so that one that does not stop takes no time from the others.
        let seized: Vec<_> = sleepers.iter().map(|one| one.seize(limit)).collect();
        let both = sleepers.iter().zip(seized);
        let stopped: Vec<_> = both
            .map(|(sleeper, thread)| sleeper.stopped(thread?))
            .collect();
        act();
        let let_go = |one: Option<Recalled<'_>>| one.map(Recalled::resume).is_some();
        stopped.into_iter().map(let_go).collect()
    });
    stopped.unwrap_or_else(|errno| {
        tracing::error!(%errno, "cannot call back who sleeps: no thread can be started");
        act();
        vec![false; sleepers.len()]
    })
}

/// A thread that was stopped on its way out of a call in which it slept.
struct Recalled<'a> {
    thread: Traced,
    dir: &'a OwnedFd,
    call: &'a Call,
}

impl Recalled<'_> {
    /// Lets the thread go: it makes its call again.
    fn resume(self) {
        let slept = Slept {
            nr: i64::from(self.call.nr),
            first: self.call.args[0],
        };
        self.thread.let_go(Some(slept), self.dir);
    }
}

#[cfg(test)]
mod tests;
