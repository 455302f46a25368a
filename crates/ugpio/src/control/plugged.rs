//! The chips of a run as control sees them: found by what a client calls them, looked at, changed.
//!
//! [`Plugged`] owns the simulated chips; dropping it unplugs them all. It does no I/O and reads no
//! clock: the [`server`](super::server) is what clients speak to, and passes the time in.

mod fault_lines;
mod faults;
mod numbers;
mod wires;
mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gpio_sim::fault::Faults;
use gpio_sim::tree::PluggedChip;
use gpio_sim::{Bank, Change, Changes, Sim};
use gpiolib::{Offset, Registry, Release, Timestamp};

pub(crate) use self::fault_lines::Refused;
pub(crate) use self::faults::Attention;
use self::faults::Wrongs;
use self::wires::Wires;
use self::words::{bank, happened, info, level, line_at, pull, reported};
use super::protocol::{
    ChipAt, ChipState, Code, Event, Failure, Happened, Key, LineAt, LineState, List, Pull,
};
use crate::board::{Board, ChipSpec};
use crate::trace::refusals::Refusals;
use crate::tree::Lines;

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
    events: VecDeque<Happened>,
    /// The calls that were refused, if a trace or an explanation needs them.
    refusals: Option<Arc<Refusals>>,
    /// The chips of the `Plugged` events, as they were then; not kept if they are not needed.
    arrivals: Option<VecDeque<ChipState>>,
    /// The N of every `gpio-sim.N`, those that have no chip now included.
    platform_ids: BTreeSet<u32>,
    lines: Arc<Lines>,
    wires: Wires,
    wrongs: Wrongs,
}

/// The chips as the control server and the gpio-sim tree share them. Nobody is called back with it
/// locked but who is woken when a chip comes or goes.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<Plugged>>);

impl Shared {
    /// Shares these chips.
    pub(crate) fn new(plugged: Plugged) -> Shared {
        Shared(Arc::new(Mutex::new(plugged)))
    }

    /// The chips, to look at.
    pub(crate) fn borrow(&self) -> MutexGuard<'_, Plugged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The chips, to change.
    pub(crate) fn borrow_mut(&self) -> MutexGuard<'_, Plugged> {
        self.borrow()
    }
}

/// Where the chance of a run comes from.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chance {
    /// The seed of everything random; without one nothing is random.
    pub(crate) seed: Option<u64>,
    /// Whether anything may go wrong with any chip.
    pub(crate) is_chaotic: bool,
}

#[derive(Debug)]
struct Chip {
    sim: Sim,
    id: u32,
    at: ChipAt,
    names: Vec<Option<String>>,
    origin: Origin,
    /// What goes wrong with it.
    faults: Faults,
}

/// What a chip was plugged in as, and is again when a fault took it away for a while.
#[derive(Clone, Debug)]
enum Origin {
    /// By the board or by control, as the only chip of a `gpio-sim.N`. Its faults are those of its label.
    Board { spec: ChipSpec, platform_id: u32 },
    /// By the gpio-sim tree, which knows it by its tag. Its faults go with it.
    Tree(Bank),
}

impl Plugged {
    /// Plugs in the chips of a board, in its order.
    ///
    /// # Errors
    /// As [`Plugged::plug`]; a board that was loaded has no such chip.
    pub(crate) fn new(
        registry: &Registry,
        board: &Board,
        chance: Chance,
        now: Timestamp,
    ) -> Result<Plugged, Failure> {
        let changes = Changes::new(PENDING_CHANGES);
        let Chance { seed, is_chaotic } = chance;
        let mut plugged = Plugged {
            registry: registry.clone(),
            chips: BTreeMap::new(),
            next_tag: 0,
            wrongs: Wrongs::new(board, seed, is_chaotic, &changes),
            changes,
            events: VecDeque::new(),
            refusals: None,
            arrivals: None,
            platform_ids: BTreeSet::new(),
            lines: Arc::default(),
            wires: Wires::new(board, seed, now),
        };
        plugged.wires.nets.watch(&plugged.changes);
        for chip in &board.chips {
            plugged.plug(chip, now)?;
        }
        plugged.events.clear();
        Ok(plugged)
    }

    /// Everything that is plugged in.
    pub(crate) fn list(&self) -> List {
        let mut chips: Vec<ChipState> = self.chips.values().map(|chip| self.state(chip)).collect();
        chips.sort_by_key(|chip| chip.id);
        List {
            chips,
            nets: self.net_states(),
            parts: self.part_states(),
        }
    }

