//! `ugpio run --expect`: the outputs of a run against those of a recording.
//!
//! Made before the program starts, so that a recording which cannot be met is an error then; judged when
//! it has ended.

use std::path::Path;

use super::diff::{Rules, Sides, differences};
use super::place::{Assignment, as_recorded, place};
use super::wave::{Bit, LineWave, Wave};
use crate::board::Board;

/// What a run is to do.
#[derive(Debug)]
pub(crate) struct Expectation {
    path: String,
    wave: Wave,
    rules: Rules,
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
        let path = path.display().to_string();
        let placed =
            place(&wave, board, assignments).map_err(|error| format!("{path}: {error}"))?;
        let wave = as_recorded(board, &placed);
        Ok(Expectation { path, wave, rules })
    }

    /// What a run did otherwise, a line each. `dump` is its recording.
    pub(crate) fn judge(&self, dump: &[u8]) -> Vec<String> {
        let run = match Wave::of_bytes(dump) {
            Ok(run) => run,
            Err(error) => return vec![format!("{}: cannot compare: {error}", self.path)],
        };
        let sides = Sides("the expected", "this run");
        let found = differences(&self.wave, &run, self.rules, sides, is_output);
        let say = |difference: String| format!("{}: {difference}", self.path);
        found.into_iter().map(say).collect()
    }
}

/// Whether a line is an output at any time; one of which that is not known is taken for one.
fn is_output(line: &LineWave) -> bool {
    line.output.0.is_empty() || line.output.0.iter().any(|(_, output)| *output == Bit::High)
}
