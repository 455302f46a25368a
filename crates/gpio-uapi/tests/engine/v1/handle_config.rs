//! `GPIOHANDLE_SET_CONFIG`.

use gpio_uapi::abi::ioctl::GPIOHANDLE_SET_CONFIG;
use gpio_uapi::abi::v1::{HandleConfig, HandleFlags};
use gpiolib::Errno;

use crate::common::make::{ACTIVE_LOW, INPUT, OUTPUT, PULL_UP, USED, handle, handle_with};
use crate::common::{NOWHERE, Rig};

fn configure(rig: &mut Rig, held: i32, flags: HandleFlags, values: &[u8]) -> Result<(), Errno> {
    let mut config = HandleConfig {
        flags: flags.bits(),
        ..Default::default()
    };
    config.default_values[..values.len()].copy_from_slice(values);
    rig.ioctl(held, GPIOHANDLE_SET_CONFIG, &mut config)
}

#[test]
fn row_091_a_direction_is_needed_and_padding_is_not_looked_at() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let held = rig
        .get_handle(chip, handle(&[0], HandleFlags::INPUT))
        .unwrap();
    for flags in [HandleFlags::empty(), HandleFlags::ACTIVE_LOW] {
        assert_eq!(configure(&mut rig, held, flags, &[]), Err(Errno::EINVAL));
    }
    let flags = HandleFlags::INPUT.bits();
    let mut padded = HandleConfig {
        flags,
        padding: [1, 2, 3, 4],
        ..Default::default()
    };
    assert_eq!(rig.ioctl(held, GPIOHANDLE_SET_CONFIG, &mut padded), Ok(()));
}

#[test]
fn reconfigures_every_line_and_tells_it() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let request = handle_with(&[0, 1], HandleFlags::OUTPUT, &[1, 1]);
    let held = rig.get_handle(chip, request).unwrap();
    rig.changes(watcher);
    configure(
        &mut rig,
        held,
        HandleFlags::INPUT | HandleFlags::BIAS_PULL_UP,
        &[],
    )
    .unwrap();
    assert_eq!(rig.flags(chip, 1), INPUT | PULL_UP | USED);
    let output = HandleFlags::OUTPUT | HandleFlags::ACTIVE_LOW;
    configure(&mut rig, held, output, &[1]).unwrap();
    assert_eq!(rig.handle_values(held, 2).unwrap(), [1, 0]);
    assert_eq!((rig.level(0), rig.level(1)), (0, 1));
    assert_eq!(rig.flags(chip, 0), OUTPUT | ACTIVE_LOW | USED);
    assert_eq!(rig.changes(watcher), "CFG0 CFG1 CFG0 CFG1");
}

#[test]
fn flags_are_checked_as_in_a_request() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let held = rig
        .get_handle(chip, handle(&[0], HandleFlags::INPUT))
        .unwrap();
    for flags in [
        HandleFlags::INPUT | HandleFlags::OUTPUT,
        HandleFlags::INPUT | HandleFlags::from_bits_retain(0x100),
        HandleFlags::INPUT | HandleFlags::BIAS_PULL_UP | HandleFlags::BIAS_PULL_DOWN,
    ] {
        assert_eq!(configure(&mut rig, held, flags, &[]), Err(Errno::EINVAL));
    }
    assert_eq!(
        rig.ioctl_at(held, GPIOHANDLE_SET_CONFIG, NOWHERE),
        Err(Errno::EFAULT)
    );
}
