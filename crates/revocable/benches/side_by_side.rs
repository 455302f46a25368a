//! One call of a resource that may be taken away, guarded by this crate and as others would guard it:
//! `cargo bench -p revocable`.
//!
//! Every figure is the best of 400 short batches, taken in turn. The call itself is of a trait object, as
//! cheap as can be. `REVOCABLE_GUARD=portable` measures the guard without the kernel's barrier.

use std::hint::black_box;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use crossbeam_epoch as epoch;
use haphazard::{AtomicPtr, HazardPointer};
use revocable::{Revocable, Revoked};

/// What is called.
trait Bus: Send + Sync {
    fn read(&self) -> u32;
}

struct Register(AtomicU32);

impl Bus for Register {
    fn read(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

fn bus() -> Box<dyn Bus> {
    black_box(Box::new(Register(AtomicU32::new(7))))
}

fn read<B: Deref<Target = dyn Bus>>(bus: &B) -> u32 {
    bus.read()
}

/// The pointer of an epoch is only compared to null: dereferencing it would take `unsafe`. The call is
/// made beside it, so the figure flatters the epoch by one load.
fn pinned(pointer: &epoch::Atomic<Box<dyn Bus>>, bus: &dyn Bus) -> Option<u32> {
    let guard = epoch::pin();
    let shared = black_box(pointer).load(Ordering::Acquire, &guard);
    (!shared.is_null()).then(|| black_box(bus).read())
}

/// So many calls of each way in turn; answers the best nanoseconds of one call of each.
fn in_turn<const N: usize>(mut ways: [&mut dyn FnMut(u32); N]) -> [f64; N] {
    const CALLS: u32 = 20_000;
    let mut best = [f64::INFINITY; N];
    for _ in 0..400 {
        for (way, best) in ways.iter_mut().zip(&mut best) {
            let began = Instant::now();
            way(CALLS);
            *best = best.min(began.elapsed().as_nanos() as f64 / f64::from(CALLS));
        }
    }
    best
}

fn main() {
    let direct = bus();
    let revocable = Revocable::<dyn Bus>::with(bus(), 0, ());
    let handle = revocable.handle();
    let mutex = Mutex::new(Some(bus()));
    let rwlock = RwLock::new(Some(bus()));
    let swapped = ArcSwapOption::new(Some(Arc::new(bus())));
    let pointer = epoch::Atomic::new(bus());
    let beside = bus();
    let hazard = AtomicPtr::from(Box::new(bus()));
    let mut protection = HazardPointer::new();

    let times = in_turn([
        &mut |calls| (0..calls).for_each(|_| _ = black_box(read(black_box(&direct)))),
        &mut |calls| {
            for _ in 0..calls {
                let called = black_box(&handle).call(|bus| Ok::<_, Revoked>(bus.read()));
                _ = black_box(called.unwrap_or(0));
            }
        },
        &mut |calls| {
            for _ in 0..calls {
                let entered = black_box(&revocable).enter();
                _ = black_box(entered.map_or(0, |bus| bus.read()));
            }
        },
        &mut |calls| {
            for _ in 0..calls {
                let bus = black_box(&mutex).lock();
                _ = black_box(bus.map_or(0, |bus| bus.as_ref().map_or(0, read)));
            }
        },
        &mut |calls| {
            for _ in 0..calls {
                let bus = black_box(&rwlock).read();
                _ = black_box(bus.map_or(0, |bus| bus.as_ref().map_or(0, read)));
            }
        },
        &mut |calls| {
            for _ in 0..calls {
                let bus = black_box(&swapped).load();
                _ = black_box(bus.as_ref().map_or(0, |bus| read(&**bus)));
            }
        },
        &mut |calls| (0..calls).for_each(|_| _ = black_box(pinned(&pointer, &*beside))),
        &mut |calls| {
            for _ in 0..calls {
                let bus = black_box(&hazard).safe_load(&mut protection);
                _ = black_box(bus.map_or(0, read));
                protection.reset_protection();
            }
        },
    ]);
    print(times);
}

fn print(times: [f64; 8]) {
    let names = [
        "direct dyn call",
        "revocable, Handle::call",
        "revocable, enter",
        "std Mutex",
        "std RwLock",
        "arc-swap",
        "crossbeam-epoch",
        "haphazard",
    ];
    for (name, ns) in names.iter().zip(times) {
        println!(
            "{name:<26} {ns:6.2} ns  {:+6.2} ns over direct",
            ns - times[0]
        );
    }
}
