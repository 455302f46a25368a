//! Cells: named ranges of a memory, down to single bits.
//!
//! A cell of whole bytes is read and written as it lies. A bit cell is shifted down so that its
//! first bit is bit 0, and is written by reading, changing and writing the bytes that it touches,
//! with nobody in between.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::{Config, Device, Error, Result};

/// Changes what was read of a cell before its consumer sees it: a checksum taken off, an address
/// counted up. A cell that has one cannot be written.
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
/// use nvmem::{CellInfo, Config, PostProcess, Registry};
///
/// let reversed = PostProcess::new(|bytes| {
///     bytes.reverse();
///     Ok(())
/// });
/// let cell = CellInfo { post_process: Some(reversed), ..CellInfo::bytes("serial", 0, 3) };
/// let config = Config { cells: vec![cell], ..Config::new("ram", 16) };
/// let ram = Registry::new().register(config, Ram([7; 16]))?;
/// ram.device().write(0, &[1, 2, 3])?;
/// assert_eq!(ram.device().cell("serial")?.read()?, [3, 2, 1]);
/// # Ok::<(), nvmem::Error>(())
/// ```
#[derive(Clone)]
pub struct PostProcess(Arc<Change>);

type Change = dyn Fn(&mut Vec<u8>) -> Result<()> + Send + Sync;

impl PostProcess {
    /// Runs `change` on the bytes read.
    pub fn new(change: impl Fn(&mut Vec<u8>) -> Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(change))
    }
}

impl fmt::Debug for PostProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostProcess")
    }
}

/// A named part of a memory.
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
/// use nvmem::{CellInfo, Config, Registry};
///
/// let cells = vec![CellInfo::bytes("mac", 4, 6), CellInfo::bits("revision", 0, 4, 3)];
/// let config = Config { cells, ..Config::new("ram", 16) };
/// let ram = Registry::new().register(config, Ram([0x35; 16]))?;
/// assert_eq!(ram.device().cell("revision")?.read()?, [0x3]);
/// # Ok::<(), nvmem::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CellInfo {
    /// Its name.
    pub name: String,
    /// Where it begins, in bytes.
    pub offset: usize,
    /// How long it is, in bytes; a bit cell is as long as its bits need.
    pub bytes: usize,
    /// How many bytes are read for it, where that is more.
    pub raw_bytes: Option<usize>,
    /// Its first bit, counted in the first byte from the least significant.
    pub bit_offset: usize,
    /// How many bits it has; 0 for a cell of whole bytes.
    pub bits: usize,
    /// What happens to it before it is seen.
    pub post_process: Option<PostProcess>,
}

impl CellInfo {
    /// A cell of whole bytes.
    #[must_use]
    pub fn bytes(name: &str, offset: usize, bytes: usize) -> Self {
        Self {
            name: name.into(),
            offset,
            bytes,
            ..Self::default()
        }
    }

    /// A cell of `bits` bits from bit `bit_offset` of the byte at `offset`.
    #[must_use]
    pub fn bits(name: &str, offset: usize, bit_offset: usize, bits: usize) -> Self {
        Self {
            bit_offset,
            bits,
            ..Self::bytes(name, offset, 0)
        }
    }

    /// Its length in bytes.
    const fn length(&self) -> usize {
        if self.bits == 0 {
            self.bytes
        } else {
            self.bits.saturating_add(self.bit_offset).div_ceil(8)
        }
    }

    /// How many bytes are read for it.
    fn raw_length(&self, word_size: usize) -> usize {
        self.raw_bytes
            .unwrap_or_else(|| self.length().next_multiple_of(word_size))
    }
}

/// Judges the cells of a memory.
// KERNEL: nvmem/core.c nvmem_cell_info_to_nvmem_cell_entry_nodup (v6.12).
// DIFFERS: a cell beyond the end of the memory is refused.
pub(crate) fn check(config: &Config) -> Result<()> {
    let word_size = config.word_size.max(1);
    for cell in &config.cells {
        if cell.offset % config.stride.max(1) != 0 {
            return Err(Error::Invalid("a cell is not aligned to the stride"));
        }
        let raw = cell.raw_length(word_size);
        if raw % word_size != 0 || raw < cell.length() {
            return Err(Error::Invalid("a cell's raw length does not fit"));
        }
        if cell
            .offset
            .checked_add(raw)
            .is_none_or(|end| end > config.size)
        {
            return Err(Error::Invalid("a cell ends beyond the memory"));
        }
    }
    Ok(())
}

/// Which cell a consumer means.
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
/// use nvmem::{CellInfo, CellLookup, Config, Registry};
///
/// let memories = Registry::new();
/// let cells = vec![CellInfo::bytes("mac", 4, 6)];
/// let config = Config { cells, id: nvmem::Id::None, ..Config::new("ram", 16) };
/// let ram = memories.register(config, Ram([2; 16]))?;
/// memories.add_cell_lookup(CellLookup {
///     dev_id: "eth0".into(),
///     con_id: "mac-address".into(),
///     device: "ram".into(),
///     cell: "mac".into(),
/// });
/// assert_eq!(memories.cell("eth0", "mac-address")?.read()?, [2; 6]);
/// # Ok::<(), nvmem::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CellLookup {
    /// Who asks.
    pub dev_id: String,
    /// By which name.
    pub con_id: String,
    /// The memory.
    pub device: String,
    /// Its cell.
    pub cell: String,
}

