//! What the board looks like in a terminal: a title, rows, the program's output, a line of help.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::app::{App, Mode};
use super::model::{Row, Track, is_driven, wave};
use crate::control::protocol::{
    Bias, ChipState, Direction, Drive, Edges, Held, InfoState, Level, LineState, NetState,
    PartState, Pull,
};
use crate::counted::counted;

/// Lines of the program's output that are shown, when they are.
const OUTPUT: u16 = 8;

/// Columns of a line's row before its waveform: in a wide terminal, in a narrow one, and in one so small
/// that the consumer is omitted.
const WIDE: u16 = 76;
const NARROW: u16 = 50;
const SMALL: u16 = 30;

/// A terminal of fewer columns is small.
const SMALL_BELOW: u16 = 72;

const KEYS: &str =
    "↑↓ choose  space press  h hold  u d pull  x unplug  i plug  / find  o output  ? keys  q quit";
/// The same where there is no room for all; `?` shows the rest.
const FEW_KEYS: &str = "? keys  q quit  ↑↓ choose  space press  u d pull";
const HELP: &[&str] = &[
    "↑ ↓ PgUp PgDn Home End   choose a line or a chip",
    "space   press the line's or part's button for a moment, switch",
    "← →     turn a knob",
    "h       hold it down, or let go",
    "u d     pull the line up or down",
    "x       unplug the chip, or plug it in again",
    "i       plug in another chip",
    "/       show only what has these words",
    "+ -     show less or more time",
    "p       pause the waveforms",
    "o       show or hide the program's output",
    "^C      interrupt the program",
    "q       end the run",
];

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let area = frame.area();
    let pane = if app.shows_output() && area.height > 16 {
        OUTPUT + 1
    } else {
        0
    };
    let buffer = frame.buffer_mut();
    let rows = Rect {
        y: 1,
        height: area.height.saturating_sub(2 + pane),
        ..area
    };
    title(buffer, area, app);
    list(buffer, rows, app);
    if pane > 0 {
        output(
            buffer,
            Rect {
                y: rows.bottom(),
                height: pane,
                ..area
            },
            app,
        );
    }
    footer(
        buffer,
        Rect {
            y: area.bottom().saturating_sub(1),
            height: 1,
            ..area
        },
        app,
    );
    if app.mode == Mode::Help {
        help(buffer, rows);
    }
}

fn put(buffer: &mut Buffer, x: u16, y: u16, text: &str, width: u16, style: Style) {
    if buffer.area.contains((x, y).into()) {
        buffer.set_stringn(x, y, text, usize::from(width), style);
    }
}

fn title(buffer: &mut Buffer, area: Rect, app: &App) {
    let style = Style::new().add_modifier(Modifier::BOLD);
    put(
        buffer,
        1,
        0,
        &format!("ugpio  {}", app.program),
        area.width,
        style,
    );
    let state = format!(
        "{}  {:.0} edges/s ",
        if app.paused_ns.is_some() {
            "paused"
        } else {
            app.state
        },
        app.rate
    );
    let width = u16::try_from(state.chars().count()).unwrap_or(u16::MAX);
    put(
        buffer,
        area.width.saturating_sub(width),
        0,
        &state,
        width,
        Style::new(),
    );
}

fn list(buffer: &mut Buffer, area: Rect, app: &mut App) {
    let rows = app.model.rows(&app.words);
    let height = usize::from(area.height);
    let chosen = app.chosen.min(rows.len().saturating_sub(1));
    let mut top = app.top.min(chosen);
    if chosen >= top + height {
        top = chosen + 1 - height;
    }
    for (index, row) in rows.iter().enumerate().skip(top).take(height) {
        let y = area.y + u16::try_from(index - top).unwrap_or(u16::MAX);
        match row {
            Row::Part(part) => part_row(buffer, area, y, part),
            Row::Net(net) => net_row(buffer, area, y, net),
            Row::Chip(chip) => chip_row(buffer, area, y, chip),
            Row::Gone(chip) => {
                let text = format!(" {}  unplugged: x plugs it in again", chip.label);
                let style = Style::new().add_modifier(Modifier::DIM);
                put(buffer, 0, y, &text, area.width, style);
            }
            Row::Line(chip, line) => line_row(buffer, area, y, app, chip, line),
        }
        if index == chosen {
            let whole = Rect {
                y,
                height: 1,
                ..area
            };
            buffer.set_style(whole, Style::new().add_modifier(Modifier::REVERSED));
        }
    }
    if rows.is_empty() {
        put(
            buffer,
            2,
            area.y + 1,
            "nothing is plugged in: i plugs in a chip",
            area.width,
            Style::new(),
        );
    }
    (app.chosen, app.top, app.page) = (chosen, top, height.max(1));
}

