//! Text of others made fit to be shown.
//!
//! Names, remarks and paths come from files, boards and programs. In a terminal an escape sequence in them
//! would act, and in a picture a control character is no XML. [`clean`] writes such characters down instead.
//! Called wherever such a text goes to a terminal or a picture.

use std::borrow::Cow;

/// The text, with control characters and marks of direction as `\u{1b}` or `\n`.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if acts(c) {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    Cow::Owned(clean)
}

/// Whether a character does something else than to be seen.
#[must_use]
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            // Line and paragraph separators; marks of direction, which turn text around; no characters.
            0x2028..=0x202e | 0x200e..=0x200f | 0x2066..=0x2069 | 0x061c | 0xfeff | 0xfffe..=0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_written_down() {
        assert!(matches!(clean("größe [3]"), Cow::Borrowed("größe [3]")));
        assert_eq!(clean("a\x1b]0;x\x07\nb"), "a\\u{1b}]0;x\\u{7}\\nb");
        assert_eq!(clean("\u{9b}31m\u{202e}"), "\\u{9b}31m\\u{202e}");
        assert_eq!(clean("\u{ffff}"), "\\u{ffff}");
    }
}
