//! Two writers and an unplug of the write-protect line's chip, in every interleaving.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p nvmem --test loom_write_protect --release -- --nocapture`

#![cfg(loom)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use gpiolib::{Chip, ChipConfig, Level, Offset, Result};
use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use loom::thread;
use nvmem::{Access, Config, Error, Provider, Registry, WriteProtect};

/// The line's level, on the board: outlives the chip.
struct Wire(AtomicBool);

/// The line's chip; its drop takes an atomic exclusively, so that loom reports a call still inside.
struct WireChip(Arc<Wire>, AtomicU32);

impl Chip for WireChip {
    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        self.set(offset, level)
    }

    fn set(&self, _: Offset, level: Level) -> Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.0.store(level.is_high(), Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for WireChip {
    fn drop(&mut self) {
        self.1.with_mut(|calls| *calls = 0);
    }
}

/// A memory that wants its line low while it is written, and one writer at a time.
struct Memory(Arc<Wire>, AtomicU32);

impl Provider for Memory {
    fn access(&self) -> Access {
        Access::ReadWrite
    }

    fn write(&mut self, _: usize, _: &[u8]) -> nvmem::Result<()> {
        assert_eq!(self.1.fetch_add(1, Ordering::Relaxed), 0, "two at once");
        assert!(!self.0.0.load(Ordering::Relaxed), "written while protected");
        self.1.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Two writers; `unplug` says whether the line's chip goes meanwhile.
fn story(unplug: bool) {
    let wire = Arc::new(Wire(AtomicBool::new(false)));
    let lines = gpiolib::Registry::new();
    let chip = WireChip(Arc::clone(&wire), AtomicU32::new(0));
    let chip = lines.register(&ChipConfig::new("u5", 1), chip);
    let chip = chip.unwrap();
    let line = chip.device().line(Offset::new(0)).unwrap();
    let line = line.request("wp").unwrap();

    let memories = Registry::new();
    let config = Config {
        write_protect: WriteProtect::Given(line),
        ..Config::new("mem", 4)
    };
    let memory = Memory(Arc::clone(&wire), AtomicU32::new(0));
    let memory = memories.register(config, memory).unwrap();
    let writers = [1, 2].map(|byte| {
        let device = memory.device().clone();
        thread::spawn(move || device.write(0, &[byte]))
    });
    let mut chip = Some(chip);
    if unplug {
        drop(chip.take().unwrap().unregister());
    }
    for writer in writers {
        let written = writer.join().unwrap();
        let revoked = gpiolib::Error::Revoked;
        let gone = [Error::WriteProtect(revoked), Error::Unprotected(revoked)].map(Err);
        assert!(written == Ok(()) || unplug && gone.contains(&written));
    }
    if !unplug {
        assert!(wire.0.load(Ordering::Relaxed), "protected in the end");
    }
    drop(memory.unregister());
}

/// Two memories on one line, each with a writer, as two votes; one memory may go meanwhile, or the chip.
fn shared_story(drops: bool, unplug: bool) {
    let wire = Arc::new(Wire(AtomicBool::new(false)));
    let lines = gpiolib::Registry::new();
    let config = ChipConfig {
        shared: vec![Offset::new(0)],
        ..ChipConfig::new("u5", 1)
    };
    let chip = WireChip(Arc::clone(&wire), AtomicU32::new(0));
    let chip = lines.register(&config, chip).unwrap();
    let line = chip.device().line(Offset::new(0)).unwrap();
    let memories = Registry::new();
    let [first, second] = ["a", "b"].map(|name| {
        let config = Config {
            write_protect: WriteProtect::Given(line.get(name).unwrap()),
            ..Config::new(name, 4)
        };
        let memory = Memory(Arc::clone(&wire), AtomicU32::new(0));
        memories.register(config, memory).unwrap()
    });
    drop(line);
    let devices = [first.device().clone(), second.device().clone()];
    let mut second = Some(second);
    let writers = devices.map(|device| thread::spawn(move || device.write(0, &[1])));
    if drops {
        drop(second.take());
    }
    let mut chip = Some(chip);
    if unplug {
        drop(chip.take().unwrap().unregister());
    }
    for writer in writers {
        match writer.join().unwrap() {
            Ok(()) => {}
            Err(Error::Revoked) => assert!(drops),
            Err(Error::WriteProtect(error) | Error::Unprotected(error)) => {
                assert!(unplug && error == gpiolib::Error::Revoked);
            }
            Err(other) => panic!("{other}"),
        }
    }
    if !unplug {
        assert!(wire.0.load(Ordering::Relaxed), "protected in the end");
    }
    drop((first, second));
}

/// A bound that CI can afford; `scripts/proof` looks one preemption further.
fn deep(bound: usize) -> Option<usize> {
    Some(bound + usize::from(std::env::var_os("UGPIO_PROOF").is_some()))
}

fn model(name: &str, preemptions: Option<usize>, story: impl Fn() + Send + Sync + 'static) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 50_000;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        story();
    });
    let runs = runs.load(Ordering::Relaxed);
    println!("loom: {name}: {runs} interleavings, preemption bound {preemptions:?}");
}

#[test]
fn two_writers() {
    model("2 nvmem writers", None, || story(false));
}

#[test]
fn two_writers_and_unplug() {
    model("2 nvmem writers × unplug", deep(3), || story(true));
}

#[test]
fn two_memories_on_one_line_and_one_goes() {
    model("vote × drop × vote", Some(2), || {
        shared_story(true, false)
    });
}

#[test]
fn two_memories_on_one_line_and_unplug() {
    model("vote × vote × unplug", Some(2), || {
        shared_story(false, true)
    });
}
