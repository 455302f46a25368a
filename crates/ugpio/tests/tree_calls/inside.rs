//! Running a test inside `ugpio run`.

use std::path::Path;
use std::process::Command;

/// Set in the environment of a test that is the program of a run.
const MARK: &str = "UGPIO_TEST_INSIDE";
/// Where the tree is.
pub(crate) const TREE: &str = "/sys/kernel/config/gpio-sim";

/// Runs `test` in a run with these options. `name` is the caller's own, with its module.
#[track_caller]
pub(crate) fn in_a_run(name: &str, options: &[&str], test: impl FnOnce()) {
    if std::env::var_os(MARK).is_some() {
        return test();
    }
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

/// Makes a device with one bank and one line with a hog, and does not switch it on.
pub(crate) fn make(device: &str) -> String {
    let device = format!("{TREE}/{device}");
    for dir in ["", "/b", "/b/line0", "/b/line0/hog"] {
        std::fs::create_dir(format!("{device}{dir}")).unwrap();
    }
    device
}

/// The text of a file, as a new reader finds it.
#[track_caller]
pub(crate) fn text(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
