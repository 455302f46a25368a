//! Which line of the board a signal of a recording is.
//!
//! A signal in a scope named like a chip is the line of that name there; without one, the only line of
//! the board with that name. `D0`, `D1`, … are the offsets of a board's only chip, as logic analysers
//! call their inputs. Whatever else is meant, the user says. Used for `--replay` and `--expect`.

use core::fmt;
use core::str::FromStr;
use std::collections::HashMap;

use super::dump::Unit;
use super::names;
use super::view::{is_called, label};
use super::wave::{ChipWave, LineWave, Wave};
use crate::board::{Board, ChipSpec};
use crate::clean::clean;

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

impl fmt::Display for Assignment {
    /// As it was given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.line {
            Some((chip, line)) => write!(f, "{}={chip}:{line}", self.signal),
            None => write!(f, "{}=-", self.signal),
        }
    }
}

/// Finds the line of each signal. A signal that nothing happens on needs none.
///
/// # Errors
/// A signal is no line of the board, or an assignment names what is not there or could be several; two are one line.
pub(crate) fn place(
    wave: &Wave,
    board: &Board,
    assignments: &[Assignment],
) -> Result<Vec<Placed>, String> {
    check(wave, assignments)?;
    let names = BoardNames::of(board);
    let mut placed: Vec<Placed> = Vec::new();
    let mut taken: HashMap<(&str, u32), String> = HashMap::new();
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
            None => names.guess(chip, line),
        };
        // Of a signal that does nothing it does not matter which line it is.
        let is_still = line.level.changes().is_empty() && assigned.is_none();
        let name = || clean(&label(chip, line)).into_owned();
        let Some((spec, offset)) = found else {
            if is_still {
                continue;
            }
            let name = name();
            return Err(format!(
                "signal {name} is no line of this board; say which with --signal {name}=CHIP:LINE, \
                 or --signal {name}=- for none"
            ));
        };
        if is_still && taken.contains_key(&(spec.label.as_str(), offset)) {
            continue;
        }
        if let Some(other) = taken.insert((spec.label.as_str(), offset), name()) {
            let (label, name) = (clean(&spec.label), name());
            return Err(format!(
                "signals {other} and {name} are both line {offset} of \"{label}\"; say with \
                 --signal {name}=- that one is none"
            ));
        }
        placed.push(Placed {
            chip: spec.label.clone(),
            offset,
            wave: line.clone(),
        });
    }
    Ok(placed)
}

/// Whether each assignment means one signal, and each signal is assigned once.
fn check(wave: &Wave, assignments: &[Assignment]) -> Result<(), String> {
    let mut assigned: HashMap<String, &str> = HashMap::new();
    for Assignment { signal, .. } in assignments {
        let meant = wave
            .lines()
            .filter(|(chip, line)| is_called(chip, line, signal));
        let meant: Vec<String> = meant.map(|(chip, line)| label(chip, line)).collect();
        let shown = clean(signal);
        match meant.as_slice() {
            [] => return Err(format!("no signal is called \"{shown}\"")),
            [one] => {
                if let Some(before) = assigned.insert(one.clone(), signal) {
                    let (one, before) = (clean(one), clean(before));
                    return Err(format!(
                        "--signal names {one} twice, as \"{before}\" and as \"{shown}\""
                    ));
                }
            }
            [one, other, ..] => {
                let (one, other) = (clean(one), clean(other));
                return Err(format!(
                    "\"{shown}\" is more than one signal, {one} and {other}: write it in full"
                ));
            }
        }
    }
    Ok(())
}

/// What the chips and lines of a board are called in a recording.
struct BoardNames<'b> {
    board: &'b Board,
    /// The scope of each chip, and the offsets of its lines by name.
    chips: Vec<(String, HashMap<String, u32>)>,
}

impl<'b> BoardNames<'b> {
    fn of(board: &'b Board) -> BoardNames<'b> {
        let lines = |spec| (0..).zip(line_names(spec)).map(|(at, name)| (name, at));
        let chips = scopes(board).into_iter().zip(&board.chips);
        let chips = chips.map(|(scope, spec)| (scope, lines(spec).collect()));
        let chips = chips.collect();
        BoardNames { board, chips }
    }

    /// The line that a signal's names stand for.
    fn guess(&self, chip: &ChipWave, line: &LineWave) -> Option<(&'b ChipSpec, u32)> {
        let specs = || self.board.chips.iter().zip(&self.chips);
        let offset = |(spec, (_, lines)): (&'b ChipSpec, &(String, HashMap<String, u32>))| {
            Some((spec, *lines.get(&line.name)?))
        };
        if let Some(found) = specs().find(|(_, (scope, _))| *scope == chip.name) {
            return offset(found);
        }
        let mut everywhere = specs().filter_map(offset);
        if let (Some(found), None) = (everywhere.next(), everywhere.next()) {
            return Some(found);
        }
        let [only] = self.board.chips.as_slice() else {
            return None;
        };
        let offset = line.name.strip_prefix('D')?.parse().ok()?;
        (offset < only.lines).then_some((only, offset))
    }
}

/// The scope of each chip of a board in a recording of it.
fn scopes(board: &Board) -> Vec<String> {
    let mut scopes: Vec<String> = Vec::new();
    for spec in &board.chips {
        let taken: Vec<&str> = scopes.iter().map(String::as_str).collect();
        scopes.push(names::of_chip(&spec.label, &taken));
    }
    scopes
}

/// The lines as a recording of this board would have them.
pub(crate) fn as_recorded(board: &Board, placed: &[Placed], unit: Unit) -> Wave {
    let mut wave = Wave {
        unit,
        ..Wave::default()
    };
    for (scope, spec) in scopes(board).into_iter().zip(&board.chips) {
        let names = line_names(spec);
        let lines = placed.iter().filter(|placed| placed.chip == spec.label);
        let lines = lines.filter_map(|placed| {
            let offset = usize::try_from(placed.offset).ok()?;
            Some(LineWave {
                name: names.get(offset)?.clone(),
                twin: None,
                ..placed.wave.clone()
            })
        });
        wave.chips.push(ChipWave {
            name: scope,
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
    let spec =
        spec.ok_or_else(|| format!("no chip of this board has the label \"{}\"", clean(chip)))?;
    let by_offset = line.parse().ok().filter(|offset| *offset < spec.lines);
    let by_name = || Some(spec.names.iter().find(|(_, name)| name == line)?.0);
    let offset = by_offset.or_else(by_name);
    let offset =
        offset.ok_or_else(|| format!("\"{}\" has no line {}", clean(chip), clean(line)))?;
    Ok((spec, offset))
}

#[cfg(test)]
mod tests;
