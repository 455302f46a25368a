//! The judgement of payloads, check by check in the reference's order (its §3.5 and §3.11).

use gpio_uapi::abi::{IntoBytes, v2};
use gpiolib::Errno;

use super::line::{Bias, Drive};

/// What is wanted of one line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    pub input: bool,
    pub output: bool,
    pub active_low: bool,
    pub drive: Drive,
    pub bias: Bias,
    pub edges: (bool, bool),
    pub realtime: bool,
    pub value: bool,
    pub debounce_us: Option<u32>,
}

/// A v2 configuration for so many lines.
pub fn config(raw: &v2::LineConfig, lines: usize) -> Result<Vec<Setup>, Errno> {
    if raw.num_attrs > 10 || raw.padding != [0; 5] {
        return Err(Errno::EINVAL);
    }
    for (index, entry) in (0..).zip(&raw.attrs) {
        let is_used = index < raw.num_attrs;
        if is_used && entry.attr.padding != 0 || !is_used && entry.as_bytes() != [0; 24] {
            return Err(Errno::EINVAL);
        }
    }
    (0..lines).map(|line| one_line(raw, line)).collect()
}

fn one_line(raw: &v2::LineConfig, line: usize) -> Result<Setup, Errno> {
    let (mut bits, mut values, mut debounce_us) = (raw.flags, 0, None);
    // The first that fits wins, so the last one written does when they are taken backwards.
    for entry in raw.attrs[..raw.num_attrs as usize].iter().rev() {
        match entry.attr.id {
            _ if entry.mask >> line & 1 == 0 => {}
            1 => bits = entry.attr.value,
            2 => values = entry.attr.value,
            #[expect(clippy::cast_possible_truncation, reason = "its first four bytes")]
            3 => debounce_us = Some(entry.attr.value as u32),
            _ => {}
        }
    }
    let on = |bit: u32| bits >> bit & 1 == 1;
    if bits >> 13 != 0 || on(0) {
        return Err(Errno::EINVAL);
    }
    if on(12) {
        return Err(Errno::EOPNOTSUPP);
    }
    let (input, output) = (on(2), on(3));
    let biases = [on(8), on(9), on(10)];
    let many_biases = biases.iter().filter(|bias| **bias).count() > 1;
    if input && output
        || (on(4) || on(5)) && !input
        || on(6) && on(7)
        || (on(6) || on(7)) && !output
        || biases.contains(&true) && !input && !output
        || many_biases
        || debounce_us.is_some() && !input
    {
        return Err(Errno::EINVAL);
    }
    Ok(Setup {
        input,
        output,
        active_low: on(1),
        drive: drive(on(6), on(7)),
        bias: bias(biases),
        edges: (on(4), on(5)),
        realtime: on(11),
        value: values >> line & 1 == 1,
        debounce_us,
    })
}

/// The flags of a v1 handle.
pub fn handle(bits: u32) -> Result<Setup, Errno> {
    let on = |bit: u32| bits >> bit & 1 == 1;
    let (input, output) = (on(0), on(1));
    let biases = [on(5), on(6), on(7)];
    if bits >> 8 != 0
        || input && output
        || on(3) && on(4)
        || (on(3) || on(4)) && !output
        || biases.contains(&true) && !input && !output
        || biases.iter().filter(|bias| **bias).count() > 1
    {
        return Err(Errno::EINVAL);
    }
    Ok(Setup {
        input,
        output,
        active_low: on(2),
        drive: drive(on(3), on(4)),
        bias: bias(biases),
        ..Setup::default()
    })
}

/// The two flag words of a v1 event.
pub fn event(handle_bits: u32, event_bits: u32) -> Result<Setup, Errno> {
    let on = |bit: u32| handle_bits >> bit & 1 == 1;
    let biases = [on(5), on(6), on(7)];
    if handle_bits >> 8 != 0
        || event_bits >> 2 != 0
        || on(1)
        || on(3)
        || on(4)
        || biases.iter().filter(|bias| **bias).count() > 1
    {
        return Err(Errno::EINVAL);
    }
    Ok(Setup {
        input: true,
        active_low: on(2),
        bias: bias(biases),
        edges: (event_bits & 1 == 1, event_bits & 2 == 2),
        ..Setup::default()
    })
}

fn drive(open_drain: bool, open_source: bool) -> Drive {
    match (open_drain, open_source) {
        (true, _) => Drive::OpenDrain,
        (_, true) => Drive::OpenSource,
        _ => Drive::PushPull,
    }
}

fn bias(up_down_disabled: [bool; 3]) -> Bias {
    match up_down_disabled {
        [true, ..] => Bias::Up,
        [_, true, _] => Bias::Down,
        [.., true] => Bias::Disabled,
        _ => Bias::AsIs,
    }
}
