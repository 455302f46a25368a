//! Judgement and conversion of the first ABI's structures.

use alloc::vec::Vec;

use gpiolib::{
    Bias, Direction, Drive, EdgeEvent, Edges, EventClock, InfoChange, Label, LineConfig, LineInfo,
    Offset, Value,
};

use super::v2::{change_id, consumer, edge_id, info_flags};
use super::{Setup, bias, drive, line_count};
use crate::abi::common::to_name;
use crate::abi::v1::{self, EventFlags, HandleFlags, LineInfoFlags};
use crate::abi::v2::LineFlags;
use crate::refusal::{Reason, Refusal};

/// A valid request for a line handle.
#[derive(Debug)]
pub struct HandleRequest {
    /// The lines wanted and what is wanted of each, in the order of the request.
    pub lines: Vec<(Offset, Setup)>,
    /// The consumer.
    pub consumer: Label,
}

/// A valid request for a line event.
#[derive(Debug)]
pub struct EventRequest {
    /// Which line.
    pub offset: Offset,
    /// Polarity and bias; the direction is always input, edges are not part of it.
    pub config: LineConfig,
    /// Which edges are wanted; may be none.
    pub edges: Edges,
    /// The consumer.
    pub consumer: Label,
}

/// Judges a request for a line handle.
///
/// # Errors
///
/// `EINVAL`.
pub fn parse_handle(raw: &v1::HandleRequest) -> Result<HandleRequest, Refusal> {
    let count = line_count(raw.lines)?;
    let config = handle_config(raw.flags)?;
    let offsets = raw.lineoffsets.iter().copied().map(Offset::new);
    let setups = setups(config, &raw.default_values).take(count);
    Ok(HandleRequest {
        lines: offsets.zip(setups).collect(),
        consumer: consumer(&raw.consumer_label),
    })
}

/// Judges a new configuration for a line handle of `lines` lines.
///
/// # Errors
///
/// `EINVAL`, also when neither direction is asked for. The padding is not looked at.
pub fn parse_config(raw: &v1::HandleConfig, lines: usize) -> Result<Vec<Setup>, Refusal> {
    let config = handle_config(raw.flags)?;
    if config.direction.is_none() {
        return Err(Reason::NoDirection.into());
    }
    Ok(setups(config, &raw.default_values).take(lines).collect())
}

/// One setup for each byte of `values`; any byte but zero is active.
fn setups(config: LineConfig, values: &[u8]) -> impl Iterator<Item = Setup> {
    let setup = move |&byte: &u8| Setup {
        config,
        value: Value::from(byte != 0),
        debounce_us: None,
    };
    values.iter().map(setup)
}

/// Judges the flags of a line handle.
// KERNEL: gpiolib-cdev.c linehandle_validate_flags (v6.12).
fn handle_config(bits: u32) -> Result<LineConfig, Reason> {
    let flags = HandleFlags::from_bits(bits).ok_or(Reason::UnknownFlag)?;
    let direction = match (
        flags.contains(HandleFlags::INPUT),
        flags.contains(HandleFlags::OUTPUT),
    ) {
        (false, false) => None,
        (true, false) => Some(Direction::Input),
        (false, true) => Some(Direction::Output),
        (true, true) => return Err(Reason::TwoDirections),
    };
    let drive = handle_drive(flags)?;
    let bias = handle_bias(flags)?;
    if drive != Drive::PushPull && direction != Some(Direction::Output) {
        return Err(Reason::DriveOfNoOutput);
    }
    if bias != Bias::AsIs && direction.is_none() {
        return Err(Reason::BiasOfNoDirection);
    }
    Ok(config(flags, direction, drive, bias))
}

fn handle_drive(flags: HandleFlags) -> Result<Drive, Reason> {
    let open_drain = flags.contains(HandleFlags::OPEN_DRAIN);
    drive(open_drain, flags.contains(HandleFlags::OPEN_SOURCE)).ok_or(Reason::TwoDrives)
}

