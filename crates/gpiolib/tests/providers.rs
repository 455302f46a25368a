//! The providers in the core: memory-mapped registers and the forwarder.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use common::{TestChip, request};
use gpiolib::engine::{DescExt, EdgeQueue, Overflow, Ring};
use gpiolib::{
    Bias, Chip, ChipConfig, Direction, Edges, Error, Forwarder, Level, LineConfig, Mmio,
    MmioLayout, Offset, Register, Registers, Registration, Registry, Result, Value,
};

fn at(offset: u32) -> Offset {
    Offset::new(offset)
}

/// The words of the registers, and the writes so far.
type Words = (BTreeMap<u8, u64>, Vec<(Register, u64)>);

/// Registers in memory; writes are written down.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Words>>);

impl Memory {
    fn put(&self, register: Register, word: u64) {
        self.0.lock().unwrap().0.insert(register as u8, word);
    }

    fn writes(&self) -> Vec<(Register, u64)> {
        std::mem::take(&mut self.0.lock().unwrap().1)
    }
}

impl Registers for Memory {
    fn read(&self, register: Register) -> Result<u64> {
        Ok(self
            .0
            .lock()
            .unwrap()
            .0
            .get(&(register as u8))
            .copied()
            .unwrap_or(0))
    }

    fn write(&self, register: Register, word: u64) -> Result<()> {
        let mut memory = self.0.lock().unwrap();
        memory.0.insert(register as u8, word);
        memory.1.push((register, word));
        Ok(())
    }
}

fn mmio(memory: &Memory, layout: MmioLayout) -> Registration<Mmio<Memory>> {
    let chip = Mmio::new(memory.clone(), layout).unwrap();
    let config = ChipConfig::new("soc", chip.lines());
    Registry::new().register(&config, chip).unwrap()
}

fn layout(width: u32) -> MmioLayout {
    MmioLayout {
        width,
        ..MmioLayout::default()
    }
}

#[test]
fn layouts_are_judged() {
    let errno = |layout| {
        Mmio::new(Memory::default(), layout)
            .err()
            .map(|error| error.errno().get())
    };
    for width in [0, 3, 16] {
        assert_eq!(errno(layout(width)), Some(22));
    }
    let swap_bytes = true;
    assert_eq!(
        errno(MmioLayout {
            swap_bytes,
            ..layout(8)
        }),
        Some(22)
    );
    assert_eq!(
        errno(MmioLayout {
            swap_bytes,
            ..layout(4)
        }),
        None
    );
    assert_eq!(
        errno(MmioLayout {
            clr: true,
            ..layout(4)
        }),
        Some(22)
    );
}

#[test]
fn set_and_clear_registers_take_ones() {
    let memory = Memory::default();
    let chip = mmio(
        &memory,
        MmioLayout {
            set: true,
            clr: true,
            ..layout(1)
        },
    );
    let descs: Vec<_> = (0..3).map(|offset| request(&chip, offset)).collect();
    descs[1].set_level(Level::High).unwrap();
    descs[1].set_level(Level::Low).unwrap();
    gpiolib::set_values(&descs, 0b111, 0b101).unwrap();
    assert_eq!(
        memory.writes(),
        [
            (Register::Set, 0b10),
            (Register::Clr, 0b10),
            (Register::Set, 0b101),
            (Register::Clr, 0b010),
        ]
    );
}

#[test]
fn a_lone_set_register_is_written_whole_and_starts_from_what_it_has() {
    let memory = Memory::default();
    memory.put(Register::Set, 0b1000);
    let chip = mmio(
        &memory,
        MmioLayout {
            set: true,
            ..layout(1)
        },
    );
    request(&chip, 0).set_level(Level::High).unwrap();
    assert_eq!(memory.writes(), [(Register::Set, 0b1001)]);

    let unreadable = MmioLayout {
        set: true,
        set_unreadable: true,
        ..layout(1)
    };
    memory.put(Register::Dat, 0b0100);
    let chip = mmio(&memory, unreadable);
    request(&chip, 0).set_level(Level::High).unwrap();
    assert_eq!(
        memory.writes(),
        [(Register::Set, 0b0101)],
        "starts from what is read"
    );
}

