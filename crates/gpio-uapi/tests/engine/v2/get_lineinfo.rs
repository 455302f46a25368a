//! `GPIO_V2_GET_LINEINFO`.

use gpio_sim::Bank;
use gpio_uapi::abi::common::until_nul;
use gpio_uapi::abi::ioctl::GPIO_V2_GET_LINEINFO;
use gpio_uapi::abi::v2::{LineAttribute, LineFlags, LineInfo};
use gpio_uapi::abi::{FromZeros, IntoBytes};
use gpiolib::{Errno, HogDirection, Offset, Value};

use crate::common::make::{
    ACTIVE_LOW, EDGES, FALLING, INPUT, OPEN_DRAIN, OPEN_SOURCE, OUTPUT, PULL_DOWN, PULL_UP,
    REALTIME, RISING, USED, lines, lines_for,
};
use crate::common::{ARG, NOWHERE, READ_ONLY, Rig};

fn get(rig: &mut Rig, chip: i32, mut info: LineInfo) -> Result<LineInfo, Errno> {
    rig.ioctl(chip, GPIO_V2_GET_LINEINFO, &mut info)
        .map(|()| info)
}

#[test]
fn shows_free_lines_and_their_names() {
    let mut rig = Rig::with(Bank::new(3).name(Offset::new(1), "led"));
    let chip = rig.open();
    let info = rig.info(chip, 1);
    assert_eq!(until_nul(&info.name), b"led");
    assert_eq!(
        (info.offset, info.num_attrs, info.flags),
        (1, 0, INPUT.bits())
    );
    assert_eq!(rig.info(chip, 0).name, [0; 32]);
}

#[test]
fn names_are_cut_to_31_bytes() {
    let bank = Bank::new(2)
        .name(Offset::new(0), "a".repeat(40).as_str())
        .name(Offset::new(1), "b".repeat(31).as_str());
    let mut rig = Rig::with(bank);
    let chip = rig.open();
    assert_eq!(until_nul(&rig.info(chip, 0).name), [b'a'; 31]);
    assert_eq!(until_nul(&rig.info(chip, 1).name), [b'b'; 31]);
}

#[test]
fn row_005_offset_beyond_the_last_line() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    for offset in [4, 64, 0x7FFF_FFFF, u32::MAX] {
        let info = LineInfo {
            offset,
            ..Default::default()
        };
        assert_eq!(get(&mut rig, chip, info), Err(Errno::EINVAL));
    }
}

#[test]
fn row_006_garbage_in_output_members_is_overwritten() {
    let mut rig = Rig::with(Bank::new(4).name(Offset::new(2), "named"));
    let chip = rig.open();
    let mut info = LineInfo::new_zeroed();
    info.as_mut_bytes().fill(0xEE);
    (info.offset, info.padding) = (2, [0; 4]);
    let found = get(&mut rig, chip, info).unwrap();
    assert_eq!(found, rig.info(chip, 2));
    assert_eq!(found.attrs, [LineAttribute::default(); 10]);
}

#[test]
fn row_007_padding_must_be_zero() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    for index in 0..4 {
        let mut info = LineInfo::default();
        info.padding[index] = 1;
        assert_eq!(get(&mut rig, chip, info), Err(Errno::EINVAL));
    }
}

#[test]
fn bad_pointers_are_efault() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    for arg in [NOWHERE, READ_ONLY, ARG - 1, u64::MAX - 10] {
        assert_eq!(
            rig.ioctl_at(chip, GPIO_V2_GET_LINEINFO, arg),
            Err(Errno::EFAULT)
        );
    }
}

#[test]
fn shows_what_a_request_asked_for() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    for flags in [
        INPUT,
        OUTPUT,
        INPUT | ACTIVE_LOW,
        OUTPUT | OPEN_DRAIN,
        OUTPUT | OPEN_SOURCE,
        INPUT | PULL_UP,
        INPUT | PULL_DOWN,
        INPUT | LineFlags::BIAS_DISABLED,
        INPUT | RISING,
        INPUT | FALLING,
        OUTPUT | PULL_DOWN,
        EDGES | REALTIME,
    ] {
        let line = rig.get_line(chip, lines_for(b"me", &[1], flags)).unwrap();
        assert_eq!(rig.flags(chip, 1), flags | USED);
        assert_eq!(rig.consumer(chip, 1), b"me");
        rig.close(line);
        let stays = LineFlags::INPUT | LineFlags::OUTPUT | REALTIME;
        assert_eq!(rig.flags(chip, 1), flags & stays);
    }
}

#[test]
fn row_042_realtime_outlives_the_request() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], INPUT | REALTIME)).unwrap();
    rig.close(line);
    assert_eq!(rig.flags(chip, 0), INPUT | REALTIME);
    let v1 = crate::common::make::handle(&[0], gpio_uapi::abi::v1::HandleFlags::INPUT);
    let held = rig.get_handle(chip, v1).unwrap();
    assert_eq!(
        rig.flags(chip, 0),
        INPUT | REALTIME | USED,
        "a v1 request leaves it"
    );
    rig.close(held);
    let line = rig.get_line(chip, lines(&[0], INPUT)).unwrap();
    rig.close(line);
    assert_eq!(rig.flags(chip, 0), INPUT, "a v2 request does not");
}

#[test]
fn hogs_are_used_under_their_name() {
    let high = HogDirection::Output(Value::Active);
    let mut rig = Rig::with(Bank::new(2).hog(Offset::new(1), "power", high));
    let chip = rig.open();
    assert_eq!(rig.flags(chip, 1), OUTPUT | USED);
    assert_eq!(rig.consumer(chip, 1), b"power");
    assert_eq!(rig.get_line(chip, lines(&[1], INPUT)), Err(Errno::EBUSY));
}
