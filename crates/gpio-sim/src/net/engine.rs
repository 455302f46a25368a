//! The nets of a board with the pins and parts on them, and what follows from each change.
//!
//! [`Engine`] is pure: changes and instants go in, [`News`] come out: [`Seen`] levels and [`Report`]s. Pins that
//! belong to no part stand for lines of chips; the owner of those (see [`Nets`](super::Nets)) sets what
//! they do with [`Engine::set`] and lets the nets settle. How they settle is in `settle.rs`.

use alloc::boxed::Box;
use alloc::collections::{BinaryHeap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Reverse;

use gpiolib::Level;

use super::resolve::{NetNode, PinDrive, Strength, Tally};
use super::slab::Slab;
use crate::part::{Action, Io, Part};
use crate::seed;

/// Which net of an engine.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NetId(u32);

/// Which pin of an engine.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PinId(u32);

/// Which part of an engine.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PartId(u32);

/// A line pin whose net has another level than before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Seen {
    /// The pin.
    pub pin: PinId,
    /// The level of its net.
    pub level: Level,
    /// Since when, in nanoseconds of the monotonic clock.
    pub at_ns: u64,
}

/// What an engine has come to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum News {
    /// A line has another level.
    Seen(Seen),
    /// A net or a part has something to say.
    Report {
        /// When, in nanoseconds of the monotonic clock.
        at_ns: u64,
        /// What.
        report: Report,
    },
}

/// Something that a board should not do, or that is worth a word.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Report {
    /// Two outputs of a net work against each other.
    Short {
        /// The net.
        net: String,
        /// A pin that drives it high.
        high: String,
        /// A pin that drives it low.
        low: String,
    },
    /// They do not any more.
    ShortOver {
        /// The net.
        net: String,
    },
    /// A net changes for ever without time passing, or faster than can be followed. It keeps the level
    /// it had until something else on the board changes.
    Oscillation {
        /// The net.
        net: String,
    },
    /// What a person sees of a part is another.
    Part {
        /// The part.
        part: String,
        /// What is seen now.
        state: String,
    },
}

/// The nets of a board.
#[derive(Debug)]
pub struct Engine {
    pub(super) nets: Slab<Net>,
    pins: Slab<Pin>,
    pub(super) parts: Slab<Placed>,
    seed: Option<u64>,
    pub(super) now_ns: u64,
    /// The instant that is being settled: before `now_ns` if a due change is carried out late.
    pub(super) instant_ns: u64,
    pub(super) timers: BinaryHeap<Reverse<(u64, Timer)>>,
    pub(super) work: Work,
    /// The reports that have not been taken yet, in the order in which they happened.
    pub(super) news: Vec<News>,
    /// The nets with reports that have not been taken yet, if there is a follower.
    pub(super) touched: Option<Vec<NetId>>,
}

/// What waits to be done in the instant that is being settled.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Nets whose pins do something else.
    pub(super) dirty: Vec<NetId>,
    /// Nets that have another level.
    pub(super) changed: Vec<NetId>,
    /// Parts that are to react.
    pub(super) active: Vec<PartId>,
    /// Nets that anything happened to in this instant.
    pub(super) touched: Vec<NetId>,
    /// Nets that were stopped because they oscillate.
    pub(super) frozen: Vec<NetId>,
    /// Time moves, as opposed to a change from outside.
    pub(super) is_timed: bool,
    levels: Vec<Level>,
    drives: Vec<PinDrive>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Timer {
    Net(NetId),
    Part(PartId),
}

#[derive(Debug)]
pub(super) struct Net {
    pub(super) name: String,
    pub(super) delay_ns: u64,
    pull: Option<Level>,
    pub(super) tally: Tally,
    pub(super) pins: Vec<PinId>,
    /// The parts at its pins, one that has two of them twice.
    pub(super) listeners: Vec<PartId>,
    /// What resolution gave last; its readers see it after the delay.
    pub(super) target: Level,
    pub(super) level: Level,
    /// Changes under way, with the instants at which they arrive.
    pub(super) pending: VecDeque<(u64, Level)>,
    pub(super) before: Level,
    /// When its readers saw the level that it has, in nanoseconds.
    pub(super) since_ns: u64,
    pub(super) flips: u32,
    /// Changes by timers since the start of a window of time.
    pub(super) window: (u64, u32),
    pub(super) is_dirty: bool,
    pub(super) is_touched: bool,
    pub(super) is_frozen: bool,
    pub(super) is_reported: bool,
    pub(super) is_short: bool,
    /// Whether it is among those of [`Engine::take_touched`].
    pub(super) is_noted: bool,
}

