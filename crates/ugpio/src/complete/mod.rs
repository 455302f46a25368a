//! `ugpio complete`: what can stand where a shell's cursor is. The scripts of `ugpio completions` ask it.
//!
//! Options and verbs are clap's to complete; [`VALUES`] says for each argument of each verb what its values are, and
//! [`Scene`] finds those that depend on what is there: the board of a run, the chips of the machine. One candidate a
//! line, after a tab what it is.

mod scene;
mod script;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use clap::{Arg, ArgMatches, Command, CommandFactory};
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter, complete,
};

use self::scene::Scene;
pub(crate) use self::script::script;
use crate::cli::{Cli, status};
use crate::client;

/// What the values of an argument are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Values {
    /// Any text; nothing can be proposed.
    Free,
    /// A path.
    Path,
    /// A directory.
    Directory,
    /// A file with one of these endings.
    File(&'static [&'static str]),
    /// A board file, or the name of a board.
    Board,
    /// The name of a board.
    BoardName,
    /// A program, and then its arguments.
    Program,
    /// An errno or an ioctl.
    Explained,
    /// A release of Linux.
    Release,
    /// A chip of the run.
    RunChip,
    /// A line of the chip that was named before.
    RunLine,
    /// CHIP:LINE of the run.
    RunPlace,
    /// A net of the run.
    Net,
    /// A part of the run, of one of these kinds.
    Part(&'static [&'static str]),
    /// A chip that a client finds.
    Chip,
    /// A line that a client finds.
    Line,
    /// A chip or a line.
    ChipOrLine,
    /// LINE=VALUE.
    Assignment,
    /// The value of a line.
    LineValue,
}

/// Recordings that `ugpio` reads.
const RECORDING: Values = Values::File(&["vcd", "fst"]);

/// The values of the arguments, by the beginning of their verb and their name. The first that fits is it.
const VALUES: &[(&str, &str, Values)] = &[
    ("ctl plug", "chip", Values::Free),
    ("ctl wire", "net", Values::Net),
    ("ctl", "chip", Values::RunChip),
    ("ctl", "line", Values::RunLine),
    ("ctl", "lines", Values::RunPlace),
    ("ctl", "net", Values::Net),
    ("ctl press", "part", Values::Part(&["button"])),
    ("ctl release", "part", Values::Part(&["button"])),
    (
        "ctl switch",
        "part",
        Values::Part(&["switch", "square-wave"]),
    ),
    ("ctl turn", "part", Values::Part(&["encoder"])),
    ("trace", "file", RECORDING),
    ("trace", "one", RECORDING),
    ("trace", "other", RECORDING),
    ("trace", "lines", Values::Free),
    ("board show", "name", Values::BoardName),
    ("board check", "files", Values::Board),
    ("explain", "word", Values::Explained),
    ("detect", "chips", Values::Chip),
    ("info", "what", Values::ChipOrLine),
    ("set", "words", Values::Assignment),
    ("wait", "name", Values::Line),
    ("wait", "value", Values::LineValue),
    ("get", "lines", Values::Line),
    ("monitor", "lines", Values::Line),
    ("watch", "lines", Values::Line),
    ("run", "chips", Values::Free),
    ("chaos", "chips", Values::Free),
    ("run", "trace", Values::Path),
    ("", "chip", Values::Chip),
    ("", "board", Values::Board),
    ("", "socket", Values::Path),
    ("", "report", Values::Path),
    ("", "explain", Values::Path),
    ("", "replay", RECORDING),
    ("", "expect", RECORDING),
    ("", "command", Values::Program),
    ("", "kernel_release", Values::Release),
    ("man", "dir", Values::Directory),
    ("", "signals", Values::Free),
    ("", "consumer", Values::Free),
    ("", "names", Values::Free),
];

