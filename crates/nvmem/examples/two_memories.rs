//! Two EEPROMs on one write-protect line, which boards really have. Neither driver knows of the other.
//!
//! The line is marked shared where the chip is described; each memory gets its share by look-up. It is low
//! while anybody writes, and high again when nobody does, whoever goes first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gpiolib::{Chip, ChipConfig, Consumer, Level, Lookup, LookupTable, Offset, Result};
use nvmem::{Access, Config, Provider, Registry, WriteProtect};

/// What is soldered: the write-protect line.
#[derive(Clone, Default)]
struct Wire(Arc<AtomicBool>);

impl Chip for Wire {
    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        self.set(offset, level)
    }

    fn set(&self, _: Offset, level: Level) -> Result<()> {
        self.0.store(level.is_high(), Ordering::SeqCst);
        println!(
            "     the line goes {}",
            if level.is_high() { "high" } else { "low" }
        );
        Ok(())
    }
}

struct Eeprom(&'static str, Wire);

impl Provider for Eeprom {
    fn access(&self) -> Access {
        Access::ReadWrite
    }

    fn write(&mut self, _: usize, _: &[u8]) -> nvmem::Result<()> {
        assert!(!self.1.0.load(Ordering::SeqCst), "written while protected");
        println!("     {} is written", self.0);
        Ok(())
    }
}

fn main() -> core::result::Result<(), Box<dyn std::error::Error>> {
    let (wire, lines, memories) = (Wire::default(), gpiolib::Registry::new(), Registry::new());
    let config = ChipConfig {
        shared: vec![Offset::new(3)],
        ..ChipConfig::new("expander", 8)
    };
    let chip = lines.register(&config, wire.clone())?;
    let plug = |name: &'static str| {
        let wp = Lookup::chip("expander", Offset::new(3)).con_id("wp");
        lines.add_lookup(LookupTable::new(name, vec![wp]));
        let config = Config {
            write_protect: WriteProtect::Lookup(Consumer::new(&lines, name)),
            ..Config::new(name, 16)
        };
        memories.register(config, Eeprom(name, wire.clone()))
    };
    println!("The first memory protects: what it puts out is the line's default.");
    let first = plug("eeprom0")?;
    println!("The second one shares the line.");
    let second = plug("eeprom1")?;
    first.device().write(0, b"mac")?;
    println!("The first one goes; the second is written and protected as before.");
    drop(first);
    second.device().write(0, b"key")?;
    assert!(wire.0.load(Ordering::SeqCst), "protected");
    println!("The expander is pulled out: the memory is not touched.");
    chip.unregister();
    let refused = second.device().write(0, b"key");
    println!("     {refused:?}");
    Ok(())
}
