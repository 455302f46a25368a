//! The client verbs: an ordinary program that speaks uAPI v2 to `/dev/gpiochipN`.
//!
//! Nothing here knows whether a kernel or `ugpio run` answers. A verb resolves its words to
//! [`find::Line`]s, makes [`request::Request`]s of them or asks the [`chip::Chip`], waits with
//! [`ready`], and prints rows through [`print::Printer`]. `main` calls [`run`] and exits with the
//! status it gives.

mod chip;
mod describe;
mod detect;
mod error;
mod find;
mod get;
mod info;
mod input;
mod monitor;
mod print;
mod ready;
mod request;
mod set;
mod stream;
mod sys;
mod wait;
mod watch;

pub(crate) use error::Error;
pub(crate) use print::note;

use crate::cli::client::Verb;

/// A chip that a client finds.
#[derive(Debug)]
pub(crate) struct Seen {
    /// `gpiochipN`.
    pub(crate) name: String,
    /// What the driver calls it.
    pub(crate) label: String,
    /// The names of its lines, empty where a line has none.
    pub(crate) lines: Vec<String>,
}

/// The chips that can be opened, in the order of their numbers.
pub(crate) fn seen() -> Vec<Seen> {
    let (chips, _) = chip::open_all().unwrap_or_default();
    let seen = |chip: chip::Chip| {
        let lines = chip.line_names().ok()?;
        let (name, label) = (chip.name.clone(), chip.label.clone());
        Some(Seen { name, label, lines })
    };
    chips.into_iter().filter_map(seen).collect()
}

/// Runs a client verb and returns its exit status.
///
/// # Errors
/// Why it could not go on; [`Error::status`] has the exit status.
pub(crate) fn run(verb: &Verb) -> Result<u8, Error> {
    match verb {
        Verb::Detect(args) => detect::run(args),
        Verb::Info(args) => info::run(args),
        Verb::Get(args) => get::run(args),
        Verb::Set(args) => set::run(args),
        Verb::Monitor(args) => monitor::run(args),
        Verb::Watch(args) => watch::run(args),
        Verb::Wait(args) => wait::run(args),
    }
}
