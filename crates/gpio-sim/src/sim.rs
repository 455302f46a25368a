//! The world outside a simulated chip: what pulls its lines, sees their levels and unplugs it.

use gpiolib::{Device, InfoQueue, Level, Offset, Registration, Registry, Result, Timestamp};

use crate::fault::Faulty;
use crate::{Bank, Changes, SimChip};

/// A simulated chip that is plugged in. Dropping it unplugs it.
#[derive(Debug)]
pub struct Sim {
    registry: Registry,
    registration: Registration<Faulty>,
    chip: SimChip,
    watch: Option<InfoQueue>,
}

impl Sim {
    pub(crate) fn new(
        registry: Registry,
        registration: Registration<Faulty>,
        chip: SimChip,
    ) -> Sim {
        Sim {
            registry,
            registration,
            chip,
            watch: None,
        }
    }

    /// A chip with this many lines in a registry of its own: all that most tests need.
    ///
    /// # Errors
    /// As [`Bank::register`].
    pub fn simple(lines: u32) -> Result<Sim> {
        Bank::new(lines).register(&Registry::new())
    }

    /// The registry it is plugged into.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The core's device of the chip, which outlives it while it is in use.
    #[must_use]
    pub fn device(&self) -> &Device {
        self.registration.device()
    }

    /// Pulls a line from outside, at `now`. When this returns the level has changed and the edge is in
    /// its reader's queue. Not to be called for one line by two threads at once.
    ///
    /// # Errors
    /// `Invalid` if the chip has no such line.
    pub fn set_pull(&self, offset: Offset, pull: Level, now: Timestamp) -> Result<()> {
        self.chip.apply_pull(offset, pull, now)
    }

    /// What a line is pulled to.
    ///
    /// # Errors
    /// `Invalid` if the chip has no such line.
    pub fn pull(&self, offset: Offset) -> Result<Level> {
        Ok(self.chip.line(offset)?.pull())
    }

    /// The physical level of a line, whatever drives it.
    ///
    /// # Errors
    /// `Invalid` if the chip has no such line.
    pub fn level(&self, offset: Offset) -> Result<Level> {
        Ok(self.chip.line(offset)?.level())
    }

    /// The chip behind it, for a thread that looks at its lines.
    #[must_use]
    pub fn chip(&self) -> &SimChip {
        &self.chip
    }

    /// Tells `changes`, under `tag`, of everything that happens on this chip's lines from now on. A later
    /// call replaces an earlier one.
    pub fn watch(&mut self, changes: &Changes, tag: u64) {
        self.chip.watch(changes, tag);
        let infos = InfoQueue::with_store(InfoQueue::CAPACITY, changes.info_store(tag));
        infos.set_waker(changes.waker());
        for offset in (0..self.device().ngpio()).map(Offset::new) {
            // A new queue watches nothing yet.
            let _ = infos.watch(offset);
        }
        self.device().attach(&infos);
        self.watch = Some(infos);
    }

    /// Unplugs the chip. No call is inside it when this returns; holders of its lines keep them,
    /// and get `ENODEV`.
    pub fn unplug(self) {
        self.registration.unregister();
    }
}
