//! Simulated chips as consumers see them through the core, and as the world outside sees them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use gpio_sim::{Bank, Change, Changes, Sim, What};
use gpiolib::engine::{DescExt, EdgeQueue, Overflow, Ring};
use gpiolib::{
    Bias, Desc, Drive, Edge, Edges, Error, HogDirection, InfoChangeKind, Level, LineConfig, Offset,
    Registry, Timestamp, Value, set_values, values,
};

fn at(ns: u64) -> Timestamp {
    Timestamp::at(ns)
}

fn request(sim: &Sim, offset: u32) -> Desc {
    sim.device()
        .line(Offset::new(offset))
        .expect("the chip has the line")
        .request("test")
        .expect("nobody holds the line")
}

fn edges_of(desc: &Desc, edges: Edges) -> EdgeQueue {
    let queue = EdgeQueue::new(
        &[desc.offset()],
        16,
        Overflow::DropOldest,
        Box::new(Ring::new()),
    );
    queue.configure(
        0,
        &LineConfig {
            edges,
            ..LineConfig::default()
        },
    );
    desc.arm(&queue, 0, edges).expect("an input has edges");
    queue
}

const ONE: Offset = Offset::new(1);

#[test]
fn a_pull_is_read_and_an_edge_of_its_time() {
    let sim = Sim::simple(4).unwrap();
    let button = request(&sim, 1);
    button.direction_input().unwrap();
    let queue = edges_of(&button, Edges::BOTH);
    sim.set_pull(ONE, Level::High, at(5)).unwrap();
    sim.set_pull(ONE, Level::High, at(6)).unwrap();
    sim.set_pull(ONE, Level::Low, at(7)).unwrap();
    let seen: Vec<_> = std::iter::from_fn(|| queue.pop())
        .map(|e| (e.edge, e.timestamp_ns))
        .collect();
    assert_eq!(seen, [(Edge::Rising, 5), (Edge::Falling, 7)]);
}

#[test]
fn the_level_has_changed_when_the_edge_arrives() {
    struct Reader(Desc, AtomicUsize);
    // A waker must be Sync, a descriptor is not.
    struct Reads(std::sync::Mutex<Reader>);
    impl Wake for Reads {
        fn wake(self: Arc<Self>) {
            let reader = self.0.lock().unwrap();
            // The wake at the end, when the chip goes, has no level to read.
            if let Ok(level) = reader.0.level() {
                reader
                    .1
                    .store(usize::from(level.is_high()) + 1, Ordering::SeqCst);
            }
        }
    }
    let sim = Sim::simple(2).unwrap();
    let button = request(&sim, 1);
    button.direction_input().unwrap();
    let queue = edges_of(&button, Edges::BOTH);
    let reads = Arc::new(Reads(std::sync::Mutex::new(Reader(
        button,
        AtomicUsize::new(0),
    ))));
    queue.set_waker(Waker::from(Arc::clone(&reads)));
    sim.set_pull(ONE, Level::High, at(1)).unwrap();
    assert_eq!(
        reads.0.lock().unwrap().1.load(Ordering::SeqCst),
        2,
        "read high from inside the wake"
    );
}

#[test]
fn emulated_open_drain_reads_low_until_the_pull_is_written() {
    let sim = Sim::simple(2).unwrap();
    sim.set_pull(ONE, Level::High, at(0)).unwrap();
    let line = request(&sim, 1);
    line.apply_config(&LineConfig {
        drive: Drive::OpenDrain,
        ..LineConfig::default()
    });
    line.direction_output(Value::Inactive).unwrap();
    assert_eq!(line.level(), Ok(Level::Low));
    line.set_value(Value::Active).unwrap();
    assert_eq!(
        line.level(),
        Ok(Level::Low),
        "switching to input leaves the level"
    );
    sim.set_pull(ONE, Level::High, at(1)).unwrap();
    assert_eq!(line.level(), Ok(Level::High));
}

#[test]
fn a_bias_is_a_pull_that_stays() {
    let sim = Sim::simple(2).unwrap();
    let line = request(&sim, 1);
    for (bias, pull) in [
        (Bias::PullUp, Level::High),
        (Bias::Disabled, Level::High),
        (Bias::AsIs, Level::High),
        (Bias::PullDown, Level::Low),
        (Bias::PullUp, Level::High),
    ] {
        line.apply_config(&LineConfig {
            bias,
            ..LineConfig::default()
        });
        line.direction_input().unwrap();
        assert_eq!(
            (sim.pull(ONE), line.level()),
            (Ok(pull), Ok(pull)),
            "{bias:?}"
        );
    }
    drop(line);
    assert_eq!(
        (sim.pull(ONE), sim.level(ONE)),
        (Ok(Level::High), Ok(Level::High))
    );
}

#[test]
fn a_released_output_falls_back_to_the_pull_and_still_reads_output() {
    let sim = Sim::simple(2).unwrap();
    let line = request(&sim, 1);
    line.direction_output(Value::Active).unwrap();
    assert_eq!(sim.level(ONE), Ok(Level::High));
    drop(line);
    assert_eq!(sim.level(ONE), Ok(Level::Low));
    let info = sim.device().line(ONE).unwrap().info();
    assert_eq!(info.config.direction, Some(gpiolib::Direction::Output));
}

#[test]
fn many_lines_are_read_and_set_at_once() {
    let sim = Sim::simple(70).unwrap();
    let descs: Vec<Desc> = (6..70).map(|offset| request(&sim, offset)).collect();
    for desc in &descs {
        desc.direction_output(Value::Inactive).unwrap();
    }
    let pattern = 0xdead_beef_0123_4567;
    set_values(&descs, u64::MAX, pattern).unwrap();
    assert_eq!(values(&descs, u64::MAX), Ok(pattern));
    assert_eq!(sim.level(Offset::new(6)), Ok(Level::High));
}

