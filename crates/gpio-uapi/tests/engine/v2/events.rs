//! Edge events: what makes one, how it is numbered and stamped, and how many are kept.

use gpio_uapi::abi::v2::LineEvent;

use crate::common::Rig;
use crate::common::make::{
    ACTIVE_LOW, EDGES, FALLING, INPUT, OUTPUT, REALTIME, RISING, config, flags, lines,
    lines_keeping, lines_with,
};

fn ids(events: &[LineEvent]) -> Vec<u32> {
    events.iter().map(|event| event.id).collect()
}

fn seqnos(events: &[LineEvent]) -> Vec<u32> {
    events.iter().map(|event| event.seqno).collect()
}

#[test]
fn edges_wanted_are_edges_seen() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    for (flags, expected) in [
        (EDGES, vec![1, 2, 1, 2]),
        (INPUT | RISING, vec![1, 1]),
        (INPUT | FALLING, vec![2, 2]),
    ] {
        let line = rig.get_line(chip, lines(&[0], flags)).unwrap();
        rig.pulse(0, 4);
        let events = rig.events(line);
        assert_eq!(ids(&events), expected);
        assert!(
            events
                .iter()
                .all(|event| event.offset == 0 && event.padding == [0; 6])
        );
        rig.close(line);
    }
}

#[test]
fn no_change_is_no_edge() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.pull(0, 1);
    let line = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    for level in [1, 1, 0, 0, 0, 1] {
        rig.pull(0, level);
    }
    assert_eq!(ids(&rig.events(line)), [2, 1]);
}

#[test]
fn row_057_numbers_of_several_lines() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let request = lines_with(&[3, 1], EDGES, &[flags(INPUT | FALLING, 0b10)]);
    let line = rig.get_line(chip, request).unwrap();
    for (offset, level) in [(3, 1), (1, 1), (1, 0), (3, 0)] {
        rig.pull(offset, level);
    }
    let events = rig.events(line);
    assert_eq!(seqnos(&events), [1, 2, 3]);
    assert_eq!(
        events.iter().map(|e| e.line_seqno).collect::<Vec<_>>(),
        [1, 1, 2]
    );
    assert_eq!(
        events.iter().map(|e| e.offset).collect::<Vec<_>>(),
        [3, 1, 3]
    );
}

#[test]
fn row_058_active_low_rising_is_the_physical_fall() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig
        .get_line(chip, lines(&[0], INPUT | ACTIVE_LOW | RISING))
        .unwrap();
    rig.pull(0, 1);
    assert_eq!(rig.events(line), []);
    rig.pull(0, 0);
    let now = rig.now;
    let events = rig.events(line);
    assert_eq!(ids(&events), [1]);
    assert_eq!(events[0].timestamp_ns, now);
}

#[test]
fn row_032_a_buffer_of_3_keeps_4() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines_keeping(&[0], EDGES, 3)).unwrap();
    rig.pulse(0, 7);
    assert_eq!(seqnos(&rig.events(line)), [4, 5, 6, 7]);
}

#[test]
fn row_033_three_lines_keep_64_by_default() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0, 1, 2], EDGES)).unwrap();
    rig.pulse(0, 70);
    assert_eq!(seqnos(&rig.events(line)), (7..=70).collect::<Vec<_>>());
}

#[test]
fn row_034_one_line_keeps_16_by_default() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    rig.pulse(0, 20);
    assert_eq!(seqnos(&rig.events(line)), (5..=20).collect::<Vec<_>>());
}

#[test]
fn overflow_after_a_partial_read() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines_keeping(&[0], EDGES, 4)).unwrap();
    rig.pulse(0, 4);
    assert_eq!(rig.read_len(line, 96), Ok(96));
    rig.pulse(0, 3);
    assert_eq!(seqnos(&rig.events(line)), [4, 5, 6, 7]);
}

#[test]
fn requests_count_separately_and_from_1() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let first = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    let second = rig.get_line(chip, lines(&[1], EDGES)).unwrap();
    rig.pulse(0, 2);
    rig.pulse(1, 1);
    assert_eq!(seqnos(&rig.events(first)), [1, 2]);
    assert_eq!(seqnos(&rig.events(second)), [1]);
    rig.pulse(0, 2);
    rig.close(first);
    let again = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    assert_eq!(rig.events(again), [], "unread events went with the request");
    rig.pulse(0, 1);
    assert_eq!(seqnos(&rig.events(again)), [1]);
}

#[test]
fn the_clock_is_the_line_s_and_changes_at_once() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    rig.pull(0, 1);
    let first = rig.time();
    rig.set_config(line, config(EDGES | REALTIME, &[])).unwrap();
    rig.pull(0, 0);
    let second = rig.time();
    let stamps: Vec<u64> = rig
        .events(line)
        .iter()
        .map(|event| event.timestamp_ns)
        .collect();
    assert_eq!(stamps, [first.monotonic_ns, second.realtime_ns]);
}

#[test]
fn outputs_make_no_events() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig
        .get_line(chip, lines_with(&[0, 1], OUTPUT, &[flags(EDGES, 0b10)]))
        .unwrap();
    rig.set_values(line, 1, 1).unwrap();
    rig.set_values(line, 1, 0).unwrap();
    assert_eq!(rig.events(line), []);
    rig.pull(1, 1);
    assert_eq!(rig.events(line).len(), 1);
}

#[test]
fn sixty_four_lines_at_once() {
    let mut rig = Rig::new(64);
    let chip = rig.open();
    let all: Vec<u32> = (0..64).collect();
    let line = rig.get_line(chip, lines(&all, EDGES)).unwrap();
    for offset in 0..64 {
        rig.pull(offset, 1);
    }
    let events = rig.events(line);
    assert_eq!(events.iter().map(|e| e.offset).collect::<Vec<_>>(), all);
    assert_eq!(seqnos(&events), (1..=64).collect::<Vec<_>>());
    assert!(events.iter().all(|event| event.line_seqno == 1));
}
