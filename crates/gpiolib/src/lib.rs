//! gpiolib: the Linux GPIO core in user space.
//!
//! A GPIO provider is split in two, as in Linux. The *chip* ([`Chip`]) is the driver's side and may
//! vanish at any moment. The *device* ([`Device`]) is the core's side: counted, owning one
//! descriptor slot per line, and living until its last user lets go. When the chip goes, its
//! descriptors are numbed: every operation answers [`Error::Revoked`] (`ENODEV`), nothing dangles.
//!
//! # The life of a line
//!
//! 1. A provider registers its chip in a [`Registry`]; hogs are taken, the device appears.
//! 2. A consumer gets a function's line ([`Consumer`]), or finds a [`Line`] and requests it: a
//!    [`Desc`], exclusive, counted by `Clone`. The chip's [`Module`] is held with it.
//! 3. The descriptor reads, drives, or has a
//!    [`Subscription`] to the line's edges.
//!    Everybody else may watch the line's public state through an [`InfoQueue`].
//! 4. The provider drops its [`Registration`]. Readers wake, callers inside the chip are waited for,
//!    the chip is handed back. Descriptors stay, numb.
//! 5. The last descriptor is dropped: the device goes, and its id is free again.
//!
//! The same as a page with examples: `docs/life-of-a-line.md`.
//!
//! Time is an argument ([`Timestamp`]): the driver says when an edge happened. Nothing here sleeps,
//! starts a thread, or reads a clock but the one its owner gave ([`Registry::with_clock`]).
//!
//! # What is here
//!
//! | to | see |
//! |---|---|
//! | write a driver | [`Chip`], [`ChipConfig`], [`EdgeSink`]; ready-made: [`Mmio`], [`Forwarder`] |
//! | have a world of chips | [`Registry`], [`Registration`], [`Device`], [`Release`] |
//! | get lines by function | [`Consumer`], [`Initial`]; said by [`LookupTable`] or a firmware [`Node`] |
//! | take one line | [`Line`], which gives a [`Desc`], or a pin that stays [`Input`] or [`Output`] |
//! | use many at once | [`values`], [`set_values`] |
//! | hear edges, or changes of lines | [`Subscription`], [`InfoQueue`] |
//! | bind drivers to devices | [`Bus`], [`Driver`], [`Scope`], [`Module`] |
//! | hold lines for the board | [`Hog`], [`MachineHog`] |
//! | serve programs, as the character device | [`engine`] |
//!
//! # Features
//!
//! `std` (default): locks of the standard library, and on Linux a call guard that costs callers
//! nothing. `embedded-hal` (default): descriptors as pins of `embedded-hal` 1.0 and
//! `embedded-hal-async`. Without them the crate needs `core` and `alloc` only.

#![cfg_attr(not(feature = "std"), no_std)]
#![warn(
    clippy::alloc_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core
)]

extern crate alloc;

mod array;
mod chip;
mod claim;
mod config;
mod debounce;
mod desc;
mod device;
mod devres;
mod driver;
mod edge;
pub mod engine;
mod errno;
mod error;
mod forwarder;
mod get;
#[cfg(feature = "embedded-hal")]
mod hal;
mod hog;
mod index;
mod info;
mod line;
mod lookup;
mod mmio;
mod module;
mod ops;
mod pin;
mod property;
mod registry;
mod release;
mod shared;
mod store;
mod sync;
mod time;

pub use array::{set_values, values};
pub use chip::{Chip, ChipConfig, Hog, HogDirection};
pub use config::{LineConfig, PinConfig};
pub use desc::{Desc, Line};
pub use device::Device;
pub use devres::Scope;
pub use driver::{BindState, Bus, Driver};
pub use edge::{EdgeEvent, EdgeSink, Subscription};
pub use errno::Errno;
pub use error::{Error, Holder, Result};
pub use forwarder::Forwarder;
pub use get::{Consumer, Initial};
pub use hog::{HogsId, MachineHog};
pub use info::{InfoChange, InfoChangeKind, InfoQueue, LineInfo};
pub use line::{
    Bias, Direction, Drive, Edge, Edges, EventClock, Label, Level, Name, Offset, Value,
};
pub use lookup::{Lookup, LookupFlags, LookupId, LookupTable};
pub use mmio::{Mmio, MmioLayout, Register, Registers};
pub use module::{InUse, Module};
pub use pin::{Input, IntoPinError, Output};
pub use property::{Node, Property, Reference};
pub use registry::{ChangeWatch, Registration, Registry, Revoker};
pub use release::{Feature, Release};
pub use time::{ManualClock, Timestamp};

/// The code blocks of the page, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/life-of-a-line.md")]
struct LifeOfALine;

/// The example of the crate's README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
