//! Faults under `ugpio run`, and `ugpio chaos` over programs with known bugs.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/home.rs"]
mod home;

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn ugpio(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
        command.args(words).current_dir(self.0.path());
        command.stdin(Stdio::null()).env("TMPDIR", self.0.path());
        home::at_home(&mut command, self.0.path()).output().unwrap()
    }

    /// Standard output, and the exit status.
    fn says(&self, words: &[&str]) -> (String, Option<i32>) {
        let output = self.ugpio(words);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (text, output.status.code())
    }
}

#[test]
fn a_fault_of_the_board_file_meets_the_call_it_is_for() {
    let place = Place::new();
    let board = "[[chip]]\nlabel = \"a\"\n\
                 [[fault]]\nchip = \"a\"\nline = 1\nkind = \"error\"\nerrno = \"EBUSY\"\ncall = 1\n\
                 [[fault]]\nchip = \"a\"\nline = 2\nkind = \"unplug\"\nreplug_calls = 1\n";
    std::fs::write(place.path("b.toml"), board).unwrap();
    let script = "ugpio get a:1 2>&1; ugpio get a:1; ugpio get a:2 2>&1; ugpio get a:2";
    let (text, status) = place.says(&["run", "--board", "b.toml", "--", "sh", "-c", script]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), status), (4, Some(0)), "{text}");
    assert!(lines[0].contains("busy"), "{text}");
    assert_eq!((lines[1], lines[3]), ("a:1=inactive", "a:2=inactive"));
    assert!(lines[2].contains("unplugged"), "{text}");
}

#[test]
fn faults_are_planned_and_mended_while_it_goes_on() {
    let place = Place::new();
    let script = "ugpio ctl fault a error 1 --errno EIO --times 100 && ugpio get a:1; echo $?
                  ugpio ctl fault a stuck 2 --to high && ugpio get a:2
                  ugpio ctl mend a && ugpio get a:1 a:2
                  ugpio ctl fault a unplug --replug 1ms && ugpio get a:3
                  until ugpio ctl wait a 3 low 2>/dev/null; do :; done; ugpio ctl fault b unplug 2>&1
                  ugpio ctl events --json >seen &
                  until test -s seen; do ugpio ctl pull a 4 up; ugpio ctl pull a 4 down; done
                  ugpio ctl fault a glitch 3 && ugpio get a:3
                  until grep -q fault seen; do :; done; kill $!";
    let (text, _) = place.says(&["run", "--chip", "a", "--", "sh", "-c", script]);
    let wanted = "3\na:2=active\na:1=inactive\na:2=inactive\n\
                  ugpio: no chip is called \"b\" on this board\na:3=inactive\n";
    // The chip that went may be away for a moment, and who listens to events may not do it yet.
    assert_eq!(text, wanted);
}

/// What a program says that reads a script of values, its end, and the trace without what a clock or the
/// machine puts in.
fn story(place: &Place, options: &[&str], script: &str) -> (String, Option<i32>, Vec<String>) {
    let options = [&["run", "--seed", "1", "--trace", "t.json"], options].concat();
    let (text, status) = place.says(&[&options[..], &["--", "sh", "-c", script]].concat());
    let trace = std::fs::read_to_string(place.path("t.json")).unwrap();
    let what_happened = |line: &str| {
        let mut object: serde_json::Value = serde_json::from_str(line).unwrap();
        for other in ["at_ns", "realtime_ns", "pid"] {
            object.as_object_mut().unwrap().remove(other);
        }
        object.to_string()
    };
    (text, status, trace.lines().map(what_happened).collect())
}

/// Tells the story a hundred times; it must have these kinds of events.
fn is_always_the_same(place: &Place, options: &[&str], script: &str, kinds: &[&str]) {
    let first = story(place, options, script);
    for kind in kinds {
        let kind = format!("\"kind\":\"{kind}\"");
        let is_there = first.2.iter().any(|line| line.contains(&kind));
        assert!(is_there, "{kind}: {first:?}");
    }
    for _ in 1..100 {
        assert_eq!(story(place, options, script), first);
    }
}

