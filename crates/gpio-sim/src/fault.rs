//! Faults: what goes wrong with a chip, and when.
//!
//! [`Faults`] is the plan of one chip. It counts the calls on each line and decides by that number alone,
//! with a seed where chance is wanted: the same calls always meet the same faults. A chip that is
//! registered with a plan ([`Bank::faults`](crate::Bank::faults)) asks it before each call. What a plan
//! cannot do itself, waiting and unplugging, is done by its [`Host`].

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use gpiolib::{
    Chip, Direction, EdgeSink, Edges, Errno, Error, Level, Offset, PinConfig, Result, Timestamp,
};
use revocable::sync::Mutex;

use crate::{SimChip, seed};

/// What goes wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The call fails with this errno.
    Error(Errno),
    /// The call takes so much longer, in nanoseconds.
    Slow(u64),
    /// The line stays at this level, whatever drives it.
    Stuck(Level),
    /// The line has the other level for no time at all: two edges.
    Glitch,
    /// The next edge of the line is not reported.
    LostEdge,
    /// So many glitches at once that no queue holds them.
    Flood,
    /// The chip goes.
    Unplug(Replug),
}

/// When a chip that went comes back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Replug {
    /// Not by itself.
    Never,
    /// After so many nanoseconds.
    After(u64),
    /// After so many calls of programs on anything.
    Calls(u32),
}

/// When it goes wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FaultTime {
    /// At the next call.
    Next,
    /// At the n-th call, counted from 1; from when the chip was plugged in, or from its first planned
    /// fault if that came later.
    Call(u64),
    /// At one of the first so many calls, by the seed.
    Within(u64),
    /// When the line gets this level.
    Level(Level),
}

/// One thing that is planned to go wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Planned {
    /// On which line; on any if `None`, and calls on all are counted together.
    pub line: Option<Offset>,
    /// When.
    pub when: FaultTime,
    /// What.
    pub fault: Fault,
    /// At so many calls in a row.
    pub times: u32,
}

/// Something that went wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fired {
    /// On which line.
    pub line: Offset,
    /// At which call on it.
    pub call: u64,
    /// What.
    pub fault: Fault,
}

/// What a plan needs of its surroundings.
pub trait Host: Send + Sync {
    /// Waits, in the call that is slow.
    fn pause(&self, ns: u64);

    /// The chip is to be unplugged as soon as the call that it is in is over; until then it answers
    /// `ENODEV`. See [`Faults::take_unplug`].
    fn attend(&self);
}

/// How many glitches make a flood: more than the largest queue of the kernel holds.
const FLOOD: u32 = 1_100;

/// The plan of one chip. Cheap to clone; all clones are the same plan.
#[derive(Clone)]
pub struct Faults(Arc<Inner>);

struct Inner {
    /// Whether there is anything to decide: what a chip without faults pays for.
    is_armed: AtomicBool,
    state: Mutex<State>,
    host: Arc<dyn Host>,
}

struct State {
    /// What the chip's chance comes from: the seed and the chip's name.
    seed: u64,
    plans: Vec<Plan>,
    /// How many were ever planned: what keeps the chance of each apart.
    planned: u64,
    is_chaotic: bool,
    calls: BTreeMap<Offset, u64>,
    all: u64,
    /// All calls since there is a plan; a chip that comes back does not begin them again.
    met: u64,
    unplug: Option<Replug>,
}

struct Plan {
    planned: Planned,
    /// From which call on, once that is known.
    from: Option<u64>,
    left: u32,
}

impl Faults {
    /// Nothing goes wrong yet. `label` keeps chips of the same seed apart.
    #[must_use]
    pub fn new(seed: u64, label: &str, host: Arc<dyn Host>) -> Faults {
        Faults(Arc::new(Inner {
            is_armed: AtomicBool::new(false),
            state: Mutex::new(State {
                seed: seed::mix(seed, &[seed::of_name(label)]),
                plans: Vec::new(),
                planned: 0,
                is_chaotic: false,
                calls: BTreeMap::new(),
                all: 0,
                met: 0,
                unplug: None,
            }),
            host,
        }))
    }

    /// Plans something.
    pub fn plan(&self, planned: Planned) {
        let mut state = self.0.state.lock();
        let place = state.planned;
        state.planned += 1;
        let from = match planned.when {
            FaultTime::Call(call) => Some(call),
            FaultTime::Within(calls) => Some(1 + seed::mix(state.seed, &[place]) % calls.max(1)),
            FaultTime::Next | FaultTime::Level(_) => None,
        };
        let left = planned.times.max(1);
        // What is over is over: a run that plans faults for ever keeps those to come.
        state.plans.retain(|plan| plan.left > 0);
        state.plans.push(Plan {
            planned,
            from,
            left,
        });
        self.0.is_armed.store(true, Ordering::Release);
    }

