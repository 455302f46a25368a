//! `GPIO_V2_GET_LINE`: what is checked, in which order, and what a failure leaves behind.

use gpio_uapi::abi::ioctl::GPIO_V2_GET_LINE;
use gpio_uapi::abi::v2::LineRequest;
use gpio_uapi::abi::{FromBytes, IntoBytes};
use gpiolib::Errno;

use crate::common::make::{
    ACTIVE_LOW, BIT_60, EDGES, FALLING, HTE, INPUT, OPEN_DRAIN, OPEN_SOURCE, OUTPUT, PULL_DOWN,
    PULL_UP, REALTIME, RISING, USED, flags, handle, lines, lines_for, lines_keeping, lines_with,
};
use crate::common::{ARG, NOWHERE, READ_ONLY, Rig};

fn fails(rig: &mut Rig, chip: i32, request: LineRequest) -> Errno {
    let before = rig.program.open_count();
    let errno = rig.get_line(chip, request).unwrap_err();
    assert_eq!(rig.program.open_count(), before, "no descriptor leaks");
    errno
}

#[test]
fn row_008_from_1_to_64_lines() {
    let mut rig = Rig::new(64);
    let chip = rig.open();
    for num_lines in [0, 65, u32::MAX] {
        let request = LineRequest {
            num_lines,
            ..lines(&[0], INPUT)
        };
        assert_eq!(fails(&mut rig, chip, request), Errno::EINVAL);
    }
    let all: Vec<u32> = (0..64).collect();
    assert!(rig.get_line(chip, lines(&all, INPUT)).is_ok());
}

#[test]
fn row_009_padding_must_be_zero() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    for index in 0..5 {
        let mut request = lines(&[0], INPUT);
        request.padding[index] = 1;
        assert_eq!(fails(&mut rig, chip, request), Errno::EINVAL);
        let mut request = lines(&[0], INPUT);
        request.config.padding[index] = 1 << 31;
        assert_eq!(fails(&mut rig, chip, request), Errno::EINVAL);
    }
}

#[test]
fn row_015_used_is_not_for_programs() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    assert_eq!(
        fails(&mut rig, chip, lines(&[0], INPUT | USED)),
        Errno::EINVAL
    );
}

#[test]
fn row_016_hte_is_not_supported_but_unknown_bits_come_first() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    assert_eq!(
        fails(&mut rig, chip, lines(&[0], INPUT | HTE)),
        Errno::EOPNOTSUPP
    );
    assert_eq!(
        fails(&mut rig, chip, lines(&[0], INPUT | HTE | BIT_60)),
        Errno::EINVAL
    );
    assert_eq!(
        fails(&mut rig, chip, lines(&[0], INPUT | REALTIME | HTE)),
        Errno::EOPNOTSUPP
    );
    assert_eq!(
        fails(&mut rig, chip, lines(&[0], INPUT | OUTPUT | HTE)),
        Errno::EOPNOTSUPP
    );
    let first_line_decides = lines_with(&[0, 1], INPUT | HTE, &[flags(INPUT | OUTPUT, 1)]);
    assert_eq!(fails(&mut rig, chip, first_line_decides), Errno::EINVAL);
}

#[test]
fn row_017_realtime_needs_no_direction() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    assert!(rig.get_line(chip, lines(&[0], REALTIME)).is_ok());
    assert_eq!(rig.flags(chip, 0), INPUT | REALTIME | USED);
}

#[test]
fn row_018_outputs_may_have_a_bias() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    assert!(rig.get_line(chip, lines(&[0], OUTPUT | PULL_UP)).is_ok());
    assert!(rig.get_line(chip, lines(&[1], OUTPUT | PULL_DOWN)).is_ok());
}

#[test]
fn flags_that_do_not_go_together() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    for bad in [
        BIT_60 | INPUT,
        INPUT | OUTPUT,
        RISING,
        OUTPUT | FALLING,
        OUTPUT | OPEN_DRAIN | OPEN_SOURCE,
        OPEN_DRAIN,
        INPUT | OPEN_DRAIN,
        INPUT | OPEN_SOURCE,
        PULL_UP,
        INPUT | PULL_UP | PULL_DOWN,
    ] {
        assert_eq!(
            fails(&mut rig, chip, lines(&[0], bad)),
            Errno::EINVAL,
            "{bad:?}"
        );
    }
    for good in [
        ACTIVE_LOW,
        EDGES | ACTIVE_LOW | PULL_UP | REALTIME,
        OUTPUT | OPEN_SOURCE,
    ] {
        let line = rig.get_line(chip, lines(&[0], good)).unwrap();
        rig.close(line);
    }
}

#[test]
fn row_025_duplicate_offset_is_busy() {
    let mut rig = Rig::new(8);
    let (chip, watcher) = (rig.open(), rig.watcher());
    assert_eq!(
        fails(&mut rig, chip, lines(&[2, 3, 2], INPUT)),
        Errno::EBUSY
    );
    assert_eq!(rig.changes(watcher), "REQ2 REQ3 REL2 REL3");
}

#[test]
fn row_026_bad_offset_is_found_when_its_turn_comes() {
    let mut rig = Rig::new(8);
    let (chip, watcher) = (rig.open(), rig.watcher());
    assert_eq!(
        fails(&mut rig, chip, lines(&[2, 3, 99], INPUT)),
        Errno::EINVAL
    );
    assert_eq!(rig.changes(watcher), "REQ2 REQ3 REL2 REL3");
}

