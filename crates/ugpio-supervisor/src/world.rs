//! What the program sees: chips as nodes and files, and its calls on them answered.
//!
//! A [`World`] joins the registry of chips with the shadow tree of paths and the table of open
//! files; `dispatch` has it answer calls. When a chip comes or goes the
//! registry wakes it, and it brings nodes and open files up to date before that call returns: who
//! plugs a chip may use its node at once.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Wake;

use gpiolib::{ChangeWatch, Device, Registry};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::attributes::Shown;
use crate::calls::{Opener, PathLayer};
use crate::class::ClassDir;
use crate::class::debug::{self, List};
use crate::files::Files;
use crate::outcome::raw_errno;
use crate::path::{Identity, lexical};
use crate::procdir::ProcDirs;
use crate::shadow::{ChipNode, Shadow};
use crate::tree::{ControlTree, Mounted};
use crate::uevent::Uevents;

/// One run's chips as its programs see them.
#[derive(Debug)]
pub struct World {
    chips: Arc<Chips>,
    pub(crate) paths: PathLayer,
    pub(crate) dirs: Arc<ProcDirs>,
    mounted: Option<Arc<Mounted>>,
    attributes: Arc<Shown>,
    /// Keeps the nodes up to date.
    _watch: ChangeWatch,
}

/// What a program may find besides chips.
#[derive(Debug, Default)]
pub struct Extras {
    /// The gpio-sim control tree.
    pub tree: Option<Arc<dyn ControlTree>>,
    /// The kernel release that `uname` tells instead of the machine's.
    pub release: Option<String>,
    /// Whether every call that could show a difference is trapped ([`FilterSpec::strict`]), and so must be answered.
    ///
    /// [`FilterSpec::strict`]: crate::filter::FilterSpec::strict
    pub is_strict: bool,
    /// The descriptor numbers on which reads are trapped ([`FilterSpec::read_from`]): files that are
    /// polled and read anew get one of them. Empty: none are.
    ///
    /// [`FilterSpec::read_from`]: crate::filter::FilterSpec::read_from
    pub read_numbers: core::ops::Range<i32>,
    /// Files to find, at absolute paths, with what they contain; the machine's of that name are hidden.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Where the chips are, and what is open of them.
#[derive(Debug)]
struct Chips {
    registry: Registry,
    shadow: Arc<Shadow>,
    files: Arc<Files>,
    class: Arc<ClassDir>,
    uevents: Arc<Uevents>,
    /// The devices that have nodes. The lock is held while nodes change, so that two wakes in
    /// different threads do not mix.
    shown: Mutex<BTreeMap<u32, Device>>,
}

impl World {
    /// Shows the chips of a registry, those to come included, in the shadow tree at `shadow`.
    ///
    /// # Errors
    ///
    /// The shadow tree cannot be built, or there are no descriptors left for the open files.
    pub fn new(registry: Registry, shadow: &Path) -> std::io::Result<Self> {
        Self::with(registry, shadow, Extras::default())
    }

    /// As [`World::new`], with more than chips.
    ///
    /// # Errors
    ///
    /// As [`World::new`].
    pub fn with(registry: Registry, shadow: &Path, extras: Extras) -> std::io::Result<Self> {
        let shadow = Arc::new(Shadow::build(shadow.to_owned())?);
        let numbers = extras.read_numbers;
        let uevents = Uevents::new(Arc::clone(&shadow), numbers.clone())?;
        let class = ClassDir::new(Arc::clone(&shadow), Arc::clone(&uevents), numbers)?;
        let class = Arc::new(class);
        let chips = Chips {
            registry,
            class,
            uevents,
            shadow,
            files: if extras.is_strict {
                Files::strict()?
            } else {
                Files::new()?
            },
            shown: Mutex::default(),
        };
        let chips = Arc::new(chips);
        let change = Change(Arc::downgrade(&chips));
        let watch = chips.registry.on_change(Arc::new(change).into());
        chips.catch_up()?;
        let dirs = Arc::new(ProcDirs::new());
        let opener = Arc::clone(&chips) as Arc<dyn Opener>;
        let mut paths = PathLayer::new(Arc::clone(&chips.shadow), Arc::clone(&dirs), opener);
        paths = paths.with_class(Arc::clone(&chips.class));
        let mut mounted = None;
        if let Some(tree) = extras.tree {
            let tree = Arc::new(Mounted::new(Arc::clone(&chips.shadow), tree)?);
            paths = paths.with_tree(Arc::clone(&tree));
            mounted = Some(tree);
        }
        let attributes = Arc::new(Shown::new(Arc::clone(&chips.shadow)));
        let list = List {
            class: Arc::clone(&chips.class),
            lines: mounted.clone(),
        };
        attributes.show(debug::PATH, Arc::new(list))?;
        paths = paths.with_attributes(Arc::clone(&attributes) as _);
        paths = paths.with_attributes(Arc::clone(&chips.uevents) as _);
        for (path, contents) in &extras.files {
            show_file(&chips.shadow, path.as_bytes(), contents)?;
        }
        if let Some(release) = extras.release {
            paths = paths.with_release(release);
        }
        Ok(Self {
            chips,
            paths,
            dirs,
            mounted,
            attributes,
            _watch: watch,
        })
    }

