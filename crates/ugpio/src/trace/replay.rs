//! `ugpio run --replay`: pulls the lines of the board as a recording says.
//!
//! What the lines are at the beginning they are before the program starts. From there on each line waits
//! for the program to request it, however long that takes, and goes on from where it was requested in
//! the recording; a recording that does not say such things begins as a whole with the first request. A
//! thread of its own keeps the time. A line is left alone while the recording has it as an output.
//! [`Script`] says what is to be done, a [`Player`] does it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
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
    lines: Vec<Line>,
    /// Whether the lines start together.
    is_joint: bool,
}

/// What happens to one line.
#[derive(Clone, Debug)]
struct Line {
    chip: String,
    offset: u32,
    /// Before the program starts.
    first: Option<Pull>,
    /// After that, by time from its request.
    then: Vec<(u64, Pull)>,
}

impl Script {
    /// What a recording asks for. Lines that are outputs all the time are left out.
    pub(crate) fn of(placed: &[Placed]) -> Script {
        let is_ours = |placed: &Placed| !placed.wave.consumer.0.is_empty();
        let is_joint = !placed.iter().all(is_ours);
        let line = |placed: &Placed| {
            let levels = levels(&placed.wave);
            let requested = placed.wave.consumer.changes().first();
            let start = requested.filter(|_| !is_joint).map_or(0, |(at, _)| *at);
            let (before, after) = levels.split_at(levels.partition_point(|(at, _)| *at <= start));
            let line = Line {
                chip: placed.chip.clone(),
                offset: placed.offset,
                first: before.last().map(|(_, pull)| *pull),
                then: after.iter().map(|(at, pull)| (at - start, *pull)).collect(),
            };
            // Nothing is said of a line that is an output all the time.
            (!levels.is_empty()).then_some(line)
        };
        Script {
            lines: placed.iter().filter_map(line).collect(),
            is_joint,
        }
    }
}

impl Line {
    fn pull(&self, plugged: &Shared, pull: Pull) {
        let (chip, line) = (Key::Word(self.chip.clone()), Key::Number(self.offset));
        // A chip that was unplugged meanwhile is pulled by nobody.
        let _ = plugged.borrow().pull(&chip, &line, pull, now());
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
    /// Chip label and offset of each line that nobody has requested yet.
    waiting: RefCell<Vec<Option<(String, u32)>>>,
    is_joint: bool,
    starts: Sender<(usize, u64)>,
}

impl Player {
    /// Pulls what comes first, and gets ready for the rest.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(script: Script, plugged: Shared) -> io::Result<Player> {
        for line in &script.lines {
            if let Some(pull) = line.first {
                line.pull(&plugged, pull);
            }
        }
        let (starts, heard) = channel();
        let is_joint = script.is_joint;
        let name = |line: &Line| Some((line.chip.clone(), line.offset));
        let waiting = script.lines.iter().map(name).collect();
        thread::Builder::new()
            .name("replay".into())
            .spawn(move || play(&script.lines, &plugged, &heard))?;
        Ok(Player {
            waiting: RefCell::new(waiting),
            is_joint,
            starts,
        })
    }

    /// Sees what happens on the board, and starts a line that is requested for the first time.
    pub(crate) fn tap(&self, happened: &Happened) {
        let Event::Requested { line, .. } = &happened.event else {
            return;
        };
        let mut waiting = self.waiting.borrow_mut();
        let is_it =
            |(chip, offset): &(String, u32)| *chip == line.chip.label && *offset == line.offset;
        let found = waiting
            .iter()
            .position(|name| name.as_ref().is_some_and(is_it));
        let Some(found) = found else { return };
        let started = if self.is_joint {
            0..waiting.len()
        } else {
            found..found + 1
        };
        for index in started {
            waiting[index] = None;
            // A thread that has nothing left to do is gone.
            let _ = self.starts.send((index, happened.at_ns));
        }
    }
}

/// The thread: does what is due, and hears of lines that start.
fn play(lines: &[Line], plugged: &Shared, starts: &Receiver<(usize, u64)>) {
    // By moment, line, and place in the line's list.
    let mut due: BTreeMap<(u64, usize, usize), Pull> = BTreeMap::new();
    loop {
        let next = due.keys().next().map(|(at, ..)| *at);
        let wait = next.map(|at| Duration::from_nanos(at.saturating_sub(now().monotonic_ns)));
        let started = match wait {
            None => starts.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(wait) => starts.recv_timeout(wait),
        };
        match started {
            Ok((index, at_ns)) => {
                let steps = lines.get(index).map(|line| line.then.as_slice());
                for (place, (at, pull)) in steps.unwrap_or_default().iter().enumerate() {
                    due.insert((at_ns.saturating_add(*at), index, place), *pull);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                if let Some(((_, index, _), pull)) = due.pop_first()
                    && let Some(line) = lines.get(index)
                {
                    line.pull(plugged, pull);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests;
