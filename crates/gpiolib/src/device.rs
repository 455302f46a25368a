//! The device: the core's record of a chip, which outlives it.
//!
//! A [`Device`] is counted. It owns one slot per line (the descriptor's flag word, consumer and
//! edge subscription) and copies of everything that must stay readable when the chip is gone: id,
//! label, names, number of lines. Requests hold it; its id is free again when the last holder goes.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use revocable::{Revocable, WeakRevocable, Word};

use crate::config::flags;
use crate::edge::arm::{self, Listening};
use crate::info::WeakInfoQueue;
use crate::registry::RegistryInner;
use crate::shared::Shared;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Arc, IrqLock};
use crate::{
    Chip, ChipConfig, Direction, InfoChange, InfoChangeKind, InfoQueue, Label, Level, Line,
    LineConfig, LineInfo, Module, Name, Offset, Release, Timestamp, ops,
};

revocable::newtype! {
/// A chip's lasting side. Cheap to clone; every clone keeps it (and its id) alive.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::Timestamp;
///
/// let sim = Sim::simple(4)?;
/// let device = sim.device().clone();
/// assert_eq!((device.name().as_str(), device.ngpio()), ("gpiochip0", 4));
/// sim.unplug();
/// assert!(device.is_gone());
/// assert_eq!(device.ngpio(), 4, "still readable");
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone)]
    pub struct Device(pub(crate) Revocable<dyn Chip, State>);
}

/// A device as those see it that must not keep it alive.
#[derive(Clone, Debug)]
pub(crate) struct WeakDevice(WeakRevocable<dyn Chip, State>);

/// What a device keeps, beside one word of flags for each line. In this order: requests read the
/// beginning, which shares a cache line with the chip's pointer; what is written comes last.
///
/// What is seldom there lies apart from a line's flags: a device may have a million lines, and pays 20
/// bytes for each.
#[repr(C)]
pub(crate) struct State {
    active: Box<[IrqLock<Option<Box<Active>>>]>,
    /// Empty if no line has a name.
    names: Box<[Option<Name>]>,
    label: Box<str>,
    parent: Option<Box<str>>,
    owner: Option<Module>,
    pub(crate) registry: Arc<RegistryInner>,
    apart: Option<Box<Apart>>,
    id: u32,
    can_sleep: bool,
    base: Option<u32>,
    /// `watchers.len()`, to skip the lock where nobody watches.
    watcher_count: AtomicUsize,
    watchers: IrqLock<Vec<WeakInfoQueue>>,
}

/// What few devices have.
pub(crate) enum Apart {
    /// Lines that several consumers may have.
    Shares(Box<[Shared]>),
    /// It is one consumer's view of a line, and has no number of its own.
    StandsFor(Device, Offset),
}

/// One line's slot: the descriptor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot<'a> {
    pub(crate) flags: &'a Word,
    pub(crate) active: &'a IrqLock<Option<Box<Active>>>,
}

#[cfg(not(loom))]
const _: () = assert!(
    size_of::<Word>() + size_of::<IrqLock<Option<Box<Active>>>>() <= 20,
    "memory per line is promised"
);

/// What a line has only while it is requested. The box stays for the next request.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) consumer: Label,
    pub(crate) debounce_us: u32,
    pub(crate) listening: Option<Listening>,
}

impl Slot<'_> {
    /// Writes down who has the line now, and nothing else of it yet.
    pub(crate) fn rename(self, consumer: Label) {
        let fresh = Active {
            consumer,
            debounce_us: 0,
            listening: None,
        };
        let mut active = self.active.lock();
        let former = match active.as_deref_mut() {
            Some(active) => Some(core::mem::replace(active, fresh)),
            None => {
                *active = Some(Box::new(fresh));
                None
            }
        };
        // What a former consumer left is dropped without the lock.
        drop(active);
        drop(former);
    }
}

impl Device {
    /// Makes the device of a chip that is about to be registered. Dropping it gives the id back.
    pub(crate) fn new(
        id: u32,
        config: &ChipConfig,
        chip: Box<dyn Chip>,
        registry: Arc<RegistryInner>,
    ) -> Self {
        let has = |offset: &&Offset| offset.get() < config.lines;
        let shares: Box<[Shared]> = config
            .shared
            .iter()
            .filter(has)
            .map(|offset| Shared::new(*offset))
            .collect();
        let apart = (!shares.is_empty()).then(|| Box::new(Apart::Shares(shares)));
        Self::with(id, config, chip, registry, apart)
    }

    /// A device that no registry lists.
    pub(crate) fn hidden(
        config: &ChipConfig,
        chip: Box<dyn Chip>,
        registry: Arc<RegistryInner>,
        apart: Apart,
    ) -> Self {
        Self::with(u32::MAX, config, chip, registry, Some(Box::new(apart)))
    }

