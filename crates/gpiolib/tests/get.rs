//! Getting lines: look-up order, errors and their precedence, flags, arrays, counting.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{TestChip, used};
use gpiolib::engine::DescExt;
use gpiolib::{
    ChipConfig, Consumer, Drive, Error, InfoChangeKind, InfoQueue, Initial, Label, Level, Lookup,
    LookupFlags, LookupTable, Module, Name, Node, Offset, PinConfig, Property, Reference, Registry,
    Value,
};

fn at(offset: u32) -> Offset {
    Offset::new(offset)
}

fn reference(provider: &str, offset: u32, flags: LookupFlags) -> Reference {
    let (provider, offset) = (Node::new(provider), at(offset));
    Reference {
        provider,
        offset,
        flags,
    }
}

fn references(lines: &[(&str, u32)]) -> Property {
    let line = |(provider, offset): &(&str, u32)| reference(provider, *offset, LookupFlags::NONE);
    Property::References(lines.iter().map(line).collect())
}

/// A registry with a chip `u5` of 8 lines, and the chip.
fn board() -> (Registry, gpiolib::Registration<TestChip>, TestChip) {
    let registry = Registry::new();
    let chip = TestChip::new();
    let registration = chip.register(&registry, "u5", 8);
    (registry, registration, chip)
}

fn table(registry: &Registry, entries: Vec<Lookup>) -> Consumer {
    registry.add_lookup(LookupTable::new("eeprom", entries));
    Consumer::new(registry, "eeprom")
}

fn errno(result: gpiolib::Result<gpiolib::Desc>) -> Option<&'static str> {
    result.err().and_then(|error| error.errno().name())
}

#[test]
fn tables_match_by_function_and_index() {
    let (registry, _chip, _) = board();
    let eeprom = table(
        &registry,
        vec![
            Lookup::chip("u5", at(1)).con_id("wp"),
            Lookup::chip("u5", at(2)).con_id("wp").index(1),
            Lookup::chip("u5", at(3)).index(2),
        ],
    );
    registry.add_lookup(LookupTable::new(
        "eeprom",
        vec![Lookup::chip("u5", at(7)).con_id("late")],
    ));

    assert_eq!(eeprom.get("wp", Initial::AsIs).unwrap().offset(), at(1));
    assert_eq!(
        eeprom.get_index("wp", 1, Initial::AsIs).unwrap().offset(),
        at(2)
    );
    let any = eeprom.get_index("reset", 2, Initial::AsIs).unwrap();
    assert_eq!(
        any.offset(),
        at(3),
        "an entry without a function answers for any"
    );
    assert_eq!(
        errno(eeprom.get("late", Initial::AsIs)),
        Some("ENOENT"),
        "only the first table"
    );
    assert_eq!(errno(eeprom.get(None, Initial::AsIs)), Some("ENOENT"));
    assert_eq!(eeprom.count("wp"), Ok(2));
    assert_eq!(
        eeprom.count("reset"),
        Err(Error::NotFound),
        "found, but not counted"
    );
    assert_eq!(eeprom.count(None), Ok(1));
}

#[test]
fn tables_for_nobody_serve_those_without_a_name() {
    let (registry, _chip, _) = board();
    let entries = vec![Lookup::chip("u5", at(4))];
    let id = registry.add_lookup(LookupTable {
        dev_id: None,
        entries,
    });
    let nobody = Consumer::anonymous(&registry);
    let desc = nobody.get(None, Initial::AsIs).unwrap();
    assert_eq!(desc.line().info().consumer, Some(Label::unknown()));
    assert_eq!(
        errno(Consumer::new(&registry, "x").get(None, Initial::AsIs)),
        Some("ENOENT")
    );
    assert!(registry.remove_lookup(id).is_some());
    assert!(registry.remove_lookup(id).is_none());
    drop(desc);
    assert_eq!(errno(nobody.get(None, Initial::AsIs)), Some("ENOENT"));
}

#[test]
fn a_missing_provider_defers_and_a_bad_offset_does_not() {
    let (registry, _chip, _) = board();
    let eeprom = table(
        &registry,
        vec![
            Lookup::chip("u9", at(0)).con_id("far"),
            Lookup::chip("u5", at(8)).con_id("beyond"),
            Lookup::line("NOWHERE").con_id("unnamed"),
            Lookup::line("WP").con_id("named"),
        ],
    );
    assert_eq!(
        errno(eeprom.get("far", Initial::AsIs)),
        Some("EPROBE_DEFER")
    );
    assert_eq!(errno(eeprom.get("beyond", Initial::AsIs)), Some("EINVAL"));
    assert_eq!(
        errno(eeprom.get("unnamed", Initial::AsIs)),
        Some("EPROBE_DEFER")
    );
    let mut config = ChipConfig::new("u6", 4);
    config.names = vec![(at(2), Name::from("WP"))];
    let named = TestChip::new().register_as(&registry, &config);
    assert_eq!(
        eeprom.get("named", Initial::AsIs).unwrap().device().label(),
        "u6"
    );
    named.unregister();
    assert_eq!(
        errno(eeprom.get("named", Initial::AsIs)),
        Some("EPROBE_DEFER")
    );
}

