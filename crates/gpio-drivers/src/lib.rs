//! Drivers of GPIO expanders over embedded-hal 1.0, each a [`gpiolib::Chip`].
//!
//! | chip | lines | port |
//! |---|---|---|
//! | PCF8574, PCF8574A, PCF8575 | 8, 8, 16 | [`Pcf857x`] over I2C |
//! | PCA9534, 9538, 9554; PCA9535, 9539, 9555 | 8; 16 | [`Pca953x`] over I2C |
//! | MCP23008, 23017; MCP23S08, 23S17 | 8, 16; 8, 16 | [`Mcp23x`] over I2C; SPI |
//! | chains of 74HC595: outputs | 8 to 64 | [`Hc595`] over SPI |
//! | chains of 74HC165: inputs | 8 to 64 | [`Hc165`] over SPI and a load pin |
//!
//! A *port* ([`Port`]) knows the registers of one family and how they travel; [`Expander`] makes a
//! chip of it: it keeps what was written, moves many lines with one transfer, and turns what it reads
//! into edges. [`Interrupt`] joins the chip's interrupt output, a descriptor of another chip, with it.
//!
//! # A chip that vanishes
//!
//! A call to an I2C chip that does not acknowledge its address is made once more, then answers `ENXIO`. With
//! [`Expander::revoke_with`] it also takes the chip away: descriptors answer [`gpiolib::Error::Revoked`]
//! from then on. When the chip is there again, unregister it, call [`Expander::restart`], and register it anew.
//!
//! # Features
//!
//! `std` (default): the locks of the standard library. Without it the crate needs `core` and `alloc`.

#![cfg_attr(not(feature = "std"), no_std)]
#![warn(
    clippy::alloc_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core
)]

extern crate alloc;

mod bus;
mod expander;
mod interrupt;
mod mcp23x;
mod pca953x;
mod pcf857x;
mod port;
mod shift;
mod watch;

pub use bus::GONE;
pub use expander::Expander;
pub use interrupt::Interrupt;
pub use mcp23x::{Mcp23x, McpI2c, McpSpi, Wire};
pub use pca953x::Pca953x;
pub use pcf857x::Pcf857x;
pub use port::{Captured, Directions, Port, Sample, Update, Written};
pub use shift::{Hc165, Hc595};

/// The example of the crate's README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
