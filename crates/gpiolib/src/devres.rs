//! Managed resources: what a bound device took, given back in reverse order when it is unbound.
//!
//! A [`Scope`] belongs to one device from probe to detach. Lines got and chips registered through it
//! lie on one stack, together with any value or action the driver puts there. Detaching, or a probe
//! that fails, takes the stack apart from the top: what was taken last goes first.
//!
//! The scope holds one reference to each line it got, and what it gives out is another: a clone that
//! somebody else keeps (another framework, say) outlives the detach. [`Scope::unhinge`] instead
//! moves the scope's own reference out.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;
use core::ops::Deref;

use crate::registry::Registered;
use crate::{Chip, ChipConfig, Consumer, Desc, Device, Initial, Module, Result};

/// The managed resources of one bound device, which it is as a [`Consumer`].
///
/// ```
/// use gpiolib::{Consumer, Initial, Lookup, LookupTable, Offset, Registry, Scope};
/// # use gpiolib::{Chip, ChipConfig, Level, Result};
/// # struct Expander;
/// # impl Chip for Expander {
/// #     fn direction_output(&self, _: Offset, _: Level) -> Result<()> { Ok(()) }
/// # }
/// let registry = Registry::new();
/// let chip = registry.register(&ChipConfig::new("u5", 8), Expander)?;
/// registry.add_lookup(LookupTable::new("eeprom", vec![Lookup::chip("u5", Offset::new(3))]));
///
/// let mut eeprom = Scope::new(Consumer::new(&registry, "eeprom"));
/// let wp = eeprom.get_managed("wp", Initial::OutputActive)?;
/// let lent = wp.clone();
/// drop(wp);
/// drop(eeprom); // detached: the scope's reference goes
/// assert_eq!(lent.handles(), 1, "what was lent is still there");
/// # Ok::<(), gpiolib::Error>(())
/// ```
pub struct Scope {
    consumer: Consumer,
    owner: Option<Module>,
    stack: Vec<Resource>,
}

/// Something to give back.
enum Resource {
    Line(Desc),
    Chip(Registered),
    Value(Box<dyn Any + Send>),
    Action(Box<dyn FnOnce() + Send>),
}

impl Scope {
    /// The scope of a device that is about to be probed.
    #[must_use]
    pub const fn new(consumer: Consumer) -> Self {
        Self {
            consumer,
            owner: None,
            stack: Vec::new(),
        }
    }

    /// The scope with the module of the driver that probes: it owns the chips registered here.
    #[must_use]
    pub fn with_module(mut self, module: Module) -> Self {
        self.owner = Some(module);
        self
    }

