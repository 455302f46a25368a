//! The gpio-sim control tree as the supervisor needs it: directories and attributes of somebody else.
//!
//! A [`ControlTree`] knows what can be made and what a store does; `ugpio` implements it over the simulated
//! chips. [`Mounted`] joins one with the shadow tree and is what the path calls and the trapped
//! writes ask. Here are no chips, only names, texts and errnos.

mod mounted;

use core::fmt;

use rustix::io::Errno;

pub use self::mounted::Mounted;
use crate::shadow::sim::{DEBUG, FAULTS};
pub use crate::shadow::sim::{LineAt, SimAttribute};

/// Where configfs is mounted.
pub const CONFIGFS: &str = "/sys/kernel/config";
/// The tree's own directory.
pub const ROOT: &str = "/sys/kernel/config/gpio-sim";
/// What Linux shows of the module that is behind it.
pub const MODULE: &str = "/sys/module/gpio_sim";

/// An attribute, for as long as its directory is there; that of a directory that was made again under
/// the same name is another.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Token(pub [u32; 3]);

/// A file that appears with a directory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its name.
    pub name: &'static [u8],
    /// Its permissions.
    pub mode: u32,
}

/// A tree of directories that are made by hand, with attributes in them.
///
/// Paths are the names below [`ROOT`]. What a call asks for is done when it returns. The methods are
/// called from any thread, without a lock of the path layer's but that of other directory calls.
pub trait ControlTree: Send + Sync + fmt::Debug {
    /// Makes a directory; gives the attributes in it.
    ///
    /// # Errors
    ///
    /// As the system call.
    fn mkdir(&self, path: &[&[u8]]) -> Result<Vec<Entry>, Errno>;

    /// Removes a directory.
    ///
    /// # Errors
    ///
    /// As the system call.
    fn rmdir(&self, path: &[&[u8]]) -> Result<(), Errno>;

    /// The attribute of that path.
    fn find(&self, path: &[&[u8]]) -> Option<Token>;

    /// The attribute for the faults of `gpiochip<chip>`.
    fn faults(&self, chip: u32) -> Option<Token>;

    /// The text of an attribute.
    ///
    /// # Errors
    ///
    /// `ENOENT`: its directory is gone. `ENODEV`: its chip is.
    fn show(&self, attribute: Token) -> Result<Vec<u8>, Errno>;

    /// Stores a text, which may be empty; gives how much of it was taken.
    ///
    /// # Errors
    ///
    /// As the system call.
    fn store(&self, attribute: Token, text: &[u8]) -> Result<usize, Errno>;

    /// The text of a line's file.
    ///
    /// # Errors
    ///
    /// `ENODEV`: the chip is gone.
    fn show_line(&self, line: LineAt, file: SimAttribute) -> Result<Vec<u8>, Errno>;

    /// Stores a text in a line's file; gives how much of it was taken.
    ///
    /// # Errors
    ///
    /// As the system call; `ENODEV`: the chip is gone.
    fn store_line(&self, line: LineAt, file: SimAttribute, text: &[u8]) -> Result<usize, Errno>;
}

/// The chip of whose faults a virtual path is the file, by its form alone.
pub(crate) fn chip_of_faults(path: &[u8]) -> Option<u32> {
    let path = core::str::from_utf8(path).ok()?;
    let rest = path.strip_prefix(DEBUG)?.strip_prefix("/gpiochip")?;
    let digits = rest.strip_suffix(FAULTS)?.strip_suffix('/')?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.0;
        write!(f, "{a}.{b}.{c}")
    }
}

impl Token {
    /// Reads what [`Display`](fmt::Display) wrote.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| part.parse().ok());
        let token = Self([parts.next()??, parts.next()??, parts.next()??]);
        parts.next().is_none().then_some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shadow::sim::debug_path;

    #[test]
    fn tokens_are_read_as_they_are_written() {
        let token = Token([1, 0, u32::MAX]);
        assert_eq!(Token::parse(&token.to_string()), Some(token));
        for text in ["", "1.2", "1.2.3.4", "a.b.c", "1.2.-3"] {
            assert_eq!(Token::parse(text), None, "{text}");
        }
    }

    #[test]
    fn faults_by_their_paths() {
        let of = |path: &str| chip_of_faults(path.as_bytes());
        assert_eq!(of("/sys/kernel/debug/gpio-sim/gpiochip12/faults"), Some(12));
        assert_eq!(of(&format!("{}/faults", debug_path(0))), Some(0));
        for other in [
            "/sys/kernel/debug/gpio-sim/gpiochip/faults",
            "/sys/kernel/debug/gpio-sim/gpiochip+1/faults",
            "/sys/kernel/debug/gpio-sim/gpiochip1/x/faults",
            "/sys/kernel/debug/gpio-sim/gpiochip1",
            "/sys/kernel/debug/gpio-sim/gpiochip4294967296/faults",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn files_of_lines_by_their_paths() {
        let base = "/sys/devices/platform/gpio-sim.3/gpiochip12/sim_gpio7";
        let line = LineAt {
            chip: 12,
            offset: 7,
        };
        let parse = |path: String| LineAt::parse(path.as_bytes());
        assert_eq!(
            parse(format!("{base}/pull")),
            Some((line, SimAttribute::Pull))
        );
        assert_eq!(
            parse(format!("{base}/value")),
            Some((line, SimAttribute::Value))
        );
        for other in ["", "/", "/other", "/pull/x", "x/pull"] {
            assert_eq!(parse(format!("{base}{other}")), None, "{other}");
        }
        assert_eq!(
            LineAt::parse(b"/sys/devices/platform/gpio-sim.x/gpiochip1/sim_gpio1/pull"),
            None
        );
        assert_eq!(
            LineAt::parse(b"/sys/devices/platform/gpio-sim.1/gpiochip+1/sim_gpio1/pull"),
            None
        );
    }
}
