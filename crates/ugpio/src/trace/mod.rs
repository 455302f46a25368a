//! Recordings of what happened on a board: made, shown, compared, played back.
//!
//! `ugpio run --trace` takes one down with a [`record::Recorder`], which the control server taps and
//! which [`vcd`] writes for. `ugpio trace` reads one into a [`wave::Wave`] and shows it ([`show`],
//! [`svg`]) or compares it with another ([`diff`]). [`main`] is those verbs. In a run one can be played
//! back ([`replay`]) or be what is to come out ([`expect`]); [`place`] finds the board's lines in it.
//! [`session`] is all of these for one run.

pub(crate) mod diff;
pub(crate) mod dump;
pub(crate) mod expect;
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
use std::path::Path;

use self::view::View;
use self::wave::Wave;
use crate::cli::status;
use crate::cli::trace::{Verb, ViewArgs};
use crate::client::{self, Error};

/// What the recordings of `ugpio trace diff` are called.
const SIDES: diff::Sides = diff::Sides("the first", "the second");

/// Does what `ugpio trace` was asked for, and gives the exit status.
///
/// # Errors
/// A recording cannot be read, has no such line or nothing to compare, or the output cannot be written.
pub(crate) fn main(verb: &Verb) -> Result<u8, Error> {
    let mut out = BufWriter::new(io::stdout().lock());
    let status = match verb {
        Verb::Show(args) => {
            let wave = read(&args.view.file)?;
            show::draw(&viewed(&wave, &args.view)?, args.width(), &mut out)?;
            status::OK
        }
        Verb::Svg(args) => {
            let wave = read(&args.view.file)?;
            svg::draw(&viewed(&wave, &args.view)?, args.width, &mut out)?;
            status::OK
        }
        Verb::Diff(args) => {
            let (one, other) = (read(&args.one)?, read(&args.other)?);
            let found = diff::compare((&one, &other), args.rules(), SIDES, |_| true, true);
            for difference in &found.differences {
                writeln!(out, "{difference}")?;
            }
            if found.lines == 0 {
                out.flush()?;
                let text =
                    "nothing was compared: the recordings have no signal of one bit in common";
                return Err(Error::NotFound(text.to_owned()));
            }
            if found.differences.is_empty() {
                writeln!(out, "no difference: {found} compared")?;
                status::OK
            } else {
                status::NO
            }
        }
    };
    out.flush()?;
    Ok(status)
}

/// Reads a recording, and says what had to be made up for it.
fn read(path: &Path) -> Result<Wave, Error> {
    let wave = Wave::read(path).map_err(|error| Error::NotFound(error.to_string()))?;
    for hint in expect::hinted(path, &wave.hints) {
        client::note(hint);
    }
    Ok(wave)
}

/// The part of a recording that is wanted.
fn viewed<'w>(wave: &'w Wave, args: &ViewArgs) -> Result<View<'w>, Error> {
    let wanted = args.wanted();
    View::of(wave, &wanted).map_err(
        |text| match wanted.from > wanted.to && wanted.to.is_some() {
            true => Error::Usage(text),
            false => Error::NotFound(text),
        },
    )
}
