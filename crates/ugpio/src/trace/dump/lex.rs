//! A value change dump as words, each with its place.
//!
//! The format knows blanks and words, and no lines. [`Words`] keeps one word at a time and of a long one only
//! the beginning and the last byte, so memory does not grow with the file. Used by [`super::Parser`].

use std::fmt;
use std::io::{self, BufRead};

/// The most bytes of a word that are kept.
pub(super) const WORD_MAX: usize = 1 << 20;

/// Where in a file something is: both count from 1, columns in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Position {
    /// The line.
    pub(crate) line: u64,
    /// The byte of the line.
    pub(crate) column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Takes a dump apart.
#[derive(Debug)]
pub(super) struct Words<R> {
    from: R,
    /// The byte that is read next.
    here: Position,
    /// Where the present word begins.
    begin: Position,
    word: Vec<u8>,
    /// The last byte of the present word, which may be one that was not kept.
    last: u8,
    is_cut: bool,
    /// The present word is to be given once more.
    is_back: bool,
}

impl<R: BufRead> Words<R> {
    pub(super) fn new(from: R) -> Words<R> {
        let start = Position { line: 1, column: 1 };
        Words {
            from,
            here: start,
            begin: start,
            word: Vec::new(),
            last: 0,
            is_cut: false,
            is_back: false,
        }
    }

    /// Goes to the next word; whether there is one.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn next(&mut self) -> io::Result<bool> {
        if std::mem::take(&mut self.is_back) {
            return Ok(true);
        }
        self.word.clear();
        self.is_cut = false;
        let mut is_inside = false;
        loop {
            let bytes = match self.from.fill_buf() {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if bytes.is_empty() {
                return Ok(is_inside);
            }
            let mut used = 0;
            let mut is_over = false;
            for byte in bytes {
                if is_blank(*byte) == is_inside {
                    if is_inside {
                        is_over = true;
                        break;
                    }
                    is_inside = true;
                    self.begin = self.here;
                }
                used += 1;
                self.here.column += 1;
                if is_inside {
                    if self.word.len() < WORD_MAX {
                        self.word.push(*byte);
                    } else {
                        self.is_cut = true;
                    }
                    self.last = *byte;
                } else if *byte == b'\n' {
                    self.here.line += 1;
                    self.here.column = 1;
                }
            }
            self.from.consume(used);
            if is_over {
                return Ok(true);
            }
        }
    }

    /// Gives the present word once more at the next call of [`Words::next`].
    pub(super) fn put_back(&mut self) {
        self.is_back = true;
    }

    /// The present word, or the beginning of a very long one.
    pub(super) fn word(&self) -> &[u8] {
        &self.word
    }

    /// The last byte of the present word.
    pub(super) fn last(&self) -> u8 {
        self.last
    }

    /// Whether the present word is longer than what is kept of it.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Where the present word begins.
    pub(super) fn begin(&self) -> Position {
        self.begin
    }

    /// Drops the first bytes of the present word, if it begins so.
    pub(super) fn strip(&mut self, prefix: &[u8]) -> bool {
        let is_it = self.word.starts_with(prefix);
        if is_it {
            self.word.drain(..prefix.len());
        }
        is_it
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

/// What bytes say: as UTF-8, and else as Latin-1, in which older tools write.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &[u8]) -> Vec<(String, u64, u64)> {
        let mut words = Words::new(io::BufReader::with_capacity(3, text));
        let mut all = Vec::new();
        while words.next().unwrap() {
            let at = words.begin();
            all.push((super::text(words.word()), at.line, at.column));
        }
        all
    }

    #[test]
    fn words_have_places() {
        let wanted = [("ab", 1, 1), ("c", 1, 4), ("def", 3, 2), ("g", 3, 6)];
        let wanted = wanted.map(|(word, line, column)| (word.to_owned(), line, column));
        assert_eq!(words(b"ab c\r\n\n def\tg"), wanted);
        assert_eq!(words(b" \n "), []);
        assert_eq!(words(b"f\xe9vrier")[0].0, "f\u{e9}vrier");
    }

    #[test]
    fn of_a_long_word_the_beginning_and_the_end_are_known() {
        let long = [vec![b'0'; WORD_MAX + 5], b"1 x".to_vec()].concat();
        let mut words = Words::new(long.as_slice());
        assert!(words.next().unwrap() && words.is_cut());
        assert_eq!((words.word().len(), words.last()), (WORD_MAX, b'1'));
        assert!(words.next().unwrap() && !words.is_cut());
        words.put_back();
        assert!(words.next().unwrap());
        assert_eq!(words.word(), b"x");
        assert!(!words.next().unwrap());
    }
}