    /// One line.
    ///
    /// # Errors
    /// No line or more than one is meant.
    pub(crate) fn line(&self, chip: &Key, line: &Key) -> Result<LineState, Failure> {
        let chip = self.chip(chip)?.1;
        let offset = chip.offset(line)?;
        Ok(self.line_state(chip, offset))
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
        Ok(self.line_state(chip, offset))
    }

    /// Takes a chip away.
    ///
    /// # Errors
    /// No chip or more than one is meant.
    pub(crate) fn unplug(&mut self, chip: &Key, now: Timestamp) -> Result<(), Failure> {
        let tag = self.chip(chip)?.0;
        self.pull_out(tag, now);
        Ok(())
    }

    /// Takes a chip away, if it is still there.
    pub(crate) fn pull_out(&mut self, tag: u64, now: Timestamp) {
        // What happened before comes before, and names are needed for what happens in between.
        self.collect();
        let Some(chip) = self.chips.remove(&tag) else {
            self.wrongs.stay_away(tag);
            return;
        };
        let Chip {
            sim,
            at,
            names,
            id,
            origin,
            ..
        } = chip;
        self.lines.remove(id);
        let simulated = sim.chip().clone();
        sim.unplug();
        self.wires.nets.unplug(&simulated);
        if let Origin::Board { platform_id, .. } = origin {
            self.free_platform_id(platform_id);
        }
        while let Some(change) = self.changes.pop() {
            let event = match &change {
                Change::Line(change) if change.tag == tag => Some(happened(&at, &names, change)),
                _ => self.event(change),
            };
            self.events.extend(event);
        }
        self.events.push_back(Happened {
            at_ns: now.monotonic_ns,
            event: Event::Unplugged(at),
        });
        self.changes.wake();
    }

    /// Plugs in a chip.
    ///
    /// # Errors
    /// The label or a number is taken, or the chip cannot be.
    pub(crate) fn plug(&mut self, spec: &ChipSpec, now: Timestamp) -> Result<ChipState, Failure> {
        spec.check()
            .map_err(|e| Failure::new(Code::BadParams, e.to_string()))?;
        if self.chips.values().any(|chip| chip.at.label == spec.label) {
            let message = format!("another chip of this board has the label {:?}", spec.label);
            return Err(Failure::new(Code::LabelTaken, message));
        }
        let base = self.first_number(spec.base, spec.lines)?;
        let platform_id = self.take_platform_id();
        let bank = bank(spec, base).platform(platform_id, 0);
        let faults = self.wrongs.of(&spec.label);
        let origin = Origin::Board {
            spec: spec.clone(),
            platform_id,
        };
        let tag = self.next_tag();
        if let Err(error) = self.insert(tag, bank, origin, faults, now) {
            self.free_platform_id(platform_id);
            return Err(Failure::new(Code::BadParams, error.to_string()));
        }
        let chip = self.chips.get(&tag).expect("it was put in just now");
        Ok(self.state(chip))
    }

    /// Plugs in a chip that the gpio-sim tree asks for; its label need not be unique.
    ///
    /// # Errors
    /// The chip cannot be.
    pub(crate) fn adopt(&mut self, bank: Bank, now: Timestamp) -> gpiolib::Result<PluggedChip> {
        let key = self.next_tag();
        let faults = self.wrongs.fresh(&bank.shown_label());
        let origin = Origin::Tree(bank.clone());
        self.insert(key, bank, origin, faults, now)?;
        let name = self.name(key).unwrap_or_default();
        Ok(PluggedChip { key, name })
    }

    /// `gpiochipN` of a chip by its tag, if it is there.
    pub(crate) fn name(&self, tag: u64) -> Option<String> {
        self.chips.get(&tag).map(|chip| chip.at.chip.clone())
    }

    fn next_tag(&mut self) -> u64 {
        let tag = self.next_tag;
        self.next_tag += 1;
        tag
    }

