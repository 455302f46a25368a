//! From words to chips and lines.
//!
//! [`Finder`] resolves what the user typed; [`Line`] is what it found. A word that fits several lines
//! is an error that says where they are, unlike libgpiod's tools, which take the first. The pure rules
//! are [`read_line_word`] and [`places`].

use std::path::Path;
use std::rc::Rc;

use super::chip::{self, Chip};
use super::error::Error;
use crate::cli::client::FindArgs;
use crate::counted::counted;

/// A line of a chip.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Its chip, open.
    pub(super) chip: Rc<Chip>,
    /// Which of the chip's lines.
    pub(super) offset: u32,
    /// The line's name; empty if it has none.
    pub(super) name: String,
    /// What rows call it: the word the user typed.
    pub(super) shown: String,
}

impl Line {
    /// `gpiochipN:OFFSET`.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.chip.name, self.offset)
    }

    /// `gpiochipN:OFFSET (NAME)`, as messages name it.
    pub(super) fn title(&self) -> String {
        if self.name.is_empty() {
            self.place()
        } else {
            format!("{} ({})", self.place(), self.name)
        }
    }

    fn is_same(&self, other: &Line) -> bool {
        self.offset == other.offset && self.chip.name == other.chip.name
    }
}

/// What a word can mean.
#[derive(Debug)]
pub(super) enum Found {
    /// A chip.
    Chip(Rc<Chip>),
    /// A line.
    Line(Line),
}

/// Resolves words to chips and lines, opening each chip once.
#[derive(Debug)]
pub(super) struct Finder {
    only: Option<Rc<Chip>>,
    by_name: bool,
    opened: Vec<Rc<Chip>>,
    all: Option<Vec<Rc<Chip>>>,
    refused: Vec<Error>,
}

impl Finder {
    /// A finder that looks where the options say.
    ///
    /// # Errors
    /// The chip of `--chip` is not there.
    pub(super) fn new(args: &FindArgs) -> Result<Finder, Error> {
        let mut finder = Finder {
            only: None,
            by_name: args.by_name,
            opened: Vec::new(),
            all: None,
            refused: Vec::new(),
        };
        if let Some(word) = &args.chip {
            finder.only = Some(finder.chip(word)?);
        }
        Ok(finder)
    }

    /// The chips to look at: that of `--chip`, or all that can be opened.
    ///
    /// # Errors
    /// The directory of devices cannot be read.
    pub(super) fn chips(&mut self) -> Result<Vec<Rc<Chip>>, Error> {
        match &self.only {
            Some(chip) => Ok(vec![Rc::clone(chip)]),
            None => self.all().map(<[_]>::to_vec),
        }
    }

    /// Chips that [`Finder::chips`] left out because they could not be opened.
    pub(super) fn refused(&self) -> &[Error] {
        &self.refused
    }

    /// The chip meant by a path, `gpiochipN`, N or a label.
    ///
    /// # Errors
    /// There is none, it cannot be opened, or the label is that of several.
    pub(super) fn chip(&mut self, word: &str) -> Result<Rc<Chip>, Error> {
        match self.try_chip(word)? {
            Some(chip) => Ok(chip),
            None => Err(self.no_such("chip", word)),
        }
    }

    /// What is meant by a word that can be either: a chip if there is one, else a line.
    ///
    /// # Errors
    /// As [`Finder::line`].
    pub(super) fn chip_or_line(&mut self, word: &str) -> Result<Found, Error> {
        if self.only.is_none()
            && !self.by_name
            && let Some(chip) = self.try_chip(word)?
        {
            return Ok(Found::Chip(chip));
        }
        self.line(word).map(Found::Line)
    }

    /// The line meant by a word; see [`read_line_word`] for the forms.
    ///
    /// # Errors
    /// There is none, or several.
    pub(super) fn line(&mut self, word: &str) -> Result<Line, Error> {
        if !self.by_name {
            match read_line_word(word, self.only.is_some()) {
                Some(LineWord::Offset(offset)) => {
                    let only = self
                        .only
                        .clone()
                        .expect("offsets are read with --chip only");
                    return at_offset(&only, offset, word);
                }
                Some(LineWord::OnChip(chip, rest)) => {
                    if let Some(line) = self.line_on(chip, rest, word)? {
                        return Ok(line);
                    }
                }
                None => {}
            }
        }
        let chips = self.chips()?;
        named(&chips, word, word)?.ok_or_else(|| self.no_such("line", word))
    }

