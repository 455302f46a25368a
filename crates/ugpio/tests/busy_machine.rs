//! A busy machine changes no result: replay, debounce, golden traces and chaos beside four busy loops.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/busy.rs"]
mod busy;
#[path = "support/home.rs"]
mod home;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A directory on a busy machine.
struct Place {
    directory: tempfile::TempDir,
    _loops: busy::Loops,
}

impl Place {
    fn new() -> Place {
        Place {
            directory: tempfile::tempdir().unwrap(),
            _loops: busy::Loops::start(4),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn ugpio(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
        command.args(words).current_dir(self.directory.path());
        command
            .stdin(Stdio::null())
            .env("TMPDIR", self.directory.path());
        home::at_home(&mut command, self.directory.path())
            .output()
            .unwrap()
    }
}

#[track_caller]
fn good(output: &Output) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{complaint}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The times of the edges that `ugpio monitor --json` printed, from the first.
fn times(printed: &str) -> Vec<u64> {
    let times: Vec<u64> = printed
        .lines()
        .map(|line| {
            let edge: serde_json::Value = serde_json::from_str(line).unwrap();
            edge["timestamp_ns"].as_u64().unwrap()
        })
        .collect();
    times.iter().map(|at| at - times[0]).collect()
}

/// Pulses of 50, 26, 50 and 70 microseconds, two hundred microseconds after the request.
const PULSES: &str =
    "$timescale 1 us $end $scope module demo $end $var wire 1 ! line0 $end $upscope $end
    $enddefinitions $end #0 0! #200 1! #250 0! #276 1! #326 0! #396 1! #500";

#[test]
fn replayed_pulses_have_their_lengths() {
    let place = Place::new();
    place.write("in.vcd", PULSES);
    let begin = [
        "run", "--chip", "demo:1", "--replay", "in.vcd", "--trace", "out.vcd", "--",
    ];
    let monitor = ["ugpio", "monitor", "-n", "5", "--json", "demo:0"];
    for _ in 0..10 {
        let printed = good(&place.ugpio(&[&begin[..], &monitor].concat()));
        assert_eq!(times(&printed), [0, 50_000, 76_000, 126_000, 196_000]);
        let diff = ["trace", "diff", "in.vcd", "out.vcd", "--tolerance", "0ns"];
        let wanted = "no difference: 1 signal, 5 changes compared\n";
        assert_eq!(good(&place.ugpio(&diff)), wanted);
    }
}

#[test]
fn a_debounced_line_changes_when_it_is_stable() {
    let place = Place::new();
    place.write("in.vcd", PULSES);
    let begin = ["run", "--chip", "demo:1", "--replay", "in.vcd", "--"];
    let monitor = [
        "ugpio",
        "monitor",
        "-n",
        "3",
        "--debounce",
        "30us",
        "--json",
        "demo:0",
    ];
    for _ in 0..10 {
        // High from 200 to 250; 26 low are too short; low from 326 to 396, and then high.
        let printed = good(&place.ugpio(&[&begin[..], &monitor].concat()));
        assert_eq!(times(&printed), [0, 126_000, 196_000]);
    }
}

#[test]
fn a_part_follows_in_the_same_instant() {
    let place = Place::new();
    let board = "[[chip]]\nlabel = \"demo\"\nlines = 2\n[[part]]\nname = \"not\"\nkind = \"inverter\"\n\
        pins = { in = \"demo:0\", out = \"demo:1\" }\n";
    place.write("board.toml", board);
    place.write("in.vcd", PULSES);
    let begin = ["run", "--board", "board.toml", "--replay", "in.vcd", "--"];
    let monitor = ["ugpio", "monitor", "-n", "10", "--json", "demo:0", "demo:1"];
    let wanted = [0, 50_000, 76_000, 126_000, 196_000];
    for _ in 0..5 {
        let printed = good(&place.ugpio(&[&begin[..], &monitor].concat()));
        let of = |line: u64| {
            let is_it = |text: &&str| {
                let edge: serde_json::Value = serde_json::from_str(text).unwrap();
                edge["offset"] == line
            };
            times(&printed.lines().filter(is_it).collect::<Vec<_>>().join("\n"))
        };
        assert_eq!((of(0), of(1)), (wanted.to_vec(), wanted.to_vec()));
    }
}

#[test]
fn chaos_tells_a_loop_from_a_sleep() {
    let place = Place::new();
    let chaos = |script: &str| {
        let words = [
            "chaos",
            "--chip",
            "demo",
            "--seeds",
            "2",
            "--timeout",
            "2s",
            "--",
            "sh",
            "-c",
            script,
        ];
        let output = place.ugpio(&words);
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            output.status.code(),
        )
    };
    let (said, status) = chaos("ugpio get demo:1; exec sleep 1000");
    assert!(
        said.starts_with("without faults: ok, does not end by itself\n"),
        "{said}"
    );
    assert!(
        said.ends_with("2 seeds, 0 bad\n") && status == Some(0),
        "{said}"
    );
    let (said, status) = chaos("while :; do :; done");
    assert_eq!(
        (said.lines().next(), status),
        (
            Some("without faults: SPIN, does not end by itself"),
            Some(1)
        )
    );
}
