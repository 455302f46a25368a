//! Every verb with each argument that is well-formed and means nothing: one line, and the status that
//! the table in `docs/control.md` and `--help` give. What is not well-formed is walked beside the command line's
//! definition.

use std::process::{Command, Output, Stdio};

#[path = "support/home.rs"]
mod home;

/// The board of every line below.
const BOARD: &str = r#"
[[chip]]
label = "demo"
names = ["LED", "TWICE", "TWICE"]
[[chip]]
label = "other"
lines = 2
[[net]]
name = "net"
lines = ["demo:3"]
[[part]]
kind = "button"
name = "START"
line = "demo:4"
[[part]]
kind = "switch"
name = "POWER"
line = "demo:5"
[[part]]
kind = "led"
name = "LAMP"
line = "demo:0"
[[part]]
kind = "encoder"
name = "KNOB"
pins = { a = "demo:6", b = "demo:7" }
"#;

/// `STATUS WORDS => what the line holds`, run inside the board.
const INSIDE: &str = r#"
3 ctl level nope 0 => "nope"
3 ctl level 7 0 => "7"
3 ctl level demo 8 => lines 0 to 7
3 ctl level demo NOPE => "NOPE"
3 ctl level demo TWICE => lines 1 and 2
3 ctl level demo 99999999999999999999 => "99999999999999999999"
3 ctl pull nope 0 up => "nope"
3 ctl pull demo NOPE up => "NOPE"
3 ctl wait nope 0 high => "nope"
3 ctl wait demo NOPE high => "NOPE"
1 ctl wait demo LED high --timeout 1us => was not high within 1 ms
3 ctl unplug nope => "nope"
3 ctl plug demo => "demo"
3 ctl wire net nope:0 => "nope"
3 ctl wire net demo:NOPE => "NOPE"
3 ctl unwire nope => "nope"
3 ctl unwire net demo:0 => demo:0 is not on net
3 ctl unwire net demo:NOPE => "NOPE"
3 ctl fault nope glitch => "nope"
3 ctl fault demo glitch NOPE => "NOPE"
3 ctl mend nope => "nope"
3 ctl press nope => "nope"
3 ctl press POWER => a switch can be
3 ctl press LAMP => nothing can be done
3 ctl release nope => "nope"
3 ctl release KNOB => an encoder can be
3 ctl switch nope on => "nope"
3 ctl switch START on => a button can be
3 ctl turn nope => "nope"
3 ctl turn START => a button can be
3 ctl web => no live board
3 detect nope => 'nope'
3 detect 7 => '7'
3 info nope => 'nope'
3 info demo:8 => 'demo:8'
3 get nope => 'nope'
3 get demo:8 => 'demo:8'
3 get TWICE => several lines
3 get 3 => needs its chip
3 get -c nope 0 => 'nope'
2 get LED demo:0 => the same line
2 get -c other demo:0 => --chip says
3 set nope=1 => 'nope'
3 set --once demo:8=1 => 'demo:8'
2 set --once LED=1 demo:0=0 => the same line
3 monitor nope => 'nope'
3 watch nope => 'nope'
3 wait nope 1 => 'nope'
1 wait LED 1 --timeout 1us => (nothing)
3 explain EWHAT => EWHAT
3 explain 99999 => 99999
3 explain GPIO_NOT_AN_IOCTL => GPIO_NOT_AN_IOCTL
3 trace show nope.vcd => nope.vcd
3 trace svg nope.vcd => nope.vcd
3 trace diff nope.vcd nope.vcd => nope.vcd
3 man b.toml/man => b.toml/man
"#;

fn ugpio(dir: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    home::at_home(&mut command, dir.path())
        .stdin(Stdio::null())
        .current_dir(dir.path());
    command
}

fn output(command: &mut Command) -> Output {
    command.output().expect("ugpio is built")
}

fn place() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("the temporary directory is writable");
    std::fs::write(dir.path().join("b.toml"), BOARD).expect("the directory is ours");
    dir
}

/// Prints for each line its status and what it said, cut at the control characters that we put there.
const SCRIPT: &str = r#"
while read -r status words; do
    [ -n "$status" ] || continue
    said=$(ugpio ${words% => *} 2>&1 >/dev/null </dev/null)
    printf '%s\037%s\036' "$?" "$said"
done
"#;

