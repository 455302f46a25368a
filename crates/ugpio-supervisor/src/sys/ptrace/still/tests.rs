//! Threads that are held still, and what they notice.
#![expect(unsafe_code, reason = "fork(2) has no safe wrapper")]

use std::os::fd::AsRawFd as _;
use std::process::{Child, Command};

use rustix::process::{Signal, WaitOptions, kill_process, waitpid};

use super::*;
use crate::eventually::eventually;

fn looker(tid: Pid) -> Vec<Looker> {
    Looker::new(tid).into_iter().collect()
}

fn tid(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// What the kernel shows of a process: `t` is stopped by its tracer.
fn state(pid: Pid) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().chars().next().unwrap()
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn who_runs_stands_still_while_something_is_done() {
    let child = Command::new("sh")
        .args(["-c", "while :; do :; done"])
        .spawn()
        .unwrap();
    let pid = tid(&child);
    for _ in 0..20 {
        let mut seen = ' ';
        let stopped = hold_still(|| (), || looker(pid), |()| seen = state(pid));
        assert_eq!((seen, stopped), ('t', Ok(vec![pid])));
        assert_ne!(state(pid), 't');
    }
    end(child);
}

#[test]
fn who_is_found_later_stands_still_too() {
    let run = || Command::new("sleep").arg("1000").spawn().unwrap();
    let (one, other) = (run(), run());
    let looks = core::sync::atomic::AtomicUsize::new(0);
    let find = || {
        let both = looker(tid(&one)).into_iter().chain(looker(tid(&other)));
        let look = looks.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        both.take(look + 1).collect()
    };
    let stopped = hold_still(|| (), find, |()| ());
    assert_eq!(stopped, Ok(vec![tid(&one), tid(&other)]));
    end(one);
    end(other);
}

/// A process that waits for an epoll set without end, and ends with the number that came. Dies with the test.
fn in_epoll(set: &OwnedFd) -> Pid {
    // SAFETY: the new process makes system calls only.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: nothing is passed but numbers.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: there is room for one event.
        let count = unsafe { libc::epoll_wait(set.as_raw_fd(), &raw mut event, 1, -1) };
        // SAFETY: nothing is passed but a number.
        unsafe { libc::_exit(count) };
    }
    Pid::from_raw(pid).unwrap()
}

#[test]
fn a_wait_that_a_stop_ends_is_begun_anew() {
    use rustix::event::epoll;
    let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let data = epoll::EventData::new_u64(0);
    epoll::add(&set, &reader, data, epoll::EventFlags::IN).unwrap();
    let pid = in_epoll(&set);
    let waits = |doing| matches!(doing, Doing::Asleep(slept) if slept.nr == EPOLL_WAIT);
    let is_in_wait = || Looker::new(pid).is_some_and(|who| waits(who.doing()));
    for _ in 0..20 {
        eventually("it waits", is_in_wait);
        hold_still(|| (), || looker(pid), |()| ()).unwrap();
    }
    rustix::io::write(&writer, b"x").unwrap();
    let (_, status) = waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap();
    assert_eq!(status.exit_status(), Some(1));
}

#[cfg(target_arch = "x86_64")]
const EPOLL_WAIT: i64 = libc::SYS_epoll_wait;
#[cfg(target_arch = "aarch64")]
const EPOLL_WAIT: i64 = libc::SYS_epoll_pwait;

#[test]
fn who_was_stopped_by_a_signal_stays_so() {
    let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
    let pid = tid(&child);
    kill_process(pid, Signal::STOP).unwrap();
    let stopped = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(stopped.1.stopped());
    for _ in 0..5 {
        hold_still(|| (), || looker(pid), |()| ()).unwrap();
        eventually("it is stopped as before", || state(pid) == 'T');
    }
    kill_process(pid, Signal::CONT).unwrap();
    eventually("it goes on", || state(pid) == 'S');
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn signals_that_do_something_are_seen() {
    let status = |pending: &str, blocked: &str, ignored: &str, caught: &str| {
        format!(
            "Name:\tx\nSigPnd:\t0000000000000000\nShdPnd:\t{pending}\nSigBlk:\t{blocked}\nSigIgn:\t{ignored}\nSigCgt:\t{caught}\n"
        )
    };
    let none = "0000000000000000";
    // SIGALRM is 14, SIGCHLD 17.
    let (alarm, child) = ("0000000000002000", "0000000000010000");
    assert!(!shows_signal(&status(none, none, none, alarm)));
    assert!(shows_signal(&status(alarm, none, none, alarm)));
    assert!(
        shows_signal(&status(alarm, none, none, none)),
        "it is deadly"
    );
    assert!(!shows_signal(&status(alarm, alarm, none, alarm)));
    assert!(!shows_signal(&status(alarm, none, alarm, none)));
    assert!(!shows_signal(&status(child, none, none, none)));
    assert!(shows_signal(&status(child, none, none, child)));
}
