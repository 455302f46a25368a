//! What later releases than 6.12 do, in the first of them and not in the one before.

use gpio_sim::Bank;
use gpio_uapi::abi::common::{CHANGED_CONFIG, CHANGED_REQUESTED, ChipInfo, until_nul};
use gpio_uapi::abi::ioctl::{GPIO_GET_CHIPINFO, GPIOHANDLE_SET_LINE_VALUES};
use gpio_uapi::abi::v1::{EventFlags, HandleFlags};
use gpio_uapi::abi::v2::{LineFlags, LineInfoChanged};
use gpio_uapi::{File, MemoryRecords, Outcome};
use gpiolib::{Errno, Error, Release};

use crate::common::chips::{ENOTSUPP, Refusing, Script};
use crate::common::make::{EDGES, INPUT, OUTPUT, USED, config, event, handle, lines};
use crate::common::{NOWHERE, Rig};

const V6_15: Release = Release::new(6, 15, 99);
const V6_16: Release = Release::new(6, 16, 0);
const V7_1: Release = Release::new(7, 1, 99);
const V7_2: Release = Release::new(7, 2, 0);
const V7_3_3: Release = Release::new(7, 3, 3);
const V7_3_4: Release = Release::new(7, 3, 4);

#[test]
fn a_v1_event_request_announces_its_direction_from_6_13_on() {
    for (release, expected) in [
        (Release::new(6, 12, 99), "REQ2 REL2"),
        (Release::new(6, 13, 0), "CFG2 REQ2 REL2"),
        (V7_3_4, "CFG2 REQ2 REL2"),
    ] {
        let mut rig = Rig::of_release(release, Bank::new(4));
        let (chip, watcher) = (rig.open(), rig.watcher());
        let edges = event(2, HandleFlags::INPUT, EventFlags::all());
        let held = rig.get_event(chip, edges).unwrap();
        rig.close(held);
        assert_eq!(rig.changes(watcher), expected, "{release}");
    }
}

/// The change shows whose the line is and the flags as far as they are set.
#[test]
fn what_an_announced_direction_shows() {
    let mut rig = Rig::of_release(V7_3_4, Bank::new(4));
    let (chip, watcher) = (rig.open(), rig.watcher());
    let flags = HandleFlags::INPUT | HandleFlags::ACTIVE_LOW;
    rig.get_event(chip, event(2, flags, EventFlags::all()))
        .unwrap();
    let changes: Vec<LineInfoChanged> = rig.records(watcher);
    let kinds: Vec<u32> = changes.iter().map(|change| change.event_type).collect();
    assert_eq!(kinds, [CHANGED_CONFIG, CHANGED_REQUESTED]);
    for change in &changes {
        let flags = LineFlags::from_bits(change.info.flags).unwrap();
        assert_eq!(flags, USED | INPUT | LineFlags::ACTIVE_LOW);
        assert_eq!(until_nul(&change.info.consumer), b"?");
    }
}

#[test]
fn other_requests_announce_no_direction() {
    let mut rig = Rig::of_release(V7_3_4, Bank::new(4));
    let (chip, watcher) = (rig.open(), rig.watcher());
    rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    rig.get_line(chip, lines(&[1], OUTPUT)).unwrap();
    rig.get_handle(chip, handle(&[2], HandleFlags::OUTPUT))
        .unwrap();
    assert_eq!(rig.changes(watcher), "REQ0 REQ1 REQ2");
}

#[test]
fn the_direction_is_announced_even_if_the_line_has_no_edges() {
    for (release, expected) in [(Release::OLDEST, "REQ1 REL1"), (V7_3_4, "CFG1 REQ1 REL1")] {
        let script = Script {
            arm: Some(ENOTSUPP),
            ..Default::default()
        };
        let (_, mut rig, _registration) = Refusing::scripted_in(release, script);
        let (chip, watcher) = (rig.open(), rig.watcher());
        let edges = event(1, HandleFlags::INPUT, EventFlags::all());
        assert_eq!(rig.get_event(chip, edges), Err(Errno::ENODEV));
        assert_eq!(rig.changes(watcher), expected, "{release}");
    }
}

/// A v1 handle of an output and an input, in this order or the other.
fn mixed(release: Release, offsets: &[u32]) -> (Rig, i32) {
    let mut rig = Rig::of_release(release, Bank::new(4));
    let chip = rig.open();
    let output = rig.get_line(chip, lines(&[0], OUTPUT)).unwrap();
    rig.close(output);
    let held = rig
        .get_handle(chip, handle(offsets, HandleFlags::empty()))
        .unwrap();
    (rig, held)
}

