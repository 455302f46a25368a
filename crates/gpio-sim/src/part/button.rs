//! A push button: a contact to a rail, with a resistor to the other rail, that bounces.

use alloc::boxed::Box;
use alloc::string::String;

use gpiolib::Level;

use super::contact::{Contact, to_rail};
use super::{Action, Io, Mistake, Part, PartKind, Settings};

pub(super) const KIND: PartKind = PartKind {
    name: "button",
    pins: &["out"],
    required: &["out"],
    keys: &["active", "bounce"],
    make: |settings| Ok(Box::new(Button::new(settings)?)),
};

/// Closed while it is pressed.
#[derive(Debug)]
struct Button {
    contact: Contact,
    active: Level,
    release_at: Option<u64>,
}

impl Button {
    fn new(settings: &Settings) -> Result<Button, Mistake> {
        let bounce_ns = settings.time_ns("bounce", 0)?;
        Ok(Button {
            contact: Contact::new(settings.seed, bounce_ns),
            active: settings.level("active", Level::Low)?,
            release_at: None,
        })
    }
}

impl Part for Button {
    fn pins(&self) -> &'static [&'static str] {
        KIND.pins
    }

    fn react(&mut self, io: &mut Io<'_>) {
        if self.release_at.take_if(|at| *at <= io.now_ns()).is_some() {
            self.contact.set(false, io.now_ns());
        }
        io.drive(0, to_rail(self.contact.advance(io.now_ns()), self.active));
    }

    fn next_deadline(&self) -> Option<u64> {
        self.contact
            .deadline()
            .into_iter()
            .chain(self.release_at)
            .min()
    }

    fn operate(&mut self, action: Action, io: &mut Io<'_>) -> Result<(), &'static str> {
        match action {
            Action::Press(hold_ns) => {
                self.contact.set(true, io.now_ns());
                self.release_at = hold_ns.map(|hold| io.now_ns().saturating_add(hold));
            }
            Action::Release => {
                self.contact.set(false, io.now_ns());
                self.release_at = None;
            }
            _ => return Err("a button can be pressed and released"),
        }
        self.react(io);
        Ok(())
    }

    fn state(&self) -> String {
        let word = if self.contact.is_set() {
            "pressed"
        } else {
            "released"
        };
        word.into()
    }
}
