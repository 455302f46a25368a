//! `ugpio ctl`: looks at and changes the board of a run from outside.
//!
//! [`main`] finds the run's control socket, does one [`Verb`] over it and prints the result. Exit
//! status: 0 done, 1 `wait` ran out of time, 2 usage (the command line's), 3 no run was reached or it
//! refused, 4 the chip or the run went away before the answer was there.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use crate::board::ChipSpec;
use crate::board::fault_text::time;
use crate::clean;
use crate::cli::complaint::shown;
use crate::cli::status;
use crate::cli::words::milliseconds;
use crate::control::client::{Client, ClientError};
use crate::control::protocol::{
    ChipAt, ChipParams, ChipState, Code, Event, Happened, Held, Hello, InfoState, Key, Level,
    LineAt, LineParams, LineState, Link, List, NetState, PartState, PlugParams, Pull, PullParams,
    Request, WaitParams,
};
use crate::control::socket::{self, SocketError};
use crate::counted::counted;

/// What `ugpio ctl` was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// `--socket`.
    pub(crate) socket: Option<PathBuf>,
    /// `--json`: one JSON object a line instead of text.
    pub(crate) json: bool,
    /// The verb with its arguments.
    pub(crate) verb: Verb,
}

/// One thing to do. CHIP is a label, `gpiochipN` or an id; LINE is an offset or a line name.
#[derive(Clone, Debug)]
pub(crate) enum Verb {
    /// Show every chip and line.
    List,
    /// Pull a line from outside.
    Pull(String, String, Pull),
    /// Show what a line reads.
    Level(String, String),
    /// Show every change until the run ends.
    Events,
    /// Return when a line has a level, or when the time is over.
    Wait(String, String, Level, Option<Duration>),
    /// Take a chip away.
    Unplug(String),
    /// Add a chip.
    Plug(ChipSpec),
    /// Show the live board.
    Tui,
    /// Make a link to the live board.
    Web,
    /// Something for wires or parts, whose answer only programs are shown.
    Board(Request),
}