fn handle_bias(flags: HandleFlags) -> Result<Bias, Reason> {
    bias(
        flags.contains(HandleFlags::BIAS_DISABLE),
        flags.contains(HandleFlags::BIAS_PULL_UP),
        flags.contains(HandleFlags::BIAS_PULL_DOWN),
    )
    .ok_or(Reason::SeveralBiases)
}

fn config(
    flags: HandleFlags,
    direction: Option<Direction>,
    drive: Drive,
    bias: Bias,
) -> LineConfig {
    LineConfig {
        direction,
        active_low: flags.contains(HandleFlags::ACTIVE_LOW),
        drive,
        bias,
        edges: Edges::NONE,
        clock: EventClock::Monotonic,
    }
}

/// Judges a request for a line event on a chip with `ngpio` lines.
///
/// # Errors
///
/// `EINVAL`. Unlike everywhere else the offset is judged here, before the flags.
// KERNEL: gpiolib-cdev.c lineevent_create (v6.12).
pub fn parse_event(raw: &v1::EventRequest, ngpio: u32) -> Result<EventRequest, Refusal> {
    if raw.lineoffset >= ngpio {
        return Err(Refusal::from(Reason::NoSuchLine).at(Offset::new(raw.lineoffset)));
    }
    let flags = HandleFlags::from_bits(raw.handleflags).ok_or(Reason::UnknownFlag)?;
    let edges = EventFlags::from_bits(raw.eventflags).ok_or(Reason::UnknownEdge)?;
    let of_outputs = HandleFlags::OUTPUT | HandleFlags::OPEN_DRAIN | HandleFlags::OPEN_SOURCE;
    if flags.intersects(of_outputs) {
        return Err(Reason::OutputFlagOnEvent.into());
    }
    let bias = handle_bias(flags)?;
    Ok(EventRequest {
        offset: Offset::new(raw.lineoffset),
        config: config(flags, Some(Direction::Input), Drive::PushPull, bias),
        edges: Edges {
            rising: edges.contains(EventFlags::RISING_EDGE),
            falling: edges.contains(EventFlags::FALLING_EDGE),
        },
        consumer: consumer(&raw.consumer_label),
    })
}

/// Line information as the program receives it: no direction but `IS_OUT`, no edges, no clock.
pub fn line_info(info: &LineInfo) -> v1::LineInfoV1 {
    let shown = info_flags(info);
    let mut flags = LineInfoFlags::empty();
    for (theirs, ours) in [
        (LineFlags::USED, LineInfoFlags::KERNEL),
        (LineFlags::OUTPUT, LineInfoFlags::IS_OUT),
        (LineFlags::ACTIVE_LOW, LineInfoFlags::ACTIVE_LOW),
        (LineFlags::OPEN_DRAIN, LineInfoFlags::OPEN_DRAIN),
        (LineFlags::OPEN_SOURCE, LineInfoFlags::OPEN_SOURCE),
        (LineFlags::BIAS_PULL_UP, LineInfoFlags::BIAS_PULL_UP),
        (LineFlags::BIAS_PULL_DOWN, LineInfoFlags::BIAS_PULL_DOWN),
        (LineFlags::BIAS_DISABLED, LineInfoFlags::BIAS_DISABLE),
    ] {
        flags.set(ours, shown.contains(theirs));
    }
    v1::LineInfoV1 {
        line_offset: info.offset.get(),
        flags: flags.bits(),
        name: to_name(info.name.as_ref().map_or(&[], |name| name.as_bytes())),
        consumer: to_name(info.consumer.as_ref().map_or(&[], |label| label.as_bytes())),
    }
}

/// An info change as the program reads it.
pub fn info_changed(change: &InfoChange) -> v1::LineInfoChangedV1 {
    v1::LineInfoChangedV1 {
        info: line_info(&change.info),
        timestamp: change.timestamp_ns,
        event_type: change_id(change.kind),
        padding: [0; 5],
    }
}

/// An edge as the program reads it.
pub fn event_data(event: &EdgeEvent) -> v1::EventDataV1 {
    v1::EventDataV1 {
        timestamp: event.timestamp_ns,
        id: edge_id(event.edge),
        tail: [0; 4],
    }
}
