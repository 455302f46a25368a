//! Shared lines: several independent consumers of one line.
//!
//! Clones of a [`Desc`] are many holders of *one* consumer. A line that its provider marks shared
//! ([`crate::ChipConfig::shared`]) can be got by several, each under its own name and polarity. The core
//! itself requests the line when the chip is registered, as `shared`, so that programs get `EBUSY`; each
//! consumer's descriptor is of a hidden device of one line, whose chip is a [`Share`] of the real one.
//!
//! # Invariants
//!
//! - S1: the line leaves its default level while somebody votes for it, and only then.
//! - S2: a vote ends with its holder: by drop, on a panic, and on a dead chip.
//! - S3: beside others the direction stands, and a request for another is an error that names one of them.
//! - S4: alone, a consumer may do everything; what it puts out is the default of those who come later.
//! - S5: an edge goes to every consumer that asked.
//! - S6: a call that fails changes neither votes nor default.
//!
//! KERNEL: gpio-shared-proxy.c (v7.3), in these terms.
//! DIFFERS: no proxy chips appear; a second consumer of edges is not `Busy`; a configuration that
//! conflicts is refused and not passed on.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::claim::Request;
use crate::config::flags;
use crate::device::Apart;
use crate::edge::arm::{self, Listener};
use crate::engine::DescExt;
use crate::ops::{self, NO_LINE};
use crate::sync::atomic::Ordering;
use crate::sync::{Arc, IrqLock, Mutex};
use crate::{
    Chip, ChipConfig, Desc, Device, Direction, EdgeSink, Edges, Error, InfoChangeKind, Label,
    Level, Line, Offset, PinConfig, Result, Timestamp,
};

/// What a device keeps of one shared line.
pub(crate) struct Shared {
    offset: Offset,
    /// Held while the chip is asked: a vote and the write that it causes are one step.
    votes: Mutex<Votes>,
    /// Where edges go: apart, so that the chip may report while it is asked.
    sinks: IrqLock<Vec<(u64, EdgeSink)>>,
}

#[derive(Default)]
struct Votes {
    holders: Vec<Holder>,
    next: u64,
    /// The level when nobody votes.
    default: Level,
    /// What the line was set to, of each kind of setting, and what the chip answered.
    settings: Vec<(PinConfig, Result<()>)>,
    /// The chip is armed.
    is_armed: bool,
}

struct Holder {
    id: u64,
    name: Label,
    /// Votes for the level that is not the default.
    votes: bool,
}

impl Shared {
    pub(crate) fn new(offset: Offset) -> Self {
        Self {
            offset,
            votes: Mutex::default(),
            sinks: IrqLock::default(),
        }
    }

    /// The chip reported an edge: for all who asked.
    pub(crate) fn edge(&self, level: Level, at: Timestamp) {
        let sinks = self.sinks.lock().clone();
        for (_, sink) in sinks {
            sink.edge(level, at);
        }
    }

    /// The chip is gone: all who listen see why they are woken.
    pub(crate) fn end(&self) {
        let sinks = core::mem::take(&mut *self.sinks.lock());
        for (_, sink) in sinks {
            sink.end();
        }
    }
}

impl Votes {
    fn holder(&mut self, id: u64) -> Option<&mut Holder> {
        self.holders.iter_mut().find(|holder| holder.id == id)
    }

    /// Another consumer, if there is one.
    fn other(&self, id: u64) -> Option<Label> {
        let other = self.holders.iter().find(|holder| holder.id != id)?;
        Some(other.name)
    }

    fn count(&self) -> usize {
        self.holders.iter().filter(|holder| holder.votes).count()
    }

    /// Votes for a level, or takes a vote back; `write` writes where that changes the line.
    // INVARIANT: S1 and S6: the write comes first, and what it refuses is not counted.
    fn vote(
        &mut self,
        id: u64,
        level: Level,
        write: impl FnOnce(Level) -> Result<()>,
    ) -> Result<()> {
        let (count, default) = (self.count(), self.default);
        let Some(holder) = self.holder(id) else {
            return Err(NO_LINE);
        };
        let wants = level != default;
        let others = count - usize::from(holder.votes);
        if wants != holder.votes && others == 0 {
            write(level)?;
        }
        if let Some(holder) = self.holder(id) {
            holder.votes = wants;
        }
        Ok(())
    }
}

/// One consumer's share: the chip of its hidden device.
struct Share {
    device: Device,
    /// Which of the device's shared lines.
    index: usize,
    id: u64,
}

