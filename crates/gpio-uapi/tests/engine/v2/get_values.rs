//! `GPIO_V2_LINE_GET_VALUES`.

use gpio_uapi::abi::IntoBytes;
use gpio_uapi::abi::ioctl::GPIO_V2_LINE_GET_VALUES;
use gpio_uapi::abi::v2::LineValues;
use gpiolib::Errno;

use crate::common::make::{
    ACTIVE_LOW, INPUT, OPEN_DRAIN, OPEN_SOURCE, OUTPUT, flags, lines, lines_with, values,
};
use crate::common::{NOWHERE, READ_ONLY, Rig};

#[test]
fn row_043_nothing_selected_is_einval() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0, 1], INPUT)).unwrap();
    for mask in [0, 0b100, !0b11] {
        assert_eq!(rig.values(line, mask), Err(Errno::EINVAL));
    }
}

#[test]
fn row_044_the_mask_comes_back_as_it_was() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0, 1], INPUT)).unwrap();
    rig.pull(1, 1);
    let mut raw = LineValues {
        bits: u64::MAX,
        mask: u64::MAX,
    };
    rig.ioctl(line, GPIO_V2_LINE_GET_VALUES, &mut raw).unwrap();
    assert_eq!(
        raw,
        LineValues {
            bits: 0b10,
            mask: u64::MAX
        }
    );
}

#[test]
fn unselected_lines_read_0() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[3, 0, 2], INPUT)).unwrap();
    rig.pull(3, 1);
    rig.pull(2, 1);
    assert_eq!(rig.values(line, 0b111), Ok(0b101));
    assert_eq!(rig.values(line, 0b110), Ok(0b100));
    assert_eq!(rig.values(line, 0b010), Ok(0));
}

#[test]
fn values_are_logical() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(
        chip,
        lines_with(&[0, 1], INPUT, &[flags(INPUT | ACTIVE_LOW, 1)]),
    );
    let line = line.unwrap();
    assert_eq!(rig.values(line, 0b11), Ok(0b01));
    rig.pull(0, 1);
    rig.pull(1, 1);
    assert_eq!(rig.values(line, 0b11), Ok(0b10));
}

#[test]
fn outputs_can_be_read() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig
        .get_line(chip, lines_with(&[0], OUTPUT, &[values(1, 1)]))
        .unwrap();
    assert_eq!(rig.values(line, 1), Ok(1));
    rig.pull(0, 0);
    assert_eq!(rig.values(line, 1), Ok(1), "the pull does not win");
}

#[test]
fn bad_pointers_are_efault() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], INPUT)).unwrap();
    assert_eq!(
        rig.ioctl_at(line, GPIO_V2_LINE_GET_VALUES, NOWHERE),
        Err(Errno::EFAULT)
    );
    rig.program
        .put(READ_ONLY, LineValues { bits: 0, mask: 1 }.as_bytes());
    assert_eq!(
        rig.ioctl_at(line, GPIO_V2_LINE_GET_VALUES, READ_ONLY),
        Err(Errno::EFAULT)
    );
}

#[test]
fn row_098_a_released_open_drain_line_reads_its_pull() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let request = lines_with(&[0], OUTPUT | OPEN_DRAIN, &[values(1, 1)]);
    let line = rig.get_line(chip, request).unwrap();
    assert!(rig.flags(chip, 0).contains(OUTPUT | OPEN_DRAIN));
    assert_eq!(rig.values(line, 1), Ok(0), "pulled down");
    rig.pull(0, 1);
    assert_eq!(rig.values(line, 1), Ok(1), "pulled up");
    assert_eq!(rig.set_values(line, 1, 0), Ok(()));
    assert_eq!(rig.values(line, 1), Ok(0), "driven low");
    assert_eq!(rig.set_values(line, 1, 1), Ok(()));
    assert!(rig.flags(chip, 0).contains(OUTPUT));
}

#[test]
fn row_099_an_open_drain_line_left_floating_is_an_input_to_the_next_one() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let request = lines_with(&[0], OUTPUT | OPEN_DRAIN, &[values(1, 1)]);
    let line = rig.get_line(chip, request).unwrap();
    rig.close(line);
    let line = rig.get_line(chip, lines(&[0], ACTIVE_LOW)).unwrap();
    assert!(rig.flags(chip, 0).contains(INPUT));
    assert_eq!(rig.set_values(line, 1, 1), Err(Errno::EPERM));
}

#[test]
fn open_source_is_the_mirror_image() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig
        .get_line(chip, lines(&[0], OUTPUT | OPEN_SOURCE))
        .unwrap();
    rig.pull(0, 1);
    assert_eq!(rig.values(line, 1), Ok(1), "released");
    rig.set_values(line, 1, 1).unwrap();
    rig.pull(0, 0);
    assert_eq!(rig.values(line, 1), Ok(1), "driven high");
}

#[test]
fn row_122_bit_63_works() {
    let mut rig = Rig::new(64);
    let chip = rig.open();
    let all: Vec<u32> = (0..64).collect();
    let line = rig.get_line(chip, lines(&all, OUTPUT)).unwrap();
    let pattern = 0xA5A5_F00F_1234_5678;
    rig.set_values(line, u64::MAX, pattern).unwrap();
    assert_eq!(rig.values(line, u64::MAX), Ok(pattern));
    rig.set_values(line, 1 << 63, 0).unwrap();
    assert_eq!(rig.values(line, 1 << 63), Ok(0));
    assert_eq!(rig.values(line, u64::MAX), Ok(pattern & !(1 << 63)));
    assert_eq!(rig.level(62), 0);
}
