//! Each part on a bench of its own: one net a pin, and a probe on each.

use std::string::{String, ToString as _};
use std::vec::Vec;

use super::*;
use crate::net::{Engine, NetId, News, PartId, PinId};
use Level::{High, Low};

const MS: u64 = 1_000_000;

struct Bench {
    engine: Engine,
    part: PartId,
    nets: Vec<NetId>,
    probes: Vec<PinId>,
}

impl Bench {
    fn new(kind: &str, settings: &Settings) -> Bench {
        let kind = PartKind::find(kind).unwrap();
        let mut engine = Engine::new(None);
        let nets: Vec<NetId> = kind.pins.iter().map(|pin| engine.add_net(pin)).collect();
        let probes = nets
            .iter()
            .map(|net| engine.add_pin("probe", Some(*net)))
            .collect();
        let wires: Vec<_> = nets.iter().copied().map(Some).collect();
        let part = engine.add_part("it", kind.make(settings).unwrap(), &wires);
        engine.settle(0);
        Bench {
            engine,
            part,
            nets,
            probes,
        }
    }

    fn level(&self, pin: usize) -> Level {
        self.engine.level(self.nets[pin])
    }

    fn drive(&mut self, pin: usize, drive: PinDrive, at: u64) {
        self.engine.advance(at);
        self.engine.set(self.probes[pin], drive);
        self.engine.settle(at);
    }

    fn act(&mut self, action: Action, at: u64) {
        self.engine.operate(self.part, action, at).unwrap();
    }

    fn state(&self) -> String {
        self.engine.state(self.part).to_string()
    }

    /// What a pin does until `end`: instants and levels.
    fn story(&mut self, pin: usize, end: u64) -> Vec<(u64, Level)> {
        let probe = self.probes[pin];
        self.engine.advance(end);
        let seen = self.engine.take_news().filter_map(|news| match news {
            News::Seen(seen) if seen.pin == probe => Some((seen.at_ns, seen.level)),
            _ => None,
        });
        seen.collect()
    }
}

fn with(key: &str, value: &str) -> Settings {
    Settings::default().with(key, Setting::Text(value.into()))
}

#[test]
fn a_button_pulls_up_and_is_pressed_low() {
    let mut bench = Bench::new("button", &Settings::default());
    assert_eq!((bench.level(0), bench.state()), (High, "released".into()));
    bench.act(Action::Press(None), 5);
    assert_eq!((bench.level(0), bench.state()), (Low, "pressed".into()));
    bench.act(Action::Release, 9);
    assert_eq!(bench.level(0), High);
    assert!(
        bench
            .engine
            .operate(bench.part, Action::Turn(1), 10)
            .is_err()
    );
}

#[test]
fn a_button_lets_go_by_itself_and_bounces_by_its_seed() {
    let settings = |seed| with("bounce", "3ms").seeded(seed);
    let story = |seed| {
        let mut bench = Bench::new("button", &settings(seed));
        bench.act(Action::Press(Some(20 * MS)), 100 * MS);
        bench.story(0, 200 * MS)
    };
    assert_eq!(story(1), story(1));
    assert_ne!(story(1), story(2));
    let (last, level) = *story(1).last().unwrap();
    assert!(level == High && (120 * MS..123 * MS).contains(&last));
}

#[test]
fn a_switch_stays_as_it_was_put() {
    let mut bench = Bench::new("switch", &with("active", "high"));
    assert_eq!((bench.level(0), bench.state()), (Low, "off".into()));
    bench.act(Action::Switch(true), 1);
    assert_eq!((bench.level(0), bench.state()), (High, "on".into()));
    assert_eq!(
        Bench::new("switch", &with("start", "on")).level(0),
        Low,
        "closed to ground"
    );
}

#[test]
fn an_encoder_gives_quadrature_a_first_when_clockwise() {
    let mut bench = Bench::new("encoder", &with("step", "4ms"));
    bench.act(Action::Turn(1), 0);
    let mut levels = Vec::new();
    for ms in 1..=4 {
        bench.engine.advance(ms * MS);
        levels.push((bench.level(0), bench.level(1)));
    }
    assert_eq!(levels, [(Low, High), (Low, Low), (High, Low), (High, High)]);
    assert_eq!(
        (bench.state(), bench.engine.next_deadline()),
        ("+1".into(), None)
    );
    bench.act(Action::Turn(-3), 10 * MS);
    bench.engine.advance(11 * MS);
    assert_eq!((bench.level(0), bench.level(1)), (High, Low), "B first");
    bench.engine.advance(100 * MS);
    assert_eq!(bench.state(), "-2");
}

#[test]
fn an_led_and_a_display_show_what_they_are_given() {
    let mut bench = Bench::new("led", &Settings::default());
    bench.drive(0, PinDrive::output(High), 1);
    assert_eq!(bench.state(), "on");

    let mut bench = Bench::new("seven-segment", &Settings::default());
    assert_eq!(bench.state(), " ");
    for pin in [1, 2] {
        bench.drive(pin, PinDrive::output(High), 1);
    }
    assert_eq!(bench.state(), "1");
    bench.drive(7, PinDrive::output(High), 2);
    assert_eq!(bench.state(), "1.");
    bench.drive(4, PinDrive::output(High), 3);
    assert_eq!(bench.state(), "bce.", "no digit has these");
}