#[test]
fn the_node_is_asked_before_its_secondary_and_the_tables() {
    let (registry, _chip, _) = board();
    let both = [("wp", 5), ("only-table", 6), ("broken", 6)];
    let lookups = both.map(|(con_id, offset)| Lookup::chip("u5", at(offset)).con_id(con_id));
    registry.add_lookup(LookupTable::new("eeprom", lookups.to_vec()));
    let secondary = Node::unnamed()
        .with("second-gpio", references(&[("u5", 2)]))
        .with("wp-gpios", references(&[("u5", 3)]));
    let node = Node::unnamed()
        .with("wp-gpios", references(&[("u5", 0), ("u5", 1)]))
        .with("gpio", references(&[("u5", 7)]))
        .with("broken-gpios", references(&[("u9", 0)]))
        .with("undefined-gpios", references(&[(Node::UNDEFINED, 0)]))
        .with_secondary(secondary);
    let eeprom = Consumer::new(&registry, "eeprom").with_node(node);
    let offset = |con_id: Option<&str>| {
        eeprom
            .get(con_id, Initial::AsIs)
            .map(|desc| desc.offset().get())
    };
    assert_eq!(offset(Some("wp")), Ok(0));
    assert_eq!(offset(None), Ok(7));
    assert_eq!(offset(Some("second")), Ok(2));
    assert_eq!(offset(Some("only-table")), Ok(6));
    assert_eq!(
        offset(Some("broken")),
        Err(Error::ProbeDefer),
        "any other error ends the search"
    );
    assert_eq!(offset(Some("undefined")), Err(Error::NotFound));
    assert_eq!(eeprom.count("wp"), Ok(2));
    assert_eq!(
        eeprom.count("second"),
        Err(Error::NotFound),
        "the secondary is not counted"
    );
    assert_eq!(eeprom.count("only-table"), Ok(1));
}

#[test]
fn a_node_of_the_wrong_kind_is_invalid_only_in_its_last_spelling() {
    let (registry, _chip, _) = board();
    let unnamed = Reference {
        provider: Node::unnamed(),
        offset: at(0),
        flags: LookupFlags::NONE,
    };
    let node = Node::unnamed()
        .with("a-gpios", Property::Flag)
        .with("b-gpio", Property::Flag)
        .with("c-gpios", Property::Flag)
        .with("c-gpio", references(&[("u5", 1)]))
        .with("d-gpios", Property::References(vec![unnamed]));
    let consumer = Consumer::anonymous(&registry).with_node(node);
    let get = |con_id| errno(consumer.get(con_id, Initial::AsIs));
    assert_eq!(get("a"), Some("ENOENT"));
    assert_eq!(get("b"), Some("EINVAL"));
    assert_eq!(get("c"), None);
    assert_eq!(get("d"), Some("EINVAL"), "a provider without a name");
}

#[test]
fn optional_forgives_only_nobody_says() {
    let (registry, chip, _) = board();
    let eeprom = table(
        &registry,
        vec![
            Lookup::chip("u9", at(0)).con_id("far"),
            Lookup::chip("u5", at(1)).con_id("wp"),
        ],
    );
    assert!(
        eeprom
            .get_optional("reset", Initial::Input)
            .unwrap()
            .is_none()
    );
    assert!(
        eeprom
            .get_index_optional("wp", 1, Initial::Input)
            .unwrap()
            .is_none()
    );
    assert!(
        eeprom
            .get_array_optional("reset", Initial::Input)
            .unwrap()
            .is_none()
    );
    assert_eq!(
        eeprom.get_optional("far", Initial::Input).err(),
        Some(Error::ProbeDefer)
    );
    let held = common::request(&chip, 1);
    assert_eq!(
        eeprom.get_optional("wp", Initial::Input).err(),
        Some(Error::Busy)
    );
    drop(held);
    assert!(eeprom.get_optional("wp", Initial::Input).unwrap().is_some());
}

