//! What a run is asked to record, play and compare, from the command line to the verdict.
//!
//! [`Wish`] is made while every mistake can still be a plain error; [`Wish::start`] makes it a
//! [`Tracing`] when the board is plugged in and the program does not run yet. `run` puts
//! [`Tracing::tap`] into the control server, and asks for the [`Verdict`] when the program has ended.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use ugpio_supervisor::files::Files;
use ugpio_supervisor::lint::Lint;

use super::expect::{Expectation, hinted};
use super::place::place;
use super::record::{Recorder, Target};
use super::refusals::Refusals;
use super::replay::{Player, Script};
use super::wave::Wave;
use crate::board::Board;
use crate::clean::clean;
use crate::cli::run::{Args, LintLevel};
use crate::cli::trace::rules;
use crate::client;
use crate::clockwork::Clockwork;
use crate::control::plugged::Shared;
use crate::control::server::{Tap, now};
use crate::counted::counted;

/// The most differences that are said; the rest is counted.
const MAX_DIFFERENCES: usize = 20;

/// What a run is asked for.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    targets: Vec<Target>,
    script: Option<Script>,
    expectation: Option<Expectation>,
    lint: Option<LintLevel>,
    /// What was made up in reading recordings.
    hints: Vec<String>,
}

impl Wish {
    /// What these arguments ask of a run on this board.
    ///
    /// # Errors
    /// A recording cannot be read, fits the board ill, or a trace cannot be written.
    pub(crate) fn of(args: &Args, board: &Board) -> Result<Wish, String> {
        let mut wish = Wish::default();
        if let Some(path) = &args.replay {
            let wave = Wave::read(path).map_err(|error| error.to_string())?;
            wish.hints = hinted(path, &wave.hints);
            let placed = place(&wave, board, &args.signals);
            let script = placed.and_then(|placed| Script::of(&placed, wave.unit));
            let name = path.display().to_string();
            let script = script.map_err(|error| format!("{}: {error}", clean(&name)))?;
            wish.hints.extend(hinted(path, script.hints()));
            wish.script = Some(script);
        }
        if let Some(path) = &args.expect {
            let rules = rules(args.tolerance);
            let expectation = Expectation::load(path, board, &args.signals, rules)?;
            // Of one recording they are said once.
            let hints = expectation.hints().iter();
            let hints: Vec<_> = hints.filter(|hint| !wish.hints.contains(hint)).collect();
            wish.hints.extend(hints.into_iter().cloned());
            wish.expectation = Some(expectation);
            wish.targets.push(Target::Memory);
        }
        if let Some(file) = &args.explain {
            wish.targets.push(Target::explain(file.as_deref())?);
        }
        wish.lint = args.lint;
        for hint in &wish.hints {
            client::note(hint);
        }
        // Last: what is read must not be written over because of a mistake elsewhere.
        for path in &args.trace {
            wish.targets.push(Target::open(path)?);
        }
        Ok(wish)
    }

    /// Whether something is to be done when the program has ended.
    pub(crate) fn has_verdict(&self) -> bool {
        !self.targets.is_empty() || self.lint.is_some()
    }

    /// Begins with the board as it is now. The program does not run yet.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(self, plugged: &Shared, clockwork: &Arc<Clockwork>) -> io::Result<Tracing> {
        let start = now();
        let chips = plugged.borrow().list().chips;
        let recorder = match self.targets {
            targets if targets.is_empty() => None,
            targets => Some(Rc::new(Recorder::start(targets, &chips, start)?)),
        };
        let mut refusals = None;
        if recorder.is_some() {
            plugged.borrow_mut().keep_arrivals();
            refusals = Some(plugged.borrow_mut().keep_refusals());
        }
        let player = self.script;
        let player = player.map(|script| Player::start(script, plugged, clockwork));
        Ok(Tracing {
            recorder,
            player: player.map(Rc::new),
            expectation: self.expectation,
            refusals,
            lint: self.lint.map(|level| (Arc::default(), level)),
        })
    }
}

/// What goes on besides the run.
#[derive(Debug)]
pub(crate) struct Tracing {
    recorder: Option<Rc<Recorder>>,
    player: Option<Rc<Player>>,
    expectation: Option<Expectation>,
    refusals: Option<Arc<Refusals>>,
    lint: Option<(Arc<Lint>, LintLevel)>,
}

/// What has come of it.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// What is to be said, a line each.
    pub(crate) notes: Vec<String>,
    /// The run did not do what was expected.
    pub(crate) is_failure: bool,
}

impl Tracing {
    /// Has the supervisor report the calls on these files, as far as a part of the session needs them.
    pub(crate) fn look_on(&self, files: &Files) {
        if let Some(refusals) = &self.refusals {
            files.observe(Arc::clone(refusals) as _);
        }
        if let Some((lint, _)) = &self.lint {
            files.lint(Arc::clone(lint));
        }
    }

    /// What is to see every event.
    pub(crate) fn tap(&self) -> Option<Tap> {
        let (recorder, player) = (self.recorder.clone(), self.player.clone());
        if recorder.is_none() && player.is_none() {
            return None;
        }
        Some(Box::new(move |happened, arrival| {
            if let Some(player) = &player {
                player.tap(happened);
            }
            if let Some(recorder) = &recorder {
                recorder.tap(happened, arrival);
            }
        }))
    }

    /// Has everything written that was tapped, and compares. Called once all of the program's doings
    /// have been tapped.
    pub(crate) fn verdict(&self) -> Verdict {
        let mut verdict = Verdict::default();
        if let Some((lint, level)) = &self.lint {
            let findings = lint.findings().into_iter();
            verdict.notes = findings.map(|finding| format!("lint: {finding}")).collect();
            verdict.is_failure = *level == LintLevel::Strict && !verdict.notes.is_empty();
        }
        let Some(recorder) = &self.recorder else {
            return verdict;
        };
        let synced = recorder.sync(now());
        verdict.notes.extend(synced.trouble);
        if synced.lost > 0 {
            let are = if synced.lost == 1 { "is" } else { "are" };
            let lost = counted(synced.lost, "change");
            verdict
                .notes
                .push(format!("trace: {lost} came too fast and {are} missing"));
        }
        if let (Some(expectation), Some(dump)) = (&self.expectation, synced.memory) {
            judge(expectation, &dump, &mut verdict);
        }
        verdict
    }
}

/// Compares the run with what was expected of it.
fn judge(expectation: &Expectation, dump: &[u8], verdict: &mut Verdict) {
    let found = match expectation.judge(dump) {
        Ok(found) => found,
        Err(problem) => {
            verdict.is_failure = true;
            return verdict.notes.push(problem);
        }
    };
    if found.differences.is_empty() {
        return verdict.notes.push(expectation.praise(&found));
    }
    verdict.is_failure = true;
    let more = found.differences.len().saturating_sub(MAX_DIFFERENCES);
    let said = found.differences.into_iter().take(MAX_DIFFERENCES);
    verdict.notes.extend(said);
    if more > 0 {
        let more = counted(more, "more difference");
        verdict.notes.push(format!("and {more}"));
    }
}
