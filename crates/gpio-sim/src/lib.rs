//! gpio-sim: simulated GPIO chips, with the line model of Linux gpio-sim.
//!
//! A [`Bank`] describes a chip; [`Bank::register`] plugs it into a registry and gives a [`Sim`], the
//! world outside the chip: it pulls lines up and down and sees their levels. Consumers inside use the
//! chip through [`gpiolib`] and cannot tell it from another. [`Changes`] collects everything that
//! happens on the lines of any number of simulated chips, in the order in which it happens.
//!
//! What is simulated: levels, pulls, direction, edges, bias, names, hogs, unplugging. What is not, as in
//! Linux: open drain and open source, which the core emulates, and debounce in hardware. No time passes
//! in a chip. The model of one line is in [`model`], the directories and files through which Linux makes
//! such chips are in [`tree`]. [`net`] wires lines of any chips together, [`part`] has what can be
//! wired to them besides: buttons, relays, an EEPROM. [`fault`] lets things go wrong.
//! [`seed`] is where chance comes from.
//!
//! ```
//! use gpio_sim::Sim;
//! use gpiolib::{Level, Offset, Timestamp};
//!
//! let sim = Sim::simple(4)?;
//! let button = sim.device().line(Offset::new(2)).expect("lines 0 to 3 exist").request("test")?;
//! button.direction_input()?;
//!
//! sim.set_pull(Offset::new(2), Level::High, Timestamp::at(1_000))?;
//! assert_eq!(button.level()?, Level::High);
//! # Ok::<(), gpiolib::Error>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod bank;
mod changes;
mod chip;
pub mod fault;
pub mod model;
pub mod net;
pub mod part;
pub mod seed;
mod sim;
pub mod tree;

pub use bank::{Bank, MAX_LINES};
pub use changes::{Change, Changes, LineChange, What};
pub use chip::{Observer, SimChip};
pub use sim::Sim;

/// The example of the crate's README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
