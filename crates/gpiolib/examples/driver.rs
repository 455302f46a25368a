//! A driver: an output expander on a bus, and what becomes of it when it is unplugged.
//!
//!     cargo run -p gpiolib --example driver

use std::sync::Mutex;

use gpiolib::{Chip, ChipConfig, Direction, Error, Level, Offset, Registry, Result, Value};

/// What carries bytes to the chip. Here it only prints them.
#[derive(Debug)]
struct Bus(&'static str);

impl Bus {
    fn write(&mut self, byte: u8) {
        println!("{}: {byte:#010b}", self.0);
    }
}

/// Eight outputs behind one register. The core does not serialise calls: a driver locks for itself.
struct Expander(Mutex<(Bus, u8)>);

impl Expander {
    fn update(&self, change: impl FnOnce(u8) -> u8) -> Result<()> {
        // A call of another thread panicked in here: the register may be anything.
        let mut state = self.0.lock().map_err(|_| Error::Io)?;
        let (bus, levels) = &mut *state;
        *levels = change(*levels);
        bus.write(*levels);
        Ok(())
    }
}

impl Chip for Expander {
    fn direction(&self, _: Offset) -> Result<Direction> {
        Ok(Direction::Output)
    }

    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        self.set(offset, level)
    }

    fn get(&self, offset: Offset) -> Result<Level> {
        let state = self.0.lock().map_err(|_| Error::Io)?;
        Ok(Level::from(state.1 >> offset.get() & 1 == 1))
    }

    fn set(&self, offset: Offset, level: Level) -> Result<()> {
        self.set_multiple(&[offset], u64::from(level.is_high()))
    }

    /// One transfer for as many lines as are set at once.
    fn set_multiple(&self, offsets: &[Offset], levels: u64) -> Result<()> {
        self.update(|mut register| {
            for (index, offset) in offsets.iter().enumerate() {
                let bit = 1 << offset.get();
                register = if levels >> index & 1 == 1 {
                    register | bit
                } else {
                    register & !bit
                };
            }
            register
        })
    }
}

pub(crate) fn main() -> Result<()> {
    let registry = Registry::new();
    let config = ChipConfig {
        names: vec![(Offset::new(0), "LED".into())],
        can_sleep: true, // a call takes bus time
        ..ChipConfig::new("u5", 8)
    };
    let expander = Expander(Mutex::new((Bus("i2c-1, 0x20"), 0)));
    let registration = registry.register(&config, expander)?;

    let led = registry.find_line("LED").ok_or(Error::NotFound)?;
    let led = led.output("heartbeat", Value::Active)?;
    led.set_value(Value::Inactive)?;

    // Unplugged: no call is inside when this returns, and the bus is the driver's again.
    let Some(Expander(state)) = registration.unregister() else {
        return Err(Error::Io);
    };
    println!("the bus again: {:?}", state.into_inner());
    assert_eq!(led.set_value(Value::Active), Err(Error::Revoked));
    Ok(())
}
