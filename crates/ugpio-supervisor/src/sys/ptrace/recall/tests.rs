//! Threads that are called back, and threads that are not.
#![expect(
    unsafe_code,
    reason = "fork(2) and clone(2) for a process that sits in vfork have no safe wrapper"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use rustix::process::Pid;

use super::*;

fn in_call(tid: Pid, nr: u32) -> Asleep {
    Asleep::new(&Call {
        id: 0,
        tid,
        sys: Arch::NATIVE.call(nr),
        nr,
        args: [0; 6],
    })
}

/// `cat`, and the call in which it sleeps once it has said something.
fn sleeping() -> (Child, Asleep) {
    let mut command = Command::new("cat");
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    assert_eq!(echo(&mut child), "well\n");
    let asleep = in_call(Pid::from_child(&child), read_number());
    (child, asleep)
}

fn read_number() -> u32 {
    Arch::NATIVE.number(Sys::Read).unwrap()
}

fn echo(child: &mut Child) -> String {
    child.stdin.as_mut().unwrap().write_all(b"well\n").unwrap();
    let mut line = String::new();
    let mut from = BufReader::new(child.stdout.as_mut().unwrap());
    from.read_line(&mut line).unwrap();
    line
}

/// Waits until the thread sleeps in one of these calls; until then, it may be on its way into any.
fn await_sleep(tid: Pid, calls: &[i64]) {
    let sleeps = calls.iter().map(ToString::to_string).collect::<Vec<_>>();
    let now = || std::fs::read_to_string(format!("/proc/{tid}/syscall")).unwrap();
    while !sleeps.iter().any(|nr| now().split(' ').next() == Some(nr)) {
        std::thread::yield_now();
    }
}

/// The number of the thread that traces this one.
fn tracer(tid: Pid) -> String {
    let status = std::fs::read_to_string(format!("/proc/{tid}/status")).unwrap();
    let row = status
        .lines()
        .find_map(|row| row.strip_prefix("TracerPid:\t"));
    row.unwrap().to_owned()
}

#[test]
fn a_sleeper_that_is_called_back_sleeps_on_and_notices_nothing() {
    let (mut child, asleep) = sleeping();
    let mut count = 0;
    for _ in 0..20 {
        // While it writes it does not sleep in `read`.
        recall(&[&asleep], || count += 1);
    }
    assert_eq!(count, 20);
    await_sleep(asleep.call.tid, &[i64::from(read_number())]);
    assert_eq!(recall(&[&asleep], || ()), [true]);
    assert_eq!(echo(&mut child), "well\n");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(recall(&[&asleep], || ()), [false], "it is gone");
}

#[test]
fn who_sleeps_in_another_call_is_left_alone() {
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    let tid = Pid::from_child(&child);
    await_sleep(tid, &[libc::SYS_clock_nanosleep, libc::SYS_nanosleep]);
    assert_eq!(recall(&[&in_call(tid, read_number())], || ()), [false]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn another_thread_that_has_the_number_now_is_let_go() {
    let (mut gone, old) = sleeping();
    gone.kill().unwrap();
    gone.wait().unwrap();
    let (mut child, new) = sleeping();
    await_sleep(new.call.tid, &[i64::from(read_number())]);
    let reused = Asleep {
        call: new.call,
        dir: old.dir,
    };
    assert_eq!(recall(&[&reused], || ()), [false]);
    let held = hold_waiting();
    let thread = Traced::seize(new.call.tid).unwrap();
    assert!(reused.stopped(thread).is_none(), "not seen before");
    drop(held);
    assert_eq!(tracer(new.call.tid), "0");
    assert_eq!(echo(&mut child), "well\n");
    child.kill().unwrap();
    child.wait().unwrap();
}

fn die_with_parent() {
    // SAFETY: nothing is passed but numbers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// A process that waits in vfork(2) for a child that does nothing. Both die with the test.
fn in_vfork() -> Pid {
    // SAFETY: the new process makes system calls only.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        die_with_parent();
        let flags = i64::from(libc::CLONE_VFORK | libc::SIGCHLD);
        // SAFETY: no memory is shared, and nothing is passed but numbers.
        unsafe { libc::syscall(libc::SYS_clone, flags, 0_i64, 0_i64, 0_i64, 0_i64) };
        die_with_parent();
        loop {
            // SAFETY: nothing is passed.
            unsafe { libc::pause() };
        }
    }
    Pid::from_raw(pid).unwrap()
}

#[test]
fn who_does_not_stop_is_let_go_and_holds_nobody_up() {
    let (mut child, asleep) = sleeping();
    let stuck = in_vfork();
    await_sleep(stuck, &[libc::SYS_clone]);
    await_sleep(asleep.call.tid, &[i64::from(read_number())]);
    let vfork = in_call(stuck, u32::try_from(libc::SYS_clone).unwrap());
    let mut is_done = false;
    let stopped = recall(&[&vfork, &asleep], || is_done = true);
    assert_eq!(stopped, [false, true]);
    assert!(is_done);
    assert_eq!(tracer(stuck), "0");
    assert_eq!(echo(&mut child), "well\n");
    rustix::process::kill_process(stuck, rustix::process::Signal::KILL).unwrap();
    rustix::process::waitpid(Some(stuck), rustix::process::WaitOptions::empty()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}
