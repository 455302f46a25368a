//! Serial EEPROMs of the 24 series over I²C.
//!
//! Facts are from the data sheets AT24C256B (Atmel rev. 5279C, 3/09: sections 2, 3, "Device
//! Addressing", "Write Operations") and AT24C01A/02/04/08A/16A (Atmel document 0180): pages of 8 to 128 bytes, within which a write must stay because the
//! address counter wraps inside the page ("Page Write"); one or two bytes of word address, further
//! address bits in the device address of the small parts ("Device Addressing"); no answer to its
//! address while the part writes, at most 5 ms ("Acknowledge Polling", t WR); a high WP pin inhibits
//! writes to the whole array ("Write Protect"). The pin is the core's: [`crate::WriteProtect`].

use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::{Error as _, ErrorKind, I2c, NoAcknowledgeSource, Operation};

use crate::{Access, Error, Provider, Result};

/// How long a part is asked before it counts as dead: five times the data sheets' 5 ms.
// KERNEL: at24.c: write_timeout of 25 ms (v6.12).
const TRIES: u32 = 25;

/// One part of the series.
///
/// ```
/// use nvmem::At24Part;
///
/// assert_eq!(At24Part::C02, At24Part::new(256, 8, 1));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct At24Part {
    /// Bytes.
    pub size: usize,
    /// Bytes that one write may touch, all in one page.
    pub page: usize,
    /// Bytes of word address, 1 or 2.
    pub address_bytes: usize,
}

impl At24Part {
    /// 24C02: 256 bytes.
    pub const C02: Self = Self::new(256, 8, 1);
    /// 24C04: 512 bytes at two device addresses.
    pub const C04: Self = Self::new(512, 16, 1);
    /// 24C08: 1 KiB at four device addresses.
    pub const C08: Self = Self::new(1024, 16, 1);
    /// 24C16: 2 KiB at eight device addresses.
    pub const C16: Self = Self::new(2048, 16, 1);
    /// 24C32: 4 KiB.
    pub const C32: Self = Self::new(4096, 32, 2);
    /// 24C64: 8 KiB.
    pub const C64: Self = Self::new(8192, 32, 2);
    /// 24C128: 16 KiB.
    pub const C128: Self = Self::new(16_384, 64, 2);
    /// 24C256: 32 KiB.
    pub const C256: Self = Self::new(32_768, 64, 2);
    /// 24C512: 64 KiB.
    pub const C512: Self = Self::new(65_536, 128, 2);

    /// A part that is not listed.
    #[must_use]
    pub const fn new(size: usize, page: usize, address_bytes: usize) -> Self {
        Self {
            size,
            page,
            address_bytes,
        }
    }

    /// Bytes behind one device address.
    const fn block(self) -> usize {
        if self.address_bytes == 1 { 256 } else { 65_536 }
    }
}

/// An EEPROM on a bus. Owns its way to the bus, and a way to wait.
///
/// ```
/// use embedded_hal::delay::DelayNs;
/// use embedded_hal::i2c::{ErrorType, I2c, Operation};
/// use nvmem::{At24, At24Part, Provider};
///
/// /// A 24C02 that is never busy.
/// struct Part([u8; 256]);
/// impl ErrorType for Part { type Error = std::convert::Infallible; }
/// impl I2c for Part {
///     fn transaction(&mut self, _: u8, operations: &mut [Operation<'_>]) -> Result<(), Self::Error> {
///         let mut sent = Vec::new();
///         for operation in operations {
///             match operation {
///                 Operation::Write(bytes) => sent.extend_from_slice(bytes),
///                 Operation::Read(wanted) => wanted.copy_from_slice(&self.0[sent[0].into()..][..wanted.len()]),
///             }
///         }
///         let (at, data) = (usize::from(sent[0]), &sent[1..]);
///         self.0[at..][..data.len()].copy_from_slice(data);
///         Ok(())
///     }
/// }
/// struct NoDelay;
/// impl DelayNs for NoDelay { fn delay_ns(&mut self, _: u32) {} }
///
/// let mut eeprom = At24::new(Part([0xff; 256]), NoDelay, 0x50, At24Part::C02)?;
/// eeprom.write(4, b"a page is eight bytes")?;
/// let mut found = [0; 6];
/// eeprom.read(6, &mut found)?;
/// assert_eq!(&found, b"page i");
/// # Ok::<(), nvmem::Error>(())
/// ```
#[derive(Debug)]
pub struct At24<I2C, D> {
    i2c: I2C,
    delay: D,
    address: u8,
    part: At24Part,
}