impl Line {
    /// Whether several consumers may have the line at once.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared_index().is_some()
    }

    /// Gets the line for one consumer: exclusively, or a share of it if the line is a shared one. Its
    /// direction is left as it is. Those who watch the line see that it was requested.
    ///
    /// ```
    /// use gpiolib::{Chip, ChipConfig, Error, Level, Offset, Registry, Result, Value};
    /// # struct Wire(std::sync::atomic::AtomicBool);
    /// # impl Chip for Wire {
    /// #     fn direction_output(&self, _: Offset, level: Level) -> Result<()> { self.set(Offset::new(0), level) }
    /// #     fn set(&self, _: Offset, level: Level) -> Result<()> { self.0.store(level.is_high(), std::sync::atomic::Ordering::Relaxed); Ok(()) }
    /// #     fn get(&self, _: Offset) -> Result<Level> { Ok(Level::from(self.0.load(std::sync::atomic::Ordering::Relaxed))) }
    /// # }
    /// let config = ChipConfig { shared: vec![Offset::new(0)], ..ChipConfig::new("u5", 1) };
    /// let chip = Registry::new().register(&config, Wire(false.into()))?;
    /// let line = chip.device().line(Offset::new(0)).expect("it has one");
    ///
    /// let first = line.get("eeprom0")?;
    /// first.direction_output(Value::Active)?; // the default from now on
    /// let second = line.get("eeprom1")?;
    /// second.set_value(Value::Inactive)?;
    /// assert_eq!(first.value()?, Value::Inactive, "somebody votes for it");
    /// assert!(matches!(second.direction_input(), Err(Error::Conflict(name)) if name == "eeprom0".into()));
    /// drop(second);
    /// assert_eq!(first.value()?, Value::Active, "nobody does any more");
    /// assert_eq!(line.request("program").err(), Some(Error::Busy));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Line::request`]; a share is never `Busy`.
    pub fn get(&self, consumer: impl Into<Label>) -> Result<Desc> {
        let desc = self.take(consumer.into())?;
        desc.announce(InfoChangeKind::Requested);
        Ok(desc)
    }

    /// Gets the line; it is announced once it is set up.
    pub(crate) fn take(&self, consumer: Label) -> Result<Desc> {
        match self.shared_index() {
            Some(index) => share(self.device(), index, consumer),
            None => self.request(consumer),
        }
    }

    fn shared_index(&self) -> Option<usize> {
        let shares = self.device().shares();
        let index = shares
            .iter()
            .position(|shared| shared.offset == self.offset())?;
        let line = self.device().slot(self.offset())?;
        // A hog, or a line that the driver refuses, is not.
        (line.flags.load(Ordering::Acquire) & flags::SHARED != 0).then_some(index)
    }
}

/// Makes one consumer's descriptor of a shared line.
fn share(device: &Device, index: usize, consumer: Label) -> Result<Desc> {
    let shared = device.shares().get(index).ok_or(NO_LINE)?;
    // Whoever comes to a dead chip is told so at once, as by a request.
    drop(device.0.enter()?);
    let id = {
        let mut votes = shared.votes.lock();
        let id = votes.next;
        votes.next += 1;
        votes.holders.push(Holder {
            id,
            name: consumer,
            votes: false,
        });
        id
    };
    // From here on its drop takes the holder away.
    let share = Share {
        device: device.clone(),
        index,
        id,
    };
    let config = ChipConfig {
        can_sleep: true,
        owner: device.owner().cloned(),
        ..ChipConfig::new(device.label(), 1)
    };
    let apart = Apart::StandsFor(device.clone(), shared.offset);
    let registry = Arc::clone(&device.state().registry);
    let hidden = Device::hidden(&config, Box::new(share), registry, apart);
    Request::make(&hidden, Offset::new(0), consumer).map(Desc::new)
}

impl Share {
    fn shared(&self) -> Result<&Shared> {
        self.device.shares().get(self.index).ok_or(NO_LINE)
    }

    /// Does something with the real line, and nobody else meanwhile.
    fn with<R>(
        &self,
        act: impl FnOnce(&mut Votes, &dyn Chip, crate::device::Slot<'_>) -> Result<R>,
    ) -> Result<R> {
        let shared = self.shared()?;
        let slot = self.device.slot(shared.offset).ok_or(NO_LINE)?;
        let mut votes = shared.votes.lock();
        let chip = self.device.0.enter()?;
        act(&mut votes, &*chip, slot)
    }

    fn offset(&self) -> Offset {
        self.shared()
            .map(|shared| shared.offset)
            .unwrap_or_default()
    }

    /// Writes a level to the real line, which is an output.
    fn vote(
        &self,
        votes: &mut Votes,
        chip: &dyn Chip,
        slot: crate::device::Slot<'_>,
        level: Level,
    ) -> Result<()> {
        let offset = self.offset();
        votes.vote(self.id, level, |level| {
            if ops::is_output(slot.flags) {
                ops::no_outputs(chip.set(offset, level))
            } else {
                Err(Error::NotOutput)
            }
        })
    }

    fn disarm_if_last(&self) {
        let Ok(shared) = self.shared() else { return };
        let mut votes = shared.votes.lock();
        let gone = {
            let mut sinks = shared.sinks.lock();
            let at = sinks.iter().position(|(id, _)| *id == self.id);
            at.map(|at| sinks.swap_remove(at))
        };
        drop(gone);
        if votes.is_armed && shared.sinks.lock().is_empty() {
            votes.is_armed = false;
            drop(arm::detach(&self.device, shared.offset, None));
        }
    }
}

impl Chip for Share {
    fn direction(&self, _: Offset) -> Result<Direction> {
        self.device.0.enter()?.direction(self.offset())
    }

