//! Lines and descriptors: how a consumer looks at a line, and how it holds one.
//!
//! A [`Line`] is a line that anybody may look at; it keeps the device alive and claims nothing.
//! [`Line::request`] makes a [`Desc`]: an exclusive hold. Descriptors are counted: a clone shares
//! the request, which ends when the last one is dropped. When the chip goes, every operation
//! answers [`crate::Error::Revoked`]; cloning and dropping still work.
//!
//! ```
//! # use gpiolib::{Chip, ChipConfig, Error, Level, Offset, Registry, Result, Value};
//! # struct Wire(std::sync::atomic::AtomicBool);
//! # impl Chip for Wire {
//! #     fn direction_output(&self, _: Offset, level: Level) -> Result<()> { self.set(Offset::new(0), level) }
//! #     fn set(&self, _: Offset, level: Level) -> Result<()> { self.0.store(level.is_high(), std::sync::atomic::Ordering::Relaxed); Ok(()) }
//! #     fn get(&self, _: Offset) -> Result<Level> { Ok(Level::from(self.0.load(std::sync::atomic::Ordering::Relaxed))) }
//! # }
//! let registry = Registry::new();
//! let chip = registry.register(&ChipConfig::new("demo", 1), Wire(false.into()))?;
//! let line = chip.device().line(Offset::new(0)).expect("the chip has one line");
//!
//! let led = line.request("led")?;
//! led.direction_output(Value::Active)?;
//! assert_eq!(line.request("other").err(), Some(Error::Busy));
//!
//! chip.unregister();
//! assert_eq!(led.set_value(Value::Inactive), Err(Error::Revoked));
//! # Ok::<(), Error>(())
//! ```

use alloc::boxed::Box;
use core::fmt;

use revocable::Word;

use crate::claim::{Pass, Request};
use crate::config::flags;
use crate::device::{Device, Slot};
use crate::edge::arm::{self, Listener};
use crate::engine::{EdgeQueue, Overflow, Ring};
use crate::ops;
use crate::sync::atomic::Ordering;
use crate::{
    Chip, Direction, Edges, Label, Level, LineConfig, LineInfo, Name, Offset, PinConfig, Result,
    Subscription, Value,
};

/// A line of a device, looked at but not held.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::{Error, Offset};
///
/// let sim = Sim::simple(2)?;
/// let line = sim.device().line(Offset::new(1)).expect("it has two");
/// let held = line.request("led")?;
/// assert_eq!(line.info().consumer, Some("led".into()), "looked at, while somebody holds it");
/// assert_eq!(line.request("other").err(), Some(Error::Busy));
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Line {
    device: Device,
    offset: Offset,
}

impl Line {
    pub(crate) const fn new(device: Device, offset: Offset) -> Self {
        Self { device, offset }
    }

    /// The device this is a line of.
    #[must_use]
    pub const fn device(&self) -> &Device {
        &self.device
    }

    /// Its index in the chip.
    #[must_use]
    pub const fn offset(&self) -> Offset {
        self.offset
    }

    /// Its name, if the provider gave one.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        self.device.line_name(self.offset)
    }

    /// Its public state; reads no hardware and works when the chip is gone.
    #[must_use]
    pub fn info(&self) -> LineInfo {
        self.device.line_info(self.offset)
    }

    /// Requests the line: no other consumer can until the last clone of the descriptor is dropped. A line that
    /// several consumers may share is `Busy` here; [`Line::get`] gives a share of it. Those who watch the
    /// line see nothing of it: an engine announces the request once it is set up.
    ///
    /// # Errors
    /// `ProbeDefer` if the chip's module is on its way out, `Revoked` if the chip is gone, `Busy` if
    /// the line is held, `Invalid` if the chip has no such line, or what the driver answers; the
    /// first of these that holds.
    pub fn request(&self, consumer: impl Into<Label>) -> Result<Desc> {
        Request::make(&self.device, self.offset, consumer.into()).map(Desc::new)
    }
}

