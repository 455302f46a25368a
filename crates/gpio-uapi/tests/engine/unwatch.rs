//! `GPIO_GET_LINEINFO_UNWATCH`, which both ABIs share.

use gpio_uapi::abi::ioctl::GPIO_GET_LINEINFO_UNWATCH;
use gpiolib::Errno;

use crate::common::make::{INPUT, lines};
use crate::common::{NOWHERE, READ_ONLY, Rig};

#[test]
fn row_075_unwatching_what_is_not_watched() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    assert_eq!(rig.unwatch(chip, 0), Err(Errno::EBUSY));
    assert_eq!(rig.unwatch(chip, 4), Err(Errno::EINVAL));
    assert_eq!(rig.unwatch(chip, u32::MAX), Err(Errno::EINVAL));
    rig.watch(chip, 0).unwrap();
    assert_eq!(rig.unwatch(chip, 0), Ok(()));
    assert_eq!(rig.unwatch(chip, 0), Err(Errno::EBUSY));
}

#[test]
fn takes_watches_of_either_abi_and_only_reads_its_argument() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.watch_v1(chip, 0).unwrap();
    assert_eq!(
        rig.ioctl_at(chip, GPIO_GET_LINEINFO_UNWATCH, NOWHERE),
        Err(Errno::EFAULT)
    );
    assert_eq!(
        rig.ioctl_at(chip, GPIO_GET_LINEINFO_UNWATCH, READ_ONLY),
        Ok(0),
        "it reads 0"
    );
}

#[test]
fn row_084_records_queued_before_unwatching_are_still_read() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let line = rig.get_line(chip, lines(&[0], INPUT)).unwrap();
    rig.unwatch(watcher, 0).unwrap();
    rig.close(line);
    assert_eq!(rig.changes(watcher), "REQ0");
}
