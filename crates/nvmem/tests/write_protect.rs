//! The write-protect line: N1 to N11 of the lifetime model, and I13 to I16 across the two crates.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use common::{Board, Memory, SIZE, Seen};
use gpiolib::{Label, LookupFlags, Offset, Registration, Scope, Value};
use nvmem::{Access, CellInfo, Config, Error, Id, Keepout, Provider, WriteProtect};

fn consumer_of(board: &Board) -> Option<Label> {
    let chip = board.chip.as_ref().unwrap();
    chip.device().line(Offset::new(0)).unwrap().info().consumer
}

#[test]
fn n01_ignored_protection_makes_no_gpio_call() {
    let board = Board::new();
    let (memory, seen) = board.memory();
    let config = board.protected_by(WriteProtect::Ignored);
    let registration = board.memories.register(config, memory).unwrap();
    registration.device().write(0, &[1, 2]).unwrap();
    registration.unregister();
    assert_eq!(Seen::count(&seen.writes), 1);
    assert!(board.wire.calls().is_empty());
}

#[test]
fn n02_the_core_requests_the_line_once_as_protecting_output() {
    let board = Board::new();
    let registration = board
        .memories
        .register(board.config(), board.memory().0)
        .unwrap();
    assert_eq!(board.wire.calls(), ["request", "out high"]);
    assert_eq!(consumer_of(&board), Some("wp".into()));
    assert_eq!(board.request("other").err(), Some(gpiolib::Error::Busy));
    drop(registration);
    assert_eq!(board.wire.calls(), ["free"]);

    let nobody = gpiolib::Consumer::new(&board.lines, "without wp");
    let config = board.protected_by(WriteProtect::Lookup(nobody));
    let registration = board.memories.register(config, board.memory().0).unwrap();
    registration.device().write(0, &[1]).unwrap();
    assert!(board.wire.calls().is_empty(), "no such line is fine");
}

#[test]
fn n03_a_given_handle_is_not_requested_again() {
    let board = Board::new();
    let line = board.request("mine").unwrap();
    assert_eq!(board.wire.calls(), ["request"]);
    let config = board.protected_by(WriteProtect::shared(&line));
    let registration = board.memories.register(config, board.memory().0).unwrap();
    assert_eq!(board.wire.calls(), ["out high"], "set to protect, once");
    assert_eq!(consumer_of(&board), Some("mine".into()));
    drop(registration);
}

#[test]
fn n04_every_write_is_bracketed_also_when_it_fails_or_panics() {
    let board = Board::new();
    let (memory, seen) = board.memory();
    let registration = board.memories.register(board.config(), memory).unwrap();
    let device = registration.device();
    board.wire.calls();

    device.write(0, &[1]).unwrap();
    assert_eq!(board.wire.calls(), ["low", "high"]);
    device.read(0, &mut [0]).unwrap();
    assert!(board.wire.calls().is_empty(), "reads leave it alone");

    seen.fail.store(true, Ordering::SeqCst);
    assert_eq!(device.write(0, &[1]), Err(Error::Io));
    assert_eq!(board.wire.calls(), ["low", "high"]);

    seen.panic.store(true, Ordering::SeqCst);
    assert!(catch_unwind(AssertUnwindSafe(|| device.write(0, &[1]))).is_err());
    assert_eq!(board.wire.calls(), ["low", "high"]);
    assert!(board.wire.is_high());

    seen.panic.store(false, Ordering::SeqCst);
    seen.fail.store(false, Ordering::SeqCst);
    assert_eq!(device.write(0, &[1]), Ok(()), "a panic locks nobody out");
    assert_eq!(Seen::count(&seen.protected_writes), 0);
}

#[test]
fn n05_concurrent_writes_never_protect_each_other() {
    let board = Board::new();
    let (memory, seen) = board.memory();
    let registration = board.memories.register(board.config(), memory).unwrap();
    std::thread::scope(|scope| {
        for byte in 0..4 {
            let device = registration.device().clone();
            scope.spawn(move || {
                for _ in 0..500 {
                    device.write(usize::from(byte), &[byte]).unwrap();
                }
            });
        }
    });
    assert_eq!(Seen::count(&seen.writes), 2_000);
    assert_eq!(Seen::count(&seen.overlaps), 0);
    assert_eq!(Seen::count(&seen.protected_writes), 0);
    assert!(board.wire.is_high());
}