    /// The lines meant by words, in their order.
    ///
    /// # Errors
    /// As [`Finder::line`]; two words mean the same line.
    pub(super) fn lines<'a>(
        &mut self,
        words: impl IntoIterator<Item = &'a String>,
    ) -> Result<Vec<Line>, Error> {
        let mut lines: Vec<Line> = Vec::new();
        for word in words {
            let line = self.line(word)?;
            if let Some(other) = lines.iter().find(|other| other.is_same(&line)) {
                let (a, b, title) = (&other.shown, &line.shown, line.title());
                return Err(Error::Usage(format!(
                    "'{a}' and '{b}' are the same line, {title}"
                )));
            }
            lines.push(line);
        }
        Ok(lines)
    }

    /// The line `rest` of the chip `chip`; `None` if there is no such chip or no such name on it.
    fn line_on(&mut self, chip: &str, rest: &str, word: &str) -> Result<Option<Line>, Error> {
        let Some(chip) = self.try_chip(chip)? else {
            return Ok(None);
        };
        if let Some(only) = self.only.as_ref().filter(|only| only.name != chip.name) {
            let (is, only) = (chip.title(), only.title());
            return Err(Error::Usage(format!(
                "'{word}' is on {is}, and --chip says {only}"
            )));
        }
        match number(rest) {
            Some(offset) => at_offset(&chip, offset, word).map(Some),
            None => named(&[chip], rest, word),
        }
    }

    fn try_chip(&mut self, word: &str) -> Result<Option<Rc<Chip>>, Error> {
        if word.contains('/') && Path::new(word).exists() {
            return self.open(Path::new(word)).map(Some);
        }
        if let Some(number) = number(word).or_else(|| chip::chip_number(word)) {
            let path = chip::device_path(number);
            if path.exists() {
                return self.open(&path).map(Some);
            }
        }
        let labelled: Vec<_> = self
            .all()?
            .iter()
            .filter(|chip| chip.label == word)
            .cloned()
            .collect();
        match labelled.as_slice() {
            [] => Ok(None),
            [chip] => Ok(Some(Rc::clone(chip))),
            several => {
                let names: Vec<_> = several.iter().map(|chip| chip.name.as_str()).collect();
                let names = names.join(", ");
                Err(Error::NotFound(format!(
                    "several chips have the label '{word}': {names}"
                )))
            }
        }
    }

    fn open(&mut self, path: &Path) -> Result<Rc<Chip>, Error> {
        if let Some(chip) = self.opened.iter().find(|chip| chip.path == path) {
            return Ok(Rc::clone(chip));
        }
        let chip = Rc::new(Chip::open(path)?);
        self.opened.push(Rc::clone(&chip));
        Ok(chip)
    }

    fn all(&mut self) -> Result<&[Rc<Chip>], Error> {
        if self.all.is_none() {
            let (chips, refused) = chip::open_all()?;
            self.refused = refused;
            self.all = Some(chips.into_iter().map(Rc::new).collect());
        }
        Ok(self.all.as_deref().unwrap_or_default())
    }

    fn no_such(&mut self, what: &str, word: &str) -> Error {
        let chips = self.chips().unwrap_or_default();
        let titles: Vec<_> = chips.iter().map(|chip| chip.title()).collect();
        let mut message = if titles.is_empty() {
            format!("no {what} '{word}': there are no chips")
        } else if what == "chip" {
            format!("no chip '{word}': there are {}", titles.join(", "))
        } else {
            format!("no line '{word}' on {}", titles.join(", "))
        };
        if what == "line" && number(word).is_some() {
            message += &format!("; an offset needs its chip, as in gpiochip0:{word}");
        }
        for refused in &self.refused {
            message += &format!("; {refused}");
        }
        Error::NotFound(message)
    }
}

