//! The nets and parts of a board, as control sees them.
//!
//! Which line is on which net is remembered by the chip's label, so that a chip that is plugged in again
//! is wired as it was.

use std::collections::BTreeMap;

use gpio_sim::net::{NetChange, NetNode, Nets};
use gpio_sim::part::{self, PartKind};
use gpio_sim::seed;
use gpiolib::{Level, Offset, Timestamp};

use super::words::level;
use super::{Chip, Plugged};
use crate::board::{self, Board, LineSpec, PinSpec};
use crate::control::params::{HOLD_MAX_MS, check_delay, check_net};
use crate::control::protocol::{
    Action, ChipState, Code, Event, Failure, Happened, Held, LineParams, LineState, NetState,
    OperateParams, PartState, Resistor, UnwireParams, WireParams,
};
use crate::control::view::NetUpdate;

/// The most nets that a board can have.
const NETS_MAX: usize = 100_000;

/// What is wired to what.
#[derive(Debug)]
pub(super) struct Wires {
    pub(super) nets: Nets,
    /// The net of each line that is on one, its chip plugged in or not.
    lines: BTreeMap<LineSpec, String>,
    settings: BTreeMap<String, (Option<Level>, u64)>,
}

impl Wires {
    /// The nets and parts of a board, with no line wired yet.
    pub(super) fn new(board: &Board, chance: Option<u64>, now: Timestamp) -> Wires {
        let mut wires = Wires {
            nets: Nets::new(chance),
            lines: BTreeMap::new(),
            settings: BTreeMap::new(),
        };
        // Or a square wave would have to catch up with all the time there ever was.
        wires.nets.advance(now);
        for net in &board.nets {
            let pull = net.pull.map(|pull| Level::from(pull == board::Pull::Up));
            wires.set(&net.name, pull, net.delay_ns);
            for line in &net.lines {
                wires.lines.insert(line.clone(), net.name.clone());
            }
        }
        for spec in &board.parts {
            let pins = spec.pins.iter().map(|pin| match pin {
                Some(PinSpec::Net(net)) => Some(net.clone()),
                Some(PinSpec::Line(line)) => Some(wires.net_for(line)),
                None => None,
            });
            let pins: Vec<Option<String>> = pins.collect();
            let settings = chance.map(|chance| seed::mix(chance, &[seed::of_name(&spec.name)]));
            let settings = settings.map_or(spec.settings.clone(), |seed| {
                spec.settings.clone().seeded(seed)
            });
            // The board file's reader has made it once already.
            let made = PartKind::find(spec.kind).and_then(|kind| kind.make(&settings).ok());
            if let Some(part) = made {
                wires.nets.place(&spec.name, spec.kind, part, &pins);
            }
        }
        wires
    }

    fn set(&mut self, net: &str, pull: Option<Level>, delay_ns: u64) {
        self.nets.add(net, pull, delay_ns);
        self.settings.insert(net.to_owned(), (pull, delay_ns));
    }

    /// The net of a line, for a part at it; one of its own if it has none.
    fn net_for(&mut self, line: &LineSpec) -> String {
        let net = self.lines.entry(line.clone());
        net.or_insert_with(|| line.to_string()).clone()
    }

    /// Wires the lines of a chip that was plugged in.
    pub(super) fn plugged(&self, chip: &Chip) {
        let label = &chip.at.label;
        let first = LineSpec {
            chip: label.clone(),
            offset: 0,
        };
        let own = self.lines.range(first..);
        for (line, net) in own.take_while(|(line, _)| line.chip == *label) {
            if line.offset < chip.sim.device().ngpio() {
                self.wire(net, chip, Offset::new(line.offset), &line.to_string());
            }
        }
    }

    fn wire(&self, net: &str, chip: &Chip, offset: Offset, label: &str) {
        let (pull, delay_ns) = self.settings.get(net).copied().unwrap_or_default();
        if !self.nets.has(net) {
            self.nets.add(net, pull, delay_ns);
        }
        self.nets.wire(net, chip.sim.chip(), offset, label);
    }
}

impl Plugged {
    /// The wires between the lines, which know deadlines.
    pub(crate) fn nets(&self) -> &Nets {
        &self.wires.nets
    }

    /// All nets.
    pub(super) fn net_states(&self) -> Vec<NetState> {
        let nets = self.wires.nets.nets();
        nets.into_iter()
            .map(|net| NetState {
                level: level(net.level),
                held: held(net.node),
                pull: net.pull.map(super::words::pull),
                delay_ns: net.delay_ns,
                lines: net.lines,
                name: net.name,
            })
            .collect()
    }

    /// Takes the nets that may be other than at the last call; once somebody [follows](Nets::follow) them.
    pub(crate) fn net_updates(&self) -> Vec<NetUpdate> {
        let changes = self.wires.nets.take_changes().into_iter();
        let update = |net: NetChange| NetUpdate {
            level: level(net.level),
            held: held(net.node),
            net: net.name,
        };
        changes.map(update).collect()
    }

    /// All parts.
    pub(super) fn part_states(&self) -> Vec<PartState> {
        let parts = self.wires.nets.parts();
        parts
            .into_iter()
            .map(|part| PartState {
                part: part.name,
                is: part.kind,
                state: part.state,
                pins: part
                    .pins
                    .into_iter()
                    .map(|(pin, net)| (pin.to_owned(), net))
                    .collect(),
            })
            .collect()
    }

    /// A chip with all its lines.
    pub(super) fn state(&self, chip: &Chip) -> ChipState {
        let mut state = chip.state();
        let own = LineSpec {
            chip: state.label.clone(),
            offset: 0,
        };
        let wired = self.wires.lines.range(own..);
        for (line, net) in wired.take_while(|(line, _)| line.chip == chip.at.label) {
            if let Some(state) = state.lines.get_mut(Offset::new(line.offset).index()) {
                state.net = Some(net.clone());
            }
        }
        state
    }

