//! `ugpio ctl`: the arguments, and what they ask of [`crate::ctl`].

use core::time::Duration;
use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::wires;
use super::words::timeout;
use crate::board::ChipSpec;
use crate::control::protocol;
use crate::ctl::{self, Options};

/// Arguments of `ugpio ctl`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The run to speak to, if $UGPIO_SOCKET is not set
    #[arg(long, value_name = "PATH", global = true)]
    pub(crate) socket: Option<PathBuf>,
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What `ugpio ctl` can do. CHIP is a label, `gpiochipN` or N; LINE an offset or a name.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the chips of the board and their lines
    List,
    /// Pull a line up or down from outside, as a button or a sensor does
    Pull {
        /// The chip: label, gpiochipN or N
        chip: String,
        /// The line: offset or name
        line: String,
        /// Which way
        #[arg(value_enum)]
        pull: Pull,
    },
    /// Print what a line reads, high or low
    Level {
        /// The chip: label, gpiochipN or N
        chip: String,
        /// The line: offset or name
        line: String,
    },
    /// Print every change of the board as it happens
    Events,
    /// Wait until a line reads high or low
    Wait {
        /// The chip: label, gpiochipN or N
        chip: String,
        /// The line: offset or name
        line: String,
        /// What to wait for
        #[arg(value_enum)]
        level: Level,
        /// Give up after this long and exit with status 1: 500ms, 5s, 1m; a plain number is seconds
        #[arg(long, value_name = "TIME", value_parser = timeout)]
        timeout: Option<Duration>,
    },
    /// Take a chip away while programs use it
    Unplug {
        /// The chip: label, gpiochipN or N
        chip: String,
    },
    /// Plug in a chip
    Plug {
        /// Its label, and how many lines it has (8 if not said)
        #[arg(value_name = "LABEL[:LINES]")]
        chip: ChipSpec,
        /// Name a line; may be repeated
        #[arg(long = "name", value_name = "OFFSET=NAME", value_parser = line_name)]
        names: Vec<(u32, String)>,
        /// The number of its first line in /sys/class/gpio; one that is free if not said
        #[arg(long, value_name = "NUMBER")]
        base: Option<u32>,
    },
    /// Wires and parts.
    #[command(flatten)]
    Wires(wires::Verb),
    /// Show the live board in this terminal
    Tui,
    /// Print a link to the live board of `ugpio run --web`, which lets one browser in
    Web,
}

/// Which way the outside world pulls.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Pull {
    /// To high.
    #[value(help = None::<&str>)]
    Up,
    /// To low.
    #[value(help = None::<&str>)]
    Down,
}

/// A physical level.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Level {
    /// High.
    #[value(alias = "1", help = None::<&str>)]
    High,
    /// Low.
    #[value(alias = "0", help = None::<&str>)]
    Low,
}

fn line_name(word: &str) -> Result<(u32, String), String> {
    let (offset, name) = word
        .split_once('=')
        .ok_or("not OFFSET=NAME, for example 3=led")?;
    let number = offset.parse().ok();
    let offset = number
        .filter(|_| offset.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or_else(|| format!("'{offset}' is not the offset of a line"))?;
    Ok((offset, name.to_owned()))
}

impl Verb {
    /// What is wrong with words that are good each for itself.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Verb::Plug { chip, names, base } => {
                let mut offsets = BTreeSet::new();
                if let Some((twice, _)) = names.iter().find(|(offset, _)| !offsets.insert(offset)) {
                    return Err(format!("--name: line {twice} is given twice"));
                }
                let names = names.clone();
                let chip = ChipSpec {
                    names,
                    base: *base,
                    ..chip.clone()
                };
                chip.check().map_err(|error| error.to_string())
            }
            Verb::Wires(verb) => verb.check(),
            _ => Ok(()),
        }
    }
}

impl From<Args> for Options {
    fn from(args: Args) -> Options {
        Options {
            socket: args.socket,
            json: args.json,
            verb: match args.verb {
                Verb::List => ctl::Verb::List,
                Verb::Pull { chip, line, pull } => ctl::Verb::Pull(chip, line, pull.into()),
                Verb::Level { chip, line } => ctl::Verb::Level(chip, line),
                Verb::Events => ctl::Verb::Events,
                Verb::Tui => ctl::Verb::Tui,
                Verb::Web => ctl::Verb::Web,
                Verb::Wires(verb) => ctl::Verb::Board(verb.request()),
                Verb::Wait {
                    chip,
                    line,
                    level,
                    timeout,
                } => ctl::Verb::Wait(chip, line, level.into(), timeout),
                Verb::Unplug { chip } => ctl::Verb::Unplug(chip),
                Verb::Plug { chip, names, base } => ctl::Verb::Plug(ChipSpec {
                    names,
                    base,
                    ..chip
                }),
            },
        }
    }
}

impl From<Pull> for protocol::Pull {
    fn from(pull: Pull) -> protocol::Pull {
        match pull {
            Pull::Up => protocol::Pull::Up,
            Pull::Down => protocol::Pull::Down,
        }
    }
}

impl From<Level> for protocol::Level {
    fn from(level: Level) -> protocol::Level {
        match level {
            Level::High => protocol::Level::High,
            Level::Low => protocol::Level::Low,
        }
    }
}
