//! The release of Linux whose behaviour a world of chips has.
//!
//! A [`Registry`](crate::Registry) has one [`Release`], fixed when it is made; whoever holds a
//! [`Device`](crate::Device) of it can ask. What changed, and in which release, is [`SINCE`] and
//! stands nowhere else: code asks [`Release::has`] by the [`Feature`]'s name.

use core::fmt;

/// A release of Linux by its three numbers.
///
/// Behaviour is known from [`Release::OLDEST`] on; an older release behaves as that one, and one
/// later than the last change in the table behaves as the last.
///
/// ```
/// use gpiolib::{Feature, Release};
///
/// let release = Release::parse("6.14.3-rc1-custom").expect("it begins with three numbers");
/// assert_eq!(release, Release::new(6, 14, 3));
/// assert!(release.has(Feature::LineValid));
/// assert!(!release.has(Feature::ChipExport));
/// assert!(Release::parse("linux").is_none());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Release {
    major: u16,
    minor: u16,
    patch: u16,
}

/// Something that Linux does from some release on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Feature {
    /// Watchers see the direction that a v1 event request sets, as a change of its own.
    EventDirectionAnnounced,
    /// Watchers see what `/sys/class/gpio` does to a line, and not only that it is given back.
    SysfsAnnounced,
    /// Lines of gpio-sim have the attribute `valid`.
    LineValid,
    /// Each line of a v1 handle must be an output for any of them to be set.
    SetNeedsOutputs,
    /// `/sys/class/gpio/chipN`, where lines are exported by their offsets.
    ChipExport,
    /// Hogs of gpio-sim have the attribute `active_low`.
    HogActiveLow,
    /// A hog of gpio-sim whose line is not there, or not valid, takes its chip with it.
    HogMustBe,
    /// A hog of gpio-sim with an empty name shows as `?`.
    HogNeverNameless,
    /// The node of a chip that is gone can be opened where somebody still has it open.
    StaleOpen,
    /// A v2 request that the driver refuses leaves the direction that the line had.
    RefusedKeepsDirection,
}

/// The first release that has each feature.
///
/// Recorded on 7.3.4 each; since when is taken from the announcements of the changes. Of `StaleOpen` it is known
/// that 7.2 has it, and not whether a release before has.
const SINCE: [(Feature, Release); 10] = [
    // KERNEL: gpiolib-cdev.c lineevent_create, by gpiod_direction_input (v6.13)
    (Feature::EventDirectionAnnounced, Release::new(6, 13, 0)),
    // KERNEL: gpiolib.c gpiod_line_state_notify (v6.13)
    (Feature::SysfsAnnounced, Release::new(6, 13, 0)),
    // KERNEL: gpio-sim.c gpio_sim_line_config_valid_store (v6.14)
    (Feature::LineValid, Release::new(6, 14, 0)),
    // KERNEL: gpiolib.c gpiod_set_array_value_complex (v6.16)
    (Feature::SetNeedsOutputs, Release::new(6, 16, 0)),
    // KERNEL: gpiolib-sysfs.c gdev_export (v6.17)
    (Feature::ChipExport, Release::new(6, 17, 0)),
    // KERNEL: gpio-sim.c gpio_sim_hog_config_active_low_store (v7.1)
    (Feature::HogActiveLow, Release::new(7, 1, 0)),
    // KERNEL: gpiolib.c gpiochip_add_data_with_key (v7.1)
    (Feature::HogMustBe, Release::new(7, 1, 0)),
    // KERNEL: gpiolib.c gpiochip_add_hog (v7.1)
    (Feature::HogNeverNameless, Release::new(7, 1, 0)),
    // KERNEL: gpiolib-cdev.c gpio_chrdev_open (v7.2)
    (Feature::StaleOpen, Release::new(7, 2, 0)),
    // KERNEL: gpiolib-cdev.c gpio_v2_line_config_flags_to_desc_flags (v7.3.4)
    (Feature::RefusedKeepsDirection, Release::new(7, 3, 4)),
];

impl Release {
    /// The oldest release whose behaviour is known.
    pub const OLDEST: Self = Self::new(6, 12, 0);

    /// The release of these numbers.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// The release that a text such as that of `uname -r` begins with. A missing third number is 0;
    /// `None` for a text that does not begin with two numbers.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self::split(text)?.0)
    }

    /// The release that a text begins with, and the rest of the text.
    ///
    /// ```
    /// use gpiolib::Release;
    ///
    /// assert_eq!(Release::split("6.17-rc1"), Some((Release::new(6, 17, 0), "-rc1")));
    /// assert_eq!(Release::split("6.17."), None, "a number is missing");
    /// ```
    #[must_use]
    pub fn split(text: &str) -> Option<(Self, &str)> {
        let (major, rest) = number(text)?;
        let (minor, rest) = number(rest.strip_prefix('.')?)?;
        let (patch, rest) = match rest.strip_prefix('.') {
            Some(rest) => number(rest)?,
            None => (0, rest),
        };
        let ends = !rest.starts_with(|next: char| next == '.' || next.is_ascii_digit());
        ends.then_some((Self::new(major, minor, patch), rest))
    }

    /// Whether this release does that.
    #[must_use]
    pub fn has(self, feature: Feature) -> bool {
        SINCE
            .iter()
            .any(|(one, since)| *one == feature && self >= *since)
    }
}

/// The number at the beginning of a text, and what follows.
fn number(text: &str) -> Option<(u16, &str)> {
    let end = text.find(|next: char| !next.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    Some((digits.parse().ok()?, rest))
}

impl Default for Release {
    fn default() -> Self {
        Self::OLDEST
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn releases_by_their_numbers() {
        for (text, release) in [
            ("6.12.0", (6, 12, 0)),
            ("6.14", (6, 14, 0)),
            ("6.14-rc1", (6, 14, 0)),
            ("6.14.3-rc1-custom", (6, 14, 3)),
            ("5.15.0-91-generic", (5, 15, 0)),
            ("7.3.4+deb14-amd64", (7, 3, 4)),
            ("6.1.192_x", (6, 1, 192)),
        ] {
            let (major, minor, patch) = release;
            assert_eq!(
                Release::parse(text),
                Some(Release::new(major, minor, patch)),
                "{text}"
            );
        }
        for text in [
            "",
            "6",
            "6.",
            "x",
            "6.x",
            ".6.1",
            "6.1.",
            "6.1.x",
            "-6.1",
            "6 .1",
            "6.1.2.3",
            "70000.1",
            "6.70000",
            "6.1.70000",
        ] {
            assert_eq!(Release::parse(text), None, "{text}");
        }
        assert_eq!(Release::new(6, 17, 0).to_string(), "6.17.0");
    }

    /// Each feature is there from its own release on, and not in the one before.
    #[test]
    fn features_begin_with_their_releases() {
        for (feature, since) in SINCE {
            let before = match since {
                Release { patch: 1.., .. } => Release {
                    patch: since.patch - 1,
                    ..since
                },
                Release { minor: 1.., .. } => Release::new(since.major, since.minor - 1, u16::MAX),
                _ => Release::new(since.major - 1, u16::MAX, u16::MAX),
            };
            assert!(since.has(feature), "{feature:?} in {since}");
            assert!(!before.has(feature), "{feature:?} in {before}");
            assert!(!Release::OLDEST.has(feature), "{feature:?}");
            assert!(Release::new(u16::MAX, 0, 0).has(feature), "{feature:?}");
        }
    }
}
