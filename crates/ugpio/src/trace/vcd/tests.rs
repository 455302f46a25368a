//! The writer against a golden file, and against a reader that others wrote.

use super::*;
use crate::control::protocol::{LineState, Pull};
use crate::trace::names::unescaped;

fn chip(id: u32, label: &str, names: &[Option<&str>]) -> ChipState {
    let line = |(offset, name): (u32, &Option<&str>)| LineState {
        offset,
        name: name.map(str::to_owned),
        level: Level::Low,
        pull: Pull::Down,
        net: None,
        info: InfoState::plain(None, Direction::Input),
    };
    ChipState {
        id,
        name: format!("gpiochip{id}"),
        label: label.to_owned(),
        base: None,
        lines: (0..).zip(names).map(line).collect(),
    }
}

fn where_is(chip: &ChipState) -> ChipAt {
    ChipAt {
        chip: chip.name.clone(),
        label: chip.label.clone(),
    }
}

fn at(chip: &ChipState, offset: u32) -> LineAt {
    LineAt {
        chip: where_is(chip),
        offset,
        name: None,
    }
}

/// 2026-11-22 21:45:30 UTC.
const START: Timestamp = Timestamp {
    monotonic_ns: 1_000,
    realtime_ns: 1_795_383_930_000_000_000,
};

/// A small run: a LED is taken, lit and let go; a chip comes and goes.
fn story() -> Vec<u8> {
    let demo = chip(0, "demo", &[Some("LED"), None]);
    let late = chip(1, "late chip", &[Some("x")]);
    let mut writer = VcdWriter::new(Vec::new(), std::slice::from_ref(&demo), START);
    let mut happen = |at_ns, event| writer.event(&Happened { at_ns, event }).unwrap();
    let level = |line, level| Event::Level { line, level };
    happen(1_500, level(at(&demo, 0), Level::High));
    let info_of = |consumer| InfoState::plain(consumer, Direction::Output);
    let (line, info) = (at(&demo, 0), info_of(Some("my blinky")));
    happen(1_500, Event::Requested { line, info });
    // A moment before, noted late by another thread.
    happen(1_400, level(at(&demo, 1), Level::High));
    let (line, info) = (at(&demo, 0), info_of(None));
    happen(2_000, Event::Released { line, info });
    happen(2_000, Event::Lost { count: 3 });
    // Nobody knows such a chip.
    happen(2_100, level(at(&late, 0), Level::High));
    writer.plug(3_000, &late).unwrap();
    let call = FailedCall {
        chip: where_is(&late),
        pid: 7,
        program: "prog".into(),
        call: "GPIO_V2_GET_LINE".into(),
        errno: "EBUSY".into(),
        why: "line 0 is held by $end".into(),
    };
    let (at_ns, event) = (3_500, Event::Failed(call));
    writer.event(&Happened { at_ns, event }).unwrap();
    let event = Event::Unplugged(where_is(&late));
    let at_ns = 4_000;
    writer.event(&Happened { at_ns, event }).unwrap();
    writer.until(5_000).unwrap();
    let mut dump = Vec::new();
    writer.head(&mut dump).unwrap();
    dump.extend_from_slice(writer.body());
    dump
}

#[test]
fn a_story_is_written_as_always() {
    let dump = String::from_utf8(story()).unwrap();
    let golden = include_str!("golden.vcd").replace("0.1.0", env!("CARGO_PKG_VERSION"));
    assert_eq!(dump, golden);
    assert!(dump.ends_with('\n'));
}

#[test]
fn surfer_reads_it() {
    let mut wave = wellen::simple::read_from_reader(io::Cursor::new(story())).unwrap();
    let hierarchy = wave.hierarchy();
    assert_eq!(hierarchy.date(), "Sun Nov 22 21:45:30 2026");
    let find = |scopes: &[&str], name| {
        let var = hierarchy.lookup_var(scopes, name).unwrap();
        hierarchy[var].signal_ref()
    };
    let led = find(&["demo"], "LED");
    let consumer = find(&["demo", "consumer"], "LED");
    let error = find(&["late_chip"], "error");
    wave.load_signals(&[led, consumer, error]);
    let times = wave.time_table().to_vec();
    assert_eq!((times.first(), times.last()), (Some(&0), Some(&4_000)));
    let changes = |signal| {
        let changes = wave.get_signal(signal).unwrap().iter_changes();
        let text = |(at, value)| format!("{} {value}", times[usize::try_from(at).unwrap()]);
        changes.map(text).collect::<Vec<_>>()
    };
    assert_eq!(changes(led), ["0 0", "500 1"]);
    assert_eq!(changes(consumer), ["0 -", "500 my_blinky", "1000 -"]);
    assert_eq!(changes(error), ["0 -", "2500 EBUSY"]);
}

#[test]
fn a_text_survives_as_one_word() {
    for text in [
        "",
        "part \"BAD\" pressed",
        "a\\b\t$end",
        "\u{b5}C 100%",
        "\\040",
    ] {
        let word = escaped(text);
        assert!(word.bytes().all(|byte| byte.is_ascii_graphic()), "{word}");
        assert_eq!(unescaped(&word), text);
    }
    assert_eq!(escaped("one two"), "one\\040two");
    // As GTKWave writes it, and what nobody writes.
    assert_eq!(unescaped("say\\040\\\"x\\\""), "say \"x\"");
    assert_eq!(unescaped("\\777\\"), "777\\");
}

#[test]
fn no_identifier_looks_like_a_value_or_a_time() {
    let ids: Vec<String> = (0..50_000).map(|n| Id::of(n).to_string()).collect();
    let values = ['b', 'r', 's', 'x', 'z', 'B', 'R', 'S', 'X', 'Z'];
    let is_good =
        |id: &String| id.bytes().all(|byte| byte.is_ascii_alphabetic()) && !id.starts_with(values);
    assert_eq!(ids.iter().find(|id| !is_good(id)), None);
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
}

#[test]
fn a_chip_that_comes_back_has_its_signals_again() {
    let demo = chip(0, "demo", &[None]);
    let mut writer = VcdWriter::new(Vec::new(), std::slice::from_ref(&demo), START);
    writer.plug(2_000, &chip(1, "demo", &[None])).unwrap();
    assert_eq!(writer.chips(), 2, "the first is still there");
    let (at_ns, event) = (3_000, Event::Unplugged(where_is(&demo)));
    writer.event(&Happened { at_ns, event }).unwrap();
    writer.plug(4_000, &chip(2, "demo", &[None])).unwrap();
    assert_eq!(writer.chips(), 2);
    writer.plug(5_000, &chip(0, "demo", &[Some("a")])).unwrap();
    assert_eq!(writer.chips(), 3);
}

#[test]
fn dates_are_right() {
    let day = |seconds: u64| date(seconds * 1_000_000_000);
    assert_eq!(day(0), "Thu Jan  1 00:00:00 1970");
    assert_eq!(day(951_782_399), "Mon Feb 28 23:59:59 2000");
    assert_eq!(day(951_782_400), "Tue Feb 29 00:00:00 2000");
    assert_eq!(day(1_709_251_199), "Thu Feb 29 23:59:59 2024");
    assert_eq!(day(1_735_689_599), "Tue Dec 31 23:59:59 2024");
    assert_eq!(day(4_107_542_400), "Mon Mar  1 00:00:00 2100");
}
