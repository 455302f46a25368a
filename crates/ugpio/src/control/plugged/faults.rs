//! Faults of a board: planning them, and the unplugs and plugs that they cause.
//!
//! A chip whose fault takes it away answers `ENODEV` at once, but cannot unplug itself from inside a call.
//! It asks for [`Attention`], which is given after that call of a program and before it is
//! answered, so that a program meets the same board every time. Only what goes wrong outside of such calls,
//! as a line that is pulled by hand, is seen to by the server: so events have the same order every time too.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gpio_sim::Changes;
use gpio_sim::fault::{Faults, Host, Replug};
use gpiolib::{Offset, Timestamp};

use super::fault_lines::PLANNED_MAX;
use super::{Origin, Plugged};
use crate::board::Board;
use crate::board::faults::Words;
use crate::control::protocol::{ChipParams, Code, Event, Failure, FaultParams};

/// Set when something is to be done about the board after a call, and the number of calls while it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attention(Arc<Needs>);

#[derive(Debug, Default)]
struct Needs {
    is_asked: AtomicBool,
    /// It was triggered outside of all calls, at whose ends it would be carried out.
    is_asked_outside: AtomicBool,
    /// A thread is carrying it out; a call that is over waits for that.
    is_given: AtomicBool,
    begun: AtomicU64,
    over: AtomicU64,
}

thread_local! {
    /// Whether this thread is answering a call of a program.
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

impl Attention {
    /// A call of a program begins, on this thread. The result goes to [`Attention::end`].
    pub(crate) fn begin(&self) -> Begun {
        IS_INSIDE.set(true);
        let counts = self.is_wanted();
        if counts {
            self.0.begun.fetch_add(1, Ordering::AcqRel);
        }
        Begun { counts }
    }

    /// A call is over; whether [`Plugged::attend`] is to be called before it is answered.
    pub(crate) fn end(&self, call: Begun) -> bool {
        IS_INSIDE.set(false);
        if call.counts {
            self.0.over.fetch_add(1, Ordering::AcqRel);
        }
        self.is_wanted()
    }

    fn is_wanted(&self) -> bool {
        self.0.is_asked.load(Ordering::Acquire) || self.0.is_given.load(Ordering::Acquire)
    }
}

/// A call that has begun, and is counted if something was to be done about the board then.
#[derive(Debug)]
#[must_use]
pub(crate) struct Begun {
    counts: bool,
}

/// What the chips' plans need.
struct Surroundings {
    attention: Attention,
    changes: Changes,
}

impl Host for Surroundings {
    fn pause(&self, ns: u64) {
        std::thread::sleep(Duration::from_nanos(ns));
    }

    fn attend(&self) {
        let needs = &self.attention.0;
        needs.is_asked.store(true, Ordering::Release);
        if !IS_INSIDE.get() {
            needs.is_asked_outside.store(true, Ordering::Release);
            self.changes.wake();
        }
    }
}

/// When a chip comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Back {
    /// At this instant.
    At(u64),
    /// When the call of this number is over.
    Call(u64),
}

/// A chip that went, and comes back.
#[derive(Debug)]
struct Away {
    back: Back,
    tag: u64,
    origin: Origin,
    faults: Faults,
}

/// The faults of a board.
pub(super) struct Wrongs {
    seed: u64,
    is_chaotic: bool,
    attention: Attention,
    surroundings: Arc<Surroundings>,
    /// The plan of each label of the board; it outlives the chip.
    plans: BTreeMap<String, Faults>,
    /// Chips that went, and come back.
    away: Vec<Away>,
    /// How often chips went by a fault.
    pub(super) unplugs: u64,
    told: Vec<String>,
}

impl std::fmt::Debug for Wrongs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wrongs")
            .field("plans", &self.plans)
            .field("away", &self.away)
            .finish_non_exhaustive()
    }
}

