//! The figures of a run, each against its yardstick, measured side by side: `cargo bench -p ugpio`.
//!
//! Prints one table with ratios, and the machine it ran on. `docs/performance.md` says what each row
//! means. `-- --quick` takes fewer samples, for CI; `-- round-trip`, `programs`, `edges`, `pages` or `tree` prints
//! one part. The same binary is also the client that is
//! measured inside `ugpio run` (first argument `client`).

#![expect(clippy::unwrap_used, reason = "a bench may panic")]
#![expect(
    unsafe_code,
    reason = "the environment is changed before there is a second thread"
)]

mod client;
mod edges;
mod pages;
mod programs;
mod round_trip;
mod tracing;
mod tree;

use std::path::PathBuf;
use std::process::Command;

/// One part of the figures.
type Part = (&'static str, fn(Effort));

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Calls in one sample.
    pub(crate) calls: u32,
    /// Samples of each side, taken alternately; the best and the median are printed.
    pub(crate) samples: usize,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("client") => return client::main(&words[1..]),
        Some("floor") => return round_trip::floor(&words[1..]),
        Some("floor-client") => return round_trip::floor_client(&words[1..]),
        _ => {}
    }
    // Cargo's search path for libraries would make every program of the table look for its own there.
    // SAFETY: there is one thread.
    unsafe { std::env::remove_var("LD_LIBRARY_PATH") };
    let quick = words.iter().any(|word| word == "--quick");
    let effort = if quick {
        Effort {
            calls: 2_000,
            samples: 3,
        }
    } else {
        Effort {
            calls: 20_000,
            samples: 9,
        }
    };
    println!("{}", machine());
    let parts: [Part; 6] = [
        ("round-trip", round_trip::print),
        ("programs", programs::print),
        ("edges", edges::print),
        ("trace", tracing::print),
        ("pages", pages::print),
        ("tree", tree::print),
    ];
    let all = !words
        .iter()
        .any(|word| parts.iter().any(|(name, _)| name == word));
    for (name, print) in parts {
        if all || words.iter().any(|word| word == name) {
            print(effort);
        }
    }
}

/// The machine and the method, for the head of the table.
fn machine() -> String {
    let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = file("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, name)| name);
    let processors = cpu
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let load = file("/proc/loadavg");
    format!(
        "Linux {}, {processors} x {model}, load {}\nbest and median of alternating samples, release build\n",
        file("/proc/sys/kernel/osrelease").trim(),
        load.split(' ').next().unwrap_or("?"),
    )
}

/// This binary.
pub(crate) fn me() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// `ugpio run` with one chip of 64 lines, quiet.
pub(crate) fn run() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    command.args(["run", "--chip", "bench:64", "--"]);
    command
}

/// Runs a command to its end and gives what it printed. One that fails ends the bench: figures of a
/// client that did only a part of its work are none.
pub(crate) fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that prints one number per line.
pub(crate) fn numbers(command: &mut Command) -> Vec<f64> {
    printed(command)
        .lines()
        .map(|line| line.parse().unwrap())
        .collect()
}

/// Best and median.
pub(crate) fn spread(samples: &[f64]) -> (f64, f64) {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[0], sorted[sorted.len() / 2])
}

/// The head of a part's rows.
pub(crate) fn head() {
    println!(
        "{:<44} {:>9} {:>9}         {:>9} {:>9}",
        "", "best", "median", "yardstick", "median"
    );
}

/// One row: ours against the yardstick, with the ratio of the medians.
pub(crate) fn row(what: &str, unit: &str, yardstick: &[f64], ours: &[f64]) {
    let ratio = spread(ours).1 / spread(yardstick).1;
    row_with(what, unit, yardstick, ours, ratio);
}

/// One row with this ratio.
pub(crate) fn row_with(what: &str, unit: &str, yardstick: &[f64], ours: &[f64], ratio: f64) {
    let ((best_y, median_y), (best, median)) = (spread(yardstick), spread(ours));
    println!(
        "{what:<44} {best:>9.2} {median:>9.2} {unit:<3} vs {best_y:>9.2} {median_y:>9.2}   x{ratio:.2}"
    );
}