#[derive(Debug)]
pub(super) struct Pin {
    label: String,
    net: Option<NetId>,
    drive: PinDrive,
    part: Option<PartId>,
}

/// A part on the board.
#[derive(Debug)]
pub(super) struct Placed {
    name: String,
    /// `None` while it reacts.
    part: Option<Box<dyn Part>>,
    pins: Vec<PinId>,
    pub(super) deadline: Option<u64>,
    pub(super) is_active: bool,
    shown: String,
}

impl Engine {
    /// A board without nets. With a seed, nets that were never driven have random levels; without
    /// one they are low.
    #[must_use]
    pub fn new(seed: Option<u64>) -> Engine {
        Engine {
            nets: Slab::default(),
            pins: Slab::default(),
            parts: Slab::default(),
            seed,
            now_ns: 0,
            instant_ns: 0,
            timers: BinaryHeap::new(),
            work: Work::default(),
            news: Vec::new(),
            touched: None,
        }
    }

    /// Adds a net with nothing on it.
    pub fn add_net(&mut self, name: &str) -> NetId {
        let chance = |seed| seed::mix(seed, &[seed::of_name(name)]) & 1 == 1;
        let level = Level::from(self.seed.is_some_and(chance));
        NetId(self.nets.insert(Net {
            name: name.into(),
            delay_ns: 0,
            pull: None,
            tally: Tally::default(),
            pins: Vec::new(),
            listeners: Vec::new(),
            target: level,
            level,
            pending: VecDeque::new(),
            before: level,
            since_ns: 0,
            flips: 0,
            window: (0, 0),
            is_dirty: false,
            is_touched: false,
            is_frozen: false,
            is_reported: false,
            is_short: false,
            is_noted: false,
        }))
    }

    /// Removes a net. Its pins are wired to nothing from then on; those of lines are given back.
    pub fn remove_net(&mut self, net: NetId) -> Vec<PinId> {
        let pins = self.nets.get(net.0).map(|net| net.pins.clone());
        let pins = pins.unwrap_or_default();
        for pin in &pins {
            self.connect(*pin, None);
        }
        self.nets.remove(net.0);
        let is_line = |pin: &PinId| self.pins.get(pin.0).is_some_and(|pin| pin.part.is_none());
        pins.into_iter().filter(is_line).collect()
    }

    /// Sets the resistor of a net.
    pub fn set_pull(&mut self, net: NetId, pull: Option<Level>) {
        let Some(entry) = self.nets.get_mut(net.0) else {
            return;
        };
        let drive = |pull| PinDrive::FLOAT.with(Strength::Resistor, pull);
        entry.tally.remove(drive(entry.pull));
        entry.tally.add(drive(pull));
        entry.pull = pull;
        self.mark(net);
    }

    /// Sets how long a change of a net takes to be seen, in nanoseconds. Changes under way keep theirs.
    pub fn set_delay(&mut self, net: NetId, delay_ns: u64) {
        if let Some(net) = self.nets.get_mut(net.0) {
            net.delay_ns = delay_ns;
        }
    }

    /// Adds a pin that stands for a line. The label names it in reports.
    pub fn add_pin(&mut self, label: &str, net: Option<NetId>) -> PinId {
        self.insert_pin(label.into(), net, None)
    }

    /// Removes the pin of a line.
    pub fn remove_pin(&mut self, pin: PinId) {
        self.connect(pin, None);
        self.pins.remove(pin.0);
    }

    fn insert_pin(&mut self, label: String, net: Option<NetId>, part: Option<PartId>) -> PinId {
        let pin = PinId(self.pins.insert(Pin {
            label,
            net: None,
            drive: PinDrive::FLOAT,
            part,
        }));
        self.connect(pin, net);
        pin
    }

