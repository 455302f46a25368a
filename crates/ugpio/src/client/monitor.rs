//! `ugpio monitor`: edges as they happen.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};

use gpio_uapi::abi::common::EDGE_RISING;
use gpio_uapi::abi::v2::LineEvent;
use serde::Serialize;

use super::describe::{LineKey, seconds};
use super::error::Error;
use super::find::Finder;
use super::print::{Printer, Row, note};
use super::request::{Request, Settings, request_all};
use super::stream::{Source, follow};
use crate::cli::client::MonitorArgs;
use crate::counted::counted;

#[derive(Serialize)]
struct EdgeRow<'a> {
    timestamp_ns: u64,
    edge: &'static str,
    #[serde(flatten)]
    line: LineKey<'a>,
    seqno: u32,
    line_seqno: u32,
    #[serde(skip)]
    shown: &'a str,
}

impl Row for EdgeRow<'_> {
    fn text(&self) -> String {
        format!(
            "{} {} {}",
            seconds(self.timestamp_ns),
            self.edge,
            self.shown
        )
    }
}

/// Prints edges until the options say that it is enough.
///
/// # Errors
/// A line is not there, in use or has no edges, a chip went away, or output cannot be written.
pub(super) fn run(args: &MonitorArgs) -> Result<u8, Error> {
    let lines = Finder::new(&args.find)?.lines(&args.lines)?;
    let settings = Settings::input(&args.line)
        .edges(args.edges, args.clock)
        .debounce(args.debounce_us);
    let requests = request_all(&lines, &settings, &[])?.into_iter();
    let mut sources: Vec<_> = requests.map(Edges::new).collect();
    follow(&mut sources, &Printer::new(args.output), args.until)
}

/// A request, and how far its lines have counted.
struct Edges {
    request: Request,
    /// The last `line_seqno` by offset.
    counted: HashMap<u32, u32>,
}

impl Edges {
    fn new(request: Request) -> Edges {
        Edges {
            request,
            counted: HashMap::new(),
        }
    }

    /// How many edges of the same line were dropped before this one.
    fn lost_before(&mut self, event: &LineEvent) -> u32 {
        let last = self
            .counted
            .insert(event.offset, event.line_seqno)
            .unwrap_or(0);
        event.line_seqno.wrapping_sub(last).saturating_sub(1)
    }
}

impl AsFd for Edges {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.request.as_fd()
    }
}

impl Source for Edges {
    fn chip_title(&self) -> String {
        self.request.chip_title()
    }

    fn print(&mut self, printer: &Printer, limit: u64) -> Result<u64, Error> {
        let mut printed = 0;
        for event in self.request.read_edges()? {
            if printed == limit {
                break;
            }
            let lost = self.lost_before(&event);
            let Some(line) = self.request.line_of(&event) else {
                continue;
            };
            if lost > 0 {
                let were = if lost == 1 { "was" } else { "were" };
                let edges = counted(lost, "edge");
                note(format_args!("{edges} of {} {were} lost", line.title()));
            }
            printer.row(&EdgeRow {
                timestamp_ns: event.timestamp_ns,
                edge: if event.id == EDGE_RISING {
                    "rising"
                } else {
                    "falling"
                },
                line: LineKey::from(line),
                seqno: event.seqno,
                line_seqno: event.line_seqno,
                shown: &line.shown,
            })?;
            printed += 1;
        }
        Ok(printed)
    }
}
