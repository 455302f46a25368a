//! The queue alone: numbers, overflow, polarity, late timers.

use super::*;
use crate::engine::Ring;

fn queue(capacity: usize, overflow: Overflow) -> EdgeQueue {
    let lines = [Offset::new(3), Offset::new(1)];
    let queue = EdgeQueue::new(&lines, capacity, overflow, Box::new(Ring::new()));
    let config = LineConfig {
        edges: Edges::BOTH,
        ..LineConfig::default()
    };
    queue.configure(0, &config);
    queue.configure(1, &config);
    queue
}

fn drain(queue: &EdgeQueue) -> Vec<(u32, Edge, u32, u32)> {
    core::iter::from_fn(|| queue.pop())
        .map(|event| {
            (
                event.offset.get(),
                event.edge,
                event.seqno,
                event.line_seqno,
            )
        })
        .collect()
}

#[test]
fn numbers_per_request_and_per_line() {
    let queue = queue(16, Overflow::DropOldest);
    queue.edge(0, Level::High, Timestamp::at(1));
    queue.edge(1, Level::Low, Timestamp::at(2));
    queue.edge(0, Level::Low, Timestamp::at(3));
    assert_eq!(
        drain(&queue),
        [
            (3, Edge::Rising, 1, 1),
            (1, Edge::Falling, 2, 1),
            (3, Edge::Falling, 3, 2)
        ]
    );
}

#[test]
fn overflow_drops_the_oldest_or_the_newest() {
    for (overflow, expected) in [
        (Overflow::DropOldest, [4, 5]),
        (Overflow::DropNewest, [1, 2]),
    ] {
        let queue = queue(2, overflow);
        for n in 1..=5 {
            queue.edge(0, Level::from(n % 2 == 1), Timestamp::at(n));
        }
        let seqnos: Vec<u32> = core::iter::from_fn(|| queue.pop())
            .map(|event| event.seqno)
            .collect();
        assert_eq!(seqnos, expected);
    }
}

#[test]
fn a_late_timer_expires_before_the_next_edge() {
    let queue = queue(16, Overflow::DropOldest);
    queue.start_debounce(0, 1, Level::Low);
    queue.edge(0, Level::High, Timestamp::at(0));
    queue.edge(0, Level::Low, Timestamp::at(5_000));
    assert_eq!(queue.pop().map(|event| event.timestamp_ns), Some(1_000));
    assert_eq!(queue.next_deadline_ns(), Some(6_000));
    queue.expire(Timestamp::at(6_000), |_| Some(Level::Low));
    assert_eq!(queue.pop().map(|event| event.edge), Some(Edge::Falling));
}

#[test]
fn active_low_inverts_and_filters() {
    let queue = queue(16, Overflow::DropOldest);
    let edges = Edges {
        rising: true,
        falling: false,
    };
    queue.configure(
        0,
        &LineConfig {
            edges,
            active_low: true,
            ..LineConfig::default()
        },
    );
    queue.edge(0, Level::High, Timestamp::at(1));
    queue.edge(0, Level::Low, Timestamp::at(2));
    assert_eq!(drain(&queue), [(3, Edge::Rising, 1, 1)]);
}
