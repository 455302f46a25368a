//! What is there to be named: the board of a run, the chips that a client finds, boards, programs.
//!
//! A run or a chip that is not there, or does not answer, has nothing to propose; a shell's line is no place for a
//! complaint.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::OnceLock;

use clap::ArgMatches;

use super::{Named, is_program};
use crate::board::known;
use crate::client::Seen;
use crate::control::client::Client;
use crate::control::protocol::{ChipState, LineState, List, Request};
use crate::control::socket;

/// What the words so far make of what is there.
#[derive(Debug)]
pub(super) struct Scene {
    socket: Option<PathBuf>,
    /// The chip that was named.
    chip: Option<String>,
    run: OnceLock<List>,
    seen: OnceLock<Vec<Seen>>,
}

impl Scene {
    /// What was typed so far.
    pub(super) fn new(typed: &ArgMatches) -> Scene {
        let text = |name| typed.try_get_one::<String>(name).ok().flatten().cloned();
        Scene {
            socket: typed
                .try_get_one::<PathBuf>("socket")
                .ok()
                .flatten()
                .cloned(),
            chip: text("chip"),
            run: OnceLock::new(),
            seen: OnceLock::new(),
        }
    }

    /// The board of the run that `ugpio ctl` would speak to.
    fn run(&self) -> &List {
        self.run.get_or_init(|| {
            let variable = std::env::var_os(socket::ENV);
            let found = socket::find(
                variable.as_deref(),
                self.socket.as_deref(),
                &socket::directories(),
            );
            let client = found.ok().and_then(|path| Client::connect(&path).ok());
            client
                .and_then(|mut client| client.call_at_once(&Request::List).ok())
                .unwrap_or_default()
        })
    }

    /// The chips of the run, by label.
    pub(super) fn run_chips(&self) -> Vec<Named> {
        let label = |chip: &ChipState| (chip.label.clone(), chip.name.clone());
        let name = |chip: &ChipState| (chip.name.clone(), chip.label.clone());
        let chips = &self.run().chips;
        chips
            .iter()
            .map(label)
            .chain(chips.iter().map(name))
            .collect()
    }

    /// The lines of the chip that was named: their names, then the offsets of all.
    pub(super) fn run_lines(&self) -> Vec<Named> {
        let Some(word) = &self.chip else {
            return Vec::new();
        };
        let is_it = |chip: &&ChipState| {
            chip.label == *word || chip.name == *word || chip.id.to_string() == *word
        };
        let chip = self.run().chips.iter().find(is_it);
        chip.map_or_else(Vec::new, |chip| lines(chip, ""))
    }

    /// All lines of the run, as CHIP:LINE.
    pub(super) fn run_places(&self) -> Vec<Named> {
        let of = |chip: &ChipState| lines(chip, &format!("{}:", chip.label));
        self.run().chips.iter().flat_map(of).collect()
    }

    /// The nets of the run.
    pub(super) fn nets(&self) -> Vec<Named> {
        let nets = self.run().nets.iter();
        nets.map(|net| (net.name.clone(), net.lines.join(" ")))
            .collect()
    }

    /// The parts of the run that are of one of these kinds.
    pub(super) fn parts(&self, kinds: &[&str]) -> Vec<Named> {
        let parts = self
            .run()
            .parts
            .iter()
            .filter(|part| kinds.contains(&&*part.is));
        parts
            .map(|part| (part.part.clone(), format!("{} {}", part.is, part.state)))
            .collect()
    }

    /// The chips that a client finds.
    fn seen(&self) -> &[Seen] {
        self.seen.get_or_init(crate::client::seen)
    }

    /// The chips that a client finds, by name and label.
    pub(super) fn chips(&self) -> Vec<Named> {
        let name = |chip: &Seen| (chip.name.clone(), chip.label.clone());
        let label = |chip: &Seen| (chip.label.clone(), chip.name.clone());
        self.seen()
            .iter()
            .map(name)
            .chain(self.seen().iter().map(label))
            .collect()
    }

    /// The lines that a client finds: by name, then by place; of the chip of `--chip` by offset.
    pub(super) fn lines(&self) -> Vec<Named> {
        let is_meant = |chip: &&Seen| match &self.chip {
            Some(word) => chip.name == *word || chip.label == *word,
            None => true,
        };
        let chips = || self.seen().iter().filter(is_meant);
        let named = chips().flat_map(|chip| {
            let lines = (0..).zip(&chip.lines);
            lines.map(move |(offset, name): (u32, _)| {
                (name.clone(), format!("{}:{offset}", chip.name))
            })
        });
        let placed = chips().flat_map(|chip| {
            let lines = (0..).zip(&chip.lines);
            lines.map(move |(offset, name): (u32, _)| match self.chip {
                Some(_) => (offset.to_string(), name.clone()),
                None => (format!("{}:{offset}", chip.name), name.clone()),
            })
        });
        named
            .filter(|(name, _)| !name.is_empty())
            .chain(placed)
            .collect()
    }

    /// LINE=, and behind that the values.
    pub(super) fn assignments(&self, current: &OsStr) -> Vec<Named> {
        match current.to_str().and_then(|word| word.rsplit_once('=')) {
            Some((line, _)) => values(&format!("{line}=")),
            None => {
                let lines = self.lines().into_iter();
                lines
                    .map(|(line, what)| (format!("{line}="), what))
                    .collect()
            }
        }
    }
}

/// The lines of a chip behind this beginning: those that have a name by it, then all by offset.
fn lines(chip: &ChipState, begin: &str) -> Vec<Named> {
    let named = |line: &LineState| {
        let name = line.name.as_deref().filter(|name| !name.is_empty())?;
        Some((format!("{begin}{name}"), format!("line {}", line.offset)))
    };
    let offset = |line: &LineState| {
        (
            format!("{begin}{}", line.offset),
            line.name.clone().unwrap_or_default(),
        )
    };
    chip.lines
        .iter()
        .filter_map(named)
        .chain(chip.lines.iter().map(offset))
        .collect()
}

/// The values of a line, behind this beginning.
pub(super) fn values(begin: &str) -> Vec<Named> {
    let words = ["1", "0", "active", "inactive", "on", "off"];
    words
        .iter()
        .map(|word| (format!("{begin}{word}"), String::new()))
        .collect()
}

/// The boards that are known by name.
pub(super) fn board_names() -> Vec<Named> {
    known::names()
        .map(|(name, what)| (name.to_owned(), what.to_owned()))
        .collect()
}

/// The releases of Linux that a run can show.
pub(super) fn releases() -> Vec<Named> {
    let of = |major: u16, minors: std::ops::RangeInclusive<u16>| {
        minors.map(move |minor| (format!("{major}.{minor}"), String::new()))
    };
    of(6, 12..=19).chain(of(7, 0..=3)).collect()
}

/// The programs in $PATH.
pub(super) fn programs() -> Vec<Named> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = BTreeSet::new();
    for folder in std::env::split_paths(&path) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if is_program(&entry.path()) {
                found.extend(entry.file_name().into_string().ok());
            }
        }
    }
    found
        .into_iter()
        .map(|name| (name, String::new()))
        .collect()
}
