//! Faults, as a consumer meets them: each kind, each moment, always the same.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gpio_sim::fault::{Fault, FaultTime, Faults, Fired, Host, Planned, Replug};
use gpio_sim::{Bank, Change, Changes, LineChange, Sim, What};
use gpiolib::{Desc, Edges, Errno, Error, Level, Offset, Registry, Timestamp, Value};

/// Counts what it is asked for.
#[derive(Debug, Default)]
struct Notes {
    paused_ns: AtomicU64,
    attended: AtomicU64,
}

impl Host for Notes {
    fn pause(&self, ns: u64) {
        self.paused_ns.fetch_add(ns, Ordering::Relaxed);
    }

    fn attend(&self) {
        self.attended.fetch_add(1, Ordering::Relaxed);
    }
}

fn chip(seed: u64) -> (Sim, Faults, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let faults = Faults::new(seed, "demo", Arc::clone(&notes) as Arc<dyn Host>);
    let bank = Bank::new(4).label("demo").faults(&faults);
    (bank.register(&Registry::new()).unwrap(), faults, notes)
}

fn plan(when: FaultTime, fault: Fault) -> Planned {
    Planned {
        line: Some(Offset::new(1)),
        when,
        fault,
        times: 1,
    }
}

fn next_fired(changes: &Changes) -> Option<Fired> {
    std::iter::from_fn(|| changes.pop()).find_map(|change| match change {
        Change::Line(LineChange {
            what: What::Fault(fired),
            ..
        }) => Some(fired),
        _ => None,
    })
}

fn input(sim: &Sim) -> Desc {
    let line = sim.device().line(Offset::new(1)).unwrap();
    let desc = line.request("test").unwrap();
    desc.direction_input().unwrap();
    desc
}

const EIO: Fault = Fault::Error(Errno::EIO);
const FAILED: Error = Error::Driver(Errno::EIO);

#[test]
fn the_n_th_call_fails_and_those_after_it_do_not() {
    let (mut sim, faults, _) = chip(0);
    let changes = Changes::new(64);
    sim.watch(&changes, 0);
    faults.plan(Planned {
        times: 2,
        ..plan(FaultTime::Call(4), EIO)
    });
    let desc = input(&sim);
    let answers: Vec<bool> = (0..4).map(|_| desc.level() == Err(FAILED)).collect();
    assert_eq!(
        answers,
        [false, true, true, false],
        "request and direction are calls"
    );
    let fired = next_fired(&changes);
    let line = Offset::new(1);
    assert_eq!(
        fired,
        Some(Fired {
            line,
            call: 4,
            fault: EIO
        })
    );
}

#[test]
fn the_next_call_and_one_by_the_seed() {
    let (sim, faults, _) = chip(0);
    let desc = input(&sim);
    faults.plan(plan(FaultTime::Next, EIO));
    assert_eq!((desc.level(), desc.level()), (Err(FAILED), Ok(Level::Low)));
    let first = |seed| {
        let (sim, faults, _) = chip(seed);
        faults.plan(plan(FaultTime::Within(1_000), EIO));
        let line = sim.device().line(Offset::new(1)).unwrap();
        let desc = line.request("test").unwrap();
        (0..1_000).position(|_| desc.level() == Err(FAILED))
    };
    assert_eq!(first(1), first(1));
    assert_ne!(first(1), first(2));
    assert!(first(3).is_some());
}

#[test]
fn an_unplug_numbs_the_chip_at_that_very_call() {
    let (sim, faults, notes) = chip(0);
    faults.plan(plan(FaultTime::Call(3), Fault::Unplug(Replug::Calls(7))));
    let desc = input(&sim);
    assert_eq!(
        (desc.level(), desc.level()),
        (Err(Error::Revoked), Err(Error::Revoked))
    );
    assert_eq!(notes.attended.load(Ordering::Relaxed), 1);
    assert_eq!(
        (faults.take_unplug(), faults.take_unplug()),
        (Some(Replug::Calls(7)), None)
    );
}

#[test]
fn a_level_can_be_what_does_it() {
    let (sim, faults, notes) = chip(0);
    let desc = input(&sim);
    faults.plan(plan(FaultTime::Level(Level::High), EIO));
    faults.plan(plan(
        FaultTime::Level(Level::Low),
        Fault::Unplug(Replug::Never),
    ));
    assert_eq!(desc.level(), Ok(Level::Low));
    sim.set_pull(Offset::new(1), Level::High, Timestamp::at(1))
        .unwrap();
    assert_eq!((desc.level(), desc.level()), (Err(FAILED), Ok(Level::High)));
    sim.set_pull(Offset::new(1), Level::Low, Timestamp::at(2))
        .unwrap();
    assert_eq!(
        (desc.level(), notes.attended.load(Ordering::Relaxed)),
        (Err(Error::Revoked), 1)
    );
}

