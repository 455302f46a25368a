//! A chip behind memory-mapped registers, or anything that looks like them.
//!
//! [`Mmio`] drives the commonest shape of GPIO hardware: one bit per line in a data register, with
//! or without registers to set, clear and turn lines around. The caller says which there are
//! ([`MmioLayout`]) and reads and writes them ([`Registers`]); a register may as well lie behind a bus.

use core::fmt;

use crate::sync::IrqLock;
use crate::{Chip, Direction, Error, Level, Offset, Result};

/// One of the registers of a [`Mmio`] chip.
///
/// ```
/// use gpiolib::Register;
///
/// let name = |register| match register {
///     Register::Dat => "levels",
///     Register::Set | Register::Clr => "outputs",
///     Register::DirOut | Register::DirIn => "directions",
/// };
/// assert_eq!(name(Register::Clr), "outputs");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Register {
    /// The levels.
    Dat,
    /// Writing ones sets lines; without [`Register::Clr`], the levels of outputs.
    Set,
    /// Writing ones clears lines.
    Clr,
    /// Ones are outputs.
    DirOut,
    /// Ones are inputs.
    DirIn,
}

/// How the registers are reached. Only those of the [`MmioLayout`] are asked for.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use gpiolib::{Mmio, MmioLayout, Register, Registers, Result};
///
/// #[derive(Default)]
/// struct Port([AtomicU64; 5]);
/// impl Registers for Port {
///     fn read(&self, register: Register) -> Result<u64> {
///         Ok(self.0[register as usize].load(Ordering::Relaxed))
///     }
///     fn write(&self, register: Register, word: u64) -> Result<()> {
///         self.0[register as usize].store(word, Ordering::Relaxed);
///         Ok(())
///     }
/// }
///
/// let chip = Mmio::new(Port::default(), MmioLayout { width: 2, ..MmioLayout::default() })?;
/// assert_eq!(chip.lines(), 16);
/// # Ok::<(), gpiolib::Error>(())
/// ```
pub trait Registers: Send + Sync {
    /// Reads a register.
    ///
    /// # Errors
    /// What the bus says.
    fn read(&self, register: Register) -> Result<u64>;

    /// Writes a register.
    ///
    /// # Errors
    /// What the bus says.
    fn write(&self, register: Register, word: u64) -> Result<()>;
}

/// Which registers a chip has, and what is odd about them.
///
/// ```
/// use gpiolib::MmioLayout;
///
/// // A 16-bit port with a register for outputs and one for directions.
/// let layout = MmioLayout { width: 2, set: true, dir_out: true, ..MmioLayout::default() };
/// assert!(!layout.clr);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MmioLayout {
    /// Width of a register in bytes: 1, 2, 4 or 8.
    pub width: u32,
    /// There is a [`Register::Set`].
    pub set: bool,
    /// There is a [`Register::Clr`]; needs `set`.
    pub clr: bool,
    /// There is a [`Register::DirOut`].
    pub dir_out: bool,
    /// There is a [`Register::DirIn`].
    pub dir_in: bool,
    /// The bytes of a register come the other way round than [`Registers`] gives them.
    pub swap_bytes: bool,
    /// Line 0 is the most significant bit.
    pub mirror_bits: bool,
    /// No line can be an output.
    pub no_output: bool,
    /// Outputs are read from [`Register::Set`], inputs from [`Register::Dat`].
    pub outputs_read_from_set: bool,
    /// [`Register::Set`] cannot be read.
    pub set_unreadable: bool,
    /// The direction registers cannot be read.
    pub dir_unreadable: bool,
    /// The level of an input cannot be set: a line is turned around before its level is set.
    pub direction_first: bool,
}

/// What was last written where it cannot be read back, or need not be.
#[derive(Debug)]
struct Shadow {
    data: u64,
    /// Ones are outputs.
    outputs: u64,
}

