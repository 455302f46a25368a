//! The keys `base` of a board file: which numbers lines have in the legacy class.
//!
//! Where one is given, all chips of the file are numbered here, so that what programs find does not depend on the
//! order in which chips are plugged in. Without any, each chip gets its number when it is plugged in.

use std::fmt::Display;

use gpio_uapi::class::{FIRST_NUMBER, gap};
use toml::de::{DeTable, DeValue};

use super::file::{Reader, Value, integer, join};
use super::{BoardError, ChipSpec};
use crate::counted::counted;

impl Reader<'_> {
    /// Gives each of these chips, which are those of the file, the number of its first line.
    ///
    /// # Errors
    /// A `base` that is no number, or with which a line's number is out of range or another chip's.
    pub(super) fn number(
        &self,
        root: &DeTable<'_>,
        chips: &mut [ChipSpec],
    ) -> Result<(), BoardError> {
        for (index, (path, value)) in self.tables(root, "chip")?.into_iter().enumerate() {
            if let Some(value) = value.get_ref().get("base") {
                let base = self.own_base(value, &join(&path, "base"), index, chips)?;
                chips[index].base = Some(base);
            }
        }
        let given = root
            .get("machine")
            .and_then(|table| table.get_ref().get("base"));
        let start = match given {
            Some(value) => self.base(value, "machine.base", 1)?,
            None if chips.iter().all(|chip| chip.base.is_none()) => return Ok(()),
            None => FIRST_NUMBER,
        };
        for index in 0..chips.len() {
            if chips[index].base.is_some() {
                continue;
            }
            let lines = chips[index].lines;
            chips[index].base = gap(start, lines, taken(chips));
            if let (None, Some(value)) = (chips[index].base, given) {
                return Err(self.out_of_range(value, "machine.base", lines));
            }
        }
        Ok(())
    }

    /// The `base` of a chip, whose numbers no other chip may have.
    fn own_base(
        &self,
        value: &Value<'_>,
        key: &str,
        index: usize,
        chips: &[ChipSpec],
    ) -> Result<u32, BoardError> {
        let lines = chips[index].lines;
        let base = self.base(value, key, lines)?;
        let numbered = chips
            .iter()
            .filter_map(|chip| Some((&*chip.label, chip.base?, chip.lines)));
        match overlap(base, lines, numbered) {
            None => Ok(base),
            Some(problem) => Err(self.error(&value.span(), key, problem)),
        }
    }

    /// A number from which so many lines can be numbered.
    fn base(&self, value: &Value<'_>, key: &str, lines: u32) -> Result<u32, BoardError> {
        let Some(number) = integer(value) else {
            return Err(self.wrong_type(value, key, "a number"));
        };
        let base = u32::try_from(number).ok();
        base.filter(|base| check(*base, lines).is_ok())
            .ok_or_else(|| self.out_of_range(value, key, lines))
    }

    fn out_of_range(&self, value: &Value<'_>, key: &str, lines: u32) -> BoardError {
        let DeValue::Integer(number) = value.get_ref() else {
            return self.wrong_type(value, key, "a number");
        };
        self.error(&value.span(), key, no_room(number, lines))
    }
}

/// Says what is wrong with the number of the first of so many lines.
pub(super) fn check(base: u32, lines: u32) -> Result<(), String> {
    match gap(base, lines, []) {
        Some(_) => Ok(()),
        None => Err(no_room(base, lines)),
    }
}

fn no_room(base: impl Display, lines: u32) -> String {
    format!(
        "{base} leaves no numbers for {}: they end at {}",
        counted(lines, "line"),
        i32::MAX - 1
    )
}

/// Says which of these chips, by label, first number and count, has one of so many numbers from `base` on.
pub(crate) fn overlap<'c>(
    base: u32,
    lines: u32,
    mut chips: impl Iterator<Item = (&'c str, u32, u32)>,
) -> Option<String> {
    let last = |first: u32, count: u32| first.saturating_add(count).saturating_sub(1);
    let (label, first, count) = chips
        .find(|(_, first, count)| base <= last(*first, *count) && *first <= last(base, lines))?;
    Some(format!(
        "numbers {base} to {} overlap those of chip {label:?}, {first} to {}",
        last(base, lines),
        last(first, count)
    ))
}

/// First number and count of the chips that have numbers, in order.
fn taken(chips: &[ChipSpec]) -> Vec<(u32, u32)> {
    let numbered = chips
        .iter()
        .filter_map(|chip| Some((chip.base?, chip.lines)));
    let mut taken: Vec<_> = numbered.collect();
    taken.sort_unstable();
    taken
}