#[test]
fn every_line_must_be_an_output_to_be_set_from_6_16_on() {
    let (mut rig, held) = mixed(V6_15, &[0, 1]);
    assert_eq!(rig.set_handle_values(held, &[1, 1]), Ok(()));
    assert_eq!((rig.level(0), rig.level(1)), (1, 1));
    for release in [V6_16, V7_3_4] {
        let (mut rig, held) = mixed(release, &[0, 1]);
        let refused = rig.set_handle_values(held, &[1, 1]);
        assert_eq!(refused, Err(Errno::EPERM), "{release}");
        assert_eq!((rig.level(0), rig.level(1)), (0, 0), "nothing is set");
    }
}

#[test]
fn only_the_first_line_is_judged_before_the_pointer() {
    let set = GPIOHANDLE_SET_LINE_VALUES;
    for release in [V6_15, V6_16] {
        let (mut rig, held) = mixed(release, &[0, 1]);
        assert_eq!(rig.ioctl_at(held, set, NOWHERE), Err(Errno::EFAULT));
        let (mut rig, held) = mixed(release, &[1, 0]);
        assert_eq!(rig.ioctl_at(held, set, NOWHERE), Err(Errno::EPERM));
    }
}

#[test]
fn v2_lines_must_be_outputs_in_every_release() {
    for release in [Release::OLDEST, V7_3_4] {
        let mut rig = Rig::of_release(release, Bank::new(4));
        let chip = rig.open();
        let output = rig.get_line(chip, lines(&[0], OUTPUT)).unwrap();
        rig.close(output);
        let held = rig
            .get_line(chip, lines(&[0, 1], LineFlags::empty()))
            .unwrap();
        assert_eq!(rig.set_values(held, 3, 3), Err(Errno::EPERM));
        assert_eq!(rig.set_values(held, 2, 3), Err(Errno::EPERM));
        assert_eq!((rig.level(0), rig.level(1)), (0, 0), "nothing is set");
        assert_eq!(rig.set_values(held, 1, 1), Ok(()));
    }
}

#[test]
fn a_dead_chip_can_be_opened_from_7_2_on() {
    let mut rig = Rig::of_release(V7_1, Bank::new(4));
    rig.unplug();
    let opened = File::open(&rig.device, Box::new(MemoryRecords::new()));
    assert_eq!(opened.map(|_| ()), Err(Errno::ENODEV));
    for release in [V7_2, V7_3_4] {
        let mut rig = Rig::of_release(release, Bank::new(4));
        rig.unplug();
        let chip = rig.open();
        let info = rig.ioctl(chip, GPIO_GET_CHIPINFO, &mut ChipInfo::default());
        assert_eq!(info, Err(Errno::ENODEV), "{release}");
        assert_eq!(rig.watch(chip, 0), Err(Errno::ENODEV));
        let held = rig.get_line(chip, lines(&[0], INPUT));
        assert_eq!(held, Err(Errno::ENODEV));
        let read = rig.read_at(chip, crate::common::BUFFER, 288, false);
        assert_eq!(read, Outcome::Fail(Errno::ENODEV), "it does not sleep");
    }
}

/// A driver that refuses the first thing it is asked after the flags are set.
fn refusing(release: Release) -> (Rig, gpiolib::Registration<Refusing>) {
    let script = Script {
        persist: Some(Error::Driver(Errno::EACCES)),
        ..Default::default()
    };
    let (_, rig, registration) = Refusing::scripted_in(release, script);
    (rig, registration)
}

#[test]
fn a_refused_request_leaves_no_output_from_7_3_4_on() {
    for (release, left) in [
        (Release::OLDEST, OUTPUT),
        (V7_3_3, OUTPUT),
        (V7_3_4, INPUT),
        (Release::new(7, 4, 0), INPUT),
    ] {
        let (mut rig, _registration) = refusing(release);
        let chip = rig.open();
        let refused = rig.get_line(chip, lines(&[1], OUTPUT));
        assert_eq!(refused, Err(Errno::EACCES));
        assert_eq!(rig.flags(chip, 1), left, "{release}");
    }
}

#[test]
fn what_the_driver_takes_has_its_direction_in_every_release() {
    for release in [Release::OLDEST, V7_3_4] {
        let mut rig = Rig::of_release(release, Bank::new(4));
        let chip = rig.open();
        let held = rig.get_line(chip, lines(&[1], OUTPUT)).unwrap();
        assert_eq!(rig.flags(chip, 1), OUTPUT | USED);
        rig.set_config(held, config(EDGES, &[])).unwrap();
        assert_eq!(rig.flags(chip, 1), EDGES | USED);
        rig.set_config(held, config(OUTPUT, &[])).unwrap();
        assert_eq!(rig.flags(chip, 1), OUTPUT | USED);
    }
}
