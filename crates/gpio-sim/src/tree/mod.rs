//! The gpio-sim control tree: the directories and files through which Linux makes simulated chips.
//!
//! [`Tree`] holds what has been made below `gpio-sim/` of configfs: devices, their banks, lines and
//! hogs, each with its attributes. It knows no file system: a path is a list of names, an attribute
//! is shown as bytes and stored from bytes, and the answers are Linux's, in the order in which Linux
//! finds what is wrong. Chips are plugged in through a [`Host`]. The files below the chips themselves
//! (`pull`, `value`) are in [`mod@line`].
// KERNEL: gpio-sim.c (v6.12), all of the configfs part; configfs dir.c for what rmdir refuses.

mod attribute;
mod dirs;
pub mod line;
mod live;
#[cfg(test)]
mod tests;
mod text;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use gpiolib::{Errno, Release, Result as CoreResult};

pub use self::attribute::{Attribute, Kind};
use self::dirs::DeviceDir;
use crate::Bank;

/// A chip that a [`Host`] has plugged in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PluggedChip {
    /// What to unplug it by.
    pub key: u64,
    /// `gpiochipN`.
    pub name: String,
}

/// Where the tree's chips are plugged in.
pub trait Host {
    /// Takes the smallest N for which there is no `gpio-sim.N`.
    fn take_platform_id(&mut self) -> u32;

    /// Gives one back.
    fn free_platform_id(&mut self, id: u32);

    /// Plugs a chip in. When this returns, programs can use it.
    ///
    /// # Errors
    /// The chip cannot be.
    fn plug(&mut self, bank: Bank) -> CoreResult<PluggedChip>;

    /// Pulls a chip out again, if it is still there.
    fn unplug(&mut self, key: u64);

    /// `gpiochipN`, if the chip is there: one that went and came back by itself may have another N.
    fn name(&self, key: u64) -> Option<String>;
}

/// Everything that was made in the tree.
pub struct Tree {
    devices: BTreeMap<u32, DeviceDir>,
    names: BTreeMap<Vec<u8>, u32>,
    serial: u32,
    release: Release,
}

/// The longest text that an attribute takes; more is cut.
// KERNEL: configfs file.c SIMPLE_ATTR_SIZE (v6.12), less the NUL behind it
pub const STORE_MAX: usize = 4095;

impl Tree {
    /// An empty tree with the attributes of this release.
    #[must_use]
    pub fn new(release: Release) -> Tree {
        let (devices, names) = (BTreeMap::new(), BTreeMap::new());
        Tree {
            devices,
            names,
            serial: 0,
            release,
        }
    }

