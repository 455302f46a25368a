//! What requests, chips and names cost, few of them and very many.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gpiolib::{ChipConfig, Desc, Name, Offset, Registration, Registry};

use crate::{Latch, Nothing, in_turn};

/// Request and release, clone and drop, each beside what the machine takes for its atomics.
pub(crate) fn requests() {
    let registry = Registry::new();
    let chip = Box::new(Latch::new(4));
    let chip = registry
        .register(&ChipConfig::new("latch", 4), chip)
        .unwrap();
    let line = chip.device().line(Offset::new(2)).unwrap();
    let held = chip.device().line(Offset::new(3)).unwrap();
    let held = held.request("bench").unwrap();
    let clone = held.clone();
    let word = AtomicUsize::new(0);
    let [add, arc, request, used, first, other] = in_turn(
        2_000,
        [
            &mut |calls| {
                for _ in 0..calls {
                    black_box(&word).fetch_add(1, Ordering::Relaxed);
                }
            },
            &mut |calls| {
                for _ in 0..calls {
                    black_box(&word).fetch_add(1, Ordering::Relaxed);
                    black_box(&word).fetch_sub(1, Ordering::Release);
                }
            },
            &mut |calls| {
                for _ in 0..calls {
                    drop(black_box(line.request("bench")));
                }
            },
            &mut |calls| {
                for _ in 0..calls {
                    let desc = line.request("bench").unwrap();
                    let _ = black_box(desc.level());
                }
            },
            &mut |calls| {
                for _ in 0..calls {
                    drop(black_box(held.clone()));
                }
            },
            &mut |calls| {
                for _ in 0..calls {
                    drop(black_box(clone.clone()));
                }
            },
        ],
    );
    let row = |name: &str, ns: f64| println!("  {name:<38} {ns:7.1} ns");
    println!("requests");
    row("for scale: one atomic add", add);
    row("for scale: an add and a subtraction", arc);
    row("request + release", request);
    row("request + first get + release", used);
    let clones = |name: &str, ns: f64| {
        let ratio = ns / arc;
        println!("  {name:<38} {ns:7.1} ns   {ratio:5.2} x an add and a subtraction");
    };
    clones("clone + drop", first);
    clones("clone + drop, of a clone", other);
}

fn bank(registry: &Registry, lines: u32) -> Registration<Nothing> {
    let config = ChipConfig::new("bank", lines);
    registry.register(&config, Nothing).unwrap()
}

/// Register and unregister a 64-line chip among ever more chips, with no line requested.
pub(crate) fn registrations() {
    println!("register + unregister a 64-line chip, no line requested");
    let registry = Registry::new();
    let mut others: Vec<Registration<Nothing>> = Vec::new();
    for among in [10, 1_000, 10_000, 100_000] {
        others.extend((others.len()..among).map(|_| bank(&registry, 64)));
        let [each] = in_turn(
            50,
            [&mut |calls| {
                for _ in 0..calls {
                    drop(black_box(bank(&registry, 64)));
                }
            }],
        );
        println!(
            "  among {among:>7} chips                   {:7.2} us",
            each / 1e3
        );
    }
    let [barrier, none] = in_turn(
        50,
        [
            &mut |calls| {
                for _ in 0..calls {
                    let chip = bank(&registry, 64);
                    let line = chip.device().line(Offset::new(0)).unwrap();
                    let _ = black_box(line.request("bench").unwrap().level());
                    drop(chip);
                }
            },
            &mut |calls| {
                for _ in 0..calls {
                    let chip = bank(&registry, 64);
                    let line = chip.device().line(Offset::new(0)).unwrap();
                    drop(black_box(line.request("bench").unwrap()));
                    drop(chip);
                }
            },
        ],
    );
    println!(
        "  with a line called: the barrier adds   {:7.2} us",
        (barrier - none) / 1e3
    );
}

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

const CHIPS: u32 = 1_000;
const LINES: u32 = 1_000;

