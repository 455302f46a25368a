//! What a trace costs: a value call with and without it, and how many changes a second it takes down.
//!
//! The program drives one line up and down as fast as it can, so every call is a change. Both sides run
//! alternately; the trace goes to a file in the temporary directory, and what it lost is read from it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Effort, head, me, numbers, row, spread};

/// Prints the rows.
pub(crate) fn print(effort: Effort) {
    head();
    let place = std::env::temp_dir().join(format!("ugpio-figures-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let file = place.join("trace.vcd");
    let (mut plain, mut traced, mut changes, mut lost) = (Vec::new(), Vec::new(), 0, 0);
    for _ in 0..effort.samples {
        plain.extend(sample(None, effort.calls));
        traced.extend(sample(Some(&file), effort.calls));
        let (taken, missing) = count(&file);
        changes += taken;
        lost += missing;
    }
    row("a level change, traced vs not", "us", &plain, &traced);
    let (best, median) = spread(&traced);
    println!(
        "{:<44} {:>9.0} {:>9.0} /s  {changes} taken down, {lost} lost",
        "changes of one program in a trace",
        1e6 / best,
        1e6 / median,
    );
    std::fs::remove_dir_all(&place).unwrap();
}

/// Microseconds for each change.
fn sample(trace: Option<&Path>, calls: u32) -> Vec<f64> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    command.args(["run", "--chip", "bench:64"]);
    if let Some(file) = trace {
        command.arg("--trace").arg(file);
    }
    command.arg("--").arg(me());
    command.args(["client", "toggle", &calls.to_string(), "1"]);
    numbers(&mut command)
}

/// The changes of the line in a trace, and those that it says are missing.
fn count(file: &PathBuf) -> (u64, u64) {
    let text = std::fs::read_to_string(file).unwrap();
    let (head, body) = text.split_once("$enddefinitions $end").unwrap();
    let is_line = |row: &&str| row.starts_with("$var") && row.contains(" line0 ");
    let line = head.lines().find(is_line).unwrap();
    let id = line.split(' ').nth(3).unwrap();
    let changes = body.lines().filter(|row| row.get(1..) == Some(id));
    let number = |row: &str| {
        row.trim()
            .strip_suffix(" changes were lost here")?
            .parse::<u64>()
            .ok()
    };
    (
        changes.count() as u64,
        body.lines().filter_map(number).sum(),
    )
}
