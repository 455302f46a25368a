//! `ugpio run --trace FILE.fst`: what is in it, what can be done with it, and what is left if it cannot be made.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/home.rs"]
mod home;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

struct Place(tempfile::TempDir);

/// Sets a line three times while another is pulled up in between.
const SCRIPT: &str = "(echo demo:0=1; ugpio ctl pull demo 1 up; echo demo:0=0; echo demo:0=1) |
    ugpio set demo:0=0 -";

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
        command.stdin(Stdio::null());
        home::at_home(&mut command, self.0.path()).output().unwrap()
    }

    /// Runs a script on chip `demo` with 4 lines; its exit status and what was said on standard error.
    fn run(&self, options: &[&str], script: &str) -> (Option<i32>, String) {
        let begin = ["run", "--chip", "demo:4"];
        let output = self.ugpio(&[&begin, options, &["--", "sh", "-c", script]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let names = entries.map(|entry| name(entry).into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.starts_with("a.")).collect();
        names.sort();
        names
    }
}

const GOOD: (Option<i32>, String) = (Some(0), String::new());

#[test]
fn it_is_the_recording_that_the_dump_is() {
    let place = Place::new();
    let script = "ugpio set --once demo:1=1; ugpio ctl plug late:2; ugpio ctl fault demo error 3
        ugpio get demo:3; ugpio ctl unplug late; exit 3";
    let (status, _) = place.run(&["--trace", "a.fst", "--trace", "a.vcd"], script);
    assert_eq!(status, Some(3));
    assert_eq!(
        place.names(),
        ["a.fst", "a.vcd"],
        "nothing is left beside it"
    );
    let diff = place.ugpio(&["trace", "diff", "a.vcd", "a.fst", "--tolerance", "0ns"]);
    let said = String::from_utf8_lossy(&diff.stdout);
    assert!(said.starts_with("no difference: 6 signals, "), "{said}");
    assert_eq!(diff.status.code(), Some(0));
    let shown = |file| place.ugpio(&["trace", "show", file]).stdout;
    assert_eq!(shown("a.fst"), shown("a.vcd"), "remarks too");
    let shown = String::from_utf8_lossy(&shown("a.fst")).into_owned();
    assert!(shown.contains("fault at call 1: EIO"), "{shown}");

    // A reader that others wrote finds strings and remarks too.
    let mut wave = wellen::simple::read(place.path("a.fst")).unwrap();
    let mut said = |scopes: &[&str], name: &str| {
        let hierarchy = wave.hierarchy();
        let var = hierarchy.lookup_var(scopes, name).unwrap();
        let signal = hierarchy[var].signal_ref();
        wave.load_signals(&[signal]);
        let changes = wave.get_signal(signal).unwrap().iter_changes();
        let said: Vec<String> = changes.map(|(_, value)| value.to_string()).collect();
        said
    };
    assert_eq!(said(&["demo"], "line1"), ["0", "1", "0"]);
    assert_eq!(said(&["demo", "consumer"], "line1"), ["-", "ugpio", "-"]);
    assert_eq!(said(&["late"], "plugged"), ["0", "1", "0"]);
    let remarks = said(&["remarks"], "text").join("\n");
    assert!(
        remarks.contains("gpiochip0 3 fault at call 1: EIO"),
        "{remarks}"
    );
    assert!(
        remarks.contains("gpiochip1 \"late\" was unplugged"),
        "{remarks}"
    );
}

#[test]
fn it_is_played_back_and_is_a_golden_trace() {
    let place = Place::new();
    assert_eq!(place.run(&["--trace", "a.fst"], SCRIPT), GOOD);
    let (status, said) = place.run(&["--expect", "a.fst"], SCRIPT);
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.starts_with("ugpio: a.fst: as expected: 1 signal, "),
        "{said}"
    );
    let (status, said) = place.run(&["--expect", "a.fst"], "ugpio set --once demo:0=1");
    assert_eq!(status, Some(1));
    assert!(said.contains("demo.line0"), "{said}");
    let listens = "mkfifo b; ugpio monitor -n 1 --banner demo:1 2>b >/dev/null & read banner <b";
    assert_eq!(place.run(&["--replay", "a.fst"], "ugpio get demo:1"), GOOD);
    assert_eq!(
        place.run(&["--trace", "a.fst"], &format!("{listens}; {SCRIPT}; wait")),
        GOOD
    );
}

#[test]
fn a_run_that_is_killed_leaves_the_dump() {
    let place = Place::new();
    // The program's parent is the supervisor.
    let script = "ugpio set --once demo:1=1; until grep -q ^sugpio a.fst.part; do :; done
        kill -9 $PPID";
    let (status, _) = place.run(&["--trace", "a.fst"], script);
    assert_ne!(status, Some(0));
    assert_eq!(place.names(), ["a.fst", "a.fst.part"]);
    let shown = place.ugpio(&["trace", "show", "a.fst.part"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("demo.line1"));
    assert_eq!(std::fs::read(place.path("a.fst")).unwrap(), b"");
}

#[test]
fn what_cannot_be_an_fst_is_refused_before_the_program_starts() {
    let place = Place::new();
    std::os::unix::fs::symlink("/dev/null", place.path("null.fst")).unwrap();
    let (status, said) = place.run(&["--trace", "null.fst"], "echo started >&2");
    assert_eq!(
        (status, &*said),
        (Some(125), "ugpio: null.fst: not a regular file\n")
    );
    std::fs::write(place.path("empty.fst"), "").unwrap();
    let shown = place.ugpio(&["trace", "show", "empty.fst"]);
    let said = String::from_utf8_lossy(&shown.stderr).into_owned();
    assert_eq!(shown.status.code(), Some(3), "{said}");
}
