//! The memory as a file: the rules of Linux's `nvmem` attribute.

use crate::{Device, Error, Result};

impl Device {
    /// The file's permission bits: what the kinds of access and the owner allow.
    // KERNEL: nvmem/core.c nvmem_bin_attr_get_umode (v6.12).
    #[must_use]
    pub fn file_mode(&self) -> u32 {
        let mut mode = 0o400;
        if !self.0.root_only {
            mode |= 0o044;
        }
        if !self.is_read_only() {
            mode |= 0o200;
        }
        if !self.0.access.can_read() {
            mode &= !0o444;
        }
        if !self.0.access.can_write() {
            mode &= !0o200;
        }
        mode
    }

    /// Reads as the file does: whole words, from a multiple of the stride. Answers the bytes read, 0
    /// at the end.
    ///
    /// # Errors
    /// `NotPermitted`; `Invalid` for a crooked position or less than a word; as [`Device::read`].
    pub fn file_read(&self, position: u64, data: &mut [u8]) -> Result<usize> {
        if !self.0.access.can_read() {
            return Err(Error::NotPermitted);
        }
        let Some((offset, count)) = self.whole_words(position, data.len())? else {
            return Ok(0);
        };
        let part = data.get_mut(..count).unwrap_or_default();
        self.read(offset, part)?;
        Ok(count)
    }

    /// Writes as the file does. Answers the bytes written.
    ///
    /// # Errors
    /// As [`Device::file_read`]; `TooBig` at the end; as [`Device::write`].
    pub fn file_write(&self, position: u64, data: &[u8]) -> Result<usize> {
        if self.is_read_only() && !self.is_gone() {
            return Err(Error::NotPermitted);
        }
        let Some((offset, count)) = self.whole_words(position, data.len())? else {
            return Err(Error::TooBig);
        };
        let part = data.get(..count).unwrap_or_default();
        self.write(offset, part)?;
        Ok(count)
    }

    /// Forbids writing, or allows it again where the provider can write: the attribute `force_ro`.
    ///
    /// # Errors
    /// `Revoked`; `NotPermitted` if the provider cannot write.
    pub fn set_read_only(&self, read_only: bool) -> Result<()> {
        self.with_open(|open| {
            if !self.0.access.can_write() {
                return Err(Error::NotPermitted);
            }
            open.read_only = read_only;
            Ok(())
        })
    }

    /// The part of an access that is done; `None` beyond the end.
    // KERNEL: nvmem/core.c bin_attr_nvmem_read, bin_attr_nvmem_write (v6.12).
    fn whole_words(&self, position: u64, count: usize) -> Result<Option<(usize, usize)>> {
        let Some(offset) = usize::try_from(position)
            .ok()
            .filter(|offset| *offset < self.0.size)
        else {
            return Ok(None);
        };
        if offset % self.0.stride != 0 {
            return Err(Error::Invalid("not a multiple of the stride"));
        }
        if count < self.0.word_size {
            return Err(Error::Invalid("less than a word"));
        }
        let count = count.min(self.0.size - offset);
        Ok(Some((offset, count - count % self.0.word_size)))
    }
}
