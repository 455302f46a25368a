//! The dispatcher: threads that receive trapped calls, have them decided, and answer.
//!
//! [`start`] puts one thread on a [`Listener`]; the session's owner supplies the [`Dispatch`] that decides. Receiving
//! and answering on one thread is what makes the synchronous wake-up pay. A thread that hangs in a copy of somebody's
//! memory is noticed by `stall`; another takes its place, and it retires when it comes back. Nothing that happens
//! while one call is decided, a panic included, ends the loop.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, RwLockReadGuard};

use rustix::process::Pid;

use crate::arch::{self, Mark};
use crate::outcome::{Call, Errno, Reply};
use crate::procdir::ThisThread;
use crate::stall::Watch;
use crate::sys::ptrace::again;
pub use crate::sys::seccomp::Listener;
use crate::sys::seccomp::Notification;

/// The most dispatcher threads at once, stuck ones included. If all are stuck, the program waits for itself.
const THREADS_MAX: usize = 64;
/// The most answers kept for calls that may come again.
const REPLAY_MAX: usize = 64;

/// Decides what trapped calls do. Called from several threads when one of them hangs in a copy.
pub trait Dispatch: Send + Sync {
    /// Runs before each call is decided: what happened up to now, such as a last close, must be seen by it.
    fn before_each(&self) {}

    /// A thread is about to execute another program. Told before the kernel may do so.
    fn replaces_image(&self, thread: Pid);

    /// A thread is about to get another root or other mounts, and so are those that share them. Told before the kernel
    /// may do so.
    fn changes_root(&self);

    /// Held while a call is answered, by whoever must keep all answers back at times.
    fn answering(&self) -> Option<RwLockReadGuard<'_, ()>>;

    /// Decides one call. The listener is there for descriptors whose number must be known before the answer.
    fn dispatch(&self, call: &Call, listener: &Listener) -> Reply;
}

/// A running set of dispatcher threads. Dropping the handle does not stop them: they end when nobody is left to call.
#[derive(Clone)]
pub struct Dispatcher {
    desk: Arc<Desk>,
}

/// What the threads share.
struct Desk {
    listener: Arc<Listener>,
    dispatch: Arc<dyn Dispatch>,
    /// Each call is one step, and so is counted.
    watch: Watch,
    threads: AtomicUsize,
    /// Threads started for stuck ones that have not retired yet.
    replacements: AtomicUsize,
    replay: Replay,
}

/// Starts answering the calls that arrive at `listener`.
///
/// # Errors
///
/// If no thread can be started.
pub fn start(listener: Arc<Listener>, dispatch: Arc<dyn Dispatch>) -> std::io::Result<Dispatcher> {
    listener.set_sync_wake_up();
    let desk = Arc::new(Desk {
        listener,
        dispatch,
        watch: Watch::default(),
        threads: AtomicUsize::new(0),
        replacements: AtomicUsize::new(0),
        replay: Replay::default(),
    });
    Desk::start_thread(&desk)?;
    let watched = Arc::clone(&desk);
    std::thread::Builder::new()
        .name("ugpio-watch".into())
        .spawn(move || {
            let watch = watched.watch.clone();
            watch.run(|| Desk::replace_stuck(&watched))
        })?;
    Ok(Dispatcher { desk })
}

impl Dispatcher {
    /// How many calls were trapped so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.desk.watch.steps()
    }
}

#[cfg(fuzzing)]
impl Dispatcher {
    /// One without threads, of which the fuzz target makes the steps.
    #[must_use]
    pub fn without_threads(listener: Arc<Listener>, dispatch: Arc<dyn Dispatch>) -> Self {
        let desk = Desk {
            listener,
            dispatch,
            watch: Watch::default(),
            threads: AtomicUsize::new(0),
            replacements: AtomicUsize::new(0),
            replay: Replay::default(),
        };
        Self {
            desk: Arc::new(desk),
        }
    }

    /// Answers one call.
    pub fn serve(&self, notification: &Notification) {
        self.desk.serve(notification);
    }
}

impl core::fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let threads = self.desk.threads.load(Ordering::Relaxed);
        f.debug_struct("Dispatcher")
            .field("threads", &threads)
            .field("calls", &self.calls())
            .finish()
    }
}

