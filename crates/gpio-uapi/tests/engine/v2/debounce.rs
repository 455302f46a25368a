//! Software debouncing. Time is a number here, so periods are exact.

use gpiolib::Errno;

use crate::common::make::{
    ACTIVE_LOW, EDGES, INPUT, OUTPUT, RISING, config, debounce, flags, lines, lines_keeping,
    lines_with,
};
use crate::common::{Rig, Wakes};

const PERIOD: u32 = 50_000;

/// A request of line 0 with both edges, debounced.
fn debounced(rig: &mut Rig) -> i32 {
    let chip = rig.open();
    rig.get_line(chip, lines_with(&[0], EDGES, &[debounce(PERIOD, 1)]))
        .unwrap()
}

#[test]
fn row_100_value_and_event_come_one_period_late() {
    let mut rig = Rig::new(4);
    let line = debounced(&mut rig);
    rig.pull(0, 1);
    let edge = rig.now;
    assert_eq!(rig.file(line).next_deadline(), Some(edge + 50_000_000));
    rig.now = edge + 49_999_000 - 1_000;
    assert_eq!(rig.values(line, 1), Ok(0));
    assert!(rig.poll(line).is_empty());
    rig.wait(line, 1);
    assert_eq!(rig.values(line, 1), Ok(1));
    let events = rig.events(line);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].timestamp_ns, edge + 50_000_000);
    assert_eq!(
        (events[0].id, events[0].seqno, events[0].line_seqno),
        (1, 1, 1)
    );
    assert_eq!(rig.file(line).next_deadline(), None);
}

#[test]
fn row_101_bouncing_back_is_nothing() {
    let mut rig = Rig::new(4);
    let line = debounced(&mut rig);
    for level in [1, 0, 1, 0] {
        rig.pull(0, level);
        rig.wait(line, 10_000);
        assert_eq!(rig.values(line, 1), Ok(0));
    }
    rig.wait(line, 200_000);
    assert_eq!(rig.events(line), []);
    assert_eq!(rig.values(line, 1), Ok(0));
}

#[test]
fn each_edge_starts_the_period_anew() {
    let mut rig = Rig::new(4);
    let line = debounced(&mut rig);
    let mut last = 0;
    for level in [1, 0, 1] {
        rig.pull(0, level);
        last = rig.now;
        rig.wait(line, 40_000);
    }
    assert_eq!(rig.events(line), []);
    rig.wait(line, 40_000);
    let events = rig.events(line);
    assert_eq!(events.len(), 1);
    // However late the timer is looked after.
    assert_eq!(events[0].timestamp_ns, last + 50_000_000);
}

#[test]
fn row_102_a_new_period_is_for_the_next_edge() {
    let mut rig = Rig::new(4);
    let line = debounced(&mut rig);
    rig.pull(0, 1);
    let edge = rig.now;
    rig.set_config(line, config(EDGES, &[debounce(500_000, 1)]))
        .unwrap();
    assert_eq!(rig.file(line).next_deadline(), Some(edge + 50_000_000));
    rig.wait(line, 60_000);
    assert_eq!(rig.events(line).len(), 1);
    rig.pull(0, 0);
    let edge = rig.now;
    assert_eq!(rig.file(line).next_deadline(), Some(edge + 500_000_000));
}

#[test]
fn row_103_removing_it_loses_what_is_pending() {
    let mut rig = Rig::new(4);
    let line = debounced(&mut rig);
    rig.pull(0, 1);
    rig.set_config(line, config(EDGES, &[])).unwrap();
    assert_eq!(rig.values(line, 1), Ok(1), "raw at once");
    rig.wait(line, 200_000);
    assert_eq!(rig.events(line), []);
    rig.pull(0, 0);
    let ids: Vec<u32> = rig.events(line).iter().map(|event| event.id).collect();
    assert_eq!(ids, [2]);
}

#[test]
fn row_104_active_low_inverts_at_once_and_without_event() {
    let mut rig = Rig::new(4);
    let line = debounced(&mut rig);
    assert_eq!(rig.values(line, 1), Ok(0));
    rig.set_config(line, config(EDGES | ACTIVE_LOW, &[debounce(PERIOD, 1)]))
        .unwrap();
    assert_eq!(rig.values(line, 1), Ok(1));
    rig.wait(line, 200_000);
    assert_eq!(rig.events(line), []);
    rig.pull(0, 1);
    rig.wait(line, 60_000);
    let ids: Vec<u32> = rig.events(line).iter().map(|event| event.id).collect();
    assert_eq!(ids, [2], "the next one is inverted");
}

