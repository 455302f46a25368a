//! The board as the control socket tells it, and when its levels changed.
//!
//! [`Model`] takes [`View`]s; it knows nothing of terminals. The page's `model.js` is the same for browsers.

use std::collections::{BTreeMap, VecDeque};

use crate::control::protocol::{ChipState, InfoState, Level, LineState, NetState, PartState, Pull};
use crate::control::view::{LineUpdate, View};

/// Moments that are kept for one line.
const MOMENTS: usize = 2048;

/// Unplugged chips that are kept as places to plug them in again.
const PLACES: usize = 20;

/// What is known of a board.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// What is plugged in, by id.
    pub(super) chips: Vec<ChipState>,
    /// What was plugged in before.
    pub(super) gone: Vec<ChipState>,
    /// What joins lines and parts, by name.
    pub(super) nets: Vec<NetState>,
    /// What is wired to lines besides, by name.
    pub(super) parts: Vec<PartState>,
    /// Alarms that have not been shown yet.
    pub(super) alarm: Option<String>,
    tracks: BTreeMap<(String, u32), Track>,
    told_ns: u64,
}

/// How one line went.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// When it was first reported.
    pub(super) since_ns: u64,
    /// When its level changed, the latest last.
    pub(super) moments_ns: VecDeque<u64>,
    /// From when until when it changed more often than was reported.
    pub(super) busy_ns: VecDeque<(u64, u64)>,
    /// How often it changes in a second.
    pub(super) rate: f64,
    count: u64,
    counted: u64,
}

