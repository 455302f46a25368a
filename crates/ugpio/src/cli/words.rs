//! The words of the command line: values, assignments, times, and the settings of a line.
//!
//! Pure parsing, used by the argument types of this folder and by `set`, which reads the same words
//! from its standard input.

use core::str::FromStr;
use core::time::Duration;

use clap::ValueEnum;

/// What pulls a line when it is not driven.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Bias {
    /// Whatever it is now
    #[default]
    AsIs,
    /// Let the line float
    Disabled,
    /// Pull it up
    PullUp,
    /// Pull it down
    PullDown,
}

/// How an output drives its line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Drive {
    /// Drive it high and low
    #[default]
    PushPull,
    /// Drive it low, else let it float
    OpenDrain,
    /// Drive it high, else let it float
    OpenSource,
}

/// Which edges are meant; rising is towards active.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Edges {
    /// Towards active
    Rising,
    /// Towards inactive
    Falling,
    /// All of them
    #[default]
    Both,
}

/// The clock that stamps edges.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Clock {
    /// Time since some start, never set back
    #[default]
    Monotonic,
    /// Time of day, in seconds since 1970
    Realtime,
    /// A hardware timestamp engine, where there is one
    Hte,
}

/// The logical value of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Value {
    /// 0: low, or high on an active-low line.
    Inactive,
    /// 1: high, or low on an active-low line.
    Active,
}

impl Value {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Value::Inactive => "inactive",
            Value::Active => "active",
        }
    }

    /// 0 or 1.
    pub(crate) fn number(self) -> u8 {
        u8::from(self == Value::Active)
    }

    /// The other one.
    pub(crate) fn toggled(self) -> Value {
        Value::from(self == Value::Inactive)
    }
}

impl From<bool> for Value {
    fn from(is_active: bool) -> Value {
        if is_active {
            Value::Active
        } else {
            Value::Inactive
        }
    }
}

impl FromStr for Value {
    type Err = String;

    fn from_str(word: &str) -> Result<Value, String> {
        match word.to_ascii_lowercase().as_str() {
            "1" | "active" | "on" | "true" => Ok(Value::Active),
            "0" | "inactive" | "off" | "false" => Ok(Value::Inactive),
            _ => Err(format!(
                "'{word}' is not a value: 1, active, on and true, or 0, inactive, off and false"
            )),
        }
    }
}

/// What an assignment does to its line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// Give it this value.
    To(Value),
    /// Give it the other value; only for a line that is already held.
    Toggle,
}

/// `LINE=VALUE`. The last `=` separates, so that a line's name may hold one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Assignment {
    /// The line, as [`crate::client`] resolves it.
    pub(crate) line: String,
    /// What becomes of it.
    pub(crate) change: Change,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(word: &str) -> Result<Assignment, String> {
        let (line, value) = word
            .rsplit_once('=')
            .filter(|(line, _)| !line.is_empty())
            .ok_or_else(|| format!("'{word}' is not LINE=VALUE, for example led=1"))?;
        let change = if value.eq_ignore_ascii_case("toggle") {
            Change::Toggle
        } else {
            Change::To(value.parse()?)
        };
        Ok(Assignment {
            line: line.to_owned(),
            change,
        })
    }
}

/// A word of `ugpio set`: an assignment, or `-` for more of them on standard input.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum SetWord {
    /// `LINE=VALUE`.
    Assign(Assignment),
    /// `-`.
    Input,
}

impl FromStr for SetWord {
    type Err = String;

    fn from_str(word: &str) -> Result<SetWord, String> {
        if word == "-" {
            return Ok(SetWord::Input);
        }
        let assignment: Assignment = word.parse()?;
        if assignment.change == Change::Toggle {
            return Err("toggle is for lines that are already held, on standard input".to_owned());
        }
        Ok(SetWord::Assign(assignment))
    }
}

/// A time to wait: `500ms`, `5s`, `1m`; a plain number is seconds.
///
/// # Errors
/// Not such a time.
pub(crate) fn timeout(word: &str) -> Result<Duration, String> {
    time(word, Some(NANOS_OF_SECOND))
}

/// A period: `500us`, `10ms`; a unit is asked for, because a plain number could mean anything.
///
/// # Errors
/// Not such a time.
pub(crate) fn period(word: &str) -> Result<Duration, String> {
    time(word, None)
}

/// A debounce period: whole microseconds in 32 bits.
///
/// # Errors
/// Not a time, or longer than the kernel accepts (71 minutes).
pub(crate) fn debounce(word: &str) -> Result<u32, String> {
    let period = period(word)?;
    u32::try_from(period.as_nanos().div_ceil(1_000))
        .map_err(|_| format!("'{word}' is longer than a debounce period can be, 71 minutes"))
}

