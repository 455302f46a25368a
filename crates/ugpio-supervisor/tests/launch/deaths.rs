//! What lives on after the program, and that nothing lives on after the supervisor.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;

use rustix::fs::Mode;
use rustix::process::Signal;

use crate::support::{Running, Watched, children, eventually, example, passthrough, script};

/// Starts a daemon in a session of its own, which answers each line of input with a listing, and says its id.
const DAEMON: &str = "exec 3<&0; setsid sh -c 'echo $$; while read x; do ls -d /; done' <&3 & ";

/// A program that starts a daemon, and ends with status 3 when it is told to by TERM: once nobody looks any
/// more at the front's child, which is another's when the front has ended.
fn program_with_a_daemon() -> String {
    format!("trap 'exit 3' TERM; {DAEMON} wait")
}

#[test]
fn daemons_run_on_and_the_supervisor_with_them() {
    let mut run = Running::start(script(&program_with_a_daemon()));
    let (guardian, supervisor) = (run.guardian(), run.supervisor());
    let daemon = Watched::new(run.pid_line());
    run.send(Signal::TERM);
    assert_eq!(run.child.wait().unwrap().code(), Some(3));
    run.input.as_mut().unwrap().write_all(b"\n").unwrap();
    assert_eq!(run.line(), "/");
    run.input.take();
    daemon.wait();
    supervisor.wait();
    guardian.wait();
}

#[test]
fn the_supervisor_goes_with_the_program_when_nobody_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let doomed = dir.path().join("doomed");
    std::fs::create_dir_all(doomed.join("sub")).unwrap();
    let mut run = Running::start(passthrough(["--remove", doomed.to_str().unwrap(), "cat"]));
    let (guardian, supervisor) = (run.guardian(), run.supervisor());
    run.input.take();
    assert!(run.child.wait().unwrap().success());
    supervisor.wait();
    guardian.wait();
    assert!(!doomed.exists());
}

#[test]
fn a_front_that_waits_ends_with_the_last_process() {
    let mut run = Running::start(passthrough([
        "--wait",
        "sh",
        "-c",
        &format!("{DAEMON} exit 3"),
    ]));
    let daemon = Watched::new(run.pid_line());
    run.input.as_mut().unwrap().write_all(b"\n").unwrap();
    assert_eq!(run.line(), "/");
    assert!(run.child.try_wait().unwrap().is_none());
    run.input.take();
    assert_eq!(run.child.wait().unwrap().code(), Some(3));
    daemon.wait();
}

#[test]
fn a_front_that_waits_can_be_told_to_end() {
    let mut run = Running::start(passthrough([
        "--wait",
        "sh",
        "-c",
        &format!("{DAEMON} exit 3"),
    ]));
    let supervisor = run.supervisor();
    let daemon = Watched::new(run.pid_line());
    // Until then it is the program that a signal is for.
    eventually("only the daemon is left", || {
        let left = children(supervisor.pid);
        left.len() == 1 && left[0].0 == daemon.pid
    });
    run.send(Signal::TERM);
    daemon.wait();
    assert!(run.child.wait().unwrap().code() == Some(3));
}

#[test]
fn leftovers_are_killed_if_so_wanted() {
    let mut run = Running::start(passthrough([
        "--kill",
        "sh",
        "-c",
        &format!("{DAEMON} read x; exit 3"),
    ]));
    let daemon = Watched::new(run.pid_line());
    run.input.as_mut().unwrap().write_all(b"\n\n\n\n").unwrap();
    assert_eq!(run.child.wait().unwrap().code(), Some(3));
    daemon.wait();
}

/// Kills one of our processes.
fn kill_one(which: impl Fn(&Running) -> Watched) -> (Running, tempfile::TempDir) {
    kill(|run| vec![which(run)])
}

/// Runs a program with a daemon, a job and a grandchild, kills some of our processes, and sees all of them end.
fn kill(which: impl Fn(&Running) -> Vec<Watched>) -> (Running, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let doomed = dir.path().join("doomed");
    std::fs::create_dir(&doomed).unwrap();
    let text = format!(
        "{DAEMON} (setsid sh -c 'cat & cat & wait' <&3 & exit) & sh -c 'cat; exit' <&3 & wait"
    );
    let mut run = Running::start(passthrough([
        "--remove",
        doomed.to_str().unwrap(),
        "sh",
        "-c",
        &text,
    ]));
    let daemon = Watched::new(run.pid_line());
    let (guardian, supervisor) = (run.guardian(), run.supervisor());
    which(&run).iter().for_each(Watched::kill);
    // Every descendant holds the output, so its end is the end of all.
    run.rest();
    daemon.wait();
    supervisor.wait();
    guardian.wait();
    eventually("the directory goes", || !doomed.exists());
    (run, dir)
}

#[test]
fn killing_the_front_kills_everybody() {
    let (mut run, _dir) = kill_one(|run| Watched::new(run.pid()));
    assert_eq!(run.child.wait().unwrap().signal(), Some(9));
}

