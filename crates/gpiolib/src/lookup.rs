//! Look-up tables: which line a function of a device is, when no firmware says so.
//!
//! A board that has no firmware node for a consumer adds a [`LookupTable`] for it
//! ([`crate::Registry::add_lookup`]): the machine's own answer to "which line is `wp` of `eeprom`?".
//! [`LookupFlags`] say how a line is wired. [`crate::Consumer`] asks.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::{BitOr, BitOrAssign};

use crate::{Bias, Drive, Error, Offset, Registry, Result};

/// How a line is wired, as a look-up table or a firmware property says it.
///
/// ```
/// use gpiolib::LookupFlags;
///
/// let reset = LookupFlags::ACTIVE_LOW | LookupFlags::OPEN_DRAIN;
/// assert!(reset.contains(LookupFlags::ACTIVE_LOW));
/// assert_eq!(LookupFlags::from_bits(reset.bits()), reset);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct LookupFlags(u32);

impl LookupFlags {
    /// Active high, push-pull, bias left alone, persistent.
    pub const NONE: Self = Self(0);
    /// Active at low level.
    pub const ACTIVE_LOW: Self = Self(1);
    /// Only low may be driven.
    pub const OPEN_DRAIN: Self = Self(2);
    /// Only high may be driven.
    pub const OPEN_SOURCE: Self = Self(4);
    /// The state may be lost over sleep or reset.
    pub const TRANSITORY: Self = Self(8);
    /// Pulled to high.
    pub const PULL_UP: Self = Self(16);
    /// Pulled to low.
    pub const PULL_DOWN: Self = Self(32);
    /// Not pulled.
    pub const PULL_DISABLE: Self = Self(64);

    /// The flags with these bits, numbered as in `<linux/gpio/machine.h>`.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// The drive these flags mean; open drain wins over open source.
    pub(crate) const fn drive(self) -> Drive {
        if self.contains(Self::OPEN_DRAIN) {
            Drive::OpenDrain
        } else if self.contains(Self::OPEN_SOURCE) {
            Drive::OpenSource
        } else {
            Drive::PushPull
        }
    }

    /// The bias these flags mean.
    ///
    /// # Errors
    /// `Invalid` if they contradict each other.
    pub(crate) const fn bias(self) -> Result<Bias> {
        match self.0 & 112 {
            0 => Ok(Bias::AsIs),
            16 => Ok(Bias::PullUp),
            32 => Ok(Bias::PullDown),
            64 => Ok(Bias::Disabled),
            _ => Err(Error::Invalid("a line has one bias")),
        }
    }
}

impl BitOr for LookupFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for LookupFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// Where a look-up leads.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Key {
    /// The line of a chip with this label.
    Chip(String, Offset),
    /// The first line with this name.
    Line(String),
}

/// One line of a look-up table.
///
/// ```
/// use gpio_sim::Bank;
/// use gpiolib::{Consumer, Initial, Lookup, LookupTable, Offset, Registry};
///
/// let registry = Registry::new();
/// let u5 = Bank::new(8).label("u5").name(Offset::new(6), "LED").register(&registry)?;
/// let first = Lookup::chip("u5", Offset::new(3)).con_id("led");
/// let second = Lookup::line("LED").con_id("led").index(1);
/// registry.add_lookup(LookupTable::new("panel", vec![first, second]));
/// let panel = Consumer::new(&registry, "panel");
/// assert_eq!(panel.get_index("led", 1, Initial::OutputInactive)?.offset(), Offset::new(6));
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lookup {
    key: Key,
    con_id: Option<String>,
    index: usize,
    flags: LookupFlags,
}

impl Lookup {
    /// Leads to a line of the chip with this label, for any function, as its first line.
    #[must_use]
    pub fn chip(label: &str, offset: Offset) -> Self {
        Self::new(Key::Chip(label.into(), offset))
    }

    /// Leads to the first line with this name, for any function, as its first line.
    #[must_use]
    pub fn line(name: &str) -> Self {
        Self::new(Key::Line(name.into()))
    }

    const fn new(key: Key) -> Self {
        Self {
            key,
            con_id: None,
            index: 0,
            flags: LookupFlags::NONE,
        }
    }

    /// Only for this function of the consumer.
    #[must_use]
    pub fn con_id(mut self, con_id: &str) -> Self {
        self.con_id = Some(con_id.into());
        self
    }

    /// As the `index`-th line of the function, counted from 0.
    #[must_use]
    pub const fn index(mut self, index: usize) -> Self {
        self.index = index;
        self
    }

    /// How the line is wired.
    #[must_use]
    pub const fn flags(mut self, flags: LookupFlags) -> Self {
        self.flags = flags;
        self
    }

