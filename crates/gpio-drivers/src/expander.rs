//! A port as a chip: shadow registers, lock, edges, and what happens when the chip is gone.

use core::fmt;

use gpiolib::engine::Mutex;
use gpiolib::{
    Chip, Direction, EdgeSink, Edges, Error, Level, Offset, PinConfig, Result, Revoker, Timestamp,
};

use crate::port::{Directions, Port, Update, Written};
use crate::watch::Watch;

/// A GPIO expander. Register an `Arc` of it, to keep a share for the interrupt.
///
/// ```
/// # use embedded_hal_mock::eh1::i2c::{Mock, Transaction};
/// # let bus = Mock::new(&[
/// #     Transaction::write(0x20, vec![0xff]),
/// #     Transaction::write(0x20, vec![0xfb]),
/// # ]);
/// # let mut done = bus.clone();
/// use gpio_drivers::{Expander, Pcf857x};
/// use gpiolib::{ChipConfig, Offset, Registry, Value};
///
/// let expander = Expander::new(Pcf857x::pcf8574(bus, 0x20))?;
/// let config = ChipConfig { can_sleep: true, ..ChipConfig::new("u5", expander.lines()) };
/// let chip = Registry::new().register(&config, expander)?;
/// let led = chip.device().line(Offset::new(2)).expect("there are eight").request("led")?;
/// led.direction_output(Value::Inactive)?;
/// # done.done();
/// # Ok::<(), gpiolib::Error>(())
/// ```
pub struct Expander<P> {
    lines: u32,
    directions: Directions,
    has_interrupt: bool,
    /// Held over transfers: what was written and the chip must not part.
    state: Mutex<State<P>>,
}

struct State<P> {
    port: P,
    written: Written,
    watch: Watch,
    revoker: Option<Revoker>,
}

impl<P: Port> Expander<P> {
    /// Starts the chip ([`Port::start`]).
    ///
    /// # Errors
    /// What the bus says; [`crate::GONE`] if the chip is not there.
    pub fn new(mut port: P) -> Result<Self> {
        if !(1..=64).contains(&port.lines()) {
            return Err(Error::Invalid("an expander has 1 to 64 lines"));
        }
        let written = port.start()?;
        Ok(Self {
            lines: port.lines(),
            directions: port.directions(),
            has_interrupt: false,
            state: Mutex::new(State {
                port,
                written,
                watch: Watch::default(),
                revoker: None,
            }),
        })
    }

    /// Somebody will call [`Expander::interrupt`]: lines can report edges. Without this, subscribing
    /// to them answers `ENXIO`.
    #[must_use]
    pub fn with_interrupt(self) -> Self {
        Self {
            has_interrupt: true,
            ..self
        }
    }

    /// How many lines there are.
    #[must_use]
    pub const fn lines(&self) -> u32 {
        self.lines
    }

    /// Takes the chip away with this as soon as it does not acknowledge any more.
    pub fn revoke_with(&self, revoker: Revoker) {
        self.state.lock().revoker = Some(revoker);
    }

    /// The chip is there again: starts it anew, and forgets who listened. To be called between
    /// unregistering and registering.
    ///
    /// # Errors
    /// As [`Expander::new`].
    pub fn restart(&self) -> Result<()> {
        let mut state = self.state.lock();
        state.watch = Watch::default();
        state.revoker = None;
        state.written = state.port.start()?;
        Ok(())
    }

    /// The chip's interrupt came at the instant `at`, or it is time to look: reads the levels once and
    /// reports what changed, the earliest first, lines that changed between the same two reads by offset. How
    /// many edges were reported. What another thread is reporting just now is left to it.
    ///
    /// # Errors
    /// What the bus says. Changes that were read before are reported all the same.
    pub fn interrupt(&self, at: Timestamp) -> Result<usize> {
        let read = {
            let mut state = self.state.lock();
            let read = state.sample();
            state.watch.stamp(at);
            read
        };
        let reported = self.report();
        self.judge(read).map(|_| reported)
    }

    fn report(&self) -> usize {
        let (mut count, mut is_ours) = (0, false);
        loop {
            let next = {
                let mut state = self.state.lock();
                if state.watch.reporting && !is_ours {
                    return 0;
                }
                let next = state.watch.next();
                is_ours = next.is_some();
                state.watch.reporting = is_ours;
                next
            };
            let Some((edges, at)) = next else {
                return count;
            };
            count += edges.len();
            for (sink, level) in edges {
                sink.edge(level, at);
            }
        }
    }

    /// Changes the shadow registers and the chip, or neither.
    fn change(&self, change: Update, edit: impl FnOnce(&mut Written)) -> Result<()> {
        self.edit(edit, |port, written| port.write(written, change))
    }

    fn edit(
        &self,
        edit: impl FnOnce(&mut Written),
        write: impl FnOnce(&mut P, &Written) -> Result<()>,
    ) -> Result<()> {
        let done = {
            let mut state = self.state.lock();
            let mut written = state.written;
            edit(&mut written);
            let done = write(&mut state.port, &written);
            if done.is_ok() {
                state.written = written;
            }
            done
        };
        self.judge(done)
    }

