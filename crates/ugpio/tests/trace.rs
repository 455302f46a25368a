//! `ugpio run --trace`, `--replay` and `--expect`, and the verbs of `ugpio trace`, with real programs.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/home.rs"]
mod home;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A directory with recordings in it.
struct Place(TempDir);

/// Lights the LED twice when the button was pressed and let go. Says in `banner` when it listens.
fn blink(banner: &str, more: &str) -> String {
    format!(
        "(ugpio monitor -n 2 --banner demo:1 2> {banner} > edges || exit 9
          echo demo:0=1; echo demo:0=0; echo demo:0=1{more}) | ugpio set demo:0=0 -"
    )
}

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn ugpio(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
        command.args(words).current_dir(self.0.path());
        command.stdin(Stdio::null());
        home::at_home(&mut command, self.0.path()).output().unwrap()
    }

    /// Runs a script on chip `demo` with 4 lines.
    fn run(&self, options: &[&str], script: &str) -> Output {
        let words = [
            &["run", "--chip", "demo:4"],
            options,
            &["--", "sh", "-c", script],
        ];
        self.ugpio(&words.concat())
    }

    /// What a run printed that went well.
    #[track_caller]
    fn good(&self, options: &[&str], script: &str) -> String {
        printed(&self.run(options, script))
    }

    /// Lets a millisecond pass between the instants of a recording, however slow the machine was.
    fn even_out(&self, name: &str) {
        let mut instants = (0..).step_by(1_000_000);
        let even = |line: &str| match line.strip_prefix('#') {
            Some(_) => format!("#{}\n", instants.next().unwrap()),
            None => format!("{line}\n"),
        };
        let text: String = self.read(name).lines().map(even).collect();
        fs::write(self.path(name), text).unwrap();
    }

    /// The values that a signal goes through, read by a reader that others wrote.
    fn foreign(&self, file: &str, scopes: &[&str], name: &str) -> Vec<String> {
        let mut wave = wellen::simple::read(self.path(file)).unwrap();
        let hierarchy = wave.hierarchy();
        let var = hierarchy.lookup_var(scopes, name).unwrap();
        let signal = hierarchy[var].signal_ref();
        wave.load_signals(&[signal]);
        let changes = wave.get_signal(signal).unwrap().iter_changes();
        changes.map(|(_, value)| value.to_string()).collect()
    }
}

#[track_caller]
fn printed(output: &Output) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*complaint), (Some(0), ""));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn refused(output: &Output, status: i32) -> String {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_trace_has_levels_directions_consumers_and_plugs() {
    let place = Place::new();
    let script = "ugpio set --once demo:1=1; ugpio ctl pull demo 2 up; ugpio ctl plug late:2;
        ugpio ctl unplug late; exit 3";
    let output = place.run(&["--trace", "a.vcd", "--trace", "a.json"], script);
    assert_eq!((output.status.code(), &*output.stderr), (Some(3), &b""[..]));
    // All of it is there when `ugpio run` ends.
    assert_eq!(place.foreign("a.vcd", &["demo"], "line1"), ["0", "1", "0"]);
    assert_eq!(
        place.foreign("a.vcd", &["demo", "output"], "line1"),
        ["0", "1"]
    );
    assert_eq!(
        place.foreign("a.vcd", &["demo", "consumer"], "line1"),
        ["-", "ugpio", "-"]
    );
    assert_eq!(place.foreign("a.vcd", &["demo"], "line2"), ["0", "1"]);
    assert_eq!(
        place.foreign("a.vcd", &["late"], "plugged"),
        ["0", "1", "0"]
    );
    assert_eq!(place.foreign("a.vcd", &["late"], "line1"), ["x", "0", "x"]);
    assert!(place.read("a.vcd").ends_with('\n'));
    let kinds: Vec<String> = place
        .read("a.json")
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(line["at_ns"].is_u64());
            line["kind"].as_str().unwrap().to_owned()
        })
        .collect();
    let wanted = [
        "start",
        "level",
        "requested",
        "level",
        "released",
        "pull",
        "level",
        "plugged",
        "unplugged",
    ];
    assert_eq!(kinds, wanted);
}

