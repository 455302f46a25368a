//! Chips and lines by whatever they are called, and the events of what is done to them.

use gpiolib::engine::DescExt;
use gpiolib::{Desc, InfoChangeKind, Value};

use super::*;
use crate::board::{self, HogSpec};
use crate::control::protocol::{Direction, Level};

fn at(ns: u64) -> Timestamp {
    Timestamp::at(ns)
}

fn plugged() -> (Registry, Plugged) {
    let hog = HogSpec {
        offset: 3,
        consumer: "board".into(),
        direction: board::HogDirection::OutputHigh,
    };
    let mut demo = ChipSpec::plain("demo", 4);
    demo.names = vec![(0, "LED".into()), (1, "X".into()), (2, "X".into())];
    demo.hogs = vec![hog];
    let other = ChipSpec::plain("other", 2);
    let registry = Registry::new();
    let board = Board {
        chips: vec![demo, other],
        ..Board::default()
    };
    let plugged = Plugged::new(&registry, &board, Chance::default(), at(0)).unwrap();
    (registry, plugged)
}

fn request(registry: &Registry, id: u32, offset: u32) -> Desc {
    let device = registry.device(id).unwrap();
    device
        .line(Offset::new(offset))
        .unwrap()
        .request("test")
        .unwrap()
}

fn events(plugged: &mut Plugged) -> Vec<String> {
    let mut seen = Vec::new();
    while let Some(event) = plugged.next_event() {
        let mut value = serde_json::to_value(&event).unwrap();
        let mut take = |key: &str| value.as_object_mut().unwrap().remove(key);
        let (kind, chip, offset) = (take("kind").unwrap(), take("chip").unwrap(), take("offset"));
        let detail = take("level").or(take("pull")).or(take("consumer"));
        let words = [Some(kind), Some(chip), offset, detail];
        let words: Vec<_> = words
            .into_iter()
            .flatten()
            .map(|v| v.to_string().replace('"', ""))
            .collect();
        seen.push(words.join(" "));
    }
    seen
}

#[test]
fn the_list_is_everything_there_is() {
    let list = plugged().1.list();
    let (demo, other) = (&list.chips[0], &list.chips[1]);
    assert_eq!(
        (
            demo.id,
            demo.name.as_str(),
            demo.label.as_str(),
            demo.lines.len()
        ),
        (0, "gpiochip0", "demo", 4)
    );
    assert_eq!((other.id, other.lines.len()), (1, 2));
    assert_eq!(demo.lines[0].name.as_deref(), Some("LED"));
    let hog = &demo.lines[3];
    assert_eq!(
        (hog.level, hog.info.consumer.as_deref()),
        (Level::High, Some("board"))
    );
    assert_eq!(
        (hog.info.used, hog.info.direction, hog.name.as_ref()),
        (true, Direction::Output, None)
    );
}

#[test]
fn a_chip_is_a_label_a_name_or_an_id() {
    let (_, plugged) = plugged();
    for key in [
        "demo".into(),
        "gpiochip0".into(),
        "0".into(),
        Key::Number(0),
    ] {
        assert_eq!(
            plugged.line(&key, &Key::Number(0)).unwrap().name.as_deref(),
            Some("LED")
        );
    }
    for key in [
        "".into(),
        "Demo".into(),
        "gpiochip00".into(),
        "00".into(),
        "9".into(),
        Key::Number(9),
    ] {
        let failure = plugged.line(&key, &Key::Number(0)).unwrap_err();
        assert_eq!(failure.code, Code::NoSuchChip);
        assert_eq!(
            failure.message,
            format!("no chip is called {key} on this board")
        );
    }
}

#[test]
fn an_ambiguous_chip_is_an_error_that_says_which() {
    let (_, mut plugged) = plugged();
    // No board has such a label, but Linux lets the gpio-sim tree have it.
    let bank = Bank::new(1).label("gpiochip1");
    plugged.adopt(bank, at(0)).unwrap();
    let failure = plugged
        .line(&"gpiochip1".into(), &Key::Number(0))
        .unwrap_err();
    assert_eq!(failure.code, Code::AmbiguousChip);
    assert_eq!(
        failure.message,
        "\"gpiochip1\" is both gpiochip1 \"other\" and gpiochip2 \"gpiochip1\""
    );
}

#[test]
fn a_line_is_an_offset_or_a_name() {
    let (_, plugged) = plugged();
    let offset = |line: Key| {
        plugged
            .line(&"demo".into(), &line)
            .map(|state| state.offset)
    };
    assert_eq!(offset("LED".into()), Ok(0));
    assert_eq!(offset("2".into()), Ok(2));
    assert_eq!(offset(Key::Number(3)), Ok(3));
    let message = |line: Key| offset(line).unwrap_err().message;
    assert_eq!(
        message("X".into()),
        "lines 1 and 2 of gpiochip0 \"demo\" both have the name \"X\""
    );
    assert_eq!(
        message("Y".into()),
        "no line of gpiochip0 \"demo\" has the name \"Y\", it has lines 0 to 3"
    );
    assert_eq!(
        message("4".into()),
        "no line of gpiochip0 \"demo\" has the offset \"4\", it has lines 0 to 3"
    );
    assert_eq!(
        offset(Key::Number(u32::MAX)).unwrap_err().code,
        Code::NoSuchLine
    );
}