    /// Plugs in a chip under a tag that no chip has now.
    fn insert(
        &mut self,
        tag: u64,
        bank: Bank,
        origin: Origin,
        faults: Faults,
        now: Timestamp,
    ) -> gpiolib::Result<()> {
        let mut sim = bank.faults(&faults).register(&self.registry)?;
        sim.watch(&self.changes, tag);
        let device = sim.device();
        self.lines.insert(device.id(), sim.chip());
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
            origin,
            faults,
            at: at.clone(),
            names,
            sim,
        };
        self.wires.plugged(&chip);
        if let Some(arrivals) = &mut self.arrivals {
            arrivals.push_back(chip.state());
        }
        self.chips.insert(tag, chip);
        self.collect();
        self.events.push_back(Happened {
            at_ns: now.monotonic_ns,
            event: Event::Plugged(at),
        });
        self.changes.wake();
        Ok(())
    }

    /// Takes the smallest N for which there is no `gpio-sim.N`.
    pub(crate) fn take_platform_id(&mut self) -> u32 {
        let id = (0..)
            .find(|id| !self.platform_ids.contains(id))
            .unwrap_or(u32::MAX);
        self.platform_ids.insert(id);
        id
    }

    /// Gives one back.
    pub(crate) fn free_platform_id(&mut self, id: u32) {
        self.platform_ids.remove(&id);
    }

    /// The release of Linux that its chips behave as.
    pub(crate) fn release(&self) -> Release {
        self.registry.release()
    }

    /// The lines of the chips, which can be looked at without the chips being locked.
    pub(crate) fn lines(&self) -> &Arc<Lines> {
        &self.lines
    }

    /// The waker to call when [`Plugged::next_event`] has something new.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Takes the oldest event.
    pub(crate) fn next_event(&mut self) -> Option<Happened> {
        self.attend_outside();
        if self.events.is_empty() {
            self.collect();
        }
        self.events.pop_front()
    }

    /// Puts the calls that are refused from now on among the events; gives where to.
    pub(crate) fn keep_refusals(&mut self) -> Arc<Refusals> {
        let refusals = Arc::new(Refusals::new(self.changes.clone()));
        self.refusals = Some(Arc::clone(&refusals));
        refusals
    }

    /// Puts the calls that were refused between the other events, by their time.
    fn collect_refusals(&mut self) {
        let Some((calls, lost)) = self.refusals.as_ref().map(|refusals| refusals.take()) else {
            return;
        };
        for call in calls {
            let is_before = |event: &Happened| event.at_ns <= call.at_ns;
            let place = self
                .events
                .iter()
                .rposition(is_before)
                .map_or(0, |at| at + 1);
            self.events.insert(place, call);
        }
        if lost > 0 {
            let at_ns = self.registry.now().monotonic_ns;
            let event = Event::Lost { count: lost };
            self.events.push_back(Happened { at_ns, event });
        }
    }

    /// Keeps what each chip is like that is plugged in from now on, for [`Plugged::next_arrival`].
    pub(crate) fn keep_arrivals(&mut self) {
        self.arrivals = Some(VecDeque::new());
    }

    /// What the chip of a `Plugged` event was like; to be asked once for each, in their order.
    pub(crate) fn next_arrival(&mut self) -> Option<ChipState> {
        self.arrivals.as_mut()?.pop_front()
    }

    /// Makes events of the changes so far.
    fn collect(&mut self) {
        while let Some(change) = self.changes.pop() {
            let event = self.event(change);
            if let Some(happened) = &event {
                self.remember(&happened.event);
            }
            self.events.extend(event);
        }
        self.collect_refusals();
        let count = self.changes.take_lost();
        if count > 0 {
            let at_ns = self.registry.now().monotonic_ns;
            let event = Event::Lost { count };
            self.events.push_back(Happened { at_ns, event });
        }
    }

    fn event(&self, change: Change) -> Option<Happened> {
        match change {
            Change::Line(change) => {
                let chip = self.chips.get(&change.tag)?;
                Some(happened(&chip.at, &chip.names, &change))
            }
            Change::Nets { at_ns, report } => Some(reported(at_ns, report)),
        }
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
        let lines = (0..self.sim.device().ngpio())
            .map(Offset::new)
            .map(|offset| self.line_state(offset))
            .collect();
        ChipState {
            id: self.id,
            name: self.at.chip.clone(),
            label: self.at.label.clone(),
            base: self.origin.base(),
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
            net: None,
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
        let found: Vec<Offset> = (0..count).map(Offset::new).filter(named).collect();
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

#[cfg(test)]
mod tests;
#[cfg(test)]
mod wires_tests;
