//! `ugpio set`: drive lines, and hold them.
//!
//! [`Held`] is what is driven so far; words of standard input change it or add to it.

use std::collections::HashMap;
use std::os::fd::AsFd;

use super::error::Error;
use super::find::Finder;
use super::get::ValueRow;
use super::input::Input;
use super::print::Printer;
use super::ready::{self, Ready};
use super::request::{Request, Settings, request_all};
use crate::cli::client::SetArgs;
use crate::cli::status;
use crate::cli::words::{Assignment, Change, SetWord, Value};

/// Drives lines until killed, until its input ends, or once.
///
/// # Errors
/// A line is not there or in use, a chip went away, or an input line is not understood.
pub(super) fn run(args: &SetArgs) -> Result<u8, Error> {
    let mut held = Held {
        finder: Finder::new(&args.find)?,
        settings: Settings::output(&args.line, args.drive),
        printer: Printer::new(args.output),
        requests: Vec::new(),
        values: Vec::new(),
        places: HashMap::new(),
    };
    let assignments: Vec<_> = args
        .words
        .iter()
        .filter_map(|word| match word {
            SetWord::Assign(assignment) => Some(assignment.clone()),
            SetWord::Input => None,
        })
        .collect();
    held.apply(&assignments)?;
    if args.words.contains(&SetWord::Input) {
        held.follow(&mut Input::new())?;
    } else if !args.once {
        held.stay()?;
    }
    Ok(status::OK)
}

/// Where a line is among the requests: which request, and its index there.
type Place = (usize, usize);

struct Held {
    finder: Finder,
    settings: Settings,
    printer: Printer,
    requests: Vec<Request>,
    /// What each line of each request is driven to.
    values: Vec<Vec<Value>>,
    /// Lines by the words that named them.
    places: HashMap<String, Place>,
}

impl Held {
    /// Makes the changes: new lines are requested together, held ones set with one call a request.
    fn apply(&mut self, assignments: &[Assignment]) -> Result<(), Error> {
        self.request_new(assignments)?;
        let mut changes: HashMap<usize, Vec<(usize, Value)>> = HashMap::new();
        for assignment in assignments {
            let (request, index) = self.places[&assignment.line];
            let value = &mut self.values[request][index];
            let wanted = match assignment.change {
                Change::To(value) => value,
                Change::Toggle => value.toggled(),
            };
            if wanted != *value {
                *value = wanted;
                changes.entry(request).or_default().push((index, wanted));
            }
        }
        for (request, changes) in changes {
            self.requests[request].set_values(&changes)?;
        }
        self.print(assignments)
    }

    fn request_new(&mut self, assignments: &[Assignment]) -> Result<(), Error> {
        let (mut words, mut values) = (Vec::new(), Vec::new());
        for assignment in assignments {
            if self.places.contains_key(&assignment.line) {
                continue;
            }
            let Change::To(value) = assignment.change else {
                let line = &assignment.line;
                return Err(Error::Usage(format!(
                    "'{line}' cannot be toggled, it is not held yet"
                )));
            };
            words.push(&assignment.line);
            values.push(value);
        }
        let lines = self.finder.lines(words.iter().copied())?;
        for request in request_all(&lines, &self.settings, &values)? {
            let members = request.members().iter().enumerate();
            for (index, (_, line)) in members {
                self.places
                    .insert(line.shown.clone(), (self.requests.len(), index));
            }
            let starts = request.members().iter().map(|(index, _)| values[*index]);
            self.values.push(starts.collect());
            self.requests.push(request);
        }
        Ok(())
    }

    /// Tells a program that reads our output what is now driven.
    fn print(&self, assignments: &[Assignment]) -> Result<(), Error> {
        if !self.printer.is_json() {
            return Ok(());
        }
        for assignment in assignments {
            let (request, index) = self.places[&assignment.line];
            let (_, line) = &self.requests[request].members()[index];
            self.printer
                .row(&ValueRow::new(line, self.values[request][index]))?;
        }
        Ok(())
    }

    /// Holds the lines until a chip goes away.
    fn stay(&self) -> Result<(), Error> {
        loop {
            let files: Vec<_> = self.requests.iter().map(AsFd::as_fd).collect();
            self.check(&ready::wait(&files, None)?)?;
        }
    }

    /// Applies what comes in until it ends.
    fn follow(&mut self, input: &mut Input) -> Result<(), Error> {
        let mut number = 0_u64;
        loop {
            let mut files: Vec<_> = self.requests.iter().map(AsFd::as_fd).collect();
            files.push(input.as_fd());
            let ready = ready::wait(&files, None)?;
            self.check(&ready[..self.requests.len()])?;
            let goes_on = ready[self.requests.len()] == Ready::No || input.read()?;
            while let Some(line) = input.next_line() {
                number += 1;
                self.apply(&parse(&line, number)?)?;
            }
            if !goes_on {
                return Ok(());
            }
        }
    }

    fn check(&self, ready: &[Ready]) -> Result<(), Error> {
        match ready.iter().position(|ready| *ready == Ready::HungUp) {
            Some(request) => Err(Error::Gone(self.requests[request].chip_title())),
            None => Ok(()),
        }
    }
}

/// The assignments of an input line, up to a comment.
fn parse(line: &str, number: u64) -> Result<Vec<Assignment>, Error> {
    let words = line
        .split('#')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    words
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|mistake| Error::Usage(format!("line {number} of the input: {mistake}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_lines_have_words_and_comments() {
        let parsed = parse("led=1  fan=toggle # both", 1).unwrap();
        assert_eq!(parsed.len(), 2);
        assert_eq!(parsed[1].change, Change::Toggle);
        assert_eq!(parse("", 1).unwrap(), []);
        assert_eq!(parse("# nothing", 1).unwrap(), []);
    }

    #[test]
    fn mistakes_say_on_which_line() {
        let error = parse("led", 7).unwrap_err();
        let message = "line 7 of the input: 'led' is not LINE=VALUE, for example led=1";
        assert_eq!(error.to_string(), message);
        assert_eq!(error.status(), Some(2));
    }
}
