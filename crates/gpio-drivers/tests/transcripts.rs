//! The transfers on the bus, as the sources of each driver describe them, and what a bus's errors become.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use embedded_hal_mock::eh1::i2c::{Mock, Transaction};
use gpio_drivers::{Expander, GONE, Pca953x, Pcf857x, Port};
use gpio_sim::Sim;
use gpiolib::{
    Chip, ChipConfig, Edge, Edges, Errno, Error, Level, Offset, PinConfig, Registry, Timestamp,
};

const NACK: ErrorKind = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);

fn line(offset: u32) -> Offset {
    Offset::new(offset)
}

/// Plays `story` with the expander of `port` on a bus that expects just these transfers.
fn play<P: Port>(
    transfers: &[Transaction],
    port: impl FnOnce(Mock) -> P,
    story: impl FnOnce(&Arc<Expander<P>>),
) {
    let mut bus = Mock::new(transfers);
    let chip = Expander::new(port(bus.clone())).unwrap().with_interrupt();
    story(&Arc::new(chip));
    bus.done();
}

#[test]
fn pcf8574_writes_its_latch_and_reads_its_pins() {
    let transfers = [
        Transaction::write(0x20, vec![0xff]),
        Transaction::write(0x20, vec![0xfe]),
        Transaction::write(0x20, vec![0xde]),
        Transaction::read(0x20, vec![0x5e]),
        Transaction::write(0x20, vec![0xdf]),
    ];
    play(
        &transfers,
        |bus| Pcf857x::pcf8574(bus, 0x20),
        |chip| {
            chip.direction_output(line(0), Level::Low).unwrap();
            chip.direction_output(line(5), Level::Low).unwrap();
            assert_eq!(chip.get_multiple(&[line(7), line(6), line(0)]), Ok(0b010));
            chip.direction_input(line(0)).unwrap();
            assert_eq!(
                chip.set_config(line(0), PinConfig::BiasPullUp),
                Err(Error::Unsupported)
            );
        },
    );
}

#[test]
fn pcf8575_moves_p07_to_p00_first() {
    let transfers = [
        Transaction::write(0x27, vec![0xff, 0x7f]),
        Transaction::write(0x27, vec![0xfd, 0x7f]),
        Transaction::read(0x27, vec![0xfd, 0x03]),
    ];
    play(
        &transfers,
        |bus| Pcf857x::pcf8575(bus, 0x27).with_latch(0x7fff),
        |chip| {
            chip.direction_output(line(1), Level::Low).unwrap();
            assert_eq!(
                chip.get_multiple(&[line(1), line(8), line(9), line(10)]),
                Ok(0b0110)
            );
        },
    );
}

#[test]
fn pca953x_sets_the_level_before_the_direction() {
    let eight = [
        Transaction::write(0x70, vec![2, 0]),
        Transaction::write_read(0x70, vec![1], vec![0xff]),
        Transaction::write_read(0x70, vec![3], vec![0xff]),
        Transaction::write(0x70, vec![1, 0xf7]),
        Transaction::write(0x70, vec![3, 0xf7]),
        Transaction::write_read(0x70, vec![0], vec![0x08]),
    ];
    play(
        &eight,
        |bus| Pca953x::with_8_lines(bus, 0x70),
        |chip| {
            chip.direction_output(line(3), Level::Low).unwrap();
            assert_eq!(chip.get(line(3)), Ok(Level::High), "the pin, not the latch");
        },
    );
    let sixteen = [
        Transaction::write(0x74, vec![4, 0, 0]),
        Transaction::write_read(0x74, vec![2], vec![0x00, 0xff]),
        Transaction::write_read(0x74, vec![6], vec![0xfe, 0x0f]),
        Transaction::write(0x74, vec![2, 0x01, 0xef]),
        Transaction::write_read(0x74, vec![0], vec![0x00, 0x80]),
    ];
    play(
        &sixteen,
        |bus| Pca953x::with_16_lines(bus, 0x74),
        |chip| {
            use gpiolib::Direction::{Input, Output};
            let directions = [0, 1, 11, 12].map(|offset| chip.direction(line(offset)).unwrap());
            assert_eq!(
                directions,
                [Output, Input, Input, Output],
                "as the chip had them"
            );
            chip.set_multiple(&[line(0), line(12)], 0b01).unwrap();
            assert_eq!(chip.get(line(15)), Ok(Level::High));
        },
    );
}

#[test]
fn errors_say_what_the_bus_said() {
    let failing = |kind: ErrorKind| Transaction::read(0x20, vec![0]).with_error(kind);
    let lost = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Data);
    let transfers = [
        Transaction::write(0x20, vec![0xff]),
        failing(NACK),
        Transaction::read(0x20, vec![1]),
        failing(NACK),
        failing(NACK),
        failing(ErrorKind::ArbitrationLoss),
        failing(ErrorKind::Bus),
        failing(lost),
        Transaction::write(0x20, vec![0xfe]).with_error(ErrorKind::Bus),
        Transaction::write(0x20, vec![0xfd]),
    ];
    play(
        &transfers,
        |bus| Pcf857x::pcf8574(bus, 0x20),
        |chip| {
            assert_eq!(
                chip.get(line(0)),
                Ok(Level::High),
                "the second time it was there"
            );
            assert_eq!(chip.get(line(0)), Err(GONE));
            assert_eq!(chip.get(line(0)), Err(Error::Driver(Errno::EAGAIN)));
            assert_eq!(chip.get(line(0)), Err(Error::Io));
            assert_eq!(chip.get(line(0)), Err(Error::Io));
            assert_eq!(chip.direction_output(line(0), Level::Low), Err(Error::Io));
            chip.direction_output(line(1), Level::Low).unwrap();
        },
    );
}

