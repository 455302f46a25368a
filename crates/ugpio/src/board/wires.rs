//! Nets and parts in board files: what is wired to what.
//!
//! A line is written `CHIP:LINE`, with the chip's label and an offset or a line name; a pin of a part may
//! be wired to the name of a net instead. What settings a part has is known by `gpio_sim::part`.

use core::ops::Range;

use gpio_sim::part::{KINDS, Mistake, PartKind, Setting, Settings, parse_time_ns};
use gpio_sim::seed;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::file::{Reader, Value, integer, join};
use super::keys::{self, names_of};
use super::{Board, BoardError, LineSpec, NetSpec, PartSpec, PinSpec, Pull};

impl Reader<'_> {
    pub(super) fn net(
        &self,
        value: &Value<'_>,
        path: &str,
        board: &Board,
    ) -> Result<NetSpec, BoardError> {
        let table = self.table(value, path)?;
        self.only_keys(table, path, &names_of(keys::NET))?;
        let name = self.own_name(value, table, path)?;
        if board.nets.iter().any(|other| other.name == name) {
            let at = table.get("name").map_or(value.span(), Spanned::span);
            let problem = format!("another net of this board has the name {name:?}");
            return Err(self.error(&at, &join(path, "name"), problem));
        }
        let mut net = NetSpec {
            name,
            lines: Vec::new(),
            pull: None,
            delay_ns: 0,
        };
        if let Some(lines) = table.get("lines") {
            let key = join(path, "lines");
            let lines = self.array(lines, &key, "lines, written \"CHIP:LINE\"")?;
            for (index, value) in lines.iter().enumerate() {
                let key = format!("{key}[{index}]");
                let line = self.line(value, &key, board)?;
                self.not_on_another(value, &key, &line, board, &net)?;
                net.lines.push(line);
            }
        }
        if let Some(pull) = table.get("pull") {
            net.pull = Some(self.pull(pull, &join(path, "pull"))?);
        }
        if let Some(delay) = table.get("delay") {
            let key = join(path, "delay");
            let word = self.name(delay, &key)?;
            net.delay_ns =
                parse_time_ns(&word).map_err(|problem| self.error(&delay.span(), &key, problem))?;
        }
        Ok(net)
    }

    /// The `name` of a net or part.
    fn own_name(
        &self,
        value: &Value<'_>,
        table: &DeTable<'_>,
        path: &str,
    ) -> Result<String, BoardError> {
        let key = join(path, "name");
        let Some(name) = table.get("name") else {
            return Err(self.error(&value.span(), &key, "is missing"));
        };
        let word = self.name(name, &key)?;
        if word.is_empty() || word.contains(':') {
            let problem = format!("{word:?} is not a name: it is empty or holds a colon");
            return Err(self.error(&name.span(), &key, problem));
        }
        Ok(word)
    }

    /// A line can be on one net only.
    fn not_on_another(
        &self,
        value: &Value<'_>,
        key: &str,
        line: &LineSpec,
        board: &Board,
        new: &NetSpec,
    ) -> Result<(), BoardError> {
        let mut nets = board.nets.iter().chain([new]);
        match nets.find(|net| net.lines.contains(line)) {
            None => Ok(()),
            Some(net) => {
                let problem = format!("{line} is on net {:?} already", net.name);
                Err(self.error(&value.span(), key, problem))
            }
        }
    }

    /// `CHIP:LINE`. Both may hold colons: the first way that fits is meant.
    fn line(&self, value: &Value<'_>, key: &str, board: &Board) -> Result<LineSpec, BoardError> {
        let DeValue::String(word) = value.get_ref() else {
            return Err(self.wrong_type(value, key, "a line, written \"CHIP:LINE\""));
        };
        let ways = word.match_indices(':').map(|(at, _)| word.split_at(at));
        let mut ways = ways.map(|(chip, line)| (chip, line.strip_prefix(':').unwrap_or(line)));
        let found = ways.find_map(|(label, line)| {
            let chip = board.chips.iter().find(|chip| chip.label == label)?;
            Some((chip, line))
        });
        let Some((chip, line)) = found else {
            let problem = match word.contains(':') {
                true => format!(
                    "no chip of this board has the label of {:?}, {}",
                    &**word,
                    labels(board)
                ),
                false => format!("{:?} is not a line, written \"CHIP:LINE\"", &**word),
            };
            return Err(self.error(&value.span(), key, problem));
        };
        let digits = line.bytes().all(|byte| byte.is_ascii_digit());
        let offset = match line.parse::<u32>().ok().filter(|_| digits) {
            Some(offset) => self.offset(i128::from(offset), &value.span(), key, chip.lines)?,
            None => chip
                .line_named(line)
                .map_err(|problem| self.error(&value.span(), key, problem))?,
        };
        Ok(LineSpec {
            chip: chip.label.clone(),
            offset,
        })
    }

    fn pull(&self, value: &Value<'_>, key: &str) -> Result<Pull, BoardError> {
        match self.name(value, key)?.as_str() {
            "up" => Ok(Pull::Up),
            "down" => Ok(Pull::Down),
            word => {
                let problem = format!("{word:?} is not \"up\" or \"down\"");
                Err(self.error(&value.span(), key, problem))
            }
        }
    }

    pub(super) fn part(
        &self,
        value: &Value<'_>,
        path: &str,
        board: &Board,
    ) -> Result<PartSpec, BoardError> {
        let table = self.table(value, path)?;
        let kind = self.kind(value, table, path)?;
        let mut known = names_of(keys::PART);
        known.extend(kind.keys);
        self.only_keys(table, path, &known)?;
        let name = self.own_name(value, table, path)?;
        if board.parts.iter().any(|other| other.name == name) {
            let at = table.get("name").map_or(value.span(), Spanned::span);
            let problem = format!("another part of this board has the name {name:?}");
            return Err(self.error(&at, &join(path, "name"), problem));
        }
        let settings = self.settings(table, path, kind)?;
        if let Err(Mistake { key, problem }) = kind.make(&settings) {
            let at = table.get(key.as_str()).map_or(value.span(), Spanned::span);
            return Err(self.error(&at, &join(path, &key), problem));
        }
        let pins = self.pins(table, path, kind, board)?;
        self.has_pins(&value.span(), path, kind, &pins)?;
        Ok(PartSpec {
            settings: settings.seeded(seed::of_name(&name)),
            kind: kind.name,
            name,
            pins,
        })
    }

    fn kind(
        &self,
        value: &Value<'_>,
        table: &DeTable<'_>,
        path: &str,
    ) -> Result<PartKind, BoardError> {
        let key = join(path, "kind");
        let Some(kind) = table.get("kind") else {
            return Err(self.error(&value.span(), &key, "is missing"));
        };
        let word = self.name(kind, &key)?;
        PartKind::find(&word).ok_or_else(|| {
            let known: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            let problem = format!(
                "no part is called {word:?}, there are: {}",
                known.join(", ")
            );
            self.error(&kind.span(), &key, problem)
        })
    }

    fn settings(
        &self,
        table: &DeTable<'_>,
        path: &str,
        kind: PartKind,
    ) -> Result<Settings, BoardError> {
        let mut settings = Settings::default();
        for key in kind.keys {
            let Some(value) = table.get(*key) else {
                continue;
            };
            let setting = match (value.get_ref(), integer(value)) {
                (DeValue::String(text), _) => Setting::Text(text.clone().into_owned()),
                (_, Some(number)) => {
                    let number = number.clamp(i64::MIN.into(), i64::MAX.into());
                    Setting::Number(i64::try_from(number).unwrap_or(i64::MAX))
                }
                _ => return Err(self.wrong_type(value, &join(path, key), "a string or a number")),
            };
            settings = settings.with(key, setting);
        }
        Ok(settings)
    }

    /// `line`, for the first pin, or `pins`, by their names.
    fn pins(
        &self,
        table: &DeTable<'_>,
        path: &str,
        kind: PartKind,
        board: &Board,
    ) -> Result<Vec<Option<PinSpec>>, BoardError> {
        let mut given: Vec<Option<(String, &Value<'_>)>> = vec![None; kind.pins.len()];
        if let (Some(line), Some(first)) = (table.get("line"), given.first_mut()) {
            *first = Some((join(path, "line"), line));
        }
        if let Some(value) = table.get("pins") {
            let path = join(path, "pins");
            let table = self.table(value, &path)?;
            self.only_keys(table, &path, kind.pins)?;
            for (pin, place) in kind.pins.iter().zip(&mut given) {
                let Some(value) = table.get(*pin) else {
                    continue;
                };
                let key = join(&path, pin);
                if place.is_some() {
                    let problem = "line is given too, and means the same";
                    return Err(self.error(&value.span(), &key, problem));
                }
                *place = Some((key, value));
            }
        }
        self.wired(&given, board)
    }

    /// The pins of the values that are given, of which no two may be wired together.
    fn wired(
        &self,
        given: &[Option<(String, &Value<'_>)>],
        board: &Board,
    ) -> Result<Vec<Option<PinSpec>>, BoardError> {
        let mut pins: Vec<Option<PinSpec>> = Vec::new();
        for place in given {
            let Some((key, value)) = place else {
                pins.push(None);
                continue;
            };
            let pin = self.pin(value, key, board)?;
            let node = node(&pin, board);
            let mut others = pins.iter().zip(given);
            let same = others.find_map(|(other, given)| {
                let other = other.as_ref().filter(|pin| self::node(pin, board) == node);
                other.and(given.as_ref())
            });
            if let Some((other, _)) = same {
                let problem = format!("is wired together with {other}: {pin}");
                return Err(self.error(&value.span(), key, problem));
            }
            pins.push(Some(pin));
        }
        Ok(pins)
    }

    /// Every pin is wired that the part needs, and one at least.
    fn has_pins(
        &self,
        span: &Range<usize>,
        path: &str,
        kind: PartKind,
        pins: &[Option<PinSpec>],
    ) -> Result<(), BoardError> {
        let is_wired = |name: &str| {
            let place = kind.pins.iter().position(|pin| *pin == name);
            place.is_some_and(|place| pins.get(place).is_some_and(Option::is_some))
        };
        if let Some(missing) = kind.required.iter().find(|name| !is_wired(name)) {
            // A part with one pin is wired by `line`.
            return Err(match kind.pins {
                [_] => {
                    let problem = format!("is missing (or pins.{missing})");
                    self.error(span, &join(path, "line"), problem)
                }
                _ => self.error(span, &join(path, &format!("pins.{missing}")), "is missing"),
            });
        }
        if pins.iter().all(Option::is_none) {
            let problem = format!("is missing, the part has pins: {}", kind.pins.join(", "));
            return Err(self.error(span, &join(path, "pins"), problem));
        }
        Ok(())
    }

    fn pin(&self, value: &Value<'_>, key: &str, board: &Board) -> Result<PinSpec, BoardError> {
        let DeValue::String(word) = value.get_ref() else {
            return Err(self.wrong_type(
                value,
                key,
                "a line, written \"CHIP:LINE\", or a net's name",
            ));
        };
        if board.nets.iter().any(|net| net.name == **word) {
            return Ok(PinSpec::Net(word.clone().into_owned()));
        }
        if !word.contains(':') {
            let problem = format!("no net of this board has the name {:?}", &**word);
            return Err(self.error(&value.span(), key, problem));
        }
        self.line(value, key, board).map(PinSpec::Line)
    }
}

/// The labels of a board, for a message.
pub(super) fn labels(board: &Board) -> String {
    let labels: Vec<String> = board
        .chips
        .iter()
        .map(|chip| format!("{:?}", chip.label))
        .collect();
    match labels.as_slice() {
        [] => "it has no chip".to_owned(),
        labels => format!("there are: {}", labels.join(", ")),
    }
}

/// What a pin is wired to in the end: a line's net, where it is on one.
fn node(pin: &PinSpec, board: &Board) -> PinSpec {
    match pin {
        PinSpec::Net(_) => pin.clone(),
        PinSpec::Line(line) => {
            let net = board.nets.iter().find(|net| net.lines.contains(line));
            net.map_or_else(|| pin.clone(), |net| PinSpec::Net(net.name.clone()))
        }
    }
}
