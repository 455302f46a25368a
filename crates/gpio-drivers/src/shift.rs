//! Shift registers on SPI: 74HC595 for outputs, 74HC165 for inputs, up to eight of either in a chain.
//!
//! 74HC595: bits are shifted in at SER with each rising SRCLK, the outputs take them over at a rising
//! RCLK. With RCLK at the chip select, which rises after a transfer, all outputs change at once. What is
//! shifted first ends up farthest: the last chip's byte goes first, its QH first.
//!
//! 74HC165: while SH/LD is low the inputs are loaded; each rising clock then shifts, H first. The load line
//! is a pin here, low for a moment before a transfer. The chip whose QH is wired to the host comes first.
//!
//! Line 0 is QA (595) or A (165) of the chip next to the host, line 8 that of the chip behind it.
//!
//! No datasheet could be read for these, only pages that describe them: protostack.com's of the 74HC595
//! (clocks, latch, cascading) and benbridle.com's of both (order of bits, load, chains).
//!
//! Neither chip answers, so neither can be missed: levels of outputs are those that were shifted out,
//! and inputs of a chip that is not there read as the host's pin does.

use alloc::vec;
use alloc::vec::Vec;

use embedded_hal::digital::OutputPin;
use embedded_hal::spi::SpiDevice;
use gpiolib::{Error, Result};

use crate::bus::word;
use crate::port::{Directions, Port, Sample, Update, Written};

/// A chain of 74HC595.
#[derive(Debug)]
pub struct Hc595<S> {
    spi: S,
    chips: u8,
}

impl<S: SpiDevice> Hc595<S> {
    /// A chain of this many chips, 1 to 8, whose latch is the device's chip select. All outputs are driven low
    /// when it is started.
    pub const fn new(spi: S, chips: u8) -> Self {
        Self { spi, chips }
    }

    fn shift_out(&mut self, levels: u64) -> Result<()> {
        let near_first = levels.to_le_bytes();
        let far_first: Vec<u8> = near_first
            .into_iter()
            .take(usize::from(self.chips))
            .rev()
            .collect();
        self.spi.write(&far_first).map_err(|_| Error::Io)
    }
}

impl<S: SpiDevice + Send + 'static> Port for Hc595<S> {
    fn lines(&self) -> u32 {
        u32::from(self.chips) * 8
    }

    fn directions(&self) -> Directions {
        Directions::Outputs
    }

    fn start(&mut self) -> Result<Written> {
        self.shift_out(0)?;
        Ok(Written {
            outputs: u64::MAX,
            ..Written::default()
        })
    }

    fn write(&mut self, written: &Written, _: Update) -> Result<()> {
        self.shift_out(written.levels)
    }

    fn sample(&mut self, written: &Written) -> Result<Sample> {
        Ok(Sample {
            captured: None,
            levels: written.levels,
        })
    }
}

/// A chain of 74HC165.
#[derive(Debug)]
pub struct Hc165<S, L> {
    spi: S,
    load: L,
    chips: u8,
}

impl<S: SpiDevice, L: OutputPin> Hc165<S, L> {
    /// A chain of this many chips, 1 to 8, with `load` at their SH/LD.
    pub const fn new(spi: S, load: L, chips: u8) -> Self {
        Self { spi, load, chips }
    }
}

impl<S: SpiDevice + Send + 'static, L: OutputPin + Send + 'static> Port for Hc165<S, L> {
    fn lines(&self) -> u32 {
        u32::from(self.chips) * 8
    }

    fn directions(&self) -> Directions {
        Directions::Inputs
    }

    fn start(&mut self) -> Result<Written> {
        self.load.set_high().map_err(|_| Error::Io)?;
        Ok(Written::default())
    }

    fn write(&mut self, _: &Written, _: Update) -> Result<()> {
        Err(Error::Unsupported)
    }

    fn sample(&mut self, _: &Written) -> Result<Sample> {
        self.load.set_low().map_err(|_| Error::Io)?;
        self.load.set_high().map_err(|_| Error::Io)?;
        let mut near_first = vec![0; usize::from(self.chips)];
        self.spi.read(&mut near_first).map_err(|_| Error::Io)?;
        Ok(Sample {
            captured: None,
            levels: word(&near_first),
        })
    }
}
