//! The words of the field, as types: what a line is and what it can be asked for.
//!
//! [`Offset`] names a line of a chip; [`Level`] is electrical and [`Value`] is logical;
//! [`Direction`], [`Drive`], [`Bias`], [`Edges`] and [`EventClock`] are as in `<linux/gpio.h>`.
//! [`Label`] and [`Name`] are the texts a line carries.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

/// A line's index in its chip, counted from 0.
///
/// ```
/// use gpiolib::Offset;
///
/// let wp = Offset::new(3);
/// assert_eq!((wp.get(), wp.index()), (3_u32, 3_usize));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Offset(u32);

impl Offset {
    /// The line with this index.
    #[must_use]
    #[inline]
    pub const fn new(offset: u32) -> Self {
        Self(offset)
    }

    /// The index as the uAPI carries it.
    #[must_use]
    #[inline]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The index for slices.
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The electrical level of a line.
///
/// ```
/// use gpiolib::{Level, Value};
///
/// assert_eq!(Level::Low.value(true), Value::Active, "active-low");
/// assert_eq!(!Level::Low, Level::High);
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Level {
    /// Low, 0.
    #[default]
    Low,
    /// High, 1.
    High,
}

impl Level {
    /// Whether the level is high.
    #[must_use]
    #[inline]
    pub const fn is_high(self) -> bool {
        matches!(self, Self::High)
    }

    /// The value that this level means on a line with that polarity.
    #[must_use]
    #[inline]
    pub const fn value(self, active_low: bool) -> Value {
        if self.is_high() != active_low {
            Value::Active
        } else {
            Value::Inactive
        }
    }
}

impl From<bool> for Level {
    #[inline]
    fn from(high: bool) -> Self {
        if high { Self::High } else { Self::Low }
    }
}

impl core::ops::Not for Level {
    type Output = Self;

    #[inline]
    fn not(self) -> Self {
        Self::from(!self.is_high())
    }
}

/// The logical value of a line: its level, inverted where the line is active-low.
///
/// ```
/// use gpiolib::{Level, Value};
///
/// assert_eq!(Value::Active.level(true), Level::Low, "active-low");
/// assert!(Value::Active.is_active());
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Value {
    /// Inactive, logical 0.
    #[default]
    Inactive,
    /// Active, logical 1.
    Active,
}

impl Value {
    /// Whether the value is active.
    #[must_use]
    #[inline]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Active)
    }

    /// The level that means this value on a line with that polarity.
    #[must_use]
    #[inline]
    pub const fn level(self, active_low: bool) -> Level {
        if self.is_active() != active_low {
            Level::High
        } else {
            Level::Low
        }
    }
}

impl From<bool> for Value {
    #[inline]
    fn from(active: bool) -> Self {
        if active { Self::Active } else { Self::Inactive }
    }
}

/// Whether a line is an input or an output.
///
/// ```
/// use gpiolib::{Direction, LineConfig};
///
/// let lamp = LineConfig { direction: Some(Direction::Output), ..LineConfig::default() };
/// assert_ne!(lamp.direction, Some(Direction::Input));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Direction {
    /// The line is read.
    Input,
    /// The line is driven.
    Output,
}

/// How an output is driven.
///
/// ```
/// use gpiolib::{Drive, LineConfig};
///
/// let sda = LineConfig { drive: Drive::OpenDrain, ..LineConfig::default() };
/// assert_ne!(sda.drive, Drive::default(), "push-pull");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Drive {
    /// Both levels are driven.
    #[default]
    PushPull,
    /// Only low is driven; high is left to a pull-up.
    OpenDrain,
    /// Only high is driven; low is left to a pull-down.
    OpenSource,
}

/// The resistor a line is given inside its chip.
///
/// ```
/// use gpiolib::{Bias, LineConfig};
///
/// let button = LineConfig { bias: Bias::PullUp, ..LineConfig::default() };
/// assert_ne!(button.bias, Bias::default(), "left as it is");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Bias {
    /// Left as it is.
    #[default]
    AsIs,
    /// No resistor.
    Disabled,
    /// A resistor to high.
    PullUp,
    /// A resistor to low.
    PullDown,
}

