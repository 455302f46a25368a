//! The one request behind all clones of a descriptor.

use crate::device::Slot;
use crate::{Device, Label, Module, Offset, Result, ops};

/// A request that must end with the last of its handles. Holds the device and its owner module.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) device: Device,
    pub(crate) offset: Offset,
}

impl Claim {
    // KERNEL: gpiolib.c gpiod_request (v6.12): the module first, then the chip, then the line.
    pub(crate) fn request(device: Device, offset: Offset, consumer: Label) -> Result<Self> {
        let owner = device.owner();
        owner.map_or(Ok(()), Module::hold)?;
        if let Err(error) = ops::claim(&device, offset, consumer) {
            owner.inspect(|owner| owner.release());
            return Err(error);
        }
        Ok(Self { device, offset })
    }

    #[inline]
    pub(crate) fn slot(&self) -> Slot<'_> {
        // INVARIANT: `offset` was checked by `claim`; a device never loses lines.
        self.device
            .slot(self.offset)
            .expect("a claimed line exists")
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        ops::free(&self.device, self.offset);
        if let Some(owner) = self.device.owner() {
            owner.release();
        }
    }
}
