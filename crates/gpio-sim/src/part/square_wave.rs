//! A square-wave generator: drives its pin, exactly on time.

use alloc::boxed::Box;
use alloc::string::String;

use gpiolib::Level;

use super::{Action, Io, Mistake, Part, PartKind, Settings};
use crate::net::PinDrive;

pub(super) const KIND: PartKind = PartKind {
    name: "square-wave",
    pins: &["out"],
    required: &["out"],
    keys: &["frequency", "duty", "start"],
    make: |settings| Ok(Box::new(SquareWave::new(settings)?)),
};

const SECOND_NS: u64 = 1_000_000_000;

/// High for a part of each period, low for the rest; low while it is off.
#[derive(Debug)]
struct SquareWave {
    period_ns: u64,
    high_ns: u64,
    is_on: bool,
    level: Level,
    next: Option<u64>,
}

impl SquareWave {
    fn new(settings: &Settings) -> Result<SquareWave, Mistake> {
        let frequency = settings.number("frequency", 1, 1, 100_000)?.unsigned_abs();
        let duty = settings.number("duty", 50, 1, 99)?.unsigned_abs();
        let period_ns = SECOND_NS / frequency;
        let mut wave = SquareWave {
            period_ns,
            high_ns: period_ns * duty / 100,
            is_on: true,
            level: Level::Low,
            next: None,
        };
        if settings.text("start")?.is_some() {
            wave.is_on = settings.is_on("start")?;
        }
        Ok(wave)
    }
}

impl Part for SquareWave {
    fn pins(&self) -> &'static [&'static str] {
        KIND.pins
    }

    fn react(&mut self, io: &mut Io<'_>) {
        if !self.is_on {
            (self.level, self.next) = (Level::Low, None);
        }
        let now_ns = io.now_ns();
        // The first edge comes one low time after the start.
        let low_ns = self.period_ns - self.high_ns;
        match self.next {
            None if self.is_on => self.next = Some(now_ns.saturating_add(low_ns)),
            Some(at) if at <= now_ns => {
                self.level = !self.level;
                let width = if self.level.is_high() {
                    self.high_ns
                } else {
                    low_ns
                };
                // From the instant that was due, so that lateness does not add up.
                self.next = Some(at.saturating_add(width));
            }
            _ => {}
        }
        io.drive(0, PinDrive::output(self.level));
    }

    fn next_deadline(&self) -> Option<u64> {
        self.next
    }

    fn operate(&mut self, action: Action, io: &mut Io<'_>) -> Result<(), &'static str> {
        let Action::Switch(on) = action else {
            return Err("a generator can be switched on and off");
        };
        self.is_on = on;
        self.react(io);
        Ok(())
    }

    fn state(&self) -> String {
        super::on_off(self.is_on)
    }
}
