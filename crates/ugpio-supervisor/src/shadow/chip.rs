//! What a chip looks like in `/dev` and `/sys`.
//!
//! The names, links and file contents of [`Shadow::add_chip`] are those of Linux, because programs
//! compare them as text: the link texts are relative exactly as the kernel writes them, and the
//! `dev` file ends in one newline.

use std::io;

use rustix::fs::{AtFlags, CWD, FileType, Mode, mknodat, unlinkat};

use super::sim::{self, FAULTS, LineAt, SimAttribute};
use super::{Shadow, mark_device};
use crate::names::owned::MAJOR;

/// Driver that Linux binds to the device of a chip that has no other.
pub(crate) const STUB_DRIVER: &str = "gpio_stub_drv";

/// Below which parents the chips have a directory for each line.
const SIMULATED: &str = "platform/gpio-sim.";

/// A chip as the tree shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChipNode {
    /// The N of `/dev/gpiochipN`, and the minor number.
    pub id: u32,
    /// The chip's label.
    pub label: String,
    /// Where its parent is below `/sys/devices`, for instance `platform/gpio-sim.0`.
    pub parent: String,
    /// How many lines it has.
    pub lines: u32,
}

impl ChipNode {
    /// The directory of the chip's parent.
    fn parent_path(&self) -> String {
        format!("/sys/devices/{}", self.parent)
    }

    /// The chip's own directory.
    #[must_use]
    pub fn device_path(&self) -> String {
        format!("/sys/devices/{}/gpiochip{}", self.parent, self.id)
    }

    /// What the chip takes away from the host: its parent, unless others are at home there too.
    fn owned_path(&self) -> String {
        if self.parent.contains('/') {
            self.parent_path()
        } else {
            self.device_path()
        }
    }

    /// The node that programs open.
    #[must_use]
    pub(crate) fn node_path(&self) -> String {
        format!("/dev/gpiochip{}", self.id)
    }

    fn bus_link(&self) -> String {
        format!("/sys/bus/gpio/devices/gpiochip{}", self.id)
    }

    fn driver_link(&self) -> String {
        format!("/sys/bus/gpio/drivers/{STUB_DRIVER}/gpiochip{}", self.id)
    }

    fn number_link(&self) -> String {
        format!("/sys/dev/char/{MAJOR}:{}", self.id)
    }

    /// Every name outside the chip's own directory, the node first: the order of removal.
    fn names(&self) -> [String; 4] {
        [
            self.node_path(),
            self.bus_link(),
            self.driver_link(),
            self.number_link(),
        ]
    }
}

impl Shadow {
    /// Shows a chip. Its node appears last, so whoever sees the node finds the rest.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the id is shown already, `EINVAL` for a parent that is no relative path;
    /// otherwise what the file system reports, with nothing of the chip left behind.
    pub fn add_chip(&self, node: &ChipNode) -> io::Result<()> {
        let odd = |part: &str| matches!(part, "" | "." | "..");
        if node.parent.split('/').any(odd) || node.parent.contains('\0') {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut chips = self.lock_chips();
        if chips.contains_key(&node.id) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.own(node.owned_path().as_bytes());
        if let Err(error) = self.show(node) {
            // The first failure is the one worth telling.
            let _ = self.hide(node, &chips);
            return Err(error);
        }
        chips.insert(node.id, node.clone());
        Ok(())
    }

    /// Takes a chip away, its node first. An id that is not shown is none of our business.
    ///
    /// # Errors
    ///
    /// What the file system reports.
    pub(crate) fn remove_chip(&self, id: u32) -> io::Result<()> {
        let mut chips = self.lock_chips();
        match chips.remove(&id) {
            Some(node) => self.hide(&node, &chips),
            None => Ok(()),
        }
    }

    /// The bus, with its stub driver and no device yet.
    pub(super) fn add_bus(&self) -> io::Result<()> {
        self.mkdir_all(b"/sys/bus/gpio/devices")?;
        self.mkdir_all(format!("/sys/bus/gpio/drivers/{STUB_DRIVER}").as_bytes())
    }

    fn show(&self, node: &ChipNode) -> io::Result<()> {
        let ChipNode { id, parent, .. } = node;
        let device = node.device_path();
        let file = |name: &str, mode, text: &str| {
            self.write_file(format!("{device}/{name}").as_bytes(), mode, text.as_bytes())
        };
        let link = |path: &str, text: String| self.symlink(path.as_bytes(), text.as_bytes());
        // From the device's directory up to /sys: "devices", the parent's parts, its own name.
        let up = "../".repeat(parent.split('/').count() + 2);

        self.add_parent(node)?;
        self.mkdir_all(format!("{device}/power").as_bytes())?;
        if parent.starts_with(SIMULATED) {
            self.add_lines(&device, node.lines);
            self.add_faults(*id)?;
        }
        file("dev", 0o444, &format!("{MAJOR}:{id}\n"))?;
        file(
            "uevent",
            0o644,
            &format!(
                "MAJOR={MAJOR}\nMINOR={id}\nDEVNAME=gpiochip{id}\nDEVTYPE=gpio_chip\nDRIVER={STUB_DRIVER}\n"
            ),
        )?;
        link(&format!("{device}/subsystem"), format!("{up}bus/gpio"))?;
        link(
            &format!("{device}/driver"),
            format!("{up}bus/gpio/drivers/{STUB_DRIVER}"),
        )?;
        link(
            &node.driver_link(),
            format!("../../../../devices/{parent}/gpiochip{id}"),
        )?;
        link(
            &node.bus_link(),
            format!("../../../devices/{parent}/gpiochip{id}"),
        )?;
        link(
            &node.number_link(),
            format!("../../devices/{parent}/gpiochip{id}"),
        )?;
        mark_device(&self.locate(node.node_path().as_bytes()))
    }

    /// The directory of a simulated chip for what Linux does not show. Its file gets a text when it is
    /// opened.
    fn add_faults(&self, id: u32) -> io::Result<()> {
        let dir = sim::debug_path(id);
        match self.mkdir(dir.as_bytes(), 0o755) {
            // The first chip comes before the directory of all.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.mkdir_all(dir.as_bytes())?;
            }
            other => other?,
        }
        let file = self.locate(dir.as_bytes()).join(FAULTS);
        let mode = Mode::from_raw_mode(0o644);
        mknodat(CWD, &file, FileType::RegularFile, mode, 0)?;
        self.set_mode(CWD, &file, 0o644)
    }

