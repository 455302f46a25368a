//! Makes a [`Wave`] of what a recording says, whichever form it has.
//!
//! [`Builder`] listens to the reader of value change dumps and to that of FSTs. Signals of one bit are lines;
//! of all else nothing is kept.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::{ChipWave, LineWave, Wave};
use crate::trace::dump::{Bit, Declared, End, Listener};
use crate::trace::names;
use crate::trace::names::unescaped;

/// The most bytes that names and remarks may take, all together.
const NAMES_MAX: usize = 256 << 20;

/// The most changes that are kept: they take 16 bytes each.
const CHANGES_MAX: usize = 1 << 27;

/// Which part of which line a signal is.
#[derive(Clone, Copy, Debug)]
enum Part {
    Level,
    Output,
    Consumer,
}

/// Where a change of a variable goes. Several signals may be one variable: a list.
#[derive(Clone, Copy, Debug)]
struct Goal {
    chip: u32,
    line: u32,
    part: Part,
    /// The next goal of the variable, plus one.
    next: u32,
}

/// What the signals of a scope are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Role {
    /// Lines.
    Lines,
    /// Whether the lines of this chip are outputs.
    Output(usize),
    /// The consumers of this chip's lines.
    Consumer(usize),
    /// Our remarks.
    Remarks,
}

/// A scope that is open.
#[derive(Clone, Copy, Debug)]
struct Scope {
    /// How long the path was without it.
    outside: usize,
    role: Role,
    /// Its chip, once it has a line.
    chip: Option<usize>,
}

/// A line that was the first of its name.
#[derive(Debug)]
struct First {
    line: usize,
    var: u32,
    id: Box<str>,
}

const TOP: Scope = Scope {
    outside: 0,
    role: Role::Lines,
    chip: None,
};

/// Makes a recording.
#[derive(Debug, Default)]
pub(super) struct Builder {
    wave: Wave,
    /// Whether a run of ours wrote it.
    ours: bool,
    /// Whether remarks are one word each, as in a dump.
    is_escaped: bool,
    path: String,
    open: Vec<Scope>,
    top: Option<usize>,
    chips: HashMap<String, usize>,
    /// The first line of a name, by chip.
    lines: HashMap<(usize, String), First>,
    /// The other variables of that name: chip, first line, variable.
    twins: HashSet<(usize, usize, u32)>,
    /// Where the changes of a variable go: a goal, plus one.
    heads: Vec<u32>,
    goals: Vec<Goal>,
    remarks: Option<u32>,
    bytes: usize,
    changes: usize,
}

impl Builder {
    /// One for a dump, or for an FST.
    pub(super) fn new(is_escaped: bool) -> Builder {
        Builder {
            is_escaped,
            ..Builder::default()
        }
    }

    /// The recording, now that all of it has been heard.
    pub(super) fn finish(mut self, end: End) -> Wave {
        self.wave.unit = end.unit;
        self.wave.end = end.last;
        self.wave.hints = end.hints;
        self.wave
    }

    fn scope(&self) -> Scope {
        self.open.last().copied().unwrap_or(Scope {
            chip: self.top,
            ..TOP
        })
    }

    /// Notes that so many bytes are kept.
    fn keep(&mut self, bytes: usize) -> Result<(), String> {
        // With room for what keeps them.
        self.bytes = self.bytes.saturating_add(bytes + 64);
        if self.bytes > NAMES_MAX {
            return Err(format!("names and remarks of more than {NAMES_MAX} bytes"));
        }
        Ok(())
    }

    /// The chip of the scope that is open, made if it has none yet.
    fn chip(&mut self) -> Result<usize, String> {
        let scope = self.scope();
        if let Some(chip) = scope.chip {
            return Ok(chip);
        }
        let chip = match self.chips.get(&self.path) {
            // A scope that was opened again.
            Some(chip) => *chip,
            None => {
                self.keep(2 * self.path.len())?;
                let chip = self.wave.chips.len();
                self.chips.insert(self.path.clone(), chip);
                self.wave.chips.push(ChipWave {
                    name: self.path.clone(),
                    lines: Vec::new(),
                });
                chip
            }
        };
        match self.open.last_mut() {
            Some(scope) => scope.chip = Some(chip),
            None => self.top = Some(chip),
        }
        Ok(chip)
    }

    /// Has the changes of a variable go to a part of a line, too.
    fn lead(&mut self, var: u32, chip: usize, line: usize, part: Part) -> Result<(), String> {
        let many = |_| "too many signals".to_owned();
        let index = usize::try_from(var).map_err(many)?;
        if self.heads.len() <= index {
            self.heads.resize(index + 1, 0);
        }
        let goal = Goal {
            chip: u32::try_from(chip).map_err(many)?,
            line: u32::try_from(line).map_err(many)?,
            part,
            next: self.heads[index],
        };
        self.goals.push(goal);
        self.heads[index] = u32::try_from(self.goals.len()).map_err(many)?;
        Ok(())
    }