    /// Makes a directory; gives the attributes that appear in it.
    ///
    /// # Errors
    /// `EINVAL` for a name that cannot be there, `EBUSY` below a device that is live, `EPERM` where
    /// there are no directories, `EEXIST`, and `ENOENT` if the parent is missing.
    pub fn mkdir(&mut self, path: &[&[u8]], host: &mut dyn Host) -> Result<&'static [Kind], Errno> {
        let (name, parents) = path.split_last().ok_or(Errno::EEXIST)?;
        let Some((device, below)) = parents.split_first() else {
            return self.mkdir_device(name, host);
        };
        let release = self.release;
        let device = self.device_mut(device).ok_or(Errno::ENOENT)?;
        let [bank, below @ ..] = below else {
            return device.mkdir_bank(name);
        };
        let is_live = device.is_live();
        let serial = device.next();
        let bank = device
            .banks
            .iter_mut()
            .find(|dir| dir.name == *bank)
            .ok_or(Errno::ENOENT)?;
        let [line, below @ ..] = below else {
            return bank.mkdir_line(name, serial, is_live, release);
        };
        let line = bank
            .lines
            .iter_mut()
            .find(|dir| dir.name == *line)
            .ok_or(Errno::ENOENT)?;
        let is_hog_attribute = |name: &[u8]| {
            let mut kinds = Kind::of_hog(release).iter();
            kinds.any(|kind| kind.name() == name)
        };
        match below {
            [] => line.mkdir_hog(name, serial, is_live, release),
            [b"hog"] if line.hog.is_some() && is_hog_attribute(name) => Err(Errno::EEXIST),
            // KERNEL: configfs dir.c configfs_mkdir (v6.12): a directory whose type makes none
            [b"hog"] if line.hog.is_some() => Err(Errno::EPERM),
            _ => Err(Errno::ENOENT),
        }
    }

    fn mkdir_device(&mut self, name: &[u8], host: &mut dyn Host) -> Result<&'static [Kind], Errno> {
        if self.names.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        self.serial = self.serial.checked_add(1).ok_or(Errno::ENOSPC)?;
        let id = host.take_platform_id();
        self.names.insert(name.into(), self.serial);
        self.devices.insert(self.serial, DeviceDir::new(id));
        Ok(&Kind::DEVICE)
    }

    /// Removes a directory. A live device without banks is taken down first.
    ///
    /// # Errors
    /// `EBUSY` if a live chip needs it, `ENOTEMPTY` if something was made in it, `ENOTDIR` for an
    /// attribute, `ENOENT`.
    pub fn rmdir(&mut self, path: &[&[u8]], host: &mut dyn Host) -> Result<(), Errno> {
        let [device_name, below @ ..] = path else {
            return Err(Errno::EPERM);
        };
        if self.find(path).is_some() {
            return Err(Errno::ENOTDIR);
        }
        let device = self.device_mut(device_name).ok_or(Errno::ENOENT)?;
        if !below.is_empty() {
            return device.rmdir_below(below);
        }
        if !device.banks.is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        device.deactivate(host);
        let serial = self.names.remove(*device_name).ok_or(Errno::ENOENT)?;
        if let Some(device) = self.devices.remove(&serial) {
            host.free_platform_id(device.id);
        }
        Ok(())
    }

    /// The attribute of that path.
    #[must_use]
    pub fn find(&self, path: &[&[u8]]) -> Option<Attribute> {
        let (name, dirs) = path.split_last()?;
        let (device, below) = dirs.split_first()?;
        let serial = *self.names.get(*device)?;
        let device = self.devices.get(&serial)?;
        let (dir, kinds) = device.dir(below, self.release)?;
        let kind = *kinds.iter().find(|kind| kind.name() == *name)?;
        Some(Attribute {
            device: serial,
            dir,
            kind,
        })
    }

    /// The text of an attribute.
    ///
    /// # Errors
    /// `ENOENT` if its directory was removed.
    pub fn show(&self, attribute: Attribute, host: &dyn Host) -> Result<Vec<u8>, Errno> {
        let device = self.devices.get(&attribute.device).ok_or(Errno::ENOENT)?;
        device.show(attribute.dir, attribute.kind, host)
    }

    /// Stores a text in an attribute; gives how much of it was taken. What it asks for is done when
    /// this returns.
    ///
    /// # Errors
    /// `EFAULT` for no text at all; `EINVAL`, `ERANGE`, `EBUSY`, `EPERM`, `ENODATA` and `ENXIO` as in
    /// Linux; `ENOENT` if the directory was removed.
    pub fn store(
        &mut self,
        attribute: Attribute,
        text: &[u8],
        host: &mut dyn Host,
    ) -> Result<usize, Errno> {
        // KERNEL: configfs file.c fill_write_buffer (v6.12)
        if text.is_empty() {
            return Err(Errno::EFAULT);
        }
        let text = text.get(..STORE_MAX).unwrap_or(text);
        let device = self
            .devices
            .get_mut(&attribute.device)
            .ok_or(Errno::ENOENT)?;
        match attribute.kind {
            Kind::Live => device.store_live(text, self.release, host)?,
            kind => device.store(attribute.dir, kind, text)?,
        }
        Ok(text.len())
    }

    fn device_mut(&mut self, name: &[u8]) -> Option<&mut DeviceDir> {
        self.devices.get_mut(self.names.get(name)?)
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.keys().map(|name| String::from_utf8_lossy(name));
        f.debug_set().entries(names).finish()
    }
}
