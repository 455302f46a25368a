//! From the words of boards and of the core to those of the protocol. Used by `plugged` alone.

use gpio_sim::net::Report;
use gpio_sim::{Bank, LineChange, What};
use gpiolib::{HogDirection, InfoChangeKind, LineInfo, Offset};

use crate::board::{self, ChipSpec};
use crate::control::protocol::{
    Bias, ChipAt, Direction, Drive, Edges, Event, Happened, InfoState, Level, LineAt, Pull,
};

/// The bank that a chip of a board is made from.
pub(super) fn bank(spec: &ChipSpec, base: Option<u32>) -> Bank {
    let mut bank = Bank::new(spec.lines).label(&spec.label);
    for (offset, name) in &spec.names {
        bank = bank.name(Offset::new(*offset), name.as_str());
    }
    for hog in &spec.hogs {
        let direction = match hog.direction {
            board::HogDirection::Input => HogDirection::Input,
            board::HogDirection::OutputHigh => HogDirection::Output(gpiolib::Value::Active),
            board::HogDirection::OutputLow => HogDirection::Output(gpiolib::Value::Inactive),
        };
        bank = bank.hog(Offset::new(hog.offset), hog.consumer.as_str(), direction);
    }
    if let Some(base) = base {
        bank = bank.base(base);
    }
    let shared = spec.shared.iter();
    shared.fold(bank, |bank, offset| bank.shared(Offset::new(*offset)))
}

/// What a change is called, and when it was.
pub(super) fn happened(at: &ChipAt, names: &[Option<String>], change: &LineChange) -> Happened {
    Happened {
        at_ns: change.at_ns,
        event: event_of(at, names, change),
    }
}

fn event_of(at: &ChipAt, names: &[Option<String>], change: &LineChange) -> Event {
    let line = line_at(at, names, change.offset);
    match &change.what {
        What::Level(new) => Event::Level {
            line,
            level: level(*new),
        },
        What::Pull(new) => Event::Pull {
            line,
            pull: pull(*new),
        },
        What::Fault(fired) => Event::Fault {
            line,
            call: fired.call,
            fault: fired.fault.to_string(),
        },
        What::Info(change) => {
            let info = info(&change.info);
            match change.kind {
                InfoChangeKind::Requested => Event::Requested { line, info },
                InfoChangeKind::Released => Event::Released { line, info },
                InfoChangeKind::Reconfigured => Event::Config { line, info },
            }
        }
    }
}

/// The name of a report of the nets. Shorts and oscillations are printed too.
pub(super) fn reported(at_ns: u64, report: Report) -> Happened {
    let event = match report {
        Report::Short { net, high, low } => {
            tracing::warn!("short on net {net:?}: {high} drives high, {low} drives low");
            Event::Short { net, high, low }
        }
        Report::ShortOver { net } => Event::ShortOver { net },
        Report::Oscillation { net } => {
            tracing::warn!("net {net:?} oscillates and was stopped");
            Event::Oscillation { net }
        }
        Report::Part { part, state } => Event::Part { part, state },
    };
    Happened { at_ns, event }
}

/// Where something happened.
pub(super) fn line_at(at: &ChipAt, names: &[Option<String>], offset: Offset) -> LineAt {
    let name = names.get(offset.index()).cloned().flatten();
    LineAt {
        chip: at.clone(),
        offset: offset.get(),
        name,
    }
}

/// A level of the core, as the protocol calls it.
pub(super) fn level(level: gpiolib::Level) -> Level {
    if level.is_high() {
        Level::High
    } else {
        Level::Low
    }
}

/// The same for a pull.
pub(super) fn pull(pull: gpiolib::Level) -> Pull {
    if pull.is_high() { Pull::Up } else { Pull::Down }
}

/// The core's public state of a line.
pub(super) fn info(info: &LineInfo) -> InfoState {
    let direction = match info.config.direction {
        Some(gpiolib::Direction::Output) => Direction::Output,
        _ => Direction::Input,
    };
    InfoState {
        consumer: info.consumer.map(|consumer| consumer.to_string()),
        used: info.used,
        direction,
        active_low: info.config.active_low,
        bias: match info.config.bias {
            gpiolib::Bias::AsIs => Bias::AsIs,
            gpiolib::Bias::Disabled => Bias::Disabled,
            gpiolib::Bias::PullUp => Bias::PullUp,
            gpiolib::Bias::PullDown => Bias::PullDown,
        },
        drive: match info.config.drive {
            gpiolib::Drive::PushPull => Drive::PushPull,
            gpiolib::Drive::OpenDrain => Drive::OpenDrain,
            gpiolib::Drive::OpenSource => Drive::OpenSource,
        },
        edges: match (info.config.edges.rising, info.config.edges.falling) {
            (false, false) => Edges::None,
            (true, false) => Edges::Rising,
            (false, true) => Edges::Falling,
            (true, true) => Edges::Both,
        },
        debounce_us: info.debounce_us,
    }
}
