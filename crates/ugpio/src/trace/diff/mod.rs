//! Comparing recordings: `ugpio trace diff`, and `ugpio run --expect`.
//!
//! A line is the same in both when it goes through the same levels in the same order, and, if a
//! tolerance is given, each change comes at the same time within it. Times count from the first change
//! of each recording, so that it does not matter how long a program took to start. The time that a comparison
//! takes grows with the lines and changes, and not faster.

use std::collections::HashMap;
use std::fmt;

use super::dump::{Unit, time_text};
use super::view::label;
use super::wave::{Bit, ChipWave, LineWave, Steps, Wave};
use crate::clean::clean;
use crate::counted::counted;

/// How recordings are compared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    /// How much earlier or later a change may come, in femtoseconds; none if times do not matter.
    pub(crate) tolerance: Option<u128>,
}

/// What the two recordings are called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides(pub(crate) &'static str, pub(crate) &'static str);

/// What a comparison has come to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Comparison {
    /// The differences, one line of text for each, fit to be shown.
    pub(crate) differences: Vec<String>,
    /// How many lines are in both.
    pub(crate) lines: usize,
    /// How many changes these have in the first.
    pub(crate) changes: usize,
}

impl fmt::Display for Comparison {
    /// What was compared: `2 signals, 14 changes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = counted(self.changes as u64, "change");
        write!(f, "{}, {changes}", counted(self.lines as u64, "signal"))
    }
}

/// Compares. `wanted` says which lines of the first recording; a line that the second does not have is a
/// difference. With `both`, so is one that only the second has.
pub(crate) fn compare<'w>(
    (one, other): (&'w Wave, &'w Wave),
    rules: Rules,
    sides: Sides,
    wanted: impl Fn(&LineWave) -> bool,
    both: bool,
) -> Comparison {
    let mut index = Index::of(other);
    let lines = one.lines().filter(|(_, line)| wanted(line));
    let pairs: Vec<_> = lines
        .map(|(chip, line)| (chip, line, index.take(chip, line)))
        .collect();
    let compare = Compare {
        rules,
        sides,
        units: (one.unit, other.unit),
        origins: (
            origin(one.unit, pairs.iter().map(|(_, line, _)| *line)),
            origin(other.unit, pairs.iter().filter_map(|(.., other)| *other)),
        ),
    };
    let mut result = Comparison::default();
    for (chip, line, other) in &pairs {
        let difference = match other {
            None => Some(format!("is in {} only", sides.0)),
            Some(other) => {
                result.lines += 1;
                result.changes += line.level.changes().len();
                compare.levels(&line.level, &other.level)
            }
        };
        let name = || clean(&label(chip, line)).into_owned();
        let said = difference.map(|difference| format!("{}: {difference}", name()));
        result.differences.extend(said);
    }
    if both {
        let rest = index
            .rest()
            .into_iter()
            .map(|(chip, line)| format!("{}: is in {} only", clean(&label(chip, line)), sides.1));
        result.differences.extend(rest);
    }
    result
}

/// The first change of these lines.
fn origin<'w>(unit: Unit, lines: impl Iterator<Item = &'w LineWave>) -> u128 {
    let first = lines
        .filter_map(|line| Some(line.level.changes().first()?.0))
        .min();
    unit.fs(first.unwrap_or(0))
}

/// The lines of a recording by chip and name, in its order; each is taken once.
struct Index<'w> {
    by_name: HashMap<(&'w str, &'w str), Vec<usize>>,
    /// Those of which a scope has several, by their identifiers too.
    twins: HashMap<(&'w str, &'w str, &'w str), usize>,
    lines: Vec<Option<(&'w ChipWave, &'w LineWave)>>,
}

impl<'w> Index<'w> {
    fn of(wave: &'w Wave) -> Index<'w> {
        let lines: Vec<_> = wave.lines().map(Some).collect();
        let mut index = Index {
            by_name: HashMap::new(),
            twins: HashMap::new(),
            lines: Vec::new(),
        };
        // The last one first, so that the first is the last of its list.
        for (place, (chip, line)) in wave
            .lines()
            .enumerate()
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            let (chip, name) = (chip.name.as_str(), line.name.as_str());
            index.by_name.entry((chip, name)).or_default().push(place);
            if let Some(id) = &line.twin {
                index.twins.insert((chip, name, id), place);
            }
        }
        index.lines = lines;
        index
    }

    /// The line that is the same as one of another recording: of several of its name that with the same
    /// identifier, else the next one.
    fn take(&mut self, chip: &'w ChipWave, line: &'w LineWave) -> Option<&'w LineWave> {
        let (chip, name) = (chip.name.as_str(), line.name.as_str());
        let twin = line.twin.as_deref();
        let twin = twin.and_then(|id| self.twins.get(&(chip, name, id)).copied());
        if let Some((_, line)) = twin.and_then(|place| self.lines.get_mut(place)?.take()) {
            return Some(line);
        }
        let places = self.by_name.get_mut(&(chip, name))?;
        loop {
            if let Some((_, line)) = self.lines.get_mut(places.pop()?)?.take() {
                return Some(line);
            }
        }
    }

    /// The lines that were not taken.
    fn rest(self) -> Vec<(&'w ChipWave, &'w LineWave)> {
        self.lines.into_iter().flatten().collect()
    }
}

struct Compare {
    rules: Rules,
    sides: Sides,
    /// A tick of each recording.
    units: (Unit, Unit),
    /// The first change of each recording, in femtoseconds.
    origins: (u128, u128),
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
            let times = (self.units.0.fs(x.0), self.units.1.fs(y.0));
            if let Some(late) = self.late(times) {
                let (word, at) = (x.1.word(), time_text(times.0));
                return Some(format!("change {number}, to {word} at {at}, comes {late}"));
            }
        }
        self.count(one, other)
    }

    /// That one has more changes.
    fn count(&self, one: &[(u64, Bit)], other: &[(u64, Bit)]) -> Option<String> {
        let Sides(a, b) = self.sides;
        let (more, unit, which) = match one.len() > other.len() {
            true => (one, self.units.0, a),
            false => (other, self.units.1, b),
        };
        let (at, bit) = more.get(one.len().min(other.len()))?;
        let (one, other) = (counted(one.len(), "change"), other.len());
        let (at, word) = (unit.text(*at), bit.word());
        Some(format!(
            "{one} in {a}, {other} in {b}: only {which} goes {word} at {at}"
        ))
    }

    /// How much the second is late or early, if that is too much.
    fn late(&self, (one, other): (u128, u128)) -> Option<String> {
        let tolerance = self.rules.tolerance?;
        // The first change of all is the origin, so neither is negative.
        let one = one.saturating_sub(self.origins.0);
        let other = other.saturating_sub(self.origins.1);
        let word = if other > one { "late" } else { "early" };
        let by = one.abs_diff(other);
        (by > tolerance).then(|| format!("{} {word} in {}", time_text(by), self.sides.1))
    }
}

#[cfg(test)]
mod tests;