    /// A chip that is gone is taken away, with no lock held.
    fn judge<T>(&self, result: Result<T>) -> Result<T> {
        if !matches!(result, Err(crate::GONE)) {
            return result;
        }
        let Some(revoker) = self.state.lock().revoker.take() else {
            return result;
        };
        revoker.revoke();
        Err(Error::Revoked)
    }
}

impl<P: Port> State<P> {
    /// Reads the levels. What changed waits for its interrupt.
    fn sample(&mut self) -> Result<u64> {
        let sample = self.port.sample(&self.written)?;
        if let Some(captured) = sample.captured {
            self.watch.note(captured.lines, captured.levels);
        }
        self.watch.note(u64::MAX, sample.levels);
        Ok(sample.levels)
    }

    fn arm(&mut self, bit: u64, edges: Edges, sink: EdgeSink) -> Result<()> {
        if self.watch.mask() & bit != 0 {
            return Err(Error::Busy);
        }
        let armed = self.written.armed | bit;
        self.port.watch(armed)?;
        self.written.armed = armed;
        match self.sample() {
            Ok(levels) => {
                self.watch.arm(bit, levels, edges, sink);
                Ok(())
            }
            Err(error) => {
                // The bus has failed already: that error is the one to report.
                let _ = self.disarm(bit);
                Err(error)
            }
        }
    }

    fn disarm(&mut self, bit: u64) -> Result<()> {
        self.watch.disarm(bit);
        self.written.armed &= !bit;
        self.port.watch(self.written.armed)
    }
}

impl<P: Port> Chip for Expander<P> {
    fn direction(&self, offset: Offset) -> Result<Direction> {
        let outputs = match self.directions {
            Directions::Both => self.state.lock().written.outputs,
            Directions::Inputs => 0,
            Directions::Outputs => u64::MAX,
        };
        Ok(if outputs & bit(offset) == 0 {
            Direction::Input
        } else {
            Direction::Output
        })
    }

    fn direction_input(&self, offset: Offset) -> Result<()> {
        match self.directions {
            Directions::Both => self.change(Update::Directions, |written| {
                written.outputs &= !bit(offset);
            }),
            Directions::Inputs => Ok(()),
            Directions::Outputs => Err(Error::Unsupported),
        }
    }

    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        let change = match self.directions {
            Directions::Both => Update::Both,
            Directions::Inputs => return Err(Error::Unsupported),
            Directions::Outputs => Update::Levels,
        };
        self.change(change, |written| {
            written.outputs |= bit(offset);
            put(&mut written.levels, offset, level);
        })
    }

    fn get(&self, offset: Offset) -> Result<Level> {
        self.get_multiple(&[offset])
            .map(|levels| Level::from(levels & 1 == 1))
    }

    fn get_multiple(&self, offsets: &[Offset]) -> Result<u64> {
        let read = self.state.lock().sample();
        let levels = self.judge(read)?;
        let level = |offset: &Offset| u64::from(levels & bit(*offset) != 0);
        let levels = offsets.iter().map(level).enumerate();
        Ok(levels.fold(0, |word, (index, level)| word | level << index))
    }

    fn set(&self, offset: Offset, level: Level) -> Result<()> {
        self.set_multiple(&[offset], u64::from(level.is_high()))
    }

    fn set_multiple(&self, offsets: &[Offset], levels: u64) -> Result<()> {
        if self.directions == Directions::Inputs {
            return Err(Error::Unsupported);
        }
        self.change(Update::Levels, |written| {
            for (index, offset) in offsets.iter().enumerate() {
                put(
                    &mut written.levels,
                    *offset,
                    Level::from(levels >> index & 1 == 1),
                );
            }
        })
    }

    fn set_config(&self, offset: Offset, config: PinConfig) -> Result<()> {
        let on = match config {
            PinConfig::BiasPullUp => true,
            PinConfig::BiasDisable => false,
            _ => return Err(Error::Unsupported),
        };
        let level = Level::from(on);
        self.edit(|written| put(&mut written.pull_ups, offset, level), P::pull)
    }

    fn arm(&self, offset: Offset, edges: Edges, sink: EdgeSink) -> Result<()> {
        if !self.has_interrupt {
            return Err(Error::Unsupported);
        }
        let armed = self.state.lock().arm(bit(offset), edges, sink);
        self.judge(armed)
    }

    fn disarm(&self, offset: Offset) {
        let disarmed = self.state.lock().disarm(bit(offset));
        // The line reports no more either way; a chip that is gone is taken away.
        let _ = self.judge(disarmed);
    }
}

impl<P> fmt::Debug for Expander<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expander")
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}

/// The core passes only offsets that there are; another one has no bit.
fn bit(offset: Offset) -> u64 {
    1u64.checked_shl(offset.get()).unwrap_or(0)
}

fn put(word: &mut u64, offset: Offset, level: Level) {
    *word &= !bit(offset);
    if level.is_high() {
        *word |= bit(offset);
    }
}