    fn with(
        id: u32,
        config: &ChipConfig,
        chip: Box<dyn Chip>,
        registry: Arc<RegistryInner>,
        apart: Option<Box<Apart>>,
    ) -> Self {
        let lines = 0..config.lines;
        let label = if config.label.is_empty() {
            "unknown"
        } else {
            &config.label
        };
        let state = State {
            id,
            label: label.into(),
            parent: config.parent.as_deref().map(Into::into),
            owner: config.owner.clone(),
            can_sleep: config.can_sleep,
            base: config.base,
            active: lines.map(|_| IrqLock::new(None)).collect(),
            names: names(config),
            watchers: IrqLock::new(Vec::new()),
            watcher_count: AtomicUsize::new(0),
            apart,
            registry,
        };
        let lines = config.lines as usize;
        let device = Self(Revocable::with(chip, lines, state));
        device.read_chip(config);
        device
    }

    /// The smallest number that was free at registration; free again when the last user is gone.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.state().id
    }

    /// `gpiochipN`.
    #[must_use]
    pub fn name(&self) -> String {
        alloc::format!("gpiochip{}", self.id())
    }

    /// The number that its first line must have where lines are numbered over all chips
    /// ([`ChipConfig::base`]); `None` if any will do.
    #[must_use]
    pub fn base(&self) -> Option<u32> {
        self.state().base
    }

    /// The chip's label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.state().label
    }

    /// Where the chip hangs, below `/sys/devices`.
    #[must_use]
    pub fn parent(&self) -> Option<&str> {
        self.state().parent.as_deref()
    }

    /// How many lines the chip has (or had).
    #[must_use]
    pub fn ngpio(&self) -> u32 {
        u32::try_from(self.0.words().len()).unwrap_or(u32::MAX)
    }

    /// Whether reading and setting a line may take bus time; stays readable when the chip is gone.
    #[must_use]
    pub fn can_sleep(&self) -> bool {
        self.state().can_sleep
    }

    /// The module that the chip's operations are in, if it can be unloaded.
    #[must_use]
    pub fn owner(&self) -> Option<&Module> {
        self.state().owner.as_ref()
    }

    /// How many handles keep the device alive: the registration, clones, lines, requests. For tests
    /// and people; another thread may change it at once.
    #[must_use]
    pub fn holders(&self) -> usize {
        self.0.holders()
    }

    /// Whether the chip is gone; every operation then answers [`crate::Error::Revoked`].
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.0.is_revoked()
    }

    /// Whether both are the same device.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.is_same(&other.0)
    }

    /// The line with this offset; `None` beyond the last.
    #[must_use]
    pub fn line(&self, offset: Offset) -> Option<Line> {
        self.0.words().get(offset.index())?;
        Some(Line::new(self.clone(), offset))
    }

    /// All lines, in order.
    pub fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        (0..self.ngpio()).filter_map(|offset| self.line(Offset::new(offset)))
    }

    /// Tells this queue of changes of the lines it watches, as long as it lives.
    pub fn attach(&self, queue: &InfoQueue) {
        let state = self.state();
        let mut watchers = state.watchers.lock();
        watchers.retain(|watcher| !watcher.is_dead());
        watchers.push(queue.downgrade());
        state.watcher_count.store(watchers.len(), Ordering::Release);
    }

    /// The release of Linux that the registry of this device behaves as.
    #[must_use]
    pub fn release(&self) -> Release {
        self.state().registry.release()
    }

    pub(crate) fn state(&self) -> &State {
        self.0.state()
    }

    pub(crate) fn downgrade(&self) -> WeakDevice {
        WeakDevice(self.0.downgrade())
    }

    #[inline]
    pub(crate) fn slot(&self, offset: Offset) -> Option<Slot<'_>> {
        Some(Slot {
            flags: self.0.words().get(offset.index())?,
            active: self.state().active.get(offset.index())?,
        })
    }

    /// The lines that several consumers may have.
    pub(crate) fn shares(&self) -> &[Shared] {
        match self.state().apart.as_deref() {
            Some(Apart::Shares(shares)) => shares,
            _ => &[],
        }
    }

    /// The device and line that a consumer sees: of a shared line, the real one.
    pub(crate) fn shown(&self, offset: Offset) -> (&Self, Offset) {
        match self.state().apart.as_deref() {
            Some(Apart::StandsFor(device, offset)) => (device, *offset),
            _ => (self, offset),
        }
    }

    /// The slots of all lines, in order.
    fn slots(&self) -> impl Iterator<Item = (Offset, Slot<'_>)> {
        (0..)
            .map(Offset::new)
            .zip(self.0.words().iter().zip(&self.state().active))
            .map(|(offset, (flags, active))| (offset, Slot { flags, active }))
    }

    pub(crate) fn line_name(&self, offset: Offset) -> Option<&Name> {
        self.state().names.get(offset.index())?.as_ref()
    }

    /// The public state of a line.
    pub(crate) fn line_info(&self, offset: Offset) -> LineInfo {
        let (word, consumer, debounce_us) = match self.slot(offset) {
            Some(slot) => {
                let active = slot.active.lock();
                let word = slot.flags.load(Ordering::Acquire);
                let is_named = word & (flags::REQUESTED | flags::UNNAMED) == flags::REQUESTED;
                let active = active.as_deref().filter(|_| is_named);
                let consumer = active.map(|active| active.consumer);
                (
                    word,
                    consumer,
                    active.map_or(0, |active| active.debounce_us),
                )
            }
            None => (0, None, 0),
        };
        LineInfo {
            offset,
            name: self.line_name(offset).cloned(),
            consumer,
            used: word & (flags::REQUESTED | flags::HOGGED | flags::ARMED | flags::INVALID) != 0,
            config: LineConfig::from_flags(word),
            debounce_us,
        }
    }

    /// Tells the watchers of a line what happened to it.
    pub(crate) fn announce(&self, offset: Offset, kind: InfoChangeKind) {
        let state = self.state();
        if state.watcher_count.load(Ordering::Acquire) == 0 {
            return;
        }
        let watchers = state.watchers.lock().clone();
        let change = InfoChange {
            kind,
            info: self.line_info(offset),
            timestamp_ns: state.registry.now().monotonic_ns,
        };
        for watcher in watchers {
            watcher.notify(&change);
        }
    }

    /// The named lines, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = (Offset, &Name)> {
        (0..)
            .map(Offset::new)
            .zip(&self.state().names)
            .filter_map(|(offset, name)| Some((offset, name.as_ref()?)))
    }

    /// Disarms all lines and lets hogs go: what removal does while the chip still answers. Whoever
    /// waits for edges keeps waiting until [`Device::hang_up`], when the chip is seen to be gone.
    pub(crate) fn quiesce(&self) {
        for (offset, slot) in self.slots() {
            let word = slot.flags.load(Ordering::Acquire);
            if word & flags::HOGGED != 0 {
                ops::free_hog(self, offset);
            } else if word & flags::ARMED != 0 {
                arm::quiesce(self, offset);
            }
        }
    }

    /// Wakes whoever waits for changes or events of this device: it is gone.
    pub(crate) fn hang_up(&self) {
        for (offset, slot) in self.slots() {
            let word = slot.flags.load(Ordering::Acquire);
            if word & flags::HOGGED != 0 {
                ops::free_hog(self, offset);
            } else if word & flags::REQUESTED != 0 {
                arm::hang_up(slot);
                if word & flags::SHARED != 0 {
                    slot.flags.fetch_and(!flags::FREED, Ordering::AcqRel);
                }
            }
        }
        let watchers = self.state().watchers.lock().clone();
        for watcher in watchers {
            watcher.hang_up();
        }
    }
}

