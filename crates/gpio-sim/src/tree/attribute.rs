//! The attributes: their names, modes, and which directory has which, in which release.

use gpiolib::{Feature, Release};

/// Which attribute it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// `dev_name` of a device.
    DevName,
    /// `live` of a device.
    Live,
    /// `chip_name` of a bank.
    ChipName,
    /// `label` of a bank.
    Label,
    /// `num_lines` of a bank.
    NumLines,
    /// `name` of a line.
    LineName,
    /// `valid` of a line.
    Valid,
    /// `name` of a hog.
    HogName,
    /// `direction` of a hog.
    HogDirection,
    /// `active_low` of a hog.
    HogActiveLow,
}

/// One attribute of one directory. It stays the same while the directory is there, and names nothing
/// any more when that is gone, even if another one takes its name.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Attribute {
    /// Which device it is in.
    pub device: u32,
    /// Which directory of the device.
    pub dir: u32,
    /// Which attribute of the directory.
    pub kind: Kind,
}

impl Kind {
    pub(super) const DEVICE: [Kind; 2] = [Kind::DevName, Kind::Live];
    pub(super) const BANK: [Kind; 3] = [Kind::ChipName, Kind::Label, Kind::NumLines];
    const LINE: [Kind; 2] = [Kind::LineName, Kind::Valid];
    const HOG: [Kind; 3] = [Kind::HogName, Kind::HogDirection, Kind::HogActiveLow];

    /// Every kind.
    pub const ALL: [Kind; 10] = [
        Kind::DevName,
        Kind::Live,
        Kind::ChipName,
        Kind::Label,
        Kind::NumLines,
        Kind::LineName,
        Kind::Valid,
        Kind::HogName,
        Kind::HogDirection,
        Kind::HogActiveLow,
    ];

    /// The attributes of a line.
    pub(super) fn of_line(release: Release) -> &'static [Kind] {
        if release.has(Feature::LineValid) {
            &Kind::LINE
        } else {
            &Kind::LINE[..1]
        }
    }

    /// The attributes of a hog.
    pub(super) fn of_hog(release: Release) -> &'static [Kind] {
        if release.has(Feature::HogActiveLow) {
            &Kind::HOG
        } else {
            &Kind::HOG[..2]
        }
    }

    /// The file's name.
    #[must_use]
    pub fn name(self) -> &'static [u8] {
        match self {
            Kind::DevName => b"dev_name",
            Kind::Live => b"live",
            Kind::ChipName => b"chip_name",
            Kind::Label => b"label",
            Kind::NumLines => b"num_lines",
            Kind::LineName | Kind::HogName => b"name",
            Kind::Valid => b"valid",
            Kind::HogDirection => b"direction",
            Kind::HogActiveLow => b"active_low",
        }
    }

    /// The file's permissions.
    #[must_use]
    pub fn mode(self) -> u32 {
        match self {
            Kind::DevName | Kind::ChipName => 0o444,
            _ => 0o644,
        }
    }
}
