//! `ugpio run --replay`: pulls the lines of the board as a recording says.
//!
//! What the lines are at the beginning they are before the program starts. From there on the recording
//! waits for the program to request one of its lines, however long that takes, and goes on from where
//! they were requested in it (from its beginning, if it does not say). A thread of its own keeps the
//! time. A line is left alone while the recording has it as an output. [`Script`] says what is to be
//! done, a [`Player`] does it.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::place::Placed;
use super::wave::{Bit, LineWave};
use crate::control::plugged::Shared;
use crate::control::protocol::{Event, Happened, Key, Pull};
use crate::control::server::now;

/// What is to be pulled, and when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    /// The lines, as chip label and offset.
    lines: Vec<(String, u32)>,
    /// Before the program starts.
    first: Vec<Step>,
    /// After that, by time from the request in the recording.
    then: Vec<(u64, Step)>,
}

/// One pull.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Step {
    /// Which of the script's lines.
    line: usize,
    pull: Pull,
}

impl Script {
    /// What a recording asks for. Lines that are outputs all the time are left out.
    pub(crate) fn of(placed: &[Placed]) -> Script {
        let inputs: Vec<&Placed> = placed
            .iter()
            .filter(|p| !levels(&p.wave).is_empty())
            .collect();
        let requested = |p: &&Placed| p.wave.consumer.changes().first().map(|(at, _)| *at);
        let anchor = inputs.iter().filter_map(requested).min().unwrap_or(0);
        let mut script = Script::default();
        for (line, placed) in inputs.iter().enumerate() {
            script.lines.push((placed.chip.clone(), placed.offset));
            for (at, pull) in levels(&placed.wave) {
                let step = Step { line, pull };
                if at <= anchor {
                    script.first.retain(|other| other.line != line);
                    script.first.push(step);
                } else {
                    script.then.push((at - anchor, step));
                }
            }
        }
        // Stable: what happens at one moment stays in the order of the lines.
        script.then.sort_by_key(|(at, _)| *at);
        script
    }

    fn pull(&self, plugged: &Shared, step: Step) {
        let Some((chip, offset)) = self.lines.get(step.line) else {
            return;
        };
        let (chip, line) = (Key::Word(chip.clone()), Key::Number(*offset));
        // A chip that was unplugged meanwhile is pulled by nobody.
        let _ = plugged.borrow().pull(&chip, &line, step.pull, now());
    }
}

/// The pulls that make the levels which a line has while it is not an output.
fn levels(wave: &LineWave) -> Vec<(u64, Pull)> {
    let is_driven = |at| wave.output.at(at) == Some(&Bit::High);
    // When a line becomes an input, the level that it has then is somebody else's.
    let freed = wave
        .output
        .0
        .iter()
        .filter(|(_, out)| *out == Bit::Low)
        .map(|(at, _)| *at);
    let changed = wave.level.0.iter().map(|(at, _)| *at);
    let mut moments: Vec<u64> = changed.chain(freed).collect();
    moments.sort_unstable();
    moments.dedup();
    let mut levels: Vec<(u64, Pull)> = Vec::new();
    for at in moments.into_iter().filter(|at| !is_driven(*at)) {
        let pull = match wave.level.at(at) {
            Some(Bit::High) => Pull::Up,
            Some(Bit::Low) => Pull::Down,
            Some(Bit::Unknown) | None => continue,
        };
        if levels.last().is_none_or(|(_, last)| *last != pull) {
            levels.push((at, pull));
        }
    }
    levels
}

/// Plays a script.
#[derive(Debug)]
pub(crate) struct Player {
    lines: Vec<(String, u32)>,
    go: SyncSender<u64>,
}

impl Player {
    /// Pulls what comes first, and gets ready for the rest.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(script: Script, plugged: Shared) -> io::Result<Player> {
        for step in &script.first {
            script.pull(&plugged, *step);
        }
        let (go, starts) = sync_channel(1);
        let lines = script.lines.clone();
        thread::Builder::new()
            .name("replay".into())
            .spawn(move || play(&script, &plugged, &starts))?;
        Ok(Player { lines, go })
    }

    /// Sees what happens on the board, and starts to play when a line of the script is requested.
    pub(crate) fn tap(&self, happened: &Happened) {
        let Event::Requested { line, .. } = &happened.event else {
            return;
        };
        let is_ours =
            |(chip, offset): &(String, u32)| *chip == line.chip.label && *offset == line.offset;
        if self.lines.iter().any(is_ours) {
            // Only the first counts; later there is no room or nobody to take it.
            let _ = self.go.try_send(happened.at_ns);
        }
    }
}

/// The thread: waits for the start, then for the moment of each pull.
fn play(script: &Script, plugged: &Shared, starts: &Receiver<u64>) {
    let Ok(start_ns) = starts.recv() else {
        return;
    };
    for (at, step) in &script.then {
        let wait = start_ns
            .saturating_add(*at)
            .saturating_sub(now().monotonic_ns);
        if wait > 0 {
            thread::sleep(Duration::from_nanos(wait));
        }
        script.pull(plugged, *step);
    }
}

#[cfg(test)]
mod tests;