    /// How many resources are managed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stack.len()
    }

    /// Whether nothing is managed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stack.is_empty()
    }

    /// Gets a line of a function and manages it. What is returned is a reference of the caller's.
    ///
    /// # Errors
    /// As [`Consumer::get`].
    // KERNEL: gpiolib-devres.c devm_gpiod_get_index (v6.12).
    // DIFFERS: the driver's handle is counted, so it cannot be left dangling by the detach.
    pub fn get_managed<'a>(
        &mut self,
        con_id: impl Into<Option<&'a str>>,
        initial: Initial,
    ) -> Result<Desc> {
        let desc = self.consumer.get(con_id, initial)?;
        Ok(self.manage(desc))
    }

    /// Gets the `index`-th line of a function, counted from 0, and manages it.
    ///
    /// # Errors
    /// As [`Consumer::get_index`].
    pub fn get_index_managed<'a>(
        &mut self,
        con_id: impl Into<Option<&'a str>>,
        index: usize,
        initial: Initial,
    ) -> Result<Desc> {
        let desc = self.consumer.get_index(con_id, index, initial)?;
        Ok(self.manage(desc))
    }

    /// Gets a line of a function that need not be there, and manages it.
    ///
    /// # Errors
    /// As [`Consumer::get_optional`].
    pub fn get_optional_managed<'a>(
        &mut self,
        con_id: impl Into<Option<&'a str>>,
        initial: Initial,
    ) -> Result<Option<Desc>> {
        let desc = self.consumer.get_optional(con_id, initial)?;
        Ok(desc.map(|desc| self.manage(desc)))
    }

    /// Gets all lines of a function and manages them; given back in order when their time comes.
    ///
    /// # Errors
    /// As [`Consumer::get_array`].
    // KERNEL: gpiolib-devres.c devm_gpiod_get_array (v6.12): the array is one resource, put in order.
    pub fn get_array_managed<'a>(
        &mut self,
        con_id: impl Into<Option<&'a str>>,
        initial: Initial,
    ) -> Result<Vec<Desc>> {
        let descs = self.consumer.get_array(con_id, initial)?;
        self.keep(descs.clone());
        Ok(descs)
    }

    /// Manages a line that was got by other means; what is returned is another reference to it.
    pub fn manage(&mut self, desc: Desc) -> Desc {
        let other = desc.clone();
        self.stack.push(Resource::Line(desc));
        other
    }

    /// Registers a chip and manages it. The driver's module, if it has one, owns the chip.
    ///
    /// # Errors
    /// As [`crate::Registry::register`].
    // KERNEL: gpiolib.c gpiochip_add_data_with_key, devm_gpiochip_add_data_with_key (v6.12): the
    // module of the parent's driver comes before the chip's own.
    pub fn register(&mut self, config: &ChipConfig, chip: impl Chip) -> Result<Device> {
        let chip = Box::new(chip);
        let registry = self.consumer.registry();
        let registration = match &self.owner {
            Some(owner) => {
                let owner = Some(owner.clone());
                let config = ChipConfig {
                    owner,
                    ..config.clone()
                };
                registry.register_dyn(&config, chip)
            }
            None => registry.register_dyn(config, chip),
        }?;
        let device = registration.device().clone();
        self.stack.push(Resource::Chip(registration));
        Ok(device)
    }

    /// Keeps a value until its turn comes: the driver's own state, a buffer.
    pub fn keep<T: Send + 'static>(&mut self, value: T) {
        self.stack.push(Resource::Value(Box::new(value)));
    }

    /// Does something when its turn comes.
    pub fn on_detach(&mut self, action: impl FnOnce() + Send + 'static) {
        self.stack.push(Resource::Action(Box::new(action)));
    }

    /// Moves the scope's reference to this line out of it: detaching no longer gives it back. `None`
    /// if the scope has none (any more).
    // KERNEL: gpiolib-devres.c devm_gpiod_unhinge (v6.12).
    pub fn unhinge(&mut self, desc: &Desc) -> Option<Desc> {
        let is_it = |entry: &Resource| matches!(entry, Resource::Line(line) if line.is_same(desc));
        let at = self.stack.iter().rposition(is_it)?;
        match self.stack.remove(at) {
            Resource::Line(line) => Some(line),
            _ => None,
        }
    }

    /// Gives a managed line back now, the caller's handle included.
    ///
    /// # Errors
    /// The handle back, if the line is not managed here; nothing is given back then.
    // KERNEL: gpiolib-devres.c devm_gpiod_put (v6.12).
    pub fn put(&mut self, desc: Desc) -> core::result::Result<(), Desc> {
        match self.unhinge(&desc) {
            Some(_) => Ok(()),
            None => Err(desc),
        }
    }

    /// Gives everything back, last first.
    // KERNEL: devres.c release_nodes (v6.12).
    pub fn release_all(&mut self) {
        while let Some(resource) = self.stack.pop() {
            match resource {
                Resource::Line(desc) => drop(desc),
                Resource::Chip(registration) => drop(registration),
                Resource::Value(value) => drop(value),
                Resource::Action(action) => action(),
            }
        }
    }
}

impl Deref for Scope {
    type Target = Consumer;

    /// The device as a consumer, for what is not to be managed.
    fn deref(&self) -> &Consumer {
        &self.consumer
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.release_all();
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("consumer", &self.consumer)
            .field("stack", &self.stack)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(desc) => desc.fmt(f),
            Self::Chip(registration) => registration.device().fmt(f),
            Self::Value(_) => f.write_str("Value"),
            Self::Action(_) => f.write_str("Action"),
        }
    }
}
