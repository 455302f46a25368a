//! Comparing recordings: `ugpio trace diff`, and `ugpio run --expect`.
//!
//! A line is the same in both when it goes through the same levels in the same order, and, if a
//! tolerance is given, each change comes at the same time within it. Times count from the first change
//! of each recording, so that it does not matter how long a program took to start.

use super::time_text;
use super::view::label;
use super::wave::{Bit, ChipWave, LineWave, Steps, Wave};
use crate::counted::counted;

/// How recordings are compared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    /// How much earlier or later a change may come, in nanoseconds; none if times do not matter.
    pub(crate) tolerance_ns: Option<u64>,
}

/// What the two recordings are called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides(pub(crate) &'static str, pub(crate) &'static str);

/// The differences, one line of text for each; none if there are none. `wanted` says of which lines
/// of the first recording; a line that the second does not have is a difference.
pub(crate) fn differences(
    one: &Wave,
    other: &Wave,
    rules: Rules,
    sides: Sides,
    wanted: impl Fn(&LineWave) -> bool,
) -> Vec<String> {
    let lines: Vec<_> = one.lines().filter(|(_, line)| wanted(line)).collect();
    let pairs: Vec<_> = lines
        .iter()
        .map(|(chip, line)| (*chip, *line, find(other, chip, line)))
        .collect();
    let origin = |levels: &mut dyn Iterator<Item = &Steps<Bit>>| {
        levels
            .filter_map(|level| Some(level.changes().first()?.0))
            .min()
            .unwrap_or(0)
    };
    let origin_one = origin(&mut pairs.iter().map(|(_, line, _)| &line.level));
    let origin_other = origin(
        &mut pairs
            .iter()
            .filter_map(|(_, _, other)| Some(&(*other)?.level)),
    );
    let mut found = Vec::new();
    for (chip, line, other) in &pairs {
        let name = label(chip, line);
        let Some(other) = other else {
            found.push(format!("{name}: is in {} only", sides.0));
            continue;
        };
        let compare = Compare {
            rules,
            sides,
            origins: (origin_one, origin_other),
        };
        if let Some(difference) = compare.levels(&line.level, &other.level) {
            found.push(format!("{name}: {difference}"));
        }
    }
    found
}

/// The lines of the second recording that the first does not have.
pub(crate) fn additional(one: &Wave, other: &Wave) -> Vec<String> {
    let is_new = |(chip, line): &(&ChipWave, &LineWave)| find(one, chip, line).is_none();
    let say = |(chip, line): (&ChipWave, &LineWave)| {
        format!("{}: is in the second only", label(chip, line))
    };
    other.lines().filter(is_new).map(say).collect()
}

fn find<'w>(wave: &'w Wave, chip: &ChipWave, line: &LineWave) -> Option<&'w LineWave> {
    let is_same = |(c, l): &(&ChipWave, &LineWave)| c.name == chip.name && l.name == line.name;
    wave.lines().find(is_same).map(|(_, line)| line)
}

struct Compare {
    rules: Rules,
    sides: Sides,
    /// The first change of each recording.
    origins: (u64, u64),
}

impl Compare {
    /// The first difference of a line.
    fn levels(&self, one: &Steps<Bit>, other: &Steps<Bit>) -> Option<String> {
        let Sides(a, b) = self.sides;
        let first = |level: &Steps<Bit>| level.0.first().map_or(Bit::Unknown, |(_, bit)| *bit);
        if first(one) != first(other) {
            let (one, other) = (first(one).word(), first(other).word());
            return Some(format!("starts {one} in {a}, {other} in {b}"));
        }
        let (one, other) = (one.changes(), other.changes());
        for (number, (x, y)) in (1..).zip(one.iter().zip(other)) {
            // Neighbours differ, so only a level that is unknown can make a difference here.
            if x.1 != y.1 {
                let (one, other) = (x.1.word(), y.1.word());
                return Some(format!(
                    "change {number} is to {one} in {a}, to {other} in {b}"
                ));
            }
            if let Some(late) = self.late(x.0, y.0) {
                let word = x.1.word();
                return Some(format!(
                    "change {number}, to {word} at {}, comes {late}",
                    time_text(x.0)
                ));
            }
        }
        if one.len() == other.len() {
            return None;
        }
        let (more, which) = if one.len() > other.len() {
            (one, a)
        } else {
            (other, b)
        };
        let (at, bit) = more.get(one.len().min(other.len()))?;
        let (one, other) = (one.len(), other.len());
        let (at, word) = (time_text(*at), bit.word());
        Some(format!(
            "{} in {a}, {other} in {b}: only {which} goes {word} at {at}",
            counted(one, "change")
        ))
    }

    /// How much the second is late or early, if that is too much.
    fn late(&self, one: u64, other: u64) -> Option<String> {
        let tolerance = self.rules.tolerance_ns?;
        let one = i128::from(one) - i128::from(self.origins.0);
        let other = i128::from(other) - i128::from(self.origins.1);
        let late = other - one;
        let ns = u64::try_from(late.unsigned_abs()).unwrap_or(u64::MAX);
        let word = if late > 0 { "late" } else { "early" };
        (ns > tolerance).then(|| format!("{} {word} in {}", time_text(ns), self.sides.1))
    }
}

#[cfg(test)]
mod tests;
