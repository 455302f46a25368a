//! `GPIO_V2_GET_LINEINFO_WATCH`: the latch, and what gives a record.

use gpio_uapi::abi::common::until_nul;
use gpio_uapi::abi::ioctl::GPIO_V2_GET_LINEINFO_WATCH;
use gpio_uapi::abi::v2::{LineInfo, LineInfoChanged};
use gpiolib::Errno;

use crate::common::make::{
    EDGES, INPUT, OUTPUT, REALTIME, USED, config, debounce, lines, lines_for, lines_with,
};
use crate::common::{NOWHERE, READ_ONLY, Rig};

#[test]
fn shows_the_present_state() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.open());
    rig.get_line(chip, lines_for(b"drv", &[2], OUTPUT)).unwrap();
    let info = rig.watch(watcher, 2).unwrap();
    assert_eq!(info, rig.info(chip, 2));
    assert_eq!(until_nul(&info.consumer), b"drv");
}

#[test]
fn row_074_watching_twice_is_busy() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.watch(chip, 0).unwrap();
    assert_eq!(rig.watch(chip, 0), Err(Errno::EBUSY));
    assert!(rig.watch(chip, 1).is_ok());
    rig.unwatch(chip, 0).unwrap();
    assert!(rig.watch(chip, 0).is_ok());
}

#[test]
fn row_076_v2_then_v1_is_refused_for_ever() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.watch(chip, 0).unwrap();
    assert_eq!(rig.watch_v1(chip, 0), Err(Errno::EPERM));
    assert_eq!(rig.watch_v1(chip, 1), Err(Errno::EPERM));
    rig.unwatch(chip, 0).unwrap();
    assert_eq!(rig.watch_v1(chip, 1), Err(Errno::EPERM));
    let second = rig.open();
    assert!(
        rig.watch_v1(second, 1).is_ok(),
        "the latch belongs to the open file"
    );
}

#[test]
fn row_077_v1_then_v2_is_refused() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.watch_v1(chip, 0).unwrap();
    assert_eq!(rig.watch(chip, 1), Err(Errno::EPERM));
}

#[test]
fn row_078_a_bad_offset_does_not_latch() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    assert_eq!(rig.watch(chip, 99), Err(Errno::EINVAL));
    let mut padded = LineInfo {
        padding: [0, 0, 0, 1],
        ..Default::default()
    };
    assert_eq!(
        rig.ioctl(chip, GPIO_V2_GET_LINEINFO_WATCH, &mut padded),
        Err(Errno::EINVAL)
    );
    assert_eq!(
        rig.ioctl_at(chip, GPIO_V2_GET_LINEINFO_WATCH, NOWHERE),
        Err(Errno::EFAULT)
    );
    assert!(rig.watch_v1(chip, 0).is_ok());
}

#[test]
fn row_079_a_watch_that_cannot_answer_latches_but_does_not_watch() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    assert_eq!(
        rig.ioctl_at(chip, GPIO_V2_GET_LINEINFO_WATCH, READ_ONLY),
        Err(Errno::EFAULT)
    );
    assert_eq!(rig.watch_v1(chip, 1), Err(Errno::EPERM));
    assert!(rig.watch(chip, 0).is_ok());
}

#[test]
fn row_085_own_requests_are_seen() {
    let mut rig = Rig::new(4);
    let chip = rig.watcher();
    let line = rig.get_line(chip, lines(&[1], INPUT)).unwrap();
    assert_eq!(rig.changes(chip), "REQ1");
    rig.close(line);
    assert_eq!(rig.changes(chip), "REL1");
}

#[test]
fn row_087_debounce_is_in_the_request_and_not_in_the_release() {
    let mut rig = Rig::new(4);
    let watcher = rig.watcher();
    let line = rig
        .get_line(watcher, lines_with(&[0], EDGES, &[debounce(5000, 1)]))
        .unwrap();
    rig.close(line);
    let records: Vec<LineInfoChanged> = rig.records(watcher);
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].info.num_attrs, 1);
    assert_eq!(records[0].info.attrs[0].debounce_period_us(), 5000);
    assert_eq!(records[1].info.num_attrs, 0);
    assert_eq!(records[1].info.consumer, [0; 32]);
    assert_eq!(records[1].info.flags & USED.bits(), 0);
}

#[test]
fn records_have_the_state_after_the_change_and_the_monotonic_time() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let line = rig
        .get_line(chip, lines_for(b"me", &[0], INPUT | REALTIME))
        .unwrap();
    let requested_at = rig.now;
    rig.set_config(line, config(OUTPUT, &[])).unwrap();
    rig.close(line);
    let records: Vec<LineInfoChanged> = rig.records(watcher);
    assert_eq!(records[0].timestamp_ns, requested_at);
    assert_eq!(records[0].info.flags, (INPUT | REALTIME | USED).bits());
    assert_eq!(records[1].info.flags, (OUTPUT | USED).bits());
    assert_eq!(records[2].info.flags, OUTPUT.bits());
    assert_eq!(records[2].event_type, 2);
    assert_eq!(records[2].padding, [0; 5]);
    assert!(records[1].timestamp_ns < records[2].timestamp_ns);
}

#[test]
fn only_watched_lines_give_records() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.open());
    rig.watch(watcher, 2).unwrap();
    let line = rig.get_line(chip, lines(&[0, 1, 2, 3], INPUT)).unwrap();
    rig.close(line);
    assert_eq!(rig.changes(watcher), "REQ2 REL2");
}

#[test]
fn values_give_no_records() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let line = rig.get_line(chip, lines(&[0], OUTPUT)).unwrap();
    rig.changes(watcher);
    rig.set_values(line, 1, 1).unwrap();
    rig.values(line, 1).unwrap();
    rig.pull(1, 1);
    assert_eq!(rig.changes(watcher), "");
}
