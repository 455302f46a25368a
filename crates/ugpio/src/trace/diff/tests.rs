//! What counts as a difference, and what does not.

use super::*;
use crate::trace::dump::NANOSECOND;

/// A recording of chip `c`: each line with the moments of its changes, from low.
fn wave(lines: &[(&str, &[u64])]) -> Wave {
    let line = |(name, at): &(&str, &[u64])| {
        let bits = [Bit::Low, Bit::High].into_iter().cycle();
        let level = std::iter::once(0).chain(at.iter().copied()).zip(bits);
        LineWave {
            name: (*name).to_owned(),
            level: Steps(level.collect()),
            ..LineWave::default()
        }
    };
    let chip = ChipWave {
        name: "c".to_owned(),
        lines: lines.iter().map(line).collect(),
    };
    Wave {
        chips: vec![chip],
        ..Wave::default()
    }
}

fn compare(one: &Wave, other: &Wave, tolerance_ns: Option<u128>) -> Vec<String> {
    let rules = Rules {
        tolerance: tolerance_ns.map(|ns| ns * NANOSECOND),
    };
    super::compare((one, other), rules, Sides("A", "B"), |_| true, false).differences
}

#[test]
fn without_a_tolerance_only_the_order_counts() {
    let one = wave(&[("a", &[10, 20]), ("b", &[15])]);
    let other = wave(&[("a", &[1_000, 9_000]), ("b", &[3])]);
    assert_eq!(compare(&one, &other, None), [""; 0]);
    let shorter = wave(&[("a", &[10]), ("b", &[15])]);
    let wanted = "c.a: 2 changes in A, 1 in B: only A goes low at 20 ns";
    assert_eq!(compare(&one, &shorter, None), [wanted]);
    let wanted = "c.a: 1 change in A, 2 in B: only B goes low at 20 ns";
    assert_eq!(compare(&shorter, &one, None), [wanted]);
}

#[test]
fn times_count_from_the_first_change() {
    let one = wave(&[("a", &[10, 20]), ("b", &[15])]);
    let other = wave(&[("a", &[1_010, 1_022]), ("b", &[1_014])]);
    assert_eq!(compare(&one, &other, Some(2)), [""; 0]);
    let late = "c.a: change 2, to low at 20 ns, comes 2 ns late in B";
    assert_eq!(compare(&one, &other, Some(1)), [late]);
    let early = "c.b: change 1, to high at 15 ns, comes 1 ns early in B";
    assert_eq!(compare(&one, &other, Some(0)), [late, early]);
}

#[test]
fn lines_of_one_side_and_other_beginnings_are_differences() {
    let one = wave(&[("a", &[]), ("b", &[])]);
    let mut other = wave(&[("a", &[])]);
    assert_eq!(compare(&one, &other, None), ["c.b: is in A only"]);
    let (rules, sides) = (Rules::default(), Sides("A", "B"));
    let both = super::compare((&other, &one), rules, sides, |_| true, true);
    assert_eq!(both.differences, ["c.b: is in B only"]);
    other.chips[0].lines[0].level.0[0].1 = Bit::High;
    let wanted = ["c.a: starts low in A, high in B", "c.b: is in A only"];
    assert_eq!(compare(&one, &other, None), wanted);
    let is_wanted = |line: &LineWave| line.name == "c";
    let found = super::compare((&one, &other), rules, sides, is_wanted, false);
    assert_eq!(found, Comparison::default());
}

#[test]
fn what_was_compared_is_counted() {
    let one = wave(&[("a", &[10, 20]), ("b", &[15])]);
    let found = super::compare(
        (&one, &one),
        Rules::default(),
        Sides("A", "B"),
        |_| true,
        true,
    );
    assert_eq!(found.to_string(), "2 signals, 3 changes");
}

#[test]
fn signals_of_one_name_are_told_apart() {
    let dump = |a: &str, b: &str, text: &str| {
        let text = text.replace('A', a).replace('B', b);
        Wave::of_dump(text.as_bytes()).unwrap()
    };
    let text = "$var wire 1 A clk $end $var wire 1 B clk $end #0 0A 1B #5 1A";
    let one = dump("!", "\"", text);
    assert_eq!(compare(&one, &one, Some(0)), [""; 0]);
    // Another order, and other identifiers in the same order.
    let turned = "$var wire 1 B clk $end $var wire 1 A clk $end #0 0A 1B #5 1A";
    assert_eq!(compare(&one, &dump("!", "\"", turned), Some(0)), [""; 0]);
    assert_eq!(compare(&one, &dump("x", "y", text), Some(0)), [""; 0]);
    let other = dump(
        "!",
        "\"",
        "$var wire 1 A clk $end $var wire 1 B clk $end #0 0A 1B #5 0B",
    );
    let found = compare(&one, &other, None);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("clk@!: 1 change in A, 0 in B"),
        "{found:?}"
    );
}

#[test]
fn units_do_not_matter() {
    let text = "$timescale 1 ns $end $var wire 1 ! a $end #0 0! #2 1! #3 0!";
    let ns = Wave::of_dump(text.as_bytes()).unwrap();
    let text = text
        .replace("1 ns", "1 ps")
        .replace("#2", "#2000")
        .replace("#3", "#3001");
    let ps = Wave::of_dump(text.as_bytes()).unwrap();
    let wanted = "a: change 2, to low at 3 ns, comes 1 ps late in B";
    assert_eq!(compare(&ns, &ps, Some(0)), [wanted]);
    assert_eq!(compare(&ns, &ps, Some(1)), [""; 0]);
}
