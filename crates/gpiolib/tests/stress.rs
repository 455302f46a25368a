//! Real threads against random unplug: what loom cannot show, the kernel's barrier.
//!
//! `cargo test -p gpiolib --test stress --release -- --nocapture` takes seconds; with `--ignored`
//! the long run too, `UGPIO_STRESS_SECONDS` seconds of it (60). `scripts/mutants no-membarrier` shows
//! that the first test fails when the closer makes no barrier: a call is found inside a chip that
//! was handed back.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::cast_possible_truncation, reason = "random bits")]

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use gpiolib::{
    Chip, ChipConfig, Desc, Device, Error, Level, Line, Offset, Registry, Result, Value,
};

/// Words far apart, together larger than the caches: a store to one takes its time.
struct Far(Box<[AtomicU64]>);

impl Far {
    fn new() -> Self {
        Self((0..1 << 22).map(AtomicU64::new).collect())
    }

    /// Stores to many of them; later stores of this thread queue behind.
    fn clog(&self, seed: &mut u64) {
        for _ in 0..12 {
            let at = next(seed) as usize % self.0.len();
            self.0[at].store(*seed, Ordering::Relaxed);
        }
    }
}

/// xorshift64*.
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    seed.wrapping_mul(0x2545_f491_4f6c_dd1d)
}

/// A chip that looks, for the length of a call, whether its provider has it back.
struct Watched {
    handed_back: Arc<AtomicBool>,
    caught: Arc<AtomicUsize>,
}

impl Watched {
    fn look(&self) {
        for _ in 0..60 {
            if self.handed_back.load(Ordering::Relaxed) {
                self.caught.fetch_add(1, Ordering::Relaxed);
                break;
            }
            std::hint::spin_loop();
        }
    }
}

impl Chip for Watched {
    fn free(&self, _: Offset) {
        self.look();
    }

    fn get(&self, _: Offset) -> Result<Level> {
        self.look();
        Ok(Level::High)
    }
}

/// Hands the requested lines of ever new chips to a thread, which says when it begins, and takes the
/// chips away while it works, for three seconds. `work` answers how much it did; what it is given
/// last holds up the processor's stores.
fn race(
    name: &str,
    lines: u32,
    work: impl Fn(Vec<Desc>, &mpsc::Sender<()>, &mut dyn FnMut()) -> u64 + Send + 'static,
) {
    let caught = Arc::new(AtomicUsize::new(0));
    let (hand_over, take_over) = mpsc::channel::<Vec<Desc>>();
    let (ready, is_ready) = mpsc::channel::<()>();
    let worker = std::thread::spawn(move || {
        let far = Far::new();
        let mut seed = 0x9e37_79b9_7f4a_7c15;
        let mut clog = || far.clog(&mut seed);
        let works = take_over.iter().map(|lines| work(lines, &ready, &mut clog));
        works.sum::<u64>()
    });
    let until = Instant::now() + Duration::from_secs(3);
    let mut rounds = 0_u64;
    let mut seed = 1;
    while Instant::now() < until {
        let registry = Registry::new();
        let handed_back = Arc::new(AtomicBool::new(false));
        let chip = Watched {
            handed_back: Arc::clone(&handed_back),
            caught: Arc::clone(&caught),
        };
        let chip = registry
            .register(&ChipConfig::new("a", lines), chip)
            .unwrap();
        let request = |line: Line| line.request("stress").unwrap();
        let lines = chip.device().lines().map(request).collect();
        hand_over.send(lines).unwrap();
        is_ready.recv().unwrap();
        for _ in 0..next(&mut seed) % 2_000 {
            std::hint::spin_loop();
        }
        let back = chip.unregister();
        handed_back.store(true, Ordering::Relaxed);
        // Kept for ever, so that even the mutant touches no freed memory.
        std::mem::forget(back);
        rounds += 1;
    }
    drop(hand_over);
    let done = worker.join().unwrap();
    let caught = caught.load(Ordering::Relaxed);
    println!("stress: {rounds} unplugs, {done} {name}, {caught} caught inside a chip handed back");
    assert_eq!(caught, 0);
}

#[test]
fn nobody_is_inside_a_chip_that_was_handed_back() {
    race("calls", 1, |lines, ready, clog| {
        lines[0].level().unwrap();
        ready.send(()).unwrap();
        let mut calls = 0;
        loop {
            clog();
            if lines[0].level().is_err() {
                return calls;
            }
            calls += 1;
        }
    });
}

/// The same for a line that nobody calls: it is requested and given back, again and again.
#[test]
fn nobody_gives_a_line_back_to_a_chip_that_was_handed_back() {
    race("lines given back", 1, |lines, ready, clog| {
        let line = lines[0].line();
        drop(lines);
        ready.send(()).unwrap();
        let mut given = 0;
        while let Ok(held) = line.request("stress") {
            (0..4).for_each(|_| clog());
            drop(held);
            given += 1;
        }
        given
    });
}

