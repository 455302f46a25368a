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
fn too_little_memory_is_named() {
    for (letter, limit) in [('v', 30_000), ('v', 40_000), ('d', 1_000), ('d', 16_000)] {
        let done = shell(&format!("ulimit -{letter} {limit}; {RUN}"));
        is_one_line(
            &done,
            125,
            &[&format!("ulimit -{letter}"), &limit.to_string()],
        );
    }
    runs(&format!("ulimit -v 500000; {RUN}"));
    runs(&format!("ulimit -d 100000; {RUN}"));
}

/// For root there is none. Whoever else runs the test has more processes than that already.
#[test]
fn too_few_processes_are_named() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let done = shell("exec prlimit --nproc=1 ugpio run --chip a -- true");
    is_one_line(&done, 125, &["EAGAIN", "ulimit -u"]);
}

#[test]
fn limits_that_a_run_does_not_meet_are_the_programs() {
    for limit in ["-c 0", "-l 0", "-t 100", "-q 0", "-f 100"] {
        let done = shell(&format!(
            "ulimit {limit} 2>/dev/null && ugpio run --chip a -- sh -c 'ulimit {}'",
            &limit[..2]
        ));
        let bare = shell(&format!(
            "ulimit {limit} 2>/dev/null && ulimit {}",
            &limit[..2]
        ));
        assert_eq!(done, bare, "{limit}");
    }
}

#[test]
fn a_limit_of_file_sizes_is_named() {
    let done = shell(&format!("ulimit -f 0; {RUN}"));
    is_one_line(&done, 125, &["file too large"]);
    let place = tempfile::tempdir().unwrap();
    let trace = place.path().join("t.vcd");
    let blink =
        "for i in 1 2 3 4 5 6 7 8 9; do ugpio ctl pull a 0 up; ugpio ctl pull a 0 down; done";
    let line = format!(
        "ulimit -f 1; ugpio run --chip a --trace {} -- sh -c '{blink}'",
        trace.display()
    );
    let done = shell(&line);
    // The status stays the program's.
    is_one_line(&done, 0, &["t.vcd", "file too large"]);
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

/// Descriptors are looked up in `/proc`; with another's every chip would be gone.
#[test]
fn a_machine_without_its_own_proc_is_told() {
    let Some(done) = in_mounts(&format!("mount -t tmpfs none /proc; {RUN}")) else {
        return;
    };
    is_one_line(&done, 125, &["/proc", "mount -t proc"]);
    // Of a new pid namespace, with the old one's.
    let Some(done) = in_mounts(&format!("exec unshare -pf --kill-child sh -c '{RUN}'")) else {
        return;
    };
    is_one_line(&done, 125, &["another's", "mount -t proc"]);
}

#[test]
fn a_machine_without_sys_or_dev_has_the_boards() {
    for line in [
        "mount -t tmpfs none /sys",
        "mount -t tmpfs none /mnt; touch /mnt/null; mount --bind /dev/null /mnt/null; mount --rbind /mnt /dev",
    ] {
        let look = "test -c /dev/gpiochip0 && test -d /sys/class/gpio";
        let Some(done) = in_mounts(&format!("{line}; ugpio run --chip a -- sh -c '{look}'")) else {
            return;
        };
        let err = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && err.is_empty(), "{line}: {err}");
    }
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
    let line = "mount -t tmpfs -o nr_inodes=20 none /mnt; XDG_RUNTIME_DIR=/mnt ugpio run --chip a:64 -- true";
    let Some(done) = in_mounts(line) else { return };
    is_one_line(&done, 125, &["no space left on device"]);
}

/// The disk of the virtual files fills up while the run goes on: the chip is refused, and what is there stays.
#[test]
fn a_disk_that_fills_up_is_told_to_who_asks() {
    let line = "mount -t tmpfs -o size=500k none /mnt; XDG_RUNTIME_DIR=/mnt ugpio run --chip a:8 -- sh -c '\
        dd if=/dev/zero of=/mnt/fill bs=4k 2>/dev/null; ugpio ctl plug b:64; echo $? >&2; \
        test -c /dev/gpiochip0 && rm /mnt/fill && ugpio ctl plug c:64 >&2'";
    let Some(done) = in_mounts(line) else { return };
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{err}");
    println!("{err}");
}
