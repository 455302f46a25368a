//! The wiring of a board: nets by name, lines of chips on them, and the delivery of what they see.
//!
//! Lock order: the wiring, then a chip. Neither is held while an edge is delivered.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString as _};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use core::task::Waker;

use gpiolib::{Level, Offset, Timestamp};
use revocable::sync::Mutex;

use super::engine::{Engine, NetId, News, PartId, PinId};
use super::resolve::NetNode;
use crate::changes::{Change, Changes};
use crate::chip::{Delivery, SimChip};
use crate::part::{Action, Part};

/// The wiring of a board. Cheap to clone; all clones are the same wiring. When the last one is dropped, the
/// lines are off their nets, and hold their own values again.
#[derive(Clone)]
pub struct Nets(Arc<Shared>);

/// The wiring as a chip knows it: the wiring owns its chips, so a chip that owned it would keep both for ever.
#[derive(Clone)]
pub(crate) struct WeakNets(Weak<Shared>);

impl WeakNets {
    /// The wiring, if it still has an owner. Not to be dropped with a lock of a chip held: it may be the last.
    pub(crate) fn upgrade(&self) -> Option<Nets> {
        self.0.upgrade().map(Nets)
    }
}

struct Shared {
    state: Mutex<State>,
    /// Woken when [`Nets::next_deadline`] may be earlier.
    waker: Mutex<Option<Waker>>,
}

struct State {
    engine: Engine,
    nets: BTreeMap<String, Wired>,
    parts: BTreeMap<String, Placed>,
    /// The line of each pin that stands for one, by the pin's index.
    taps: Vec<Option<Tap>>,
    outbox: VecDeque<(SimChip, Delivery)>,
    is_delivering: bool,
    /// The receiver of reports.
    watch: Option<Changes>,
    /// The deadline that the waker's owner knows.
    told: Option<u64>,
}

struct Wired {
    id: NetId,
    pull: Option<Level>,
    delay_ns: u64,
}

struct Placed {
    id: PartId,
    kind: String,
    pins: Vec<(&'static str, Option<String>)>,
}

#[derive(Clone)]
struct Tap {
    chip: SimChip,
    offset: Offset,
    label: String,
}

/// What a net looks like from outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NetView {
    /// Its name.
    pub name: String,
    /// What its readers see.
    pub level: Level,
    /// What holds it.
    pub node: NetNode,
    /// Its resistor.
    pub pull: Option<Level>,
    /// How long its changes take, in nanoseconds.
    pub delay_ns: u64,
    /// The labels of the lines on it.
    pub lines: Vec<String>,
}

/// What has become of a net at which something happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NetChange {
    /// Its name.
    pub name: String,
    /// What its readers see.
    pub level: Level,
    /// What holds it.
    pub node: NetNode,
}

/// What a part looks like from outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PartView {
    /// Its name.
    pub name: String,
    /// Its kind, as it was given.
    pub kind: String,
    /// What a person sees of it.
    pub state: String,
    /// Its pins, with the nets they are wired to.
    pub pins: Vec<(&'static str, Option<String>)>,
}

impl Nets {
    /// No nets yet. With a seed, floating nets have levels of chance.
    #[must_use]
    pub fn new(seed: Option<u64>) -> Nets {
        Nets(Arc::new(Shared {
            state: Mutex::new(State {
                engine: Engine::new(seed),
                nets: BTreeMap::new(),
                parts: BTreeMap::new(),
                taps: Vec::new(),
                outbox: VecDeque::new(),
                is_delivering: false,
                watch: None,
                told: None,
            }),
            waker: Mutex::new(None),
        }))
    }

    pub(crate) fn downgrade(&self) -> WeakNets {
        WeakNets(Arc::downgrade(&self.0))
    }

    /// Adds a net with a resistor and a delay in nanoseconds; gives them to one that is there.
    pub fn add(&self, net: &str, pull: Option<Level>, delay_ns: u64) {
        self.change(|state| {
            let id = state.net(net);
            state.engine.set_pull(id, pull);
            state.engine.set_delay(id, delay_ns);
            if let Some(wired) = state.nets.get_mut(net) {
                (wired.pull, wired.delay_ns) = (pull, delay_ns);
            }
        });
    }

