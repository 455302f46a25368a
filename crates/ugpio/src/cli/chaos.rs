//! `ugpio chaos`: the arguments. [`crate::chaos`] acts on them.

use core::time::Duration;
use std::ffi::OsString;
use std::path::PathBuf;

use super::words::timeout;
use crate::board::ChipSpec;
use crate::trace::place::Assignment;

/// Arguments of `ugpio chaos`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Take the board from a file
    #[arg(short, long, value_name = "FILE.toml")]
    pub(crate) board: Option<PathBuf>,
    /// Plug in a chip of so many lines (8 if not said); may be repeated
    #[arg(short, long = "chip", value_name = "LABEL[:LINES]")]
    pub(crate) chips: Vec<ChipSpec>,
    /// Pull the lines as this recording says, in each run
    #[arg(long, value_name = "FILE")]
    pub(crate) replay: Option<PathBuf>,
    /// Say which line a signal of --replay is, - for none; may be repeated
    #[arg(long = "signal", value_name = "SIGNAL=CHIP:LINE", requires = "replay")]
    pub(crate) signals: Vec<Assignment>,
    /// Try the seeds 0 to N-1
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: u64,
    /// Try this seed only
    #[arg(long, value_name = "S", conflicts_with = "seeds")]
    pub(crate) seed: Option<u64>,
    /// When PROGRAM has not ended after this long, look what it does: 500ms, 5s, 1m
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = timeout)]
    pub(crate) timeout: Duration,
    /// Say all faults of every seed, and not only of the bad ones
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// The program, looked up in $PATH, and its arguments
    #[arg(value_name = "PROGRAM", required = true, trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
}

impl Args {
    /// The options of `ugpio run` for a seed, or for a run without faults.
    pub(crate) fn run_words(&self, seed: Option<u64>) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(board) = &self.board {
            words.extend(["--board".into(), board.into()]);
        }
        for chip in &self.chips {
            let word = format!("{}:{}", chip.label, chip.lines);
            words.extend(["--chip".into(), word.into()]);
        }
        if let Some(replay) = &self.replay {
            words.extend(["--replay".into(), replay.into()]);
        }
        for signal in &self.signals {
            words.extend(["--signal".into(), signal.to_string().into()]);
        }
        if let Some(seed) = seed {
            words.extend(["--chaos".into(), "--seed".into(), seed.to_string().into()]);
        }
        words
    }

    /// The command line that repeats a seed, for people to copy.
    pub(crate) fn again(&self, seed: u64) -> String {
        let words = ["ugpio".into(), "run".into()].into_iter();
        let words = words.chain(self.run_words(Some(seed)));
        let words = words.chain(["--".into()]).chain(self.command.clone());
        let words: Vec<String> = words
            .map(|word: OsString| quoted(&word.to_string_lossy()))
            .collect();
        words.join(" ")
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
