//! Every interleaving of the core's lifetime rules, by loom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p gpiolib --test loom_lifetime --release -- --nocapture`
//!
//! Each model prints how many interleavings it ran; `docs/proof.md` says what each covers and what
//! its bounds are. The chip of these models has an atomic that its drop takes exclusively: loom
//! reports a call that is still inside then, or that the drop is not ordered after.

#![cfg(loom)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Waker;

use gpiolib::{
    Chip, ChipConfig, Desc, EdgeQueue, EdgeSink, Edges, Error, Level, LineConfig, Module, Offset,
    Overflow, Registration, Registry, Result, Ring, Value,
};
use loom::sync::Notify;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

/// A chip that sees who is inside it, and how often it was asked.
#[derive(Default)]
struct Probe {
    inside: AtomicU32,
    asked: Arc<Asked>,
}

/// Outlives the chip. Plain atomics: not part of the model.
#[derive(Default)]
struct Asked {
    requests: AtomicUsize,
    frees: AtomicUsize,
    sink: std::sync::Mutex<Option<EdgeSink>>,
}

impl Asked {
    /// Requests that were granted, and those of them that the chip was told the end of.
    fn counts(&self) -> (usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (of(&self.requests), of(&self.frees))
    }
}

impl Probe {
    fn touch(&self) {
        self.inside.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.inside.with_mut(|touched| *touched = 0);
    }
}

impl Chip for Probe {
    fn request(&self, _: Offset) -> Result<()> {
        self.touch();
        self.asked.requests.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn free(&self, _: Offset) {
        self.touch();
        self.asked.frees.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self, _: Offset) -> Result<Level> {
        self.touch();
        Ok(Level::High)
    }

    fn arm(&self, _: Offset, _: Edges) -> Result<()> {
        self.touch();
        Ok(())
    }

    fn registered(&self, edges: EdgeSink) {
        *self.asked.sink.lock().unwrap() = Some(edges);
    }
}

/// Runs `story` in every interleaving with at most `preemptions` of a thread that could go on.
fn model(name: &str, preemptions: Option<usize>, story: impl Fn() + Send + Sync + 'static) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 50_000;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        story();
    });
    let runs = runs.load(Ordering::Relaxed);
    let bound = preemptions.map_or("none".to_owned(), |bound| bound.to_string());
    println!("loom: {name}: {runs} interleavings, preemption bound {bound}");
}

fn plug(registry: &Registry, label: &str) -> (Registration, Arc<Asked>) {
    let chip = Probe::default();
    let asked = Arc::clone(&chip.asked);
    let chip = registry
        .register(&ChipConfig::new(label, 2), Box::new(chip))
        .unwrap();
    (chip, asked)
}

fn request(chip: &Registration, offset: u32) -> Desc {
    let line = chip.device().line(Offset::new(offset)).unwrap();
    line.request("model".into()).unwrap()
}

/// After everybody is gone the device is too: its id is the next one given out.
fn nothing_is_left(registry: &Registry) {
    let (next, _) = plug(registry, "next");
    assert_eq!(next.device().id(), 0);
}

#[test]
fn call_and_unregister() {
    model("call × unregister", Some(5), || {
        let registry = Registry::new();
        let (chip, _) = plug(&registry, "a");
        let desc = request(&chip, 0);
        // The slot is there before: no lock stands between the calls and the removal.
        assert_eq!(desc.value(), Ok(Value::Active));
        let caller = thread::spawn(move || {
            let first = desc.value();
            assert!(matches!(first, Ok(Value::Active) | Err(Error::Revoked)));
            if first.is_err() {
                assert_eq!(desc.value(), Err(Error::Revoked), "gone is gone");
            }
        });
        drop(chip.unregister().unwrap());
        caller.join().unwrap();
        nothing_is_left(&registry);
    });
}

