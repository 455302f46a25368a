//! The simulated chip as the core drives it.
//!
//! [`SimChip`] is a handle: the core owns one, [`Sim`](crate::Sim) has another. All lines of a chip lie
//! behind one lock, which is never held while an edge is delivered or a watcher is woken.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use gpiolib::{Chip, Config, Direction, EdgeSink, Edges, Error, Level, Offset, Registry, Result};
use spin::mutex::SpinMutex;

use crate::changes::{Change, Changes, What};
use crate::model::{Effect, Line};

/// A simulated chip. Cheap to clone; all clones are the same chip.
#[derive(Clone)]
pub struct SimChip(Arc<SpinMutex<State>>);

struct State {
    lines: Vec<Line>,
    sink: Option<EdgeSink>,
    watch: Option<Watch>,
    observer: Option<Arc<dyn Observer>>,
}

/// Who is told of changes, under which tag, and whose time they are stamped with.
struct Watch {
    changes: Changes,
    tag: u64,
    registry: Registry,
}

/// Is told of every new level and pull before the call that made it returns.
pub trait Observer: Send + Sync {
    /// A line has changed; what it is now must be asked for, as it may change again meanwhile. No lock
    /// of the chip is held, but callers may hold their own.
    fn changed(&self, offset: Offset);
}

impl SimChip {
    /// A chip whose lines are all free inputs, low and pulled down.
    #[must_use]
    pub fn new(lines: u32) -> SimChip {
        let lines = vec![Line::default(); Offset::new(lines).index()];
        SimChip(Arc::new(SpinMutex::new(State {
            lines,
            sink: None,
            watch: None,
            observer: None,
        })))
    }

    /// The state of a line.
    ///
    /// # Errors
    /// `Invalid` if the chip has no such line.
    pub fn line(&self, offset: Offset) -> Result<Line> {
        self.0
            .lock()
            .lines
            .get(offset.index())
            .copied()
            .ok_or(NO_LINE)
    }

    /// Pulls a line from outside. The level changes before the edge is delivered; both are done when
    /// this returns. Calls for one line must not overlap, or their edges may change places.
    ///
    /// # Errors
    /// `Invalid` if the chip has no such line.
    pub fn apply_pull(&self, offset: Offset, pull: Level) -> Result<()> {
        self.change(offset, |line| Ok(line.apply_pull(pull)))
    }

    /// Tells `changes` of every new level and pull from now on, with the registry's time.
    pub(crate) fn watch(&self, changes: &Changes, tag: u64, registry: &Registry) {
        self.0.lock().watch = Some(Watch {
            changes: changes.clone(),
            tag,
            registry: registry.clone(),
        });
    }

    /// Sets who is told of every new level and pull from now on.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.0.lock().observer = Some(observer);
    }

    /// Does something to a line, and then what follows from it outside the lock.
    fn change(
        &self,
        offset: Offset,
        event: impl FnOnce(&mut Line) -> Result<Effect>,
    ) -> Result<()> {
        let mut state = self.0.lock();
        let effect = event(state.lines.get_mut(offset.index()).ok_or(NO_LINE)?)?;
        let wake = state.note(offset, effect);
        let edge = effect
            .edge
            .and_then(|level| Some((state.sink.clone()?, level)));
        let is_changed = effect.level.is_some() || effect.pull.is_some();
        let observer = state.observer.clone().filter(|_| is_changed);
        drop(state);
        // Before the edge: who is woken by it finds the files of the line up to date.
        if let Some(observer) = observer {
            observer.changed(offset);
        }
        if let Some((sink, level)) = edge {
            sink.edge(offset, level);
        }
        if let Some(changes) = wake {
            changes.wake();
        }
        Ok(())
    }
}

const NO_LINE: Error = Error::Invalid("the chip has no such line");