#[test]
fn pulling_and_what_programs_do_are_events_in_order() {
    let (registry, mut plugged) = plugged();
    let pulled = plugged
        .pull(&"demo".into(), &"LED".into(), Pull::Up, at(1))
        .unwrap();
    assert_eq!((pulled.level, pulled.pull), (Level::High, Pull::Up));
    let line = request(&registry, 0, 0);
    line.direction_output(Value::Inactive).unwrap();
    line.announce(InfoChangeKind::Requested);
    drop(line);
    let wanted = [
        "pull gpiochip0 0 up",
        "level gpiochip0 0 high",
        "level gpiochip0 0 low",
        "requested gpiochip0 0 test",
        "level gpiochip0 0 high",
        "released gpiochip0 0 null",
    ];
    assert_eq!(events(&mut plugged), wanted);
}

#[test]
fn plugging_and_unplugging_are_events_and_labels_are_unique() {
    let (registry, mut plugged) = plugged();
    let taken = plugged
        .plug(&ChipSpec::plain("demo", 1), at(0))
        .unwrap_err();
    assert_eq!(taken.code, Code::LabelTaken);
    let line = request(&registry, 0, 1);
    line.direction_input().unwrap();
    plugged.unplug(&"demo".into(), at(1)).unwrap();
    assert_eq!(line.level(), Err(gpiolib::Error::Revoked));
    let state = plugged.plug(&ChipSpec::plain("demo", 1), at(2)).unwrap();
    assert_eq!(
        (state.id, state.lines.len()),
        (2, 1),
        "the number of the old one is taken"
    );
    // The hog is let go while the chip still answers.
    let wanted = [
        "level gpiochip0 3 low",
        "released gpiochip0 3 null",
        "unplugged gpiochip0",
        "plugged gpiochip2",
    ];
    assert_eq!(events(&mut plugged), wanted);
    let failure = plugged.unplug(&"gpiochip0".into(), at(3)).unwrap_err();
    assert_eq!(failure.code, Code::NoSuchChip);
}

#[test]
fn a_number_belongs_to_one_chip_as_long_as_it_is_plugged_in() {
    let (registry, mut plugged) = plugged();
    let based = |label: &str, lines, base| ChipSpec {
        base: Some(base),
        ..ChipSpec::plain(label, lines)
    };
    let numbers = || -> Vec<_> {
        registry
            .devices()
            .iter()
            .map(gpiolib::Device::base)
            .collect()
    };
    // The chips of the board have 512 and what follows, without having asked for it.
    let first = registry.devices()[0].ngpio();
    let taken = plugged.plug(&based("x", 2, 511), at(0)).unwrap_err();
    assert_eq!(taken.code, Code::BaseTaken);
    let problem = format!(
        "numbers 511 to 512 overlap those of chip \"demo\", 512 to {}",
        511 + first
    );
    assert_eq!(taken.message, problem);
    let state = plugged.plug(&based("x", 2, 0), at(0)).unwrap();
    assert_eq!(state.base, Some(0));
    assert_eq!(plugged.list().chips[0].base, None, "it did not ask");
    let taken = plugged.plug(&based("y", 1, 1), at(0)).unwrap_err();
    assert_eq!(
        taken.message,
        "numbers 1 to 1 overlap those of chip \"x\", 0 to 1"
    );
    plugged.unplug(&"x".into(), at(1)).unwrap();
    plugged.unplug(&"demo".into(), at(1)).unwrap();
    plugged.plug(&based("y", 1, 1), at(2)).unwrap();
    plugged.plug(&ChipSpec::plain("z", 1), at(2)).unwrap();
    let numbers = numbers();
    assert!(
        numbers.contains(&Some(1)) && numbers.contains(&Some(512)),
        "{numbers:?}"
    );
    let far = plugged.plug(&based("far", 2, u32::MAX), at(3)).unwrap_err();
    assert_eq!(far.code, Code::BadParams);
}

#[test]
fn a_chip_that_cannot_be_is_not_plugged() {
    let (_, mut plugged) = plugged();
    let mut named = ChipSpec::plain("x", 2);
    named.names = vec![(2, "y".into())];
    for spec in [
        ChipSpec::plain("", 1),
        ChipSpec::plain("x", 0),
        ChipSpec::plain("x", 1025),
        named,
    ] {
        assert_eq!(
            plugged.plug(&spec, at(0)).unwrap_err().code,
            Code::BadParams
        );
    }
    assert_eq!(plugged.list().chips.len(), 2);
}
