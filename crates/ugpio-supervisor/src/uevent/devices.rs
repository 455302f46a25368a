//! The devices of a chip, and the order in which Linux tells of them when it comes and goes.
//!
//! The first chip of a platform device brings that device, the last takes it away.

use super::{Subject, Uevents};
use crate::names::owned::MAJOR;
use crate::shadow::{ChipNode, STUB_DRIVER};

impl Subject {
    /// A chip's device. Its driver counts from `bind` on.
    fn chip(node: &ChipNode) -> Self {
        let id = node.id;
        Self {
            path: node.device_path(),
            subsystem: "gpio".into(),
            properties: vec![
                format!("MAJOR={MAJOR}"),
                format!("MINOR={id}"),
                format!("DEVNAME=gpiochip{id}"),
                "DEVTYPE=gpio_chip".into(),
            ],
        }
    }

    /// The platform device that a chip belongs to, if it belongs to one.
    fn platform(node: &ChipNode) -> Option<(Self, String)> {
        let name = node.parent.strip_prefix("platform/")?;
        let driver = name.split('.').next().unwrap_or(name).to_owned();
        let subject = Self {
            path: format!("/sys/devices/{}", node.parent),
            subsystem: "platform".into(),
            properties: vec![format!("MODALIAS=platform:{driver}")],
        };
        Some((subject, driver))
    }

    /// A device of the legacy class, which has no properties.
    pub(crate) fn of_class(dir: &str) -> Self {
        Self {
            path: dir.to_owned(),
            subsystem: "gpio".into(),
            properties: Vec::new(),
        }
    }

    /// As it is told of with its driver.
    // KERNEL: drivers/base/core.c dev_uevent (v6.12): DRIVER comes before what the bus adds
    fn driven_by(mut self, driver: &str) -> Self {
        let at = self
            .properties
            .iter()
            .position(|row| row.starts_with("MODALIAS="))
            .unwrap_or(self.properties.len());
        self.properties.insert(at, format!("DRIVER={driver}"));
        self
    }
}

impl Uevents {
    /// A chip has come; it is the first of its platform device or not.
    // KERNEL: drivers/base/core.c device_add, drivers/base/dd.c driver_bound, gpiolib.c gpiochip_setup_dev (v6.12)
    // DIFFERS: of several chips of one platform device, those after the first come after its "bind".
    pub(crate) fn chip_added(&self, node: &ChipNode, is_first: bool, class: &[Subject]) {
        let platform = Subject::platform(node).filter(|_| is_first);
        if let Some((subject, _)) = &platform {
            self.emit("add", subject, Vec::new());
        }
        let chip = Subject::chip(node);
        self.emit("add", &chip, Vec::new());
        self.emit("bind", &chip.driven_by(STUB_DRIVER), Vec::new());
        for device in class {
            self.emit("add", device, Vec::new());
        }
        if let Some((subject, driver)) = platform {
            self.emit("bind", &subject.driven_by(&driver), Vec::new());
        }
    }

    /// A chip has gone, after what it had in the legacy class; it was the last of its platform device or not.
    // KERNEL: drivers/base/core.c device_del, drivers/base/dd.c __device_release_driver (v6.12)
    pub(crate) fn chip_removed(&self, node: &ChipNode, is_last: bool) {
        let chip = Subject::chip(node);
        let platform = Subject::platform(node).filter(|_| is_last);
        let subjects = [Some(chip), platform.map(|(subject, _)| subject)];
        for subject in subjects.into_iter().flatten() {
            self.emit("unbind", &subject, Vec::new());
            self.emit("remove", &subject, Vec::new());
        }
    }
}
