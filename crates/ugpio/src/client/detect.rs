//! `ugpio detect`: which chips are there.

use std::rc::Rc;

use serde::Serialize;

use super::chip::Chip;
use super::error::Error;
use super::find::Finder;
use super::print::{Printer, Row, note};
use crate::cli::client::{DetectArgs, FindArgs};
use crate::cli::status;
use crate::counted::counted;

#[derive(Serialize)]
struct ChipRow<'a> {
    chip: &'a str,
    path: String,
    label: &'a str,
    lines: u32,
}

impl Row for ChipRow<'_> {
    fn text(&self) -> String {
        let lines = counted(self.lines, "line");
        format!("{} [{}] ({lines})", self.chip, self.label)
    }
}

/// Prints the chips that are asked for, or all.
///
/// # Errors
/// A chip is not there or cannot be opened, or output cannot be written.
pub(super) fn run(args: &DetectArgs) -> Result<u8, Error> {
    let mut finder = Finder::new(&FindArgs::default())?;
    let chips: Vec<Rc<Chip>> = if args.chips.is_empty() {
        finder.chips()?
    } else {
        let words = args.chips.iter();
        words
            .map(|word| finder.chip(word))
            .collect::<Result<_, _>>()?
    };
    let printer = Printer::new(args.output);
    for chip in &chips {
        printer.row(&ChipRow {
            chip: &chip.name,
            path: chip.path.display().to_string(),
            label: &chip.label,
            lines: chip.lines,
        })?;
    }
    Ok(complain(&finder, chips.is_empty()))
}

/// Says which chips were left out, and gives the exit status for it.
pub(super) fn complain(finder: &Finder, is_empty: bool) -> u8 {
    for refused in finder.refused() {
        note(refused);
    }
    if !finder.refused().is_empty() {
        status::FAILED
    } else if is_empty {
        note("there are no chips; `ugpio run --chip demo -- PROGRAM` has one");
        status::NO
    } else {
        status::OK
    }
}
