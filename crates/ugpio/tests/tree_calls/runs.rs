//! What a run leaves to others: nothing, neither while it lasts nor after it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::inside::TREE;

/// A shell in a run, which is told one command at a time.
struct Shell {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Shell {
    fn start(place: &Path) -> Shell {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
        command
            .args(["run", "--", "sh"])
            .env("XDG_RUNTIME_DIR", place);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Shell {
            child,
            stdin,
            stdout,
        }
    }

    /// What a command prints, which is one line.
    fn says(&mut self, command: &str) -> String {
        writeln!(self.stdin, "{command}").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn end(mut self) {
        drop(self.stdin);
        assert!(self.child.wait().unwrap().success());
    }
}

/// The shadow trees in a directory.
fn trees(place: &Path) -> usize {
    let entries = std::fs::read_dir(place).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_string_lossy().starts_with(".ugpio-shadow-"))
        .count()
}

#[test]
fn two_runs_never_see_each_others_tree() {
    let place = tempfile::tempdir().unwrap();
    let mut one = Shell::start(place.path());
    let mut other = Shell::start(place.path());
    let made = one.says(&format!(
        "mkdir -p {TREE}/mine/b; echo 1 >{TREE}/mine/live; ls {TREE}"
    ));
    assert_eq!(made, "mine");
    assert_eq!(
        other.says(&format!("echo $(ls {TREE}; ls /dev | grep gpiochip)")),
        ""
    );
    let made = other.says(&format!("mkdir {TREE}/other; cat {TREE}/other/dev_name"));
    assert_eq!(made, "gpio-sim.0", "numbers of a run are its own");
    assert_eq!(one.says(&format!("ls {TREE}")), "mine");
    // Nor by the way of the directory that the trees lie in.
    let look = format!(
        "echo $(ls -a {}) $(find {0} -name mine)",
        place.path().display()
    );
    assert!(!other.says(&look).contains("shadow"));
    assert_eq!(trees(place.path()), 2);
    one.end();
    assert_eq!(other.says(&format!("ls {TREE}")), "other");
    other.end();
    assert_eq!(trees(place.path()), 0);
}

#[test]
fn a_client_that_is_killed_leaves_its_chip_until_the_run_ends() {
    let place = tempfile::tempdir().unwrap();
    let mut shell = Shell::start(place.path());
    let killed = format!(
        "(cd {TREE}; mkdir d d/b d/b/line0; echo 1 >d/live; exec sh -c 'kill -9 $$') 2>/dev/null; echo $?"
    );
    assert_eq!(shell.says(&killed), "137");
    assert_eq!(shell.says(&format!("cat {TREE}/d/live")), "1");
    assert_eq!(shell.says("echo /dev/gpiochip*"), "/dev/gpiochip0");
    let again = format!("echo 0 >{TREE}/d/live; rmdir {TREE}/d/b/line0; ls {TREE}/d/b | wc -l");
    assert_eq!(shell.says(&again), "3");
    let half = format!("(mkdir {TREE}/e; exec sh -c 'kill -9 $$') 2>/dev/null; ls {TREE} | wc -l");
    assert_eq!(shell.says(&half), "2");
    shell.end();
    assert_eq!(trees(place.path()), 0);
}
