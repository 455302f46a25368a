//! Structures and flags of the first ABI: line handles and line events.

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::common::{LINES_MAX, NameBytes};

bitflags! {
    /// What a line handle or line event asks for (`GPIOHANDLE_REQUEST_*`).
    #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
    pub struct HandleFlags: u32 {
        /// Make the line an input.
        const INPUT = 0x01;
        /// Make the line an output.
        const OUTPUT = 0x02;
        /// Active is low.
        const ACTIVE_LOW = 0x04;
        /// Drive low only.
        const OPEN_DRAIN = 0x08;
        /// Drive high only.
        const OPEN_SOURCE = 0x10;
        /// Pull the line up.
        const BIAS_PULL_UP = 0x20;
        /// Pull the line down.
        const BIAS_PULL_DOWN = 0x40;
        /// Let the line float.
        const BIAS_DISABLE = 0x80;
    }
}

bitflags! {
    /// What line information shows (`GPIOLINE_FLAG_*`).
    #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
    pub struct LineInfoFlags: u32 {
        /// The line is in use.
        const KERNEL = 0x01;
        /// The line is an output.
        const IS_OUT = 0x02;
        /// Active is low.
        const ACTIVE_LOW = 0x04;
        /// Drives low only.
        const OPEN_DRAIN = 0x08;
        /// Drives high only.
        const OPEN_SOURCE = 0x10;
        /// Pulled up.
        const BIAS_PULL_UP = 0x20;
        /// Pulled down.
        const BIAS_PULL_DOWN = 0x40;
        /// Floating.
        const BIAS_DISABLE = 0x80;
    }
}

bitflags! {
    /// Which edges a line event wants (`GPIOEVENT_REQUEST_*`).
    #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
    pub struct EventFlags: u32 {
        /// Inactive to active.
        const RISING_EDGE = 0x1;
        /// Active to inactive.
        const FALLING_EDGE = 0x2;
    }
}

/// `struct gpioline_info`.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct LineInfoV1 {
    /// Which line; the only input.
    pub line_offset: u32,
    /// [`LineInfoFlags`].
    pub flags: u32,
    /// The line's name.
    pub name: NameBytes,
    /// The consumer of the line.
    pub consumer: NameBytes,
}
layout!(LineInfoV1, size 72, align 4, { line_offset @ 0, flags @ 4, name @ 8, consumer @ 40 });

/// `struct gpioline_info_changed`: a record read from a chip file.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct LineInfoChangedV1 {
    /// The line after the change.
    pub info: LineInfoV1,
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub timestamp: u64,
    /// One of the `CHANGED_*` values.
    pub event_type: u32,
    /// Written as zero.
    pub padding: [u32; 5],
}
layout!(LineInfoChangedV1, size 104, align 8, {
    info @ 0, timestamp @ 72, event_type @ 80, padding @ 84,
});

/// `struct gpiohandle_request`.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct HandleRequest {
    /// The lines, the first `lines` of which count.
    pub lineoffsets: [u32; LINES_MAX],
    /// [`HandleFlags`].
    pub flags: u32,
    /// Initial values of outputs; any non-zero byte is active.
    pub default_values: [u8; LINES_MAX],
    /// The consumer.
    pub consumer_label: NameBytes,
    /// How many lines.
    pub lines: u32,
    /// The answer: the new descriptor.
    pub fd: i32,
}
layout!(HandleRequest, size 364, align 4, {
    lineoffsets @ 0, flags @ 256, default_values @ 260, consumer_label @ 324, lines @ 356, fd @ 360,
});

/// `struct gpiohandle_config`.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct HandleConfig {
    /// [`HandleFlags`].
    pub flags: u32,
    /// Values of outputs; any non-zero byte is active.
    pub default_values: [u8; LINES_MAX],
    /// Not looked at.
    pub padding: [u32; 4],
}
layout!(HandleConfig, size 84, align 4, { flags @ 0, default_values @ 4, padding @ 68 });

/// `struct gpiohandle_data`: one byte a line.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct HandleData {
    /// Values in the order of the request.
    pub values: [u8; LINES_MAX],
}
layout!(HandleData, size 64, align 1, { values @ 0 });

/// `struct gpioevent_request`.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct EventRequest {
    /// Which line.
    pub lineoffset: u32,
    /// [`HandleFlags`].
    pub handleflags: u32,
    /// [`EventFlags`].
    pub eventflags: u32,
    /// The consumer.
    pub consumer_label: NameBytes,
    /// The answer: the new descriptor.
    pub fd: i32,
}
layout!(EventRequest, size 48, align 4, {
    lineoffset @ 0, handleflags @ 4, eventflags @ 8, consumer_label @ 12, fd @ 44,
});

/// `struct gpioevent_data`: a record read from a line event.
///
/// The four tail bytes the C compiler adds on 64-bit machines are a field here, so that they are
/// written as zero. An ia32 caller would see 12 bytes; none is served.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct EventDataV1 {
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub timestamp: u64,
    /// `EDGE_RISING` or `EDGE_FALLING`.
    pub id: u32,
    /// Written as zero.
    pub tail: [u8; 4],
}
layout!(EventDataV1, size 16, align 8, { timestamp @ 0, id @ 8, tail @ 12 });