#[test]
fn what_a_run_does_not_know_is_one_line_with_its_status() {
    let dir = place();
    std::fs::write(dir.path().join("lines"), INSIDE).expect("the directory is ours");
    let lines = std::fs::File::open(dir.path().join("lines")).expect("it was written");
    let mut run = ugpio(&dir);
    run.args(["run", "--board", "b.toml", "--", "sh", "-c", SCRIPT])
        .stdin(lines);
    let done = output(&mut run);
    let said = String::from_utf8(done.stdout).expect("ugpio writes UTF-8");
    let answers: Vec<&str> = said.split_terminator('\u{1e}').collect();
    let asked: Vec<&str> = INSIDE.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(
        answers.len(),
        asked.len(),
        "{:?}",
        String::from_utf8_lossy(&done.stderr)
    );
    for (line, answer) in asked.iter().zip(answers) {
        let (words, wanted) = line.split_once(" => ").expect("a line has both");
        let (status, said) = answer.split_once('\u{1f}').expect("the script writes both");
        assert_eq!(words.split(' ').next(), Some(status), "{words}: {said}");
        let is_quiet = wanted == "(nothing)";
        match is_quiet {
            true => assert_eq!(said, "", "{words}"),
            false => assert!(
                said.starts_with("ugpio: ") && said.contains(wanted),
                "{words}: {said}"
            ),
        }
        assert!(said.lines().count() <= 1, "{words}: {said}");
        assert!(!said.chars().any(char::is_control), "{words}: {said:?}");
    }
}

/// A name that is too long for anything.
const LONG: &str = concat!(
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
);

/// What cannot begin: status, words, and what the line holds.
const OUTSIDE: &[(i32, &[&str], &str)] = &[
    (
        125,
        &["run", "--board", "nope.toml", "--", "true"] as &[&str],
        "nope.toml",
    ),
    (
        125,
        &["run", "--board", ".", "--", "true"],
        ".: is a directory",
    ),
    (
        125,
        &["run", "--board", "b.toml", "--chip", "demo", "--", "true"],
        "\"demo\"",
    ),
    (
        125,
        &["run", "--chip", "a", "--chip", "a", "--", "true"],
        "\"a\"",
    ),
    (
        125,
        &["run", "--chip", LONG, "--", "true"],
        "longer than 31 bytes",
    ),
    (125, &["run", "--socket", "nope/s", "--", "true"], "nope/s"),
    (
        125,
        &["run", "--socket", LONG, "--", "true"],
        "too long for a socket",
    ),
    (
        125,
        &["run", "--socket", "b.toml", "--", "true"],
        "not a socket",
    ),
    (
        125,
        &["run", "--web=192.0.2.1", "--", "true"],
        "--web=192.0.2.1",
    ),
    (125, &["run", "--kernel-release", "x", "--", "true"], "x"),
    (
        125,
        &["run", "--trace", "nope/t.vcd", "--", "true"],
        "nope/t.vcd",
    ),
    (
        125,
        &["run", "--replay", "nope.vcd", "--", "true"],
        "nope.vcd",
    ),
    (
        125,
        &["run", "--expect", "nope.vcd", "--", "true"],
        "nope.vcd",
    ),
    (125, &["run", "--expect", "b.toml", "--", "true"], "b.toml"),
    (125, &["run", "--explain=nope/e", "--", "true"], "nope/e"),
    (
        127,
        &["run", "--chip", "a", "--", "no-such-program"],
        "no-such-program",
    ),
    (126, &["run", "--chip", "a", "--", "."], "."),
    (126, &["run", "--chip", "a", "--", "./b.toml"], "b.toml"),
    (127, &["run", "--chip", "a", "--", ""], ""),
    (
        3,
        &["chaos", "--board", "nope.toml", "--", "true"],
        "nope.toml",
    ),
    (3, &["ctl", "list"], "no run of yours"),
    (3, &["ctl", "--socket", "nope", "list"], "nope"),
    (3, &["ctl", "--socket", "b.toml", "list"], "b.toml"),
];

#[test]
fn what_run_and_chaos_cannot_begin_with_is_one_line_and_status() {
    let dir = place();
    for (status, words, wanted) in OUTSIDE {
        let done = output(ugpio(&dir).args(*words));
        let said = String::from_utf8(done.stderr).expect("ugpio writes UTF-8");
        assert_eq!(done.status.code(), Some(*status), "{words:?}: {said}");
        assert!(
            said.starts_with("ugpio: ") && said.contains(wanted),
            "{words:?}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{words:?}: {said}");
        assert!(done.stdout.is_empty(), "{words:?}");
    }
}