#[test]
fn a_request_is_refused_for_the_first_reason_that_holds() {
    let registry = Registry::new();
    let (chip, module) = (TestChip::new(), Module::new("drv"));
    let config = ChipConfig {
        owner: Some(module.clone()),
        invalid: vec![at(3)],
        ..ChipConfig::new("u5", 8)
    };
    let registration = chip.register_as(&registry, &config);
    let line = |offset| registration.device().line(at(offset)).unwrap();
    let held = line(0).request("a").unwrap();
    let (free, invalid) = (line(1), line(3));
    chip.log().fails.push(("request", Error::Io));
    assert_eq!(free.request("b").err(), Some(Error::Io), "the driver");
    assert_eq!(
        invalid.request("b").unwrap_err().errno().name(),
        Some("EINVAL")
    );
    assert_eq!(line(0).request("b").err(), Some(Error::Busy));
    assert_eq!(module.lines_out(), 1, "a refused request holds nothing");
    let device = registration.device().clone();
    registration.unregister();
    assert_eq!(
        device.line(at(0)).unwrap().request("b").err(),
        Some(Error::Revoked)
    );
    module.begin_unload();
    assert_eq!(
        free.request("b").err(),
        Some(Error::ProbeDefer),
        "the module comes first"
    );
    drop(held);
    assert_eq!(module.lines_out(), 0);
}

#[test]
fn a_line_is_configured_in_order_and_announced_afterwards() {
    let (registry, registration, chip) = board();
    let queue = InfoQueue::new(InfoQueue::CAPACITY);
    registration.device().attach(&queue);
    queue.watch(at(1)).unwrap();
    let flags = LookupFlags::ACTIVE_LOW | LookupFlags::PULL_UP | LookupFlags::TRANSITORY;
    let eeprom = table(
        &registry,
        vec![Lookup::chip("u5", at(1)).con_id("wp").flags(flags)],
    );
    let desc = eeprom.get("wp", Initial::OutputActive).unwrap();
    assert_eq!(
        chip.calls(),
        [
            "request 1",
            "config 1 PersistState(false)",
            "config 1 DrivePushPull",
            "config 1 BiasPullUp",
            "output 1 Low",
        ]
    );
    assert!(desc.is_transitory());
    let change = queue.pop().unwrap();
    assert_eq!(change.kind, InfoChangeKind::Requested);
    assert_eq!(change.info.consumer, Some(Label::from("wp")));
    assert!(change.info.config.active_low);
    drop(desc);
    assert_eq!(queue.pop().unwrap().kind, InfoChangeKind::Released);
    assert!(
        !registration
            .device()
            .line(at(1))
            .unwrap()
            .info()
            .config
            .active_low
    );
}

#[test]
fn a_get_that_fails_leaves_nothing_and_tells_nobody() {
    let (registry, registration, chip) = board();
    let queue = InfoQueue::new(InfoQueue::CAPACITY);
    registration.device().attach(&queue);
    queue.watch(at(1)).unwrap();
    let flags = LookupFlags::PULL_UP | LookupFlags::PULL_DOWN;
    let eeprom = table(
        &registry,
        vec![
            Lookup::chip("u5", at(1)).con_id("torn").flags(flags),
            Lookup::chip("u5", at(1)).con_id("ok"),
        ],
    );
    assert_eq!(errno(eeprom.get("torn", Initial::Input)), Some("EINVAL"));
    assert_eq!(chip.calls(), ["request 1", "free 1"]);
    chip.log().fails.push(("output", Error::Io));
    assert_eq!(
        errno(eeprom.get("ok", Initial::OutputInactive)),
        Some("EIO")
    );
    assert!(queue.is_empty());
    assert!(used(&registration).is_empty());
}

#[test]
fn as_is_touches_no_direction_and_no_bias() {
    let (registry, _registration, chip) = board();
    let wired = Lookup::chip("u5", at(1)).flags(LookupFlags::PULL_DOWN);
    let desc = table(&registry, vec![wired])
        .get("x", Initial::AsIs)
        .unwrap();
    assert_eq!(chip.calls(), ["request 1", "config 1 PersistState(true)"]);
    assert_eq!(desc.config().bias, gpiolib::Bias::PullDown, "remembered");
    desc.direction_input().unwrap();
    assert_eq!(chip.calls(), ["input 1", "config 1 BiasPullDown"]);
}

