//! A driver of `gpio-drivers` over a bus of `embedded-hal`: a PCF8574 that is unplugged.

use alloc::sync::Arc;

use embedded_hal::i2c::{ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation};
use gpio_drivers::{Expander, Pcf857x};
use gpiolib::{ChipConfig, Error, Offset, Registry, Result, Value};

/// The chip on its bus.
struct Latch {
    outputs: u8,
    is_plugged: bool,
}

impl ErrorType for Latch {
    type Error = ErrorKind;
}

impl I2c for Latch {
    fn transaction(
        &mut self,
        _: u8,
        steps: &mut [Operation<'_>],
    ) -> core::result::Result<(), ErrorKind> {
        for step in steps {
            match step {
                Operation::Read(bytes) if self.is_plugged => bytes.fill(self.outputs),
                Operation::Write([byte]) if self.is_plugged => {
                    self.outputs = *byte;
                    self.is_plugged = *byte != 0xfe;
                }
                _ => return Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address)),
            }
        }
        Ok(())
    }
}

/// Line 0 goes low, upon which the chip is pulled out: the next call answers that it is gone.
pub(crate) fn story(registry: &Registry) -> Result<bool> {
    let bus = Latch {
        outputs: 0xff,
        is_plugged: true,
    };
    let chip = Arc::new(Expander::new(Pcf857x::pcf8574(bus, 0x20))?);
    let registration = registry.register(&ChipConfig::new("u7", 8), chip.clone())?;
    chip.revoke_with(registration.revoker());
    let line = registration
        .device()
        .line(Offset::new(0))
        .ok_or(Error::NotFound)?;
    let led = line.output("led", Value::Active)?;
    led.set_value(Value::Inactive)?;
    Ok(led.set_value(Value::Active) == Err(Error::Revoked) && registration.unregister().is_some())
}
