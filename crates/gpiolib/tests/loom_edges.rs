//! Every interleaving of arming, disarming, edges and the end of a chip, by loom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p gpiolib --test loom_edges --release -- --nocapture`

#![cfg(loom)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod models;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use gpiolib::engine::{DescExt, EdgeQueue, Overflow, Ring};
use gpiolib::{Desc, Edges, Error, Level, LineConfig, Registry, Result, Timestamp, Value};
use loom::sync::Notify;
use loom::thread;

use models::{Asked, model, nothing_is_left, plug, request};

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
    desc.arm(&queue, 0, edges)?;
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
        let driver = thread::spawn(move || sink.edge(Level::High, Timestamp::at(1)));
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
                if desc.arm(&queue, 0, Edges::BOTH).is_err() {
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

/// An edge reported now, as often as it was taken in.
fn heard(asked: &Asked, queue: &gpiolib::Subscription) -> usize {
    while queue.pop().is_some() {}
    let sink = asked.sink.lock().unwrap().clone().unwrap();
    sink.edge(Level::High, Timestamp::at(9));
    core::iter::from_fn(|| queue.pop()).count()
}

#[test]
fn two_subscribe_at_once() {
    model("subscribe × subscribe of a clone", Some(4), || {
        let registry = Registry::new();
        let (chip, asked) = plug(&registry, "a");
        let first = request(&chip, 0);
        let second = first.clone();
        let other = thread::spawn(move || {
            let got = second.subscribe(Edges::BOTH, 4);
            (second, got)
        });
        let mine = first.subscribe(Edges::BOTH, 4);
        let (second, other) = other.join().unwrap();
        let (granted, refused) = match (mine, other) {
            (Ok(granted), Err(refused)) | (Err(refused), Ok(granted)) => (granted, refused),
            (Ok(_), Ok(_)) => panic!("both got it"),
            (Err(_), Err(_)) => panic!("nobody got it"),
        };
        assert_eq!(refused, Error::Busy);
        assert_eq!(asked.armed.load(Ordering::SeqCst), 1);
        assert_eq!(heard(&asked, &granted), 1);
        drop((granted, first, second));
        *asked.sink.lock().unwrap() = None;
        drop(chip.unregister().unwrap());
        nothing_is_left(&registry);
    });
}

#[test]
fn subscribe_unsubscribe_and_edge() {
    model("subscribe × unsubscribe × edge", Some(3), || {
        let registry = Registry::new();
        let (chip, asked) = plug(&registry, "a");
        let first = request(&chip, 0);
        let second = first.clone();
        let old = second.subscribe(Edges::BOTH, 4).unwrap();
        let sink = asked.sink.lock().unwrap().clone().unwrap();
        let unsubscriber = thread::spawn(move || drop(old));
        let driver = thread::spawn(move || sink.edge(Level::High, Timestamp::at(1)));
        let new = first.subscribe(Edges::BOTH, 4);
        unsubscriber.join().unwrap();
        driver.join().unwrap();
        match new {
            // The old one was there still; it takes nothing but its own away.
            Err(error) => {
                assert_eq!(
                    (error, asked.armed.load(Ordering::SeqCst)),
                    (Error::Busy, 0)
                );
                assert!(first.subscribe(Edges::BOTH, 4).is_ok());
            }
            Ok(new) => {
                assert_eq!(asked.armed.load(Ordering::SeqCst), 1);
                assert!(!new.is_closed());
                assert_eq!(heard(&asked, &new), 1);
            }
        }
        drop((first, second));
        assert_eq!(asked.armed.load(Ordering::SeqCst), 0);
        *asked.sink.lock().unwrap() = None;
        drop(chip.unregister().unwrap());
        nothing_is_left(&registry);
    });
}

#[test]
fn arming_and_driving() {
    model("subscribe × direction_output of a clone", Some(4), || {
        let registry = Registry::new();
        let (chip, asked) = plug(&registry, "a");
        let first = request(&chip, 0);
        let second = first.clone();
        let driver = thread::spawn(move || {
            let driven = second.direction_output(Value::Active);
            (second, driven)
        });
        let events = first.subscribe(Edges::BOTH, 4);
        let (second, driven) = driver.join().unwrap();
        for refused in [driven.err(), events.as_ref().err().copied()] {
            assert!(matches!(refused, None | Some(Error::Io)));
        }
        assert!(
            driven.is_err() || events.is_err(),
            "an output that is armed"
        );
        let counts = [&asked.armed, &asked.outputs].map(|count| count.load(Ordering::SeqCst));
        assert!(
            counts[0] == 0 || counts[1] == 0,
            "the chip was asked for both"
        );
        drop((events, first, second));
        *asked.sink.lock().unwrap() = None;
        drop(chip.unregister().unwrap());
        nothing_is_left(&registry);
    });
}
