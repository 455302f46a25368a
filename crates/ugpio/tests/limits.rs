//! Machines on which something is short or missing: one clear line, the right status, and nothing left.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/home.rs"]
mod home;

use std::process::{Command, Output};

/// Runs a shell's line in which `ugpio` is the one under test.
fn shell(line: &str) -> Output {
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    let command = home::at_home(&mut command, place.path());
    let done = command.args(["-c", line]).output().unwrap();
    let left: Vec<_> = std::fs::read_dir(place.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name != "ugpio")
        .collect();
    assert!(left.is_empty(), "{left:?}");
    done
}

#[track_caller]
fn is_one_line(done: &Output, status: i32, words: &[&str]) {
    let err = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(status), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.starts_with("ugpio: "), "{err}");
    for word in words {
        assert!(err.contains(word), "{err}");
    }
}

#[track_caller]
fn runs(line: &str) {
    let done = shell(line);
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{line}: {} {err}", done.status);
    assert_eq!(err, "", "{line}");
}

const RUN: &str = "ugpio run --chip a -- true";

#[test]
fn too_few_open_files_are_named() {
    for count in [8, 20, 63] {
        let done = shell(&format!("ulimit -n {count}; {RUN}"));
        is_one_line(&done, 125, &["EMFILE", "ulimit -n", &count.to_string()]);
    }
    runs(&format!("ulimit -n 64; {RUN}"));
}

/// The limit that may be raised is, for us; the program has its own.
#[test]
fn a_program_keeps_its_limit_of_open_files() {
    let done = shell("ulimit -Sn 20; ugpio run --chip a -- sh -c 'ulimit -Sn; ulimit -Hn'");
    let hard = shell("ulimit -Hn");
    let expected = format!("20\n{}", String::from_utf8_lossy(&hard.stdout));
    assert_eq!(String::from_utf8_lossy(&done.stdout), expected);
}

#[test]
fn too_small_a_stack_is_named() {
    let done = shell(&format!("ulimit -s 700; {RUN}"));
    is_one_line(&done, 125, &["ulimit -s", "700"]);
}

#[test]
fn standard_descriptors_may_be_closed() {
    for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"] {
        runs(&format!("{RUN} {closed}"));
    }
}

/// Runs a shell's line as root of a mount namespace of its own, if this machine lets us.
fn in_mounts(line: &str) -> Option<Output> {
    let words = ["-Urm", "sh", "-c"];
    let may = Command::new("unshare")
        .args(words)
        .arg("mount -t tmpfs none /mnt")
        .output();
    if !may.is_ok_and(|done| done.status.success()) {
        println!("not tested: this machine gives us no mount namespace");
        return None;
    }
    let mut command = Command::new("unshare");
    let command = home::at_home(&mut command, "/nonexistent".as_ref());
    let line = format!("cd /; {line}");
    Some(
        command
            .args(words)
            .arg(line)
            .env_remove("TMPDIR")
            .output()
            .unwrap(),
    )
}

/// Makes these directories read-only, but for `ugpio` itself.
fn read_only(places: &[&str]) -> String {
    let mount = |place: &&str| format!("mount -t tmpfs -o ro none {place}; ");
    let all: String = places.iter().map(mount).collect();
    let copy = "mount -t tmpfs none /mnt; cp $(command -v ugpio) /mnt/; PATH=/mnt:$PATH";
    format!("{copy}; {all}")
}

#[test]
fn a_machine_without_temporary_places_is_told_apart_from_one_with_any() {
    let one = |places: &[&str]| in_mounts(&format!("{}{RUN}", read_only(places)));
    for places in [&["/tmp"][..], &["/dev/shm"], &["/root", "/tmp"]] {
        let Some(done) = one(places) else { return };
        let err = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && err.is_empty(), "{places:?}: {err}");
    }
    let Some(done) = one(&["/tmp", "/dev/shm", "/var/tmp"]) else {
        return;
    };
    is_one_line(&done, 125, &["read-only file system"]);
}

#[test]
fn a_full_disk_is_told() {
    for size in ["4k", "8k", "16k", "32k"] {
        let line = format!(
            "mount -t tmpfs -o size={size} none /mnt; XDG_RUNTIME_DIR=/mnt ugpio run --chip a:64 -- true"
        );
        let Some(done) = in_mounts(&line) else { return };
        is_one_line(&done, 125, &["no space left on device"]);
    }
}
