//! One run of `ugpio run` on a small board, for the tests of the client verbs.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const BOARD: &str = r#"
[[chip]]
label = "demo"
lines = 4
names = ["LED", "BUTTON", "BOTH"]
hogs = [{ line = 3, consumer = "power \"good\"", direction = "output-high" }]

[[chip]]
label = "other"
lines = 2
names = ["BOTH"]
"#;

/// One run, in a directory of its own.
pub(crate) struct Bench {
    /// Where the run is, and what it leaves.
    pub(crate) dir: PathBuf,
}

impl Bench {
    /// A run in a new directory of that name.
    pub(crate) fn new(name: &str) -> Bench {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("the target directory is ours");
        fs::write(dir.join("board.toml"), BOARD).expect("the target directory is ours");
        Bench { dir }
    }

    /// `ugpio run` of a program, with this ugpio first in its $PATH.
    pub(crate) fn command(&self, program: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
        command
            .args(["run", "--board", "board.toml", "--"])
            .args(program);
        command.current_dir(&self.dir).stdin(Stdio::null());
        let bin = PathBuf::from(env!("CARGO_BIN_EXE_ugpio"));
        let bin = bin.parent().expect("a program is in a directory");
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", bin.display()));
        command
    }

    /// Runs a shell script to its end.
    pub(crate) fn script(&self, script: &str) -> Output {
        let output = self.command(&["sh", "-c", script]).output();
        output.expect("ugpio can be started")
    }
}

/// Output as text.
pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("ugpio writes UTF-8")
}

/// Runs a script that is expected to say nothing on standard error, and gives what it printed.
pub(crate) fn printed(name: &str, script: &str) -> String {
    let output = Bench::new(name).script(script);
    assert_eq!(text(&output.stderr), "", "{script}");
    text(&output.stdout).to_owned()
}
