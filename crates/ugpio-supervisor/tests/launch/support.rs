//! Running the passthrough example, and looking at the processes it consists of.

use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, pidfd_send_signal, waitpid,
};

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The example, which `cargo test` builds beside the tests.
pub(crate) fn example() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/passthrough");
    assert!(
        path.exists(),
        "{} is missing: cargo test --examples builds it",
        path.display()
    );
    path
}

/// The example with arguments.
pub(crate) fn passthrough<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new(example());
    command.args(args);
    command
}

/// A shell script under the example.
pub(crate) fn script(text: &str) -> Command {
    passthrough(["sh", "-c", text])
}

/// Runs to the end.
pub(crate) fn run<const N: usize>(args: [&str; N]) -> Output {
    passthrough(args).stdin(Stdio::null()).output().unwrap()
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> &str {
    core::str::from_utf8(&output.stdout).unwrap()
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> &str {
    core::str::from_utf8(&output.stderr).unwrap()
}

/// A run whose standard input and output are ours, in a process group of its own.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) input: Option<ChildStdin>,
    pub(crate) output: BufReader<ChildStdout>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self {
            input: child.stdin.take(),
            output,
            child,
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The next line the program writes, without its end; empty at the end of the output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// A line that says a process id.
    pub(crate) fn pid_line(&mut self) -> Pid {
        Pid::from_raw(self.line().parse().unwrap()).unwrap()
    }

    /// Everything else the program and whoever shares its output write, until the last of them ends.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        rest
    }

    pub(crate) fn send(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// The guardian, which is the front's only child.
    pub(crate) fn guardian(&self) -> Watched {
        only_child(self.pid())
    }

    /// The supervisor, which is the guardian's only child.
    pub(crate) fn supervisor(&self) -> Watched {
        only_child(self.guardian().pid)
    }

    /// Blocks until the front stops, and gives the signal.
    pub(crate) fn wait_stopped(&self) -> i32 {
        let (_, status) = waitpid(Some(self.pid()), WaitOptions::UNTRACED)
            .unwrap()
            .unwrap();
        status.stopping_signal().unwrap()
    }
}

/// A process that may be anybody's child.
pub(crate) struct Watched {
    pub(crate) pid: Pid,
    fd: OwnedFd,
}

impl Watched {
    pub(crate) fn new(pid: Pid) -> Self {
        Self {
            pid,
            fd: pidfd_open(pid, PidfdFlags::empty()).unwrap(),
        }
    }

    /// Kills it, unless it has ended already.
    pub(crate) fn kill(&self) {
        let done = pidfd_send_signal(&self.fd, Signal::KILL);
        assert!(matches!(done, Ok(()) | Err(Errno::SRCH)), "{done:?}");
    }

    /// Whether it has not ended.
    pub(crate) fn is_alive(&self) -> bool {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut [PollFd::new(&self.fd, PollFlags::IN)], Some(&now)) == Ok(0)
    }

    /// Blocks until it has ended.
    pub(crate) fn wait(&self) {
        let patience = Timespec::try_from(PATIENCE).unwrap();
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        assert_eq!(
            poll(&mut fds, Some(&patience)),
            Ok(1),
            "process {:?} does not end",
            self.pid
        );
    }
}

fn only_child(of: Pid) -> Watched {
    let mut found = Vec::new();
    eventually("a child appears", || {
        found = children(of);
        found.len() == 1
    });
    Watched::new(found[0].0)
}

/// The children of a process, each with its state letter.
pub(crate) fn children(of: Pid) -> Vec<(Pid, char)> {
    let entries = std::fs::read_dir("/proc").unwrap();
    let stat = |pid: i32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = text[text.rfind(')')? + 2..].split(' ');
        let state = fields.next()?.chars().next()?;
        let parent: i32 = fields.next()?.parse().ok()?;
        (parent == of.as_raw_nonzero().get()).then_some((Pid::from_raw(pid)?, state))
    };
    entries
        .filter_map(|entry| stat(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .collect()
}

/// The share of `rounds` that `UGPIO_TEST_ROUNDS` asks for, in percent: an emulated machine is slow.
pub(crate) fn scaled(rounds: u32) -> u32 {
    let percent = std::env::var("UGPIO_TEST_ROUNDS").map_or(100, |text| {
        text.parse()
            .expect("UGPIO_TEST_ROUNDS is a number of percent")
    });
    (rounds * percent / 100).max(1)
}

/// Looks until something is so that nothing announces.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::yield_now();
    }
}
