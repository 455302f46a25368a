//! Pins: a descriptor that is an input, or an output, and stays one.
//!
//! A [`Desc`] may be turned either way at any time, by any of its clones. An [`Input`] or [`Output`] has
//! the only handle of its line and offers what its direction allows, so that an [`Output`] is driven for
//! as long as it exists. With feature `embedded-hal` they are the pins of that ecosystem.

use core::fmt;

use crate::engine::DescExt;
use crate::{
    Desc, Device, Edges, Error, InfoChangeKind, Label, Level, Line, Offset, Result, Subscription,
    Value,
};

/// A requested line that is an input.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::{Level, Offset, Timestamp, Value};
///
/// let sim = Sim::simple(2)?;
/// let door = sim.device().line(Offset::new(0)).expect("it has two").input("door")?;
/// assert_eq!(door.value()?, Value::Inactive);
/// sim.set_pull(Offset::new(0), Level::High, Timestamp::at(1))?;
/// assert_eq!(door.value()?, Value::Active);
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Debug)]
pub struct Input {
    desc: Desc,
    /// What the waits of `embedded-hal` listen to, from the first of them on.
    #[cfg(feature = "embedded-hal")]
    pub(crate) edges: Option<Subscription>,
}

/// A requested line that is driven.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::{Direction, Level, Offset, Value};
///
/// let sim = Sim::simple(2)?;
/// let line = sim.device().line(Offset::new(1)).expect("it has two");
/// let led = line.output("led", Value::Active)?;
/// assert_eq!(line.info().config.direction, Some(Direction::Output));
/// assert_eq!(sim.level(Offset::new(1))?, Level::High);
/// led.set_value(Value::Inactive)?;
/// assert_eq!(sim.level(Offset::new(1))?, Level::Low);
/// let button = led.into_input()?;
/// assert_eq!(line.info().config.direction, Some(Direction::Input));
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Debug)]
pub struct Output {
    desc: Desc,
}

/// A descriptor that did not become a pin, and why.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::{Error, Offset, Value};
///
/// let sim = Sim::simple(1)?;
/// let led = sim.device().line(Offset::new(0)).expect("it has one").request("led")?;
/// let other = led.clone();
/// let refused = led.into_output(Value::Active).expect_err("there is another handle");
/// assert_eq!(refused.error, Error::Busy);
/// drop(other);
/// assert!(refused.desc.into_output(Value::Active).is_ok());
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct IntoPinError {
    /// The descriptor, as it was.
    pub desc: Desc,
    /// What went wrong.
    pub error: Error,
}

impl Line {
    /// Gets the line, or a share of it, and makes it an input.
    ///
    /// # Errors
    /// As [`Line::get`] and [`Desc::direction_input`]; the line is then free again.
    pub fn input(&self, consumer: impl Into<Label>) -> Result<Input> {
        let pin = self.take(consumer.into())?.into_input()?;
        pin.desc.announce(InfoChangeKind::Requested);
        Ok(pin)
    }

    /// Gets the line, or a share of it, and makes it an output with this value.
    ///
    /// # Errors
    /// As [`Line::get`] and [`Desc::direction_output`]; the line is then free again.
    pub fn output(&self, consumer: impl Into<Label>, value: Value) -> Result<Output> {
        let pin = self.take(consumer.into())?.into_output(value)?;
        pin.desc.announce(InfoChangeKind::Requested);
        Ok(pin)
    }
}

impl Desc {
    /// Makes the line an input, and this its only handle.
    ///
    /// # Errors
    /// [`Error::Busy`] if there are clones; as [`Desc::direction_input`].
    pub fn into_input(self) -> core::result::Result<Input, IntoPinError> {
        let desc = self.alone(Self::direction_input)?;
        Ok(Input {
            desc,
            #[cfg(feature = "embedded-hal")]
            edges: None,
        })
    }

    /// Makes the line an output with this value, and this its only handle.
    ///
    /// # Errors
    /// [`Error::Busy`] if there are clones; as [`Desc::direction_output`].
    pub fn into_output(self, value: Value) -> core::result::Result<Output, IntoPinError> {
        let desc = self.alone(|desc| desc.direction_output(value))?;
        Ok(Output { desc })
    }

