//! The verbs of `ugpio ctl` for wires and parts.

use core::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Subcommand, ValueEnum};

use super::ctl::Level;
use super::words::{milliseconds, nanoseconds, period};
use crate::board::faults::{KINDS, Words, errnos};
use crate::control::params::{HOLD_MAX_MS, check_delay, check_net};
use crate::control::protocol::{
    self, Action, ChipParams, FaultParams, Key, LineParams, OperateParams, Request, UnwireParams,
    WireParams,
};

/// What `ugpio ctl` can do to wires and parts. CHIP and LINE as elsewhere, joined by a colon.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Wire lines to a net, which is made if it is not there
    Wire {
        /// The net's name
        net: String,
        /// The lines; each leaves the net it was on
        #[arg(value_name = "CHIP:LINE", value_parser = chip_line)]
        lines: Vec<ChipLine>,
        /// Its resistor
        #[arg(long, value_enum)]
        pull: Option<Resistor>,
        /// How long its changes take to be seen: 200ns, 5us, 1ms
        #[arg(long, value_name = "TIME", value_parser = period)]
        delay: Option<Duration>,
    },
    /// Take lines off a net, or without any the net away
    Unwire {
        /// The net's name
        net: String,
        /// The lines
        #[arg(value_name = "CHIP:LINE", value_parser = chip_line)]
        lines: Vec<ChipLine>,
    },
    /// Let something go wrong with a chip or one of its lines
    Fault(Box<FaultArgs>),
    /// Forget the faults of a chip, and free its stuck lines
    Mend {
        /// The chip: label, gpiochipN or N
        chip: String,
    },
    /// Press a button of the board
    Press {
        /// The button's name
        part: String,
        /// Release it after this long, rounded up to milliseconds: 50ms, 1s
        #[arg(long, value_name = "TIME", value_parser = period)]
        hold: Option<Duration>,
    },
    /// Release a button
    Release {
        /// The button's name
        part: String,
    },
    /// Put a switch on or off, or a generator
    Switch {
        /// Its name
        part: String,
        /// Where to
        #[arg(value_enum)]
        to: OnOff,
    },
    /// Turn a rotary encoder
    Turn {
        /// Its name
        part: String,
        /// How many steps, clockwise if positive
        #[arg(default_value_t = 1, allow_negative_numbers = true)]
        steps: i32,
    },
}

/// `ugpio ctl fault`.
#[derive(Debug, clap::Args)]
pub(crate) struct FaultArgs {
    /// The chip: label, gpiochipN or N
    chip: String,
    /// unplug, error, slow, stuck, glitch, lost-edge or flood
    #[arg(value_parser = PossibleValuesParser::new(KINDS))]
    kind: String,
    /// The line: offset or name; any if not said
    line: Option<String>,
    /// At this call on the line, counted from 1, and not at the next
    #[arg(long, value_name = "N", value_parser = count_from_one)]
    call: Option<u64>,
    /// At one of the first N calls, by the seed of the run
    #[arg(long, value_name = "N", conflicts_with = "call", value_parser = count_from_one)]
    within: Option<u64>,
    /// When the line gets this level
    #[arg(long, value_enum, conflicts_with_all = ["call", "within"])]
    level: Option<Level>,
    /// At so many calls in a row
    #[arg(long, value_name = "N", value_parser = count_from_one)]
    times: Option<u64>,
    /// error: which, EIO if not said
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(errnos()), hide_possible_values = true)]
    errno: Option<String>,
    /// slow: by how much, at most 10s
    #[arg(long, value_name = "TIME", value_parser = period)]
    time: Option<Duration>,
    /// stuck: at which level
    #[arg(long, value_enum)]
    to: Option<Level>,
    /// unplug: plug it in again after this long
    #[arg(long, value_name = "TIME", value_parser = period)]
    replug: Option<Duration>,
    /// unplug: plug it in again after so many system calls of programs
    #[arg(long, value_name = "N", conflicts_with = "replug", value_parser = count)]
    replug_calls: Option<u64>,
}

impl FaultArgs {
    /// What does not go together.
    fn check(&self) -> Result<(), String> {
        let words = Words::from(&self.params());
        let planned = words.planned(None);
        planned
            .map(drop)
            .map_err(|(key, problem)| format!("--{}: {problem}", key.replace('_', "-")))
    }