impl State {
    /// Writes an effect down for the watcher; who is to be woken for it.
    fn note(&self, offset: Offset, effect: Effect) -> Option<Changes> {
        let Watch {
            changes,
            tag,
            registry,
        } = self.watch.as_ref()?;
        let whats = [effect.pull.map(What::Pull), effect.level.map(What::Level)];
        let mut noted = false;
        for what in whats.into_iter().flatten() {
            changes.push(Change {
                tag: *tag,
                at_ns: registry.now().monotonic_ns,
                offset,
                what,
            });
            noted = true;
        }
        noted.then(|| changes.clone())
    }
}

impl Chip for SimChip {
    fn request(&self, offset: Offset) -> Result<()> {
        self.change(offset, |line| {
            line.request();
            Ok(Effect::default())
        })
    }

    fn free(&self, offset: Offset) {
        // The core passes only lines that exist.
        let _ = self.change(offset, |line| Ok(line.free()));
    }

    fn direction(&self, offset: Offset) -> Result<Direction> {
        Ok(self.line(offset)?.direction())
    }

    fn direction_input(&self, offset: Offset) -> Result<()> {
        self.change(offset, |line| {
            line.direction_input();
            Ok(Effect::default())
        })
    }

    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        self.change(offset, |line| Ok(line.direction_output(level)))
    }

    fn get(&self, offset: Offset) -> Result<Level> {
        Ok(self.line(offset)?.level())
    }

    fn get_multiple(&self, offsets: &[Offset]) -> Result<u64> {
        let state = self.0.lock();
        let mut levels = 0;
        for (index, offset) in offsets.iter().enumerate() {
            let line = state.lines.get(offset.index()).ok_or(NO_LINE)?;
            levels |= u64::from(line.level().is_high()) << index;
        }
        Ok(levels)
    }

    fn set(&self, offset: Offset, level: Level) -> Result<()> {
        self.change(offset, |line| Ok(line.set(level)))
    }

    fn set_multiple(&self, offsets: &[Offset], levels: u64) -> Result<()> {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        let exists = |offset: &Offset| offset.index() < state.lines.len();
        if !offsets.iter().all(exists) {
            return Err(NO_LINE);
        }
        let (mut wake, mut changed) = (None, 0_u64);
        for (index, offset) in offsets.iter().enumerate() {
            let level = Level::from(levels >> index & 1 == 1);
            let effect = state
                .lines
                .get_mut(offset.index())
                .ok_or(NO_LINE)?
                .set(level);
            changed |= u64::from(effect.level.is_some()) << index;
            wake = state.note(*offset, effect).or(wake);
        }
        let observer = state.observer.clone();
        drop(guard);
        if let Some(observer) = observer {
            let is_changed = |(index, _): &(usize, &Offset)| changed >> index & 1 == 1;
            for (_, offset) in offsets.iter().enumerate().filter(is_changed) {
                observer.changed(*offset);
            }
        }
        if let Some(changes) = wake {
            changes.wake();
        }
        Ok(())
    }

    // KERNEL: gpio-sim.c gpio_sim_set_config (v6.12): pulls only; the core emulates the rest.
    fn set_config(&self, offset: Offset, config: Config) -> Result<()> {
        match config {
            Config::BiasPullUp => self.apply_pull(offset, Level::High),
            Config::BiasPullDown => self.apply_pull(offset, Level::Low),
            _ => Err(Error::Unsupported),
        }
    }

    // KERNEL: gpio-sim.c gpio_sim_irq_domain_map, irq_sim (v6.12): an output has no interrupt.
    fn arm(&self, offset: Offset, edges: Edges) -> Result<()> {
        self.change(offset, |line| {
            if line.direction() == Direction::Output {
                return Err(Error::Io);
            }
            line.arm(edges);
            Ok(Effect::default())
        })
    }

    fn disarm(&self, offset: Offset) {
        // The core passes only lines that exist.
        let _ = self.change(offset, |line| {
            line.disarm();
            Ok(Effect::default())
        });
    }

    fn registered(&self, edges: EdgeSink) {
        self.0.lock().sink = Some(edges);
    }
}

impl fmt::Debug for SimChip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimChip")
            .field(&self.0.lock().lines.len())
            .finish()
    }
}
