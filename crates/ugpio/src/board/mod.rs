//! Boards: what a run has plugged in when it starts.
//!
//! [`Board`] is a list of [`ChipSpec`]s, read from a TOML file (the `file` module) and from `--chip LABEL[:LINES]`
//! words. Everything here is text in, values out: no chip is made. `run` makes simulated chips of the
//! result, and `ugpio ctl plug` reads the same words while a run is going.

pub(crate) mod fault_text;
pub(crate) mod faults;
mod file;
pub(crate) mod keys;
pub(crate) mod known;
mod machine;
mod numbers;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk_tests;
mod wires;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use gpio_sim::fault::Planned;
use gpio_sim::part::Settings;
use machine::Machine;
pub(crate) use numbers::overlap;
use serde::{Deserialize, Serialize};

use crate::clean::{self, clean};
use crate::counted::counted;

/// Lines of a chip whose number of lines is not given.
pub(crate) const DEFAULT_LINES: u32 = 8;

/// The most lines a simulated chip can have, as in Linux.
// KERNEL: gpio-sim.c gpio_sim_add_bank (v6.12), GPIO_SIM_NGPIO_MAX
pub(crate) const MAX_LINES: u32 = 1024;

/// The longest label or line name that programs see in full.
pub(crate) const MAX_NAME: usize = 31;

/// What a run has plugged in at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Board {
    /// The chips, in the order in which they get their ids.
    pub(crate) chips: Vec<ChipSpec>,
    /// The wires between lines.
    pub(crate) nets: Vec<NetSpec>,
    /// What is wired to them besides.
    pub(crate) parts: Vec<PartSpec>,
    /// What else programs find.
    pub(crate) machine: Machine,
    /// What goes wrong.
    pub(crate) faults: Vec<FaultSpec>,
}

/// What goes wrong with a chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FaultSpec {
    /// The chip's label.
    pub(crate) chip: String,
    /// What and when.
    pub(crate) planned: Planned,
}

/// A wire between lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NetSpec {
    /// Its name; unique on a board.
    pub(crate) name: String,
    /// The lines on it.
    pub(crate) lines: Vec<LineSpec>,
    /// Whether a resistor pulls it up or down.
    pub(crate) pull: Option<Pull>,
    /// How long its changes take, in nanoseconds.
    pub(crate) delay_ns: u64,
}

/// Where a resistor goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pull {
    /// To high.
    Up,
    /// To low.
    Down,
}

/// A line of a chip of the board.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineSpec {
    /// The chip's label.
    pub(crate) chip: String,
    /// The line's offset.
    pub(crate) offset: u32,
}

/// Something that is wired to lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartSpec {
    /// Its name; unique on a board.
    pub(crate) name: String,
    /// What it is, in gpio-sim's words.
    pub(crate) kind: &'static str,
    /// Its own keys.
    pub(crate) settings: Settings,
    /// What its pins are wired to, in the order of its kind.
    pub(crate) pins: Vec<Option<PinSpec>>,
}

/// What a pin of a part is wired to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PinSpec {
    /// A line, with all that is on its net.
    Line(LineSpec),
    /// A net.
    Net(String),
}

/// One simulated chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChipSpec {
    /// The label; unique on a board.
    pub(crate) label: String,
    /// How many lines it has, 1 to [`MAX_LINES`].
    pub(crate) lines: u32,
    /// Line names by offset, without the offsets that have no name.
    pub(crate) names: Vec<(u32, String)>,
    /// Lines that the board holds from the start, at most one for each offset.
    pub(crate) hogs: Vec<HogSpec>,
    /// Lines that several consumers of the board may have at once, and programs therefore not.
    pub(crate) shared: Vec<u32>,
    /// The number of its first line in `/sys/class/gpio`; chosen at plugging in if not given.
    pub(crate) base: Option<u32>,
}

/// A line that the board itself requests. The control protocol has it in the words of board files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HogSpec {
    /// The line's offset.
    #[serde(rename = "line")]
    pub(crate) offset: u32,
    /// The consumer that programs see.
    #[serde(default = "unnamed")]
    pub(crate) consumer: String,
    /// What the hog does with the line.
    #[serde(default)]
    pub(crate) direction: HogDirection,
}

