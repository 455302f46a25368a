//! Every interleaving of the core's lifetime rules, by loom.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p gpiolib --test loom_lifetime --release -- --nocapture`
//!
//! Each model prints how many interleavings it ran; `docs/proof.md` says what each covers and what
//! its bounds are. The chip of these models has an atomic that its drop takes exclusively: loom
//! reports a call that is still inside then, or that the drop is not ordered after.

#![cfg(loom)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod models;

use gpiolib::{ChipConfig, Error, Module, Offset, Registry, Value};
use loom::thread;

use models::{Probe, deep, model, nothing_is_left, plug, request};

#[test]
fn call_and_unregister() {
    model("call × unregister", deep(4), || {
        let registry = Registry::new();
        let (chip, _) = plug(&registry, "a");
        let desc = request(&chip, 0);
        // The slot is there before: no lock stands between the calls and the removal.
        assert_eq!(desc.value(), Ok(Value::Active));
        let caller = thread::spawn(move || {
            let first = desc.value();
            assert!(matches!(first, Ok(Value::Active) | Err(Error::Revoked)));
            if first.is_err() {
                assert_eq!(desc.value(), Err(Error::Revoked), "gone is gone");
            }
        });
        drop(chip.unregister().unwrap());
        caller.join().unwrap();
        nothing_is_left(&registry);
    });
}

#[test]
fn two_callers_and_unregister() {
    model("2 callers, first calls × unregister", deep(2), || {
        let registry = Registry::new();
        let (chip, _) = plug(&registry, "a");
        let callers = [0, 1].map(|offset| {
            let desc = request(&chip, offset);
            thread::spawn(move || {
                // The first call takes a slot, which must not be missed by the removal.
                assert!(matches!(
                    desc.value(),
                    Ok(Value::Active) | Err(Error::Revoked)
                ));
            })
        });
        drop(chip.unregister().unwrap());
        for caller in callers {
            caller.join().unwrap();
        }
        nothing_is_left(&registry);
    });
}

#[test]
fn two_ways_in_and_unregister() {
    model("2 ways in × unregister", Some(3), || {
        let registry = Registry::new();
        let (chip, _) = plug(&registry, "a");
        let [one, other] = [0, 1].map(|line| request(&chip, line));
        assert!(one.level().is_ok() && other.level().is_ok());
        let caller = thread::spawn(move || {
            let was_gone = other.device().is_gone();
            let told = one.level();
            assert!(told.is_err() || !was_gone, "gone, yet called");
            if told.is_err() {
                assert_eq!(other.level(), Err(Error::Revoked), "gone by one way only");
            }
        });
        drop(chip.unregister().unwrap());
        caller.join().unwrap();
        nothing_is_left(&registry);
    });
}

#[test]
fn request_and_unregister() {
    model("request × unregister", Some(4), || {
        let registry = Registry::new();
        let (chip, asked) = plug(&registry, "a");
        let line = chip.device().line(Offset::new(0)).unwrap();
        let consumer = thread::spawn(move || {
            let desc = line.request("model");
            assert!(matches!(desc, Ok(_) | Err(Error::Revoked)));
            drop(desc);
            assert!(!line.info().used);
        });
        drop(chip.unregister().unwrap());
        consumer.join().unwrap();
        let (requests, frees) = asked.counts();
        assert!(
            frees <= requests,
            "free is told once, or never if the chip went first"
        );
        nothing_is_left(&registry);
    });
}

#[test]
fn clone_drop_and_unregister() {
    model("clone/drop × unregister", Some(3), || {
        let registry = Registry::new();
        let (chip, asked) = plug(&registry, "a");
        let first = request(&chip, 0);
        let second = first.clone();
        let dropper = thread::spawn(move || drop(second));
        let cloner = thread::spawn(move || {
            let third = first.clone();
            drop(first);
            drop(third);
        });
        drop(chip.unregister().unwrap());
        dropper.join().unwrap();
        cloner.join().unwrap();
        let (requests, frees) = asked.counts();
        assert!(requests == 1 && frees <= 1);
        nothing_is_left(&registry);
    });
}

#[test]
fn last_drop_and_register() {
    model("last drop × register of a new chip", None, || {
        let registry = Registry::new();
        let (old, _) = plug(&registry, "a");
        let desc = request(&old, 0);
        drop(old.unregister().unwrap());
        let dropper = thread::spawn(move || {
            assert_eq!(
                desc.value(),
                Err(Error::Revoked),
                "a new chip revives nothing"
            );
            drop(desc);
        });
        let (new, _) = plug(&registry, "a");
        let id = new.device().id();
        assert!(id <= 1, "the old id only if the old device is gone");
        dropper.join().unwrap();
        let (third, _) = plug(&registry, "b");
        assert_eq!(third.device().id(), 1 - id, "no id is lost or given twice");
    });
}

#[test]
fn module_unload_and_request() {
    model("module unload × request", None, || {
        let registry = Registry::new();
        let module = Module::new("probe");
        let owner = Some(module.clone());
        let config = ChipConfig {
            owner,
            ..ChipConfig::new("a", 1)
        };
        let chip = registry.register(&config, Probe::default()).unwrap();
        let line = chip.device().line(Offset::new(0)).unwrap();
        let unloader = {
            let module = module.clone();
            thread::spawn(move || module.try_unload())
        };
        let desc = line.request("model");
        match (unloader.join().unwrap(), &desc) {
            (Ok(()), Err(error)) => assert_eq!(*error, Error::ProbeDefer),
            (Err(in_use), Ok(_)) => assert_eq!(in_use.0, 1),
            (unloaded, desc) => panic!("unloaded {unloaded:?} with the line {desc:?}"),
        }
        drop(desc);
        drop(chip.unregister().unwrap());
        drop(line);
        assert_eq!(module.lines_out(), 0);
        assert_eq!(module.try_unload(), Ok(()), "every line came back");
        nothing_is_left(&registry);
    });
}

/// One thread closes the gate, another takes the chip, a third calls: who takes it waits for the call
/// though it did not close the gate.
#[test]
fn revoke_and_unregister_and_call() {
    model("call × revoke × unregister", deep(2), || {
        let registry = Registry::new();
        let (chip, _) = plug(&registry, "a");
        let desc = request(&chip, 0);
        assert_eq!(desc.value(), Ok(Value::Active));
        let revoker = chip.revoker();
        let closer = thread::spawn(move || revoker.revoke());
        let caller = thread::spawn(move || {
            let first = desc.value();
            assert!(matches!(first, Ok(Value::Active) | Err(Error::Revoked)));
        });
        drop(chip.unregister().unwrap());
        closer.join().unwrap();
        caller.join().unwrap();
        nothing_is_left(&registry);
    });
}