/// Design: the same seed, the same faults and the same trace, a hundred times.
#[test]
fn a_seed_gives_the_same_faults_and_the_same_trace_a_hundred_times() {
    let place = Place::new();
    let input: String = (0..60).map(|n| format!("a:1={}\n", n % 2)).collect();
    std::fs::write(place.path("input"), input).unwrap();
    let script = "exec ugpio set a:1=0 - <input 2>&1";
    is_always_the_same(&place, &["--chaos", "--chip", "a"], script, &["fault"]);
}

/// The same where lines work against each other, a lamp is lit and a chip goes: what is said of them
/// stands between the same levels each time.
#[test]
fn remarks_have_the_same_place_in_the_trace_a_hundred_times() {
    let place = Place::new();
    let board = "[[chip]]\nlabel = \"a\"\n\
                 [[net]]\nname = \"bus\"\nlines = [\"a:1\", \"a:2\"]\n\
                 [[part]]\nkind = \"led\"\nname = \"lamp\"\nline = \"a:3\"\n\
                 [[fault]]\nchip = \"a\"\nline = 3\nkind = \"unplug\"\nwithin = 30\n";
    std::fs::write(place.path("board.toml"), board).unwrap();
    let input = (0..180).map(|n| format!("a:{}={}\n", 1 + n / 2 % 3, n % 2));
    std::fs::write(place.path("input"), input.collect::<String>()).unwrap();
    let script = "ugpio set a:1=0 a:2=0 a:3=0 - <input 2>&1; ugpio get a:1 2>&1";
    let kinds = [
        "short",
        "short-over",
        "part",
        "fault",
        "failed",
        "unplugged",
    ];
    is_always_the_same(&place, &["--board", "board.toml"], script, &kinds);
}

/// Bugs in shell and in Python that only faults show.
#[test]
fn chaos_tells_crashes_hangs_and_loops_and_how_to_see_them_again() {
    let place = Place::new();
    let chaos = |program: &str| {
        let words = [
            "chaos",
            "--seeds",
            "12",
            "--timeout",
            "60s",
            "--chip",
            "a:1",
        ];
        let many = "for n in 1 2 3 4 5 6 7 8; do ugpio get a:0 || ";
        let script = format!("{many}{program}; done");
        place.says(&[&words[..], &["--", "sh", "-c", &script]].concat())
    };
    let (text, status) = chaos("exit 9");
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("exit 9") && text.ends_with("12 seeds, 0 bad\n"),
        "{text}"
    );
    let (text, status) = chaos("kill -SEGV $$");
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("CRASH, signal 11"), "{text}");
    let again = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("again: "));
    let again = again.unwrap();
    // The line is for a shell; what it repeats ends in the same way.
    let mut shell = Command::new("sh");
    home::at_home(&mut shell, place.0.path()).current_dir(place.0.path());
    let status = shell.args(["-c", again]).output().unwrap().status;
    // Of the shell's own, or as the shell tells it.
    let is_segv = status.signal() == Some(11) || status.code() == Some(139);
    assert!(is_segv, "{again}: {status}");
}

#[test]
fn chaos_tells_one_that_sleeps_from_one_that_is_busy() {
    let place = Place::new();
    let chaos = |options: &[&str], program: &str| {
        let many = "for n in 1 2 3 4 5 6 7 8; do ugpio get a:0 || ";
        let script = format!("{many}{program}; done");
        let options = [&["chaos", "--chip", "a:1"], options].concat();
        place.says(&[&options[..], &["--", "sh", "-c", &script]].concat())
    };
    let (text, _) = chaos(&["--seeds", "100", "--timeout", "60s"], "exit 9");
    let mut failing = text.lines().filter(|line| line.contains(": exit 9"));
    let seed = failing.next().unwrap().split([' ', ':']).nth(1).unwrap();
    let is_told = |program: &str, verdict: &str| {
        // On a busy machine the time may be over before the fault.
        ["2s", "20s", "60s"].into_iter().any(|time| {
            let (text, status) = chaos(&["--seed", seed, "--timeout", time], program);
            println!("{text}");
            status == Some(1) && text.contains(verdict)
        })
    };
    assert!(is_told("while :; do :; done", "SPIN"));
    assert!(is_told("exec sleep 600", "HANG"));
}

