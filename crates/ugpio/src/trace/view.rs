//! Which lines and which time of a recording are looked at. [`show`](super::show) and
//! [`svg`](super::svg) draw a [`View`].

use super::dump::time_text;
use super::wave::{Bit, ChipWave, LineWave, Steps, Wave};
use crate::clean::{clean, shortened};

/// The most characters of a name that are drawn.
const NAME_MAX: usize = 64;

/// A part of a recording. Its times are in femtoseconds.
#[derive(Debug)]
pub(crate) struct View<'w> {
    /// The lines, in the recording's order.
    pub(crate) rows: Vec<Row<'w>>,
    /// The first moment.
    pub(crate) from: u128,
    /// The last moment.
    pub(crate) to: u128,
    /// The remarks in between, fit to be shown.
    pub(crate) notes: Vec<(u128, String)>,
}

/// One line of it.
#[derive(Debug)]
pub(crate) struct Row<'w> {
    chip: &'w ChipWave,
    line: &'w LineWave,
    wave: &'w Wave,
}

/// What is wanted of a recording. Times are in femtoseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The lines, as `CHIP.LINE` or LINE; none for those on which something happens.
    pub(crate) lines: Vec<String>,
    /// All lines.
    pub(crate) all: bool,
    /// From when on.
    pub(crate) from: Option<u128>,
    /// Until when.
    pub(crate) to: Option<u128>,
}

impl<'w> View<'w> {
    /// Takes what is wanted.
    ///
    /// # Errors
    /// A line that is wanted is not in the recording, or it has no such time, or no lines at all.
    pub(crate) fn of(wave: &'w Wave, wanted: &Wanted) -> Result<View<'w>, String> {
        for word in &wanted.lines {
            if !wave.lines().any(|(chip, line)| is_called(chip, line, word)) {
                let word = clean(word);
                return Err(format!("no line of the recording is called \"{word}\""));
            }
        }
        if wave.lines().next().is_none() {
            return Err(
                "the recording has no signal of one bit, so there is nothing to draw".into(),
            );
        }
        let is_wanted = |(chip, line): &(&ChipWave, &LineWave)| match wanted.lines.as_slice() {
            [] => wanted.all || is_used(line),
            words => words.iter().any(|word| is_called(chip, line, word)),
        };
        let end = wave.unit.fs(wave.end);
        let (from, to) = (wanted.from.unwrap_or(0), wanted.to.unwrap_or(end));
        if from > to {
            let (from, to) = (time_text(from), time_text(to));
            return Err(match wanted.to {
                Some(_) => format!("--from {from} is after --to {to}"),
                None => format!("--from {from} is after the end of the recording, {to}"),
            });
        }
        let note = |(at, text): &(u64, String)| {
            let at = wave.unit.fs(*at);
            (from..=to)
                .contains(&at)
                .then(|| (at, clean(text).into_owned()))
        };
        Ok(View {
            rows: wave
                .lines()
                .filter(is_wanted)
                .map(|(chip, line)| Row { chip, line, wave })
                .collect(),
            from,
            to,
            notes: wave.notes.iter().filter_map(note).collect(),
        })
    }
}

impl<'w> Row<'w> {
    /// What it is called, as far as there is room: `CHIP.LINE`.
    pub(crate) fn label(&self) -> String {
        let label = label(self.chip, self.line);
        shortened(&clean(&label), NAME_MAX).into_owned()
    }

    /// Its level.
    pub(crate) fn level(&self) -> &'w Steps<Bit> {
        &self.line.level
    }

    /// A tick of it in femtoseconds.
    pub(crate) fn fs(&self, tick: u64) -> u128 {
        self.wave.unit.fs(tick)
    }
}

/// What a line of a recording is called: `CHIP.LINE`, or `CHIP.LINE@ID` if there are several.
pub(crate) fn label(chip: &ChipWave, line: &LineWave) -> String {
    let mut label = plain_label(chip, line);
    if let Some(id) = &line.twin {
        label.push('@');
        label.push_str(id);
    }
    label
}

fn plain_label(chip: &ChipWave, line: &LineWave) -> String {
    if chip.name.is_empty() {
        line.name.clone()
    } else {
        format!("{}.{}", chip.name, line.name)
    }
}

/// Whether a line of a recording is meant by a word: its name, `CHIP.LINE` or `CHIP.LINE@ID`.
pub(crate) fn is_called(chip: &ChipWave, line: &LineWave, word: &str) -> bool {
    if !word.contains(line.name.as_str()) {
        return false;
    }
    let is_twin = line.twin.is_some() && label(chip, line) == word;
    line.name == word || plain_label(chip, line) == word || is_twin
}

/// Whether anything happens on a line: its level changes, or it has a consumer.
fn is_used(line: &LineWave) -> bool {
    let is_held = line.consumer.0.iter().any(|(_, consumer)| consumer != "-");
    // That a chip comes or goes is nothing that happens on its lines.
    let known = line
        .level
        .0
        .iter()
        .map(|(_, bit)| *bit)
        .filter(|bit| *bit != Bit::Unknown);
    let (mut known, mut rest) = (known.clone(), known.skip(1));
    is_held || rest.any(|bit| known.next() != Some(bit))
}
