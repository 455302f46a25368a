//! A simulated 24C02, 24C16 and 24C256 behind the driver, with its WP pin on a GPIO line.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::{Arc, Mutex};

use common::{Board, Wire};
use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::{
    ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation, SevenBitAddress,
};
use nvmem::{At24, At24Part, Config, Error, Provider};

/// The part as its data sheet has it: pages that wrap, a write cycle during which it does not
/// answer, and a WP pin that lets the bytes come but not be written.
struct Part {
    part: At24Part,
    bytes: Vec<u8>,
    counter: usize,
    /// How many more times it does not answer.
    busy: usize,
    wp: Arc<Wire>,
    dead: bool,
}

#[derive(Clone)]
struct Bus(Arc<Mutex<Part>>);

#[derive(Debug)]
struct Nack(NoAcknowledgeSource);

impl embedded_hal::i2c::Error for Nack {
    fn kind(&self) -> ErrorKind {
        ErrorKind::NoAcknowledge(self.0)
    }
}

impl ErrorType for Bus {
    type Error = Nack;
}

impl Part {
    /// The bytes of one write, word address first.
    fn write(&mut self, device: u8, data: &[u8]) -> bool {
        let (word, data) = data.split_at(self.part.address_bytes);
        let word = word
            .iter()
            .fold(0, |word, byte| word << 8 | usize::from(*byte));
        let block = if self.part.address_bytes == 1 {
            256
        } else {
            65_536
        };
        self.counter = usize::from(device & 7) * block + word;
        let (page, mut within) = (
            self.counter - self.counter % self.part.page,
            self.counter % self.part.page,
        );
        for byte in data {
            if !self.wp.is_high() {
                self.bytes[page + within] = *byte;
            }
            within = (within + 1) % self.part.page;
        }
        !data.is_empty()
    }
}

impl I2c<SevenBitAddress> for Bus {
    fn transaction(&mut self, device: u8, operations: &mut [Operation<'_>]) -> Result<(), Nack> {
        let mut part = self.0.lock().unwrap();
        let devices = u8::try_from(part.part.size.div_ceil(256).min(8)).unwrap();
        let devices = if part.part.address_bytes == 1 {
            devices
        } else {
            1
        };
        if part.dead || !(0x50..0x50 + devices).contains(&device) {
            return Err(Nack(NoAcknowledgeSource::Address));
        }
        if part.busy > 0 {
            part.busy -= 1;
            return Err(Nack(NoAcknowledgeSource::Address));
        }
        let mut written = Vec::new();
        for operation in operations.iter() {
            if let Operation::Write(data) = operation {
                written.extend_from_slice(data);
            }
        }
        if part.write(device, &written) {
            part.busy = 3;
        }
        for operation in operations {
            if let Operation::Read(data) = operation {
                let at = part.counter;
                data.copy_from_slice(&part.bytes[at..at + data.len()]);
            }
        }
        Ok(())
    }
}

/// Counts the time that the driver waits.
#[derive(Clone, Default)]
struct Clock(Arc<Mutex<u64>>);

impl DelayNs for Clock {
    fn delay_ns(&mut self, ns: u32) {
        *self.0.lock().unwrap() += u64::from(ns);
    }
}

fn bus(part: At24Part, wp: &Arc<Wire>) -> Bus {
    let part = Part {
        part,
        bytes: vec![0xff; part.size],
        counter: 0,
        busy: 0,
        wp: Arc::clone(wp),
        dead: false,
    };
    Bus(Arc::new(Mutex::new(part)))
}

#[test]
fn writes_stay_in_their_pages_and_reads_in_their_blocks() {
    for kind in [At24Part::C02, At24Part::C16, At24Part::C256] {
        let bus = bus(kind, &Arc::default());
        let mut eeprom = At24::new(bus.clone(), Clock::default(), 0x50, kind).unwrap();
        let data: Vec<u8> = (0..=249).collect();
        let offset = kind.size - 253;
        eeprom.write(offset, &data).unwrap();
        assert_eq!(bus.0.lock().unwrap().bytes[offset..offset + 250], data);
        let mut found = vec![0; 250];
        Provider::read(&mut eeprom, offset, &mut found).unwrap();
        assert_eq!(found, data);
        assert_eq!(bus.0.lock().unwrap().bytes[offset - 1], 0xff);
    }
}

#[test]
fn the_wp_pin_is_a_line_of_the_core() {
    let board = Board::new();
    let part = At24Part::C02;
    let bus = bus(part, &board.wire);
    let eeprom = At24::new(bus.clone(), Clock::default(), 0x50, part).unwrap();
    let config = Config {
        size: part.size,
        ..board.config()
    };
    let registration = board.memories.register(config, eeprom).unwrap();
    registration.device().write(6, b"across a page").unwrap();
    let mut found = [0; 13];
    registration.device().read(6, &mut found).unwrap();
    assert_eq!(&found, b"across a page");

    // Behind the core's back the pin protects.
    let mut rogue = At24::new(bus.clone(), Clock::default(), 0x50, part).unwrap();
    rogue.write(6, b"nothing").unwrap();
    registration.device().read(6, &mut found).unwrap();
    assert_eq!(&found, b"across a page");
}

#[test]
fn a_part_that_never_answers_times_out() {
    let part = At24Part::C02;
    let bus = bus(part, &Arc::default());
    let clock = Clock::default();
    let mut eeprom = At24::new(bus.clone(), clock.clone(), 0x50, part).unwrap();
    bus.0.lock().unwrap().dead = true;
    assert_eq!(eeprom.write(0, &[1]), Err(Error::TimedOut));
    assert_eq!(*clock.0.lock().unwrap(), 25_000_000, "25 ms");
    let nobody = At24::new(bus, Clock::default(), 0x51, part);
    assert_eq!(nobody.err(), Some(Error::TimedOut));
}
