//! The unit in which a recording counts time, and times as text.
//!
//! Recordings count in what they like, from femtoseconds to hundreds of seconds; [`Unit`] is one tick of
//! one. All that has no unit of its own here is in femtoseconds, so nothing is rounded.

use crate::clean::clean;

/// Femtoseconds of a nanosecond.
pub(crate) const NANOSECOND: u128 = 1_000_000;

/// One tick of a recording, in femtoseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Unit(u64);

impl Default for Unit {
    fn default() -> Unit {
        Unit::NS
    }
}

impl Unit {
    /// A nanosecond: ours, and that of dumps which do not say.
    pub(crate) const NS: Unit = Unit(1_000_000);

    /// So many of 10 to the power of so many seconds; `None` if that is no unit of time here.
    pub(crate) fn new(count: u64, exponent: i32) -> Option<Unit> {
        let power = u32::try_from(exponent + 15).ok()?;
        let fs = 10_u64.checked_pow(power)?.checked_mul(count)?;
        (fs > 0).then_some(Unit(fs))
    }

    /// The unit that a `$timescale` names: `1ns`, `10 us`.
    ///
    /// # Errors
    /// It is none. The text says what is.
    pub(crate) fn parse(given: &str) -> Result<Unit, String> {
        let wrong = || format!("`{}` is no unit of time like 1ns or 10 us", clean(given));
        let text: String = given.split_whitespace().collect();
        let end = text.find(|c: char| !c.is_ascii_digit());
        let (count, name) = text.split_at(end.unwrap_or(text.len()));
        let exponent = match name.to_ascii_lowercase().as_str() {
            "s" | "sec" => 0,
            "ms" => -3,
            "us" | "\u{b5}s" | "\u{3bc}s" => -6,
            "ns" | "" => -9,
            "ps" => -12,
            "fs" => -15,
            _ => return Err(wrong()),
        };
        let count = match count {
            "" => 1,
            count => count.parse().map_err(|_| wrong())?,
        };
        // `0ps` is written by some; there is only one thing that it can mean.
        let too_much = || format!("`{}` is more than a tick can be, 18446 s", clean(given));
        Unit::new(count.max(1), exponent).ok_or_else(too_much)
    }

    /// So many ticks, in femtoseconds.
    pub(crate) fn fs(self, ticks: u64) -> u128 {
        u128::from(ticks) * u128::from(self.0)
    }

    /// So many ticks in nanoseconds, rounded down; `None` if they do not fit.
    pub(crate) fn ns(self, ticks: u64) -> Option<u64> {
        u64::try_from(self.fs(ticks) / NANOSECOND).ok()
    }

    /// Whether so many ticks are whole nanoseconds.
    pub(crate) fn is_whole(self, ticks: u64) -> bool {
        self.fs(ticks).is_multiple_of(NANOSECOND)
    }

    /// So many ticks as text.
    pub(crate) fn text(self, ticks: u64) -> String {
        time_text(self.fs(ticks))
    }
}

/// A time, in femtoseconds, in the largest unit in which it has up to three digits before the point.
pub(crate) fn time_text(fs: u128) -> String {
    const UNITS: [(&str, u128); 6] = [
        ("s", 1_000_000_000_000_000),
        ("ms", 1_000_000_000_000),
        ("us", 1_000_000_000),
        ("ns", NANOSECOND),
        ("ps", 1_000),
        ("fs", 1),
    ];
    if fs == 0 {
        return "0 ns".to_owned();
    }
    let fit = UNITS.iter().find(|(_, size)| *size <= fs);
    let (unit, size) = fit.copied().unwrap_or(("fs", 1));
    let (whole, rest) = (fs / size, fs % size);
    let thousandths = if size == 1 { 0 } else { rest / (size / 1_000) };
    let digits = format!("{thousandths:03}");
    match digits.trim_end_matches('0') {
        "" => format!("{whole} {unit}"),
        digits => format!("{whole}.{digits} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let ns = |ns: u128| time_text(ns * NANOSECOND);
        assert_eq!(ns(0), "0 ns");
        assert_eq!(ns(999), "999 ns");
        assert_eq!(ns(1_500), "1.5 us");
        assert_eq!(ns(2_000_000), "2 ms");
        assert_eq!(ns(12_345_678), "12.345 ms");
        assert_eq!(ns(61_020_000_000), "61.02 s");
        assert_eq!(time_text(1), "1 fs");
        assert_eq!(time_text(500_000), "500 ps");
        assert_eq!(time_text(1_500_000), "1.5 ns");
        assert!(time_text(u128::MAX).ends_with(" s"));
    }

    #[test]
    fn units_are_read_as_people_write_them() {
        let fs = |text: &str| Unit::parse(text).map(|unit| unit.fs(1));
        assert_eq!(fs("1ns"), Ok(1_000_000));
        assert_eq!(fs("100us"), Ok(100_000_000_000));
        assert_eq!(fs("ps"), Ok(1_000));
        assert_eq!(fs("0ps"), Ok(1_000));
        assert_eq!(fs("10"), Ok(10_000_000));
        assert_eq!(fs("100s"), Ok(100_000_000_000_000_000));
        assert!(fs("1 year").is_err() && fs("99999999999999999999ns").is_err());
        assert!(fs("100000s").unwrap_err().contains("18446 s"));
    }

    #[test]
    fn nanoseconds_are_rounded_down_and_that_is_known() {
        let ps = Unit::parse("1ps").unwrap();
        assert_eq!((ps.ns(1_999), ps.is_whole(1_999)), (Some(1), false));
        assert_eq!((ps.ns(2_000), ps.is_whole(2_000)), (Some(2), true));
        assert_eq!(Unit::parse("1s").unwrap().ns(u64::MAX), None);
    }
}
