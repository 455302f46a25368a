//! `ugpio run`: the arguments. [`crate::run`] acts on them.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::words::moment;
use crate::board::ChipSpec;
use crate::trace::place::Assignment;

/// What becomes of what lint finds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum LintLevel {
    /// It is said.
    Report,
    /// It is said, and the run has failed.
    Strict,
}

/// Arguments of `ugpio run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Take the chips from a board file, or the board of this name (`ugpio board list`)
    #[arg(short, long, value_name = "FILE.toml|NAME")]
    pub(crate) board: Option<PathBuf>,
    /// Plug in a chip of so many lines (8 if not said); may be repeated
    #[arg(short, long = "chip", value_name = "LABEL[:LINES]")]
    pub(crate) chips: Vec<ChipSpec>,
    /// Listen for `ugpio ctl` on this socket instead of one of our own choice
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Serve a live board, a page for browsers, and print its link; ADDR is IP:PORT, IP or PORT (a free port of
    /// 127.0.0.1 if not said)
    #[arg(long, value_name = "ADDR", num_args = 0..=1, require_equals = true,
        default_missing_value = "127.0.0.1:0", value_parser = crate::web::address)]
    pub(crate) web: Option<SocketAddr>,
    /// Take chance from this seed: levels of floating nets, bounce, faults; the same seed, the same run
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Show a live board in this terminal. What PROGRAM writes to it is shown in a part of it, and written to it in
    /// the end; PROGRAM cannot read from it
    #[arg(long)]
    pub(crate) tui: bool,
    /// Let any call on any line go wrong, by the seed (see `ugpio chaos`)
    #[arg(long, requires = "seed")]
    pub(crate) chaos: bool,
    /// Write down what went wrong, as JSON, when PROGRAM has ended
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) report: Option<PathBuf>,
    /// When PROGRAM has ended, wait for the daemons it left behind
    #[arg(long, conflicts_with = "kill")]
    pub(crate) wait: bool,
    /// When PROGRAM has ended, end the daemons it left behind
    #[arg(long)]
    pub(crate) kill: bool,
    /// Show and behave as this release of Linux, 6.12 to 7.3, and not the machine's: 6.17 makes `uname -r` 6.17.0.
    /// Without it, a machine older than 6.12 shows 6.12.0-ugpio
    #[arg(long, value_name = "RELEASE")]
    pub(crate) kernel_release: Option<String>,
    /// Record the board: levels, directions, consumers, plugs; as a value change dump, as FST if it
    /// ends with .fst, or one JSON object a line if with .json; may be repeated
    #[arg(long, value_name = "FILE.vcd|FILE.fst|FILE.json")]
    pub(crate) trace: Vec<PathBuf>,
    /// Pull the lines as this recording says, each from when PROGRAM requests it
    #[arg(long, value_name = "FILE")]
    pub(crate) replay: Option<PathBuf>,
    /// Compare what PROGRAM drives with the outputs of this recording; exit with 1 if it differs
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,
    /// With --expect, compare times too: a change may come this much earlier or later
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "expect")]
    pub(crate) tolerance: Option<u128>,
    /// Say which line a signal of --replay or --expect is, - for none; may be repeated
    #[arg(long = "signal", value_name = "SIGNAL=CHIP:LINE")]
    pub(crate) signals: Vec<Assignment>,
    /// Be exact to the last errno: look at every read, write, poll and ioctl of PROGRAM (slower)
    #[arg(long)]
    pub(crate) strict: bool,
    /// Say of each GPIO call that is refused which check failed, on standard error or in FILE
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub(crate) explain: Option<Option<PathBuf>>,
    /// Say at the end what PROGRAM has got into the habit of: lines never released, lost events,
    /// busy loops, the first ABI; with =strict, exit with 1 if there is anything
    #[arg(long, value_enum, value_name = "LEVEL", num_args = 0..=1, require_equals = true, default_missing_value = "report")]
    pub(crate) lint: Option<LintLevel>,
    /// Say on standard error what is answered; twice for every call
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// The program, looked up in $PATH, and its arguments
    #[arg(value_name = "PROGRAM", required = true, trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
}
