//! Lines of chips on nets, through the core as programs use it.

use std::sync::Arc;

use Level::{High, Low};
use gpio_sim::net::{Nets, Report};
use gpio_sim::part::{Action, PartKind, Setting, Settings};
use gpio_sim::{Bank, Change, Changes, Sim, What};
use gpiolib::engine::DescExt;
use gpiolib::{
    Bias, Desc, Drive, Edge, Edges, Error, Level, LineConfig, ManualClock, Offset, Registry,
    Subscription, Timestamp, Value,
};

struct Board {
    clock: ManualClock,
    nets: Nets,
    a: Sim,
    b: Sim,
}

/// Two chips of 8 lines; line 0 of both are on `wire`, line 1 of both on `other`.
fn board(pull: Option<Level>) -> Board {
    let clock = ManualClock::new();
    let registry = Registry::with_clock(clock.reader());
    let chip = |label| Bank::new(8).label(label).register(&registry).unwrap();
    let (a, b) = (chip("a"), chip("b"));
    let nets = Nets::new(None);
    for (net, offset) in [("wire", 0), ("other", 1)] {
        nets.add(net, pull, 0);
        for sim in [&a, &b] {
            let label = format!("{}:{offset}", sim.device().label());
            nets.wire(net, sim.chip(), Offset::new(offset), &label);
        }
    }
    Board { clock, nets, a, b }
}

fn request(sim: &Sim, offset: u32) -> Desc {
    let line = sim.device().line(Offset::new(offset)).unwrap();
    line.request("test").unwrap()
}

fn drive(desc: &Desc, drive: Drive) {
    desc.apply_config(&LineConfig {
        drive,
        ..LineConfig::default()
    });
}

fn input(sim: &Sim, offset: u32) -> (Desc, Subscription) {
    let desc = request(sim, offset);
    desc.direction_input().unwrap();
    let queue = desc.subscribe(Edges::BOTH, 64).unwrap();
    (desc, queue)
}

fn edges(queue: &Subscription) -> Vec<(u64, Edge)> {
    std::iter::from_fn(|| queue.pop())
        .map(|event| (event.timestamp_ns, event.edge))
        .collect()
}

#[test]
fn an_output_of_one_chip_is_an_edge_on_another() {
    let board = board(None);
    let (reader, queue) = input(&board.b, 0);
    let writer = request(&board.a, 0);
    for (at, value) in [(5, Value::Active), (6, Value::Active), (7, Value::Inactive)] {
        board.clock.set(Timestamp::at(at));
        writer.direction_output(value).unwrap();
        assert_eq!(reader.value(), Ok(value));
    }
    assert_eq!(edges(&queue), [(5, Edge::Rising), (7, Edge::Falling)]);
}

#[test]
fn open_drain_lines_with_a_pull_up_are_a_wired_and() {
    let board = board(Some(High));
    let reports = Changes::new(16);
    board.nets.watch(&reports);
    let (a, b) = (request(&board.a, 0), request(&board.b, 0));
    for desc in [&a, &b] {
        drive(desc, Drive::OpenDrain);
        desc.direction_output(Value::Active).unwrap();
    }
    for (one, other) in [
        (true, true),
        (false, true),
        (true, false),
        (false, false),
        (true, true),
    ] {
        a.set_value(Value::from(one)).unwrap();
        b.set_value(Value::from(other)).unwrap();
        let wanted = Ok(Level::from(one && other));
        assert_eq!((a.level(), b.level()), (wanted, wanted), "{one} {other}");
    }
    assert_eq!(reports.pop(), None);
}

#[test]
fn open_source_lines_with_a_pull_down_are_a_wired_or() {
    let board = board(Some(Low));
    let (a, b) = (request(&board.a, 0), request(&board.b, 0));
    for desc in [&a, &b] {
        drive(desc, Drive::OpenSource);
        desc.direction_output(Value::Inactive).unwrap();
    }
    for (one, other) in [(true, true), (false, true), (true, false), (false, false)] {
        a.set_value(Value::from(one)).unwrap();
        b.set_value(Value::from(other)).unwrap();
        assert_eq!(b.level(), Ok(Level::from(one || other)));
    }
}

#[test]
fn a_push_pull_conflict_reads_low_and_is_reported_with_both_lines() {
    let board = board(None);
    let reports = Changes::new(16);
    board.nets.watch(&reports);
    let next = || match reports.pop() {
        Some(Change::Nets { report, .. }) => report,
        other => panic!("{other:?}"),
    };
    let (a, b) = (request(&board.a, 0), request(&board.b, 0));
    a.direction_output(Value::Active).unwrap();
    b.direction_output(Value::Inactive).unwrap();
    assert_eq!((a.level(), b.level()), (Ok(Low), Ok(Low)));
    let [net, high, low] = ["wire", "a:0", "b:0"].map(String::from);
    assert_eq!(
        next(),
        Report::Short {
            net: net.clone(),
            high,
            low
        }
    );
    drop(b);
    assert_eq!(a.level(), Ok(High));
    assert_eq!(next(), Report::ShortOver { net });
}

