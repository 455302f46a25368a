//! A place for runs that no other test finds, and what a command says in it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;

use crate::home;

/// A runtime directory of its own.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Place {
        Place(tempfile::tempdir().expect("the temporary directory is writable"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the directory is ours");
    }

    /// `ugpio WORDS`, which a shell finds as `ugpio` too.
    pub(crate) fn ugpio(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
        command.args(words).current_dir(self.0.path());
        home::at_home(&mut command, self.0.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn output(&self, words: &[&str]) -> Done {
        Done::of(&self.ugpio(words).output().expect("ugpio is built"))
    }

    /// Runs a script on one chip, `demo` with 4 lines.
    pub(crate) fn script(&self, script: &str) -> Done {
        self.output(&["run", "--chip", "demo:4", "--", "sh", "-c", script])
    }

    /// Starts a run of `cat`, which ends when the result is dropped.
    pub(crate) fn start(&self, words: &[&str]) -> Run {
        let words: Vec<&str> = ["run"]
            .iter()
            .chain(words)
            .chain(&["--", "cat"])
            .copied()
            .collect();
        let mut command = self.ugpio(&words);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("ugpio is built");
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut run = Run {
            child,
            stdin: Some(stdin),
            stdout,
        };
        assert_eq!(run.echo("started"), "started\n");
        run
    }

    pub(crate) fn sockets(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.path("ugpio")) else {
            return Vec::new();
        };
        entries
            .map(|entry| entry.expect("the directory is ours").path())
            .collect()
    }
}

/// What a command has said, and its status.
#[derive(Debug, PartialEq)]
pub(crate) struct Done {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    pub(crate) fn of(output: &Output) -> Done {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done {
            status: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// What it printed, if it was content.
    #[track_caller]
    pub(crate) fn printed(self) -> String {
        assert_eq!(
            (self.status, self.err.as_str()),
            (Some(0), ""),
            "it printed {:?}",
            self.out
        );
        self.out
    }

    /// Its one line of complaint, which has nothing beside it.
    #[track_caller]
    pub(crate) fn complaint(self, status: i32) -> String {
        assert_eq!(
            (self.status, self.out.as_str()),
            (Some(status), ""),
            "{:?}",
            self.err
        );
        assert_eq!(self.err.lines().count(), 1, "{:?}", self.err);
        self.err
    }
}

/// A run of `cat`.
pub(crate) struct Run {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Run {
    /// Sends a line through the program.
    pub(crate) fn echo(&mut self, line: &str) -> String {
        let stdin = self.stdin.as_mut().expect("taken by `end` only");
        writeln!(stdin, "{line}").expect("the program reads");
        let mut answer = String::new();
        self.stdout
            .read_line(&mut answer)
            .expect("the program writes UTF-8");
        answer
    }

    pub(crate) fn end(mut self) -> Option<i32> {
        drop(self.stdin.take());
        self.child.wait().expect("it is our child").code()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
