//! What a part is made from: the keys of its table in a board file, read with their units.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use gpiolib::Level;

/// One value as a board file has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Setting {
    /// A string.
    Text(String),
    /// A whole number.
    Number(i64),
}

/// The keys of one part with their values.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settings {
    values: BTreeMap<String, Setting>,
    pub(super) seed: u64,
}

/// A setting that cannot be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistake {
    /// Which key.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Mistake {
    fn new(key: &str, problem: impl Into<String>) -> Mistake {
        Mistake {
            key: key.into(),
            problem: problem.into(),
        }
    }
}

impl Settings {
    /// Gives a key a value.
    #[must_use]
    pub fn with(mut self, key: &str, value: Setting) -> Settings {
        self.values.insert(key.into(), value);
        self
    }

    /// Sets the seed of the part's own chance.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Settings {
        self.seed = seed;
        self
    }

    /// The keys that have values.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// `"low"` or `"high"`.
    pub(super) fn level(&self, key: &str, default: Level) -> Result<Level, Mistake> {
        match self.values.get(key) {
            None => Ok(default),
            Some(Setting::Text(word)) if word == "low" => Ok(Level::Low),
            Some(Setting::Text(word)) if word == "high" => Ok(Level::High),
            Some(other) => Err(Mistake::new(
                key,
                format!("{} is not \"low\" or \"high\"", show(other)),
            )),
        }
    }

    /// `"on"` or `"off"`, which is the default.
    pub(super) fn is_on(&self, key: &str) -> Result<bool, Mistake> {
        match self.values.get(key) {
            None => Ok(false),
            Some(Setting::Text(word)) if word == "off" => Ok(false),
            Some(Setting::Text(word)) if word == "on" => Ok(true),
            Some(other) => Err(Mistake::new(
                key,
                format!("{} is not \"on\" or \"off\"", show(other)),
            )),
        }
    }

    /// A time in nanoseconds, of at most ten seconds: `"5ms"`.
    pub(super) fn time_ns(&self, key: &str, default: u64) -> Result<u64, Mistake> {
        match self.values.get(key) {
            None => Ok(default),
            Some(Setting::Text(word)) => {
                parse_time_ns(word).map_err(|problem| Mistake::new(key, problem))
            }
            Some(other) => Err(Mistake::new(
                key,
                format!("{} is not a time like \"5ms\"", show(other)),
            )),
        }
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &self,
        key: &str,
        default: i64,
        min: i64,
        max: i64,
    ) -> Result<i64, Mistake> {
        match self.values.get(key) {
            None => Ok(default),
            Some(Setting::Number(number)) if (min..=max).contains(number) => Ok(*number),
            Some(other) => Err(Mistake::new(
                key,
                format!("{} is not a number from {min} to {max}", show(other)),
            )),
        }
    }

    /// Text; `None` without the key.
    pub(super) fn text(&self, key: &str) -> Result<Option<&str>, Mistake> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Setting::Text(text)) => Ok(Some(text)),
            Some(other) => Err(Mistake::new(key, format!("{} is not text", show(other)))),
        }
    }

    /// The contents of a memory of `size` bytes: the key `data` in hexadecimal, then the key `text`.
    pub(super) fn contents(&self, size: usize) -> Result<Vec<u8>, Mistake> {
        let mut contents = self.hex("data")?;
        let fits = |key: &str, contents: &[u8]| match contents.len() {
            count if count <= size => Ok(()),
            count => Err(Mistake::new(
                key,
                format!("{count} bytes do not fit, the part has {size}"),
            )),
        };
        fits("data", &contents)?;
        contents.extend(self.text("text")?.unwrap_or_default().bytes());
        fits("text", &contents)?;
        Ok(contents)
    }

    /// Bytes in hexadecimal, blanks between them allowed.
    pub(super) fn hex(&self, key: &str) -> Result<Vec<u8>, Mistake> {
        let Some(text) = self.text(key)? else {
            return Ok(Vec::new());
        };
        let mistake = || Mistake::new(key, format!("{text:?} is not bytes like \"00 ff 7a\""));
        let digits: Option<Vec<u8>> = text
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let digits = digits.ok_or_else(mistake)?;
        let (pairs, []) = digits.as_chunks::<2>() else {
            return Err(mistake());
        };
        Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
    }
}

fn show(value: &Setting) -> String {
    match value {
        Setting::Text(text) => format!("{text:?}"),
        Setting::Number(number) => number.to_string(),
    }
}

/// The longest time that a board file can say.
const TIME_MAX_NS: u64 = 10_000_000_000;

/// Reads a time like `250ns`, `5us`, `20ms` or `1s`, at most ten seconds; in nanoseconds.
///
/// # Errors
/// What is wrong with it.
pub fn parse_time_ns(word: &str) -> Result<u64, String> {
    let digits = word.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match &word[digits.len()..] {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        _ if word == "0" => 1,
        _ => {
            return Err(format!(
                "{word:?} is not a time like \"5ms\": ns, us, ms, s"
            ));
        }
    };
    let number = digits.parse::<u64>().ok();
    // `parse` takes a plus sign too.
    let number = number.filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let time = number.and_then(|number| number.checked_mul(factor));
    time.filter(|time| *time <= TIME_MAX_NS)
        .ok_or_else(|| format!("{word:?} is not a time from 0 to 10 seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: Setting) -> Settings {
        Settings::default().with("k", value)
    }

    #[test]
    fn times_have_units_and_bounds() {
        let time = |word: &str| of(Setting::Text(word.into())).time_ns("k", 7);
        assert_eq!(
            (time("5ms"), time("10s"), time("0")),
            (Ok(5_000_000), Ok(10_000_000_000), Ok(0))
        );
        for word in [
            "5",
            "ms",
            "11s",
            "-1ms",
            "+1ms",
            "5 ms",
            "99999999999999999999ns",
            "1.5ms",
            "",
        ] {
            assert!(time(word).is_err(), "{word:?}");
        }
        assert!(of(Setting::Number(5)).time_ns("k", 7).is_err());
        assert_eq!(Settings::default().time_ns("k", 7), Ok(7));
    }

    #[test]
    fn hex_is_whole_bytes() {
        let hex = |word: &str| of(Setting::Text(word.into())).hex("k");
        assert_eq!(hex("00 fF7a"), Ok(Vec::from([0, 255, 0x7a])));
        assert!(hex("0").is_err() && hex("0g").is_err() && hex("é0").is_err());
    }

    #[test]
    fn contents_fit_or_are_refused_whole() {
        let of = |data: &str, text: &str| {
            Settings::default()
                .with("data", Setting::Text(data.into()))
                .with("text", Setting::Text(text.into()))
                .contents(3)
                .map_err(|mistake| mistake.key)
        };
        assert_eq!(of("00 ff", "a"), Ok(Vec::from([0, 0xff, b'a'])));
        assert_eq!(of("00 ff 00 ff", ""), Err("data".into()));
        assert_eq!(of("00 ff", "ab"), Err("text".into()));
    }

    #[test]
    fn a_mistake_names_its_key_and_says_what_would_be_right() {
        let mistake = of(Setting::Number(9)).number("k", 1, 1, 8).unwrap_err();
        assert_eq!(
            (mistake.key.as_str(), mistake.problem.as_str()),
            ("k", "9 is not a number from 1 to 8")
        );
        assert!(
            of(Setting::Text("up".into()))
                .level("k", Level::Low)
                .is_err()
        );
    }
}
