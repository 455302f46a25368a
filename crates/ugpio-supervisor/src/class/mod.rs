//! The lines of a run by their numbers: `/sys/class/gpio` and `/sys/kernel/debug/gpio`.
//!
//! [`ClassDir`] joins the numbered lines of [`gpio_uapi::class`] with directories and files. The
//! texts lie in shared files of the shadow tree, brought up to date when one is opened and after each
//! store. An open `value` is another thing, since programs poll it: see [`poll`]. Asked by `world`
//! when chips come and go, and by the path calls and trapped writes.
//!
//! Lock order: the class, then the open values. Nothing is locked while an edge wakes.

pub(crate) mod debug;
pub(crate) mod poll;

use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Wake, Waker};

use gpio_uapi::class::{Attribute, Class};
use gpiolib::Device;
use rustix::fs::OFlags;
use rustix::io::Errno;

use self::poll::{OpenValue, OpenValues};
use crate::files::raw_errno;
use crate::path::lexical;
use crate::shadow::Shadow;
use crate::tree::Mounted;
use crate::uevent::{Subject, Uevents};

/// Where the class is.
pub(crate) const ROOT: &str = "/sys/class/gpio";

/// A file of the class that takes texts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ClassFile {
    /// `export`
    Export,
    /// `unexport`
    Unexport,
    /// A file of the exported line of that number.
    Line(u32, Attribute),
    /// A file of a line that is not exported any more.
    Gone,
    /// An open `value` that is only for reading.
    ReadOnly,
}

/// The class of one run.
#[derive(Debug)]
pub(crate) struct ClassDir {
    shadow: Arc<Shadow>,
    uevents: Arc<Uevents>,
    model: Mutex<Class>,
    opens: Arc<OpenValues>,
    /// The list of all chips, which nobody else may write.
    list: File,
    /// Whether a program was ever given something that it can store to.
    has_writers: AtomicBool,
    /// The numbers that descriptors of open values have.
    numbers: Range<i32>,
}

/// Wakes who polls the `value` of a line.
#[derive(Debug)]
struct Bell {
    opens: Weak<OpenValues>,
    number: u32,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(opens) = self.opens.upgrade() {
            opens.signal(self.number);
        }
    }
}

impl ClassFile {
    /// The file that a virtual path names, by its form alone.
    fn parse(path: &[u8]) -> Option<Self> {
        let path = core::str::from_utf8(path).ok()?;
        if let Some(name) = path.strip_prefix(ROOT) {
            return match name {
                "/export" => Some(Self::Export),
                "/unexport" => Some(Self::Unexport),
                _ => None,
            };
        }
        let mut parts = path.strip_prefix("/sys/devices/")?.rsplit('/');
        let name = parts.next()?;
        let digits = parts.next()?.strip_prefix("gpio")?;
        let is_line = parts.next() == Some("gpio") && digits.bytes().all(|b| b.is_ascii_digit());
        let attribute = Attribute::ALL.into_iter().find(|one| one.name() == name)?;
        let number = digits.parse().ok().filter(|_| is_line)?;
        Some(Self::Line(number, attribute))
    }
}

/// A directory of the class, in which chips or lines lie.
fn dir_of(device: &Device) -> String {
    let (parent, name) = (device.parent().unwrap_or("virtual"), device.name());
    if parent.contains('/') {
        format!("/sys/devices/{parent}/gpio")
    } else {
        format!("/sys/devices/{parent}/{name}/gpio")
    }
}

/// A directory of an exported line.
fn line_dir(device: &Device, number: u32) -> String {
    let (parent, name) = (device.parent().unwrap_or("virtual"), device.name());
    format!("/sys/devices/{parent}/{name}/gpio/gpio{number}")
}

impl ClassDir {
    /// An empty class, which gives open values these descriptor numbers.
    ///
    /// # Errors
    ///
    /// What making files reports.
    pub(crate) fn new(
        shadow: Arc<Shadow>,
        uevents: Arc<Uevents>,
        numbers: Range<i32>,
    ) -> io::Result<Self> {
        shadow.mkdir_all(ROOT.as_bytes())?;
        for name in ["export", "unexport"] {
            shadow.write_file(format!("{ROOT}/{name}").as_bytes(), 0o200, b"")?;
        }
        shadow.mkdir_all(lexical::parent(debug::PATH.as_bytes()))?;
        let place = shadow.locate(debug::PATH.as_bytes());
        let list = File::create_new(place)?;
        list.set_permissions(fs::Permissions::from_mode(0o444))?;
        shadow.own(debug::PATH.as_bytes());
        let opens = Arc::new(OpenValues::new(Arc::clone(&shadow)));
        Ok(Self {
            shadow,
            uevents,
            model: Mutex::new(Class::new()),
            opens,
            list,
            has_writers: AtomicBool::new(false),
            numbers,
        })
    }

