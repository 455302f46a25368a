//! Chips at the level of their registers, on a bus that can lose them.

use std::sync::{Arc, Mutex, MutexGuard};

use embedded_hal::i2c::{ErrorKind, ErrorType, I2c, NoAcknowledgeSource, Operation};
use embedded_hal::spi::{self, SpiDevice};

pub(crate) const ADDRESS: u8 = 0x20;

/// What the address pins of the chip on SPI are wired to.
pub(crate) const PINS: u8 = 2;

/// Which chip, and so which registers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Pcf857x,
    Pca953x,
    Mcp23x,
}

/// A chip, its pins and what is outside of them.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) kind: Kind,
    pub(crate) lines: u32,
    pub(crate) plugged: bool,
    /// The levels that the outside gives to pins that the chip does not drive.
    pub(crate) outside: u16,
    /// By number of the register, as the family counts them for one port: PCA953x 0 to 3. PCF857x
    /// has its latch at 1, MCP23x 0 to 10.
    pub(crate) registers: [u16; 11],
    pointer: u8,
    /// What the interrupt is compared with.
    last_read: u16,
    pub(crate) transfers: usize,
}

impl Part {
    pub(crate) fn mask(&self) -> u16 {
        if self.lines == 16 { 0xffff } else { 0xff }
    }

    pub(crate) fn power_on(&mut self) {
        self.registers = [0; 11];
        match self.kind {
            Kind::Pcf857x => self.registers[1] = 0xffff,
            Kind::Pca953x => self.registers[1..4].copy_from_slice(&[0xffff, 0, 0xffff]),
            Kind::Mcp23x => self.registers[0] = 0xffff,
        }
        self.pointer = 0;
        self.last_read = self.pins();
    }

    /// The levels of the pins. A quasi-bidirectional pin is low if either side pulls it low.
    pub(crate) fn pins(&self) -> u16 {
        let pins = match self.kind {
            Kind::Pcf857x => self.registers[1] & self.outside,
            Kind::Pca953x => {
                let inputs = self.registers[3];
                self.outside & inputs | self.registers[1] & !inputs
            }
            Kind::Mcp23x => {
                let inputs = self.registers[0];
                self.outside & inputs | self.registers[10] & !inputs
            }
        };
        pins & self.mask()
    }

    /// The outside changes. An MCP23x keeps, port by port, what first raised its interrupt.
    pub(crate) fn set_outside(&mut self, outside: u16) {
        let before = self.pins();
        self.outside = outside;
        let changed = (before ^ self.pins()) & self.registers[2];
        for port in [0x00ff, 0xff00] {
            if self.kind == Kind::Mcp23x && changed & port != 0 && self.registers[7] & port == 0 {
                self.registers[7] |= changed & port;
                self.registers[8] = self.registers[8] & !port | self.pins() & port;
            }
        }
    }

    /// The register and the bit of its byte that an address of an MCP23x is.
    fn byte(&self, address: usize) -> (usize, usize) {
        let width = self.lines as usize / 8;
        (address / width, address % width * 8)
    }

    fn read_mcp23x(&mut self, address: usize) -> u8 {
        let (register, shift) = self.byte(address);
        let port = 0xff << shift;
        let value = match register {
            5 => return self.registers[5].to_le_bytes()[0],
            9 => self.pins() ^ self.registers[1],
            _ => self.registers[register],
        };
        if matches!(register, 8 | 9) {
            self.registers[7] &= !port;
        }
        (value >> shift).to_le_bytes()[0]
    }

    fn write_mcp23x(&mut self, address: usize, value: u8) {
        let (register, shift) = match self.byte(address) {
            (5, _) => (5, 0),
            (9, shift) => (10, shift),
            (7 | 8, _) => panic!("INTF and INTCAP are not written"),
            place => place,
        };
        let kept = self.registers[register] & !(0xff << shift);
        self.registers[register] = kept | u16::from(value) << shift;
    }

    /// Whether the interrupt output is low.
    pub(crate) fn interrupts(&self) -> bool {
        let inputs = match self.kind {
            Kind::Pcf857x => self.registers[1],
            Kind::Pca953x => self.registers[3],
            Kind::Mcp23x => return self.registers[7] != 0,
        };
        (self.pins() ^ self.last_read) & inputs & self.mask() != 0
    }

