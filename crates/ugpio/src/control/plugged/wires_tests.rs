//! Nets and parts as control sees and changes them.

use gpiolib::{ManualClock, Value};

use super::*;
use crate::board::{self, LineSpec, NetSpec};
use crate::control::protocol::{
    Action, Held, Level, LineParams, OperateParams, Resistor, UnwireParams, WireParams,
};

fn at(ns: u64) -> Timestamp {
    Timestamp::at(ns)
}

/// Chips `a` and `b`, wired by their lines 0; on line 1 of `a` is a button.
fn board() -> Board {
    let file = "[[chip]]\nlabel = \"a\"\n[[chip]]\nlabel = \"b\"\n\
                [[part]]\nkind = \"button\"\nname = \"go\"\nline = \"a:1\"\n";
    let mut board = board::from_text(file).unwrap();
    let line = |chip: &str| LineSpec {
        chip: chip.into(),
        offset: 0,
    };
    board.nets.push(NetSpec {
        name: "wire".into(),
        lines: vec![line("a"), line("b")],
        pull: Some(board::Pull::Up),
        delay_ns: 0,
    });
    board
}

fn plugged() -> (Registry, Plugged) {
    let registry = Registry::new();
    let plugged = Plugged::new(&registry, &board(), Chance::default(), at(0)).unwrap();
    (registry, plugged)
}

fn line(chip: &str, line: u32) -> LineParams {
    LineParams {
        chip: chip.into(),
        line: Key::Number(line),
    }
}

fn level(plugged: &Plugged, chip: &str, offset: u32) -> Level {
    let line = plugged.line(&chip.into(), &Key::Number(offset));
    line.unwrap().level
}

fn wire(net: &str, lines: Vec<LineParams>) -> WireParams {
    WireParams {
        net: net.into(),
        lines,
        pull: None,
        delay_ns: None,
    }
}

fn output(registry: &Registry, id: u32, offset: u32) -> gpiolib::Desc {
    let line = registry.device(id).unwrap().line(Offset::new(offset));
    let desc = line.unwrap().request("test").unwrap();
    desc.direction_output(Value::Inactive).unwrap();
    desc
}

#[test]
fn a_board_is_wired_from_the_start_and_again_when_a_chip_comes_back() {
    let (registry, mut plugged) = plugged();
    assert_eq!(level(&plugged, "b", 0), Level::High, "pulled up");
    let desc = output(&registry, 0, 0);
    assert_eq!(level(&plugged, "b", 0), Level::Low);
    drop(desc);

    plugged.unplug(&"a".into(), at(1)).unwrap();
    assert_eq!(plugged.list().nets[1].lines, ["b:0"]);
    plugged.plug(&ChipSpec::plain("a", 8), at(2)).unwrap();
    let _desc = output(&registry, 0, 0);
    assert_eq!(level(&plugged, "b", 0), Level::Low, "as it was");
    assert_eq!(
        plugged.list().chips[0].lines[0].net.as_deref(),
        Some("wire")
    );
}

#[test]
fn lines_are_wired_and_unwired_while_it_goes_on() {
    let (registry, mut plugged) = plugged();
    let _desc = output(&registry, 0, 2);
    let params = WireParams {
        pull: Some(Resistor::Up),
        ..wire("new", vec![line("a", 2), line("b", 2)])
    };
    let net = plugged.wire(&params, at(1)).unwrap();
    assert_eq!(
        (net.level, net.held, net.lines.len()),
        (Level::Low, Held::Firmly, 2)
    );
    let lines = vec![line("a", 2)];
    let unwire = |lines| UnwireParams {
        net: "new".into(),
        lines,
    };
    plugged.unwire(&unwire(lines), at(2)).unwrap();
    assert_eq!(level(&plugged, "b", 2), Level::High);
    let code = |result: Result<(), Failure>| result.unwrap_err().code;
    let not_on_it = unwire(vec![line("a", 2)]);
    assert_eq!(code(plugged.unwire(&not_on_it, at(3))), Code::BadParams);
    plugged.unwire(&unwire(Vec::new()), at(4)).unwrap();
    assert_eq!(level(&plugged, "b", 2), Level::Low, "its own pull again");
    assert_eq!(
        code(plugged.unwire(&unwire(Vec::new()), at(5))),
        Code::NoSuchNet
    );
}

#[test]
fn a_mistake_wires_nothing() {
    let (_, mut plugged) = plugged();
    let nets = plugged.list().nets;
    for params in [
        wire("x", vec![line("a", 2), line("a", 99)]),
        wire("x", vec![line("c", 0)]),
        wire("", Vec::new()),
        WireParams {
            delay_ns: Some(u64::MAX),
            ..wire("x", Vec::new())
        },
    ] {
        assert!(plugged.wire(&params, at(1)).is_err(), "{params:?}");
    }
    assert_eq!(plugged.list().nets, nets);
}

#[test]
fn a_short_is_an_event_that_names_both_lines() {
    let (registry, mut plugged) = plugged();
    let (a, b) = (output(&registry, 0, 0), output(&registry, 1, 0));
    a.set_value(Value::Active).unwrap();
    let events = |plugged: &mut Plugged| {
        let events = std::iter::from_fn(|| plugged.next_event());
        let is_short =
            |event: &Event| matches!(event, Event::Short { .. } | Event::ShortOver { .. });
        events.map(|happened| happened.event).find(is_short)
    };
    let [net, high, low] = ["wire", "a:0", "b:0"].map(String::from);
    let short = Event::Short {
        net: net.clone(),
        high,
        low,
    };
    assert_eq!(events(&mut plugged), Some(short));
    drop(b);
    assert_eq!(events(&mut plugged), Some(Event::ShortOver { net }));
}

