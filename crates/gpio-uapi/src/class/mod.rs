//! The legacy interface: lines by numbers of the whole machine, as files below `/sys/class/gpio`.
//!
//! [`Class`] numbers the lines of all chips, keeps the lines that programs have exported, and shows
//! and stores the texts of their files ([`ClassAttribute`]). It knows no file system and no process; who
//! carries the calls makes the files, and wakes whoever polls a `value` when the line's
//! waker is woken.
// KERNEL: gpiolib-sysfs.c (v6.12)

mod exported;
mod text;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use core::task::Waker;

use gpiolib::engine::DescExt;
use gpiolib::{Device, Direction, Edges, Errno, Offset};

use self::exported::Exported;

/// The first number that a chip is given when it has no wish ([`gpiolib::ChipConfig::base`]).
// KERNEL: include/linux/gpio.h GPIO_DYNAMIC_BASE (v6.12)
pub const FIRST_NUMBER: u32 = 512;

/// The most of a text that a file takes; more is cut.
// KERNEL: fs/kernfs/file.c kernfs_fop_write_iter (v6.12)
pub const STORE_MAX: usize = 4096;

/// A file of an exported line.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ClassAttribute {
    /// `direction`
    Direction,
    /// `value`
    Value,
    /// `edge`
    Edge,
    /// `active_low`
    ActiveLow,
}

impl ClassAttribute {
    /// Every file of a line that has an interrupt and both directions, by name.
    pub const ALL: [ClassAttribute; 4] = [
        ClassAttribute::ActiveLow,
        ClassAttribute::Direction,
        ClassAttribute::Edge,
        ClassAttribute::Value,
    ];

    /// The file's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ClassAttribute::Direction => "direction",
            ClassAttribute::Value => "value",
            ClassAttribute::Edge => "edge",
            ClassAttribute::ActiveLow => "active_low",
        }
    }
}

/// The numbered lines of all chips, and those that were exported.
#[derive(Default)]
pub struct Class {
    /// By the number of the first line.
    chips: BTreeMap<u32, Device>,
    exported: BTreeMap<u32, Exported>,
}

/// Whose `export` and `unexport` a text is for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Within {
    /// Those of the class, which take the numbers of the whole machine.
    Machine,
    /// Those of the chip with this id, which take its offsets.
    Chip(u32),
}

/// What went with a chip.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Removed {
    /// The number of its first line.
    pub base: u32,
    /// The numbers of its lines that were exported.
    pub exported: Vec<u32>,
}

/// The first number from `from` on at which so many lines fit beside those that are `taken`, given in order as
/// first number and count. `None` if there are no numbers left.
// KERNEL: gpiolib.c gpiochip_find_base_unlocked (v6.12)
pub fn gap(from: u32, lines: u32, taken: impl IntoIterator<Item = (u32, u32)>) -> Option<u32> {
    let mut base = from;
    for (first, count) in taken {
        if base.checked_add(lines)? <= first {
            break;
        }
        base = base.max(first.checked_add(count)?);
    }
    i32::try_from(base.checked_add(lines)?).ok()?;
    Some(base)
}

impl Class {
    /// No chips yet.
    #[must_use]
    pub fn new() -> Class {
        Class::default()
    }

    /// Numbers a chip's lines: as it says itself, or the first gap from 512 on that they fit in. Gives the
    /// first number, `None` if another chip has one of the numbers or there are none left.
    // KERNEL: gpiolib.c gpiochip_add_data_with_key, gpiodev_add_to_list_unlocked (v6.12)
    pub fn add(&mut self, device: &Device) -> Option<u32> {
        let taken = self.chips().map(|(first, other)| (first, other.ngpio()));
        let from = device.base().unwrap_or(FIRST_NUMBER);
        let base = gap(from, device.ngpio(), taken)?;
        if device.base().is_some_and(|own| own != base) {
            return None;
        }
        self.chips.insert(base, device.clone());
        Some(base)
    }

    /// Forgets a chip and frees its exported lines.
    pub fn remove(&mut self, id: u32) -> Option<Removed> {
        let base = self.base(id)?;
        let count = self.chips.remove(&base)?.ngpio();
        let mut later = self.exported.split_off(&base);
        let mut kept = later.split_off(&base.saturating_add(count));
        self.exported.append(&mut kept);
        Some(Removed {
            base,
            exported: later.into_keys().collect(),
        })
    }

    /// The number of a chip's first line.
    #[must_use]
    pub fn base(&self, id: u32) -> Option<u32> {
        let mut chips = self.chips.iter();
        chips.find_map(|(base, device)| (device.id() == id).then_some(*base))
    }

    /// The chip and the offset of a number.
    #[must_use]
    pub fn line(&self, number: u32) -> Option<(&Device, Offset)> {
        let (base, device) = self.chips.range(..=number).next_back()?;
        let offset = number - base;
        (offset < device.ngpio()).then(|| (device, Offset::new(offset)))
    }

