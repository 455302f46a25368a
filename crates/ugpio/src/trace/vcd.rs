//! Writes what happens on a board as a value change dump.
//!
//! One scope for each chip: its lines' levels, whether it is `plugged`, the errno of the last refused
//! call; below it the scopes `output` and `consumer` with one signal for each line. What is to be said is a
//! signal too, in the scope `remarks`, and not a comment: libsigrok 0.5.2, with which PulseView reads, takes
//! nothing that follows a comment. Time counts nanoseconds from the start of the run. The header comes first in such a file, but chips may come at
//! any time: [`VcdWriter::head`] puts a new header before what was written when there are new chips.
//! The [recorder](super::record) is the only caller.

use std::collections::HashMap;
use std::io::{self, Write};

use gpiolib::Timestamp;

use super::dump::{Bit, Id, Writer};
use super::names::{self, escaped, word};
use crate::control::protocol::{
    ChipAt, ChipState, Direction, Event, FailedCall, Happened, InfoState, Level, LineAt,
};
use crate::counted::counted;

/// Writes one trace.
#[derive(Debug)]
pub(crate) struct VcdWriter<W> {
    body: W,
    start: Timestamp,
    chips: Vec<Chip>,
    /// Where the chip that is plugged in as `gpiochipN` stands in `chips`.
    plugged: HashMap<String, usize>,
    /// The signal of what is said.
    remarks: Id,
    /// How many signals there are.
    signals: usize,
    now_ns: u64,
}

/// The signals of one chip, or of several that came after each other and look the same.
#[derive(Debug)]
struct Chip {
    label: String,
    scope: String,
    names: Vec<String>,
    plugged: Id,
    error: Id,
    lines: Vec<Line>,
}

/// The signals of one line, with what they are at the start.
#[derive(Debug)]
struct Line {
    level: (Id, Bit),
    output: (Id, Bit),
    consumer: (Id, String),
}

impl<W: Write> VcdWriter<W> {
    /// A trace of the run that starts now with these chips; `body` takes what follows the header.
    pub(crate) fn new(body: W, chips: &[ChipState], start: Timestamp) -> VcdWriter<W> {
        let mut writer = VcdWriter {
            body,
            start,
            chips: Vec::new(),
            plugged: HashMap::new(),
            remarks: Id::of(0),
            signals: 1,
            now_ns: 0,
        };
        for chip in chips {
            let index = writer.add(chip, true);
            writer.plugged.insert(chip.name.clone(), index);
        }
        writer
    }

    /// How many chips the header must name.
    pub(crate) fn chips(&self) -> usize {
        self.chips.len()
    }

    /// Where the body goes.
    pub(crate) fn body(&mut self) -> &mut W {
        &mut self.body
    }

    /// Writes the header and the state at the start to wherever it is wanted.
    ///
    /// # Errors
    /// `to` cannot be written.
    pub(crate) fn head(&self, to: impl Write) -> io::Result<()> {
        let mut to = Writer::new(to);
        to.about("date", &date(self.start.realtime_ns))?;
        to.about("version", concat!("ugpio ", env!("CARGO_PKG_VERSION")))?;
        to.timescale("1 ns")?;
        for chip in &self.chips {
            chip.declare(&mut to)?;
        }
        to.scope(names::REMARKS)?;
        to.string(self.remarks, names::TEXT)?;
        to.upscope()?;
        to.end_definitions()?;
        to.time(0)?;
        to.dump_vars()?;
        to.text(self.remarks, "-")?;
        for chip in &self.chips {
            chip.dump(&mut to)?;
        }
        to.end()?;
        to.flush()
    }

