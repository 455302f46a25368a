//! What is said of a mistake: one line, whatever the words hold that it quotes.
//!
//! [`one_line`] folds what clap says, [`shown`] is for everything that is written to a terminal about
//! words that came from elsewhere.

use std::fmt::Display;

use crate::clean::clean;

/// A mistake as clap words it, in one line: what is wrong, what would be right, the usage.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    let mut is_after_a_blank = false;
    let lines = text.lines().map(str::trim_end);
    for part in lines.filter(|line| !line.starts_with("For more information")) {
        let Some(word) = Some(part.trim_start()).filter(|word| !word.is_empty()) else {
            is_after_a_blank = true;
            continue;
        };
        let separator = match is_after_a_blank {
            true => "; ",
            false => " ",
        };
        if !line.is_empty() {
            line += separator;
        }
        line += &match word.strip_prefix("Usage: ") {
            Some(usage) => format!("usage: {usage}"),
            None => word.to_owned(),
        };
        is_after_a_blank = false;
    }
    line
}

/// Text as it can be shown: a control character in it, which could move the cursor or begin another
/// line, is written as a backslash sequence.
pub(crate) fn shown(text: impl Display) -> String {
    clean(&text.to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clap_says_is_one_line() {
        for (text, wanted) in [
            (
                "error: invalid value 'x' for '<PULL>'\n  [possible values: up, down]\n\n  tip: a \
                 similar value exists: 'up'\n\nFor more information, try '--help'.\n",
                "error: invalid value 'x' for '<PULL>' [possible values: up, down]; tip: a similar \
                 value exists: 'up'",
            ),
            (
                "error: the following required arguments were not provided:\n  <LINE>\n\nUsage: ugpio \
                 get <LINE>...\n\nFor more information, try '--help'.\n",
                "error: the following required arguments were not provided: <LINE>; usage: ugpio get \
                 <LINE>...",
            ),
        ] {
            assert_eq!(one_line(text), wanted);
        }
    }

    #[test]
    fn nothing_that_is_shown_moves_the_cursor() {
        assert_eq!(shown("a\nb\u{1b}[2J\u{9b}é"), "a\\nb\\u{1b}[2J\\u{9b}é");
    }
}
