//! An I²C EEPROM of the 24C02 kind behind two lines: 256 bytes, pages of 8, a write that takes time.
//!
//! A target on the wire, bit by bit: it looks at the edges of SCL and SDA and pulls SDA low. As the real
//! one it does not answer while it writes, and the word address wraps at the end of the memory when
//! reading and at the end of the page when writing. SDA and SCL need pull-ups on the board. After the data sheets of such parts.

use alloc::boxed::Box;

use gpiolib::Level;

use super::{Io, Mistake, Part, PartKind, Settings};
use crate::net::PinDrive;

pub(super) const KIND: PartKind = PartKind {
    name: "eeprom",
    pins: &["sda", "scl", "wp"],
    required: &["sda", "scl"],
    keys: &["address", "data", "text", "write"],
    make: |settings| Ok(Box::new(Eeprom::new(settings)?)),
};

const SIZE: usize = 256;
const PAGE: usize = 8;
const PAGE_MASK: u8 = 7;

#[derive(Debug)]
struct Eeprom {
    bytes: [u8; SIZE],
    address: u8,
    write_ns: u64,
    /// Not answering until then, as it writes.
    busy_until: u64,
    sda: Level,
    scl: Level,
    state: State,
    /// The byte on the wire, and how often SCL has risen for it.
    shift: u8,
    clocks: u8,
    /// The word address.
    at: u8,
    /// What will be written at the stop.
    page: [Option<u8>; PAGE],
    pulls_low: bool,
}

/// What the byte on the wire is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Nothing for us until the next start.
    Idle,
    Address,
    Word,
    Data,
    /// A byte of ours.
    Send,
}

impl Eeprom {
    fn new(settings: &Settings) -> Result<Eeprom, Mistake> {
        let mut bytes = [0xff; SIZE];
        for (place, byte) in bytes.iter_mut().zip(settings.contents(SIZE)?) {
            *place = byte;
        }
        let address = settings.number("address", 0x50, 0x08, 0x77)?;
        Ok(Eeprom {
            bytes,
            address: u8::try_from(address).unwrap_or(0x50),
            write_ns: settings.time_ns("write", 5_000_000)?,
            busy_until: 0,
            sda: Level::High,
            scl: Level::High,
            state: State::Idle,
            shift: 0,
            clocks: 0,
            at: 0,
            page: [None; PAGE],
            pulls_low: false,
        })
    }

    fn start(&mut self) {
        (self.state, self.clocks, self.pulls_low) = (State::Address, 0, false);
        self.page = [None; PAGE];
    }

    fn stop(&mut self, now_ns: u64, is_protected: bool) {
        let page = usize::from(self.at) / PAGE * PAGE;
        let is_written = self.page.iter().any(Option::is_some);
        if is_written && !is_protected {
            let places = self.bytes.iter_mut().skip(page);
            for (place, byte) in places.zip(self.page) {
                *place = byte.unwrap_or(*place);
            }
            self.busy_until = now_ns.saturating_add(self.write_ns);
        }
        self.page = [None; PAGE];
        (self.state, self.pulls_low) = (State::Idle, false);
    }

    /// SCL rises: the bit on SDA is valid.
    fn scl_rises(&mut self, sda: Level) {
        self.clocks += 1;
        if self.clocks <= 8 && self.state != State::Send {
            self.shift = self.shift << 1 | u8::from(sda.is_high());
        }
        if self.clocks == 9 && self.state == State::Send && sda.is_high() {
            // Not acknowledged: the controller has had enough.
            self.state = State::Idle;
        }
    }

    /// SCL falls: SDA may change.
    fn scl_falls(&mut self, now_ns: u64) {
        self.pulls_low = match (self.clocks, self.state) {
            (_, State::Idle) => {
                self.clocks = 0;
                false
            }
            (1..=7, State::Send) => self.bit_is_low(),
            (8, State::Send) => false,
            (8, _) => self.take_byte(now_ns),
            (9, _) => {
                self.next_byte();
                self.state == State::Send && self.bit_is_low()
            }
            _ => false,
        };
    }

    fn bit_is_low(&self) -> bool {
        self.shift << self.clocks & 0x80 == 0
    }

    /// A byte has arrived; whether it is acknowledged.
    fn take_byte(&mut self, now_ns: u64) -> bool {
        match self.state {
            State::Address => {
                let is_ours = self.shift >> 1 == self.address && now_ns >= self.busy_until;
                if !is_ours {
                    self.state = State::Idle;
                }
                return is_ours;
            }
            State::Word => self.at = self.shift,
            State::Data => {
                let index = usize::from(self.at) % PAGE;
                if let Some(place) = self.page.get_mut(index) {
                    *place = Some(self.shift);
                }
                let first = self.at & !PAGE_MASK;
                self.at = first | self.at.wrapping_add(1) & PAGE_MASK;
            }
            State::Send | State::Idle => return false,
        }
        true
    }

    /// The ninth clock is over.
    fn next_byte(&mut self) {
        self.clocks = 0;
        self.state = match self.state {
            State::Address if self.shift & 1 == 1 => State::Send,
            State::Address => State::Word,
            State::Word => State::Data,
            other => other,
        };
        if self.state == State::Send {
            let byte = self.bytes.get(usize::from(self.at));
            self.shift = byte.copied().unwrap_or(0xff);
            self.at = self.at.wrapping_add(1);
        }
    }
}

impl Part for Eeprom {
    fn pins(&self) -> &'static [&'static str] {
        KIND.pins
    }

    fn react(&mut self, io: &mut Io<'_>) {
        let (sda, scl) = (io.level(0), io.level(1));
        let (sda_before, scl_before) = (self.sda, self.scl);
        (self.sda, self.scl) = (sda, scl);
        match (scl_before.is_high(), scl.is_high()) {
            (true, true) if sda != sda_before => {
                if sda.is_high() {
                    self.stop(io.now_ns(), io.level(2).is_high());
                } else {
                    self.start();
                }
            }
            (false, true) => self.scl_rises(sda),
            (true, false) => self.scl_falls(io.now_ns()),
            _ => {}
        }
        let drive = if self.pulls_low {
            PinDrive::output(Level::Low)
        } else {
            PinDrive::FLOAT
        };
        io.drive(0, drive);
    }
}
