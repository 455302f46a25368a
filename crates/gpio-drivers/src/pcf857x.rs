//! PCF8574, PCF8574A and PCF8575: quasi-bidirectional lines without registers.
//!
//! A write sets the port's latch, a read gives the levels of the pins; 16 lines are two bytes each way, P07 to
//! P00 first. A line whose latch is 0 is pulled low; one whose latch is 1 is high by a weak current source
//! and may be pulled low from outside: that is an output at high, and an input. At power-on all are 1.
//!
//! | | 8 lines | 16 lines |
//! |---|---|---|
//! | addresses | 0x20..=0x27 (8574), 0x38..=0x3f (8574A) | 0x20..=0x27 |
//! | write | latch | latch 0, latch 1 |
//! | read | pins | pins 0, pins 1 |
//!
//! The interrupt goes low when a pin changes; it goes high when the port is read or written, or the pin
//! returns.
//!
//! Read for this: page 10 of NXP's PCF8574/PCF8574A sheet (rev. 5, 2013; interrupt) and 10 to 11 of Philips' (1997;
//! reads, interrupt, quasi-bidirectional lines); the overview of TI's PCF8574 (SCPS068K); page 2 of
//! Philips' PCF8575 sheet (1999; order of bytes); behaviour and addresses in Linux's gpio-pcf857x.c.
//! The chip cannot be asked for its latch. Linux assumes it to be as after power-on; here it is written when the
//! chip is started, so that the latch and the shadow registers agree ([`Pcf857x::with_latch`] for lines that must stay low).

use embedded_hal::i2c::I2c;
use gpiolib::Result;

use crate::bus::{I2cChip, bytes, word};
use crate::port::{Port, Sample, Update, Written};

/// A PCF8574, PCF8574A or PCF8575 on an I2C bus.
#[derive(Debug)]
pub struct Pcf857x<I> {
    bus: I2cChip<I>,
    is_wide: bool,
    latch: u64,
}

impl<I: I2c> Pcf857x<I> {
    /// A PCF8574 (0x20 to 0x27) or PCF8574A (0x38 to 0x3f).
    pub const fn pcf8574(i2c: I, address: u8) -> Self {
        Self::of(i2c, address, false)
    }

    /// A PCF8575 (0x20 to 0x27).
    pub const fn pcf8575(i2c: I, address: u8) -> Self {
        Self::of(i2c, address, true)
    }

    const fn of(i2c: I, address: u8, is_wide: bool) -> Self {
        Self {
            bus: I2cChip::new(i2c, address),
            is_wide,
            latch: u64::MAX,
        }
    }

    /// What is written when the chip is started: zeros are outputs at low.
    #[must_use]
    pub fn with_latch(self, latch: u16) -> Self {
        Self {
            latch: u64::from(latch),
            ..self
        }
    }

    fn write_latch(&mut self, latch: u64) -> Result<()> {
        if self.is_wide {
            self.bus.write(&bytes::<2>(latch))
        } else {
            self.bus.write(&bytes::<1>(latch))
        }
    }
}

impl<I: I2c + Send + 'static> Port for Pcf857x<I> {
    fn lines(&self) -> u32 {
        if self.is_wide { 16 } else { 8 }
    }

    fn start(&mut self) -> Result<Written> {
        self.write_latch(self.latch)?;
        Ok(Written {
            levels: self.latch,
            outputs: !self.latch,
            ..Written::default()
        })
    }

    fn write(&mut self, written: &Written, _: Update) -> Result<()> {
        self.write_latch(written.levels | !written.outputs)
    }

    fn sample(&mut self, _: &Written) -> Result<Sample> {
        let mut pins = [0; 2];
        let pins = if self.is_wide {
            &mut pins[..]
        } else {
            &mut pins[..1]
        };
        self.bus.read(pins)?;
        Ok(Sample {
            captured: None,
            levels: word(pins),
        })
    }
}