#[test]
fn a_trace_is_shown_and_drawn() {
    let place = Place::new();
    let script = "ugpio set --once demo:1=1; ugpio ctl pull demo 2 up; ugpio ctl unplug demo";
    place.good(&["--trace", "a.vcd"], script);
    place.even_out("a.vcd");
    let shown = printed(&place.ugpio(&["trace", "show", "a.vcd", "--width", "40"]));
    let rows: Vec<&str> = shown.lines().collect();
    assert!(rows[0].starts_with("demo.line1 ▁"), "{shown}");
    assert!(
        rows[1].starts_with("demo.line2 ▁") && rows[1].contains(['/', '╳']),
        "{shown}"
    );
    assert_eq!(rows[1].chars().count(), "demo.line2 ".len() + 40);
    assert!(
        rows[3].ends_with("gpiochip0 \"demo\" was unplugged"),
        "{shown}"
    );
    assert_eq!(rows.len(), 4);
    let one = printed(&place.ugpio(&["trace", "show", "a.vcd", "line3"]));
    assert!(one.starts_with("demo.line3 ▁▁▁"), "{one}");
    let all = printed(&place.ugpio(&["trace", "show", "--all", "a.vcd"]));
    assert!(all.contains("demo.line0 "), "{all}");
    let svg = printed(&place.ugpio(&["trace", "svg", "a.vcd"]));
    assert!(
        svg.starts_with("<svg ") && svg.ends_with("</svg>\n"),
        "{svg}"
    );
    assert!(svg.contains(">demo.line2</text>"), "{svg}");
    let none = place.ugpio(&["trace", "show", "a.vcd", "line9"]);
    let wanted = "ugpio: no line of the recording is called \"line9\"\n";
    assert_eq!(refused(&none, 3), wanted);
    let none = refused(&place.ugpio(&["trace", "svg", "none.vcd"]), 3);
    assert!(none.starts_with("ugpio: none.vcd: no such file"), "{none}");
}

#[test]
fn what_is_drawn_is_within_the_recording() {
    let place = Place::new();
    let dump =
        "$timescale 1 ps $end $var wire 1 ! clk $end #0 0! #500 1! #1000 0! #1500 1! #2000 0!";
    fs::write(place.path("fast.vcd"), dump).unwrap();
    let show = |words: &[&str]| place.ugpio(&[&["trace", "show", "fast.vcd"], words].concat());
    let wanted = "ugpio: --from 2 ns is after --to 1 ns\n";
    assert_eq!(refused(&show(&["--from", "2ns", "--to", "1ns"]), 2), wanted);
    let wanted = "ugpio: --from 1 s is after the end of the recording, 2 ns\n";
    assert_eq!(refused(&show(&["--from", "1s"]), 3), wanted);
    let all = printed(&show(&["--width", "5"]));
    assert!(all.starts_with("clk ▁/\\/\\\n"), "{all}");
    let part = printed(&show(&["--from", "400ps", "--to", "600ps", "--width", "3"]));
    assert!(part.starts_with("clk ▁/▔\n"), "{part}");
    let json = "{\"at_ns\":1}\n";
    fs::write(place.path("out.json"), json).unwrap();
    let json = refused(&place.ugpio(&["trace", "show", "out.json"]), 3);
    assert!(
        json.starts_with("ugpio: out.json:1:1: JSON, not a value change dump"),
        "{json}"
    );
}

