//! Writes value change dumps, a command or a change a line, as all readers take them.

use std::fmt;
use std::io::{self, Write};

use super::Bit;

/// The identifier of a signal in a dump.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Id(usize);

impl Id {
    /// The identifier of the signal of this number.
    pub(crate) const fn of(number: usize) -> Id {
        Id(number)
    }
}

impl fmt::Display for Id {
    /// A few letters. PulseView takes the words of a string's change for changes of their own: so no identifier
    /// begins like a value, a time or a command.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LETTERS: &[u8] = b"acdefghijklmnopqtuvwyACDEFGHIJKLMNOPQTUVWY";
        let mut number = self.0;
        loop {
            write!(f, "{}", char::from(LETTERS[number % LETTERS.len()]))?;
            match (number / LETTERS.len()).checked_sub(1) {
                Some(rest) => number = rest,
                None => return Ok(()),
            }
        }
    }
}

/// Writes one. Texts must be fit for it already: names one word, strings one word.
#[derive(Debug)]
pub(crate) struct Writer<W>(W);

impl<W: Write> Writer<W> {
    /// One that writes there.
    pub(crate) fn new(to: W) -> Writer<W> {
        Writer(to)
    }

    /// `$date` and `$version`: a command with a text.
    pub(crate) fn about(&mut self, name: &str, text: &str) -> io::Result<()> {
        write!(self.0, "${name}\n    {text}\n$end\n")
    }

    /// The unit in which time counts.
    pub(crate) fn timescale(&mut self, unit: &str) -> io::Result<()> {
        writeln!(self.0, "$timescale {unit} $end")
    }

    /// A scope begins.
    pub(crate) fn scope(&mut self, name: &str) -> io::Result<()> {
        writeln!(self.0, "$scope module {name} $end")
    }

    /// A scope ends.
    pub(crate) fn upscope(&mut self) -> io::Result<()> {
        self.0.write_all(b"$upscope $end\n")
    }

    /// A signal of one bit.
    pub(crate) fn wire(&mut self, id: Id, name: &str) -> io::Result<()> {
        writeln!(self.0, "$var wire 1 {id} {name} $end")
    }

    /// A signal that is text.
    pub(crate) fn string(&mut self, id: Id, name: &str) -> io::Result<()> {
        writeln!(self.0, "$var string 1 {id} {name} $end")
    }

    /// All signals are declared.
    pub(crate) fn end_definitions(&mut self) -> io::Result<()> {
        self.0.write_all(b"$enddefinitions $end\n")
    }

    /// What all signals are at the start follows, up to [`Writer::end`].
    pub(crate) fn dump_vars(&mut self) -> io::Result<()> {
        self.0.write_all(b"$dumpvars\n")
    }

    /// The end of that.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.0.write_all(b"$end\n")
    }

    /// What follows is at this tick.
    pub(crate) fn time(&mut self, tick: u64) -> io::Result<()> {
        writeln!(self.0, "#{tick}")
    }

    /// A signal has another bit.
    pub(crate) fn bit(&mut self, id: Id, bit: Bit) -> io::Result<()> {
        let letter = match bit {
            Bit::Low => '0',
            Bit::High => '1',
            Bit::Unknown => 'x',
        };
        writeln!(self.0, "{letter}{id}")
    }

    /// A signal has another text, which is one word.
    pub(crate) fn text(&mut self, id: Id, word: &str) -> io::Result<()> {
        writeln!(self.0, "s{word} {id}")
    }

    /// Hands on what was written.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
