//! Value change dumps of any origin, read from beginning to end.
//!
//! [`Parser::read`] tells a [`Listener`] what a dump declares and what changes. It takes what viewers take:
//! commands on one line or over several, unknown ones, scopes that do not match, values of nine-valued logic,
//! a byte order mark, Latin-1. What it cannot understand is a [`Problem`] with its place. Nothing here grows
//! with the number of changes. Used by [`Wave`](super::wave::Wave) and to make an [FST](super::fst).

mod declared;
mod heard;
mod lex;
mod unit;
mod write;

use std::collections::HashMap;
use std::io::BufRead;

pub(crate) use self::declared::Declared;
pub(crate) use self::heard::{Bit, End, Listener, Problem};
pub(crate) use self::lex::Position;
use self::lex::{WORD_MAX, Words, text};
#[cfg(test)]
pub(crate) use self::unit::NANOSECOND;
pub(crate) use self::unit::{Unit, time_text};
pub(crate) use self::write::{Id, Writer};
use crate::clean::clean;

/// The most bytes of a comment, a date or a version that are kept.
const TEXT_MAX: usize = 64 << 10;

/// The most bytes of one declaration.
const DECLARATION_MAX: usize = 2 * WORD_MAX;

/// The most bytes that identifiers may take, all together.
const IDS_MAX: usize = 256 << 20;

/// Reads one dump.
#[derive(Debug)]
pub(crate) struct Parser<R> {
    words: Words<R>,
    ids: HashMap<Box<[u8]>, u32>,
    ids_left: usize,
    unit: Option<Unit>,
    now: u64,
    /// A command has come: it is a dump.
    is_begun: bool,
    hints: Vec<String>,
}

impl<R: BufRead> Parser<R> {
    /// One that has read nothing yet.
    pub(crate) fn new(from: R) -> Parser<R> {
        Parser {
            words: Words::new(from),
            ids: HashMap::new(),
            ids_left: IDS_MAX,
            unit: None,
            now: 0,
            is_begun: false,
            hints: Vec::new(),
        }
    }

    /// Tells all of it.
    ///
    /// # Errors
    /// It cannot be read, is no dump, or the listener does not want more.
    pub(crate) fn read(mut self, to: &mut impl Listener) -> Result<End, Problem> {
        let mut is_first = true;
        while self.words.next()? {
            if std::mem::take(&mut is_first) && self.words.strip(b"\xef\xbb\xbf") {
                // A byte order mark with nothing behind it is no word.
                if self.words.word().is_empty() {
                    continue;
                }
            }
            self.word(to)?;
        }
        if !self.is_begun {
            let text = if is_first {
                "it is empty"
            } else {
                "not a value change dump"
            };
            return Err(Problem::whole(text));
        }
        if self.unit.is_none() {
            let hint = "there is no $timescale: a tick is taken for 1 ns";
            self.hints.push(hint.to_owned());
        }
        Ok(End {
            unit: self.unit.unwrap_or_default(),
            last: self.now,
            hints: self.hints,
        })
    }

    /// What begins with the present word.
    fn word(&mut self, to: &mut impl Listener) -> Result<(), Problem> {
        let word = self.words.word();
        match word.first() {
            Some(b'$') => self.command(to),
            _ if !self.is_begun => self.preface(),
            Some(b'#') => self.time(),
            Some(b'b' | b'B') => {
                let bit = Bit::of(self.words.last()).unwrap_or(Bit::Unknown);
                self.value_then_id(|at, var| to.bit(at, var, bit))
            }
            Some(b's' | b'S') => self.string(to),
            Some(b'r' | b'R') => self.value_then_id(|_, _| Ok(())),
            Some(b'p') => self.port(to),
            Some(letter) => match Bit::of(*letter) {
                Some(bit) => self.scalar(bit, to),
                None => Err(self.wrong(format!("`{}` is no change of a value", self.shown()))),
            },
            None => Ok(()),
        }
    }

    /// What comes before the first command: sigrok-cli says there what it tells its user.
    fn preface(&mut self) -> Result<(), Problem> {
        if self.words.word() != b"META" {
            return Err(self.wrong(foreign(self.words.word())));
        }
        let line = self.words.begin().line;
        while self.words.next()? {
            if self.words.begin().line != line {
                self.words.put_back();
                break;
            }
        }
        Ok(())
    }

