//! The only judge of input: raw structures in, valid values of the core out, and back.
//!
//! [`v1`] and [`v2`] check each structure in the order Linux checks it, because the order decides
//! which errno a program sees. Below this module values are valid; above it nothing is. The
//! open files in [`crate::file`] are the callers. [`Setup`] is what a valid request wants of one
//! line, whichever ABI it came through.

pub mod v1;
pub mod v2;

use gpiolib::{Bias, Drive, LineConfig, Value};

use crate::abi::common::LINES_MAX;
use crate::refusal::{Reason, Refusal};

/// What a valid request wants of one line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    /// Direction, polarity, drive, bias, edges and clock.
    pub config: LineConfig,
    /// What an output is driven to.
    pub value: Value,
    /// The debounce period, in microseconds, if one was given; zero switches debouncing off.
    pub debounce_us: Option<u32>,
}

/// Checks how many lines a request is for: 1 to 64.
///
/// # Errors
///
/// `EINVAL` for any other number.
pub fn line_count(lines: u32) -> Result<usize, Refusal> {
    match usize::try_from(lines) {
        Ok(count @ 1..=LINES_MAX) => Ok(count),
        _ => Err(Reason::LineCount.into()),
    }
}

/// The bits of a mask that stand for one of `lines` lines.
pub const fn real_lines(mask: u64, lines: usize) -> u64 {
    if lines >= LINES_MAX {
        mask
    } else {
        mask & ((1 << lines) - 1)
    }
}

/// The drive that two flags ask for, or nothing when both are set.
const fn drive(open_drain: bool, open_source: bool) -> Option<Drive> {
    match (open_drain, open_source) {
        (false, false) => Some(Drive::PushPull),
        (true, false) => Some(Drive::OpenDrain),
        (false, true) => Some(Drive::OpenSource),
        (true, true) => None,
    }
}

/// The bias that three flags ask for, or nothing when more than one is set.
const fn bias(disabled: bool, pull_up: bool, pull_down: bool) -> Option<Bias> {
    match (disabled, pull_up, pull_down) {
        (false, false, false) => Some(Bias::AsIs),
        (true, false, false) => Some(Bias::Disabled),
        (false, true, false) => Some(Bias::PullUp),
        (false, false, true) => Some(Bias::PullDown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_counts_from_1_to_64_are_valid() {
        assert_eq!(line_count(0), Err(Reason::LineCount.into()));
        assert_eq!(line_count(1), Ok(1));
        assert_eq!(line_count(64), Ok(64));
        assert_eq!(line_count(65), Err(Reason::LineCount.into()));
        assert_eq!(line_count(u32::MAX), Err(Reason::LineCount.into()));
    }

    #[test]
    fn masks_lose_bits_beyond_the_lines() {
        assert_eq!(real_lines(u64::MAX, 1), 1);
        assert_eq!(real_lines(u64::MAX, 63), u64::MAX >> 1);
        assert_eq!(real_lines(u64::MAX, 64), u64::MAX);
        assert_eq!(real_lines(0b100, 2), 0);
    }
}