    fn line(&mut self, var: u32, declared: &Declared) -> Result<(), String> {
        let is_state = declared.name == names::PLUGGED || declared.name == names::ERROR;
        if !declared.is_line() || (self.ours && is_state) {
            return Ok(());
        }
        let chip = self.chip()?;
        let name = format!("{}{}", declared.name, declared.index);
        self.keep(2 * name.len() + declared.id.len())?;
        let lines = &mut self.wave.chips[chip].lines;
        let line = lines.len();
        let id: Box<str> = declared.id.as_str().into();
        let mut twin = None;
        match self.lines.entry((chip, name.clone())) {
            Entry::Vacant(place) => {
                place.insert(First { line, var, id });
            }
            Entry::Occupied(first) => {
                let first = first.get();
                // The same signal may be declared again.
                if first.var == var || !self.twins.insert((chip, first.line, var)) {
                    return Ok(());
                }
                lines[first.line]
                    .twin
                    .get_or_insert_with(|| first.id.clone());
                twin = Some(id);
            }
        }
        lines.push(LineWave {
            name,
            twin,
            ..LineWave::default()
        });
        self.lead(var, chip, line, Part::Level)
    }

    fn note(&mut self, at: u64, text: String) -> Result<(), String> {
        self.keep(text.len())?;
        self.wave.notes.push((at, text));
        Ok(())
    }
}

impl Listener for Builder {
    fn version(&mut self, text: &str) {
        self.ours |= text.starts_with("ugpio ");
    }

    fn open(&mut self, name: &str) -> Result<(), String> {
        let outer = self.scope();
        let outside = self.path.len();
        if !name.is_empty() {
            if outside > 0 {
                self.path.push('.');
            }
            self.path.push_str(name);
        }
        if self.path.len() > NAMES_MAX {
            return Err("its scopes lie in each other too deeply".to_owned());
        }
        let role = match (name, outer.role, outer.chip) {
            (names::OUTPUT, Role::Lines, Some(chip)) if self.ours => Role::Output(chip),
            (names::CONSUMER, Role::Lines, Some(chip)) if self.ours => Role::Consumer(chip),
            (names::REMARKS, ..) if self.ours && outside == 0 => Role::Remarks,
            _ => Role::Lines,
        };
        self.keep(0)?;
        self.open.push(Scope {
            outside,
            role,
            // One without a name is the scope around it.
            chip: outer.chip.filter(|_| name.is_empty()),
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        if let Some(scope) = self.open.pop() {
            self.path.truncate(scope.outside);
        }
        Ok(())
    }

    fn signal(&mut self, var: u32, declared: &Declared) -> Result<(), String> {
        let part = match self.scope().role {
            Role::Remarks if declared.kind == "string" && declared.name == names::TEXT => {
                self.remarks = Some(var);
                return Ok(());
            }
            Role::Lines | Role::Remarks => return self.line(var, declared),
            Role::Output(chip) => (chip, Part::Output),
            Role::Consumer(chip) => (chip, Part::Consumer),
        };
        let (chip, part) = part;
        let key = (chip, declared.name.clone());
        match self.lines.get(&key).map(|first| first.line) {
            Some(line) => {
                self.keep(0)?;
                self.lead(var, chip, line, part)
            }
            None => Ok(()),
        }
    }

    fn bit(&mut self, at: u64, var: u32, bit: Bit) -> Result<(), String> {
        let mut next = self.heads.get(var as usize).copied().unwrap_or(0);
        while let Some(goal) = self.goals.get((next as usize).wrapping_sub(1)) {
            let line = &mut self.wave.chips[goal.chip as usize].lines[goal.line as usize];
            let steps = match goal.part {
                Part::Level => Some(&mut line.level),
                Part::Output => Some(&mut line.output),
                Part::Consumer => None,
            };
            if let Some(steps) = steps {
                self.changes += usize::from(steps.push(at, bit));
            }
            next = goal.next;
        }
        if self.changes > CHANGES_MAX {
            return Err(format!("more than {CHANGES_MAX} changes of lines"));
        }
        Ok(())
    }

    fn text(&mut self, at: u64, var: u32, text: &str) -> Result<(), String> {
        if self.remarks == Some(var) {
            // `-` is the one that was never made.
            return match text {
                "-" => Ok(()),
                text if self.is_escaped => self.note(at, unescaped(text)),
                text => self.note(at, text.to_owned()),
            };
        }
        let mut next = self.heads.get(var as usize).copied().unwrap_or(0);
        while let Some(goal) = self.goals.get((next as usize).wrapping_sub(1)) {
            let line = &mut self.wave.chips[goal.chip as usize].lines[goal.line as usize];
            let is_new =
                matches!(goal.part, Part::Consumer) && line.consumer.push(at, text.to_owned());
            next = goal.next;
            if is_new {
                self.keep(text.len())?;
            }
        }
        Ok(())
    }

    fn comment(&mut self, at: u64, text: &str) -> Result<(), String> {
        self.note(at, text.to_owned())
    }
}
