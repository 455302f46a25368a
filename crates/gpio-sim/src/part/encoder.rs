//! A rotary encoder: two contacts to ground, a quarter of a step apart, with pull-ups.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use gpiolib::Level;

use super::contact::to_rail;
use super::{Action, Io, Mistake, Part, PartKind, Settings};

pub(super) const KIND: PartKind = PartKind {
    name: "encoder",
    pins: &["a", "b"],
    required: &["a", "b"],
    keys: &["step"],
    make: |settings| Ok(Box::new(Encoder::new(settings)?)),
};

/// Which contacts are closed in each quarter of a step, clockwise: A leads.
const QUARTERS: [(bool, bool); 4] = [(false, false), (true, false), (true, true), (false, true)];

/// A knob that rests at whole steps and takes its time from one to the next.
#[derive(Debug)]
struct Encoder {
    quarter_ns: u64,
    /// Where it is, in quarters.
    at: i64,
    /// Where it is turned to.
    wanted: i64,
    next: Option<u64>,
}

impl Encoder {
    fn new(settings: &Settings) -> Result<Encoder, Mistake> {
        let step_ns = settings.time_ns("step", 4_000_000)?;
        Ok(Encoder {
            quarter_ns: (step_ns / 4).max(1),
            at: 0,
            wanted: 0,
            next: None,
        })
    }
}

impl Part for Encoder {
    fn pins(&self) -> &'static [&'static str] {
        KIND.pins
    }

    fn react(&mut self, io: &mut Io<'_>) {
        if self.next.is_some_and(|at| at <= io.now_ns()) {
            self.at += (self.wanted - self.at).signum();
            self.next = None;
        }
        if self.next.is_none() && self.at != self.wanted {
            self.next = Some(io.now_ns().saturating_add(self.quarter_ns));
        }
        let quarter = usize::try_from(self.at.rem_euclid(4)).unwrap_or(0);
        let (a, b) = QUARTERS.get(quarter).copied().unwrap_or_default();
        io.drive(0, to_rail(a, Level::Low));
        io.drive(1, to_rail(b, Level::Low));
    }

    fn next_deadline(&self) -> Option<u64> {
        self.next
    }

    fn operate(&mut self, action: Action, io: &mut Io<'_>) -> Result<(), &'static str> {
        let Action::Turn(steps) = action else {
            return Err("an encoder can be turned");
        };
        self.wanted = self.wanted.saturating_add(4 * i64::from(steps));
        self.react(io);
        Ok(())
    }

    fn state(&self) -> String {
        format!("{:+}", self.at.div_euclid(4))
    }
}