    /// Lets anything go wrong at any call, by the seed.
    pub fn unleash(&self) {
        self.0.state.lock().is_chaotic = true;
        self.0.is_armed.store(true, Ordering::Release);
    }

    /// Forgets what is planned. Calls are counted on.
    pub fn forget(&self) {
        let mut state = self.0.state.lock();
        state.plans.clear();
        state.is_chaotic = false;
    }

    /// The planned faults that have not happened yet, in the order of their planning, each with the number of times that remain.
    #[must_use]
    pub fn to_come(&self) -> Vec<Planned> {
        let state = self.0.state.lock();
        let left = state.plans.iter().filter(|plan| plan.left > 0);
        left.map(|plan| Planned {
            times: plan.left,
            ..plan.planned
        })
        .collect()
    }

    /// How many calls on lines could have gone wrong so far, however often the chip was plugged in.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.state.lock().met
    }

    /// Whether the chip is to be unplugged, and when it comes back. Returned once.
    #[must_use]
    pub fn take_unplug(&self) -> Option<Replug> {
        let mut state = self.0.state.lock();
        let replug = state.unplug.take();
        if replug.is_some() {
            // It is plugged in anew with the same plan: the calls begin again, what is over is over.
            state.calls.clear();
            state.all = 0;
            let is_left = |plan: &Plan| plan.left > 0;
            state.plans.retain(is_left);
        }
        replug
    }

    /// A call on a line: what it meets.
    fn call(&self, chip: &SimChip, offset: Offset) -> Result<()> {
        if !self.0.is_armed.load(Ordering::Acquire) {
            return Ok(());
        }
        let (gone, fired) = {
            let mut state = self.0.state.lock();
            (state.unplug.is_some(), state.count(offset))
        };
        if gone {
            return Err(Error::Revoked);
        }
        fired.map_or(Ok(()), |fired| self.fire(chip, fired, None))
    }

    /// A line has another level since this instant. Called with no lock held.
    pub(crate) fn level(&self, chip: &SimChip, offset: Offset, level: Level, at: Timestamp) {
        if !self.0.is_armed.load(Ordering::Acquire) {
            return;
        }
        let fired = self.0.state.lock().reach(offset, level);
        if let Some(fired) = fired {
            // An error is for the next call, which is planned.
            let _ = self.fire(chip, fired, Some(at));
        }
    }

    fn fire(&self, chip: &SimChip, fired: Fired, at: Option<Timestamp>) -> Result<()> {
        chip.tell(fired, at);
        if let Fault::Unplug(replug) = fired.fault {
            self.0.state.lock().unplug = Some(replug);
        }
        match fired.fault {
            Fault::Error(errno) => return Err(Error::Driver(errno)),
            Fault::Slow(ns) => self.0.host.pause(ns),
            Fault::Stuck(level) => chip.stick_at(fired.line, Some(level), at),
            Fault::Glitch => chip.glitch(fired.line, 1, at),
            Fault::LostEdge => chip.lose_edge(fired.line),
            Fault::Flood => chip.glitch(fired.line, FLOOD, at),
            Fault::Unplug(_) => {
                self.0.host.attend();
                return Err(Error::Revoked);
            }
        }
        Ok(())
    }
}

impl State {
    /// Counts a call, and decides what it meets.
    fn count(&mut self, offset: Offset) -> Option<Fired> {
        if self.unplug.is_some() {
            return None;
        }
        self.all += 1;
        self.met += 1;
        let count = self.calls.entry(offset).or_insert(0);
        *count += 1;
        let (call, all) = (*count, self.all);
        let planned = self
            .plans
            .iter_mut()
            .find_map(|plan| plan.meets(offset, call, all));
        let fault = planned.or_else(|| {
            let place = u64::from(offset.get());
            self.is_chaotic.then(|| chaos(self.seed, place, call))?
        })?;
        Some(Fired {
            line: offset,
            call,
            fault,
        })
    }

    /// A line gets a level: what happens at once. Faults of calls are due at the next one.
    fn reach(&mut self, offset: Offset, level: Level) -> Option<Fired> {
        let is_meant = |plan: &&mut Plan| {
            let planned = plan.planned;
            let is_line = planned.line.is_none_or(|line| line == offset);
            is_line
                && planned.when == FaultTime::Level(level)
                && plan.left > 0
                && plan.from.is_none()
        };
        let plan = self.plans.iter_mut().find(is_meant)?;
        if matches!(plan.planned.fault, Fault::Error(_) | Fault::Slow(_)) {
            plan.from = Some(0);
            return None;
        }
        plan.left -= 1;
        Some(Fired {
            line: offset,
            call: self.calls.get(&offset).copied().unwrap_or(0),
            fault: plan.planned.fault,
        })
    }
}

