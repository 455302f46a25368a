//! Where the files of the class are, and which of them a path names.
//!
//! A chip has a directory by the number of its first line, and in later releases one by its id; an
//! exported line has one by its number, and one in the latter by its offset. [`ClassFile`] is what a
//! path means, by its form alone.

use gpio_uapi::class::{ClassAttribute, Within};
use gpiolib::Device;

/// Where the class is.
pub(crate) const ROOT: &str = "/sys/class/gpio";

/// A file of the class that takes texts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ClassFile {
    /// `export` of the class or of a chip.
    Export(Within),
    /// `unexport` likewise.
    Unexport(Within),
    /// A file of an exported line.
    Line(LineRef, ClassAttribute),
    /// A file of a line that is not exported any more, or of a chip that is gone.
    Gone,
    /// An open `value` that is only for reading.
    ReadOnly,
}

/// How a path says which line it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LineRef {
    /// By its number.
    Number(u32),
    /// By the id of its chip and its offset.
    OfChip(u32, u32),
}

/// The attributes in a chip's own directory of an exported line.
// KERNEL: gpiolib-sysfs.c chip_gpio_attrs (v6.17)
pub(super) const OF_CHIP: [ClassAttribute; 2] = [ClassAttribute::Direction, ClassAttribute::Value];

impl ClassFile {
    /// The file that a virtual path names.
    pub(super) fn parse(path: &[u8]) -> Option<Self> {
        let path = core::str::from_utf8(path).ok()?;
        if let Some(name) = path.strip_prefix(ROOT) {
            return Self::exporting(name.strip_prefix('/')?, Within::Machine);
        }
        let mut parts = path.strip_prefix("/sys/devices/")?.rsplit('/');
        let (name, dir, above) = (parts.next()?, parts.next()?, parts.next()?);
        if let Some(chip) = numbered(dir, "chip") {
            return Self::exporting(name, Within::Chip(chip)).filter(|_| above == "gpio");
        }
        let number = numbered(dir, "gpio")?;
        let line = match numbered(above, "chip") {
            Some(chip) => {
                (parts.next() == Some("gpio")).then_some(LineRef::OfChip(chip, number))?
            }
            None => (above == "gpio").then_some(LineRef::Number(number))?,
        };
        let attribute = line.attributes().iter().find(|one| one.name() == name)?;
        Some(Self::Line(line, *attribute))
    }

    fn exporting(name: &str, within: Within) -> Option<Self> {
        match name {
            "export" => Some(Self::Export(within)),
            "unexport" => Some(Self::Unexport(within)),
            _ => None,
        }
    }
}

impl LineRef {
    /// The files in the directory that says it so.
    pub(super) const fn attributes(self) -> &'static [ClassAttribute] {
        match self {
            Self::Number(_) => &ClassAttribute::ALL,
            Self::OfChip(..) => &OF_CHIP,
        }
    }
}

/// Whether a virtual path names a file of an exported line in the directory that its number names.
pub(crate) fn is_of_numbered_line(path: &[u8]) -> bool {
    let file = ClassFile::parse(path);
    matches!(file, Some(ClassFile::Line(LineRef::Number(_), _)))
}

/// Whether a virtual path is, or was, one of a file of the class that has a text or takes one.
pub(super) fn is_file(path: &[u8]) -> bool {
    ClassFile::parse(path).is_some() || is_fixed(path)
}

/// Whether a virtual path is one of a file of a chip that never changes.
fn is_fixed(path: &[u8]) -> bool {
    let path = core::str::from_utf8(path).ok();
    let Some(rest) = path.and_then(|path| path.strip_prefix("/sys/devices/")) else {
        return false;
    };
    let mut parts = rest.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let dir = parts.next().unwrap_or_default();
    let is_chip = numbered(dir, "gpiochip").or_else(|| numbered(dir, "chip"));
    matches!(name, "base" | "label" | "ngpio") && is_chip.is_some() && parts.next() == Some("gpio")
}

/// The number behind a word.
fn numbered(name: &str, word: &str) -> Option<u32> {
    let digits = name.strip_prefix(word)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// The directory in which those of a chip are.
fn parent_dir(device: &Device) -> String {
    let (parent, name) = (device.parent().unwrap_or("virtual"), device.name());
    if parent.contains('/') {
        format!("/sys/devices/{parent}/gpio")
    } else {
        format!("/sys/devices/{parent}/{name}/gpio")
    }
}

/// A chip's directory by the number of its first line.
pub(super) fn numbered_dir(device: &Device, base: u32) -> String {
    format!("{}/gpiochip{base}", parent_dir(device))
}

/// A chip's directory by its id.
pub(super) fn chip_dir(device: &Device) -> String {
    format!("{}/chip{}", parent_dir(device), device.id())
}

/// The directory of an exported line in its chip's.
pub(super) fn chip_line_dir(device: &Device, offset: u32) -> String {
    format!("{}/gpio{offset}", chip_dir(device))
}

/// The directory of an exported line by its number.
pub(super) fn line_dir(device: &Device, number: u32) -> String {
    let (parent, name) = (device.parent().unwrap_or("virtual"), device.name());
    format!("/sys/devices/{parent}/{name}/gpio/gpio{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_by_their_paths() {
        let base = "/sys/devices/platform/gpio-sim.0/gpiochip0/gpio/gpio513";
        let parse = |path: &str| ClassFile::parse(path.as_bytes());
        let value = Some(ClassFile::Line(LineRef::Number(513), ClassAttribute::Value));
        assert_eq!(parse(&format!("{base}/value")), value);
        let class = Within::Machine;
        assert_eq!(
            parse("/sys/class/gpio/export"),
            Some(ClassFile::Export(class))
        );
        let unexport = Some(ClassFile::Unexport(class));
        assert_eq!(parse("/sys/class/gpio/unexport"), unexport);
        for other in ["", "/", "/uevent", "/value/x", "x/value"] {
            assert_eq!(parse(&format!("{base}{other}")), None, "{other}");
        }
        let chip = "/sys/devices/platform/gpio-sim.0/gpio/gpiochip512";
        assert_eq!(parse(&format!("{chip}/base")), None);
        assert_eq!(parse(&format!("{chip}/export")), None);
        assert_eq!(parse("/sys/class/gpioexport"), None);
        assert!(is_file(format!("{chip}/base").as_bytes()));
        assert!(is_file(format!("{base}/edge").as_bytes()));
        assert!(!is_file(format!("{base}/label").as_bytes()));
        assert!(!is_file(format!("{chip}/uevent").as_bytes()));
    }

    #[test]
    fn files_of_chips_by_their_paths() {
        let base = "/sys/devices/platform/gpio-sim.0/gpio/chip12";
        let parse = |path: &str| ClassFile::parse(format!("{base}{path}").as_bytes());
        let within = Within::Chip(12);
        assert_eq!(parse("/export"), Some(ClassFile::Export(within)));
        assert_eq!(parse("/unexport"), Some(ClassFile::Unexport(within)));
        let line = LineRef::OfChip(12, 3);
        for attribute in OF_CHIP {
            let file = parse(&format!("/gpio3/{}", attribute.name()));
            assert_eq!(file, Some(ClassFile::Line(line, attribute)));
        }
        for other in [
            "",
            "/label",
            "/gpio3",
            "/gpio3/edge",
            "/gpio3/active_low",
            "/gpio+3/value",
            "/gpio/value",
            "/gpio4294967296/value",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
        let elsewhere = b"/sys/devices/platform/gpio-sim.0/other/chip1/export";
        assert_eq!(ClassFile::parse(elsewhere), None);
    }
}