#[test]
fn row_027_the_first_bad_line_decides() {
    let mut rig = Rig::new(8);
    let chip = rig.open();
    rig.get_line(chip, lines(&[5], INPUT)).unwrap();
    assert_eq!(fails(&mut rig, chip, lines(&[5, 99], INPUT)), Errno::EBUSY);
    assert_eq!(fails(&mut rig, chip, lines(&[99, 5], INPUT)), Errno::EINVAL);
}

#[test]
fn row_028_flags_come_before_busy() {
    let mut rig = Rig::new(8);
    let chip = rig.open();
    rig.get_line(chip, lines(&[5], INPUT)).unwrap();
    assert_eq!(
        fails(&mut rig, chip, lines(&[5], INPUT | OUTPUT)),
        Errno::EINVAL
    );
}

#[test]
fn a_line_held_through_v1_is_busy() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.get_handle(chip, handle(&[1], gpio_uapi::abi::v1::HandleFlags::INPUT))
        .unwrap();
    assert_eq!(fails(&mut rig, chip, lines(&[1], INPUT)), Errno::EBUSY);
}

#[test]
fn row_029_a_failing_line_is_released_without_having_been_requested() {
    let mut rig = Rig::new(8);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let mut request = lines_with(&[2, 3], INPUT, &[flags(INPUT | RISING, 2)]);
    request.event_buffer_size = 1;
    assert_eq!(fails(&mut rig, chip, request), Errno::EINVAL);
    assert_eq!(rig.changes(watcher), "REQ2 REL2 REL3");
}

#[test]
fn row_031_the_largest_buffer_is_1024() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig
        .get_line(chip, lines_keeping(&[0], EDGES, u32::MAX))
        .unwrap();
    rig.pulse(0, 1030);
    let (first, second) = (rig.events(line), rig.events(line));
    assert_eq!(first.len() + second.len(), 1024);
    assert_eq!(first[0].seqno, 7);
}

#[test]
fn row_035_a_request_that_cannot_answer_is_undone() {
    let mut rig = Rig::new(8);
    let (chip, watcher) = (rig.open(), rig.watcher());
    let before = rig.program.open_count();
    rig.program.put(READ_ONLY, lines(&[2, 3], INPUT).as_bytes());
    assert_eq!(
        rig.ioctl_at(chip, GPIO_V2_GET_LINE, READ_ONLY),
        Err(Errno::EFAULT)
    );
    assert_eq!(rig.changes(watcher), "REQ2 REQ3 REL2 REL3");
    assert_eq!(rig.program.open_count(), before);
    assert!(rig.get_line(chip, lines(&[2, 3], INPUT)).is_ok());
}

#[test]
fn row_036_no_descriptor_left() {
    let mut rig = Rig::new(8);
    let (chip, watcher) = (rig.open(), rig.watcher());
    rig.program.limit = rig.program.open_count();
    assert_eq!(fails(&mut rig, chip, lines(&[2], INPUT)), Errno::EMFILE);
    assert_eq!(rig.changes(watcher), "REQ2 REL2");
}

#[test]
fn row_037_a_failure_leaves_the_structure_alone() {
    let mut rig = Rig::new(8);
    let chip = rig.open();
    rig.get_line(chip, lines(&[5], INPUT)).unwrap();
    for request in [
        lines(&[5], INPUT),
        lines(&[2, 99], INPUT),
        lines(&[2], INPUT | OUTPUT),
    ] {
        let mut sent = request;
        assert!(rig.ioctl(chip, GPIO_V2_GET_LINE, &mut sent).is_err());
        assert_eq!(sent, request);
    }
}

#[test]
fn success_changes_only_the_descriptor() {
    let mut rig = Rig::new(8);
    let chip = rig.open();
    let mut request = lines_for(&[b'w'; 32], &[5], INPUT);
    request.offsets[1..].fill(0xFFFF_FFFF);
    let before = request;
    rig.ioctl(chip, GPIO_V2_GET_LINE, &mut request).unwrap();
    assert!(request.fd > chip);
    assert_eq!(
        LineRequest {
            fd: before.fd,
            ..request
        },
        before
    );
}

#[test]
fn bad_pointers_are_efault() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    for arg in [0, NOWHERE, ARG - 8, u64::MAX - 100] {
        assert_eq!(
            rig.ioctl_at(chip, GPIO_V2_GET_LINE, arg),
            Err(Errno::EFAULT)
        );
    }
}

#[test]
fn row_038_consumers_are_cut_to_31_bytes() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.get_line(chip, lines_for(&[b'z'; 32], &[0], INPUT))
        .unwrap();
    assert_eq!(rig.consumer(chip, 0), [b'z'; 31]);
}

#[test]
fn row_039_no_consumer_is_a_question_mark() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.get_line(chip, lines_for(b"", &[0], INPUT)).unwrap();
    rig.get_line(chip, lines_for(b"\0abc", &[1], INPUT))
        .unwrap();
    assert_eq!(rig.consumer(chip, 0), b"?");
    assert_eq!(rig.consumer(chip, 1), b"?");
}

#[test]
fn row_040_consumers_are_any_bytes() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    rig.get_line(chip, lines_for(b"a\nb\xff", &[0], INPUT))
        .unwrap();
    assert_eq!(rig.consumer(chip, 0), b"a\nb\xff");
}

#[test]
fn every_single_bit_of_a_request_is_judged_without_panic() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let good = lines(&[0], INPUT);
    for bit in 0..size_of::<LineRequest>() * 8 {
        let mut bytes = good.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let request = LineRequest::read_from_bytes(&bytes).unwrap();
        if let Ok(fd) = rig.get_line(chip, request) {
            rig.close(fd);
        }
    }
}