/// A chip over registers.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use gpiolib::{ChipConfig, MmioLayout, Mmio, Offset, Register, Registers, Registry, Result, Value};
///
/// /// Registers in ordinary memory.
/// struct Memory { dat: AtomicU64, dir: AtomicU64 }
/// impl Registers for Memory {
///     fn read(&self, register: Register) -> Result<u64> {
///         Ok(self.at(register).load(Ordering::Relaxed))
///     }
///     fn write(&self, register: Register, word: u64) -> Result<()> {
///         self.at(register).store(word, Ordering::Relaxed);
///         Ok(())
///     }
/// }
/// impl Memory {
///     fn at(&self, register: Register) -> &AtomicU64 {
///         if register == Register::DirOut { &self.dir } else { &self.dat }
///     }
/// }
///
/// let memory = Memory { dat: AtomicU64::new(0), dir: AtomicU64::new(0) };
/// let layout = MmioLayout { width: 4, dir_out: true, ..MmioLayout::default() };
/// let chip = Mmio::new(memory, layout)?;
/// let registry = Registry::new();
/// let chip = registry.register(&ChipConfig::new("soc", chip.lines()), chip)?;
/// let led = chip.device().line(Offset::new(7)).expect("there are 32").request("led")?;
/// led.direction_output(Value::Active)?;
/// assert_eq!(led.value(), Ok(Value::Active));
/// # Ok::<(), gpiolib::Error>(())
/// ```
pub struct Mmio<R> {
    registers: R,
    layout: MmioLayout,
    /// Held while registers are written: shadow and hardware must not part.
    shadow: IrqLock<Shadow>,
}

impl<R: Registers> Mmio<R> {
    /// A chip over these registers; takes over the levels and directions they show now.
    ///
    /// # Errors
    /// `Invalid` for a width that is no power of two up to 8 bytes, 8 bytes with bytes swapped, or
    /// a `clr` without `set`; what reading the registers answers.
    // KERNEL: gpio-mmio.c bgpio_init (v6.12).
    pub fn new(registers: R, layout: MmioLayout) -> Result<Self> {
        if !matches!(layout.width, 1 | 2 | 4 | 8) {
            return Err(Error::Invalid("a register has 1, 2, 4 or 8 bytes"));
        }
        if layout.width == 8 && layout.swap_bytes {
            return Err(Error::Invalid("8 bytes cannot be swapped"));
        }
        if layout.clr && !layout.set {
            return Err(Error::Invalid("a clear register needs a set register"));
        }
        let shadow = Shadow {
            data: 0,
            outputs: 0,
        };
        let chip = Self {
            registers,
            layout,
            shadow: IrqLock::new(shadow),
        };
        chip.take_over()?;
        Ok(chip)
    }

    /// How many lines the registers have bits for.
    #[must_use]
    pub const fn lines(&self) -> u32 {
        self.layout.width * 8
    }

    /// Reads what the hardware has into the shadow words.
    fn take_over(&self) -> Result<()> {
        let layout = self.layout;
        let alone = layout.set && !layout.clr && !layout.set_unreadable;
        let data = self.read(if alone { Register::Set } else { Register::Dat })?;
        let outputs = match (layout.dir_unreadable, layout.dir_out, layout.dir_in) {
            (false, true, _) => self.read(Register::DirOut)?,
            (false, false, true) => !self.read(Register::DirIn)? & self.all(),
            _ => 0,
        };
        let mut shadow = self.shadow.lock();
        *shadow = Shadow { data, outputs };
        if !layout.dir_unreadable && layout.dir_out && layout.dir_in {
            self.write(Register::DirIn, !outputs & self.all())?;
        }
        Ok(())
    }

    /// All bits of a register.
    const fn all(&self) -> u64 {
        u64::MAX >> (64 - self.lines())
    }

    fn read(&self, register: Register) -> Result<u64> {
        Ok(self.in_order(self.registers.read(register)?))
    }

    fn write(&self, register: Register, word: u64) -> Result<()> {
        self.registers.write(register, self.in_order(word))
    }

    /// Between the register's byte order and ours; its own inverse.
    const fn in_order(&self, word: u64) -> u64 {
        let word = word & self.all();
        match self.layout.swap_bytes {
            true => word.swap_bytes() >> (64 - self.lines()),
            false => word,
        }
    }

    /// The bit of a line; none for a line that the registers have no bit for.
    fn bit(&self, offset: Offset) -> Result<u64> {
        let lines = self.lines();
        let place = match self.layout.mirror_bits {
            true => lines
                .checked_sub(1)
                .and_then(|last| last.checked_sub(offset.get())),
            false => Some(offset.get()).filter(|place| *place < lines),
        };
        place
            .map(|place| 1 << place)
            .ok_or(Error::Invalid("the registers have no such line"))
    }

    /// Sets the lines in `mask` to their bits in `bits`.
    // KERNEL: gpio-mmio.c bgpio_set, bgpio_set_set, bgpio_set_with_clear, bgpio_set_none (v6.12).
    fn put(&self, mask: u64, bits: u64) -> Result<()> {
        let layout = self.layout;
        if layout.clr {
            return self.put_and_clear(mask & bits, mask & !bits);
        }
        if layout.no_output && !layout.set {
            return Ok(());
        }
        let mut shadow = self.shadow.lock();
        let data = shadow.data & !mask | bits & mask;
        let register = if layout.set {
            Register::Set
        } else {
            Register::Dat
        };
        self.write(register, data)?;
        shadow.data = data;
        Ok(())
    }

