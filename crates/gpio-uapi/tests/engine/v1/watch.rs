//! `GPIO_GET_LINEINFO_WATCH`.

use gpio_uapi::abi::ioctl::GPIO_GET_LINEINFO_WATCH;
use gpio_uapi::abi::v1::{EventFlags, HandleFlags, LineInfoChangedV1};
use gpiolib::Errno;

use crate::common::make::{ACTIVE_LOW, INPUT, OUTPUT, event, handle_with, lines};
use crate::common::{NOWHERE, READ_ONLY, Rig};

#[test]
fn row_074_watching_twice_is_busy() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    assert_eq!(rig.watch_v1(chip, 0).unwrap().flags, 0);
    assert_eq!(rig.watch_v1(chip, 0), Err(Errno::EBUSY));
    assert_eq!(rig.watch_v1(chip, 4), Err(Errno::EINVAL));
    assert_eq!(
        rig.watch(chip, 0),
        Err(Errno::EPERM),
        "a busy line latched all the same"
    );
}

#[test]
fn row_079_a_watch_that_cannot_answer_latches() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    assert_eq!(
        rig.ioctl_at(chip, GPIO_GET_LINEINFO_WATCH, NOWHERE),
        Err(Errno::EFAULT)
    );
    assert_eq!(
        rig.ioctl_at(chip, GPIO_GET_LINEINFO_WATCH, READ_ONLY),
        Err(Errno::EFAULT)
    );
    assert_eq!(rig.watch(chip, 1), Err(Errno::EPERM));
    assert!(rig.watch_v1(chip, 0).is_ok());
}

#[test]
fn records_are_of_the_first_abi() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.open());
    rig.watch_v1(watcher, 0).unwrap();
    let line = rig
        .get_line(chip, lines(&[0], OUTPUT | ACTIVE_LOW))
        .unwrap();
    let now = rig.now;
    rig.close(line);
    // Two records need room for a v2 record after the first one.
    let records: Vec<LineInfoChangedV1> = rig.records(watcher);
    assert_eq!(records.len(), 2);
    assert_eq!((records[0].info.flags, records[0].timestamp), (0b111, now));
    assert_eq!((records[0].event_type, records[1].event_type), (1, 2));
    assert_eq!(records[1].info.flags, 0b010);
    assert_eq!(records[1].padding, [0; 5]);
}

#[test]
fn v1_requests_are_told_to_v2_watchers() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let held = rig
        .get_handle(chip, handle_with(&[0, 1], HandleFlags::OUTPUT, &[1]))
        .unwrap();
    let edge = rig
        .get_event(chip, event(2, HandleFlags::INPUT, EventFlags::all()))
        .unwrap();
    rig.close(held);
    rig.close(edge);
    assert_eq!(rig.changes(watcher), "REQ0 REQ1 REQ2 REL0 REL1 REL2");
    assert_eq!(rig.flags(chip, 2), INPUT);
}
