//! Random stories of a board with an expander, against what its pins and its listeners must have.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{ADDRESS, Bus, Kind, PINS};
use gpio_drivers::{Expander, Mcp23x, Pca953x, Pcf857x, Port};
use gpiolib::{
    ChipConfig, Desc, Edges, Error, Offset, Registration, Registry, Subscription, Timestamp, Value,
};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Outside(u16),
    Input(usize),
    Output(usize, bool),
    Set(usize, bool),
    SetMany(u16, u16),
    Get(usize),
    GetMany(u16),
    Arm(usize),
    Disarm(usize),
    Interrupt,
    Replug,
}

fn step() -> impl Strategy<Value = Step> {
    let line = 0usize..16;
    prop_oneof![
        4 => any::<u16>().prop_map(Step::Outside),
        2 => line.clone().prop_map(Step::Input),
        1 => (line.clone(), any::<bool>()).prop_map(|(line, level)| Step::Output(line, level)),
        2 => (line.clone(), any::<bool>()).prop_map(|(line, level)| Step::Set(line, level)),
        2 => any::<(u16, u16)>().prop_map(|(mask, levels)| Step::SetMany(mask, levels)),
        2 => line.clone().prop_map(Step::Get),
        1 => any::<u16>().prop_map(Step::GetMany),
        4 => line.clone().prop_map(Step::Arm),
        1 => line.prop_map(Step::Disarm),
        3 => Just(Step::Interrupt),
        1 => Just(Step::Replug),
    ]
}

/// What a line must be, from the steps alone.
#[derive(Default)]
struct Line {
    /// The level, if it is an output.
    drives: Option<bool>,
    listener: Option<Subscription>,
    seen: bool,
    /// The level that an MCP23x keeps until it is read.
    captured: Option<bool>,
    /// Levels that were read since the last interrupt, each other than the one before.
    unreported: Vec<bool>,
}

struct Story<P: Port> {
    bus: Bus,
    /// A bus without acknowledgements: a call does not notice that the chip is not there.
    is_spi: bool,
    chip: Arc<Expander<P>>,
    registry: Registry,
    registration: Option<Registration<Arc<Expander<P>>>>,
    descs: Vec<Desc>,
    lines: Vec<Line>,
    outside: u16,
    /// Which ports of an MCP23x have raised their interrupt.
    raised: [bool; 2],
    now: u64,
}

impl<P: Port> Story<P> {
    fn new(bus: &Bus, is_spi: bool, port: P) -> Self {
        let mut story = Self {
            bus: bus.clone(),
            is_spi,
            chip: Arc::new(Expander::new(port).unwrap().with_interrupt()),
            registry: Registry::new(),
            registration: None,
            descs: Vec::new(),
            lines: Vec::new(),
            outside: 0xffff,
            raised: [false; 2],
            now: 0,
        };
        story.register();
        story
    }

    fn register(&mut self) {
        let config = ChipConfig::new("u5", self.chip.lines());
        let chip = self.registry.register(&config, self.chip.clone()).unwrap();
        self.chip.revoke_with(chip.revoker());
        let request = |offset| chip.device().line(offset).unwrap().request("story");
        self.descs = (0..self.chip.lines())
            .map(Offset::new)
            .map(request)
            .map(Result::unwrap)
            .collect();
        self.lines = self.descs.iter().map(|_| Line::default()).collect();
        self.registration = Some(chip);
    }

    /// The levels that the pins must have.
    fn levels(&self) -> u16 {
        let is_quasi = self.bus.part().kind == Kind::Pcf857x;
        let level = |(index, line): (usize, &Line)| {
            let outside = self.outside >> index & 1 == 1;
            let level = match line.drives {
                Some(level) => level && (outside || !is_quasi),
                None => outside,
            };
            u16::from(level) << index
        };
        self.lines.iter().enumerate().map(level).sum()
    }