    fn put_and_clear(&self, set: u64, clear: u64) -> Result<()> {
        if set != 0 {
            self.write(Register::Set, set)?;
        }
        if clear != 0 {
            self.write(Register::Clr, clear)?;
        }
        Ok(())
    }

    /// Turns lines around: both registers, if there are two, with opposite words.
    fn turn(&self, bit: u64, output: bool) -> Result<()> {
        let mut shadow = self.shadow.lock();
        let outputs = shadow.outputs & !bit | if output { bit } else { 0 };
        if self.layout.dir_in {
            self.write(Register::DirIn, !outputs & self.all())?;
        }
        if self.layout.dir_out {
            self.write(Register::DirOut, outputs)?;
        }
        shadow.outputs = outputs;
        Ok(())
    }

    const fn has_directions(&self) -> bool {
        self.layout.dir_out || self.layout.dir_in
    }

    /// The levels of all lines.
    // KERNEL: gpio-mmio.c bgpio_get_set_multiple (v6.12).
    fn levels(&self) -> Result<u64> {
        let layout = self.layout;
        if !(layout.outputs_read_from_set && layout.set && !layout.set_unreadable) {
            return self.read(Register::Dat);
        }
        let outputs = self.shadow.lock().outputs;
        let inputs = match !outputs & self.all() {
            0 => 0,
            inputs => self.read(Register::Dat)? & inputs,
        };
        match outputs {
            0 => Ok(inputs),
            outputs => Ok(self.read(Register::Set)? & outputs | inputs),
        }
    }
}

impl<R: Registers + 'static> Chip for Mmio<R> {
    // KERNEL: gpio-mmio.c bgpio_request (v6.12): a line beyond the registers' bits is refused.
    fn request(&self, offset: Offset) -> Result<()> {
        self.bit(offset).map(|_| ())
    }

    // KERNEL: gpio-mmio.c bgpio_get_dir (v6.12).
    fn direction(&self, offset: Offset) -> Result<Direction> {
        if !self.has_directions() {
            return Err(Error::Unsupported);
        }
        let outputs = match (self.layout.dir_unreadable, self.layout.dir_out) {
            (true, _) => self.shadow.lock().outputs,
            (false, true) => self.read(Register::DirOut)?,
            (false, false) => !self.read(Register::DirIn)?,
        };
        Ok(match outputs & self.bit(offset)? {
            0 => Direction::Input,
            _ => Direction::Output,
        })
    }

    fn direction_input(&self, offset: Offset) -> Result<()> {
        match self.has_directions() {
            true => self.turn(self.bit(offset)?, false),
            false => Ok(()),
        }
    }

    // KERNEL: gpio-mmio.c bgpio_dir_out_val_first, bgpio_dir_out_dir_first, bgpio_dir_out_err.
    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        if !self.has_directions() {
            return match self.layout.no_output {
                true => Err(Error::Invalid("no line can be an output")),
                false => self.set(offset, level),
            };
        }
        let bit = self.bit(offset)?;
        if self.layout.direction_first {
            self.turn(bit, true)?;
            return self.set(offset, level);
        }
        self.set(offset, level)?;
        self.turn(bit, true)
    }

    fn get(&self, offset: Offset) -> Result<Level> {
        Ok(Level::from(self.levels()? & self.bit(offset)? != 0))
    }

    fn get_multiple(&self, offsets: &[Offset]) -> Result<u64> {
        let levels = self.levels()?;
        let mut found = 0;
        for (index, offset) in offsets.iter().enumerate() {
            found |= u64::from(levels & self.bit(*offset)? != 0) << index;
        }
        Ok(found)
    }

    fn set(&self, offset: Offset, level: Level) -> Result<()> {
        let bit = self.bit(offset)?;
        self.put(bit, if level.is_high() { bit } else { 0 })
    }

    fn set_multiple(&self, offsets: &[Offset], levels: u64) -> Result<()> {
        let (mut mask, mut bits) = (0, 0);
        for (index, offset) in offsets.iter().enumerate() {
            let bit = self.bit(*offset)?;
            mask |= bit;
            bits |= if levels >> index & 1 == 1 { bit } else { 0 };
        }
        self.put(mask, bits)
    }
}

impl<R> fmt::Debug for Mmio<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mmio")
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}
