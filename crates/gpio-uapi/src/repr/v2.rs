//! Judgement and conversion of the second ABI's structures.
//!
//! [`parse_request`] and [`parse_config`] take what a program sent; [`line_info`], [`info_changed`]
//! and [`line_event`] make what it receives.

use alloc::vec::Vec;

use gpiolib::{
    Bias, Direction, Drive, Edge, EdgeEvent, Edges, Errno, EventClock, InfoChange, InfoChangeKind,
    Label, LineConfig, LineInfo, Offset, Value,
};
use zerocopy::IntoBytes;

use super::{Setup, bias, drive, line_count};
use crate::abi::common::{self, to_name};
use crate::abi::v2::{self, LineAttribute, LineFlags, NUM_ATTRS_MAX};
use crate::refusal::{Reason, Refusal};

/// Most records a line request can keep.
const EVENT_BUFFER_MAX: u32 = 1024;
/// Records kept for each line when the program does not say.
const EVENTS_A_LINE: u32 = 16;

/// A valid line request.
#[derive(Debug)]
pub struct Request {
    /// The lines wanted and what is wanted of each, in the order of the request.
    ///
    /// Whether the chip has such a line is found out when the line is requested, not before.
    pub lines: Vec<(Offset, Setup)>,
    /// The consumer.
    pub consumer: Label,
    /// How many events to keep.
    pub buffer: EventBuffer,
}

/// How many records a line request keeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EventBuffer(u32);

impl EventBuffer {
    /// The size asked for, or 16 for each line, but at most 1024.
    // KERNEL: gpiolib-cdev.c linereq_create (v6.12).
    pub fn new(asked: u32, lines: usize) -> Self {
        let default = u32::try_from(lines).map_or(EVENT_BUFFER_MAX, |lines| lines * EVENTS_A_LINE);
        Self(if asked == 0 {
            default
        } else {
            asked.min(EVENT_BUFFER_MAX)
        })
    }

    /// The number of records kept: the size rounded up to a power of two.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a size of one, which Linux's FIFO cannot be made with. It is noticed only
    /// when edges are first wanted.
    // KERNEL: kfifo.c __kfifo_alloc (v6.12): fewer than two elements are refused.
    pub fn capacity(self) -> Result<usize, Refusal> {
        if self.0 < 2 {
            return Err(Reason::BufferOfOne.into());
        }
        usize::try_from(self.0.next_power_of_two())
            .map_err(|_| Reason::Caller(Errno::ENOMEM).into())
    }
}

/// Judges a line request.
///
/// # Errors
///
/// `EINVAL`, or `EOPNOTSUPP` for the hardware timestamp clock.
pub fn parse_request(raw: &v2::LineRequest) -> Result<Request, Refusal> {
    let count = line_count(raw.num_lines)?;
    if raw.padding.iter().any(|&word| word != 0) {
        return Err(Reason::RequestPadding.into());
    }
    let offset_of = |index| raw.offsets.get(index).copied().map(Offset::new);
    let setups = parse_config(&raw.config, count).map_err(|why| why.among(offset_of))?;
    Ok(Request {
        lines: raw
            .offsets
            .iter()
            .copied()
            .map(Offset::new)
            .zip(setups)
            .collect(),
        consumer: consumer(&raw.consumer),
        buffer: EventBuffer::new(raw.event_buffer_size, count),
    })
}

/// The consumer's label: as given, `?` when it is empty.
pub(super) fn consumer(raw: &common::NameBytes) -> Label {
    let label = Label::new(raw);
    if label.as_bytes().is_empty() {
        Label::unknown()
    } else {
        label
    }
}

/// Judges the configuration of `lines` lines, and resolves it for each.
///
/// # Errors
///
/// `EINVAL`, or `EOPNOTSUPP` for the hardware timestamp clock; the first line in error decides.
// KERNEL: gpiolib-cdev.c gpio_v2_line_config_validate (v6.12).
pub fn parse_config(raw: &v2::LineConfig, lines: usize) -> Result<Vec<Setup>, Refusal> {
    let attrs = Attributes::check(raw)?;
    let setup = |index: usize| {
        attrs
            .setup(1 << index)
            .map_err(|why| Refusal::from(why).at_index(index))
    };
    (0..lines).map(setup).collect()
}

