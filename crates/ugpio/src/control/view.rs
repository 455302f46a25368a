//! The board as people look at it: all of it once, and then what has changed, a few times a second.
//!
//! Where `events` tells every change, a [`View`] tells at most [`RATE`] times a second what has changed
//! since it last did, however much that was: what it holds is bounded by the number of lines. The
//! [`Collector`] makes it out of the events, once for everybody who follows; the live board and the
//! terminal board show it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::protocol::{Event, Happened, Held, InfoState, Level, LineAt, List, Pull};

/// The most updates in a second.
pub(crate) const RATE: u32 = 20;

/// The shortest time between two updates.
pub(crate) const PERIOD: Duration = Duration::from_millis(1000 / RATE as u64);

/// Moments of one line that one update tells; older ones are only counted.
pub(crate) const MOMENTS: usize = 64;

/// Alarms that one update tells.
const ALARMS: usize = 16;

/// One message to the followers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum View {
    /// The whole board, which replaces all earlier messages.
    Board {
        /// When it was so, in nanoseconds of the monotonic clock.
        at_ns: u64,
        /// The board.
        #[serde(flatten)]
        list: List,
    },
    /// What has changed since the message before.
    Update {
        /// Until when, in nanoseconds of the monotonic clock.
        at_ns: u64,
        /// The lines on which something has changed.
        lines: Vec<LineUpdate>,
        /// The nets that may have another level, or be held otherwise.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        nets: Vec<NetUpdate>,
        /// The parts of which a person sees something else.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<PartUpdate>,
        /// Alarms: shorts, oscillations, faults that happened.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        alarms: Vec<String>,
    },
}

/// What has changed on one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineUpdate {
    /// `gpiochipN`.
    pub(crate) chip: String,
    /// The line's index in it.
    pub(crate) offset: u32,
    /// What it reads, if it read something else meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<Level>,
    /// How often that changed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) changes: u64,
    /// When it did, the latest last, in nanoseconds of the monotonic clock: the last of `changes` only.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub(crate) moments_ns: VecDeque<u64>,
    /// What pulls it, if that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pull: Option<Pull>,
    /// How it is requested, if that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) info: Option<InfoState>,
}

/// What a net is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NetUpdate {
    /// Its name.
    pub(crate) net: String,
    /// What its readers see.
    pub(crate) level: Level,
    /// What holds it.
    pub(crate) held: Held,
}

/// What a person sees of a part now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartUpdate {
    /// Its name.
    pub(crate) part: String,
    /// What is seen.
    pub(crate) state: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Gathers events into updates.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    touched: BTreeMap<String, BTreeMap<u32, LineUpdate>>,
    nets: BTreeMap<String, NetUpdate>,
    parts: BTreeMap<String, String>,
    alarms: Vec<String>,
    is_board_due: bool,
}

impl Collector {
    /// Takes note of an event.
    pub(crate) fn note(&mut self, happened: &Happened) {
        match &happened.event {
            Event::Level { line, level } => {
                let touched = self.line(line);
                touched.level = Some(*level);
                touched.changes += 1;
                if touched.moments_ns.len() == MOMENTS {
                    touched.moments_ns.pop_front();
                }
                touched.moments_ns.push_back(happened.at_ns);
            }
            Event::Pull { line, pull } => self.line(line).pull = Some(*pull),
            Event::Requested { line, info }
            | Event::Released { line, info }
            | Event::Config { line, info } => self.line(line).info = Some(info.clone()),
            Event::Part { part, state } => {
                self.parts.insert(part.clone(), state.clone());
            }
            Event::Oscillation { .. } | Event::Fault { .. } | Event::Short { .. } => {
                self.alarm(&happened.event);
            }
            // The net says it of itself; calls are not on the board.
            Event::ShortOver { .. } | Event::Failed(_) => {}
            // Chips came or went, nets were wired otherwise, or it is not known what has changed.
            _ => self.is_board_due = true,
        }
    }

    /// Takes note of nets as they are now.
    pub(crate) fn note_nets(&mut self, nets: Vec<NetUpdate>) {
        let by_name = nets.into_iter().map(|net| (net.net.clone(), net));
        self.nets.extend(by_name);
    }

    fn alarm(&mut self, event: &Event) {
        let text = event.remark().filter(|text| !self.alarms.contains(text));
        if self.alarms.len() < ALARMS {
            self.alarms.extend(text);
        }
    }

    fn line(&mut self, at: &LineAt) -> &mut LineUpdate {
        if !self.touched.contains_key(&at.chip.chip) {
            self.touched.insert(at.chip.chip.clone(), BTreeMap::new());
        }
        let lines = self
            .touched
            .get_mut(&at.chip.chip)
            .expect("it was put in just now");
        lines.entry(at.offset).or_insert_with(|| LineUpdate {
            chip: at.chip.chip.clone(),
            offset: at.offset,
            level: None,
            changes: 0,
            moments_ns: VecDeque::new(),
            pull: None,
            info: None,
        })
    }

