//! What wires cost: nanoseconds per level change.
//!
//! `cargo bench -p gpio-sim --bench nets` prints a line for each case: a line on no net, a net of two
//! lines, a chain of 1,000 nets with a buffer from each to the next, and all of them again beside
//! 100,000 lines on nets where nothing happens. The same loop, best of five rounds.
#![expect(clippy::unwrap_used, reason = "a bench may panic")]

use std::hint::black_box;
use std::time::Instant;

use gpio_sim::net::Nets;
use gpio_sim::part::{PartKind, Settings};
use gpio_sim::{Bank, Sim};
use gpiolib::{Chip as _, Level, Offset, Registry};

const CHAIN: u32 = 1_000;
const IDLE: u32 = 100_000;
const ROUNDS: u32 = 5;

/// One board: line 0 of a chip at the head of something, line 1 at its end.
struct Bench {
    registry: Registry,
    nets: Nets,
    sim: Sim,
    idle: Vec<Sim>,
}

impl Bench {
    fn new() -> Bench {
        let registry = Registry::new();
        let sim = Bank::new(2).register(&registry).unwrap();
        let nets = Nets::new(None);
        let idle = Vec::new();
        Bench {
            registry,
            nets,
            sim,
            idle,
        }
    }

    fn wire(&self, net: &str, offset: u32) {
        let offset = Offset::new(offset);
        self.nets.wire(net, self.sim.chip(), offset, "bench");
    }

    fn pair() -> Bench {
        let bench = Bench::new();
        bench.wire("0", 0);
        bench.wire("0", 1);
        bench
    }

    fn chain() -> Bench {
        let bench = Bench::new();
        bench.wire("0", 0);
        for number in 1..CHAIN {
            let part = PartKind::find("buffer")
                .unwrap()
                .make(&Settings::default())
                .unwrap();
            let pins = [number - 1, number].map(|net| Some(net.to_string()));
            bench
                .nets
                .place(&format!("u{number}"), "buffer", part, &pins);
        }
        bench.wire(&(CHAIN - 1).to_string(), 1);
        bench
    }

    /// Adds lines, two to a net, where nothing happens.
    fn with_idle_lines(mut self) -> Bench {
        for chip in 0..IDLE / 1_000 {
            let sim = Bank::new(1_000).register(&self.registry).unwrap();
            for offset in 0..1_000 {
                let net = format!("idle {chip} {}", offset / 2);
                self.nets
                    .wire(&net, sim.chip(), Offset::new(offset), "idle");
            }
            self.idle.push(sim);
        }
        self
    }

    /// Nanoseconds for each change of line 0, all that follows included.
    fn run(&self, changes: u32) -> f64 {
        let (chip, line) = (self.sim.chip(), Offset::new(0));
        chip.request(line).unwrap();
        chip.direction_output(line, Level::Low).unwrap();
        let round = || {
            let start = Instant::now();
            for change in 0..changes {
                chip.set(line, Level::from(change % 2 == 0)).unwrap();
                black_box(chip.get(Offset::new(1)).unwrap());
            }
            start.elapsed().as_secs_f64() * 1e9 / f64::from(changes)
        };
        let best = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
        chip.free(line);
        best
    }
}

/// A name, how to make it, how many nets it is deep, how many changes to measure.
type Case = (&'static str, fn() -> Bench, u32, u32);

fn main() {
    println!("ns per level change, best of {ROUNDS} rounds, alone and beside {IDLE} idle lines");
    let cases: [Case; 3] = [
        ("on no net", Bench::new, 1, 200_000),
        ("a net of two lines", Bench::pair, 1, 100_000),
        ("a chain of 1000 nets", Bench::chain, CHAIN, 1_000),
    ];
    for (name, make, nets, changes) in cases {
        let alone = make().run(changes);
        let beside = make().with_idle_lines().run(changes);
        let each = f64::from(nets);
        println!(
            "{name:22} {alone:10.0} {beside:10.0}   a net: {:6.1} {:6.1}",
            alone / each,
            beside / each
        );
    }
}
