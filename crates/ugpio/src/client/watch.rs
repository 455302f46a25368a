//! `ugpio watch`: who requests, releases and reconfigures lines.

use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use gpio_uapi::abi::common::{CHANGED_RELEASED, CHANGED_REQUESTED};
use gpio_uapi::abi::v2::LineInfoChanged;
use serde::Serialize;

use super::chip::Chip;
use super::describe::{LineKey, State, seconds};
use super::error::Error;
use super::find::{Finder, Line};
use super::info::all_lines;
use super::print::{Printer, Row};
use super::stream::{Source, follow};
use crate::cli::client::WatchArgs;

#[derive(Serialize)]
struct ChangeRow<'a> {
    timestamp_ns: u64,
    change: &'static str,
    #[serde(flatten)]
    line: LineKey<'a>,
    #[serde(flatten)]
    state: State,
    #[serde(skip)]
    shown: &'a str,
}

impl Row for ChangeRow<'_> {
    fn text(&self) -> String {
        let at = seconds(self.timestamp_ns);
        format!("{at} {} {} {}", self.change, self.shown, self.state.text())
    }
}

/// Prints changes until the options say that it is enough.
///
/// # Errors
/// A line is not there, a chip went away, or output cannot be written.
pub(super) fn run(args: &WatchArgs) -> Result<u8, Error> {
    let mut finder = Finder::new(&args.find)?;
    let mut lines = finder.lines(&args.lines)?;
    if args.lines.is_empty() {
        for chip in finder.chips()? {
            lines.extend(all_lines(&chip)?);
        }
    }
    if lines.is_empty() {
        return Err(Error::NotFound("there are no lines to watch".to_owned()));
    }
    let mut sources: Vec<Watched> = Vec::new();
    for line in lines {
        line.chip.watch_line(line.offset)?;
        match sources
            .iter_mut()
            .find(|source| Rc::ptr_eq(&source.chip, &line.chip))
        {
            Some(source) => source.lines.push(line),
            None => sources.push(Watched {
                chip: Rc::clone(&line.chip),
                lines: vec![line],
            }),
        }
    }
    follow(&mut sources, &Printer::new(args.output), args.until)
}

/// A chip file, and the lines that it watches.
struct Watched {
    chip: Rc<Chip>,
    lines: Vec<Line>,
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.chip.as_fd()
    }
}

impl Source for Watched {
    fn chip_title(&self) -> String {
        self.chip.title()
    }

    fn print(&mut self, printer: &Printer, limit: u64) -> Result<u64, Error> {
        let mut printed = 0;
        for record in self.chip.read_changes()? {
            if printed == limit {
                break;
            }
            let is_it = |line: &&Line| line.offset == record.info.offset;
            let Some(line) = self.lines.iter().find(is_it) else {
                continue;
            };
            printer.row(&row(line, &record))?;
            printed += 1;
        }
        Ok(printed)
    }
}

fn row<'a>(line: &'a Line, record: &LineInfoChanged) -> ChangeRow<'a> {
    ChangeRow {
        timestamp_ns: record.timestamp_ns,
        change: match record.event_type {
            CHANGED_REQUESTED => "requested",
            CHANGED_RELEASED => "released",
            _ => "reconfigured",
        },
        line: LineKey::from(line),
        state: State::from(&record.info),
        shown: &line.shown,
    }
}
