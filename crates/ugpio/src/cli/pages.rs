//! `ugpio completions` and `ugpio man`: scripts that ask [`crate::complete`], pages made from the clap definition.
//!
//! Nothing of the definition is written down twice, so nothing can be out of date. Called by `main`.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{Cli, Shell};
use crate::clean;
use crate::complete;

/// Prints the completion script for `shell`.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn completions(shell: Shell) -> io::Result<()> {
    print(complete::script(shell).as_bytes())
}

/// Writes a page for the program and one for each verb to `dir`, or prints the program's.
///
/// # Errors
/// The directory or standard output cannot be written.
pub(crate) fn man(dir: Option<&Path>) -> io::Result<()> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let Some(dir) = dir else {
        return print(&page(&root)?);
    };
    let done = fs::create_dir_all(dir).and_then(|()| write_pages(&root, dir));
    done.map_err(|error| {
        let text = format!(
            "man pages in {}: {}",
            clean::path(dir),
            clean::reason(&error)
        );
        io::Error::new(error.kind(), text)
    })
}

fn write_pages(command: &Command, dir: &Path) -> io::Result<()> {
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        write_pages(verb, dir)?;
    }
    let path = dir.join(Man::new(command.clone()).get_filename());
    fs::write(path, page(command)?)
}

/// The man page of one command: what clap knows, and the help that follows it as sections.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone());
    let after = command.get_after_help().map(ToString::to_string);
    let help = sections(&after.unwrap_or_default());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    page.extend_from_slice(help.description.as_bytes());
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    page.extend_from_slice(help.sections.as_bytes());
    Ok(page)
}

/// Help as roff.
#[derive(Debug, Default)]
struct Help {
    /// Paragraphs, which go on with the description.
    description: String,
    /// What has a heading: examples, exit statuses.
    sections: String,
}

/// Cuts help at its blank lines. A paragraph whose first line ends with a colon is a section of lines
/// that stay as they are.
fn sections(text: &str) -> Help {
    let mut help = Help::default();
    for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        let (first, rest) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
        match first.strip_suffix(':').filter(|_| rest.starts_with("  ")) {
            Some(heading) => {
                let heading = heading.to_uppercase();
                help.sections += &format!(".SH \"{heading}\"\n.nf\n{}.fi\n", roff(rest));
            }
            None => help.description += &format!(".PP\n{}", roff(paragraph)),
        }
    }
    help
}

/// Text as roff that shows it as it is.
fn roff(text: &str) -> String {
    text.lines().fold(String::new(), |roff, line| {
        let line = line
            .replace('\\', "\\e")
            .replace('-', "\\-")
            .replace('\'', "\\(aq");
        // A line that begins with a dot would be a request.
        let guard = if line.starts_with('.') { "\\&" } else { "" };
        roff + guard + &line + "\n"
    })
}

fn print(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files that are to be there, for a command and its verbs.
    fn wanted(command: &Command, name: &str, files: &mut Vec<String>) {
        files.push(format!("{name}.1"));
        for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            wanted(verb, &format!("{name}-{}", verb.get_name()), files);
        }
    }

    #[test]
    fn every_verb_has_its_page() {
        let folder = tempfile::tempdir().unwrap();
        man(Some(folder.path())).unwrap();
        let entries = fs::read_dir(folder.path()).unwrap();
        let mut found: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let mut files = Vec::new();
        wanted(&Cli::command(), "ugpio", &mut files);
        found.sort();
        files.sort();
        assert_eq!(found, files);
        assert!(found.len() > 40, "{}", found.len());
        for file in found {
            let page = fs::read_to_string(folder.path().join(&file)).unwrap();
            let name = file.trim_end_matches(".1").replace('-', "\\-");
            for part in [".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", &name] {
                assert!(page.contains(part), "{file} has no {part:?}");
            }
        }
    }

    #[test]
    fn help_becomes_paragraphs_and_sections() {
        let help = sections("One\ntwo.\n\nExamples:\n  ugpio -x 'a\\b'\n\n.three\n");
        assert_eq!(help.description, ".PP\nOne\ntwo.\n.PP\n\\&.three\n");
        let examples = ".SH \"EXAMPLES\"\n.nf\n  ugpio \\-x \\(aqa\\eb\\(aq\n.fi\n";
        assert_eq!(help.sections, examples);
    }
}
