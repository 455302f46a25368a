//! How chips, lines and their state are written, in text and JSON.
//!
//! [`LineKey`] says which line a JSON row is about, [`State`] what is known of it. Used by every verb
//! that prints a line.

use gpio_uapi::abi::v2::{ATTR_DEBOUNCE, LineFlags, LineInfo};
use serde::Serialize;

use super::chip;
use super::find::Line;

/// Which line a row is about.
#[derive(Debug, Serialize)]
pub(super) struct LineKey<'a> {
    chip: &'a str,
    offset: u32,
    name: Option<&'a str>,
}

impl<'a> From<&'a Line> for LineKey<'a> {
    fn from(line: &'a Line) -> LineKey<'a> {
        LineKey {
            chip: &line.chip.name,
            offset: line.offset,
            name: Some(line.name.as_str()).filter(|name| !name.is_empty()),
        }
    }
}

/// The public state of a line.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub(super) struct State {
    used: bool,
    consumer: Option<String>,
    direction: &'static str,
    active_low: bool,
    drive: &'static str,
    bias: &'static str,
    edges: &'static str,
    clock: &'static str,
    debounce_us: u32,
}

impl From<&LineInfo> for State {
    fn from(info: &LineInfo) -> State {
        let flags = LineFlags::from_bits_retain(info.flags);
        let has = |flag| flags.contains(flag);
        let count = usize::try_from(info.num_attrs).unwrap_or(0);
        let debounce = info
            .attrs
            .iter()
            .take(count)
            .find(|attr| attr.id == ATTR_DEBOUNCE);
        State {
            used: has(LineFlags::USED),
            consumer: Some(chip::text(&info.consumer)).filter(|name| !name.is_empty()),
            direction: if has(LineFlags::OUTPUT) {
                "output"
            } else {
                "input"
            },
            active_low: has(LineFlags::ACTIVE_LOW),
            drive: match () {
                () if has(LineFlags::OPEN_DRAIN) => "open-drain",
                () if has(LineFlags::OPEN_SOURCE) => "open-source",
                () => "push-pull",
            },
            bias: match () {
                () if has(LineFlags::BIAS_PULL_UP) => "pull-up",
                () if has(LineFlags::BIAS_PULL_DOWN) => "pull-down",
                () if has(LineFlags::BIAS_DISABLED) => "disabled",
                () => "as-is",
            },
            edges: match (has(LineFlags::EDGE_RISING), has(LineFlags::EDGE_FALLING)) {
                (true, true) => "both",
                (true, false) => "rising",
                (false, true) => "falling",
                (false, false) => "none",
            },
            clock: match () {
                () if has(LineFlags::EVENT_CLOCK_REALTIME) => "realtime",
                () if has(LineFlags::EVENT_CLOCK_HTE) => "hte",
                () => "monotonic",
            },
            debounce_us: debounce.map_or(0, |attr| attr.debounce_period_us()),
        }
    }
}

impl State {
    /// Direction, settings other than the defaults, and the consumer.
    pub(super) fn text(&self) -> String {
        let mut text = self.direction.to_owned();
        if self.active_low {
            text += " active-low";
        }
        for (key, value, default) in [
            ("drive", self.drive, "push-pull"),
            ("bias", self.bias, "as-is"),
            ("edges", self.edges, "none"),
            ("clock", self.clock, "monotonic"),
        ] {
            if value != default {
                text += &format!(" {key}={value}");
            }
        }
        if self.debounce_us != 0 {
            text += &format!(" debounce={}", period(self.debounce_us));
        }
        match &self.consumer {
            Some(consumer) => text += &format!(" consumer={consumer:?}"),
            None if self.used => {
                text += " used (no consumer: not valid, or the kernel's own)";
            }
            None => {}
        }
        text
    }
}

/// Seconds and nanoseconds of a timestamp.
pub(super) fn seconds(timestamp_ns: u64) -> String {
    format!(
        "{}.{:09}",
        timestamp_ns / 1_000_000_000,
        timestamp_ns % 1_000_000_000
    )
}

/// Microseconds in the largest unit that divides them.
fn period(us: u32) -> String {
    if us.is_multiple_of(1_000_000) {
        format!("{}s", us / 1_000_000)
    } else if us.is_multiple_of(1_000) {
        format!("{}ms", us / 1_000)
    } else {
        format!("{us}us")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gpio_uapi::abi::FromZeros;
    use gpio_uapi::abi::common::to_name;
    use gpio_uapi::abi::v2::LineAttribute;

    fn info(flags: LineFlags) -> LineInfo {
        let mut info = LineInfo::new_zeroed();
        info.flags = flags.bits();
        info
    }

    #[test]
    fn a_free_line_is_its_direction() {
        assert_eq!(State::from(&info(LineFlags::INPUT)).text(), "input");
        assert_eq!(State::from(&info(LineFlags::OUTPUT)).text(), "output");
        assert_eq!(
            State::from(&info(LineFlags::INPUT | LineFlags::USED)).text(),
            "input used (no consumer: not valid, or the kernel's own)"
        );
    }

    #[test]
    fn everything_else_is_named() {
        let mut info = info(LineFlags::all() - LineFlags::OUTPUT - LineFlags::OPEN_SOURCE);
        info.consumer = to_name(b"a \"b\"\n");
        info.num_attrs = 1;
        info.attrs[0] = LineAttribute::debounce(1_500);
        let text = "input active-low drive=open-drain bias=pull-up edges=both clock=realtime \
                    debounce=1500us consumer=\"a \\\"b\\\"\\n\"";
        assert_eq!(State::from(&info).text(), text);
    }

    #[test]
    fn json_has_every_key() {
        let state = State::from(&info(LineFlags::INPUT | LineFlags::BIAS_DISABLED));
        assert_eq!(
            serde_json::to_string(&state).unwrap(),
            r#"{"used":false,"consumer":null,"direction":"input","active_low":false,"#.to_owned()
                + r#""drive":"push-pull","bias":"disabled","edges":"none","clock":"monotonic","#
                + r#""debounce_us":0}"#
        );
    }

    #[test]
    fn times() {
        assert_eq!(seconds(12_000_000_345), "12.000000345");
        assert_eq!(period(2_000_000), "2s");
        assert_eq!(period(10_000), "10ms");
    }
}