    fn params(&self) -> FaultParams {
        FaultParams {
            chip: Key::Word(self.chip.clone()),
            line: self.line.clone().map(Key::Word),
            kind: self.kind.clone(),
            call: self.call,
            within: self.within,
            level: self.level.map(Into::into),
            times: self.times,
            errno: self.errno.clone(),
            time_ns: self.time.map(nanoseconds),
            to: self.to.map(Into::into),
            replug_ns: self.replug.map(nanoseconds),
            replug_calls: self.replug_calls,
        }
    }
}

/// `CHIP:LINE`, taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ChipLine {
    chip: String,
    line: String,
}

/// A press without duration is none.
fn check_hold(hold: Duration) -> Result<(), String> {
    match milliseconds(hold) {
        0 => Err("--hold: a press has to take some time".to_owned()),
        ms if ms > HOLD_MAX_MS => Err("--hold: is more than an hour".to_owned()),
        _ => Ok(()),
    }
}

/// A whole number that is no sign and no fraction.
fn count(word: &str) -> Result<u64, String> {
    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return Err("not a whole number".to_owned());
    }
    word.parse().map_err(|_| format!("more than {}", u64::MAX))
}

fn count_from_one(word: &str) -> Result<u64, String> {
    match count(word)? {
        0 => Err("it is counted from 1".to_owned()),
        count => Ok(count),
    }
}

fn chip_line(word: &str) -> Result<ChipLine, String> {
    // A label may hold colons; lines with such names can be given by offset.
    let (chip, line) = word
        .rsplit_once(':')
        .ok_or("not CHIP:LINE, for example demo:3")?;
    Ok(ChipLine {
        chip: chip.to_owned(),
        line: line.to_owned(),
    })
}

/// The resistor of a net.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Resistor {
    /// To high.
    #[value(help = None::<&str>)]
    Up,
    /// To low.
    #[value(help = None::<&str>)]
    Down,
    /// None.
    #[value(help = None::<&str>)]
    None,
}

/// Where a switch is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum OnOff {
    /// On.
    #[value(alias = "1", help = None::<&str>)]
    On,
    /// Off.
    #[value(alias = "0", help = None::<&str>)]
    Off,
}

impl Verb {
    /// What is wrong with words that are good each for itself.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Verb::Fault(args) => args.check(),
            Verb::Wire { net, delay, .. } => {
                check_net(net)?;
                check_delay(delay.map_or(0, nanoseconds))
            }
            Verb::Press { hold, .. } => hold.map_or(Ok(()), check_hold),
            _ => Ok(()),
        }
    }

    /// What the verb asks of the run.
    pub(crate) fn request(self) -> Request {
        let operate = |part, action| OperateParams {
            part,
            action,
            hold_ms: None,
            steps: None,
        };
        match self {
            Verb::Wire {
                net,
                lines,
                pull,
                delay,
            } => Request::Wire(WireParams {
                net,
                lines: lines.into_iter().map(LineParams::from).collect(),
                pull: pull.map(Into::into),
                delay_ns: delay.map(nanoseconds),
            }),
            Verb::Unwire { net, lines } => Request::Unwire(UnwireParams {
                net,
                lines: lines.into_iter().map(LineParams::from).collect(),
            }),
            Verb::Fault(args) => Request::Fault(Box::new(args.params())),
            Verb::Mend { chip } => Request::Mend(ChipParams {
                chip: Key::Word(chip),
            }),
            Verb::Press { part, hold } => Request::Operate(OperateParams {
                hold_ms: hold.map(milliseconds),
                ..operate(part, Action::Press)
            }),
            Verb::Release { part } => Request::Operate(operate(part, Action::Release)),
            Verb::Switch { part, to } => Request::Operate(match to {
                OnOff::On => operate(part, Action::On),
                OnOff::Off => operate(part, Action::Off),
            }),
            Verb::Turn { part, steps } => Request::Operate(OperateParams {
                steps: Some(steps),
                ..operate(part, Action::Turn)
            }),
        }
    }
}

impl From<ChipLine> for LineParams {
    fn from(line: ChipLine) -> LineParams {
        LineParams {
            chip: Key::Word(line.chip),
            line: Key::Word(line.line),
        }
    }
}

impl From<Resistor> for protocol::Resistor {
    fn from(resistor: Resistor) -> protocol::Resistor {
        match resistor {
            Resistor::Up => protocol::Resistor::Up,
            Resistor::Down => protocol::Resistor::Down,
            Resistor::None => protocol::Resistor::None,
        }
    }
}
