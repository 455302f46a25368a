//! What one call costs: guarded as in the core, and as other ways would guard it.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, compiler_fence, fence};
use std::time::Instant;

use gpiolib::{Chip, ChipConfig, Desc, Level, Offset, Registration, Registry, Value};

use crate::{Latch, in_turn};

const LINE: Offset = Offset::new(1);

fn held(lines: u32) -> (Registration<Latch>, Vec<Desc>) {
    let registry = Registry::new();
    let chip = registry
        .register(&ChipConfig::new("latch", lines), Latch::new(lines as usize))
        .unwrap();
    let descs = chip
        .device()
        .lines()
        .map(|line| line.request("bench").unwrap())
        .collect();
    (chip, descs)
}

fn direct() -> Box<dyn Chip> {
    black_box(Box::new(Latch::new(4)))
}

/// The core's guard against the direct call.
pub(crate) fn overhead(name: &str) {
    let chip = direct();
    let (_registration, descs) = held(4);
    let desc = &descs[1];
    let [plain, guarded, logical, plain_set, guarded_set, logical_set] = in_turn(
        20_000,
        [
            &mut |calls| {
                for _ in 0..calls {
                    black_box(
                        black_box(&chip)
                            .get(black_box(LINE))
                            .is_ok_and(Level::is_high),
                    );
                }
            },
            &mut |calls| {
                for _ in 0..calls {
                    black_box(black_box(&*desc).level().is_ok_and(Level::is_high));
                }
            },
            &mut |calls| {
                for _ in 0..calls {
                    black_box(black_box(&*desc).value().is_ok_and(Value::is_active));
                }
            },
            &mut |calls| {
                for _ in 0..calls {
                    black_box(black_box(&chip).set(black_box(LINE), Level::High).is_ok());
                }
            },
            &mut |calls| {
                for _ in 0..calls {
                    black_box(black_box(&*desc).set_level(Level::High).is_ok());
                }
            },
            &mut |calls| {
                for _ in 0..calls {
                    black_box(black_box(&*desc).set_value(Value::Active).is_ok());
                }
            },
        ],
    );
    println!("{name}");
    row("get, direct dyn Chip", plain, plain);
    row("get, Desc::level", guarded, plain);
    row("get, Desc::value", logical, plain);
    row("set, direct dyn Chip", plain_set, plain_set);
    row("set, Desc::set_level", guarded_set, plain_set);
    row("set, Desc::set_value", logical_set, plain_set);
}

fn row(name: &str, ns: f64, plain: f64) {
    println!(
        "  {name:<38} {ns:7.2} ns   {:+6.2} ns over direct",
        ns - plain
    );
}

/// The least that any guard by slots does around a call: what the machine itself allows.
#[repr(align(128))]
struct Bare {
    inside: AtomicU32,
    revoked: AtomicBool,
    chip: Box<dyn Chip>,
}

impl Bare {
    fn new() -> Self {
        Self {
            inside: AtomicU32::new(0),
            revoked: AtomicBool::new(false),
            chip: direct(),
        }
    }

    /// Store and barrier, load, call, store; so many times.
    #[inline]
    fn call<R>(&self, calls: u32, enter: impl Fn(&AtomicU32), work: impl Fn(&dyn Chip) -> R) {
        for _ in 0..calls {
            let bare = black_box(self);
            enter(&bare.inside);
            if !bare.revoked.load(Ordering::Acquire) {
                black_box(work(&*bare.chip));
            }
            bare.inside.store(0, Ordering::Release);
        }
    }
}

