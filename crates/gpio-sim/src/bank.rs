//! Describing a simulated chip, and plugging it in.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use gpiolib::{ChipConfig, Error, Hog, HogDirection, Label, Name, Offset, Registry, Result};

use crate::fault::{Faults, Faulty};
use crate::{Sim, SimChip};

/// The most lines of one bank.
// KERNEL: gpio-sim.c GPIO_SIM_NGPIO_MAX (v6.12)
pub const MAX_LINES: u32 = 1024;

/// A simulated chip before it is plugged in.
///
/// ```
/// use gpio_sim::Bank;
/// use gpiolib::{HogDirection, Level, Offset, Registry, Value};
///
/// let registry = Registry::new();
/// let sim = Bank::new(8)
///     .label("demo")
///     .name(Offset::new(0), "LED")
///     .hog(Offset::new(7), "power-good", HogDirection::Output(Value::Active))
///     .register(&registry)?;
/// assert_eq!(sim.level(Offset::new(7))?, Level::High);
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bank {
    label: String,
    lines: u32,
    names: Vec<(Offset, Name)>,
    hogs: Vec<Hog>,
    invalid: Vec<Offset>,
    shared: Vec<Offset>,
    base: Option<u32>,
    platform_id: Option<u32>,
    node: u32,
    faults: Option<Faults>,
}

impl Bank {
    /// A chip with this many lines, 1 to [`MAX_LINES`], without names or hogs.
    #[must_use]
    pub fn new(lines: u32) -> Bank {
        let (names, hogs) = (Vec::new(), Vec::new());
        Bank {
            label: String::new(),
            lines,
            names,
            hogs,
            invalid: Vec::new(),
            shared: Vec::new(),
            base: None,
            platform_id: None,
            node: 0,
            faults: None,
        }
    }

    /// Sets the chip's label. Without one, or with an empty one, it is `gpio-sim.N:node0`.
    #[must_use]
    pub fn label(mut self, label: &str) -> Bank {
        self.label = label.into();
        self
    }

    /// Gives a line a name. A name of a line that the chip does not have is ignored.
    #[must_use]
    pub fn name(mut self, offset: Offset, name: impl Into<Name>) -> Bank {
        self.names.push((offset, name.into()));
        self
    }

    /// Lets the board itself request a line, before the chip can be found. A hog of a line that
    /// the chip does not have is ignored.
    #[must_use]
    pub fn hog(
        mut self,
        offset: Offset,
        consumer: impl Into<Label>,
        direction: HogDirection,
    ) -> Bank {
        self.hogs.push(Hog {
            offset,
            consumer: consumer.into(),
            direction,
            active_low: false,
        });
        self
    }

    /// Inverts the hogs of a line that were described so far: where one says high, the level is low.
    #[must_use]
    pub fn active_low(mut self, offset: Offset) -> Bank {
        let hogs = self.hogs.iter_mut().filter(|hog| hog.offset == offset);
        hogs.for_each(|hog| hog.active_low = true);
        self
    }

    /// Takes a line away from everybody: it shows as used and cannot be requested.
    #[must_use]
    pub fn invalid(mut self, offset: Offset) -> Bank {
        self.invalid.push(offset);
        self
    }

    /// Lets several consumers of this process have a line at once ([`gpiolib::Line::get`]); programs see
    /// it as held by `shared`. A line that the chip does not have is ignored.
    #[must_use]
    pub fn shared(mut self, offset: Offset) -> Bank {
        self.shared.push(offset);
        self
    }

    /// Says which number the first line has in `/sys/class/gpio`. Without this, one is chosen.
    // DIFFERS: gpio-sim.c gpio_sim_add_bank (v6.12) always lets the core choose
    #[must_use]
    pub fn base(mut self, number: u32) -> Bank {
        self.base = Some(number);
        self
    }

    /// Lets go wrong what is planned.
    #[must_use]
    pub fn faults(mut self, faults: &Faults) -> Bank {
        self.faults = Some(faults.clone());
        self
    }

    /// Makes it bank `node` of the platform device `gpio-sim.N`. Without this, it is the only bank of the
    /// device with the smallest N that no other chip of the registry hangs below.
    #[must_use]
    pub fn platform(mut self, id: u32, node: u32) -> Bank {
        (self.platform_id, self.node) = (Some(id), node);
        self
    }

    /// The label that the chip shows, if it is known of which device it is ([`Bank::platform`]).
    #[must_use]
    pub fn shown_label(&self) -> String {
        self.shown_label_of(self.platform_id.unwrap_or(0))
    }

    fn shown_label_of(&self, id: u32) -> String {
        if self.label.is_empty() {
            format!("gpio-sim.{id}:node{}", self.node)
        } else {
            self.label.clone()
        }
    }

    /// Plugs the chip in.
    ///
    /// # Errors
    /// `Invalid` if the number of lines is not 1 to [`MAX_LINES`].
    pub fn register(self, registry: &Registry) -> Result<Sim> {
        if !(1..=MAX_LINES).contains(&self.lines) {
            return Err(Error::Invalid("a bank has 1 to 1024 lines"));
        }
        let id = self
            .platform_id
            .unwrap_or_else(|| free_platform_id(registry));
        let mut config = ChipConfig::new(&self.shown_label_of(id), self.lines);
        // KERNEL: gpio-sim.c gpio_sim_add_bank (v6.12)
        config.can_sleep = true;
        config.parent = Some(format!("platform/gpio-sim.{id}"));
        config.names = self.names;
        config.hogs = self.hogs;
        config.invalid = self.invalid;
        config.shared = self.shared;
        config.base = self.base;
        let chip = SimChip::new(self.lines);
        chip.keep_time_of(registry);
        if let Some(faults) = &self.faults {
            chip.set_faults(faults);
        }
        let own = Faulty {
            chip: chip.clone(),
            faults: self.faults,
        };
        let registration = registry.register(&config, own)?;
        Ok(Sim::new(registry.clone(), registration, chip))
    }
}

/// The smallest N for which nothing hangs below `platform/gpio-sim.N`.
fn free_platform_id(registry: &Registry) -> u32 {
    let devices = registry.devices();
    let is_taken = |id: &u32| {
        let parent = format!("platform/gpio-sim.{id}");
        devices
            .iter()
            .any(|device| device.parent() == Some(parent.as_str()))
    };
    (0..).find(|id| !is_taken(id)).unwrap_or(u32::MAX)
}
