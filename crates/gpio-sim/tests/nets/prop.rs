//! Random stories against a naive resolver, and in any order.

use gpio_sim::net::{Engine, NetId, PinDrive, PinId, Strength};
use gpio_sim::part::{PartKind, Settings};
use gpiolib::Level;
use proptest::prelude::*;

/// How many nets and pins a story has.
const NETS: usize = 4;
const PINS: usize = 8;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A pin does something else.
    Set(usize, PinDrive),
    /// A pin is wired elsewhere.
    Connect(usize, Option<usize>),
    /// A net gets another resistor.
    Pull(usize, Option<Level>),
}

fn level() -> impl Strategy<Value = Level> {
    any::<bool>().prop_map(Level::from)
}

fn held() -> impl Strategy<Value = Option<Level>> {
    prop_oneof![2 => Just(None), 1 => level().prop_map(Some)]
}

fn drive() -> impl Strategy<Value = PinDrive> {
    (held(), held(), held(), held()).prop_map(|(output, hand, resistor, bias)| {
        PinDrive::FLOAT
            .with(Strength::Output, output)
            .with(Strength::Hand, hand)
            .with(Strength::Resistor, resistor)
            .with(Strength::Bias, bias)
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..PINS, drive()).prop_map(|(pin, drive)| Step::Set(pin, drive)),
        1 => (0..PINS, proptest::option::of(0..NETS)).prop_map(|(pin, net)| Step::Connect(pin, net)),
        1 => (0..NETS, held()).prop_map(|(net, pull)| Step::Pull(net, pull)),
    ]
}

/// Resolves by looking at everything anew, in the words of the rule.
struct Naive {
    drives: [PinDrive; PINS],
    nets: [Option<usize>; PINS],
    pulls: [Option<Level>; NETS],
    levels: [Level; NETS],
}

impl Naive {
    fn apply(&mut self, step: Step) {
        match step {
            Step::Set(pin, drive) => self.drives[pin] = drive,
            Step::Connect(pin, net) => self.nets[pin] = net,
            Step::Pull(net, pull) => self.pulls[net] = pull,
        }
    }

    fn resolve(&mut self) {
        use Strength::{Bias, Hand, Output, Resistor};
        for net in 0..NETS {
            let mut level = self.levels[net];
            for strength in [Bias, Resistor, Hand, Output] {
                let pins = (0..PINS).filter(|pin| self.nets[*pin] == Some(net));
                let mut holds: Vec<Level> = pins
                    .filter_map(|pin| self.drives[pin].at(strength))
                    .collect();
                if strength == Resistor {
                    holds.extend(self.pulls[net]);
                }
                let (low, high) = (holds.contains(&Level::Low), holds.contains(&Level::High));
                level = match (low, high) {
                    (false, false) => level,
                    (true, false) => Level::Low,
                    (false, true) => Level::High,
                    (true, true) if strength == Output => Level::Low,
                    (true, true) => self.levels[net],
                };
            }
            self.levels[net] = level;
        }
    }
}

/// The same nets in an engine, made and wired in any order.
struct Board {
    engine: Engine,
    nets: [NetId; NETS],
    pins: [PinId; PINS],
}

impl Board {
    fn new(order: &[usize]) -> Board {
        let mut engine = Engine::new(None);
        let mut nets = [None; NETS];
        for index in order.iter().filter(|index| **index < NETS) {
            nets[*index] = Some(engine.add_net(&index.to_string()));
        }
        let nets = nets.map(Option::unwrap);
        let mut pins = [None; PINS];
        for index in order {
            pins[*index] = Some(engine.add_pin(&index.to_string(), Some(nets[index % NETS])));
        }
        let pins = pins.map(Option::unwrap);
        engine.settle(0);
        Board { engine, nets, pins }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Set(pin, drive) => self.engine.set(self.pins[pin], drive),
            Step::Connect(pin, net) => {
                self.engine
                    .connect(self.pins[pin], net.map(|net| self.nets[net]));
            }
            Step::Pull(net, pull) => self.engine.set_pull(self.nets[net], pull),
        }
    }

    fn levels(&self) -> [Level; NETS] {
        self.nets.map(|net| self.engine.level(net))
    }
}

fn order() -> impl Strategy<Value = Vec<usize>> {
    Just((0..PINS).collect::<Vec<_>>()).prop_shuffle()
}

proptest! {
    #[test]
    fn it_agrees_with_a_naive_resolver_in_any_order(
        story in prop::collection::vec(prop::collection::vec(step(), 1..4), 1..30),
        order in order(),
    ) {
        let mut naive = Naive {
            drives: [PinDrive::FLOAT; PINS],
            nets: core::array::from_fn(|pin| Some(pin % NETS)),
            pulls: [None; NETS],
            levels: [Level::Low; NETS],
        };
        let mut boards = [Board::new(&order), Board::new(&(0..PINS).collect::<Vec<_>>())];
        for (instant, steps) in (1..).zip(&story) {
            steps.iter().for_each(|step| naive.apply(*step));
            naive.resolve();
            for board in &mut boards {
                steps.iter().for_each(|step| board.apply(*step));
                board.engine.settle(instant);
                prop_assert_eq!(board.levels(), naive.levels);
            }
        }
    }

    /// Gates of all kinds between nets, loops included: the order in which the board was built does
    /// not show, and nothing hangs.
    #[test]
    fn parts_give_the_same_levels_in_any_order(
        gates in prop::collection::vec((any::<bool>(), 0..6_usize, 0..6_usize), 0..12),
        changes in prop::collection::vec((0..6_usize, held()), 1..12),
        delays in prop::array::uniform6(prop_oneof![Just(0), 1_u64..2_000_000]),
        reversed in any::<bool>(),
    ) {
        let run = |reversed: bool| {
            let mut engine = Engine::new(None);
            let mut nets = [None; 6];
            let build: Vec<usize> = if reversed { (0..6).rev().collect() } else { (0..6).collect() };
            for index in &build {
                nets[*index] = Some(engine.add_net(&index.to_string()));
            }
            let nets = nets.map(Option::unwrap);
            let pins = nets.map(|net| engine.add_pin("pin", Some(net)));
            let mut gates = gates.clone();
            if reversed {
                gates.reverse();
            }
            for (net, delay) in nets.iter().zip(delays) {
                engine.set_delay(*net, delay);
            }
            for (inverts, from, to) in gates {
                let kind = PartKind::find(if inverts { "inverter" } else { "buffer" }).unwrap();
                let part = kind.make(&Settings::default()).unwrap();
                engine.add_part("gate", part, &[Some(nets[from]), Some(nets[to])]);
            }
            engine.settle(0);
            let mut levels = Vec::new();
            for (instant, (pin, output)) in (1..).zip(&changes) {
                let at = instant * 300_000;
                engine.advance(at);
                engine.set(pins[*pin], PinDrive::FLOAT.with(Strength::Output, *output));
                engine.settle(at);
                levels.push(nets.map(|net| engine.level(net)));
            }
            levels
        };
        prop_assert_eq!(run(reversed), run(false));
    }
}
