//! Structures and flags of the second ABI: line requests with attributes and sequence numbers.

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::common::{LINES_MAX, NameBytes};

/// Attributes one configuration can carry.
pub const NUM_ATTRS_MAX: usize = 10;

/// Attribute identifier: a flag word.
pub const ATTR_FLAGS: u32 = 1;
/// Attribute identifier: a bit map of output values.
pub const ATTR_OUTPUT_VALUES: u32 = 2;
/// Attribute identifier: a debounce period in microseconds.
pub const ATTR_DEBOUNCE: u32 = 3;

bitflags! {
    /// How a line is, or should be, configured (`GPIO_V2_LINE_FLAG_*`).
    #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
    pub struct LineFlags: u64 {
        /// The line is in use; shown, never accepted.
        const USED = 0x0001;
        /// Active is low.
        const ACTIVE_LOW = 0x0002;
        /// The line is an input.
        const INPUT = 0x0004;
        /// The line is an output.
        const OUTPUT = 0x0008;
        /// Report edges from inactive to active.
        const EDGE_RISING = 0x0010;
        /// Report edges from active to inactive.
        const EDGE_FALLING = 0x0020;
        /// Drive low only.
        const OPEN_DRAIN = 0x0040;
        /// Drive high only.
        const OPEN_SOURCE = 0x0080;
        /// Pull the line up.
        const BIAS_PULL_UP = 0x0100;
        /// Pull the line down.
        const BIAS_PULL_DOWN = 0x0200;
        /// Let the line float.
        const BIAS_DISABLED = 0x0400;
        /// Stamp events with `CLOCK_REALTIME`.
        const EVENT_CLOCK_REALTIME = 0x0800;
        /// Let a hardware engine stamp events.
        const EVENT_CLOCK_HTE = 0x1000;
    }
}

/// `struct gpio_v2_line_values`: bit *i* is the line at index *i* of the request.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct LineValues {
    /// Logical values.
    pub bits: u64,
    /// Which lines are meant.
    pub mask: u64,
}
layout!(LineValues, size 16, align 8, { bits @ 0, mask @ 8 });

/// `struct gpio_v2_line_attribute`: an identifier and a union.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct LineAttribute {
    /// One of the `ATTR_*` values.
    pub id: u32,
    /// Must be zero.
    pub padding: u32,
    /// The union: flags or output values; a debounce period lies in its first four bytes.
    pub value: u64,
}
layout!(LineAttribute, size 16, align 8, { id @ 0, padding @ 4, value @ 8 });

impl LineAttribute {
    /// A flag word.
    pub fn flags(flags: LineFlags) -> Self {
        Self {
            id: ATTR_FLAGS,
            padding: 0,
            value: flags.bits(),
        }
    }

    /// A bit map of output values.
    pub fn output_values(values: u64) -> Self {
        Self {
            id: ATTR_OUTPUT_VALUES,
            padding: 0,
            value: values,
        }
    }

    /// A debounce period.
    pub fn debounce(period_us: u32) -> Self {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&period_us.to_ne_bytes());
        Self {
            id: ATTR_DEBOUNCE,
            padding: 0,
            value: u64::from_ne_bytes(bytes),
        }
    }

    /// The union read as a debounce period: its first four bytes.
    pub fn debounce_period_us(&self) -> u32 {
        let [a, b, c, d, ..] = self.value.to_ne_bytes();
        u32::from_ne_bytes([a, b, c, d])
    }
}

/// `struct gpio_v2_line_config_attribute`: an attribute and the lines it is for.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct LineConfigAttribute {
    /// The attribute.
    pub attr: LineAttribute,
    /// Bit *i* is the line at index *i* of the request.
    pub mask: u64,
}
layout!(LineConfigAttribute, size 24, align 8, { attr @ 0, mask @ 16 });

/// `struct gpio_v2_line_config`.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct LineConfig {
    /// [`LineFlags`] of the lines that no flags attribute names.
    pub flags: u64,
    /// How many of `attrs` count.
    pub num_attrs: u32,
    /// Must be zero.
    pub padding: [u32; 5],
    /// Attributes; the first that fits a line wins.
    pub attrs: [LineConfigAttribute; NUM_ATTRS_MAX],
}
layout!(LineConfig, size 272, align 8, { flags @ 0, num_attrs @ 8, padding @ 12, attrs @ 32 });

/// `struct gpio_v2_line_request`.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct LineRequest {
    /// The lines, the first `num_lines` of which count.
    pub offsets: [u32; LINES_MAX],
    /// The consumer.
    pub consumer: NameBytes,
    /// What is asked for.
    pub config: LineConfig,
    /// How many lines.
    pub num_lines: u32,
    /// How many events to keep; zero for the default.
    pub event_buffer_size: u32,
    /// Must be zero.
    pub padding: [u32; 5],
    /// The answer: the new descriptor.
    pub fd: i32,
}
layout!(LineRequest, size 592, align 8, {
    offsets @ 0, consumer @ 256, config @ 288, num_lines @ 560, event_buffer_size @ 564,
    padding @ 568, fd @ 588,
});

/// `struct gpio_v2_line_info`.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct LineInfo {
    /// The line's name.
    pub name: NameBytes,
    /// The consumer of the line.
    pub consumer: NameBytes,
    /// Which line; the only input besides the padding.
    pub offset: u32,
    /// How many of `attrs` count.
    pub num_attrs: u32,
    /// [`LineFlags`].
    pub flags: u64,
    /// At most one attribute: the debounce period.
    pub attrs: [LineAttribute; NUM_ATTRS_MAX],
    /// Must be zero.
    pub padding: [u32; 4],
}
layout!(LineInfo, size 256, align 8, {
    name @ 0, consumer @ 32, offset @ 64, num_attrs @ 68, flags @ 72, attrs @ 80, padding @ 240,
});

/// `struct gpio_v2_line_info_changed`: a record read from a chip file.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct LineInfoChanged {
    /// The line after the change.
    pub info: LineInfo,
    /// When, in nanoseconds of `CLOCK_MONOTONIC`.
    pub timestamp_ns: u64,
    /// One of the `CHANGED_*` values.
    pub event_type: u32,
    /// Written as zero.
    pub padding: [u32; 5],
}
layout!(LineInfoChanged, size 288, align 8, {
    info @ 0, timestamp_ns @ 256, event_type @ 264, padding @ 268,
});

/// `struct gpio_v2_line_event`: a record read from a line request.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct LineEvent {
    /// When, in nanoseconds of the clock the line is configured for.
    pub timestamp_ns: u64,
    /// `EDGE_RISING` or `EDGE_FALLING`.
    pub id: u32,
    /// The line's offset in its chip.
    pub offset: u32,
    /// Number of the event in this request, from 1.
    pub seqno: u32,
    /// Number of the event on this line of this request, from 1.
    pub line_seqno: u32,
    /// Written as zero.
    pub padding: [u32; 6],
}
layout!(LineEvent, size 48, align 8, {
    timestamp_ns @ 0, id @ 8, offset @ 12, seqno @ 16, line_seqno @ 20, padding @ 24,
});
