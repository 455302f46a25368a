//! `GPIO_GET_LINEINFO`.

use gpio_sim::Bank;
use gpio_uapi::abi::IntoBytes;
use gpio_uapi::abi::common::until_nul;
use gpio_uapi::abi::ioctl::GPIO_GET_LINEINFO;
use gpio_uapi::abi::v1::{EventFlags, HandleFlags, LineInfoFlags, LineInfoV1};
use gpiolib::{Errno, Offset};

use crate::common::make::{
    ACTIVE_LOW, EDGES, INPUT, OPEN_DRAIN, OUTPUT, PULL_UP, REALTIME, USED, event, handle, lines,
    lines_for,
};
use crate::common::{NOWHERE, READ_ONLY, Rig};

fn get(rig: &mut Rig, chip: i32, line_offset: u32) -> Result<LineInfoV1, Errno> {
    let mut info = LineInfoV1 {
        line_offset,
        ..Default::default()
    };
    rig.ioctl(chip, GPIO_GET_LINEINFO, &mut info).map(|()| info)
}

fn flags(rig: &mut Rig, chip: i32, offset: u32) -> LineInfoFlags {
    LineInfoFlags::from_bits(get(rig, chip, offset).unwrap().flags).unwrap()
}

#[test]
fn garbage_in_output_members_is_overwritten() {
    let mut rig = Rig::with(Bank::new(4).name(Offset::new(2), "named"));
    let chip = rig.open();
    let mut info = LineInfoV1::default();
    info.as_mut_bytes().fill(0xEE);
    info.line_offset = 2;
    rig.ioctl(chip, GPIO_GET_LINEINFO, &mut info).unwrap();
    assert_eq!(until_nul(&info.name), b"named");
    assert_eq!((info.flags, info.consumer), (0, [0; 32]));
}

#[test]
fn row_005_offset_beyond_the_last_line() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    for offset in [4, u32::MAX] {
        assert_eq!(get(&mut rig, chip, offset), Err(Errno::EINVAL));
    }
    assert_eq!(
        rig.ioctl_at(chip, GPIO_GET_LINEINFO, NOWHERE),
        Err(Errno::EFAULT)
    );
    assert_eq!(
        rig.ioctl_at(chip, GPIO_GET_LINEINFO, READ_ONLY),
        Err(Errno::EFAULT)
    );
}

#[test]
fn shows_what_v1_has_words_for() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.get_line(chip, lines_for(b"me", &[0], EDGES | PULL_UP | REALTIME))
        .unwrap();
    rig.get_line(chip, lines(&[1], OUTPUT | OPEN_DRAIN | ACTIVE_LOW))
        .unwrap();
    let kernel = LineInfoFlags::KERNEL;
    assert_eq!(
        flags(&mut rig, chip, 0),
        kernel | LineInfoFlags::BIAS_PULL_UP
    );
    let output = LineInfoFlags::IS_OUT | LineInfoFlags::OPEN_DRAIN | LineInfoFlags::ACTIVE_LOW;
    assert_eq!(flags(&mut rig, chip, 1), kernel | output);
    assert_eq!(flags(&mut rig, chip, 2), LineInfoFlags::empty());
    assert_eq!(until_nul(&get(&mut rig, chip, 0).unwrap().consumer), b"me");
}

#[test]
fn row_095_a_line_event_shows_no_edges_in_v2() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.get_event(chip, event(0, HandleFlags::INPUT, EventFlags::all()))
        .unwrap();
    assert_eq!(rig.flags(chip, 0), INPUT | USED);
}

#[test]
fn v1_holders_in_v2_info() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let wanted = HandleFlags::OUTPUT | HandleFlags::OPEN_DRAIN | HandleFlags::BIAS_PULL_UP;
    rig.get_handle(chip, handle(&[0], wanted)).unwrap();
    assert_eq!(rig.flags(chip, 0), OUTPUT | OPEN_DRAIN | PULL_UP | USED);
    assert_eq!(rig.consumer(chip, 0), b"?");
}
