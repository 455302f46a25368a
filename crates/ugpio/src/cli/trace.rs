//! `ugpio trace`: the arguments. [`crate::trace`] acts on them.

use std::path::PathBuf;

use clap::Subcommand;

use super::words::moment;
use crate::trace::diff::Rules;
use crate::trace::view::Wanted;

/// What `ugpio trace` can do with recordings.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Draw waveforms in the terminal
    Show(ShowArgs),
    /// Write waveforms as an SVG picture to standard output
    Svg(SvgArgs),
    /// Compare two recordings; exit with status 1 if they differ
    Diff(DiffArgs),
}

/// Arguments of `ugpio trace`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Which part of a recording is drawn.
#[derive(Debug, clap::Args)]
pub(crate) struct ViewArgs {
    /// The recording: a value change dump of any origin, or an FST of `ugpio run`
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Draw these lines, as LINE or CHIP.LINE, and not those on which something happens
    #[arg(value_name = "LINE")]
    lines: Vec<String>,
    /// Draw all lines
    #[arg(short, long, conflicts_with = "lines")]
    all: bool,
    /// Begin this long after the start: 250ps, 500us, 10ms, 2s
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<u128>,
    /// End this long after the start
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<u128>,
}

impl ViewArgs {
    /// What is wanted of the recording.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted {
            lines: self.lines.clone(),
            all: self.all,
            from: self.from,
            to: self.to,
        }
    }
}

/// Arguments of `ugpio trace show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Which part.
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    /// Columns of time; without it, as fits a terminal of $COLUMNS or 80
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    width: Option<u16>,
}

impl ShowArgs {
    /// Columns of time.
    pub(crate) fn width(&self) -> usize {
        let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
        let fitting = || usize::from(columns().unwrap_or(80_u16).clamp(30, 4096)) - 20;
        self.width.map_or_else(fitting, usize::from)
    }
}

/// Arguments of `ugpio trace svg`.
#[derive(Debug, clap::Args)]
pub(crate) struct SvgArgs {
    /// Which part.
    #[command(flatten)]
    pub(crate) view: ViewArgs,
    /// The width of the waves, in pixels
    #[arg(short, long, value_name = "N", default_value_t = 640, value_parser = clap::value_parser!(u32).range(16..=16384))]
    pub(crate) width: u32,
}

/// Arguments of `ugpio trace diff`.
#[derive(Debug, clap::Args)]
pub(crate) struct DiffArgs {
    /// The first recording
    #[arg(value_name = "A")]
    pub(crate) one: PathBuf,
    /// The second
    #[arg(value_name = "B")]
    pub(crate) other: PathBuf,
    /// Compare times too: a change may come this much earlier or later
    #[arg(short, long, value_name = "TIME", value_parser = moment)]
    tolerance: Option<u128>,
}

impl DiffArgs {
    /// How to compare.
    pub(crate) fn rules(&self) -> Rules {
        rules(self.tolerance)
    }
}

/// How to compare with this tolerance, in femtoseconds.
pub(crate) const fn rules(tolerance: Option<u128>) -> Rules {
    Rules { tolerance }
}