    /// `1!`; with a blank in between it is understood if that is a signal.
    fn scalar(&mut self, bit: Bit, to: &mut impl Listener) -> Result<(), Problem> {
        let word = self.words.word();
        if word.len() > 1 {
            let var = self.known(&word[1..]);
            return self.told(|at| var.map_or(Ok(()), |var| to.bit(at, var, bit)));
        }
        let (at, word) = (self.words.begin(), self.shown());
        if !self.words.next()? {
            return self.cut_off(at);
        }
        match self.known(self.words.word()) {
            Some(var) => self.told(|at| to.bit(at, var, bit)),
            None => Err(Problem {
                at: Some(at),
                text: format!("`{word}` is a value of no signal"),
            }),
        }
    }

    /// A value that is one word, and the identifier behind it.
    fn value_then_id(
        &mut self,
        tell: impl FnOnce(u64, u32) -> Result<(), String>,
    ) -> Result<(), Problem> {
        let at = self.words.begin();
        if !self.words.next()? {
            return self.cut_off(at);
        }
        let var = self.known(self.words.word());
        self.told(|at| var.map_or(Ok(()), |var| tell(at, var)))
    }

    /// `sTEXT id`. A text should be one word; one of several ends with the last word of its line.
    fn string(&mut self, to: &mut impl Listener) -> Result<(), Problem> {
        let at = self.words.begin();
        let mut value = self.words.word()[1..].to_vec();
        value.truncate(TEXT_MAX);
        if !self.words.next()? {
            return self.cut_off(at);
        }
        let mut id = self.words.word().to_vec();
        let line = self.words.begin().line;
        while self.known(&id).is_none() {
            if !self.words.next()? {
                break;
            }
            if self.words.begin().line != line {
                self.words.put_back();
                break;
            }
            if value.len() + id.len() < TEXT_MAX {
                value.push(b' ');
                value.extend_from_slice(&id);
            }
            id.clear();
            id.extend_from_slice(self.words.word());
        }
        let var = self.known(&id);
        self.told(|at| var.map_or(Ok(()), |var| to.text(at, var, &text(&value))))
    }

    /// `pD 6 0 <0`: the state of a port, two strengths, and the identifier.
    fn port(&mut self, to: &mut impl Listener) -> Result<(), Problem> {
        let at = self.words.begin();
        let bit = Bit::of_port(self.words.last());
        for _ in 0..3 {
            if !self.words.next()? {
                return self.cut_off(at);
            }
        }
        let var = self.known(self.words.word());
        self.told(|at| var.map_or(Ok(()), |var| to.bit(at, var, bit)))
    }

