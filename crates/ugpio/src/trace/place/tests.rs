//! Signals find their lines, or are complained about.

use super::*;
use crate::trace::wave::{Bit, Steps};

fn board(words: &[&str]) -> Board {
    let mut board = Board::default();
    board
        .chips
        .extend(words.iter().map(|word| word.parse::<ChipSpec>().unwrap()));
    board.chips[0].names = vec![(2, "my led".to_owned())];
    board
}

fn wave(signals: &[(&str, &str)]) -> Wave {
    let signal = |(chip, name): &(&str, &str)| ChipWave {
        name: (*chip).to_owned(),
        lines: vec![LineWave {
            name: (*name).to_owned(),
            level: Steps(vec![(0, Bit::Low), (5, Bit::High)]),
            ..LineWave::default()
        }],
    };
    Wave {
        chips: signals.iter().map(signal).collect(),
        ..Wave::default()
    }
}

fn placed(board: &Board, wave: &Wave, words: &[&str]) -> Result<Vec<(String, u32)>, String> {
    let assignments: Vec<Assignment> = words.iter().map(|word| word.parse().unwrap()).collect();
    let placed = place(wave, board, &assignments)?;
    Ok(placed.into_iter().map(|p| (p.chip, p.offset)).collect())
}

#[test]
fn names_of_ours_others_and_analysers_are_found() {
    let two = board(&["demo:4", "o.k.:2"]);
    let found = |signals: &[(&str, &str)]| placed(&two, &wave(signals), &[]).unwrap();
    assert_eq!(found(&[("o_k_", "line1")]), [("o.k.".to_owned(), 1)]);
    assert_eq!(found(&[("logic", "my_led")]), [("demo".to_owned(), 2)]);
    let one = board(&["demo:4"]);
    let found = placed(&one, &wave(&[("logic", "D3")]), &[]);
    assert_eq!(found.unwrap(), [("demo".to_owned(), 3)]);
}

#[test]
fn the_user_has_the_last_word() {
    let two = board(&["demo:4", "other:2"]);
    let signals = wave(&[("logic", "D0"), ("logic2", "CLK")]);
    let words = ["D0=demo:my led", "logic2.CLK=other:0"];
    let wanted = [("demo".to_owned(), 2), ("other".to_owned(), 0)];
    assert_eq!(placed(&two, &signals, &words).unwrap(), wanted);
    assert_eq!(placed(&two, &signals, &["D0=-", "CLK=-"]).unwrap(), []);
}

#[test]
fn what_fits_nowhere_is_said() {
    let two = board(&["demo:4", "other:2"]);
    let signals = wave(&[("logic", "D0")]);
    let complaint = |words: &[&str]| placed(&two, &signals, words).unwrap_err();
    let wanted = "signal logic.D0 is no line of this board; say which with \
                  --signal logic.D0=CHIP:LINE, or --signal logic.D0=- for none";
    assert_eq!(complaint(&[]), wanted);
    assert_eq!(complaint(&["D1=-"]), "no signal is called \"D1\"");
    let wanted = "no chip of this board has the label \"none\"";
    assert_eq!(complaint(&["D0=none:1"]), wanted);
    assert_eq!(complaint(&["D0=demo:4"]), "\"demo\" has no line 4");
    assert!("D0".parse::<Assignment>().is_err());
    assert!("D0=demo".parse::<Assignment>().is_err());
    let mut still = wave(&[("logic", "D7")]);
    still.chips[0].lines[0].level.0.truncate(1);
    assert_eq!(placed(&two, &still, &[]).unwrap(), []);
}

#[test]
fn what_could_be_several_is_asked_for() {
    let one = board(&["demo:4"]);
    let dump = "$var wire 1 ! clk $end $var wire 1 \" clk $end #0 0! 1\" #5 1! 0\"";
    let twins = Wave::of_dump(dump.as_bytes()).unwrap();
    let complaint = |words: &[&str]| placed(&one, &twins, words).unwrap_err();
    let wanted = "\"clk\" is more than one signal, clk@! and clk@\": write it in full";
    assert_eq!(complaint(&["clk=demo:1"]), wanted);
    let wanted = "signal clk@\" is no line of this board";
    assert!(complaint(&["clk@!=demo:1"]).starts_with(wanted));
    let both = placed(&one, &twins, &["clk@!=demo:1", "clk@\"=demo:2"]).unwrap();
    assert_eq!(both, [("demo".to_owned(), 1), ("demo".to_owned(), 2)]);
    let wanted = "signals clk@! and clk@\" are both line 1 of \"demo\"; say with --signal clk@\"=- that one is none";
    assert_eq!(complaint(&["clk@!=demo:1", "clk@\"=demo:1"]), wanted);
    let two = wave(&[("m", "clk"), ("n", "clk")]);
    let complaint = placed(&one, &two, &["clk=demo:1"]).unwrap_err();
    assert_eq!(
        complaint,
        "\"clk\" is more than one signal, m.clk and n.clk: write it in full"
    );
    let words = ["clk=demo:1", "m.clk=demo:2"];
    let complaint = placed(&one, &wave(&[("m", "clk")]), &words).unwrap_err();
    assert_eq!(
        complaint,
        "--signal names m.clk twice, as \"clk\" and as \"m.clk\""
    );
}

#[test]
fn names_that_a_trace_makes_distinct_are_found() {
    let mut one = board(&["demo:3"]);
    let names = ["led_1", "led", "led"].map(str::to_owned);
    one.chips[0].names = (0..).zip(names).collect();
    let signals = wave(&[("demo", "led_1"), ("demo", "led_1_1"), ("demo", "led_2")]);
    let found = placed(&one, &signals, &[]).unwrap();
    let offsets: Vec<u32> = found.into_iter().map(|(_, offset)| offset).collect();
    assert_eq!(offsets, [0, 1, 2]);
}
