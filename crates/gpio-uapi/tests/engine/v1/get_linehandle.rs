//! `GPIO_GET_LINEHANDLE`.

use gpio_uapi::abi::IntoBytes;
use gpio_uapi::abi::ioctl::GPIO_GET_LINEHANDLE;
use gpio_uapi::abi::v1::{HandleFlags, HandleRequest};
use gpiolib::Errno;

use crate::common::make::{INPUT, OUTPUT, USED, handle, handle_with, lines, text};
use crate::common::{NOWHERE, READ_ONLY, Rig};

#[test]
fn from_1_to_64_lines() {
    let mut rig = Rig::new(64);
    let chip = rig.open();
    for lines in [0, 65, u32::MAX] {
        let request = HandleRequest {
            lines,
            ..handle(&[0], HandleFlags::INPUT)
        };
        assert_eq!(rig.get_handle(chip, request), Err(Errno::EINVAL));
    }
    let all: Vec<u32> = (0..64).collect();
    assert!(
        rig.get_handle(chip, handle(&all, HandleFlags::INPUT))
            .is_ok()
    );
}

#[test]
fn row_092_flags_that_do_not_go_together() {
    type F = HandleFlags;
    let mut rig = Rig::new(4);
    let chip = rig.open();
    for bad in [
        F::INPUT | F::OUTPUT,
        F::INPUT | F::OPEN_DRAIN,
        F::OPEN_SOURCE,
        F::OUTPUT | F::OPEN_DRAIN | F::OPEN_SOURCE,
        F::BIAS_PULL_UP,
        F::INPUT | F::BIAS_PULL_UP | F::BIAS_PULL_DOWN,
        F::INPUT | F::BIAS_PULL_DOWN | F::BIAS_DISABLE,
        F::INPUT | F::from_bits_retain(0x100),
        F::INPUT | F::from_bits_retain(1 << 31),
    ] {
        assert_eq!(
            rig.get_handle(chip, handle(&[0], bad)),
            Err(Errno::EINVAL),
            "{bad:?}"
        );
    }
    for good in [
        F::empty(),
        F::ACTIVE_LOW,
        F::OUTPUT | F::OPEN_DRAIN,
        F::OUTPUT | F::BIAS_PULL_UP,
        F::INPUT | F::BIAS_DISABLE | F::ACTIVE_LOW,
    ] {
        let held = rig.get_handle(chip, handle(&[0], good)).unwrap();
        rig.close(held);
    }
}

#[test]
fn initial_values_are_zero_or_not() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let request = handle_with(&[0, 1, 2], HandleFlags::OUTPUT, &[1, 7, 0]);
    rig.get_handle(chip, request).unwrap();
    assert_eq!([rig.level(0), rig.level(1), rig.level(2)], [1, 1, 0]);
    assert_eq!(rig.flags(chip, 0), OUTPUT | USED);
}

#[test]
fn failures_leave_the_records_they_leave_in_v2() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let out_of_range = handle(&[0, 4], HandleFlags::INPUT);
    assert_eq!(rig.get_handle(chip, out_of_range), Err(Errno::EINVAL));
    assert_eq!(
        rig.get_handle(chip, handle(&[1, 1], HandleFlags::INPUT)),
        Err(Errno::EBUSY)
    );
    assert_eq!(rig.changes(watcher), "REQ0 REL0 REQ1 REL1");
    rig.get_line(chip, lines(&[2], INPUT)).unwrap();
    assert_eq!(
        rig.get_handle(chip, handle(&[2], HandleFlags::INPUT)),
        Err(Errno::EBUSY)
    );
    rig.program
        .put(READ_ONLY, handle(&[3], HandleFlags::OUTPUT).as_bytes());
    assert_eq!(
        rig.ioctl_at(chip, GPIO_GET_LINEHANDLE, READ_ONLY),
        Err(Errno::EFAULT)
    );
    assert_eq!(rig.changes(watcher), "REQ2 REQ3 REL3");
    assert_eq!(
        rig.ioctl_at(chip, GPIO_GET_LINEHANDLE, NOWHERE),
        Err(Errno::EFAULT)
    );
}

#[test]
fn only_the_descriptor_is_written_and_only_on_success() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let mut request = handle_with(&[1], HandleFlags::OUTPUT, &[9; 64]);
    request.consumer_label = text(&[b'x'; 32]);
    let before = request;
    rig.ioctl(chip, GPIO_GET_LINEHANDLE, &mut request).unwrap();
    assert_ne!(request.fd, before.fd);
    assert_eq!(
        HandleRequest {
            fd: before.fd,
            ..request
        },
        before
    );
    assert_eq!(rig.consumer(chip, 1), [b'x'; 31]);
    let mut busy = before;
    assert_eq!(
        rig.ioctl(chip, GPIO_GET_LINEHANDLE, &mut busy),
        Err(Errno::EBUSY)
    );
    assert_eq!(busy, before);
}

#[test]
fn row_039_no_consumer_is_a_question_mark() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let mut request = handle(&[0], HandleFlags::INPUT);
    request.consumer_label = text(b"\0abc");
    rig.get_handle(chip, request).unwrap();
    assert_eq!(rig.consumer(chip, 0), b"?");
}

#[test]
fn row_069_a_handle_cannot_be_read() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let held = rig
        .get_handle(chip, handle(&[0], HandleFlags::INPUT))
        .unwrap();
    assert_eq!(rig.read(held, 64), Err(Errno::EINVAL));
    assert_eq!(rig.read(held, 0), Err(Errno::EINVAL));
}
