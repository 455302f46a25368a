//! A recording in memory: what each line was, and when.
//!
//! [`Wave::read`] takes a value change dump: one of ours, or any other (PulseView, Wokwi, a simulator),
//! of which the signals of one bit are lines; or an FST of ours. The verbs of `ugpio trace`, replaying and
//! comparing work on this. Times are ticks of the recording's own [`Unit`]: nothing is rounded.

mod build;
mod fst;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;

use self::build::Builder;
pub(crate) use super::dump::Bit;
use super::dump::{Parser, Problem, Unit};
use crate::clean::clean;

/// A recording.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Wave {
    /// A tick.
    pub(crate) unit: Unit,
    /// When it ends, in ticks from its start.
    pub(crate) end: u64,
    /// The chips, or whatever else the recording groups signals by.
    pub(crate) chips: Vec<ChipWave>,
    /// Remarks and their moments.
    pub(crate) notes: Vec<(u64, String)>,
    /// What was made up or left out in reading it.
    pub(crate) hints: Vec<String>,
}

/// The lines of one chip.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct ChipWave {
    /// Its name in the recording; empty for signals without a group.
    pub(crate) name: String,
    /// Its lines.
    pub(crate) lines: Vec<LineWave>,
}

/// What one line was.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct LineWave {
    /// Its name in the recording.
    pub(crate) name: String,
    /// Its identifier, if its scope has several signals of this name.
    pub(crate) twin: Option<Box<str>>,
    /// Its level.
    pub(crate) level: Steps<Bit>,
    /// Whether it was an output; empty if the recording does not say.
    pub(crate) output: Steps<Bit>,
    /// Its consumer, `-` for none; empty if the recording has no consumers.
    pub(crate) consumer: Steps<String>,
}

/// A value over time: each begins at its moment, in ticks; no two neighbours are equal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Steps<T>(pub(crate) Vec<(u64, T)>);

impl<T> Default for Steps<T> {
    fn default() -> Self {
        Steps(Vec::new())
    }
}

impl<T: PartialEq> Steps<T> {
    /// Adds a value; whether it is another than before.
    fn push(&mut self, tick: u64, value: T) -> bool {
        // Of several values at one moment the last counts.
        if self.0.last().is_some_and(|(at, _)| *at == tick) {
            self.0.pop();
        }
        let is_new = self.0.last().is_none_or(|(_, last)| *last != value);
        if is_new {
            self.0.push((tick, value));
        }
        is_new
    }

    /// The value at a moment.
    pub(crate) fn at(&self, tick: u64) -> Option<&T> {
        let after = self.0.partition_point(|(at, _)| *at <= tick);
        self.0[..after].last().map(|(_, value)| value)
    }

    /// The changes, without what it was from the start.
    pub(crate) fn changes(&self) -> &[(u64, T)] {
        self.0.get(1..).unwrap_or_default()
    }
}

/// A recording that cannot be read: which file, where, why.
#[derive(Debug, thiserror::Error)]
#[error("{}:{}{problem}", clean(path), if problem.at.is_some() { "" } else { " " })]
pub(crate) struct WaveError {
    path: String,
    problem: Problem,
}

impl Wave {
    /// Reads a value change dump, or an FST of ours.
    ///
    /// # Errors
    /// The file cannot be read, or is not one.
    pub(crate) fn read(path: &Path) -> Result<Wave, WaveError> {
        let read = || {
            let mut file = BufReader::with_capacity(64 << 10, File::open(path)?);
            if fst::is_fst(file.fill_buf()?) {
                return Wave::of_fst(file);
            }
            Wave::of_dump(file)
        };
        read().map_err(|problem| WaveError {
            path: path.display().to_string(),
            problem,
        })
    }

    /// Reads a value change dump.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub(crate) fn of_dump(from: impl BufRead) -> Result<Wave, Problem> {
        let mut builder = Builder::new(true);
        let end = Parser::new(from).read(&mut builder)?;
        Ok(builder.finish(end))
    }

    /// Reads an FST.
    ///
    /// # Errors
    /// It cannot be read, is none, or packed in a way that is not known here.
    pub(crate) fn of_fst(from: impl Read + Seek) -> Result<Wave, Problem> {
        fst::read(from)
    }

    /// All lines with their chips.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&ChipWave, &LineWave)> {
        let of_chip = |chip| ChipWave::with_lines(chip);
        self.chips.iter().flat_map(of_chip)
    }
}

impl ChipWave {
    fn with_lines(&self) -> impl Iterator<Item = (&ChipWave, &LineWave)> {
        self.lines.iter().map(move |line| (self, line))
    }
}

#[cfg(test)]
mod tests;
