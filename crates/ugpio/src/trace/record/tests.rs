//! A recorder loses nothing that it has room for, and says what it lost.

use std::fs::File;
use std::path::Path;

use super::target::TraceFile;
use super::*;
use crate::control::protocol::{ChipAt, Direction, InfoState, Level, LineAt, LineState, Pull};
use crate::trace::wave::{Bit, Wave};

const START: Timestamp = Timestamp::at(0);

fn chip(label: &str) -> ChipState {
    let info = InfoState::plain(None, Direction::Input);
    let line = LineState {
        offset: 0,
        name: None,
        level: Level::Low,
        pull: Pull::Down,
        net: None,
        info,
    };
    ChipState {
        id: 0,
        name: format!("chip-{label}"),
        label: label.to_owned(),
        base: None,
        lines: vec![line],
    }
}

fn level(label: &str, at_ns: u64, level: Level) -> Happened {
    let chip = ChipAt {
        chip: format!("chip-{label}"),
        label: label.to_owned(),
    };
    let line = LineAt {
        chip,
        offset: 0,
        name: None,
    };
    let event = Event::Level { line, level };
    Happened { at_ns, event }
}

#[test]
fn a_chip_that_comes_late_is_named_before_the_end() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.vcd");
    let targets = vec![Target::open(&path).unwrap(), Target::Memory];
    let recorder = Recorder::start(targets, &[chip("a")], START).unwrap();
    recorder.tap(&level("a", 10, Level::High), None);
    recorder.tap(&level("b", 20, Level::High), Some(chip("b")));
    recorder.tap(&level("b", 30, Level::High), None);
    let synced = recorder.sync(Timestamp::at(40));
    assert_eq!((synced.trouble, synced.lost), (vec![], 0));
    let wave = Wave::read(&path).unwrap();
    assert_eq!(Wave::of_dump(&*synced.memory.unwrap()).unwrap(), wave);
    assert_eq!(wave.end, 40);
    let levels: Vec<_> = wave.lines().map(|(_, line)| &line.level.0).collect();
    assert_eq!(*levels[0], [(0, Bit::Low), (10, Bit::High)]);
    let wanted = [(0, Bit::Unknown), (20, Bit::Low), (30, Bit::High)];
    assert_eq!(*levels[1], wanted);
    // And it goes on after that.
    recorder.tap(&level("a", 50, Level::Low), None);
    recorder.tap(&level("c", 60, Level::High), Some(chip("c")));
    let _ = recorder.sync(Timestamp::at(70));
    let wave = Wave::read(&path).unwrap();
    assert_eq!((wave.end, wave.lines().count()), (70, 3));
    assert_eq!(wave.chips[0].lines[0].level.0.len(), 3);
    assert!(!place.path().join("a.vcd.part").exists());
}

#[test]
fn an_fst_is_made_at_the_end_and_again_if_more_has_come() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.fst");
    let target = Target::open(&path).unwrap();
    let dump = place.path().join("a.fst.part");
    let recorder = Recorder::start(vec![target, Target::Memory], &[chip("a")], START).unwrap();
    recorder.tap(&level("a", 10, Level::High), None);
    recorder.tap(&level("b", 20, Level::High), Some(chip("b")));
    assert!(dump.exists() && Wave::read(&path).is_err());
    let synced = recorder.sync(Timestamp::at(40));
    assert_eq!((synced.trouble, synced.lost), (vec![], 0));
    let wave = Wave::read(&path).unwrap();
    assert_eq!(Wave::of_dump(&*synced.memory.unwrap()).unwrap(), wave);
    assert_eq!((wave.end, wave.lines().count()), (40, 2));
    recorder.tap(&level("a", 50, Level::Low), None);
    recorder.tap(&level("c", 60, Level::High), Some(chip("c")));
    let synced = recorder.sync(Timestamp::at(70));
    let wave = Wave::read(&path).unwrap();
    assert_eq!(Wave::of_dump(&*synced.memory.unwrap()).unwrap(), wave);
    assert_eq!((wave.end, wave.lines().count()), (70, 3));
    let names = std::fs::read_dir(place.path()).unwrap();
    assert_eq!(names.count(), 1, "nothing is left beside it");
}

#[test]
fn an_fst_that_cannot_be_made_leaves_the_dump() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.fst");
    let target = Target::open(&path).unwrap();
    // Where the new file would be there is a directory.
    std::fs::create_dir(place.path().join("a.fst.new")).unwrap();
    let recorder = Recorder::start(vec![target], &[chip("a")], START).unwrap();
    recorder.tap(&level("a", 10, Level::High), None);
    let trouble = recorder.sync(Timestamp::at(40)).trouble.join(" ");
    let dump = place.path().join("a.fst.part");
    assert!(trouble.contains("a.fst: is a directory"), "{trouble}");
    assert!(
        trouble.ends_with(&format!("is in {}", dump.display())),
        "{trouble}"
    );
    let wave = Wave::read(&dump).unwrap();
    assert_eq!(wave.chips[0].lines[0].level.0.len(), 2);
}

#[test]
fn what_there_is_no_room_for_is_counted() {
    let (to, orders) = sync_channel(2);
    let recorder = Recorder {
        to,
        progress: Arc::default(),
        left_out: Cell::new(0),
        left_out_in_all: Cell::new(0),
    };
    for at in 0..5 {
        recorder.tap(&level("a", at, Level::High), None);
    }
    let taken = || match orders.try_recv() {
        Ok(Order::Happened(happened)) => happened,
        other => panic!("{other:?}"),
    };
    assert_eq!(taken().at_ns, 0);
    assert_eq!(taken().at_ns, 1);
    recorder.tap(&level("a", 9, Level::Low), None);
    assert_eq!(taken().event, Event::Lost { count: 3 });
    assert_eq!(taken().at_ns, 9);
    assert_eq!(recorder.left_out_in_all.get(), 3);
}

#[test]
fn a_full_disk_is_trouble_and_a_strange_ending_a_mistake() {
    let full = File::options().read(true).write(true).open("/dev/full");
    let file = TraceFile {
        path: "full.vcd".into(),
        file: full.unwrap(),
    };
    let recorder = Recorder::start(vec![Target::Vcd(file)], &[chip("a")], START);
    let trouble = recorder.unwrap().sync(START).trouble;
    let wanted = "full.vcd: no space left on device";
    assert_eq!(trouble, [wanted]);
    let complaint = |path: &str| Target::open(Path::new(path)).unwrap_err();
    assert!(complaint("a.txt").starts_with("a.txt: a trace ends with"));
    assert!(complaint("a").starts_with("a: a trace ends with"));
    assert!(complaint("/nowhere/a.vcd").starts_with("/nowhere/a.vcd: "));
}

#[test]
fn what_is_told_late_stands_where_it_belongs() {
    let event = || Event::Lost { count: 1 };
    let order = |at_ns| {
        Order::Happened(Happened {
            at_ns,
            event: event(),
        })
    };
    let mut sorted = Sorted::default();
    for at_ns in [10, 30, 20, 30] {
        sorted.put(at_ns, order(at_ns));
    }
    assert!(sorted.take(false).is_none(), "an earlier one may come");
    sorted.put(20 + LATE_NS, order(20 + LATE_NS));
    let taken = |sorted: &mut Sorted, all| -> Vec<u64> {
        std::iter::from_fn(|| sorted.take(all))
            .map(|order| order.at_ns())
            .collect()
    };
    assert_eq!(taken(&mut sorted, false), [10, 20]);
    assert_eq!(taken(&mut sorted, true), [30, 30, 20 + LATE_NS]);
}
