//! The chips of a run as control sees them: found by what a client calls them, looked at, changed.
//!
//! [`Plugged`] owns the simulated chips; dropping it unplugs them all. It does no I/O and reads no
//! clock: the [`server`](super::server) is what clients speak to, and passes the time in.

use std::collections::{BTreeMap, VecDeque};

use gpio_sim::{Bank, Change, Changes, Sim, What};
use gpiolib::{HogDirection, InfoChangeKind, LineInfo, Offset, Registry, Timestamp, offsets};

use super::protocol::{
    ChipAt, ChipState, Code, Direction, Event, Failure, InfoState, Key, Level, LineAt, LineState,
    List, Pull,
};
use crate::board::{self, Board, ChipSpec};

/// Changes that wait for the server between two looks at them. A program in full flight makes some
/// hundred thousand a second, and the server looks at each wake.
const PENDING_CHANGES: usize = 16 * 1024;

/// The simulated chips that are plugged in now.
#[derive(Debug)]
pub(crate) struct Plugged {
    registry: Registry,
    chips: BTreeMap<u64, Chip>,
    next_tag: u64,
    changes: Changes,
    events: VecDeque<Event>,
}

#[derive(Debug)]
struct Chip {
    sim: Sim,
    id: u32,
    at: ChipAt,
    names: Vec<Option<String>>,
}

impl Plugged {
    /// Plugs in the chips of a board, in its order.
    ///
    /// # Errors
    /// As [`Plugged::plug`]; a board that was loaded has no such chip.
    pub(crate) fn new(
        registry: &Registry,
        board: &Board,
        now: Timestamp,
    ) -> Result<Plugged, Failure> {
        let mut plugged = Plugged {
            registry: registry.clone(),
            chips: BTreeMap::new(),
            next_tag: 0,
            changes: Changes::new(PENDING_CHANGES),
            events: VecDeque::new(),
        };
        for chip in &board.chips {
            plugged.plug(chip, now)?;
        }
        plugged.events.clear();
        Ok(plugged)
    }

    /// Everything that is plugged in.
    pub(crate) fn list(&self) -> List {
        let mut chips: Vec<ChipState> = self.chips.values().map(Chip::state).collect();
        chips.sort_by_key(|chip| chip.id);
        List { chips }
    }

    /// One line.
    ///
    /// # Errors
    /// No line or more than one is meant.
    pub(crate) fn line(&self, chip: &Key, line: &Key) -> Result<LineState, Failure> {
        let chip = self.chip(chip)?.1;
        let offset = chip.offset(line)?;
        Ok(chip.line_state(offset))
    }

    /// What events call a line: to be compared with theirs.
    ///
    /// # Errors
    /// No line or more than one is meant.
    pub(crate) fn line_at(&self, chip: &Key, line: &Key) -> Result<LineAt, Failure> {
        let chip = self.chip(chip)?.1;
        let offset = chip.offset(line)?;
        Ok(chip.line_at(offset))
    }

    /// Pulls a line; gives its state after that.
    ///
    /// # Errors
    /// No line or more than one is meant.
    pub(crate) fn pull(
        &self,
        chip: &Key,
        line: &Key,
        pull: Pull,
        now: Timestamp,
    ) -> Result<LineState, Failure> {
        let chip = self.chip(chip)?.1;
        let offset = chip.offset(line)?;
        let level = match pull {
            Pull::Up => gpiolib::Level::High,
            Pull::Down => gpiolib::Level::Low,
        };
        chip.sim
            .set_pull(offset, level, now)
            .map_err(|e| Failure::new(Code::Failed, e.to_string()))?;
        Ok(chip.line_state(offset))
    }

