//! Several consumers of one line: the invariants of `shared.rs`, by their names.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::TestChip;
use gpiolib::{
    ChipConfig, Consumer, Desc, Direction, Edges, Error, Initial, Level, Line, Lookup, LookupFlags,
    LookupTable, Module, Offset, PinConfig, Registration, Registry, Timestamp, Value,
};
use proptest::collection::vec;
use proptest::prelude::*;

const LINE: Offset = Offset::new(3);

fn board() -> (Registry, Registration<TestChip>, TestChip, Line) {
    let registry = Registry::new();
    let chip = TestChip::new();
    let config = ChipConfig {
        shared: vec![LINE],
        ..ChipConfig::new("u5", 8)
    };
    let plugged = chip.register_as(&registry, &config);
    let line = plugged.device().line(LINE).unwrap();
    chip.calls();
    (registry, plugged, chip, line)
}

fn driver(line: &Line, name: &str, value: Value) -> Desc {
    let desc = line.get(name).unwrap();
    desc.direction_output(value).unwrap();
    desc
}

#[test]
fn s1_the_line_leaves_its_default_while_somebody_votes() {
    let (_registry, _plugged, chip, line) = board();
    let a = driver(&line, "a", Value::Active);
    let b = driver(&line, "b", Value::Active);
    let c = line.get("c").unwrap();
    chip.calls();
    b.set_value(Value::Inactive).unwrap();
    c.set_value(Value::Inactive).unwrap();
    a.set_value(Value::Active).unwrap();
    assert_eq!(chip.calls(), ["set 3 Low"], "one write for two votes");
    b.set_value(Value::Active).unwrap();
    assert_eq!(chip.level(3), Level::Low, "c votes still");
    c.set_value(Value::Active).unwrap();
    assert_eq!(chip.calls(), ["set 3 High"]);
}

#[test]
fn s2_a_vote_ends_with_its_holder() {
    let (_registry, plugged, chip, line) = board();
    let keeper = driver(&line, "keeper", Value::Active);
    let low = |name: &str| {
        let desc = driver(&line, name, Value::Active);
        desc.set_value(Value::Inactive).unwrap();
        assert_eq!(chip.level(3), Level::Low);
        desc
    };
    let dropped = low("dropped");
    let clone = dropped.clone();
    drop(dropped);
    assert_eq!(chip.level(3), Level::Low, "a clone is the same consumer");
    drop(clone);
    assert_eq!(chip.level(3), Level::High);

    let panics = AssertUnwindSafe(|| {
        let _held = low("panics");
        std::panic::resume_unwind(Box::new("the consumer panicked"));
    });
    assert!(catch_unwind(panics).is_err());
    assert_eq!(chip.level(3), Level::High);

    let late = low("late");
    plugged.unregister().unwrap();
    chip.calls();
    assert_eq!(late.set_value(Value::Active), Err(Error::Revoked));
    assert!(late.device().is_gone());
    drop(late);
    assert_eq!(keeper.value(), Err(Error::Revoked));
    assert!(line.get("new").is_err());
    assert!(chip.calls().is_empty(), "a dead chip is told nothing");
    assert!(!line.info().used);
}

#[test]
fn s3_beside_others_the_direction_stands() {
    let (_registry, _plugged, chip, line) = board();
    let input = line.get("input").unwrap();
    input.direction_input().unwrap();
    let other = line.get("other").unwrap();
    chip.calls();
    let named = |error: Error, name: &str| {
        assert_eq!(error, Error::Conflict(name.into()));
        assert_eq!(error.errno().name(), Some("EPERM"));
        assert!(error.to_string().contains(name));
    };
    named(other.direction_output(Value::Active).unwrap_err(), "input");
    assert_eq!(other.direction_input(), Ok(()));
    let asked = chip.count("input") + chip.count("output");
    assert_eq!(asked, 0, "the chip is not asked");
    drop(input);
    other.direction_output(Value::Active).unwrap();
    let third = line.get("third").unwrap();
    named(third.direction_input().unwrap_err(), "other");
    assert_eq!(third.direction(), Ok(Direction::Output));

    // A setting is for all of them, too.
    chip.log().accepts.push(PinConfig::BiasPullUp);
    other.set_config(PinConfig::BiasPullUp).unwrap();
    chip.calls();
    assert_eq!(third.set_config(PinConfig::BiasPullUp), Ok(()));
    named(
        third.set_config(PinConfig::BiasPullDown).unwrap_err(),
        "other",
    );
    assert!(chip.calls().is_empty());
}

#[test]
fn s4_alone_a_consumer_may_do_everything() {
    let (_registry, _plugged, chip, line) = board();
    let only = line.get("only").unwrap();
    only.direction_input().unwrap();
    only.direction_output(Value::Active).unwrap();
    only.set_value(Value::Inactive).unwrap();
    only.direction_output(Value::Inactive).unwrap();
    only.direction_output(Value::Active).unwrap();
    // What it put out last is what later ones leave and come back to.
    let other = line.get("other").unwrap();
    other.set_value(Value::Inactive).unwrap();
    drop(only);
    assert_eq!(chip.level(3), Level::Low);
    drop(other);
    assert_eq!(chip.level(3), Level::High);
}

