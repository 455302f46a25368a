//! Requests: lines held, with the values and edges that come with holding them.
//!
//! [`Settings`] says how lines are wanted, [`request_all`] makes one [`Request`] for each chip and 64
//! lines, since no request can hold more.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use gpio_uapi::abi::FromZeros;
use gpio_uapi::abi::common::{LINES_MAX, to_name, until_nul};
use gpio_uapi::abi::v2::{LineAttribute, LineConfig, LineEvent, LineFlags, LineInfo, LineRequest};
use rustix::io::Errno;

use super::chip::{self, Chip};
use super::error::Error;
use super::find::Line;
use super::sys;
use crate::cli::client::LineArgs;
use crate::cli::words::{Bias, Clock, Drive, Edges, Value};

/// Edges the kernel keeps for us while we print; it rounds up to a power of two.
const EVENT_BUFFER: u32 = 256;

/// How lines are wanted.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    flags: LineFlags,
    debounce_us: Option<u32>,
    consumer: String,
}

impl Settings {
    /// Lines whose direction stays as it is.
    pub(super) fn as_is(args: &LineArgs) -> Settings {
        let mut flags = match args.bias {
            Bias::AsIs => LineFlags::empty(),
            Bias::Disabled => LineFlags::BIAS_DISABLED,
            Bias::PullUp => LineFlags::BIAS_PULL_UP,
            Bias::PullDown => LineFlags::BIAS_PULL_DOWN,
        };
        flags.set(LineFlags::ACTIVE_LOW, args.active_low);
        Settings {
            flags,
            debounce_us: None,
            consumer: args.consumer.clone(),
        }
    }

    /// Inputs.
    pub(super) fn input(args: &LineArgs) -> Settings {
        Settings::as_is(args).with(LineFlags::INPUT)
    }

    /// Outputs.
    pub(super) fn output(args: &LineArgs, drive: Drive) -> Settings {
        Settings::as_is(args)
            .with(LineFlags::OUTPUT)
            .with(match drive {
                Drive::PushPull => LineFlags::empty(),
                Drive::OpenDrain => LineFlags::OPEN_DRAIN,
                Drive::OpenSource => LineFlags::OPEN_SOURCE,
            })
    }

    /// With records of edges.
    pub(super) fn edges(self, edges: Edges, clock: Clock) -> Settings {
        self.with(match edges {
            Edges::Rising => LineFlags::EDGE_RISING,
            Edges::Falling => LineFlags::EDGE_FALLING,
            Edges::Both => LineFlags::EDGE_RISING | LineFlags::EDGE_FALLING,
        })
        .with(match clock {
            Clock::Monotonic => LineFlags::empty(),
            Clock::Realtime => LineFlags::EVENT_CLOCK_REALTIME,
            Clock::Hte => LineFlags::EVENT_CLOCK_HTE,
        })
    }

    /// With pulses shorter than `period_us` suppressed.
    pub(super) fn debounce(self, period_us: Option<u32>) -> Settings {
        Settings {
            debounce_us: period_us,
            ..self
        }
    }

    fn with(self, flags: LineFlags) -> Settings {
        Settings {
            flags: self.flags | flags,
            ..self
        }
    }

    /// The configuration for a request of `count` lines that starts with these values.
    fn config(&self, count: usize, values: u64) -> LineConfig {
        let mut config = LineConfig::new_zeroed();
        config.flags = self.flags.bits();
        let mask = mask_of(count);
        let outputs = self.flags.contains(LineFlags::OUTPUT);
        let attributes = [
            outputs.then(|| LineAttribute::output_values(values)),
            self.debounce_us.map(LineAttribute::debounce),
        ];
        for (slot, attr) in config
            .attrs
            .iter_mut()
            .zip(attributes.into_iter().flatten())
        {
            slot.attr = attr;
            slot.mask = mask;
            config.num_attrs += 1;
        }
        config
    }
}

/// Lines of one chip, held until this is dropped.
#[derive(Debug)]
pub(super) struct Request {
    file: OwnedFd,
    chip: Rc<Chip>,
    /// The lines, in the request's own order; with each its index among all that were asked for.
    members: Vec<(usize, Line)>,
}

