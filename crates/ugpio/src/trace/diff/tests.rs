//! What counts as a difference, and what does not.

use super::*;

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

fn compare(one: &Wave, other: &Wave, tolerance_ns: Option<u64>) -> Vec<String> {
    let rules = Rules { tolerance_ns };
    differences(one, other, rules, Sides("A", "B"), |_| true)
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
    assert_eq!(additional(&other, &one), ["c.b: is in the second only"]);
    other.chips[0].lines[0].level.0[0].1 = Bit::High;
    let wanted = ["c.a: starts low in A, high in B", "c.b: is in A only"];
    assert_eq!(compare(&one, &other, None), wanted);
    let is_wanted = |line: &LineWave| line.name == "c";
    let found = differences(&one, &other, Rules::default(), Sides("A", "B"), is_wanted);
    assert_eq!(found, [""; 0]);
}