#[test]
fn an_output_reports_no_edges() {
    let sim = Sim::simple(2).unwrap();
    let line = request(&sim, 1);
    line.direction_output(Value::Inactive).unwrap();
    let queue = EdgeQueue::new(&[ONE], 16, Overflow::DropOldest, Box::new(Ring::new()));
    assert_eq!(line.arm(&queue, 0, Edges::BOTH), Err(Error::Io));
}

#[test]
fn hogs_hold_their_lines_before_anybody_sees_the_chip() {
    let registry = Registry::new();
    let sim = Bank::new(4)
        .label("demo")
        .name(ONE, "LED")
        .hog(ONE, "board", HogDirection::Output(Value::Active))
        .hog(Offset::new(9), "nowhere", HogDirection::Input)
        .register(&registry)
        .unwrap();
    let line = registry.find_line("LED").unwrap();
    assert_eq!(line.request("me").err(), Some(Error::Busy));
    assert_eq!(line.info().consumer, Some("board".into()));
    assert_eq!(sim.level(ONE), Ok(Level::High));
    assert_eq!(
        (sim.device().label(), sim.device().parent()),
        ("demo", Some("platform/gpio-sim.0"))
    );
}

#[test]
fn default_labels_are_those_of_linux() {
    let registry = Registry::new();
    let sims: Vec<Sim> = (0..3)
        .map(|_| Bank::new(1).register(&registry).unwrap())
        .collect();
    let labels: Vec<_> = sims
        .iter()
        .map(|sim| sim.device().label().to_owned())
        .collect();
    assert_eq!(
        labels,
        ["gpio-sim.0:node0", "gpio-sim.1:node0", "gpio-sim.2:node0"]
    );
    let second = Bank::new(1).platform(7, 1).register(&registry).unwrap();
    assert_eq!(second.device().label(), "gpio-sim.7:node1");
}

#[test]
fn sizes_and_offsets_have_bounds() {
    let registry = Registry::new();
    for lines in [0, 1025, u32::MAX] {
        assert!(matches!(
            Bank::new(lines).register(&registry),
            Err(Error::Invalid(_))
        ));
    }
    let sim = Bank::new(1024).register(&registry).unwrap();
    assert!(sim.set_pull(Offset::new(1023), Level::High, at(0)).is_ok());
    for offset in [1024, u32::MAX] {
        let offset = Offset::new(offset);
        assert!(matches!(
            sim.set_pull(offset, Level::High, at(0)),
            Err(Error::Invalid(_))
        ));
        assert!(sim.level(offset).is_err() && sim.pull(offset).is_err());
    }
}

#[test]
fn unplugged_lines_answer_enodev_and_the_number_stays_taken() {
    let registry = Registry::new();
    let sim = Bank::new(2).register(&registry).unwrap();
    let line = request(&sim, 1);
    line.direction_input().unwrap();
    sim.unplug();
    assert_eq!(line.level(), Err(Error::Revoked));
    assert!(registry.devices().is_empty());
    let next = Bank::new(2).register(&registry).unwrap();
    assert_eq!(
        (next.device().id(), next.device().parent()),
        (1, Some("platform/gpio-sim.0"))
    );
    drop(line);
    assert_eq!(Bank::new(2).register(&registry).unwrap().device().id(), 0);
}

#[test]
fn everything_that_happens_is_seen_in_its_order() {
    let mut sim = Sim::simple(2).unwrap();
    let changes = Changes::new(64);
    sim.watch(&changes, 9);
    sim.set_pull(ONE, Level::High, at(1)).unwrap();
    let line = request(&sim, 1);
    line.direction_output(Value::Inactive).unwrap();
    line.announce(InfoChangeKind::Requested);
    line.set_value(Value::Active).unwrap();
    line.set_value(Value::Active).unwrap();
    line.set_value(Value::Inactive).unwrap();
    drop(line);
    let what = |change: Change| {
        let Change::Line(change) = change else {
            panic!("there are no nets")
        };
        assert_eq!((change.tag, change.offset), (9, ONE));
        match change.what {
            What::Level(level) => format!("level {level:?}"),
            What::Pull(level) => format!("pull {level:?}"),
            What::Info(info) => format!("{:?}", info.kind),
            What::Fault(fired) => fired.fault.to_string(),
        }
    };
    let seen: Vec<String> = std::iter::from_fn(|| changes.pop()).map(what).collect();
    let wanted = [
        "pull High",
        "level High",
        "level Low",
        "Requested",
        "level High",
        "level Low",
        "level High",
        "Released",
    ];
    assert_eq!(seen, wanted);
    assert_eq!(changes.take_lost(), 0);
}

#[test]
fn a_full_queue_counts_what_it_leaves_out_and_wakes() {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let mut sim = Sim::simple(2).unwrap();
    let changes = Changes::new(3);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    changes.set_waker(Waker::from(Arc::clone(&count)));
    sim.watch(&changes, 0);
    sim.set_pull(ONE, Level::High, at(1)).unwrap();
    sim.set_pull(ONE, Level::High, at(2)).unwrap();
    sim.set_pull(ONE, Level::Low, at(3)).unwrap();
    assert_eq!(
        count.0.load(Ordering::SeqCst),
        2,
        "one wake a change, none for nothing"
    );
    assert_eq!(std::iter::from_fn(|| changes.pop()).count(), 3);
    assert_eq!((changes.take_lost(), changes.take_lost()), (1, 0));
}