/// Memory of a million lines, in a process that has done nothing else.
pub(crate) fn memory() {
    let registry = Registry::new();
    let before = resident();
    let banks: Vec<_> = (0..CHIPS).map(|_| bank(&registry, LINES)).collect();
    let each = (resident() - before) as f64 / f64::from(CHIPS * LINES);
    println!("a million lines on a thousand chips");
    println!("  memory, no names                       {each:7.1} bytes/line");
    drop(banks);
}

/// Look-up by name at a million lines.
pub(crate) fn look_up() {
    let registry = Registry::new();
    let name = |chip: u32, line: u32| format!("BANK{chip}_LINE{line}");
    let named: Vec<_> = (0..CHIPS)
        .map(|chip| {
            let mut config = ChipConfig::new("bank", LINES);
            config.names = (0..LINES)
                .map(|line| (Offset::new(line), Name::from(name(chip, line).as_str())))
                .collect();
            registry.register(&config, Nothing).unwrap()
        })
        .collect();
    let mut seed = 1_u32;
    let wanted: Vec<String> = (0..4_096)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            name(seed / 7 % CHIPS, seed / 7_919 % LINES)
        })
        .collect();
    let few = &wanted[..64];
    let [far, near] = in_turn(
        4_096,
        [
            &mut |calls| {
                for name in wanted.iter().cycle().take(calls as usize) {
                    assert!(black_box(registry.find_line(name)).is_some());
                }
            },
            &mut |calls| {
                for name in few.iter().cycle().take(calls as usize) {
                    assert!(black_box(registry.find_line(name)).is_some());
                }
            },
        ],
    );
    println!("  look-up by name, 4096 of them in turn  {far:7.1} ns");
    println!("  look-up by name, 64 of them in turn    {near:7.1} ns");
    drop(named);
}

/// One caller: calls until the chip is gone; answers the longest pause and how many calls it made.
fn call_until_gone(desc: &Desc, ready: &AtomicUsize) -> (Duration, u64) {
    let mut longest = Duration::ZERO;
    let mut calls = 0;
    let mut last = Instant::now();
    loop {
        let gone = desc.level().is_err();
        let now = Instant::now();
        longest = longest.max(now - last);
        last = now;
        calls += 1;
        if calls == 1_000 {
            // What came before was the thread's start.
            longest = Duration::ZERO;
            ready.fetch_add(1, Ordering::SeqCst);
        }
        if gone {
            return (longest, calls);
        }
    }
}

/// Take a chip away with ten thousand lines requested and called, and two threads calling.
pub(crate) fn unregister_while_called() {
    const LINES: u32 = 10_000;
    let mut samples: Vec<(Duration, Duration)> = Vec::new();
    for _ in 0..60 {
        let registry = Registry::new();
        let chip = Box::new(Latch::new(LINES as usize));
        let chip = registry
            .register(&ChipConfig::new("big", LINES), chip)
            .unwrap();
        let descs: Vec<Desc> = chip
            .device()
            .lines()
            .map(|line| line.request("bench").unwrap())
            .inspect(|desc| assert!(desc.level().is_ok()))
            .collect();
        let ready = AtomicUsize::new(0);
        let sample = std::thread::scope(|scope| {
            let callers = [&descs[0], &descs[1]].map(|desc| {
                let (desc, ready) = (desc.clone(), &ready);
                scope.spawn(move || call_until_gone(&desc, ready))
            });
            while ready.load(Ordering::SeqCst) < 2 {
                std::thread::yield_now();
            }
            let start = Instant::now();
            drop(black_box(chip.unregister()));
            let took = start.elapsed();
            let pauses = callers.map(|caller| caller.join().unwrap().0);
            (took, pauses[0].max(pauses[1]))
        });
        samples.push(sample);
    }
    samples.sort();
    let mut pauses: Vec<Duration> = samples.iter().map(|(_, pause)| *pause).collect();
    pauses.sort();
    let (least, middle) = (pauses[0], pauses[pauses.len() / 2]);
    let (best, median) = (samples[0].0, samples[samples.len() / 2].0);
    println!("unregister with 10,000 lines requested and called, 2 threads calling");
    println!("  until the last call is out: best {best:?}, median {median:?}");
    println!("  a caller's longest pause:   best {least:?}, median {middle:?}");
}