    /// Removes a net; whether there was one. Its lines go their own ways, parts lose a wire.
    #[must_use]
    pub fn remove(&self, net: &str) -> bool {
        let lines: Vec<Tap> = {
            let state = self.0.state.lock();
            let Some(wired) = state.nets.get(net) else {
                return false;
            };
            state.taps_of(wired.id).cloned().collect()
        };
        for tap in lines {
            self.unwire(&tap.chip, tap.offset);
        }
        self.change(|state| {
            if let Some(wired) = state.nets.remove(net) {
                let _ = state.engine.remove_net(wired.id);
            }
            let pins = state.parts.values_mut().flat_map(|part| &mut part.pins);
            for (_, wired) in pins {
                wired.take_if(|name| *name == net);
            }
        });
        true
    }

    /// Whether there is a net of this name.
    #[must_use]
    pub fn has(&self, net: &str) -> bool {
        self.0.state.lock().nets.contains_key(net)
    }

    /// The name of the net that a line is on.
    #[must_use]
    pub fn net_of(&self, chip: &SimChip, offset: Offset) -> Option<String> {
        let pin = chip.tap(offset)?;
        let state = self.0.state.lock();
        let id = state.engine.net_of(pin)?;
        let mut nets = state.nets.iter();
        nets.find(|(_, wired)| wired.id == id)
            .map(|(name, _)| name.clone())
    }

    /// Wires a line to a net, which is made if it is not there; the line leaves the net it was on.
    /// `label` names the line in reports.
    pub fn wire(&self, net: &str, chip: &SimChip, offset: Offset, label: &str) {
        if let Some(pin) = chip.tap(offset) {
            self.change(|state| {
                let id = state.net(net);
                state.engine.connect(pin, Some(id));
            });
        } else {
            let pin = {
                let mut state = self.0.state.lock();
                let pin = state.engine.add_pin(label, None);
                state.put_tap(pin, chip, offset, label);
                pin
            };
            chip.attach(offset, self, pin);
            self.touch_with(&[pin], chip.now(), |state| {
                let id = state.net(net);
                state.engine.connect(pin, Some(id));
            });
        }
        if let Some(pin) = chip.tap(offset) {
            self.refresh(pin);
        }
    }

    /// Shows a line the level of its net: a net that the line did not change sends no report.
    pub(crate) fn refresh(&self, pin: PinId) {
        self.change(|state| {
            if let Some(id) = state.engine.net_of(pin) {
                let (level, at_ns) = (state.engine.level(id), state.engine.now_ns());
                state.show(pin, level, at_ns);
            }
        });
    }

    /// Takes a line off its net; whether it was on one. It then holds its own value again.
    pub fn unwire(&self, chip: &SimChip, offset: Offset) -> bool {
        let Some(pin) = chip.tap(offset) else {
            return false;
        };
        chip.detach(offset);
        self.change(|state| {
            if let Some(tap) = state.taps.get_mut(pin.index()) {
                *tap = None;
            }
            state.engine.remove_pin(pin);
        });
        true
    }

    /// Takes all lines of a chip off their nets: it is unplugged.
    pub fn unplug(&self, chip: &SimChip) {
        for offset in chip.tapped() {
            self.unwire(chip, offset);
        }
    }

    /// Puts a part on the board, wired to nets by name, in the order of its pins; nets that are not there
    /// are made. A part of the same name goes.
    pub fn place(&self, name: &str, kind: &str, part: Box<dyn Part>, pins: &[Option<String>]) {
        let _ = self.take_away(name);
        self.change(|state| {
            let names = part.pins().iter().copied();
            let wires = pins.iter().cloned().chain(core::iter::repeat(None));
            let pins: Vec<_> = names.zip(wires).collect();
            let net = |(_, net): &(_, Option<String>)| net.as_deref().map(|net| state.net(net));
            let ids: Vec<_> = pins.iter().map(net).collect();
            let id = state.engine.add_part(name, part, &ids);
            let kind = kind.to_string();
            state.parts.insert(name.into(), Placed { id, kind, pins });
        });
    }

    /// Takes a part off the board; whether it was there.
    #[must_use]
    pub fn take_away(&self, name: &str) -> bool {
        self.change(|state| {
            let part = state.parts.remove(name);
            if let Some(part) = &part {
                state.engine.remove_part(part.id);
            }
            part.is_some()
        })
    }

