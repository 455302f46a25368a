//! `ugpio board`: the boards that are known by name, and board files.

use std::io::{self, Write};
use std::path::PathBuf;

use super::status;
use crate::board::{Board, keys, known};
use crate::client::{self, note};
use crate::counted::counted;

/// Arguments of `ugpio board`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to do
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the boards that `--board` knows by name
    List,
    /// Print the file of such a board, to start from
    Show {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Say whether a file is a board, and if not, where it is wrong
    Check {
        /// A board file, or the name of a board
        #[arg(value_name = "FILE.toml", required = true)]
        files: Vec<PathBuf>,
    },
    /// Print the JSON Schema of board files, with which editors complete and check them
    Schema,
}

/// Does what the verb says; the exit status.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn main(args: &Args) -> Result<u8, client::Error> {
    match &args.verb {
        Verb::List => {
            let rows: String = known::names()
                .map(|(name, what)| format!("{name:<14}{what}\n"))
                .collect();
            print(&rows)
        }
        Verb::Show { name } => match known::text(name) {
            Some(text) => print(text),
            None => {
                let names: Vec<_> = known::names().map(|(name, _)| name).collect();
                note(format!(
                    "no board is known by the name {name:?}; known: {}",
                    names.join(", ")
                ));
                Ok(status::FAILED)
            }
        },
        Verb::Check { files } => check(files),
        Verb::Schema => print(&format!("{:#}\n", keys::schema())),
    }
}

/// All files are read, and every one that is no board is reported.
fn check(files: &[PathBuf]) -> Result<u8, client::Error> {
    let mut last = status::OK;
    for file in files {
        match Board::load(Some(file), &[]) {
            Ok(board) => {
                let parts = [
                    counted(board.chips.len(), "chip"),
                    counted(board.nets.len(), "net"),
                    counted(board.parts.len(), "part"),
                    counted(board.faults.len(), "fault"),
                ];
                print(&format!("{}: {}\n", file.display(), parts.join(", ")))?;
            }
            Err(error) => {
                note(error);
                last = status::NO;
            }
        }
    }
    Ok(last)
}

fn print(text: &str) -> Result<u8, client::Error> {
    io::stdout().write_all(text.as_bytes())?;
    Ok(status::OK)
}