impl Desk {
    fn start_thread(desk: &Arc<Self>) -> std::io::Result<()> {
        desk.threads.fetch_add(1, Ordering::Relaxed);
        let own = Arc::clone(desk);
        let started = std::thread::Builder::new()
            .name("ugpio-dispatch".into())
            .spawn(move || {
                own.run();
                own.threads.fetch_sub(1, Ordering::Relaxed);
            });
        if started.is_err() {
            desk.threads.fetch_sub(1, Ordering::Relaxed);
        }
        started.map(drop)
    }

    /// Called by the watch when a thread hangs in a copy.
    fn replace_stuck(desk: &Arc<Self>) {
        let threads = desk.threads.load(Ordering::Relaxed);
        tracing::info!(
            threads,
            "a call of the program takes long to decide, going on without it"
        );
        if threads >= THREADS_MAX {
            tracing::warn!(threads, "too many copies hang, calls wait for them");
            return;
        }
        match Self::start_thread(desk) {
            Ok(()) => drop(desk.replacements.fetch_add(1, Ordering::Relaxed)),
            Err(error) => tracing::warn!(%error, "cannot start another dispatcher thread"),
        }
    }

    /// Whether the calling thread, which was stuck, has been replaced and may go.
    fn may_retire(&self) -> bool {
        self.replacements
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
            .is_ok()
    }

    /// One thread's loop: until nobody is left, or until this thread has been replaced.
    fn run(&self) {
        let joined = self.watch.join();
        loop {
            match self.listener.recv() {
                Ok(notification) => {
                    let _inside = joined.enter();
                    self.serve(&notification);
                }
                Err(Errno::INTR) => {}
                Err(Errno::NOENT) if !self.listener.is_hung_up() => {}
                Err(Errno::NOENT) => return,
                Err(errno) => {
                    tracing::error!(%errno, "cannot receive system calls any more");
                    return;
                }
            }
            if joined.was_reported() && self.may_retire() {
                return;
            }
        }
    }

    fn serve(&self, notification: &Notification) {
        if let Some(tid) = notification.tid
            && arch::executes(notification.arch, notification.nr)
        {
            self.dispatch.replaces_image(tid);
        }
        if arch::reroots(notification.arch, notification.nr) {
            self.dispatch.changes_root();
        }
        let Some(call) = notification.call() else {
            tracing::debug!(?notification, "not ours");
            let _answering = self.dispatch.answering();
            let _ = self.listener.cont(notification.id);
            return;
        };
        if again::is_expected(&call) {
            // Its own call, with the arguments we gave it.
            let _answering = self.dispatch.answering();
            let _ = self.listener.cont(call.id);
            return;
        }
        let reply = self
            .replay
            .take(&call)
            .unwrap_or_else(|| self.decide(&call));
        tracing::debug!(tid = %call.tid.as_raw_nonzero(), sys = ?call.sys, args = ?call.args, ?reply);
        match self.answer(call.id, &reply) {
            Ok(()) => {}
            // If a signal took it back and it comes again, the kept answer is given.
            Err(Errno::NOENT) if call.has(Mark::Harmless) => {}
            Err(Errno::NOENT) => self.replay.keep(&call, reply),
            Err(errno) => tracing::warn!(%errno, ?call, ?reply, "cannot answer"),
        }
    }

    /// The handler's decision, or a harmless one if it panics.
    fn decide(&self, call: &Call) -> Reply {
        let decided = catch_unwind(AssertUnwindSafe(|| {
            self.dispatch.before_each();
            self.dispatch.dispatch(call, &self.listener)
        }));
        decided.unwrap_or_else(|_| {
            tracing::error!(?call, "the handler panicked; this is a bug of ugpio");
            if call.has(Mark::Ours) {
                Reply::Fail(Errno::IO)
            } else {
                Reply::Continue
            }
        })
    }

    fn answer(&self, id: u64, reply: &Reply) -> Result<(), Errno> {
        let _answering = self.dispatch.answering();
        match reply {
            Reply::Continue => self.listener.cont(id),
            Reply::Return(value) => self.listener.reply(id, Ok(*value)),
            Reply::Fail(errno) => self.listener.reply(id, Err(*errno)),
            Reply::Answered => Ok(()),
            Reply::Fd { fd, cloexec } => match self.listener.add_fd_reply(id, fd.as_fd(), *cloexec)
            {
                Ok(_) => Ok(()),
                Err(Errno::NOENT) => Err(Errno::NOENT),
                // The caller's table is full, most likely: its open fails.
                Err(errno) => self.listener.reply(id, Err(errno)),
            },
            Reply::FdAt {
                fd,
                cloexec,
                number,
            } => {
                let (fd, cloexec) = (fd.as_fd(), *cloexec);
                let added = self.listener.add_fd_reply_at(id, fd, cloexec, *number);
                match added {
                    Ok(_) => Ok(()),
                    Err(Errno::NOENT) => Err(Errno::NOENT),
                    Err(_) => match self.listener.add_fd_reply(id, fd, cloexec) {
                        Ok(_) => Ok(()),
                        Err(Errno::NOENT) => Err(Errno::NOENT),
                        Err(errno) => self.listener.reply(id, Err(errno)),
                    },
                }
            }
        }
    }
}

