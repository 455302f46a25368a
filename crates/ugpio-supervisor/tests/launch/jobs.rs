//! Job control: the front stops and goes on with the program, and the terminal's keys act once.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::support::{Running, example, script};

#[test]
fn a_stop_stops_the_front_and_a_continue_continues_the_program() {
    for (name, number) in [("STOP", 19), ("TSTP", 20), ("TTIN", 21)] {
        let mut run = Running::start(script(&format!("kill -{name} $$; exit 5")));
        assert_eq!(run.wait_stopped(), number, "{name}");
        run.send(Signal::CONT);
        assert_eq!(run.child.wait().unwrap().code(), Some(5));
    }
}

#[test]
fn whoever_continues_the_program_continues_the_front() {
    let mut run = Running::start(script("echo $$; kill -STOP $$; exit 5"));
    let program = run.pid_line();
    run.wait_stopped();
    rustix::process::kill_process(program, Signal::CONT).unwrap();
    assert_eq!(run.child.wait().unwrap().code(), Some(5));
}

#[test]
fn calls_are_answered_while_the_job_is_stopped() {
    let mut run = Running::start(script(
        "exec 3<&0; (while read x; do ls -d /; done) <&3 & kill -STOP $$; wait",
    ));
    run.wait_stopped();
    run.input.as_mut().unwrap().write_all(b"\n").unwrap();
    assert_eq!(run.line(), "/");
    run.send(Signal::CONT);
    run.input.take();
    assert!(run.child.wait().unwrap().success());
}

/// A terminal with a session leader on it.
struct Terminal {
    keys: File,
    seen: String,
}

impl Terminal {
    /// Runs a bash line as the leader of a session on a new terminal; `$0` is the example.
    fn start(line: &str) -> (Self, std::process::Child) {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap();
        let open = || -> OwnedFd {
            rustix::fs::open(
                &*name,
                OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
                Mode::empty(),
            )
            .unwrap()
        };
        let child = Command::new("setsid")
            .args(["--ctty", "--wait", "bash", "-c", line])
            .arg(example())
            .stdin(Stdio::from(open()))
            .stdout(Stdio::from(open()))
            .stderr(Stdio::from(open()))
            .spawn()
            .unwrap();
        (
            Self {
                keys: File::from(keys),
                seen: String::new(),
            },
            child,
        )
    }

    fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
    }

    /// Reads until the screen has shown `text`, forgets that, and gives what came before it.
    fn expect(&mut self, text: &str) -> String {
        let mut buf = [0; 256];
        loop {
            if let Some(at) = self.seen.find(text) {
                let before = self.seen[..at].to_owned();
                self.seen.drain(..at + text.len());
                return before;
            }
            let got = self.keys.read(&mut buf).unwrap_or(0);
            assert!(
                got > 0,
                "the terminal closed after {:?}, without {text:?}",
                self.seen
            );
            self.seen.push_str(&String::from_utf8_lossy(&buf[..got]));
        }
    }
}

#[test]
fn a_key_that_interrupts_interrupts_once() {
    let line = r#"set -m; "$0" bash -c '
        trap "n=\$((n+1)); echo in \$n" INT; trap "echo n=\$n; exit 6" USR1; n=0
        read x; echo ready; while :; do :; done' & echo "front $! "; fg >/dev/null; echo end $?"#;
    let (mut terminal, mut child) = Terminal::start(line);
    terminal.expect("front ");
    let front = terminal.expect(" ");
    terminal.press(b"\n");
    terminal.expect("ready");
    terminal.press(b"\x03");
    terminal.expect("in 1");
    let front = Pid::from_raw(front.parse().unwrap()).unwrap();
    rustix::process::kill_process(front, Signal::USR1).unwrap();
    terminal.expect("n=1");
    terminal.expect("end 6");
    child.wait().unwrap();
}

#[test]
fn a_shell_can_suspend_and_resume_the_job() {
    let line = "set -m; \"$0\" cat; echo stopped $?; fg >/dev/null; echo end $?";
    let (mut terminal, mut child) = Terminal::start(line);
    terminal.press(b"one\n");
    terminal.expect("one\r\none\r\n");
    terminal.press(b"\x1a");
    terminal.expect("stopped 148");
    terminal.press(b"two\n");
    terminal.expect("two\r\ntwo\r\n");
    terminal.press(b"\x04");
    terminal.expect("end 0");
    child.wait().unwrap();
}