    /// The program's open files.
    #[must_use]
    pub fn files(&self) -> &Files {
        &self.chips.files
    }

    pub(crate) fn uevents(&self) -> &Arc<Uevents> {
        &self.chips.uevents
    }
}

impl World {
    /// The attributes at places of their own, to which others may be added.
    #[must_use]
    pub fn attributes(&self) -> &Arc<Shown> {
        &self.attributes
    }

    /// The gpio-sim control tree as programs see it.
    #[must_use]
    pub fn mounted(&self) -> Option<&Arc<Mounted>> {
        self.mounted.as_ref()
    }
}

/// Shows a file that can only be read. Its directories that the machine lacks are shown too, so that whoever searches
/// finds it; where links of the machine are on the way, it is shown at their end as well.
fn show_file(shadow: &Shadow, path: &[u8], contents: &[u8]) -> std::io::Result<()> {
    let dir = lexical::parent(path);
    let real = real_directory(dir);
    for dir in [Some(dir.to_vec()), real.filter(|real| real != dir)]
        .into_iter()
        .flatten()
    {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let path = lexical::join(&dir, name);
        shadow.mkdir_all(&dir)?;
        shadow.write_file(&path, 0o444, contents)?;
        shadow.own(&path);
        let mut at = dir.as_slice();
        while at != b"/" && std::fs::symlink_metadata(OsStr::from_bytes(at)).is_err() {
            shadow.show_directory(at);
            at = lexical::parent(at);
        }
    }
    Ok(())
}

/// Where the machine's links lead on the way to a directory that it may lack.
fn real_directory(dir: &[u8]) -> Option<Vec<u8>> {
    let mut there = dir;
    while there != b"/" {
        if let Ok(real) = std::fs::canonicalize(OsStr::from_bytes(there)) {
            let rest = &dir[there.len()..];
            return Some([real.as_os_str().as_bytes(), rest].concat());
        }
        there = lexical::parent(there);
    }
    None
}

impl Chips {
    /// Brings nodes and open files up to date with the registry.
    ///
    /// # Errors
    ///
    /// The first node that could not be made or removed; the others are up to date.
    fn catch_up(&self) -> std::io::Result<()> {
        let mut result = Ok(());
        let mut note = |done: std::io::Result<()>, what: &str, id: u32| {
            if let Err(error) = done {
                tracing::warn!("cannot {what} the node of gpiochip{id}: {error}");
                if result.is_ok() {
                    result = Err(error);
                }
            }
        };
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let there: BTreeMap<u32, Device> = self
            .registry
            .devices()
            .into_iter()
            .map(|device| (device.id(), device))
            .collect();
        let is_shown = |device: &Device| {
            there
                .get(&device.id())
                .is_some_and(|other| other.is_same(device))
        };
        let gone: Vec<Device> = shown
            .values()
            .filter(|device| !is_shown(device))
            .cloned()
            .collect();
        for device in gone {
            let id = device.id();
            note(self.class.remove_chip(&device), "remove", id);
            note(self.shadow.remove_chip(id), "remove", id);
            shown.remove(&id);
            let node = node(&device);
            let is_last = !has_parent(&shown, &node.parent);
            self.uevents.chip_removed(&node, is_last);
        }
        for (id, device) in there {
            if shown.contains_key(&id) {
                continue;
            }
            let node = node(&device);
            let class = self.class.add_chip(&device);
            let in_class = class.as_ref().ok().cloned().unwrap_or_default();
            note(class.map(drop), "number", id);
            note(self.shadow.add_chip(&node), "make", id);
            let is_first = !has_parent(&shown, &node.parent);
            self.uevents.chip_added(&node, is_first, &in_class);
            shown.insert(id, device);
        }
        drop(shown);
        self.files.hang_up_gone();
        self.files.sweep_gone();
        result
    }
}

/// Whether one of these devices has this parent.
fn has_parent(shown: &BTreeMap<u32, Device>, parent: &str) -> bool {
    shown
        .values()
        .any(|device| device.parent().unwrap_or("virtual") == parent)
}

fn node(device: &Device) -> ChipNode {
    ChipNode {
        id: device.id(),
        label: device.label().to_owned(),
        parent: device.parent().unwrap_or("virtual").to_owned(),
        lines: device.ngpio(),
    }
}

impl Opener for Chips {
    fn open_chip(&self, id: u32, flags: u32) -> Result<OwnedFd, Errno> {
        let device = self.registry.device(id);
        let device = device.or_else(|| self.files.gone_chip(id));
        let device = device.ok_or(Errno::NODEV)?;
        let flags = OFlags::from_bits_retain(flags);
        self.files.open_chip(&device, flags).map_err(raw_errno)
    }

    fn settle(&self) {
        self.files.reap();
    }

    fn identify(&self, link: &[u8]) -> Option<Identity> {
        self.files.identify(link)
    }

    fn fdinfo(&self, link: &[u8], text: &str) -> Option<String> {
        self.files.fdinfo(link, text)
    }
}

/// Wakes a world when a chip came or went; does not keep it alive.
#[derive(Debug)]
struct Change(Weak<Chips>);

impl Wake for Change {
    fn wake(self: Arc<Self>) {
        if let Some(chips) = self.0.upgrade() {
            // Told already: a node that cannot be made or removed leaves the run usable without it.
            let _ = chips.catch_up();
        }
    }
}
