//! The one request behind all clones of a descriptor.

use crate::device::Slot;
use crate::revoke::Held;
use crate::sync::atomic::AtomicU32;
use crate::{Device, Label, Module, Offset, Result, ops};

/// A request that must end with the last of its handles. Holds the device and its owner module.
pub(crate) struct Claim {
    held: Held,
    pub(crate) offset: Offset,
}

impl Claim {
    // KERNEL: gpiolib.c gpiod_request (v6.12): the module first, then the chip, then the line.
    #[inline]
    pub(crate) fn request(device: &Device, offset: Offset, consumer: Label) -> Result<Self> {
        let hold = Hold::take(device.owner())?;
        let held = ops::claim(device, offset, consumer)?;
        hold.keep();
        Ok(Self { held, offset })
    }

    #[inline]
    pub(crate) const fn device(&self) -> &Device {
        self.held.device()
    }

    /// The flags of the line.
    #[inline]
    pub(crate) const fn flags(&self) -> &AtomicU32 {
        self.held.flags()
    }

    pub(crate) fn slot(&self) -> Slot<'_> {
        // INVARIANT: `offset` was checked by `request`; a device never loses lines.
        self.device()
            .slot(self.offset)
            .expect("a claimed line exists")
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let last = self.held.last();
        let _hold = Hold(last.device().owner());
        ops::give_back(last, self.offset);
    }
}

/// A module held for a line, until it is kept. Let go also if the driver panics.
struct Hold<'a>(Option<&'a Module>);

impl<'a> Hold<'a> {
    fn take(owner: Option<&'a Module>) -> Result<Self> {
        owner.map_or(Ok(()), Module::hold)?;
        Ok(Self(owner))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if let Some(owner) = self.0 {
            owner.release();
        }
    }
}