#[test]
fn a_chip_that_is_not_there_does_not_start() {
    let write = || Transaction::write(0x20, vec![0xff]).with_error(NACK);
    let mut bus = Mock::new(&[write(), write()]);
    let chip = Expander::new(Pcf857x::pcf8574(bus.clone(), 0x20));
    assert_eq!(chip.err(), Some(GONE));
    bus.done();
}

#[test]
fn a_chip_without_interrupt_reports_no_edges() {
    let mut bus = Mock::new(&[Transaction::write(0x20, vec![0xff])]);
    let chip = Expander::new(Pcf857x::pcf8574(bus.clone(), 0x20)).unwrap();
    let chip = Registry::new()
        .register(&ChipConfig::new("u5", 8), chip)
        .unwrap();
    let desc = chip.device().line(line(0)).unwrap().request("x").unwrap();
    assert_eq!(desc.subscribe(Edges::BOTH, 4).err(), Some(Error::NoEdges));
    drop(desc);
    bus.done();
}

/// The interrupt line falls once; a second line changes while the chip is read, and a `get` reads the chip
/// before the interrupt is served.
#[test]
fn edges_come_from_the_right_lines_in_order() {
    let transfers = [
        Transaction::write(0x20, vec![0xff]),
        Transaction::read(0x20, vec![0xff]),
        Transaction::read(0x20, vec![0xff]),
        Transaction::read(0x20, vec![0xfd]),
        Transaction::read(0x20, vec![0xfe]),
        Transaction::read(0x20, vec![0xff]),
    ];
    let sim = Sim::simple(1).unwrap();
    sim.set_pull(line(0), Level::High, Timestamp::at(0))
        .unwrap();
    play(
        &transfers,
        |bus| Pcf857x::pcf8574(bus, 0x20),
        |chip| {
            let registry = Registry::with_clock(|| Timestamp::at(900));
            let owner = registry
                .register(&ChipConfig::new("u5", 8), chip.clone())
                .unwrap();
            let [one, two] = [0, 1].map(|offset| owner.device().line(line(offset)).unwrap());
            let [one, two] = [one, two].map(|line| line.request("x").unwrap());
            let events = [&one, &two].map(|desc| desc.subscribe(Edges::BOTH, 8).unwrap());
            let int = sim.device().line(line(0)).unwrap().request("int").unwrap();
            let interrupt = gpio_drivers::Interrupt::new(chip.clone(), int, registry).unwrap();
            assert_eq!(interrupt.service(), Ok(0), "high: nothing is read");

            sim.set_pull(line(0), Level::Low, Timestamp::at(100))
                .unwrap();
            assert_eq!(one.level(), Ok(Level::High), "this read saw line 1 low");
            sim.set_pull(line(0), Level::High, Timestamp::at(200))
                .unwrap();
            assert_eq!(
                interrupt.service(),
                Ok(3),
                "line 1 down; line 1 up and line 0 down"
            );
            let seen = |index: usize| {
                let event = events[index].pop()?;
                Some((event.edge, event.timestamp_ns))
            };
            assert_eq!(
                [seen(1), seen(1), seen(1)],
                [Some((Edge::Falling, 100)), Some((Edge::Rising, 100)), None]
            );
            assert_eq!([seen(0), seen(0)], [Some((Edge::Falling, 100)), None]);

            assert_eq!(
                chip.interrupt(Timestamp::at(300)),
                Ok(1),
                "a poll does as well"
            );
            assert_eq!(seen(0), Some((Edge::Rising, 300)));
            // A chip that is gone is not written to when the last subscription ends.
            owner.unregister();
        },
    );
}

/// While the interrupt line stays low the chip is read again, but not for ever.
#[test]
fn an_interrupt_that_stays_low_is_read_again() {
    let mut transfers = vec![
        Transaction::write(0x20, vec![0xff]),
        Transaction::read(0x20, vec![0xff]),
    ];
    transfers.extend((0..16).map(|_| Transaction::read(0x20, vec![0xfe])));
    let sim = Sim::simple(1).unwrap();
    play(
        &transfers,
        |bus| Pcf857x::pcf8574(bus, 0x20),
        |chip| {
            let registry = Registry::with_clock(|| Timestamp::at(900));
            let owner = registry
                .register(&ChipConfig::new("u5", 8), chip.clone())
                .unwrap();
            let desc = owner.device().line(line(0)).unwrap().request("x").unwrap();
            let events = desc.subscribe(Edges::BOTH, 8).unwrap();
            let int = sim.device().line(line(0)).unwrap().request("int").unwrap();
            let interrupt = gpio_drivers::Interrupt::new(chip.clone(), int, registry).unwrap();
            assert_eq!(interrupt.service(), Ok(1));
            assert_eq!(events.pop().map(|event| event.timestamp_ns), Some(900));
            owner.unregister();
        },
    );
}