// KERNEL: gpiolib.c gpiod_request_commit (v6.12), a hog without a name shows as "?"
fn unnamed() -> String {
    "?".to_owned()
}

/// Direction and level of a hog, in gpio-sim's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HogDirection {
    /// An input.
    #[default]
    Input,
    /// An output driven high.
    OutputHigh,
    /// An output driven low.
    OutputLow,
}

/// A board that cannot be built, as one line: where, which key, what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BoardError {
    file: Option<PathBuf>,
    line: Option<usize>,
    key: String,
    problem: String,
}

impl BoardError {
    fn new(key: impl Into<String>, problem: impl Into<String>) -> BoardError {
        BoardError {
            file: None,
            line: None,
            key: key.into(),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for LineSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.chip, self.offset)
    }
}

impl fmt::Display for PinSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PinSpec::Line(line) => line.fmt(f),
            PinSpec::Net(net) => write!(f, "net {net:?}"),
        }
    }
}

impl fmt::Display for BoardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", clean(&file.display().to_string()))?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", clean(&self.key))?;
        }
        f.write_str(&clean(&self.problem))
    }
}

impl std::error::Error for BoardError {}

impl Board {
    /// Builds the board of a run: the file's chips, then those of the `--chip` words.
    ///
    /// # Errors
    /// The file cannot be read or is not a board, or a label appears twice.
    pub(crate) fn load(file: Option<&Path>, chips: &[ChipSpec]) -> Result<Board, BoardError> {
        let mut board = match file {
            Some(path) => Board::read(path, chips)?,
            None => Board::default(),
        };
        for chip in chips {
            if board.chips.iter().any(|other| other.label == chip.label) {
                return Err(BoardError::new(
                    format!("--chip {}", chip.label),
                    format!("another chip of this board has the label {:?}", chip.label),
                ));
            }
            board.chips.push(chip.clone());
        }
        Ok(board)
    }

    /// Reads a board file.
    ///
    /// # Errors
    /// The file cannot be read or is not a board; the error names the file, the line and the key.
    fn read(path: &Path, beside: &[ChipSpec]) -> Result<Board, BoardError> {
        let in_file = |mut error: BoardError| {
            error.file = Some(path.to_path_buf());
            error
        };
        if let Some(text) = known::meant_by(path) {
            return file::parse(text, beside).map_err(in_file);
        }
        let bytes =
            std::fs::read(path).map_err(|e| in_file(BoardError::new("", clean::reason(&e))))?;
        let text = String::from_utf8(bytes).map_err(|_| {
            in_file(BoardError::new(
                "",
                "not a board file: it is not UTF-8 text",
            ))
        })?;
        file::parse(&text, beside).map_err(in_file)
    }
}

/// A board as a board file has it.
#[cfg(any(test, fuzzing))]
pub(crate) fn from_text(text: &str) -> Result<Board, BoardError> {
    file::parse(text, &[])
}

impl ChipSpec {
    /// A chip without names or hogs.
    pub(crate) fn plain(label: impl Into<String>, lines: u32) -> ChipSpec {
        ChipSpec {
            label: label.into(),
            lines,
            names: Vec::new(),
            hogs: Vec::new(),
            shared: Vec::new(),
            base: None,
        }
    }

    /// The offset of the one line of this name.
    ///
    /// # Errors
    /// There is none, or more than one.
    pub(crate) fn line_named(&self, name: &str) -> Result<u32, String> {
        let mut found = self.names.iter().filter(|(_, other)| other == name);
        match (found.next(), found.next()) {
            (Some((offset, _)), None) => Ok(*offset),
            (None, _) => Err(format!(
                "no line of {:?} has the name {name:?}, {}",
                self.label,
                self.named_lines()
            )),
            (Some((first, _)), Some((second, _))) => Err(format!(
                "lines {first} and {second} both have the name {name:?}: give the offset"
            )),
        }
    }

    /// The names that lines of the chip have, for a message.
    fn named_lines(&self) -> String {
        /// As many as a message can hold.
        const SHOWN: usize = 16;
        let mut names: Vec<&str> = self.names.iter().map(|(_, name)| &**name).collect();
        let more = names.len().saturating_sub(SHOWN);
        names.truncate(SHOWN);
        match (names.is_empty(), more) {
            (true, _) => format!("none of its {} has a name", counted(self.lines, "line")),
            (false, 0) => format!("there are: {}", names.join(", ")),
            (false, more) => format!("there are: {} and {more} more", names.join(", ")),
        }
    }