    /// A line of a chip.
    pub(super) fn line_state(&self, chip: &Chip, offset: Offset) -> LineState {
        let mut state = chip.line_state(offset);
        let line = LineSpec {
            chip: chip.at.label.clone(),
            offset: offset.get(),
        };
        state.net = self.wires.lines.get(&line).cloned();
        state
    }

    /// Wires lines to a net.
    ///
    /// # Errors
    /// A line is not found, or the net cannot be; nothing has changed then.
    pub(crate) fn wire(
        &mut self,
        params: &WireParams,
        now: Timestamp,
    ) -> Result<NetState, Failure> {
        let net = params.net.as_str();
        let bad = |message: String| Failure::new(Code::BadParams, message);
        check_net(net).map_err(bad)?;
        if self.wires.settings.len() >= NETS_MAX {
            return Err(Failure::new(Code::Failed, "the board has too many nets"));
        }
        let (old_pull, old_delay) = self.wires.settings.get(net).copied().unwrap_or_default();
        let delay_ns = params.delay_ns.unwrap_or(old_delay);
        check_delay(delay_ns).map_err(bad)?;
        let pull = match params.pull {
            None => old_pull,
            Some(Resistor::None) => None,
            Some(Resistor::Up) => Some(Level::High),
            Some(Resistor::Down) => Some(Level::Low),
        };
        let lines = self.lines_of(&params.lines)?;
        self.wires.set(net, pull, delay_ns);
        for (tag, line) in lines {
            if let Some(chip) = self.chips.get(&tag) {
                let offset = Offset::new(line.offset);
                self.wires.wire(net, chip, offset, &line.to_string());
            }
            self.wires.lines.insert(line, net.to_owned());
        }
        self.tell(
            Event::Net {
                net: net.to_owned(),
            },
            now,
        );
        self.net_state(net)
    }

    fn net_state(&self, net: &str) -> Result<NetState, Failure> {
        let mut nets = self.net_states().into_iter();
        nets.find(|state| state.name == net)
            .ok_or_else(|| no_net(net))
    }

    /// Takes lines off a net, or the net away.
    ///
    /// # Errors
    /// No such net, or a line that is not on it; nothing has changed then.
    pub(crate) fn unwire(&mut self, params: &UnwireParams, now: Timestamp) -> Result<(), Failure> {
        let net = params.net.as_str();
        if !self.wires.nets.has(net) {
            return Err(no_net(net));
        }
        let lines = self.lines_of(&params.lines)?;
        let is_on = |line: &LineSpec| self.wires.lines.get(line).is_some_and(|on| on == net);
        if let Some((_, line)) = lines.iter().find(|(_, line)| !is_on(line)) {
            let message = format!("{line} is not on net {net:?}");
            return Err(Failure::new(Code::BadParams, message));
        }
        for (tag, line) in &lines {
            self.wires.lines.remove(line);
            if let Some(chip) = self.chips.get(tag) {
                let offset = Offset::new(line.offset);
                self.wires.nets.unwire(chip.sim.chip(), offset);
            }
        }
        if params.lines.is_empty() {
            let _ = self.wires.nets.remove(net);
            self.wires.settings.remove(net);
            self.wires.lines.retain(|_, on| on != net);
        }
        self.tell(
            Event::Net {
                net: net.to_owned(),
            },
            now,
        );
        Ok(())
    }

    fn lines_of(&self, lines: &[LineParams]) -> Result<Vec<(u64, LineSpec)>, Failure> {
        let find = |line: &LineParams| {
            let (tag, chip) = self.chip(&line.chip)?;
            let offset = chip.offset(&line.line)?.get();
            let chip = chip.at.label.clone();
            Ok((tag, LineSpec { chip, offset }))
        };
        lines.iter().map(find).collect()
    }

    /// Does something to a part by hand; gives its state after that.
    ///
    /// # Errors
    /// No such part, or it cannot be done to it.
    pub(crate) fn operate(
        &mut self,
        params: &OperateParams,
        now: Timestamp,
    ) -> Result<PartState, Failure> {
        let action = match params.action {
            Action::Press => {
                let hold_ms = params.hold_ms.map(|ms| ms.min(HOLD_MAX_MS));
                part::Action::Press(hold_ms.map(|ms| ms * 1_000_000))
            }
            Action::Release => part::Action::Release,
            Action::On => part::Action::Switch(true),
            Action::Off => part::Action::Switch(false),
            Action::Turn => part::Action::Turn(params.steps.unwrap_or(1)),
        };
        let name = params.part.as_str();
        let missing = || {
            let message = format!("no part is called {name:?} on this board");
            Failure::new(Code::NoSuchPart, message)
        };
        let done = self.wires.nets.operate(name, action, now);
        done.ok_or_else(missing)?
            .map_err(|problem| Failure::new(Code::BadParams, format!("{name:?}: {problem}")))?;
        let mut parts = self.part_states().into_iter();
        parts.find(|part| part.part == name).ok_or_else(missing)
    }

    fn tell(&mut self, event: Event, now: Timestamp) {
        self.collect();
        self.events.push_back(Happened {
            at_ns: now.monotonic_ns,
            event,
        });
        self.changes.wake();
    }
}

fn held(node: NetNode) -> Held {
    match node {
        NetNode::At(_) => Held::Firmly,
        NetNode::Floating => Held::Floating,
        NetNode::Short => Held::Short,
    }
}

fn no_net(net: &str) -> Failure {
    let message = format!("no net is called {net:?} on this board");
    Failure::new(Code::NoSuchNet, message)
}