#[test]
fn a_relay_takes_its_time_and_switches_a_rail() {
    let mut bench = Bench::new("relay", &with("operate", "5ms"));
    assert_eq!((bench.level(1), bench.level(2)), (Low, High));
    bench.drive(0, PinDrive::output(High), 10 * MS);
    bench.engine.advance(14 * MS);
    assert_eq!(bench.state(), "off");
    bench.engine.advance(15 * MS);
    assert_eq!((bench.level(1), bench.state()), (High, "on".into()));
    assert_eq!(
        bench.engine.node(bench.nets[2]),
        crate::net::NetNode::Floating
    );
}

#[test]
fn a_square_wave_is_exactly_on_time_however_late_it_is_asked() {
    let settings = Settings::default()
        .with("frequency", Setting::Number(1000))
        .with("duty", Setting::Number(25));
    let mut bench = Bench::new("square-wave", &settings);
    let story = bench.story(0, 3 * MS);
    let wanted: Vec<_> = (0..3)
        .flat_map(|n| [(n * MS + 750_000, High), ((n + 1) * MS, Low)])
        .collect();
    assert_eq!(story, wanted);
    bench.act(Action::Switch(false), 3 * MS);
    assert_eq!(
        (bench.engine.next_deadline(), bench.state()),
        (None, "off".into())
    );
}

/// A controller that bit-bangs, slowly and by the book.
struct Controller(Bench, u64);

impl Controller {
    fn new(settings: &Settings) -> Controller {
        let mut bench = Bench::new("eeprom", settings);
        for net in bench.nets.clone().into_iter().take(2) {
            bench.engine.set_pull(net, Some(High));
        }
        bench.engine.settle(0);
        Controller(bench, 0)
    }

    fn put(&mut self, pin: usize, high: bool) {
        self.1 += 5_000;
        let drive = if high {
            PinDrive::FLOAT
        } else {
            PinDrive::output(Low)
        };
        self.0.drive(pin, drive, self.1);
    }

    fn start(&mut self) {
        for (pin, high) in [(0, true), (1, true), (0, false), (1, false)] {
            self.put(pin, high);
        }
    }

    fn stop(&mut self) {
        for (pin, high) in [(0, false), (1, true), (0, true)] {
            self.put(pin, high);
        }
    }

    fn bit(&mut self, high: bool) -> bool {
        self.put(0, high);
        self.put(1, true);
        let seen = self.0.level(0).is_high();
        self.put(1, false);
        seen
    }

    /// Sends a byte; whether it was acknowledged.
    fn send(&mut self, byte: u8) -> bool {
        (0..8).rev().for_each(|bit| {
            self.bit(byte >> bit & 1 == 1);
        });
        !self.bit(true)
    }

    fn receive(&mut self, more: bool) -> u8 {
        let byte = (0..8).fold(0, |byte, _| byte << 1 | u8::from(self.bit(true)));
        self.bit(!more);
        byte
    }

    fn read(&mut self, word: u8, count: usize) -> Vec<u8> {
        self.start();
        assert!(self.send(0xa0) && self.send(word));
        self.start();
        assert!(self.send(0xa1));
        let bytes = (1..=count).map(|n| self.receive(n < count)).collect();
        self.stop();
        bytes
    }

    fn write(&mut self, word: u8, bytes: &[u8]) {
        self.start();
        assert!(self.send(0xa0) && self.send(word));
        assert!(bytes.iter().all(|byte| self.send(*byte)));
        self.stop();
    }
}

#[test]
fn an_eeprom_is_read_and_goes_round_at_its_end() {
    let mut bus = Controller::new(&with("text", "ugpio").with("data", Setting::Text("0a".into())));
    assert_eq!(bus.read(0, 7), b"\nugpio\xff");
    assert_eq!(bus.read(255, 3), b"\xff\nu");
}

#[test]
fn an_eeprom_writes_a_page_and_does_not_answer_meanwhile() {
    let mut bus = Controller::new(&with("write", "5ms"));
    bus.write(6, b"abc");
    bus.start();
    assert!(!bus.send(0xa0), "busy");
    bus.stop();
    bus.1 += 5 * MS;
    assert_eq!(
        bus.read(0, 8),
        b"c\xff\xff\xff\xff\xffab",
        "round within the page"
    );
    bus.write(8, b"0123456789");
    bus.1 += 5 * MS;
    assert_eq!(bus.read(8, 8), b"89234567", "the last ones stay");
}

#[test]
fn an_eeprom_answers_to_its_address_only_and_can_be_protected() {
    let mut bus = Controller::new(&Settings::default().with("address", Setting::Number(0x51)));
    bus.start();
    assert!(!bus.send(0xa0) && !bus.send(0));
    bus.stop();
    bus.start();
    assert!(bus.send(0xa2));
    bus.stop();

    let mut bus = Controller::new(&Settings::default());
    bus.0.drive(2, PinDrive::output(High), 0);
    bus.write(0, b"x");
    assert_eq!(bus.read(0, 1), [0xff]);
}

#[test]
fn every_kind_is_found_by_its_name_and_has_pins() {
    for kind in KINDS {
        assert_eq!(
            PartKind::find(kind.name).map(|kind| kind.pins),
            Some(kind.pins)
        );
        let part = kind.make(&Settings::default()).unwrap();
        assert_eq!(part.pins(), kind.pins);
    }
}