    fn remove_faults(&self, id: u32) -> io::Result<()> {
        let path = sim::debug_path(id);
        self.forget_private(path.as_bytes());
        let dir = self.locate(path.as_bytes());
        let _ = unlinkat(CWD, dir.join(FAULTS), AtFlags::empty());
        match unlinkat(CWD, dir, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(()),
            // As the lines: what is left is left to those who look.
            Err(_) => self.remove(path.as_bytes()),
        }
    }

    /// Gives a file of a line a new text. The file stays the same one.
    ///
    /// # Errors
    ///
    /// `ENOENT` if the chip is not shown, else what the file system reports.
    pub(crate) fn write_line(
        &self,
        line: LineAt,
        file: SimAttribute,
        text: &[u8],
    ) -> io::Result<()> {
        let LineAt { chip, offset } = line;
        let device = match self.lock_chips().get(&chip) {
            Some(node) if node.parent.starts_with(SIMULATED) => node.device_path(),
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        let path = format!("{device}/sim_gpio{offset}/{}", file.name());
        self.rewrite(path.as_bytes(), text)
    }

    /// The parent's directory; on the platform bus with the link and the text that libudev reads.
    fn add_parent(&self, node: &ChipNode) -> io::Result<()> {
        let path = node.parent_path();
        self.mkdir_all(path.as_bytes())?;
        let Some(name) = node.parent.strip_prefix("platform/") else {
            return Ok(());
        };
        let driver = name.split('.').next().unwrap_or(name);
        let text = format!("DRIVER={driver}\nMODALIAS=platform:{driver}\n");
        self.write_file(format!("{path}/uevent").as_bytes(), 0o644, text.as_bytes())?;
        let up = "../".repeat(node.parent.split('/').count() + 1);
        for (link, text) in [
            ("subsystem", format!("{up}bus/platform")),
            ("driver", format!("{up}bus/platform/drivers/{driver}")),
        ] {
            match self.symlink(format!("{path}/{link}").as_bytes(), text.as_bytes()) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        self.mkdir_all(format!("/sys/bus/platform/drivers/{driver}").as_bytes())
    }

    /// Removes every name of `node`, and its parent if no chip of `others` is below it.
    fn hide(
        &self,
        node: &ChipNode,
        others: &std::collections::BTreeMap<u32, ChipNode>,
    ) -> io::Result<()> {
        for name in node.names() {
            self.remove(name.as_bytes())?;
        }
        if node.parent.starts_with(SIMULATED) {
            self.remove_lines(&node.device_path());
            self.remove_faults(node.id)?;
        }
        self.remove(node.device_path().as_bytes())?;
        if others
            .values()
            .any(|other| other.owned_path() == node.owned_path())
        {
            return Ok(());
        }
        self.remove(node.owned_path().as_bytes())
    }
}
