//! Which lines and which time of a recording are looked at. [`show`](super::show) and
//! [`svg`](super::svg) draw a [`View`].

use super::wave::{Bit, ChipWave, LineWave, Wave};

/// A part of a recording.
#[derive(Debug)]
pub(crate) struct View<'w> {
    /// The lines, in the recording's order.
    pub(crate) rows: Vec<Row<'w>>,
    /// The first moment, in nanoseconds.
    pub(crate) from_ns: u64,
    /// The last moment.
    pub(crate) to_ns: u64,
    /// The remarks in between.
    pub(crate) notes: Vec<(u64, String)>,
}

/// One line of it.
#[derive(Debug)]
pub(crate) struct Row<'w> {
    /// Its chip.
    pub(crate) chip: &'w ChipWave,
    /// Itself.
    pub(crate) line: &'w LineWave,
}

/// What is wanted of a recording.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The lines, as `CHIP.LINE` or LINE; none for those on which something happens.
    pub(crate) lines: Vec<String>,
    /// All lines.
    pub(crate) all: bool,
    /// From when on, in nanoseconds.
    pub(crate) from_ns: Option<u64>,
    /// Until when.
    pub(crate) to_ns: Option<u64>,
}

impl<'w> View<'w> {
    /// Takes what is wanted.
    ///
    /// # Errors
    /// A line that is wanted is not in the recording.
    pub(crate) fn of(wave: &'w Wave, wanted: &Wanted) -> Result<View<'w>, String> {
        for word in &wanted.lines {
            if !wave.lines().any(|(chip, line)| is_called(chip, line, word)) {
                return Err(format!("no line of the recording is called {word:?}"));
            }
        }
        let is_wanted = |(chip, line): &(&ChipWave, &LineWave)| match wanted.lines.as_slice() {
            [] => wanted.all || is_used(line),
            words => words.iter().any(|word| is_called(chip, line, word)),
        };
        let (from_ns, to_ns) = (
            wanted.from_ns.unwrap_or(0),
            wanted.to_ns.unwrap_or(wave.end_ns),
        );
        let is_within = |(at, _): &&(u64, String)| (from_ns..=to_ns).contains(at);
        Ok(View {
            rows: wave
                .lines()
                .filter(is_wanted)
                .map(|(chip, line)| Row { chip, line })
                .collect(),
            from_ns,
            to_ns,
            notes: wave.notes.iter().filter(is_within).cloned().collect(),
        })
    }
}

impl Row<'_> {
    /// What it is called: `CHIP.LINE`.
    pub(crate) fn label(&self) -> String {
        label(self.chip, self.line)
    }
}

/// What a line of a recording is called: `CHIP.LINE`.
pub(crate) fn label(chip: &ChipWave, line: &LineWave) -> String {
    if chip.name.is_empty() {
        line.name.clone()
    } else {
        format!("{}.{}", chip.name, line.name)
    }
}

/// Whether a line of a recording is meant by a word: its name, or `CHIP.LINE`.
pub(crate) fn is_called(chip: &ChipWave, line: &LineWave, word: &str) -> bool {
    line.name == word || label(chip, line) == word
}

/// Whether anything happens on a line: its level changes, or somebody holds it.
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
