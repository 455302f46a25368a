//! MCP23008 and MCP23017 on I2C, MCP23S08 and MCP23S17 on SPI.
//!
//! | register | 8 lines | 16 lines | at power-on |
//! |---|---|---|---|
//! | IODIR: ones are inputs | 0x00 | 0x00, 0x01 | ones |
//! | IPOL: ones invert what GPIO gives | 0x01 | 0x02, 0x03 | zeros |
//! | GPINTEN: ones raise the interrupt when they change | 0x02 | 0x04, 0x05 | zeros |
//! | DEFVAL, INTCON: compare with a value instead; not used | 0x03, 0x04 | 0x06 to 0x09 | zeros |
//! | IOCON: MIRROR 0x40 (16 lines), HAEN 0x08 (SPI) | 0x05 | 0x0a, 0x0b | zeros |
//! | GPPU: ones have a pull-up of 100 kΩ | 0x06 | 0x0c, 0x0d | zeros |
//! | INTF: which lines raised the interrupt | 0x07 | 0x0e, 0x0f | |
//! | INTCAP: the levels at that time | 0x08 | 0x10, 0x11 | |
//! | GPIO: the levels of the pins | 0x09 | 0x12, 0x13 | |
//! | OLAT: what outputs drive | 0x0a | 0x14, 0x15 | zeros |
//!
//! Addresses count up over a transfer. Reading INTCAP or GPIO clears the interrupt, so while lines are armed
//! INTF to GPIO are read in one go. On SPI a control byte goes first: 0x40, the chip's address pins from bit 1,
//! and 1 in bit 0 for a read; the pins count once HAEN is set.
//!
//! Read for this: pages 8 (2007), 14, 18 and 23 (2016) of Microchip's MCP23017/MCP23S17 sheet (control byte, sequential
//! transfers, registers with BANK = 0, INTCAP) and pages 10 and 19 of its MCP23008/MCP23S08 sheet (2007: IODIR,
//! GPIO); other addresses and the bits of IOCON from published register lists (openings of drivers in C).
//!
//! When it is started the chip gets BANK = 0, no inversion and no interrupts; directions, levels and
//! pull-ups are taken over. IOCON is read back: an SPI chip that is not there is noticed then, and only then.

use embedded_hal::i2c::I2c;
use embedded_hal::spi::{Operation, SpiDevice};
use gpiolib::{Error, Result};

use crate::GONE;
use crate::bus::{I2cChip, bytes, word};
use crate::port::{Captured, Port, Sample, Update, Written};

const IODIR: u8 = 0x00;
const IPOL: u8 = 0x01;
const GPINTEN: u8 = 0x02;
const IOCON: u8 = 0x05;
const GPPU: u8 = 0x06;
const INTF: u8 = 0x07;
const GPIO: u8 = 0x09;
const OLAT: u8 = 0x0a;

const MIRROR: u8 = 0x40;
const HAEN: u8 = 0x08;

/// How registers of an MCP23x travel.
pub trait Wire: Send + 'static {
    /// What IOCON needs for it.
    const IOCON: u8;

    /// Writes registers from this address on, at most eight.
    ///
    /// # Errors
    /// What the bus says.
    fn write(&mut self, address: u8, values: &[u8]) -> Result<()>;

    /// Reads registers from this address on.
    ///
    /// # Errors
    /// What the bus says.
    fn read(&mut self, address: u8, values: &mut [u8]) -> Result<()>;

    /// Writes to a chip that does not look at its address pins yet.
    ///
    /// # Errors
    /// What the bus says.
    fn write_unaddressed(&mut self, address: u8, value: u8) -> Result<()> {
        self.write(address, &[value])
    }
}

/// The wires of MCP23008 and MCP23017.
#[derive(Debug)]
pub struct McpI2c<I>(I2cChip<I>);

impl<I: I2c + Send + 'static> Wire for McpI2c<I> {
    const IOCON: u8 = 0;

    fn write(&mut self, address: u8, values: &[u8]) -> Result<()> {
        let mut bytes = [address; 9];
        let all = bytes.get_mut(..=values.len()).ok_or(Error::Io)?;
        for (byte, value) in all.iter_mut().skip(1).zip(values) {
            *byte = *value;
        }
        self.0.write(all)
    }

    fn read(&mut self, address: u8, values: &mut [u8]) -> Result<()> {
        self.0.write_read(address, values)
    }
}

/// The wires of MCP23S08 and MCP23S17.
#[derive(Debug)]
pub struct McpSpi<S> {
    spi: S,
    control: u8,
}

impl<S: SpiDevice> McpSpi<S> {
    fn send(&mut self, control: u8, address: u8, values: &[u8]) -> Result<()> {
        let head = [control, address];
        let mut steps = [Operation::Write(&head), Operation::Write(values)];
        self.spi.transaction(&mut steps).map_err(|_| Error::Io)
    }
}

