//! `GPIO_V2_LINE_SET_CONFIG`.

use gpio_uapi::abi::ioctl::GPIO_V2_LINE_SET_CONFIG;
use gpio_uapi::abi::v2::LineFlags;
use gpiolib::Errno;

use crate::common::make::{
    ACTIVE_LOW, EDGES, HTE, INPUT, OUTPUT, PULL_DOWN, PULL_UP, REALTIME, RISING, USED, attribute,
    config, debounce, flags, lines, lines_keeping, lines_with, values,
};
use crate::common::{NOWHERE, Rig};

#[test]
fn row_049_an_output_without_values_goes_inactive() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig
        .get_line(chip, lines_with(&[0], OUTPUT, &[values(1, 1)]))
        .unwrap();
    assert_eq!(rig.level(0), 1);
    rig.set_config(line, config(OUTPUT, &[])).unwrap();
    assert_eq!(rig.level(0), 0);
}

#[test]
fn row_050_inactive_is_high_when_active_low() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], OUTPUT)).unwrap();
    rig.set_config(line, config(OUTPUT | ACTIVE_LOW, &[]))
        .unwrap();
    assert_eq!((rig.values(line, 1), rig.level(0)), (Ok(0), 1));
}

#[test]
fn row_051_a_line_without_direction_is_skipped() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let line = rig
        .get_line(chip, lines_with(&[0], OUTPUT, &[values(1, 1)]))
        .unwrap();
    rig.changes(watcher);
    for flags in [LineFlags::empty(), ACTIVE_LOW, REALTIME] {
        assert_eq!(rig.set_config(line, config(flags, &[])), Ok(()));
        assert_eq!(rig.flags(chip, 0), OUTPUT | USED);
        assert_eq!(rig.values(line, 1), Ok(1));
    }
    assert_eq!(rig.changes(watcher), "");
}

#[test]
fn row_052_the_same_again_is_told() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let line = rig.get_line(chip, lines(&[0, 2], INPUT | PULL_UP)).unwrap();
    rig.changes(watcher);
    assert_eq!(rig.set_config(line, config(INPUT | PULL_UP, &[])), Ok(()));
    assert_eq!(rig.changes(watcher), "CFG0 CFG2");
}

#[test]
fn row_053_everything_is_judged_before_anything_changes() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let line = rig
        .get_line(chip, lines_with(&[0, 1], OUTPUT, &[values(3, 3)]))
        .unwrap();
    rig.changes(watcher);
    for attrs in [
        vec![flags(INPUT, 1), flags(PULL_UP, 2)],
        vec![flags(INPUT, 1), flags(OUTPUT | RISING, 2)],
        vec![
            flags(INPUT, 1),
            flags(LineFlags::empty(), 2),
            debounce(5, 2),
        ],
    ] {
        let refused = rig.set_config(line, config(LineFlags::empty(), &attrs));
        assert_eq!(refused, Err(Errno::EINVAL));
    }
    let hte = config(INPUT, &[flags(INPUT | HTE, 2)]);
    assert_eq!(rig.set_config(line, hte), Err(Errno::EOPNOTSUPP));
    assert_eq!(rig.values(line, 3), Ok(3));
    assert_eq!(rig.changes(watcher), "");
}

#[test]
fn row_054_a_failure_leaves_the_lines_before_it_changed() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let line = rig
        .get_line(chip, lines_keeping(&[0, 1, 2], INPUT, 1))
        .unwrap();
    rig.changes(watcher);
    let bad = config(INPUT | PULL_UP, &[flags(INPUT | RISING | PULL_DOWN, 2)]);
    assert_eq!(rig.set_config(line, bad), Err(Errno::EINVAL));
    assert_eq!(rig.flags(chip, 0), INPUT | PULL_UP | USED);
    assert_eq!(
        rig.flags(chip, 1),
        INPUT | RISING | PULL_DOWN | USED,
        "shown, not told"
    );
    assert_eq!(rig.flags(chip, 2), INPUT | USED);
    assert_eq!(rig.changes(watcher), "CFG0");
    assert_eq!(rig.set_config(line, config(INPUT, &[])), Ok(()));
    assert_eq!(rig.changes(watcher), "CFG0 CFG1 CFG2");
}

