//! Text of others made fit to be shown.
//!
//! Names, remarks and paths come from files, boards and programs. In a terminal an escape sequence in them
//! would act, and in a picture a control character is no XML. [`clean`] writes such characters down instead.
//! Called wherever such a text goes to a terminal or a picture. The supervisor has messages of its own, so it is there.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use ugpio_supervisor::clean::acts;
pub(crate) use ugpio_supervisor::clean::clean;

/// JSON in one line that says the same, with what would act in a terminal as `\u009b`.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if acts(c) {
            // Only strings hold such a character, and none is beyond 16 bits.
            clean += &format!("\\u{:04x}", u32::from(c));
        } else {
            clean.push(c);
        }
    }
    Cow::Owned(clean)
}

/// A path, as a message names it.
pub(crate) fn path(path: &Path) -> String {
    clean(&path.display().to_string()).into_owned()
}

/// The system's words for an error, without its number and in lower case.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    clean(&text[..end].to_lowercase()).into_owned()
}

/// The text in at most so many characters: of a longer one the beginning and the end.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= most {
        return Cow::Borrowed(text);
    }
    let kept = most.saturating_sub(1);
    let (head, tail) = (kept - kept / 2, kept / 2);
    let begin: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(count - tail).collect();
    Cow::Owned(format!("{begin}…{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_without_what_acts() {
        let names = ["a", "ä\u{9b}31m\u{7f}", "\u{202e}b\u{feff}", "\u{1b}]\n"];
        let plain = serde_json::to_string(&names).unwrap();
        let shown = json(&plain);
        assert!(!shown.chars().any(acts), "{shown}");
        let read: Vec<String> = serde_json::from_str(&shown).unwrap();
        assert_eq!(read, names);
        assert!(matches!(json("[\"größe\"]"), Cow::Borrowed(_)));
    }

    #[test]
    fn of_what_is_long_both_ends_are_seen() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdefg", 6), "abc…fg");
        assert_eq!(shortened("äöüßäöüß", 4), "äö…ß");
    }
}
