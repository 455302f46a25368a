//! The directories: what is in each, and what their attributes show and take.

use alloc::format;
use alloc::vec::Vec;

use gpiolib::{Errno, HogDirection, Release, Value};

use super::attribute::Kind;
use super::{Host, PluggedChip, text};

/// A device: a platform device `gpio-sim.N` once it is live.
#[derive(Debug)]
pub(super) struct DeviceDir {
    /// The N.
    pub(super) id: u32,
    /// The chips by their keys, if it is live.
    pub(super) chips: Option<Vec<u64>>,
    pub(super) banks: Vec<BankDir>,
    serial: u32,
}

/// A bank: a chip once its device is live.
#[derive(Debug)]
pub(super) struct BankDir {
    pub(super) name: Vec<u8>,
    pub(super) serial: u32,
    pub(super) label: Option<Vec<u8>>,
    pub(super) num_lines: u32,
    /// The chip, while it is one.
    pub(super) chip: Option<PluggedChip>,
    pub(super) lines: Vec<LineDir>,
}

/// A line that has a name or a hog.
#[derive(Debug)]
pub(super) struct LineDir {
    pub(super) name: Vec<u8>,
    pub(super) serial: u32,
    pub(super) offset: u32,
    pub(super) label: Option<Vec<u8>>,
    pub(super) is_valid: bool,
    pub(super) hog: Option<HogDir>,
}

/// A hog.
#[derive(Debug)]
pub(super) struct HogDir {
    pub(super) serial: u32,
    pub(super) name: Option<Vec<u8>>,
    pub(super) direction: HogDirection,
    pub(super) active_low: bool,
}

/// The directory of the device itself, as [`super::Attribute::dir`].
const DEVICE: u32 = 0;

