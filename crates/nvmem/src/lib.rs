//! nvmem: memories that keep their contents, and the line that protects them.
//!
//! A driver of an EEPROM, an OTP or a file implements [`Provider`] and registers it in a
//! [`Registry`]; consumers read and write through a counted [`Device`], or through a [`Cell`], a
//! named range of bytes or bits. The write-protect line is what this crate exists to show: it is
//! taken by the core, or handed in as a [`gpiolib::Desc`] that is moved or cloned, and either way it
//! is given back exactly once, whoever leaves first ([`WriteProtect`]).
//!
//! ```
//! use nvmem::{Access, Config, Provider, Registry, Result};
//!
//! struct Ram([u8; 16]);
//! impl Provider for Ram {
//!     fn access(&self) -> Access { Access::ReadWrite }
//!     fn read(&mut self, offset: usize, data: &mut [u8]) -> Result<()> {
//!         data.copy_from_slice(&self.0[offset..offset + data.len()]);
//!         Ok(())
//!     }
//!     fn write(&mut self, offset: usize, data: &[u8]) -> Result<()> {
//!         self.0[offset..offset + data.len()].copy_from_slice(data);
//!         Ok(())
//!     }
//! }
//!
//! let memories = Registry::new();
//! let ram = memories.register(Config::new("ram", 16), Ram([0; 16]))?;
//! let device = memories.device("ram")?;
//! device.write(4, b"mac!")?;
//! let mut found = [0; 4];
//! device.read(4, &mut found)?;
//! assert_eq!(&found, b"mac!");
//!
//! ram.unregister();
//! assert_eq!(device.read(4, &mut found), Err(nvmem::Error::Revoked));
//! # Ok::<(), nvmem::Error>(())
//! ```
//!
//! # Modules
//!
//! `config` is what a provider says of itself, `provider` its contract; `registry` and `device` are
//! the objects; `wp` brackets a write with the line; `cell`, `keepout` and `file` are the views;
//! `at24` and (with `std`) `store` are two providers.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![warn(
    clippy::alloc_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core
)]

extern crate alloc;

mod at24;
mod cell;
mod config;
mod device;
mod error;
mod file;
mod keepout;
mod provider;
mod registry;
#[cfg(feature = "std")]
mod store;
mod wp;

pub use at24::{At24, At24Part};
pub use cell::{Cell, CellInfo, CellLookup, PostProcess};
pub use config::{Config, Id, MemoryType};
pub use device::Device;
pub use error::{Error, Result};
pub use keepout::Keepout;
pub use provider::{Access, Provider};
pub use registry::{DeviceEvent, EventWatch, Registration, Registry};
#[cfg(feature = "std")]
pub use store::{FileStore, Step};
pub use wp::WriteProtect;

/// The example of the crate's README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
