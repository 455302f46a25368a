//! `ugpio get`: what lines read.

use std::os::fd::AsFd;
use std::time::Instant;

use serde::Serialize;

use super::describe::LineKey;
use super::error::Error;
use super::find::{Finder, Line};
use super::print::{Printer, Row};
use super::ready;
use super::request::{Request, Settings, request_all};
use crate::cli::client::GetArgs;
use crate::cli::status;
use crate::cli::words::Value;

/// The value of a line.
#[derive(Serialize)]
pub(super) struct ValueRow<'a> {
    #[serde(flatten)]
    line: LineKey<'a>,
    value: u8,
    #[serde(skip)]
    text: String,
}

impl<'a> ValueRow<'a> {
    /// A row that says `LINE=VALUE`.
    pub(super) fn new(line: &'a Line, value: Value) -> ValueRow<'a> {
        ValueRow {
            line: LineKey::from(line),
            value: value.number(),
            text: format!("{}={}", line.shown, value.word()),
        }
    }
}

impl Row for ValueRow<'_> {
    fn text(&self) -> String {
        self.text.clone()
    }
}

/// Prints the values of lines, each chip's read in one call.
///
/// # Errors
/// A line is not there or in use, a chip went away, or output cannot be written.
pub(super) fn run(args: &GetArgs) -> Result<u8, Error> {
    let lines = Finder::new(&args.find)?.lines(&args.lines)?;
    let settings = if args.as_is {
        Settings::as_is(&args.line)
    } else {
        Settings::input(&args.line)
    };
    let requests = request_all(&lines, &settings, &[])?;
    if let Some(period) = args.hold_period {
        let files: Vec<_> = requests.iter().map(AsFd::as_fd).collect();
        ready::wait(&files, Instant::now().checked_add(period))?;
    }
    let values = values(&lines, &requests)?;
    let printer = Printer::new(args.output);
    if args.numeric {
        let numbers: Vec<_> = values
            .iter()
            .map(|value| value.number().to_string())
            .collect();
        printer.line(&numbers.join(" "))?;
    } else {
        for (line, value) in lines.iter().zip(values) {
            printer.row(&ValueRow::new(line, value))?;
        }
    }
    Ok(status::OK)
}

/// The values of `lines`, in their order.
fn values(lines: &[Line], requests: &[Request]) -> Result<Vec<Value>, Error> {
    let mut values = vec![Value::Inactive; lines.len()];
    for request in requests {
        for ((index, _), value) in request.members().iter().zip(request.values()?) {
            values[*index] = value;
        }
    }
    Ok(values)
}