#[derive(Debug, thiserror::Error)]
enum CtlError {
    #[error("{0}")]
    Socket(#[from] SocketError),
    #[error("{0}")]
    Client(#[from] ClientError),
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

impl CtlError {
    fn status(&self) -> u8 {
        match self {
            CtlError::Client(ClientError::Refused(failure)) => match failure.code {
                Code::TimedOut => status::NO,
                Code::Unplugged => status::GONE,
                _ => status::FAILED,
            },
            CtlError::Client(ClientError::Ended) => status::GONE,
            CtlError::Socket(_) | CtlError::Client(_) => status::FAILED,
            // The reader of our output has closed it.
            CtlError::Output(e) if e.kind() == io::ErrorKind::BrokenPipe => status::OK,
            CtlError::Output(_) => status::FAILED,
        }
    }
}

/// Does what `ugpio ctl` was asked for.
pub(crate) fn main(options: &Options) -> ExitCode {
    let result = run(options);
    if let Err(error) = &result {
        let quiet = matches!(error, CtlError::Output(e) if e.kind() == io::ErrorKind::BrokenPipe);
        if !quiet {
            report(error, options.json);
        }
    }
    ExitCode::from(result.err().map_or(status::OK, |error| error.status()))
}

/// Says what went wrong: on standard error, and with `--json` also as an object on standard output.
fn report(error: &CtlError, as_json: bool) {
    if let (true, CtlError::Client(ClientError::Refused(failure))) = (as_json, error) {
        let line = serde_json::json!({ "error": failure });
        let _ = writeln!(io::stdout(), "{line}");
    }
    // A list of runs has a line for each, and paths that hold no newline of their own.
    for (n, line) in error.to_string().lines().enumerate() {
        let program = if n == 0 { "ugpio: " } else { "" };
        let _ = writeln!(io::stderr(), "{program}{}", shown(line));
    }
}

fn run(options: &Options) -> Result<(), CtlError> {
    let variable = std::env::var_os(socket::ENV);
    let path = socket::find(
        variable.as_deref(),
        options.socket.as_deref(),
        &socket::directories(),
    )
    .map_err(described)?;
    let client = Client::connect(&path)?;
    if let Verb::Tui = options.verb {
        return Ok(crate::tui::attach(&path)?);
    }
    let printer = Printer {
        json: options.json,
        to: io::stdout().lock(),
    };
    perform(client, &options.verb, printer).map(drop)
}

/// Says of each of several runs what it is.
fn described(error: SocketError) -> SocketError {
    let SocketError::Several(mut runs) = error else {
        return error;
    };
    for run in &mut runs {
        run.what = what(&run.path);
    }
    SocketError::Several(runs)
}

/// What run listens on this socket: its program, its process and its age.
fn what(path: &Path) -> Option<String> {
    let hello: Hello = Client::connect(path).ok()?.call(&Request::Hello).ok()?;
    let made = std::fs::symlink_metadata(path).and_then(|is| is.modified());
    let age = made.ok().and_then(|made| made.elapsed().ok());
    let age = age.map_or_else(String::new, |age| format!(", for {}", long(age.as_secs())));
    Some(format!("`{}`, pid {}{age}", hello.program, hello.pid))
}

/// So many seconds, in words as long as it matters.
fn long(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Does one verb; gives back what was printed to.
fn perform<W: Write>(
    mut client: Client,
    verb: &Verb,
    mut printer: Printer<W>,
) -> Result<W, CtlError> {
    if let Verb::Events = verb {
        for event in client.events()? {
            printer.print(&event?)?;
        }
        return Ok(printer.to);
    }
    let request = request(verb);
    match verb {
        Verb::List => printer.print(&client.call::<List>(&request)?)?,
        Verb::Web => printer.print(&client.call::<Link>(&request)?)?,
        Verb::Level(..) => printer.print(&client.call::<LineState>(&request)?)?,
        Verb::Plug(_) => printer.print(&client.call::<ChipState>(&request)?)?,
        Verb::Pull(..) | Verb::Wait(..) => {
            printer.result(&client.call::<LineState>(&request)?)?;
        }
        Verb::Unplug(_) | Verb::Events | Verb::Board(_) | Verb::Tui => {
            printer.result(&client.call::<serde_json::Value>(&request)?)?;
        }
    }
    Ok(printer.to)
}

/// What a verb asks of the run.
fn request(verb: &Verb) -> Request {
    match verb {
        Verb::List => Request::List,
        // The board asks for more than that.
        Verb::Tui => Request::Hello,
        Verb::Events => Request::Events,
        Verb::Web => Request::Web,
        Verb::Board(request) => request.clone(),
        Verb::Level(chip, line) => Request::Level(LineParams {
            chip: key(chip),
            line: key(line),
        }),
        Verb::Pull(chip, line, pull) => Request::Pull(PullParams {
            chip: key(chip),
            line: key(line),
            pull: *pull,
        }),
        Verb::Wait(chip, line, level, timeout) => {
            let (chip, line, level) = (key(chip), key(line), *level);
            let timeout_ms = timeout.map(milliseconds);
            Request::Wait(WaitParams {
                chip,
                line,
                level,
                timeout_ms,
            })
        }
        Verb::Unplug(chip) => Request::Unplug(ChipParams { chip: key(chip) }),
        Verb::Plug(chip) => Request::Plug(PlugParams {
            label: chip.label.clone(),
            lines: Some(chip.lines),
            base: chip.base,
            names: chip.names.iter().cloned().collect(),
            hogs: Vec::new(),
        }),
    }
}

fn key(word: &str) -> Key {
    Key::Word(word.to_owned())
}

/// Writes answers as text or as JSON, one at a time.
struct Printer<W> {
    json: bool,
    to: W,
}

impl<W: Write> Printer<W> {
    /// An answer that is asked for its own sake.
    fn print<T: Text + Serialize>(&mut self, answer: &T) -> Result<(), CtlError> {
        if self.json {
            return self.result(answer);
        }
        write!(self.to, "{}", Shown(answer))?;
        Ok(self.to.flush()?)
    }

    /// An answer that is only shown to programs.
    fn result<T: Serialize>(&mut self, answer: &T) -> Result<(), CtlError> {
        if self.json {
            let line = serde_json::to_string(answer).map_err(io::Error::from)?;
            writeln!(self.to, "{}", clean::json(&line))?;
            self.to.flush()?;
        }
        Ok(())
    }
}

/// What has a form for people, in whole lines.
trait Text {
    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

struct Shown<'t, T>(&'t T);

impl<T: Text> fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.text(f)
    }
}

impl Text for List {
    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chip in &self.chips {
            writeln!(
                f,
                "{} {:?}, {}",
                chip.name,
                chip.label,
                counted(chip.lines.len(), "line")
            )?;
            let width = chip
                .lines
                .iter()
                .map(|line| name_of(&line.name).len())
                .max()
                .unwrap_or(0);
            for line in &chip.lines {
                let name = name_of(&line.name);
                let (direction, level) = (line.info.direction.word(), line.level.word());
                let pull = line.pull.word();
                write!(
                    f,
                    "  {:>4} {name:width$} {direction:6} {level:4} pull {pull:4}",
                    line.offset
                )?;
                if let Some(net) = &line.net {
                    write!(f, " net {net:?}")?;
                }
                writeln!(f, "{}", Shown(&line.info))?;
            }
        }
        for net in &self.nets {
            write!(f, "{}", Shown(net))?;
        }
        for part in &self.parts {
            write!(f, "{}", Shown(part))?;
        }
        Ok(())
    }
}

impl Text for NetState {
    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "net {:?} {}", self.name, self.level.word())?;
        f.write_str(match self.held {
            Held::Firmly => "",
            Held::Floating => " floating",
            Held::Short => " SHORT",
        })?;
        if let Some(pull) = self.pull {
            write!(f, " pull {}", pull.word())?;
        }
        if self.delay_ns > 0 {
            write!(f, " delay {}", time(self.delay_ns))?;
        }
        writeln!(f, ": {}", shown(self.lines.join(" ")))
    }
}

