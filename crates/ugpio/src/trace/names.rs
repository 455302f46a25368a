//! What chips and lines are called in a trace.
//!
//! Viewers cut names at blanks, dots and brackets, so a name keeps letters, digits and `_` only. Used by
//! the [writer](super::vcd) and by whoever looks for a board's line in a recording.

use std::collections::BTreeMap;

/// The signal of a chip that says whether it is plugged in.
pub(crate) const PLUGGED: &str = "plugged";

/// The signal of a chip that carries the errno of the last call that was refused.
pub(crate) const ERROR: &str = "error";

/// The scope of a chip with a signal for each line that says whether it is an output.
pub(crate) const OUTPUT: &str = "output";

/// The scope of a chip with a signal for each line that names its consumer.
pub(crate) const CONSUMER: &str = "consumer";

/// The scope with the remarks, which are no chip.
pub(crate) const REMARKS: &str = "remarks";

/// The signal of that scope: the remark of the moment.
pub(crate) const TEXT: &str = "text";

/// A name that every viewer takes as one word.
pub(crate) fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let plain: String = name
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    if plain.is_empty() {
        "_".to_owned()
    } else {
        plain
    }
}

/// The names of a chip's lines, by offset: their own, or `lineN`; where two would be the same, with the
/// offset behind.
pub(crate) fn of_lines<'n>(names: impl Iterator<Item = Option<&'n str>>) -> Vec<String> {
    let wanted: Vec<String> = names
        .enumerate()
        .map(|(offset, name)| match name {
            Some(name) if !name.is_empty() => plain(name),
            _ => format!("line{offset}"),
        })
        .collect();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for name in [PLUGGED, ERROR]
        .into_iter()
        .chain(wanted.iter().map(String::as_str))
    {
        *count.entry(name).or_default() += 1;
    }
    let distinct = |(offset, name): (usize, &String)| match count.get(name.as_str()) {
        Some(1) => name.clone(),
        _ => format!("{name}_{offset}"),
    };
    wanted.iter().enumerate().map(distinct).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_and_distinct() {
        let names = [
            Some("led"),
            None,
            Some("a b.c[3]"),
            Some("led"),
            Some("error"),
        ];
        let wanted = ["led_0", "line1", "a_b_c_3_", "led_3", "error_4"];
        assert_eq!(of_lines(names.into_iter()), wanted);
        assert_eq!(plain(""), "_");
        assert_eq!(plain("größe"), "gr__e");
    }
}
