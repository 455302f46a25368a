//! ugpio: runs GPIO programs without hardware, and drives and watches lines.
//!
//! `main` parses the command line ([`cli`]) and hands it to the verb: [`client`] for an ordinary
//! client of `/dev/gpiochipN`, [`run`] for a program on a board of its own ([`tree`] is the gpio-sim
//! control tree in it, [`release`] the kernel release that it shows), [`ctl`] for the outside world of a run, [`chaos`] for a program while things go wrong, [`trace`] for recordings of one,
//! [`doctor`] for the machine, [`complete`] for a shell. [`clockwork`] moves the time of a board, [`attentive`] looks after it
//! between calls. [`web`] is the live board of a run, [`tui`] the same in a terminal.

mod attentive;
mod board;
#[cfg(test)]
#[path = "../tests/support/busy.rs"]
mod busy;
mod chaos;
mod clean;
mod cli;
mod client;
mod clockwork;
mod complete;
mod control;
mod counted;
mod ctl;
mod doctor;
mod explain;
#[cfg(fuzzing)]
pub mod fuzz;
mod release;
mod run;
mod trace;
mod tree;
mod tui;
mod web;

use std::io::{self, Write};
use std::process::ExitCode;

use cli::{Cli, Verb, pages, status};

fn main() -> ExitCode {
    if let Some(complaint) = ugpio_supervisor::launch::limits::memory() {
        client::note(complaint);
        return ExitCode::from(status::OWN_FAILURE);
    }
    let words: Vec<_> = std::env::args_os().collect();
    match cli::parse(&words) {
        Ok(cli) => dispatch(cli),
        Err(refusal) if refusal.status == status::OK => {
            let written = io::stdout().write_all(refusal.text.as_bytes());
            finish(written.map(|()| status::OK).map_err(client::Error::from))
        }
        Err(refusal) => {
            // If this cannot be written, there is nowhere to report that.
            let _ = io::stderr().write_all(refusal.text.as_bytes());
            ExitCode::from(refusal.status)
        }
    }
}

fn dispatch(cli: Cli) -> ExitCode {
    let done = match cli.verb {
        Verb::Run(args) if args.tui => return tui::run(args.socket.as_deref()),
        Verb::Run(args) => return run::main(&args),
        Verb::Doctor(args) => return doctor::main(args.output.json),
        Verb::Ctl(args) => return ctl::main(&args.into()),
        Verb::Chaos(args) => return chaos::main(&args),
        Verb::Completions(args) => pages::completions(args.shell).map_err(client::Error::from),
        Verb::Complete(args) => return finish(complete::main(&args.words)),
        Verb::Man(args) => pages::man(args.dir.as_deref()).map_err(client::Error::from),
        Verb::Board(args) => return finish(cli::board::main(&args)),
        Verb::Explain(args) => return finish(explain::main(&args.word)),
        Verb::Trace(args) => return finish(trace::main(&args.verb)),
        Verb::Client(verb) => return finish(client::run(&verb)),
    };
    finish(done.map(|()| status::OK))
}

/// Says what went wrong, unless our reader has merely left, and gives the exit status.
fn finish(done: Result<u8, client::Error>) -> ExitCode {
    let status = done.unwrap_or_else(|error| match error.status() {
        Some(status) => {
            client::note(error);
            status
        }
        None => status::OK,
    });
    ExitCode::from(status)
}
