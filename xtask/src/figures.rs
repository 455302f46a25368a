//! Figures of the code, to compare two checkouts: lines, functions, public items, circles of files, mentions of calls.
//!
//! Lines are those of `src/` that are no test's, comments and empty ones included. A function counts from `fn` to its
//! closing brace. Public items are those that another crate can name, methods apart. A circle is a set of files of
//! which each leads to every other by the names it uses; children count as files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::modules::Crate;

/// Prints the figures of a checkout.
pub(crate) fn print(root: &Path) -> Result<(), String> {
    println!(
        "{:17} {:>5} {:>6} {:>6}  {:13} {:>6}  circles of files",
        "crate", "files", "lines", "fns", "med/p90/max", "public"
    );
    let folder = root.join("crates");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut dirs: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    dirs.sort();
    for dir in dirs {
        let name = dir
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let read = Crate::read(&dir)?;
        row(&name, &read);
        if name == "ugpio-supervisor" {
            mentions(&read);
        }
    }
    Ok(())
}

fn row(name: &str, read: &Crate) {
    let lines: usize = read.sources().map(|(_, source)| source.lines).sum();
    let mut lengths: Vec<usize> = read
        .sources()
        .flat_map(|(_, source)| source.functions())
        .collect();
    lengths.sort_unstable();
    let circles: Vec<String> = read.circles().iter().map(|c| c.len().to_string()).collect();
    println!(
        "{name:17} {:>5} {lines:>6} {:>6}  {:13} {:>6}  {}",
        read.sources().count(),
        lengths.len(),
        format!(
            "{}/{}/{}",
            share(&lengths, 50),
            share(&lengths, 90),
            share(&lengths, 100)
        ),
        read.public_items(),
        circles.join(" ")
    );
}

/// The value that so many in a hundred do not exceed.
fn share(sorted: &[usize], percent: usize) -> usize {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or(0)
}

/// In how many files each system call has a name: the one with its row, and those that say `Sys::` of it.
fn mentions(read: &Crate) {
    let mut files: BTreeMap<String, BTreeSet<&Path>> = BTreeMap::new();
    for (file, source) in read.sources() {
        for path in source.paths(&["Sys".to_owned()]) {
            if let [sys, call] = path.as_slice()
                && sys == "Sys"
                && call.starts_with(|c: char| c.is_uppercase())
                && call.contains(|c: char| c.is_lowercase())
            {
                files.entry(call.clone()).or_default().insert(file);
            }
        }
    }
    let mut counts: Vec<(usize, &String)> = files
        .iter()
        .map(|(call, files)| (files.len(), call))
        .collect();
    counts.sort();
    counts.reverse();
    let total: usize = counts.iter().map(|(count, _)| count).sum();
    let worst: Vec<String> = counts
        .iter()
        .take(5)
        .map(|(count, call)| format!("{call} {count}"))
        .collect();
    println!(
        "  system calls named outside their row: {} in {total} places; most files: {}",
        counts.len(),
        worst.join(", ")
    );
}