fn part_row(buffer: &mut Buffer, area: Rect, y: u16, part: &PartState) {
    let is_on = matches!(part.state.as_str(), "on" | "pressed");
    let style = if is_on {
        Style::new().fg(Color::Green)
    } else {
        Style::new()
    };
    let (kind, seen) = columns(area);
    put(buffer, 1, y, &part.part, kind - 2, Style::new());
    put(
        buffer,
        kind,
        y,
        &part.is,
        seen - kind - 1,
        Style::new().add_modifier(Modifier::DIM),
    );
    let light = if is_on { "●" } else { "○" };
    let state = format!("{light} {}", part.state);
    put(
        buffer,
        seen,
        y,
        &state,
        area.width.saturating_sub(seen),
        style,
    );
}

/// Where in the row of a part or net its kind is, and what a person sees of it.
fn columns(area: Rect) -> (u16, u16) {
    match area.width < SMALL_BELOW {
        true => (15, 29),
        false => (26, 43),
    }
}

fn net_row(buffer: &mut Buffer, area: Rect, y: u16, net: &NetState) {
    let plain = Style::new();
    let dim = plain.add_modifier(Modifier::DIM);
    let (kind, seen) = columns(area);
    put(buffer, 1, y, &net.name, kind - 2, plain);
    put(buffer, kind, y, "net", 3, dim);
    let (level, style) = match net.level {
        Level::High => ("● H", plain.fg(Color::Green)),
        Level::Low => ("○ L", plain),
    };
    put(buffer, seen, y, level, 3, style);
    let (held, style) = match net.held {
        Held::Firmly => ("held", plain),
        Held::Floating => ("floating", dim),
        Held::Short => ("SHORT", plain.fg(Color::Red).add_modifier(Modifier::BOLD)),
    };
    put(buffer, seen + 5, y, held, 9, style);
    let lines = net.lines.join(" ");
    let x = seen + 15;
    put(buffer, x, y, &lines, area.width.saturating_sub(x), dim);
}

fn chip_row(buffer: &mut Buffer, area: Rect, y: u16, chip: &ChipState) {
    let used = chip.lines.iter().filter(|line| line.info.used).count();
    let text = format!(
        " {}  {}  {}, {used} in use",
        chip.label,
        chip.name,
        counted(chip.lines.len(), "line")
    );
    let style = Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD);
    put(buffer, 0, y, &text, area.width, style);
}

fn line_row(
    buffer: &mut Buffer,
    area: Rect,
    y: u16,
    app: &App,
    chip: &ChipState,
    line: &LineState,
) {
    let before = match area.width {
        width if width < SMALL_BELOW => SMALL,
        width if width > 100 => WIDE,
        _ => NARROW,
    };
    state(buffer, y, line);
    if before > SMALL {
        put(buffer, 30, y, &who(&line.info), before - 40, Style::new());
    }
    let Some(track) = app.model.track(&chip.name, line.offset) else {
        return;
    };
    if track.rate > 0.0 && before > SMALL {
        let rate = format!("{:>6.0}/s", track.rate);
        put(buffer, before - 9, y, &rate, 8, Style::new());
    }
    let color = if is_driven(&line.info) {
        Color::Yellow
    } else {
        Color::Green
    };
    let style = Style::new().fg(color);
    wave_at(buffer, area, (before, y), app, (track, line.level), style);
}

/// Offset, level, name, direction and pull of a line.
fn state(buffer: &mut Buffer, y: u16, line: &LineState) {
    let plain = Style::new();
    let (level, style) = match line.level {
        Level::High => ("● H", plain.fg(Color::Green)),
        Level::Low => ("○ L", plain),
    };
    let way = match line.info.direction {
        Direction::Output => "▶",
        Direction::Input => "◁",
    };
    let pull = match line.pull {
        _ if is_driven(&line.info) => " ",
        Pull::Up => "↑",
        Pull::Down => "↓",
    };
    let name = line.name.as_deref().unwrap_or("-");
    put(buffer, 0, y, &format!("{:>5}", line.offset), 5, plain);
    put(buffer, 6, y, level, 3, style);
    put(buffer, 11, y, name, 14, plain);
    put(buffer, 26, y, way, 1, plain.fg(Color::Yellow));
    put(buffer, 28, y, pull, 1, plain);
}

