//! A driver that panics harms only its own call: no line stays taken, nobody waits for ever.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use gpiolib::engine::DescExt;
use gpiolib::{
    Chip, ChipConfig, Direction, Error, InfoChangeKind, InfoQueue, Level, Line, Module, Offset,
    Registration, Registry, Result,
};

/// Panics in one call.
struct Fragile(&'static str);

impl Fragile {
    fn reach(&self, call: &str) {
        if self.0 == call {
            // Without the hook's message.
            resume_unwind(Box::new("the driver panicked"));
        }
    }
}

impl Chip for Fragile {
    fn request(&self, _: Offset) -> Result<()> {
        self.reach("request");
        Ok(())
    }

    fn free(&self, _: Offset) {
        self.reach("free");
    }

    fn direction(&self, offset: Offset) -> Result<Direction> {
        // Line 0 is asked about at registration.
        if offset.get() == 1 {
            self.reach("direction");
        }
        Ok(Direction::Input)
    }

    fn get(&self, _: Offset) -> Result<Level> {
        self.reach("get");
        Ok(Level::High)
    }
}

fn plug(registry: &Registry, panics_in: &'static str) -> (Registration<Fragile>, Line, Module) {
    let module = Module::new("fragile");
    let config = ChipConfig {
        owner: Some(module.clone()),
        ..ChipConfig::new("fragile", 1)
    };
    let chip = registry.register(&config, Fragile(panics_in)).unwrap();
    let line = chip.device().line(Offset::new(0)).unwrap();
    (chip, line, module)
}

fn panics<R>(call: impl FnOnce() -> R) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

/// The line is free, the module too, and the chip goes without waiting.
fn nothing_is_left(registry: &Registry, chip: Registration<Fragile>, line: Line, module: &Module) {
    assert!(!line.info().used);
    assert_eq!(line.info().consumer, None);
    assert_eq!(module.lines_out(), 0);
    assert!(chip.unregister().is_some());
    drop(line);
    let (next, ..) = plug(registry, "");
    assert_eq!(next.device().id(), 0);
}

#[test]
fn a_request_that_panics_leaves_the_line_free() {
    let registry = Registry::new();
    let (chip, line, module) = plug(&registry, "request");
    assert!(panics(|| line.request("a")));
    assert!(panics(|| line.request("b")), "asked again, and not busy");
    nothing_is_left(&registry, chip, line, &module);
}

#[test]
fn a_free_that_panics_ends_the_request_all_the_same() {
    let registry = Registry::new();
    let (chip, line, module) = plug(&registry, "free");
    let desc = line.request("a").unwrap();
    assert!(panics(|| drop(desc)));
    assert!(!line.info().used);
    let again = line.request("b").unwrap();
    assert_eq!(line.info().consumer, Some("b".into()));
    assert_eq!(again.level(), Ok(Level::High));
    assert!(panics(|| drop(again)));
    nothing_is_left(&registry, chip, line, &module);
}

#[test]
fn a_call_that_panics_leaves_the_descriptor_usable() {
    let registry = Registry::new();
    let (chip, line, module) = plug(&registry, "get");
    let desc = line.request("a").unwrap();
    assert!(panics(|| desc.level()));
    assert!(panics(|| desc.level()), "asked again");
    assert_eq!(desc.direction(), Ok(Direction::Input));
    drop(desc);
    nothing_is_left(&registry, chip, line, &module);
}

#[test]
fn a_registration_that_panics_leaves_nothing_behind() {
    let registry = Registry::new();
    let two_lines = ChipConfig::new("fragile", 2);
    assert!(panics(|| {
        registry.register(&two_lines, Fragile("direction"))
    }));
    assert!(registry.devices().is_empty());
    let (next, ..) = plug(&registry, "");
    assert_eq!(next.device().id(), 0, "the number is free again");
}

/// Who has a line is told from the moment the driver has agreed, and no longer than it is held.
#[test]
fn a_consumer_is_shown_exactly_while_it_has_the_line() {
    struct Curious(std::sync::Mutex<Option<Line>>);
    impl Chip for Curious {
        fn request(&self, _: Offset) -> Result<()> {
            if let Some(line) = &*self.0.lock().unwrap() {
                assert_eq!(line.info().consumer, None, "not yet granted");
                assert!(line.info().used);
            }
            Err(Error::Io)
        }
    }

    let registry = Registry::new();
    let (chip, line, _module) = plug(&registry, "");
    let changes = InfoQueue::new(4);
    chip.device().attach(&changes);
    changes.watch(line.offset()).unwrap();
    let desc = line.request("first").unwrap();
    desc.announce(InfoChangeKind::Requested);
    desc.show_debounce_us(7);
    drop(desc);
    let second = line.request("second").unwrap();
    assert_eq!(line.info().consumer, Some("second".into()));
    assert_eq!(line.info().debounce_us, 0, "the first one's is forgotten");
    drop(second);
    let told: Vec<_> = std::iter::from_fn(|| changes.pop())
        .map(|change| (change.kind, change.info.consumer))
        .collect();
    let expected = [
        (InfoChangeKind::Requested, Some("first".into())),
        (InfoChangeKind::Released, None),
    ];
    assert_eq!(told, expected);

    let curious = std::sync::Arc::new(Curious(None.into()));
    struct Shared(std::sync::Arc<Curious>);
    impl Chip for Shared {
        fn request(&self, offset: Offset) -> Result<()> {
            self.0.request(offset)
        }
    }
    let chip = registry
        .register(&ChipConfig::new("curious", 1), Shared(curious.clone()))
        .unwrap();
    let line = chip.device().line(Offset::new(0)).unwrap();
    *curious.0.lock().unwrap() = Some(line.clone());
    assert_eq!(line.request("third").err(), Some(Error::Io));
    assert!(!line.info().used);
    *curious.0.lock().unwrap() = None;
}
