//! The driver's side: how the bytes of a memory are reached.

use crate::{Error, Result};

/// What a provider can do.
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
#[expect(unused_variables, reason = "defaults ignore their arguments")]
pub trait Provider: Send {
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