impl Device {
    /// Asks the chip which way the lines face. Nobody else has the device yet.
    // KERNEL: gpiochip_add_data_with_key (v6.12): an unreadable direction counts as input.
    fn read_chip(&self, config: &ChipConfig) {
        let words = self.0.words();
        for offset in &config.invalid {
            if let Some(word) = words.get(offset.index()) {
                word.fetch_or(flags::INVALID, Ordering::Relaxed);
            }
        }
        let Ok(chip) = self.0.enter() else { return };
        for (offset, word) in (0..).map(Offset::new).zip(words) {
            if word.load(Ordering::Relaxed) & flags::INVALID == 0
                && chip.direction(offset) == Ok(Direction::Output)
            {
                word.fetch_or(flags::OUT, Ordering::Relaxed);
            }
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("id", &self.id())
            .field("label", &self.label())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("id", &self.id)
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if !matches!(self.apart.as_deref(), Some(Apart::StandsFor(..))) {
            self.registry.release_id(self.id);
        }
    }
}

impl WeakDevice {
    pub(crate) fn upgrade(&self) -> Option<Device> {
        self.0.upgrade().map(Device)
    }

    /// Ends what listens to a line.
    pub(crate) fn end(&self, offset: Offset) {
        if let Some(device) = self.upgrade()
            && let Some(slot) = device.slot(offset)
        {
            arm::hang_up(slot);
        }
    }

    /// A chip reports an edge: hands it to the listener of the request that holds the line.
    pub(crate) fn edge(&self, offset: Offset, level: Level, at: Timestamp) {
        let Some(device) = self.upgrade() else { return };
        if let Some(listener) = device.slot(offset).and_then(arm::listener) {
            listener.edge(level, at);
        }
    }
}

/// The table of line names; empty if no line has one.
fn names(config: &ChipConfig) -> Box<[Option<Name>]> {
    if config.names.is_empty() {
        return Box::default();
    }
    let mut names: Vec<Option<Name>> = Vec::new();
    names.resize(config.lines as usize, None);
    for (offset, name) in &config.names {
        if let Some(place) = names
            .get_mut(offset.index())
            .filter(|_| !name.as_bytes().is_empty())
        {
            *place = Some(name.clone());
        }
    }
    names.into()
}
