//! Who keeps what alive, and what is left when the chip goes.

use gpio_sim::Bank;
use gpio_uapi::abi::ioctl;
use gpio_uapi::abi::v1::{EventFlags, HandleFlags};
use gpio_uapi::{File, FileKind, MemoryRecords, Outcome, Readiness};
use gpiolib::Errno;

use crate::common::make::{EDGES, INPUT, OUTPUT, USED, event, handle, lines, lines_with, values};
use crate::common::{ARG, BUFFER, Rig};

#[test]
fn row_041_last_close_releases() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[1], OUTPUT)).unwrap();
    assert!(rig.flags(chip, 1).contains(USED));
    rig.close(line);
    assert_eq!(rig.flags(chip, 1), OUTPUT, "the direction stays");
    assert_eq!(rig.consumer(chip, 1), b"");
}

#[test]
fn row_107_closing_the_chip_changes_nothing() {
    let mut rig = Rig::new(4);
    let (chip, other) = (rig.open(), rig.open());
    let line = rig.get_line(chip, lines(&[1], EDGES)).unwrap();
    rig.close(chip);
    assert!(rig.flags(other, 1).contains(USED));
    rig.pull(1, 1);
    assert_eq!(rig.values(line, 1), Ok(1));
    assert_eq!(rig.events(line).len(), 1);
}

#[test]
fn row_108_lines_stay_until_the_last_reference() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[1], INPUT)).unwrap();
    let elsewhere = rig.file(line);
    rig.close(line);
    assert!(rig.flags(chip, 1).contains(USED));
    drop(elsewhere);
    assert!(!rig.flags(chip, 1).contains(USED));
}

#[test]
fn row_111_removal_beats_the_size_check() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    let edge = rig
        .get_event(chip, event(1, HandleFlags::INPUT, EventFlags::all()))
        .unwrap();
    let held = rig
        .get_handle(chip, handle(&[2], HandleFlags::INPUT))
        .unwrap();
    rig.unplug();
    for fd in [chip, line, edge] {
        for len in [0, 1, 4096] {
            assert_eq!(rig.read(fd, len), Err(Errno::ENODEV));
        }
    }
    assert_eq!(
        rig.read(held, 64),
        Err(Errno::EINVAL),
        "a handle cannot be read at all"
    );
}

#[test]
fn row_112_and_files_close_after_removal_without_a_record() {
    let mut rig = Rig::new(4);
    let watcher = rig.watcher();
    let line = rig.get_line(watcher, lines(&[0], INPUT)).unwrap();
    let held = rig
        .get_handle(watcher, handle(&[2], HandleFlags::INPUT))
        .unwrap();
    rig.unplug();
    assert_eq!(rig.poll(held).bits(), 0x145);
    rig.close(line);
    rig.close(held);
    rig.close(watcher);
}

#[test]
fn row_113_a_dead_chip_keeps_its_id_while_a_file_is_open() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], INPUT)).unwrap();
    let gone = rig.device.id();
    rig.unplug();
    rig.device = rig.other.as_ref().unwrap().device().clone();
    rig.close(chip);
    let second = Bank::new(4).register(&rig.registry).unwrap();
    assert_ne!(second.device().id(), gone, "a lone line keeps the old id");
    rig.close(line);
    let third = Bank::new(4).register(&rig.registry).unwrap();
    assert_eq!(third.device().id(), gone);
}

#[test]
fn a_dead_chip_cannot_be_opened() {
    let mut rig = Rig::new(4);
    let device = rig.device.clone();
    rig.unplug();
    assert_eq!(
        File::open(&device, Box::new(MemoryRecords::new())).err(),
        Some(Errno::ENODEV)
    );
}

#[test]
fn row_114_a_sleeping_reader_finds_the_chip_gone() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    assert_eq!(
        rig.read_at(line, BUFFER, 48, false),
        Outcome::Wait(Readiness::Readable)
    );
    rig.unplug();
    assert_eq!(
        rig.read_at(line, BUFFER, 48, false),
        Outcome::Fail(Errno::ENODEV)
    );
}

#[test]
fn row_115_fdinfo_outlives_the_chip() {
    let mut rig = Rig::new(8);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[5, 2], INPUT)).unwrap();
    let held = rig
        .get_handle(chip, handle(&[3], HandleFlags::INPUT))
        .unwrap();
    rig.unplug();
    let expected = "gpio-chip:\tgpiochip0\ngpio-line:\t5\ngpio-line:\t2\n";
    assert_eq!(rig.file(line).fdinfo(), expected);
    assert_eq!(rig.file(held).fdinfo(), "");
    assert_eq!(rig.file(chip).fdinfo(), "");
}

#[test]
fn row_073_links_say_what_a_file_is() {
    assert_eq!(FileKind::Chip.link(), None);
    assert_eq!(FileKind::LineRequest.link(), Some("anon_inode:gpio-line"));
    assert_eq!(
        FileKind::LineHandle.link(),
        Some("anon_inode:gpio-linehandle")
    );
    assert_eq!(FileKind::LineEvent.link(), Some("anon_inode:gpio-event"));
}

#[test]
fn levels_go_back_to_the_pull_on_release() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig
        .get_line(chip, lines_with(&[0], OUTPUT, &[values(1, 1)]))
        .unwrap();
    assert_eq!(rig.level(0), 1);
    rig.close(line);
    assert_eq!(rig.level(0), 0);
}

#[test]
fn removal_of_one_chip_leaves_the_other() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.unplug();
    rig.device = rig.other.as_ref().unwrap().device().clone();
    let other = rig.open();
    assert_eq!(
        rig.ioctl_at(chip, ioctl::GPIO_GET_CHIPINFO, ARG),
        Err(Errno::ENODEV)
    );
    assert_eq!(rig.ioctl_at(other, ioctl::GPIO_GET_CHIPINFO, ARG), Ok(0));
}
