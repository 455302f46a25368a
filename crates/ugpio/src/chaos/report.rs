//! What a run tells `ugpio chaos` when its program has ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use ugpio_supervisor::world::World;

use crate::control::plugged::Shared;

/// What went wrong in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The faults in their order, `LABEL:OFFSET call N: FAULT`.
    pub(crate) faults: Vec<String>,
    /// How often a fault took a chip away.
    pub(crate) unplugs: u64,
    /// How many calls on lines could have gone wrong.
    #[serde(default)]
    pub(crate) calls: u64,
    /// The most files of chips that were gone, open while another was opened.
    pub(crate) leaked: usize,
}

impl Report {
    /// Reads what a run has written; none if it did not get so far.
    pub(super) fn read(path: &Path) -> Option<Report> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }
}

/// Writes the report of this run.
#[derive(Debug)]
pub(crate) struct Reporter {
    pub(crate) path: PathBuf,
    pub(crate) plugged: Shared,
    pub(crate) world: Arc<World>,
}

impl Reporter {
    /// Writes down what has gone wrong so far.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(&self) -> io::Result<()> {
        let (faults, unplugs) = self.plugged.borrow_mut().wrongs();
        let calls = self.plugged.borrow().calls_met();
        let report = Report {
            faults,
            unplugs,
            calls,
            leaked: self.world.files().leaked(),
        };
        let text = serde_json::to_vec(&report).map_err(io::Error::from)?;
        fs::write(&self.path, text)
    }
}