    /// Every chip with the number of its first line, in that order.
    pub fn chips(&self) -> impl Iterator<Item = (u32, &Device)> {
        self.chips.iter().map(|(base, device)| (*base, device))
    }

    /// Takes a text into `export`: requests the line that it means there, as consumer `sysfs`. Gives
    /// the line's number; `None` for no text at all.
    ///
    /// # Errors
    /// `EINVAL` or `ERANGE` for a text that is no number, `EINVAL` for one that no valid line has,
    /// `ENODEV` if the chip is going, `EBUSY` if the line is held.
    pub fn export(&mut self, within: Within, text: &[u8]) -> Result<Option<u32>, Errno> {
        let Some((number, device, offset)) = self.meant(within, text)? else {
            return Ok(None);
        };
        let line = device.line(offset).ok_or(Errno::EINVAL)?;
        let exported = Exported::request(&line)?;
        self.exported.insert(number, exported);
        Ok(Some(number))
    }

    /// Takes a text into `unexport`; gives the number of the line that is free now.
    ///
    /// # Errors
    /// `EINVAL` or `ERANGE` for no number, `EINVAL` for a line that was not exported.
    pub fn unexport(&mut self, within: Within, text: &[u8]) -> Result<Option<u32>, Errno> {
        let Some((number, ..)) = self.meant(within, text)? else {
            return Ok(None);
        };
        self.exported.remove(&number).ok_or(Errno::EINVAL)?;
        Ok(Some(number))
    }

    /// The line that a text means: its number, its chip and its offset.
    fn meant(&self, within: Within, text: &[u8]) -> Result<Option<(u32, &Device, Offset)>, Errno> {
        if text.is_empty() {
            return Ok(None);
        }
        let number = match within {
            Within::Machine => u32::try_from(text::number(text)?).map_err(|_| Errno::EINVAL)?,
            // KERNEL: gpiolib-sysfs.c chip_export_store (v6.17)
            Within::Chip(id) => {
                let offset = text::unsigned(text)?;
                let base = self.base(id).ok_or(Errno::ENODEV)?;
                let count = self.chips.get(&base).map_or(0, Device::ngpio);
                let inside = (offset < count).then_some(offset).ok_or(Errno::EINVAL)?;
                base + inside
            }
        };
        let (device, offset) = self.line(number).ok_or(Errno::EINVAL)?;
        Ok(Some((number, device, offset)))
    }

    /// The text of a file of an exported line. May take bus time.
    ///
    /// # Errors
    /// `ENODEV` if the line is not exported or its chip is gone, else what the driver answers.
    pub fn show(&self, number: u32, attribute: ClassAttribute) -> Result<Vec<u8>, Errno> {
        let Exported { desc, edges } = self.exported.get(&number).ok_or(Errno::ENODEV)?;
        let text = match attribute {
            ClassAttribute::Direction => match desc.direction() {
                Err(gpiolib::Error::Unsupported) if desc.is_output() => "out",
                Err(gpiolib::Error::Unsupported) => "in",
                Err(error) => return Err(error.errno()),
                Ok(Direction::Output) => "out",
                Ok(Direction::Input) => "in",
            },
            ClassAttribute::Value => flag(desc.value().map_err(|error| error.errno())?.is_active()),
            ClassAttribute::Edge => text::edges_name(*edges),
            ClassAttribute::ActiveLow => flag(desc.config().active_low),
        };
        Ok(format!("{text}\n").into_bytes())
    }

    /// Takes a text into a file of an exported line; gives how much of it was taken. `waker` is woken
    /// at each edge from then on, if the text arms any. May take bus time.
    ///
    /// # Errors
    /// `ENODEV` as for [`Class::show`]; `EINVAL` and `ERANGE` for a wrong text; `EPERM` for the value
    /// of an input; `EIO` for edges of an output or of a line that has none; the driver's.
    pub fn store(
        &mut self,
        number: u32,
        attribute: ClassAttribute,
        text: &[u8],
        waker: &Waker,
    ) -> Result<usize, Errno> {
        let line = self.exported.get_mut(&number).ok_or(Errno::ENODEV)?;
        let text = text.get(..STORE_MAX).unwrap_or(text);
        if text.is_empty() {
            return Ok(0);
        }
        match attribute {
            ClassAttribute::Direction => line.set_direction(text)?,
            ClassAttribute::Value => line.set_value(text)?,
            ClassAttribute::Edge => line.set_edges(text::edges(text)?, waker)?,
            ClassAttribute::ActiveLow => line.set_active_low(text::number(text)? != 0, waker)?,
        }
        Ok(text.len())
    }

    /// The edges that are reported of an exported line.
    #[must_use]
    pub fn edges(&self, number: u32) -> Edges {
        self.exported
            .get(&number)
            .map_or(Edges::NONE, |line| line.edges)
    }
}

const fn flag(flag: bool) -> &'static str {
    if flag { "1" } else { "0" }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.exported.keys()).finish()
    }
}

#[cfg(test)]
mod tests;
