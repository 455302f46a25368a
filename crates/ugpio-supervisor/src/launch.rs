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

mod descendants;
mod ending;
mod front;
mod guardian;
pub mod limits;
mod message;
mod session;
mod tracee;

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{Rlimit, getpid};

pub use self::ending::{Ending, Failure};
pub use self::front::Front;
pub use self::session::{Event, Session};
use crate::arch::Arch;
use crate::filter::{FilterSpec, Insn};
use crate::outcome::Errno;
use crate::sys::process::{self, SignalSet, Target};

/// What happens to processes that outlive the program.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Leftover {
    /// They run on under a supervisor in the background; the front ends with the program.
    #[default]
    Leave,
    /// The front waits for the last of them.
    Wait,
    /// They are killed when the program ends.
    Kill,
}

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct LaunchOptions {
    /// The program, looked up in `PATH` unless it contains a slash.
    pub program: OsString,
    /// Its arguments, without its own name.
    pub args: Vec<OsString>,
    /// What it gets into its environment besides ours.
    pub env: Vec<(OsString, OsString)>,
    /// Which system calls are trapped.
    pub filter: FilterSpec,
    /// What happens to processes that outlive the program.
    pub leftover: Leftover,
    /// Whether the supervisor keeps standard error, to log to. It then keeps it open as long as it lives.
    pub keep_stderr: bool,
    /// Directories that are removed, with all they contain, when the run is over, however it ended.
    pub remove_at_end: Vec<PathBuf>,
    /// The limit of open files that the program gets, if not this process's: see [`limits::raise_descriptors`].
    pub descriptors: Option<Rlimit>,
    /// Whether the front ends only when [`Session::conclude`] says how, and not with the program.
    pub hold_front: bool,
}

impl LaunchOptions {
    /// Runs `program` with the standard filter and nothing special.
    #[must_use]
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            filter: FilterSpec::standard(),
            leftover: Leftover::default(),
            keep_stderr: false,
            remove_at_end: Vec::new(),
            descriptors: None,
            hold_front: false,
        }
    }
}

/// Which process the caller finds itself in after [`launch`].
#[derive(Debug)]
pub enum Launched {
    /// The process that called: it waits and then ends as the program did.
    Front(Front),
    /// The process that answers: it starts a dispatcher on the session's listener and steps the session.
    Supervisor(Session),
}

/// Everything decided before the first fork.
#[derive(Debug)]
struct Plan {
    argv: Vec<CString>,
    env: Vec<(CString, CString)>,
    filter: Vec<Insn>,
    leftover: Leftover,
    keep_stderr: bool,
    remove_at_end: Vec<PathBuf>,
    descriptors: Option<Rlimit>,
    /// From which number on calls on descriptors may be trapped.
    trapped_from: Option<u32>,
    hold_front: bool,
    /// The signal mask the front was started with.
    mask: SignalSet,
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

impl Plan {
    fn new(options: LaunchOptions) -> Result<Self, Failure> {
        let text = |text: OsString| {
            let shown = text.to_string_lossy().into_owned();
            CString::new(text.into_vec())
                .map_err(|_| Failure::own(format!("{shown:?} contains a NUL byte")))
        };
        let argv = core::iter::once(options.program)
            .chain(options.args)
            .map(text)
            .collect::<Result<_, _>>()?;
        let pair = |(name, value)| Ok((text(name)?, text(value)?));
        let env = options
            .env
            .into_iter()
            .map(pair)
            .collect::<Result<_, Failure>>()?;
        Ok(Self {
            argv,
            env,
            trapped_from: options.filter.reads_from(),
            filter: options.filter.assemble(Arch::NATIVE),
            leftover: options.leftover,
            keep_stderr: options.keep_stderr,
            hold_front: options.hold_front,
            remove_at_end: options.remove_at_end,
            descriptors: options.descriptors,
            mask: process::set_mask(&SignalSet::all()),
        })
    }
}
