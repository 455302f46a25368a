//! A switch: a contact to a rail that stays as it was put, with a resistor to the other rail.

use alloc::boxed::Box;
use alloc::string::String;

use gpiolib::Level;

use super::contact::{Contact, to_rail};
use super::{Action, Io, Mistake, Part, PartKind, Settings};

pub(super) const KIND: PartKind = PartKind {
    name: "switch",
    pins: &["out"],
    required: &["out"],
    keys: &["active", "bounce", "start"],
    make: |settings| Ok(Box::new(Switch::new(settings)?)),
};

/// Closed while it is on.
#[derive(Debug)]
struct Switch {
    contact: Contact,
    active: Level,
}

impl Switch {
    fn new(settings: &Settings) -> Result<Switch, Mistake> {
        let bounce_ns = settings.time_ns("bounce", 0)?;
        let mut contact = Contact::new(settings.seed, 0);
        contact.set(settings.is_on("start")?, 0);
        contact.set_bounce(bounce_ns);
        Ok(Switch {
            contact,
            active: settings.level("active", Level::Low)?,
        })
    }
}

impl Part for Switch {
    fn pins(&self) -> &'static [&'static str] {
        KIND.pins
    }

    fn react(&mut self, io: &mut Io<'_>) {
        io.drive(0, to_rail(self.contact.advance(io.now_ns()), self.active));
    }

    fn next_deadline(&self) -> Option<u64> {
        self.contact.deadline()
    }

    fn operate(&mut self, action: Action, io: &mut Io<'_>) -> Result<(), &'static str> {
        let Action::Switch(on) = action else {
            return Err("a switch can be switched on and off");
        };
        self.contact.set(on, io.now_ns());
        self.react(io);
        Ok(())
    }

    fn state(&self) -> String {
        super::on_off(self.contact.is_set())
    }
}