#[test]
fn a_floating_net_keeps_its_level_and_a_bias_holds_it() {
    let board = board(None);
    let writer = request(&board.a, 0);
    let reader = request(&board.b, 0);
    reader.direction_input().unwrap();
    writer.direction_output(Value::Active).unwrap();
    drop(writer);
    assert_eq!(reader.level(), Ok(High), "nobody holds it");
    for (bias, level) in [
        (Bias::PullDown, Low),
        (Bias::PullUp, High),
        (Bias::Disabled, High),
    ] {
        reader.apply_config(&LineConfig {
            bias,
            ..LineConfig::default()
        });
        reader.direction_input().unwrap();
        assert_eq!(reader.level(), Ok(level), "{bias:?}");
    }
}

#[test]
fn a_hand_is_stronger_than_resistors_and_weaker_than_outputs() {
    let board = board(Some(High));
    let (reader, queue) = input(&board.b, 0);
    board
        .a
        .set_pull(Offset::new(0), Low, Timestamp::at(3))
        .unwrap();
    assert_eq!(reader.level(), Ok(Low));
    let writer = request(&board.a, 0);
    writer.direction_output(Value::Active).unwrap();
    assert_eq!(reader.level(), Ok(High));
    assert_eq!(edges(&queue).len(), 2);
}

#[test]
fn off_the_net_a_line_holds_its_own_value_again() {
    let board = board(None);
    let (reader, queue) = input(&board.b, 0);
    let writer = request(&board.a, 0);
    writer.direction_output(Value::Active).unwrap();
    assert!(board.nets.unwire(board.b.chip(), Offset::new(0)));
    assert_eq!(
        reader.level(),
        Ok(Low),
        "pulled down, as every line off a net"
    );
    writer.set_value(Value::Inactive).unwrap();
    writer.set_value(Value::Active).unwrap();
    board
        .b
        .set_pull(Offset::new(0), High, Timestamp::at(9))
        .unwrap();
    assert_eq!(reader.level(), Ok(High));
    assert_eq!(edges(&queue).len(), 3, "the wire's, its end's, the pull's");
    assert!(!board.nets.unwire(board.b.chip(), Offset::new(0)));
    board
        .nets
        .wire("wire", board.b.chip(), Offset::new(0), "b:0");
    writer.set_value(Value::Inactive).unwrap();
    assert_eq!(reader.level(), Ok(Low));
}

#[test]
fn a_chip_that_goes_lets_its_nets_go() {
    let board = board(Some(Low));
    let writer = request(&board.a, 0);
    let (reader, queue) = input(&board.b, 0);
    writer.direction_output(Value::Active).unwrap();
    let chip = board.a.chip().clone();
    board.a.unplug();
    board.nets.unplug(&chip);
    assert_eq!(
        (writer.set_value(Value::Active), reader.level()),
        (Err(Error::Revoked), Ok(Low))
    );
    assert_eq!(edges(&queue).len(), 2);
}

#[test]
fn lines_set_together_change_together() {
    let board = board(None);
    let outputs: Vec<Desc> = (0..2).map(|offset| request(&board.a, offset)).collect();
    for desc in &outputs {
        desc.direction_output(Value::Inactive).unwrap();
    }
    let mut b = board.b;
    let changes = Changes::new(16);
    b.watch(&changes, 0);
    gpiolib::set_values(&outputs, 0b11, 0b11).unwrap();
    let levels = std::iter::from_fn(|| changes.pop())
        .filter(|change| matches!(change, Change::Line(line) if line.what == What::Level(High)));
    assert_eq!(levels.count(), 2);
}

#[test]
fn a_delayed_edge_has_the_instant_at_which_it_arrived() {
    let board = board(None);
    board.nets.add("wire", None, 100);
    let (reader, queue) = input(&board.b, 0);
    let writer = request(&board.a, 0);
    board.clock.set(Timestamp::at(10));
    writer.direction_output(Value::Active).unwrap();
    assert_eq!(
        (reader.level(), board.nets.next_deadline()),
        (Ok(Low), Some(110))
    );
    // Late, as a busy machine is.
    board.clock.set(Timestamp::at(500));
    board.nets.advance(Timestamp::at(500));
    assert_eq!(
        (reader.level(), edges(&queue)),
        (Ok(High), vec![(110, Edge::Rising)])
    );
}

#[test]
fn a_loop_through_a_part_comes_back_in_the_same_call() {
    let board = board(None);
    let inverter = PartKind::find("inverter")
        .unwrap()
        .make(&Settings::default())
        .unwrap();
    let pins = ["wire", "other"].map(|net| Some(net.to_owned()));
    board.nets.place("u1", "inverter", inverter, &pins);
    let writer = request(&board.a, 0);
    let (reader, queue) = input(&board.b, 1);
    writer.direction_output(Value::Active).unwrap();
    assert_eq!(reader.level(), Ok(Low));
    writer.set_value(Value::Inactive).unwrap();
    assert_eq!(reader.level(), Ok(High));
    assert_eq!(edges(&queue).len(), 2);
}

