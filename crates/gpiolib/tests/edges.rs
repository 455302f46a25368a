//! Who may listen to the edges of a line, and what the line may not do meanwhile.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use common::{TestChip, request};
use gpiolib::engine::DescExt;
use gpiolib::{
    Chip, ChipConfig, Direction, EdgeSink, Edges, Error, Initial, Level, LookupFlags, Offset,
    Registry, Timestamp, Value,
};

#[test]
fn an_output_reports_no_edges_but_an_open_drain_does() {
    let registry = Registry::new();
    let chip = TestChip::new();
    let plugged = chip.register(&registry, "a", 4);
    let line = request(&plugged, 0);
    line.direction_output(Value::Active).unwrap();
    assert_eq!(line.subscribe(Edges::BOTH, 4).err(), Some(Error::Io));
    assert_eq!(chip.count("arm"), 0, "the driver is not asked");

    let bus = request(&plugged, 1);
    bus.configure(LookupFlags::OPEN_DRAIN, Initial::OutputInactive)
        .unwrap();
    let events = bus.subscribe(Edges::BOTH, 4).unwrap();
    chip.pull(1, Level::High);
    assert_eq!(events.len(), 1);

    // Somebody else has turned it meanwhile: the hardware is asked.
    let turned = request(&plugged, 2);
    chip.log().outputs |= 1 << 2;
    assert!(!turned.is_output());
    assert_eq!(turned.subscribe(Edges::BOTH, 4).err(), Some(Error::Io));
    assert!(turned.is_output());
}

#[test]
fn a_line_that_reports_edges_is_not_made_an_output() {
    let registry = Registry::new();
    let chip = TestChip::new();
    let plugged = chip.register(&registry, "a", 1);
    let line = request(&plugged, 0);
    let events = line.subscribe(Edges::BOTH, 4).unwrap();
    assert_eq!(line.direction_output(Value::Active), Err(Error::Io));
    assert_eq!(line.subscribe(Edges::BOTH, 4).err(), Some(Error::Busy));
    events.close();
    chip.pull(0, Level::High);
    assert!(events.is_empty() && events.is_closed());
    drop(events);
    assert_eq!(line.direction_output(Value::Active), Ok(()));
}

/// The subscription stands before the driver is armed: an edge that comes at once is not lost.
#[test]
fn an_edge_reported_while_arming_is_kept() {
    struct Eager;
    impl Chip for Eager {
        fn arm(&self, _: Offset, _: Edges, sink: EdgeSink) -> gpiolib::Result<()> {
            sink.edge(Level::High, Timestamp::at(1));
            Ok(())
        }
    }
    let registry = Registry::new();
    let plugged = registry
        .register(&ChipConfig::new("eager", 1), Eager)
        .unwrap();
    let line = request(&plugged, 0);
    let events = line.subscribe(Edges::BOTH, 4).unwrap();
    assert_eq!(events.len(), 1);
}

#[test]
fn a_line_without_an_interrupt_says_so() {
    struct Deaf(Error);
    impl Chip for Deaf {
        fn direction(&self, _: Offset) -> gpiolib::Result<Direction> {
            Err(self.0)
        }
    }
    let registry = Registry::new();
    for (hardware, expected) in [
        (Error::Unsupported, Error::NoEdges),
        (Error::NotFound, Error::NotFound),
    ] {
        let plugged = registry
            .register(&ChipConfig::new("deaf", 1), Deaf(hardware))
            .unwrap();
        let line = request(&plugged, 0);
        assert_eq!(line.subscribe(Edges::BOTH, 4).err(), Some(expected));
        // Nothing is left of the attempt.
        assert_eq!(line.subscribe(Edges::BOTH, 4).err(), Some(expected));
    }
}

/// Of two clones that subscribe at once one is `Busy`, and the other hears every edge.
#[test]
fn of_two_that_subscribe_at_once_one_hears_everything() {
    let registry = Registry::new();
    let chip = TestChip::new();
    let plugged = chip.register(&registry, "a", 1);
    for _ in 0..2_000 {
        let line = request(&plugged, 0);
        let both = [line.clone(), line.clone()].map(|line| {
            std::thread::spawn(move || {
                let events = line.subscribe(Edges::BOTH, 4);
                (line, events)
            })
        });
        let both = both.map(|thread| thread.join().unwrap());
        let granted: Vec<_> = both
            .iter()
            .filter_map(|(_, got)| got.as_ref().ok())
            .collect();
        let refused = both.iter().filter_map(|(_, got)| got.as_ref().err());
        assert_eq!(refused.copied().collect::<Vec<_>>(), [Error::Busy]);
        chip.pull(0, Level::High);
        assert_eq!(granted[0].len(), 1);
        chip.calls();
    }
}

#[test]
fn a_subscription_takes_only_its_own_away() {
    let registry = Registry::new();
    let chip = TestChip::new();
    let plugged = chip.register(&registry, "a", 1);
    let old = request(&plugged, 0).subscribe(Edges::BOTH, 4).unwrap();
    // The old request has ended, and its subscription outlives it.
    let line = request(&plugged, 0);
    let new = line.subscribe(Edges::BOTH, 4).unwrap();
    drop(old);
    chip.pull(0, Level::High);
    assert_eq!((new.len(), new.is_closed()), (1, false));
}

#[test]
fn a_queue_ends_with_its_line_and_all_who_wait_are_woken() {
    let registry = Registry::new();
    let chip = TestChip::new();
    let plugged = chip.register(&registry, "a", 1);
    let line = request(&plugged, 0);
    let events = line.subscribe(Edges::BOTH, 4).unwrap();
    let counts = [Arc::default(), Arc::default()];
    let waits = |count: &Arc<Count>| {
        let waker = Waker::from(Arc::clone(count));
        events.poll_next(&mut Context::from_waker(&waker))
    };
    let woken = || {
        counts
            .each_ref()
            .map(|count: &Arc<Count>| count.0.swap(0, Ordering::SeqCst))
    };
    assert!(counts.iter().all(|count| waits(count).is_pending()));
    chip.pull(0, Level::High);
    assert_eq!(woken(), [1, 1]);
    assert!(
        matches!(waits(&counts[0]), Poll::Ready(Some(_))),
        "one of them has it"
    );
    assert!(counts.iter().all(|count| waits(count).is_pending()));
    chip.pull(0, Level::Low);
    drop(line);
    assert!(events.is_closed() && woken().iter().all(|wakes| *wakes > 0));
    assert!(
        matches!(waits(&counts[1]), Poll::Ready(Some(_))),
        "what is there can be read"
    );
    assert_eq!(waits(&counts[1]), Poll::Ready(None));

    let line = request(&plugged, 0);
    let events = line.subscribe(Edges::BOTH, 4).unwrap();
    events.close();
    chip.pull(0, Level::High);
    assert!(events.is_empty() && events.is_closed());
    drop(events);
    assert!(
        line.subscribe(Edges::BOTH, 4).is_ok(),
        "closing took nothing from the line"
    );
}

/// Counts wakes.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
