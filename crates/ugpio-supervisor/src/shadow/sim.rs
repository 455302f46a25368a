//! Where the files of simulated chips and lines are.

/// Where simulated chips have a directory for their faults.
// DIFFERS: Linux has none. It is in debugfs, as Linux's own fault injection, so that listings of configfs
// and sysfs are those of Linux.
pub(crate) const DEBUG: &str = "/sys/kernel/debug/gpio-sim";

/// The file in it.
pub(crate) const FAULTS: &str = "faults";

/// Which file of a simulated line.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SimAttribute {
    /// `pull`.
    Pull,
    /// `value`.
    Value,
}

/// A simulated line: its chip's id and its offset.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LineAt {
    /// The N of `gpiochipN`.
    pub chip: u32,
    /// The line.
    pub offset: u32,
}

impl SimAttribute {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Pull, Self::Value];

    /// The file's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Value => "value",
        }
    }
}

impl LineAt {
    /// The line and the file that a virtual path names, by its form alone.
    pub(crate) fn parse(path: &[u8]) -> Option<(Self, SimAttribute)> {
        let path = core::str::from_utf8(path).ok()?;
        let rest = path.strip_prefix("/sys/devices/platform/gpio-sim.")?;
        let mut parts = rest.split('/');
        let mut number = |prefix: &str| {
            let digits = parts.next()?.strip_prefix(prefix)?;
            digits
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| digits.parse().ok())?
        };
        let (_, chip, offset): (u32, u32, u32) =
            (number("")?, number("gpiochip")?, number("sim_gpio")?);
        let name = parts.next()?;
        let file = SimAttribute::ALL
            .into_iter()
            .find(|file| file.name() == name)?;
        parts
            .next()
            .is_none()
            .then_some((Self { chip, offset }, file))
    }
}

/// The directory of a chip below [`DEBUG`].
pub(crate) fn debug_path(chip: u32) -> String {
    format!("{DEBUG}/gpiochip{chip}")
}