#[test]
fn n06_active_low_inverts_the_level_only() {
    let board = Board::wired(LookupFlags::ACTIVE_LOW);
    let registration = board
        .memories
        .register(board.config(), board.memory().0)
        .unwrap();
    registration.device().write(0, &[1]).unwrap();
    assert_eq!(board.wire.calls(), ["request", "out low", "high", "low"]);
}

#[test]
fn n07_an_unplugged_line_fails_the_write_before_the_memory() {
    let mut board = Board::new();
    let (memory, seen) = board.memory();
    let registration = board.memories.register(board.config(), memory).unwrap();
    board.unplug();
    let failed = registration.device().write(0, &[1]).unwrap_err();
    assert_eq!(failed, Error::WriteProtect(gpiolib::Error::Revoked));
    assert_eq!(failed.errno(), gpiolib::Errno::ENODEV);
    assert_eq!(Seen::count(&seen.writes), 0);
    registration.device().read(0, &mut [0]).unwrap();
}

/// A memory whose write-protect line's chip is pulled while the bytes are on their way.
struct CutShort(Option<Registration<common::WireChip>>, u8);

impl Provider for CutShort {
    fn access(&self) -> Access {
        Access::ReadWrite
    }

    fn read(&mut self, _: usize, data: &mut [u8]) -> nvmem::Result<()> {
        data.fill(self.1);
        Ok(())
    }

    fn write(&mut self, _: usize, data: &[u8]) -> nvmem::Result<()> {
        drop(self.0.take());
        self.1 = data[0];
        Ok(())
    }
}

#[test]
fn not_written_written_and_protected_and_written_and_unprotected_are_told_apart() {
    let mut board = Board::new();
    let config = board.config();
    let provider = CutShort(board.chip.take(), 0);
    let registration = board.memories.register(config, provider).unwrap();
    let memory = registration.device();
    let mut found = [0];
    let revoked = gpiolib::Error::Revoked;

    let cut = memory.write(0, &[1]).unwrap_err();
    assert_eq!(cut, Error::Unprotected(revoked));
    assert_eq!(cut.errno(), gpiolib::Errno::ENODEV);
    memory.read(0, &mut found).unwrap();
    assert_eq!(found, [1], "all is written");

    assert_eq!(memory.write(0, &[2]), Err(Error::WriteProtect(revoked)));
    memory.read(0, &mut found).unwrap();
    assert_eq!(found, [1], "nothing is");
}

#[test]
fn a_provider_can_be_revoked_without_a_wait_and_comes_back_as_what_it_was() {
    let board = Board::new();
    let (memory, _) = board.memory();
    let registration = board.memories.register(board.config(), memory).unwrap();
    let device = registration.device().clone();
    assert!(registration.revoke() && !registration.revoke());
    assert!(device.is_gone() && device.is_read_only());
    assert_eq!(device.read(0, &mut [0]), Err(Error::Revoked));
    assert!(board.memories.device("mem").is_err());
    let memory: Memory = registration.unregister().unwrap();
    drop(memory);
    assert_eq!(board.wire.calls(), ["request", "out high", "free"]);
}

#[test]
fn n08_after_unregister_consumers_find_it_gone() {
    let board = Board::new();
    let (memory, seen) = board.memory();
    let registration = board.memories.register(board.config(), memory).unwrap();
    let device = board.memories.device("mem").unwrap();
    assert!(registration.unregister().is_some());
    assert_eq!(
        board.wire.calls(),
        ["request", "out high", "free"],
        "the line is back although a consumer remains"
    );
    assert_eq!(device.write(0, &[1]), Err(Error::Revoked));
    assert_eq!(device.read(0, &mut [0]), Err(Error::Revoked));
    assert_eq!(device.clone().file_read(0, &mut [0]), Err(Error::Revoked));
    assert_eq!(board.memories.device("mem").err(), Some(Error::ProbeDefer));
    assert_eq!(Seen::count(&seen.reads) + Seen::count(&seen.writes), 0);
}