/// A moment of a recording, or a length of time in one: in femtoseconds, since recordings are finer than clocks.
///
/// # Errors
/// Not such a time.
pub(crate) fn moment(word: &str) -> Result<u128, String> {
    const FS_OF_NS: u128 = 1_000_000;
    let number = |unit: &str| {
        let number = word.strip_suffix(unit)?;
        number
            .ends_with(|c: char| c.is_ascii_digit() || c == '.')
            .then_some(number)
    };
    let fine = [("fs", 1), ("ps", 1_000), ("ns", 1_000_000)];
    for (unit, size) in fine {
        if let Some(number) = number(unit) {
            let time = decimal(number, size)
                .ok_or_else(|| format!("'{word}' is not a time: 250ps, 10ms, 2s"))?;
            return Ok(time.as_nanos());
        }
    }
    Ok(period(word)?.as_nanos() * FS_OF_NS)
}

const NANOS_OF_SECOND: u64 = 1_000_000_000;

/// A time in whole nanoseconds.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A time in whole milliseconds, none shorter than it is.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn time(word: &str, plain_unit: Option<u64>) -> Result<Duration, String> {
    let end = word
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(word.len());
    let (number, unit) = word.split_at(end);
    let unit = match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS_OF_SECOND,
        "m" => 60 * NANOS_OF_SECOND,
        "h" => 3_600 * NANOS_OF_SECOND,
        "" => plain_unit
            .ok_or_else(|| format!("'{word}' has no unit: write 500us, 10ms or 2s, for example"))?,
        _ => return Err(format!("'{word}' is not a time: 500us, 10ms, 2s, 1m")),
    };
    let is_number = number.bytes().any(|byte| byte.is_ascii_digit());
    decimal(number, unit).ok_or_else(|| match is_number && number.matches('.').count() < 2 {
        true => format!("'{word}' is longer than any time can be, 584 years"),
        false => format!("'{word}' is not a time: 500us, 10ms, 2s, 1m"),
    })
}

/// `number` with an optional fraction, times `unit` nanoseconds; what is finer is cut off.
fn decimal(number: &str, unit: u64) -> Option<Duration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut nanos = if whole.is_empty() {
        0
    } else {
        whole.parse::<u64>().ok()?
    }
    .checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.chars() {
        place /= 10;
        nanos = nanos.checked_add(u64::from(digit.to_digit(10)?) * place)?;
    }
    Some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_finer_than_periods() {
        assert_eq!(moment("2fs"), Ok(2));
        assert_eq!(moment("1.5ps"), Ok(1_500));
        assert_eq!(moment("1.25ns"), Ok(1_250_000));
        assert_eq!(moment("1us"), Ok(1_000_000_000));
        assert_eq!(moment("0.5s"), Ok(500_000_000_000_000));
        for word in ["ns", "5", "1.x ps", "-1ns", "99999999999999999999ps"] {
            assert!(moment(word).is_err(), "{word}");
        }
    }

    #[test]
    fn values_have_several_words() {
        for word in ["1", "active", "on", "TRUE"] {
            assert_eq!(word.parse(), Ok(Value::Active), "{word}");
        }
        for word in ["0", "inactive", "Off", "false"] {
            assert_eq!(word.parse(), Ok(Value::Inactive), "{word}");
        }
        assert!("2".parse::<Value>().unwrap_err().starts_with("'2' is not"));
        assert_eq!(Value::Active.toggled(), Value::Inactive);
    }

    #[test]
    fn the_last_equals_sign_separates() {
        let parsed: Assignment = "a=b=1".parse().unwrap();
        assert_eq!(parsed.line, "a=b");
        assert_eq!(parsed.change, Change::To(Value::Active));
        assert_eq!(
            "led=toggle".parse::<Assignment>().unwrap().change,
            Change::Toggle
        );
        for wrong in ["led", "=1", "", "led=", "led=2"] {
            assert!(wrong.parse::<Assignment>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn set_takes_a_dash_and_no_toggle() {
        assert_eq!("-".parse(), Ok(SetWord::Input));
        assert!("led=toggle".parse::<SetWord>().is_err());
        assert!("led=1".parse::<SetWord>().is_ok());
    }

    #[test]
    fn times() {
        let cases = [
            ("5", 5_000_000_000),
            ("1.5s", 1_500_000_000),
            (".25", 250_000_000),
            ("10ms", 10_000_000),
            ("1.5us", 1_500),
            ("2m", 120_000_000_000),
            ("0", 0),
            ("1.0000000009s", 1_000_000_000),
        ];
        for (word, nanos) in cases {
            assert_eq!(timeout(word), Ok(Duration::from_nanos(nanos)), "{word}");
        }
        for wrong in [
            "",
            ".",
            "s",
            "-1",
            "1x",
            "1.2.3s",
            "1 s",
            "99999999999999999999s",
            "1e3",
        ] {
            assert!(timeout(wrong).is_err(), "{wrong}");
        }
        assert!(period("5").unwrap_err().contains("no unit"));
    }

    #[test]
    fn debounce_is_rounded_up_and_bounded() {
        assert_eq!(debounce("10ms"), Ok(10_000));
        assert_eq!(debounce("1ns"), Ok(1));
        assert_eq!(debounce("71m"), Ok(4_260_000_000));
        assert!(debounce("72m").is_err());
    }
}
