//! What a recording asks for, and that it is done in order.

use Bit::{High, Low, Unknown};
use gpiolib::{Registry, Timestamp};

use super::*;
use crate::board::Board;
use crate::control::plugged::{Chance, Plugged};
use crate::control::protocol::{ChipAt, Direction, InfoState, Level, LineAt};
use crate::trace::wave::Steps;

fn placed(offset: u32, level: &[(u64, Bit)], output: &[(u64, Bit)], held: Option<u64>) -> Placed {
    let mut consumer = vec![(0, "-".to_owned())];
    consumer.extend(held.map(|at| (at, "me".to_owned())));
    Placed {
        chip: "demo".to_owned(),
        offset,
        wave: LineWave {
            level: Steps(level.to_vec()),
            output: Steps(output.to_vec()),
            consumer: Steps(consumer),
            ..LineWave::default()
        },
    }
}

fn played(placed: &[Placed]) -> Script {
    Script::of(placed, Unit::NS).unwrap()
}

#[test]
fn what_plays_nothing_is_an_error() {
    let problem = |placed: &[Placed]| Script::of(placed, Unit::NS).unwrap_err();
    assert!(problem(&[]).ends_with("no signal of it is a line of this board"));
    let led = placed(2, &[(0, Low), (60, High)], &[(0, High)], Some(40));
    assert!(problem(&[led]).ends_with("ever an input with a level"));
}

#[test]
fn what_lies_between_nanoseconds_is_rounded_and_said() {
    let ps = Unit::parse("1 ps").unwrap();
    let wave = [placed(
        1,
        &[(0, Low), (1_500, High), (2_000, Low)],
        &[(0, Low)],
        None,
    )];
    let script = Script::of(&wave, ps).unwrap();
    assert_eq!(script.lines[0].then, [(1, Pull::Up), (2, Pull::Down)]);
    assert_eq!(
        script.hints(),
        ["1 change between nanoseconds: rounded down to them"]
    );
    let far = [placed(1, &[(0, Low), (u64::MAX, High)], &[(0, Low)], None)];
    let far = Script::of(&far, Unit::parse("1 us").unwrap()).unwrap_err();
    assert!(far.contains("later than the clock counts"), "{far}");
}

#[test]
fn inputs_are_pulled_from_the_request_on() {
    let button = [(0, Low), (30, High), (70, Low)];
    let button = placed(1, &button, &[(0, Low)], Some(50));
    let led = placed(2, &[(0, Low), (60, High)], &[(0, High)], Some(40));
    let script = played(&[button, led]);
    assert_eq!(script.lines.len(), 1, "outputs are left alone");
    let line = &script.lines[0];
    assert_eq!(line.first, Some(Pull::Up), "as it was when requested");
    assert_eq!(line.then, [(20, Pull::Down)]);
}

#[test]
fn each_line_starts_with_its_own_request_if_that_is_known() {
    let one = placed(1, &[(0, Low), (70, High)], &[(0, Low)], Some(50));
    let mut two = placed(2, &[(0, Low), (75, High)], &[(0, Low)], Some(60));
    let script = played(&[one.clone(), two.clone()]);
    assert!(!script.is_joint);
    let then: Vec<_> = script.lines.iter().map(|line| line.then[0].0).collect();
    assert_eq!(then, [20, 15]);
    two.wave.consumer = Steps::default();
    let script = played(&[one, two]);
    assert!(script.is_joint);
    let then: Vec<_> = script.lines.iter().map(|line| line.then[0].0).collect();
    assert_eq!(then, [70, 75]);
}

#[test]
fn a_line_is_left_alone_while_it_is_an_output() {
    let level = [
        (0, High),
        (10, Low),
        (20, High),
        (30, Low),
        (40, Unknown),
        (50, High),
    ];
    let output = [(0, Low), (5, High), (25, Low)];
    let wave = placed(0, &level, &output, None).wave;
    let wanted = [(0, Pull::Up), (30, Pull::Down), (50, Pull::Up)];
    assert_eq!(levels(&wave), wanted);
}

fn request(offset: u32) -> Happened {
    let chip = ChipAt {
        chip: "gpiochip0".into(),
        label: "demo".into(),
    };
    let name = None;
    let line = LineAt { chip, offset, name };
    let info = InfoState::plain(Some("me"), Direction::Input);
    let event = Event::Requested { line, info };
    let at_ns = now().monotonic_ns;
    Happened { at_ns, event }
}

#[test]
fn a_player_pulls_before_and_after_the_request() {
    let mut board = Board::default();
    board.chips.push("demo:2".parse().unwrap());
    let plugged = Plugged::new(
        &Registry::new(),
        &board,
        Chance::default(),
        Timestamp::at(1),
    )
    .unwrap();
    let plugged = Shared::new(plugged);
    let script = played(&[placed(1, &[(0, High), (2_000, Low)], &[], None)]);
    let clockwork = Clockwork::start(&plugged).unwrap();
    let player = Player::start(script, &plugged, &clockwork);
    let level = || {
        let line = plugged.borrow().line(&"demo".into(), &Key::Number(1));
        line.unwrap().level
    };
    assert_eq!(level(), Level::High);
    player.tap(&request(0));
    player.tap(&request(1));
    player.tap(&request(1));
    while level() == Level::High {
        std::thread::yield_now();
    }
}
