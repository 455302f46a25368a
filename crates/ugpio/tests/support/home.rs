//! Where a test's commands are at home.

use std::path::Path;
use std::process::Command;

/// Has a command find this `ugpio` by its name, and no runs but those of this directory.
pub(crate) fn at_home<'a>(command: &'a mut Command, place: &Path) -> &'a mut Command {
    let ugpio = Path::new(env!("CARGO_BIN_EXE_ugpio"));
    let own = ugpio.parent().expect("a program is in a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .env("PATH", format!("{}:{path}", own.display()))
        .env("XDG_RUNTIME_DIR", place)
        .env_remove("UGPIO_SOCKET")
}