    fn direction_input(&self, _: Offset) -> Result<()> {
        self.with(|votes, chip, slot| match votes.other(self.id) {
            None => {
                ops::direction_input(chip, slot.flags, self.offset())?;
                if let Some(own) = votes.holder(self.id) {
                    own.votes = false;
                }
                Ok(())
            }
            // INVARIANT: S3.
            Some(other) if ops::is_output(slot.flags) => Err(Error::Conflict(other.into())),
            Some(_) => Ok(()),
        })
    }

    fn direction_output(&self, _: Offset, level: Level) -> Result<()> {
        self.with(|votes, chip, slot| match votes.other(self.id) {
            None => {
                let _driving = ops::Driving::begin(slot.flags)?;
                ops::direction_output_level(chip, slot.flags, self.offset(), level)?;
                // INVARIANT: S4.
                votes.default = level;
                if let Some(own) = votes.holder(self.id) {
                    own.votes = false;
                }
                Ok(())
            }
            // INVARIANT: S3.
            Some(other) if !ops::is_output(slot.flags) => Err(Error::Conflict(other.into())),
            Some(_) => self.vote(votes, chip, slot, level),
        })
    }

    fn get(&self, _: Offset) -> Result<Level> {
        self.device.0.enter()?.get(self.offset())
    }

    fn set(&self, _: Offset, level: Level) -> Result<()> {
        self.with(|votes, chip, slot| self.vote(votes, chip, slot, level))
    }

    fn set_config(&self, _: Offset, config: PinConfig) -> Result<()> {
        self.with(|votes, chip, _| {
            let same_kind = |(last, _): &(PinConfig, _)| kind(*last) == kind(config);
            let set = votes.settings.iter().copied().find(same_kind);
            match (votes.other(self.id), set) {
                (Some(_), Some((last, answer))) if last == config => return answer,
                // INVARIANT: S3.
                (Some(other), Some(_)) => return Err(Error::Conflict(other.into())),
                _ => {}
            }
            let answer = chip.set_config(self.offset(), config);
            votes.settings.retain(|setting| !same_kind(setting));
            votes.settings.push((config, answer));
            answer
        })
    }

    // The chip is armed for both edges: each consumer's queue has its own filter.
    fn arm(&self, _: Offset, _: Edges, sink: EdgeSink) -> Result<()> {
        let shared = self.shared()?;
        let mut votes = shared.votes.lock();
        shared.sinks.lock().push((self.id, sink));
        if votes.is_armed {
            return Ok(());
        }
        let listener = Listener::Shared(self.device.downgrade(), self.index);
        let armed = arm::attach(&self.device, shared.offset, listener, Edges::BOTH);
        match armed {
            Ok(()) => votes.is_armed = true,
            Err(_) => shared.sinks.lock().retain(|(id, _)| *id != self.id),
        }
        armed
    }

    fn disarm(&self, _: Offset) {
        self.disarm_if_last();
    }

    fn free(&self, _: Offset) {
        self.leave();
    }
}

impl Drop for Share {
    /// A request that was not made is not freed.
    fn drop(&mut self) {
        self.leave();
    }
}

impl Share {
    /// The consumer's last handle is dropped.
    // INVARIANT: S2: also when a call panicked, and when the chip is gone, which then is told nothing.
    fn leave(&self) {
        self.disarm_if_last();
        let Ok(shared) = self.shared() else { return };
        let Some(slot) = self.device.slot(shared.offset) else {
            return;
        };
        let mut votes = shared.votes.lock();
        if votes.holder(self.id).is_none() {
            return;
        }
        let default = votes.default;
        if let Ok(chip) = self.device.0.enter() {
            // The vote ends whatever the chip answers.
            let _ = self.vote(&mut votes, &*chip, slot, default);
        }
        votes.holders.retain(|holder| holder.id != self.id);
    }
}

/// Settings of one kind replace each other.
const fn kind(config: PinConfig) -> u32 {
    match config {
        PinConfig::BiasDisable | PinConfig::BiasPullDown | PinConfig::BiasPullUp => 1,
        PinConfig::DriveOpenDrain | PinConfig::DriveOpenSource | PinConfig::DrivePushPull => 6,
        other => other.packed() & 0xff,
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let votes = self.votes.lock();
        f.debug_struct("Shared")
            .field("offset", &self.offset)
            .field("holders", &votes.holders.len())
            .field("votes", &votes.count())
            .field("default", &votes.default)
            .finish_non_exhaustive()
    }
}
