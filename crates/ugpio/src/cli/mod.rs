//! The command line of the whole program: what clap knows, what `--help` teaches.
//!
//! [`Cli`] is the root; [`run`] and [`ctl`] hold the arguments of the verbs that own a board, [`trace`] those for recordings,
//! [`client`] those of the verbs that speak to chips, [`words`] the values they take, [`pages`] makes
//! completions and man pages from all of it. `main` parses and dispatches; nothing here acts.

pub(crate) mod board;
pub(crate) mod chaos;
pub(crate) mod client;
pub(crate) mod complaint;
pub(crate) mod ctl;
pub(crate) mod help;
pub(crate) mod pages;
pub(crate) mod run;
pub(crate) mod trace;
pub(crate) mod wires;
pub(crate) mod words;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk_tests;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Exit statuses of every verb but `run`, which has [`status::OWN_FAILURE`] for its own failures.
pub(crate) mod status {
    /// Done.
    pub(crate) const OK: u8 = 0;
    /// The answer is no: a time-out passed, or there is nothing of the kind.
    pub(crate) const NO: u8 = 1;
    /// The command line or an input line is not understood.
    pub(crate) const USAGE: u8 = 2;
    /// A chip or line is not found, busy, refused or broken, or output cannot be written.
    pub(crate) const FAILED: u8 = 3;
    /// The chip went away while it was in use.
    pub(crate) const GONE: u8 = 4;
    /// `ugpio run` itself failed, as with `timeout` and `env`.
    pub(crate) const OWN_FAILURE: u8 = 125;
}

/// Run GPIO programs without hardware, and drive and watch lines with or without it.
#[derive(Debug, Parser)]
#[command(
    name = "ugpio",
    version,
    after_help = help::ROOT,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = false
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The verbs, in the order in which help lists them.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run a program with a board of simulated chips
    #[command(after_help = help::RUN, override_usage = "ugpio run [OPTIONS] [--] PROGRAM [ARGS]...")]
    Run(run::Args),
    /// Run a program again and again while things go wrong
    #[command(after_help = help::CHAOS, override_usage = "ugpio chaos [OPTIONS] [--] PROGRAM [ARGS]...")]
    Chaos(chaos::Args),
    /// Drive and watch the board of a running `ugpio run`
    #[command(after_help = help::CTL)]
    Ctl(ctl::Args),
    /// Show, draw and compare recordings of `ugpio run --trace`
    #[command(after_help = help::TRACE)]
    Trace(trace::Args),
    /// Explain an errno or an ioctl: which checks fail with it, and in which order
    #[command(after_help = help::EXPLAIN)]
    Explain(ExplainArgs),
    /// The ordinary clients.
    #[command(flatten)]
    Client(client::Verb),
    /// Say whether this machine can run `ugpio run`, and what to do if not
    Doctor(DoctorArgs),
    /// List boards that are known by name, print one to start from, check board files
    #[command(after_help = help::BOARD)]
    Board(board::Args),
    /// Print a completion script for a shell
    #[command(after_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print what the last word may be; shells ask it
    #[command(hide = true, after_help = help::COMPLETE)]
    Complete(CompleteArgs),
    /// Print the man page, or write all of them to a directory
    #[command(after_help = help::MAN)]
    Man(ManArgs),
}

/// `ugpio explain WORD`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// EBUSY, 22, GPIO_V2_GET_LINE, 0xC250B407
    #[arg(value_name = "ERRNO|IOCTL")]
    pub(crate) word: String,
}

/// `ugpio doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// How to print the findings.
    #[command(flatten)]
    pub(crate) output: client::OutputArgs,
}

/// `ugpio completions SHELL`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell to complete in
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// `ugpio complete -- WORD...`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompleteArgs {
    /// The words so far, the program's name first; the last one, which may be empty, is completed
    #[arg(value_name = "WORD", last = true)]
    pub(crate) words: Vec<OsString>,
}

/// Shells with completions.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Shell {
    /// GNU Bash.
    #[value(help = None::<&str>)]
    Bash,
    /// The Z shell.
    #[value(help = None::<&str>)]
    Zsh,
    /// fish.
    #[value(help = None::<&str>)]
    Fish,
}

/// `ugpio man [DIR]`.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Write one page for each verb to this directory, made if missing
    pub(crate) dir: Option<PathBuf>,
}

/// A command line that ends here: with help, the version, or a mistake.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What to print.
    pub(crate) text: String,
    /// The exit status; zero for what was asked for, which goes to standard output.
    pub(crate) status: u8,
}

/// Parses a command line, program name first.
///
/// # Errors
/// Help, the version, or a line that is not understood, ready to be printed.
pub(crate) fn parse(words: &[OsString]) -> Result<Cli, Refusal> {
    let status = match words.get(1) {
        Some(verb) if verb == "run" => status::OWN_FAILURE,
        _ => status::USAGE,
    };
    let cli = Cli::try_parse_from(words).map_err(|error| {
        let text = error.to_string();
        match (error.use_stderr(), text.strip_prefix("error: ")) {
            (true, Some(mistake)) => Refusal {
                text: said(&complaint::one_line(mistake)),
                status,
            },
            // Help for a call without any argument.
            (true, None) => Refusal { text, status },
            (false, _) => Refusal {
                text,
                status: status::OK,
            },
        }
    })?;
    match cli.verb.check() {
        Ok(()) => Ok(cli),
        Err(mistake) => Err(Refusal {
            text: said(&mistake),
            status,
        }),
    }
}

/// A mistake as it is printed.
fn said(mistake: &str) -> String {
    format!("ugpio: {}\n", complaint::shown(mistake))
}

impl Verb {
    /// What is wrong with words that are good each for itself.
    fn check(&self) -> Result<(), String> {
        match self {
            Verb::Ctl(args) => args.verb.check(),
            _ => Ok(()),
        }
    }
}
