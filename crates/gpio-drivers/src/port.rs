//! What a family of chips has to say for itself: registers in, registers out.

use gpiolib::{Error, Result};

/// The shadow registers of a chip: what was last written to it. Bit *i* of each word is line *i*.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Written {
    /// The levels that outputs drive.
    pub levels: u64,
    /// Ones are outputs.
    pub outputs: u64,
    /// Ones have their pull-up on, where it can be switched.
    pub pull_ups: u64,
    /// Ones report edges.
    pub armed: u64,
}

/// What of a [`Written`] a write is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Update {
    /// The levels.
    Levels,
    /// The directions.
    Directions,
    /// Lines become outputs: the levels reach the chip before the directions.
    Both,
}

/// Which directions the lines of a chip can have.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Directions {
    /// Each line has its own.
    #[default]
    Both,
    /// All are inputs for good.
    Inputs,
    /// All are outputs for good.
    Outputs,
}

/// What lines had when the chip raised its interrupt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Captured {
    /// Ones are lines that caused it.
    pub lines: u64,
    /// The levels at that time.
    pub levels: u64,
}

/// The levels of a chip, read with one transfer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sample {
    /// What the chip kept of the time of its interrupt, if it has a register for that.
    pub captured: Option<Captured>,
    /// The levels now.
    pub levels: u64,
}

/// The registers of a family of chips, and how they travel. [`crate::Expander`] makes a chip of it;
/// it calls under its lock, one call at a time.
pub trait Port: Send + 'static {
    /// How many lines there are, at most 64.
    fn lines(&self) -> u32;

    /// Which directions they can have.
    fn directions(&self) -> Directions {
        Directions::Both
    }

    /// Brings the chip into a known state and answers what that is. Outputs stay as they are where
    /// the chip can be asked.
    ///
    /// # Errors
    /// What the bus says; [`crate::GONE`] if the chip is not there.
    fn start(&mut self) -> Result<Written>;

    /// Makes the chip as `written` has it, in what `change` names, with one transfer a register.
    ///
    /// # Errors
    /// What the bus says.
    fn write(&mut self, written: &Written, change: Update) -> Result<()>;

    /// Reads all levels with one transfer.
    ///
    /// # Errors
    /// What the bus says.
    fn sample(&mut self, written: &Written) -> Result<Sample>;

    /// Switches pull-ups as `written` has them.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the chip has no switches for them.
    fn pull(&mut self, _shadow: &Written) -> Result<()> {
        Err(Error::Unsupported)
    }

    /// Lets the armed lines, and no others, raise the interrupt, where the chip can choose.
    ///
    /// # Errors
    /// What the bus says.
    fn watch(&mut self, _armed: u64) -> Result<()> {
        Ok(())
    }
}
