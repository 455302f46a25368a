//! The driver's side: how the bytes of a memory are reached.

use alloc::boxed::Box;
use core::any::Any;

use crate::{Error, Result};

/// What a provider can do.
///
/// ```
/// use nvmem::{Access, Provider};
///
/// struct Otp;
/// impl Provider for Otp {
///     fn access(&self) -> Access { Access::ReadOnly }
/// }
/// assert_ne!(Otp.access(), Access::ReadWrite);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// Read only: an OTP that is burnt elsewhere.
    ReadOnly,
    /// Written but never read back.
    WriteOnly,
    /// Both.
    ReadWrite,
}

impl Access {
    pub(crate) const fn can_read(self) -> bool {
        matches!(self, Self::ReadOnly | Self::ReadWrite)
    }

    pub(crate) const fn can_write(self) -> bool {
        matches!(self, Self::WriteOnly | Self::ReadWrite)
    }
}

/// A memory's driver. Calls come one at a time, may take bus time, and stay within the size that was
/// registered; keep-outs and the write-protect line are the core's business.
///
/// ```
/// use nvmem::{Access, Config, Provider, Registry, Result};
///
/// /// Every byte is its own address.
/// struct Counting;
/// impl Provider for Counting {
///     fn access(&self) -> Access { Access::ReadOnly }
///     fn read(&mut self, offset: usize, data: &mut [u8]) -> Result<()> {
///         for (at, byte) in (offset..).zip(data) {
///             *byte = at as u8;
///         }
///         Ok(())
///     }
/// }
///
/// let rom = Registry::new().register(Config::new("rom", 256), Counting)?;
/// let mut found = [0; 3];
/// rom.device().read(7, &mut found)?;
/// assert_eq!(found, [7, 8, 9]);
/// # Ok::<(), nvmem::Error>(())
/// ```
#[expect(unused_variables, reason = "defaults ignore their arguments")]
pub trait Provider: Any + Send {
    /// What this provider can do; asked once, at registration.
    fn access(&self) -> Access;

    /// Fills `data` from the bytes at `offset`.
    ///
    /// # Errors
    /// What went wrong; [`Error::NotPermitted`] where there is no reading.
    fn read(&mut self, offset: usize, data: &mut [u8]) -> Result<()> {
        Err(Error::NotPermitted)
    }

    /// Writes `data` to the bytes at `offset`.
    ///
    /// # Errors
    /// What went wrong; [`Error::NotPermitted`] where there is no writing.
    fn write(&mut self, offset: usize, data: &[u8]) -> Result<()> {
        Err(Error::NotPermitted)
    }
}

/// What owns a provider is one: for who does not know its type.
impl<P: Provider + ?Sized> Provider for Box<P> {
    fn access(&self) -> Access {
        (**self).access()
    }

    fn read(&mut self, offset: usize, data: &mut [u8]) -> Result<()> {
        (**self).read(offset, data)
    }

    fn write(&mut self, offset: usize, data: &[u8]) -> Result<()> {
        (**self).write(offset, data)
    }
}
