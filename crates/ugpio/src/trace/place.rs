//! Which line of the board a signal of a recording is.
//!
//! A signal in a scope named like a chip is the line of that name there; without one, the only line of
//! the board with that name. `D0`, `D1`, … are the offsets of a board's only chip, as logic analysers
//! call their inputs. Whatever else is meant, the user says. Used for `--replay` and `--expect`.

use core::str::FromStr;

use super::names;
use super::view::{is_called, label};
use super::wave::{ChipWave, LineWave, Wave};
use crate::board::{Board, ChipSpec};

/// A line of the board, and what a recording says of it.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// The chip's label.
    pub(crate) chip: String,
    /// The line.
    pub(crate) offset: u32,
    /// What it was.
    pub(crate) wave: LineWave,
}

/// What the user says of a signal: `SIGNAL=CHIP:LINE`, or `SIGNAL=-` for none.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    signal: String,
    line: Option<(String, String)>,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(word: &str) -> Result<Assignment, String> {
        let wrong = || format!("'{word}' is not SIGNAL=CHIP:LINE, for example D0=demo:3");
        let (signal, line) = word.split_once('=').ok_or_else(wrong)?;
        let line = match line {
            "-" => None,
            line => {
                let (chip, line) = line.rsplit_once(':').ok_or_else(wrong)?;
                Some((chip.to_owned(), line.to_owned()))
            }
        };
        let signal = signal.to_owned();
        Ok(Assignment { signal, line })
    }
}

/// Finds the line of each signal. A signal that nothing happens on needs none.
///
/// # Errors
/// A signal is no line of the board, or an assignment names what is not there.
pub(crate) fn place(
    wave: &Wave,
    board: &Board,
    assignments: &[Assignment],
) -> Result<Vec<Placed>, String> {
    let is_there = |assignment: &&Assignment| {
        let is_it =
            |(chip, line): (&ChipWave, &LineWave)| is_called(chip, line, &assignment.signal);
        !wave.lines().any(is_it)
    };
    if let Some(Assignment { signal, .. }) = assignments.iter().find(is_there) {
        return Err(format!("no signal is called {signal:?}"));
    }
    let mut placed = Vec::new();
    for (chip, line) in wave.lines() {
        let assigned = assignments
            .iter()
            .find(|a| is_called(chip, line, &a.signal));
        let found = match assigned {
            Some(Assignment { line: None, .. }) => continue,
            Some(Assignment {
                line: Some((chip, line)),
                ..
            }) => Some(named(board, chip, line)?),
            None => guess(board, chip, line),
        };
        match found {
            Some((spec, offset)) => placed.push(Placed {
                chip: spec.label.clone(),
                offset,
                wave: line.clone(),
            }),
            None if line.level.changes().is_empty() => {}
            None => {
                let name = label(chip, line);
                return Err(format!(
                    "signal {name} is no line of this board; say which with --signal {name}=CHIP:LINE, \
                     or --signal {name}=- for none"
                ));
            }
        }
    }
    Ok(placed)
}

/// The lines as a recording of this board would have them.
pub(crate) fn as_recorded(board: &Board, placed: &[Placed]) -> Wave {
    let mut wave = Wave::default();
    for spec in &board.chips {
        let names = line_names(spec);
        let lines = placed.iter().filter(|placed| placed.chip == spec.label);
        let lines = lines.filter_map(|placed| {
            let offset = usize::try_from(placed.offset).ok()?;
            Some(LineWave {
                name: names.get(offset)?.clone(),
                ..placed.wave.clone()
            })
        });
        wave.chips.push(ChipWave {
            name: names::plain(&spec.label),
            lines: lines.collect(),
        });
    }
    wave
}

fn line_names(spec: &ChipSpec) -> Vec<String> {
    let name = |offset| {
        let mut names = spec.names.iter();
        names
            .find(|(at, _)| *at == offset)
            .map(|(_, name)| name.as_str())
    };
    names::of_lines((0..spec.lines).map(name))
}

/// The line that the user names.
fn named<'b>(board: &'b Board, chip: &str, line: &str) -> Result<(&'b ChipSpec, u32), String> {
    let spec = board.chips.iter().find(|spec| spec.label == chip);
    let spec = spec.ok_or_else(|| format!("no chip of this board has the label {chip:?}"))?;
    let by_offset = line.parse().ok().filter(|offset| *offset < spec.lines);
    let by_name = || Some(spec.names.iter().find(|(_, name)| name == line)?.0);
    let offset = by_offset.or_else(by_name);
    let offset = offset.ok_or_else(|| format!("{chip:?} has no line {line}"))?;
    Ok((spec, offset))
}

/// The line that a signal's names stand for.
fn guess<'b>(board: &'b Board, chip: &ChipWave, line: &LineWave) -> Option<(&'b ChipSpec, u32)> {
    let offset_in = |spec: &'b ChipSpec| {
        let index = line_names(spec)
            .iter()
            .position(|name| *name == line.name)?;
        Some((spec, u32::try_from(index).ok()?))
    };
    let mut chips = board.chips.iter();
    if let Some(spec) = chips.find(|spec| names::plain(&spec.label) == chip.name) {
        return offset_in(spec);
    }
    let mut everywhere = board.chips.iter().filter_map(offset_in);
    if let (Some(found), None) = (everywhere.next(), everywhere.next()) {
        return Some(found);
    }
    let [only] = board.chips.as_slice() else {
        return None;
    };
    let offset = line.name.strip_prefix('D')?.parse().ok()?;
    (offset < only.lines).then_some((only, offset))
}

#[cfg(test)]
mod tests;