    fn write(&mut self, bytes: &[u8]) {
        match (self.kind, self.lines, bytes) {
            (Kind::Pcf857x, 8, [low]) => self.registers[1] = u16::from(*low),
            (Kind::Pcf857x, 16, [low, high]) => {
                self.registers[1] = u16::from_le_bytes([*low, *high]);
            }
            (Kind::Mcp23x, _, [address, values @ ..]) => {
                self.pointer = *address;
                for (index, value) in values.iter().enumerate() {
                    self.write_mcp23x(usize::from(*address) + index, *value);
                }
            }
            (Kind::Pca953x, _, [command]) => self.pointer = *command,
            (Kind::Pca953x, 8, [command @ 1..=3, value]) => {
                self.registers[usize::from(*command)] = u16::from(*value);
            }
            (Kind::Pca953x, 16, [command @ (2 | 4 | 6), low, high]) => {
                self.registers[usize::from(command / 2)] = u16::from_le_bytes([*low, *high]);
            }
            _ => panic!(
                "{:?} with {} lines: write {bytes:02x?}",
                self.kind, self.lines
            ),
        }
        if self.kind == Kind::Pcf857x {
            // A write clears the interrupt too.
            self.last_read = self.pins();
        }
    }

    fn read(&mut self, bytes: &mut [u8]) {
        if self.kind == Kind::Mcp23x {
            for (index, byte) in bytes.iter_mut().enumerate() {
                *byte = self.read_mcp23x(usize::from(self.pointer) + index);
            }
            return;
        }
        let register = match (self.kind, self.lines) {
            (Kind::Pcf857x, _) => 0,
            (Kind::Pca953x, 8) => self.pointer,
            _ => self.pointer / 2,
        };
        let value = if register == 0 {
            self.last_read = self.pins();
            self.pins()
                ^ if self.kind == Kind::Pca953x {
                    self.registers[2]
                } else {
                    0
                }
        } else {
            self.registers[usize::from(register)]
        };
        assert_eq!(
            bytes.len(),
            self.lines as usize / 8,
            "one transfer is all lines"
        );
        bytes.copy_from_slice(&value.to_le_bytes()[..bytes.len()]);
    }
}

/// A bus with one part. Clones are the same bus.
#[derive(Clone, Debug)]
pub(crate) struct Bus(Arc<Mutex<Part>>);

impl Bus {
    pub(crate) fn new(kind: Kind, lines: u32) -> Self {
        let mut part = Part {
            kind,
            lines,
            plugged: true,
            outside: 0xffff,
            registers: [0; 11],
            pointer: 0,
            last_read: 0,
            transfers: 0,
        };
        part.power_on();
        Self(Arc::new(Mutex::new(part)))
    }

    pub(crate) fn part(&self) -> MutexGuard<'_, Part> {
        self.0.lock().unwrap()
    }
}

impl ErrorType for Bus {
    type Error = ErrorKind;
}

impl I2c for Bus {
    fn transaction(&mut self, to: u8, steps: &mut [Operation<'_>]) -> Result<(), ErrorKind> {
        let mut part = self.part();
        part.transfers += 1;
        if !part.plugged || to != ADDRESS {
            return Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
        }
        for step in steps {
            match step {
                Operation::Write(bytes) => part.write(bytes),
                Operation::Read(bytes) => part.read(bytes),
            }
        }
        Ok(())
    }
}

impl spi::ErrorType for Bus {
    type Error = spi::ErrorKind;
}

/// The chip on SPI listens to its own address once HAEN is set, and to 0 before. Nothing is acknowledged:
/// what a chip that is not there, or not meant, would have sent reads as ones.
impl SpiDevice for Bus {
    fn transaction(&mut self, steps: &mut [spi::Operation<'_, u8>]) -> Result<(), spi::ErrorKind> {
        let mut part = self.part();
        part.transfers += 1;
        let Some((spi::Operation::Write([control, address]), steps)) = steps.split_first_mut()
        else {
            panic!("a control byte and an address come first");
        };
        let pins = if part.registers[5] & 0x08 == 0 {
            0
        } else {
            PINS
        };
        let is_meant = part.plugged && control & 0xfe == 0x40 | pins << 1;
        for step in steps {
            match step {
                spi::Operation::Write(values) if control & 1 == 0 => {
                    if is_meant {
                        part.write(&[&[*address], *values].concat());
                    }
                }
                spi::Operation::Read(values) if control & 1 == 1 => {
                    if is_meant {
                        part.pointer = *address;
                        part.read(values);
                    } else {
                        values.fill(0xff);
                    }
                }
                step => panic!("{step:?} after control byte {control:02x}"),
            }
        }
        Ok(())
    }
}