    /// Wires a pin to a net, or to nothing; it leaves the net it was on.
    pub fn connect(&mut self, pin: PinId, net: Option<NetId>) {
        let Some(entry) = self.pins.get_mut(pin.0) else {
            return;
        };
        let (drive, part) = (entry.drive, entry.part);
        let old = core::mem::replace(&mut entry.net, net);
        if let Some((id, net)) = old.and_then(|id| Some((id, self.nets.get_mut(id.0)?))) {
            net.tally.remove(drive);
            net.pins.retain(|other| *other != pin);
            if let Some(at) = net.listeners.iter().position(|other| Some(*other) == part) {
                net.listeners.swap_remove(at);
            }
            self.mark(id);
        }
        if let Some((id, net)) = net.and_then(|id| Some((id, self.nets.get_mut(id.0)?))) {
            net.tally.add(drive);
            net.pins.push(pin);
            net.listeners.extend(part);
            self.mark(id);
        }
        if let Some(part) = part {
            self.activate(part);
        }
    }

    /// Says what a pin does to its net from now on. Takes effect when the nets settle.
    pub fn set(&mut self, pin: PinId, drive: PinDrive) {
        let Some(entry) = self.pins.get_mut(pin.0) else {
            return;
        };
        let old = core::mem::replace(&mut entry.drive, drive);
        if old == drive {
            return;
        }
        if let Some((id, net)) = entry
            .net
            .and_then(|id| Some((id, self.nets.get_mut(id.0)?)))
        {
            net.tally.remove(old);
            net.tally.add(drive);
            self.mark(id);
        }
    }

    /// Puts a part on the board; its pins are wired to these nets, in the order of [`Part::pins`].
    pub fn add_part(&mut self, name: &str, part: Box<dyn Part>, nets: &[Option<NetId>]) -> PartId {
        let names = part.pins();
        let id = PartId(self.parts.insert(Placed {
            name: name.into(),
            shown: part.state(),
            part: Some(part),
            pins: Vec::new(),
            deadline: None,
            is_active: false,
        }));
        let pins = names.iter().enumerate().map(|(index, pin)| {
            let net = nets.get(index).copied().flatten();
            self.insert_pin(alloc::format!("{name}.{pin}"), net, Some(id))
        });
        let pins = pins.collect();
        if let Some(placed) = self.parts.get_mut(id.0) {
            placed.pins = pins;
        }
        self.activate(id);
        id
    }

    /// Takes a part off the board.
    pub fn remove_part(&mut self, part: PartId) {
        let Some(placed) = self.parts.remove(part.0) else {
            return;
        };
        for pin in placed.pins {
            self.remove_pin(pin);
        }
    }