/// The bare slot guard, with the kernel's barrier on the other side and with a fence on this one,
/// and the machine's own instructions.
pub(crate) fn floor() {
    let (chip, bare, word) = (direct(), Bare::new(), AtomicU32::new(0));
    let by_kernel = |inside: &AtomicU32| {
        inside.store(1, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
    };
    let by_fence = |inside: &AtomicU32| {
        inside.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    };
    let by_exchange = |inside: &AtomicU32| _ = inside.swap(1, Ordering::SeqCst);
    let get = |chip: &dyn Chip| chip.get(black_box(LINE)).is_ok_and(Level::is_high);
    let set = |chip: &dyn Chip| chip.set(black_box(LINE), Level::High).is_ok();
    let [
        plain,
        light,
        fenced,
        exchanged,
        plain_set,
        light_set,
        fenced_set,
        fences,
        adds,
    ] = in_turn(
        20_000,
        [
            &mut |calls| (0..calls).for_each(|_| _ = black_box(get(&**black_box(&chip)))),
            &mut |calls| bare.call(calls, by_kernel, get),
            &mut |calls| bare.call(calls, by_fence, get),
            &mut |calls| bare.call(calls, by_exchange, get),
            &mut |calls| (0..calls).for_each(|_| _ = black_box(set(&**black_box(&chip)))),
            &mut |calls| bare.call(calls, by_kernel, set),
            &mut |calls| bare.call(calls, by_fence, set),
            &mut |calls| {
                for _ in 0..calls {
                    black_box(&word).store(1, Ordering::Relaxed);
                    fence(Ordering::SeqCst);
                }
            },
            &mut |calls| {
                for _ in 0..calls {
                    black_box(&word).fetch_add(1, Ordering::Relaxed);
                }
            },
        ],
    );
    println!("what this machine allows");
    row("get, bare slot guard", light, plain);
    row("get, bare slot guard, portable", fenced, plain);
    row("get, the same with one exchange", exchanged, plain);
    row("set, bare slot guard", light_set, plain_set);
    row("set, bare slot guard, portable", fenced_set, plain_set);
    println!("  store and fence                        {fences:7.2} ns");
    println!("  atomic add                             {adds:7.2} ns");
}

/// Whether the line of a guarded chip is high.
fn high<C: std::ops::Deref<Target = dyn Chip>>(chip: &C) -> bool {
    chip.get(black_box(LINE)).is_ok_and(Level::is_high)
}

/// As many threads as there are callers, all at once; calls per second, all together.
fn throughput<C: FnMut() + Send>(callers: Vec<C>) -> f64 {
    const CALLS: u32 = 400_000;
    let start = Barrier::new(callers.len());
    let calls = f64::from(CALLS) * callers.len() as f64;
    let slowest = std::thread::scope(|scope| {
        let threads: Vec<_> = callers
            .into_iter()
            .map(|mut call| {
                let start = &start;
                scope.spawn(move || {
                    call();
                    start.wait();
                    let began = Instant::now();
                    (0..CALLS).for_each(|_| call());
                    began.elapsed()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .max()
    });
    calls / slowest.unwrap().as_secs_f64()
}

/// Two threads on two lines of one chip, and, to see what the machine has for two threads just now,
/// two threads that call two chips directly.
pub(crate) fn two_threads() {
    let (_registration, descs) = held(4);
    let guarded = |desc: &Desc| {
        let desc = desc.clone();
        move || _ = black_box(black_box(&desc).level().is_ok_and(Level::is_high))
    };
    let plain = |_: &Desc| {
        let chip = direct();
        move || _ = black_box(high(black_box(&chip)))
    };
    let mut best = [0.0_f64; 4];
    for _ in 0..60 {
        let each = [
            throughput(descs[..1].iter().map(plain).collect()),
            throughput(descs[1..3].iter().map(plain).collect()),
            throughput(descs[..1].iter().map(guarded).collect()),
            throughput(descs[1..3].iter().map(guarded).collect()),
        ];
        for (best, each) in best.iter_mut().zip(each) {
            *best = best.max(each);
        }
    }
    let [one_plain, two_plain, one, two] = best;
    println!("threads on lines of one chip, Desc::level");
    let row = |name: &str, calls: f64, one: f64| {
        let (millions, times) = (calls / 1e6, calls / one);
        println!("  {name:<34} {millions:8.1} million calls/s   {times:.2} x");
    };
    row("1 thread, a chip called directly", one_plain, one_plain);
    row("2 threads, a chip each", two_plain, one_plain);
    row("1 thread", one, one);
    row("2 threads", two, one);
}