    /// The chip was read.
    fn read(&mut self) {
        let levels = self.levels();
        self.raised = [false; 2];
        for (index, line) in self.lines.iter_mut().enumerate() {
            let level = levels >> index & 1 == 1;
            for level in line.captured.take().into_iter().chain([level]) {
                if line.listener.is_some() && level != line.seen {
                    line.seen = level;
                    line.unreported.push(level);
                }
            }
        }
    }

    fn play(&mut self, step: Step) {
        let lines = self.lines.len();
        match step {
            Step::Outside(levels) => self.outside(levels),
            Step::Input(line) => self.input(line % lines),
            Step::Output(line, level) => self.output(line % lines, level),
            Step::Set(line, level) => {
                self.set(1 << (line % lines), u16::from(level) << (line % lines))
            }
            Step::SetMany(mask, levels) => self.set(mask, levels),
            Step::Get(line) => self.get(1 << (line % lines)),
            Step::GetMany(mask) => self.get(mask),
            Step::Arm(line) => self.arm(line % lines),
            Step::Disarm(line) => {
                self.lines[line % lines].listener = None;
                self.lines[line % lines].captured = None;
                self.lines[line % lines].unreported.clear();
            }
            Step::Interrupt => self.interrupt(),
            Step::Replug => self.replug(),
        }
        let pins = self.bus.part().pins();
        assert_eq!(pins, self.levels(), "after {step:?}");
    }

    fn outside(&mut self, levels: u16) {
        let before = self.levels();
        self.outside = levels;
        self.bus.part().set_outside(levels);
        let is_mcp = self.bus.part().kind == Kind::Mcp23x;
        let after = self.levels();
        let raised = self.raised;
        for (index, line) in self.lines.iter_mut().enumerate() {
            let changed = (before ^ after) >> index & 1 == 1 && line.listener.is_some();
            if is_mcp && changed && !raised[index / 8] {
                self.raised[index / 8] = true;
                line.captured = Some(after >> index & 1 == 1);
            }
        }
    }

    fn input(&mut self, line: usize) {
        self.descs[line].direction_input().unwrap();
        self.lines[line].drives = None;
    }

    fn output(&mut self, line: usize, level: bool) {
        let result = self.descs[line].direction_output(Value::from(level));
        if self.lines[line].listener.is_some() {
            return assert_eq!(result, Err(Error::Io), "it reports edges");
        }
        result.unwrap();
        self.lines[line].drives = Some(level);
    }

    /// Sets those of the mask that are outputs, all at once.
    fn set(&mut self, mask: u16, levels: u16) {
        let mut outputs = 0u64;
        for (index, line) in self.lines.iter_mut().enumerate() {
            if mask >> index & 1 == 1 && line.drives.is_some() {
                outputs |= 1 << index;
                line.drives = Some(levels >> index & 1 == 1);
            }
        }
        let before = self.bus.part().transfers;
        gpiolib::set_values(&self.descs, outputs, u64::from(levels)).unwrap();
        let used = self.bus.part().transfers - before;
        assert_eq!(used, usize::from(outputs != 0), "one transfer for all");
    }

    fn get(&mut self, mask: u16) {
        let mask = u64::from(mask & self.bus.part().mask());
        let before = self.bus.part().transfers;
        let values = gpiolib::values(&self.descs, mask).unwrap();
        assert_eq!(values, u64::from(self.levels()) & mask);
        assert_eq!(self.bus.part().transfers - before, usize::from(mask != 0));
        if mask != 0 {
            self.read();
        }
    }

    fn arm(&mut self, line: usize) {
        if self.lines[line].listener.is_some() || self.lines[line].drives.is_some() {
            return;
        }
        self.lines[line].listener = Some(self.descs[line].subscribe(Edges::BOTH, 64).unwrap());
        self.lines[line].seen = self.levels() >> line & 1 == 1;
        self.read();
    }

