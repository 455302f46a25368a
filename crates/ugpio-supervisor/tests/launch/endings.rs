//! How a run ends, what the program is given, and what is said when it cannot start.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

use crate::support::{Running, example, passthrough, run, script, stderr, stdout};

#[test]
fn exit_statuses_are_the_programs() {
    for code in [0, 1, 7, 124, 125, 126, 127, 255] {
        let output = run(["sh", "-c", &format!("exit {code}")]);
        assert_eq!(output.status.code(), Some(code));
        assert!(
            output.stdout.is_empty() && output.stderr.is_empty(),
            "ugpio adds nothing: {output:?}"
        );
    }
}

#[test]
fn deaths_by_signal_are_the_programs() {
    for (name, number) in [
        ("TERM", 15),
        ("KILL", 9),
        ("INT", 2),
        ("PIPE", 13),
        ("USR1", 10),
        ("HUP", 1),
    ] {
        let output = run(["sh", "-c", &format!("kill -{name} $$")]);
        assert_eq!(output.status.signal(), Some(number), "{name}");
    }
}

#[test]
fn a_crash_leaves_no_core_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    let output = passthrough(["sh", "-c", "ulimit -c 0; kill -SEGV $$"])
        .current_dir(&dir)
        .output()
        .unwrap();
    assert_eq!(output.status.signal(), Some(11));
    assert!(!output.status.core_dumped());
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
}

#[test]
fn programs_that_cannot_start_are_told_in_one_line() {
    let told = |output: Output| (output.status.code(), stderr(&output).to_owned());
    assert_eq!(
        told(run(["no-such-program"])),
        (
            Some(127),
            "ugpio: cannot run no-such-program: not found\n".into()
        )
    );
    assert_eq!(
        told(run(["/no/such/program"])),
        (
            Some(127),
            "ugpio: cannot run /no/such/program: no such file or directory\n".into()
        )
    );
    assert_eq!(
        told(run(["/etc/passwd"])),
        (
            Some(126),
            "ugpio: cannot execute /etc/passwd: permission denied\n".into()
        )
    );
    assert_eq!(
        told(run(["/etc"])),
        (
            Some(126),
            "ugpio: cannot execute /etc: permission denied\n".into()
        )
    );
}

#[test]
fn a_run_inside_a_run_is_refused() {
    let example = example();
    let output = run([example.to_str().unwrap(), "true"]);
    assert_eq!(output.status.code(), Some(125));
    let text = stderr(&output);
    assert!(
        text.starts_with("ugpio: a seccomp listener is already installed here"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn input_and_output_are_the_programs() {
    let mut child = passthrough(["cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let sent: Vec<u8> = (0..=u8::MAX).cycle().take(1 << 20).collect();
    let expected = sent.clone();
    let writer = std::thread::spawn(move || input.write_all(&sent).unwrap());
    let mut got = Vec::new();
    output.read_to_end(&mut got).unwrap();
    writer.join().unwrap();
    assert!(got == expected && child.wait().unwrap().success());
    let output = run(["sh", "-c", "echo out; echo err >&2"]);
    assert_eq!((stdout(&output), stderr(&output)), ("out\n", "err\n"));
}

/// Nobody but the program holds its input and output open.
#[test]
fn pipes_end_when_the_program_closes_them() {
    let mut run = Running::start(script("exec >&-; read line; exit 4"));
    assert_eq!(run.rest(), "");
    run.input.take();
    assert_eq!(run.child.wait().unwrap().code(), Some(4));
    let mut run = Running::start(script("exec <&-; echo closed; read line <\"$0\"; exit 5"));
    assert_eq!(run.line(), "closed");
    let mut input = run.input.take().unwrap();
    let error = core::iter::repeat_with(|| input.write_all(b"x"))
        .find_map(Result::err)
        .unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    run.child.wait().unwrap();
}

#[test]
fn a_program_that_writes_to_nobody_dies_of_it() {
    let status = Command::new("bash")
        .args(["-c", "\"$0\" yes | head -n 1; exit ${PIPESTATUS[0]}"])
        .arg(example())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(128 + 13));
}

/// Runs a shell line plainly and under the example, started by the same shell prefix.
fn compare(prefix: &str, line: &str) {
    let shell = |command: &str| {
        Command::new("bash")
            .args(["-c", &format!("{prefix} {command}")])
            .env("LINE", line)
            .output()
            .unwrap()
    };
    let bare = shell("exec sh -c \"$LINE\"");
    let under = shell(&format!("exec {} sh -c \"$LINE\"", example().display()));
    assert_eq!(stdout(&bare), stdout(&under));
    assert_eq!(bare.status.code(), under.status.code());
}

#[test]
fn signal_masks_and_dispositions_are_the_programs() {
    let line = "exec grep -E '^Sig(Blk|Ign|Cgt)|^ShdPnd' /proc/self/status";
    compare("", line);
    compare("trap '' PIPE;", line);
    compare("trap '' INT HUP USR1 TSTP;", line);
}

#[test]
fn descriptors_are_the_programs() {
    let line = "ls -l /proc/self/fd | sed 's/.* \\([0-9]* ->\\)/\\1/; s/:.*//; s/[0-9]*.fd$//' ";
    for prefix in [
        "",
        "exec <&-;",
        "exec 2>&-;",
        "exec <&- 2>&-;",
        "exec 5</etc/passwd 7>/dev/null;",
    ] {
        compare(prefix, line);
    }
}

#[test]
fn limits_and_places_are_the_programs() {
    compare(
        "cd /usr; umask 031; ulimit -S -n 77 -c 0;",
        "pwd; umask; ulimit -a; id; echo $0 $# \"$@\"",
    );
}

#[test]
fn session_and_process_group_are_the_fronts() {
    let mut run = Running::start(script("exec cut -d ' ' -f 5,6 /proc/self/stat"));
    let front = run.pid().as_raw_nonzero();
    // Read the way the program reads it: 0 where its leader is outside our pid namespace.
    let ours = std::fs::read_to_string("/proc/self/stat").unwrap();
    let session = ours.split(' ').nth(5).unwrap();
    assert_eq!(run.line(), format!("{front} {session}"));
    run.child.wait().unwrap();
}

#[test]
fn the_environment_is_ours_and_what_was_added() {
    let output = passthrough(["env"]).env("MARK", "here").output().unwrap();
    assert!(stdout(&output).contains("MARK=here\n") && stdout(&output).contains("UGPIO_RUN=1\n"));
}