    /// Whether this entry answers a look-up. One without a function answers for any.
    fn answers(&self, con_id: Option<&str>, index: usize) -> bool {
        self.index == index && (self.con_id.is_none() || self.con_id.as_deref() == con_id)
    }
}

/// The lines of one consumer.
///
/// ```
/// use gpiolib::{Lookup, LookupTable, Offset};
///
/// let table = LookupTable::new("eeprom", vec![Lookup::chip("u5", Offset::new(3)).con_id("wp")]);
/// assert_eq!(table.dev_id.as_deref(), Some("eeprom"));
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LookupTable {
    /// The consumer's name; `None` for whoever asks without one.
    pub dev_id: Option<String>,
    /// Its lines; the first entry that answers wins.
    pub entries: Vec<Lookup>,
}

impl LookupTable {
    /// A table for the consumer with this name.
    #[must_use]
    pub fn new(dev_id: &str, entries: Vec<Lookup>) -> Self {
        Self {
            dev_id: Some(dev_id.into()),
            entries,
        }
    }
}

/// Which table to take away again.
///
/// ```
/// use gpiolib::{LookupTable, Registry};
///
/// let registry = Registry::new();
/// let id = registry.add_lookup(LookupTable::new("eeprom", Vec::new()));
/// assert!(registry.remove_lookup(id).is_some());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct LookupId(u64);

/// The tables of a registry, in the order they were added.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    tables: Vec<(LookupId, LookupTable)>,
    next: u64,
}

/// What a look-up found, before the chip is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    key: Key,
    pub(crate) flags: LookupFlags,
}

impl Found {
    pub(crate) fn chip(label: &str, offset: Offset, flags: LookupFlags) -> Self {
        let key = Key::Chip(label.into(), offset);
        Self { key, flags }
    }

    /// The line itself.
    ///
    /// # Errors
    /// `ProbeDefer` while the provider is missing; `Invalid` beyond its last line.
    // KERNEL: gpiolib.c gpiod_find, gpiolib-swnode.c swnode_find_gpio (v6.12).
    // DIFFERS: what is found is a reference to the line, not a bare descriptor.
    pub(crate) fn line(&self, registry: &Registry) -> Result<crate::Line> {
        match &self.key {
            Key::Line(name) => registry.find_line(name).ok_or(Error::ProbeDefer),
            Key::Chip(label, offset) => registry
                .device_by_label(label)
                .ok_or(Error::ProbeDefer)?
                .line(*offset)
                .ok_or(Error::Invalid("the chip has no such line")),
        }
    }
}

impl Lookups {
    /// The table of a consumer: the first for its name, and no other.
    fn table(&self, dev_id: Option<&str>) -> Result<&LookupTable> {
        self.tables
            .iter()
            .map(|(_, table)| table)
            .find(|table| table.dev_id.as_deref() == dev_id)
            .ok_or(Error::NotFound)
    }

    /// What the tables say of a function.
    ///
    /// # Errors
    /// `NotFound` without a table or an entry.
    pub(crate) fn find(
        &self,
        dev_id: Option<&str>,
        con_id: Option<&str>,
        index: usize,
    ) -> Result<Found> {
        self.table(dev_id)?
            .entries
            .iter()
            .find(|entry| entry.answers(con_id, index))
            .map(|entry| Found {
                key: entry.key.clone(),
                flags: entry.flags,
            })
            .ok_or(Error::NotFound)
    }

    /// How many lines the tables list for a function. An entry without a function is found, but it
    /// is not counted.
    ///
    /// # Errors
    /// `NotFound` if none.
    // KERNEL: gpiolib.c platform_gpio_count (v6.12).
    pub(crate) fn count(&self, dev_id: Option<&str>, con_id: Option<&str>) -> Result<usize> {
        let entries = &self.table(dev_id)?.entries;
        let same = |entry: &&Lookup| entry.con_id.as_deref() == con_id;
        match entries.iter().filter(same).count() {
            0 => Err(Error::NotFound),
            count => Ok(count),
        }
    }
}

impl Registry {
    /// Adds a look-up table. A later table for the same consumer is never asked.
    pub fn add_lookup(&self, table: LookupTable) -> LookupId {
        let mut lookups = self.0.lookups.lock();
        let id = LookupId(lookups.next);
        lookups.next = lookups.next.wrapping_add(1);
        lookups.tables.push((id, table));
        id
    }

    /// Takes a look-up table away; lines got through it stay got. `None` if it is gone already.
    #[expect(clippy::must_use_candidate, reason = "most only want it gone")]
    pub fn remove_lookup(&self, id: LookupId) -> Option<LookupTable> {
        let tables = &mut self.0.lookups.lock().tables;
        let at = tables.iter().position(|(other, _)| *other == id)?;
        Some(tables.remove(at).1)
    }
}
