//! A light-emitting diode: only looks.

use alloc::boxed::Box;
use alloc::string::String;

use gpiolib::Level;

use super::{Io, Mistake, Part, PartKind, Settings};

pub(super) const KIND: PartKind = PartKind {
    name: "led",
    pins: &["in"],
    required: &["in"],
    keys: &["active"],
    make: |settings| Ok(Box::new(Led::new(settings)?)),
};

/// Lit at one level.
#[derive(Debug)]
struct Led {
    active: Level,
    is_on: bool,
}

impl Led {
    fn new(settings: &Settings) -> Result<Led, Mistake> {
        let active = settings.level("active", Level::High)?;
        let is_on = false;
        Ok(Led { active, is_on })
    }
}

impl Part for Led {
    fn pins(&self) -> &'static [&'static str] {
        KIND.pins
    }

    fn react(&mut self, io: &mut Io<'_>) {
        self.is_on = io.level(0) == self.active;
    }

    fn state(&self) -> String {
        super::on_off(self.is_on)
    }
}
