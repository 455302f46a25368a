//! Faults as lines of text: what the `faults` files of the gpio-sim tree take and show.
//!
//! `KIND [LINE] [KEY=VALUE]…`, with the kinds, keys and defaults of a `[[fault]]` in a board file. What is
//! meant by it is judged there ([`Words`]); [`text`] writes what [`Line`] reads.

use std::str::FromStr;

use gpio_sim::fault::{Fault, FaultTime, Planned, Replug};
use gpio_sim::part::parse_time_ns;
use gpiolib::Level;

use super::faults::{Mistake, Words};

/// One line of text, understood but for which line of the chip is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Nothing, and everything so far is over.
    None,
    /// A fault on this line of the chip, an offset or a name; on any if not given.
    Fault(Words, Option<String>),
}

impl FromStr for Line {
    type Err = Mistake;

    fn from_str(text: &str) -> Result<Line, Mistake> {
        let mut parts = text.split_ascii_whitespace();
        let kind = parts.next().unwrap_or_default();
        let mut rest = parts.peekable();
        if kind == "none" {
            return match rest.next() {
                None => Ok(Line::None),
                Some(word) => Err(("kind", format!("\"none\" goes alone, without {word:?}"))),
            };
        }
        let mut words = Words {
            kind: kind.to_owned(),
            ..Words::default()
        };
        let mut line = rest.next_if(|word| !word.contains('=')).map(str::to_owned);
        for word in rest {
            let Some((key, value)) = word.split_once('=') else {
                let problem = format!("{word:?} is not KEY=VALUE");
                return Err(("kind", problem));
            };
            if key == "line" {
                once("line", &mut line, Ok(value.to_owned()))?;
            } else {
                words.take(key, value)?;
            }
        }
        Ok(Line::Fault(words, line))
    }
}

impl Words {
    /// Takes one key and its value.
    fn take(&mut self, key: &str, value: &str) -> Result<(), Mistake> {
        match key {
            "call" => once("call", &mut self.call, count(value)),
            "within" => once("within", &mut self.within, count(value)),
            "level" => once("level", &mut self.level, level(value)),
            "times" => once("times", &mut self.times, count(value)),
            "errno" => once("errno", &mut self.errno, Ok(value.to_owned())),
            "time" => once("time", &mut self.time_ns, parse_time_ns(value)),
            "to" => once("to", &mut self.to, level(value)),
            "replug" => once("replug", &mut self.replug_ns, parse_time_ns(value)),
            "replug_calls" => once("replug_calls", &mut self.replug_calls, count(value)),
            _ => Err(("kind", format!("no fault has a key {key:?}"))),
        }
    }
}

/// Sets what was not set before.
fn once<T>(
    key: &'static str,
    slot: &mut Option<T>,
    value: Result<T, String>,
) -> Result<(), Mistake> {
    if slot.is_some() {
        return Err((key, "is given twice".to_owned()));
    }
    *slot = Some(value.map_err(|problem| (key, problem))?);
    Ok(())
}

fn count(word: &str) -> Result<u64, String> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let count = word.parse().ok().filter(|_| digits);
    count.ok_or_else(|| format!("{word:?} is not a count"))
}

fn level(word: &str) -> Result<Level, String> {
    match word {
        "low" => Ok(Level::Low),
        "high" => Ok(Level::High),
        _ => Err(format!("{word:?} is not \"low\" or \"high\"")),
    }
}

/// A fault in words that, read again, mean the same. Without a newline.
pub(crate) fn text(planned: &Planned) -> String {
    let mut words = vec![kind(planned.fault).to_owned()];
    words.extend(planned.line.map(|line| line.get().to_string()));
    words.extend(match planned.when {
        FaultTime::Next => None,
        FaultTime::Call(call) => Some(format!("call={call}")),
        FaultTime::Within(calls) => Some(format!("within={calls}")),
        FaultTime::Level(level) => Some(format!("level={}", word(level))),
    });
    if planned.times > 1 {
        words.push(format!("times={}", planned.times));
    }
    words.extend(match planned.fault {
        Fault::Error(errno) => Some(format!("errno={errno}")),
        Fault::Slow(ns) => Some(format!("time={}", time(ns))),
        Fault::Stuck(level) => Some(format!("to={}", word(level))),
        Fault::Unplug(Replug::After(ns)) => Some(format!("replug={}", time(ns))),
        Fault::Unplug(Replug::Calls(calls)) => Some(format!("replug_calls={calls}")),
        Fault::Unplug(Replug::Never) | Fault::Glitch | Fault::LostEdge | Fault::Flood => None,
    });
    words.join(" ")
}

