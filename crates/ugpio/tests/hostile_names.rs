//! Names that would act in a terminal: no verb and no message shows one as it is.
//!
//! A program can give chips and lines of the gpio-sim tree, consumers and itself any name at all.

#[path = "support/home.rs"]
mod home;

use std::process::Command;

/// Colours, a window's title, a new line with a forged message, and marks that turn text around.
const NAMES: [&str; 4] = [
    "n\x1b[31mred",
    "n\x1b]0;title\x07",
    "n\nugpio: forged",
    "n\u{202e}turned\u{2066}",
];

/// Makes a chip of the tree with such names, and has every verb name it.
const SCRIPT: &str = r#"
cd /sys/kernel/config/gpio-sim
mkdir -p d/b/line0/hog d/b/line1
printf '%s' "$1" >d/b/label; printf '%s' "$1" >d/b/line0/name; printf '%s' "$1" >d/b/line0/hog/name
printf '%s' "$1" >d/b/line1/name; echo 2 >d/b/num_lines; echo 1 >d/live
cd "$2"
ugpio detect; ugpio info; ugpio info --json; ugpio get "$1"; ugpio get -c 0 "$1"; ugpio get "no$1"
ugpio set -c 0 "$1=1"; ugpio get -c "$1" 0
ugpio ctl list; ugpio ctl list --json; ugpio ctl level 0 "$1"; ugpio ctl level "$1" 0; ugpio ctl level "no$1" 0
ugpio ctl pull 0 0 up; ugpio ctl fault 0 "$1" stuck; ugpio ctl fault 0 stuck "no$1"; ugpio ctl wire "$1" 0:0 0:1
ugpio ctl press "$1"; ugpio ctl plug "$1"; ugpio ctl mend "$1"; ugpio ctl unplug "no$1"
ugpio explain "$1"; ugpio board check "$1"; ugpio board show "$1"; ugpio "$1"; ugpio ctl "$1"; ugpio run --"$1"
ugpio run --chip "$1" -- true; ugpio run --board "$1" -- true; ugpio run --trace "$1" -- true
ugpio trace show "$1.vcd"; ugpio trace show "$1"; ugpio trace diff "$1.vcd" "$1.vcd"; ugpio trace svg "$1.fst"
ugpio --socket "$1" ctl list; ugpio ctl --socket "$1" list
"#;

/// Names the program itself, which stays when its first process has ended.
const STAYS: &str = "import ctypes, os, sys
if os.fork() == 0:
    ctypes.CDLL(None).prctl(15, sys.argv[1].encode(), 0, 0, 0)
    os.write(3, b'x')
    sys.stdin.readline()
else:
    os.read(4, 1)
";

/// The first character that would do something else than be seen.
fn acts(text: &str) -> Option<String> {
    let is_sign = |c: char| {
        c.is_control() && c != '\n'
            || matches!(u32::from(c), 0x200e..=0x200f | 0x2028..=0x202e | 0x2066..=0x2069)
    };
    let at = text.find(is_sign)?;
    text[at..]
        .get(..)
        .map(|rest| rest.chars().take(20).collect())
}

#[test]
fn no_verb_shows_a_name_that_acts() {
    for name in NAMES {
        let place = tempfile::tempdir().unwrap();
        let trace = place.path().join("t.vcd");
        let run = [
            "run",
            "--explain",
            "--lint",
            "--trace",
            trace.to_str().unwrap(),
            "--",
        ];
        let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
        let command = home::at_home(&mut command, place.path()).args(run);
        let script = [
            "sh",
            "-c",
            SCRIPT,
            "sh",
            name,
            place.path().to_str().unwrap(),
        ];
        let done = command.args(script).output().unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr),
        );
        assert!(out.contains("gpiochip0"), "{out}{err}");
        assert!(err.lines().count() > 15, "{err}");
        assert_eq!(acts(&out), None, "{name:?}: {out}");
        assert_eq!(acts(&err), None, "{name:?}: {err}");
        let is_forged = |text: &str| text.lines().any(|row| row == "ugpio: forged");
        assert!(!is_forged(&out) && !is_forged(&err), "{out}{err}");
        for verb in ["show", "svg"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
            let command = command.args(["trace", verb]).arg(&trace);
            let shown = command.output().unwrap();
            assert!(shown.status.success(), "{verb} {name:?}");
            assert_eq!(
                acts(&String::from_utf8_lossy(&shown.stdout)),
                None,
                "{verb} {name:?}"
            );
        }
    }
}

#[test]
fn a_process_that_stays_is_named_as_it_can_be_shown() {
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    // The child's standard input ends once the message about it has been read.
    let line = "mkfifo go; exec 5<>go; { ugpio run --chip a -- sh -c 'mkfifo said; exec 3<>said 4<>said; \
        exec python3 -c \"$0\" \"$1\" <go' \"$0\" \"$1\" 2>&1; } | { read -r row; printf '%s\\n' \"$row\"; echo >&5; \
        cat; }";
    let command = home::at_home(&mut command, place.path()).current_dir(place.path());
    let done = command
        .args(["-c", line, STAYS, "z\x1b[31mq"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        said.contains("the run goes on as long as `z\\u{1b}[31mq`"),
        "{said}"
    );
}