#[test]
fn two_runs_of_one_program_are_equal_and_another_is_not() {
    let place = Place::new();
    let blink =
        |values: &str| format!("for v in {values}; do echo demo:0=$v; done | ugpio set demo:0=0 -");
    place.good(&["--trace", "a.vcd"], &blink("1 0 1"));
    place.good(&["--trace", "b.vcd"], &blink("1 0 1"));
    place.good(&["--trace", "c.vcd"], &blink("1 0 1 0 1"));
    let none = "no difference: 4 signals, 4 changes compared\n";
    let diff = place.ugpio(&["trace", "diff", "a.vcd", "b.vcd"]);
    assert_eq!(printed(&diff), none);
    let loose = ["trace", "diff", "a.vcd", "b.vcd", "--tolerance", "10m"];
    assert_eq!(printed(&place.ugpio(&loose)), none);
    let differ = place.ugpio(&["trace", "diff", "a.vcd", "c.vcd"]);
    assert_eq!(refused(&differ, 1), "");
    let found = String::from_utf8(differ.stdout).unwrap();
    let wanted =
        "demo.line0: 4 changes in the first, 6 in the second: only the second goes high at";
    assert!(found.starts_with(wanted), "{found}");
}

#[test]
fn a_recording_is_played_and_its_outputs_are_expected() {
    let place = Place::new();
    // The reference run: somebody presses the button by hand, once the program listens to it.
    let program = blink("banner", "");
    let script = format!(
        "mkfifo banner; {program} & read line < banner
         ugpio ctl pull demo 1 up; ugpio ctl pull demo 1 down; wait"
    );
    place.good(&["--trace", "golden.vcd"], &script);
    let wanted = ["0", "1", "0"];
    assert_eq!(place.foreign("golden.vcd", &["demo"], "line1"), wanted);
    let wanted = ["0", "1", "0", "1", "0"];
    assert_eq!(place.foreign("golden.vcd", &["demo"], "line0"), wanted);
    // Nobody presses it now, and the program does the same.
    let options = ["--replay", "golden.vcd", "--expect", "golden.vcd"];
    let praise = "ugpio: golden.vcd: as expected: 1 signal, 4 changes compared\n";
    let good = place.run(&options, &blink("/dev/null", ""));
    assert_eq!(refused(&good, 0), praise);
    // That the LED goes out at the end is so in any case.
    let good = place.run(&options, &blink("/dev/null", "; echo demo:0=0"));
    assert_eq!(refused(&good, 0), praise);
    // A program that does not is found out.
    let wrong = blink("/dev/null", "; echo demo:0=0; echo demo:0=1");
    let wrong = place.run(&options, &wrong);
    let complaint = refused(&wrong, 1);
    let wanted = "ugpio: golden.vcd: demo.line0: 4 changes in the expected, 6 in this run: only this run goes high at ";
    assert!(complaint.starts_with(wanted), "{complaint}");
    // Its own failure comes first.
    let failing = place.run(&["--expect", "golden.vcd"], "exit 7");
    assert!(refused(&failing, 7).contains("only the expected goes high"));
}

#[test]
fn a_logic_analyser_s_recording_presses_buttons() {
    let place = Place::new();
    let mut file = fs::File::create(place.path("in.vcd")).unwrap();
    let head = "$timescale 1 us $end\n$scope module libsigrok $end\n\
        $var wire 1 ! D0 $end\n$var wire 1 \" D1 $end\n$upscope $end\n$enddefinitions $end\n";
    write!(file, "{head}#0 0! 1\"\n#100 1!\n#250 0!\n#300 0\"\n").unwrap();
    let script = "ugpio monitor -n 2 --json demo:0 | grep -o '\"edge\":\"[a-z]*\"'";
    let printed = place.good(&["--replay", "in.vcd", "--trace", "out.vcd"], script);
    assert_eq!(printed, "\"edge\":\"rising\"\n\"edge\":\"falling\"\n");
    let other = [
        "--replay",
        "in.vcd",
        "--signal",
        "D0=demo:3",
        "--signal",
        "D1=-",
    ];
    let printed = place.good(&other, "ugpio monitor -n 2 --json 0:3 | grep -c edge");
    assert_eq!(printed, "2\n");
}