/// A configuration whose structure is sound; its flags are not judged yet.
struct Attributes<'a> {
    flags: u64,
    used: &'a [v2::LineConfigAttribute],
}

impl<'a> Attributes<'a> {
    /// Checks the number of attributes, and everything that must be zero.
    fn check(raw: &'a v2::LineConfig) -> Result<Self, Reason> {
        let count = usize::try_from(raw.num_attrs).unwrap_or(usize::MAX);
        if count > NUM_ATTRS_MAX {
            return Err(Reason::TooManyAttributes);
        }
        if raw.padding.iter().any(|&word| word != 0) {
            return Err(Reason::ConfigPadding);
        }
        let (used, unused) = raw.attrs.split_at(count);
        if used.iter().any(|attribute| attribute.attr.padding != 0) {
            return Err(Reason::AttributePadding);
        }
        if unused.as_bytes().iter().any(|&byte| byte != 0) {
            return Err(Reason::UnusedAttribute);
        }
        Ok(Self {
            flags: raw.flags,
            used,
        })
    }

    /// The first attribute of a kind that is for the line with this bit; later ones are hidden.
    fn first(&self, id: u32, line: u64) -> Option<&LineAttribute> {
        let fits = |entry: &&v2::LineConfigAttribute| entry.attr.id == id && entry.mask & line != 0;
        self.used.iter().find(fits).map(|entry| &entry.attr)
    }

    /// What the configuration means for the line with this bit.
    fn setup(&self, line: u64) -> Result<Setup, Reason> {
        let flags = self
            .first(v2::ATTR_FLAGS, line)
            .map_or(self.flags, |attr| attr.value);
        let debounce_us = self
            .first(v2::ATTR_DEBOUNCE, line)
            .map(LineAttribute::debounce_period_us);
        let config = line_config(flags)?;
        if debounce_us.is_some() && config.direction != Some(Direction::Input) {
            return Err(Reason::DebounceOfNoInput);
        }
        let values = self
            .first(v2::ATTR_OUTPUT_VALUES, line)
            .map_or(0, |attr| attr.value);
        Ok(Setup {
            config,
            value: Value::from(values & line != 0),
            debounce_us,
        })
    }
}

/// Judges the effective flags of a line.
// KERNEL: gpiolib-cdev.c gpio_v2_line_flags_validate (v6.12). No HTE provider is built in.
fn line_config(bits: u64) -> Result<LineConfig, Reason> {
    let flags = LineFlags::from_bits(bits).ok_or(Reason::UnknownFlag)?;
    if flags.contains(LineFlags::USED) {
        return Err(Reason::UsedFlag);
    }
    if flags.contains(LineFlags::EVENT_CLOCK_HTE) {
        return Err(Reason::HardwareClock);
    }
    let direction = match (
        flags.contains(LineFlags::INPUT),
        flags.contains(LineFlags::OUTPUT),
    ) {
        (false, false) => None,
        (true, false) => Some(Direction::Input),
        (false, true) => Some(Direction::Output),
        (true, true) => return Err(Reason::TwoDirections),
    };
    let edges = Edges {
        rising: flags.contains(LineFlags::EDGE_RISING),
        falling: flags.contains(LineFlags::EDGE_FALLING),
    };
    if !edges.is_empty() && direction != Some(Direction::Input) {
        return Err(Reason::EdgesOfNoInput);
    }
    let drive = drive(
        flags.contains(LineFlags::OPEN_DRAIN),
        flags.contains(LineFlags::OPEN_SOURCE),
    )
    .ok_or(Reason::TwoDrives)?;
    if drive != Drive::PushPull && direction != Some(Direction::Output) {
        return Err(Reason::DriveOfNoOutput);
    }
    let bias = bias(
        flags.contains(LineFlags::BIAS_DISABLED),
        flags.contains(LineFlags::BIAS_PULL_UP),
        flags.contains(LineFlags::BIAS_PULL_DOWN),
    );
    // KERNEL: a bias without a direction is found before a second bias is.
    if bias != Some(Bias::AsIs) && direction.is_none() {
        return Err(Reason::BiasOfNoDirection);
    }
    let Some(bias) = bias else {
        return Err(Reason::SeveralBiases);
    };
    let clock = match flags.contains(LineFlags::EVENT_CLOCK_REALTIME) {
        true => EventClock::Realtime,
        false => EventClock::Monotonic,
    };
    let active_low = flags.contains(LineFlags::ACTIVE_LOW);
    Ok(LineConfig {
        direction,
        active_low,
        drive,
        bias,
        edges,
        clock,
    })
}

