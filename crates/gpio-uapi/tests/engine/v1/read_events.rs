//! `read` on a line event.

use gpio_uapi::abi::v1::{EventDataV1, EventFlags, HandleFlags};
use gpio_uapi::{Outcome, Readiness};
use gpiolib::Errno;

use crate::common::make::{INPUT, REALTIME, event, lines};
use crate::common::{BUFFER, NOWHERE, Rig};

fn requested(rig: &mut Rig, flags: HandleFlags, edges: EventFlags) -> i32 {
    let chip = rig.open();
    rig.get_event(chip, event(0, flags, edges)).unwrap()
}

fn ids(rig: &mut Rig, edge: i32) -> Vec<u32> {
    let records: Vec<EventDataV1> = rig.records(edge);
    assert!(records.iter().all(|record| record.tail == [0; 4]));
    records.iter().map(|record| record.id).collect()
}

#[test]
fn edges_wanted_are_edges_seen() {
    for (edges, expected) in [
        (EventFlags::all(), vec![1, 2, 1, 2]),
        (EventFlags::RISING_EDGE, vec![1, 1]),
        (EventFlags::FALLING_EDGE, vec![2, 2]),
    ] {
        let mut rig = Rig::new(4);
        let edge = requested(&mut rig, HandleFlags::INPUT, edges);
        rig.pulse(0, 4);
        assert_eq!(ids(&mut rig, edge), expected);
    }
}

#[test]
fn active_low_inverts() {
    let mut rig = Rig::new(4);
    let flags = HandleFlags::INPUT | HandleFlags::ACTIVE_LOW;
    let edge = requested(&mut rig, flags, EventFlags::RISING_EDGE);
    rig.pull(0, 1);
    assert_eq!(ids(&mut rig, edge), []);
    rig.pull(0, 0);
    assert_eq!(ids(&mut rig, edge), [1]);
}

#[test]
fn row_096_the_oldest_16_are_kept() {
    let mut rig = Rig::new(4);
    let edge = requested(&mut rig, HandleFlags::INPUT, EventFlags::all());
    rig.pulse(0, 16);
    let middle = rig.now;
    rig.pulse(0, 5);
    let records: Vec<EventDataV1> = rig.records(edge);
    assert_eq!(records.len(), 16);
    assert!(records.iter().all(|record| record.timestamp <= middle));
    rig.pull(0, 0);
    assert_eq!(ids(&mut rig, edge), [2]);
}

#[test]
fn row_097_too_small_is_einval() {
    let mut rig = Rig::new(4);
    let edge = requested(&mut rig, HandleFlags::INPUT, EventFlags::all());
    for len in [0, 15] {
        assert_eq!(rig.read(edge, len), Err(Errno::EINVAL));
    }
    assert_eq!(rig.read(edge, 16), Err(Errno::EAGAIN));
    rig.pulse(0, 6);
    for (len, given) in [
        (8, Err(Errno::EINVAL)),
        (17, Ok(16)),
        (47, Ok(32)),
        (64, Ok(48)),
    ] {
        assert_eq!(rig.read_len(edge, len), given);
    }
}

#[test]
fn stamps_are_monotonic_whatever_clock_was_left_behind() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], INPUT | REALTIME)).unwrap();
    rig.close(line);
    let edge = rig
        .get_event(chip, event(0, HandleFlags::INPUT, EventFlags::all()))
        .unwrap();
    assert!(rig.flags(chip, 0).contains(REALTIME));
    rig.pull(0, 1);
    let now = rig.now;
    let records: Vec<EventDataV1> = rig.records(edge);
    assert_eq!(records[0].timestamp, now);
}

#[test]
fn sleeping_and_bad_memory_are_as_in_v2() {
    let mut rig = Rig::new(4);
    let edge = requested(&mut rig, HandleFlags::INPUT, EventFlags::all());
    assert_eq!(
        rig.read_at(edge, BUFFER, 64, false),
        Outcome::Wait(Readiness::Readable)
    );
    rig.pulse(0, 2);
    assert_eq!(
        rig.read_at(edge, NOWHERE, 16, false),
        Outcome::Fail(Errno::EFAULT)
    );
    assert_eq!(rig.read_at(edge, BUFFER, 64, false), Outcome::Done(16));
}

#[test]
fn a_bias_makes_no_event() {
    let mut rig = Rig::new(4);
    let flags = HandleFlags::INPUT | HandleFlags::BIAS_PULL_UP;
    let edge = requested(&mut rig, flags, EventFlags::all());
    assert_eq!(rig.handle_values(edge, 1).unwrap(), [1]);
    assert_eq!(ids(&mut rig, edge), []);
    rig.pull(0, 0);
    assert_eq!(ids(&mut rig, edge), [2]);
}