impl Request {
    /// The lines, and with each its index among all that were asked for.
    pub(super) fn members(&self) -> &[(usize, Line)] {
        &self.members
    }

    /// The chip, as messages name it.
    pub(super) fn chip_title(&self) -> String {
        self.chip.title()
    }

    /// Reads the values of all lines, in the request's order. Touches the chip.
    ///
    /// # Errors
    /// The chip is gone or its driver failed.
    pub(super) fn values(&self) -> Result<Vec<Value>, Error> {
        let bits = sys::line_get_values(self.as_fd(), mask_of(self.members.len()))
            .map_err(|errno| self.failed("read", errno))?;
        let values = (0..self.members.len()).map(|index| Value::from(bits >> index & 1 == 1));
        Ok(values.collect())
    }

    /// Drives the lines at these indices of the request, all in one call.
    ///
    /// # Errors
    /// The chip is gone or its driver failed.
    pub(super) fn set_values(&self, changes: &[(usize, Value)]) -> Result<(), Error> {
        let (mut bits, mut mask) = (0, 0);
        for &(index, value) in changes {
            mask |= 1 << index;
            bits = bits & !(1 << index) | u64::from(value.number()) << index;
        }
        sys::line_set_values(self.as_fd(), bits, mask).map_err(|errno| self.failed("set", errno))
    }

    /// Reads the edges that are there; blocks if there is none.
    ///
    /// # Errors
    /// The chip is gone.
    pub(super) fn read_edges(&self) -> Result<Vec<LineEvent>, Error> {
        chip::read_records(self.as_fd()).map_err(|errno| self.failed("read edges of", errno))
    }

    /// The line an edge is on.
    pub(super) fn line_of(&self, event: &LineEvent) -> Option<&Line> {
        let is_it = |line: &&Line| line.offset == event.offset;
        self.members.iter().map(|(_, line)| line).find(is_it)
    }

    fn failed(&self, verb: &str, errno: Errno) -> Error {
        let what = format!("cannot {verb} {}", titles(&self.members));
        Error::on_chip(&self.chip.title(), what, errno)
    }
}

impl AsFd for Request {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Requests lines of any chips. `values` are what outputs start with, by index of `lines`.
///
/// # Errors
/// A line is in use, a chip is gone, or the settings do not suit it. Nothing is held then.
pub(super) fn request_all(
    lines: &[Line],
    settings: &Settings,
    values: &[Value],
) -> Result<Vec<Request>, Error> {
    let groups = group(lines).into_iter();
    groups
        .map(|members| request(members, settings, values))
        .collect()
}

/// Lines by chip and at most 64 together, in the order in which chips are first named.
fn group(lines: &[Line]) -> Vec<Vec<(usize, Line)>> {
    let mut groups: Vec<Vec<(usize, Line)>> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let has_room = |group: &&mut Vec<(usize, Line)>| {
            group.len() < LINES_MAX && group[0].1.chip.name == line.chip.name
        };
        match groups.iter_mut().find(has_room) {
            Some(group) => group.push((index, line.clone())),
            None => groups.push(vec![(index, line.clone())]),
        }
    }
    groups
}

fn request(
    members: Vec<(usize, Line)>,
    settings: &Settings,
    values: &[Value],
) -> Result<Request, Error> {
    let mut raw = LineRequest::new_zeroed();
    let mut bits = 0;
    for (slot, (index, line)) in members.iter().enumerate() {
        raw.offsets[slot] = line.offset;
        raw.num_lines += 1;
        let value = values.get(*index).copied().unwrap_or(Value::Inactive);
        bits |= u64::from(value.number()) << slot;
    }
    raw.consumer = to_name(settings.consumer.as_bytes());
    raw.config = settings.config(members.len(), bits);
    if settings
        .flags
        .intersects(LineFlags::EDGE_RISING | LineFlags::EDGE_FALLING)
    {
        raw.event_buffer_size = EVENT_BUFFER;
    }
    let chip = Rc::clone(&members[0].1.chip);
    match chip.request(&mut raw) {
        Ok(file) => Ok(Request {
            file,
            chip,
            members,
        }),
        Err(errno) => Err(refusal(&members, settings, errno)),
    }
}

