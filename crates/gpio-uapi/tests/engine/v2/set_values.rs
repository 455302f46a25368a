//! `GPIO_V2_LINE_SET_VALUES`.

use gpio_uapi::abi::IntoBytes;
use gpio_uapi::abi::ioctl::GPIO_V2_LINE_SET_VALUES;
use gpio_uapi::abi::v2::{LineFlags, LineValues};
use gpiolib::Errno;

use crate::common::make::{
    ACTIVE_LOW, INPUT, OPEN_DRAIN, OUTPUT, flags, lines, lines_with, values,
};
use crate::common::{NOWHERE, READ_ONLY, Rig};

#[test]
fn row_045_nothing_selected_is_einval() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0, 1], OUTPUT)).unwrap();
    assert_eq!(rig.set_values(line, 0, 3), Err(Errno::EINVAL));
    assert_eq!(rig.set_values(line, 0b100, 0b100), Err(Errno::EINVAL));
    assert_eq!(rig.set_values(line, !0b11, 0), Err(Errno::EINVAL));
}

#[test]
fn row_046_one_input_refuses_all() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let request = lines_with(&[0, 1], OUTPUT, &[flags(INPUT, 0b10)]);
    let line = rig.get_line(chip, request).unwrap();
    assert_eq!(rig.set_values(line, 0b11, 0b11), Err(Errno::EPERM));
    assert_eq!(rig.level(0), 0);
    assert_eq!(rig.set_values(line, 0b01, 0b11), Ok(()));
    assert_eq!(rig.values(line, 0b11), Ok(0b01));
}

#[test]
fn an_input_selected_beside_bits_of_no_line() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], INPUT)).unwrap();
    assert_eq!(rig.set_values(line, 0b01, 1), Err(Errno::EPERM));
    assert_eq!(rig.set_values(line, 0b11, 3), Err(Errno::EPERM));
    assert_eq!(rig.set_values(line, 0b10, 2), Err(Errno::EINVAL));
}

#[test]
fn row_047_as_is_request_of_an_output() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], OUTPUT)).unwrap();
    rig.close(line);
    let line = rig.get_line(chip, lines(&[0], LineFlags::empty())).unwrap();
    assert_eq!(rig.set_values(line, 1, 1), Ok(()));
    assert_eq!(rig.values(line, 1), Ok(1));
}

#[test]
fn row_048_as_is_request_of_an_input() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], LineFlags::empty())).unwrap();
    assert_eq!(rig.set_values(line, 1, 1), Err(Errno::EPERM));
}

#[test]
fn values_are_logical() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let request = lines_with(&[0, 1], OUTPUT | ACTIVE_LOW, &[values(0b01, 0b11)]);
    let line = rig.get_line(chip, request).unwrap();
    assert_eq!((rig.level(0), rig.level(1)), (0, 1));
    rig.set_values(line, 0b11, 0b10).unwrap();
    assert_eq!((rig.level(0), rig.level(1)), (1, 0));
}

#[test]
fn active_low_open_drain_drives_low_for_active() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let request = lines_with(&[0], OUTPUT | OPEN_DRAIN | ACTIVE_LOW, &[values(1, 1)]);
    let line = rig.get_line(chip, request).unwrap();
    rig.pull(0, 1);
    assert_eq!((rig.values(line, 1), rig.level(0)), (Ok(1), 0));
    rig.set_values(line, 1, 0).unwrap();
    rig.pull(0, 1);
    assert_eq!((rig.values(line, 1), rig.level(0)), (Ok(0), 1));
}

#[test]
fn only_selected_lines_change_and_memory_is_only_read() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0, 1, 2], OUTPUT)).unwrap();
    rig.set_values(line, 0b111, 0b101).unwrap();
    rig.set_values(line, 0b110, 0b010).unwrap();
    assert_eq!(rig.values(line, 0b111), Ok(0b011));
    rig.program.put(
        READ_ONLY,
        LineValues {
            bits: 0b100,
            mask: 0b111,
        }
        .as_bytes(),
    );
    assert_eq!(
        rig.ioctl_at(line, GPIO_V2_LINE_SET_VALUES, READ_ONLY),
        Ok(0)
    );
    assert_eq!(rig.values(line, 0b111), Ok(0b100));
    assert_eq!(
        rig.ioctl_at(line, GPIO_V2_LINE_SET_VALUES, NOWHERE),
        Err(Errno::EFAULT)
    );
}
