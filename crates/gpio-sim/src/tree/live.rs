//! `live`: making chips of a device's banks, and taking them away.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use gpiolib::{Errno, Feature, Label, Name, Offset, Release};

use super::Host;
use super::dirs::{BankDir, DeviceDir};
use super::text;
use crate::Bank;

impl DeviceDir {
    /// Takes a text into `live`.
    pub(super) fn store_live(
        &mut self,
        text: &[u8],
        release: Release,
        host: &mut dyn Host,
    ) -> Result<(), Errno> {
        let live = text::boolean(text)?;
        match (live, self.is_live()) {
            (true, true) | (false, false) => Err(Errno::EPERM),
            (true, false) => self.activate(release, host),
            (false, true) => {
                self.deactivate(host);
                Ok(())
            }
        }
    }

    /// Plugs in a chip for each bank, in their order; all of them or none.
    fn activate(&mut self, release: Release, host: &mut dyn Host) -> Result<(), Errno> {
        if self.banks.is_empty() {
            return Err(Errno::ENODATA);
        }
        if self.has_equal_labels() {
            return Err(Errno::EINVAL);
        }
        let mut keys = Vec::new();
        for (node, bank) in (0..).zip(&mut self.banks) {
            let plugged = if release.has(Feature::HogMustBe) && bank.has_lost_hogs() {
                None
            } else {
                let described = bank.describe(release).platform(self.id, node);
                host.plug(described).ok()
            };
            let Some(chip) = plugged else {
                self.unplug(keys, host);
                // KERNEL: gpio-sim.c (v6.12): the driver's reason is not reported
                return Err(Errno::ENXIO);
            };
            keys.push(chip.key);
            bank.chip = Some(chip);
        }
        self.chips = Some(keys);
        Ok(())
    }

    /// Unplugs every chip, even while it is in use. A device that is not live stays as it is.
    pub(super) fn deactivate(&mut self, host: &mut dyn Host) {
        if let Some(keys) = self.chips.take() {
            self.unplug(keys, host);
        }
    }

    fn unplug(&mut self, keys: Vec<u64>, host: &mut dyn Host) {
        for key in keys.into_iter().rev() {
            host.unplug(key);
        }
        for bank in &mut self.banks {
            bank.chip = None;
        }
    }

    /// Whether two banks were given the same label; those never given one do not count.
    fn has_equal_labels(&self) -> bool {
        let mut labels: Vec<_> = self
            .banks
            .iter()
            .filter_map(|bank| bank.label.as_ref())
            .collect();
        labels.sort_unstable();
        labels.windows(2).any(|pair| pair[0] == pair[1])
    }
}

impl BankDir {
    /// Whether a hog's line is one that the chip does not have, or that is not valid.
    fn has_lost_hogs(&self) -> bool {
        let mut hogged = self.lines.iter().filter(|line| line.hog.is_some());
        let is_invalid = |offset| {
            let mut lines = self.lines.iter();
            lines.any(|line| line.offset == offset && !line.is_valid)
        };
        hogged.any(|line| line.offset >= self.num_lines || is_invalid(line.offset))
    }

    /// The chip that this bank asks for.
    fn describe(&self, release: Release) -> Bank {
        let label = self.label.as_deref().unwrap_or_default();
        let mut bank = Bank::new(self.num_lines).label(&String::from_utf8_lossy(label));
        let (mut names, mut hogged) = (BTreeMap::new(), BTreeMap::new());
        for line in &self.lines {
            if let Some(name) = line.label.as_deref().filter(|name| !name.is_empty()) {
                names.insert(line.offset, Name::new(name));
            }
            if let Some(hog) = &line.hog {
                // The second hog of a line is without effect.
                hogged.entry(line.offset).or_insert(hog);
            }
            if !line.is_valid {
                bank = bank.invalid(Offset::new(line.offset));
            }
        }
        for (offset, name) in names {
            bank = bank.name(Offset::new(offset), name);
        }
        for (offset, hog) in hogged {
            let may_be_empty = !release.has(Feature::HogNeverNameless);
            let name = hog.name.as_deref();
            let name = name.filter(|name| may_be_empty || !name.is_empty());
            let consumer = Label::new(name.unwrap_or(b"?"));
            let offset = Offset::new(offset);
            bank = bank.hog(offset, consumer, hog.direction);
            if hog.active_low {
                bank = bank.active_low(offset);
            }
        }
        bank
    }
}