    /// Does something to a part by hand, at `now_ns`, and lets the nets settle.
    ///
    /// # Errors
    /// What can be done to the part instead.
    pub fn operate(
        &mut self,
        part: PartId,
        action: Action,
        now_ns: u64,
    ) -> Result<(), &'static str> {
        self.advance(now_ns);
        let done = self.with_part(part, |part, io| part.operate(action, io));
        self.settle(now_ns);
        done.unwrap_or(Err("it is not on the board any more"))
    }

    /// The level that readers of a net see.
    #[must_use]
    pub fn level(&self, net: NetId) -> Level {
        self.nets
            .get(net.0)
            .map(|net| net.level)
            .unwrap_or_default()
    }

    /// What holds a net.
    #[must_use]
    pub fn node(&self, net: NetId) -> NetNode {
        self.nets
            .get(net.0)
            .map_or(NetNode::Floating, |net| net.tally.resolve())
    }

    /// The net that a pin is wired to.
    #[must_use]
    pub fn net_of(&self, pin: PinId) -> Option<NetId> {
        self.pins.get(pin.0)?.net
    }

    /// The pins on a net.
    #[must_use]
    pub fn pins_of(&self, net: NetId) -> &[PinId] {
        self.nets.get(net.0).map_or(&[], |net| &net.pins)
    }

    /// The latest instant that was settled, in nanoseconds of the monotonic clock.
    #[must_use]
    pub const fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// What a person sees of a part.
    #[must_use]
    pub fn state(&self, part: PartId) -> &str {
        self.parts.get(part.0).map_or("", |part| &part.shown)
    }

    /// Takes what has happened since the last call, oldest first.
    pub fn take_news(&mut self) -> alloc::vec::Drain<'_, News> {
        self.news.drain(..)
    }

    /// Keeps a note from now on of nets at which something happens.
    pub fn note_touched(&mut self) {
        self.touched.get_or_insert_default();
    }

    /// Whether [`Engine::take_touched`] has something.
    #[must_use]
    pub fn has_touched(&self) -> bool {
        self.touched.as_ref().is_some_and(|nets| !nets.is_empty())
    }

    /// Takes the nets that may be other than at the last call, each once: their level, what holds them.
    pub fn take_touched(&mut self) -> Vec<NetId> {
        let nets = self.touched.as_mut().map(core::mem::take);
        let nets = nets.unwrap_or_default();
        for id in &nets {
            if let Some(net) = self.nets.get_mut(id.0) {
                net.is_noted = false;
            }
        }
        nets
    }

    /// The name of a net, while it is there.
    #[must_use]
    pub fn name(&self, net: NetId) -> Option<&str> {
        self.nets.get(net.0).map(|net| net.name.as_str())
    }

    /// Something is to be said about the instant that is now.
    pub(super) fn report(&mut self, report: Report) {
        let at_ns = self.instant_ns;
        self.news.push(News::Report { at_ns, report });
    }

    /// The net's pins have changed: it is resolved when the nets settle.
    pub(super) fn mark(&mut self, id: NetId) {
        if let Some(net) = self.nets.get_mut(id.0) {
            if !core::mem::replace(&mut net.is_dirty, true) {
                self.work.dirty.push(id);
            }
            if !core::mem::replace(&mut net.is_touched, true) {
                net.before = net.level;
                self.work.touched.push(id);
            }
        }
    }

    /// The part reacts when the nets settle.
    pub(super) fn activate(&mut self, id: PartId) {
        if let Some(part) = self.parts.get_mut(id.0)
            && !core::mem::replace(&mut part.is_active, true)
        {
            self.work.active.push(id);
        }
    }

    /// Lets a part do something, and then takes over what it does to its pins and when it wants to be
    /// called. `None` if there is no such part.
    pub(super) fn with_part<R>(
        &mut self,
        id: PartId,
        act: impl FnOnce(&mut dyn Part, &mut Io<'_>) -> R,
    ) -> Option<R> {
        let placed = self.parts.get_mut(id.0)?;
        let mut part = placed.part.take()?;
        let pins = core::mem::take(&mut placed.pins);
        let mut levels = core::mem::take(&mut self.work.levels);
        let mut drives = core::mem::take(&mut self.work.drives);
        for pin in &pins {
            let entry = self.pins.get(pin.0);
            let net = entry.and_then(|pin| pin.net);
            levels.push(net.map(|net| self.level(net)).unwrap_or_default());
            drives.push(entry.map(|pin| pin.drive).unwrap_or_default());
        }
        let mut io = Io {
            now_ns: self.now_ns,
            levels: &levels,
            drives: &mut drives,
        };
        let result = act(&mut *part, &mut io);
        for (pin, drive) in pins.iter().zip(&drives) {
            self.set(*pin, *drive);
        }
        levels.clear();
        drives.clear();
        (self.work.levels, self.work.drives) = (levels, drives);
        self.put_back(id, part, pins);
        Some(result)
    }

    fn put_back(&mut self, id: PartId, part: Box<dyn Part>, pins: Vec<PinId>) {
        let Some(placed) = self.parts.get_mut(id.0) else {
            return;
        };
        let deadline = part.next_deadline();
        if deadline != placed.deadline {
            placed.deadline = deadline;
            self.timers
                .extend(deadline.map(|at| Reverse((at, Timer::Part(id)))));
        }
        let state = part.state();
        if state != placed.shown {
            let part = placed.name.clone();
            placed.shown.clone_from(&state);
            self.news.push(News::Report {
                at_ns: self.instant_ns,
                report: Report::Part { part, state },
            });
        }
        placed.part = Some(part);
        placed.pins = pins;
    }

    /// The labels of a pin that drives the net high and of one that drives it low.
    pub(super) fn rivals(&self, net: &Net) -> (String, String) {
        let driver = |level| {
            let labels = net.pins.iter().filter_map(|pin| {
                let pin = self.pins.get(pin.0)?;
                (pin.drive.at(Strength::Output) == Some(level)).then_some(&pin.label)
            });
            // The first in the alphabet, so that the order of wiring does not matter.
            labels.min().cloned().unwrap_or_default()
        };
        (driver(Level::High), driver(Level::Low))
    }

    /// Whether a pin stands for a line.
    pub(super) fn is_line(&self, pin: PinId) -> bool {
        self.pins.get(pin.0).is_some_and(|pin| pin.part.is_none())
    }
}

impl NetId {
    pub(super) const fn index(self) -> u32 {
        self.0
    }
}

impl PartId {
    pub(super) const fn index(self) -> u32 {
        self.0
    }
}

impl PinId {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}
