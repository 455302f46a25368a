//! `ugpio trace svg`: waveforms as a picture, for a README.
//!
//! One path for each line, drawn at the moments of its changes; time runs to the right. The picture
//! carries its own colours for light and dark pages. Called by the verbs in [`super`].

use std::io::{self, Write};

use super::dump::time_text;
use super::view::{Row, View};
use super::wave::Bit;
use crate::counted::counted;

/// The height of a row, and of the wave in it, in pixels.
const ROW: u32 = 28;
const WAVE: u32 = 16;

/// The width of a letter, roughly, in pixels.
const LETTER: u32 = 8;

/// A ground of its own, since a page may be light for people who like it dark.
const STYLE: &str = "rect{fill:#fff}text{font:13px ui-monospace,monospace;fill:#24292f}\
path{fill:none;stroke:#0969da;stroke-width:1.5}\
.unknown{stroke:#8c959f;stroke-dasharray:3 3}.axis{stroke:#d0d7de}\
@media(prefers-color-scheme:dark){rect{fill:#0d1117}text{fill:#e6edf3}path{stroke:#58a6ff}\
.unknown{stroke:#6e7681}.axis{stroke:#30363d}}";

/// Draws what a view shows, `width` pixels of time wide.
///
/// # Errors
/// `to` cannot be written.
pub(crate) fn draw(view: &View<'_>, width: u32, to: &mut impl Write) -> io::Result<()> {
    let names: Vec<String> = view.rows.iter().map(Row::label).collect();
    let letters = names
        .iter()
        .map(|name| name.chars().count())
        .max()
        .unwrap_or(0);
    let left = 12 + LETTER * u32::try_from(letters).unwrap_or(0);
    let rows = u32::try_from(names.len()).unwrap_or(0);
    let (all_width, all_height) = (left + width + 12, rows * ROW + 28);
    writeln!(
        to,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all_width}\" height=\"{all_height}\" \
         viewBox=\"0 0 {all_width} {all_height}\" role=\"img\">\n<title>Levels of {} \
         over {}</title>\n<style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\"/>",
        counted(rows, "line"),
        time_text(view.to - view.from),
    )?;
    let scale = Scale {
        from: view.from,
        span: (view.to - view.from).max(1),
        left,
        width,
    };
    for (index, (row, name)) in (0..).zip(view.rows.iter().zip(&names)) {
        let top = index * ROW + 6;
        let base = top + WAVE - 3;
        writeln!(to, "<text x=\"4\" y=\"{base}\">{}</text>", escaped(name))?;
        wave(row, view, &scale, top, to)?;
    }
    let (axis, text) = (rows * ROW + 4, rows * ROW + 20);
    let right = left + width;
    writeln!(
        to,
        "<path class=\"axis\" d=\"M{left} {axis}H{right}\"/>\n\
         <text x=\"{left}\" y=\"{text}\">{}</text>\n\
         <text x=\"{right}\" y=\"{text}\" text-anchor=\"end\">{}</text>\n</svg>",
        time_text(view.from),
        time_text(view.to),
    )
}

/// From time to pixels.
#[derive(Debug)]
struct Scale {
    from: u128,
    span: u128,
    left: u32,
    width: u32,
}

impl Scale {
    /// Tenths of a pixel are enough, and keep the file small.
    fn tenths(&self, at: u128) -> u128 {
        let passed = at.saturating_sub(self.from).min(self.span);
        // A span of very many bits is scaled down, or the product would overflow.
        let shift = (u128::BITS - self.span.leading_zeros()).saturating_sub(96);
        let wide = u128::from(self.width) * 10;
        (passed >> shift) * wide / (self.span >> shift).max(1) + u128::from(self.left) * 10
    }

    fn x(&self, at: u128) -> String {
        let tenths = self.tenths(at);
        match tenths % 10 {
            0 => (tenths / 10).to_string(),
            rest => format!("{}.{rest}", tenths / 10),
        }
    }
}