/// A consumer's hold on a cell; it holds the memory's device.
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
/// use nvmem::{CellInfo, Config, Registry};
///
/// let config = Config { cells: vec![CellInfo::bytes("serial", 0, 4)], ..Config::new("ram", 16) };
/// let ram = Registry::new().register(config, Ram([0; 16]))?;
/// let serial = ram.device().cell("serial")?;
/// serial.write(&[0x78, 0x56, 0x34, 0x12])?;
/// assert_eq!(serial.read_variable_le_u32()?, 0x1234_5678);
/// # Ok::<(), nvmem::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cell {
    device: Device,
    info: CellInfo,
}

impl Device {
    /// The cell of this name.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn cell(&self, name: &str) -> Result<Cell> {
        let info = self.0.cells.iter().find(|cell| cell.name == name);
        let info = info.ok_or(Error::NotFound)?.clone();
        Ok(Cell {
            device: self.clone(),
            info,
        })
    }
}

impl Cell {
    /// Reads the cell: as many bytes as it is long, bits shifted down.
    ///
    /// # Errors
    /// As [`Device::read`]; what its post-processing answers.
    pub fn read(&self) -> Result<Vec<u8>> {
        let length = self.info.length();
        let mut data = alloc::vec![0; self.info.raw_length(self.device.0.word_size)];
        self.device.read(self.info.offset, &mut data)?;
        if self.info.bits > 0 {
            let mut shifted = alloc::vec![0; length];
            copy_bits(&data, self.info.bit_offset, &mut shifted, 0, self.info.bits);
            data = shifted;
        } else {
            data.truncate(length);
        }
        if let Some(PostProcess(change)) = &self.info.post_process {
            change(&mut data)?;
        }
        Ok(data)
    }

    /// Writes the cell; answers how many bytes were taken. Bits beside it are left as they are.
    ///
    /// # Errors
    /// `Invalid` if the length is not the cell's, the memory is read only or the cell
    /// post-processed; as [`Device::write`].
    // KERNEL: nvmem/core.c __nvmem_cell_entry_write (v6.12).
    pub fn write(&self, data: &[u8]) -> Result<usize> {
        let CellInfo {
            offset,
            bit_offset,
            bits,
            ..
        } = self.info;
        let length = self.info.length();
        if self.info.post_process.is_some() || (bit_offset == 0 && data.len() != length) {
            return Err(Error::Invalid("the cell cannot be written like that"));
        }
        if bits > 0 && data.len() != bits.div_ceil(8) && data.len() != length {
            return Err(Error::Invalid("not the length of the cell"));
        }
        self.device.with_open(|open| {
            if open.read_only {
                return Err(Error::Invalid("the memory is read only"));
            }
            if bits == 0 {
                self.device.0.write(open, offset, data)?;
                return Ok(data.len());
            }
            let mut raw = alloc::vec![0; length];
            self.device.0.read(open, offset, &mut raw)?;
            copy_bits(data, 0, &mut raw, bit_offset, bits);
            self.device.0.write(open, offset, &raw)?;
            Ok(data.len())
        })
    }

    fn read_exactly<const N: usize>(&self) -> Result<[u8; N]> {
        <[u8; N]>::try_from(self.read()?)
            .map_err(|_| Error::Invalid("the cell is not as long as the number"))
    }

    /// Reads a cell of one byte.
    ///
    /// # Errors
    /// As [`Cell::read`]; `Invalid` if it has another length.
    pub fn read_u8(&self) -> Result<u8> {
        self.read_exactly().map(u8::from_ne_bytes)
    }

    /// Reads a cell of two bytes, in the machine's byte order.
    ///
    /// # Errors
    /// As [`Cell::read_u8`].
    pub fn read_u16(&self) -> Result<u16> {
        self.read_exactly().map(u16::from_ne_bytes)
    }

    /// Reads a cell of four bytes, in the machine's byte order.
    ///
    /// # Errors
    /// As [`Cell::read_u8`].
    pub fn read_u32(&self) -> Result<u32> {
        self.read_exactly().map(u32::from_ne_bytes)
    }

    /// Reads a cell of eight bytes, in the machine's byte order.
    ///
    /// # Errors
    /// As [`Cell::read_u8`].
    pub fn read_u64(&self) -> Result<u64> {
        self.read_exactly().map(u64::from_ne_bytes)
    }

    /// Reads a little-endian number of up to four bytes.
    ///
    /// # Errors
    /// As [`Cell::read`]; `Range` if the cell is longer.
    pub fn read_variable_le_u32(&self) -> Result<u32> {
        self.read_padded().map(u32::from_le_bytes)
    }

    /// Reads a little-endian number of up to eight bytes.
    ///
    /// # Errors
    /// As [`Cell::read`]; `Range` if the cell is longer.
    pub fn read_variable_le_u64(&self) -> Result<u64> {
        self.read_padded().map(u64::from_le_bytes)
    }

    fn read_padded<const N: usize>(&self) -> Result<[u8; N]> {
        let data = self.read()?;
        let mut padded = [0; N];
        padded
            .get_mut(..data.len())
            .ok_or(Error::Range("the cell is longer than the number"))?
            .copy_from_slice(&data);
        Ok(padded)
    }
}

/// Copies bits, counted from the least significant of the first byte; what is not there is left.
fn copy_bits(from: &[u8], from_bit: usize, to: &mut [u8], to_bit: usize, bits: usize) {
    for bit in 0..bits {
        let (source, target) = (from_bit + bit, to_bit + bit);
        let (Some(source), Some(byte)) = (
            from.get(source / 8).map(|byte| byte >> (source % 8) & 1),
            to.get_mut(target / 8),
        ) else {
            return;
        };
        *byte = *byte & !(1 << (target % 8)) | source << (target % 8);
    }
}