/// A counted, exclusive hold on one line.
///
/// `Clone` shares the request (it never fails, also on a dead chip), `Drop` gives it back; the
/// request ends with the last. `Send` but not `Sync`: clone it for another thread, so that no two
/// threads write one cache line. A call costs about 1 ns over the driver's own.
///
/// A put too many does not compile:
///
/// ```compile_fail,E0382
/// fn put_twice(desc: gpiolib::Desc) {
///     drop(desc);
///     drop(desc);
/// }
/// ```
///
/// Handing one to somebody else is a move or a clone, which the caller's code shows:
///
/// ```
/// # struct Eeprom(gpiolib::Desc);
/// fn hand_over(wp: gpiolib::Desc) -> Eeprom { Eeprom(wp) }
/// fn share(wp: &gpiolib::Desc) -> Eeprom { Eeprom(wp.clone()) }
/// ```
#[derive(Clone)]
pub struct Desc {
    pub(crate) pass: Pass,
    /// The claim's, so that a call need not go there.
    offset: Offset,
}

impl Desc {
    #[inline]
    pub(crate) fn new(pass: Pass) -> Self {
        Self {
            offset: pass.claim().offset,
            pass,
        }
    }

    /// The device that its way in leads to.
    pub(crate) fn own(&self) -> &Device {
        Device::of(self.pass.revocable())
    }

    /// Its line there.
    pub(crate) const fn own_offset(&self) -> Offset {
        self.offset
    }

    /// The device the line belongs to.
    #[must_use]
    pub fn device(&self) -> &Device {
        self.own().shown(self.offset).0
    }

