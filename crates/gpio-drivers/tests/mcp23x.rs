//! The transfers of the MCP23x chips, and what their capture registers are good for.

#![cfg(not(loom))]

use std::sync::Arc;

use embedded_hal_mock::eh1::i2c::{Mock as I2c, Transaction as Transfer};
use embedded_hal_mock::eh1::spi::{Mock as Spi, Transaction};
use gpio_drivers::{Expander, GONE, Mcp23x};
use gpiolib::{
    Chip, ChipConfig, Edge, Edges, Error, Level, Offset, PinConfig, Registry, Timestamp,
};

fn start_23017() -> Vec<Transfer> {
    vec![
        Transfer::write(0x21, vec![0x05, 0]),
        Transfer::write(0x21, vec![0x0a, 0x40]),
        Transfer::write_read(0x21, vec![0x0a], vec![0x40]),
        Transfer::write(0x21, vec![0x02, 0, 0, 0, 0, 0, 0, 0, 0]),
        Transfer::write_read(0x21, vec![0x00], vec![0xff, 0x7f]),
        Transfer::write_read(0x21, vec![0x0c], vec![0, 1, 0, 0, 0, 0, 0, 0, 0, 0x80]),
    ]
}

#[test]
fn mcp23017_takes_over_and_moves_both_ports_at_once() {
    let mut transfers = start_23017();
    transfers.extend([
        Transfer::write(0x21, vec![0x14, 0x02, 0x80]),
        Transfer::write(0x21, vec![0x00, 0xfd, 0x7f]),
        Transfer::write_read(0x21, vec![0x12], vec![0x02, 0x80]),
        Transfer::write(0x21, vec![0x0c, 0x01, 0x01]),
        Transfer::write(0x21, vec![0x0c, 0x01, 0x00]),
    ]);
    let mut bus = I2c::new(&transfers);
    let chip = Expander::new(Mcp23x::mcp23017(bus.clone(), 0x21)).unwrap();
    chip.direction_output(Offset::new(1), Level::High).unwrap();
    assert_eq!(chip.get_multiple(&[1, 2, 15].map(Offset::new)), Ok(0b101));
    chip.set_config(Offset::new(0), PinConfig::BiasPullUp)
        .unwrap();
    chip.set_config(Offset::new(8), PinConfig::BiasDisable)
        .unwrap();
    let down = chip.set_config(Offset::new(0), PinConfig::BiasPullDown);
    assert_eq!(down, Err(Error::Unsupported));
    bus.done();
}

/// A pulse that was over before the chip was read is two edges, since the chip kept the first.
#[test]
fn a_short_pulse_is_two_edges() {
    let mut transfers = start_23017();
    transfers.extend([
        Transfer::write(0x21, vec![0x04, 0x08, 0]),
        Transfer::write_read(0x21, vec![0x0e], vec![0, 0, 0, 0, 0, 0]),
        Transfer::write_read(0x21, vec![0x0e], vec![0x08, 0, 0x08, 0, 0, 0]),
    ]);
    let mut bus = I2c::new(&transfers);
    let chip = Expander::new(Mcp23x::mcp23017(bus.clone(), 0x21)).unwrap();
    let chip = Arc::new(chip.with_interrupt());
    let registry = Registry::new();
    let owner = registry
        .register(&ChipConfig::new("u5", 16), chip.clone())
        .unwrap();
    let desc = owner.device().line(Offset::new(3)).unwrap();
    let desc = desc.request("pulse").unwrap();
    let events = desc.subscribe(Edges::BOTH, 4).unwrap();
    assert_eq!(chip.interrupt(Timestamp::at(5)), Ok(2));
    let edges = [events.pop(), events.pop()].map(|event| event.map(|event| event.edge));
    assert_eq!(edges, [Some(Edge::Rising), Some(Edge::Falling)]);
    // Without a further transfer: the chip is taken away before the line is disarmed.
    owner.revoke();
    bus.done();
}

fn spi(head: [u8; 2], values: Transaction<u8>) -> [Transaction<u8>; 4] {
    [
        Transaction::transaction_start(),
        Transaction::write_vec(head.to_vec()),
        values,
        Transaction::transaction_end(),
    ]
}

#[test]
fn mcp23s08_is_addressed_by_its_pins() {
    let write = |bytes: &[u8]| Transaction::write_vec(bytes.to_vec());
    let read = |bytes: &[u8]| Transaction::read_vec(bytes.to_vec());
    let transfers = [
        spi([0x40, 0x05], write(&[0x08])),
        spi([0x45, 0x05], read(&[0x08])),
        spi([0x44, 0x01], write(&[0; 4])),
        spi([0x45, 0x00], read(&[0xff])),
        spi([0x45, 0x06], read(&[0; 5])),
        spi([0x44, 0x0a], write(&[0x01])),
        spi([0x44, 0x00], write(&[0xfe])),
        spi([0x45, 0x09], read(&[0x81])),
    ];
    let mut bus = Spi::new(&transfers.concat());
    let chip = Expander::new(Mcp23x::mcp23s08(bus.clone(), 2)).unwrap();
    chip.direction_output(Offset::new(0), Level::High).unwrap();
    assert_eq!(chip.get(Offset::new(7)), Ok(Level::High));
    bus.done();
}

#[test]
fn an_spi_chip_that_is_not_there_does_not_start() {
    let write = |value: u8| Transaction::write_vec(vec![value]);
    let transfers = [
        spi([0x40, 0x05], write(0)),
        spi([0x40, 0x0a], write(0x48)),
        spi([0x41, 0x0a], Transaction::read_vec(vec![0xff])),
    ];
    let mut bus = Spi::new(&transfers.concat());
    let chip = Expander::new(Mcp23x::mcp23s17(bus.clone(), 0));
    assert_eq!(chip.err(), Some(GONE));
    bus.done();
}
