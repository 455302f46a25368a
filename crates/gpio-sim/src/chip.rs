//! The simulated chip as the core drives it.
//!
//! [`SimChip`] is a handle: the core owns one, [`Sim`](crate::Sim) has another. All lines of a chip lie
//! behind one lock, which is never held while an edge is delivered or a watcher is woken.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use gpiolib::{
    Chip, Direction, EdgeSink, Edges, Error, Level, Offset, PinConfig, Registry, Result, Timestamp,
};
use revocable::sync::Mutex;

use crate::changes::{Change, Changes, LineChange, What};
use crate::fault::{Faults, Fired};
use crate::model::{Effect, SimLine};
use crate::net::{Nets, PinDrive, PinId, WeakNets};

/// A simulated chip. Cheap to clone; all clones are the same chip.
#[derive(Clone)]
pub struct SimChip(Arc<Mutex<State>>);

struct State {
    lines: Vec<SimLine>,
    /// Where armed lines report; empty if none ever was armed.
    sinks: Vec<Option<EdgeSink>>,
    /// Whose clock stamps what a consumer's call does.
    registry: Option<Registry>,
    watch: Option<Watch>,
    observer: Option<Arc<dyn Observer>>,
    /// The pins of the lines that are on nets; empty if none ever was.
    taps: Vec<Option<PinId>>,
    nets: Option<WeakNets>,
    faults: Option<Faults>,
    /// Lines of which the next edge is not reported.
    lost_edges: Vec<Offset>,
}

/// What follows from a change of a line, to be done with no lock held.
pub(crate) struct Delivery {
    offset: Offset,
    observer: Option<Arc<dyn Observer>>,
    at: Timestamp,
    edge: Option<(EdgeSink, Level)>,
    wake: Option<Changes>,
    /// A fault may be planned for the new level.
    fault: Option<(Faults, Level)>,
}

/// The watcher of changes, and its tag for this chip.
struct Watch {
    changes: Changes,
    tag: u64,
}

/// Receives every new level and pull before the call that made it returns.
pub trait Observer: Send + Sync {
    /// A line has changed; what it is now must be asked for, as it may change again meanwhile. No lock
    /// of the chip is held, but callers may hold their own.
    fn changed(&self, offset: Offset);
}

impl SimChip {
    /// A chip whose lines are all free inputs, low and pulled down.
    #[must_use]
    pub fn new(lines: u32) -> SimChip {
        let lines = vec![SimLine::default(); Offset::new(lines).index()];
        SimChip(Arc::new(Mutex::new(State {
            lines,
            sinks: Vec::new(),
            registry: None,
            watch: None,
            observer: None,
            taps: Vec::new(),
            nets: None,
            faults: None,
            lost_edges: Vec::new(),
        })))
    }

    /// The state of a line.
    ///
    /// # Errors
    /// `Invalid` if the chip has no such line.
    pub fn line(&self, offset: Offset) -> Result<SimLine> {
        self.0
            .lock()
            .lines
            .get(offset.index())
            .copied()
            .ok_or(NO_LINE)
    }

    /// Stamps what consumers do to the lines with the time of this registry's clock.
    pub(crate) fn keep_time_of(&self, registry: &Registry) {
        self.0.lock().registry = Some(registry.clone());
    }

    /// Pulls a line from outside, at `now`. The level changes before the edge is delivered; both are done when
    /// this returns. Calls for one line must not overlap, or their edges may change places.
    ///
    /// # Errors
    /// `Invalid` if the chip has no such line.
    pub fn apply_pull(&self, offset: Offset, pull: Level, now: Timestamp) -> Result<()> {
        self.change_at(Some(now), offset, |line| Ok(line.apply_pull(pull)))
    }

    /// Tells `changes` of every new level and pull from now on.
    pub(crate) fn watch(&self, changes: &Changes, tag: u64) {
        self.0.lock().watch = Some(Watch {
            changes: changes.clone(),
            tag,
        });
    }

