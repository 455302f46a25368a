//! `ugpio trace svg`: waveforms as a picture, for a README.
//!
//! One path for each line, drawn at the moments of its changes; time runs to the right. The picture
//! carries its own colours for light and dark pages. Called by the verbs in [`super`].

use std::io::{self, Write};

use super::time_text;
use super::view::{Row, View};
use super::wave::Bit;
use crate::counted::counted;

/// The height of a row, and of the wave in it, in pixels.
const ROW: u32 = 28;
const WAVE: u32 = 16;

/// The width of a letter, roughly, in pixels.
const LETTER: u32 = 8;

const STYLE: &str = "text{font:13px ui-monospace,monospace;fill:#24292f}\
path{fill:none;stroke:#0969da;stroke-width:1.5}\
.unknown{stroke:#8c959f;stroke-dasharray:3 3}.axis{stroke:#d0d7de}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}path{stroke:#58a6ff}\
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
         over {}</title>\n<style>{STYLE}</style>",
        counted(rows, "line"),
        time_text(view.to_ns.saturating_sub(view.from_ns)),
    )?;
    let scale = Scale {
        from: view.from_ns,
        span: view.to_ns.saturating_sub(view.from_ns).max(1),
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
        time_text(view.from_ns),
        time_text(view.to_ns),
    )
}

/// From time to pixels.
#[derive(Debug)]
struct Scale {
    from: u64,
    span: u64,
    left: u32,
    width: u32,
}

impl Scale {
    /// Tenths of a pixel are enough, and keep the file small.
    fn x(&self, at_ns: u64) -> String {
        let passed = u128::from(at_ns.saturating_sub(self.from).min(self.span));
        let tenths = passed * u128::from(self.width) * 10 / u128::from(self.span);
        let tenths = tenths + u128::from(self.left) * 10;
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
    let level = &row.line.level;
    let start = level.at(view.from_ns).copied().unwrap_or(Bit::Unknown);
    let (mut known, mut unknown) = (String::new(), String::new());
    let mut bit = start;
    let mut x = scale.x(view.from_ns);
    let path = |bit: Bit| bit != Bit::Unknown;
    known += &format!("M{x} {}", y(bit));
    let steps = level.0.iter();
    let within = steps.filter(|(at, _)| *at > view.from_ns && *at <= view.to_ns);
    let end = [(view.to_ns, None)];
    let changes = within.map(|(at, bit)| (*at, Some(*bit))).chain(end);
    for (at, next) in changes {
        let until = scale.x(at);
        if path(bit) {
            known += &format!("H{until}");
        } else {
            unknown += &format!("M{x} {}H{until}", y(bit));
        }
        x = until;
        let Some(next) = next else { break };
        known += &if path(bit) && path(next) {
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
