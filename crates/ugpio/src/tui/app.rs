//! What the terminal board knows and does: keys in, requests out. Draws nothing and reads nothing.

use std::time::{Duration, Instant};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::model::{Model, Row, is_driven, opposite};
use super::output::Pane;
use crate::board::ChipSpec;
use crate::control::protocol::{
    Action, ChipParams, ChipState, Key, LineState, OperateParams, PartState, PlugParams, Pull,
    PullParams, Request,
};
use crate::control::server::now;

/// How long a press lasts.
const PRESS: Duration = Duration::from_millis(150);

/// How late waveforms are drawn, so that all changes in them have arrived.
const LATE_NS: u64 = 60_000_000;

/// The spans that waveforms can show.
const SPANS_NS: [u64; 5] = [
    500_000_000,
    1_000_000_000,
    5_000_000_000,
    20_000_000_000,
    60_000_000_000,
];

/// What the keys mean now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// They move among the rows and act on them.
    Rows,
    /// They write what to find.
    Find,
    /// They write what to plug in.
    Plug(String),
    /// Any key takes the help away.
    Help,
}

/// What is to be done for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Ask the run.
    Ask(Request),
    /// Interrupt the program.
    Interrupt,
    /// End it all.
    Quit,
}

/// A button that is held down.
#[derive(Debug)]
struct Held {
    chip: String,
    offset: u32,
    back: Pull,
    /// When to release it; never, if the person does.
    until: Option<Instant>,
}

/// The state of the terminal board.
#[derive(Debug)]
pub(super) struct App {
    pub(super) program: String,
    pub(super) state: &'static str,
    pub(super) model: Model,
    pub(super) pane: Pane,
    pub(super) mode: Mode,
    /// What rows must have in them to be shown.
    pub(super) words: String,
    /// Which row is chosen, which is the first in sight, and how many are.
    pub(super) chosen: usize,
    pub(super) top: usize,
    pub(super) page: usize,
    pub(super) span_ns: u64,
    /// When the waveforms were stopped.
    pub(super) paused_ns: Option<u64>,
    pub(super) notice: Option<String>,
    /// Changes in a second, of all lines.
    pub(super) rate: f64,
    has_output: bool,
    held: Vec<Held>,
}

impl App {
    /// Nothing is known yet. With `has_output` the program's output is shown.
    pub(super) fn new(program: String, has_output: bool) -> App {
        App {
            program,
            state: "connecting",
            model: Model::default(),
            pane: Pane::default(),
            mode: Mode::Rows,
            words: String::new(),
            chosen: 0,
            top: 0,
            page: 1,
            span_ns: 5_000_000_000,
            paused_ns: None,
            notice: None,
            rate: 0.0,
            has_output,
            held: Vec::new(),
        }
    }

    /// Whether the program's output is to be shown.
    pub(super) fn shows_output(&self) -> bool {
        self.has_output
    }

    /// Where waveforms end.
    pub(super) fn end_ns(&self) -> u64 {
        let live = || now().monotonic_ns.saturating_sub(LATE_NS);
        self.paused_ns.unwrap_or_else(live)
    }

    /// What a key does.
    pub(super) fn key(&mut self, key: KeyEvent) -> Vec<Act> {
        let acts = self.judge(key);
        self.remember(&acts);
        acts
    }

    /// Takes what is asked for as done, where the next key starts from it.
    fn remember(&mut self, acts: &[Act]) {
        for act in acts {
            if let Act::Ask(Request::Pull(PullParams {
                chip: Key::Word(chip),
                line: Key::Number(offset),
                pull,
            })) = act
            {
                self.model.pulled(chip, *offset, *pull);
            }
        }
    }

    fn judge(&mut self, key: KeyEvent) -> Vec<Act> {
        if key.kind == KeyEventKind::Release {
            return Vec::new();
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return vec![Act::Interrupt];
        }
        self.notice = None;
        match &mut self.mode {
            Mode::Help => self.mode = Mode::Rows,
            Mode::Find => match key.code {
                KeyCode::Char(c) => self.words.push(c),
                KeyCode::Backspace => _ = self.words.pop(),
                KeyCode::Esc => {
                    self.words.clear();
                    self.mode = Mode::Rows;
                }
                _ => self.mode = Mode::Rows,
            },
            Mode::Plug(label) => match key.code {
                KeyCode::Char(c) => label.push(c),
                KeyCode::Backspace => _ = label.pop(),
                KeyCode::Enter => {
                    let label = core::mem::take(label);
                    self.mode = Mode::Rows;
                    return self.plug(&label);
                }
                _ => self.mode = Mode::Rows,
            },
            Mode::Rows => return self.row_key(key.code),
        }
        Vec::new()
    }

    fn row_key(&mut self, code: KeyCode) -> Vec<Act> {
        match code {
            KeyCode::Char('q') => return vec![Act::Quit],
            KeyCode::Up | KeyCode::Char('k') => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.chosen += 1,
            KeyCode::PageUp => self.chosen = self.chosen.saturating_sub(self.page),
            KeyCode::PageDown => self.chosen += self.page,
            KeyCode::Home => self.chosen = 0,
            KeyCode::End => self.chosen = usize::MAX,
            KeyCode::Char('?') => self.mode = Mode::Help,
            KeyCode::Char('/') => self.mode = Mode::Find,
            KeyCode::Char('i') | KeyCode::Insert => self.mode = Mode::Plug(String::new()),
            KeyCode::Char('o') => self.has_output = !self.has_output,
            KeyCode::Char('p') => {
                self.paused_ns = match self.paused_ns {
                    Some(_) => None,
                    None => Some(self.end_ns()),
                }
            }
            KeyCode::Char('+') => self.span(false),
            KeyCode::Char('-') => self.span(true),
            code => return self.act(code),
        }
        self.chosen = self
            .chosen
            .min(self.model.rows(&self.words).len().saturating_sub(1));
        Vec::new()
    }