    /// Checks a chip that was not read from a board file.
    ///
    /// # Errors
    /// A label, a name, an offset or the number of lines that cannot be.
    pub(crate) fn check(&self) -> Result<(), BoardError> {
        let fail = |problem: String| BoardError::new(format!("chip {:?}", self.label), problem);
        check_label(&self.label).map_err(fail)?;
        if !(1..=MAX_LINES).contains(&self.lines) {
            let lines = self.lines;
            return Err(fail(format!(
                "{lines} is not a number of lines from 1 to {MAX_LINES}"
            )));
        }
        if let Some(base) = self.base {
            numbers::check(base, self.lines).map_err(|problem| fail(format!("base: {problem}")))?;
        }
        for (offset, name) in &self.names {
            check_name(name).map_err(fail)?;
            self.check_offset(*offset).map_err(fail)?;
        }
        for (n, hog) in self.hogs.iter().enumerate() {
            check_name(&hog.consumer).map_err(fail)?;
            self.check_offset(hog.offset).map_err(fail)?;
            if self.hogs[..n].iter().any(|h| h.offset == hog.offset) {
                return Err(fail(format!("another hog has line {}", hog.offset)));
            }
        }
        Ok(())
    }

    fn check_offset(&self, offset: u32) -> Result<(), String> {
        match offset < self.lines {
            true => Ok(()),
            false => {
                let last = self.lines - 1;
                Err(format!("it has lines 0 to {last}, not {offset}"))
            }
        }
    }
}

/// `LABEL[:LINES]`, as `--chip` and `ugpio ctl plug` take it. The last colon separates, so that a label
/// may hold colons when LINES is written too.
impl FromStr for ChipSpec {
    type Err = BoardError;

    fn from_str(word: &str) -> Result<ChipSpec, BoardError> {
        let (label, lines) = match word.rsplit_once(':') {
            None => (word, DEFAULT_LINES),
            Some((label, lines)) => (label, parse_lines(word, lines)?),
        };
        let chip = ChipSpec::plain(label, lines);
        chip.check()?;
        Ok(chip)
    }
}

fn parse_lines(word: &str, lines: &str) -> Result<u32, BoardError> {
    let problem = || {
        BoardError::new(
            format!("chip {word:?}"),
            format!("{lines:?} is not a number of lines from 1 to {MAX_LINES} (LABEL[:LINES])"),
        )
    };
    if !lines.bytes().all(|b| b.is_ascii_digit()) {
        return Err(problem());
    }
    lines
        .parse()
        .ok()
        .filter(|n| (1..=MAX_LINES).contains(n))
        .ok_or_else(problem)
}

/// Says what is wrong with a label: empty, or another way to say `gpiochipN`, so that a word could mean
/// two chips.
fn check_label(label: &str) -> Result<(), String> {
    check_name(label)?;
    let number = label.strip_prefix("gpiochip").unwrap_or(label);
    if label.is_empty() {
        return Err("the label is empty".into());
    }
    if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "{label:?} cannot be a label, it means the chip gpiochip{number}"
        ));
    }
    Ok(())
}

/// Says what is wrong with a label or name that no program could see as it is written.
fn check_name(name: &str) -> Result<(), String> {
    if name.len() > MAX_NAME {
        return Err(format!(
            "{name:?} is longer than {MAX_NAME} bytes, programs would see it cut"
        ));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("{name:?} holds a control character"));
    }
    Ok(())
}

impl HogDirection {
    /// The word for it in board files and in the gpio-sim tree.
    pub(crate) fn word(self) -> &'static str {
        match self {
            HogDirection::Input => "input",
            HogDirection::OutputHigh => "output-high",
            HogDirection::OutputLow => "output-low",
        }
    }

    fn from_word(word: &str) -> Option<HogDirection> {
        [
            HogDirection::Input,
            HogDirection::OutputHigh,
            HogDirection::OutputLow,
        ]
        .into_iter()
        .find(|direction| direction.word() == word)
    }
}
