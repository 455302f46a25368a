//! The engine alone: delays, chains, loops.

use gpio_sim::net::{Engine, NetId, NetNode, News, PinDrive, PinId, Report};
use gpio_sim::part::{PartKind, Settings};
use gpiolib::Level;
use gpiolib::Level::{High, Low};

fn gate(engine: &mut Engine, kind: &str, from: NetId, to: NetId) {
    let part = PartKind::find(kind)
        .unwrap()
        .make(&Settings::default())
        .unwrap();
    engine.add_part(kind, part, &[Some(from), Some(to)]);
}

/// A net that one pin drives.
fn driven(engine: &mut Engine, name: &str) -> (NetId, PinId) {
    let net = engine.add_net(name);
    (net, engine.add_pin(name, Some(net)))
}

fn put(engine: &mut Engine, pin: PinId, level: Level, at: u64) {
    engine.advance(at);
    engine.set(pin, PinDrive::output(level));
    engine.settle(at);
}

fn take(engine: &mut Engine) -> Vec<News> {
    engine.take_news().collect()
}

fn story(news: &[News], pin: PinId) -> Vec<(u64, Level)> {
    let seen = news.iter().filter_map(|news| match news {
        News::Seen(seen) if seen.pin == pin => Some((seen.at_ns, seen.level)),
        _ => None,
    });
    seen.collect()
}

fn reports(news: &[News]) -> Vec<&Report> {
    let reports = news.iter().filter_map(|news| match news {
        News::Report { report, .. } => Some(report),
        News::Seen(_) => None,
    });
    reports.collect()
}

