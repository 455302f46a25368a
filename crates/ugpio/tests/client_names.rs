//! How the client verbs find lines, and what they say of words that do not name one.

use std::fs;

mod bench;

use bench::{Bench, printed, text};

/// Name of the case, words, exit status, complaint.
const MISTAKES: &[(&str, &str, i32, &str)] = &[
    (
        "both",
        "get BOTH",
        3,
        "several lines have the name 'BOTH': gpiochip0:2, gpiochip1:0",
    ),
    (
        "none",
        "get NONE",
        3,
        "no line 'NONE' on gpiochip0 [demo], gpiochip1 [other]",
    ),
    (
        "here",
        "get -c other LED",
        3,
        "no line 'LED' on gpiochip1 [other]",
    ),
    (
        "beyond",
        "get demo:4",
        3,
        "no line 'demo:4': gpiochip0 [demo] has 4 lines, from offset 0",
    ),
    (
        "chip",
        "get nope:4",
        3,
        "no line 'nope:4' on gpiochip0 [demo], gpiochip1 [other]",
    ),
    (
        "chip-option",
        "get -c nope 4",
        3,
        "no chip 'nope': there are gpiochip0 [demo], gpiochip1 [other]",
    ),
    (
        "twice",
        "get LED 0:0",
        2,
        "'LED' and '0:0' are the same line, gpiochip0:0 (LED)",
    ),
    (
        "elsewhere",
        "get -c demo 1:0",
        2,
        "'1:0' is on gpiochip1 [other], and --chip says gpiochip0 [demo]",
    ),
    (
        "toggle",
        "set - <toggle",
        2,
        "'LED' cannot be toggled, it is not held yet",
    ),
];

#[test]
fn names_that_do_not_say_which_line_are_errors() {
    for (name, words, status, error) in MISTAKES {
        let bench = Bench::new(&format!("name-{name}"));
        fs::write(bench.dir.join("toggle"), "LED=toggle\n").unwrap();
        let output = bench.script(&format!("ugpio {words}"));
        assert_eq!(text(&output.stderr), format!("ugpio: {error}\n"), "{words}");
        assert_eq!(output.status.code(), Some(*status), "{words}");
        assert_eq!(text(&output.stdout), "", "{words}");
    }
}

#[test]
fn the_same_name_on_two_chips_can_be_told_apart() {
    let script = "ugpio get other:BOTH; ugpio get -c 0 BOTH; ugpio get --by-name LED";
    assert_eq!(
        printed("by-chip", script),
        "other:BOTH=inactive\nBOTH=inactive\nLED=inactive\n"
    );
}
