//! What those who watch a line see of consumers in the same process.

#![cfg(not(loom))]

use gpio_sim::Sim;
use gpiolib::{Direction, InfoChangeKind, InfoQueue, Offset, Value};

/// Whoever takes a line in one step is seen by those who watch it; a bare request is its engine's to announce.
#[test]
fn a_line_that_is_got_is_announced_once_it_is_set_up() {
    let sim = Sim::simple(1).unwrap();
    let line = sim.device().line(Offset::new(0)).unwrap();
    let queue = InfoQueue::new(InfoQueue::CAPACITY);
    queue.watch(line.offset()).unwrap();
    sim.device().attach(&queue);
    let seen = || -> Vec<_> {
        std::iter::from_fn(|| queue.pop())
            .map(|change| (change.kind, change.info.config.direction))
            .collect()
    };
    drop(line.request("bare").unwrap());
    assert_eq!(seen(), []);
    let input = Some(Direction::Input);
    let output = Some(Direction::Output);
    drop(line.output(String::from("led"), Value::Active).unwrap());
    let pair = |direction| {
        [InfoChangeKind::Requested, InfoChangeKind::Released].map(|kind| (kind, direction))
    };
    assert_eq!(seen(), pair(output));
    drop(line.input("door").unwrap());
    assert_eq!(seen(), pair(input));
    drop(line.get("as it is").unwrap());
    assert_eq!(seen(), pair(input));
    // Nothing of an attempt that failed.
    let held = line.get("held").unwrap();
    assert!(line.output("late", Value::Active).is_err());
    assert_eq!(seen().len(), 1);
    drop(held);
}
