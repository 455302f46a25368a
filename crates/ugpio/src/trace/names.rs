//! What chips and lines are called in a trace.
//!
//! Viewers cut names at blanks, dots and brackets, so a name keeps letters, digits and `_` only. Used by
//! the [writer](super::vcd) and by look-ups of a board's line in a recording.

use std::collections::{BTreeMap, BTreeSet};

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

/// The scope of a chip, when the scopes of others are taken: its label, with the number of chips before it behind
/// as often as it takes.
pub(crate) fn of_chip(label: &str, taken: &[&str]) -> String {
    let mut name = plain(label);
    while name == REMARKS || taken.contains(&name.as_str()) {
        name = format!("{name}_{}", taken.len());
    }
    name
}

/// The names of a chip's lines, by offset: their own, or `lineN`; where two would be the same, with the
/// offset behind, as often as it takes for no two to be the same.
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
    let mut made: BTreeSet<String> = BTreeSet::new();
    let mut distinct = |(offset, name): (usize, &String)| {
        let mut distinct = name.clone();
        if count.get(name.as_str()) != Some(&1) {
            // None that another signal has, or wants.
            while count.contains_key(distinct.as_str()) || made.contains(&distinct) {
                distinct = format!("{distinct}_{offset}");
            }
            made.insert(distinct.clone());
        }
        distinct
    };
    wanted.iter().enumerate().map(&mut distinct).collect()
}

/// A string as one word, which is all that the format has room for; `-` if it is empty.
pub(crate) fn word(text: &str) -> String {
    let is_fit = |c: char| c.is_ascii_graphic();
    match text {
        "" => "-".to_owned(),
        text => text
            .chars()
            .map(|c| if is_fit(c) { c } else { '_' })
            .collect(),
    }
}

/// A text as one word in the way in which GTKWave reads and writes strings: what is no letter, digit or mark
/// is its bytes in octal.
pub(crate) fn escaped(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'\\' => word.push_str("\\\\"),
            byte if byte.is_ascii_graphic() => word.push(char::from(byte)),
            byte => word.push_str(&format!("\\{byte:03o}")),
        }
    }
    word
}

/// The text of such a word.
pub(crate) fn unescaped(word: &str) -> String {
    let mut text = Vec::with_capacity(word.len());
    let mut rest = word.as_bytes();
    while let [byte, more @ ..] = rest {
        let octal = more
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let octal = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let (byte, after) = match (byte, octal, more) {
            (b'\\', Some(byte), [_, _, _, after @ ..]) => (byte, after),
            (b'\\', _, [mark, after @ ..]) => (*mark, after),
            _ => (*byte, more),
        };
        text.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&text).into_owned()
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
        let names = [Some("led_1"), Some("led"), Some("led")];
        let wanted = ["led_1", "led_1_1", "led_2"];
        assert_eq!(of_lines(names.into_iter()), wanted);
        let names = [
            Some("a_2"),
            Some("a_2_2"),
            Some("a"),
            Some("a"),
            Some("a_3"),
        ];
        let wanted = ["a_2", "a_2_2", "a_2_2_2", "a_3_3", "a_3"];
        assert_eq!(of_lines(names.into_iter()), wanted);
        assert_eq!(of_chip("a b", &[]), "a_b");
        assert_eq!(of_chip("a.b", &["a_b", "a_b_2"]), "a_b_2_2");
        assert_eq!(of_chip("remarks", &[]), "remarks_0");
        assert_eq!(plain(""), "_");
        assert_eq!(plain("größe"), "gr__e");
    }
}
