//! A recording in memory: what each line was, and when.
//!
//! [`Wave::read`] takes a value change dump: one of ours, or any other (PulseView, Wokwi, a simulator),
//! of which the signals of one bit are lines; what they do not do by the standard is mended by `foreign`. The verbs of `ugpio trace`, replaying and comparing work on
//! this.

mod fst;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use ::vcd::{Command, IdCode, ParseError, Parser, Scope, ScopeItem, Value, Var};

use super::vcd::unescaped;
use super::{foreign, names};

/// A recording.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Wave {
    /// When it ends, in nanoseconds from its start.
    pub(crate) end_ns: u64,
    /// The chips, or whatever else the recording groups signals by.
    pub(crate) chips: Vec<ChipWave>,
    /// Remarks and their moments.
    pub(crate) notes: Vec<(u64, String)>,
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
    /// Its level.
    pub(crate) level: Steps<Bit>,
    /// Whether it was an output; empty if the recording does not say.
    pub(crate) output: Steps<Bit>,
    /// Who held it, `-` for nobody; empty if the recording does not say.
    pub(crate) consumer: Steps<String>,
}

/// A value over time: each begins at its moment, in nanoseconds; no two neighbours are equal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Steps<T>(pub(crate) Vec<(u64, T)>);

impl<T> Default for Steps<T> {
    fn default() -> Self {
        Steps(Vec::new())
    }
}

impl<T: PartialEq> Steps<T> {
    fn push(&mut self, at_ns: u64, value: T) {
        // Of several values at one moment the last counts.
        if self.0.last().is_some_and(|(at, _)| *at == at_ns) {
            self.0.pop();
        }
        if self.0.last().is_none_or(|(_, last)| *last != value) {
            self.0.push((at_ns, value));
        }
    }

    /// The value at a moment.
    pub(crate) fn at(&self, at_ns: u64) -> Option<&T> {
        let after = self.0.partition_point(|(at, _)| *at <= at_ns);
        self.0[..after].last().map(|(_, value)| value)
    }

    /// The changes, without what it was from the start.
    pub(crate) fn changes(&self) -> &[(u64, T)] {
        self.0.get(1..).unwrap_or_default()
    }
}

/// One bit of a signal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bit {
    /// 0.
    Low,
    /// 1.
    High,
    /// Not known, or driven by nobody.
    Unknown,
}

impl Bit {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Bit::Low => "low",
            Bit::High => "high",
            Bit::Unknown => "unknown",
        }
    }
}

impl From<Value> for Bit {
    fn from(value: Value) -> Bit {
        match value {
            Value::V0 => Bit::Low,
            Value::V1 => Bit::High,
            Value::X | Value::Z => Bit::Unknown,
        }
    }
}

/// A recording that cannot be read: which file, where, why.
#[derive(Debug, thiserror::Error)]
#[error("{path}{}: {problem}", line.map_or(String::new(), |line| format!(":{line}")))]
pub(crate) struct WaveError {
    path: String,
    line: Option<u64>,
    problem: String,
}

impl Wave {
    /// Reads a value change dump, or an FST of ours.
    ///
    /// # Errors
    /// The file cannot be read, or is not one.
    pub(crate) fn read(path: &Path) -> Result<Wave, WaveError> {
        let file = File::open(path).map_err(|error| WaveError::at(path, None, &error))?;
        let mut file = BufReader::new(file);
        let wrong = |error| WaveError::at(path, None, &error);
        if fst::is_fst(file.fill_buf().map_err(wrong)?) {
            return fst::read(file).map_err(wrong);
        }
        let mut parser = Parser::new(foreign::readable(file).map_err(wrong)?);
        Wave::parse(&mut parser).map_err(|error| WaveError::at(path, Some(parser.line()), &error))
    }

    /// Reads one from memory.
    ///
    /// # Errors
    /// It is not a value change dump.
    pub(crate) fn of_bytes(bytes: &[u8]) -> io::Result<Wave> {
        Wave::parse(&mut Parser::new(foreign::readable(bytes)?))
    }

