//! The faults of a chip as lines of text, to be shown and to be planned: the `faults` files of the
//! gpio-sim tree. One line is read and written by [`crate::board::fault_text`].

use std::fmt;

use gpio_sim::fault::{Fault, FaultTime, Planned};
use gpiolib::{Level, Offset};

use super::{Chip, Plugged};
use crate::board::fault_text::{Line, text};
use crate::board::faults::Mistake;
use crate::control::protocol::Key;

/// The most faults to come of one chip: a program must not fill our memory with them.
pub(super) const PLANNED_MAX: usize = 1_024;

/// Why a text of faults was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no such chip.
    Gone,
    /// The line of this number has a mistake, at this key.
    Wrong(usize, &'static str, String),
    /// There are too many.
    Full,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Gone => f.write_str("the chip is gone"),
            Refused::Wrong(line, key, problem) => write!(f, "line {line}: {key}: {problem}"),
            Refused::Full => write!(f, "a chip has at most {PLANNED_MAX} faults to come"),
        }
    }
}

/// What a text of faults asks for.
#[derive(Debug, Default)]
struct Wanted {
    is_mended: bool,
    planned: Vec<Planned>,
}

impl Wanted {
    fn take(&mut self, chip: &Chip, line: &str) -> Result<(), Mistake> {
        match line.parse()? {
            Line::None => {
                self.is_mended = true;
                self.planned.clear();
            }
            Line::Fault(words, line) => {
                let offset = line.map(|line| chip.offset(&Key::Word(line))).transpose();
                let offset = offset.map_err(|failure| ("line", failure.message))?;
                self.planned.push(words.planned(offset.map(Offset::get))?);
            }
        }
        Ok(())
    }
}

impl Plugged {
    /// The tag of a chip, by the N of `gpiochipN`.
    pub(crate) fn tag_of(&self, id: u32) -> Option<u64> {
        let mut chips = self.chips.iter();
        chips.find(|(_, chip)| chip.id == id).map(|(tag, _)| *tag)
    }

    /// What may still go wrong with a chip, a line each: what is planned, and the lines that are stuck.
    /// `None` if there is no such chip.
    pub(crate) fn faults(&self, tag: u64) -> Option<String> {
        let chip = self.chips.get(&tag)?;
        let stuck = chip.stuck_lines().map(|(offset, level)| Planned {
            line: Some(offset),
            when: FaultTime::Next,
            fault: Fault::Stuck(level),
            times: 1,
        });
        let all = chip.faults.to_come().into_iter().chain(stuck);
        Some(all.map(|planned| text(&planned) + "\n").collect())
    }

    /// Plans what a text says, a fault each line; a line `none`, or a text of blanks, is the end of all
    /// faults before it. Either all of it is done or nothing.
    ///
    /// # Errors
    /// What is wrong with which line of the text, or that there is no such chip.
    pub(crate) fn plan_text(&mut self, tag: u64, said: &str) -> Result<(), Refused> {
        let chip = self.chips.get(&tag).ok_or(Refused::Gone)?;
        let mut wanted = Wanted::default();
        for (number, line) in (1..).zip(said.lines()) {
            let wrong = |(key, problem): Mistake| Refused::Wrong(number, key, problem);
            if !line.trim_ascii().is_empty() {
                wanted.take(chip, line).map_err(wrong)?;
            }
        }
        let is_blank = said.trim_ascii().is_empty();
        let are_left = match wanted.is_mended || is_blank {
            true => 0,
            false => chip.faults.to_come().len(),
        };
        if are_left + wanted.planned.len() > PLANNED_MAX {
            return Err(Refused::Full);
        }
        if wanted.is_mended || is_blank {
            chip.mend();
        }
        for planned in wanted.planned {
            chip.faults.plan(planned);
        }
        Ok(())
    }
}

impl Chip {
    /// Forgets its faults, and frees its stuck lines.
    pub(super) fn mend(&self) {
        self.faults.forget();
        for (offset, _) in self.stuck_lines().collect::<Vec<_>>() {
            self.sim.chip().stick(offset, None);
        }
    }

    fn stuck_lines(&self) -> impl Iterator<Item = (Offset, Level)> {
        let stuck = |offset| Some((offset, self.sim.chip().line(offset).ok()?.stuck()?));
        (0..self.sim.device().ngpio())
            .map(Offset::new)
            .filter_map(stuck)
    }
}