    /// The line's index in its chip.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.own().shown(self.offset).1
    }

    /// The line, to look at.
    #[must_use]
    pub fn line(&self) -> Line {
        Line::new(self.device().clone(), self.offset())
    }

    pub(crate) fn slot(&self) -> Slot<'_> {
        // A claimed line exists; a device never loses lines.
        self.own().slot(self.offset).expect("a claimed line exists")
    }

    /// The flags of the line.
    #[inline]
    pub(crate) fn flags(&self) -> &Word {
        self.pass.word()
    }

    /// Does something inside the chip.
    #[inline]
    pub(crate) fn call<R>(
        &self,
        work: impl FnOnce(&(dyn Chip + 'static)) -> Result<R>,
    ) -> Result<R> {
        self.pass.call(work)
    }

    /// The settings of the line as the core keeps them; the direction is the cached one.
    #[must_use]
    pub fn config(&self) -> LineConfig {
        ops::config(self.flags())
    }

    /// Makes the line an input and applies its bias. May take bus time.
    ///
    /// # Errors
    /// `Revoked`; `Io` if the line can only be an output; what the driver answers.
    pub fn direction_input(&self) -> Result<()> {
        self.call(|chip| ops::direction_input(chip, self.flags(), self.offset))
    }

    /// Makes the line an output with this value; open drain and open source are emulated where the
    /// chip has none. May take bus time.
    ///
    /// # Errors
    /// `Revoked`; `Io` if the line is armed for edges or can only be an input; the driver's.
    pub fn direction_output(&self, value: Value) -> Result<()> {
        self.call(|chip| ops::direction_output(chip, self.flags(), self.offset, value))
    }

    /// Asks the hardware for the direction.
    ///
    /// # Errors
    /// `Revoked`; `Unsupported` if the chip cannot tell.
    pub fn direction(&self) -> Result<Direction> {
        self.call(|chip| ops::direction(chip, self.flags(), self.offset))
    }

    /// Reads the electrical level.
    ///
    /// # Errors
    /// `Revoked`; `Io` if the chip cannot read; the driver's.
    #[inline]
    pub fn level(&self) -> Result<Level> {
        ops::cannot_is_io(self.call(|chip| chip.get(self.offset)))
    }

    /// Reads the logical value.
    ///
    /// # Errors
    /// As [`Desc::level`].
    #[inline]
    pub fn value(&self) -> Result<Value> {
        let active_low = self.flags().load(Ordering::Relaxed) & flags::ACTIVE_LOW != 0;
        Ok(self.level()?.value(active_low))
    }

    /// Sets the electrical level, whatever the direction.
    ///
    /// # Errors
    /// `Revoked`; `OpNotSupported` if the chip has no outputs; the driver's.
    #[inline]
    pub fn set_level(&self, level: Level) -> Result<()> {
        let offset = self.offset;
        ops::no_outputs(self.call(move |chip| chip.set(offset, level)))
    }

    /// Sets the logical value, whatever the direction.
    ///
    /// # Errors
    /// As [`Desc::set_level`].
    #[inline]
    pub fn set_value(&self, value: Value) -> Result<()> {
        let word = self.flags().load(Ordering::Acquire);
        if word & (flags::OPEN_DRAIN | flags::OPEN_SOURCE) != 0 {
            return self.set_open(value);
        }
        self.set_level(value.level(word & flags::ACTIVE_LOW != 0))
    }

    #[cold]
    fn set_open(&self, value: Value) -> Result<()> {
        self.call(|chip| ops::set_open(chip, self.flags(), self.offset, value))
    }

    /// Passes one setting to the driver.
    ///
    /// # Errors
    /// `Revoked`; `Unsupported` if the chip has no such setting; the driver's.
    pub fn set_config(&self, config: PinConfig) -> Result<()> {
        self.call(|chip| chip.set_config(self.offset, config))
    }

    /// Tells the driver whether to keep the line's state over sleep; a chip without that is fine.
    ///
    /// # Errors
    /// `Revoked` (the core's mark has then changed all the same); the driver's.
    // KERNEL: gpiolib.c gpiod_set_transitory (v6.12): the flag first, then the driver.
    pub fn set_transitory(&self, transitory: bool) -> Result<()> {
        ops::put_flag(self.flags(), flags::TRANSITORY, transitory);
        ops::ignore_unsupported(self.set_config(PinConfig::PersistState(!transitory)))
    }

    /// How many clones share this request, this one included. For tests and people: another thread
    /// may change it at once.
    #[must_use]
    pub fn handles(&self) -> usize {
        self.pass.handles()
    }

    /// Whether both are handles of one request.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.pass.is_same(&other.pass)
    }

    /// Asks the hardware to debounce the line, in microseconds; 24 bits of the period count.
    ///
    /// # Errors
    /// `Revoked`; `Unsupported` if the chip cannot: debounce in software then, by
    /// [`Subscription::debounce`]; the driver's.
    pub fn set_debounce(&self, period_us: u32) -> Result<()> {
        self.set_config(PinConfig::InputDebounce(period_us))
    }

    /// Subscribes to the logical `edges` of the line: a queue of at most `capacity` events, which
    /// gives up the oldest when it is full.
    ///
    /// # Errors
    /// `Revoked`; `Busy` if somebody has subscribed already; `Io` if the line is an output, unless an
    /// open drain; `NoEdges` if it has no interrupt; what the driver answers.
    pub fn subscribe(&self, edges: Edges, capacity: usize) -> Result<Subscription> {
        let active_low = self.config().active_low;
        self.subscribe_as(edges, active_low, capacity)
    }

    /// Subscribes to edges of the line, with this polarity.
    pub(crate) fn subscribe_as(
        &self,
        edges: Edges,
        active_low: bool,
        capacity: usize,
    ) -> Result<Subscription> {
        let config = LineConfig {
            edges,
            active_low,
            ..self.config()
        };
        let store = Box::new(Ring::new());
        let queue = EdgeQueue::new(&[self.offset()], capacity, Overflow::DropOldest, store);
        queue.configure(0, &config);
        let listener = Listener::Queue(queue.clone(), 0);
        arm::attach(
            self.own(),
            self.offset,
            listener,
            edges.inverted(active_low),
        )?;
        Ok(Subscription::new(self.own(), self.offset, queue))
    }
}

impl fmt::Debug for Desc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desc")
            .field("device", self.device())
            .field("offset", &self.offset())
            .finish()
    }
}
