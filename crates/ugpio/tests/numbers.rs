//! The numbers that a board gives its lines in `/sys/class/gpio`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const BOARD: &str = "[machine]\nbase = 0\n[[chip]]\nlabel = \"soc\"\nlines = 54\n\
    [[chip]]\nlabel = \"fixed\"\nbase = 300\n[[chip]]\nlabel = \"expander\"\nlines = 16\n";

fn run(folder: &Path, board: &str, script: &str) -> Output {
    let file = folder.join("b.toml");
    fs::write(&file, board).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    command.env("XDG_RUNTIME_DIR", folder);
    command.arg("run").arg("--board").arg(file).arg("--");
    command.args(["/bin/sh", "-c", script]).output().unwrap()
}

#[test]
fn a_line_is_exported_by_the_number_that_the_board_says() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "cd /sys/class/gpio; ls -d gpiochip*; cat gpiochip*/base; echo 17 >export; echo high >gpio17/direction
         {ugpio} ctl level soc 17; echo 303 >export; cat gpio303/direction; echo 62 >export; readlink gpio62
         echo 53 >export && {{ echo 54 >export; }} && ls -d gpio5?",
        ugpio = env!("CARGO_BIN_EXE_ugpio")
    );
    let done = run(folder.path(), BOARD, &script);
    let printed = String::from_utf8_lossy(&done.stdout);
    let wanted = "gpiochip0\ngpiochip300\ngpiochip54\n0\n300\n54\nhigh\nin\n\
        ../../devices/platform/gpio-sim.2/gpiochip2/gpio/gpio62\ngpio53\ngpio54\n";
    assert_eq!(printed, wanted, "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_chip_that_comes_back_has_its_number_again() {
    let folder = tempfile::tempdir().unwrap();
    let board = format!("{BOARD}[[fault]]\nchip = \"soc\"\nkind = \"unplug\"\nreplug_calls = 1\n");
    let script = format!(
        "cd /sys/class/gpio; {ugpio} ctl plug later:4; {ugpio} get soc:3 2>/dev/null || echo gone
         {ugpio} ctl list >/dev/null; {ugpio} ctl wait soc 3 low --timeout 30; cat gpiochip*/base",
        ugpio = env!("CARGO_BIN_EXE_ugpio")
    );
    let done = run(folder.path(), &board, &script);
    let printed = String::from_utf8_lossy(&done.stdout);
    let bases: Vec<&str> = printed.lines().rev().take(4).collect();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(printed.contains("gone\n"), "{printed}{said}");
    assert_eq!(bases, ["54", "512", "300", "0"], "{printed}{said}");
}

#[test]
fn a_chip_is_plugged_in_with_the_numbers_that_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "cd /sys/class/gpio; {ugpio} ctl plug avr:400 --base 1000; cat gpiochip1000/ngpio
         echo 1399 >export; cat gpio1399/value; {ugpio} ctl plug late:8 --base 1399; echo $?
         {ugpio} ctl unplug avr; {ugpio} ctl plug late:8 --base 1399; cat gpiochip1399/label",
        ugpio = env!("CARGO_BIN_EXE_ugpio")
    );
    let done = run(folder.path(), BOARD, &script);
    let (printed, said) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert_eq!(printed, "gpiochip3\n400\n0\n3\ngpiochip3\nlate\n", "{said}");
    let wanted = "numbers 1399 to 1406 overlap those of chip \"avr\", 1000 to 1399\n";
    assert!(said.ends_with(wanted), "{said}");
}

#[test]
fn numbers_that_two_chips_have_are_no_board() {
    let folder = tempfile::tempdir().unwrap();
    let board = BOARD.replace(
        "base = 300",
        "base = 300\n[[chip]]\nlabel = \"other\"\nbase = 293",
    );
    let done = run(folder.path(), &board, "echo started");
    assert!(!done.status.success() && done.stdout.is_empty());
    let said = String::from_utf8_lossy(&done.stderr);
    let wanted =
        "b.toml:11: chip[2].base: numbers 293 to 300 overlap those of chip \"fixed\", 300 to 307";
    assert!(said.trim_end().ends_with(wanted), "{said}");
}
