//! `ugpio wait`: until a line has a value.

use std::os::fd::AsFd;
use std::time::Instant;

use serde::Serialize;

use super::describe::LineKey;
use super::error::Error;
use super::find::{Finder, Line};
use super::print::{Printer, json};
use super::ready::{self, Ready};
use super::request::{Request, Settings, request_all};
use crate::cli::client::WaitArgs;
use crate::cli::status;
use crate::cli::words::{Clock, Edges, Value};

#[derive(Serialize)]
struct WaitRow<'a> {
    #[serde(flatten)]
    line: LineKey<'a>,
    value: u8,
    reached: bool,
}

/// Waits until the line has the value, or for as long as the options say.
///
/// # Errors
/// The line is not there, in use or has no edges, the chip went away, or output cannot be written.
pub(super) fn run(args: &WaitArgs) -> Result<u8, Error> {
    let deadline = args
        .timeout
        .and_then(|timeout| Instant::now().checked_add(timeout));
    let line = Finder::new(&args.find)?.line(&args.name)?;
    let towards = match args.value {
        Value::Active => Edges::Rising,
        Value::Inactive => Edges::Falling,
    };
    let settings = Settings::input(&args.line)
        .edges(towards, Clock::Monotonic)
        .debounce(args.debounce_us);
    let requests = request_all(std::slice::from_ref(&line), &settings, &[])?;
    let is_reached = is_reached(&requests[0], args.value, deadline)?;
    tell(&line, args, is_reached)?;
    Ok(if is_reached { status::OK } else { status::NO })
}

/// Edges towards the value are recorded from the request on, so a change after the look at the value
/// is not missed, however short.
fn is_reached(request: &Request, value: Value, deadline: Option<Instant>) -> Result<bool, Error> {
    if request.values()?.first() == Some(&value) {
        return Ok(true);
    }
    match ready::wait(&[request.as_fd()], deadline)?.first() {
        None => Ok(false),
        Some(Ready::HungUp) => Err(Error::Gone(request.chip_title())),
        Some(Ready::Readable | Ready::No) => Ok(true),
    }
}

fn tell(line: &Line, args: &WaitArgs, reached: bool) -> Result<(), Error> {
    let printer = Printer::new(args.output);
    if !printer.is_json() {
        return Ok(());
    }
    printer.line(&json(&WaitRow {
        line: LineKey::from(line),
        value: args.value.number(),
        reached,
    })?)
}