    /// Whether there is anything to tell.
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_board_due
            && self.touched.is_empty()
            && self.nets.is_empty()
            && self.parts.is_empty()
            && self.alarms.is_empty()
    }

    /// The next message; `list` is the whole board.
    pub(crate) fn take(&mut self, at_ns: u64, list: impl FnOnce() -> List) -> View {
        let mut collected = std::mem::take(self);
        if collected.is_board_due {
            // The board says all but these.
            self.alarms = core::mem::take(&mut collected.alarms);
            return View::Board {
                at_ns,
                list: list(),
            };
        }
        let lines = collected.touched.into_values();
        let seen = |(part, state)| PartUpdate { part, state };
        View::Update {
            at_ns,
            lines: lines.flat_map(BTreeMap::into_values).collect(),
            nets: collected.nets.into_values().collect(),
            parts: collected.parts.into_iter().map(seen).collect(),
            alarms: collected.alarms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::protocol::ChipAt;

    fn at(offset: u32) -> LineAt {
        LineAt {
            chip: ChipAt {
                chip: "gpiochip0".into(),
                label: "demo".into(),
            },
            offset,
            name: None,
        }
    }

    fn level(offset: u32, at_ns: u64, level: Level) -> Happened {
        let line = at(offset);
        Happened {
            at_ns,
            event: Event::Level { line, level },
        }
    }

    fn none() -> List {
        List::default()
    }

    #[test]
    fn many_changes_of_a_line_are_one_entry_with_the_last_moments() {
        let mut collector = Collector::default();
        assert!(collector.is_empty());
        for moment in 0..1000 {
            let new = if moment % 2 == 0 {
                Level::High
            } else {
                Level::Low
            };
            collector.note(&level(3, moment, new));
        }
        collector.note(&level(1, 5, Level::High));
        let View::Update { at_ns, lines, .. } = collector.take(1000, none) else {
            panic!("no chip came or went")
        };
        assert_eq!((at_ns, lines.len()), (1000, 2));
        assert_eq!((lines[0].offset, lines[0].changes), (1, 1));
        let busy = &lines[1];
        assert_eq!((busy.changes, busy.level), (1000, Some(Level::Low)));
        let wanted: Vec<u64> = (1000 - MOMENTS as u64..1000).collect();
        assert_eq!(busy.moments_ns, wanted);
        assert_eq!((busy.pull, &busy.info), (None, &None));
        assert!(collector.is_empty(), "it is told once");
    }

    #[test]
    fn a_short_is_told_once_and_a_part_and_a_net_as_they_are_last() {
        let mut collector = Collector::default();
        let part = |state: &str| Event::Part {
            part: "lamp".into(),
            state: state.into(),
        };
        let short = Event::Short {
            net: "sda".into(),
            high: "a:1".into(),
            low: "b:2".into(),
        };
        let note = |collector: &mut Collector, event| {
            collector.note(&Happened { at_ns: 1, event });
        };
        note(&mut collector, part("on"));
        note(&mut collector, part("off"));
        let View::Update { parts, .. } = collector.take(2, none) else {
            panic!("nothing was wired")
        };
        assert_eq!((parts.len(), parts[0].state.as_str()), (1, "off"));
        note(&mut collector, short.clone());
        note(&mut collector, short);
        let net = |held| NetUpdate {
            net: "sda".into(),
            level: Level::Low,
            held,
        };
        collector.note_nets(vec![net(Held::Short)]);
        collector.note_nets(vec![net(Held::Firmly)]);
        let View::Update { alarms, nets, .. } = collector.take(4, none) else {
            panic!("nothing was wired")
        };
        assert_eq!(nets, [net(Held::Firmly)]);
        assert_eq!(
            alarms,
            ["net \"sda\" short: a:1 drives high, b:2 drives low"]
        );
        assert!(collector.is_empty());
    }

    #[test]
    fn after_a_loss_or_a_chip_all_is_told_anew() {
        let chip = at(0).chip;
        for event in [
            Event::Lost { count: 2 },
            Event::Plugged(chip.clone()),
            Event::Unplugged(chip.clone()),
        ] {
            let mut collector = Collector::default();
            collector.note(&level(3, 7, Level::High));
            collector.note(&Happened { at_ns: 8, event });
            let view = collector.take(9, none);
            assert_eq!(
                view,
                View::Board {
                    at_ns: 9,
                    list: none()
                }
            );
            assert!(collector.is_empty());
        }
    }
}