    /// Does something to the chosen row.
    fn act(&mut self, code: KeyCode) -> Vec<Act> {
        let rows = self.model.rows(&self.words);
        let Some(row) = rows.get(self.chosen).copied() else {
            return Vec::new();
        };
        match (code, row) {
            (KeyCode::Char('x') | KeyCode::Delete, Row::Gone(chip)) => vec![plug_again(chip)],
            (KeyCode::Char('x') | KeyCode::Delete, Row::Chip(chip) | Row::Line(chip, _)) => {
                let chip = Key::Word(chip.name.clone());
                vec![Act::Ask(Request::Unplug(ChipParams { chip }))]
            }
            (code, Row::Part(part)) => operate(part, code).into_iter().collect(),
            (KeyCode::Char('u'), Row::Line(chip, line)) => vec![pull(&chip.name, line, Pull::Up)],
            (KeyCode::Char('d'), Row::Line(chip, line)) => vec![pull(&chip.name, line, Pull::Down)],
            (KeyCode::Char(c @ (' ' | 'h')), Row::Line(chip, line)) => {
                if is_driven(&line.info) {
                    self.notice = Some("the program drives this line".into());
                    return Vec::new();
                }
                let (name, line) = (chip.name.clone(), line.clone());
                self.press(name, &line, c == ' ')
            }
            _ => Vec::new(),
        }
    }

    /// Presses a line's button, or lets go of one that is held.
    fn press(&mut self, chip: String, line: &LineState, is_short: bool) -> Vec<Act> {
        let is_this = |held: &Held| held.chip == chip && held.offset == line.offset;
        if let Some(place) = self.held.iter().position(is_this) {
            let held = self.held.remove(place);
            return vec![pull(&chip, line, held.back)];
        }
        let act = pull(&chip, line, opposite(line.pull));
        self.held.push(Held {
            chip,
            offset: line.offset,
            back: line.pull,
            until: is_short.then(|| Instant::now() + PRESS),
        });
        vec![act]
    }

    /// Lets go of the buttons whose time is over.
    pub(super) fn let_go(&mut self, at: Instant) -> Vec<Act> {
        let is_over = |held: &mut Held| held.until.is_some_and(|until| until <= at);
        let over: Vec<Held> = self.held.extract_if(.., is_over).collect();
        let back = |held: Held| {
            Act::Ask(Request::Pull(PullParams {
                chip: Key::Word(held.chip),
                line: Key::Number(held.offset),
                pull: held.back,
            }))
        };
        let acts: Vec<Act> = over.into_iter().map(back).collect();
        self.remember(&acts);
        acts
    }

    fn plug(&mut self, words: &str) -> Vec<Act> {
        match words.parse::<ChipSpec>() {
            Ok(spec) => vec![Act::Ask(Request::Plug(PlugParams {
                label: spec.label,
                lines: Some(spec.lines),
                base: None,
                names: [].into(),
                hogs: Vec::new(),
            }))],
            Err(error) => {
                self.notice = Some(error.to_string());
                Vec::new()
            }
        }
    }

    fn span(&mut self, longer: bool) {
        let place = SPANS_NS.iter().position(|span| *span == self.span_ns);
        let place = place.unwrap_or_default();
        let place = if longer {
            place + 1
        } else {
            place.saturating_sub(1)
        };
        self.span_ns = SPANS_NS.get(place).copied().unwrap_or(self.span_ns);
    }
}

fn pull(chip: &str, line: &LineState, pull: Pull) -> Act {
    Act::Ask(Request::Pull(PullParams {
        chip: Key::Word(chip.to_owned()),
        line: Key::Number(line.offset),
        pull,
    }))
}

/// What a key does to a part: presses and lets go, switches over, turns.
fn operate(part: &PartState, code: KeyCode) -> Option<Act> {
    let (action, hold_ms, steps) = match (part.is.as_str(), code) {
        ("button", KeyCode::Char(' ')) => {
            (Action::Press, u64::try_from(PRESS.as_millis()).ok(), None)
        }
        ("button", KeyCode::Char('h')) if part.state == "pressed" => (Action::Release, None, None),
        ("button", KeyCode::Char('h')) => (Action::Press, None, None),
        ("switch" | "square-wave", KeyCode::Char(' ')) if part.state == "on" => {
            (Action::Off, None, None)
        }
        ("switch" | "square-wave", KeyCode::Char(' ')) => (Action::On, None, None),
        ("encoder", KeyCode::Left) => (Action::Turn, None, Some(-1)),
        ("encoder", KeyCode::Right) => (Action::Turn, None, Some(1)),
        _ => return None,
    };
    Some(Act::Ask(Request::Operate(OperateParams {
        part: part.part.clone(),
        action,
        hold_ms,
        steps,
    })))
}

fn plug_again(chip: &ChipState) -> Act {
    let named = |line: &LineState| Some((line.offset, line.name.clone()?));
    Act::Ask(Request::Plug(PlugParams {
        label: chip.label.clone(),
        lines: u32::try_from(chip.lines.len()).ok(),
        base: chip.base,
        names: chip.lines.iter().filter_map(named).collect(),
        hogs: Vec::new(),
    }))
}
