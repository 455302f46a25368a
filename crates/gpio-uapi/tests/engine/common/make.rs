//! One-liners that build the uAPI's structures.

use gpio_uapi::abi::v1::{self, EventFlags, HandleFlags};
use gpio_uapi::abi::v2::{self, LineAttribute, LineConfigAttribute, LineFlags};

pub const INPUT: LineFlags = LineFlags::INPUT;
pub const OUTPUT: LineFlags = LineFlags::OUTPUT;
pub const ACTIVE_LOW: LineFlags = LineFlags::ACTIVE_LOW;
pub const RISING: LineFlags = LineFlags::EDGE_RISING;
pub const FALLING: LineFlags = LineFlags::EDGE_FALLING;
pub const REALTIME: LineFlags = LineFlags::EVENT_CLOCK_REALTIME;
pub const HTE: LineFlags = LineFlags::EVENT_CLOCK_HTE;
pub const USED: LineFlags = LineFlags::USED;
pub const PULL_UP: LineFlags = LineFlags::BIAS_PULL_UP;
pub const PULL_DOWN: LineFlags = LineFlags::BIAS_PULL_DOWN;
pub const OPEN_DRAIN: LineFlags = LineFlags::OPEN_DRAIN;
pub const OPEN_SOURCE: LineFlags = LineFlags::OPEN_SOURCE;
/// An input that reports both edges.
pub const EDGES: LineFlags = INPUT.union(RISING).union(FALLING);
/// A flag that no kernel knows.
pub const BIT_60: LineFlags = LineFlags::from_bits_retain(1 << 60);

/// A flags attribute for the lines in `mask`.
pub fn flags(flags: LineFlags, mask: u64) -> LineConfigAttribute {
    LineConfigAttribute {
        attr: LineAttribute::flags(flags),
        mask,
    }
}

/// Output values for the lines in `mask`.
pub fn values(values: u64, mask: u64) -> LineConfigAttribute {
    LineConfigAttribute {
        attr: LineAttribute::output_values(values),
        mask,
    }
}

/// A debounce period for the lines in `mask`.
pub fn debounce(period_us: u32, mask: u64) -> LineConfigAttribute {
    LineConfigAttribute {
        attr: LineAttribute::debounce(period_us),
        mask,
    }
}

/// Any attribute at all.
pub fn attribute(id: u32, value: u64, mask: u64) -> LineConfigAttribute {
    LineConfigAttribute {
        attr: LineAttribute {
            id,
            padding: 0,
            value,
        },
        mask,
    }
}

/// A v2 configuration.
pub fn config(flags: LineFlags, attrs: &[LineConfigAttribute]) -> v2::LineConfig {
    let mut config = v2::LineConfig {
        flags: flags.bits(),
        num_attrs: u32::try_from(attrs.len()).unwrap(),
        ..Default::default()
    };
    config.attrs[..attrs.len()].copy_from_slice(attrs);
    config
}

/// A v2 request by nobody.
pub fn lines(offsets: &[u32], flags: LineFlags) -> v2::LineRequest {
    lines_with(offsets, flags, &[])
}

/// A v2 request with attributes.
pub fn lines_with(
    offsets: &[u32],
    flags: LineFlags,
    attrs: &[LineConfigAttribute],
) -> v2::LineRequest {
    let mut request = v2::LineRequest {
        config: config(flags, attrs),
        num_lines: u32::try_from(offsets.len()).unwrap(),
        fd: -7,
        ..Default::default()
    };
    request.offsets[..offsets.len()].copy_from_slice(offsets);
    request
}

/// A v2 request with an event buffer size.
pub fn lines_keeping(offsets: &[u32], flags: LineFlags, size: u32) -> v2::LineRequest {
    v2::LineRequest {
        event_buffer_size: size,
        ..lines(offsets, flags)
    }
}

/// A v2 request by somebody.
pub fn lines_for(consumer: &[u8], offsets: &[u32], flags: LineFlags) -> v2::LineRequest {
    v2::LineRequest {
        consumer: text(consumer),
        ..lines(offsets, flags)
    }
}

/// Up to 32 bytes, padded with NUL.
pub fn text(text: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..text.len()].copy_from_slice(text);
    bytes
}

/// A request for a v1 line handle.
pub fn handle(offsets: &[u32], flags: HandleFlags) -> v1::HandleRequest {
    let mut request = v1::HandleRequest {
        flags: flags.bits(),
        lines: u32::try_from(offsets.len()).unwrap(),
        fd: -7,
        ..Default::default()
    };
    request.lineoffsets[..offsets.len()].copy_from_slice(offsets);
    request
}

/// A request for a v1 line handle with initial values.
pub fn handle_with(offsets: &[u32], flags: HandleFlags, values: &[u8]) -> v1::HandleRequest {
    let mut request = handle(offsets, flags);
    request.default_values[..values.len()].copy_from_slice(values);
    request
}

/// A request for a v1 line event.
pub fn event(lineoffset: u32, flags: HandleFlags, edges: EventFlags) -> v1::EventRequest {
    v1::EventRequest {
        lineoffset,
        handleflags: flags.bits(),
        eventflags: edges.bits(),
        fd: -7,
        ..Default::default()
    }
}
