//! `GPIOHANDLE_GET_LINE_VALUES` and `GPIOHANDLE_SET_LINE_VALUES`.

use gpio_uapi::abi::ioctl::{GPIOHANDLE_GET_LINE_VALUES, GPIOHANDLE_SET_LINE_VALUES};
use gpio_uapi::abi::v1::{EventFlags, HandleFlags};
use gpiolib::Errno;

use crate::common::make::{event, handle, handle_with};
use crate::common::{NOWHERE, READ_ONLY, Rig};

#[test]
fn row_088_bytes_beyond_the_lines_are_zeroed() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let held = rig
        .get_handle(chip, handle(&[3, 0], HandleFlags::INPUT))
        .unwrap();
    rig.pull(3, 1);
    assert_eq!(rig.handle_values(held, 2).unwrap(), [1, 0]);
}

#[test]
fn row_089_any_byte_but_zero_is_active() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let held = rig
        .get_handle(chip, handle(&[0, 1, 2], HandleFlags::OUTPUT))
        .unwrap();
    rig.set_handle_values(held, &[7, 0, 200]).unwrap();
    assert_eq!(rig.handle_values(held, 3).unwrap(), [1, 0, 1]);
    rig.set_handle_values(held, &[0, 1]).unwrap();
    assert_eq!(rig.handle_values(held, 3).unwrap(), [0, 1, 0]);
}

#[test]
fn row_090_the_direction_comes_before_the_pointer() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let input = rig
        .get_handle(chip, handle(&[0], HandleFlags::INPUT))
        .unwrap();
    let output = rig
        .get_handle(chip, handle(&[1], HandleFlags::OUTPUT))
        .unwrap();
    let set = GPIOHANDLE_SET_LINE_VALUES;
    assert_eq!(rig.ioctl_at(input, set, NOWHERE), Err(Errno::EPERM));
    assert_eq!(rig.ioctl_at(output, set, NOWHERE), Err(Errno::EFAULT));
    assert_eq!(rig.ioctl_at(output, set, READ_ONLY), Ok(0));
}

#[test]
fn getting_does_not_read_its_argument() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let held = rig
        .get_handle(chip, handle(&[0], HandleFlags::INPUT))
        .unwrap();
    let edge = rig
        .get_event(chip, event(1, HandleFlags::INPUT, EventFlags::all()))
        .unwrap();
    for fd in [held, edge] {
        for arg in [NOWHERE, READ_ONLY] {
            let result = rig.ioctl_at(fd, GPIOHANDLE_GET_LINE_VALUES, arg);
            assert_eq!(result, Err(Errno::EFAULT));
        }
    }
}

#[test]
fn an_event_file_reads_its_line() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let flags = HandleFlags::INPUT | HandleFlags::ACTIVE_LOW;
    let edge = rig
        .get_event(chip, event(1, flags, EventFlags::all()))
        .unwrap();
    assert_eq!(rig.handle_values(edge, 1).unwrap(), [1]);
    rig.pull(1, 1);
    assert_eq!(rig.handle_values(edge, 1).unwrap(), [0]);
}

#[test]
fn an_emulated_open_drain_line_floats() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let flags = HandleFlags::OUTPUT | HandleFlags::OPEN_DRAIN;
    let held = rig
        .get_handle(chip, handle_with(&[0], flags, &[1]))
        .unwrap();
    assert_eq!(rig.handle_values(held, 1).unwrap(), [0]);
    rig.pull(0, 1);
    assert_eq!(rig.handle_values(held, 1).unwrap(), [1]);
    rig.set_handle_values(held, &[0]).unwrap();
    assert_eq!(rig.handle_values(held, 1).unwrap(), [0]);
}

#[test]
fn as_is_follows_the_hardware() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let held = rig
        .get_handle(chip, handle(&[0], HandleFlags::empty()))
        .unwrap();
    assert_eq!(rig.set_handle_values(held, &[1]), Err(Errno::EPERM));
    rig.close(held);
    let held = rig
        .get_handle(chip, handle(&[0], HandleFlags::OUTPUT))
        .unwrap();
    rig.close(held);
    let held = rig
        .get_handle(chip, handle(&[0], HandleFlags::empty()))
        .unwrap();
    assert_eq!(rig.set_handle_values(held, &[1]), Ok(()));
    assert_eq!(rig.level(0), 1);
}
