//! The thread that looks after open files while no call comes: last closes and debounce timers.
//!
//! A last close must be seen at once by programs that only poll (a watcher of line info, say), so the
//! thread sleeps on the hang-ups. A file that starts a debounce timer rings the [`Bell`]; the thread
//! then sleeps no longer than until the earliest deadline. It ends with its [`Files`].

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::{Arc, Once, Weak};
use std::task::{Wake, Waker};
use std::thread;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::Files;
use crate::clock::now;

/// How the thread is told that there is something to do.
#[derive(Debug)]
pub(crate) struct Timers {
    bell: Arc<Bell>,
    /// Whose files these are.
    files: Weak<Files>,
    started: Once,
}

/// Rung when a debounce timer was started, or the files are gone.
#[derive(Debug)]
struct Bell(OwnedFd);

impl Timers {
    pub(crate) fn new(bell: OwnedFd, files: &Weak<Files>) -> Self {
        Self {
            bell: Arc::new(Bell(bell)),
            files: Weak::clone(files),
            started: Once::new(),
        }
    }

    /// What [`Timers::new`] needs.
    pub(crate) fn bell() -> Result<OwnedFd, Errno> {
        eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
    }

    /// There is a file: starts the thread, if it is the first. Runs without any need none.
    pub(crate) fn begin(&self, hangups: BorrowedFd<'_>) {
        self.started.call_once(|| {
            if let Err(error) = self.start(hangups) {
                tracing::error!(%error, "no thread looks after open files: closed ones are seen late");
            }
        });
    }

    fn start(&self, hangups: BorrowedFd<'_>) -> std::io::Result<()> {
        let (bell, files) = (Arc::clone(&self.bell), Weak::clone(&self.files));
        let hangups = hangups.try_clone_to_owned()?;
        let thread = thread::Builder::new().name("ugpio-files".into());
        thread.spawn(move || run(&bell, &hangups, &files)).map(drop)
    }

    /// A timer was started, or may have been.
    pub(crate) fn kick(&self) {
        self.bell.ring();
    }

    /// The same, as a waker for the queues of the core.
    pub(crate) fn waker(&self) -> Waker {
        Arc::clone(&self.bell).into()
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        self.bell.ring();
    }
}

impl Bell {
    fn ring(&self) {
        // Fails only if it rings already.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Makes it silent.
    fn answer(&self) {
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}

fn run(bell: &Bell, hangups: &OwnedFd, files: &Weak<Files>) {
    let mut next = None;
    loop {
        wait(bell, hangups, next);
        let Some(files) = files.upgrade() else { return };
        files.reap();
        next = files.advance(files.time());
    }
}

/// Waits for a hang-up or the bell, at most until this time of the monotonic clock.
fn wait(bell: &Bell, hangups: &OwnedFd, until_ns: Option<u64>) {
    let left = until_ns.map(|at| {
        let left = i64::try_from(at.saturating_sub(now().monotonic_ns)).unwrap_or(i64::MAX);
        Timespec {
            tv_sec: left / 1_000_000_000,
            tv_nsec: left % 1_000_000_000,
        }
    });
    let mut fds = [
        PollFd::from_borrowed_fd(bell.0.as_fd(), PollFlags::IN),
        PollFd::new(hangups, PollFlags::IN),
    ];
    // An interrupted wait looks once more than needed.
    if poll(&mut fds, left.as_ref()).is_ok() && fds[0].revents().contains(PollFlags::IN) {
        bell.answer();
    }
}
