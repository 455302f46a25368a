//! Chains of shift registers: what is shifted, in which order, and what cannot be done.

#![cfg(not(loom))]

use embedded_hal_mock::eh1::digital::{Mock as Pin, State, Transaction as Edge};
use embedded_hal_mock::eh1::spi::{Mock as Spi, Transaction};
use gpio_drivers::{Expander, Hc165, Hc595};
use gpiolib::{Chip, ChipConfig, Edges, Error, Level, Offset, Registry, Timestamp};
use proptest::prelude::*;

fn write(bytes: &[u8]) -> [Transaction<u8>; 3] {
    [
        Transaction::transaction_start(),
        Transaction::write_vec(bytes.to_vec()),
        Transaction::transaction_end(),
    ]
}

fn read(bytes: &[u8]) -> [Transaction<u8>; 3] {
    [
        Transaction::transaction_start(),
        Transaction::read_vec(bytes.to_vec()),
        Transaction::transaction_end(),
    ]
}

#[test]
fn hc595_shifts_the_farthest_chip_first() {
    let transfers = [write(&[0, 0]), write(&[0, 0x01]), write(&[0x80, 0x02])].concat();
    let mut spi = Spi::new(&transfers);
    let chip = Expander::new(Hc595::new(spi.clone(), 2)).unwrap();
    chip.direction_output(Offset::new(0), Level::High).unwrap();
    let lines = [0, 1, 15].map(Offset::new);
    chip.set_multiple(&lines, 0b110).unwrap();
    assert_eq!(chip.get_multiple(&lines), Ok(0b110), "as shifted out");
    assert_eq!(
        chip.direction_input(Offset::new(0)),
        Err(Error::Unsupported)
    );
    spi.done();
}

#[test]
fn hc165_loads_and_shifts_the_nearest_chip_first() {
    let transfers = [read(&[0x01, 0x80]), read(&[0x01, 0x00])].concat();
    let mut spi = Spi::new(&transfers);
    let load = [
        State::High,
        State::Low,
        State::High,
        State::Low,
        State::High,
    ]
    .map(Edge::set);
    let mut load = Pin::new(&load);
    let port = Hc165::new(spi.clone(), load.clone(), 2);
    let chip = Expander::new(port).unwrap().with_interrupt();
    let chip = std::sync::Arc::new(chip);
    let owner = Registry::new()
        .register(&ChipConfig::new("keys", 16), chip.clone())
        .unwrap();
    let key = owner.device().line(Offset::new(15)).unwrap();
    let key = key.request("key").unwrap();
    let events = key.subscribe(Edges::BOTH, 4).unwrap();
    assert_eq!(chip.interrupt(Timestamp::at(7)), Ok(1), "a poll");
    assert_eq!(events.pop().map(|event| event.timestamp_ns), Some(7));
    assert_eq!(
        chip.direction_output(Offset::new(0), Level::Low),
        Err(Error::Unsupported)
    );
    assert_eq!(
        chip.set(Offset::new(0), Level::Low),
        Err(Error::Unsupported)
    );
    spi.done();
    load.done();
}

#[test]
fn chains_have_one_to_eight_chips() {
    for chips in [0, 9, 255] {
        let mut spi = Spi::new(&[]);
        let chip = Expander::new(Hc595::new(spi.clone(), chips));
        assert!(matches!(chip.err(), Some(Error::Invalid(_))));
        spi.done();
    }
}

proptest! {
    /// A chain that is shifted bit by bit, most significant first, has each level at its line.
    #[test]
    fn hc595_puts_each_level_at_its_line(chips in 1u8..=8, levels: u64) {
        let lines = u32::from(chips) * 8;
        let levels = levels & (u64::MAX >> (64 - lines));
        let bytes: Vec<u8> = (0..chips).rev().map(|chip| (levels >> (8 * chip)).to_le_bytes()[0]).collect();
        let shifted = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
        let stages = shifted.fold(0u64, |stages, bit| stages << 1 | u64::from(bit));
        prop_assert_eq!(stages, levels, "the first bit is the farthest");
        let zeros = vec![0; usize::from(chips)];
        let mut spi = Spi::new(&[write(&zeros), write(&bytes)].concat());
        let chip = Expander::new(Hc595::new(spi.clone(), chips)).unwrap();
        let offsets: Vec<_> = (0..lines).map(Offset::new).collect();
        chip.set_multiple(&offsets, levels).unwrap();
        spi.done();
    }
}
