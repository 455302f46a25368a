//! What is soldered, on a computer: two registers.

use core::sync::atomic::{AtomicU32, Ordering};

/// The registers of a port.
pub(crate) struct Pins {
    inputs: AtomicU32,
    outputs: AtomicU32,
}

impl Pins {
    pub(crate) const fn new() -> Self {
        Self {
            inputs: AtomicU32::new(0),
            outputs: AtomicU32::new(0),
        }
    }

    pub(crate) fn inputs(&self) -> u32 {
        self.inputs.load(Ordering::Acquire)
    }

    pub(crate) fn outputs(&self) -> u32 {
        self.outputs.load(Ordering::Acquire)
    }

    pub(crate) fn drive(&self, bit: u32, high: bool) {
        Self::put(&self.outputs, bit, high);
    }

    /// The outside presses or releases the button.
    pub(crate) fn press(&self, is_down: bool) {
        Self::put(&self.inputs, 1, is_down);
    }

    fn put(register: &AtomicU32, bit: u32, high: bool) {
        if high {
            register.fetch_or(1 << bit, Ordering::AcqRel);
        } else {
            register.fetch_and(!(1 << bit), Ordering::AcqRel);
        }
    }
}
