//! Threads that are called back, and threads that are not.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use super::*;

/// `cat`, and the call in which it sleeps once it has said something.
fn sleeping() -> (Child, Call) {
    let mut command = Command::new("cat");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    assert_eq!(echo(&mut child), "well\n");
    let call = Call {
        id: 0,
        tid: Pid::from_child(&child),
        sys: Some(Sys::Read),
        nr: Arch::NATIVE.number(Sys::Read).unwrap(),
        args: [0; 6],
    };
    (child, call)
}

fn echo(child: &mut Child) -> String {
    child.stdin.as_mut().unwrap().write_all(b"well\n").unwrap();
    let mut line = String::new();
    let mut from = BufReader::new(child.stdout.as_mut().unwrap());
    from.read_line(&mut line).unwrap();
    line
}

#[test]
fn a_sleeper_that_is_called_back_sleeps_on_and_notices_nothing() {
    let (mut child, call) = sleeping();
    for _ in 0..20 {
        let _held = hold_waiting();
        // While it writes it does not sleep in `read`.
        if let Some(thread) = recall(&call) {
            thread.resume();
        }
    }
    assert_eq!(echo(&mut child), "well\n");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(recall(&call).is_none(), "it is gone");
}

#[test]
fn who_sleeps_in_another_call_is_left_alone() {
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    let tid = Pid::from_child(&child);
    let read = Call {
        id: 0,
        tid,
        sys: Some(Sys::Read),
        nr: Arch::NATIVE.number(Sys::Read).unwrap(),
        args: [0; 6],
    };
    // Until it sleeps, it may be on its way into any call.
    let asleep = || std::fs::read_to_string(format!("/proc/{tid}/syscall")).unwrap();
    let sleeps = [libc::SYS_clock_nanosleep, libc::SYS_nanosleep].map(|nr| nr.to_string());
    while !sleeps
        .iter()
        .any(|nr| asleep().split(' ').next() == Some(nr))
    {
        std::thread::yield_now();
    }
    assert!(recall(&read).is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}