#[test]
fn two_callers_and_unregister() {
    model("2 callers, first calls × unregister", Some(3), || {
        let registry = Registry::new();
        let (chip, _) = plug(&registry, "a");
        let callers = [0, 1].map(|offset| {
            let desc = request(&chip, offset);
            thread::spawn(move || {
                // The first call takes a slot, which must not be missed by the removal.
                assert!(matches!(
                    desc.value(),
                    Ok(Value::Active) | Err(Error::Revoked)
                ));
            })
        });
        drop(chip.unregister().unwrap());
        for caller in callers {
            caller.join().unwrap();
        }
        nothing_is_left(&registry);
    });
}

#[test]
fn two_ways_in_and_unregister() {
    model("2 ways in × unregister", Some(3), || {
        let registry = Registry::new();
        let (chip, _) = plug(&registry, "a");
        let [one, other] = [0, 1].map(|line| request(&chip, line));
        assert!(one.level().is_ok() && other.level().is_ok());
        let caller = thread::spawn(move || {
            let was_gone = other.device().is_gone();
            let told = one.level();
            assert!(told.is_err() || !was_gone, "gone, yet called");
            if told.is_err() {
                assert_eq!(other.level(), Err(Error::Revoked), "gone by one way only");
            }
        });
        drop(chip.unregister().unwrap());
        caller.join().unwrap();
        nothing_is_left(&registry);
    });
}

#[test]
fn request_and_unregister() {
    model("request × unregister", Some(4), || {
        let registry = Registry::new();
        let (chip, asked) = plug(&registry, "a");
        let line = chip.device().line(Offset::new(0)).unwrap();
        let consumer = thread::spawn(move || {
            let desc = line.request("model".into());
            assert!(matches!(desc, Ok(_) | Err(Error::Revoked)));
            drop(desc);
            assert!(!line.info().used);
        });
        drop(chip.unregister().unwrap());
        consumer.join().unwrap();
        let (requests, frees) = asked.counts();
        assert!(
            frees <= requests,
            "free is told once, or never if the chip went first"
        );
        nothing_is_left(&registry);
    });
}

#[test]
fn clone_drop_and_unregister() {
    model("clone/drop × unregister", Some(3), || {
        let registry = Registry::new();
        let (chip, asked) = plug(&registry, "a");
        let first = request(&chip, 0);
        let second = first.clone();
        let dropper = thread::spawn(move || drop(second));
        let cloner = thread::spawn(move || {
            let third = first.clone();
            drop(first);
            drop(third);
        });
        drop(chip.unregister().unwrap());
        dropper.join().unwrap();
        cloner.join().unwrap();
        let (requests, frees) = asked.counts();
        assert!(requests == 1 && frees <= 1);
        nothing_is_left(&registry);
    });
}

#[test]
fn last_drop_and_register() {
    model("last drop × register of a new chip", None, || {
        let registry = Registry::new();
        let (old, _) = plug(&registry, "a");
        let desc = request(&old, 0);
        drop(old.unregister().unwrap());
        let dropper = thread::spawn(move || {
            assert_eq!(
                desc.value(),
                Err(Error::Revoked),
                "a new chip revives nothing"
            );
            drop(desc);
        });
        let (new, _) = plug(&registry, "a");
        let id = new.device().id();
        assert!(id <= 1, "the old id only if the old device is gone");
        dropper.join().unwrap();
        let (third, _) = plug(&registry, "b");
        assert_eq!(third.device().id(), 1 - id, "no id is lost or given twice");
    });
}

/// Wakes a thread of the model.
struct Bell(Notify);

impl std::task::Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

fn subscribed(desc: &Desc) -> Result<EdgeQueue> {
    let lines = [desc.offset()];
    let queue = EdgeQueue::new(&lines, 16, Overflow::DropOldest, Box::new(Ring::new()));
    let edges = Edges::BOTH;
    let config = LineConfig {
        edges,
        ..LineConfig::default()
    };
    queue.configure(0, &config);
    desc.attach_edges(&queue, 0, edges)?;
    Ok(queue)
}