/// A directory of a device, found by its serial.
enum Dir<'a> {
    Bank(&'a mut BankDir),
    Line(&'a mut LineDir),
    Hog(&'a mut HogDir),
}

impl DeviceDir {
    pub(super) fn new(id: u32) -> DeviceDir {
        DeviceDir {
            id,
            chips: None,
            banks: Vec::new(),
            serial: DEVICE,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.chips.is_some()
    }

    /// A serial for a new directory.
    pub(super) fn next(&mut self) -> u32 {
        // After four thousand million directories of one device, stale descriptors might be mistaken.
        self.serial = self.serial.wrapping_add(1).max(1);
        self.serial
    }

    pub(super) fn mkdir_bank(&mut self, name: &[u8]) -> Result<&'static [Kind], Errno> {
        if Kind::DEVICE.iter().any(|kind| kind.name() == name)
            || self.banks.iter().any(|bank| bank.name == name)
        {
            return Err(Errno::EEXIST);
        }
        if self.is_live() {
            return Err(Errno::EBUSY);
        }
        let serial = self.next();
        let (name, lines) = (name.into(), Vec::new());
        self.banks.push(BankDir {
            name,
            serial,
            label: None,
            num_lines: 1,
            chip: None,
            lines,
        });
        Ok(&Kind::BANK)
    }

    /// Removes a bank, a line or a hog. What a live chip is made of stays.
    pub(super) fn rmdir_below(&mut self, path: &[&[u8]]) -> Result<(), Errno> {
        let is_live = self.is_live();
        let [bank_name, path @ ..] = path else {
            return Err(Errno::ENOENT);
        };
        let bank_at = self.banks.iter().position(|bank| bank.name == *bank_name);
        let bank_at = bank_at.ok_or(Errno::ENOENT)?;
        let bank = &mut self.banks[bank_at];
        let [line_name, path @ ..] = path else {
            if !bank.lines.is_empty() {
                return Err(Errno::ENOTEMPTY);
            }
            // KERNEL: only leaves are pinned, and a bank without lines is none (v6.12)
            self.banks.remove(bank_at);
            return Ok(());
        };
        let line_at = bank.lines.iter().position(|line| line.name == *line_name);
        let line_at = line_at.ok_or(Errno::ENOENT)?;
        let line = &mut bank.lines[line_at];
        match path {
            [] if line.hog.is_some() => return Err(Errno::ENOTEMPTY),
            [] if is_live => return Err(Errno::EBUSY),
            [] => drop(bank.lines.remove(line_at)),
            [b"hog"] if line.hog.is_none() => return Err(Errno::ENOENT),
            [b"hog"] if is_live => return Err(Errno::EBUSY),
            [b"hog"] => line.hog = None,
            _ => return Err(Errno::ENOENT),
        }
        Ok(())
    }

    /// The serial of a directory and its attributes.
    pub(super) fn dir(&self, path: &[&[u8]], release: Release) -> Option<(u32, &'static [Kind])> {
        let [bank, path @ ..] = path else {
            return Some((DEVICE, &Kind::DEVICE));
        };
        let bank = self.banks.iter().find(|dir| dir.name == *bank)?;
        let [line, path @ ..] = path else {
            return Some((bank.serial, &Kind::BANK));
        };
        let line = bank.lines.iter().find(|dir| dir.name == *line)?;
        match path {
            [] => Some((line.serial, Kind::of_line(release))),
            [b"hog"] => Some((line.hog.as_ref()?.serial, Kind::of_hog(release))),
            _ => None,
        }
    }

    fn find(&mut self, serial: u32) -> Option<Dir<'_>> {
        for bank in &mut self.banks {
            if bank.serial == serial {
                return Some(Dir::Bank(bank));
            }
            for line in &mut bank.lines {
                if line.serial == serial {
                    return Some(Dir::Line(line));
                }
                if let Some(hog) = line.hog.as_mut().filter(|hog| hog.serial == serial) {
                    return Some(Dir::Hog(hog));
                }
            }
        }
        None
    }

    /// The text of an attribute.
    pub(super) fn show(&self, dir: u32, kind: Kind, host: &dyn Host) -> Result<Vec<u8>, Errno> {
        let text = match kind {
            Kind::DevName => format!("gpio-sim.{}", self.id).into_bytes(),
            Kind::Live => flag(self.is_live()),
            _ => self.show_below(dir, kind, host).ok_or(Errno::ENOENT)?,
        };
        Ok([&text[..], b"\n"].concat())
    }

    fn show_below(&self, dir: u32, kind: Kind, host: &dyn Host) -> Option<Vec<u8>> {
        let mut lines = self.banks.iter().flat_map(|bank| &bank.lines);
        let text = |text: &Option<Vec<u8>>| text.clone().unwrap_or_default();
        Some(match kind {
            Kind::ChipName | Kind::Label | Kind::NumLines => {
                let bank = self.banks.iter().find(|bank| bank.serial == dir)?;
                match kind {
                    Kind::ChipName => bank.chip_name(host),
                    Kind::Label => text(&bank.label),
                    _ => format!("{}", bank.num_lines).into_bytes(),
                }
            }
            Kind::LineName => text(&lines.find(|line| line.serial == dir)?.label),
            Kind::Valid => flag(lines.find(|line| line.serial == dir)?.is_valid),
            _ => {
                let mut hogs = lines.filter_map(|line| line.hog.as_ref());
                let hog = hogs.find(|hog| hog.serial == dir)?;
                match kind {
                    Kind::HogName => text(&hog.name),
                    Kind::HogActiveLow => flag(hog.active_low),
                    _ => word(hog.direction).into(),
                }
            }
        })
    }

    /// Takes a text into an attribute other than `live`.
    pub(super) fn store(&mut self, dir: u32, kind: Kind, text: &[u8]) -> Result<(), Errno> {
        let is_live = self.is_live();
        let idle = || if is_live { Err(Errno::EBUSY) } else { Ok(()) };
        let dir = self.find(dir).ok_or(Errno::ENOENT)?;
        match (dir, kind) {
            (Dir::Bank(bank), Kind::Label) => {
                idle().map(|()| bank.label = Some(text::trim(text).into()))
            }
            (Dir::Bank(bank), Kind::NumLines) => {
                let count = text::unsigned(text)?;
                if count == 0 {
                    return Err(Errno::EINVAL);
                }
                idle().map(|()| bank.num_lines = count)
            }
            (Dir::Line(line), Kind::LineName) => {
                idle().map(|()| line.label = Some(text::trim(text).into()))
            }
            (Dir::Line(line), Kind::Valid) => {
                // KERNEL: gpio-sim.c gpio_sim_line_config_valid_store (v6.14): a live chip keeps its mask
                line.is_valid = text::boolean(text)?;
                Ok(())
            }
            (Dir::Hog(hog), Kind::HogName) => {
                idle().map(|()| hog.name = Some(text::trim(text).into()))
            }
            (Dir::Hog(hog), Kind::HogActiveLow) => {
                idle()?;
                hog.active_low = text::boolean(text)?;
                Ok(())
            }
            (Dir::Hog(hog), Kind::HogDirection) => {
                idle()?;
                let known = [HogDirection::Input, HIGH, LOW];
                let meant = known
                    .into_iter()
                    .find(|one| text::is_word(text, word(*one).as_bytes()));
                meant
                    .map(|meant| hog.direction = meant)
                    .ok_or(Errno::EINVAL)
            }
            // The file is read-only, or its directory is of another kind: it cannot be open.
            _ => Err(Errno::EACCES),
        }
    }
}

impl BankDir {
    /// What its chip is called now, or was when it went.
    fn chip_name(&self, host: &dyn Host) -> Vec<u8> {
        let Some(chip) = &self.chip else {
            return b"none".into();
        };
        host.name(chip.key)
            .unwrap_or_else(|| chip.name.clone())
            .into()
    }

    pub(super) fn mkdir_line(
        &mut self,
        name: &[u8],
        serial: u32,
        is_live: bool,
        release: Release,
    ) -> Result<&'static [Kind], Errno> {
        if Kind::BANK.iter().any(|kind| kind.name() == name)
            || self.lines.iter().any(|line| line.name == name)
        {
            return Err(Errno::EEXIST);
        }
        let offset = text::line_offset(name)?;
        if is_live {
            return Err(Errno::EBUSY);
        }
        let name = name.into();
        let line = LineDir {
            name,
            serial,
            offset,
            label: None,
            is_valid: true,
            hog: None,
        };
        self.lines.push(line);
        Ok(Kind::of_line(release))
    }
}

