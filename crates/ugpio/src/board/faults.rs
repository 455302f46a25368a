//! Faults in the words of board files and of control: what goes wrong, and when.

use gpio_sim::fault::{Fault, FaultTime, Planned, Replug};
use gpio_sim::part::parse_time_ns;
use gpiolib::{Errno, Level, Offset};

use super::file::{Reader, Value, integer, join};
use super::keys::{self, names_of};
use super::{Board, BoardError, FaultSpec};

/// What can go wrong.
pub(crate) const KINDS: [&str; 7] = [
    "unplug",
    "error",
    "slow",
    "stuck",
    "glitch",
    "lost-edge",
    "flood",
];

/// The longest time that a fault takes, in nanoseconds.
const TIME_MAX_NS: u64 = 10_000_000_000;

/// A fault before it is understood. What is not given has a default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// One of [`KINDS`].
    pub(crate) kind: String,
    /// At this call.
    pub(crate) call: Option<u64>,
    /// At one of the first so many calls.
    pub(crate) within: Option<u64>,
    /// When the line gets this level.
    pub(crate) level: Option<Level>,
    /// At so many calls in a row.
    pub(crate) times: Option<u64>,
    /// `error`: which.
    pub(crate) errno: Option<String>,
    /// `slow`: by how much, in nanoseconds.
    pub(crate) time_ns: Option<u64>,
    /// `stuck`: where.
    pub(crate) to: Option<Level>,
    /// `unplug`: back after so long, in nanoseconds.
    pub(crate) replug_ns: Option<u64>,
    /// `unplug`: back after so many calls.
    pub(crate) replug_calls: Option<u64>,
}

/// A word that cannot be: its key, and what is wrong with it.
pub(crate) type Mistake = (&'static str, String);

impl Words {
    /// What is meant.
    ///
    /// # Errors
    /// A word that cannot be, or does not go with the others.
    pub(crate) fn planned(&self, line: Option<u32>) -> Result<Planned, Mistake> {
        let times = self.times.unwrap_or(1);
        let times = u32::try_from(times).ok().filter(|times| *times > 0);
        Ok(Planned {
            line: line.map(Offset::new),
            when: self.when()?,
            fault: self.fault()?,
            times: times.ok_or_else(|| ("times", "must be from 1 to 4294967295".to_owned()))?,
        })
    }

    fn when(&self) -> Result<FaultTime, Mistake> {
        match (self.call, self.within, self.level) {
            (None, None, None) => Ok(FaultTime::Next),
            (Some(0), ..) => Err(("call", "calls are counted from 1".into())),
            (None, Some(0), _) => Err(("within", "calls are counted from 1".into())),
            (Some(call), None, None) => Ok(FaultTime::Call(call)),
            (None, Some(calls), None) => Ok(FaultTime::Within(calls)),
            (None, None, Some(level)) => Ok(FaultTime::Level(level)),
            (_, Some(_), _) => Err(("within", "another moment is given too".into())),
            (_, None, Some(_)) => Err(("level", "another moment is given too".into())),
        }
    }

    fn fault(&self) -> Result<Fault, Mistake> {
        let kind = self.kind.as_str();
        let only = |key, is_given: bool, of: &str| match is_given && kind != of {
            true => Err((key, format!("goes with kind \"{of}\" only"))),
            false => Ok(()),
        };
        only("errno", self.errno.is_some(), "error")?;
        only("time", self.time_ns.is_some(), "slow")?;
        only("to", self.to.is_some(), "stuck")?;
        only("replug", self.replug_ns.is_some(), "unplug")?;
        only("replug_calls", self.replug_calls.is_some(), "unplug")?;
        Ok(match kind {
            "unplug" => Fault::Unplug(self.replug()?),
            "error" => Fault::Error(match &self.errno {
                Some(word) => errno(word).ok_or_else(|| {
                    let problem = format!("{word:?} is not the name of an errno, like \"EIO\"");
                    ("errno", problem)
                })?,
                None => Errno::EIO,
            }),
            "slow" => match self.time_ns.unwrap_or(10_000_000) {
                ns if ns <= TIME_MAX_NS => Fault::Slow(ns),
                _ => return Err(("time", "is more than ten seconds".into())),
            },
            "stuck" => Fault::Stuck(self.to.unwrap_or(Level::Low)),
            "glitch" => Fault::Glitch,
            "lost-edge" => Fault::LostEdge,
            "flood" => Fault::Flood,
            _ => {
                let problem = format!(
                    "no fault is called {kind:?}, there are: {}",
                    KINDS.join(", ")
                );
                return Err(("kind", problem));
            }
        })
    }

    fn replug(&self) -> Result<Replug, Mistake> {
        match (self.replug_ns, self.replug_calls) {
            (None, None) => Ok(Replug::Never),
            (Some(ns), None) => Ok(Replug::After(ns)),
            (None, Some(calls)) => {
                let calls =
                    u32::try_from(calls).map_err(|_| ("replug_calls", "is too large".into()))?;
                Ok(Replug::Calls(calls))
            }
            (Some(_), Some(_)) => Err(("replug_calls", "replug is given too".into())),
        }
    }
}

/// The errno of this name.
fn errno(word: &str) -> Option<Errno> {
    let mut known = (1..=600).map(Errno::of);
    known.find(|errno| errno.name() == Some(word))
}

/// The names that [`Words::errno`] can have.
pub(crate) fn errnos() -> Vec<&'static str> {
    (1..=600).map(Errno::of).filter_map(Errno::name).collect()
}

