//! What a reader of recordings tells, and whom: bits, a [`Listener`], the end, a problem.

use std::fmt;
use std::io;

use super::{Declared, Position, Unit};

/// One bit of a signal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bit {
    /// 0, or weakly so.
    Low,
    /// 1, or weakly so.
    High,
    /// Unknown, or not driven.
    Unknown,
}

impl Bit {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Bit::Low => "low",
            Bit::High => "high",
            Bit::Unknown => "unknown",
        }
    }

    /// The bit that a letter of nine-valued logic is.
    pub(crate) fn of(letter: u8) -> Option<Bit> {
        match letter {
            b'0' | b'l' | b'L' => Some(Bit::Low),
            b'1' | b'h' | b'H' => Some(Bit::High),
            b'x' | b'X' | b'z' | b'Z' | b'u' | b'U' | b'w' | b'W' | b'-' | b'?' => {
                Some(Bit::Unknown)
            }
            _ => None,
        }
    }

    /// The bit that a state of a port is, in an extended dump: IEEE 1364-2005, 18.4.3.1.
    pub(super) fn of_port(state: u8) -> Bit {
        match state {
            b'D' | b'd' | b'L' | b'l' | b'0' => Bit::Low,
            b'U' | b'u' | b'H' | b'h' | b'1' => Bit::High,
            _ => Bit::Unknown,
        }
    }
}

/// Hears what a dump says, in its order. Who returns an error wants no more; the text says why.
///
/// Variables are numbers from 0 in the order of their declaration; signals with one identifier are one variable.
pub(crate) trait Listener {
    /// Who wrote it.
    fn version(&mut self, _text: &str) {}
    /// When it was written.
    fn date(&mut self, _text: &str) {}
    /// A scope begins.
    fn open(&mut self, name: &str) -> Result<(), String>;
    /// The innermost scope ends, if there is one.
    fn close(&mut self) -> Result<(), String>;
    /// A signal of the scope.
    fn signal(&mut self, var: u32, declared: &Declared) -> Result<(), String>;
    /// A variable has another bit, or another last bit if it has several.
    fn bit(&mut self, at: u64, var: u32, bit: Bit) -> Result<(), String>;
    /// A variable has another text.
    fn text(&mut self, _at: u64, _var: u32, _text: &str) -> Result<(), String> {
        Ok(())
    }
    /// A remark.
    fn comment(&mut self, _at: u64, _text: &str) -> Result<(), String> {
        Ok(())
    }
}

/// What is known at the end.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct End {
    /// A tick.
    pub(crate) unit: Unit,
    /// The last tick.
    pub(crate) last: u64,
    /// What was made up, or left out, and should be said.
    pub(crate) hints: Vec<String>,
}

/// Why a recording cannot be read, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Problem {
    /// Where, if it has a place.
    pub(crate) at: Option<Position>,
    /// Why.
    pub(crate) text: String,
}

impl Problem {
    /// One of the whole file.
    pub(crate) fn whole(text: impl Into<String>) -> Problem {
        let text = text.into();
        Problem { at: None, text }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Problem {
        Problem::whole(crate::clean::reason(&error))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some(at) => write!(f, "{at}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}
