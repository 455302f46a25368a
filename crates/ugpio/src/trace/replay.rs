//! `ugpio run --replay`: pulls the lines of the board as a recording says.
//!
//! What the lines are at the beginning they are before the program starts. From there on each line waits
//! for the program to request it, however long that takes, and goes on from where it was requested in
//! the recording; a recording that does not say such things begins as a whole with the first request. The
//! [`Clockwork`] keeps the time: each pull is stamped with the moment at which it was due. A line is not pulled while it is an output in the recording.
//! [`Script`] says what is to be done, a [`Player`] does it.

use std::cell::RefCell;
use std::sync::Arc;

use super::dump::Unit;
use super::place::Placed;
use super::wave::{Bit, LineWave};
use crate::clockwork::{Clockwork, Due};
use crate::control::plugged::Shared;
use crate::control::protocol::{Event, Happened, Key, Pull};
use crate::control::server::now;
use crate::counted::counted;

/// What is to be pulled, and when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    lines: Vec<Line>,
    /// Whether the lines start together.
    is_joint: bool,
    hints: Vec<String>,
}

/// What happens to one line.
#[derive(Clone, Debug)]
struct Line {
    chip: Arc<str>,
    offset: u32,
    /// Before the program starts.
    first: Option<Pull>,
    /// After that, in nanoseconds from its request.
    then: Vec<(u64, Pull)>,
}

impl Script {
    /// What a recording that counts in this unit asks for. Lines that are always outputs are omitted.
    ///
    /// # Errors
    /// Nothing is to be pulled, or a time is beyond what the clock can count.
    pub(crate) fn of(placed: &[Placed], unit: Unit) -> Result<Script, String> {
        let is_ours = |placed: &Placed| !placed.wave.consumer.0.is_empty();
        let is_joint = !placed.iter().all(is_ours);
        let (mut lines, mut rounded) = (Vec::new(), 0_u64);
        for placed in placed {
            let levels = levels(&placed.wave);
            if levels.is_empty() {
                // Nothing is said of a line that is an output all the time.
                continue;
            }
            let requested = placed.wave.consumer.changes().first();
            let start = requested.filter(|_| !is_joint).map_or(0, |(at, _)| *at);
            let (before, after) = levels.split_at(levels.partition_point(|(at, _)| *at <= start));
            let then = after.iter().map(|(at, pull)| {
                rounded += u64::from(!unit.is_whole(at - start));
                let ns = unit.ns(at - start);
                let far = || format!("#{at} is later than the clock counts, 584 years");
                Ok((ns.ok_or_else(far)?, *pull))
            });
            let then = then.collect::<Result<_, String>>()?;
            lines.push(Line {
                chip: placed.chip.as_str().into(),
                offset: placed.offset,
                first: before.last().map(|(_, pull)| *pull),
                then,
            });
        }
        if lines.is_empty() {
            let why = match placed {
                [] => "no signal of it is a line of this board",
                _ => "no line of it is ever an input with a level",
            };
            return Err(format!("--replay would play nothing: {why}"));
        }
        let hint = (rounded > 0).then(|| {
            let changes = counted(rounded, "change");
            format!("{changes} between nanoseconds: rounded down to them")
        });
        Ok(Script {
            lines,
            is_joint,
            hints: hint.into_iter().collect(),
        })
    }

    /// What should be said of it before the run.
    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }
}

/// The pulls that make the levels which a line has while it is not an output.
fn levels(wave: &LineWave) -> Vec<(u64, Pull)> {
    let is_driven = |at| wave.output.at(at) == Some(&Bit::High);
    // When a line becomes an input, the level that it has then comes from outside.
    let freed = wave
        .output
        .0
        .iter()
        .filter(|(_, out)| *out == Bit::Low)
        .map(|(at, _)| *at);
    let changed = wave.level.0.iter().map(|(at, _)| *at);
    let mut moments: Vec<u64> = changed.chain(freed).collect();
    moments.sort_unstable();
    moments.dedup();
    let mut levels: Vec<(u64, Pull)> = Vec::new();
    for at in moments.into_iter().filter(|at| !is_driven(*at)) {
        let pull = match wave.level.at(at) {
            Some(Bit::High) => Pull::Up,
            Some(Bit::Low) => Pull::Down,
            Some(Bit::Unknown) | None => continue,
        };
        if levels.last().is_none_or(|(_, last)| *last != pull) {
            levels.push((at, pull));
        }
    }
    levels
}

/// Plays a script.
#[derive(Debug)]
pub(crate) struct Player {
    clockwork: Arc<Clockwork>,
    /// The lines that the program has not requested yet.
    waiting: RefCell<Vec<Option<Line>>>,
    is_joint: bool,
}

impl Player {
    /// Pulls what comes first, and gets ready for the rest.
    pub(crate) fn start(script: Script, plugged: &Shared, clockwork: &Arc<Clockwork>) -> Player {
        for line in &script.lines {
            let key = (
                Key::Word(line.chip.as_ref().into()),
                Key::Number(line.offset),
            );
            if let Some(pull) = line.first {
                // The board has such a line, or it would not have been placed.
                let _ = plugged.borrow().pull(&key.0, &key.1, pull, now());
            }
        }
        Player {
            clockwork: Arc::clone(clockwork),
            waiting: RefCell::new(script.lines.into_iter().map(Some).collect()),
            is_joint: script.is_joint,
        }
    }

    /// Sees what happens on the board, and starts a line that is requested for the first time.
    pub(crate) fn tap(&self, happened: &Happened) {
        let Event::Requested { line, .. } = &happened.event else {
            return;
        };
        let mut waiting = self.waiting.borrow_mut();
        let is_it = |it: &Line| *it.chip == *line.chip.label && it.offset == line.offset;
        let found = waiting
            .iter()
            .position(|line| line.as_ref().is_some_and(is_it));
        let Some(found) = found else { return };
        let started = match self.is_joint {
            true => 0..waiting.len(),
            false => found..found + 1,
        };
        let lines = waiting.get_mut(started).into_iter().flatten();
        let pulls = lines.filter_map(Option::take).flat_map(|line| {
            let due = move |pull| Due {
                chip: Arc::clone(&line.chip),
                offset: line.offset,
                pull,
            };
            let at = |ns: u64| happened.at_ns.saturating_add(ns);
            line.then
                .into_iter()
                .map(move |(ns, pull)| (at(ns), due(pull)))
        });
        self.clockwork.plan(pulls);
    }
}

#[cfg(test)]
mod tests;