/// Reads events until the chip is gone; loom reports a wake that was lost as a deadlock.
fn read_all(desc: &Desc, queue: &EdgeQueue) -> usize {
    let bell = Arc::new(Bell(Notify::new()));
    queue.set_waker(Waker::from(Arc::clone(&bell)));
    let mut events = 0;
    loop {
        while queue.pop().is_some() {
            events += 1;
        }
        if desc.device().is_gone() {
            return events;
        }
        bell.0.wait();
    }
}

#[test]
fn event_and_unregister_and_reader() {
    model("event × unregister × reader", Some(3), || {
        let registry = Registry::new();
        let (chip, asked) = plug(&registry, "a");
        let desc = request(&chip, 0);
        let queue = subscribed(&desc).unwrap();
        let sink = asked.sink.lock().unwrap().clone().unwrap();
        let driver = thread::spawn(move || sink.edge(Offset::new(0), Level::High));
        let reader = thread::spawn(move || {
            assert!(read_all(&desc, &queue) <= 1);
        });
        drop(chip.unregister().unwrap());
        driver.join().unwrap();
        reader.join().unwrap();
        *asked.sink.lock().unwrap() = None;
        nothing_is_left(&registry);
    });
}

#[test]
fn subscribe_and_unregister() {
    model("subscribe × unregister × reader", Some(3), || {
        let registry = Registry::new();
        let (chip, asked) = plug(&registry, "a");
        let desc = request(&chip, 0);
        let reader = thread::spawn(move || match subscribed(&desc) {
            Ok(queue) => assert_eq!(read_all(&desc, &queue), 0),
            Err(error) => assert_eq!(error, Error::Revoked),
        });
        drop(chip.unregister().unwrap());
        reader.join().unwrap();
        *asked.sink.lock().unwrap() = None;
        nothing_is_left(&registry);
    });
}

#[test]
fn attach_for_a_reader_and_unregister() {
    model("attach × unregister × waiting reader", Some(3), || {
        let registry = Registry::new();
        let (chip, asked) = plug(&registry, "a");
        let desc = request(&chip, 0);
        let device = desc.device().clone();
        let lines = [desc.offset()];
        let queue = EdgeQueue::new(&lines, 16, Overflow::DropOldest, Box::new(Ring::new()));
        let bell = Arc::new(Bell(Notify::new()));
        queue.set_waker(Waker::from(Arc::clone(&bell)));
        let attacher = {
            let bell = Arc::clone(&bell);
            thread::spawn(move || {
                // Whoever attached the queue has its reader woken; who could not, does it himself.
                if desc.attach_edges(&queue, 0, Edges::BOTH).is_err() {
                    bell.0.notify();
                }
                desc
            })
        };
        let reader = thread::spawn(move || {
            while !device.is_gone() {
                bell.0.wait();
            }
        });
        drop(chip.unregister().unwrap());
        let held = attacher.join().unwrap();
        reader.join().unwrap();
        drop(held);
        *asked.sink.lock().unwrap() = None;
        nothing_is_left(&registry);
    });
}

#[test]
fn module_unload_and_request() {
    model("module unload × request", None, || {
        let registry = Registry::new();
        let module = Module::new("probe");
        let owner = Some(module.clone());
        let config = ChipConfig {
            owner,
            ..ChipConfig::new("a", 1)
        };
        let chip = registry
            .register(&config, Box::new(Probe::default()))
            .unwrap();
        let line = chip.device().line(Offset::new(0)).unwrap();
        let unloader = {
            let module = module.clone();
            thread::spawn(move || module.try_unload())
        };
        let desc = line.request("model".into());
        match (unloader.join().unwrap(), &desc) {
            (Ok(()), Err(error)) => assert_eq!(*error, Error::ProbeDefer),
            (Err(in_use), Ok(_)) => assert_eq!(in_use.0, 1),
            (unloaded, desc) => panic!("unloaded {unloaded:?} with the line {desc:?}"),
        }
        drop(desc);
        drop(chip.unregister().unwrap());
        drop(line);
        assert_eq!(module.lines_out(), 0);
        assert_eq!(module.try_unload(), Ok(()), "every line came back");
        nothing_is_left(&registry);
    });
}