    /// Sets the receiver of every new level and pull from now on.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.0.lock().observer = Some(observer);
    }

    /// Does something to a line for a consumer, now.
    fn change(
        &self,
        offset: Offset,
        event: impl FnOnce(&mut SimLine) -> Result<Effect>,
    ) -> Result<()> {
        self.change_at(None, offset, event)
    }

    /// Does something to a line, at this instant or now, and then what follows from it outside the lock.
    fn change_at(
        &self,
        at: Option<Timestamp>,
        offset: Offset,
        event: impl FnOnce(&mut SimLine) -> Result<Effect>,
    ) -> Result<()> {
        let mut state = self.0.lock();
        let effect = event(state.lines.get_mut(offset.index()).ok_or(NO_LINE)?)?;
        let wire = state.wire(offset);
        // The clock is read only for what is stamped.
        if effect == Effect::default() && wire.is_none() {
            return Ok(());
        }
        let at = at.unwrap_or_else(|| state.now());
        let delivery = state.follow(offset, effect, at);
        drop(state);
        if let Some(delivery) = delivery {
            delivery.run(self);
        }
        if let Some((nets, pin)) = wire {
            nets.touch(&[pin], at);
        }
        Ok(())
    }

    /// Lets these faults happen when lines get levels.
    pub(crate) fn set_faults(&self, faults: &Faults) {
        self.0.lock().faults = Some(faults.clone());
    }

    /// Sticks a line at a level, or frees it.
    pub fn stick(&self, offset: Offset, stuck: Option<Level>) {
        self.stick_at(offset, stuck, None);
    }

    /// The same at an instant, if it is not now.
    pub(crate) fn stick_at(&self, offset: Offset, stuck: Option<Level>, at: Option<Timestamp>) {
        // A line that does not exist cannot be stuck.
        let _ = self.change_at(at, offset, |line| Ok(line.stick(stuck)));
        let wire = self.0.lock().wire(offset);
        if let Some((nets, pin)) = wire {
            nets.refresh(pin);
        }
    }

    /// Gives a line the other level and its own again, so many times, within an instant.
    pub(crate) fn glitch(&self, offset: Offset, times: u32, at: Option<Timestamp>) {
        let Ok(level) = self.line(offset).map(|line| line.level()) else {
            return;
        };
        for _ in 0..times {
            for level in [!level, level] {
                let _ = self.change_at(at, offset, |line| Ok(line.see(level)));
            }
        }
    }

    /// Tells the watcher that something went wrong.
    pub(crate) fn tell(&self, fired: Fired, at: Option<Timestamp>) {
        let changes = {
            let state = self.0.lock();
            let Some(watch) = &state.watch else {
                return;
            };
            watch.changes.push(Change::Line(LineChange {
                tag: watch.tag,
                at_ns: at.unwrap_or_else(|| state.now()).monotonic_ns,
                offset: fired.line,
                what: What::Fault(fired),
            }));
            watch.changes.clone()
        };
        changes.wake();
    }

    /// Does not report the next edge of a line.
    pub(crate) fn lose_edge(&self, offset: Offset) {
        self.0.lock().lost_edges.push(offset);
    }

    /// The pin by which a line is on a net.
    pub(crate) fn tap(&self, offset: Offset) -> Option<PinId> {
        self.0.lock().tap(offset)
    }

    /// The lines that are on nets.
    pub(crate) fn tapped(&self) -> Vec<Offset> {
        let state = self.0.lock();
        let taps = (0..).map(Offset::new).zip(&state.taps);
        taps.filter_map(|(offset, tap)| tap.map(|_| offset))
            .collect()
    }

    /// Puts a line on a net. Called with no lock held; the caller settles the net.
    pub(crate) fn attach(&self, offset: Offset, nets: &Nets, pin: PinId) {
        let mut state = self.0.lock();
        let count = state.lines.len();
        let state = &mut *state;
        let Some(line) = state.lines.get_mut(offset.index()) else {
            return;
        };
        line.wire();
        state.taps.resize(count, None);
        if let Some(tap) = state.taps.get_mut(offset.index()) {
            *tap = Some(pin);
        }
        state.nets = Some(nets.downgrade());
    }

    /// Takes a line off its net. Called with no lock held.
    pub(crate) fn detach(&self, offset: Offset) {
        if let Some(tap) = self.0.lock().taps.get_mut(offset.index()) {
            *tap = None;
        }
        // The line exists, or it had no tap.
        let _ = self.change(offset, |line| Ok(line.unwire()));
    }

    /// What a line does to its net.
    pub(crate) fn drive(&self, offset: Offset) -> PinDrive {
        let state = self.0.lock();
        let line = state.lines.get(offset.index());
        line.map(SimLine::drive).unwrap_or_default()
    }

    /// Shows a line the level of its net; gives what follows. Called with the lock of the nets held.
    pub(crate) fn see(&self, offset: Offset, level: Level, at: Timestamp) -> Option<Delivery> {
        let mut state = self.0.lock();
        let effect = state.lines.get_mut(offset.index())?.see(level);
        state.follow(offset, effect, at)
    }

    /// What the clock of the registry shows that the chip is in.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.lock().now()
    }
}

const NO_LINE: Error = Error::Invalid("the chip has no such line");

impl Delivery {
    pub(crate) fn run(self, chip: &SimChip) {
        // Before the edge: a reader that it wakes finds the files of the line up to date.
        if let Some(observer) = self.observer {
            observer.changed(self.offset);
        }
        if let Some((sink, level)) = self.edge {
            sink.edge(level, self.at);
        }
        if let Some(changes) = self.wake {
            changes.wake();
        }
        if let Some((faults, level)) = self.fault {
            faults.level(chip, self.offset, level, self.at);
        }
    }
}