#[test]
fn a_button_bounces_into_a_program_and_a_debounced_one_does_not_see_it() {
    let board = board(None);
    let settings = Settings::default().with("bounce", Setting::Text("2ms".into()));
    let button = PartKind::find("button").unwrap().make(&settings).unwrap();
    board
        .nets
        .place("SW1", "button", button, &[Some("wire".into())]);
    let (_reader, queue) = input(&board.b, 0);
    let now = Timestamp::at(1_000_000);
    assert_eq!(
        board.nets.operate("SW1", Action::Press(None), now),
        Some(Ok(()))
    );
    assert_eq!(board.nets.operate("SW2", Action::Release, now), None);
    board.nets.advance(Timestamp::at(10_000_000));
    let seen = edges(&queue);
    assert!(seen.len() >= 3 && seen.len() % 2 == 1, "{seen:?}");
    assert_eq!(seen.last().map(|(_, edge)| *edge), Some(Edge::Falling));
}

#[test]
fn nets_can_be_looked_at_and_removed() {
    let board = board(Some(High));
    let views = board.nets.nets();
    let wire = views.iter().find(|net| net.name == "wire").unwrap();
    assert_eq!(
        (wire.level, wire.lines.as_slice()),
        (High, ["a:0", "b:0"].map(String::from).as_slice())
    );
    assert_eq!(
        board.nets.net_of(board.a.chip(), Offset::new(1)).as_deref(),
        Some("other")
    );
    assert!(board.nets.remove("wire") && !board.nets.remove("wire"));
    assert_eq!(board.nets.net_of(board.a.chip(), Offset::new(0)), None);
    assert_eq!(board.nets.nets().len(), 1);
}

/// Threads that set lines of one net: in the end everybody reads what the last one left, and edges
/// alternate.
#[test]
fn threads_on_one_net_never_see_two_equal_edges_in_a_row() {
    let board = board(Some(High));
    let (reader, queue) = input(&board.b, 2);
    board
        .nets
        .wire("wire", board.b.chip(), Offset::new(2), "b:2");
    std::thread::scope(|scope| {
        for sim in [&board.a, &board.b] {
            scope.spawn(|| {
                let desc = request(sim, 0);
                drive(&desc, Drive::OpenDrain);
                desc.direction_output(Value::Active).unwrap();
                for round in 0..2_000 {
                    desc.set_value(Value::from(round % 2 == 1)).unwrap();
                }
            });
        }
    });
    assert_eq!(reader.level(), Ok(High));
    let seen = edges(&queue);
    assert!(!seen.is_empty());
    assert!(
        seen.windows(2).all(|pair| pair[0].1 != pair[1].1),
        "{seen:?}"
    );
}

/// Lines whose wiring is dropped hold what they drive or are pulled to.
#[test]
fn a_wiring_that_is_dropped_lets_its_lines_go() {
    let board = board(None);
    let (reader, queue) = input(&board.b, 0);
    let writer = request(&board.a, 0);
    writer.direction_output(Value::Active).unwrap();
    assert_eq!((reader.level(), edges(&queue).len()), (Ok(High), 1));
    let clone = board.nets.clone();
    drop(board.nets);
    assert_eq!(reader.level(), Ok(High), "a clone is the same wiring");
    drop(clone);
    assert_eq!((reader.level(), writer.level()), (Ok(Low), Ok(High)));
    assert_eq!(edges(&queue).len(), 1);
    writer.set_value(Value::Inactive).unwrap();
    writer.set_value(Value::Active).unwrap();
    assert_eq!((reader.level(), writer.level()), (Ok(Low), Ok(High)));
    assert_eq!(edges(&queue), [], "it is not on the net any more");
}

/// The chips, their world and the wiring are freed in whatever order they are dropped.
#[test]
fn a_board_that_is_dropped_is_freed() {
    for nets_first in [true, false] {
        let canary = Arc::new(());
        let alive = Arc::downgrade(&canary);
        let registry = Registry::with_clock(move || {
            let _ = &canary;
            Timestamp::default()
        });
        let (nets, changes) = (Nets::new(None), Changes::new(64));
        nets.watch(&changes);
        let mut sims =
            ["a", "b"].map(|label| Bank::new(2).label(label).register(&registry).unwrap());
        for (tag, sim) in (0..).zip(&mut sims) {
            sim.watch(&changes, tag);
            nets.wire("wire", sim.chip(), Offset::new(0), sim.device().label());
        }
        let (reader, queue) = input(&sims[1], 0);
        let writer = request(&sims[0], 0);
        writer.direction_output(Value::Active).unwrap();
        assert_eq!(edges(&queue).len(), 1);
        drop((registry, reader, queue, writer, changes));
        assert!(alive.upgrade().is_some());
        if nets_first {
            drop((nets, sims));
        } else {
            drop((sims, nets));
        }
        assert!(alive.upgrade().is_none(), "nets first: {nets_first}");
    }
}
