//! The nouns of the control protocol: what a chip and a line look like, and what happened to them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::protocol::{Bias, Direction, Drive, Edges, Level, Pull};
use crate::clean::clean;

/// Who answers on a control socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// The version of the protocol.
    pub(crate) protocol: u64,
    /// The version of ugpio.
    pub(crate) ugpio: String,
    /// The process that `ugpio run` was started as.
    pub(crate) pid: u32,
    /// PROGRAM as it was given.
    pub(crate) program: String,
}

/// A way to the live board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    /// The page, with a token that lets one browser in, once.
    pub(crate) url: String,
}

/// Everything on the board.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct List {
    /// The chips, by id.
    pub(crate) chips: Vec<ChipState>,
    /// The wires between lines, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) nets: Vec<NetState>,
    /// What is wired to them besides, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<PartState>,
}

/// A wire between lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NetState {
    /// Its name.
    pub(crate) name: String,
    /// What its lines read.
    pub(crate) level: Level,
    /// What holds it.
    pub(crate) held: Held,
    /// Its resistor; none if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pull: Option<Pull>,
    /// How long its changes take, in nanoseconds.
    #[serde(default)]
    pub(crate) delay_ns: u64,
    /// The lines on it, as `LABEL:OFFSET`.
    pub(crate) lines: Vec<String>,
}

/// What holds a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Held {
    /// An output or a resistor.
    #[serde(rename = "held")]
    Firmly,
    /// Nothing, or resistors of the same strength both ways.
    Floating,
    /// Outputs against each other.
    Short,
}

/// Something that is wired to lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartState {
    /// Its name.
    pub(crate) part: String,
    /// What it is: `button`, `led` ….
    pub(crate) is: String,
    /// What a person sees of it: `pressed`, `on`, `8`.
    pub(crate) state: String,
    /// The nets its pins are wired to, by the pins' names.
    pub(crate) pins: BTreeMap<String, Option<String>>,
}

/// A chip on the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChipState {
    /// N of `gpiochipN`.
    pub(crate) id: u32,
    /// `gpiochipN`.
    pub(crate) name: String,
    /// The label.
    pub(crate) label: String,
    /// The number of its first line in the legacy class, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base: Option<u32>,
    /// Its lines, by offset.
    pub(crate) lines: Vec<LineState>,
}

/// A line of a chip on the board.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineState {
    /// Its index in the chip.
    pub(crate) offset: u32,
    /// Its name; none when it has no name.
    pub(crate) name: Option<String>,
    /// The physical level that the line reads.
    pub(crate) level: Level,
    /// What pulls it from outside.
    pub(crate) pull: Pull,
    /// The net it is on; none if it is on none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) net: Option<String>,
    /// How it is requested.
    #[serde(flatten)]
    pub(crate) info: InfoState,
}

/// The public state of a line, as programs see it too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InfoState {
    /// Its consumer, if it is requested.
    pub(crate) consumer: Option<String>,
    /// Held, by a program or by the board.
    pub(crate) used: bool,
    /// Its direction.
    pub(crate) direction: Direction,
    /// Active means low.
    pub(crate) active_low: bool,
    /// The resistor that the consumer asked for.
    #[serde(default)]
    pub(crate) bias: Bias,
    /// How it is driven as an output.
    #[serde(default)]
    pub(crate) drive: Drive,
    /// The logical edges that the consumer receives.
    #[serde(default)]
    pub(crate) edges: Edges,
    /// How long a level must last before the consumer receives its edge, in microseconds; 0 for none.
    #[serde(default)]
    pub(crate) debounce_us: u32,
}

#[cfg(test)]
impl InfoState {
    /// A line that is plain but for this.
    pub(crate) fn plain(consumer: Option<&str>, direction: Direction) -> InfoState {
        InfoState {
            consumer: consumer.map(str::to_owned),
            used: consumer.is_some(),
            direction,
            active_low: false,
            bias: Bias::default(),
            drive: Drive::default(),
            edges: Edges::default(),
            debounce_us: 0,
        }
    }
}

/// Which chip an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChipAt {
    /// `gpiochipN`.
    pub(crate) chip: String,
    /// The label.
    pub(crate) label: String,
}

