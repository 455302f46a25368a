//! Starting a program under the supervisor, and what becomes of the processes involved.
//!
//! [`launch`] forks three times. The **front** is the process the user started: it stays in the shell's job, passes
//! signals on and ends or stops as the program does. The **guardian** does nothing but outlive the supervisor. The
//! **supervisor** has a session of its own and comes back from [`launch`] with a [`Session`]. The **program** runs
//! in the front's session and process group, with the environment, signals and descriptors the front was given.
//!
//! ```text
//! shell ── front ── guardian ── supervisor ── program ── whatever it starts
//!            ╰───────── link ─────────╯
//! ```
//!
//! If any of the three dies before its time, or two of them do, who is left kills the program and every descendant:
//! the supervisor sees the link or the guardian's pipe hang up, the guardian inherits the supervisor's children, and
//! the front those of both. All are child subreapers, so that no daemon escapes and Yama lets the supervisor read it.
//! The program itself dies with the supervisor.
//!
//! The caller is `ugpio run`; nothing here knows about GPIO.

mod ending;
mod front;
mod guardian;
pub mod limits;
mod message;
mod plan;
mod session;
mod tracee;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::getpid;

pub use self::ending::{Ending, Failure};
pub use self::front::Front;
use self::plan::Plan;
pub use self::plan::{LaunchOptions, Leftover};
pub use self::session::{Session, SessionEvent};
use crate::outcome::Errno;
use crate::sys::process::{self, Target};

/// Which process the caller finds itself in after [`launch`].
#[derive(Debug)]
pub enum Launched {
    /// The process that called: it waits and then ends as the program did.
    Front(Front),
    /// The process that answers: it starts a dispatcher on the session's listener and steps the session.
    Supervisor(Session),
}

/// Starts the program. Comes back in two processes: see [`Launched`].
///
/// To be called before any thread is started. All signals stay blocked in the caller, who gets them through
/// [`Front::wait`].
///
/// # Errors
///
/// If a name contains NUL, or there are threads already, or processes, descriptors or memory have run out. That the
/// program or seccomp is missing is told by [`Front::wait`].
pub fn launch(options: LaunchOptions) -> Result<Launched, Failure> {
    let plan = Plan::new(options)?;
    let pair = |error| Failure::own(format!("cannot make a socket: {}", limits::because(error)));
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(pair)?;
    let front = Target::new(getpid());
    let is_heir = front::inherit();
    let no_fork =
        |error: Errno| Failure::own(format!("cannot start a process: {}", fork_trouble(error)));
    match process::fork().map_err(no_fork)? {
        Some(guardian) => Ok(Launched::Front(Front::new(ours, guardian, is_heir, plan))),
        None => {
            drop(ours);
            Ok(Launched::Supervisor(guardian::become_guardian(
                plan, theirs, front,
            )))
        }
    }
}

fn fork_trouble(error: Errno) -> String {
    match error {
        Errno::DEADLK => "threads are running already".into(),
        error => limits::because(error),
    }
}
