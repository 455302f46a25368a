//! Runs a program under the supervisor and lets every trapped call through: the smallest use of `launch` and `notif`.
//!
//! `passthrough [--wait | --kill] [--remove DIR] [--signals FILE] PROGRAM [ARGS...]`. The tests in `tests/launch` run
//! it. With `--signals`, each `chdir` to `/signals` sends its caller signals and succeeds; FILE then holds how often
//! that was asked.

use core::sync::atomic::{AtomicU64, Ordering};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::process::{Signal, kill_process};
use ugpio_supervisor::arch::Sys;
use ugpio_supervisor::launch::{
    Ending, Event, Failure, LaunchOptions, Launched, Leftover, Session, launch,
};
use ugpio_supervisor::notif::{self, Dispatch};
use ugpio_supervisor::outcome::{Call, Reply};
use ugpio_supervisor::sys::{remote, seccomp::Listener};

/// Lets calls through, except as `--signals` says.
#[derive(Default)]
struct Passthrough {
    with_signals: bool,
    asked: AtomicU64,
}

impl Dispatch for Passthrough {
    fn dispatch(&self, call: &Call, _listener: &Listener) -> Reply {
        if !self.with_signals || call.sys != Some(Sys::Chdir) {
            return Reply::Continue;
        }
        match remote::read_cstr(call.tid, call.args[0], 4096) {
            Ok(path) if path == b"/signals" => {
                self.asked.fetch_add(1, Ordering::Relaxed);
                for _ in 0..10 {
                    let _ = kill_process(call.tid, Signal::USR1);
                }
                Reply::Return(0)
            }
            Ok(_) => Reply::Continue,
            Err(errno) => Reply::Fail(errno),
        }
    }
}

fn main() {
    let mut count = None;
    let options = options(&mut count);
    match launch(options) {
        Ok(Launched::Front(front)) => front.wait().reproduce(),
        Ok(Launched::Supervisor(session)) => supervise(session, count),
        Err(failure) => Ending::Failed(failure).reproduce(),
    }
}

fn options(count: &mut Option<PathBuf>) -> LaunchOptions {
    let mut words = std::env::args_os().skip(1).peekable();
    let mut options = LaunchOptions::new("");
    while let Some(word) = words.next_if(|word| word.as_encoded_bytes().starts_with(b"--")) {
        match word.to_str() {
            Some("--wait") => options.leftover = Leftover::Wait,
            Some("--kill") => options.leftover = Leftover::Kill,
            Some("--remove") => options
                .remove_at_end
                .extend(words.next().map(PathBuf::from)),
            Some("--signals") => *count = words.next().map(PathBuf::from),
            _ => Ending::Failed(Failure::own(format!("no such option: {}", word.display())))
                .reproduce(),
        }
    }
    options.program = words.next().unwrap_or_else(|| OsString::from("true"));
    options.args = words.collect();
    options.env = vec![("UGPIO_RUN".into(), "1".into())];
    options
}

fn supervise(mut session: Session, count: Option<PathBuf>) {
    let passthrough = Arc::new(Passthrough {
        with_signals: count.is_some(),
        ..Passthrough::default()
    });
    if let Err(error) = notif::start(
        session.listener(),
        Arc::clone(&passthrough) as Arc<dyn Dispatch>,
    ) {
        session.fail(Failure::own(format!("cannot start a thread: {error}")));
    }
    while session.wait() != Event::AllEnded {}
    if let Some(path) = count {
        let _ = std::fs::write(path, passthrough.asked.load(Ordering::Relaxed).to_string());
    }
}