    /// Takes a chip away.
    ///
    /// # Errors
    /// No chip or more than one is meant.
    pub(crate) fn unplug(&mut self, chip: &Key, now: Timestamp) -> Result<(), Failure> {
        let tag = self.chip(chip)?.0;
        // What happened before comes before, and names are needed for what happens in between.
        self.collect();
        let Some(Chip { sim, at, names, .. }) = self.chips.remove(&tag) else {
            return Ok(());
        };
        sim.unplug(now);
        while let Some(change) = self.changes.pop() {
            let event = if change.tag == tag {
                Some(event_of(&at, &names, &change))
            } else {
                self.event(&change)
            };
            self.events.extend(event);
        }
        self.events.push_back(Event::Unplugged(at));
        Ok(())
    }

    /// Plugs in a chip.
    ///
    /// # Errors
    /// The label is taken, or the chip cannot be.
    pub(crate) fn plug(&mut self, spec: &ChipSpec, now: Timestamp) -> Result<ChipState, Failure> {
        spec.check()
            .map_err(|e| Failure::new(Code::BadParams, e.to_string()))?;
        if self.chips.values().any(|chip| chip.at.label == spec.label) {
            let message = format!("another chip of this board has the label {:?}", spec.label);
            return Err(Failure::new(Code::LabelTaken, message));
        }
        self.registry.set_now(now);
        let sim = bank(spec).register(&self.registry);
        let mut sim = sim.map_err(|e| Failure::new(Code::BadParams, e.to_string()))?;
        let tag = self.next_tag;
        self.next_tag += 1;
        sim.watch(&self.changes, tag);
        let device = sim.device();
        let at = ChipAt {
            chip: device.name(),
            label: device.label().to_owned(),
        };
        let names = device
            .lines()
            .map(|line| line.name().map(ToString::to_string))
            .collect();
        let chip = Chip {
            id: device.id(),
            at: at.clone(),
            names,
            sim,
        };
        let state = chip.state();
        self.chips.insert(tag, chip);
        self.collect();
        self.events.push_back(Event::Plugged(at));
        Ok(state)
    }

    /// Who is to be woken when [`Plugged::next_event`] has something new.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Takes the oldest event that nobody has seen.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        if self.events.is_empty() {
            self.collect();
        }
        self.events.pop_front()
    }

    /// Makes events of the changes so far.
    fn collect(&mut self) {
        while let Some(change) = self.changes.pop() {
            let event = self.event(&change);
            self.events.extend(event);
        }
        let count = self.changes.take_lost();
        if count > 0 {
            self.events.push_back(Event::Lost { count });
        }
    }

    fn event(&self, change: &Change) -> Option<Event> {
        let chip = self.chips.get(&change.tag)?;
        Some(event_of(&chip.at, &chip.names, change))
    }

    /// Finds the chip that is meant.
    fn chip(&self, key: &Key) -> Result<(u64, &Chip), Failure> {
        let is_meant = |chip: &Chip| match key {
            Key::Number(id) => chip.id == *id,
            Key::Word(word) => {
                chip.at.label == *word || chip.at.chip == *word || chip.id.to_string() == *word
            }
        };
        let mut meant = self.chips.iter().filter(|(_, chip)| is_meant(chip));
        match (meant.next(), meant.next()) {
            (Some((tag, chip)), None) => Ok((*tag, chip)),
            (None, _) => {
                let message = format!("no chip is called {key} on this board");
                Err(Failure::new(Code::NoSuchChip, message))
            }
            (Some((_, one)), Some((_, other))) => {
                let (one, other) = (&one.at, &other.at);
                let message = format!(
                    "{key} is both {} {:?} and {} {:?}",
                    one.chip, one.label, other.chip, other.label
                );
                Err(Failure::new(Code::AmbiguousChip, message))
            }
        }
    }
}

impl Chip {
    fn state(&self) -> ChipState {
        let lines = offsets(self.sim.device().ngpio())
            .map(|offset| self.line_state(offset))
            .collect();
        ChipState {
            id: self.id,
            name: self.at.chip.clone(),
            label: self.at.label.clone(),
            lines,
        }
    }