#[test]
fn a_stuck_line_does_not_move_until_it_is_mended() {
    let (sim, faults, _) = chip(0);
    let desc = input(&sim);
    faults.plan(plan(FaultTime::Next, Fault::Stuck(Level::High)));
    assert_eq!(desc.level(), Ok(Level::High));
    desc.direction_output(Value::Inactive).unwrap();
    assert_eq!(desc.level(), Ok(Level::High));
    sim.chip().stick(Offset::new(1), None);
    assert_eq!(desc.level(), Ok(Level::Low));
}

#[test]
fn glitches_lost_edges_and_floods_are_about_edges() {
    let (sim, faults, _) = chip(0);
    let desc = input(&sim);
    let queue = desc.subscribe(Edges::BOTH, 4_096).unwrap();
    faults.plan(plan(FaultTime::Next, Fault::Glitch));
    assert_eq!((desc.level(), queue.len()), (Ok(Level::Low), 2));
    faults.plan(plan(FaultTime::Next, Fault::LostEdge));
    desc.level().unwrap();
    sim.set_pull(Offset::new(1), Level::High, Timestamp::at(1))
        .unwrap();
    assert_eq!(queue.len(), 2);
    sim.set_pull(Offset::new(1), Level::Low, Timestamp::at(2))
        .unwrap();
    assert_eq!(queue.len(), 3);
    faults.plan(plan(FaultTime::Next, Fault::Flood));
    desc.level().unwrap();
    assert!(queue.len() > 2_048);
}

#[test]
fn a_slow_call_waits_outside() {
    let (sim, faults, notes) = chip(0);
    let desc = input(&sim);
    faults.plan(Planned {
        times: 3,
        ..plan(FaultTime::Next, Fault::Slow(5))
    });
    for _ in 0..5 {
        desc.level().unwrap();
    }
    assert_eq!(notes.paused_ns.load(Ordering::Relaxed), 15);
}

#[test]
fn a_fault_of_any_line_counts_the_calls_on_all() {
    let (sim, faults, _) = chip(0);
    faults.plan(Planned {
        line: None,
        ..plan(FaultTime::Call(4), EIO)
    });
    let desc = input(&sim);
    let other = sim.device().line(Offset::new(2)).unwrap();
    let other = other.request("other").unwrap();
    assert_eq!(other.level(), Err(FAILED));
    assert_eq!(desc.level(), Ok(Level::Low));
    faults.plan(plan(FaultTime::Next, EIO));
    faults.forget();
    assert_eq!(desc.level(), Ok(Level::Low));
}

/// The same calls under the same seed meet the same faults, a hundred times; what other lines do, and
/// in which order, does not matter.
#[test]
fn chaos_is_a_function_of_the_seed_and_the_number_of_the_call() {
    let story = |seed, with_others: bool| {
        let (sim, faults, _) = chip(seed);
        faults.unleash();
        let calls = |_| {
            if with_others && let Some(line) = sim.device().line(Offset::new(3)) {
                // Whatever it answers.
                let _ = line.request("noise");
            }
            let line = sim.device().line(Offset::new(1)).unwrap();
            let answer = line.request("test").map(|desc| desc.direction_input());
            if faults.take_unplug().is_some() {
                return "gone".to_owned();
            }
            format!("{answer:?}")
        };
        (0..200).map(calls).collect::<Vec<_>>()
    };
    for seed in 0..5 {
        let first = story(seed, false);
        for _ in 0..100 {
            assert_eq!(story(seed, false), first);
        }
        assert!(first.iter().any(|answer| answer != "Ok(Ok(()))"), "{seed}");
    }
    assert_ne!(story(1, false), story(2, false));
}

#[test]
fn every_seed_has_its_own_chaos_and_all_kinds_come() {
    let mut kinds = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let (mut sim, faults, _) = chip(seed);
        let changes = Changes::new(4_096);
        sim.watch(&changes, 0);
        faults.unleash();
        let chip = sim.device().line(Offset::new(0)).unwrap();
        for _ in 0..50 {
            drop(chip.request("test"));
            let _ = faults.take_unplug();
        }
        while let Some(fired) = next_fired(&changes) {
            let word = fired.fault.to_string();
            kinds.insert(word.split_whitespace().next().unwrap().to_owned());
        }
    }
    for kind in [
        "unplug", "unplug,", "slow", "stuck", "glitch", "lost", "flood",
    ] {
        assert!(kinds.contains(kind), "{kind} of {kinds:?}");
    }
}
