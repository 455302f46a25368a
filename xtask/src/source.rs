//! Rust files as text, as far as figures and arrows need it: comments and strings blanked, tests left out.
//!
//! No parser: with `syn` every macro of the workspace would be built anew with the positions of tokens. What is read
//! here is formatted by `rustfmt`, so that an item of a file begins in the first column.

use std::ops::Range;

/// A file without its comments, strings and tests. Lines keep their numbers.
#[derive(Debug)]
pub(crate) struct Source {
    /// The code; what was left out is blank.
    pub(crate) code: String,
    /// How many lines are no test's, those with comments and empty ones included.
    pub(crate) lines: usize,
}

impl Source {
    /// Reads the text of a file.
    pub(crate) fn new(text: &str) -> Self {
        let mut code = mask(text);
        let mut tests = 0;
        while let Some(range) = next_test(&code) {
            let item = &code[range.clone()];
            tests += item.lines().count();
            let blank: String = item.chars().map(blank).collect();
            code.replace_range(range, &blank);
        }
        Self {
            lines: text.lines().count() - tests,
            code,
        }
    }

    /// The lengths of the functions that have a body, in lines from `fn` to the closing brace.
    pub(crate) fn functions(&self) -> Vec<usize> {
        words(&self.code, "fn ")
            .filter_map(|at| {
                let length = end_of_item(&self.code[at..])?;
                let item = &self.code[at..at + length];
                item.ends_with('}').then(|| item.lines().count())
            })
            .collect()
    }

    /// What is written after `pub` in the first column, a line each.
    pub(crate) fn public(&self) -> impl Iterator<Item = &str> {
        let mut rest = self.code.as_str();
        core::iter::from_fn(move || {
            loop {
                if let Some(item) = rest.strip_prefix("pub ") {
                    let length = end_of_item(item).unwrap_or(item.len());
                    rest = &item[length..];
                    return Some(&item[..length]);
                }
                rest = &rest[rest.find('\n')? + 1..];
            }
        })
    }

    /// The paths that begin with `crate`, `self`, `super` or one of `names`, each as its segments.
    pub(crate) fn paths(&self, names: &[String]) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        let starts = ["crate", "self", "super"];
        for start in starts.into_iter().chain(names.iter().map(String::as_str)) {
            for at in words(&self.code, &format!("{start}::")) {
                if !self.code[..at].ends_with("::") {
                    read_path(&self.code[at..], &mut Vec::new(), &mut found);
                }
            }
        }
        found
    }
}

/// Reads a path, or a tree of them, from the beginning of `text`; gives what is behind it.
fn read_path<'a>(text: &'a str, before: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let (kept, mut rest) = (before.len(), text.trim_start());
    loop {
        if let Some(inside) = rest.strip_prefix('{') {
            rest = inside.trim_start();
            while !rest.starts_with('}') && !rest.is_empty() {
                let after = read_path(rest, before, found);
                let next = after.find([',', '}']).unwrap_or(after.len());
                rest = after[next..].trim_start_matches(',').trim_start();
            }
            before.truncate(kept);
            return rest.strip_prefix('}').unwrap_or(rest);
        }
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        if end > 0 && &rest[..end] != "self" || before.is_empty() {
            before.push(rest[..end].to_owned());
        }
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(more) if more.starts_with(|c: char| is_word(c) || c == '{') => rest = more,
            _ => break,
        }
    }
    found.push(before.clone());
    before.truncate(kept);
    rest
}

/// Where `word` is in `text`, not as the end of a longer one.
fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_start = |at: &usize| !text[..*at].ends_with(is_word);
    text.match_indices(word).map(|(at, _)| at).filter(is_start)
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The next item that is compiled for tests alone, with its attributes.
fn next_test(code: &str) -> Option<Range<usize>> {
    let at = ["#[cfg(test)]", "#[cfg(all(test", "#[cfg(any(test"]
        .iter()
        .filter_map(|attribute| code.find(attribute))
        .min()?;
    let mut item = at;
    while code[item..].trim_start().starts_with("#[") {
        item += code[item..].find("#[")? + 1;
        item += 1 + closing(&code[item..])?;
    }
    Some(at..item + end_of_item(&code[item..])?)
}

/// The length of an item: to its semicolon, or the brace that closes its body.
fn end_of_item(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => return Some(at + 1),
            '{' if depth == 0 => {
                let end = at + 1 + closing(&text[at..])?;
                // A tree of names ends in a semicolon.
                return Some(end + usize::from(text[end..].starts_with(';')));
            }
            _ => {}
        }
    }
    None
}

/// Where the bracket closes that `text` begins with.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn blank(letter: char) -> char {
    if letter == '\n' { '\n' } else { ' ' }
}

/// The text with comments, strings and characters blanked.
fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let is_inside_word = masked.ends_with(is_word);
        let length = hidden(rest, is_inside_word);
        if length == 0 {
            masked.push(letter);
            rest = &rest[letter.len_utf8()..];
        } else {
            masked.extend(rest[..length].chars().map(blank));
            rest = &rest[length..];
        }
    }
    masked
}

/// How much of the beginning of `rest` is a comment, a string or a character.
fn hidden(rest: &str, is_inside_word: bool) -> usize {
    let to = |mark: &str| rest.find(mark).unwrap_or(rest.len());
    if rest.starts_with("//") {
        return to("\n");
    }
    if rest.starts_with("/*") {
        return to("*/").saturating_add(2).min(rest.len());
    }
    if rest.starts_with('"') {
        return string(rest);
    }
    if let Some(raw) = rest.strip_prefix('r').filter(|_| !is_inside_word) {
        let marks = raw.len() - raw.trim_start_matches('#').len();
        if let Some(inside) = raw[marks..].strip_prefix('"') {
            let end = format!("\"{}", "#".repeat(marks));
            let length = inside.find(&end).unwrap_or(inside.len());
            return (2 + marks + length + end.len()).min(rest.len());
        }
    }
    character(rest).unwrap_or(0)
}

fn string(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            '"' if !is_escaped => return at + 1,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    rest.len()
}

/// A character is one letter, or escaped; a lifetime is neither.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let mut letters = inside.chars();
    let first = letters.next()?;
    if first == '\\' {
        let escaped = letters.next()?.len_utf8();
        return Some(2 + 1 + escaped + inside[1 + escaped..].find('\'')?);
    }
    (letters.next()? == '\'').then_some(2 + first.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r##"
//! crate::not::this
use crate::a::{self, b::{C, D as E}, f};
fn one(x: [u8; 2]) -> &'static str {
    let y = ('{', '\'', b'}', "\"crate::x", r#"{"#);
    super::g::<u8>()
}
pub const A: u8 = 1;
pub use self::c::{
    X,
    Y,
};
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
#[expect(x)]
mod tests {
    use crate::z;
    fn two() {}
}
"##;

    #[test]
    fn tests_comments_and_strings_are_left_out() {
        let source = Source::new(FILE);
        assert_eq!(source.lines, FILE.lines().count() - 2 - 6);
        assert_eq!(source.functions(), [4]);
        assert_eq!(source.public().count(), 2);
    }

    #[test]
    fn paths_are_read_with_their_trees() {
        let mut paths: Vec<String> = Source::new(FILE)
            .paths(&[])
            .iter()
            .map(|path| path.join("::"))
            .collect();
        paths.sort();
        let expected = [
            "crate::a",
            "crate::a::b::C",
            "crate::a::b::D",
            "crate::a::f",
            "self::c::X",
            "self::c::Y",
            "super::g",
        ];
        assert_eq!(paths, expected);
    }
}