impl Plan {
    /// What the call meets, the `call`-th on its line and the `all`-th on the chip.
    fn meets(&mut self, offset: Offset, call: u64, all: u64) -> Option<Fault> {
        let number = match self.planned.line {
            Some(line) if line != offset => return None,
            Some(_) => call,
            None => all,
        };
        if matches!(self.planned.when, FaultTime::Next) {
            self.from = self.from.or(Some(number));
        }
        if self.left == 0 || number < self.from? {
            return None;
        }
        self.left -= 1;
        Some(self.planned.fault)
    }
}

/// What chaos has for the n-th call on a line. Some seeds are worse than others.
fn chaos(seed: u64, line: u64, call: u64) -> Option<Fault> {
    const RARITY: u64 = 0xfa17;
    let one_in = 3 + seed::mix(seed, &[RARITY]) % 40;
    let chance = seed::mix(seed, &[line, call]);
    if !chance.is_multiple_of(one_in) {
        return None;
    }
    let more = seed::mix(chance, &[1]);
    Some(match seed::mix(chance, &[0]) % 20 {
        0..=7 => Fault::Error(match more % 4 {
            0 => Errno::EBUSY,
            1 => Errno::ENOMEM,
            _ => Errno::EIO,
        }),
        8..=11 => Fault::Unplug(match more % 2 {
            0 => Replug::Never,
            _ => Replug::Calls(u32::try_from(1 + more / 2 % 8).unwrap_or(1)),
        }),
        12..=13 => Fault::Slow(1_000_000 * (1 + more % 20)),
        14..=15 => Fault::Glitch,
        16..=17 => Fault::LostEdge,
        18 => Fault::Flood,
        _ => Fault::Stuck(Level::from(more % 2 == 1)),
    })
}

/// A simulated chip that asks its plan first, if it has one.
pub(crate) struct Faulty {
    pub(crate) chip: SimChip,
    pub(crate) faults: Option<Faults>,
}

impl Faulty {
    fn enter(&self, offset: Offset) -> Result<()> {
        match &self.faults {
            Some(faults) => faults.call(&self.chip, offset),
            None => Ok(()),
        }
    }
}

impl Chip for Faulty {
    fn request(&self, offset: Offset) -> Result<()> {
        self.enter(offset)?;
        self.chip.request(offset)
    }

    fn free(&self, offset: Offset) {
        self.chip.free(offset);
    }

    fn direction(&self, offset: Offset) -> Result<Direction> {
        self.chip.direction(offset)
    }

    fn direction_input(&self, offset: Offset) -> Result<()> {
        self.enter(offset)?;
        self.chip.direction_input(offset)
    }

    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        self.enter(offset)?;
        self.chip.direction_output(offset, level)
    }

    fn get(&self, offset: Offset) -> Result<Level> {
        self.enter(offset)?;
        self.chip.get(offset)
    }

    fn get_multiple(&self, offsets: &[Offset]) -> Result<u64> {
        offsets.iter().try_for_each(|offset| self.enter(*offset))?;
        self.chip.get_multiple(offsets)
    }

    fn set(&self, offset: Offset, level: Level) -> Result<()> {
        self.enter(offset)?;
        self.chip.set(offset, level)
    }

    fn set_multiple(&self, offsets: &[Offset], levels: u64) -> Result<()> {
        offsets.iter().try_for_each(|offset| self.enter(*offset))?;
        self.chip.set_multiple(offsets, levels)
    }

    fn set_config(&self, offset: Offset, config: PinConfig) -> Result<()> {
        // Not counted: what a chip is asked here is the core's business.
        self.chip.set_config(offset, config)
    }

    fn arm(&self, offset: Offset, edges: Edges, sink: EdgeSink) -> Result<()> {
        self.enter(offset)?;
        self.chip.arm(offset, edges, sink)
    }

    fn disarm(&self, offset: Offset) {
        self.chip.disarm(offset);
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.lock();
        f.debug_struct("Faults")
            .field("plans", &state.plans.len())
            .field("calls", &state.all)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Error(errno) => write!(f, "{errno}"),
            Fault::Slow(ns) => write!(f, "slow by {} us", ns / 1_000),
            Fault::Stuck(level) => {
                write!(f, "stuck {}", if level.is_high() { "high" } else { "low" })
            }
            Fault::Glitch => f.write_str("glitch"),
            Fault::LostEdge => f.write_str("lost edge"),
            Fault::Flood => f.write_str("flood"),
            Fault::Unplug(Replug::Never) => f.write_str("unplug"),
            Fault::Unplug(Replug::After(ns)) => {
                write!(f, "unplug, back after {} us", ns / 1_000)
            }
            Fault::Unplug(Replug::Calls(1)) => f.write_str("unplug, back after 1 call"),
            Fault::Unplug(Replug::Calls(calls)) => write!(f, "unplug, back after {calls} calls"),
        }
    }
}
