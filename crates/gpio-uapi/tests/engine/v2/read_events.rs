//! `read` on a line request.

use gpio_uapi::{Outcome, Readiness};
use gpiolib::Errno;

use crate::common::make::{EDGES, INPUT, config, lines};
use crate::common::{BUFFER, NOWHERE, READ_ONLY, Rig};

fn edges(rig: &mut Rig) -> i32 {
    let chip = rig.open();
    rig.get_line(chip, lines(&[0], EDGES)).unwrap()
}

#[test]
fn row_059_too_small_is_einval_even_when_empty() {
    let mut rig = Rig::new(4);
    let line = edges(&mut rig);
    for len in [0, 1, 47] {
        assert_eq!(rig.read(line, len), Err(Errno::EINVAL));
        assert_eq!(
            rig.read_at(line, BUFFER, len, false),
            Outcome::Fail(Errno::EINVAL)
        );
    }
    assert_eq!(rig.read(line, 48), Err(Errno::EAGAIN));
}

#[test]
fn row_060_whole_records_only() {
    let mut rig = Rig::new(4);
    let line = edges(&mut rig);
    rig.pulse(0, 5);
    assert_eq!(rig.read_len(line, 100), Ok(96));
    assert_eq!(rig.read_len(line, 48), Ok(48));
    assert_eq!(rig.read_len(line, 9999), Ok(96));
}

#[test]
fn row_061_a_record_that_cannot_be_copied_is_lost() {
    let mut rig = Rig::new(4);
    let line = edges(&mut rig);
    rig.pulse(0, 3);
    assert_eq!(
        rig.read_at(line, NOWHERE, 48, true),
        Outcome::Fail(Errno::EFAULT)
    );
    assert_eq!(
        rig.events(line)
            .iter()
            .map(|event| event.seqno)
            .collect::<Vec<_>>(),
        [2, 3]
    );
}

#[test]
fn row_062_and_so_are_those_copied_before_it() {
    let mut rig = Rig::new(4);
    let line = edges(&mut rig);
    rig.pulse(0, 2);
    let lost = rig.read_at(line, READ_ONLY - 48, 480, true);
    assert_eq!(lost, Outcome::Fail(Errno::EFAULT));
    assert_eq!(rig.read(line, 48), Err(Errno::EAGAIN));
}

#[test]
fn row_063_a_sleeping_read_returns_with_the_first_event() {
    let mut rig = Rig::new(4);
    let line = edges(&mut rig);
    assert_eq!(
        rig.read_at(line, BUFFER, 480, false),
        Outcome::Wait(Readiness::Readable)
    );
    rig.pull(0, 1);
    assert_eq!(rig.read_at(line, BUFFER, 480, false), Outcome::Done(48));
}

#[test]
fn row_064_without_edges_there_is_just_nothing() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig.get_line(chip, lines(&[0], INPUT)).unwrap();
    assert_eq!(rig.read(line, 48), Err(Errno::EAGAIN));
    assert_eq!(
        rig.read_at(line, BUFFER, 48, false),
        Outcome::Wait(Readiness::Readable)
    );
    rig.set_config(line, config(EDGES, &[])).unwrap();
    rig.pull(0, 1);
    assert_eq!(rig.read_at(line, BUFFER, 48, false), Outcome::Done(48));
}

#[test]
fn row_114e_each_segment_of_a_vector_is_a_read_of_its_own() {
    let mut rig = Rig::new(4);
    let line = edges(&mut rig);
    rig.pull(0, 1);
    assert_eq!(rig.read_at(line, BUFFER, 48, false), Outcome::Done(48));
    assert_eq!(
        rig.read_at(line, BUFFER + 48, 48, false),
        Outcome::Wait(Readiness::Readable)
    );
}
