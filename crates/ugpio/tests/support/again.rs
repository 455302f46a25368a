//! Running a test a second time, as the program of a run.

use std::process::Command;

/// Set in the environment of a test that is the program of a run.
const MARK: &str = "UGPIO_TEST_INSIDE";

/// Whether this is the second time: the test is the program of a run.
pub(crate) fn is_inside() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Runs the test called `name`, with its module, in a run with these options.
#[track_caller]
pub(crate) fn in_a_run(name: &str, options: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    command.arg("run").args(options).arg("--");
    command.arg(std::env::current_exe().unwrap());
    command
        .args([name, "--exact", "--nocapture"])
        .env(MARK, "1");
    let done = command.output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{out}\n{err}");
    assert!(out.contains("1 passed"), "no test is called {name}: {out}");
}