#[test]
fn n09_the_same_provider_registers_again_at_once() {
    let board = Board::new();
    let config = || Config {
        id: Id::Auto,
        ..board.config()
    };
    let first = board.memories.register(config(), board.memory().0).unwrap();
    let held = first.device().clone();
    let provider = first.unregister().unwrap();
    let second = board.memories.register(config(), provider).unwrap();
    second.device().write(0, &[1]).unwrap();
    assert_eq!(
        held.write(0, &[1]),
        Err(Error::Revoked),
        "the old hold stays dead"
    );
    assert_eq!((held.name(), second.device().name()), ("mem0", "mem1"));
    drop(held);
    let third = board.memories.register(
        Config {
            write_protect: WriteProtect::Ignored,
            ..config()
        },
        board.memory().0,
    );
    assert_eq!(third.unwrap().device().name(), "mem0", "the id came back");
}

/// Registrations that must fail, with the errno each fails with. The line is free before each.
fn failing(board: &Board) -> Vec<(Config, u16)> {
    let keepout = Keepout {
        start: 0,
        end: SIZE + 1,
        value: 0,
    };
    let mut configs: Vec<Config> = (0..4).map(|_| board.config()).collect();
    configs[0].keepouts = vec![keepout];
    configs[1].cells = vec![CellInfo::bytes("mac", SIZE - 2, 6)];
    configs[2].stride = 4;
    configs[2].cells = vec![CellInfo::bytes("mac", 2, 6)];
    // The last one fails at its last step: the name is taken.
    configs[3].name = Some("taken".into());
    configs.into_iter().zip([34, 22, 22, 17]).collect()
}

#[test]
fn n10_a_failed_registration_leaves_everything_as_it_was() {
    let board = Board::new();
    let taken = Config::new("taken", SIZE);
    let _taken = board.memories.register(taken, board.memory().0).unwrap();
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    let _watch = board
        .memories
        .on_event(move |event| told.lock().unwrap().push(format!("{event:?}")));
    for (config, errno) in failing(&board) {
        let failed = board.memories.register(config, board.memory().0);
        assert_eq!(failed.unwrap_err().errno().get(), errno);
        drop(board.request("free again").unwrap());
    }
    let busy = board.request("somebody").unwrap();
    let failed = board.memories.register(board.config(), board.memory().0);
    assert_eq!(failed.unwrap_err().errno(), gpiolib::Errno::EBUSY);
    drop(busy);
    assert!(events.lock().unwrap().is_empty());

    let config = Config {
        name: None,
        ..board.config()
    };
    let registration = board.memories.register(config, board.memory().0).unwrap();
    assert_eq!(registration.device().name(), "nvmem0", "no id was lost");
    drop(registration);
    assert_eq!(events.lock().unwrap().len(), 2);
}

#[test]
fn n10_a_missing_provider_defers_the_registration() {
    let mut board = Board::new();
    board.unplug();
    let failed = board.memories.register(board.config(), board.memory().0);
    assert_eq!(failed.unwrap_err().errno(), gpiolib::Errno::EPROBE_DEFER);
}

#[test]
fn n11_a_read_only_memory_never_lowers_the_line() {
    let board = Board::new();
    let config = Config {
        read_only: true,
        ..board.config()
    };
    let (memory, seen) = board.memory();
    let registration = board.memories.register(config, memory).unwrap();
    board.wire.calls();
    let device = registration.device();
    assert_eq!(device.write(0, &[1]), Err(Error::NotPermitted));
    assert_eq!(device.file_write(0, &[1]), Err(Error::NotPermitted));
    assert!(board.wire.calls().is_empty());
    assert_eq!(Seen::count(&seen.writes), 0);
    device.set_read_only(false).unwrap();
    assert_eq!(device.file_write(0, &[1]), Ok(1), "force_ro lets go");
}