impl Wrongs {
    /// The faults of a board file, and with `is_chaotic` any at all.
    pub(super) fn new(
        board: &Board,
        seed: Option<u64>,
        is_chaotic: bool,
        changes: &Changes,
    ) -> Wrongs {
        let attention = Attention::default();
        let surroundings = Arc::new(Surroundings {
            attention: attention.clone(),
            changes: changes.clone(),
        });
        let mut wrongs = Wrongs {
            seed: seed.unwrap_or(0),
            is_chaotic,
            attention,
            surroundings,
            plans: BTreeMap::new(),
            away: Vec::new(),
            unplugs: 0,
            told: Vec::new(),
        };
        for fault in &board.faults {
            wrongs.of(&fault.chip).plan(fault.planned);
        }
        wrongs
    }

    /// The plan of the board's chip with this label.
    pub(super) fn of(&mut self, label: &str) -> Faults {
        if let Some(plan) = self.plans.get(label) {
            return plan.clone();
        }
        let plan = self.fresh(label);
        self.plans.insert(label.to_owned(), plan.clone());
        plan
    }

    /// A plan for a chip of this label, and for no other.
    pub(super) fn fresh(&self, label: &str) -> Faults {
        let host = Arc::clone(&self.surroundings) as Arc<dyn Host>;
        let faults = Faults::new(self.seed, label, host);
        if self.is_chaotic {
            faults.unleash();
        }
        faults
    }

    /// Lets a chip that is away not come back.
    pub(super) fn stay_away(&mut self, tag: u64) {
        self.away.retain(|away| away.tag != tag);
    }
}

impl Plugged {
    /// What says that something is to be done about the board.
    pub(crate) fn attention(&self) -> Attention {
        self.wrongs.attention.clone()
    }

    /// Plans a fault.
    ///
    /// # Errors
    /// No such chip or line, or a fault that cannot be.
    pub(crate) fn plan(&mut self, params: &FaultParams) -> Result<(), Failure> {
        let (_, chip) = self.chip(&params.chip)?;
        let line = params.line.as_ref();
        let line = line.map(|line| chip.offset(line)).transpose()?;
        let words = Words::from(params);
        let planned = words
            .planned(line.map(Offset::get))
            .map_err(|(key, problem)| Failure::new(Code::BadParams, format!("{key}: {problem}")))?;
        if chip.faults.to_come().len() >= PLANNED_MAX {
            let message = format!("a chip has at most {PLANNED_MAX} faults to come");
            return Err(Failure::new(Code::Failed, message));
        }
        chip.faults.plan(planned);
        Ok(())
    }

    /// Forgets the faults of a chip, and frees its stuck lines.
    ///
    /// # Errors
    /// No such chip.
    pub(crate) fn mend(&mut self, params: &ChipParams) -> Result<(), Failure> {
        let (_, chip) = self.chip(&params.chip)?;
        chip.mend();
        Ok(())
    }

    /// Does what faults ask for that did not happen at a call of a program.
    pub(super) fn attend_outside(&mut self) {
        let needs = &self.wrongs.attention.0;
        if needs.is_asked_outside.swap(false, Ordering::AcqRel) {
            self.attend(self.registry.now());
        }
    }

    /// Does what faults ask for: takes chips away, and plugs in those that come back after a call.
    pub(crate) fn attend(&mut self, now: Timestamp) {
        let needs = Arc::clone(&self.wrongs.attention.0);
        if !needs.is_asked.load(Ordering::Acquire) {
            return;
        }
        needs.is_given.store(true, Ordering::Release);
        needs.is_asked.store(false, Ordering::Release);
        let over = needs.over.load(Ordering::Acquire);
        self.come_back(now, |back| matches!(back, Back::Call(call) if call <= over));
        self.take_away(now, needs.begun.load(Ordering::Acquire));
        let counts = |away: &Away| matches!(away.back, Back::Call(_));
        if self.wrongs.away.iter().any(counts) {
            needs.is_asked.store(true, Ordering::Release);
        }
        needs.is_given.store(false, Ordering::Release);
    }

