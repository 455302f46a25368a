//! Runs a program under the supervisor and lets every trapped call through: the smallest use of `launch` and `notif`.
//!
//! `passthrough [OPTION]... PROGRAM [ARGS...]`. The tests in `tests/launch` run it, and they need two paths that do
//! not exist: `chdir("/signals")` sends its caller signals and succeeds, `chdir("/stall")` hangs the dispatcher as a
//! copy of memory that never comes does. Options:
//!
//! - `--wait`, `--kill`: what becomes of processes that outlive the program;
//! - `--remove DIR`: a directory to remove at the end;
//! - `--count FILE`: the file that says at the end how often `/signals` was asked for;
//! - `--stall FIFO`: the pipe from which the hanging dispatcher reads, until somebody writes.

use core::sync::atomic::{AtomicU64, Ordering};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, RwLockReadGuard};

use rustix::process::{Pid, Signal, kill_process};
use ugpio_supervisor::inside::{Sys, remote};
use ugpio_supervisor::launch::{
    Ending, Failure, LaunchOptions, Launched, Leftover, Session, SessionEvent, launch,
};
use ugpio_supervisor::notif::{self, Dispatch, Listener};
use ugpio_supervisor::outcome::{Call, Reply};

/// Lets calls through, except for the two paths.
#[derive(Debug, Default)]
struct Passthrough {
    count: Option<PathBuf>,
    stall: Option<PathBuf>,
    asked: AtomicU64,
}

impl Dispatch for Passthrough {
    fn replaces_image(&self, _: Pid) {}

    fn changes_root(&self) {}

    fn answering(&self) -> Option<RwLockReadGuard<'_, ()>> {
        None
    }

    fn dispatch(&self, call: &Call, _listener: &Listener) -> Reply {
        if call.sys != Some(Sys::Chdir) {
            return Reply::Continue;
        }
        match remote::read_cstr(call.tid, call.args[0], 4096).as_deref() {
            Ok(b"/signals") => {
                self.asked.fetch_add(1, Ordering::Relaxed);
                for _ in 0..10 {
                    let _ = kill_process(call.tid, Signal::USR1);
                }
                Reply::Return(0)
            }
            Ok(b"/stall") => {
                let _ = self.stall.as_ref().map(std::fs::read);
                Reply::Return(0)
            }
            Ok(_) => Reply::Continue,
            Err(errno) => Reply::Fail(*errno),
        }
    }
}

fn main() {
    let mut passthrough = Passthrough::default();
    let options = options(&mut passthrough);
    match launch(options) {
        Ok(Launched::Front(front)) => front.wait().reproduce(),
        Ok(Launched::Supervisor(session)) => supervise(session, passthrough),
        Err(failure) => Ending::Failed(failure).reproduce(),
    }
}

fn options(passthrough: &mut Passthrough) -> LaunchOptions {
    let mut words = std::env::args_os().skip(1).peekable();
    let mut options = LaunchOptions::new("");
    while let Some(word) = words.next_if(|word| word.as_encoded_bytes().starts_with(b"--")) {
        match word.to_str() {
            Some("--wait") => options.leftover = Leftover::Wait,
            Some("--kill") => options.leftover = Leftover::Kill,
            Some("--remove") => options
                .remove_at_end
                .extend(words.next().map(PathBuf::from)),
            Some("--count") => passthrough.count = words.next().map(PathBuf::from),
            Some("--stall") => passthrough.stall = words.next().map(PathBuf::from),
            _ => Ending::Failed(Failure::own(format!("no such option: {}", word.display())))
                .reproduce(),
        }
    }
    options.program = words.next().unwrap_or_else(|| OsString::from("true"));
    options.args = words.collect();
    options.env = vec![("UGPIO_RUN".into(), "1".into())];
    options
}

fn supervise(mut session: Session, passthrough: Passthrough) {
    let passthrough = Arc::new(passthrough);
    let dispatch: Arc<dyn Dispatch> = Arc::clone(&passthrough) as _;
    if let Err(error) = notif::start(session.listener(), dispatch) {
        session.fail(Failure::own(format!("cannot start a thread: {error}")));
    }
    while session.wait() != SessionEvent::AllEnded {}
    if let Some(path) = &passthrough.count {
        let _ = std::fs::write(path, passthrough.asked.load(Ordering::Relaxed).to_string());
    }
}