#[test]
fn row_105_a_line_that_is_high_already_makes_no_event() {
    let mut rig = Rig::new(4);
    rig.pull(0, 1);
    let line = debounced(&mut rig);
    rig.wait(line, 200_000);
    assert_eq!(rig.values(line, 1), Ok(1));
    assert_eq!(rig.events(line), []);
}

#[test]
fn row_106_edges_not_wanted_take_no_number() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let request = lines_with(&[0], INPUT | RISING, &[debounce(PERIOD, 1)]);
    let line = rig.get_line(chip, request).unwrap();
    for level in [1, 0, 1, 0] {
        rig.pull(0, level);
        rig.wait(line, 60_000);
    }
    let found: Vec<_> = rig
        .events(line)
        .iter()
        .map(|e| (e.id, e.seqno, e.line_seqno))
        .collect();
    assert_eq!(found, [(1, 1, 1), (1, 2, 2)]);
}

#[test]
fn values_are_debounced_without_edges_too() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let request = lines_with(&[0, 1], INPUT, &[debounce(PERIOD, 1)]);
    let line = rig.get_line(chip, request).unwrap();
    rig.pull(0, 1);
    rig.pull(1, 1);
    assert_eq!(rig.values(line, 0b11), Ok(0b10), "only line 0 is debounced");
    rig.wait(line, 60_000);
    assert_eq!(rig.values(line, 0b11), Ok(0b11));
    assert_eq!(rig.read(line, 48), Err(Errno::EAGAIN));
}

#[test]
fn added_later_it_starts_from_the_present_level() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    rig.pull(0, 1);
    rig.events(line);
    rig.set_config(line, config(EDGES, &[debounce(PERIOD, 1)]))
        .unwrap();
    assert_eq!(rig.values(line, 1), Ok(1));
    rig.pull(0, 0);
    assert_eq!(rig.values(line, 1), Ok(1));
    rig.wait(line, 60_000);
    assert_eq!(rig.values(line, 1), Ok(0));
    assert_eq!(rig.events(line).len(), 1);
}

#[test]
fn becoming_an_output_ends_it() {
    let mut rig = Rig::new(4);
    let line = debounced(&mut rig);
    let chip = rig.open();
    rig.pull(0, 1);
    rig.set_config(line, config(OUTPUT, &[])).unwrap();
    assert_eq!(rig.period(chip, 0), None);
    rig.wait(line, 200_000);
    assert_eq!(rig.events(line), []);
    assert_eq!(rig.values(line, 1), Ok(0));
}

#[test]
fn a_buffer_of_one_matters_only_with_edges() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let mut request = lines_keeping(&[0], EDGES, 1);
    (request.config.num_attrs, request.config.attrs[0]) = (1, debounce(10, 1));
    assert_eq!(rig.get_line(chip, request), Err(Errno::EINVAL));
    request.config.flags = INPUT.bits();
    let line = rig.get_line(chip, request).unwrap();
    let longer = config(EDGES, &[debounce(20, 1)]);
    assert_eq!(rig.set_config(line, longer), Err(Errno::EINVAL));
    assert_eq!(
        rig.period(chip, 0),
        Some(20),
        "the period was replaced before that"
    );
}

#[test]
fn info_shows_the_period_for_as_long_as_it_holds() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    for period in [1, 5000, u32::MAX] {
        let request = lines_with(&[0, 1], INPUT, &[debounce(period, 1)]);
        let line = rig.get_line(chip, request).unwrap();
        assert_eq!(
            (rig.period(chip, 0), rig.period(chip, 1)),
            (Some(period), None)
        );
        rig.close(line);
        assert_eq!(rig.period(chip, 0), None);
    }
}

#[test]
fn lines_are_debounced_independently() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let attrs = [
        flags(EDGES, 0b11),
        debounce(PERIOD, 0b01),
        debounce(2 * PERIOD, 0b10),
    ];
    let line = rig
        .get_line(chip, lines_with(&[0, 1], INPUT, &attrs))
        .unwrap();
    let (timers, waker) = Wakes::new();
    rig.file(line).set_timer_waker(waker);
    rig.pull(0, 1);
    rig.pull(1, 1);
    assert!(timers.take() >= 1, "whoever keeps the timers hears of them");
    rig.wait(line, 60_000);
    assert_eq!(rig.values(line, 0b11), Ok(0b01));
    rig.wait(line, 60_000);
    assert_eq!(rig.values(line, 0b11), Ok(0b11));
    let offsets: Vec<u32> = rig.events(line).iter().map(|event| event.offset).collect();
    assert_eq!(offsets, [0, 1]);
}