impl Reader<'_> {
    pub(super) fn fault(
        &self,
        value: &Value<'_>,
        path: &str,
        board: &Board,
    ) -> Result<FaultSpec, BoardError> {
        let table = self.table(value, path)?;
        self.only_keys(table, path, &names_of(keys::FAULT))?;
        let at = |key: &str| table.get(key).map_or(value.span(), toml::Spanned::span);
        let text = |key: &str| {
            let value = table.get(key);
            value
                .map(|value| self.name(value, &join(path, key)))
                .transpose()
        };
        let missing = |key: &str| self.error(&value.span(), &join(path, key), "is missing");
        let label = text("chip")?.ok_or_else(|| missing("chip"))?;
        let chip = board.chips.iter().find(|chip| chip.label == label);
        let chip = chip.ok_or_else(|| {
            let problem = format!(
                "no chip of this board has the label {label:?}, {}",
                super::wires::labels(board)
            );
            self.error(&at("chip"), &join(path, "chip"), problem)
        })?;
        let line = match table.get("line") {
            Some(line) => Some(self.hog_line(line, &join(path, "line"), chip)?),
            None => None,
        };
        let level = |key: &str| self.level(table.get(key), &join(path, key));
        let number = |key: &str| self.count(table.get(key), &join(path, key));
        let time = |key: &str| {
            let parsed = text(key)?.map(|word| parse_time_ns(&word));
            let parsed = parsed.transpose();
            parsed.map_err(|problem| self.error(&at(key), &join(path, key), problem))
        };
        let words = Words {
            kind: text("kind")?.ok_or_else(|| missing("kind"))?,
            call: number("call")?,
            within: number("within")?,
            level: level("level")?,
            times: number("times")?,
            errno: text("errno")?,
            time_ns: time("time")?,
            to: level("to")?,
            replug_ns: time("replug")?,
            replug_calls: number("replug_calls")?,
        };
        let planned = words
            .planned(line)
            .map_err(|(key, problem)| self.error(&at(key), &join(path, key), problem))?;
        Ok(FaultSpec {
            chip: label,
            planned,
        })
    }

    fn level(&self, value: Option<&Value<'_>>, key: &str) -> Result<Option<Level>, BoardError> {
        let Some(value) = value else {
            return Ok(None);
        };
        match self.name(value, key)?.as_str() {
            "low" => Ok(Some(Level::Low)),
            "high" => Ok(Some(Level::High)),
            word => {
                let problem = format!("{word:?} is not \"low\" or \"high\"");
                Err(self.error(&value.span(), key, problem))
            }
        }
    }

    fn count(&self, value: Option<&Value<'_>>, key: &str) -> Result<Option<u64>, BoardError> {
        let Some(value) = value else {
            return Ok(None);
        };
        let Some(number) = integer(value) else {
            return Err(self.wrong_type(value, key, "a number"));
        };
        let count = u64::try_from(number)
            .map_err(|_| self.error(&value.span(), key, format!("{number} is not a count")))?;
        Ok(Some(count))
    }
}