impl<I2C: I2c, D: DelayNs> At24<I2C, D> {
    /// The part at this device address (7 bits, 0x50 to 0x57). Reads one byte, to see that it is
    /// there.
    ///
    /// # Errors
    /// `Invalid` for a part that cannot be; `TimedOut` if nobody answers; `Io`.
    // KERNEL: at24.c at24_probe (v6.12): a one-byte test read.
    pub fn new(i2c: I2C, delay: D, address: u8, part: At24Part) -> Result<Self> {
        if !(1..=2).contains(&part.address_bytes) || part.page == 0 || part.size == 0 {
            return Err(Error::Invalid("there is no such EEPROM"));
        }
        let mut eeprom = Self {
            i2c,
            delay,
            address,
            part,
        };
        eeprom.read(0, &mut [0])?;
        Ok(eeprom)
    }

    /// Gives the bus back.
    pub fn release(self) -> (I2C, D) {
        (self.i2c, self.delay)
    }

    /// The device address and the word address of a byte.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "taken apart byte by byte; the size bounds the block"
    )]
    fn locate(&self, offset: usize) -> (u8, [u8; 2]) {
        let device = self.address | (offset / self.part.block()) as u8;
        (device, [(offset >> 8) as u8, offset as u8])
    }

    fn word_address<'a>(&self, bytes: &'a [u8; 2]) -> &'a [u8] {
        if self.part.address_bytes == 1 {
            &bytes[1..]
        } else {
            bytes
        }
    }

    /// One transaction, tried again while the part does not answer because it writes.
    fn transact(&mut self, device: u8, operations: &mut [Operation<'_>]) -> Result<()> {
        for _ in 0..TRIES {
            match self.i2c.transaction(device, operations) {
                Ok(()) => return Ok(()),
                Err(error) if is_no_answer(error.kind()) => self.delay.delay_ms(1),
                Err(_) => return Err(Error::Io),
            }
        }
        Err(Error::TimedOut)
    }
}

/// Whether the part did not answer to its address; bridges that cannot tell say "unknown".
const fn is_no_answer(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address | NoAcknowledgeSource::Unknown)
    )
}

impl<I2C: I2c + Send + 'static, D: DelayNs + Send + 'static> Provider for At24<I2C, D> {
    fn access(&self) -> Access {
        Access::ReadWrite
    }

    fn read(&mut self, offset: usize, data: &mut [u8]) -> Result<()> {
        At24::read(self, offset, data)
    }

    fn write(&mut self, offset: usize, data: &[u8]) -> Result<()> {
        let mut at = offset;
        let mut rest = data;
        while !rest.is_empty() {
            let fits = self.part.page - at % self.part.page;
            let (part, more) = rest.split_at(fits.min(rest.len()));
            let (device, word) = self.locate(at);
            let word = self.word_address(&word).to_vec();
            let mut operations = [Operation::Write(&word), Operation::Write(part)];
            self.transact(device, &mut operations)?;
            at += part.len();
            rest = more;
        }
        Ok(())
    }
}

impl<I2C: I2c, D: DelayNs> At24<I2C, D> {
    fn read(&mut self, offset: usize, data: &mut [u8]) -> Result<()> {
        let mut at = offset;
        let mut rest = data;
        while !rest.is_empty() {
            let fits = self.part.block() - at % self.part.block();
            let (part, more) = rest.split_at_mut(fits.min(rest.len()));
            let (device, word) = self.locate(at);
            let word = self.word_address(&word).to_vec();
            let read = part.len();
            let mut operations = [Operation::Write(&word), Operation::Read(part)];
            self.transact(device, &mut operations)?;
            at += read;
            rest = more;
        }
        Ok(())
    }
}
