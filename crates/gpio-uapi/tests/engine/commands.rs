//! Unknown ioctls, and known ones on the wrong kind of file.

use gpio_uapi::abi::ioctl;
use gpio_uapi::abi::v1::{EventFlags, HandleFlags};
use gpiolib::Errno;

use crate::common::make::{INPUT, event, handle, lines};
use crate::common::{ARG, NOWHERE, Rig};

const TCGETS: u32 = 0x5401;
const FIONREAD: u32 = 0x541B;

/// A chip file, a line request, a line handle and a line event.
fn four(rig: &mut Rig) -> [i32; 4] {
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], INPUT)).unwrap();
    let held = rig
        .get_handle(chip, handle(&[1], HandleFlags::INPUT))
        .unwrap();
    let edge = rig
        .get_event(chip, event(2, HandleFlags::INPUT, EventFlags::RISING_EDGE))
        .unwrap();
    [chip, line, held, edge]
}

#[test]
fn row_001_unknown_ioctl_is_einval() {
    let mut rig = Rig::new(4);
    for fd in four(&mut rig) {
        for cmd in [
            0,
            TCGETS,
            FIONREAD,
            u32::MAX,
            ioctl::GPIO_GET_CHIPINFO + 0x100,
        ] {
            assert_eq!(
                rig.ioctl_at(fd, cmd, ARG),
                Err(Errno::EINVAL),
                "{cmd:#x} on {fd}"
            );
            assert_eq!(
                rig.ioctl_at(fd, cmd, NOWHERE),
                Err(Errno::EINVAL),
                "{cmd:#x} on {fd}"
            );
        }
    }
}

#[test]
fn a_known_ioctl_of_another_size_is_einval() {
    let mut rig = Rig::new(4);
    for fd in four(&mut rig) {
        for (cmd, name) in ioctl::ALL {
            for wrong in [cmd + 0x1_0000, cmd - 0x1_0000, cmd ^ 0x4000_0000] {
                assert_eq!(
                    rig.ioctl_at(fd, wrong, ARG),
                    Err(Errno::EINVAL),
                    "{name} on {fd}"
                );
            }
        }
    }
}

#[test]
fn row_002_ioctl_of_another_kind_of_file_is_einval() {
    let mut rig = Rig::new(4);
    let [chip, line, held, edge] = four(&mut rig);
    let is_of = |fd: i32, name: &str| match name {
        "GPIOHANDLE_GET_LINE_VALUES" => fd == held || fd == edge,
        name if name.starts_with("GPIOHANDLE_") => fd == held,
        name if name.starts_with("GPIO_V2_LINE_") => fd == line,
        _ => fd == chip,
    };
    for fd in [chip, line, held, edge] {
        for (cmd, name) in ioctl::ALL.iter().filter(|(_, name)| !is_of(fd, name)) {
            assert_eq!(
                rig.ioctl_at(fd, *cmd, ARG),
                Err(Errno::EINVAL),
                "{name} on {fd}"
            );
        }
    }
}

#[test]
fn row_003_after_removal_any_ioctl_is_enodev() {
    let mut rig = Rig::new(4);
    let files = four(&mut rig);
    rig.unplug();
    for fd in files {
        for cmd in [
            0,
            TCGETS,
            ioctl::GPIO_GET_CHIPINFO,
            ioctl::GPIO_V2_LINE_GET_VALUES,
        ] {
            assert_eq!(
                rig.ioctl_at(fd, cmd, NOWHERE),
                Err(Errno::ENODEV),
                "{cmd:#x} on {fd}"
            );
        }
    }
}
