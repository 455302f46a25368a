//! The parameters of the control protocol's methods.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::protocol::{Key, Level, Pull};
use crate::board::faults::Words;
use crate::board::{HogSpec, MAX_NAME};

/// The longest press of a button, in milliseconds.
pub(crate) const HOLD_MAX_MS: u64 = 3_600_000;

/// The longest delay of a net, in nanoseconds.
const DELAY_MAX_NS: u64 = 3_600_000_000_000;

/// Says what is wrong with the name of a net.
pub(crate) fn check_net(name: &str) -> Result<(), String> {
    match name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        true => Err(format!("{name:?} cannot be the name of a net")),
        false => Ok(()),
    }
}

/// Says what is wrong with the delay of a net.
pub(crate) fn check_delay(delay_ns: u64) -> Result<(), String> {
    match delay_ns > DELAY_MAX_NS {
        true => Err(format!("a delay of {delay_ns} ns is more than an hour")),
        false => Ok(()),
    }
}

/// Parameters that name a chip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChipParams {
    /// Which chip.
    pub(crate) chip: Key,
}

/// Parameters that name a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineParams {
    /// Which chip.
    pub(crate) chip: Key,
    /// Which line of it.
    pub(crate) line: Key,
}

/// Parameters of `pull`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PullParams {
    /// Which chip.
    pub(crate) chip: Key,
    /// Which line of it.
    pub(crate) line: Key,
    /// The new pull.
    pub(crate) pull: Pull,
}

/// Parameters of `wait`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitParams {
    /// Which chip.
    pub(crate) chip: Key,
    /// Which line of it.
    pub(crate) line: Key,
    /// The level that ends the wait.
    pub(crate) level: Level,
    /// When to give up; without it, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
}

/// Parameters of `plug`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlugParams {
    /// The new chip's label.
    pub(crate) label: String,
    /// Its number of lines; 8 when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lines: Option<u32>,
    /// The number of its first line in the legacy class; one that is free when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base: Option<u32>,
    /// Names of its lines, by offset.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) names: BTreeMap<u32, String>,
    /// Lines that the chip holds itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hogs: Vec<HogSpec>,
}

/// Parameters of `wire`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WireParams {
    /// The net, made if it is not there.
    pub(crate) net: String,
    /// The lines to add; each leaves the net it was on.
    #[serde(default)]
    pub(crate) lines: Vec<LineParams>,
    /// Its resistor; as it was when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pull: Option<Resistor>,
    /// How long its changes take, in nanoseconds; as it was when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) delay_ns: Option<u64>,
}

/// The resistor of a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Resistor {
    /// Towards low.
    Down,
    /// Towards high.
    Up,
    /// No resistor.
    None,
}

/// Parameters of `unwire`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnwireParams {
    /// Which net.
    pub(crate) net: String,
    /// The lines to take off it; without any, the net goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) lines: Vec<LineParams>,
}

/// Parameters of `fault`. What is not given has a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultParams {
    /// Which chip.
    pub(crate) chip: Key,
    /// Which line of it; any when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<Key>,
    /// `unplug`, `error`, `slow`, `stuck`, `glitch`, `lost-edge` or `flood`.
    pub(crate) kind: String,
    /// At this call, counted from 1. Without this and the next two, at the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<u64>,
    /// At one of the first so many calls, by the seed of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) within: Option<u64>,
    /// When the line gets this level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<Level>,
    /// At so many calls in a row; 1 when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) times: Option<u64>,
    /// `error`: its name; `EIO` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) errno: Option<String>,
    /// `slow`: by how much, in nanoseconds; 10 ms when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) time_ns: Option<u64>,
    /// `stuck`: at which level; low when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<Level>,
    /// `unplug`: plugged in again after so long, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replug_ns: Option<u64>,
    /// `unplug`: plugged in again after so many calls of programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replug_calls: Option<u64>,
}

/// Parameters of `operate`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperateParams {
    /// Which part.
    pub(crate) part: String,
    /// What to do to it.
    pub(crate) action: Action,
    /// `press`: release after so long; without it, not before `release`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hold_ms: Option<u64>,
    /// `turn`: how many steps, clockwise if positive; 1 when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) steps: Option<i32>,
}

/// What a person can do to a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// Hold a button down.
    Press,
    /// Let it go.
    Release,
    /// Switch on.
    On,
    /// Switch off.
    Off,
    /// Turn a knob.
    Turn,
}

impl From<&FaultParams> for Words {
    fn from(params: &FaultParams) -> Words {
        let high = |level: Level| gpiolib::Level::from(level == Level::High);
        Words {
            kind: params.kind.clone(),
            call: params.call,
            within: params.within,
            level: params.level.map(high),
            times: params.times,
            errno: params.errno.clone(),
            time_ns: params.time_ns,
            to: params.to.map(high),
            replug_ns: params.replug_ns,
            replug_calls: params.replug_calls,
        }
    }
}
