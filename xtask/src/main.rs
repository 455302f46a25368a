//! Checks of the workspace's shape: `cargo run -p xtask -- [layers | rooms | fences | names | sizes]`, or all of them.
//!
//! [`layers`] holds the crates' `Cargo.toml` against the picture in `ARCHITECTURE.md`, [`rooms`] the
//! modules of a crate against their order, [`fences`] says where `unsafe` may be, [`names`] that one word has one meaning, [`sizes`] how long a file may get.
//! `.ci/run` calls them.
//! `cargo run -p xtask -- figures [CHECKOUT]` counts instead: see [`figures`].

use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod fences;
mod figures;
mod layers;
mod modules;
mod names;
mod rooms;
mod sizes;
mod source;

/// What a check found: breaches fail, notes are only printed.
#[derive(Debug, Default)]
struct Findings {
    breaches: Vec<String>,
    notes: Vec<String>,
}

type Check = fn(&Path) -> Result<Findings, String>;

const CHECKS: [(&str, Check); 5] = [
    ("layers", layers::check),
    ("rooms", rooms::check),
    ("fences", fences::check),
    ("names", names::check),
    ("sizes", sizes::check),
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if let [first, checkout @ ..] = wanted.as_slice()
        && first == "figures"
    {
        let checkout = checkout.first().map_or(root, PathBuf::from);
        return match figures::print(&checkout) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        };
    }
    if let Some(unknown) = wanted
        .iter()
        .find(|w| !CHECKS.iter().any(|(name, _)| name == w))
    {
        eprintln!(
            "error: no check {unknown:?}, known here: layers, rooms, fences, names, sizes; or figures [CHECKOUT]"
        );
        return ExitCode::from(2);
    }
    let mut failed = false;
    for (name, check) in CHECKS {
        if wanted.is_empty() || wanted.iter().any(|w| w == name) {
            failed |= !report(name, check(&root));
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Prints what a check found; whether it passed.
fn report(name: &str, found: Result<Findings, String>) -> bool {
    let found = found.unwrap_or_else(|error| Findings {
        breaches: vec![format!("cannot be checked: {error}")],
        notes: Vec::new(),
    });
    for note in &found.notes {
        println!("{name}: note: {note}");
    }
    for breach in &found.breaches {
        println!("{name}: error: {breach}");
    }
    if found.breaches.is_empty() {
        println!("{name}: ok");
    }
    found.breaches.is_empty()
}

/// Every Rust file of the project's own below `root`, sorted, relative to it.
fn rust_files(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = ["crates", "xtask", "fuzz", "tests"]
        .iter()
        .map(|name| root.join(name))
        .collect();
    while let Some(folder) = folders.pop() {
        if !folder.is_dir() {
            continue;
        }
        let entries = std::fs::read_dir(&folder).map_err(|e| format!("{folder:?}: {e}"))?;
        for entry in entries {
            let path = entry.map_err(|e| format!("{folder:?}: {e}"))?.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(root).expect("found below root");
                files.push(inside.to_path_buf());
            }
        }
    }
    files.sort();
    Ok(files)
}