#[test]
fn i13_the_callee_puts_only_what_it_owns() {
    let board = Board::new();
    // A move: the caller has nothing left, and the request ends with the memory.
    let line = board.request("moved").unwrap();
    let config = board.protected_by(WriteProtect::Given(line));
    let registration = board.memories.register(config, board.memory().0).unwrap();
    drop(registration);
    assert_eq!(board.wire.calls(), ["request", "out high", "free"]);
    // A clone: the caller's handle is its own.
    let line = board.request("cloned").unwrap();
    let config = board.protected_by(WriteProtect::shared(&line));
    let registration = board.memories.register(config, board.memory().0).unwrap();
    assert_eq!(line.handles(), 2);
    drop(registration);
    assert_eq!(line.handles(), 1);
    assert_eq!(board.wire.calls(), ["request", "out high"]);
    drop(line);
    assert_eq!(board.wire.calls(), ["free"]);
}

#[test]
fn i14_the_callees_line_survives_the_callers_detach() {
    let board = Board::wired(LookupFlags::ACTIVE_LOW);
    let mut scope = Scope::new(board.consumer());
    let managed = scope
        .get_managed("wp", gpiolib::Initial::OutputActive)
        .unwrap();
    let config = board.protected_by(WriteProtect::shared(&managed));
    let (memory, seen) = board.memory();
    let registration = board.memories.register(config, memory).unwrap();
    assert_eq!(
        managed.handles(),
        3,
        "the scope's, the driver's, the memory's"
    );
    drop(managed);
    drop(scope);
    assert_eq!(board.request("thief").err(), Some(gpiolib::Error::Busy));
    assert_eq!(consumer_of(&board), Some("wp".into()), "label kept");
    board.wire.calls();
    registration.device().write(0, &[1]).unwrap();
    assert_eq!(board.wire.calls(), ["high", "low"], "polarity kept");
    assert_eq!(Seen::count(&seen.writes), 1);
    drop(registration);
    assert!(board.request("next").is_ok());
}

#[test]
fn i15_a_failed_registration_leaves_the_callers_handle() {
    let board = Board::new();
    let _taken = board
        .memories
        .register(Config::new("taken", SIZE), board.memory().0)
        .unwrap();
    let line = board.request("mine").unwrap();
    for (mut config, errno) in failing(&board) {
        config.write_protect = WriteProtect::shared(&line);
        let failed = board.memories.register(config, board.memory().0);
        assert_eq!(failed.unwrap_err().errno().get(), errno);
        assert_eq!(line.handles(), 1, "the callee's share is gone");
        assert_eq!(line.direction_output(Value::Active), Ok(()));
    }
    assert_eq!(board.request("thief").err(), Some(gpiolib::Error::Busy));
}

#[test]
fn i16_either_side_may_go_first() {
    for caller_first in [true, false] {
        let board = Board::new();
        let line = board.request("mine").unwrap();
        let config = board.protected_by(WriteProtect::shared(&line));
        let registration = board.memories.register(config, board.memory().0).unwrap();
        if caller_first {
            drop(line);
            registration.device().write(0, &[1]).unwrap();
        } else {
            drop(registration);
            line.set_value(Value::Inactive).unwrap();
        }
        assert_eq!(board.request("thief").err(), Some(gpiolib::Error::Busy));
    }
}

/// Two memories on one line, as boards have them: neither driver knows of the other.
#[test]
fn two_memories_on_one_line_are_each_written_with_it_low() {
    let mut board = Board::new();
    board.unplug();
    board.plug_shared();
    board.wire.calls();
    let (one, seen_one) = board.memory();
    let (other, seen_other) = board.memory();
    let other_config = Config {
        name: Some("other".into()),
        ..board.config()
    };
    let one = board.memories.register(board.config(), one).unwrap();
    let other = board.memories.register(other_config, other).unwrap();
    let writers = [one.device(), other.device()].map(|device| {
        let device = device.clone();
        std::thread::spawn(move || {
            for at in 0..200 {
                device.write(at % SIZE, &[1]).unwrap();
            }
        })
    });
    for writer in writers {
        writer.join().unwrap();
    }
    for seen in [&seen_one, &seen_other] {
        assert_eq!(Seen::count(&seen.writes), 200);
        assert_eq!(Seen::count(&seen.protected_writes), 0);
    }
    assert!(board.wire.is_high(), "protected when nobody writes");
    drop(one);
    other.device().write(0, &[1]).unwrap();
    assert!(board.wire.is_high());
    assert_eq!(consumer_of(&board), Some(Label::from("shared")));
}