    fn interrupt(&mut self) {
        self.now += 1;
        let count = self.chip.interrupt(Timestamp::at(self.now)).unwrap();
        self.read();
        assert!(!self.bus.part().interrupts(), "reading clears it");
        let mut expected = 0;
        for line in &mut self.lines {
            let Some(listener) = &line.listener else {
                continue;
            };
            for level in line.unreported.drain(..) {
                let event = listener
                    .pop()
                    .expect("an edge for each change that was read");
                assert_eq!(event.edge == gpiolib::Edge::Rising, level);
                assert_eq!(event.timestamp_ns, self.now);
                expected += 1;
            }
            assert_eq!(listener.pop(), None, "and no other");
        }
        assert_eq!(count, expected);
    }

    /// The chip loses its power, and comes back.
    fn replug(&mut self) {
        self.bus.part().plugged = false;
        if self.is_spi {
            assert_eq!(
                self.descs[0].level(),
                Ok(gpiolib::Level::High),
                "nothing drives the bus"
            );
            self.registration.as_ref().unwrap().revoke();
        } else {
            assert_eq!(
                self.descs[0].level(),
                Err(Error::Revoked),
                "this call noticed"
            );
        }
        assert_eq!(
            self.descs[1].level(),
            Err(Error::Revoked),
            "this one is not made"
        );
        assert!(self.registry.devices().is_empty());
        assert!(self.chip.restart().is_err(), "not there yet");
        {
            let mut part = self.bus.part();
            part.plugged = true;
            part.power_on();
        }
        self.registration.take().unwrap().unregister();
        self.chip.restart().unwrap();
        self.register();
    }
}

fn tell(kind: Kind, wide: bool, steps: &[Step]) {
    let bus = Bus::new(kind, if wide { 16 } else { 8 });
    let i2c = bus.clone();
    match (kind, wide) {
        (Kind::Pcf857x, false) => play(&bus, Pcf857x::pcf8574(i2c, ADDRESS), steps),
        (Kind::Pcf857x, true) => play(&bus, Pcf857x::pcf8575(i2c, ADDRESS), steps),
        (Kind::Pca953x, false) => play(&bus, Pca953x::with_8_lines(i2c, ADDRESS), steps),
        (Kind::Mcp23x, false) => play(&bus, Mcp23x::mcp23008(i2c, ADDRESS), steps),
        (Kind::Mcp23x, true) => play(&bus, Mcp23x::mcp23017(i2c, ADDRESS), steps),
        (Kind::Pca953x, true) => play(&bus, Pca953x::with_16_lines(i2c, ADDRESS), steps),
    }
}

fn play<P: Port>(bus: &Bus, port: P, steps: &[Step]) {
    let mut story = Story::new(bus, false, port);
    steps.iter().for_each(|step| story.play(*step));
}

fn play_spi<P: Port>(bus: &Bus, port: P, steps: &[Step]) {
    let mut story = Story::new(bus, true, port);
    steps.iter().for_each(|step| story.play(*step));
}

proptest! {
    #[test]
    fn pcf857x_does_as_its_pins(wide: bool, steps in vec(step(), 1..60)) {
        tell(Kind::Pcf857x, wide, &steps);
    }

    #[test]
    fn pca953x_does_as_its_pins(wide: bool, steps in vec(step(), 1..60)) {
        tell(Kind::Pca953x, wide, &steps);
    }

    #[test]
    fn mcp23x_does_as_its_pins(wide: bool, steps in vec(step(), 1..60)) {
        tell(Kind::Mcp23x, wide, &steps);
    }

    #[test]
    fn mcp23s_does_as_its_pins(wide: bool, steps in vec(step(), 1..60)) {
        let bus = Bus::new(Kind::Mcp23x, if wide { 16 } else { 8 });
        let spi = bus.clone();
        match wide {
            false => play_spi(&bus, Mcp23x::mcp23s08(spi, PINS), &steps),
            true => play_spi(&bus, Mcp23x::mcp23s17(spi, PINS), &steps),
        }
    }
}
