//! What `poll` sees, and who is woken.

use gpio_uapi::abi::v1::{EventFlags, HandleFlags};
use gpio_uapi::{Outcome, PollMask, Readiness};
use gpiolib::Errno;

use crate::common::make::{EDGES, INPUT, event, handle, lines, lines_keeping};
use crate::common::{BUFFER, Rig, Wakes};

#[test]
fn row_066_a_line_request_is_empty_or_readable() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    assert_eq!(rig.poll(line).bits(), 0);
    rig.pull(0, 1);
    assert_eq!(rig.poll(line).bits(), 0x41);
    rig.events(line);
    assert_eq!(rig.poll(line).bits(), 0);
}

#[test]
fn chip_files_and_line_events_are_empty_or_readable() {
    let mut rig = Rig::new(4);
    let watcher = rig.watcher();
    assert_eq!(rig.poll(watcher), PollMask::empty());
    let edge = rig
        .get_event(watcher, event(0, HandleFlags::INPUT, EventFlags::all()))
        .unwrap();
    assert_eq!(rig.poll(watcher), PollMask::READABLE);
    assert_eq!(rig.poll(edge), PollMask::empty());
    rig.pull(0, 1);
    assert_eq!(rig.poll(edge), PollMask::READABLE);
}

#[test]
fn row_067_overflow_wakes_nobody() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines_keeping(&[0], EDGES, 2)).unwrap();
    let (wakes, waker) = Wakes::new();
    rig.file(line).set_waker(waker);
    rig.pulse(0, 2);
    assert_eq!(wakes.take(), 2);
    rig.pulse(0, 2);
    assert_eq!(wakes.take(), 0, "the queue was full");
    assert_eq!(
        rig.events(line)
            .iter()
            .map(|event| event.seqno)
            .collect::<Vec<_>>(),
        [3, 4]
    );
}

#[test]
fn row_068_a_handle_is_always_ready() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let held = rig
        .get_handle(chip, handle(&[0], HandleFlags::INPUT))
        .unwrap();
    assert_eq!(rig.poll(held).bits(), 0x145);
    assert!(!rig.file(held).kind().has_events(), "epoll refuses it");
    rig.unplug();
    assert_eq!(rig.poll(held).bits(), 0x145);
}

#[test]
fn row_109_removal_hangs_up() {
    let mut rig = Rig::new(4);
    let watcher = rig.watcher();
    let line = rig.get_line(watcher, lines(&[0], EDGES)).unwrap();
    let edge = rig
        .get_event(watcher, event(1, HandleFlags::INPUT, EventFlags::all()))
        .unwrap();
    let (wakes, waker) = Wakes::new();
    for fd in [watcher, line, edge] {
        rig.file(fd).set_waker(waker.clone());
    }
    rig.unplug();
    assert!(wakes.take() >= 3);
    for fd in [watcher, line, edge] {
        assert_eq!(rig.poll(fd).bits(), 0x18);
    }
}

#[test]
fn row_110_removal_hides_what_is_queued() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    rig.pulse(0, 3);
    rig.unplug();
    assert_eq!(rig.poll(line).bits(), 0x18);
    assert_eq!(rig.read(line, 480), Err(Errno::ENODEV));
}

#[test]
fn info_changes_wake_only_while_there_is_room() {
    let mut rig = Rig::new(4);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let (wakes, waker) = Wakes::new();
    rig.file(watcher).set_waker(waker);
    for _ in 0..20 {
        let line = rig.get_line(chip, lines(&[0], INPUT)).unwrap();
        rig.close(line);
    }
    assert_eq!(wakes.take(), 32);
}

#[test]
fn row_114c_one_event_satisfies_one_of_two_readers() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], EDGES)).unwrap();
    let asleep = Outcome::Wait(Readiness::Readable);
    assert_eq!(rig.read_at(line, BUFFER, 48, false), asleep);
    assert_eq!(rig.read_at(line, BUFFER, 48, false), asleep);
    rig.pull(0, 1);
    assert_eq!(rig.read_at(line, BUFFER, 48, false), Outcome::Done(48));
    assert_eq!(rig.read_at(line, BUFFER, 48, false), asleep);
}