    /// Sets the direction of a line that has no other handle.
    fn alone(
        self,
        set: impl FnOnce(&Self) -> Result<()>,
    ) -> core::result::Result<Self, IntoPinError> {
        // Nobody can make another meanwhile: that takes a handle.
        let set = match self.handles() {
            1 => set(&self),
            _ => Err(Error::Busy),
        };
        match set {
            Ok(()) => Ok(self),
            Err(error) => Err(IntoPinError { desc: self, error }),
        }
    }
}

impl Input {
    /// The electrical level.
    ///
    /// # Errors
    /// As [`Desc::level`].
    pub fn level(&self) -> Result<Level> {
        self.desc.level()
    }

    /// The logical value.
    ///
    /// # Errors
    /// As [`Desc::value`].
    pub fn value(&self) -> Result<Value> {
        self.desc.value()
    }

    /// Subscribes to the logical edges of the line.
    ///
    /// # Errors
    /// As [`Desc::subscribe`].
    pub fn subscribe(&self, edges: Edges, capacity: usize) -> Result<Subscription> {
        self.desc.subscribe(edges, capacity)
    }

    /// As [`Input::subscribe`], whatever the line's polarity.
    #[cfg(feature = "embedded-hal")]
    pub(crate) fn subscribe_electrically(
        &self,
        edges: Edges,
        capacity: usize,
    ) -> Result<Subscription> {
        self.desc.subscribe_as(edges, false, capacity)
    }

    /// The line it holds.
    #[must_use]
    pub fn line(&self) -> Line {
        self.desc.line()
    }

    /// The device the line is of.
    #[must_use]
    pub fn device(&self) -> &Device {
        self.desc.device()
    }

    /// Which line of it.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.desc.offset()
    }

    /// The descriptor, which may be turned again.
    #[must_use]
    pub fn into_desc(self) -> Desc {
        self.desc
    }

    /// Makes it an output with this value. Edges are no longer listened to.
    ///
    /// # Errors
    /// As [`Desc::direction_output`].
    pub fn into_output(self, value: Value) -> core::result::Result<Output, IntoPinError> {
        self.into_desc().into_output(value)
    }
}

impl Output {
    /// Drives the line to a logical value, through the emulation of open drain and open source.
    ///
    /// # Errors
    /// As [`Desc::set_value`].
    pub fn set_value(&self, value: Value) -> Result<()> {
        self.desc.set_value(value)
    }

    /// The logical value that the line has.
    ///
    /// # Errors
    /// As [`Desc::value`].
    pub fn value(&self) -> Result<Value> {
        self.desc.value()
    }

    /// The electrical level that the line has.
    ///
    /// # Errors
    /// As [`Desc::level`].
    pub fn level(&self) -> Result<Level> {
        self.desc.level()
    }

    /// Drives the line to an electrical level, through the emulation of open drain and open source.
    ///
    /// # Errors
    /// As [`Desc::set_value`].
    pub fn set_level(&self, level: Level) -> Result<()> {
        self.set_value(level.value(self.desc.config().active_low))
    }

    /// The line it holds.
    #[must_use]
    pub fn line(&self) -> Line {
        self.desc.line()
    }

    /// The device the line is of.
    #[must_use]
    pub fn device(&self) -> &Device {
        self.desc.device()
    }

    /// Which line of it.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.desc.offset()
    }

    /// The descriptor, which may be turned again.
    #[must_use]
    pub fn into_desc(self) -> Desc {
        self.desc
    }

    /// Makes it an input.
    ///
    /// # Errors
    /// As [`Desc::direction_input`].
    pub fn into_input(self) -> core::result::Result<Input, IntoPinError> {
        self.into_desc().into_input()
    }
}

impl From<IntoPinError> for Error {
    fn from(refused: IntoPinError) -> Self {
        refused.error
    }
}

impl fmt::Display for IntoPinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for IntoPinError {}
