//! `ugpio completions` and `ugpio man`: files made on demand from the clap definition.
//!
//! Nothing of it is checked in, so nothing can be out of date. Called by `main`.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_complete::aot;

use super::{Cli, Shell};

/// Prints the completion script for `shell`.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn completions(shell: Shell) -> io::Result<()> {
    let shell = match shell {
        Shell::Bash => aot::Shell::Bash,
        Shell::Zsh => aot::Shell::Zsh,
        Shell::Fish => aot::Shell::Fish,
    };
    // Collected first: the generator panics where it cannot write.
    let mut script = Vec::new();
    aot::generate(shell, &mut Cli::command(), "ugpio", &mut script);
    print(&script)
}

/// Writes a page for the program and one for each verb to `dir`, or prints the program's.
///
/// # Errors
/// The directory or standard output cannot be written.
pub(crate) fn man(dir: Option<&Path>) -> io::Result<()> {
    match dir {
        Some(dir) => {
            fs::create_dir_all(dir)?;
            clap_mangen::generate_to(Cli::command(), dir)
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            print(&page)
        }
    }
}

fn print(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