/// What the values of an argument are, if it is one that takes text.
fn values_of(verb: &str, argument: &str) -> Option<Values> {
    let fits = |begin: &str| {
        let rest = verb.strip_prefix(begin);
        begin.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let found = VALUES
        .iter()
        .find(|(begin, name, _)| *name == argument && fits(begin));
    found.map(|(_, _, values)| *values)
}

/// Prints what the last of these words, the program's name first, may be.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn main(words: &[OsString]) -> Result<u8, client::Error> {
    let mut out = Vec::new();
    for candidate in candidates(words) {
        // Shells read lines and tabs; a name that holds such a character cannot be completed.
        let Some(value) = candidate
            .get_value()
            .to_str()
            .filter(|value| is_plain(value))
        else {
            continue;
        };
        out.extend_from_slice(value.as_bytes());
        let help = candidate
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        if let Some(line) = help.lines().next().filter(|line| is_plain(line)) {
            out.push(b'\t');
            out.extend_from_slice(line.as_bytes());
        }
        out.push(b'\n');
    }
    let mut to = io::stdout().lock();
    to.write_all(&out)?;
    to.flush()?;
    Ok(status::OK)
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

fn candidates(words: &[OsString]) -> Vec<CompletionCandidate> {
    let Some((current, before)) = words.split_last().filter(|(_, before)| !before.is_empty())
    else {
        return Vec::new();
    };
    let typed = Cli::command()
        .ignore_errors(true)
        .try_get_matches_from(before)
        .ok();
    let typed = typed.unwrap_or_default();
    let typed = innermost(&typed);
    if let Some(program) = program_of(typed) {
        return behind(program, current);
    }
    let scene = Arc::new(Scene::new(typed));
    let mut command = Cli::command();
    command.build();
    let mut command = with_values(command, "", &scene);
    let here = std::env::current_dir().ok();
    let found = complete(&mut command, words.to_vec(), before.len(), here.as_deref());
    let mut found = found.unwrap_or_default();
    // Options are proposed to whoever has begun one.
    let is_option =
        |one: &CompletionCandidate| one.get_value().as_encoded_bytes().starts_with(b"-");
    found.retain(|candidate| !current.is_empty() || !is_option(candidate));
    found
}

/// What was typed behind the last verb.
fn innermost(typed: &ArgMatches) -> &ArgMatches {
    typed
        .subcommand()
        .map_or(typed, |(_, inner)| innermost(inner))
}

/// The program of `run` or `chaos` that was typed, with its arguments.
fn program_of(typed: &ArgMatches) -> Option<Vec<OsString>> {
    let words = typed.try_get_raw("command").ok().flatten()?;
    Some(words.map(OsStr::to_owned).collect())
}

/// What may stand behind a program: of another one we know nothing but that it may take paths.
fn behind(mut program: Vec<OsString>, current: &OsStr) -> Vec<CompletionCandidate> {
    let name = program
        .first()
        .and_then(|first| Path::new(first).file_name());
    if name.is_some_and(|name| name == "ugpio") {
        program.push(current.to_owned());
        return candidates(&program);
    }
    PathCompleter::any().complete(current)
}

/// The command, in which each argument knows its values.
fn with_values(command: Command, verb: &str, scene: &Arc<Scene>) -> Command {
    let of_verb = |argument: Arg| match values_of(verb, argument.get_id().as_str()) {
        Some(values) => {
            let scene = Arc::clone(scene);
            argument.add(ArgValueCompleter::new(move |current: &OsStr| {
                proposed(values, &scene, current)
            }))
        }
        None => argument,
    };
    command.mut_args(of_verb).mut_subcommands(|inner| {
        let verb = format!("{verb} {}", inner.get_name())
            .trim_start()
            .to_owned();
        with_values(inner, &verb, scene)
    })
}

/// The values that begin so.
fn proposed(values: Values, scene: &Scene, current: &OsStr) -> Vec<CompletionCandidate> {
    let path = |completer: PathCompleter| completer.complete(current);
    match values {
        Values::Free => Vec::new(),
        Values::Path => path(PathCompleter::any()),
        Values::Directory => path(PathCompleter::dir()),
        Values::File(endings) => path(files(endings)),
        Values::Board => {
            let mut found = begun(current, scene::board_names());
            found.extend(path(files(&["toml"])));
            found
        }
        Values::Program if current.as_encoded_bytes().contains(&b'/') => {
            path(PathCompleter::any().filter(is_program))
        }
        Values::Program => {
            let mut found = begun(current, scene::programs());
            found.extend(path(PathCompleter::dir()));
            found
        }
        Values::BoardName => begun(current, scene::board_names()),
        Values::Explained => begun(current, crate::explain::words()),
        Values::Release => begun(current, scene::releases()),
        Values::RunChip => begun(current, scene.run_chips()),
        Values::RunLine => begun(current, scene.run_lines()),
        Values::RunPlace => begun(current, scene.run_places()),
        Values::Net => begun(current, scene.nets()),
        Values::Part(kinds) => begun(current, scene.parts(kinds)),
        Values::Chip => begun(current, scene.chips()),
        Values::Line => begun(current, scene.lines()),
        Values::ChipOrLine => begun(current, scene.chips().into_iter().chain(scene.lines())),
        Values::Assignment => begun(current, scene.assignments(current)),
        Values::LineValue => begun(current, scene::values("")),
    }
}

/// Files that end so.
fn files(endings: &'static [&'static str]) -> PathCompleter {
    PathCompleter::any().filter(move |path| {
        let ending = path.extension().and_then(OsStr::to_str);
        ending.is_some_and(|ending| endings.contains(&ending)) && !path.is_dir()
    })
}

/// Whether somebody may execute it.
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|is| is.is_file() && is.permissions().mode() & 0o111 != 0)
}

/// A value, and what it is.
type Named = (String, String);

/// Those that begin so; each once.
fn begun(current: &OsStr, all: impl IntoIterator<Item = Named>) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else {
        return Vec::new();
    };
    let mut found: Vec<CompletionCandidate> = Vec::new();
    for (value, what) in all {
        let is_new = !found
            .iter()
            .any(|other| other.get_value() == value.as_str());
        if value.starts_with(current) && is_new {
            let help = Some(what).filter(|what| !what.is_empty()).map(Into::into);
            found.push(CompletionCandidate::new(value).help(help));
        }
    }
    found
}