/// One row that can be shown, and chosen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Row<'m> {
    /// A part.
    Part(&'m PartState),
    /// A net.
    Net(&'m NetState),
    /// A chip.
    Chip(&'m ChipState),
    /// A line of a chip.
    Line(&'m ChipState, &'m LineState),
    /// The place of a chip that was unplugged.
    Gone(&'m ChipState),
}

impl Model {
    /// Takes an update.
    pub(super) fn take(&mut self, view: View) {
        match view {
            View::Board { at_ns, list } => {
                self.board(list.chips, at_ns);
                self.nets = list.nets;
                self.parts = list.parts;
                self.told_ns = at_ns;
            }
            View::Update {
                at_ns,
                lines,
                nets,
                parts,
                alarms,
            } => {
                for update in nets {
                    let is_it = |net: &&mut NetState| net.name == update.net;
                    if let Some(net) = self.nets.iter_mut().find(is_it) {
                        (net.level, net.held) = (update.level, update.held);
                    }
                }
                for update in parts {
                    let is_it = |part: &&mut PartState| part.part == update.part;
                    if let Some(part) = self.parts.iter_mut().find(is_it) {
                        part.state = update.state;
                    }
                }
                for update in lines {
                    self.update(update);
                }
                self.told_ns = at_ns;
                self.alarm = alarms.into_iter().next_back().or(self.alarm.take());
            }
        }
    }

    fn board(&mut self, chips: Vec<ChipState>, at_ns: u64) {
        let is_there = |label: &str| chips.iter().any(|chip| chip.label == label);
        self.gone.retain(|chip| !is_there(&chip.label));
        for chip in std::mem::take(&mut self.chips) {
            if !is_there(&chip.label) {
                self.tracks.retain(|(name, _), _| *name != chip.name);
                self.gone.push(chip);
            }
        }
        let surplus = self.gone.len().saturating_sub(PLACES);
        self.gone.drain(..surplus);
        for chip in &chips {
            for line in &chip.lines {
                self.tracks
                    .entry((chip.name.clone(), line.offset))
                    .or_insert_with(|| Track {
                        since_ns: at_ns,
                        ..Track::default()
                    });
            }
        }
        self.chips = chips;
    }

    fn update(&mut self, update: LineUpdate) {
        let chip = self.chips.iter_mut().find(|chip| chip.name == update.chip);
        let line = chip.and_then(|chip| {
            let mut lines = chip.lines.iter_mut();
            lines.find(|line| line.offset == update.offset)
        });
        let Some(line) = line else { return };
        if let Some(level) = update.level {
            line.level = level;
        }
        if let Some(pull) = update.pull {
            line.pull = pull;
        }
        if let Some(info) = update.info {
            line.info = info;
        }
        if let Some(track) = self.tracks.get_mut(&(update.chip, update.offset)) {
            track.add(&update.moments_ns, update.changes, self.told_ns);
        }
    }

    /// A line is going to be pulled: known at once, so that what is asked for next starts from it.
    pub(super) fn pulled(&mut self, chip: &str, offset: u32, pull: Pull) {
        let mut chips = self.chips.iter_mut();
        let lines = chips
            .find(|known| known.name == chip)
            .map(|chip| &mut chip.lines);
        let mut lines = lines.into_iter().flatten();
        if let Some(line) = lines.find(|line| line.offset == offset) {
            line.pull = pull;
        }
    }

    /// How a line went.
    pub(super) fn track(&self, chip: &str, offset: u32) -> Option<&Track> {
        self.tracks.get(&(chip.to_owned(), offset))
    }

    /// Works out the rates of the last `seconds`; gives that of all lines together.
    pub(super) fn tick(&mut self, seconds: f64) -> f64 {
        let mut total = 0.0;
        for track in self.tracks.values_mut() {
            let new = u32::try_from(track.count - track.counted).unwrap_or(u32::MAX);
            track.rate = f64::from(new) / seconds;
            track.counted = track.count;
            total += track.rate;
        }
        total
    }

    /// What can be shown: everything in which all of `words` occur.
    pub(super) fn rows(&self, words: &str) -> Vec<Row<'_>> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let is_like_part = |part: &&PartState| {
            let text = format!("{} {}", part.part, part.is).to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        let parts = self.parts.iter().filter(is_like_part);
        let mut rows: Vec<Row<'_>> = parts.map(Row::Part).collect();
        let is_like_net = |net: &&NetState| {
            let text = format!("{} net {}", net.name, net.lines.join(" ")).to_lowercase();
            words.iter().all(|word| text.contains(word))
        };
        rows.extend(self.nets.iter().filter(is_like_net).map(Row::Net));
        for chip in &self.chips {
            let lines = chip.lines.iter().filter(|line| is_like(chip, line, &words));
            let lines: Vec<Row<'_>> = lines.map(|line| Row::Line(chip, line)).collect();
            if !lines.is_empty() || words.is_empty() {
                rows.push(Row::Chip(chip));
                rows.extend(lines);
            }
        }
        rows.extend(self.gone.iter().map(Row::Gone));
        rows
    }
}

fn is_like(chip: &ChipState, line: &LineState, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let name = line.name.as_deref().unwrap_or_default();
    let consumer = line.info.consumer.as_deref().unwrap_or_default();
    let net = line.net.as_deref().unwrap_or_default();
    let text = format!(
        "{} {} {} {name} {consumer} {net}",
        chip.label, chip.name, line.offset
    )
    .to_lowercase();
    words.iter().all(|word| text.contains(word))
}

impl Track {
    fn add(&mut self, moments: &VecDeque<u64>, changes: u64, told_ns: u64) {
        self.count += changes;
        if let Some(first) = moments.front().filter(|_| changes > moments.len() as u64) {
            self.busy_ns.push_back((told_ns, *first));
        }
        self.moments_ns.extend(moments);
        let surplus = self.moments_ns.len().saturating_sub(MOMENTS);
        self.moments_ns.drain(..surplus);
        let surplus = self.busy_ns.len().saturating_sub(MOMENTS);
        self.busy_ns.drain(..surplus);
    }
}

/// The other way.
pub(super) fn opposite(pull: Pull) -> Pull {
    match pull {
        Pull::Up => Pull::Down,
        Pull::Down => Pull::Up,
    }
}

/// Whether a program drives the line, so that pulling it changes nothing that can be seen.
pub(super) fn is_driven(info: &InfoState) -> bool {
    info.used && info.direction == crate::control::protocol::Direction::Output
}

/// The last `span_ns` until `end_ns`, in so many characters: `▁▁╱▔▔╲▁`, and `▒` where it changes more
/// often than a character can show.
pub(super) fn wave(track: &Track, level: Level, end_ns: u64, span_ns: u64, width: u16) -> String {
    let mut high = level == Level::High;
    let mut moments = track.moments_ns.iter().rev().peekable();
    while moments.next_if(|moment| **moment >= end_ns).is_some() {
        high = !high;
    }
    let at = |column: u16| {
        let back = span_ns / u64::from(width.max(1)) * u64::from(width - column);
        end_ns.saturating_sub(back)
    };
    let mut drawn: Vec<char> = Vec::new();
    for column in (0..width).rev() {
        let (from, until) = (at(column), at(column + 1));
        let after = high;
        let mut changes = 0;
        while moments.next_if(|moment| **moment >= from).is_some() {
            high = !high;
            changes += 1;
        }
        let is_busy = |(first, last): &(u64, u64)| *first < until && from < *last;
        drawn.push(match changes {
            _ if until <= track.since_ns => ' ',
            _ if track.busy_ns.iter().any(is_busy) => '▒',
            0 if after => '▔',
            0 => '▁',
            1 if after => '╱',
            1 => '╲',
            _ => '▒',
        });
    }
    drawn.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(moments: &[u64]) -> Track {
        Track {
            moments_ns: moments.iter().copied().collect(),
            ..Track::default()
        }
    }

    #[test]
    fn a_wave_is_drawn_back_from_the_level() {
        let steps = track(&[20, 50]);
        assert_eq!(wave(&steps, Level::Low, 100, 100, 10), "▁▁╱▔▔╲▁▁▁▁");
        assert_eq!(wave(&steps, Level::High, 100, 100, 10), "▔▔╲▁▁╱▔▔▔▔");
        // What is later than the end does not show yet.
        assert_eq!(wave(&steps, Level::Low, 50, 50, 5), "▁▁╱▔▔");
        assert_eq!(wave(&track(&[]), Level::High, 500, 100, 4), "▔▔▔▔");
    }

    #[test]
    fn what_cannot_be_drawn_is_a_haze_and_what_is_not_known_a_blank() {
        let mut busy = track(&[22, 25, 80]);
        busy.busy_ns.push_back((45, 60));
        busy.since_ns = 10;
        assert_eq!(wave(&busy, Level::High, 100, 100, 10), " ▁▒▁▒▒▁▁╱▔");
    }
}
