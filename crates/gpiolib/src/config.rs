//! What a request wants of a line, and what a driver is told.
//!
//! [`LineConfig`] is the settings of one line as a descriptor keeps them; [`PinConfig`] is one packed
//! setting as [`crate::Chip::set_config`] receives it.

use crate::{Bias, Direction, Drive, Edges, EventClock};

/// The settings of one line.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::{Direction, Drive, Offset};
///
/// let sim = Sim::simple(1)?;
/// let config = sim.device().line(Offset::new(0)).expect("it has one").info().config;
/// assert_eq!((config.direction, config.drive), (Some(Direction::Input), Drive::PushPull));
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LineConfig {
    /// Input, output, or left as it is.
    pub direction: Option<Direction>,
    /// Logical values are the inverse of electrical levels.
    pub active_low: bool,
    /// How an output is driven.
    pub drive: Drive,
    /// The line's resistor.
    pub bias: Bias,
    /// The logical edges that are reported.
    pub edges: Edges,
    /// The clock of reported edges.
    pub clock: EventClock,
}

/// One setting for a driver, as the kernel's pinconf packs it: a parameter and a 24-bit argument.
///
/// ```
/// use gpiolib::PinConfig;
///
/// assert_eq!(PinConfig::InputDebounce(1_000).packed(), 1_000 << 8 | 11);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PinConfig {
    /// No resistor (parameter 1).
    BiasDisable,
    /// Resistor to low (3).
    BiasPullDown,
    /// Resistor to high (5).
    BiasPullUp,
    /// Drive low only (6).
    DriveOpenDrain,
    /// Drive high only (7).
    DriveOpenSource,
    /// Drive both levels (8).
    DrivePushPull,
    /// Debounce in hardware, microseconds (11). The argument has 24 bits.
    InputDebounce(u32),
    /// Keep the state over sleep or reset of the controller (21).
    PersistState(bool),
    /// Any other parameter with its argument.
    Other {
        /// The parameter number.
        parameter: u8,
        /// The argument; 24 bits count.
        argument: u32,
    },
}

impl PinConfig {
    /// The packed form: parameter in the low 8 bits, argument in the upper 24.
    // KERNEL: pinconf-generic.h numbering (v6.12); a wider argument is cut.
    #[must_use]
    pub const fn packed(self) -> u32 {
        let (parameter, argument) = match self {
            Self::BiasDisable => (1, 0),
            Self::BiasPullDown => (3, 1),
            Self::BiasPullUp => (5, 1),
            Self::DriveOpenDrain => (6, 0),
            Self::DriveOpenSource => (7, 0),
            Self::DrivePushPull => (8, 0),
            Self::InputDebounce(us) => (11, us),
            Self::PersistState(persist) => (21, persist as u32),
            Self::Other {
                parameter,
                argument,
            } => (parameter as u32, argument),
        };
        parameter | argument << 8
    }
}

/// The flag word of a descriptor: settings and states in one atomic.
pub(crate) mod flags {
    pub(crate) const REQUESTED: u32 = 1 << 2;
    pub(crate) const OUT: u32 = 1 << 1;
    pub(crate) const ACTIVE_LOW: u32 = 1 << 0;
    pub(crate) const OPEN_DRAIN: u32 = 1 << 3;
    pub(crate) const OPEN_SOURCE: u32 = 1 << 4;
    pub(crate) const PULL_UP: u32 = 1 << 5;
    pub(crate) const PULL_DOWN: u32 = 1 << 6;
    pub(crate) const BIAS_DISABLE: u32 = 1 << 7;
    pub(crate) const EDGE_RISING: u32 = 1 << 8;
    pub(crate) const EDGE_FALLING: u32 = 1 << 9;
    pub(crate) const CLOCK_REALTIME: u32 = 1 << 10;
    pub(crate) const CLOCK_HTE: u32 = 1 << 11;
    pub(crate) const HOGGED: u32 = 1 << 12;
    /// An interrupt of the line is taken and enabled.
    pub(crate) const ARMED: u32 = 1 << 13;
    /// The chip has no such line (valid mask).
    pub(crate) const INVALID: u32 = 1 << 14;
    /// Free emits RELEASED even if REQUESTED was never announced.
    pub(crate) const ANNOUNCED: u32 = 1 << 15;
    /// The state may be lost over sleep or reset.
    pub(crate) const TRANSITORY: u32 = 1 << 16;
    /// The request is being made: its consumer is not written down yet.
    pub(crate) const UNNAMED: u32 = 1 << 17;