/// The offset a line-information call is for.
///
/// # Errors
///
/// `EINVAL` when the padding is not zero.
pub fn parse_info(raw: &v2::LineInfo) -> Result<Offset, Refusal> {
    match raw.padding {
        [0, 0, 0, 0] => Ok(Offset::new(raw.offset)),
        _ => Err(Reason::InfoPadding.into()),
    }
}

/// The flags that line information shows.
pub fn info_flags(info: &LineInfo) -> LineFlags {
    let config = &info.config;
    let mut flags = match config.direction {
        Some(Direction::Output) => LineFlags::OUTPUT,
        _ => LineFlags::INPUT,
    };
    flags.set(LineFlags::USED, info.used);
    flags.set(LineFlags::ACTIVE_LOW, config.active_low);
    flags.set(LineFlags::EDGE_RISING, config.edges.rising);
    flags.set(LineFlags::EDGE_FALLING, config.edges.falling);
    flags |= match config.drive {
        Drive::PushPull => LineFlags::empty(),
        Drive::OpenDrain => LineFlags::OPEN_DRAIN,
        Drive::OpenSource => LineFlags::OPEN_SOURCE,
    };
    flags |= match config.bias {
        Bias::AsIs => LineFlags::empty(),
        Bias::Disabled => LineFlags::BIAS_DISABLED,
        Bias::PullUp => LineFlags::BIAS_PULL_UP,
        Bias::PullDown => LineFlags::BIAS_PULL_DOWN,
    };
    flags
        | match config.clock {
            EventClock::Monotonic => LineFlags::empty(),
            EventClock::Realtime => LineFlags::EVENT_CLOCK_REALTIME,
            EventClock::Hte => LineFlags::EVENT_CLOCK_HTE,
        }
}

/// Line information as the program receives it.
pub fn line_info(info: &LineInfo) -> v2::LineInfo {
    let mut raw = v2::LineInfo {
        name: to_name(info.name.as_ref().map_or(&[], |name| name.as_bytes())),
        consumer: to_name(info.consumer.as_ref().map_or(&[], |label| label.as_bytes())),
        offset: info.offset.get(),
        flags: info_flags(info).bits(),
        ..v2::LineInfo::default()
    };
    if info.debounce_us != 0 {
        raw.num_attrs = 1;
        raw.attrs[0] = LineAttribute::debounce(info.debounce_us);
    }
    raw
}

/// The identifier of an info change, the same in both ABIs.
pub(super) const fn change_id(kind: InfoChangeKind) -> u32 {
    match kind {
        InfoChangeKind::Requested => common::CHANGED_REQUESTED,
        InfoChangeKind::Released => common::CHANGED_RELEASED,
        InfoChangeKind::Reconfigured => common::CHANGED_CONFIG,
    }
}

/// An info change as the program reads it.
pub fn info_changed(change: &InfoChange) -> v2::LineInfoChanged {
    v2::LineInfoChanged {
        info: line_info(&change.info),
        timestamp_ns: change.timestamp_ns,
        event_type: change_id(change.kind),
        padding: [0; 5],
    }
}

/// The identifier of an edge, the same in both ABIs.
pub(super) const fn edge_id(edge: Edge) -> u32 {
    match edge {
        Edge::Rising => common::EDGE_RISING,
        Edge::Falling => common::EDGE_FALLING,
    }
}

/// An edge as the program reads it.
pub fn line_event(event: &EdgeEvent) -> v2::LineEvent {
    v2::LineEvent {
        timestamp_ns: event.timestamp_ns,
        id: edge_id(event.edge),
        offset: event.offset.get(),
        seqno: event.seqno,
        line_seqno: event.line_seqno,
        padding: [0; 6],
    }
}
