//! The invariants of counted references, I1-I12 and I17, a test each. I13-I16, which hand a
//! reference to another framework, are in `crates/nvmem/tests/write_protect.rs`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::thread;

use common::{TestChip, request, used};
use gpiolib::{
    ChipConfig, Consumer, Desc, Error, InUse, Initial, Line, Lookup, LookupTable, Module, Offset,
    Registration, Registry, Scope, Value,
};

/// A chip `u5` of 8 lines that a module owns.
struct Board {
    registry: Registry,
    chip: TestChip,
    module: Module,
    registration: Registration<TestChip>,
}

impl Board {
    fn new() -> Self {
        let registry = Registry::new();
        let (chip, module) = (TestChip::new(), Module::new("expander"));
        let registration = Self::plug(&registry, &chip, &module);
        Self {
            registry,
            chip,
            module,
            registration,
        }
    }

    fn plug(registry: &Registry, chip: &TestChip, module: &Module) -> Registration<TestChip> {
        let config = ChipConfig {
            owner: Some(module.clone()),
            ..ChipConfig::new("u5", 8)
        };
        chip.register_as(registry, &config)
    }

    fn request(&self, offset: u32) -> Desc {
        request(&self.registration, offset)
    }

    fn line(&self, offset: u32) -> Line {
        let device = self.registration.device();
        device.line(Offset::new(offset)).unwrap()
    }

    /// Whether anybody else can have the line.
    fn is_free(&self, offset: u32) -> bool {
        match self.line(offset).request("probe") {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error, Error::Busy);
                false
            }
        }
    }

    /// What every count is when nothing is out.
    fn counts(&self) -> (usize, usize, usize) {
        let holders = self.registration.device().holders();
        (
            holders,
            self.module.lines_out(),
            used(&self.registration).len(),
        )
    }

    /// Takes the chip away and makes any later call of it a failure.
    fn unplug(self) -> (Registry, TestChip, Module) {
        assert!(self.registration.unregister().is_some());
        self.chip.log().alive = false;
        (self.registry, self.chip, self.module)
    }
}

#[test]
fn i01_the_request_ends_exactly_with_the_last_put() {
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    for order in orders {
        let board = Board::new();
        let first = board.request(0);
        let (second, third) = (first.clone(), first.clone());
        let mut handles = [Some(first), Some(second), Some(third)];
        for at in order {
            assert!(!board.is_free(0), "not earlier, in order {order:?}");
            handles[at] = None;
        }
        assert!(board.is_free(0), "not later, in order {order:?}");
    }
}

#[test]
fn i02_the_driver_is_asked_once_and_told_once() {
    let board = Board::new();
    for clones in 0..4 {
        let desc = board.request(0);
        let handles = vec![desc; clones + 1];
        drop(handles);
        assert_eq!(board.chip.calls(), ["request 0", "free 0"]);
    }
    let desc = board.request(0);
    board.chip.calls();
    let (_, chip, _) = board.unplug();
    drop(desc);
    assert!(
        chip.calls().is_empty(),
        "and not at all if the chip went first"
    );
}

#[test]
fn i03_clones_and_puts_in_any_interleaving_leave_the_counts() {
    let board = Board::new();
    let before = board.counts();
    for _ in 0..20 {
        let desc = board.request(0);
        let threads: Vec<_> = (0..3).map(|_| hammer(desc.clone())).collect();
        drop(desc);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(board.counts(), before);
    }
}

/// Clones and drops a descriptor on another thread, in turn and in heaps.
fn hammer(desc: Desc) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for round in 0..200 {
            let heap = vec![desc.clone(); round % 5];
            let other = desc.clone();
            drop(heap);
            assert!(other.set_value(Value::from(round % 2 == 0)).is_ok());
        }
    })
}

/// That a second put does not compile is a doctest of [`Desc`].
#[test]
fn i04_a_put_too_many_is_reported_and_changes_nothing() {
    let board = Board::new();
    let mut scope = Scope::new(Consumer::new(&board.registry, "driver"));
    let desc = scope.manage(board.request(0));
    let clone = desc.clone();
    assert!(scope.put(desc).is_ok());
    let clone = scope.put(clone).unwrap_err();
    assert!(
        !board.is_free(0),
        "the handle that was not managed is still one"
    );
    drop(clone);
    assert!(board.is_free(0));
}

#[test]
fn i05_an_absent_line_clones_and_puts_to_nothing() {
    let board = Board::new();
    let before = board.counts();
    let absent = Consumer::new(&board.registry, "driver")
        .get_optional("reset", Initial::OutputInactive)
        .unwrap();
    assert!(absent.clone().is_none());
    drop(absent);
    assert_eq!(board.counts(), before);
    assert!(board.chip.calls().is_empty());
}