/// A word that says where its line is.
#[derive(Debug, Eq, PartialEq)]
enum LineWord<'a> {
    /// A plain number, where one chip is meant.
    Offset(u32),
    /// `CHIP:OFFSET` or `CHIP:NAME`.
    OnChip(&'a str, &'a str),
}

/// Reads a word as a place; `None` is a name. The last colon separates, since labels hold them too.
fn read_line_word(word: &str, has_chip: bool) -> Option<LineWord<'_>> {
    if let Some(offset) = number(word).filter(|_| has_chip) {
        return Some(LineWord::Offset(offset));
    }
    let (chip, rest) = word.rsplit_once(':')?;
    (!chip.is_empty() && !rest.is_empty()).then_some(LineWord::OnChip(chip, rest))
}

fn number(word: &str) -> Option<u32> {
    word.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| word.parse().ok())?
}

fn at_offset(chip: &Rc<Chip>, offset: u32, word: &str) -> Result<Line, Error> {
    if offset >= chip.lines {
        let (title, count) = (chip.title(), counted(chip.lines, "line"));
        let message = format!("no line '{word}': {title} has {count}, from offset 0");
        return Err(Error::NotFound(message));
    }
    Ok(Line {
        name: chip::text(&chip.line_info(offset)?.name),
        chip: Rc::clone(chip),
        offset,
        shown: word.to_owned(),
    })
}

/// The one line that has `name` on one of `chips`.
fn named(chips: &[Rc<Chip>], name: &str, word: &str) -> Result<Option<Line>, Error> {
    let names = chips.iter().map(|chip| chip.line_names());
    let names = names.collect::<Result<Vec<_>, Error>>()?;
    match places(name, &names).as_slice() {
        [] => Ok(None),
        &[(chip, offset)] => at_offset(&chips[chip], offset, word).map(Some),
        several => {
            let places: Vec<_> = several
                .iter()
                .map(|&(chip, offset)| format!("{}:{offset}", chips[chip].name))
                .collect();
            let places = places.join(", ");
            Err(Error::NotFound(format!(
                "several lines have the name '{name}': {places}"
            )))
        }
    }
}

/// Where lines have that name: indices of chips, and offsets.
fn places(name: &str, chips: &[Vec<String>]) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    for (chip, names) in chips.iter().enumerate() {
        let lines = (0..)
            .zip(names)
            .filter(|(_, line)| *line == name && !name.is_empty());
        found.extend(lines.map(|(offset, _)| (chip, offset)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_lines() {
        let on = |chip, rest| Some(LineWord::OnChip(chip, rest));
        assert_eq!(read_line_word("led", false), None);
        assert_eq!(read_line_word("3", false), None);
        assert_eq!(read_line_word("3", true), Some(LineWord::Offset(3)));
        assert_eq!(read_line_word("gpiochip0:3", false), on("gpiochip0", "3"));
        assert_eq!(
            read_line_word("/dev/gpiochip0:3", true),
            on("/dev/gpiochip0", "3")
        );
        assert_eq!(
            read_line_word("gpio-sim.0:node0:led", false),
            on("gpio-sim.0:node0", "led")
        );
        assert_eq!(read_line_word(":3", false), None);
        assert_eq!(read_line_word("led:", false), None);
        assert_eq!(read_line_word("-1", true), None);
        assert_eq!(read_line_word("99999999999", true), None);
    }

    #[test]
    fn names_are_found_wherever_they_are() {
        let chips = [
            vec!["led".to_owned(), String::new(), "led".to_owned()],
            vec!["fan".to_owned(), "led".to_owned()],
        ];
        assert_eq!(places("fan", &chips), [(1, 0)]);
        assert_eq!(places("led", &chips), [(0, 0), (0, 2), (1, 1)]);
        assert_eq!(places("", &chips), []);
        assert_eq!(places("Led", &chips), []);
    }

    #[test]
    fn a_path_that_is_no_chip_is_an_error() {
        let args = FindArgs {
            chip: Some("/dev/null".into()),
            by_name: false,
        };
        let error = Finder::new(&args).unwrap_err();
        assert_eq!(error.to_string(), "/dev/null is not a GPIO chip");
    }
}
