//! One file, several threads, and a chip that goes while they are inside.

use std::sync::Barrier;
use std::thread;

use gpio_uapi::abi::v2::LineValues;
use gpio_uapi::abi::{IntoBytes, ioctl};
use gpio_uapi::{Outcome, PollMask};
use gpiolib::{Errno, Level, Offset, Timestamp};

use crate::common::make::{EDGES, OUTPUT, config, debounce, lines_with};
use crate::common::{ARG, BUFFER, Process, Rig};

/// Calls `ioctl` with `argument` until the chip is gone; every other answer must be a success.
fn hammer(file: &gpio_uapi::File, cmd: u32, argument: &[u8]) -> u64 {
    let mut program = Process::new();
    for calls in 0.. {
        program.put(ARG, argument);
        match file.ioctl(cmd, ARG, &mut program, Timestamp::at(calls)) {
            Outcome::Done(0) => {}
            other => {
                assert_eq!(other, Outcome::Fail(Errno::ENODEV));
                return calls;
            }
        }
    }
    unreachable!("the chip goes before the numbers do")
}

#[test]
fn threads_share_a_request_until_the_chip_goes() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let line = rig
        .get_line(chip, lines_with(&[0, 1], EDGES, &[debounce(1, 0b10)]))
        .unwrap();
    let file = rig.file(line);
    let sim = rig.sim.take().unwrap();
    let started = Barrier::new(4);
    let values = LineValues {
        bits: 0,
        mask: 0b11,
    };
    let (plain, slow) = (config(EDGES, &[]), config(EDGES, &[debounce(1, 0b11)]));
    thread::scope(|scope| {
        for (cmd, argument) in [
            (ioctl::GPIO_V2_LINE_GET_VALUES, values.as_bytes()),
            (ioctl::GPIO_V2_LINE_SET_CONFIG, plain.as_bytes()),
            (ioctl::GPIO_V2_LINE_SET_CONFIG, slow.as_bytes()),
        ] {
            let (file, started) = (&file, &started);
            scope.spawn(move || {
                started.wait();
                hammer(file, cmd, argument);
            });
        }
        started.wait();
        let mut reader = Process::new();
        for number in 0..2_000_u64 {
            let now = Timestamp::at(number * 1_000_000);
            sim.set_pull(Offset::new(0), Level::from(number % 2 == 0), now)
                .unwrap();
            sim.set_pull(Offset::new(1), Level::from(number % 2 == 0), now)
                .unwrap();
            file.advance(now);
            match file.read(BUFFER, 480, true, &mut reader, now) {
                Outcome::Done(bytes) => assert_eq!(bytes % 48, 0),
                other => assert_eq!(other, Outcome::Fail(Errno::EAGAIN)),
            }
        }
        sim.unplug();
    });
    assert_eq!(file.poll(), PollMask::GONE);
}

#[test]
fn one_of_many_threads_gets_a_line() {
    let mut rig = Rig::new(4);
    let chip = rig.open();
    let file = rig.file(chip);
    let started = Barrier::new(4);
    let request = lines_with(&[2], OUTPUT, &[]);
    let outcomes: Vec<(Outcome, Process)> = thread::scope(|scope| {
        let attempt = || {
            let mut program = Process::new();
            program.put(ARG, request.as_bytes());
            started.wait();
            let outcome = file.ioctl(ioctl::GPIO_V2_GET_LINE, ARG, &mut program, Timestamp::at(1));
            // The program lives on, so that the winner keeps the line.
            (outcome, program)
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(attempt)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let won = outcomes
        .iter()
        .filter(|(outcome, _)| *outcome == Outcome::Done(0))
        .count();
    let busy = Outcome::Fail(Errno::EBUSY);
    let lost = outcomes
        .iter()
        .filter(|(outcome, _)| *outcome == busy)
        .count();
    assert_eq!((won, lost), (1, 3));
}
