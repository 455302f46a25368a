//! Recordings of what happened on a board: made, shown, compared, played back.
//!
//! `ugpio run --trace` takes one down with a [`record::Recorder`], which the control server taps and
//! which [`vcd`] writes for. `ugpio trace` reads one into a [`wave::Wave`] and shows it ([`show`],
//! [`svg`]) or compares it with another ([`diff`]). [`main`] is those verbs. In a run one can be played
//! back ([`replay`]) or be what is to come out ([`expect`]); [`place`] finds the board's lines in it.
//! [`session`] is all of these for one run.

pub(crate) mod diff;
pub(crate) mod expect;
mod foreign;
pub(crate) mod fst;
pub(crate) mod names;
pub(crate) mod place;
pub(crate) mod record;
pub(crate) mod refusals;
pub(crate) mod replay;
pub(crate) mod session;
pub(crate) mod show;
pub(crate) mod svg;
pub(crate) mod vcd;
pub(crate) mod view;
pub(crate) mod wave;

use std::io::{self, BufWriter, Write};

use self::view::View;
use self::wave::Wave;
use crate::cli::status;
use crate::cli::trace::Verb;
use crate::client::Error;

/// What the recordings of `ugpio trace diff` are called.
const SIDES: diff::Sides = diff::Sides("the first", "the second");

/// Does what `ugpio trace` was asked for, and gives the exit status.
///
/// # Errors
/// A recording cannot be read, a line is not in it, or nobody takes our output.
pub(crate) fn main(verb: &Verb) -> Result<u8, Error> {
    let mut out = BufWriter::new(io::stdout().lock());
    match verb {
        Verb::Show(args) => {
            let wave = Wave::read(&args.view.file).map_err(not_read)?;
            let view = View::of(&wave, &args.view.wanted()).map_err(Error::NotFound)?;
            show::draw(&view, args.width(), &mut out)?;
        }
        Verb::Svg(args) => {
            let wave = Wave::read(&args.view.file).map_err(not_read)?;
            let view = View::of(&wave, &args.view.wanted()).map_err(Error::NotFound)?;
            svg::draw(&view, args.width, &mut out)?;
        }
        Verb::Diff(args) => {
            let one = Wave::read(&args.one).map_err(not_read)?;
            let other = Wave::read(&args.other).map_err(not_read)?;
            let mut found = diff::differences(&one, &other, args.rules(), SIDES, |_| true);
            found.extend(diff::additional(&one, &other));
            for difference in &found {
                writeln!(out, "{difference}")?;
            }
            out.flush()?;
            return Ok(if found.is_empty() {
                status::OK
            } else {
                status::NO
            });
        }
    }
    out.flush()?;
    Ok(status::OK)
}

fn not_read(error: wave::WaveError) -> Error {
    Error::NotFound(error.to_string())
}

/// A time in the largest unit in which it has up to three digits before the point.
pub(crate) fn time_text(ns: u64) -> String {
    let (unit, size, digits) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => ("us", 1_000, 3),
        1_000_000..1_000_000_000 => ("ms", 1_000_000, 6),
        _ => ("s", 1_000_000_000, 9),
    };
    let (whole, rest) = (ns / size, ns % size);
    let rest = format!("{rest:0digits$}");
    let rest = rest.get(..3).unwrap_or(&rest).trim_end_matches('0');
    if rest.is_empty() {
        format!("{whole} {unit}")
    } else {
        format!("{whole}.{rest} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::time_text;

    #[test]
    fn times_are_short() {
        assert_eq!(time_text(0), "0 ns");
        assert_eq!(time_text(999), "999 ns");
        assert_eq!(time_text(1_500), "1.5 us");
        assert_eq!(time_text(2_000_000), "2 ms");
        assert_eq!(time_text(12_345_678), "12.345 ms");
        assert_eq!(time_text(61_020_000_000), "61.02 s");
    }
}