#[test]
fn without_output_lines_cannot_be_outputs() {
    let memory = Memory::default();
    let chip = mmio(
        &memory,
        MmioLayout {
            no_output: true,
            ..layout(1)
        },
    );
    let desc = request(&chip, 0);
    desc.direction_input().unwrap();
    assert_eq!(
        desc.direction_output(Value::Active)
            .unwrap_err()
            .errno()
            .get(),
        22
    );
    desc.set_level(Level::High).unwrap();
    assert_eq!(memory.writes(), [], "setting does nothing");
    assert_eq!(desc.direction(), Err(Error::Unsupported));
}

#[test]
fn two_direction_registers_hold_opposite_words_and_the_level_comes_first() {
    let memory = Memory::default();
    memory.put(Register::DirOut, 0b0001);
    let both = MmioLayout {
        dir_out: true,
        dir_in: true,
        ..layout(1)
    };
    let chip = mmio(&memory, both);
    assert_eq!(
        memory.writes(),
        [(Register::DirIn, 0b1111_1110)],
        "made to agree"
    );
    assert_eq!(
        chip.device().line(at(0)).unwrap().info().config.direction,
        Some(Direction::Output)
    );
    let desc = request(&chip, 1);
    desc.direction_output(Value::Active).unwrap();
    let first = [
        (Register::Dat, 2),
        (Register::DirIn, 0b1111_1100),
        (Register::DirOut, 3),
    ];
    assert_eq!(memory.writes(), first);
    assert_eq!(desc.direction(), Ok(Direction::Output));

    let chip = mmio(
        &memory,
        MmioLayout {
            direction_first: true,
            ..both
        },
    );
    memory.writes();
    request(&chip, 2).direction_output(Value::Active).unwrap();
    assert_eq!(memory.writes().last(), Some(&(Register::Dat, 0b110)));
}

#[test]
fn a_lone_direction_in_register_is_upside_down() {
    let memory = Memory::default();
    memory.put(Register::DirIn, 0b1111_1110);
    let chip = mmio(
        &memory,
        MmioLayout {
            dir_in: true,
            ..layout(1)
        },
    );
    assert_eq!(request(&chip, 0).direction(), Ok(Direction::Output));
    let desc = request(&chip, 1);
    desc.direction_output(Value::Inactive).unwrap();
    assert_eq!(
        memory.writes().last(),
        Some(&(Register::DirIn, 0b1111_1100))
    );
    desc.direction_input().unwrap();
    assert_eq!(desc.direction(), Ok(Direction::Input));
}

#[test]
fn outputs_can_be_read_from_the_set_register() {
    let memory = Memory::default();
    let chip = mmio(
        &memory,
        MmioLayout {
            set: true,
            dir_out: true,
            outputs_read_from_set: true,
            ..layout(1)
        },
    );
    let (out, input) = (request(&chip, 0), request(&chip, 1));
    out.direction_output(Value::Active).unwrap();
    memory.put(Register::Dat, 0b10);
    assert_eq!(out.level(), Ok(Level::High));
    assert_eq!(input.level(), Ok(Level::High));
    assert_eq!(gpiolib::values(&[input, out], 0b11), Ok(0b11));
}

#[test]
fn bytes_and_bits_can_come_the_other_way_round() {
    let memory = Memory::default();
    let chip = mmio(
        &memory,
        MmioLayout {
            swap_bytes: true,
            ..layout(2)
        },
    );
    request(&chip, 0).set_level(Level::High).unwrap();
    assert_eq!(memory.writes(), [(Register::Dat, 0x0100)]);
    memory.put(Register::Dat, 0);
    let chip = mmio(
        &memory,
        MmioLayout {
            mirror_bits: true,
            ..layout(2)
        },
    );
    request(&chip, 0).set_level(Level::High).unwrap();
    request(&chip, 15).set_level(Level::High).unwrap();
    assert_eq!(
        memory.writes(),
        [(Register::Dat, 0x8000), (Register::Dat, 0x8001)]
    );
}

