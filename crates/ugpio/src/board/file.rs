//! Board files: TOML to [`Board`], with the line and the key of whatever is wrong.
//!
//! The tree is walked by hand instead of being deserialised: an error then always names the key that
//! caused it and the line on which that key or value stands, and says what would have been right.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, names_of};
use super::machine::Machine;
use super::{
    Board, BoardError, ChipSpec, DEFAULT_LINES, HogDirection, HogSpec, MAX_LINES, check_label,
    check_name,
};

pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// Reads a board from the text of a board file. Its nets and parts may be on lines of chips `beside` it.
///
/// # Errors
/// Not TOML, an unknown key, a bad value, a label or an offset given twice.
pub(super) fn parse(text: &str, beside: &[ChipSpec]) -> Result<Board, BoardError> {
    let reader = Reader { text };
    let root = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let message = error
            .message()
            .lines()
            .next()
            .unwrap_or("")
            .trim()
            .to_owned();
        reader.error(&span, "", format!("not TOML: {message}"))
    })?;
    let root = root.get_ref();
    reader.only_keys(root, "", &names_of(keys::ROOT))?;
    let mut board = Board {
        machine: Machine::parse(&reader, root)?,
        ..Board::default()
    };
    for (path, value) in reader.tables(root, "chip")? {
        let chip = reader.chip(value, &path)?;
        if board.chips.iter().any(|other| other.label == chip.label) {
            let at = value
                .get_ref()
                .get("label")
                .map_or(value.span(), Spanned::span);
            let problem = format!("another chip of this board has the label {:?}", chip.label);
            return Err(reader.error(&at, &join(&path, "label"), problem));
        }
        board.chips.push(chip);
    }
    reader.number(root, &mut board.chips)?;
    let own = board.chips.len();
    board.chips.extend_from_slice(beside);
    for (path, value) in reader.tables(root, "net")? {
        let net = reader.net(value, &path, &board)?;
        board.nets.push(net);
    }
    for (path, value) in reader.tables(root, "part")? {
        let part = reader.part(value, &path, &board)?;
        board.parts.push(part);
    }
    for (path, value) in reader.tables(root, "fault")? {
        let fault = reader.fault(value, &path, &board)?;
        board.faults.push(fault);
    }
    board.chips.truncate(own);
    Ok(board)
}