#[test]
fn s5_an_edge_goes_to_everybody_who_asked() {
    let (_registry, plugged, chip, line) = board();
    let [a, b, quiet] = ["a", "b", "quiet"].map(|name| line.get(name).unwrap());
    let rising = Edges {
        rising: true,
        falling: false,
    };
    let all = a.subscribe(Edges::BOTH, 8).unwrap();
    let some = b.subscribe(rising, 8).unwrap();
    assert_eq!(a.subscribe(Edges::BOTH, 8).err(), Some(Error::Busy));
    assert_eq!(chip.count("arm"), 1);
    chip.pull_at(3, Level::High, Timestamp::at(5));
    chip.pull_at(3, Level::Low, Timestamp::at(6));
    assert_eq!((all.len(), some.len()), (2, 1));
    assert_eq!(
        all.pop().map(|event| event.offset),
        Some(LINE),
        "the line's own number"
    );
    drop(all);
    chip.pull_at(3, Level::High, Timestamp::at(7));
    assert_eq!(some.len(), 2);
    assert_eq!(chip.count("disarm"), 0);
    drop(b);
    assert!(some.is_closed());
    assert_eq!(chip.count("disarm"), 1, "nobody listens any more");
    let last = quiet.subscribe(Edges::BOTH, 8).unwrap();
    plugged.unregister();
    assert!(last.is_closed());
}

#[test]
fn s6_a_call_that_fails_counts_nothing() {
    let (_registry, _plugged, chip, line) = board();
    let a = driver(&line, "a", Value::Active);
    let b = line.get("b").unwrap();
    chip.log().fails.push(("set", Error::Io));
    assert_eq!(b.set_value(Value::Inactive), Err(Error::Io));
    chip.log().fails.clear();
    chip.calls();
    b.set_value(Value::Active).unwrap();
    assert!(chip.calls().is_empty(), "it had no vote to take back");
    a.set_value(Value::Inactive).unwrap();
    assert_eq!(chip.level(3), Level::Low);
}

#[test]
fn each_has_its_own_polarity_and_look_ups_share_without_knowing() {
    let (registry, plugged, chip, line) = board();
    let wire = |flags| Lookup::chip("u5", LINE).flags(flags);
    registry.add_lookup(LookupTable::new("high", vec![wire(LookupFlags::NONE)]));
    registry.add_lookup(LookupTable::new("low", vec![wire(LookupFlags::ACTIVE_LOW)]));
    let get = |device, flags| Consumer::new(&registry, device).get(None, flags);
    let high = get("high", Initial::OutputActive).unwrap();
    let low = get("low", Initial::OutputInactive).unwrap();
    assert_eq!(chip.level(3), Level::High);
    low.set_value(Value::Active).unwrap();
    assert_eq!(
        (chip.level(3), high.value()),
        (Level::Low, Ok(Value::Inactive))
    );
    assert_eq!(low.offset(), LINE);
    assert!(low.device().is_same(plugged.device()));
    assert_eq!(
        get("low", Initial::Input).err(),
        Some(Error::Conflict("high".into()))
    );

    // Programs see who has it, and do not get it.
    assert_eq!(line.info().consumer, Some("shared".into()));
    assert!(line.info().used && line.is_shared());
    assert_eq!(line.request("program").err(), Some(Error::Busy));
    let plain = plugged.device().line(Offset::new(0)).unwrap();
    let held = plain.get("one").unwrap();
    assert_eq!(plain.get("two").err(), Some(Error::Busy));
    drop(held);
}

#[test]
fn consumers_keep_the_device_its_id_and_the_module() {
    let registry = Registry::new();
    let module = Module::new("expander");
    let config = ChipConfig {
        shared: vec![LINE],
        owner: Some(module.clone()),
        ..ChipConfig::new("u5", 8)
    };
    let plugged = TestChip::new().register_as(&registry, &config);
    let line = plugged.device().line(LINE).unwrap();
    let two = [1, 2].map(|_| line.get("x").unwrap());
    assert_eq!(module.lines_out(), 2);
    drop(line);
    plugged.unregister();
    let next = TestChip::new().register(&registry, "next", 1);
    assert_eq!(next.device().id(), 1, "the dead one is held");
    drop(two);
    assert_eq!(module.lines_out(), 0);
    let third = TestChip::new().register(&registry, "third", 1);
    assert_eq!(third.device().id(), 0);
}

proptest! {
    /// Random votes against a set of who wants the line low.
    #[test]
    fn votes_are_as_a_naive_count_has_them(story in vec((0..4_usize, 0..3_u8), 1..60)) {
        let (_registry, _plugged, chip, line) = board();
        let keeper = driver(&line, "keeper", Value::Active);
        let mut held: [Option<Desc>; 4] = Default::default();
        let mut low = [false; 4];
        for (who, what) in story {
            match (&held[who], what) {
                (None, _) => held[who] = Some(line.get("x").unwrap()),
                (Some(_), 0) => (held[who], low[who]) = (None, false),
                (Some(desc), value) => {
                    desc.set_value(Value::from(value == 1)).unwrap();
                    low[who] = value == 2;
                }
            }
            prop_assert_eq!(chip.level(3).is_high(), !low.contains(&true));
        }
        drop(held);
        prop_assert_eq!(keeper.value(), Ok(Value::Active));
    }
}
