//! The driver's side: what has lines, and how it is described when it is registered.
//!
//! A driver implements [`Chip`]; every operation has a default that answers
//! [`Error::Unsupported`], which the core reads as "the driver has no such operation" and then
//! falls back, emulates or refuses. [`ChipConfig`] carries what the core copies into the device.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;

use crate::{
    Direction, EdgeSink, Edges, Error, Label, Level, Module, Name, Offset, PinConfig, Result, Value,
};

/// Something that has lines. Owned by its provider's registration; may vanish at any time.
///
/// Calls for one line are not serialised by the core: two threads may be inside at once, and a
/// driver locks for itself. A call may take bus time. Offsets passed in are always below the
/// number of lines registered.
///
/// ```
/// use gpiolib::{Chip, ChipConfig, Error, Level, Offset, Registry, Result, Value};
///
/// /// Two lines that read high and cannot be driven.
/// struct Straps;
/// impl Chip for Straps {
///     fn direction_input(&self, _: Offset) -> Result<()> { Ok(()) }
///     fn get(&self, _: Offset) -> Result<Level> { Ok(Level::High) }
/// }
///
/// let registry = Registry::new();
/// let chip = registry.register(&ChipConfig::new("straps", 2), Straps)?;
/// let strap = chip.device().line(Offset::new(1)).expect("there are two").request("boot")?;
/// strap.direction_input()?;
/// assert_eq!(strap.value(), Ok(Value::Active));
/// assert_eq!(strap.direction_output(Value::Active), Err(Error::Io), "no such operation");
/// # Ok::<(), Error>(())
/// ```
#[expect(unused_variables, reason = "defaults ignore their arguments")]
pub trait Chip: Any + Send + Sync {
    /// Called when a line is requested, before anything else of that request.
    ///
    /// # Errors
    /// Any error refuses the request.
    fn request(&self, offset: Offset) -> Result<()> {
        Ok(())
    }

    /// Called when a request ends; not called once the chip is unregistered.
    fn free(&self, offset: Offset) {}

    /// Reads the direction from the hardware.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the hardware cannot tell; the core then remembers.
    fn direction(&self, offset: Offset) -> Result<Direction> {
        Err(Error::Unsupported)
    }

    /// Makes the line an input.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a chip of fixed direction.
    fn direction_input(&self, offset: Offset) -> Result<()> {
        Err(Error::Unsupported)
    }

    /// Makes the line an output that drives `level` from the first moment on.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a chip of fixed direction; the core then only sets the level.
    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        Err(Error::Unsupported)
    }

    /// Reads the level of a line, whatever its direction.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the chip cannot read; callers see `EIO`.
    fn get(&self, offset: Offset) -> Result<Level> {
        Err(Error::Unsupported)
    }

    /// Reads up to 64 lines at once. Bit *i* of the answer is the level of `offsets[i]`.
    ///
    /// # Errors
    /// The first error of a single read.
    fn get_multiple(&self, offsets: &[Offset]) -> Result<u64> {
        let mut levels = 0;
        for (index, offset) in offsets.iter().enumerate() {
            levels |= u64::from(self.get(*offset)?.is_high()) << index;
        }
        Ok(levels)
    }

    /// Sets the level of a line, whatever its direction.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the chip has no outputs.
    fn set(&self, offset: Offset, level: Level) -> Result<()> {
        Err(Error::Unsupported)
    }

    /// Sets up to 64 lines at once. Bit *i* of `levels` is for `offsets[i]`.
    ///
    /// # Errors
    /// The first error of a single set; lines before it are set.
    fn set_multiple(&self, offsets: &[Offset], levels: u64) -> Result<()> {
        for (index, offset) in offsets.iter().enumerate() {
            self.set(*offset, Level::from(levels >> index & 1 == 1))?;
        }
        Ok(())
    }

    /// Applies one setting to a line.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a setting the hardware does not have: a bias is then left away,
    /// open drain and debounce are emulated.
    fn set_config(&self, offset: Offset, config: PinConfig) -> Result<()> {
        Err(Error::Unsupported)
    }

    /// Starts reporting these electrical edges of the line to `sink`, until [`Chip::disarm`]. An edge
    /// that comes before this returns is not lost.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the line has no interrupt; [`Error::Busy`] if it is taken.
    fn arm(&self, offset: Offset, edges: Edges, sink: EdgeSink) -> Result<()> {
        Err(Error::Unsupported)
    }

    /// Stops reporting edges of the line. Called once for each [`Chip::arm`] that succeeded, while the
    /// chip is registered.
    fn disarm(&self, offset: Offset) {}
}

