//! Random edges against a debouncer so naive that it looks at the line every microsecond.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{TestChip, request};
use gpiolib::engine::{DescExt, EdgeQueue, Overflow, Ring};
use gpiolib::{Edge, Edges, Level, LineConfig, Registry, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

/// What happens after so many microseconds.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The line changes; not a change if it has that level already, but the driver may report it.
    Pull(bool),
    /// Another period is asked for, in microseconds.
    Period(u32),
    /// The debouncer is taken away and put back.
    Restart(u32),
}

fn story() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let step = prop_oneof![
        12 => any::<bool>().prop_map(Step::Pull),
        1 => (1..12_u32).prop_map(Step::Period),
        1 => (1..12_u32).prop_map(Step::Restart),
    ];
    // Several things at one instant, and pauses as long as periods and longer.
    vec((0..9_u64, step), 1..60)
}

fn edges() -> impl Strategy<Value = Edges> {
    (any::<bool>(), any::<bool>()).prop_map(|(rising, falling)| Edges { rising, falling })
}

/// Looks at the line every microsecond: a level that has been reported longest ago by exactly the
/// period asked for at that report becomes the stable one.
#[derive(Default)]
struct Naive {
    now: u64,
    level: bool,
    stable: bool,
    period: u64,
    /// Microseconds still to wait.
    left: Option<u64>,
    changes: Vec<(u64, bool)>,
}

impl Naive {
    fn pass(&mut self, us: u64) {
        for _ in 0..us {
            self.now += 1;
            match self.left {
                Some(1) => {
                    self.left = None;
                    if self.level != self.stable {
                        self.stable = self.level;
                        self.changes.push((self.now, self.level));
                    }
                }
                Some(left) => self.left = Some(left - 1),
                None => {}
            }
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Pull(level) => {
                self.level = level;
                self.left = Some(self.period);
            }
            Step::Period(us) => self.period = us.into(),
            Step::Restart(us) => {
                self.period = us.into();
                self.stable = self.level;
                self.left = None;
            }
        }
    }
}

proptest! {
    #[test]
    fn events_come_when_the_line_was_quiet(story in story(), asked in edges(), period in 1..12_u32) {
        let registry = Registry::new();
        let chip = TestChip::new();
        let plugged = chip.register(&registry, "a", 1);
        let line = request(&plugged, 0);
        let queue = EdgeQueue::new(&[line.offset()], 256, Overflow::DropOldest, Box::new(Ring::new()));
        queue.configure(0, &LineConfig { edges: asked, ..line.config() });
        line.arm(&queue, 0, Edges::BOTH).unwrap();
        queue.start_debounce(0, period, Level::Low);
        let mut naive = Naive { period: period.into(), ..Naive::default() };
        let mut now = 0;
        // A long pause at the end, for the last timer.
        for (pause, step) in story.into_iter().chain([(20, Step::Period(1))]) {
            naive.pass(pause);
            // As the supervisor does: timer by timer.
            now += pause * 1_000;
            while let Some(due) = queue.next_deadline_ns().filter(|due| *due <= now) {
                queue.expire(Timestamp::at(due), |_| line.level().ok());
            }
            naive.take(step);
            match step {
                Step::Pull(level) => chip.pull_at(0, Level::from(level), Timestamp::at(now)),
                Step::Period(us) => queue.set_debounce_period(0, us),
                Step::Restart(us) => {
                    queue.stop_debounce(0);
                    queue.start_debounce(0, us, line.level().unwrap());
                }
            }
            prop_assert_eq!(queue.debounced_level(0), Some(Level::from(naive.stable)));
            prop_assert_eq!(queue.next_deadline_ns(), naive.left.map(|left| now + left * 1_000));
        }
        let expected: Vec<(u64, Edge)> = naive
            .changes
            .iter()
            .map(|(at, high)| (at * 1_000, if *high { Edge::Rising } else { Edge::Falling }))
            .filter(|(_, edge)| asked.contains(*edge))
            .collect();
        let events: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        let numbers: Vec<u32> = events.iter().map(|event| event.seqno).collect();
        let found: Vec<_> = events.iter().map(|event| (event.timestamp_ns, event.edge)).collect();
        prop_assert_eq!(found, expected);
        prop_assert!(numbers.iter().copied().eq(1..=numbers.iter().max().copied().unwrap_or(0)));
    }
}
