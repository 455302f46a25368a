//! A chip made of lines of other chips: an aggregator.
//!
//! Line *i* of a [`Forwarder`] is the *i*-th descriptor it was made of. Every operation goes on to
//! that descriptor's *logical* side, so the polarity of the inner line and the polarity that the
//! forwarder's own consumer asks for both apply. Get the lines first and register the forwarder
//! after them, so that it is gone before they are given back.

use alloc::vec::Vec;
use core::fmt;

use crate::array::{read, within, write};
use crate::edge::arm::{self, Listener};
use crate::sync::Mutex;
use crate::{
    Chip, ChipConfig, Desc, Direction, EdgeSink, Edges, Error, Level, Offset, PinConfig, Result,
    Value,
};

/// A chip whose lines are lines of other chips. If one of those goes, its lines answer
/// [`Error::Revoked`] here too, and the forwarder stays.
///
/// ```
/// use gpiolib::{Forwarder, Offset, Registry, Value};
/// # use gpiolib::{Chip, ChipConfig, Level, Result};
/// # struct Wires(std::sync::atomic::AtomicBool);
/// # impl Chip for Wires {
/// #     fn direction_output(&self, offset: Offset, level: Level) -> Result<()> { self.set(offset, level) }
/// #     fn set(&self, _: Offset, level: Level) -> Result<()> { self.0.store(level.is_high(), std::sync::atomic::Ordering::Relaxed); Ok(()) }
/// #     fn get(&self, _: Offset) -> Result<Level> { Ok(self.0.load(std::sync::atomic::Ordering::Relaxed).into()) }
/// # }
/// let registry = Registry::new();
/// let chip = registry.register(&ChipConfig::new("u5", 8), Wires(false.into()))?;
/// let line = chip.device().line(Offset::new(6)).expect("the chip has eight lines");
///
/// let forwarder = Forwarder::new(vec![line.request("panel")?]);
/// let panel = registry.register(&forwarder.config("panel"), forwarder)?;
/// let led = panel.device().line(Offset::new(0)).expect("it has one line").request("led")?;
/// led.direction_output(Value::Active)?;
/// assert_eq!(led.value(), Ok(Value::Active));
///
/// chip.unregister();
/// assert_eq!(led.value(), Err(gpiolib::Error::Revoked));
/// # Ok::<(), gpiolib::Error>(())
/// ```
// KERNEL: gpio-aggregator.c (v6.12).
// DIFFERS: one lock serialises all calls, as a descriptor is for one thread at a time.
pub struct Forwarder {
    lines: Mutex<Vec<Desc>>,
    can_sleep: bool,
    count: u32,
}

impl Forwarder {
    /// A forwarder to these lines, in order.
    #[must_use]
    pub fn new(lines: Vec<Desc>) -> Self {
        Self {
            can_sleep: lines.iter().any(|line| line.device().can_sleep()),
            count: u32::try_from(lines.len()).unwrap_or(u32::MAX),
            lines: Mutex::new(lines),
        }
    }

    /// What to register it with: this label, as many lines, and whether any of them can sleep.
    #[must_use]
    pub fn config(&self, label: &str) -> ChipConfig {
        ChipConfig {
            can_sleep: self.can_sleep,
            ..ChipConfig::new(label, self.count)
        }
    }

    fn with<T>(&self, offset: Offset, call: impl FnOnce(&Desc) -> Result<T>) -> Result<T> {
        let lines = self.lines.lock();
        call(lines.get(offset.index()).ok_or(NO_LINE)?)
    }

    /// How many lines a call is for, as a mask; all of them must be there.
    fn mask(lines: &[Desc], offsets: &[Offset]) -> Result<u64> {
        if offsets.iter().any(|offset| offset.index() >= lines.len()) {
            return Err(NO_LINE);
        }
        Ok(within(u64::MAX, offsets.len()))
    }
}

const NO_LINE: Error = Error::Invalid("the forwarder has no such line");

impl Chip for Forwarder {
    fn direction(&self, offset: Offset) -> Result<Direction> {
        self.with(offset, Desc::direction)
    }

    fn direction_input(&self, offset: Offset) -> Result<()> {
        self.with(offset, Desc::direction_input)
    }

    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        self.with(offset, |line| {
            line.direction_output(Value::from(level.is_high()))
        })
    }

    fn get(&self, offset: Offset) -> Result<Level> {
        self.with(offset, |line| Ok(Level::from(line.value()?.is_active())))
    }

    fn get_multiple(&self, offsets: &[Offset]) -> Result<u64> {
        let lines = self.lines.lock();
        let member = |index: usize| lines.get(offsets.get(index)?.index());
        read(member, Self::mask(&lines, offsets)?)
    }

    fn set(&self, offset: Offset, level: Level) -> Result<()> {
        self.with(offset, |line| line.set_value(Value::from(level.is_high())))
    }

    fn set_multiple(&self, offsets: &[Offset], levels: u64) -> Result<()> {
        let lines = self.lines.lock();
        let member = |index: usize| lines.get(offsets.get(index)?.index());
        write(member, Self::mask(&lines, offsets)?, levels)
    }

    fn set_config(&self, offset: Offset, config: PinConfig) -> Result<()> {
        self.with(offset, |line| line.set_config(config))
    }

    fn arm(&self, offset: Offset, edges: Edges, sink: EdgeSink) -> Result<()> {
        self.with(offset, |line| {
            let active_low = line.config().active_low;
            let listener = Listener::Relay { sink, active_low };
            let edges = edges.inverted(active_low);
            arm::attach(line.own(), line.own_offset(), listener, edges)
        })
    }

    fn disarm(&self, offset: Offset) {
        // A line that is not there was never armed.
        let _ = self.with(offset, |line| {
            drop(arm::detach(line.own(), line.own_offset(), None));
            Ok(())
        });
    }
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarder")
            .field("lines", &self.count)
            .finish_non_exhaustive()
    }
}
