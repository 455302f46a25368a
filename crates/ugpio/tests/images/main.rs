//! Answers that come late or to a page that cannot be written: they reach the process and image that asked, or none.
//!
//! Each test starts this program again as the program of a run, in a role. A role waits in a slow GET_VALUES with its
//! argument at a fixed address; who comes into its place has its own bytes there, and looks at them when the line
//! can be requested anew: then the late answer has been given.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/home.rs"]
mod home;
mod roles;

use std::process::Command;

/// The tests, by name.
const TESTS: [(&str, fn()); 10] = [
    ("another_thread_executes", || in_a_run(&[], "executes")),
    ("the_same_under_strict", || {
        in_a_run(&["--strict"], "executes")
    }),
    ("the_number_is_used_again", the_number_is_used_again),
    ("a_read_only_page_is_a_fault", || in_a_run(&[], "read-only")),
    ("another_image_calls_at_once", || in_a_run(&[], "leaves")),
    ("the_memory_of_a_parent", || in_a_run(&[], "vfork")),
    ("another_root", || in_a_run(&[], "root")),
    ("other_mounts", || in_a_run(&[], "mounts")),
    ("linux_4_19_is_too_old", || is_too_old("linux 4.19")),
    ("linux_5_10_is_too_old", || is_too_old("linux 5.10")),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(role) = words.first().and_then(|word| word.strip_prefix("role:")) {
        return roles::play(role);
    }
    let wanted = |name: &str| {
        let mut filters = words.iter().filter(|word| !word.starts_with('-'));
        filters.clone().next().is_none() || filters.any(|word| name.contains(word.as_str()))
    };
    for (name, test) in TESTS.into_iter().filter(|(name, _)| wanted(name)) {
        println!("test {name} ...");
        test();
        println!("test {name} ... ok");
    }
}

/// Plays a role in a run.
fn in_a_run(options: &[&str], role: &str) {
    run(Command::new(env!("CARGO_BIN_EXE_ugpio")), options, role);
}

fn run(mut command: Command, options: &[&str], role: &str) {
    let place = tempfile::tempdir().unwrap();
    let command = home::at_home(&mut command, place.path()).current_dir(place.path());
    command.args(["run", "--chip", "a:8"]).args(options);
    command.arg("--").arg(std::env::current_exe().unwrap());
    let done = command.arg(format!("role:{role}")).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&done.stdout), text(&done.stderr));
    assert!(done.status.success(), "{}: {out}\n{err}", done.status);
    assert!(
        out.contains("played"),
        "the role was not played: {out}\n{err}"
    );
}

/// On a kernel that refuses what it does not know yet, a run says what it needs, and the program does not start.
fn is_too_old(kernel: &str) {
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let command = home::at_home(&mut command, place.path()).arg(format!("role:{kernel}"));
    let ugpio = env!("CARGO_BIN_EXE_ugpio");
    let words = [ugpio, "run", "--chip", "a:8", "--", "echo", "started"];
    let done = command.args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&done.stdout), text(&done.stderr));
    assert_eq!(done.status.code(), Some(125), "{out}\n{err}");
    assert!(err.contains("Linux 5.14 or newer"), "{err}");
    assert_eq!((out.as_str(), err.lines().count()), ("", 1), "{err}");
}

/// In a pid namespace of its own, where numbers can be chosen.
fn the_number_is_used_again() {
    let words = ["-Urpf", "--mount-proc", "--"];
    let may = Command::new("unshare").args(words).arg("true").output();
    if !may.is_ok_and(|done| done.status.success()) {
        println!("not tested: this machine gives us no pid namespace");
        return;
    }
    let mut command = Command::new("unshare");
    command.args(words).arg(env!("CARGO_BIN_EXE_ugpio"));
    run(command, &[], "killed");
}