/// One change of a line.
///
/// ```
/// use gpiolib::{Edge, Edges};
///
/// assert!(Edges::BOTH.contains(Edge::Rising));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Edge {
    /// From inactive to active (or low to high where levels are meant).
    Rising,
    /// From active to inactive (or high to low).
    Falling,
}

/// A set of edges.
///
/// ```
/// use gpiolib::{Edge, Edges};
///
/// let presses = Edges { rising: true, ..Edges::NONE };
/// assert!(presses.contains(Edge::Rising) && !presses.contains(Edge::Falling));
/// assert!(presses.inverted(true).falling, "as an active-low line has them");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Edges {
    /// Rising edges belong to the set.
    pub rising: bool,
    /// Falling edges belong to the set.
    pub falling: bool,
}

impl Edges {
    /// No edge.
    pub const NONE: Self = Self {
        rising: false,
        falling: false,
    };
    /// Both edges.
    pub const BOTH: Self = Self {
        rising: true,
        falling: true,
    };

    /// Whether no edge is in the set.
    #[must_use]
    #[inline]
    pub const fn is_empty(self) -> bool {
        !self.rising && !self.falling
    }

    /// Whether `edge` is in the set.
    #[must_use]
    #[inline]
    pub const fn contains(self, edge: Edge) -> bool {
        match edge {
            Edge::Rising => self.rising,
            Edge::Falling => self.falling,
        }
    }

    /// The set seen from the other polarity.
    #[must_use]
    #[inline]
    pub const fn inverted(self, active_low: bool) -> Self {
        if active_low {
            Self {
                rising: self.falling,
                falling: self.rising,
            }
        } else {
            self
        }
    }
}

/// The clock that stamps a line's events.
///
/// ```
/// use gpiolib::{EventClock, LineConfig};
///
/// let line = LineConfig { clock: EventClock::Realtime, ..LineConfig::default() };
/// assert_ne!(line.clock, EventClock::default(), "monotonic");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum EventClock {
    /// `CLOCK_MONOTONIC`.
    #[default]
    Monotonic,
    /// `CLOCK_REALTIME`.
    Realtime,
    /// The hardware timestamp engine; no provider offers one yet.
    Hte,
}

/// A consumer's label: at most 31 bytes of any kind, cut at the first NUL.
///
/// ```
/// use gpiolib::Label;
///
/// assert_eq!(Label::new(b"led\0garbage").as_bytes(), b"led");
/// assert_eq!(Label::from("a label that is longer than that").as_bytes().len(), Label::MAX);
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Label {
    len: u8,
    bytes: [u8; Self::MAX],
}

impl Label {
    /// The longest label, in bytes.
    pub const MAX: usize = 31;

    /// The label of a consumer that gave none.
    // KERNEL: gpiolib.c gpiod_request_commit (v6.12): a missing label is shown as `?`.
    #[must_use]
    pub fn unknown() -> Self {
        Self::new(b"?")
    }

    /// The label with these bytes, cut at the first NUL or at 31 bytes.
    #[must_use]
    #[inline]
    pub fn new(text: &[u8]) -> Self {
        let text = text.get(..Self::MAX).unwrap_or(text);
        let len = text.iter().position(|byte| *byte == 0);
        let text = text.get(..len.unwrap_or(text.len())).unwrap_or(text);
        let mut bytes = [0; Self::MAX];
        if let Some(place) = bytes.get_mut(..text.len()) {
            place.copy_from_slice(text);
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 31")]
        let len = text.len() as u8;
        Self { len, bytes }
    }

    /// The bytes, without a NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl From<&str> for Label {
    #[inline]
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl From<String> for Label {
    fn from(text: String) -> Self {
        Self::new(text.as_bytes())
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

/// A line's name: bytes as the provider gave them, shared and cheap to clone.
///
/// ```
/// use gpiolib::Name;
///
/// let name = Name::from("RESET");
/// assert_eq!(name.as_bytes(), b"RESET");
/// assert_eq!(name.clone(), name, "shared, not copied");
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name(Arc<[u8]>);

impl Name {
    /// The name with these bytes.
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        Self(text.into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self::new(text.as_bytes())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}