/// Which line an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineAt {
    /// The chip.
    #[serde(flatten)]
    pub(crate) chip: ChipAt,
    /// The line's index in it.
    pub(crate) offset: u32,
    /// The line's name; none when it has no name.
    pub(crate) name: Option<String>,
}

/// A call that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FailedCall {
    /// The chip behind the file.
    #[serde(flatten)]
    pub(crate) chip: ChipAt,
    /// Who called.
    pub(crate) pid: i32,
    /// The name of its program.
    pub(crate) program: String,
    /// The ioctl.
    pub(crate) call: String,
    /// The name of the errno.
    pub(crate) errno: String,
    /// Which check failed.
    pub(crate) why: String,
}

impl fmt::Display for FailedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FailedCall {
            chip,
            pid,
            program,
            call,
            errno,
            why,
        } = self;
        let program = clean(program);
        write!(
            f,
            "{call} on {} by `{program}` (pid {pid}): {errno}: {}",
            chip.chip,
            clean(why)
        )
    }
}

/// A change and its moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Happened {
    /// When, on the monotonic clock of the machine, in nanoseconds.
    #[serde(default)]
    pub(crate) at_ns: u64,
    /// What.
    #[serde(flatten)]
    pub(crate) event: Event,
}

/// One change, in the order in which the changes of a line happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A line reads something else now.
    Level {
        /// The line.
        #[serde(flatten)]
        line: LineAt,
        /// What it reads.
        level: Level,
    },
    /// A line is pulled elsewhere.
    Pull {
        /// The line.
        #[serde(flatten)]
        line: LineAt,
        /// Where to.
        pull: Pull,
    },
    /// A line was requested.
    Requested {
        /// The line.
        #[serde(flatten)]
        line: LineAt,
        /// Its state after that.
        #[serde(flatten)]
        info: InfoState,
    },
    /// A line was released.
    Released {
        /// The line.
        #[serde(flatten)]
        line: LineAt,
        /// Its state after that.
        #[serde(flatten)]
        info: InfoState,
    },
    /// A request was configured anew.
    Config {
        /// The line.
        #[serde(flatten)]
        line: LineAt,
        /// Its state after that.
        #[serde(flatten)]
        info: InfoState,
    },
    /// A call on a GPIO file was refused. Sent only while a trace or an explanation is made.
    Failed(FailedCall),
    /// A chip was plugged in.
    Plugged(ChipAt),
    /// A chip was unplugged.
    Unplugged(ChipAt),
    /// A net came, went or was wired otherwise.
    Net {
        /// The net.
        net: String,
    },
    /// Two outputs on a net work against each other.
    Short {
        /// The net.
        net: String,
        /// One that drives it high: `LABEL:OFFSET`, or `PART.PIN`.
        high: String,
        /// One that drives it low.
        low: String,
    },
    /// They do not any more.
    ShortOver {
        /// The net.
        net: String,
    },
    /// A net changes for ever without coming to rest; it is stopped until something else changes.
    Oscillation {
        /// The net.
        net: String,
    },
    /// A person sees something else of a part.
    Part {
        /// The part.
        part: String,
        /// What is seen.
        state: String,
    },
    /// A fault happened.
    Fault {
        /// The line.
        #[serde(flatten)]
        line: LineAt,
        /// The how many-th call on it met it.
        call: u64,
        /// What it was.
        fault: String,
    },
    /// The reader was too slow, events were left out here.
    Lost {
        /// How many.
        count: u64,
    },
    /// Something that only a newer ugpio knows. Never sent.
    #[serde(other)]
    Unknown,
}

impl Event {
    /// Its text for people, if it is of a kind that happens on boards.
    pub(crate) fn remark(&self) -> Option<String> {
        Some(match self {
            Event::Net { net } => format!("net {net:?} wired"),
            Event::Short { net, high, low } => {
                let (high, low) = (clean(high), clean(low));
                format!("net {net:?} short: {high} drives high, {low} drives low")
            }
            Event::ShortOver { net } => format!("net {net:?} short is over"),
            Event::Oscillation { net } => format!("net {net:?} oscillates and was stopped"),
            Event::Fault { line, call, fault } => {
                let LineAt { chip, offset, .. } = line;
                format!("{} {offset} fault at call {call}: {fault}", chip.chip)
            }
            Event::Part { part, state } => format!("part {part:?} {state}"),
            _ => return None,
        })
    }
}