#[test]
fn lines_without_a_bit_are_not_there() {
    let chip = Mmio::new(Memory::default(), layout(1)).unwrap();
    let config = ChipConfig::new("soc", 12);
    let chip = Registry::new().register(&config, chip).unwrap();
    let line = |offset| chip.device().line(at(offset)).unwrap();
    assert!(line(7).request("a").is_ok());
    assert_eq!(line(8).request("a").unwrap_err().errno().get(), 22);
}

/// Chips of several types.
type Plugged = Vec<Registration<Box<dyn Chip>>>;

/// Two chips and a forwarder to line 3 of the first and line 1 of the second, active-low.
fn forwarder() -> (Registry, TestChip, TestChip, Plugged) {
    let registry = Registry::new();
    let (a, b) = (TestChip::new(), TestChip::new());
    let plug = |label, chip: Box<dyn Chip>| {
        let config = ChipConfig::new(label, 8);
        registry.register(&config, chip).unwrap()
    };
    let mut chips = vec![
        plug("a", Box::new(a.clone())),
        plug("b", Box::new(b.clone())),
    ];
    let lines = vec![request(&chips[0], 3), request(&chips[1], 1)];
    lines[1].toggle_active_low();
    let forwarder = Forwarder::new(lines);
    let config = forwarder.config("both");
    let forwarder: Box<dyn Chip> = Box::new(forwarder);
    chips.push(registry.register(&config, forwarder).unwrap());
    (registry, a, b, chips)
}

#[test]
fn a_forwarder_goes_through_the_logical_side() {
    let (_registry, a, b, chips) = forwarder();
    let descs = [request(&chips[2], 0), request(&chips[2], 1)];
    descs[1].toggle_active_low();
    for desc in &descs {
        desc.direction_output(Value::Active).unwrap();
    }
    assert_eq!(
        (a.level(3), b.level(1)),
        (Level::High, Level::High),
        "inverted twice"
    );
    gpiolib::set_values(&descs, 0b11, 0b01).unwrap();
    assert_eq!((a.level(3), b.level(1)), (Level::High, Level::Low));
    assert_eq!(gpiolib::values(&descs, 0b11), Ok(0b01));
    assert_eq!(descs[0].direction(), Ok(Direction::Output));
    descs[0].apply_config(&LineConfig {
        bias: Bias::PullUp,
        ..descs[0].config()
    });
    a.calls();
    descs[0].direction_input().unwrap();
    assert!(a.calls().contains(&"config 3 BiasPullUp".to_owned()));
}

#[test]
fn a_forwarder_outlives_the_chips_below_and_goes_before_its_lines() {
    let (registry, a, _b, mut chips) = forwarder();
    let desc = request(&chips[2], 0);
    chips.remove(0).unregister();
    a.log().alive = false;
    assert_eq!(desc.value(), Err(Error::Revoked));
    assert_eq!(desc.direction_input(), Err(Error::Revoked));
    let both = registry.device_by_label("both").unwrap();
    assert!(!both.is_gone());
    chips.remove(1).unregister();
    assert!(both.is_gone());
    assert!(
        common::used(&chips[0]).is_empty(),
        "the inner line is given back"
    );
}

#[test]
fn a_forwarder_relays_edges() {
    let (_registry, _a, b, chips) = forwarder();
    let desc = request(&chips[2], 1);
    let queue = EdgeQueue::new(&[at(1)], 16, Overflow::DropOldest, Box::new(Ring::new()));
    let edges = Edges {
        rising: true,
        falling: false,
    };
    queue.configure(
        0,
        &LineConfig {
            edges,
            ..LineConfig::default()
        },
    );
    desc.arm(&queue, 0, edges).unwrap();
    assert_eq!(b.calls().last().map(String::as_str), Some("arm 1"));
    b.pull(1, Level::High);
    assert!(queue.is_empty(), "the inner line is active-low");
    b.pull(1, Level::Low);
    assert_eq!(
        queue.pop().map(|event| (event.offset, event.seqno)),
        Some((at(1), 1))
    );
    desc.disarm();
    assert_eq!(b.calls(), ["disarm 1"]);
    b.pull(1, Level::High);
    b.pull(1, Level::Low);
    assert!(queue.is_empty());
}