    /// Writes a change down.
    ///
    /// # Errors
    /// The body cannot be written.
    pub(crate) fn event(&mut self, happened: &Happened) -> io::Result<()> {
        let at_ns = happened.at_ns;
        match &happened.event {
            Event::Level { line, level } => {
                let Some(index) = self.find(line) else {
                    return Ok(());
                };
                let id = self.chips[index.0].lines[index.1].level.0;
                self.move_to(at_ns)?;
                self.out().bit(id, value(*level))
            }
            Event::Requested { line, info }
            | Event::Released { line, info }
            | Event::Config { line, info } => self.info(at_ns, line, info),
            Event::Unplugged(chip) => self.unplug(at_ns, chip),
            Event::Lost { count } => {
                let were = if *count == 1 { "was" } else { "were" };
                let changes = counted(*count, "change");
                self.note(at_ns, &format!("{changes} {were} lost here"))
            }
            Event::Failed(call) => self.refused(at_ns, call),
            Event::Short { .. }
            | Event::ShortOver { .. }
            | Event::Oscillation { .. }
            | Event::Fault { .. }
            | Event::Part { .. } => match happened.event.remark() {
                Some(text) => self.note(at_ns, &text),
                None => Ok(()),
            },
            Event::Net { .. } | Event::Pull { .. } | Event::Plugged(_) | Event::Unknown => Ok(()),
        }
    }

    /// Writes down that a chip was plugged in, with its lines as they were then.
    ///
    /// # Errors
    /// The body cannot be written.
    pub(crate) fn plug(&mut self, at_ns: u64, chip: &ChipState) -> io::Result<()> {
        let names = line_names(chip);
        let is_same = |other: &Chip| other.label == chip.label && other.names == names;
        let is_free = |index: &usize| !self.plugged.values().any(|taken| taken == index);
        let known = self.chips.iter().position(is_same).filter(is_free);
        let index = known.unwrap_or_else(|| self.add(chip, false));
        self.plugged.insert(chip.name.clone(), index);
        self.move_to(at_ns)?;
        let Some(Chip { lines, plugged, .. }) = self.chips.get(index) else {
            return Ok(());
        };
        let mut out = Writer::new(&mut self.body);
        out.bit(*plugged, Bit::High)?;
        for (line, state) in lines.iter().zip(&chip.lines) {
            out.bit(line.level.0, value(state.level))?;
            out.bit(line.output.0, is_output(&state.info))?;
            out.text(line.consumer.0, &consumer(&state.info))?;
        }
        Ok(())
    }

    /// Writes a remark.
    ///
    /// # Errors
    /// The body cannot be written.
    pub(crate) fn note(&mut self, at_ns: u64, text: &str) -> io::Result<()> {
        self.move_to(at_ns)?;
        let remarks = self.remarks;
        self.out().text(remarks, &escaped(text))
    }

    /// Writes down that a call on a chip was refused.
    fn refused(&mut self, at_ns: u64, call: &FailedCall) -> io::Result<()> {
        self.note(at_ns, &call.to_string())?;
        let Some(id) = self
            .plugged
            .get(&call.chip.chip)
            .map(|index| self.chips[*index].error)
        else {
            return Ok(());
        };
        self.out().text(id, &word(&call.errno))
    }

    fn info(&mut self, at_ns: u64, line: &LineAt, info: &InfoState) -> io::Result<()> {
        let Some((chip, offset)) = self.find(line) else {
            return Ok(());
        };
        self.move_to(at_ns)?;
        let line = &self.chips[chip].lines[offset];
        let mut out = Writer::new(&mut self.body);
        out.bit(line.output.0, is_output(info))?;
        out.text(line.consumer.0, &consumer(info))
    }

    fn unplug(&mut self, at_ns: u64, chip: &ChipAt) -> io::Result<()> {
        let Some(index) = self.plugged.remove(&chip.chip) else {
            return Ok(());
        };
        self.note(
            at_ns,
            &format!("{} \"{}\" was unplugged", chip.chip, chip.label),
        )?;
        let chip = &self.chips[index];
        let mut out = Writer::new(&mut self.body);
        out.bit(chip.plugged, Bit::Low)?;
        for line in &chip.lines {
            out.bit(line.level.0, Bit::Unknown)?;
            out.bit(line.output.0, Bit::Unknown)?;
            out.text(line.consumer.0, "-")?;
        }
        Ok(())
    }

    /// Lets the recording last until this moment.
    ///
    /// # Errors
    /// The body cannot be written.
    pub(crate) fn until(&mut self, at_ns: u64) -> io::Result<()> {
        self.move_to(at_ns)
    }

    /// Goes on to this moment, if it is later: changes of two threads may be noted in either order, and
    /// in such a file time does not go back.
    fn move_to(&mut self, at_ns: u64) -> io::Result<()> {
        let at = at_ns.saturating_sub(self.start.monotonic_ns);
        if at <= self.now_ns {
            return Ok(());
        }
        self.now_ns = at;
        self.out().time(at)
    }

