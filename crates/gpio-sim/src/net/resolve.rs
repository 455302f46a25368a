//! The electrical rule of one net: what pins do to it, and the level that comes of it.
//!
//! Pure and order-independent: a [`Tally`] counts who drives and who pulls which way, and
//! [`Tally::resolve`] looks at the counts alone. An output is stronger than any resistor; among
//! resistors a hand from outside is the strongest, the board's are next, those inside chips last.
//! Outputs against each other are a short, which reads low, as a wired-AND does.

use gpiolib::Level;

/// How strongly something holds a net, strongest first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Strength {
    /// A driven output, or a closed contact to a rail.
    Output,
    /// What a person or a test holds to the line: `ugpio ctl pull`.
    Hand,
    /// A resistor on the board: a net's `pull`, a part's.
    Resistor,
    /// The weak resistor inside a chip: the bias that a consumer asks for.
    Bias,
}

const STRENGTHS: usize = 4;

/// What one pin does to the net it is on; by default nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PinDrive([Option<Level>; STRENGTHS]);

impl PinDrive {
    /// A pin that is high-impedance: an input.
    pub const FLOAT: PinDrive = PinDrive([None; STRENGTHS]);

    /// A pin that drives this level.
    #[must_use]
    pub const fn output(level: Level) -> PinDrive {
        PinDrive([Some(level), None, None, None])
    }

    /// A pin that pulls to this level by a resistor on the board.
    #[must_use]
    pub const fn resistor(level: Level) -> PinDrive {
        PinDrive([None, None, Some(level), None])
    }

    /// The same, holding with `strength` towards `level`, or no longer.
    #[must_use]
    pub const fn with(mut self, strength: Strength, level: Option<Level>) -> PinDrive {
        self.0[strength as usize] = level;
        self
    }

    /// Which way it holds with this strength.
    #[must_use]
    pub const fn at(&self, strength: Strength) -> Option<Level> {
        self.0[strength as usize]
    }
}

/// What a net is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NetNode {
    /// Driven or pulled to this level.
    At(Level),
    /// Not driven, or driven by resistors of the same strength both ways: it keeps the level it has.
    Floating,
    /// Driven high and low at the same time. It reads low.
    Short,
}

/// How many pins hold a net which way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally([[u32; 2]; STRENGTHS]);

impl Tally {
    /// One more pin holds the net.
    pub fn add(&mut self, drive: PinDrive) {
        self.each(drive, |count| *count += 1);
    }

    /// A pin that was added lets go.
    pub fn remove(&mut self, drive: PinDrive) {
        self.each(drive, |count| *count -= 1);
    }

    fn each(&mut self, drive: PinDrive, mut change: impl FnMut(&mut u32)) {
        for (counts, level) in self.0.iter_mut().zip(drive.0) {
            if let Some(level) = level {
                change(&mut counts[usize::from(level.is_high())]);
            }
        }
    }

    /// What the net is now.
    #[must_use]
    pub fn resolve(&self) -> NetNode {
        for (strength, counts) in self.0.iter().enumerate() {
            match *counts {
                [0, 0] => {}
                [_, 0] => return NetNode::At(Level::Low),
                [0, _] => return NetNode::At(Level::High),
                _ if strength == Strength::Output as usize => return NetNode::Short,
                _ => return NetNode::Floating,
            }
        }
        NetNode::Floating
    }
}

impl NetNode {
    /// The level of a net that was at `before`.
    #[must_use]
    pub const fn level(self, before: Level) -> Level {
        match self {
            NetNode::At(level) => level,
            NetNode::Floating => before,
            NetNode::Short => Level::Low,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Level::{High, Low};

    fn node(drives: &[PinDrive]) -> NetNode {
        let mut tally = Tally::default();
        drives.iter().for_each(|drive| tally.add(*drive));
        tally.resolve()
    }

    fn held(strength: Strength, level: Level) -> PinDrive {
        PinDrive::FLOAT.with(strength, Some(level))
    }

    #[test]
    fn nobody_holds_a_floating_net_which_keeps_its_level() {
        assert_eq!(node(&[]), NetNode::Floating);
        assert_eq!(node(&[PinDrive::FLOAT, PinDrive::FLOAT]), NetNode::Floating);
        assert_eq!(
            (NetNode::Floating.level(High), NetNode::Floating.level(Low)),
            (High, Low)
        );
    }

    #[test]
    fn open_drain_outputs_and_a_pull_up_are_a_wired_and() {
        let up = PinDrive::resistor(High);
        assert_eq!(node(&[up, PinDrive::FLOAT]), NetNode::At(High));
        assert_eq!(node(&[up, PinDrive::output(Low)]), NetNode::At(Low));
        assert_eq!(
            node(&[up, PinDrive::output(Low), PinDrive::output(Low)]),
            NetNode::At(Low)
        );
    }

    #[test]
    fn outputs_against_each_other_are_a_short_that_reads_low() {
        let node = node(&[PinDrive::output(High), PinDrive::output(Low)]);
        assert_eq!((node, node.level(High)), (NetNode::Short, Low));
    }

    #[test]
    fn the_stronger_resistor_wins_and_equals_leave_it_floating() {
        use Strength::{Bias, Hand, Resistor};
        assert_eq!(
            node(&[held(Bias, High), held(Resistor, Low)]),
            NetNode::At(Low)
        );
        assert_eq!(
            node(&[held(Hand, High), held(Resistor, Low)]),
            NetNode::At(High)
        );
        assert_eq!(
            node(&[held(Bias, High), held(Bias, Low)]),
            NetNode::Floating,
            "half of the supply"
        );
        assert_eq!(
            node(&[held(Hand, High), held(Hand, Low), held(Resistor, Low)]),
            NetNode::Floating
        );
    }
}
