//! Firmware: a lamp and a button behind registers, edges from an interrupt. Nothing but `core` and `alloc`.

extern crate alloc;

use alloc::vec;

use gpiolib::{
    Chip, ChipConfig, Direction, Edge, EdgeSink, Edges, Error, Level, Offset, Registration,
    Registry, Result, Subscription, Timestamp, Value,
};
use revocable::sync::IrqLock;

use super::hardware::Pins;

const LAMP: Offset = Offset::new(0);
const BUTTON: Offset = Offset::new(1);

/// Where the button's interrupt reports. A lock that an interrupt handler may take: without `std` it is a
/// critical section.
static BUTTON_EDGES: IrqLock<Option<EdgeSink>> = IrqLock::new(None);

/// The two pins as a chip.
pub(crate) struct Port(pub(crate) &'static Pins);

impl Chip for Port {
    fn direction(&self, offset: Offset) -> Result<Direction> {
        Ok(if offset == LAMP {
            Direction::Output
        } else {
            Direction::Input
        })
    }

    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        self.set(offset, level)
    }

    fn direction_input(&self, offset: Offset) -> Result<()> {
        if offset == BUTTON {
            Ok(())
        } else {
            Err(Error::Unsupported)
        }
    }

    fn get(&self, offset: Offset) -> Result<Level> {
        let pins = if offset == LAMP {
            self.0.outputs()
        } else {
            self.0.inputs()
        };
        Ok(Level::from(pins >> offset.get() & 1 == 1))
    }

    fn set(&self, offset: Offset, level: Level) -> Result<()> {
        self.0.drive(offset.get(), level.is_high());
        Ok(())
    }

    fn arm(&self, offset: Offset, _: Edges, sink: EdgeSink) -> Result<()> {
        if offset != BUTTON {
            return Err(Error::Unsupported);
        }
        *BUTTON_EDGES.lock() = Some(sink);
        Ok(())
    }

    fn disarm(&self, _: Offset) {
        let sink = BUTTON_EDGES.lock().take();
        drop(sink); // with the lock released: it may be the last handle of something
    }
}

/// The button's interrupt handler. The driver says when the edge happened.
pub(crate) fn on_interrupt(pins: &Pins, now_ns: u64) {
    let sink = BUTTON_EDGES.lock().clone();
    if let Some(sink) = sink {
        let level = Level::from(pins.inputs() >> BUTTON.get() & 1 == 1);
        sink.edge(level, Timestamp::at(now_ns));
    }
}

/// The application: each press switches the lamp.
pub(crate) struct Firmware {
    port: Registration<Port>,
    lamp: gpiolib::Output,
    _button: gpiolib::Input,
    presses: Subscription,
}

impl Firmware {
    pub(crate) fn start(pins: &'static Pins) -> Result<Self> {
        let registry = Registry::new();
        let config = ChipConfig {
            names: vec![(LAMP, "LAMP".into()), (BUTTON, "BUTTON".into())],
            ..ChipConfig::new("port-a", 2)
        };
        let port = registry.register(&config, Port(pins))?;
        let line = |name| registry.find_line(name).ok_or(Error::NotFound);
        let lamp = line("LAMP")?.output("lamp", Value::Inactive)?;
        let button = line("BUTTON")?.input("button")?;
        let presses = button.subscribe(Edges::BOTH, 8)?;
        Ok(Self {
            port,
            lamp,
            _button: button,
            presses,
        })
    }

    /// One turn of the main loop.
    pub(crate) fn turn(&self) -> Result<()> {
        while let Some(event) = self.presses.pop() {
            if event.edge == Edge::Rising {
                let is_on = self.lamp.value()?.is_active();
                self.lamp.set_value(Value::from(!is_on))?;
            }
        }
        Ok(())
    }

    /// Stops the port; its pins are free again.
    pub(crate) fn stop(self) -> Option<&'static Pins> {
        self.port.unregister().map(|port| port.0)
    }
}