    /// Several consumers may have it; the core holds it for them.
    pub(crate) const SHARED: u32 = 1 << 19;
    /// The driver is being asked to make the line an output.
    pub(crate) const DRIVING: u32 = 1 << 18;

    /// What a [`super::LineConfig`] covers, direction aside.
    pub(crate) const SETTINGS: u32 = ACTIVE_LOW
        | OPEN_DRAIN
        | OPEN_SOURCE
        | PULL_UP
        | PULL_DOWN
        | BIAS_DISABLE
        | EDGE_RISING
        | EDGE_FALLING
        | CLOCK_REALTIME
        | CLOCK_HTE;

    /// The two bits above are the guard's.
    const _: () = assert!((FREED | OUT | INVALID | DRIVING | SHARED) & !revocable::Word::BITS == 0);

    /// What a free clears.
    // KERNEL: gpiolib.c gpiod_free_commit (v6.12): direction and event clock stay visible.
    // DIFFERS: TRANSITORY, which no program sees, goes with the request.
    pub(crate) const FREED: u32 = REQUESTED
        | (SETTINGS & !(CLOCK_REALTIME | CLOCK_HTE))
        | HOGGED
        | ARMED
        | ANNOUNCED
        | TRANSITORY
        | UNNAMED;
}

impl LineConfig {
    /// The settings as bits of the flag word.
    pub(crate) fn to_flags(self) -> u32 {
        let mut word = 0;
        let mut put = |on: bool, bit: u32| word |= if on { bit } else { 0 };
        put(self.active_low, flags::ACTIVE_LOW);
        put(self.drive == Drive::OpenDrain, flags::OPEN_DRAIN);
        put(self.drive == Drive::OpenSource, flags::OPEN_SOURCE);
        put(self.bias == Bias::PullUp, flags::PULL_UP);
        put(self.bias == Bias::PullDown, flags::PULL_DOWN);
        put(self.bias == Bias::Disabled, flags::BIAS_DISABLE);
        put(self.edges.rising, flags::EDGE_RISING);
        put(self.edges.falling, flags::EDGE_FALLING);
        put(self.clock == EventClock::Realtime, flags::CLOCK_REALTIME);
        put(self.clock == EventClock::Hte, flags::CLOCK_HTE);
        word
    }

    /// The settings that a flag word holds; the direction is always known.
    pub(crate) fn from_flags(word: u32) -> Self {
        let on = |bit: u32| word & bit != 0;
        Self {
            direction: Some(if on(flags::OUT) {
                Direction::Output
            } else {
                Direction::Input
            }),
            active_low: on(flags::ACTIVE_LOW),
            drive: if on(flags::OPEN_DRAIN) {
                Drive::OpenDrain
            } else if on(flags::OPEN_SOURCE) {
                Drive::OpenSource
            } else {
                Drive::PushPull
            },
            bias: if on(flags::BIAS_DISABLE) {
                Bias::Disabled
            } else if on(flags::PULL_UP) {
                Bias::PullUp
            } else if on(flags::PULL_DOWN) {
                Bias::PullDown
            } else {
                Bias::AsIs
            },
            edges: Edges {
                rising: on(flags::EDGE_RISING),
                falling: on(flags::EDGE_FALLING),
            },
            clock: if on(flags::CLOCK_REALTIME) {
                EventClock::Realtime
            } else if on(flags::CLOCK_HTE) {
                EventClock::Hte
            } else {
                EventClock::Monotonic
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_the_flag_word() {
        for drive in [Drive::PushPull, Drive::OpenDrain, Drive::OpenSource] {
            for bias in [Bias::AsIs, Bias::Disabled, Bias::PullUp, Bias::PullDown] {
                for clock in [EventClock::Monotonic, EventClock::Realtime, EventClock::Hte] {
                    let config = LineConfig {
                        direction: Some(Direction::Input),
                        active_low: true,
                        drive,
                        bias,
                        edges: Edges {
                            rising: true,
                            falling: false,
                        },
                        clock,
                    };
                    assert_eq!(LineConfig::from_flags(config.to_flags()), config);
                }
            }
        }
    }

    #[test]
    fn packs_like_pinconf() {
        assert_eq!(PinConfig::BiasPullUp.packed(), 0x105);
        assert_eq!(PinConfig::InputDebounce(0x1_000_001).packed() >> 8, 1);
        assert_eq!(PinConfig::PersistState(true).packed(), 0x115);
    }
}
