//! `GPIO_GET_CHIPINFO`.

use gpio_sim::Bank;
use gpio_uapi::abi::common::{ChipInfo, until_nul};
use gpio_uapi::abi::ioctl::GPIO_GET_CHIPINFO;
use gpio_uapi::{File, FileKind, MemoryRecords};
use gpiolib::Errno;

use crate::common::{NOWHERE, READ_ONLY, Rig};

#[test]
fn tells_name_label_and_lines() {
    let mut rig = Rig::with(Bank::new(6).label("demo"));
    let chip = rig.open();
    let mut info = ChipInfo {
        name: [0xEE; 32],
        label: [0xEE; 32],
        lines: 77,
    };
    rig.ioctl(chip, GPIO_GET_CHIPINFO, &mut info).unwrap();
    assert_eq!(until_nul(&info.name), b"gpiochip0");
    assert_eq!(until_nul(&info.label), b"demo");
    assert_eq!(info.name[9..], [0; 23]);
    assert_eq!(info.lines, 6);
}

#[test]
fn row_004_label_of_50_bytes_is_cut_to_31() {
    let mut rig = Rig::with(Bank::new(1).label(&"x".repeat(50)));
    let chip = rig.open();
    let mut info = ChipInfo::default();
    rig.ioctl(chip, GPIO_GET_CHIPINFO, &mut info).unwrap();
    assert_eq!(info.label[..31], [b'x'; 31]);
    assert_eq!(info.label[31], 0);
}

#[test]
fn only_a_bad_pointer_fails() {
    let mut rig = Rig::new(1);
    let chip = rig.open();
    assert_eq!(
        rig.ioctl_at(chip, GPIO_GET_CHIPINFO, NOWHERE),
        Err(Errno::EFAULT)
    );
    assert_eq!(
        rig.ioctl_at(chip, GPIO_GET_CHIPINFO, READ_ONLY),
        Err(Errno::EFAULT)
    );
    assert_eq!(
        rig.ioctl_at(chip, GPIO_GET_CHIPINFO, u64::MAX - 3),
        Err(Errno::EFAULT)
    );
}

#[test]
fn two_chips_have_two_names() {
    let mut rig = Rig::new(2);
    let device = rig.other.as_ref().unwrap().device().clone();
    let file = File::open(&device, Box::new(MemoryRecords::new())).unwrap();
    assert_eq!(file.kind(), FileKind::Chip);
    let chip = rig.program.add(file);
    let mut info = ChipInfo::default();
    rig.ioctl(chip, GPIO_GET_CHIPINFO, &mut info).unwrap();
    assert_eq!((until_nul(&info.name), info.lines), (&b"gpiochip1"[..], 4));
}
