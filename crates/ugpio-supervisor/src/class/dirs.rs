//! The directories of chips and of exported lines, made, kept up to date and taken away.
//!
//! [`ClassDir`] calls this when chips come and go and when lines are exported; the lock of the class
//! is held meanwhile where a line is concerned.

use core::sync::atomic::Ordering;
use std::io;

use gpio_uapi::class::ClassAttribute;
use gpiolib::{Device, Feature};

use super::ClassDir;
use super::place::{LineRef, ROOT, chip_dir, chip_line_dir, line_dir, numbered_dir};
use crate::names::lexical;
use crate::uevent::Subject;

impl ClassDir {
    /// Numbers a chip that has just been shown; gives its devices of the class, of which the caller tells.
    pub(crate) fn add_chip(&self, device: &Device) -> io::Result<Vec<Subject>> {
        let Some(base) = self.model().add(device) else {
            return Err(io::ErrorKind::AddrInUse.into());
        };
        let label = ("label", 0o444, device.label().to_owned());
        let ngpio = ("ngpio", 0o444, device.ngpio().to_string());
        let own = ("base", 0o444, base.to_string());
        let dir = numbered_dir(device, base);
        self.show_chip(device, &dir, &[own, label.clone(), ngpio.clone()])?;
        let mut shown = vec![Subject::of_class(&dir)];
        if device.release().has(Feature::ChipExport) {
            let dir = chip_dir(device);
            let take = |name| (name, 0o200, String::new());
            let files = [label, ngpio, take("export"), take("unexport")];
            self.show_chip(device, &dir, &files)?;
            shown.push(Subject::of_class(&dir));
        }
        Ok(shown)
    }

    /// Makes a directory of a chip with these files, by name, mode and text.
    fn show_chip(
        &self,
        device: &Device,
        dir: &str,
        files: &[(&str, u32, String)],
    ) -> io::Result<()> {
        let parent = match device.parent() {
            Some(parent) if parent.contains('/') => parent.rsplit('/').next().map(str::to_owned),
            _ => Some(device.name()),
        };
        self.make_dir(dir, &parent.unwrap_or_default())?;
        for (name, mode, text) in files {
            let text = format!("{text}\n");
            let text = if *mode == 0o200 { "" } else { &text };
            self.shadow
                .write_file(format!("{dir}/{name}").as_bytes(), *mode, text.as_bytes())?;
        }
        self.link(dir)
    }

    /// Forgets a chip that is gone, and its exported lines. Their open values wake.
    pub(crate) fn remove_chip(&self, device: &Device) -> io::Result<()> {
        let Some(removed) = self.model().remove(device.id()) else {
            return Ok(());
        };
        // KERNEL: drivers/gpio/gpiolib-sysfs.c gpiochip_sysfs_unregister (v6.12): the chip goes before its lines
        let dir = numbered_dir(device, removed.base);
        self.hide(&dir, &["base", "label", "ngpio"])?;
        let own_dir = chip_dir(device);
        if device.release().has(Feature::ChipExport) {
            self.hide_name(&own_dir)?;
            self.empty(&own_dir, &["label", "ngpio"]);
            self.tell("remove", &own_dir);
        }
        for number in removed.exported {
            self.hide_line(device, number, number - removed.base)?;
        }
        self.shadow.remove(own_dir.as_bytes())
    }

    fn tell(&self, action: &str, dir: &str) {
        self.uevents
            .emit(action, &Subject::of_class(dir), Vec::new());
    }

    /// A directory with what every device of Linux has.
    fn make_dir(&self, dir: &str, parent: &str) -> io::Result<()> {
        let up = "../".repeat(dir.split('/').count() - 2);
        self.shadow.mkdir_all(format!("{dir}/power").as_bytes())?;
        let link = |name: &str, text: String| {
            self.shadow
                .symlink(format!("{dir}/{name}").as_bytes(), text.as_bytes())
        };
        link("device", format!("../../../{parent}"))?;
        link("subsystem", format!("{up}class/gpio"))?;
        self.shadow
            .write_file(format!("{dir}/uevent").as_bytes(), 0o644, b"")
    }