impl Text for PartState {
    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "part {:?} {}", self.part, self.is)?;
        if !self.state.is_empty() {
            write!(f, " {}", shown(&self.state))?;
        }
        for (pin, net) in &self.pins {
            if let Some(net) = net {
                write!(f, " {pin}={}", shown(net))?;
            }
        }
        writeln!(f)
    }
}

/// The part of a line's state that few lines have, with a blank before each word.
impl Text for InfoState {
    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.active_low {
            f.write_str(" active-low")?;
        }
        match &self.consumer {
            Some(consumer) => write!(f, " {consumer:?}"),
            None if self.used => f.write_str(" used"),
            None => Ok(()),
        }
    }
}

impl Text for LineState {
    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.level.word())
    }
}

impl Text for Link {
    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.url)
    }
}

impl Text for ChipState {
    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)
    }
}

impl Text for Happened {
    fn text(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.event {
            Event::Level { line, level } => writeln!(f, "{} level {}", at(line), level.word()),
            Event::Pull { line, pull } => writeln!(f, "{} pull {}", at(line), pull.word()),
            Event::Requested { line, info } => info_event(f, line, "requested", info),
            Event::Released { line, info } => info_event(f, line, "released", info),
            Event::Config { line, info } => info_event(f, line, "config", info),
            Event::Plugged(ChipAt { chip, label }) => writeln!(f, "{chip} {label:?} plugged"),
            Event::Unplugged(ChipAt { chip, label }) => writeln!(f, "{chip} {label:?} unplugged"),
            Event::Net { .. }
            | Event::Short { .. }
            | Event::ShortOver { .. }
            | Event::Oscillation { .. }
            | Event::Fault { .. }
            | Event::Part { .. } => match self.event.remark() {
                Some(text) => writeln!(f, "{}", shown(text)),
                None => Ok(()),
            },
            Event::Failed(call) => writeln!(f, "{}", shown(call)),
            Event::Lost { count } => writeln!(f, "{} lost", counted(*count, "event")),
            Event::Unknown => Ok(()),
        }
    }
}

fn info_event(
    f: &mut fmt::Formatter<'_>,
    line: &LineAt,
    what: &str,
    info: &InfoState,
) -> fmt::Result {
    writeln!(
        f,
        "{} {what} {}{}",
        at(line),
        info.direction.word(),
        Shown(info)
    )
}

fn at(line: &LineAt) -> String {
    format!("{} {} {}", line.chip.chip, line.offset, name_of(&line.name))
}

fn name_of(name: &Option<String>) -> String {
    name.as_deref()
        .map_or_else(|| "-".to_owned(), |name| format!("{name:?}"))
}

#[cfg(test)]
mod tests;