    fn parse<R: BufRead>(parser: &mut Parser<R>) -> io::Result<Wave> {
        let header = parser.parse_header()?;
        let (scale, unit) = header
            .timescale
            .ok_or_else(|| io::Error::other("not a value change dump: there is no $timescale"))?;
        let mut reader = Reader::default();
        let ours = header.version.is_some_and(|v| v.starts_with("ugpio "));
        reader.scope("", &header.items, ours);
        let mut now_ns = 0;
        for command in parser {
            match command? {
                Command::Timestamp(at) => {
                    let ns = u128::from(at) * u128::from(scale) * 1_000_000_000;
                    let ns = ns / u128::from(unit.divisor());
                    now_ns = u64::try_from(ns)
                        .ok()
                        .filter(|ns| *ns >= now_ns)
                        .ok_or_else(|| io::Error::other(format!("time #{at} goes back")))?;
                }
                Command::ChangeScalar(id, value) => reader.bit(now_ns, id, value),
                Command::ChangeVector(id, vector) => {
                    if let Some(value) = vector.iter().last() {
                        reader.bit(now_ns, id, value);
                    }
                }
                Command::ChangeString(id, text) if reader.remarks == Some(id) => {
                    reader.remark(now_ns, &text);
                }
                Command::ChangeString(id, text) => reader.text(now_ns, id, text),
                Command::Comment(text) => reader.wave.notes.push((now_ns, text)),
                _ => {}
            }
        }
        reader.wave.end_ns = now_ns;
        reader.wave.chips.retain(|chip| !chip.lines.is_empty());
        Ok(reader.wave)
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

impl WaveError {
    fn at(path: &Path, line: Option<u64>, error: &io::Error) -> WaveError {
        let parse = error.get_ref().and_then(|e| e.downcast_ref::<ParseError>());
        WaveError {
            path: path.display().to_string(),
            line: parse.map_or(line, |error| Some(error.line())),
            problem: match parse {
                Some(error) => format!("not a value change dump: {:?}", error.kind()),
                None => error.to_string(),
            },
        }
    }
}

/// Which part of which line a signal is.
#[derive(Clone, Copy, Debug)]
enum Part {
    Level,
    Output,
    Consumer,
}

#[derive(Debug, Default)]
struct Reader {
    wave: Wave,
    /// Chip, line and part; several signals may have one identifier.
    signals: HashMap<IdCode, Vec<(usize, usize, Part)>>,
    /// The signal that carries our remarks.
    remarks: Option<IdCode>,
}

impl Reader {
    /// Takes the signals of a scope and of those in it.
    fn scope(&mut self, name: &str, items: &[ScopeItem], ours: bool) {
        let chip = self.wave.chips.len();
        self.wave.chips.push(ChipWave {
            name: name.to_owned(),
            lines: Vec::new(),
        });
        for item in items {
            if let ScopeItem::Var(var) = item {
                let is_line =
                    !ours || (var.reference != names::PLUGGED && var.reference != names::ERROR);
                if is_line && var.size == 1 {
                    self.line(chip, var);
                }
            }
        }
        for item in items {
            if let ScopeItem::Scope(scope) = item {
                match scope.identifier.as_str() {
                    names::OUTPUT if ours => self.parts(chip, scope, Part::Output),
                    names::CONSUMER if ours => self.parts(chip, scope, Part::Consumer),
                    names::REMARKS if ours && name.is_empty() && remarks_of(scope).is_some() => {
                        self.remarks = remarks_of(scope);
                    }
                    inner if name.is_empty() => self.scope(inner, &scope.items, ours),
                    inner => self.scope(&format!("{name}.{inner}"), &scope.items, ours),
                }
            }
        }
    }

    fn line(&mut self, chip: usize, var: &Var) {
        let lines = &mut self.wave.chips[chip].lines;
        let index = var.index.map(|index| index.to_string());
        let name = format!("{}{}", var.reference, index.unwrap_or_default());
        let place = (chip, lines.len(), Part::Level);
        lines.push(LineWave {
            name,
            ..LineWave::default()
        });
        self.signals.entry(var.code).or_default().push(place);
    }

    /// Takes the signals of a scope as parts of the lines of the same names.
    fn parts(&mut self, chip: usize, scope: &Scope, part: Part) {
        for item in &scope.items {
            let ScopeItem::Var(var) = item else { continue };
            let lines = &self.wave.chips[chip].lines;
            if let Some(line) = lines.iter().position(|line| line.name == var.reference) {
                let place = (chip, line, part);
                self.signals.entry(var.code).or_default().push(place);
            }
        }
    }

    fn bit(&mut self, at_ns: u64, id: IdCode, value: Value) {
        for (chip, line, part) in self.signals.get(&id).into_iter().flatten() {
            let line = &mut self.wave.chips[*chip].lines[*line];
            match part {
                Part::Level => line.level.push(at_ns, value.into()),
                Part::Output => line.output.push(at_ns, value.into()),
                Part::Consumer => {}
            }
        }
    }

    /// Takes down a remark of a dump, where it is one word.
    fn remark(&mut self, at_ns: u64, word: &str) {
        self.note(at_ns, unescaped(word));
    }

    /// Takes down a remark; `-` is the one that was never made.
    fn note(&mut self, at_ns: u64, text: String) {
        if text != "-" {
            self.wave.notes.push((at_ns, text));
        }
    }

    fn text(&mut self, at_ns: u64, id: IdCode, text: String) {
        for (chip, line, part) in self.signals.get(&id).into_iter().flatten() {
            if let Part::Consumer = part {
                let line = &mut self.wave.chips[*chip].lines[*line];
                line.consumer.push(at_ns, text.clone());
            }
        }
    }
}

/// The signal of our remarks, if this is their scope and not that of a chip of this name.
pub(super) fn remarks_of(scope: &Scope) -> Option<IdCode> {
    match scope.items.as_slice() {
        [ScopeItem::Var(var)] if var.reference == names::TEXT => Some(var.code),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