#[test]
fn open_drain_comes_from_the_wiring_or_from_the_consumer() {
    let (registry, _registration, chip) = board();
    let eeprom = table(
        &registry,
        vec![
            Lookup::chip("u5", at(0))
                .con_id("wired")
                .flags(LookupFlags::OPEN_DRAIN),
            Lookup::chip("u5", at(1)).con_id("asked"),
            Lookup::chip("u5", at(2))
                .con_id("source")
                .flags(LookupFlags::OPEN_SOURCE),
        ],
    );
    let wired = eeprom.get("wired", Initial::OutputActive).unwrap();
    assert_eq!(wired.config().drive, Drive::OpenDrain);
    assert_eq!(chip.level(0), Level::Low, "emulated: released is an input");
    assert!(chip.calls().contains(&"input 0".to_owned()));
    assert_eq!(
        wired.direction(),
        Ok(gpiolib::Direction::Output),
        "it is an output all the same"
    );
    let asked = eeprom.get("asked", Initial::OpenDrainInactive).unwrap();
    assert_eq!(asked.config().drive, Drive::OpenDrain);
    chip.log().accepts.push(PinConfig::DriveOpenSource);
    let source = eeprom.get("source", Initial::OutputInactive).unwrap();
    assert_eq!(source.config().drive, Drive::OpenSource);
    assert!(
        chip.calls().contains(&"output 2 Low".to_owned()),
        "the hardware has the mode"
    );
}

#[test]
fn arrays_come_whole_or_not_at_all() {
    let (registry, registration, chip) = board();
    let line = |offset: u32, index| Lookup::chip("u5", at(offset)).con_id("data").index(index);
    let eeprom = table(&registry, vec![line(2, 0), line(0, 1), line(1, 2)]);
    let data = eeprom.get_array("data", Initial::OutputInactive).unwrap();
    assert_eq!(used(&registration), [0, 1, 2].into());
    chip.calls();
    gpiolib::set_values(&data, 0b111, 0b011).unwrap();
    assert_eq!(gpiolib::values(&data, 0b101), Ok(0b001));
    assert_eq!(
        chip.calls(),
        [
            "set 2 High",
            "set 0 High",
            "set 1 Low",
            "get_multiple [2, 1]"
        ]
    );
    drop(data);
    let held = common::request(&registration, 1);
    assert_eq!(
        eeprom.get_array("data", Initial::OutputInactive).err(),
        Some(Error::Busy)
    );
    drop(held);
    assert!(used(&registration).is_empty());
    let frees: Vec<_> = chip
        .calls()
        .into_iter()
        .filter(|call| call.starts_with("free"))
        .collect();
    assert_eq!(
        frees,
        ["free 2", "free 0", "free 1", "free 2", "free 0", "free 1"]
    );
    assert_eq!(
        eeprom.get_array("none", Initial::AsIs).err(),
        Some(Error::NotFound)
    );
}

#[test]
fn labels_and_names_are_found_by_id_and_offset() {
    let registry = Registry::new();
    let named = |offsets: &[u32]| {
        let names = offsets
            .iter()
            .map(|offset| (at(*offset), Name::from("LED")));
        let names = names.collect();
        TestChip::new().register_as(
            &registry,
            &ChipConfig {
                names,
                ..ChipConfig::new("twin", 8)
            },
        )
    };
    let first = named(&[5, 3]);
    let second = named(&[1]);
    let found = || {
        registry
            .find_line("LED")
            .map(|line| (line.device().id(), line.offset().get()))
    };
    assert_eq!(found(), Some((0, 3)));
    assert_eq!(registry.device_by_label("twin").unwrap().id(), 0);
    first.unregister();
    assert_eq!(found(), Some((1, 1)));
    assert_eq!(registry.device_by_label("twin").unwrap().id(), 1);
    let back = named(&[7]);
    assert_eq!(
        found(),
        Some((0, 7)),
        "the id came back, and with it the first place"
    );
    drop((second, back));
    assert_eq!(found(), None);
    assert!(registry.device_by_label("twin").is_none());
}

#[test]
fn a_registration_that_fails_leaves_nothing() {
    let registry = Registry::new();
    let chip = TestChip::new();
    let mut config = ChipConfig::new("u5", 0);
    config.names = vec![(at(0), Name::from("LED"))];
    assert!(matches!(
        registry.register(&config, chip.clone()),
        Err(Error::Invalid(_))
    ));
    assert!(registry.devices().is_empty());
    assert!(registry.find_line("LED").is_none());
    config.lines = 4;
    assert_eq!(
        chip.register_as(&registry, &config).device().id(),
        0,
        "the id is free again"
    );
}

#[test]
fn an_active_low_line_is_inverted_once() {
    let (registry, _registration, chip) = board();
    let wired = Lookup::chip("u5", at(1)).flags(LookupFlags::ACTIVE_LOW);
    let desc = table(&registry, vec![wired])
        .get("x", Initial::OutputInactive)
        .unwrap();
    assert_eq!(chip.level(1), Level::High);
    desc.set_value(Value::Active).unwrap();
    assert_eq!(desc.value(), Ok(Value::Active));
    assert_eq!(desc.level(), Ok(Level::Low));
    desc.toggle_active_low();
    assert_eq!(desc.value(), Ok(Value::Inactive));
}