    /// Unplugs the chips whose faults ask for it.
    fn take_away(&mut self, now: Timestamp, calls: u64) {
        let gone = self.chips.iter().filter_map(|(tag, chip)| {
            let replug = chip.faults.take_unplug()?;
            Some((*tag, replug, chip.origin.clone(), chip.faults.clone()))
        });
        for (tag, replug, origin, faults) in gone.collect::<Vec<_>>() {
            self.wrongs.unplugs += 1;
            self.pull_out(tag, now);
            let back = match replug {
                Replug::Never => continue,
                Replug::After(ns) => Back::At(now.monotonic_ns.saturating_add(ns)),
                Replug::Calls(more) => Back::Call(calls.saturating_add(more.max(1).into())),
            };
            self.wrongs.away.push(Away {
                back,
                tag,
                origin,
                faults,
            });
            if let Some(bell) = self.wires.nets.waker() {
                bell.wake();
            }
        }
    }

    /// Plugs in the chips whose time has come by this instant.
    pub(crate) fn come_back_in_time(&mut self, now: Timestamp) {
        self.come_back(
            now,
            |back| matches!(back, Back::At(at) if at <= now.monotonic_ns),
        );
    }

    /// When the next chip comes back, in nanoseconds of the monotonic clock.
    pub(crate) fn next_back(&self) -> Option<u64> {
        let times = self.wrongs.away.iter().filter_map(|away| match away.back {
            Back::At(at) => Some(at),
            Back::Call(_) => None,
        });
        times.min()
    }

    fn come_back(&mut self, now: Timestamp, is_due: impl Fn(Back) -> bool) {
        let away = std::mem::take(&mut self.wrongs.away);
        let (due, away): (Vec<_>, Vec<_>) = away.into_iter().partition(|away| is_due(away.back));
        self.wrongs.away = away;
        for away in due {
            match away.origin {
                // Fails only if a chip of its label or its numbers was plugged in meanwhile.
                Origin::Board { spec, .. } => {
                    if let Err(error) = self.plug(&spec, now) {
                        tracing::warn!(%error, "chip {:?} does not come back", spec.label);
                    }
                }
                // The tree still knows it by its tag, whatever its number will be.
                Origin::Tree(ref bank) => {
                    let (bank, origin) = (bank.clone(), away.origin);
                    if let Err(error) = self.insert(away.tag, bank, origin, away.faults, now) {
                        tracing::warn!(%error, "a chip of the gpio-sim tree does not come back");
                    }
                }
            }
        }
    }

    /// Remembers an event that is a fault, for the report of the run.
    pub(super) fn remember(&mut self, event: &Event) {
        if let Event::Fault { line, call, fault } = event {
            let what = format!("{}:{} call {call}: {fault}", line.chip.label, line.offset);
            tracing::info!("fault: {what}");
            if self.wrongs.told.len() < TOLD_MAX {
                self.wrongs.told.push(what);
            }
        }
    }

    /// What has gone wrong so far, a line each, and how often chips went.
    pub(crate) fn wrongs(&mut self) -> (Vec<String>, u64) {
        self.collect();
        (self.wrongs.told.clone(), self.wrongs.unplugs)
    }

    /// How many calls on lines could have gone wrong; those on chips of the gpio-sim tree that are gone are not known.
    pub(crate) fn calls_met(&self) -> u64 {
        let board = self.wrongs.plans.values().map(Faults::calls);
        let is_of_tree = |chip: &&super::Chip| matches!(chip.origin, Origin::Tree(_));
        let tree = self.chips.values().filter(is_of_tree);
        board.chain(tree.map(|chip| chip.faults.calls())).sum()
    }
}

/// Faults that are remembered for the report of a run.
const TOLD_MAX: usize = 1_000;