#[test]
fn time_begins_when_the_board_is_plugged_in() {
    let file = "[[chip]]\nlabel = \"a\"\n\
                [[part]]\nkind = \"square-wave\"\nname = \"w\"\nline = \"a:1\"\nfrequency = 1000\n";
    let board = board::from_text(file).unwrap();
    let start = 3_600_000_000_000;
    let plugged = Plugged::new(&Registry::new(), &board, Chance::default(), at(start)).unwrap();
    assert_eq!(plugged.nets().next_deadline(), Some(start + 500_000));
}

#[test]
fn a_button_is_pressed_by_name() {
    let (_, mut plugged) = plugged();
    let operate = |part: &str, action| OperateParams {
        part: part.into(),
        action,
        hold_ms: None,
        steps: None,
    };
    assert_eq!(level(&plugged, "a", 1), Level::High);
    let state = plugged
        .operate(&operate("go", Action::Press), at(1))
        .unwrap();
    assert_eq!(
        (state.state.as_str(), level(&plugged, "a", 1)),
        ("pressed", Level::Low)
    );
    let held = OperateParams {
        hold_ms: Some(3),
        ..operate("go", Action::Press)
    };
    plugged.operate(&held, at(10)).unwrap();
    assert_eq!(plugged.nets().next_deadline(), Some(3_000_010));
    plugged.nets().advance(at(3_000_010));
    assert_eq!(level(&plugged, "a", 1), Level::High);
    let code = |plugged: &mut Plugged, part, action| {
        plugged
            .operate(&operate(part, action), at(9))
            .unwrap_err()
            .code
    };
    assert_eq!(code(&mut plugged, "go", Action::Turn), Code::BadParams);
    assert_eq!(code(&mut plugged, "stop", Action::Press), Code::NoSuchPart);
}

/// What happens on lines, on nets and to parts is told in the order in which it happened, however late it
/// is asked for.
#[test]
fn levels_shorts_and_parts_keep_their_order_until_they_are_asked_for() {
    let file = "[[chip]]\nlabel = \"a\"\n[[chip]]\nlabel = \"b\"\n\
                [[net]]\nname = \"wire\"\nlines = [\"a:0\", \"b:0\"]\n\
                [[part]]\nkind = \"led\"\nname = \"lamp\"\nline = \"a:1\"\n";
    let board = board::from_text(file).unwrap();
    let clock = ManualClock::new();
    let registry = Registry::with_clock(clock.reader());
    let mut plugged = Plugged::new(&registry, &board, Chance::default(), at(0)).unwrap();
    let (a, b, lamp) = (
        output(&registry, 0, 0),
        output(&registry, 1, 0),
        output(&registry, 0, 1),
    );
    let steps = [(&lamp, true), (&a, true), (&lamp, false), (&b, true)];
    for (now, (desc, value)) in (1..).zip(steps) {
        clock.set(at(now));
        desc.set_value(Value::from(value)).unwrap();
    }
    plugged.unplug(&"b".into(), at(5)).unwrap();

    let told = std::iter::from_fn(|| plugged.next_event()).map(|happened| {
        let what = match happened.event {
            Event::Level { line, level } => {
                format!("{}:{} {level:?}", line.chip.label, line.offset)
            }
            Event::Part { part, state } => format!("{part} {state}"),
            Event::Short { net, .. } => format!("{net} short"),
            Event::ShortOver { net } => format!("{net} over"),
            Event::Unplugged(chip) => format!("{} unplugged", chip.label),
            other => format!("{other:?}"),
        };
        (happened.at_ns, what)
    });
    let wanted = [
        (1, "lamp on"),
        (1, "a:1 High"),
        (2, "wire short"),
        (3, "lamp off"),
        (3, "a:1 Low"),
        (4, "a:0 High"),
        (4, "b:0 High"),
        (4, "wire over"),
        (5, "b unplugged"),
    ];
    let wanted = wanted.map(|(at_ns, what)| (at_ns, what.to_owned()));
    assert_eq!(told.collect::<Vec<_>>(), wanted);
}

/// All of a board is freed when it is dropped, whatever was unplugged, plugged in and wired before.
#[test]
fn a_board_that_is_dropped_is_freed() {
    for replugs in 0..3 {
        let canary = Arc::new(());
        let alive = Arc::downgrade(&canary);
        let registry = Registry::with_clock(move || {
            let _ = &canary;
            at(0)
        });
        let mut plugged = Plugged::new(&registry, &board(), Chance::default(), at(0)).unwrap();
        for _ in 0..replugs {
            plugged.unplug(&"a".into(), at(1)).unwrap();
            plugged.plug(&ChipSpec::plain("a", 8), at(2)).unwrap();
        }
        plugged
            .wire(&wire("other", vec![line("a", 2), line("b", 2)]), at(3))
            .unwrap();
        let desc = output(&registry, 0, 0);
        drop((desc, registry));
        assert!(alive.upgrade().is_some());
        drop(plugged);
        assert!(
            alive.upgrade().is_none(),
            "plugged in again {replugs} times"
        );
    }
}
