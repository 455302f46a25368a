//! The lines of a run by their numbers: `/sys/class/gpio`, and the list of [`debug`].
//!
//! [`ClassDir`] joins the numbered lines of [`gpio_uapi::class`] with directories and files. The
//! texts lie in shared files of the shadow tree, brought up to date when one is opened and after each
//! store. An open `value` is another thing, since programs poll it: see [`poll`]. Asked by `world`
//! when chips come and go, and by the path calls and trapped writes.
//!
//! Lock order: the class, then the open values. Nothing is locked while an edge wakes.

pub(crate) mod debug;
mod dirs;
mod place;
pub(crate) mod poll;

use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Wake, Waker};

use gpio_uapi::class::{Class, ClassAttribute, Within};
use gpiolib::Device;
use rustix::fs::OFlags;
use rustix::io::Errno;

pub(crate) use self::place::is_of_numbered_line;
use self::place::{ClassFile, LineRef, ROOT};
use self::poll::{OpenValue, OpenValues, Polls};
use crate::attributes::{AttributeTree, Sink, writes};
use crate::outcome::raw_errno;
use crate::shadow::Shadow;
use crate::uevent::Uevents;

/// The class of one run.
#[derive(Debug)]
pub(crate) struct ClassDir {
    shadow: Arc<Shadow>,
    uevents: Arc<Uevents>,
    model: Mutex<Class>,
    opens: Arc<OpenValues>,
    /// Whether files went that a program may have open.
    has_stale: AtomicBool,
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
        let opens = Arc::new(OpenValues::new(Arc::clone(&shadow)));
        Ok(Self {
            shadow,
            uevents,
            model: Mutex::new(Class::new()),
            opens,
            has_stale: AtomicBool::new(false),
            numbers,
        })
    }

    fn model(&self) -> MutexGuard<'_, Class> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn file_behind(&self, link: &[u8]) -> Option<ClassFile> {
        if let Some(open) = self.opens.find(link) {
            return Some(match open.number() {
                _ if !open.is_writable() => ClassFile::ReadOnly,
                Some(number) => ClassFile::Line(LineRef::Number(number), ClassAttribute::Value),
                None => ClassFile::Gone,
            });
        }
        let inside = self.shadow.inside(link)?;
        match inside.strip_suffix(b" (deleted)") {
            Some(path) => place::is_file(path).then_some(ClassFile::Gone),
            None => ClassFile::parse(&inside),
        }
    }

    /// The chips with the numbers of their first lines.
    fn chips(&self) -> Vec<(u32, Device)> {
        let model = self.model();
        let chips = model.chips();
        chips.map(|(base, device)| (base, device.clone())).collect()
    }

    /// The text of an exported line's `value`, as the next read finds it.
    pub(crate) fn value(&self, number: u32) -> Result<Vec<u8>, Errno> {
        self.model()
            .show(number, ClassAttribute::Value)
            .map_err(raw_errno)
    }

    /// The number of a line, if its chip is there.
    fn number(&self, line: LineRef) -> Option<u32> {
        match line {
            LineRef::Number(number) => Some(number),
            LineRef::OfChip(id, offset) => self.model().base(id)?.checked_add(offset),
        }
    }

    fn store_line(
        &self,
        number: u32,
        attribute: ClassAttribute,
        text: &[u8],
    ) -> Result<usize, Errno> {
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

    fn export(&self, within: Within, text: &[u8]) -> Result<usize, Errno> {
        let mut model = self.model();
        let Some(number) = model.export(within, text).map_err(raw_errno)? else {
            return Ok(0);
        };
        let Some((device, offset)) = model.line(number) else {
            return Err(Errno::INVAL);
        };
        if let Err(error) = self.show_line(device, number, offset.get()) {
            tracing::warn!(%error, number, "an exported line cannot be shown");
            // The first failure is the one worth telling.
            let _ = self.hide_line(device, number, offset.get());
            let _ = model.unexport(Within::Machine, number.to_string().as_bytes());
            return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO));
        }
        Ok(text.len().min(gpio_uapi::class::STORE_MAX))
    }

    fn unexport(&self, within: Within, text: &[u8]) -> Result<usize, Errno> {
        let mut model = self.model();
        let Some(number) = model.unexport(within, text).map_err(raw_errno)? else {
            return Ok(0);
        };
        if let Some((device, offset)) = model.line(number)
            && let Err(error) = self.hide_line(device, number, offset.get())
        {
            tracing::warn!(%error, number, "an unexported line stays visible");
        }
        Ok(text.len().min(gpio_uapi::class::STORE_MAX))
    }
}

impl AttributeTree for ClassDir {
    /// Gets the file at a virtual path ready to be opened; gives what to open instead of it, if it is
    /// a `value` that can be polled.
    fn open(&self, path: &[u8], flags: OFlags) -> Option<Result<OwnedFd, Errno>> {
        let file = ClassFile::parse(path)?;
        let ClassFile::Line(line, attribute) = file else {
            return None;
        };
        let number = self.number(line)?;
        self.refresh(number);
        let reads = flags & OFlags::RWMODE != OFlags::WRONLY && !flags.contains(OFlags::PATH);
        if attribute != ClassAttribute::Value || !reads || self.numbers.is_empty() {
            return None;
        }
        let model = self.model();
        let text = match model.show(number, attribute) {
            Ok(text) => text,
            Err(errno) => return Some(Err(raw_errno(errno))),
        };
        let polls = match line {
            LineRef::Number(_) => Polls::Edges,
            LineRef::OfChip(..) => Polls::Nothing,
        };
        let opened = self.opens.open(number, path, writes(flags), polls, &text);
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

    fn sink(&self, link: &[u8]) -> Option<Box<dyn Sink + '_>> {
        let file = self.file_behind(link)?;
        Some(Box::new(OfClass { class: self, file }))
    }

    fn has_stale(&self) -> bool {
        self.has_stale.load(Ordering::Relaxed)
    }

    fn is_gone(&self, link: &[u8]) -> bool {
        let inside = self.shadow.inside(link).unwrap_or_default();
        let path = inside.strip_suffix(b" (deleted)");
        path.is_some_and(place::is_file)
    }
}

/// An open file of the class.
struct OfClass<'a> {
    class: &'a ClassDir,
    file: ClassFile,
}

impl Sink for OfClass<'_> {
    fn store(&self, _: u64, text: &[u8]) -> Result<usize, Errno> {
        let class = self.class;
        match self.file {
            ClassFile::Export(within) => class.export(within, text),
            ClassFile::Unexport(within) => class.unexport(within, text),
            ClassFile::Line(line, attribute) => {
                let number = class.number(line).ok_or(Errno::NODEV)?;
                class.store_line(number, attribute, text)
            }
            // KERNEL: fs/kernfs/file.c kernfs_fop_write_iter (v6.12)
            ClassFile::Gone => Err(Errno::NODEV),
            ClassFile::ReadOnly => Err(Errno::BADF),
        }
    }
}