impl LineDir {
    pub(super) fn mkdir_hog(
        &mut self,
        name: &[u8],
        serial: u32,
        is_live: bool,
        release: Release,
    ) -> Result<&'static [Kind], Errno> {
        let is_attribute = Kind::of_line(release)
            .iter()
            .any(|kind| kind.name() == name);
        match name {
            b"hog" if self.hog.is_some() => Err(Errno::EEXIST),
            _ if is_attribute => Err(Errno::EEXIST),
            // DIFFERS: Linux 6.12 makes it, and crashes when the device is taken down.
            b"hog" if is_live => Err(Errno::EBUSY),
            b"hog" => {
                let direction = HogDirection::Input;
                self.hog = Some(HogDir {
                    serial,
                    name: None,
                    direction,
                    active_low: false,
                });
                Ok(Kind::of_hog(release))
            }
            _ => Err(Errno::EINVAL),
        }
    }
}

const HIGH: HogDirection = HogDirection::Output(Value::Active);
const LOW: HogDirection = HogDirection::Output(Value::Inactive);

fn word(direction: HogDirection) -> &'static str {
    match direction {
        HogDirection::Input => "input",
        HogDirection::Output(Value::Active) => "output-high",
        HogDirection::Output(Value::Inactive) => "output-low",
    }
}

fn flag(flag: bool) -> Vec<u8> {
    if flag { b"1".into() } else { b"0".into() }
}