/// One of [`super::faults::KINDS`].
fn kind(fault: Fault) -> &'static str {
    match fault {
        Fault::Unplug(_) => "unplug",
        Fault::Error(_) => "error",
        Fault::Slow(_) => "slow",
        Fault::Stuck(_) => "stuck",
        Fault::Glitch => "glitch",
        Fault::LostEdge => "lost-edge",
        Fault::Flood => "flood",
    }
}

fn word(level: Level) -> &'static str {
    if level.is_high() { "high" } else { "low" }
}

/// A time in the largest unit that says it exactly.
pub(crate) fn time(ns: u64) -> String {
    let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];
    let fits = |(_, unit): &(&str, u64)| ns >= *unit && ns.is_multiple_of(*unit);
    match units.into_iter().find(fits) {
        Some((name, unit)) => format!("{}{name}", ns / unit),
        None => format!("{ns}ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a line of text means, in words again; a line of a chip is an offset here.
    fn again(line: &str) -> Result<String, String> {
        let said = |(key, problem): Mistake| format!("{key}: {problem}");
        match line.parse().map_err(said)? {
            Line::None => Ok("none".to_owned()),
            Line::Fault(words, line) => {
                let offset = line.map(|line| line.parse().unwrap());
                Ok(text(&words.planned(offset).map_err(said)?))
            }
        }
    }

    #[test]
    fn every_kind_is_written_as_it_is_read() {
        for line in [
            "none",
            "unplug",
            "unplug 3 call=9 replug=100ms",
            "unplug within=20 replug_calls=4",
            "error 0 call=5 times=3 errno=EBUSY",
            "slow 1023 level=high time=1500us",
            "slow time=10s",
            "stuck 2 to=high",
            "glitch 1 within=7",
            "lost-edge 1 level=low times=2",
            "flood",
        ] {
            assert_eq!(again(line).as_deref(), Ok(line));
        }
    }

    #[test]
    fn what_is_not_said_has_a_default_and_order_is_free() {
        for (line, wanted) in [
            ("error", "error errno=EIO"),
            ("slow", "slow time=10ms"),
            ("stuck", "stuck to=low"),
            ("  glitch\t4  ", "glitch 4"),
            ("error errno=EIO line=4 call=2", "error 4 call=2 errno=EIO"),
            ("unplug replug=0", "unplug replug=0ns"),
            ("error times=1", "error errno=EIO"),
        ] {
            assert_eq!(again(line).as_deref(), Ok(wanted), "{line}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_key() {
        for (line, wanted) in [
            ("explode", "kind: no fault is called \"explode\""),
            ("", "kind: no fault is called \"\""),
            ("none 3", "kind: \"none\" goes alone, without \"3\""),
            ("call=3", "kind: no fault is called \"call=3\""),
            ("error 1 2", "kind: \"2\" is not KEY=VALUE"),
            ("error 1 wall=2", "kind: no fault has a key \"wall\""),
            ("error 1 line=2", "line: is given twice"),
            ("error call=1 call=2", "call: is given twice"),
            ("error call=0", "call: calls are counted from 1"),
            ("error call=+1", "call: \"+1\" is not a count"),
            ("error call=", "call: \"\" is not a count"),
            (
                "error call=1 level=high",
                "level: another moment is given too",
            ),
            (
                "error errno=EFOO",
                "errno: \"EFOO\" is not the name of an errno",
            ),
            ("glitch errno=EIO", "errno: goes with kind \"error\" only"),
            ("stuck to=up", "to: \"up\" is not \"low\" or \"high\""),
            ("slow time=5", "time: \"5\" is not a time"),
            ("slow time=11s", "time: \"11s\" is not a time"),
            ("unplug times=0", "times: must be from 1"),
            (
                "unplug replug=1s replug_calls=2",
                "replug_calls: replug is given too",
            ),
        ] {
            let said = again(line).unwrap_err();
            assert!(said.starts_with(wanted), "{line}: {said}");
        }
    }
}
