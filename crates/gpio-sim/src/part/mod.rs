//! Parts: things on the board that are wired to lines and do something.
//!
//! A [`Part`] is a small state machine over the levels of its pins and the time. The engine calls it when a
//! level at its pins changed and when a deadline of its own has come, and answers by what it does to
//! its pins; it reads no clock, keeps no thread and knows nothing of chips. [`PartKind::make`] makes one by
//! name. To add a part: a module here with the `Part` and its [`PartKind`], a line in [`KINDS`], a test.
//!
//! ```
//! use gpio_sim::part::{Io, Part};
//! use gpio_sim::net::{PinDrive, Engine};
//! use gpiolib::Level;
//!
//! /// Drives its second pin to the opposite of its first.
//! #[derive(Debug)]
//! struct Not;
//! impl Part for Not {
//!     fn pins(&self) -> &'static [&'static str] {
//!         &["in", "out"]
//!     }
//!     fn react(&mut self, io: &mut Io<'_>) {
//!         io.drive(1, PinDrive::output(!io.level(0)));
//!     }
//! }
//!
//! let mut engine = Engine::new(None);
//! let (input, output) = (engine.add_net("in"), engine.add_net("out"));
//! engine.add_part("not", Box::new(Not), &[Some(input), Some(output)]);
//! let pin = engine.add_pin("demo:0", Some(input));
//! engine.set(pin, PinDrive::output(Level::Low));
//! engine.settle(0);
//! assert_eq!(engine.level(output), Level::High);
//! ```

mod button;
mod contact;
mod eeprom;
mod encoder;
mod gate;
mod led;
mod relay;
mod settings;
mod seven_segment;
mod square_wave;
mod switch;
#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use gpiolib::Level;

use crate::net::PinDrive;

pub use settings::{Mistake, Setting, Settings, parse_time_ns};

/// A kind of part that a board file can have.
#[derive(Clone, Copy, Debug)]
pub struct PartKind {
    /// What board files call it.
    pub name: &'static str,
    /// The names of its pins.
    pub pins: &'static [&'static str],
    /// The pins that must be wired. A part of which no pin is wired is of no use either.
    pub required: &'static [&'static str],
    /// The settings that it has.
    pub keys: &'static [&'static str],
    make: fn(&Settings) -> Result<Box<dyn Part>, Mistake>,
}

/// All kinds of parts.
pub const KINDS: [PartKind; 10] = [
    button::KIND,
    switch::KIND,
    encoder::KIND,
    led::KIND,
    relay::KIND,
    seven_segment::KIND,
    eeprom::KIND,
    square_wave::KIND,
    gate::BUFFER,
    gate::INVERTER,
];

impl PartKind {
    /// The kind of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<PartKind> {
        KINDS.into_iter().find(|kind| kind.name == name)
    }

    /// Makes a part of this kind. Keys that it does not have are ignored.
    ///
    /// # Errors
    /// A setting that cannot be.
    pub fn make(&self, settings: &Settings) -> Result<Box<dyn Part>, Mistake> {
        (self.make)(settings)
    }
}

fn on_off(is_on: bool) -> String {
    if is_on { "on".into() } else { "off".into() }
}

/// Something wired to nets.
pub trait Part: Send + fmt::Debug {
    /// The names of its pins. A pin's index here is its number in [`Io`].
    fn pins(&self) -> &'static [&'static str];

    /// Looks at its pins and the time, and says what it does to its pins from now on. Called once when
    /// it is wired up, then whenever the level of a net at its pins has changed, and at its deadline;
    /// changes of one instant come in one call where they belong together. Must not depend on
    /// being called more often than that.
    fn react(&mut self, io: &mut Io<'_>);

    /// When it wants [`Part::react`] to be called though nothing has changed, in nanoseconds of the
    /// monotonic clock.
    fn next_deadline(&self) -> Option<u64> {
        None
    }

    /// A person does something to it: presses a button, turns a knob.
    ///
    /// # Errors
    /// What can be done to this part instead, as text.
    fn operate(&mut self, action: Action, io: &mut Io<'_>) -> Result<(), &'static str> {
        let _ = (action, io);
        Err("nothing can be done to it by hand")
    }

    /// What a person sees of it, in few words: `pressed`, `on`, `8`; empty if there is nothing to see.
    fn state(&self) -> String {
        String::new()
    }
}

/// What a person does to a part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Holds it down; with a time in nanoseconds, lets go after that.
    Press(Option<u64>),
    /// Lets go.
    Release,
    /// Switches it on or off.
    Switch(bool),
    /// Turns it by so many steps, clockwise if positive.
    Turn(i32),
}

/// What a part sees of the board while it reacts, and does to it.
#[derive(Debug)]
pub struct Io<'a> {
    pub(crate) now_ns: u64,
    pub(crate) levels: &'a [Level],
    pub(crate) drives: &'a mut [PinDrive],
}

impl Io<'_> {
    /// The time, in nanoseconds of the monotonic clock.
    #[must_use]
    pub const fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// The level of the net at a pin; low for a pin that is wired to nothing.
    #[must_use]
    pub fn level(&self, pin: usize) -> Level {
        self.levels.get(pin).copied().unwrap_or_default()
    }

    /// What the part does to a pin from now on.
    pub fn drive(&mut self, pin: usize, drive: PinDrive) {
        if let Some(place) = self.drives.get_mut(pin) {
            *place = drive;
        }
    }
}
