//! `ugpio info`: the public state of lines.

use std::rc::Rc;

use serde::Serialize;

use super::chip::Chip;
use super::describe::{LineKey, State};
use super::detect::complain;
use super::error::Error;
use super::find::{Finder, Found, Line};
use super::print::{Printer, Row};
use crate::cli::client::InfoArgs;
use crate::cli::status;

#[derive(Serialize)]
struct InfoRow<'a> {
    #[serde(flatten)]
    line: LineKey<'a>,
    #[serde(flatten)]
    state: State,
    #[serde(skip)]
    columns: String,
}

impl Row for InfoRow<'_> {
    fn text(&self) -> String {
        format!("{}  {}", self.columns, self.state.text())
    }
}

/// Prints the lines that are asked for, or all.
///
/// # Errors
/// A chip or line is not there, a chip went away, or output cannot be written.
pub(super) fn run(args: &InfoArgs) -> Result<u8, Error> {
    let mut finder = Finder::new(&args.find)?;
    let mut found = Vec::new();
    for word in &args.what {
        found.push(finder.chip_or_line(word)?);
    }
    let printer = Printer::new(args.output);
    if args.what.is_empty() {
        let chips = finder.chips()?;
        for chip in &chips {
            print_all(chip, &printer)?;
        }
        return Ok(complain(&finder, chips.is_empty()));
    }
    for found in &found {
        match found {
            Found::Chip(chip) => print_all(chip, &printer)?,
            Found::Line(line) => print(std::slice::from_ref(line), &printer)?,
        }
    }
    Ok(status::OK)
}

fn print_all(chip: &Rc<Chip>, printer: &Printer) -> Result<(), Error> {
    print(&all_lines(chip)?, printer)
}

/// Every line of a chip.
///
/// # Errors
/// The chip is gone.
pub(super) fn all_lines(chip: &Rc<Chip>) -> Result<Vec<Line>, Error> {
    let names = chip.line_names()?.into_iter();
    let lines = (0..).zip(names).map(|(offset, name)| Line {
        chip: Rc::clone(chip),
        offset,
        shown: if name.is_empty() {
            format!("{}:{offset}", chip.name)
        } else {
            name.clone()
        },
        name,
    });
    Ok(lines.collect())
}

fn print(lines: &[Line], printer: &Printer) -> Result<(), Error> {
    let named: Vec<_> = lines
        .iter()
        .map(|line| (line.place(), quoted(&line.name)))
        .collect();
    let width = |column: fn(&(String, String)) -> &String| {
        named
            .iter()
            .map(|row| column(row).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (places, names) = (width(|row| &row.0), width(|row| &row.1));
    for (line, (place, name)) in lines.iter().zip(&named) {
        let info = line.chip.line_info(line.offset)?;
        printer.row(&InfoRow {
            line: LineKey::from(line),
            state: State::from(&info),
            columns: format!("{place:<places$}  {name:<names$}"),
        })?;
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    if name.is_empty() {
        "unnamed".to_owned()
    } else {
        format!("{name:?}")
    }
}
