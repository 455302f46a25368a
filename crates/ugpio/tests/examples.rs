//! The examples: each program on its board, against its golden trace.
//!
//! A golden is what `ugpio run --trace` wrote; to make one anew, take the command from
//! `examples/README.md` with `--trace` in place of `--expect`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "support/home.rs"]
mod home;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

struct Example {
    place: tempfile::TempDir,
    dir: PathBuf,
}

impl Example {
    fn new(name: &str) -> Example {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        Example {
            place: tempfile::tempdir().unwrap(),
            dir: dir.join(name).canonicalize().unwrap(),
        }
    }

    /// Compiles the C program; where it is then.
    fn compile(&self, source: &str) -> String {
        let program = self.place.path().join("program");
        let mut command = Command::new("cc");
        command.args(["-Wall", "-Werror", "-o"]).arg(&program);
        let status = command.arg(self.dir.join(source)).status().unwrap();
        assert!(status.success(), "{source}");
        program.to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str) -> String {
        self.dir.join(name).to_str().unwrap().to_owned()
    }

    /// What the program prints; it must drive what the golden trace has.
    fn run(&self, options: &[&str], program: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
        command.arg("run").args(options);
        command.args(["--board", &self.file("board.toml")]);
        command.args(["--expect", &self.file("golden.vcd"), "--"]);
        command.args(program).stdin(Stdio::null());
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let command = home::at_home(&mut command, self.place.path());
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{out}{err}");
        out
    }
}

#[test]
fn the_traffic_light_lets_one_cross() {
    let example = Example::new("traffic-light");
    let light = example.compile("light.c");
    let walk = example.file("walk.sh");
    assert_eq!(example.run(&["--seed", "1"], &[&walk, &light]), "");
}

#[test]
fn the_eeprom_is_read_bit_by_bit() {
    let example = Example::new("eeprom");
    let read24 = example.compile("read24.c");
    let words = [read24.as_str(), "/dev/gpiochip0", "14"];
    assert_eq!(example.run(&[], &words), "ugpio was here\n");
}

#[test]
fn the_debounce_study_counts_the_bounces_of_its_seed() {
    let example = Example::new("debounce");
    let (press, study) = (example.file("press.sh"), example.file("study.py"));
    let printed = example.run(&["--seed", "1"], &[&press, "python3", &study]);
    assert_eq!(printed, "10 raw edges, 2 left\n");
}

#[test]
fn the_relay_is_found_again_after_an_unplug() {
    let example = Example::new("unplug");
    let keep = example.file("keep.py");
    let printed = example.run(&[], &["python3", &keep]);
    assert_eq!(printed, "done, lost the chip 1 times\n");
}
