//! The live board in a terminal: what it shows, what its keys do, and that the terminal is as it was.
//!
//! `script`, from util-linux, gives each run a terminal of its own; `vt100` says what that shows. Nothing
//! sleeps: a test reads what is drawn until it shows what is waited for.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/home.rs"]
mod home;

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const ROWS: u16 = 30;
const COLUMNS: u16 = 110;

/// A terminal in which a shell runs a script.
struct Terminal {
    child: Child,
    keys: Option<ChildStdin>,
    drawn: ChildStdout,
    shown: vt100::Parser,
    dir: TempDir,
}

impl Terminal {
    /// Runs a shell script in it; `ugpio` is in its path.
    fn start(script: &str) -> Terminal {
        let dir = tempfile::tempdir().unwrap();
        let script = format!("stty rows {ROWS} cols {COLUMNS}; {script}");
        let mut command = Command::new("script");
        command.args(["-qec", &script, "/dev/null"]);
        command
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh");
        home::at_home(&mut command, dir.path()).current_dir(dir.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("`script` is installed (bsdutils)");
        Terminal {
            keys: child.stdin.take(),
            drawn: child.stdout.take().unwrap(),
            child,
            shown: vt100::Parser::new(ROWS, COLUMNS, 0),
            dir,
        }
    }

    fn text(&self) -> String {
        self.shown.screen().contents()
    }

    /// Reads what is drawn until it shows all of this.
    fn until(&mut self, wanted: &[&str]) -> String {
        let mut buffer = [0; 4096];
        while !wanted.iter().all(|word| self.text().contains(word)) {
            let count = self.drawn.read(&mut buffer).unwrap_or(0);
            assert_ne!(count, 0, "{wanted:?} was never shown:\n{}", self.text());
            self.shown.process(&buffer[..count]);
        }
        self.text()
    }

    /// Asks the run for something from outside; its socket is `s`.
    fn ctl(&self, words: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
        command.args(["ctl", "--socket", "s"]).args(words);
        command
            .env_remove("UGPIO_SOCKET")
            .current_dir(self.dir.path());
        assert!(command.status().unwrap().success(), "{words:?}");
    }

    fn type_in(&mut self, keys: &str) {
        let to = self.keys.as_mut().unwrap();
        to.write_all(keys.as_bytes()).unwrap();
        to.flush().unwrap();
    }

    /// What is left in the terminal in the end, and the status of the script.
    fn end(mut self) -> (String, Option<i32>) {
        let mut rest = Vec::new();
        self.drawn.read_to_end(&mut rest).unwrap();
        self.shown.process(&rest);
        let screen = self.shown.screen();
        assert!(!screen.alternate_screen(), "the screen is given back");
        assert!(!screen.hide_cursor(), "the cursor is given back");
        (self.text(), self.child.wait().unwrap().code())
    }
}

/// A test that fails in the middle leaves no process: without `script` its terminal hangs up.
impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

const DOWN: &str = "\x1b[B";

/// After the board, the terminal has to take lines and show what is typed again.
const CHECK: &str =
    "s=$?; stty -a | grep -q ' icanon' && stty -a | grep -q ' echo ' && echo sane; exit $s";

#[test]
fn the_board_and_the_program_s_output_are_shown_and_keys_act() {
    let program = "echo hello; ugpio wait -c demo 2 1; echo pressed; ugpio wait -c demo 2 0; \
                   ugpio wait -c demo 1 1; echo pulled; exit 7";
    let run = format!("ugpio run --tui --chip demo:4 --chip other:2 -- sh -c '{program}'; {CHECK}");
    let mut terminal = Terminal::start(&run);
    terminal.until(&[
        "demo  gpiochip0",
        "4 lines, 1 in use",
        "other  gpiochip1",
        "live",
        "hello",
    ]);
    assert!(terminal.shown.screen().alternate_screen());
    terminal.type_in(&DOWN.repeat(3));
    terminal.type_in("h");
    terminal.until(&["● H", "pressed"]);
    terminal.type_in("h");
    terminal.type_in("/other\r");
    terminal.until(&["only: other"]);
    terminal.type_in("x");
    terminal.until(&["other  unplugged"]);
    terminal.type_in("/\x1b");
    // What follows an escape at once would be a key with Alt.
    terminal.until(&["demo  gpiochip0"]);
    terminal.type_in("ilate:3\r");
    terminal.until(&["late  gpiochip1", "3 lines, 0 in use"]);
    terminal.type_in("idemo\r");
    terminal.until(&["has the label \"demo\""]);
    terminal.type_in("\x1b[H");
    terminal.type_in(&DOWN.repeat(2));
    terminal.type_in("u");
    let (left, status) = terminal.end();
    assert_eq!(status, Some(7), "{left}");
    for said in ["hello", "pressed", "pulled", "sane"] {
        assert!(
            left.contains(said),
            "{said} is left in the terminal: {left}"
        );
    }
}

#[test]
fn parts_are_shown_and_operated() {
    let board = "[[chip]]\nlabel = \"demo\"\nlines = 2\n\
                 [[part]]\nkind = \"button\"\nname = \"walk\"\nline = \"demo:0\"\n\
                 [[part]]\nkind = \"led\"\nname = \"lamp\"\nline = \"demo:1\"\n";
    let run = format!(
        "printf '%s' '{board}' >board.toml; ugpio run --tui --board board.toml -- sleep 1000; {CHECK}"
    );
    let mut terminal = Terminal::start(&run);
    terminal.until(&["walk", "button", "released", "lamp", "led", "off"]);
    terminal.type_in("/walk\r");
    terminal.until(&["only: walk"]);
    terminal.type_in("h");
    terminal.until(&["● pressed"]);
    terminal.type_in("h");
    terminal.until(&["○ released"]);
    terminal.type_in("q");
    let (left, status) = terminal.end();
    assert_eq!(status, Some(143), "{left}");
}

#[test]
fn nets_are_followed() {
    let board = "[[chip]]\nlabel = \"demo\"\nlines = 3\n\
                 [[net]]\nname = \"bus\"\nlines = [\"demo:0\", \"demo:1\"]\n";
    let run = format!(
        "printf '%s' '{board}' >board.toml; ugpio run --tui --socket s --board board.toml -- sleep 1000; {CHECK}"
    );
    let mut terminal = Terminal::start(&run);
    terminal.until(&["bus", "○ L  floating  demo:0 demo:1"]);
    terminal.ctl(&["pull", "demo", "0", "up"]);
    terminal.until(&["● H  held"]);
    terminal.ctl(&["wire", "bus", "demo:2", "--pull", "down"]);
    terminal.until(&["demo:0 demo:1 demo:2"]);
    terminal.type_in("/net demo:2\r");
    terminal.until(&["only: net demo:2", "bus"]);
    terminal.type_in("q");
    let (left, status) = terminal.end();
    assert_eq!(status, Some(143), "{left}");
}

#[test]
fn q_ends_the_run_and_signals_give_the_terminal_back() {
    let end = [("q", "TERM"), ("\x03", "INT")];
    for (key, signal) in end {
        let run = format!("ugpio run --tui --chip demo -- sleep 1000; {CHECK}");
        let mut terminal = Terminal::start(&run);
        terminal.until(&["live"]);
        terminal.type_in(key);
        let (left, status) = terminal.end();
        let number = if signal == "TERM" { 15 } else { 2 };
        assert_eq!(status, Some(128 + number), "{left}");
        assert!(left.contains("sane"), "{left}");
    }
    let run = "sh -c 'echo $$ >pid; exec ugpio run --tui --chip demo -- sh -c \"echo hello; sleep 1000\"'";
    let mut terminal = Terminal::start(&format!("{run}; {CHECK}"));
    terminal.until(&["live", "hello"]);
    let pid = std::fs::read_to_string(terminal.dir.path().join("pid")).unwrap();
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let (left, status) = terminal.end();
    assert_eq!(status, Some(143), "{left}");
    assert!(left.contains("sane") && left.contains("hello"), "{left}");
}

#[test]
fn a_run_that_is_going_can_be_looked_at_and_left() {
    let mut terminal = Terminal::start(&format!(
        "mkfifo end; ugpio run --chip demo:4 -- sh -c 'read line <end' & \
         until ugpio ctl list >list 2>&1; do :; done; ugpio ctl tui; echo >end; wait; {CHECK}"
    ));
    terminal.until(&["demo  gpiochip0", "live"]);
    assert!(!terminal.text().contains("output of"));
    terminal.type_in("q");
    let (left, status) = terminal.end();
    assert_eq!(status, Some(0), "{left}");
    assert!(left.contains("sane"), "{left}");
}

#[test]
fn without_a_terminal_it_is_a_plain_error_and_mistakes_of_the_run_are_told() {
    let mut command = Command::new("setsid");
    command.args([
        "-w",
        env!("CARGO_BIN_EXE_ugpio"),
        "run",
        "--tui",
        "--",
        "true",
    ]);
    let done = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(125), "{said}");
    assert!(
        said.starts_with("ugpio: --tui: a terminal is needed"),
        "{said}"
    );
    let (left, status) = Terminal::start("ugpio run --tui --board none.toml -- true").end();
    assert_eq!(status, Some(125), "{left}");
    assert!(left.contains("ugpio: none.toml: no such file"), "{left}");
}