/// Draws one line: one path for what is known, one for what is not.
fn wave(
    row: &Row<'_>,
    view: &View<'_>,
    scale: &Scale,
    top: u32,
    to: &mut impl Write,
) -> io::Result<()> {
    let y = |bit: Bit| match bit {
        Bit::High => top,
        Bit::Low => top + WAVE,
        Bit::Unknown => top + WAVE / 2,
    };
    let steps = &row.level().0;
    let begin = steps.partition_point(|(at, _)| row.fs(*at) <= view.from);
    let end = steps.partition_point(|(at, _)| row.fs(*at) <= view.to);
    let mut bit = begin
        .checked_sub(1)
        .map_or(Bit::Unknown, |index| steps[index].1);
    let (mut known, mut unknown) = (String::new(), String::new());
    let mut x = scale.x(view.from);
    known += &format!("M{x} {}", y(bit));
    let is_known = |bit: Bit| bit != Bit::Unknown;
    let within = distinct(steps.get(begin..end).unwrap_or_default(), |at| {
        scale.tenths(row.fs(at))
    });
    let changes = within.map(|(at, bit)| (row.fs(at), Some(bit)));
    for (at, next) in changes.chain([(view.to, None)]) {
        let until = scale.x(at);
        if is_known(bit) {
            known += &format!("H{until}");
        } else {
            unknown += &format!("M{x} {}H{until}", y(bit));
        }
        x = until;
        let Some(next) = next else { break };
        known += &if is_known(bit) && is_known(next) {
            format!("V{}", y(next))
        } else {
            format!("M{x} {}", y(next))
        };
        bit = next;
    }
    writeln!(to, "<path d=\"{known}\"/>")?;
    if unknown.is_empty() {
        return Ok(());
    }
    writeln!(to, "<path class=\"unknown\" d=\"{unknown}\"/>")
}

/// The changes without those that could not be seen: of several at one place the first two and the last.
fn distinct<'s>(
    steps: &'s [(u64, Bit)],
    place: impl Fn(u64) -> u128 + 's,
) -> impl Iterator<Item = (u64, Bit)> + 's {
    let at = move |index: usize| steps.get(index).map(|(at, _)| place(*at));
    let is_seen = move |index: usize| {
        let here = at(index);
        let is_first = index < 2 || at(index - 2) != here;
        is_first || at(index + 1) != here
    };
    (0..steps.len())
        .filter(move |index| is_seen(*index))
        .map(|index| steps[index])
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::view::Wanted;
    use super::super::wave::Wave;
    use super::*;

    fn drawn(dump: &str) -> String {
        let wave = Wave::of_dump(dump.as_bytes()).unwrap();
        let wanted = Wanted {
            all: true,
            ..Wanted::default()
        };
        let mut text = Vec::new();
        draw(&View::of(&wave, &wanted).unwrap(), 100, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn names_cannot_break_the_picture() {
        let svg = drawn("$var wire 1 ! a<\x01&\x1b[0m]]>\u{ffff} $end #0 0! #5 1! #9");
        assert!(
            svg.contains(">a&lt;\\u{1}&amp;\\u{1b}[0m]]&gt;\\u{ffff}</text>"),
            "{svg}"
        );
        let is_xml = |c: char| c == '\n' || !c.is_control();
        assert!(svg.chars().all(is_xml));
    }

    #[test]
    fn it_has_a_ground_of_its_own() {
        let svg = drawn("$var wire 1 ! a $end #0 0! #5 1! #9");
        assert!(svg.contains("<rect width=\"100%\""), "{svg}");
        assert!(svg.contains("dark){rect{fill:"), "{svg}");
    }

    #[test]
    fn many_changes_take_little_room() {
        let mut dump = "$var wire 1 ! a $end #0 0!\n".to_owned();
        for at in 1..100_001_u32 {
            dump += &format!("#{at} {}!\n", at % 2);
        }
        let svg = drawn(&dump);
        assert!(svg.len() < 100_000, "{}", svg.len());
        let two = drawn("$timescale 1 ps $end $var wire 1 ! a $end #0 0! #500 1! #1000 0!");
        assert!(two.contains("H70V6H120V22H120"), "{two}");
    }
}