/// Answers to calls that were taken back by a signal after they were carried out.
///
/// Without the killable wait (Linux before 5.19), and in a rare race with it, a restarted call arrives a second time.
/// One answer a thread is kept: its next call either is the same one or shows that it was not restarted.
#[derive(Default)]
struct Replay {
    kept: Mutex<Vec<Kept>>,
    /// Whether anything is kept; saves the lock, since nearly always nothing is.
    any: AtomicBool,
}

/// An answer for a call of one thread.
struct Kept {
    call: Call,
    reply: Reply,
    thread: ThisThread,
}

impl Replay {
    /// Keeps `reply` if the call was carried out here and can come again because its thread still lives.
    fn keep(&self, call: &Call, reply: Reply) {
        // That memory could not be read or written is also what a handler finds when the call is gone.
        let is_done = !matches!(
            reply,
            Reply::Continue | Reply::Fail(Errno::FAULT | Errno::SRCH)
        );
        if !is_done {
            return;
        }
        let Ok(thread) = ThisThread::of(call.tid) else {
            return;
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|other| other.call.tid != call.tid);
        if kept.len() == REPLAY_MAX {
            kept.remove(0);
        }
        let call = *call;
        kept.push(Kept {
            call,
            reply,
            thread,
        });
        self.any.store(true, Ordering::Relaxed);
    }

    /// The kept answer if `call` is the thread's last one again.
    fn take(&self, call: &Call) -> Option<Reply> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has died since asks no more: its number may be another's, and the answer may hold a file open.
        kept.retain(|other| other.thread.is_there());
        let at = kept.iter().position(|other| other.call.tid == call.tid);
        let found = at.map(|at| kept.swap_remove(at));
        self.any.store(!kept.is_empty(), Ordering::Relaxed);
        let Kept {
            call: other, reply, ..
        } = found?;
        (other.nr == call.nr && other.args == call.args).then_some(reply)
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpid;

    use super::*;

    fn call(id: u64, nr: u32, arg: u64) -> Call {
        Call {
            id,
            tid: getpid(),
            sys: None,
            nr,
            args: [arg; 6],
        }
    }

    #[test]
    fn a_call_that_comes_again_gets_its_answer_once() {
        let replay = Replay::default();
        replay.keep(&call(1, 16, 7), Reply::Return(5));
        assert!(matches!(
            replay.take(&call(2, 16, 7)),
            Some(Reply::Return(5))
        ));
        assert!(replay.take(&call(3, 16, 7)).is_none());
    }

    #[test]
    fn another_call_of_the_thread_ends_the_wait_for_a_repetition() {
        let replay = Replay::default();
        replay.keep(&call(1, 16, 7), Reply::Return(5));
        assert!(replay.take(&call(2, 16, 8)).is_none());
        assert!(replay.take(&call(3, 16, 7)).is_none());
    }

    /// A thread that is killed while its answer is decided is there still, if only for a moment.
    #[test]
    fn what_was_kept_for_who_dies_is_dropped() {
        let mut cat = std::process::Command::new("cat");
        let mut child = cat.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let dying = Call {
            tid: Pid::from_child(&child),
            ..call(1, 16, 7)
        };
        let replay = Replay::default();
        replay.keep(&dying, Reply::Return(5));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(replay.take(&dying).is_none(), "its number is another's");
        replay.keep(&call(1, 16, 7), Reply::Return(5));
        assert!(replay.take(&call(2, 16, 7)).is_some());
    }

    #[test]
    fn nothing_is_kept_for_the_dead() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let tid = Pid::from_child(&child);
        child.wait().unwrap();
        let replay = Replay::default();
        replay.keep(
            &Call {
                tid,
                ..call(1, 16, 7)
            },
            Reply::Return(5),
        );
        assert!(!replay.any.load(Ordering::Relaxed));
    }
}