/// Counts its own requests, and that nobody is inside when it is dropped.
#[derive(Default)]
struct Counted {
    inside: AtomicUsize,
    out: Arc<AtomicUsize>,
}

impl Counted {
    fn call(&self) {
        self.inside.fetch_add(1, Ordering::SeqCst);
        std::hint::spin_loop();
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        assert_eq!(*self.inside.get_mut(), 0, "dropped with a call inside");
    }
}

impl Chip for Counted {
    fn request(&self, _: Offset) -> Result<()> {
        self.call();
        self.out.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn free(&self, _: Offset) {
        self.call();
        self.out.fetch_sub(1, Ordering::SeqCst);
    }

    fn get(&self, _: Offset) -> Result<Level> {
        self.call();
        Ok(Level::Low)
    }

    fn set(&self, _: Offset, _: Level) -> Result<()> {
        self.call();
        Ok(())
    }
}

/// What the threads of the long run share.
struct World {
    registry: Registry,
    stop: AtomicBool,
    /// Descriptors on their way from one thread to another.
    exchange: Mutex<Vec<Desc>>,
    done: [AtomicU64; 5],
}

const NAMES: [&str; 5] = ["requests", "calls", "clones", "refused as gone", "unplugs"];

impl World {
    fn count(&self, what: usize) {
        self.done[what].fetch_add(1, Ordering::Relaxed);
    }

    fn some_device(&self, seed: &mut u64) -> Option<Device> {
        let devices = self.registry.devices();
        let at = next(seed) as usize % devices.len().max(1);
        devices.get(at).cloned()
    }

    /// One consumer: requests, calls, clones, hands over, drops, in random order.
    fn consume(&self, mut seed: u64) {
        let mut held: Vec<Desc> = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            match next(&mut seed) % 8 {
                0 | 1 => held.extend(self.request(&mut seed)),
                2 => held.extend(self.cloned(&held)),
                3 => drop(held.pop()),
                4 => core::mem::swap(&mut held, &mut *self.exchange.lock().unwrap()),
                _ => self.call_all(&held),
            }
            held.truncate(16);
        }
    }

    fn request(&self, seed: &mut u64) -> Option<Desc> {
        let device = self.some_device(seed)?;
        let line = device.line(Offset::new(next(seed) as u32 % device.ngpio()))?;
        match line.request("stress") {
            Ok(desc) => {
                self.count(0);
                Some(desc)
            }
            Err(error) => {
                assert!(matches!(error, Error::Busy | Error::Revoked));
                None
            }
        }
    }

    fn cloned(&self, held: &[Desc]) -> Option<Desc> {
        self.count(2);
        held.last().cloned()
    }

    fn call_all(&self, held: &[Desc]) {
        for desc in held {
            match desc.set_value(Value::Active).and_then(|()| desc.value()) {
                Ok(_) => self.count(1),
                Err(error) => {
                    assert_eq!(error, Error::Revoked);
                    self.count(3);
                }
            }
        }
    }

    /// One provider: plugs chips in and out, and keeps some of the dead devices.
    fn provide(&self, mut seed: u64) -> Vec<Device> {
        let mut seen = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let chip = Counted::default();
            let lines = next(&mut seed) as u32 % 64 + 1;
            let config = ChipConfig::new("stress", lines);
            let registration = self.registry.register(&config, chip).unwrap();
            for _ in 0..next(&mut seed) % 20_000 {
                std::hint::spin_loop();
            }
            seen.push(registration.device().clone());
            seen.truncate(4);
            drop(registration.unregister().unwrap());
            self.count(4);
        }
        seen
    }
}

#[test]
#[ignore = "takes a minute and more"]
fn random_unplug_leaves_nothing_behind() {
    let seconds = std::env::var("UGPIO_STRESS_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(60);
    let world = World {
        registry: Registry::new(),
        stop: AtomicBool::new(false),
        exchange: Mutex::new(Vec::new()),
        done: Default::default(),
    };
    let stopper = Instant::now() + Duration::from_secs(seconds);
    std::thread::scope(|scope| {
        let world = &world;
        for seed in 1..=4 {
            scope.spawn(move || world.consume(seed));
        }
        for seed in 101..=102 {
            scope.spawn(move || drop(world.provide(seed)));
        }
        while Instant::now() < stopper {
            std::thread::park_timeout(stopper.saturating_duration_since(Instant::now()));
        }
        world.stop.store(true, Ordering::Relaxed);
    });
    for (name, count) in NAMES.iter().zip(&world.done) {
        println!("stress: {name}: {}", count.load(Ordering::Relaxed));
    }
    drop(core::mem::take(&mut *world.exchange.lock().unwrap()));
    let listed = world.registry.devices().len();
    let next = world
        .registry
        .register(&ChipConfig::new("last", 1), Counted::default())
        .unwrap();
    println!(
        "stress: {listed} devices listed, {} ids taken",
        next.device().id()
    );
    assert_eq!((listed, next.device().id()), (0, 0));
}
