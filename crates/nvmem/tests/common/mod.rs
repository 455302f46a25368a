//! A GPIO chip that records, and a memory that looks at its write-protect line.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file uses its part of this"
)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gpiolib::{
    Chip, ChipConfig, Consumer, Desc, Level, LookupFlags, LookupTable, Offset, Registration, Result,
};
use nvmem::{Access, Config, Provider, WriteProtect};

/// The size of the memories of these tests.
pub(crate) const SIZE: usize = 64;

/// What a chip with one line was asked, and the level it drives.
#[derive(Default)]
pub(crate) struct Wire {
    pub(crate) calls: Mutex<Vec<&'static str>>,
    pub(crate) high: AtomicBool,
}

impl Wire {
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    pub(crate) fn is_high(&self) -> bool {
        self.high.load(Ordering::SeqCst)
    }

    fn drive(&self, call: &'static str, level: Level) {
        self.high.store(level.is_high(), Ordering::SeqCst);
        self.calls.lock().unwrap().push(call);
    }
}

pub(crate) struct WireChip(Arc<Wire>);

impl Chip for WireChip {
    fn request(&self, _: Offset) -> Result<()> {
        self.0.calls.lock().unwrap().push("request");
        Ok(())
    }

    fn free(&self, _: Offset) {
        self.0.calls.lock().unwrap().push("free");
    }

    fn direction_output(&self, _: Offset, level: Level) -> Result<()> {
        let call = if level.is_high() {
            "out high"
        } else {
            "out low"
        };
        self.0.drive(call, level);
        Ok(())
    }

    fn get(&self, _: Offset) -> Result<Level> {
        Ok(Level::from(self.0.is_high()))
    }

    fn set(&self, _: Offset, level: Level) -> Result<()> {
        self.0
            .drive(if level.is_high() { "high" } else { "low" }, level);
        Ok(())
    }
}

/// A board with one chip of one line, which is the `wp` of the consumer `eeprom`.
pub(crate) struct Board {
    pub(crate) lines: gpiolib::Registry,
    pub(crate) memories: nvmem::Registry,
    pub(crate) wire: Arc<Wire>,
    pub(crate) chip: Option<Registration<WireChip>>,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self::wired(LookupFlags::NONE)
    }

    pub(crate) fn wired(flags: LookupFlags) -> Self {
        let lines = gpiolib::Registry::new();
        let entry = gpiolib::Lookup::chip("u5", Offset::new(0)).con_id("wp");
        lines.add_lookup(LookupTable::new("eeprom", vec![entry.flags(flags)]));
        let mut board = Self {
            lines,
            memories: nvmem::Registry::new(),
            wire: Arc::default(),
            chip: None,
        };
        board.plug();
        board
    }

    /// Plugs the chip in with a line that several may have.
    pub(crate) fn plug_shared(&mut self) {
        let config = ChipConfig {
            shared: vec![Offset::new(0)],
            ..ChipConfig::new("u5", 1)
        };
        let chip = WireChip(Arc::clone(&self.wire));
        self.chip = Some(self.lines.register(&config, chip).unwrap());
    }

    pub(crate) fn plug(&mut self) {
        let chip = WireChip(Arc::clone(&self.wire));
        let chip = self.lines.register(&ChipConfig::new("u5", 1), chip);
        self.chip = Some(chip.unwrap());
    }

    pub(crate) fn unplug(&mut self) {
        self.chip.take().unwrap().unregister();
    }

    pub(crate) fn consumer(&self) -> Consumer {
        Consumer::new(&self.lines, "eeprom")
    }

    pub(crate) fn config(&self) -> Config {
        self.protected_by(WriteProtect::Lookup(self.consumer()))
    }

    pub(crate) fn protected_by(&self, write_protect: WriteProtect) -> Config {
        Config {
            write_protect,
            ..Config::new("mem", SIZE)
        }
    }

    /// The line, requested by somebody.
    pub(crate) fn request(&self, consumer: &str) -> Result<Desc> {
        let chip = self.chip.as_ref().unwrap();
        let line = chip.device().line(Offset::new(0)).unwrap();
        line.request(consumer)
    }

    pub(crate) fn memory(&self) -> (Memory, Arc<Seen>) {
        let seen = Arc::<Seen>::default();
        let memory = Memory {
            bytes: [0; SIZE],
            wire: Arc::clone(&self.wire),
            seen: Arc::clone(&seen),
        };
        (memory, seen)
    }
}

/// What a memory was asked, and what it found.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) reads: AtomicUsize,
    pub(crate) writes: AtomicUsize,
    pub(crate) protected_writes: AtomicUsize,
    pub(crate) inside: AtomicUsize,
    pub(crate) overlaps: AtomicUsize,
    pub(crate) fail: AtomicBool,
    pub(crate) panic: AtomicBool,
}

impl Seen {
    pub(crate) fn count(count: &AtomicUsize) -> usize {
        count.load(Ordering::SeqCst)
    }
}

/// A memory that notices a write while its line is high.
pub(crate) struct Memory {
    bytes: [u8; SIZE],
    wire: Arc<Wire>,
    seen: Arc<Seen>,
}

impl Provider for Memory {
    fn access(&self) -> Access {
        Access::ReadWrite
    }

    fn read(&mut self, offset: usize, data: &mut [u8]) -> nvmem::Result<()> {
        self.seen.reads.fetch_add(1, Ordering::SeqCst);
        data.copy_from_slice(&self.bytes[offset..offset + data.len()]);
        Ok(())
    }

    fn write(&mut self, offset: usize, data: &[u8]) -> nvmem::Result<()> {
        let seen = &self.seen;
        if seen.inside.fetch_add(1, Ordering::SeqCst) > 0 {
            seen.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        seen.writes.fetch_add(1, Ordering::SeqCst);
        self.bytes[offset..offset + data.len()].copy_from_slice(data);
        if self.wire.is_high() {
            seen.protected_writes.fetch_add(1, Ordering::SeqCst);
        }
        seen.inside.fetch_sub(1, Ordering::SeqCst);
        if seen.panic.load(Ordering::SeqCst) {
            std::panic::resume_unwind(Box::new("the provider panicked"));
        }
        if seen.fail.load(Ordering::SeqCst) {
            return Err(nvmem::Error::Io);
        }
        Ok(())
    }
}
