//! Managed resources and the driver model: order of release, unhinge, deferred probes, modules.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::{Arc, Mutex};

use common::{TestChip, request, used};
use gpiolib::{
    BindState, Bus, ChipConfig, Consumer, Driver, Error, InUse, Initial, Lookup, LookupTable,
    Module, Offset, Registry, Result, Scope,
};

fn at(offset: u32) -> Offset {
    Offset::new(offset)
}

/// Notes of what happened, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, note: &str) {
        self.0.lock().unwrap().push(note.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Adds a note when it is dropped.
struct Tell(Notes, &'static str);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

/// A driver made of a closure.
struct By<F> {
    device: &'static str,
    module: Option<Module>,
    probe: F,
}

impl<F: Fn(&mut Scope) -> Result<()> + Send + Sync> Driver for By<F> {
    fn matches(&self, device: &str) -> bool {
        device == self.device
    }

    fn module(&self) -> Option<Module> {
        self.module.clone()
    }

    fn probe(&self, scope: &mut Scope) -> Result<()> {
        (self.probe)(scope)
    }
}

fn driver(
    device: &'static str,
    probe: impl Fn(&mut Scope) -> Result<()> + Send + Sync + 'static,
) -> Box<dyn Driver> {
    Box::new(By {
        device,
        module: None,
        probe,
    })
}

/// A registry with a chip `base` of 4 lines and look-ups `a` and `b` of `dev` into it.
fn board() -> (Registry, gpiolib::Registration<TestChip>, TestChip) {
    let registry = Registry::new();
    let chip = TestChip::new();
    let base = chip.register(&registry, "base", 4);
    let lookups = ["a", "b"].iter().zip(0..);
    let lookups = lookups.map(|(con_id, offset)| Lookup::chip("base", at(offset)).con_id(con_id));
    registry.add_lookup(LookupTable::new("dev", lookups.collect()));
    (registry, base, chip)
}

/// Gets a, gets b, registers a chip: with a note between each.
fn take_three(scope: &mut Scope, notes: &Notes) -> Result<()> {
    scope.get_managed("a", Initial::Input)?;
    scope.keep(Tell(notes.clone(), "b is back"));
    scope.get_managed("b", Initial::Input)?;
    scope.keep(Tell(notes.clone(), "chip is gone"));
    scope.register(&ChipConfig::new("top", 2), TestChip::new())?;
    let last = notes.clone();
    scope.on_detach(move || last.add("detach"));
    Ok(())
}

#[test]
fn detach_gives_back_in_reverse_order() {
    let (registry, base, chip) = board();
    let (bus, notes) = (Bus::new(), Notes::default());
    let of_driver = notes.clone();
    bus.add_driver(driver("dev", move |scope| take_three(scope, &of_driver)));
    bus.add_device(Consumer::new(&registry, "dev"));
    assert_eq!(bus.state("dev"), Some(BindState::Bound));
    assert_eq!(used(&base), [0, 1].into());
    assert!(registry.device_by_label("top").is_some());
    chip.calls();
    bus.unbind("dev");
    assert_eq!(notes.take(), ["detach", "chip is gone", "b is back"]);
    assert_eq!(chip.calls(), ["free 1", "free 0"]);
    assert!(registry.device_by_label("top").is_none());
    assert_eq!(bus.state("dev"), Some(BindState::Unbound));
    assert_eq!(
        bus.bind("dev"),
        Some(BindState::Bound),
        "and it can be bound again"
    );
}

#[test]
fn a_failed_probe_gives_back_in_the_same_order() {
    let (registry, base, chip) = board();
    let (bus, notes) = (Bus::new(), Notes::default());
    let of_driver = notes.clone();
    bus.add_driver(driver("dev", move |scope| {
        take_three(scope, &of_driver)?;
        Err(Error::Io)
    }));
    bus.add_device(Consumer::new(&registry, "dev"));
    assert_eq!(bus.state("dev"), Some(BindState::Failed(Error::Io)));
    assert_eq!(notes.take(), ["detach", "chip is gone", "b is back"]);
    assert_eq!(chip.calls().split_off(6), ["free 1", "free 0"]);
    assert!(used(&base).is_empty());
    assert_eq!(bus.retry_deferred(), 0, "it failed for good");
}

#[test]
fn a_chain_of_deferred_probes_resolves_itself() {
    let registry = Registry::new();
    let table = |dev, label| LookupTable::new(dev, vec![Lookup::chip(label, at(0))]);
    registry.add_lookup(table("c", "b"));
    registry.add_lookup(table("b", "a"));
    let bus = Bus::new();
    for device in ["c", "b"] {
        bus.add_driver(driver(device, move |scope| {
            scope.get_managed(None, Initial::Input)?;
            let config = ChipConfig::new(device, 1);
            scope.register(&config, TestChip::new()).map(drop)
        }));
        bus.add_device(Consumer::new(&registry, device));
        assert_eq!(bus.state(device), Some(BindState::Deferred));
    }
    assert_eq!(bus.retry_deferred(), 0);
    let a = TestChip::new().register(&registry, "a", 1);
    assert_eq!(bus.retry_deferred(), 2, "b, and then c which waited for it");
    a.unregister();
    assert_eq!(
        bus.state("b"),
        Some(BindState::Bound),
        "a numb line unbinds nobody"
    );
    bus.remove_device("b");
    assert_eq!(bus.state("b"), None);
}

#[test]
fn a_managed_line_is_put_once() {
    let (registry, base, chip) = board();
    let mut scope = Scope::new(Consumer::new(&registry, "dev"));
    let a = scope.get_managed("a", Initial::AsIs).unwrap();
    assert_eq!(a.handles(), 2);
    let foreign = request(&base, 3);
    let foreign = scope.put(foreign).unwrap_err();
    assert!(scope.put(a).is_ok());
    assert!(scope.is_empty());
    drop(scope);
    assert_eq!(chip.count("free 0"), 1);
    assert_eq!(used(&base), [3].into());
    drop(foreign);
}

#[test]
fn optional_and_array_forms_are_managed_too() {
    let (registry, base, _) = board();
    let lookups = (0..3).map(|index: u32| Lookup::chip("base", at(index)).con_id("all"));
    let lookups = lookups
        .enumerate()
        .map(|(index, lookup)| lookup.index(index));
    registry.add_lookup(LookupTable::new("bank", lookups.collect()));
    let mut scope = Scope::new(Consumer::new(&registry, "bank"));
    assert!(
        scope
            .get_optional_managed("none", Initial::Input)
            .unwrap()
            .is_none()
    );
    let all = scope.get_array_managed("all", Initial::Input).unwrap();
    assert_eq!((all.len(), scope.len()), (3, 1));
    drop(all);
    assert_eq!(used(&base), [0, 1, 2].into());
    drop(scope);
    assert!(used(&base).is_empty());
}

#[test]
fn a_probe_registers_for_its_drivers_module() {
    let (registry, _base, _) = board();
    let (bus, module) = (Bus::new(), Module::new("drv"));
    bus.add_driver(Box::new(By {
        device: "dev",
        module: Some(module.clone()),
        probe: |scope: &mut Scope| {
            scope
                .register(&ChipConfig::new("top", 2), TestChip::new())
                .map(drop)
        },
    }));
    bus.add_device(Consumer::new(&registry, "dev"));
    let top = registry.device_by_label("top").unwrap();
    let desc = top.line(at(0)).unwrap().request("x").unwrap();
    assert_eq!(module.try_unload(), Err(InUse(1)));
    bus.unbind("dev");
    assert!(top.is_gone(), "unbinding is never refused");
    assert_eq!(
        module.try_unload(),
        Err(InUse(1)),
        "the numb line still holds its module"
    );
    drop(desc);
    assert_eq!(module.try_unload(), Ok(()));
}

#[test]
fn with_the_bus_its_devices_are_unbound_last_first() {
    struct Noted(Notes);
    impl Driver for Noted {
        fn matches(&self, _: &str) -> bool {
            true
        }

        fn probe(&self, scope: &mut Scope) -> Result<()> {
            let notes = self.0.clone();
            scope.on_detach(move || notes.add("given back"));
            Ok(())
        }

        fn remove(&self, scope: &mut Scope) {
            self.0.add(scope.name().unwrap());
        }
    }
    let (bus, notes) = (Bus::new(), Notes::default());
    bus.add_driver(Box::new(Noted(notes.clone())));
    for device in ["first", "second"] {
        bus.add_device(Consumer::new(&Registry::new(), device));
    }
    drop(bus.clone());
    assert!(notes.take().is_empty());
    drop(bus);
    assert_eq!(
        notes.take(),
        ["second", "given back", "first", "given back"]
    );
}

/// A provider that comes after a probe has looked for it, and before the probe is on the list of the
/// deferred: its retry finds the device busy.
#[test]
fn a_provider_that_comes_during_a_probe_is_not_missed() {
    let registry = Registry::new();
    registry.add_lookup(LookupTable::new("dev", vec![Lookup::chip("late", at(0))]));
    let bus = Bus::new();
    bus.add_driver(driver("late", |scope| {
        scope
            .register(&ChipConfig::new("late", 1), TestChip::new())
            .map(drop)
    }));
    let (world, weak) = (registry.clone(), bus.clone());
    bus.add_driver(driver("dev", move |scope| {
        let got = scope.get_managed(None, Initial::Input);
        weak.add_device(Consumer::new(&world, "late"));
        got.map(drop)
    }));
    bus.add_device(Consumer::new(&registry, "dev"));
    assert_eq!(bus.state("dev"), Some(BindState::Bound));
    // The driver keeps the bus, and the bus its drivers.
    bus.remove_device("dev");
    bus.remove_device("late");
}
