//! The consumer's side: getting the lines of a function.
//!
//! A [`Consumer`] is a device that uses lines: a name for the look-up tables, and perhaps a firmware
//! [`Node`]. It asks for a function by connection name (`con_id`), gets a [`Desc`] that is requested,
//! configured and announced, and gives it back by dropping it. [`crate::Scope`] gets on behalf of a
//! bound driver.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::engine::DescExt;
use crate::lookup::Found;
use crate::property::spellings;
use crate::{
    Desc, Drive, Error, InfoChangeKind, Label, LineConfig, LookupFlags, Node, Registry, Result,
    Value,
};

/// What a line is made when it is got. Values are logical, whatever the polarity.
///
/// ```
/// use gpio_sim::Bank;
/// use gpiolib::{Consumer, Initial, Lookup, LookupFlags, LookupTable, Offset, Registry, Value};
///
/// let registry = Registry::new();
/// let u5 = Bank::new(4).label("u5").register(&registry)?;
/// let reset = Lookup::chip("u5", Offset::new(3)).flags(LookupFlags::ACTIVE_LOW);
/// registry.add_lookup(LookupTable::new("phy", vec![reset]));
/// let reset = Consumer::new(&registry, "phy").get(None, Initial::OutputActive)?;
/// assert_eq!(reset.value()?, Value::Active);
/// assert!(!reset.level()?.is_high(), "active at low level");
/// # Ok::<(), gpiolib::Error>(())
/// ```
// KERNEL: include/linux/gpio/consumer.h enum gpiod_flags (v6.12), where high means active.
#[doc(alias = "gpiod_flags")]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Initial {
    /// The direction is left alone, and so is the hardware's bias.
    #[default]
    #[doc(alias = "GPIOD_ASIS")]
    AsIs,
    /// An input.
    #[doc(alias = "GPIOD_IN")]
    Input,
    /// An output, inactive.
    #[doc(alias = "GPIOD_OUT_LOW")]
    OutputInactive,
    /// An output, active.
    #[doc(alias = "GPIOD_OUT_HIGH")]
    OutputActive,
    /// An open-drain output, inactive.
    #[doc(alias = "GPIOD_OUT_LOW_OPEN_DRAIN")]
    OpenDrainInactive,
    /// An open-drain output, active.
    #[doc(alias = "GPIOD_OUT_HIGH_OPEN_DRAIN")]
    OpenDrainActive,
}

impl Initial {
    const fn is_open_drain(self) -> bool {
        matches!(self, Self::OpenDrainInactive | Self::OpenDrainActive)
    }

    /// The value an output starts with.
    pub(crate) const fn value(self) -> Option<Value> {
        match self {
            Self::AsIs | Self::Input => None,
            Self::OutputInactive | Self::OpenDrainInactive => Some(Value::Inactive),
            Self::OutputActive | Self::OpenDrainActive => Some(Value::Active),
        }
    }
}

/// Somebody who uses lines. Cheap to clone.
///
/// ```
/// use gpiolib::{Consumer, Error, Initial, Lookup, LookupTable, Offset, Registry};
/// # use gpiolib::{Chip, ChipConfig, Level, Result};
/// # struct Expander;
/// # impl Chip for Expander {
/// #     fn direction_output(&self, _: Offset, _: Level) -> Result<()> { Ok(()) }
/// # }
/// let registry = Registry::new();
/// let wp = Lookup::chip("u5", Offset::new(3)).con_id("wp");
/// registry.add_lookup(LookupTable::new("eeprom", vec![wp]));
///
/// let eeprom = Consumer::new(&registry, "eeprom");
/// assert_eq!(eeprom.get("wp", Initial::OutputActive).err(), Some(Error::ProbeDefer));
///
/// let chip = registry.register(&ChipConfig::new("u5", 8), Expander)?;
/// let wp = eeprom.get("wp", Initial::OutputActive)?;
/// assert_eq!(wp.offset(), Offset::new(3));
/// assert!(eeprom.get_optional("reset", Initial::OutputInactive)?.is_none());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Consumer {
    registry: Registry,
    name: Option<Box<str>>,
    node: Option<Node>,
}

impl Consumer {
    /// The consumer with this name.
    #[must_use]
    pub fn new(registry: &Registry, name: &str) -> Self {
        Self {
            registry: registry.clone(),
            name: Some(name.into()),
            node: None,
        }
    }

    /// A consumer without a name: only look-up tables for nobody in particular apply.
    #[must_use]
    pub fn anonymous(registry: &Registry) -> Self {
        Self {
            registry: registry.clone(),
            name: None,
            node: None,
        }
    }

    /// The consumer with a firmware node, asked before the look-up tables.
    #[must_use]
    pub fn with_node(mut self, node: Node) -> Self {
        self.node = Some(node);
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The firmware node that describes it.
    #[must_use]
    pub const fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// The world its lines are in.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Gets the first line of a function (`None`: of no function in particular).
    ///
    /// # Errors
    /// `NotFound` if nobody says which line that is; `ProbeDefer` while its provider is missing or
    /// on its way out; `Busy` if somebody holds it; `Invalid` for a line that the chip has not, or
    /// contradictory wiring; `Revoked` if the chip goes just now; what the driver answers.
    pub fn get<'a>(&self, con_id: impl Into<Option<&'a str>>, initial: Initial) -> Result<Desc> {
        self.get_index(con_id, 0, initial)
    }