/// The recordings of `tests/recordings`, of PulseView's library, its command line, Wokwi's form and GTKWave:
/// each presses the button twice.
#[test]
fn recordings_that_others_wrote_are_played() {
    let place = Place::new();
    let board = "[[chip]]\nlabel = \"demo\"\nlines = 4\nnames = [\"CLK\", \"START\"]\n";
    fs::write(place.path("board.toml"), board).unwrap();
    let script = "ugpio monitor -n 4 --json START | grep -o '\"edge\":\"[a-z]*\"' | cut -d: -f2";
    let recordings = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let files = [
        ("libsigrok.vcd", &["D0=demo:0", "D1=demo:1"][..]),
        ("sigrok-cli.vcd", &["the_clock=demo:CLK"]),
        ("wokwi.vcd", &[]),
        ("gtkwave.vcd", &[]),
    ];
    for (file, signals) in files {
        let file = recordings.join(file);
        let mut words = vec![
            "run",
            "--board",
            "board.toml",
            "--replay",
            file.to_str().unwrap(),
        ];
        for signal in signals {
            words.extend(["--signal", signal]);
        }
        words.extend(["--", "sh", "-c", script]);
        let printed = printed(&place.ugpio(&words));
        let wanted = "\"rising\"\n\"falling\"\n".repeat(2);
        assert_eq!(printed, wanted, "{}", file.display());
    }
}

#[test]
fn what_cannot_be_done_is_said_before_the_program_starts() {
    let place = Place::new();
    let complaint = |options: &[&str]| refused(&place.run(options, "echo started >&2"), 125);
    let none = complaint(&["--replay", "none.vcd"]);
    assert!(none.starts_with("ugpio: none.vcd: no such file"), "{none}");
    fs::write(place.path("text.vcd"), "hello\n").unwrap();
    let wanted = "ugpio: text.vcd:1:1: not a value change dump\n";
    assert_eq!(complaint(&["--expect", "text.vcd"]), wanted);
    let wanted = "ugpio: a.txt: a trace ends with .vcd, .fst or .json\n";
    assert_eq!(complaint(&["--trace", "a.txt"]), wanted);
    let dump = "$timescale 1 ns $end\n$scope module other $end\n$var wire 1 a x $end\n\
        $upscope $end\n$enddefinitions $end\n#0 0a\n#5 1a\n";
    fs::write(place.path("other.vcd"), dump).unwrap();
    let wanted = "ugpio: other.vcd: signal other.x is no line of this board; say which with \
        --signal other.x=CHIP:LINE, or --signal other.x=- for none\n";
    assert_eq!(complaint(&["--expect", "other.vcd"]), wanted);
    // To play or compare nothing is no success.
    fs::write(place.path("bus.vcd"), "$var wire 8 a x $end #0 b0 a").unwrap();
    let wanted =
        "ugpio: bus.vcd: --expect would compare nothing: no signal of it is a line of this board\n";
    assert_eq!(complaint(&["--expect", "bus.vcd"]), wanted);
    let wanted =
        "ugpio: bus.vcd: --replay would play nothing: no signal of it is a line of this board\n";
    assert_eq!(complaint(&["--replay", "bus.vcd"]), wanted);
    let none = "ugpio: nothing was compared: the recordings have no signal of one bit in common\n";
    let diff = place.ugpio(&["trace", "diff", "bus.vcd", "bus.vcd"]);
    assert!(refused(&diff, 3).ends_with(none));
    // A trace that cannot be begun does not destroy what is to be read.
    assert_eq!(place.read("text.vcd"), "hello\n");
}

#[test]
fn a_disk_that_is_full_is_said_and_harms_nobody() {
    let place = Place::new();
    std::os::unix::fs::symlink("/dev/full", place.path("full.vcd")).unwrap();
    let output = place.run(
        &["--trace", "full.vcd"],
        "ugpio set --once demo:1=1; echo done",
    );
    assert_eq!(output.stdout, b"done\n");
    let wanted = "ugpio: full.vcd: no space left on device\n";
    assert_eq!(refused(&output, 0), wanted);
}
