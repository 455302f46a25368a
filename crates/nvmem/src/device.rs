//! A registered memory, and a consumer's hold on it.
//!
//! A [`Device`] is counted and outlives its provider: when the provider is gone every access answers
//! [`Error::Revoked`], and nothing of it is called any more. Accesses come to the provider one at a
//! time, under one lock together with the write-protect line, so that the line is up whenever no
//! write is in progress.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use revocable::Revocable;
use revocable::sync::Mutex;

use crate::keepout::pieces;
use crate::registry::RegistryInner;
use crate::wp::Protector;
use crate::{Access, CellInfo, Error, Keepout, MemoryType, Provider, Result};

/// A counted hold on a memory. Cheap to clone; never keeps the provider.
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
/// use nvmem::{Config, Error, Registry};
///
/// let ram = Registry::new().register(Config::new("ram", 16), Ram([0; 16]))?;
/// let device = ram.device().clone();
/// device.write(14, &[1, 2])?;
/// drop(ram);
/// assert!(device.is_gone());
/// assert_eq!(device.read(14, &mut [0; 2]), Err(Error::Revoked));
/// # Ok::<(), nvmem::Error>(())
/// ```
#[derive(Clone)]
pub struct Device(pub(crate) Arc<Inner>);

/// What stays when the provider goes.
pub(crate) struct Inner {
    pub(crate) name: String,
    pub(crate) id: Option<u32>,
    pub(crate) kind: MemoryType,
    pub(crate) size: usize,
    pub(crate) word_size: usize,
    pub(crate) stride: usize,
    pub(crate) root_only: bool,
    pub(crate) access: Access,
    pub(crate) keepouts: Vec<Keepout>,
    pub(crate) cells: Vec<CellInfo>,
    pub(crate) registry: Arc<RegistryInner>,
    pub(crate) gate: Revocable<Mutex<Open>>,
}

/// What goes with the provider.
pub(crate) struct Open {
    pub(crate) provider: Box<dyn Provider>,
    pub(crate) protector: Protector,
    pub(crate) read_only: bool,
}

impl Device {
    /// The name it was registered under, id included.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What kind of memory it is.
    #[must_use]
    pub fn kind(&self) -> MemoryType {
        self.0.kind
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// Whether the provider is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.0.gate.is_revoked()
    }

    /// Whether writing is refused; true when the provider is gone.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.with_open(|open| Ok(open.read_only)).unwrap_or(true)
    }

    /// How many handles share the request of the write-protect line, the memory's own included;
    /// `None` without a line. For tests and people.
    #[must_use]
    pub fn write_protect_handles(&self) -> Option<usize> {
        self.with_open(|open| Ok(open.protector.handles())).ok()?
    }

    /// Fills `data` from the bytes at `offset`; keep-outs read their value. May take bus time.
    ///
    /// # Errors
    /// `Revoked`; `Invalid` beyond the end; `NotPermitted` if it cannot be read; the provider's.
    // DIFFERS: Linux does not check the bounds here.
    pub fn read(&self, offset: usize, data: &mut [u8]) -> Result<()> {
        self.with_open(|open| self.0.read(open, offset, data))
    }

    /// Writes `data` to the bytes at `offset`; keep-outs swallow their part. May take bus time. The
    /// write-protect line is low for the length of the call, and only then.
    ///
    /// # Errors
    /// `Revoked`; `Invalid` beyond the end; `NotPermitted` if it is read only; `WriteProtect` if the
    /// line cannot be lowered: nothing is written; `Unprotected` if it cannot be raised again: all is
    /// written; the provider's.
    // DIFFERS: Linux checks neither the bounds nor read-only here, writes although the line could
    // not be lowered, does not serialise, and toggles the line once for each part between keep-outs.
    pub fn write(&self, offset: usize, data: &[u8]) -> Result<()> {
        self.with_open(|open| self.0.write(open, offset, data))
    }

    /// Runs `access` while the provider is there, alone.
    pub(crate) fn with_open<R>(&self, access: impl FnOnce(&mut Open) -> Result<R>) -> Result<R> {
        let open = self.0.gate.enter()?;
        let mut open = open.lock();
        // Who waited for another access finds out here that it was the last.
        if self.is_gone() {
            return Err(Error::Revoked);
        }
        access(&mut open)
    }
}

impl Inner {
    fn range(&self, offset: usize, length: usize) -> Result<(usize, usize)> {
        match offset.checked_add(length) {
            Some(end) if end <= self.size => Ok((offset, end)),
            _ => Err(Error::Invalid("beyond the end of the memory")),
        }
    }

    pub(crate) fn read(&self, open: &mut Open, offset: usize, data: &mut [u8]) -> Result<()> {
        let (start, end) = self.range(offset, data.len())?;
        if !self.access.can_read() {
            return Err(Error::NotPermitted);
        }
        let mut rest = data;
        for piece in pieces(&self.keepouts, start, end) {
            let (part, more) = rest.split_at_mut(piece.end - piece.start);
            match piece.kept_out {
                Some(value) => part.fill(value),
                None => open.provider.read(piece.start, part)?,
            }
            rest = more;
        }
        Ok(())
    }

    pub(crate) fn write(&self, open: &mut Open, offset: usize, data: &[u8]) -> Result<()> {
        let (start, end) = self.range(offset, data.len())?;
        if open.read_only {
            return Err(Error::NotPermitted);
        }
        let Open {
            provider,
            protector,
            ..
        } = open;
        protector.lifted(|| {
            let mut rest = data;
            for piece in pieces(&self.keepouts, start, end) {
                let (part, more) = rest.split_at(piece.end - piece.start);
                if piece.kept_out.is_none() {
                    provider.write(piece.start, part)?;
                }
                rest = more;
            }
            Ok(())
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.registry.release_id(id);
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("name", &self.0.name)
            .field("size", &self.0.size)
            .finish_non_exhaustive()
    }
}
