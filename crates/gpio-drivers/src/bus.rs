//! Transfers, and what their errors are to gpiolib.

use embedded_hal::i2c::{self, ErrorKind, I2c, NoAcknowledgeSource};
use gpiolib::{Errno, Error, Result};

/// What a call answers when the chip does not acknowledge its address, or did not keep what was
/// written to it: `ENXIO`, as I2C adapters of Linux have it.
pub const GONE: Error = Error::Driver(Errno::ENXIO);

/// One chip on an I2C bus.
#[derive(Debug)]
pub(crate) struct I2cChip<I> {
    i2c: I,
    address: u8,
}

impl<I: I2c> I2cChip<I> {
    pub(crate) const fn new(i2c: I, address: u8) -> Self {
        Self { i2c, address }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.twice(|i2c, address| i2c.write(address, bytes))
    }

    pub(crate) fn read(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.twice(|i2c, address| i2c.read(address, bytes))
    }

    pub(crate) fn write_read(&mut self, register: u8, bytes: &mut [u8]) -> Result<()> {
        self.twice(|i2c, address| i2c.write_read(address, &[register], bytes))
    }

    /// Makes a transfer; once more if the chip did not acknowledge. Every transfer here may be made
    /// twice: it writes whole registers, or reads.
    fn twice<E: i2c::Error>(
        &mut self,
        mut transfer: impl FnMut(&mut I, u8) -> core::result::Result<(), E>,
    ) -> Result<()> {
        let first = transfer(&mut self.i2c, self.address).map_err(of_i2c);
        if first != Err(GONE) {
            return first;
        }
        transfer(&mut self.i2c, self.address).map_err(of_i2c)
    }
}

/// A byte that is refused comes from a chip that is there; an address from one that is not.
fn of_i2c(error: impl i2c::Error) -> Error {
    match error.kind() {
        ErrorKind::NoAcknowledge(NoAcknowledgeSource::Data) => Error::Io,
        ErrorKind::NoAcknowledge(_) => GONE,
        ErrorKind::ArbitrationLoss => Error::Driver(Errno::EAGAIN),
        _ => Error::Io,
    }
}

/// The first `N` bytes of a word, the lowest lines first.
pub(crate) fn bytes<const N: usize>(word: u64) -> [u8; N] {
    let all = word.to_le_bytes();
    core::array::from_fn(|index| all.get(index).copied().unwrap_or(0))
}

/// The word of these bytes, the lowest lines first.
pub(crate) fn word(bytes: &[u8]) -> u64 {
    let put = |word, byte: &u8| word << 8 | u64::from(*byte);
    bytes.iter().rev().fold(0, put)
}
