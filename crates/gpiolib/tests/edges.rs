//! Who may listen to the edges of a line, and what the line may not do meanwhile.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{TestChip, request};
use gpiolib::{
    Chip, ChipConfig, Direction, Edges, Error, Flags, Level, LookupFlags, Offset, Registry, Value,
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
    bus.configure(LookupFlags::OPEN_DRAIN, Flags::OutLow)
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
    line.detach_edges();
    chip.pull(0, Level::High);
    assert!(events.is_empty(), "not subscribed any more");
    assert_eq!(line.direction_output(Value::Active), Ok(()));
}

/// The subscription stands before the driver is armed: an edge that comes at once is not lost.
#[test]
fn an_edge_reported_while_arming_is_kept() {
    struct Eager(std::sync::Mutex<Option<gpiolib::EdgeSink>>);
    impl Chip for Eager {
        fn arm(&self, offset: Offset, _: Edges) -> gpiolib::Result<()> {
            let sink = self.0.lock().unwrap().clone();
            sink.unwrap().edge(offset, Level::High);
            Ok(())
        }
        fn registered(&self, sink: gpiolib::EdgeSink) {
            *self.0.lock().unwrap() = Some(sink);
        }
    }
    let registry = Registry::new();
    let plugged = registry
        .register(&ChipConfig::new("eager", 1), Box::new(Eager(None.into())))
        .unwrap();
    let events = request(&plugged, 0).subscribe(Edges::BOTH, 4);
    assert_eq!(events.unwrap().len(), 1);
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
            .register(&ChipConfig::new("deaf", 1), Box::new(Deaf(hardware)))
            .unwrap();
        let line = request(&plugged, 0);
        assert_eq!(line.subscribe(Edges::BOTH, 4).err(), Some(expected));
        // Nothing is left of the attempt.
        assert_eq!(line.subscribe(Edges::BOTH, 4).err(), Some(expected));
    }
}