    /// Does something to a part by hand; `None` if there is none of this name.
    ///
    /// # Errors
    /// What can be done to it instead.
    pub fn operate(
        &self,
        part: &str,
        action: Action,
        now: Timestamp,
    ) -> Option<Result<(), &'static str>> {
        self.run(Some(now), |state| {
            let id = state.parts.get(part)?.id;
            Some(state.engine.operate(id, action, now.monotonic_ns))
        })
    }

    /// Moves time to `now`; to be called at [`Nets::next_deadline`].
    pub fn advance(&self, now: Timestamp) {
        self.run(Some(now), |state| state.engine.advance(now.monotonic_ns));
    }

    /// When [`Nets::advance`] has something to do next, in nanoseconds of the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let mut state = self.0.state.lock();
        let next = state.engine.next_deadline();
        state.told = next;
        next
    }

    /// Sets the waker to call when the next deadline is earlier than the one last asked for.
    pub fn set_waker(&self, waker: Waker) {
        *self.0.waker.lock() = Some(waker);
    }

    /// The waker.
    #[must_use]
    pub fn waker(&self) -> Option<Waker> {
        self.0.waker.lock().clone()
    }

    /// Tells `changes` of every report from now on. They stand among the changes of the lines as they
    /// happened if the chips are watched with the same `changes`.
    pub fn watch(&self, changes: &Changes) {
        self.0.state.lock().watch = Some(changes.clone());
    }

    /// Keeps a note from now on of nets at which something happens; who watches is woken for the first.
    pub fn follow(&self) {
        self.0.state.lock().engine.note_touched();
    }

    /// Whether [`Nets::take_changes`] has something.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        self.0.state.lock().engine.has_touched()
    }

    /// Takes the nets that may be other than at the last call, each once, as they are now.
    #[must_use]
    pub fn take_changes(&self) -> Vec<NetChange> {
        let engine = &mut self.0.state.lock().engine;
        let touched = engine.take_touched().into_iter();
        let change = |net| {
            Some(NetChange {
                name: engine.name(net)?.into(),
                level: engine.level(net),
                node: engine.node(net),
            })
        };
        touched.filter_map(change).collect()
    }

    /// All nets, by name.
    #[must_use]
    pub fn nets(&self) -> Vec<NetView> {
        let state = self.0.state.lock();
        let view = |(name, wired): (&String, &Wired)| NetView {
            name: name.clone(),
            level: state.engine.level(wired.id),
            node: state.engine.node(wired.id),
            pull: wired.pull,
            delay_ns: wired.delay_ns,
            lines: state
                .taps_of(wired.id)
                .map(|tap| tap.label.clone())
                .collect(),
        };
        state.nets.iter().map(view).collect()
    }

    /// All parts, by name.
    #[must_use]
    pub fn parts(&self) -> Vec<PartView> {
        let state = self.0.state.lock();
        let view = |(name, part): (&String, &Placed)| PartView {
            name: name.clone(),
            kind: part.kind.clone(),
            state: state.engine.state(part.id).into(),
            pins: part.pins.clone(),
        };
        state.parts.iter().map(view).collect()
    }

    /// The lines of these pins do something else, at `now`.
    pub(crate) fn touch(&self, pins: &[PinId], now: Timestamp) {
        self.touch_with(pins, now, |_| {});
    }

    fn touch_with(&self, pins: &[PinId], now: Timestamp, change: impl FnOnce(&mut State)) {
        self.run(Some(now), |state| {
            let now_ns = now.monotonic_ns;
            state.engine.advance(now_ns);
            change(state);
            for pin in pins {
                // Asked now and not when it changed: of two threads the later one must win.
                let drive = state.tap(*pin).map(|tap| tap.chip.drive(tap.offset));
                if let Some(drive) = drive {
                    state.engine.set(*pin, drive);
                }
            }
            state.engine.settle(now_ns);
        });
    }

    /// Changes the wiring itself.
    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        self.run(None, |state| {
            let result = change(state);
            state.engine.settle(0);
            result
        })
    }

    /// Does something to the engine, and then all that follows from it. Times of the engine are on the
    /// clocks of `now`; without one, on those of the chip that sees something.
    fn run<R>(&self, now: Option<Timestamp>, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.0.state.lock();
        let was_quiet = !state.engine.has_touched();
        let result = act(&mut state);
        let mut told = state.show_all(now);
        if was_quiet && state.engine.has_touched() {
            told = state.watch.clone();
        }
        let next = state.engine.next_deadline();
        let is_earlier = next.is_some_and(|at| state.told.is_none_or(|told| at < told));
        if is_earlier {
            state.told = next;
        }
        let delivers = !state.outbox.is_empty();
        drop(state);
        if delivers {
            self.deliver();
        }
        if let Some(changes) = told {
            changes.wake();
        }
        if is_earlier {
            self.wake();
        }
        result
    }

    /// Delivers what lines have seen, oldest first. Only one thread does at a time, or two edges of a
    /// line could change places; another one's are delivered by it.
    fn deliver(&self) {
        let mut state = self.0.state.lock();
        if core::mem::replace(&mut state.is_delivering, true) {
            return;
        }
        while let Some((chip, delivery)) = state.outbox.pop_front() {
            drop(state);
            delivery.run(&chip);
            state = self.0.state.lock();
        }
        state.is_delivering = false;
    }

    fn wake(&self) {
        let waker = self.0.waker.lock().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let taps = core::mem::take(&mut self.state.lock().taps);
        for Tap { chip, offset, .. } in taps.into_iter().flatten() {
            chip.detach(offset);
        }
    }
}