/// What leads to a chip is one: its provider may keep a share of it, or not know its type.
macro_rules! chip_behind {
    ($(($($generics:tt)*) $Pointer:ty;)*) => { $(
        impl<$($generics)*> Chip for $Pointer {
            fn request(&self, offset: Offset) -> Result<()> {
                (**self).request(offset)
            }

            fn free(&self, offset: Offset) {
                (**self).free(offset);
            }

            fn direction(&self, offset: Offset) -> Result<Direction> {
                (**self).direction(offset)
            }

            fn direction_input(&self, offset: Offset) -> Result<()> {
                (**self).direction_input(offset)
            }

            fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
                (**self).direction_output(offset, level)
            }

            fn get(&self, offset: Offset) -> Result<Level> {
                (**self).get(offset)
            }

            fn get_multiple(&self, offsets: &[Offset]) -> Result<u64> {
                (**self).get_multiple(offsets)
            }

            fn set(&self, offset: Offset, level: Level) -> Result<()> {
                (**self).set(offset, level)
            }

            fn set_multiple(&self, offsets: &[Offset], levels: u64) -> Result<()> {
                (**self).set_multiple(offsets, levels)
            }

            fn set_config(&self, offset: Offset, config: PinConfig) -> Result<()> {
                (**self).set_config(offset, config)
            }

            fn arm(&self, offset: Offset, edges: Edges, sink: EdgeSink) -> Result<()> {
                (**self).arm(offset, edges, sink)
            }

            fn disarm(&self, offset: Offset) {
                (**self).disarm(offset);
            }
        }
    )* };
}

chip_behind! {
    (C: Chip + ?Sized) Arc<C>;
    (C: Chip + ?Sized) Box<C>;
    (C: Chip + ?Sized) &'static C;
}

/// Which way a hog sets its line.
///
/// ```
/// use gpiolib::{HogDirection, Value};
///
/// assert_ne!(HogDirection::Input, HogDirection::Output(Value::Inactive));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum HogDirection {
    /// Held as an input.
    #[default]
    Input,
    /// Held as an output with this value.
    Output(Value),
}

/// A line the board itself holds from registration on.
///
/// ```
/// use gpiolib::{Chip, ChipConfig, Hog, HogDirection, Level, Offset, Registry, Result, Value};
///
/// struct Power;
/// impl Chip for Power {
///     fn direction_output(&self, _: Offset, _: Level) -> Result<()> { Ok(()) }
/// }
///
/// let on = Hog {
///     offset: Offset::new(1),
///     consumer: "main-power".into(),
///     direction: HogDirection::Output(Value::Active),
///     active_low: false,
/// };
/// let config = ChipConfig { hogs: vec![on], ..ChipConfig::new("power", 2) };
/// let chip = Registry::new().register(&config, Power)?;
/// let line = chip.device().line(Offset::new(1)).expect("it has two");
/// assert_eq!(line.info().consumer, Some("main-power".into()));
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hog {
    /// The line.
    pub offset: Offset,
    /// The consumer shown for it.
    pub consumer: Label,
    /// What the line is set to.
    pub direction: HogDirection,
    /// Whether the line is active at low level.
    pub active_low: bool,
}

/// What the core copies into the device when a chip is registered.
///
/// ```
/// use gpiolib::{ChipConfig, Offset};
///
/// let config = ChipConfig {
///     names: vec![(Offset::new(3), "WP".into())],
///     invalid: vec![Offset::new(7)],
///     can_sleep: true,
///     ..ChipConfig::new("u5", 8)
/// };
/// assert_eq!((config.label.as_str(), config.lines), ("u5", 8));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ChipConfig {
    /// The chip's label; empty becomes `unknown`.
    pub label: String,
    /// Where the chip hangs, below `/sys/devices`: `platform/gpio-sim.0`.
    pub parent: Option<String>,
    /// How many lines the chip has, at least 1.
    pub lines: u32,
    /// Names of lines; offsets outside the chip are ignored, later entries win.
    pub names: Vec<(Offset, Name)>,
    /// Lines that the board holds; offsets outside the chip are ignored.
    pub hogs: Vec<Hog>,
    /// Lines that must not be used; offsets outside the chip are ignored.
    pub invalid: Vec<Offset>,
    /// Lines that several consumers may have at once, each a share ([`crate::Line::get`]). Programs see
    /// them as held by `shared`.
    pub shared: Vec<Offset>,
    /// The number that its first line has where lines are numbered over all chips, as in `/sys/class/gpio`;
    /// `None` lets one be chosen.
    // KERNEL: include/linux/gpio/driver.h struct gpio_chip, base (v6.12); negative there is None here
    pub base: Option<u32>,
    /// Whether reading and setting a line may take bus time.
    pub can_sleep: bool,
    /// The module that the chip's operations are in: kept loaded while a line is out. `None` for
    /// code that cannot be unloaded.
    pub owner: Option<Module>,
}

impl ChipConfig {
    /// A chip with this label and number of lines, without names or hogs.
    #[must_use]
    pub fn new(label: &str, lines: u32) -> Self {
        Self {
            label: label.into(),
            lines,
            ..Self::default()
        }
    }
}