fn wave_at(
    buffer: &mut Buffer,
    area: Rect,
    (x, y): (u16, u16),
    app: &App,
    (track, level): (&Track, Level),
    style: Style,
) {
    let width = area.width.saturating_sub(x + 1);
    if width > 0 {
        let text = wave(track, level, app.end_ns(), app.span_ns, width);
        put(buffer, x, y, &text, width, style);
    }
}

/// The consumer of a line, and what it uses the line for.
fn who(info: &InfoState) -> String {
    let mut words = vec![match &info.consumer {
        Some(consumer) => consumer.clone(),
        None if info.used => "in use".into(),
        None => "free".into(),
    }];
    words.extend(match info.bias {
        Bias::AsIs => None,
        Bias::Disabled => Some("no bias".into()),
        Bias::PullUp => Some("pull-up".into()),
        Bias::PullDown => Some("pull-down".into()),
    });
    words.extend(match info.drive {
        Drive::PushPull => None,
        Drive::OpenDrain => Some("open-drain".into()),
        Drive::OpenSource => Some("open-source".into()),
    });
    words.extend(info.active_low.then(|| "active-low".into()));
    words.extend(match info.edges {
        Edges::None => None,
        Edges::Rising => Some("rising".into()),
        Edges::Falling => Some("falling".into()),
        Edges::Both => Some("both edges".into()),
    });
    words.extend((info.debounce_us > 0).then(|| format!("debounce {} µs", info.debounce_us)));
    words.join(" · ")
}

fn output(buffer: &mut Buffer, area: Rect, app: &App) {
    let style = Style::new().add_modifier(Modifier::DIM);
    let rule = "─".repeat(usize::from(area.width));
    put(buffer, 0, area.y, &rule, area.width, style);
    put(
        buffer,
        2,
        area.y,
        &format!(" output of {} ", app.program),
        area.width,
        style,
    );
    let lines = app.pane.last(usize::from(area.height.saturating_sub(1)));
    for (y, line) in (area.y + 1..area.bottom()).zip(lines) {
        put(
            buffer,
            1,
            y,
            &line,
            area.width.saturating_sub(2),
            Style::new(),
        );
    }
}

fn footer(buffer: &mut Buffer, area: Rect, app: &App) {
    let dim = Style::new().add_modifier(Modifier::DIM);
    let (text, style) = match (&app.mode, &app.notice) {
        (Mode::Find, _) => (format!("find: {}▏", app.words), Style::new()),
        (Mode::Plug(label), _) => (format!("plug in LABEL[:LINES]: {label}▏"), Style::new()),
        (_, Some(notice)) => (notice.clone(), Style::new().fg(Color::Red)),
        (Mode::Rows, None) if !app.words.is_empty() => {
            (format!("only: {}   / changes it", app.words), Style::new())
        }
        _ => (keys(area.width).to_owned(), dim),
    };
    put(
        buffer,
        1,
        area.y,
        &text,
        area.width.saturating_sub(1),
        style,
    );
}

/// The keys, as many as fit.
fn keys(width: u16) -> &'static str {
    match KEYS.chars().count() < usize::from(width) {
        true => KEYS,
        false => FEW_KEYS,
    }
}

fn help(buffer: &mut Buffer, area: Rect) {
    let width = 66.min(area.width);
    for (y, line) in (area.y + 1..area.bottom()).zip(HELP) {
        let text = format!("  {line:<64}");
        let style = Style::new().add_modifier(Modifier::REVERSED);
        put(buffer, (area.width - width) / 2, y, &text, width, style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_terminal_shows_how_to_get_help_and_parts_with_their_state() {
        let area = Rect::new(0, 0, 50, 15);
        assert!(FEW_KEYS.chars().count() < usize::from(area.width));
        assert_eq!((keys(50), keys(120)), (FEW_KEYS, KEYS));
        let mut buffer = Buffer::empty(area);
        let part = PartState {
            part: "a button of a long name".into(),
            is: "seven-segment".into(),
            state: "released".into(),
            pins: Vec::new().into_iter().collect(),
        };
        part_row(&mut buffer, area, 0, &part);
        let row: String = (0..50)
            .map(|x| buffer[(x, 0)].symbol().to_owned())
            .collect();
        assert_eq!(row.trim_end(), " a button of a seven-segment ○ released");
        assert!(SMALL + 10 < area.width, "waves have room");
    }
}