fn oscillations(news: &[News]) -> Vec<&str> {
    let reports = reports(news).into_iter();
    reports
        .filter_map(|report| match report {
            Report::Oscillation { net } => Some(net.as_str()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_delay_moves_every_change_and_loses_none() {
    let mut engine = Engine::new(None);
    let (net, pin) = driven(&mut engine, "slow");
    engine.set_delay(net, 100);
    for (at, level) in [(10, High), (20, Low), (30, High)] {
        put(&mut engine, pin, level, at);
    }
    assert_eq!(
        (engine.level(net), engine.next_deadline()),
        (Low, Some(110))
    );
    engine.advance(119);
    assert_eq!(
        (engine.level(net), engine.next_deadline()),
        (High, Some(120))
    );
    engine.advance(1_000);
    assert_eq!(
        story(&take(&mut engine), pin),
        [(110, High), (120, Low), (130, High)]
    );
    assert_eq!(engine.next_deadline(), None);
}

#[test]
fn a_chain_of_a_thousand_nets_settles_in_one_instant() {
    let mut engine = Engine::new(None);
    let (first, pin) = driven(&mut engine, "0");
    let mut last = first;
    for number in 1..1000 {
        let next = engine.add_net(&number.to_string());
        gate(&mut engine, "inverter", last, next);
        last = next;
    }
    let end = engine.add_pin("end", Some(last));
    put(&mut engine, pin, Low, 1);
    let _ = take(&mut engine);
    for (at, level) in [(2, High), (3, Low)] {
        put(&mut engine, pin, level, at);
        let news = take(&mut engine);
        assert_eq!(story(&news, end), [(at, !level)]);
        assert!(reports(&news).is_empty(), "{news:?}");
    }
}

#[test]
fn a_ring_that_oscillates_is_stopped_and_told_once_until_it_is_cut() {
    for length in [1, 3, 31] {
        let mut engine = Engine::new(None);
        let nets: Vec<NetId> = (0..length)
            .map(|n| engine.add_net(&format!("n{n}")))
            .collect();
        for (index, net) in nets.iter().enumerate() {
            gate(&mut engine, "inverter", *net, nets[(index + 1) % length]);
        }
        engine.settle(1);
        let news = take(&mut engine);
        let told = oscillations(&news);
        assert!(!told.is_empty(), "{length}");
        engine.settle(2);
        assert_eq!(oscillations(&take(&mut engine)), [""; 0], "it is known");
        // A driver that forces a net low cuts the ring, with a short while the inverter is high.
        let pin = engine.add_pin("cutter", Some(nets[0]));
        put(&mut engine, pin, Low, 3);
        assert_eq!(oscillations(&take(&mut engine)), [""; 0], "{length}: quiet");
        assert_eq!(engine.level(nets[0]), Low);
        engine.set(pin, PinDrive::FLOAT);
        engine.settle(4);
        assert!(
            !oscillations(&take(&mut engine)).is_empty(),
            "{length}: again"
        );
    }
}

#[test]
fn a_ring_with_delays_is_a_clock_unless_it_is_too_fast() {
    let ring = |delay| {
        let mut engine = Engine::new(None);
        let net = engine.add_net("ring");
        engine.set_delay(net, delay);
        let pin = engine.add_pin("probe", Some(net));
        gate(&mut engine, "inverter", net, net);
        engine.settle(0);
        (engine, pin)
    };
    let (mut engine, pin) = ring(500_000);
    engine.advance(2_000_000);
    let wanted = [
        (500_000, High),
        (1_000_000, Low),
        (1_500_000, High),
        (2_000_000, Low),
    ];
    let news = take(&mut engine);
    assert_eq!(story(&news, pin), wanted);
    assert!(oscillations(&news).is_empty());

    let (mut engine, _) = ring(10);
    for ms in 1..100 {
        engine.advance(ms * 1_000_000);
    }
    assert_eq!(oscillations(&take(&mut engine)), ["ring"]);
    assert_eq!(engine.next_deadline(), None, "it stands still");
}

#[test]
fn shorts_are_told_with_both_drivers_when_they_begin_and_end() {
    let mut engine = Engine::new(None);
    let (net, a) = driven(&mut engine, "bus");
    let b = engine.add_pin("demo:1", Some(net));
    put(&mut engine, a, High, 1);
    put(&mut engine, b, Low, 2);
    assert_eq!((engine.node(net), engine.level(net)), (NetNode::Short, Low));
    put(&mut engine, a, High, 3);
    engine.set(b, PinDrive::FLOAT);
    engine.settle(4);
    assert_eq!(engine.level(net), High);
    let net = || "bus".to_owned();
    let short = Report::Short {
        net: net(),
        high: net(),
        low: "demo:1".into(),
    };
    let wanted = [&short, &Report::ShortOver { net: net() }];
    assert_eq!(reports(&take(&mut engine)), wanted);
}

#[test]
fn what_is_over_within_an_instant_did_not_happen() {
    // Two ways of different length to the same net: a glitch of no width.
    let mut engine = Engine::new(None);
    let (input, pin) = driven(&mut engine, "in");
    let (middle, late) = (engine.add_net("middle"), engine.add_net("late"));
    let out = engine.add_net("out");
    let end = engine.add_pin("end", Some(out));
    gate(&mut engine, "inverter", input, middle);
    gate(&mut engine, "inverter", middle, late);
    // An open-drain AND of both: low whenever either is low.
    engine.set_pull(out, Some(High));
    for from in [input, late] {
        engine.add_part("sink", Box::new(OpenDrain), &[Some(from), Some(out)]);
    }
    for (at, level) in [(1, Low), (2, High), (3, Low)] {
        put(&mut engine, pin, level, at);
    }
    assert_eq!(story(&take(&mut engine), end), [(2, High), (3, Low)]);
}

#[derive(Debug)]
struct OpenDrain;

impl gpio_sim::part::Part for OpenDrain {
    fn pins(&self) -> &'static [&'static str] {
        &["in", "out"]
    }

    fn react(&mut self, io: &mut gpio_sim::part::Io<'_>) {
        let drive = match io.level(0) {
            Low => PinDrive::output(Low),
            High => PinDrive::FLOAT,
        };
        io.drive(1, drive);
    }
}

#[test]
fn a_floating_net_has_a_level_of_its_seed() {
    let levels = |seed| {
        let mut engine = Engine::new(seed);
        let nets: Vec<NetId> = (0..64).map(|n| engine.add_net(&n.to_string())).collect();
        nets.iter()
            .map(|net| engine.level(*net))
            .collect::<Vec<_>>()
    };
    assert_eq!(levels(Some(5)), levels(Some(5)));
    assert_ne!(levels(Some(5)), levels(Some(6)));
    assert!(levels(None).iter().all(|level| *level == Low));
}

#[test]
fn nets_and_parts_can_go_at_any_moment() {
    let mut engine = Engine::new(None);
    let (a, pin) = driven(&mut engine, "a");
    let b = engine.add_net("b");
    engine.set_delay(b, 10);
    let part = PartKind::find("buffer")
        .unwrap()
        .make(&Settings::default())
        .unwrap();
    let part = engine.add_part("buffer", part, &[Some(a), Some(b)]);
    put(&mut engine, pin, High, 1);
    engine.remove_part(part);
    let _ = engine.remove_net(b);
    engine.settle(2);
    engine.advance(100);
    assert_eq!(engine.remove_net(a), [pin]);
    put(&mut engine, pin, Low, 101);
    let again = engine.add_net("again");
    assert_eq!((engine.level(again), engine.next_deadline()), (Low, None));
}
