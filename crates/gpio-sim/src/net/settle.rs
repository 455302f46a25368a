//! How nets settle after a change, and how time moves them.
//!
//! An instant is settled in rounds. In each, all nets whose pins do something else get their level,
//! then all parts at nets whose level is another react together; so neither the order of nets nor that
//! of parts matters. Lines see the levels at the end: what is over within an instant did not happen.
//! Without a loop an instant has at most as many rounds as there are parts. A net that changes more often
//! than that, or that timers change more often than [`WINDOW_FLIPS_MAX`] times in [`WINDOW_NS`], is
//! stopped and reported, and tried again at the next change from outside.

use core::cmp::Reverse;

use gpiolib::Level;

use super::engine::{Engine, Net, NetId, News, Report, Seen, Timer};
use super::resolve::NetNode;

/// How often a net may change in one instant, besides once for each part: loops that come to rest.
const FLIPS_MORE: usize = 64;

/// A window of time, in nanoseconds, in which timers may change a net so often.
const WINDOW_NS: u64 = 1_000_000;
const WINDOW_FLIPS_MAX: u32 = 2_000;

/// The most changes under way on one net; beyond it the oldest arrives early.
const PENDING_MAX: usize = 65_536;

/// The most instants that one call catches up with.
const INSTANTS_MAX: usize = 4_096;

impl Engine {
    /// Lets everything that was said since the last call take effect at `now_ns`, all at once. What is
    /// due before must have happened: call [`Engine::advance`] first, then say what changes, then this. An instant
    /// before the latest one is a late change: it is stamped with its own time on nets that have not
    /// changed since, and parts react to it now. Zero is the latest instant.
    pub fn settle(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
        self.instant_ns = if now_ns == 0 { self.now_ns } else { now_ns };
        let mut frozen = core::mem::take(&mut self.work.frozen);
        for id in frozen.drain(..) {
            if let Some(net) = self.nets.get_mut(id.index()) {
                net.is_frozen = false;
            }
            self.mark(id);
        }
        self.work.frozen = frozen;
        self.rounds();
    }

    /// Moves time to `now_ns`: changes under way arrive and deadlines of parts come, each at its own
    /// instant. After a few thousand instants it stops short, and [`Engine::next_deadline`] is still
    /// in the past.
    pub fn advance(&mut self, now_ns: u64) {
        let mut left = INSTANTS_MAX;
        while let Some(at_ns) = self.next_deadline().filter(|at| *at <= now_ns) {
            if left == 0 {
                return;
            }
            left -= 1;
            self.now_ns = self.now_ns.max(at_ns);
            self.instant_ns = at_ns;
            self.work.is_timed = true;
            self.expire(at_ns);
            self.rounds();
            self.work.is_timed = false;
        }
        self.now_ns = self.now_ns.max(now_ns);
        self.instant_ns = self.now_ns;
    }

    /// When [`Engine::advance`] has something to do next, in nanoseconds of the monotonic clock.
    pub fn next_deadline(&mut self) -> Option<u64> {
        while let Some(Reverse((at, timer))) = self.timers.peek() {
            let is_due = match timer {
                Timer::Net(id) => self
                    .nets
                    .get(id.index())
                    .is_some_and(|net| net.pending.front().is_some_and(|(due, _)| due <= at)),
                Timer::Part(id) => self
                    .parts
                    .get(id.index())
                    .is_some_and(|part| part.deadline == Some(*at)),
            };
            if is_due {
                return Some(*at);
            }
            self.timers.pop();
        }
        None
    }

    /// Everything that is due at one instant.
    fn expire(&mut self, at_ns: u64) {
        while let Some(Reverse((at, timer))) = self.timers.peek().copied() {
            if at > at_ns {
                return;
            }
            self.timers.pop();
            match timer {
                Timer::Net(id) => self.arrive(id, at_ns),
                Timer::Part(id) => {
                    let part = self.parts.get_mut(id.index());
                    if let Some(part) = part.filter(|part| part.deadline == Some(at)) {
                        part.deadline = None;
                        self.activate(id);
                    }
                }
            }
        }
    }

    /// A change of a net has been under way for long enough.
    fn arrive(&mut self, id: NetId, at_ns: u64) {
        let Some(net) = self.nets.get_mut(id.index()) else {
            return;
        };
        let Some((due, level)) = net.pending.front().copied() else {
            return;
        };
        if due > at_ns {
            return;
        }
        net.pending.pop_front();
        self.touch(id);
        self.flip(id, level);
    }

    /// Settles the instant that is now.
    fn rounds(&mut self) {
        loop {
            self.resolve();
            self.react();
            let work = &self.work;
            if work.dirty.is_empty() && work.changed.is_empty() && work.active.is_empty() {
                break;
            }
        }
        self.finish();
    }

    /// Gives every net whose pins do something else its level, at once or after its delay.
    fn resolve(&mut self) {
        let mut dirty = core::mem::take(&mut self.work.dirty);
        for id in dirty.drain(..) {
            let Some(net) = self.nets.get_mut(id.index()) else {
                continue;
            };
            net.is_dirty = false;
            let target = net.tally.resolve().level(net.target);
            if net.is_frozen || target == net.target {
                continue;
            }
            net.target = target;
            if net.delay_ns == 0 && net.pending.is_empty() {
                self.flip(id, target);
            } else {
                self.delay(id, target);
            }
        }
        // Taken back for its memory.
        self.work.dirty = dirty;
        // Together: which net exceeds the limit first must not depend on the order.
        for index in 0..self.work.changed.len() {
            let id = self.work.changed.get(index).copied();
            if let Some(id) = id.filter(|id| self.is_unstable(*id)) {
                self.freeze(id);
            }
        }
    }