    /// `#123`.
    fn time(&mut self) -> Result<(), Problem> {
        let at = self.words.begin();
        if self.words.word() == b"#" {
            if !self.words.next()? {
                return self.cut_off(at);
            }
        } else {
            self.words.strip(b"#");
        }
        let shown = self.shown();
        let digits = std::str::from_utf8(self.words.word()).unwrap_or_default();
        let wrong = |text: String| Err(Problem { at: Some(at), text });
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return wrong(format!("`#{shown}` is no time"));
        }
        let Ok(time) = digits.parse::<u64>() else {
            return wrong(format!(
                "time #{shown} is too large: the most is #{}",
                u64::MAX
            ));
        };
        if time < self.now {
            return wrong(format!("time goes back from #{} to #{time}", self.now));
        }
        self.now = time;
        Ok(())
    }

    /// A command: a word that begins with `$`, mostly up to `$end`.
    fn command(&mut self, to: &mut impl Listener) -> Result<(), Problem> {
        self.is_begun = true;
        let at = self.words.begin();
        let placed = |text: String| Problem { at: Some(at), text };
        match self.words.word() {
            // One too many, or that of values.
            b"$end" => Ok(()),
            // What follows are values, wherever it stands.
            word if word.starts_with(b"$dump") => Ok(()),
            b"$comment" => {
                let text = self.comment()?;
                to.comment(self.now, &text).map_err(placed)
            }
            b"$date" => self.comment().map(|text| to.date(&text)),
            b"$version" => self.comment().map(|text| to.version(&text)),
            b"$timescale" => self.timescale(),
            b"$scope" => {
                let words = self.arguments()?;
                to.open(&declared::scope(&words)).map_err(placed)
            }
            b"$upscope" => {
                self.skip()?;
                to.close().map_err(placed)
            }
            b"$var" => {
                let words = self.arguments()?;
                let declared = Declared::of(&words).map_err(placed)?;
                let var = self.var(&declared.id).map_err(placed)?;
                to.signal(var, &declared).map_err(placed)
            }
            _ => self.skip(),
        }
    }

    fn timescale(&mut self) -> Result<(), Problem> {
        let at = Some(self.words.begin());
        let words = self.arguments()?.join(" ");
        if words.is_empty() {
            return Ok(());
        }
        let unit = Unit::parse(&words).map_err(|text| Problem { at, text })?;
        if self.now > 0 && self.unit.is_some_and(|before| before != unit) {
            let text = "another $timescale, after times in the first".to_owned();
            return Err(Problem { at, text });
        }
        self.unit = Some(unit);
        Ok(())
    }

    /// The number of the variable with this identifier.
    fn var(&mut self, id: &str) -> Result<u32, String> {
        if let Some(var) = self.ids.get(id.as_bytes()) {
            return Ok(*var);
        }
        let var = u32::try_from(self.ids.len()).map_err(|_| "too many signals".to_owned())?;
        let left = self.ids_left.checked_sub(id.len());
        self.ids_left = left.ok_or("the identifiers of its signals are too long")?;
        self.ids.insert(id.as_bytes().into(), var);
        Ok(var)
    }

    /// The variable with this identifier, if one was declared.
    fn known(&self, id: &[u8]) -> Option<u32> {
        match std::str::from_utf8(id) {
            Ok(_) => self.ids.get(id).copied(),
            // Declarations were read as text.
            Err(_) => self.ids.get(text(id).as_bytes()).copied(),
        }
    }

    /// Goes to the `$end` of the present command.
    fn skip(&mut self) -> Result<(), Problem> {
        self.take_until_end(|_| Ok(()))
    }

    /// The words up to `$end`.
    fn arguments(&mut self) -> Result<Vec<String>, Problem> {
        let (mut words, mut length) = (Vec::new(), 0_usize);
        self.take_until_end(|word| {
            length += word.word().len() + 1;
            if word.is_cut() || length > DECLARATION_MAX {
                return Err(format!("a declaration of more than {WORD_MAX} bytes"));
            }
            words.push(text(word.word()));
            Ok(())
        })?;
        Ok(words)
    }

    /// The text up to `$end`, as one line.
    fn comment(&mut self) -> Result<String, Problem> {
        let mut line = Vec::new();
        self.take_until_end(|word| {
            let space = TEXT_MAX.saturating_sub(line.len() + 1);
            let word = &word.word()[..word.word().len().min(space)];
            if !word.is_empty() {
                if !line.is_empty() {
                    line.push(b' ');
                }
                line.extend_from_slice(word);
            }
            Ok(())
        })?;
        Ok(text(&line))
    }

    fn take_until_end(
        &mut self,
        mut take: impl FnMut(&Words<R>) -> Result<(), String>,
    ) -> Result<(), Problem> {
        let (at, command) = (self.words.begin(), self.shown());
        loop {
            if !self.words.next()? {
                let text = format!("`{command}` has no `$end`");
                return Err(Problem { at: Some(at), text });
            }
            if self.words.word() == b"$end" {
                return Ok(());
            }
            take(&self.words).map_err(|text| self.wrong(text))?;
        }
    }

    /// Tells of a change, at the time that is now.
    fn told(&self, tell: impl FnOnce(u64) -> Result<(), String>) -> Result<(), Problem> {
        tell(self.now).map_err(|text| self.wrong(text))
    }

    /// The file ends within a change, as that of a simulator that was killed.
    fn cut_off(&mut self, at: Position) -> Result<(), Problem> {
        let hint = format!("it ends within a change, at {at}");
        self.hints.push(hint);
        Ok(())
    }

    /// A problem with the present word.
    fn wrong(&self, text: String) -> Problem {
        Problem {
            at: Some(self.words.begin()),
            text,
        }
    }

    /// The present word as a message has it.
    fn shown(&self) -> String {
        const SHOWN: usize = 40;
        let word = self.words.word();
        let cut = &word[..word.len().min(SHOWN)];
        let more = if word.len() > SHOWN { "…" } else { "" };
        format!("{}{more}", clean(&text(cut)))
    }
}

/// What a file is that does not begin as a dump does, as far as that helps.
fn foreign(word: &[u8]) -> String {
    let known: [(&[u8], &str); 5] = [
        (
            b"{",
            "JSON, not a value change dump: a trace of events is for programs to read; \
             record with --trace FILE.vcd or FILE.fst for `ugpio trace`",
        ),
        (b"\x1f\x8b", "compressed with gzip: unpack it first"),
        (
            b"PK\x03\x04",
            "a ZIP, not a value change dump: of a session of sigrok `sigrok-cli -i FILE -O vcd` makes one",
        ),
        (
            b"GHDLwave",
            "a GHW of GHDL, not a value change dump: GHDL's --vcd=FILE writes one",
        ),
        (
            b"\xff\xfe",
            "UTF-16, not a value change dump: make it UTF-8 first",
        ),
    ];
    let found = known.iter().find(|(magic, _)| word.starts_with(magic));
    found
        .map_or("not a value change dump", |(_, text)| text)
        .to_owned()
}

#[cfg(test)]
mod tests;