    /// Gets the `index`-th line of a function, counted from 0.
    ///
    /// # Errors
    /// As [`Consumer::get`].
    // KERNEL: gpiolib.c gpiod_find_and_request (v6.12).
    // DIFFERS: a get that fails announces neither the request nor the release; a line that is held
    // is `Busy` for everybody: who shares one, clones it.
    pub fn get_index<'a>(
        &self,
        con_id: impl Into<Option<&'a str>>,
        index: usize,
        initial: Initial,
    ) -> Result<Desc> {
        let con_id = con_id.into();
        let found = self.find(con_id, index)?;
        let label = con_id.or(self.name()).map_or(Label::unknown(), Label::from);
        let desc = found.line(&self.registry)?.take(label)?;
        desc.set_up(found.flags, initial)?;
        desc.announce(InfoChangeKind::Requested);
        Ok(desc)
    }

    /// Gets the first line of a function that need not be there.
    ///
    /// # Errors
    /// As [`Consumer::get`], without `NotFound`.
    pub fn get_optional<'a>(
        &self,
        con_id: impl Into<Option<&'a str>>,
        initial: Initial,
    ) -> Result<Option<Desc>> {
        optional(self.get(con_id, initial))
    }

    /// Gets the `index`-th line of a function that need not be there.
    ///
    /// # Errors
    /// As [`Consumer::get`], without `NotFound`.
    pub fn get_index_optional<'a>(
        &self,
        con_id: impl Into<Option<&'a str>>,
        index: usize,
        initial: Initial,
    ) -> Result<Option<Desc>> {
        optional(self.get_index(con_id, index, initial))
    }

    /// Gets all lines of a function, in order, for [`crate::values`] and [`crate::set_values`].
    ///
    /// # Errors
    /// As [`Consumer::get`]; the lines taken so far are given back, in order.
    pub fn get_array<'a>(
        &self,
        con_id: impl Into<Option<&'a str>>,
        initial: Initial,
    ) -> Result<Vec<Desc>> {
        let con_id = con_id.into();
        let count = self.count(con_id)?;
        let mut descs = Vec::with_capacity(count);
        for index in 0..count {
            descs.push(self.get_index(con_id, index, initial)?);
        }
        Ok(descs)
    }

    /// Gets all lines of a function that need not be there.
    ///
    /// # Errors
    /// As [`Consumer::get_array`], without `NotFound`.
    pub fn get_array_optional<'a>(
        &self,
        con_id: impl Into<Option<&'a str>>,
        initial: Initial,
    ) -> Result<Option<Vec<Desc>>> {
        optional(self.get_array(con_id, initial))
    }

    /// How many lines a function has.
    ///
    /// # Errors
    /// `NotFound` if nobody lists one.
    // KERNEL: gpiolib.c gpiod_count, gpiolib-swnode.c swnode_gpio_count (v6.12): the first spelling
    // that lists any; the secondary node is not asked.
    pub fn count<'a>(&self, con_id: impl Into<Option<&'a str>>) -> Result<usize> {
        let con_id = con_id.into();
        let listed = |name| {
            let node = self.node.as_ref()?;
            let count = (0..)
                .take_while(|at| node.reference(name, *at).is_ok())
                .count();
            (count > 0).then_some(count)
        };
        match spellings(con_id).iter().find_map(|name| listed(name)) {
            Some(count) => Ok(count),
            None => self.registry.0.lookups.lock().count(self.name(), con_id),
        }
    }

    /// Which line a function is: the node, then its secondary node, then the look-up tables. Only
    /// "nobody says" goes on to the next.
    // KERNEL: gpiolib.c gpiod_find_by_fwnode, gpiod_find (v6.12).
    fn find(&self, con_id: Option<&str>, index: usize) -> Result<Found> {
        let nodes = [self.node(), self.node().and_then(Node::secondary)];
        for node in nodes.into_iter().flatten() {
            match find_by_node(node, con_id, index) {
                Err(Error::NotFound) => {}
                other => return other,
            }
        }
        let lookups = self.registry.0.lookups.lock();
        lookups.find(self.name(), con_id, index)
    }
}

/// Which line a node says a function is. The error of the last spelling counts.
// KERNEL: gpiolib-swnode.c swnode_find_gpio (v6.12).
fn find_by_node(node: &Node, con_id: Option<&str>, index: usize) -> Result<Found> {
    let [gpios, gpio] = spellings(con_id);
    let reference = node
        .reference(&gpios, index)
        .or_else(|_| node.reference(&gpio, index))?;
    match reference.provider.name() {
        None => Err(Error::Invalid("a provider has a name")),
        Some(Node::UNDEFINED) => Err(Error::NotFound),
        Some(label) => Ok(Found::chip(label, reference.offset, reference.flags)),
    }
}

/// Turns "nobody says which line" into none.
fn optional<T>(got: Result<T>) -> Result<Option<T>> {
    match got {
        Err(Error::NotFound) => Ok(None),
        other => other.map(Some),
    }
}

impl Desc {
    /// As [`crate::engine::DescExt::configure`].
    // KERNEL: gpiolib.c gpiod_configure_flags (v6.12).
    pub(crate) fn set_up(&self, wiring: LookupFlags, initial: Initial) -> Result<()> {
        let now = self.config();
        let drive = match wiring.drive() {
            Drive::OpenSource | Drive::PushPull if initial.is_open_drain() => Drive::OpenDrain,
            Drive::PushPull => now.drive,
            other => other,
        };
        let mut config = LineConfig {
            direction: None,
            active_low: now.active_low || wiring.contains(LookupFlags::ACTIVE_LOW),
            drive,
            ..now
        };
        self.apply_config(&config);
        config.bias = wiring.bias()?;
        self.apply_config(&config);
        self.set_transitory(wiring.contains(LookupFlags::TRANSITORY))?;
        match (initial, initial.value()) {
            (_, Some(value)) => self.direction_output(value),
            (Initial::Input, None) => self.direction_input(),
            (_, None) => Ok(()),
        }
    }
}