impl State {
    fn now(&self) -> Timestamp {
        self.registry
            .as_ref()
            .map(Registry::now)
            .unwrap_or_default()
    }

    fn tap(&self, offset: Offset) -> Option<PinId> {
        self.taps.get(offset.index()).copied().flatten()
    }

    /// The wiring that the lines are on. To be dropped when the chip is no longer locked.
    fn nets(&self) -> Option<Nets> {
        self.nets.as_ref()?.upgrade()
    }

    /// The net that a change of this line concerns.
    fn wire(&self, offset: Offset) -> Option<(Nets, PinId)> {
        let pin = self.tap(offset)?;
        Some((self.nets()?, pin))
    }

    /// Notes an effect, which happened at this instant; what is to be done about it when no lock is
    /// held.
    fn follow(&mut self, offset: Offset, effect: Effect, at: Timestamp) -> Option<Delivery> {
        if effect == Effect::default() {
            return None;
        }
        let wake = self.note(offset, effect, at);
        let edge = effect.edge.filter(|_| !self.loses(offset));
        let edge = edge.and_then(|level| {
            let sink = self.sinks.get(offset.index())?.clone()?;
            Some((sink, level))
        });
        let fault = self.faults.clone().zip(effect.level);
        Some(Delivery {
            offset,
            observer: self.observer.clone(),
            at,
            edge,
            wake,
            fault,
        })
    }

    /// Whether an edge of this line is one that gets lost.
    fn loses(&mut self, offset: Offset) -> bool {
        let lost = self.lost_edges.iter().position(|line| *line == offset);
        lost.map(|at| self.lost_edges.swap_remove(at)).is_some()
    }

    /// Records an effect for the watcher; returns the waker to call for it.
    fn note(&self, offset: Offset, effect: Effect, at: Timestamp) -> Option<Changes> {
        let Watch { changes, tag } = self.watch.as_ref()?;
        let whats = [effect.pull.map(What::Pull), effect.level.map(What::Level)];
        let mut noted = false;
        for what in whats.into_iter().flatten() {
            changes.push(Change::Line(LineChange {
                tag: *tag,
                at_ns: at.monotonic_ns,
                offset,
                what,
            }));
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
        let at = state.now();
        let (mut deliveries, mut pins) = (Vec::new(), Vec::new());
        for (index, offset) in offsets.iter().enumerate() {
            let level = Level::from(levels >> index & 1 == 1);
            let line = state.lines.get_mut(offset.index()).ok_or(NO_LINE)?;
            let effect = line.set(level);
            deliveries.extend(state.follow(*offset, effect, at));
            pins.extend(state.tap(*offset));
        }
        let nets = if pins.is_empty() { None } else { state.nets() };
        drop(guard);
        for delivery in deliveries {
            delivery.run(self);
        }
        // All at once: lines that change together are seen together.
        if let Some(nets) = nets {
            nets.touch(&pins, at);
        }
        Ok(())
    }

    // KERNEL: gpio-sim.c gpio_sim_set_config (v6.12): pulls only; the core emulates the rest.
    fn set_config(&self, offset: Offset, config: PinConfig) -> Result<()> {
        match config {
            PinConfig::BiasPullUp => self.change(offset, |line| Ok(line.apply_bias(Level::High))),
            PinConfig::BiasPullDown => self.change(offset, |line| Ok(line.apply_bias(Level::Low))),
            PinConfig::BiasDisable => {
                self.change(offset, |line| {
                    line.disable_bias();
                    Ok(Effect::default())
                })?;
                Err(Error::Unsupported)
            }
            _ => Err(Error::Unsupported),
        }
    }

    // KERNEL: gpio-sim.c gpio_sim_irq_domain_map, irq_sim (v6.12): an output has no interrupt.
    fn arm(&self, offset: Offset, edges: Edges, sink: EdgeSink) -> Result<()> {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        let count = state.lines.len();
        let line = state.lines.get_mut(offset.index()).ok_or(NO_LINE)?;
        if line.direction() == Direction::Output {
            return Err(Error::Io);
        }
        line.arm(edges);
        state.sinks.resize(count, None);
        if let Some(place) = state.sinks.get_mut(offset.index()) {
            *place = Some(sink);
        }
        Ok(())
    }

    fn disarm(&self, offset: Offset) {
        let mut state = self.0.lock();
        if let Some(line) = state.lines.get_mut(offset.index()) {
            line.disarm();
        }
        if let Some(place) = state.sinks.get_mut(offset.index()) {
            *place = None;
        }
    }
}

impl fmt::Debug for SimChip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimChip")
            .field(&self.0.lock().lines.len())
            .finish()
    }
}
