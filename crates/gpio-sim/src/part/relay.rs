//! A relay: a coil that after a moment connects its contacts to a rail, bouncing.
//!
//! The common contact is a rail, not a net: what is switched is a level.

use alloc::boxed::Box;
use alloc::string::String;

use gpiolib::Level;

use super::contact::Contact;
use super::{Io, Mistake, Part, PartKind, Settings};
use crate::net::PinDrive;

pub(super) const KIND: PartKind = PartKind {
    name: "relay",
    pins: &["coil", "no", "nc"],
    required: &["coil"],
    keys: &["active", "common", "operate", "bounce"],
    make: |settings| Ok(Box::new(Relay::new(settings)?)),
};

/// `no` is closed while the coil is held, `nc` while it is not.
#[derive(Debug)]
struct Relay {
    active: Level,
    common: Level,
    operate_ns: u64,
    is_held: bool,
    /// When the armature arrives.
    arrives: Option<u64>,
    contact: Contact,
}

impl Relay {
    fn new(settings: &Settings) -> Result<Relay, Mistake> {
        Ok(Relay {
            active: settings.level("active", Level::High)?,
            common: settings.level("common", Level::High)?,
            operate_ns: settings.time_ns("operate", 5_000_000)?,
            is_held: false,
            arrives: None,
            contact: Contact::new(settings.seed, settings.time_ns("bounce", 0)?),
        })
    }
}

impl Part for Relay {
    fn pins(&self) -> &'static [&'static str] {
        KIND.pins
    }

    fn react(&mut self, io: &mut Io<'_>) {
        let now_ns = io.now_ns();
        let is_held = io.level(0) == self.active;
        if is_held != self.is_held {
            self.is_held = is_held;
            self.arrives = Some(now_ns.saturating_add(self.operate_ns));
        }
        if self.arrives.take_if(|at| *at <= now_ns).is_some() {
            self.contact.set(self.is_held, now_ns);
        }
        let is_closed = self.contact.advance(now_ns);
        // The normally closed contact does not bounce: it is open or at rest.
        let is_at_rest = !is_closed && !self.contact.is_set();
        let contact = |is_closed| match is_closed {
            true => PinDrive::output(self.common),
            false => PinDrive::FLOAT,
        };
        io.drive(1, contact(is_closed));
        io.drive(2, contact(is_at_rest));
    }

    fn next_deadline(&self) -> Option<u64> {
        self.contact
            .deadline()
            .into_iter()
            .chain(self.arrives)
            .min()
    }

    fn state(&self) -> String {
        super::on_off(self.contact.is_set())
    }
}