/// Says why lines were refused: the consumer of a busy line, or that a line can never be requested.
fn refusal(members: &[(usize, Line)], settings: &Settings, errno: Errno) -> Error {
    let chip = &members[0].1.chip;
    if errno == Errno::BUSY {
        for (_, line) in members {
            let Ok(info) = chip.line_info(line.offset) else {
                continue;
            };
            if LineFlags::from_bits_truncate(info.flags).contains(LineFlags::USED) {
                let holder = String::from_utf8_lossy(until_nul(&info.consumer)).into_owned();
                let what = format!("{} is in use by {holder:?}", line.title());
                return Error::System { what, errno };
            }
        }
    }
    let mut what = format!("cannot request {}", titles(members));
    match errno {
        Errno::NXIO => what += ": a line cannot report edges",
        Errno::OPNOTSUPP if settings.flags.contains(LineFlags::EVENT_CLOCK_HTE) => {
            what += ": there is no hardware timestamp engine";
        }
        Errno::INVAL => {
            let nobodys = members.iter().find(|(_, line)| is_nobodys(chip, line));
            if let Some((_, line)) = nobodys {
                what += &format!(": {} is not valid, or the kernel's own", line.place());
            }
        }
        _ => {}
    }
    Error::on_chip(&chip.title(), what, errno)
}

/// Whether a line shows as one that can never be requested: used, without a consumer's name.
// KERNEL: gpiolib-cdev.c gpio_desc_to_lineinfo (v6.12)
fn is_nobodys(chip: &Chip, line: &Line) -> bool {
    let is_so = |info: LineInfo| {
        let flags = LineFlags::from_bits_truncate(info.flags);
        flags.contains(LineFlags::USED) && until_nul(&info.consumer).is_empty()
    };
    chip.line_info(line.offset).is_ok_and(is_so)
}

fn titles(members: &[(usize, Line)]) -> String {
    let titles: Vec<_> = members.iter().map(|(_, line)| line.title()).collect();
    titles.join(", ")
}

/// The bits of the first `count` lines.
fn mask_of(count: usize) -> u64 {
    if count >= LINES_MAX {
        u64::MAX
    } else {
        (1 << count) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> LineArgs {
        LineArgs {
            active_low: true,
            bias: Bias::PullUp,
            consumer: "test".into(),
        }
    }

    #[test]
    fn masks() {
        assert_eq!(mask_of(1), 1);
        assert_eq!(mask_of(63), u64::MAX >> 1);
        assert_eq!(mask_of(64), u64::MAX);
    }

    #[test]
    fn outputs_carry_their_values() {
        let settings = Settings::output(&args(), Drive::OpenDrain);
        let config = settings.config(3, 0b101);
        let expected = LineFlags::OUTPUT
            | LineFlags::OPEN_DRAIN
            | LineFlags::ACTIVE_LOW
            | LineFlags::BIAS_PULL_UP;
        assert_eq!(config.flags, expected.bits());
        assert_eq!(config.num_attrs, 1);
        assert_eq!(config.attrs[0].attr, LineAttribute::output_values(0b101));
        assert_eq!(config.attrs[0].mask, 0b111);
    }

    #[test]
    fn inputs_carry_a_debounce_period_and_no_values() {
        let settings = Settings::input(&args())
            .edges(Edges::Falling, Clock::Realtime)
            .debounce(Some(5_000));
        let config = settings.config(2, 0);
        assert!(config.flags & LineFlags::EDGE_FALLING.bits() != 0);
        assert!(config.flags & LineFlags::EVENT_CLOCK_REALTIME.bits() != 0);
        assert_eq!(config.num_attrs, 1);
        assert_eq!(config.attrs[0].attr.debounce_period_us(), 5_000);
        assert_eq!(Settings::as_is(&args()).config(1, 0).num_attrs, 0);
    }
}
