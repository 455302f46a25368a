//! What a provider says of its memory when it registers it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{CellInfo, Keepout, WriteProtect};

/// What kind of memory it is.
///
/// ```
/// use nvmem::MemoryType;
///
/// assert_eq!(MemoryType::BatteryBacked.text(), "Battery backed");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum MemoryType {
    /// Not said.
    #[default]
    Unknown,
    /// Electrically erasable.
    Eeprom,
    /// Written once.
    Otp,
    /// Kept by a battery.
    BatteryBacked,
    /// Ferroelectric.
    Fram,
}

impl MemoryType {
    /// The word that the `type` attribute reads.
    // KERNEL: nvmem/core.c nvmem_type_str (v6.12).
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Eeprom => "EEPROM",
            Self::Otp => "OTP",
            Self::BatteryBacked => "Battery backed",
            Self::Fram => "FRAM",
        }
    }
}

/// What is added to the name to make it unique.
///
/// ```
/// # struct Ram([u8; 16]);
/// # impl nvmem::Provider for Ram {
/// #     fn access(&self) -> nvmem::Access { nvmem::Access::ReadWrite }
/// #     fn read(&mut self, offset: usize, data: &mut [u8]) -> nvmem::Result<()> {
/// #         data.copy_from_slice(&self.0[offset..offset + data.len()]);
/// #         Ok(())
/// #     }
/// #     fn write(&mut self, offset: usize, data: &[u8]) -> nvmem::Result<()> {
/// #         self.0[offset..offset + data.len()].copy_from_slice(data);
/// #         Ok(())
/// #     }
/// # }
/// use nvmem::{Config, Id, Registry};
///
/// let memories = Registry::new();
/// let config = Config { id: Id::Auto, ..Config::new("ram", 16) };
/// let first = memories.register(config, Ram([0; 16]))?;
/// assert_eq!(first.device().name(), "ram0");
/// # Ok::<(), nvmem::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Id {
    /// Nothing.
    #[default]
    None,
    /// The smallest number that no living device has.
    Auto,
    /// This number.
    Fixed(u32),
}

/// A memory about to be registered. Owns what is handed in with it: a registration that fails drops
/// all of it.
///
/// ```
/// # struct Ram([u8; 16]);
/// # impl nvmem::Provider for Ram {
/// #     fn access(&self) -> nvmem::Access { nvmem::Access::ReadWrite }
/// #     fn read(&mut self, offset: usize, data: &mut [u8]) -> nvmem::Result<()> {
/// #         data.copy_from_slice(&self.0[offset..offset + data.len()]);
/// #         Ok(())
/// #     }
/// #     fn write(&mut self, offset: usize, data: &[u8]) -> nvmem::Result<()> {
/// #         self.0[offset..offset + data.len()].copy_from_slice(data);
/// #         Ok(())
/// #     }
/// # }
/// use nvmem::{Config, Id, MemoryType, Registry};
///
/// let config = Config { id: Id::Fixed(3), kind: MemoryType::Fram, read_only: true, ..Config::new("ram", 16) };
/// let ram = Registry::new().register(config, Ram([0; 16]))?;
/// assert_eq!(ram.device().name(), "ram3");
/// assert_eq!(ram.device().write(0, b"x"), Err(nvmem::Error::NotPermitted));
/// # Ok::<(), nvmem::Error>(())
/// ```
#[derive(Debug)]
pub struct Config {
    /// The name; without one it is `nvmem` and an id of its own.
    pub name: Option<String>,
    /// What the name ends in.
    pub id: Id,
    /// What it is.
    pub kind: MemoryType,
    /// Bytes.
    pub size: usize,
    /// The smallest unit that is read or written, in bytes; 0 means 1.
    pub word_size: usize,
    /// What offsets are multiples of, in bytes; 0 means 1.
    pub stride: usize,
    /// Never written, whatever the provider can do.
    pub read_only: bool,
    /// Read by its owner only.
    pub root_only: bool,
    /// Ranges that the provider is never asked for, in ascending order.
    pub keepouts: Vec<Keepout>,
    /// Its named parts.
    pub cells: Vec<CellInfo>,
    /// Who has the line that protects it.
    pub write_protect: WriteProtect,
}

impl Config {
    /// A memory of this name and size, without cells, keep-outs or write-protect line.
    #[must_use]
    pub fn new(name: &str, size: usize) -> Self {
        Self {
            name: Some(name.into()),
            id: Id::None,
            kind: MemoryType::Unknown,
            size,
            word_size: 1,
            stride: 1,
            read_only: false,
            root_only: false,
            keepouts: Vec::new(),
            cells: Vec::new(),
            write_protect: WriteProtect::Ignored,
        }
    }
}
