//! What each operation answers when the chip is gone, and what can be seen when during a hot unplug.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{TestChip, request};
use gpiolib::engine::{DescExt, EdgeQueue, Overflow, Ring};
use gpiolib::{
    Bias, ChipConfig, Consumer, Desc, Device, Edges, Initial, Label, Level, LineConfig, Lookup,
    LookupFlags, LookupTable, Offset, PinConfig, Registration, Registry, Value,
};

type Operation = (&'static str, fn(&Desc) -> gpiolib::Result<()>);

/// Everything that asks the chip.
const OPERATIONS: [Operation; 20] = [
    ("direction", |desc| desc.direction().map(drop)),
    ("direction_input", |desc| desc.direction_input()),
    ("direction_output 0", |desc| {
        desc.direction_output(Value::Inactive)
    }),
    ("direction_output 1", |desc| {
        desc.direction_output(Value::Active)
    }),
    ("direction_output_level", |desc| {
        desc.direction_output_level(Level::High)
    }),
    ("level", |desc| desc.level().map(drop)),
    ("value", |desc| desc.value().map(drop)),
    ("set_level", |desc| desc.set_level(Level::High)),
    ("set_value", |desc| desc.set_value(Value::Active)),
    ("values", |desc| {
        gpiolib::values(std::slice::from_ref(desc), 1).map(drop)
    }),
    ("set_values", |desc| {
        gpiolib::set_values(std::slice::from_ref(desc), 1, 1)
    }),
    ("set_config", |desc| desc.set_config(PinConfig::BiasPullUp)),
    ("set_debounce", |desc| desc.set_debounce(10)),
    ("set_transitory", |desc| desc.set_transitory(true)),
    ("arm", |desc| desc.arm(&queue(), 0, Edges::BOTH)),
    ("subscribe", |desc| {
        desc.subscribe(Edges::BOTH, 16).map(drop)
    }),
    ("request", |desc| desc.line().request("b").map(drop)),
    ("configure as is", |desc| {
        desc.configure(LookupFlags::NONE, Initial::AsIs)
    }),
    ("configure input", |desc| {
        desc.configure(LookupFlags::NONE, Initial::Input)
    }),
    ("configure output", |desc| {
        desc.configure(LookupFlags::NONE, Initial::OutputActive)
    }),
];

fn queue() -> EdgeQueue {
    EdgeQueue::new(
        &[Offset::new(0)],
        16,
        Overflow::DropOldest,
        Box::new(Ring::new()),
    )
}

/// Two numb handles: one that was inside the chip before it went, one that never was.
fn numb(drive: gpiolib::Drive) -> [Desc; 2] {
    let chip = TestChip::new();
    let registration = chip.register(&Registry::new(), "a", 2);
    let desc = request(&registration, 0);
    desc.apply_config(&LineConfig {
        drive,
        ..LineConfig::default()
    });
    desc.direction_output(Value::Active).unwrap();
    let fresh = desc.clone();
    registration.unregister();
    chip.log().alive = false;
    [desc, fresh]
}

#[test]
fn every_operation_of_a_numb_line_is_enodev() {
    use gpiolib::Drive::{OpenDrain, OpenSource, PushPull};
    for drive in [PushPull, OpenDrain, OpenSource] {
        for desc in numb(drive) {
            for (name, operation) in OPERATIONS {
                let errno = operation(&desc).map_err(|error| error.errno().name());
                assert_eq!(
                    errno,
                    Err(Some("ENODEV")),
                    "{name} of a line with {drive:?}"
                );
            }
        }
    }
}

#[test]
fn what_needs_no_chip_goes_on_on_a_numb_line() {
    let [desc, _fresh] = numb(gpiolib::Drive::PushPull);
    assert!(!desc.config().active_low);
    desc.toggle_active_low();
    assert!(desc.config().active_low);
    assert!(desc.is_transitory() || desc.set_transitory(true).is_err());
    assert!(desc.is_transitory(), "the flag has changed all the same");
    assert!(desc.is_output(), "as it was last known");
    assert!(!desc.device().can_sleep());
    desc.set_consumer_name("renamed".into());
    assert_eq!(desc.line().info().consumer, Some(Label::from("renamed")));
    assert_eq!(desc.device().ngpio(), 2);
    assert_eq!(desc.device().name(), "gpiochip0");
    desc.apply_config(&LineConfig {
        bias: Bias::PullUp,
        ..desc.config()
    });
    desc.disarm();
    assert!(desc.is_same(&desc.clone()));
}

#[test]
fn an_array_stops_at_the_chip_that_is_gone() {
    let registry = Registry::new();
    let (a, b) = (TestChip::new(), TestChip::new());
    let (first, second) = (a.register(&registry, "a", 2), b.register(&registry, "b", 2));
    let descs = [request(&first, 0), request(&second, 0), request(&first, 1)];
    second.unregister();
    a.calls();
    assert_eq!(
        gpiolib::set_values(&descs, 0b111, 0b111)
            .unwrap_err()
            .errno()
            .get(),
        19
    );
    assert_eq!(a.calls(), ["set 0 High"], "groups already done stay done");
    assert_eq!(
        gpiolib::values(&descs, 0b111).unwrap_err().errno().get(),
        19
    );
    assert!(gpiolib::values(&descs, 0b101).is_ok());
}

/// What somebody sees at one moment of the timeline.
#[derive(Debug, Eq, PartialEq)]
struct Seen {
    held_line: Option<&'static str>,
    open_chip: Option<&'static str>,
    new_request: &'static str,
    is_listed: bool,
    next_id: u32,
}

/// The actors: A holds a line, B has the chip's file open, C asks by label, D plugs a chip in.
struct Actors {
    registry: Registry,
    a: Option<Desc>,
    b: Option<Device>,
}

impl Actors {
    fn look(&self) -> Seen {
        let name = |error: gpiolib::Error| error.errno().name().unwrap();
        let outcome = |result: gpiolib::Result<()>| result.err().map_or("works", name);
        let c = Consumer::new(&self.registry, "c");
        let next = TestChip::new().register(&self.registry, "next", 1);
        let next_id = next.device().id();
        drop(next);
        let open = |device: &Device| device.line(Offset::new(1)).unwrap().request("b");
        Seen {
            held_line: self.a.as_ref().map(|desc| outcome(desc.value().map(drop))),
            open_chip: self
                .b
                .as_ref()
                .map(|device| outcome(open(device).map(drop))),
            new_request: outcome(c.get("line", Initial::AsIs).map(drop)),
            is_listed: self.registry.device_by_label("u5").is_some(),
            next_id,
        }
    }
}

fn seen(
    held_line: Option<&'static str>,
    open_chip: Option<&'static str>,
    new_request: &'static str,
    is_listed: bool,
    next_id: u32,
) -> Seen {
    Seen {
        held_line,
        open_chip,
        new_request,
        is_listed,
        next_id,
    }
}

#[test]
fn a_hot_unplug_is_seen_in_this_order() {
    let registry = Registry::new();
    let entry = Lookup::chip("u5", Offset::new(0)).con_id("line");
    registry.add_lookup(LookupTable::new("c", vec![entry]));
    let chip = TestChip::new();
    let u5: Registration<TestChip> = chip.register_as(&registry, &ChipConfig::new("u5", 2));
    let a = Some(request(&u5, 0));
    let b = Some(u5.device().clone());
    let mut actors = Actors { registry, a, b };
    let (enodev, works) = (Some("ENODEV"), Some("works"));

    assert_eq!(
        actors.look(),
        seen(works, works, "EBUSY", true, 1),
        "before"
    );
    u5.unregister();
    chip.log().alive = false;
    let gone = |held, open, next_id| seen(held, open, "EPROBE_DEFER", false, next_id);
    assert_eq!(
        actors.look(),
        gone(enodev, enodev, 1),
        "after remove: 0 is still taken"
    );
    actors.a = None;
    assert_eq!(
        actors.look(),
        gone(None, enodev, 1),
        "A puts: still taken by the open file"
    );
    actors.b = None;
    assert_eq!(
        actors.look(),
        gone(None, None, 0),
        "the file is closed: 0 is free"
    );
}
