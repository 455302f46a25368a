//! `ugpio trace show`: waveforms as text.
//!
//! A line of the board is a row, a column a slice of time. What happens within one column is drawn as a
//! rise, a fall, or as several changes. Called by the verbs in [`super`].

use std::io::{self, Write};

use super::time_text;
use super::view::{Row, View};
use super::wave::{Bit, Steps};

/// Draws what a view shows, `width` columns of time wide.
///
/// # Errors
/// `to` cannot be written.
pub(crate) fn draw(view: &View<'_>, width: usize, to: &mut impl Write) -> io::Result<()> {
    let names: Vec<String> = view.rows.iter().map(Row::label).collect();
    let margin = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0);
    let span = view.to_ns.saturating_sub(view.from_ns).max(1);
    let begin = |column: usize| {
        let part = u128::from(span) * column as u128 / width as u128;
        view.from_ns + u64::try_from(part).unwrap_or(span)
    };
    for (row, name) in view.rows.iter().zip(&names) {
        write!(to, "{name:margin$} ")?;
        for column in 0..width {
            let (from, until) = (begin(column), begin(column + 1));
            write!(to, "{}", cell(&row.line.level, from, until))?;
        }
        writeln!(to)?;
    }
    let (from, until) = (time_text(view.from_ns), time_text(view.to_ns));
    let gap = width.saturating_sub(from.len() + until.len());
    writeln!(to, "{:margin$} {from}{:gap$}{until}", "", "")?;
    for (at, note) in &view.notes {
        writeln!(to, "{:>12}  {note}", time_text(*at))?;
    }
    Ok(())
}

/// One column of one line: `from` up to but not `until`.
fn cell(level: &Steps<Bit>, from: u64, until: u64) -> char {
    let first = level.0.partition_point(|(at, _)| *at < from);
    let last = level.0.partition_point(|(at, _)| *at < until.max(from + 1));
    let before = first.checked_sub(1).map(|index| level.0[index].1);
    match level.0.get(first..last).unwrap_or_default() {
        [] => flat(before.unwrap_or(Bit::Unknown)),
        [(_, bit)] => match (before, bit) {
            (Some(Bit::Low), Bit::High) => '/',
            (Some(Bit::High), Bit::Low) => '\\',
            (_, bit) => flat(*bit),
        },
        _ => '╳',
    }
}

fn flat(bit: Bit) -> char {
    match bit {
        Bit::Low => '▁',
        Bit::High => '▔',
        Bit::Unknown => '·',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_show_levels_and_changes() {
        let level = Steps(vec![
            (0, Bit::Low),
            (10, Bit::High),
            (20, Bit::Low),
            (21, Bit::High),
            (30, Bit::Unknown),
        ]);
        let drawn: String = (0..4)
            .map(|c| cell(&level, c * 10 + 5, c * 10 + 15))
            .collect();
        assert_eq!(drawn, "/╳··");
        assert_eq!(cell(&level, 0, 5), '▁');
        assert_eq!(cell(&level, 12, 13), '▔');
        assert_eq!(cell(&level, 20, 21), '\\');
        assert_eq!(cell(&Steps::default(), 0, 5), '·');
    }
}