    fn out(&mut self) -> Writer<&mut W> {
        Writer::new(&mut self.body)
    }

    fn find(&self, line: &LineAt) -> Option<(usize, usize)> {
        let chip = *self.plugged.get(&line.chip.chip)?;
        let offset = usize::try_from(line.offset).ok()?;
        self.chips
            .get(chip)?
            .lines
            .get(offset)
            .map(|_| (chip, offset))
    }

    /// Adds a chip; one that is there from the start shows how it is.
    fn add(&mut self, chip: &ChipState, from_start: bool) -> usize {
        let taken = self.chips.iter().map(|other| other.scope.as_str());
        let scope = names::of_chip(&chip.label, &taken.collect::<Vec<_>>());
        let lines = chip.lines.iter().map(|state| {
            let now = |value| if from_start { value } else { Bit::Unknown };
            Line {
                level: (self.next_id(), now(value(state.level))),
                output: (self.next_id(), now(is_output(&state.info))),
                consumer: (
                    self.next_id(),
                    if from_start {
                        consumer(&state.info)
                    } else {
                        "-".into()
                    },
                ),
            }
        });
        let lines = lines.collect();
        let added = Chip {
            label: chip.label.clone(),
            scope,
            names: line_names(chip),
            plugged: self.next_id(),
            error: self.next_id(),
            lines,
        };
        self.chips.push(added);
        self.chips.len() - 1
    }

    fn next_id(&mut self) -> Id {
        let id = Id::of(self.signals);
        self.signals += 1;
        id
    }
}

impl Chip {
    fn declare<W: Write>(&self, to: &mut Writer<W>) -> io::Result<()> {
        to.scope(&self.scope)?;
        for (line, name) in self.lines.iter().zip(&self.names) {
            to.wire(line.level.0, name)?;
        }
        to.wire(self.plugged, names::PLUGGED)?;
        to.string(self.error, names::ERROR)?;
        to.scope(names::OUTPUT)?;
        for (line, name) in self.lines.iter().zip(&self.names) {
            to.wire(line.output.0, name)?;
        }
        to.upscope()?;
        to.scope(names::CONSUMER)?;
        for (line, name) in self.lines.iter().zip(&self.names) {
            to.string(line.consumer.0, name)?;
        }
        to.upscope()?;
        to.upscope()
    }

    fn dump<W: Write>(&self, to: &mut Writer<W>) -> io::Result<()> {
        // A chip that comes later has lines of which nothing is known yet.
        let is_there = self
            .lines
            .first()
            .is_none_or(|line| line.level.1 != Bit::Unknown);
        to.bit(self.plugged, bit(is_there))?;
        to.text(self.error, "-")?;
        for line in &self.lines {
            to.bit(line.level.0, line.level.1)?;
            to.bit(line.output.0, line.output.1)?;
            to.text(line.consumer.0, &line.consumer.1)?;
        }
        Ok(())
    }
}

fn line_names(chip: &ChipState) -> Vec<String> {
    names::of_lines(chip.lines.iter().map(|line| line.name.as_deref()))
}

fn value(level: Level) -> Bit {
    bit(level == Level::High)
}

fn is_output(info: &InfoState) -> Bit {
    bit(info.direction == Direction::Output)
}

fn consumer(info: &InfoState) -> String {
    word(info.consumer.as_deref().unwrap_or_default())
}

fn bit(is_high: bool) -> Bit {
    if is_high { Bit::High } else { Bit::Low }
}

/// The day and time (UTC) in the form that simulators write: `Sun Nov 22 21:45:30 2026`.
fn date(realtime_ns: u64) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let seconds = realtime_ns / 1_000_000_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March, in eras of 400: then leap days come last.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let index = usize::try_from((month + 2) % 12).unwrap_or(0);
    let year = era * 400 + year + u64::from(index < 2);
    let weekday = DAYS[usize::try_from(days % 7).unwrap_or(0)];
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let month = MONTHS[index];
    format!("{weekday} {month} {day_of_month:2} {hour:02}:{minute:02}:{second:02} {year}")
}

#[cfg(test)]
mod tests;