    /// The name in the class; it appears last, so whoever sees it finds the rest.
    fn link(&self, dir: &str) -> io::Result<()> {
        let (Some(name), Some(rest)) = (dir.rsplit('/').next(), dir.strip_prefix("/sys/")) else {
            return Ok(());
        };
        self.shadow.symlink(
            format!("{ROOT}/{name}").as_bytes(),
            format!("../../{rest}").as_bytes(),
        )
    }

    /// Removes a directory, its name in the class first, and tells of it. These files of it are
    /// emptied, so that who has one open reads no text of what is not there.
    fn hide(&self, dir: &str, files: &[&str]) -> io::Result<()> {
        self.hide_name(dir)?;
        self.empty(dir, files);
        self.shadow.remove(dir.as_bytes())?;
        self.tell("remove", dir);
        Ok(())
    }

    fn hide_name(&self, dir: &str) -> io::Result<()> {
        let name = dir.rsplit('/').next().unwrap_or_default();
        self.shadow.remove(format!("{ROOT}/{name}").as_bytes())
    }

    fn empty(&self, dir: &str, files: &[&str]) {
        self.has_stale.store(true, Ordering::Relaxed);
        for name in files {
            let path = format!("{dir}/{name}");
            if let Err(error) = self.shadow.rewrite(path.as_bytes(), b"") {
                tracing::debug!(path, %error, "a file keeps its last text");
            }
        }
    }

    /// Shows an exported line.
    pub(super) fn show_line(&self, device: &Device, number: u32, offset: u32) -> io::Result<()> {
        if device.release().has(Feature::ChipExport) {
            let dir = chip_line_dir(device, offset);
            self.shadow.mkdir_all(dir.as_bytes())?;
            self.make_attributes(&dir, LineRef::OfChip(device.id(), offset))?;
        }
        let dir = line_dir(device, number);
        self.make_dir(&dir, &device.name())?;
        self.make_attributes(&dir, LineRef::Number(number))?;
        self.link(&dir)?;
        self.tell("add", &dir);
        Ok(())
    }

    fn make_attributes(&self, dir: &str, line: LineRef) -> io::Result<()> {
        let mut all = line.attributes().iter();
        all.try_for_each(|one| {
            let path = format!("{dir}/{}", one.name());
            self.shadow.write_file(path.as_bytes(), 0o644, b"")
        })
    }

    /// Hides a line that is not exported any more; its open values wake.
    pub(super) fn hide_line(&self, device: &Device, number: u32, offset: u32) -> io::Result<()> {
        let dir = line_dir(device, number);
        let hidden = self.hide(&dir, &ClassAttribute::ALL.map(ClassAttribute::name));
        if device.release().has(Feature::ChipExport) {
            let dir = chip_line_dir(device, offset);
            self.empty(&dir, &["direction"]);
            self.shadow.remove(dir.as_bytes())?;
        }
        self.opens.end(number);
        hidden
    }

    /// Brings the files of an exported line up to date.
    pub(super) fn refresh(&self, number: u32) {
        let model = self.model();
        let Some((device, offset)) = model.line(number) else {
            return;
        };
        let mut dirs = vec![(line_dir(device, number), LineRef::Number(number))];
        if device.release().has(Feature::ChipExport) {
            let line = LineRef::OfChip(device.id(), offset.get());
            dirs.push((chip_line_dir(device, offset.get()), line));
        }
        for attribute in ClassAttribute::ALL {
            let Ok(text) = model.show(number, attribute) else {
                continue;
            };
            for (dir, line) in &dirs {
                if line.attributes().contains(&attribute) {
                    self.rewrite(dir, attribute, &text);
                }
            }
        }
    }

    fn rewrite(&self, dir: &str, attribute: ClassAttribute, text: &[u8]) {
        let path = lexical::join(dir.as_bytes(), attribute.name().as_bytes());
        if let Err(error) = self.shadow.rewrite(&path, text) {
            tracing::debug!(dir, %error, "a file of an exported line is not up to date");
        }
    }
}
