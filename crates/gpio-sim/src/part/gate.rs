//! Buffers and inverters: the smallest parts, to repeat a net on another one.

use alloc::boxed::Box;

use super::{Io, Part, PartKind};
use crate::net::PinDrive;

pub(super) const BUFFER: PartKind = PartKind {
    name: "buffer",
    pins: &["in", "out"],
    required: &["in", "out"],
    keys: &[],
    make: |_| Ok(Box::new(Gate { inverts: false })),
};

pub(super) const INVERTER: PartKind = PartKind {
    name: "inverter",
    pins: &["in", "out"],
    required: &["in", "out"],
    keys: &[],
    make: |_| Ok(Box::new(Gate { inverts: true })),
};

/// Drives its output as its input says.
#[derive(Debug)]
struct Gate {
    inverts: bool,
}

impl Part for Gate {
    fn pins(&self) -> &'static [&'static str] {
        BUFFER.pins
    }

    fn react(&mut self, io: &mut Io<'_>) {
        let level = io.level(0);
        io.drive(
            1,
            PinDrive::output(if self.inverts { !level } else { level }),
        );
    }
}
