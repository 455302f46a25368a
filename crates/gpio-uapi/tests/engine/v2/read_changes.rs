//! `read` on a chip file whose watches are v2.

use gpio_uapi::abi::v2::LineInfoChanged;
use gpio_uapi::{Outcome, Readiness};
use gpiolib::Errno;

use crate::common::make::{INPUT, lines, lines_for};
use crate::common::{BUFFER, NOWHERE, Rig};

fn request_and_release(rig: &mut Rig, chip: i32, times: u32) {
    for _ in 0..times {
        let line = rig.get_line(chip, lines(&[0], INPUT)).unwrap();
        rig.close(line);
    }
}

#[test]
fn row_080_small_buffer_on_an_empty_queue_is_eagain() {
    let mut rig = Rig::new(4);
    let watcher = rig.watcher();
    for len in [0, 1, 287, 288] {
        assert_eq!(rig.read(watcher, len), Err(Errno::EAGAIN));
    }
}

#[test]
fn row_081_small_buffer_is_einval_once_a_record_is_there() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    assert_eq!(
        rig.read_at(watcher, BUFFER, 10, false),
        Outcome::Wait(Readiness::Readable)
    );
    rig.get_line(chip, lines(&[1], INPUT)).unwrap();
    assert_eq!(
        rig.read_at(watcher, BUFFER, 10, false),
        Outcome::Fail(Errno::EINVAL)
    );
    assert_eq!(rig.changes(watcher), "REQ1", "the record was kept");
}

#[test]
fn as_many_whole_records_as_fit() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    for (len, given) in [(288, 288), (575, 288), (576, 576), (864, 864), (4096, 2880)] {
        request_and_release(&mut rig, chip, 5);
        assert_eq!(rig.read_len(watcher, len), Ok(given));
        rig.changes(watcher);
    }
}

#[test]
fn row_083_the_oldest_32_are_kept() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    for number in 0..20 {
        let line = rig.get_line(
            chip,
            lines_for(format!("n{number}").as_bytes(), &[0], INPUT),
        );
        rig.close(line.unwrap());
    }
    let records: Vec<LineInfoChanged> = rig.records(watcher);
    assert_eq!(records.len(), 32);
    assert_eq!(records[0].info.consumer[..2], *b"n0");
    assert_eq!(records[30].info.consumer[..3], *b"n15");
    request_and_release(&mut rig, chip, 1);
    assert_eq!(rig.changes(watcher), "REQ0 REL0");
}

#[test]
fn a_record_that_cannot_be_copied_is_lost() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    request_and_release(&mut rig, chip, 1);
    let lost = rig.read_at(watcher, NOWHERE, 288, true);
    assert_eq!(lost, Outcome::Fail(Errno::EFAULT));
    assert_eq!(rig.changes(watcher), "REL0");
}

#[test]
fn a_chip_never_watched_is_never_readable() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.get_line(chip, lines(&[0], INPUT)).unwrap();
    assert_eq!(rig.read(chip, 288), Err(Errno::EAGAIN));
    assert_eq!(rig.read(chip, 1), Err(Errno::EAGAIN));
}
