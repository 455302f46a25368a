//! Which names belong to the board: the list of subtrees that always come from the shadow tree.
//!
//! Everything else is the host's if the host has it. The key type is [`Owned`]; the shadow tree
//! keeps one, adding the parent of every chip it shows, and the resolver asks it.

use super::lexical::{below, join};

/// Major number of the chip nodes.
///
/// The kernel allots it when gpiolib starts and 254 is the usual answer. It must stay at most 255:
/// some programs rebuild the device number with eight bits a half.
pub(crate) const MAJOR: u32 = 254;

/// What the names of shadow trees begin with.
pub(crate) const HIDDEN: &str = ".ugpio-shadow-";

/// The subtrees that are always the board's.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    subtrees: Vec<Vec<u8>>,
    /// Directories that are shown if the machine has none there.
    shown: Vec<Vec<u8>>,
    numbers: Vec<u8>,
    /// What the paths of shadow trees begin with, our own and those of other runs.
    hidden: Option<Vec<u8>>,
}

impl Owned {
    /// What every board owns.
    pub(crate) fn new() -> Self {
        Self {
            subtrees: vec![b"/sys/bus/gpio".to_vec(), b"/sys/class/gpio".to_vec()],
            shown: Vec::new(),
            numbers: format!("/sys/dev/char/{MAJOR}:").into_bytes(),
            hidden: None,
        }
    }

    /// Hides the shadow trees in `dir`: a search of the machine must not find a chip's name twice.
    pub(crate) fn hide_trees_in(&mut self, dir: &[u8]) {
        self.hidden = Some(join(dir, HIDDEN.as_bytes()));
    }

    /// Adds a directory that is shown where the machine has none.
    pub(crate) fn show(&mut self, directory: &[u8]) {
        if !self.shown.iter().any(|known| known == directory) {
            self.shown.push(directory.to_vec());
        }
    }

    /// Whether a canonical path may be the board's: it [`contains`](Self::contains) it, or shows it.
    pub(crate) fn may_contain(&self, path: &[u8]) -> bool {
        self.contains(path) || self.shown.iter().any(|shown| shown == path)
    }

    /// Whether names of this directory are hidden because they are those of shadow trees.
    pub(crate) fn hides_in(&self, dir: &[u8]) -> bool {
        self.hidden
            .as_ref()
            .is_some_and(|prefix| super::lexical::parent(prefix) == dir)
    }

    /// Adds a subtree; it is never given back, so that nothing of the host appears in its place.
    pub(crate) fn add(&mut self, subtree: &[u8]) {
        if !self.subtrees.iter().any(|known| known == subtree) {
            self.subtrees.push(subtree.to_vec());
        }
    }

    /// Whether a canonical path is the board's: a subtree, something in one, or a chip's name.
    pub(crate) fn contains(&self, path: &[u8]) -> bool {
        chip_name(path).is_some()
            || path.starts_with(&self.numbers)
            || self
                .hidden
                .as_ref()
                .is_some_and(|prefix| path.starts_with(prefix))
            || self.has_subtree_over(path)
    }

    fn has_subtree_over(&self, path: &[u8]) -> bool {
        self.subtrees
            .iter()
            .any(|subtree| below(path, subtree).is_some())
    }
}

/// The id in `/dev/gpiochipN` or `/dev/gpiochipN/…`, if the path is one.
///
/// Only digits count: `/dev/gpiochip0-lnk` is a name anybody may give to a link.
fn chip_name(path: &[u8]) -> Option<u32> {
    let rest = path.strip_prefix(b"/dev/gpiochip")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let ends = rest.get(digits).is_none_or(|byte| *byte == b'/');
    if digits == 0 || !ends {
        return None;
    }
    // A number that does not fit is still the shape of a chip's name; no chip has it.
    let text = core::str::from_utf8(&rest[..digits]).ok()?;
    Some(text.parse().unwrap_or(u32::MAX))
}

/// Whether a name of sysfs, configfs or debugfs is one that the kernel gives to GPIO. `subsystem` gives the text of
/// the link that says of which class or bus the device in a directory is.
// KERNEL: drivers/gpio/gpiolib-cdev.c, gpiolib-sysfs.c, gpiolib.c gpiolib_debugfs_init, gpio-sim.c (v6.12)
pub(crate) fn is_gpio_name(path: &[u8], subsystem: impl Fn(&[u8]) -> Option<Vec<u8>>) -> bool {
    const SUBTREES: [&[u8]; 5] = [
        b"/sys/class/gpio",
        b"/sys/bus/gpio",
        b"/sys/kernel/debug/gpio",
        b"/sys/kernel/config/gpio-sim",
        b"/sys/kernel/config/gpio-aggregator",
    ];
    if SUBTREES.iter().any(|top| below(path, top).is_some()) {
        return true;
    }
    let is_gpio = |text: Vec<u8>| text.ends_with(b"/class/gpio") || text.ends_with(b"/bus/gpio");
    let mut at = path;
    while below(at, b"/sys/devices").is_some_and(|rest| !rest.is_empty()) {
        if subsystem(at).is_some_and(is_gpio) {
            return true;
        }
        at = super::lexical::parent(at);
    }
    false
}

/// The id of the chip whose node is exactly `path`.
pub(crate) fn chip_of_node(path: &[u8]) -> Option<u32> {
    let name = path.strip_prefix(b"/dev/")?;
    if name.contains(&b'/') {
        return None;
    }
    chip_name(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chip_nodes_are_digits_only() {
        assert_eq!(chip_of_node(b"/dev/gpiochip0"), Some(0));
        assert_eq!(chip_of_node(b"/dev/gpiochip255"), Some(255));
        for other in [
            "/dev/gpiochip",
            "/dev/gpiochip0-lnk",
            "/dev/gpiochip1/x",
            "/dev/x",
            "gpiochip0",
        ] {
            assert_eq!(chip_of_node(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn shadow_trees_are_hidden_where_they_are_made() {
        let mut owned = Owned::new();
        owned.hide_trees_in(b"/dev/shm");
        assert!(owned.contains(b"/dev/shm/.ugpio-shadow-7-0"));
        assert!(owned.contains(b"/dev/shm/.ugpio-shadow-7-0/root/dev/gpiochip0"));
        assert!(!owned.contains(b"/dev/shm") && !owned.contains(b"/tmp/.ugpio-shadow-7-0"));
    }

    #[test]
    fn the_board_owns_its_subtrees_and_no_more() {
        let mut owned = Owned::new();
        owned.add(b"/sys/devices/platform/gpio-sim.0");
        for ours in [
            "/dev/gpiochip7",
            "/dev/gpiochip7/x",
            "/dev/gpiochip99999999999",
            "/sys/bus/gpio",
            "/sys/bus/gpio/devices",
            "/sys/class/gpio/export",
            "/sys/dev/char/254:3",
            "/sys/devices/platform/gpio-sim.0/gpiochip0/dev",
        ] {
            assert!(owned.contains(ours.as_bytes()), "{ours}");
        }
        for other in [
            "/",
            "/dev",
            "/dev/gpiochip0-lnk",
            "/sys/bus",
            "/sys/bus/gpio-leds",
            "/sys/dev/char/25:3",
            "/sys/devices/platform/gpio-sim.1",
        ] {
            assert!(!owned.contains(other.as_bytes()), "{other}");
        }
    }
}
