//! The one request behind all clones of a descriptor.

use revocable::{Claim, Claimed, Last};

use crate::device::State;
use crate::{Chip, Device, Label, Module, Offset, Result, ops};

/// A request, and a way in for one of its handles.
pub(crate) type Pass = Claimed<dyn Chip, State, Request>;

/// A request of one line. It holds the device, the owner's module and the line; its end gives them back.
pub(crate) struct Request {
    pub(crate) offset: Offset,
}

impl Request {
    /// Requests the line: fails as [`crate::Line::request`] says.
    // KERNEL: gpiolib.c gpiod_request (v6.12): the module first, then the chip, then the line.
    #[inline]
    pub(crate) fn make(device: &Device, offset: Offset, consumer: Label) -> Result<Pass> {
        let hold = Hold::take(device.owner())?;
        let pass = ops::claim(device, offset, consumer)?;
        hold.keep();
        Ok(pass)
    }
}

impl Claim<dyn Chip, State> for Request {
    fn end(&mut self, last: Last<'_, dyn Chip, State>) {
        let device = Device::of(last.revocable());
        let _hold = Hold(device.owner());
        ops::give_back(device, last, self.offset);
    }
}

/// A hold on a module that ends with its scope, also when the driver panics.
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