    fn is_unstable(&self, id: NetId) -> bool {
        let net = self.nets.get(id.index());
        let is_timed = self.work.is_timed;
        let is_too_fast = |net: &Net| is_timed && net.window.1 > WINDOW_FLIPS_MAX;
        let flips_max = self.parts.len() + FLIPS_MORE;
        net.is_some_and(|net| net.flips as usize > flips_max || is_too_fast(net))
    }

    /// Sends a change of a net on its way.
    fn delay(&mut self, id: NetId, level: Level) {
        let now_ns = self.instant_ns;
        let Some(net) = self.nets.get_mut(id.index()) else {
            return;
        };
        let mut due = now_ns.saturating_add(net.delay_ns);
        if let Some((last, _)) = net.pending.back() {
            // Only if the delay was made shorter: changes do not overtake each other.
            due = due.max(*last);
        }
        net.pending.push_back((due, level));
        if net.pending.len() > PENDING_MAX
            && let Some((first, _)) = net.pending.front_mut()
        {
            *first = now_ns;
            self.timers.push(Reverse((now_ns, Timer::Net(id))));
        }
        self.timers.push(Reverse((due, Timer::Net(id))));
    }

    /// A net's readers see another level.
    fn flip(&mut self, id: NetId, level: Level) {
        let Some(net) = self.nets.get_mut(id.index()) else {
            return;
        };
        if net.level == level {
            return;
        }
        net.level = level;
        net.flips += 1;
        if self.work.is_timed {
            if self.now_ns.saturating_sub(net.window.0) >= WINDOW_NS {
                net.is_reported &= net.window.1 > WINDOW_FLIPS_MAX;
                net.window = (self.now_ns, 0);
            }
            net.window.1 += 1;
        }
        self.work.changed.push(id);
    }

    /// Stops a net at the level it had before this instant.
    fn freeze(&mut self, id: NetId) {
        let Some(net) = self.nets.get_mut(id.index()) else {
            return;
        };
        net.pending.clear();
        net.flips = 0;
        net.target = net.before;
        net.level = net.before;
        if !core::mem::replace(&mut net.is_frozen, true) {
            self.work.frozen.push(id);
        }
        if !core::mem::replace(&mut net.is_reported, true) {
            let net = net.name.clone();
            self.report(Report::Oscillation { net });
        }
    }

    /// Lets the parts at nets with another level react, and those whose time has come.
    fn react(&mut self) {
        let mut changed = core::mem::take(&mut self.work.changed);
        for id in changed.drain(..) {
            let Some(net) = self.nets.get_mut(id.index()) else {
                continue;
            };
            let listeners = core::mem::take(&mut net.listeners);
            for part in &listeners {
                self.activate(*part);
            }
            if let Some(net) = self.nets.get_mut(id.index()) {
                net.listeners = listeners;
            }
        }
        self.work.changed = changed;
        let mut active = core::mem::take(&mut self.work.active);
        for id in active.drain(..) {
            if let Some(part) = self.parts.get_mut(id.index()) {
                part.is_active = false;
            }
            self.with_part(id, |part, io| part.react(io));
        }
        // Taken back for its memory.
        active.append(&mut self.work.active);
        self.work.active = active;
    }

    fn touch(&mut self, id: NetId) {
        if let Some(net) = self.nets.get_mut(id.index())
            && !core::mem::replace(&mut net.is_touched, true)
        {
            net.before = net.level;
            self.work.touched.push(id);
        }
    }

    /// Shows lines what the instant came to.
    fn finish(&mut self) {
        let mut touched = core::mem::take(&mut self.work.touched);
        for id in touched.drain(..) {
            let Some(net) = self.nets.get_mut(id.index()) else {
                continue;
            };
            net.is_touched = false;
            net.flips = 0;
            if net.window.1 <= WINDOW_FLIPS_MAX && !net.is_frozen {
                net.is_reported = false;
            }
            if let Some(touched) = &mut self.touched
                && !core::mem::replace(&mut net.is_noted, true)
            {
                touched.push(id);
            }
            let is_short = net.tally.resolve() == NetNode::Short;
            let was_short = core::mem::replace(&mut net.is_short, is_short);
            self.show(id);
            if is_short != was_short {
                self.report_short(id, is_short);
            }
        }
        self.work.touched = touched;
    }

    fn show(&mut self, id: NetId) {
        let net = self.nets.get_mut(id.index());
        let Some(net) = net.filter(|net| net.level != net.before) else {
            return;
        };
        net.since_ns = net.since_ns.max(self.instant_ns);
        let (level, at_ns) = (net.level, net.since_ns);
        let Some(net) = self.nets.get(id.index()) else {
            return;
        };
        let mut news = core::mem::take(&mut self.news);
        let lines = net.pins.iter().filter(|pin| self.is_line(**pin));
        news.extend(lines.map(|pin| {
            News::Seen(Seen {
                pin: *pin,
                level,
                at_ns,
            })
        }));
        self.news = news;
    }

    fn report_short(&mut self, id: NetId, is_short: bool) {
        let Some(entry) = self.nets.get(id.index()) else {
            return;
        };
        let net = entry.name.clone();
        let report = if is_short {
            let (high, low) = self.rivals(entry);
            Report::Short { net, high, low }
        } else {
            Report::ShortOver { net }
        };
        self.report(report);
    }
}