impl<S: SpiDevice + Send + 'static> Wire for McpSpi<S> {
    const IOCON: u8 = HAEN;

    fn write(&mut self, address: u8, values: &[u8]) -> Result<()> {
        self.send(self.control, address, values)
    }

    fn read(&mut self, address: u8, values: &mut [u8]) -> Result<()> {
        let head = [self.control | 1, address];
        let mut steps = [Operation::Write(&head), Operation::Read(values)];
        self.spi.transaction(&mut steps).map_err(|_| Error::Io)
    }

    fn write_unaddressed(&mut self, address: u8, value: u8) -> Result<()> {
        self.send(0x40, address, &[value])
    }
}

/// An MCP23008, MCP23017, MCP23S08 or MCP23S17.
#[derive(Debug)]
pub struct Mcp23x<W> {
    wire: W,
    is_wide: bool,
}

impl<I: I2c> Mcp23x<McpI2c<I>> {
    /// An MCP23008 (0x20 to 0x27).
    pub const fn mcp23008(i2c: I, address: u8) -> Self {
        Self::of(McpI2c(I2cChip::new(i2c, address)), false)
    }

    /// An MCP23017 (0x20 to 0x27).
    pub const fn mcp23017(i2c: I, address: u8) -> Self {
        Self::of(McpI2c(I2cChip::new(i2c, address)), true)
    }
}

impl<S: SpiDevice> Mcp23x<McpSpi<S>> {
    /// An MCP23S08; `pins` is what its address pins are wired to, 0 to 3.
    pub const fn mcp23s08(spi: S, pins: u8) -> Self {
        let control = 0x40 | (pins & 3) << 1;
        Self::of(McpSpi { spi, control }, false)
    }

    /// An MCP23S17; `pins` is what its address pins are wired to, 0 to 7.
    pub const fn mcp23s17(spi: S, pins: u8) -> Self {
        let control = 0x40 | (pins & 7) << 1;
        Self::of(McpSpi { spi, control }, true)
    }
}

impl<W> Mcp23x<W> {
    const fn of(wire: W, is_wide: bool) -> Self {
        Self { wire, is_wide }
    }

    /// Where a register lies, and how many bytes it has.
    fn place(&self, register: u8) -> (u8, usize) {
        (
            register << u8::from(self.is_wide),
            1 + usize::from(self.is_wide),
        )
    }
}

impl<W: Wire> Mcp23x<W> {
    fn write_register(&mut self, register: u8, value: u64) -> Result<()> {
        let (address, width) = self.place(register);
        let value: [u8; 2] = bytes(value);
        self.wire
            .write(address, value.get(..width).unwrap_or(&value))
    }

    /// Reads `N` registers in one transfer.
    fn read_registers<const N: usize>(&mut self, first: u8) -> Result<[u64; N]> {
        let (address, width) = self.place(first);
        let mut buffer = [0; 16];
        let buffer = buffer.get_mut(..N * width).ok_or(Error::Io)?;
        self.wire.read(address, buffer)?;
        let mut registers = buffer.chunks(width).map(word);
        Ok(core::array::from_fn(|_| registers.next().unwrap_or(0)))
    }

    fn configure(&mut self) -> Result<()> {
        let iocon = W::IOCON | if self.is_wide { MIRROR } else { 0 };
        if self.is_wide {
            // IOCON where BANK = 1; else GPINTENB, which is to be 0 too.
            self.wire.write_unaddressed(0x05, 0)?;
        }
        let (address, width) = self.place(IOCON);
        self.wire.write_unaddressed(address, iocon)?;
        let mut kept = [0];
        self.wire.read(address, &mut kept)?;
        if kept != [iocon] {
            return Err(GONE);
        }
        let zeros = [0; 8];
        let four = zeros.get(..4 * width).unwrap_or(&zeros);
        self.wire.write(self.place(IPOL).0, four)
    }
}

impl<W: Wire> Port for Mcp23x<W> {
    fn lines(&self) -> u32 {
        if self.is_wide { 16 } else { 8 }
    }

    fn start(&mut self) -> Result<Written> {
        self.configure()?;
        let [inputs] = self.read_registers(IODIR)?;
        let [pull_ups, _, _, _, levels] = self.read_registers(GPPU)?;
        Ok(Written {
            levels,
            outputs: !inputs,
            pull_ups,
            ..Written::default()
        })
    }

    fn write(&mut self, written: &Written, change: Update) -> Result<()> {
        if change != Update::Directions {
            self.write_register(OLAT, written.levels)?;
        }
        if change != Update::Levels {
            self.write_register(IODIR, !written.outputs)?;
        }
        Ok(())
    }

    fn sample(&mut self, written: &Written) -> Result<Sample> {
        if written.armed == 0 {
            let [levels] = self.read_registers(GPIO)?;
            return Ok(Sample {
                captured: None,
                levels,
            });
        }
        let [lines, captured, levels] = self.read_registers(INTF)?;
        Ok(Sample {
            captured: Some(Captured {
                lines,
                levels: captured,
            }),
            levels,
        })
    }

    fn pull(&mut self, written: &Written) -> Result<()> {
        self.write_register(GPPU, written.pull_ups)
    }

    fn watch(&mut self, armed: u64) -> Result<()> {
        self.write_register(GPINTEN, armed)
    }
}
