//! `ugpio run --expect`: the outputs of a run against those of a recording.
//!
//! Made before the program starts, so that a recording which cannot be met is an error then; judged when
//! it has ended.

use std::path::Path;

use super::diff::{Comparison, Rules, Sides, compare};
use super::place::{Assignment, as_recorded, place};
use super::wave::{Bit, LineWave, Wave};
use crate::board::Board;
use crate::clean::clean;

/// What a run is to do.
#[derive(Debug)]
pub(crate) struct Expectation {
    path: String,
    wave: Wave,
    rules: Rules,
    hints: Vec<String>,
}

impl Expectation {
    /// What this recording asks of a run on this board.
    ///
    /// # Errors
    /// It cannot be read, or has signals that are no lines of the board.
    pub(crate) fn load(
        path: &Path,
        board: &Board,
        assignments: &[Assignment],
        rules: Rules,
    ) -> Result<Expectation, String> {
        let wave = Wave::read(path).map_err(|error| error.to_string())?;
        let (unit, hints) = (wave.unit, hinted(path, &wave.hints));
        let path = clean(&path.display().to_string()).into_owned();
        let placed =
            place(&wave, board, assignments).map_err(|error| format!("{path}: {error}"))?;
        let wave = as_recorded(board, &placed, unit);
        if !wave.lines().any(|(_, line)| is_output(line)) {
            return Err(format!(
                "{path}: --expect would compare nothing: {}",
                if placed.is_empty() {
                    "no signal of it is a line of this board"
                } else {
                    "no line of it is ever an output"
                }
            ));
        }
        Ok(Expectation {
            path,
            wave,
            rules,
            hints,
        })
    }

    /// What should be said before the run.
    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// What a run did otherwise, and what was compared. `dump` is its recording.
    ///
    /// # Errors
    /// The run's own recording cannot be read.
    pub(crate) fn judge(&self, dump: &[u8]) -> Result<Comparison, String> {
        let run = Wave::of_dump(dump);
        let run = run.map_err(|error| format!("{}: cannot compare: {error}", self.path))?;
        let sides = Sides("the expected", "this run");
        let mut found = compare((&self.wave, &run), self.rules, sides, is_output, false);
        for difference in &mut found.differences {
            *difference = format!("{}: {difference}", self.path);
        }
        Ok(found)
    }

    /// That the run did as expected.
    pub(crate) fn praise(&self, found: &Comparison) -> String {
        format!("{}: as expected: {found} compared", self.path)
    }
}

/// What was made up in reading a recording, with its name.
pub(super) fn hinted(path: &Path, hints: &[String]) -> Vec<String> {
    let path = path.display().to_string();
    let say = |hint: &String| format!("{}: {hint}", clean(&path));
    hints.iter().map(say).collect()
}

/// Whether a line is an output at any time; one of which that is not known is taken for one.
fn is_output(line: &LineWave) -> bool {
    line.output.0.is_empty() || line.output.0.iter().any(|(_, output)| *output == Bit::High)
}