    fn line_state(&self, offset: Offset) -> LineState {
        let line = self
            .sim
            .device()
            .line(offset)
            .expect("the offset was checked");
        LineState {
            offset: offset.get(),
            name: self.names.get(offset.index()).cloned().flatten(),
            level: level(self.sim.level(offset).expect("the offset was checked")),
            pull: pull(self.sim.pull(offset).expect("the offset was checked")),
            info: info(&line.info()),
        }
    }

    fn line_at(&self, offset: Offset) -> LineAt {
        line_at(&self.at, &self.names, offset)
    }

    /// Finds the line that is meant. A word is an offset if it can be one, else a name.
    fn offset(&self, key: &Key) -> Result<Offset, Failure> {
        let number = match key {
            Key::Number(number) => Some(*number),
            Key::Word(word) => word.parse().ok().filter(|n: &u32| n.to_string() == *word),
        };
        let count = self.sim.device().ngpio();
        if let Some(offset) = number.filter(|number| *number < count) {
            return Ok(Offset::new(offset));
        }
        let named = |offset: &Offset| match (key, self.names.get(offset.index())) {
            (Key::Word(word), Some(Some(name))) => word == name,
            _ => false,
        };
        let found: Vec<Offset> = offsets(count).filter(named).collect();
        let (chip, label) = (&self.at.chip, &self.at.label);
        match found.as_slice() {
            [offset] => Ok(*offset),
            [] => {
                let what = if number.is_some() { "offset" } else { "name" };
                let message = format!(
                    "no line of {chip} {label:?} has the {what} {key}, it has lines 0 to {}",
                    count - 1
                );
                Err(Failure::new(Code::NoSuchLine, message))
            }
            [one, other, ..] => {
                let (one, other) = (one.get(), other.get());
                let message =
                    format!("lines {one} and {other} of {chip} {label:?} both have the name {key}");
                Err(Failure::new(Code::AmbiguousLine, message))
            }
        }
    }
}

fn bank(spec: &ChipSpec) -> Bank {
    let mut bank = Bank::new(spec.lines).label(&spec.label);
    for (offset, name) in &spec.names {
        bank = bank.name(Offset::new(*offset), name);
    }
    for hog in &spec.hogs {
        let direction = match hog.direction {
            board::HogDirection::Input => HogDirection::Input,
            board::HogDirection::OutputHigh => HogDirection::Output(gpiolib::Level::High),
            board::HogDirection::OutputLow => HogDirection::Output(gpiolib::Level::Low),
        };
        bank = bank.hog(Offset::new(hog.offset), &hog.consumer, direction);
    }
    bank
}

fn event_of(at: &ChipAt, names: &[Option<String>], change: &Change) -> Event {
    let line = line_at(at, names, change.offset);
    match &change.what {
        What::Level(new) => Event::Level {
            line,
            level: level(*new),
        },
        What::Pull(new) => Event::Pull {
            line,
            pull: pull(*new),
        },
        What::Info(change) => {
            let info = info(&change.info);
            match change.kind {
                InfoChangeKind::Requested => Event::Requested { line, info },
                InfoChangeKind::Released => Event::Released { line, info },
                InfoChangeKind::Config => Event::Config { line, info },
            }
        }
    }
}

fn line_at(at: &ChipAt, names: &[Option<String>], offset: Offset) -> LineAt {
    let name = names.get(offset.index()).cloned().flatten();
    LineAt {
        chip: at.clone(),
        offset: offset.get(),
        name,
    }
}

fn level(level: gpiolib::Level) -> Level {
    if level.is_high() {
        Level::High
    } else {
        Level::Low
    }
}

fn pull(pull: gpiolib::Level) -> Pull {
    if pull.is_high() { Pull::Up } else { Pull::Down }
}

fn info(info: &LineInfo) -> InfoState {
    let direction = match info.config.direction {
        Some(gpiolib::Direction::Output) => Direction::Output,
        _ => Direction::Input,
    };
    InfoState {
        consumer: info.consumer.map(|consumer| consumer.to_string()),
        used: info.used,
        direction,
        active_low: info.config.active_low,
    }
}

#[cfg(test)]
mod tests;