impl Tap {
    fn see(&self, level: Level, at_ns: u64, now: Option<Timestamp>) -> Option<(SimChip, Delivery)> {
        let now = now.unwrap_or_else(|| self.chip.now());
        let delivery = self.chip.see(self.offset, level, now.moved_to(at_ns))?;
        Some((self.chip.clone(), delivery))
    }
}

impl State {
    /// The net of this name, made if it is not there.
    fn net(&mut self, name: &str) -> NetId {
        if let Some(wired) = self.nets.get(name) {
            return wired.id;
        }
        let id = self.engine.add_net(name);
        let wired = Wired {
            id,
            pull: None,
            delay_ns: 0,
        };
        self.nets.insert(name.into(), wired);
        id
    }

    fn tap(&self, pin: PinId) -> Option<&Tap> {
        self.taps.get(pin.index())?.as_ref()
    }

    fn put_tap(&mut self, pin: PinId, chip: &SimChip, offset: Offset, label: &str) {
        let index = pin.index();
        if self.taps.len() <= index {
            self.taps.resize(index + 1, None);
        }
        if let Some(place) = self.taps.get_mut(index) {
            *place = Some(Tap {
                chip: chip.clone(),
                offset,
                label: label.into(),
            });
        }
    }

    fn taps_of(&self, net: NetId) -> impl Iterator<Item = &Tap> {
        self.engine
            .pins_of(net)
            .iter()
            .filter_map(|pin| self.tap(*pin))
    }

    /// Shows lines the levels of their nets, and the watcher what there is to report, in one order; what
    /// follows goes to the outbox. Returns the waker to call for a report.
    fn show_all(&mut self, now: Option<Timestamp>) -> Option<Changes> {
        let State {
            engine,
            taps,
            outbox,
            watch,
            ..
        } = self;
        let mut told = None;
        for news in engine.take_news() {
            match (news, &watch) {
                (News::Seen(seen), _) => {
                    let tap = taps.get(seen.pin.index()).and_then(Option::as_ref);
                    outbox.extend(tap.and_then(|tap| tap.see(seen.level, seen.at_ns, now)));
                }
                (News::Report { at_ns, report }, Some(changes)) => {
                    changes.push(Change::Nets { at_ns, report });
                    told = watch.clone();
                }
                (News::Report { .. }, None) => {}
            }
        }
        told
    }

    fn show(&mut self, pin: PinId, level: Level, at_ns: u64) {
        let delivery = self.tap(pin).and_then(|tap| tap.see(level, at_ns, None));
        self.outbox.extend(delivery);
    }
}

impl fmt::Debug for Nets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.lock();
        f.debug_struct("Nets")
            .field("nets", &state.nets.len())
            .field("parts", &state.parts.len())
            .finish_non_exhaustive()
    }
}
