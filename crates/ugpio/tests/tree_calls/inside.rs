//! Running a test inside `ugpio run`.

use std::path::Path;

use crate::again;

/// Where the tree is.
pub(crate) const TREE: &str = "/sys/kernel/config/gpio-sim";

/// Runs `test` in a run with these options. `name` is the caller's own, with its module.
#[track_caller]
pub(crate) fn in_a_run(name: &str, options: &[&str], test: impl FnOnce()) {
    if again::is_inside() {
        return test();
    }
    again::in_a_run(name, options);
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