#[test]
fn row_030_a_buffer_of_one_is_noticed_when_edges_come() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines_keeping(&[0], INPUT, 1)).unwrap();
    assert_eq!(
        rig.set_config(line, config(INPUT | RISING, &[])),
        Err(Errno::EINVAL)
    );
    assert_eq!(rig.flags(chip, 0), INPUT | RISING | USED);
    assert_eq!(
        rig.set_config(line, config(INPUT | RISING, &[])),
        Err(Errno::EINVAL),
        "still"
    );
}

#[test]
fn row_055_queued_events_outlive_the_input() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    rig.pulse(0, 2);
    rig.set_config(line, config(OUTPUT, &[])).unwrap();
    assert_eq!(rig.events(line).len(), 2);
    assert_eq!(rig.read(line, 48), Err(Errno::EAGAIN));
}

#[test]
fn row_056_numbers_go_on_over_reconfigurations() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    rig.pulse(0, 2);
    rig.set_config(line, config(INPUT, &[])).unwrap();
    rig.pulse(0, 2);
    rig.set_config(line, config(EDGES, &[])).unwrap();
    rig.pulse(0, 2);
    let numbers: Vec<_> = rig
        .events(line)
        .iter()
        .map(|e| (e.seqno, e.line_seqno))
        .collect();
    assert_eq!(numbers, [(1, 1), (2, 2), (3, 3), (4, 4)]);
}

#[test]
fn edges_on_and_off() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], INPUT)).unwrap();
    for (flags, expected) in [
        (INPUT, vec![]),
        (INPUT | RISING, vec![1]),
        (INPUT | LineFlags::EDGE_FALLING, vec![2]),
        (INPUT, vec![]),
        (EDGES, vec![1, 2]),
    ] {
        rig.set_config(line, config(flags, &[])).unwrap();
        rig.pulse(0, 2);
        let found: Vec<u32> = rig.events(line).iter().map(|event| event.id).collect();
        assert_eq!(found, expected, "{flags:?}");
    }
}

#[test]
fn row_123_a_bias_that_moves_an_armed_line_makes_an_event() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    rig.set_config(line, config(EDGES | PULL_UP, &[])).unwrap();
    assert_eq!(rig.events(line).len(), 1);
    assert_eq!(rig.values(line, 1), Ok(1));
}

#[test]
fn active_low_takes_effect_at_once() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], INPUT)).unwrap();
    rig.pull(0, 1);
    rig.set_config(line, config(INPUT | ACTIVE_LOW, &[]))
        .unwrap();
    assert_eq!(rig.values(line, 1), Ok(0));
    rig.set_config(line, config(INPUT, &[])).unwrap();
    assert_eq!(rig.values(line, 1), Ok(1));
}

#[test]
fn an_input_cannot_be_set_any_more_and_keeps_its_level() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig
        .get_line(chip, lines_with(&[0], OUTPUT, &[values(1, 1)]))
        .unwrap();
    rig.set_config(line, config(INPUT, &[])).unwrap();
    assert_eq!(rig.set_values(line, 1, 0), Err(Errno::EPERM));
    assert_eq!(
        rig.values(line, 1),
        Ok(1),
        "the simulator keeps the last driven level"
    );
}

#[test]
fn the_structure_is_checked_as_in_a_request() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], INPUT)).unwrap();
    for index in 0..5 {
        let mut padded = config(INPUT, &[]);
        padded.padding[index] = 1;
        assert_eq!(rig.set_config(line, padded), Err(Errno::EINVAL));
    }
    let mut unused = config(INPUT, &[flags(INPUT, 1)]);
    unused.num_attrs = 0;
    assert_eq!(rig.set_config(line, unused), Err(Errno::EINVAL));
    assert_eq!(
        rig.set_config(line, config(INPUT, &[attribute(99, 5, 1)])),
        Ok(())
    );
    assert_eq!(
        rig.ioctl_at(line, GPIO_V2_LINE_SET_CONFIG, NOWHERE),
        Err(Errno::EFAULT)
    );
}