    fn model(&self) -> MutexGuard<'_, Class> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers a chip that has just been shown; gives its device of the class, of which the caller tells.
    pub(crate) fn add_chip(&self, device: &Device) -> io::Result<Subject> {
        let Some(base) = self.model().add(device) else {
            return Err(io::ErrorKind::StorageFull.into());
        };
        let dir = format!("{}/gpiochip{base}", dir_of(device));
        let parent = match device.parent() {
            Some(parent) if parent.contains('/') => parent.rsplit('/').next().map(str::to_owned),
            _ => Some(device.name()),
        };
        self.make_dir(&dir, &parent.unwrap_or_default())?;
        for (name, text) in [
            ("base", base.to_string()),
            ("label", device.label().to_owned()),
            ("ngpio", device.ngpio().to_string()),
        ] {
            let text = format!("{text}\n");
            self.shadow
                .write_file(format!("{dir}/{name}").as_bytes(), 0o444, text.as_bytes())?;
        }
        self.link(&dir)?;
        Ok(Subject::of_class(&dir))
    }

    /// Forgets a chip that is gone, and its exported lines. Their open values wake.
    pub(crate) fn remove_chip(&self, device: &Device) -> io::Result<()> {
        let Some(removed) = self.model().remove(device.id()) else {
            return Ok(());
        };
        // KERNEL: drivers/gpio/gpiolib-sysfs.c gpiochip_sysfs_unregister (v6.12): the chip goes before its lines
        let dir = format!("{}/gpiochip{}", dir_of(device), removed.base);
        self.hide(&dir)?;
        self.tell("remove", &dir);
        for number in removed.exported {
            let dir = line_dir(device, number);
            self.hide(&dir)?;
            self.opens.end(number);
            self.tell("remove", &dir);
        }
        Ok(())
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

    fn hide(&self, dir: &str) -> io::Result<()> {
        let name = dir.rsplit('/').next().unwrap_or_default();
        self.shadow.remove(format!("{ROOT}/{name}").as_bytes())?;
        self.shadow.remove(dir.as_bytes())
    }

    /// Whether a write may be a store at all.
    pub(crate) fn has_writers(&self) -> bool {
        self.has_writers.load(Ordering::Relaxed)
    }

    /// The descriptor numbers of open values.
    pub(crate) fn numbers(&self) -> Range<i32> {
        self.numbers.clone()
    }

    /// Whether no `value` was ever opened to be polled.
    pub(crate) fn is_unopened(&self) -> bool {
        self.opens.is_unopened()
    }

    /// Whether this inode is that of an open value.
    pub(crate) fn has_opened(&self, inode: u64) -> bool {
        self.opens.has(inode)
    }

    /// The open value behind a descriptor, by its link in `/proc/PID/fd`.
    pub(crate) fn open_value(&self, link: &[u8]) -> Option<Arc<OpenValue>> {
        self.opens.find(link)
    }

    /// What a descriptor stores to, by its link in `/proc/PID/fd`.
    pub(crate) fn sink(&self, link: &[u8]) -> Option<ClassFile> {
        if let Some(open) = self.opens.find(link) {
            return Some(match open.number() {
                _ if !open.is_writable() => ClassFile::ReadOnly,
                Some(number) => ClassFile::Line(number, Attribute::Value),
                None => ClassFile::Gone,
            });
        }
        let inside = self.shadow.inside(link)?;
        match inside.strip_suffix(b" (deleted)") {
            Some(path) => ClassFile::parse(path).map(|_| ClassFile::Gone),
            None => ClassFile::parse(&inside),
        }
    }

    /// Gets the file at a virtual path ready to be opened; gives what to open instead of it, if it is
    /// a `value` that can be polled.
    pub(crate) fn open(&self, path: &[u8], flags: OFlags) -> Option<Result<OwnedFd, Errno>> {
        let file = ClassFile::parse(path)?;
        let writes = flags & OFlags::RWMODE != OFlags::RDONLY && !flags.contains(OFlags::PATH);
        if writes {
            self.has_writers.store(true, Ordering::Relaxed);
        }
        let ClassFile::Line(number, attribute) = file else {
            return None;
        };
        self.refresh(number);
        let reads = flags & OFlags::RWMODE != OFlags::WRONLY && !flags.contains(OFlags::PATH);
        if attribute != Attribute::Value || !reads || self.numbers.is_empty() {
            return None;
        }
        let model = self.model();
        let text = match model.show(number, attribute) {
            Ok(text) => text,
            Err(errno) => return Some(Err(raw_errno(errno))),
        };
        let opened = self.opens.open(number, path, writes, &text);
        // KERNEL: fs/kernfs/file.c (v6.12): what was never read polls as changed. Here only if edges
        // are armed, so that a shell's redirections read the text.
        if let Ok(Some(_)) = &opened
            && !model.edges(number).is_empty()
        {
            self.opens.signal(number);
        }
        drop(model);
        opened.transpose()
    }

    /// Gets the list of all chips ready to be opened, if it is what a virtual path names.
    pub(crate) fn list(&self, path: &[u8], tree: Option<&Mounted>) {
        if path != debug::PATH.as_bytes() {
            return;
        }
        let chips: Vec<(u32, Device)> = {
            let model = self.model();
            model
                .chips()
                .map(|(base, device)| (base, device.clone()))
                .collect()
        };
        let text = debug::text(&chips, tree);
        let length = u64::try_from(text.len()).unwrap_or_default();
        let written = self.list.write_all_at(text.as_bytes(), 0);
        if let Err(error) = written.and_then(|()| self.list.set_len(length)) {
            tracing::warn!(%error, "the list of chips is not up to date");
        }
    }

    /// The text of an exported line's `value`, as the next read finds it.
    pub(crate) fn value(&self, number: u32) -> Result<Vec<u8>, Errno> {
        self.model()
            .show(number, Attribute::Value)
            .map_err(raw_errno)
    }

    /// Stores a text; gives how much of it was taken.
    pub(crate) fn store(&self, file: ClassFile, text: &[u8]) -> Result<usize, Errno> {
        match file {
            ClassFile::Export => self.export(text),
            ClassFile::Unexport => self.unexport(text),
            ClassFile::Line(number, attribute) => {
                let bell = Arc::new(Bell {
                    opens: Arc::downgrade(&self.opens),
                    number,
                });
                let mut model = self.model();
                let taken = model.store(number, attribute, text, &Waker::from(bell));
                drop(model);
                self.refresh(number);
                taken.map_err(raw_errno)
            }
            // KERNEL: fs/kernfs/file.c kernfs_fop_write_iter (v6.12)
            ClassFile::Gone => Err(Errno::NODEV),
            ClassFile::ReadOnly => Err(Errno::BADF),
        }
    }

    fn export(&self, text: &[u8]) -> Result<usize, Errno> {
        let mut model = self.model();
        let Some(number) = model.export(text).map_err(raw_errno)? else {
            return Ok(0);
        };
        let Some((device, _)) = model.line(number) else {
            return Err(Errno::INVAL);
        };
        let dir = line_dir(device, number);
        let made = self.make_dir(&dir, &device.name()).and_then(|()| {
            for attribute in Attribute::ALL {
                let path = format!("{dir}/{}", attribute.name());
                self.shadow.write_file(path.as_bytes(), 0o644, b"")?;
            }
            self.link(&dir)
        });
        if let Err(error) = made {
            tracing::warn!(%error, number, "an exported line cannot be shown");
            // The first failure is the one worth telling.
            let _ = self.hide(&dir);
            let _ = model.unexport(number.to_string().as_bytes());
            return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO));
        }
        self.tell("add", &dir);
        Ok(text.len().min(gpio_uapi::class::STORE_MAX))
    }

    fn unexport(&self, text: &[u8]) -> Result<usize, Errno> {
        let mut model = self.model();
        let Some(number) = model.unexport(text).map_err(raw_errno)? else {
            return Ok(0);
        };
        if let Some((device, _)) = model.line(number) {
            let dir = line_dir(device, number);
            if let Err(error) = self.hide(&dir) {
                tracing::warn!(%error, number, "an unexported line stays visible");
            }
            self.tell("remove", &dir);
        }
        self.opens.end(number);
        Ok(text.len().min(gpio_uapi::class::STORE_MAX))
    }

    /// Brings the files of an exported line up to date.
    fn refresh(&self, number: u32) {
        let model = self.model();
        let Some((device, _)) = model.line(number) else {
            return;
        };
        let dir = line_dir(device, number);
        for attribute in Attribute::ALL {
            let Ok(text) = model.show(number, attribute) else {
                continue;
            };
            let path = lexical::join(dir.as_bytes(), attribute.name().as_bytes());
            if let Err(error) = self.shadow.rewrite(&path, &text) {
                tracing::debug!(number, %error, "a file of an exported line is not up to date");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_by_their_paths() {
        let base = "/sys/devices/platform/gpio-sim.0/gpiochip0/gpio/gpio513";
        let parse = |path: &str| ClassFile::parse(path.as_bytes());
        let value = Some(ClassFile::Line(513, Attribute::Value));
        assert_eq!(parse(&format!("{base}/value")), value);
        assert_eq!(parse("/sys/class/gpio/export"), Some(ClassFile::Export));
        assert_eq!(parse("/sys/class/gpio/unexport"), Some(ClassFile::Unexport));
        for other in ["", "/", "/uevent", "/value/x", "x/value"] {
            assert_eq!(parse(&format!("{base}{other}")), None, "{other}");
        }
        assert_eq!(
            parse("/sys/devices/platform/gpio-sim.0/gpio/gpiochip512/base"),
            None
        );
    }
}
