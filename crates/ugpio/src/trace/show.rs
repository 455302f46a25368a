//! `ugpio trace show`: waveforms as text.
//!
//! A line of the board is a row, a column a slice of time. What happens within one column is drawn as a
//! rise, a fall, or as several changes. Called by the verbs in [`super`].

use std::io::{self, Write};

use super::dump::time_text;
use super::view::{Row, View};
use super::wave::Bit;

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
    let columns = Columns {
        from: view.from,
        span: view.to - view.from,
        count: width.max(1) as u128,
    };
    for (row, name) in view.rows.iter().zip(&names) {
        write!(to, "{name:margin$} ")?;
        for column in 0..columns.count {
            let (from, until) = (columns.begin(column), columns.begin(column + 1));
            write!(to, "{}", cell(row, from, until))?;
        }
        writeln!(to)?;
    }
    let (from, until) = (time_text(view.from), time_text(view.to));
    let gap = width.saturating_sub(from.len() + until.len());
    writeln!(to, "{:margin$} {from}{:gap$}{until}", "", "")?;
    for (at, note) in &view.notes {
        writeln!(to, "{:>12}  {note}", time_text(*at))?;
    }
    Ok(())
}

/// Slices of time.
#[derive(Debug)]
struct Columns {
    from: u128,
    span: u128,
    count: u128,
}

impl Columns {
    /// When a column begins. The last one ends behind the last moment, so that this is in it.
    fn begin(&self, column: u128) -> u128 {
        if column == self.count {
            return self.from + self.span + 1;
        }
        let (whole, rest) = (self.span / self.count, self.span % self.count);
        self.from + whole * column + rest * column / self.count
    }
}

/// One column of one line: `from` up to but not `until`.
fn cell(row: &Row<'_>, from: u128, until: u128) -> char {
    let level = row.level();
    let first = level.0.partition_point(|(at, _)| row.fs(*at) < from);
    let last = level.0.partition_point(|(at, _)| row.fs(*at) < until);
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
    use super::super::dump::NANOSECOND;
    use super::super::view::Wanted;
    use super::super::wave::Wave;
    use super::*;

    fn shown(dump: &str, width: usize, from: Option<u128>, to: Option<u128>) -> String {
        let wave = Wave::of_dump(dump.as_bytes()).unwrap();
        let wanted = Wanted {
            all: true,
            from: from.map(|ns| ns * NANOSECOND),
            to: to.map(|ns| ns * NANOSECOND),
            ..Wanted::default()
        };
        let view = View::of(&wave, &wanted).unwrap();
        let mut text = Vec::new();
        draw(&view, width, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    const DUMP: &str = "$timescale 1 ns $end $var wire 1 ! a $end $enddefinitions $end
        #0 0! #10 1! #20 0! #21 1! #30 x! #40";

    #[test]
    fn cells_show_levels_and_changes() {
        let row = |text: &str| text.lines().next().unwrap().to_owned();
        assert_eq!(row(&shown(DUMP, 4, Some(5), Some(45))), "a /╳··");
        assert_eq!(row(&shown(DUMP, 5, Some(0), Some(4))), "a ▁▁▁▁▁");
        assert_eq!(row(&shown(DUMP, 2, Some(12), Some(13))), "a ▔▔");
        // A change is in one column, however narrow they are; one at the last moment is in the last.
        assert_eq!(row(&shown(DUMP, 6, Some(9), Some(10))), "a ▁▁▁▁▁/");
        assert_eq!(row(&shown(DUMP, 4, Some(8), Some(10))), "a ▁▁▁/");
        assert_eq!(row(&shown(DUMP, 3, Some(10), Some(10))), "a ▁▁/");
        assert!(
            shown(DUMP, 30, None, None)
                .lines()
                .nth(1)
                .unwrap()
                .ends_with("40 ns")
        );
    }

    #[test]
    fn changes_below_a_nanosecond_are_drawn() {
        let fast = DUMP.replace("1 ns", "1 ps");
        let row = shown(&fast, 41, None, None);
        assert_eq!(row.matches('/').count(), 2, "{row}");
        assert_eq!(row.matches('\\').count(), 1, "{row}");
        assert!(row.contains("40 ps"), "{row}");
    }

    #[test]
    fn names_are_short_and_do_nothing() {
        let name = format!("\x1b[2J{}", "n".repeat(100_000));
        let long = DUMP.replace("! a", &format!("! {name}"));
        let row = shown(&long, 10, None, None);
        assert!(
            row.starts_with("\\u{1b}[2Jnnn") && row.contains('…'),
            "{row}"
        );
        assert!(row.len() < 300 && !row.contains('\x1b'), "{row}");
        let noted = DUMP.replace("#40", "$comment \x1b]0;evil\x07 $end #40");
        let text = shown(&noted, 10, None, None);
        assert!(
            text.contains("\\u{1b}]0;evil\\u{7}") && !text.contains('\x1b'),
            "{text}"
        );
    }
}
