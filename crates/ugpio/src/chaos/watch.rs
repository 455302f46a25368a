//! What a program that does not end is doing: is it busy, or does it sleep?
//!
//! The processes of a run are those that have its socket in their environment. A busy one uses the processor
//! whenever it gets it, waits for answers of the supervisor mostly, or wakes up all the time. How long it waits for
//! a processor says nothing of it: that is the machine's load.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::control::socket;

/// How long there is between two looks.
const PAUSE: Duration = Duration::from_millis(8);

/// How much a thread must have used, slept or waited for us before it is judged; and how long it is looked at.
const ENOUGH_NS: u64 = 150_000_000;
const AT_MOST: Duration = Duration::from_secs(10);

/// The least that a loop uses: less says nothing of a thread that hardly got a processor.
const USED_MIN_NS: u64 = 10_000_000;

/// More wake-ups in a second than this are those of a loop.
const WAKES_MAX: u64 = 2_000;

/// What a thread does at a look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doing {
    /// It has a processor, or waits for one.
    #[default]
    Runs,
    /// It waits for an answer of the supervisor.
    IsAnswered,
    Sleeps,
}

/// One look at a thread, with what it has come to so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    /// Nanoseconds on a processor.
    used_ns: u64,
    wakes: u64,
    doing: Doing,
}

/// What looks at a thread have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    passed_ns: u64,
    used_ns: u64,
    slept_ns: u64,
    answered_ns: u64,
    wakes: u64,
}

impl Seen {
    /// Time in which it waited for a processor is none of these, and counts for nothing.
    fn spins(&self) -> bool {
        let wakes = self.wakes.saturating_mul(1_000_000_000) / self.passed_ns.max(1);
        let is_using = self.used_ns >= USED_MIN_NS && self.used_ns > self.slept_ns;
        is_using || self.answered_ns > self.slept_ns || wakes > WAKES_MAX
    }

    fn is_enough(&self) -> bool {
        self.used_ns + self.slept_ns + self.answered_ns >= ENOUGH_NS
    }
}

/// Whether a process of the run with this socket spins.
pub(super) fn is_busy(run_socket: &Path) -> bool {
    let processes = processes(run_socket);
    let threads = processes.iter().flat_map(|process| threads(process));
    threads.into_iter().any(|thread| watch(&thread).spins())
}

/// Looks at a thread until it has shown what it does.
fn watch(thread: &Path) -> Seen {
    let start = Instant::now();
    let mut seen = Seen::default();
    let Some(first) = look(thread) else {
        return seen;
    };
    while !seen.is_enough() && start.elapsed() < AT_MOST {
        thread::sleep(PAUSE);
        // One that has ended meanwhile is not busy any more.
        let Some(last) = look(thread) else {
            return Seen::default();
        };
        let elapsed = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let since = elapsed.saturating_sub(seen.passed_ns);
        seen.passed_ns = elapsed;
        seen.used_ns = last.used_ns.saturating_sub(first.used_ns);
        seen.wakes = last.wakes.saturating_sub(first.wakes);
        match last.doing {
            Doing::Runs => {}
            Doing::IsAnswered => seen.answered_ns += since,
            Doing::Sleeps => seen.slept_ns += since,
        }
    }
    seen
}

/// The ids of the processes that have this socket in their environment.
fn processes(run_socket: &Path) -> Vec<String> {
    let mut wanted = format!("{}=", socket::ENV).into_bytes();
    wanted.extend_from_slice(run_socket.as_os_str().as_encoded_bytes());
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_ours = |id: &String| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|word| word == wanted)
    };
    ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(is_ours)
        .collect()
}

/// The directories of a process's threads.
fn threads(process: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(format!("/proc/{process}/task"));
    let entries = entries.into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

fn look(thread: &Path) -> Option<Look> {
    let read = |name: &str| fs::read_to_string(thread.join(name)).ok();
    let status = read("status")?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)
    };
    let used = read("schedstat")?.split_whitespace().next()?.parse();
    // What the kernel waits in for us has that name since Linux 5.0. Where it is hidden, the other signs are left.
    let is_answered = || read("wchan").is_some_and(|place| place.contains("seccomp"));
    Some(Look {
        used_ns: used.ok()?,
        wakes: field("voluntary_ctxt_switches:")?.parse().ok()?,
        doing: match field("State:")? {
            "R" => Doing::Runs,
            _ if is_answered() => Doing::IsAnswered,
            _ => Doing::Sleeps,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn seen(used_ms: u64, slept_ms: u64, answered_ms: u64, wakes: u64) -> Seen {
        Seen {
            passed_ns: 1_000 * MS,
            used_ns: used_ms * MS,
            slept_ns: slept_ms * MS,
            answered_ns: answered_ms * MS,
            wakes,
        }
    }

    #[test]
    fn what_uses_all_that_it_gets_spins() {
        assert!(seen(150, 0, 0, 3).spins());
        assert!(seen(30, 0, 0, 3).spins(), "it had not much");
        assert!(!seen(3, 0, 0, 3).spins(), "it had nothing");
        assert!(!seen(20, 130, 0, 30).spins());
        assert!(seen(20, 10, 120, 30).spins(), "it waits for answers");
        assert!(seen(20, 130, 0, 5_000).spins(), "it wakes all the time");
        assert!(!Seen::default().spins());
    }

    #[test]
    fn a_loop_and_a_sleep_are_told_apart_on_a_busy_machine() {
        let _busy = crate::busy::Loops::start(4);
        let (told, end) = std::sync::mpsc::channel::<()>();
        let own = |id: rustix::process::Pid| {
            PathBuf::from(format!("/proc/self/task/{}", id.as_raw_nonzero()))
        };
        let (tell, sleeper) = std::sync::mpsc::channel();
        let asleep = thread::spawn(move || {
            tell.send(rustix::thread::gettid()).unwrap();
            // Until the other end is gone.
            let _ = end.recv();
        });
        let thread = own(sleeper.recv().unwrap());
        let seen = watch(&thread);
        assert!(!seen.spins(), "{seen:?}");
        drop(told);
        asleep.join().unwrap();
        let goes_on = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
        let (tell, spinner) = std::sync::mpsc::channel();
        let flag = std::sync::Arc::clone(&goes_on);
        let spinning = thread::spawn(move || {
            tell.send(rustix::thread::gettid()).unwrap();
            while flag.load(std::sync::atomic::Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let thread = own(spinner.recv().unwrap());
        let seen = watch(&thread);
        goes_on.store(false, std::sync::atomic::Ordering::Relaxed);
        spinning.join().unwrap();
        assert!(seen.spins(), "{seen:?}");
    }

    #[test]
    fn this_process_can_be_looked_at() {
        assert!(look(Path::new("/proc/self")).is_some());
        assert!(look(Path::new("/proc/0")).is_none());
    }
}