/// A program that opens its chip anew each time it goes: with closing the old one, and without.
#[test]
fn files_of_chips_that_are_gone_are_a_leak_once_there_are_two() {
    let place = Place::new();
    let fault = |call: u32| {
        format!(
            "[[fault]]\nchip = \"a\"\nline = 0\nkind = \"unplug\"\ncall = {call}\nreplug_calls = 1\n"
        )
    };
    let board = format!(
        "[[chip]]\nlabel = \"a\"\n{}{}{}",
        fault(4),
        fault(5),
        fault(6)
    );
    std::fs::write(place.path("b.toml"), board).unwrap();
    let program = "
import glob, os, sys
sys.path.insert(0, sys.argv[1])
from gpio_cdev import OUTPUT, request, set_value
def find():
    while True:
        for path in sorted(glob.glob('/dev/gpiochip*')):
            try:
                chip = os.open(path, os.O_RDWR)
                return chip, request(chip, 0, OUTPUT)
            except OSError:
                os.close(chip)
files = find()
for turn in range(30):
    try:
        set_value(files[1], turn % 2)
    except OSError:
        if sys.argv[2] == 'close':
            for file in files:
                os.close(file)
        files = find()
";
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let examples = examples.canonicalize().unwrap();
    let leaked = |how: &str| {
        let options = ["run", "--board", "b.toml", "--report", "report", "--"];
        let program = ["python3", "-Bc", program, examples.to_str().unwrap(), how];
        let (text, status) = place.says(&[&options[..], &program].concat());
        assert_eq!(status, Some(0), "{text}");
        let report = std::fs::read_to_string(place.path("report")).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["unplugs"], 3, "{report}");
        report["leaked"].as_u64().unwrap()
    };
    assert_eq!(leaked("close"), 0);
    assert!(leaked("keep") >= 4);
}

#[test]
fn inputs_are_driven_by_a_recording() {
    let place = Place::new();
    let dump = "$timescale 1 us $end $var wire 1 ! button $end #0 0! #100 1! #200 0! #300";
    std::fs::write(place.path("in.vcd"), dump).unwrap();
    let words = [
        "chaos",
        "--chip",
        "a",
        "--replay",
        "in.vcd",
        "--signal",
        "button=a:1",
        "--seeds",
        "2",
    ];
    let program = ["--", "sh", "-c", "ugpio monitor -n 2 a:1"];
    // Without the recording nobody presses, and the program never ends.
    let (text, _) = place.says(&[&words[..], &program].concat());
    assert!(text.starts_with("without faults: ok\n"), "{text}");
    let none = place.ugpio(&[&words[..5], &program].concat());
    let complaint = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(
        complaint.contains("signal button is no line of this board"),
        "{complaint}"
    );
    assert_eq!(none.status.code(), Some(3));
}

#[test]
fn to_try_nothing_is_no_success() {
    let place = Place::new();
    let output = place.ugpio(&["chaos", "--chip", "a", "--seeds", "2", "--", "true"]);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        complaint.contains("nothing was tried: PROGRAM made no call on a line"),
        "{complaint}"
    );
    assert_eq!(output.status.code(), Some(3));
    let none = place.ugpio(&["chaos", "--chip", "a", "--seeds", "0", "--", "true"]);
    assert_eq!(none.status.code(), Some(2));
}
