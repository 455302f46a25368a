//! Lines that the machine holds, of chips that are there and of chips that come later.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::TestChip;
use gpiolib::{
    Bias, ChipConfig, Drive, Error, InfoChangeKind, InfoQueue, Initial, Level, LookupFlags,
    MachineHog, Module, Offset, Registration, Registry,
};

fn hog(offset: u32, wiring: LookupFlags, initial: Initial) -> MachineHog {
    MachineHog {
        chip: "u5".into(),
        offset: Offset::new(offset),
        consumer: "board".into(),
        wiring,
        initial,
    }
}

fn info(chip: &Registration<TestChip>, offset: u32) -> gpiolib::LineInfo {
    chip.device().line(Offset::new(offset)).unwrap().info()
}

#[test]
fn a_chip_that_comes_later_is_hogged_before_it_is_seen() {
    let registry = Registry::new();
    let wiring = LookupFlags::ACTIVE_LOW | LookupFlags::PULL_UP;
    registry.add_hogs(vec![
        hog(1, wiring, Initial::OutputInactive),
        hog(2, LookupFlags::NONE, Initial::Input),
        hog(9, LookupFlags::NONE, Initial::Input),
    ]);
    let other = TestChip::new().register(&registry, "u6", 4);
    let chip = TestChip::new();
    let module = Module::new("expander");
    let config = ChipConfig {
        owner: Some(module.clone()),
        ..ChipConfig::new("u5", 4)
    };
    let u5 = chip.register_as(&registry, &config);

    assert!(!info(&other, 1).used, "the label decides");
    assert_eq!(chip.level(1), Level::High, "inactive, that is: high");
    let shown = info(&u5, 1);
    assert_eq!(shown.consumer, Some("board".into()));
    assert!(shown.config.active_low);
    assert_eq!(shown.config.bias, Bias::PullUp);
    assert!(info(&u5, 2).used && !info(&u5, 3).used);
    let line = u5.device().line(Offset::new(1)).unwrap();
    assert_eq!(line.request("me").err(), Some(Error::Busy));
    assert_eq!(module.lines_out(), 0, "a hog does not hold the module");
}

#[test]
fn a_chip_that_is_there_is_hogged_at_once_where_its_lines_are_free() {
    let registry = Registry::new();
    let chip = TestChip::new();
    let u5 = chip.register(&registry, "u5", 4);
    let held = u5.device().line(Offset::new(0)).unwrap();
    let held = held.request("me").unwrap();
    let hogs = vec![
        hog(0, LookupFlags::NONE, Initial::OutputActive),
        hog(1, LookupFlags::OPEN_DRAIN, Initial::OutputActive),
    ];
    registry.add_hogs(hogs.clone());
    registry.add_hogs(hogs);
    assert_eq!(info(&u5, 0).consumer, Some("me".into()));
    assert_eq!(info(&u5, 1).config.drive, Drive::OpenDrain);
    drop(held);
    assert!(!info(&u5, 0).used, "not tried again");
}

#[test]
fn forgotten_hogs_stay_on_the_chip_they_are_on() {
    let registry = Registry::new();
    let id = registry.add_hogs(vec![hog(1, LookupFlags::NONE, Initial::OutputActive)]);
    let u5 = TestChip::new().register(&registry, "u5", 4);
    let changes = InfoQueue::new(4);
    u5.device().attach(&changes);
    changes.watch(Offset::new(1)).unwrap();

    assert_eq!(registry.remove_hogs(id).map(|hogs| hogs.len()), Some(1));
    assert_eq!(registry.remove_hogs(id), None);
    assert!(info(&u5, 1).used);
    let device = u5.device().clone();
    u5.unregister();
    assert_eq!(
        changes.pop().map(|change| change.kind),
        Some(InfoChangeKind::Released),
        "hogs go with the chip"
    );
    assert!(!device.line(Offset::new(1)).unwrap().info().used);
    let next = TestChip::new().register(&registry, "u5", 4);
    assert!(!info(&next, 1).used);
}

#[test]
fn a_hog_that_cannot_be_leaves_the_line_free() {
    let registry = Registry::new();
    let chip = TestChip::new();
    chip.log().fails.push(("output", Error::Io));
    let both = LookupFlags::PULL_UP | LookupFlags::PULL_DOWN;
    registry.add_hogs(vec![
        hog(0, LookupFlags::NONE, Initial::OutputActive),
        hog(1, both, Initial::Input),
    ]);
    let u5 = chip.register(&registry, "u5", 4);
    assert!(!info(&u5, 0).used && !info(&u5, 1).used);
}