/// The text being read; turns spans into line numbers.
pub(super) struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    /// The tables `[[name]]`, each with its path.
    pub(super) fn tables<'v, 't>(
        &self,
        root: &'v DeTable<'t>,
        name: &str,
    ) -> Result<Vec<(String, &'v Value<'t>)>, BoardError> {
        let Some(value) = root.get(name) else {
            return Ok(Vec::new());
        };
        let tables = self.array(value, name, &format!("tables, written [[{name}]]"))?;
        let path = |(index, table)| (format!("{name}[{index}]"), table);
        Ok(tables.iter().enumerate().map(path).collect())
    }

    pub(super) fn error(
        &self,
        span: &Range<usize>,
        key: &str,
        problem: impl Into<String>,
    ) -> BoardError {
        let start = span.start.min(self.text.len());
        let line = self.text.as_bytes()[..start]
            .iter()
            .filter(|&&b| b == b'\n')
            .count()
            + 1;
        BoardError {
            line: Some(line),
            ..BoardError::new(key, problem)
        }
    }

    fn chip(&self, value: &Value<'_>, path: &str) -> Result<ChipSpec, BoardError> {
        let table = self.table(value, path)?;
        self.only_keys(table, path, &names_of(keys::CHIP))?;
        let Some(label) = table.get("label") else {
            return Err(self.error(&value.span(), &join(path, "label"), "is missing"));
        };
        let key = join(path, "label");
        let name = self.name(label, &key)?;
        check_label(&name).map_err(|problem| self.error(&label.span(), &key, problem))?;
        let lines = match table.get("lines") {
            Some(lines) => self.lines(lines, &join(path, "lines"))?,
            None => DEFAULT_LINES,
        };
        let names = match table.get("names") {
            Some(names) => self.names(names, &join(path, "names"), lines)?,
            None => Vec::new(),
        };
        let mut chip = ChipSpec {
            label: name,
            lines,
            names,
            hogs: Vec::new(),
            shared: Vec::new(),
            base: None,
        };
        if let Some(hogs) = table.get("hogs") {
            chip.hogs = self.hogs(hogs, &join(path, "hogs"), &chip)?;
        }
        if let Some(shared) = table.get("shared") {
            chip.shared = self.shared(shared, &join(path, "shared"), &chip)?;
        }
        Ok(chip)
    }

    /// `shared`: an array of offsets, of lines that no hog has.
    fn shared(
        &self,
        value: &Value<'_>,
        key: &str,
        chip: &ChipSpec,
    ) -> Result<Vec<u32>, BoardError> {
        let mut shared = Vec::new();
        for (index, value) in self.array(value, key, "offsets")?.iter().enumerate() {
            let key = format!("{key}[{index}]");
            let Some(offset) = integer(value) else {
                return Err(self.wrong_type(value, &key, "an offset"));
            };
            let offset = self.offset(offset, &value.span(), &key, chip.lines)?;
            if shared.contains(&offset) {
                return Err(self.error(&value.span(), &key, format!("{offset} is there twice")));
            }
            if chip.hogs.iter().any(|hog| hog.offset == offset) {
                let problem = format!("a hog has line {offset}");
                return Err(self.error(&value.span(), &key, problem));
            }
            shared.push(offset);
        }
        Ok(shared)
    }

    fn lines(&self, value: &Value<'_>, key: &str) -> Result<u32, BoardError> {
        match integer(value) {
            Some(n) if (1..=i128::from(MAX_LINES)).contains(&n) => Ok(to_u32(n)),
            Some(n) => Err(self.error(
                &value.span(),
                key,
                format!("{n} is not a number of lines from 1 to {MAX_LINES}"),
            )),
            None => Err(self.wrong_type(value, key, "a number")),
        }
    }

    /// `names`: an array whose index is the offset (`""` is no name), or a table of offset = name.
    fn names(
        &self,
        value: &Value<'_>,
        key: &str,
        lines: u32,
    ) -> Result<Vec<(u32, String)>, BoardError> {
        let mut names: Vec<(u32, String)> = Vec::new();
        match value.get_ref() {
            DeValue::Array(array) => {
                for (index, value) in array.iter().enumerate() {
                    let key = format!("{key}[{index}]");
                    let offset = i128::try_from(index).unwrap_or(i128::MAX);
                    let offset = self.offset(offset, &value.span(), &key, lines)?;
                    names.push((offset, self.name(value, &key)?));
                }
            }
            DeValue::Table(table) => {
                for (word, value) in table {
                    let key = join(key, word.get_ref());
                    let offset = word.get_ref().parse::<i128>().ok();
                    let Some(offset) = offset.filter(|n| n.to_string() == **word.get_ref()) else {
                        return Err(self.error(&word.span(), &key, "is not a line's offset"));
                    };
                    let offset = self.offset(offset, &word.span(), &key, lines)?;
                    names.push((offset, self.name(value, &key)?));
                }
            }
            _ => {
                return Err(self.wrong_type(
                    value,
                    key,
                    "an array of names or a table of offset = name",
                ));
            }
        }
        names.retain(|(_, name)| !name.is_empty());
        names.sort_unstable_by_key(|(offset, _)| *offset);
        Ok(names)
    }

    fn hogs(
        &self,
        value: &Value<'_>,
        key: &str,
        chip: &ChipSpec,
    ) -> Result<Vec<HogSpec>, BoardError> {
        let mut hogs: Vec<HogSpec> = Vec::new();
        for (index, value) in self.array(value, key, "tables")?.iter().enumerate() {
            let key = format!("{key}[{index}]");
            let hog = self.hog(value, &key, chip)?;
            if hogs.iter().any(|other| other.offset == hog.offset) {
                let at = value
                    .get_ref()
                    .get("line")
                    .map_or(value.span(), Spanned::span);
                let problem = format!("another hog has line {}", hog.offset);
                return Err(self.error(&at, &join(&key, "line"), problem));
            }
            hogs.push(hog);
        }
        Ok(hogs)
    }

    fn hog(&self, value: &Value<'_>, path: &str, chip: &ChipSpec) -> Result<HogSpec, BoardError> {
        let table = self.table(value, path)?;
        self.only_keys(table, path, &names_of(keys::HOG))?;
        let Some(line) = table.get("line") else {
            return Err(self.error(&value.span(), &join(path, "line"), "is missing"));
        };
        let offset = self.hog_line(line, &join(path, "line"), chip)?;
        let consumer = match (table.get("consumer"), table.get("name")) {
            (Some(_), Some(name)) => {
                let problem = "consumer is given too, and means the same";
                return Err(self.error(&name.span(), &join(path, "name"), problem));
            }
            (Some(value), None) => self.name(value, &join(path, "consumer"))?,
            (None, Some(value)) => self.name(value, &join(path, "name"))?,
            (None, None) => super::unnamed(),
        };
        let direction = match table.get("direction") {
            Some(value) => self.direction(value, &join(path, "direction"))?,
            None => HogDirection::Input,
        };
        Ok(HogSpec {
            offset,
            consumer,
            direction,
        })
    }

    /// A hog's `line`: an offset, or a name that one line of the chip has.
    pub(super) fn hog_line(
        &self,
        value: &Value<'_>,
        key: &str,
        chip: &ChipSpec,
    ) -> Result<u32, BoardError> {
        if let Some(offset) = integer(value) {
            return self.offset(offset, &value.span(), key, chip.lines);
        }
        let DeValue::String(name) = value.get_ref() else {
            return Err(self.wrong_type(value, key, "an offset or a line name"));
        };
        chip.line_named(name)
            .map_err(|problem| self.error(&value.span(), key, problem))
    }

    fn direction(&self, value: &Value<'_>, key: &str) -> Result<HogDirection, BoardError> {
        let DeValue::String(word) = value.get_ref() else {
            return Err(self.wrong_type(value, key, "a string"));
        };
        HogDirection::from_word(word).ok_or_else(|| {
            let problem = format!(
                "{:?} is not \"input\", \"output-high\" or \"output-low\"",
                &**word
            );
            self.error(&value.span(), key, problem)
        })
    }

    pub(super) fn offset(
        &self,
        offset: i128,
        span: &Range<usize>,
        key: &str,
        lines: u32,
    ) -> Result<u32, BoardError> {
        if (0..i128::from(lines)).contains(&offset) {
            return Ok(to_u32(offset));
        }
        let problem = format!("the chip has lines 0 to {}, not {offset}", lines - 1);
        Err(self.error(span, key, problem))
    }

    pub(super) fn name(&self, value: &Value<'_>, key: &str) -> Result<String, BoardError> {
        let DeValue::String(name) = value.get_ref() else {
            return Err(self.wrong_type(value, key, "a string"));
        };
        check_name(name).map_err(|problem| self.error(&value.span(), key, problem))?;
        Ok(name.clone().into_owned())
    }

    pub(super) fn table<'v, 't>(
        &self,
        value: &'v Value<'t>,
        key: &str,
    ) -> Result<&'v DeTable<'t>, BoardError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.wrong_type(value, key, "a table")),
        }
    }

    pub(super) fn array<'v, 't>(
        &self,
        value: &'v Value<'t>,
        key: &str,
        of: &str,
    ) -> Result<&'v [Value<'t>], BoardError> {
        match value.get_ref() {
            DeValue::Array(array) => Ok(array),
            _ => Err(self.wrong_type(value, key, &format!("an array of {of}"))),
        }
    }

    pub(super) fn only_keys(
        &self,
        table: &DeTable<'_>,
        path: &str,
        known: &[&str],
    ) -> Result<(), BoardError> {
        // The first one in the file, not the first in the alphabet.
        let unknown = table
            .keys()
            .filter(|key| !known.contains(&&**key.get_ref()))
            .min_by_key(|key| key.span().start);
        match unknown {
            None => Ok(()),
            Some(key) => Err(self.error(
                &key.span(),
                &join(path, key.get_ref()),
                format!("unknown key, known here: {}", known.join(", ")),
            )),
        }
    }

    pub(super) fn wrong_type(&self, value: &Value<'_>, key: &str, wanted: &str) -> BoardError {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        self.error(&value.span(), key, format!("must be {wanted}, not {found}"))
    }
}

/// The number in `value`; one too large for anything counts as the largest.
pub(super) fn integer(value: &Value<'_>) -> Option<i128> {
    let DeValue::Integer(number) = value.get_ref() else {
        return None;
    };
    let digits = number.as_str();
    let limit = if digits.starts_with('-') {
        i128::MIN
    } else {
        i128::MAX
    };
    Some(i128::from_str_radix(digits, number.radix()).unwrap_or(limit))
}

/// A number that the caller has found to be from 0 to [`MAX_LINES`].
pub(super) fn to_u32(number: i128) -> u32 {
    u32::try_from(number).expect("the caller has compared it with a u32")
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}
