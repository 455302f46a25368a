//! Modules: a driver that can be unloaded, but not while one of its lines is out.
//!
//!     cargo run -p gpiolib --example module

use gpiolib::{Chip, ChipConfig, Error, InUse, Level, Module, Offset, Registry, Result, Value};

/// A chip whose code is in a plug-in.
struct Plugin;

impl Chip for Plugin {
    fn direction_output(&self, _: Offset, _: Level) -> Result<()> {
        Ok(())
    }
}

pub(crate) fn main() -> Result<()> {
    let registry = Registry::new();
    let module = Module::new("plugin.so");
    let config = ChipConfig {
        owner: Some(module.clone()),
        ..ChipConfig::new("u5", 2)
    };
    let registration = registry.register(&config, Plugin)?;
    let line = registration.device().line(Offset::new(0));
    let line = line.ok_or(Error::NotFound)?;

    // Counted per request, not per clone.
    let led = line.output("led", Value::Active)?.into_desc();
    let shared = led.clone();
    assert_eq!(module.try_unload(), Err(InUse(1)));
    drop(led);
    assert_eq!(module.try_unload(), Err(InUse(1)), "the clone keeps it");

    // On its way out: holders keep their lines, and new requests fail.
    module.begin_unload();
    shared.direction_output(Value::Inactive)?;
    let refused = line.request("late").err();
    println!("late: {}", refused.ok_or(Error::Io)?);

    // The last line is back: the module may go, and with it the chip.
    drop(shared);
    assert_eq!(module.try_unload(), Ok(()));
    registration.unregister();
    Ok(())
}
