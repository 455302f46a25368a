//! Signals that are sent to the front reach the program, once, and disturb no call.

use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use crate::support::{Running, passthrough, script};

#[test]
fn signals_are_passed_on() {
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::QUIT, "QUIT"),
        (Signal::HUP, "HUP"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
        (Signal::WINCH, "WINCH"),
        (Signal::ALARM, "ALRM"),
        (Signal::TSTP, "TSTP"),
    ] {
        let mut run = Running::start(script(&format!(
            "trap 'exit 3' {name}; echo ready; while :; do :; done"
        )));
        assert_eq!(run.line(), "ready");
        run.send(signal);
        assert_eq!(run.child.wait().unwrap().code(), Some(3), "{name}");
    }
}

#[test]
fn a_signal_kills_a_program_that_does_not_handle_it() {
    let mut run = Running::start(script("echo ready; exec cat"));
    assert_eq!(run.line(), "ready");
    run.send(Signal::TERM);
    assert_eq!(run.child.wait().unwrap().signal(), Some(15));
}

#[test]
fn a_signal_at_any_moment_of_the_start_ends_the_run() {
    for _ in 0..40 {
        let mut run = Running::start(passthrough(["cat"]));
        run.send(Signal::TERM);
        assert_eq!(run.child.wait().unwrap().signal(), Some(15));
        assert_eq!(run.rest(), "");
    }
}

#[test]
fn signals_the_program_sends_to_its_group_come_once() {
    let text = "trap 'n=$((n+1))' USR1; trap 'echo $n; exit' USR2; n=0; kill -USR1 0; echo sent; while :; do :; done";
    let mut run = Running::start(script(text));
    assert_eq!(run.line(), "sent");
    // The front takes USR1, the lower number, first: once USR2 is through, USR1 was decided.
    run.send(Signal::USR2);
    assert_eq!(run.line(), "1");
    assert!(run.child.wait().unwrap().success());
}

#[test]
fn signals_do_not_repeat_a_call() {
    let dir = tempfile::tempdir().unwrap();
    let count = dir.path().join("count");
    let text = "trap : USR1; i=0; while [ $i -lt 200 ]; do cd /signals || exit 1; i=$((i+1)); done";
    let output = passthrough(["--count", count.to_str().unwrap(), "sh", "-c", text])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(std::fs::read_to_string(count).unwrap(), "200");
}