#[test]
fn killing_the_supervisor_kills_everybody() {
    let (mut run, _dir) = kill_one(Running::supervisor);
    assert_eq!(run.child.wait().unwrap().code(), Some(125));
}

#[test]
fn killing_the_guardian_kills_everybody() {
    let (mut run, _dir) = kill_one(Running::guardian);
    assert_eq!(run.child.wait().unwrap().code(), Some(125));
}

#[test]
fn killing_any_two_of_us_kills_everybody() {
    let front = |run: &Running| Watched::new(run.pid());
    let code = |mut run: Running| run.child.wait().unwrap();
    for _ in 0..3 {
        let (run, _dir) = kill(|run| vec![run.guardian(), run.supervisor()]);
        assert_eq!(code(run).code(), Some(125));
        let (run, _dir) = kill(|run| {
            let guardian = run.guardian();
            vec![run.supervisor(), guardian]
        });
        assert_eq!(code(run).code(), Some(125));
        // The front may have seen the other's death, and ended, before it was killed.
        for other in [Running::guardian, Running::supervisor] {
            let (run, _dir) = kill(|run| vec![other(run), front(run)]);
            let status = code(run);
            assert!(
                status.signal() == Some(9) || status.code() == Some(125),
                "{status}"
            );
        }
    }
}

/// A shell that became the front has children of its own, which are none of the run.
#[test]
fn children_that_the_front_had_before_live_on() {
    let text = format!("sleep 1000 & echo $!; exec {} cat", example().display());
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &text]);
    let mut run = Running::start(command);
    let before = Watched::new(run.pid_line());
    let mut guardian = None;
    eventually("the guardian appears", || {
        let all = children(run.pid());
        guardian = all.iter().find(|(pid, _)| *pid != before.pid).copied();
        guardian.is_some()
    });
    let guardian = Watched::new(guardian.unwrap().0);
    let mut supervisor = Vec::new();
    eventually("the supervisor appears", || {
        supervisor = children(guardian.pid);
        !supervisor.is_empty()
    });
    Watched::new(supervisor[0].0).kill();
    assert_eq!(run.child.wait().unwrap().code(), Some(125));
    guardian.wait();
    assert!(before.is_alive());
    before.kill();
}

/// Killed all at once, nobody of us is left to end the others; the program itself ends with its supervisor.
#[test]
fn killing_all_of_us_kills_the_program() {
    let mut run = Running::start(script("echo $$; exec cat"));
    let program = Watched::new(run.pid_line());
    let (guardian, supervisor) = (run.guardian(), run.supervisor());
    let front = Watched::new(run.pid());
    [guardian, front, supervisor].iter().for_each(Watched::kill);
    program.wait();
    run.child.wait().unwrap();
}

#[test]
fn killing_the_supervisor_of_a_daemon_kills_it() {
    let mut run = Running::start(script(&program_with_a_daemon()));
    let (guardian, supervisor) = (run.guardian(), run.supervisor());
    let daemon = Watched::new(run.pid_line());
    run.send(Signal::TERM);
    assert_eq!(run.child.wait().unwrap().code(), Some(3));
    supervisor.kill();
    daemon.wait();
    guardian.wait();
}

#[test]
fn orphans_are_reaped() {
    let text = "i=0; while [ $i -lt 50 ]; do (true & exit) ; i=$((i+1)); done; echo done; read x";
    let mut run = Running::start(script(text));
    assert_eq!(run.line(), "done");
    let supervisor = run.supervisor();
    eventually("only the program is left", || {
        children(supervisor.pid).len() == 1
    });
    run.input.take();
    run.child.wait().unwrap();
}

/// A thread whose memory does not come is moved aside: the others go on, and it is answered in the end.
#[test]
fn a_copy_that_hangs_delays_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
    let text = "for i in 1 2 3; do sh -c 'cd /stall && echo came back' & done; \
        while read x && [ $x ]; do ls -d /; done; echo gone on; wait; echo all; read x; exit 0";
    let mut run = Running::start(passthrough([
        "--stall",
        fifo.to_str().unwrap(),
        "sh",
        "-c",
        text,
    ]));
    let supervisor = run.supervisor();
    let threads = || {
        std::fs::read_dir(format!("/proc/{}/task", supervisor.pid.as_raw_nonzero()))
            .unwrap()
            .count()
    };
    // Main, watch, three that hang and one that answers.
    eventually("three more threads", || threads() == 6);
    for _ in 0..10 {
        run.input.as_mut().unwrap().write_all(b"more\n").unwrap();
        assert_eq!(run.line(), "/");
    }
    run.input.as_mut().unwrap().write_all(b"\n").unwrap();
    assert_eq!(run.line(), "gone on");
    // Opening for both directions does not wait for a reader; closing it lets all three read to the end.
    let release = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&fifo)
        .unwrap();
    drop(release);
    eventually("the threads retire", || threads() == 3);
    run.input.take();
    assert_eq!(run.rest(), "came back\ncame back\ncame back\nall\n");
    assert!(run.child.wait().unwrap().success());
}
