//! Records printed as they come, until enough of them or too long a silence.
//!
//! [`follow`] is the loop of `monitor` and `watch`; each of their files is a [`Source`].

use std::os::fd::AsFd;
use std::time::Instant;

use super::error::Error;
use super::print::{Printer, note};
use super::ready::{self, Ready};
use crate::cli::client::UntilArgs;
use crate::cli::status;

/// A file that records come from.
pub(super) trait Source: AsFd {
    /// The chip, as messages name it.
    fn chip_title(&self) -> String;

    /// Reads the records that are there and prints at most `limit` of them. Gives how many.
    ///
    /// # Errors
    /// The chip is gone, or output cannot be written.
    fn print(&mut self, printer: &Printer, limit: u64) -> Result<u64, Error>;
}

/// Prints what comes until the options say that it is enough.
///
/// # Errors
/// A chip went away, or output cannot be written.
pub(super) fn follow<S: Source>(
    sources: &mut [S],
    printer: &Printer,
    until: UntilArgs,
) -> Result<u8, Error> {
    if until.banner {
        note("listening");
    }
    let mut left = until.num_events.map_or(u64::MAX, u64::from);
    while left > 0 {
        let deadline = until
            .idle_timeout
            .and_then(|idle| Instant::now().checked_add(idle));
        let files: Vec<_> = sources.iter().map(AsFd::as_fd).collect();
        let ready = ready::wait_while_read(&files, deadline)?;
        if ready.is_empty() {
            let is_short = until.num_events.is_some();
            return Ok(if is_short { status::NO } else { status::OK });
        }
        for (source, ready) in sources.iter_mut().zip(ready) {
            match ready {
                Ready::No => {}
                Ready::HungUp => return Err(Error::Gone(source.chip_title())),
                Ready::Readable => left -= source.print(printer, left)?,
            }
        }
    }
    Ok(status::OK)
}