#[test]
fn i06_a_clone_is_never_busy_and_a_request_is_until_the_last_put() {
    let board = Board::new();
    let desc = board.request(0);
    let clones = vec![desc.clone(); 100];
    assert_eq!(desc.handles(), 101);
    drop(desc);
    assert!(!board.is_free(0));
    drop(clones);
    assert!(board.is_free(0));
}

#[test]
fn i07_a_reference_keeps_the_device_its_id_and_the_module() {
    let board = Board::new();
    let clone = board.request(0).clone();
    let device = board.registration.device().clone();
    let id = device.id();
    let (registry, chip, module) = board.unplug();
    drop(device);
    assert_eq!(clone.device().id(), id);
    assert_eq!(clone.device().label(), "u5");
    assert_eq!(module.try_unload(), Err(InUse(1)));
    chip.log().alive = true;
    let back = Board::plug(&registry, &chip, &module);
    assert_ne!(back.device().id(), id, "the number is still taken");
}

#[test]
fn i08_a_reference_never_delays_removal_or_unbind() {
    let board = Board::new();
    let descs: Vec<Desc> = (0..8).map(|offset| board.request(offset)).collect();
    let device = board.registration.device().clone();
    let (registry, ..) = board.unplug();
    assert!(device.is_gone() && registry.devices().is_empty());

    let mut provider = Scope::new(Consumer::new(&registry, "provider"));
    let chip = TestChip::new();
    let config = ChipConfig::new("managed", 1);
    let device = provider.register(&config, chip).unwrap();
    let line = device.line(Offset::new(0)).unwrap();
    let held = line.request("x").unwrap();
    provider.release_all();
    assert!(device.is_gone());
    drop((descs, held));
}

/// The operations themselves are in `tables.rs`; here: no driver memory is touched, on any handle.
#[test]
fn i09_after_removal_every_reference_is_numb() {
    let board = Board::new();
    let desc = board.request(0);
    let used_before = desc.clone();
    used_before.level().unwrap();
    let fresh = desc.clone();
    board.unplug();
    for handle in [&desc, &used_before, &fresh, &fresh.clone()] {
        assert_eq!(handle.level(), Err(Error::Revoked));
        assert_eq!(handle.set_value(Value::Active), Err(Error::Revoked));
        assert_eq!(handle.direction_input(), Err(Error::Revoked));
    }
}

#[test]
fn i10_the_last_put_on_a_dead_chip_releases_everything() {
    let board = Board::new();
    let desc = board.request(0);
    let clone = desc.clone();
    let id = board.registration.device().id();
    let (registry, chip, module) = board.unplug();
    drop(desc);
    assert_eq!(module.lines_out(), 1);
    drop(clone);
    assert_eq!(module.lines_out(), 0);
    chip.log().alive = true;
    let back = Board::plug(&registry, &chip, &module);
    assert_eq!(back.device().id(), id);
    drop(back);
    assert_eq!(module.try_unload(), Ok(()));
}

#[test]
fn i11_a_new_chip_never_revives_old_references() {
    let board = Board::new();
    let old = board.request(0);
    let (registry, chip, module) = board.unplug();
    chip.log().alive = true;
    let back = Board::plug(&registry, &chip, &module);
    assert_eq!(old.level(), Err(Error::Revoked));
    assert_eq!(old.clone().level(), Err(Error::Revoked));
    let new = request(&back, 0);
    chip.calls();
    drop(old);
    assert!(
        chip.calls().is_empty(),
        "the old put does not end the new request"
    );
    assert!(new.level().is_ok());
}

#[test]
fn i12_a_clone_succeeds_on_a_dead_chip_of_a_module_on_its_way_out() {
    let board = Board::new();
    let desc = board.request(0);
    board.module.begin_unload();
    let line = board.line(1);
    assert_eq!(line.request("late").err(), Some(Error::ProbeDefer));
    let alive = desc.clone();
    assert!(alive.level().is_ok(), "held lines go on as before");
    let (.., module) = board.unplug();
    let clone = desc.clone();
    drop((desc, alive));
    assert_eq!(module.try_unload(), Err(InUse(1)));
    drop(clone);
    assert_eq!(module.try_unload(), Ok(()));
}

#[test]
fn i17_unhinge_moves_out_of_the_managed_list() {
    let board = Board::new();
    let wp = Lookup::chip("u5", Offset::new(3)).con_id("wp");
    board
        .registry
        .add_lookup(LookupTable::new("eeprom", vec![wp]));
    let mut scope = Scope::new(Consumer::new(&board.registry, "eeprom"));
    let handle = scope.get_managed("wp", Initial::OutputActive).unwrap();
    let before = handle.handles();
    let moved = scope.unhinge(&handle).unwrap();
    assert_eq!(moved.handles(), before, "a move, not a clone");
    assert!(scope.unhinge(&handle).is_none(), "it is out");
    drop((handle, scope));
    assert!(!board.is_free(3), "detach does not put it");
    assert_eq!(moved.line().info().consumer, Some("wp".into()));
    drop(moved);
    assert!(board.is_free(3));
}
