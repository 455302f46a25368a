//! The PCA953x family: PCA9534, 9538, 9554 with 8 lines; PCA9535, 9539, 9555 with 16.
//!
//! | register | 8 lines | 16 lines | at power-on |
//! |---|---|---|---|
//! | input port: levels of the pins, inverted where polarity has ones | 0 | 0, 1 | |
//! | output port: what outputs drive; reads give the latch, not the pin | 1 | 2, 3 | ones |
//! | polarity inversion | 2 | 4, 5 | zeros |
//! | configuration: ones are inputs | 3 | 6, 7 | ones |
//!
//! A command byte chooses the register. With 16 lines the next byte goes to the other register of the
//! pair, so that both travel in one transfer. The interrupt is low while an input differs from what was read last.
//! PCA9554 and 9555 have pull-ups of 100 kΩ that cannot be switched, the others have none.
//!
//! Read for this: pages 6 and 9 of NXP's PCA9555 sheet (rev. 8, 2009; command bytes, register pairs, pull-ups
//! in the schematic), page 7 of its PCA9538 (rev. 7, 2014) and PCA9554 (rev. 9, 2013) sheets (registers,
//! defaults), page 10 of onsemi's PCA9535E sheet (polarity, configuration), TI's overview of PCA9534A (interrupt),
//! the addresses of registers in Linux's gpio-pca953x.c. No sheet of the PCA9539 could be read: Linux's
//! `Documentation/i2c/chips/pca9539` and its driver have it as the PCA9555.
//!
//! Polarity is set to zeros when the chip is started, since the core inverts for itself. Levels and
//! directions are taken over as the chip has them.

use embedded_hal::i2c::I2c;
use gpiolib::Result;

use crate::bus::{I2cChip, bytes, word};
use crate::port::{Port, Sample, Update, Written};

const INPUT: u8 = 0;
const OUTPUT: u8 = 1;
const POLARITY: u8 = 2;
const CONFIGURATION: u8 = 3;

/// A chip of the PCA953x family on an I2C bus.
#[derive(Debug)]
pub struct Pca953x<I> {
    bus: I2cChip<I>,
    is_wide: bool,
}

impl<I: I2c> Pca953x<I> {
    /// A PCA9534, 9538 or 9554 (or 9554A): 8 lines.
    pub const fn with_8_lines(i2c: I, address: u8) -> Self {
        Self {
            bus: I2cChip::new(i2c, address),
            is_wide: false,
        }
    }

    /// A PCA9535, 9539 or 9555: 16 lines.
    pub const fn with_16_lines(i2c: I, address: u8) -> Self {
        Self {
            bus: I2cChip::new(i2c, address),
            is_wide: true,
        }
    }

    fn write_register(&mut self, register: u8, value: u64) -> Result<()> {
        let [low, high] = bytes(value);
        if self.is_wide {
            self.bus.write(&[register << 1, low, high])
        } else {
            self.bus.write(&[register, low])
        }
    }

    fn read_register(&mut self, register: u8) -> Result<u64> {
        let mut value = [0; 2];
        let (command, value) = if self.is_wide {
            (register << 1, &mut value[..])
        } else {
            (register, &mut value[..1])
        };
        self.bus.write_read(command, value)?;
        Ok(word(value))
    }
}

impl<I: I2c + Send + 'static> Port for Pca953x<I> {
    fn lines(&self) -> u32 {
        if self.is_wide { 16 } else { 8 }
    }

    fn start(&mut self) -> Result<Written> {
        self.write_register(POLARITY, 0)?;
        Ok(Written {
            levels: self.read_register(OUTPUT)?,
            outputs: !self.read_register(CONFIGURATION)?,
            ..Written::default()
        })
    }

    fn write(&mut self, written: &Written, change: Update) -> Result<()> {
        if change != Update::Directions {
            self.write_register(OUTPUT, written.levels)?;
        }
        if change != Update::Levels {
            self.write_register(CONFIGURATION, !written.outputs)?;
        }
        Ok(())
    }

    fn sample(&mut self, _: &Written) -> Result<Sample> {
        Ok(Sample {
            captured: None,
            levels: self.read_register(INPUT)?,
        })
    }
}
