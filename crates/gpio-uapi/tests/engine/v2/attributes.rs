//! How the attributes of a configuration are checked and resolved.

use gpio_uapi::abi::v2::{ATTR_DEBOUNCE, ATTR_FLAGS, LineRequest};
use gpiolib::Errno;

use crate::common::Rig;
use crate::common::make::{
    BIT_60, EDGES, INPUT, OUTPUT, attribute, debounce, flags, lines, lines_with, values,
};

#[test]
fn row_010_unused_slots_must_be_zero() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let mut masked = lines(&[0], INPUT);
    masked.config.attrs[0].mask = 1;
    assert_eq!(rig.get_line(chip, masked), Err(Errno::EINVAL));
    let mut last = lines_with(&[0], INPUT, &[flags(INPUT, 1)]);
    last.config.attrs[9].attr.value = 1 << 63;
    assert_eq!(rig.get_line(chip, last), Err(Errno::EINVAL));
}

#[test]
fn attribute_padding_must_be_zero_and_ten_are_the_most() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let mut padded = lines_with(&[0], INPUT, &[flags(INPUT, 1)]);
    padded.config.attrs[0].attr.padding = 1;
    assert_eq!(rig.get_line(chip, padded), Err(Errno::EINVAL));
    for num_attrs in [11, u32::MAX] {
        let mut many = lines(&[0], INPUT);
        many.config.num_attrs = num_attrs;
        assert_eq!(rig.get_line(chip, many), Err(Errno::EINVAL));
    }
}

#[test]
fn row_011_unknown_attributes_are_ignored() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    for id in [0, 4, 77] {
        let line = rig.get_line(chip, lines_with(&[0], INPUT, &[attribute(id, u64::MAX, 1)]));
        rig.close(line.unwrap());
    }
}

#[test]
fn row_012_ten_attributes_for_no_line() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    assert!(
        rig.get_line(chip, lines_with(&[0], INPUT, &[flags(OUTPUT, 0); 10]))
            .is_ok()
    );
}

#[test]
fn row_013_illegal_flags_that_apply_to_no_line() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let request = lines_with(&[0, 1], BIT_60, &[flags(INPUT, 0b11)]);
    assert!(rig.get_line(chip, request).is_ok());
}

#[test]
fn row_014_illegal_attribute_that_applies_to_no_line() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let request = lines_with(&[0], INPUT, &[flags(INPUT | BIT_60, 0b10)]);
    assert!(rig.get_line(chip, request).is_ok());
}

#[test]
fn flags_attributes_replace_and_the_first_wins() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let attrs = [flags(OUTPUT, 0b01), flags(INPUT | BIT_60, 0b01)];
    rig.get_line(chip, lines_with(&[0, 1], EDGES, &attrs))
        .unwrap();
    assert_eq!(
        rig.flags(chip, 0) & EDGES,
        EDGES & OUTPUT,
        "nothing is added to the attribute"
    );
    assert!(rig.flags(chip, 1).contains(EDGES));
}

#[test]
fn row_019_debounce_needs_an_input() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    for direction in [OUTPUT, BIT_60 & INPUT] {
        let request = lines_with(&[0], direction, &[debounce(0, 1)]);
        assert_eq!(rig.get_line(chip, request), Err(Errno::EINVAL));
    }
    assert!(
        rig.get_line(chip, lines_with(&[0], OUTPUT, &[debounce(9, 2)]))
            .is_ok()
    );
}

#[test]
fn row_020_a_period_of_zero_is_no_debounce() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.get_line(chip, lines_with(&[0], INPUT, &[debounce(0, 1)]))
        .unwrap();
    assert_eq!(rig.period(chip, 0), None);
}

#[test]
fn row_021_the_upper_half_of_a_period_is_ignored() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let attr = attribute(ATTR_DEBOUNCE, 0x0000_ABCD_0000_0001, 1);
    rig.get_line(chip, lines_with(&[0], INPUT, &[attr]))
        .unwrap();
    assert_eq!(rig.period(chip, 0), Some(1));
}

#[test]
fn row_022_the_first_period_wins() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let attrs = [debounce(0, 1), debounce(700, 1)];
    rig.get_line(chip, lines_with(&[0], INPUT, &attrs)).unwrap();
    assert_eq!(rig.period(chip, 0), None);
}

#[test]
fn row_023_the_first_output_value_wins() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let attrs = [values(1, 1), values(0, 1)];
    rig.get_line(chip, lines_with(&[0], OUTPUT, &attrs))
        .unwrap();
    assert_eq!(rig.level(0), 1);
}

#[test]
fn row_024_output_values_need_the_mask() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig
        .get_line(chip, lines_with(&[0, 1], OUTPUT, &[values(0b11, 0b01)]))
        .unwrap();
    assert_eq!(rig.values(line, 0b11), Ok(0b01));
}

#[test]
fn masks_are_by_place_in_the_request() {
    let mut rig = Rig::new(8);
    let chip = rig.open();
    let request = lines_with(&[5, 1], INPUT, &[flags(OUTPUT, 0b01), values(1, 1)]);
    let line = rig.get_line(chip, request).unwrap();
    assert_eq!((rig.level(5), rig.level(1)), (1, 0));
    assert_eq!(rig.values(line, 0b11), Ok(0b01));
}

#[test]
fn the_64th_line_has_attributes_too() {
    let mut rig = Rig::new(64);
    let chip = rig.open();
    let all: Vec<u32> = (0..64).collect();
    let top = 1 << 63;
    let attrs = [attribute(ATTR_FLAGS, OUTPUT.bits(), top), values(top, top)];
    let line = rig.get_line(chip, lines_with(&all, INPUT, &attrs)).unwrap();
    assert_eq!(rig.values(line, u64::MAX), Ok(top));
    let request = LineRequest::default();
    assert_eq!(rig.get_line(chip, request), Err(Errno::EINVAL));
}
