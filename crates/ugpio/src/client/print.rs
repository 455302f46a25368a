//! Rows on standard output, as text or JSON, one a line and out at once.
//!
//! A verb gives [`Printer`] values that are a [`Row`]. Notes for people go through [`note`].

use core::fmt::Display;
use std::io::{self, Write};

use serde::Serialize;

use super::error::Error;
use crate::clean;
use crate::cli::client::OutputArgs;
use crate::cli::complaint::shown;

/// Something a verb prints: an object in JSON, a line in text.
pub(super) trait Row: Serialize {
    /// The line, without its end.
    fn text(&self) -> String;
}

/// Where rows go.
#[derive(Debug)]
pub(super) struct Printer {
    is_json: bool,
}

impl Printer {
    /// A printer for what the options ask.
    pub(super) fn new(args: OutputArgs) -> Printer {
        Printer { is_json: args.json }
    }

    /// Prints rows as JSON rather than text.
    pub(super) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Prints a row and flushes it.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(super) fn row(&self, row: &impl Row) -> Result<(), Error> {
        if self.is_json {
            self.line(&json(row)?)
        } else {
            self.line(&shown(row.text()))
        }
    }

    /// Prints a line and flushes it.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(super) fn line(&self, text: &str) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        out.write_all(format!("{text}\n").as_bytes())?;
        out.flush()?;
        Ok(())
    }
}

/// The row as one line of JSON.
pub(super) fn json(row: &impl Serialize) -> Result<String, Error> {
    let row = serde_json::to_string(row).map_err(|error| Error::Output(error.into()))?;
    Ok(clean::json(&row).into_owned())
}

/// Tells the person at the terminal something that is no result.
pub(crate) fn note(text: impl Display) {
    // If standard error cannot be written, there is nowhere to report that.
    let _ = writeln!(io::stderr(), "ugpio: {}", shown(text));
}
