//! The model of one simulated line: four facts, and what each event does to them.
//!
//! Pure: no lock, no time, no delivery. [`SimChip`](crate::SimChip) keeps one [`SimLine`] for each offset
//! and turns the [`Effect`] of an event into edges and noted changes. A line on a net keeps the same
//! facts, but what it reads is what the net says ([`SimLine::see`]), and what it does there is [`SimLine::drive`].
// KERNEL: gpio-sim.c (v6.12), all of the chip callbacks and gpio_sim_apply_pull.

use gpiolib::{Direction, Edge, Edges, Level};

use crate::net::{PinDrive, Strength};

/// One simulated line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SimLine {
    requested: bool,
    direction: Direction,
    level: Level,
    pull: Level,
    armed: Edges,
    /// What the output register says; on a net the level may be another.
    register: Level,
    /// What pulls it from outside, and the bias asked for: resistors, if it is on a net.
    hand: Option<Level>,
    bias: Option<Level>,
    wired: bool,
    /// A fault: the level that it has, come what may.
    stuck: Option<Level>,
}

/// What an event did to a line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Effect {
    /// The new level, if it is another.
    pub level: Option<Level>,
    /// The new pull, if it is another.
    pub pull: Option<Level>,
    /// The edge to report, if the level's change is one that the line is armed for.
    pub edge: Option<Level>,
}

impl Default for SimLine {
    fn default() -> SimLine {
        SimLine {
            requested: false,
            direction: Direction::Input,
            level: Level::Low,
            pull: Level::Low,
            armed: Edges::NONE,
            register: Level::Low,
            hand: None,
            bias: None,
            wired: false,
            stuck: None,
        }
    }
}

impl SimLine {
    /// The level, whatever the direction.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The pull.
    #[must_use]
    pub fn pull(&self) -> Level {
        self.pull
    }

    /// The direction.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// A consumer requests the line: nothing else changes.
    pub fn request(&mut self) {
        self.requested = true;
    }

    /// The consumer lets go: the line falls back to its pull and keeps its direction.
    pub fn free(&mut self) -> Effect {
        self.requested = false;
        self.armed = Edges::NONE;
        self.take_unwired(self.pull)
    }

    /// Becomes an input; the level stays as it was driven, until something changes it.
    pub fn direction_input(&mut self) {
        self.direction = Direction::Input;
    }

    /// Becomes an output that drives `level`.
    pub fn direction_output(&mut self, level: Level) -> Effect {
        self.direction = Direction::Output;
        self.set(level)
    }

    /// Sets the level, whatever the direction. Never an edge.
    pub fn set(&mut self, level: Level) -> Effect {
        self.register = level;
        self.take_unwired(level)
    }

    /// Is pulled by a bias that the consumer asks for: as [`SimLine::apply_pull`], but on a net it is the
    /// weaker of the two.
    pub fn apply_bias(&mut self, pull: Level) -> Effect {
        let hand = self.hand;
        let effect = self.apply_pull(pull);
        (self.hand, self.bias) = (hand, Some(pull));
        effect
    }

    /// The consumer asks for no bias. Only a net can tell.
    pub fn disable_bias(&mut self) {
        self.bias = None;
    }

    /// Is on a net from now on: what it reads comes from there.
    pub fn wire(&mut self) {
        self.wired = true;
    }

    /// Is off the net again, and falls to what it drives or is pulled to.
    pub fn unwire(&mut self) -> Effect {
        self.wired = false;
        let level = if self.drives() {
            self.register
        } else {
            self.pull
        };
        self.take_outside(level)
    }

    /// The net it is on has this level.
    pub fn see(&mut self, level: Level) -> Effect {
        self.take_outside(level)
    }

    /// The level that it is stuck at.
    #[must_use]
    pub fn stuck(&self) -> Option<Level> {
        self.stuck
    }

    /// Is stuck at a level from now on, whatever drives it, or not any more.
    pub fn stick(&mut self, stuck: Option<Level>) -> Effect {
        self.stuck = stuck;
        let own = if self.drives() {
            self.register
        } else {
            self.pull
        };
        self.take_outside(own)
    }

    /// What it does to a net.
    #[must_use]
    pub fn drive(&self) -> PinDrive {
        let output = self.drives().then_some(self.register);
        let output = self.stuck.or(output);
        PinDrive::FLOAT
            .with(Strength::Output, output)
            .with(Strength::Hand, self.hand)
            .with(Strength::Bias, self.bias)
    }

    /// Is pulled elsewhere from outside.
    ///
    /// Seen at once by a line that is an input or free, and by a driven one only when it is released.
    /// An edge is raised only on a line that is requested and an input.
    pub fn apply_pull(&mut self, pull: Level) -> Effect {
        let mut effect = if self.drives() || self.wired {
            Effect::default()
        } else {
            self.take_outside(pull)
        };
        effect.pull = (pull != self.pull).then_some(pull);
        self.pull = pull;
        self.hand = Some(pull);
        effect
    }

    /// Reports these edges from now on. A later call replaces an earlier one.
    pub fn arm(&mut self, edges: Edges) {
        self.armed = edges;
    }

    /// Reports no edge any more.
    pub fn disarm(&mut self) {
        self.armed = Edges::NONE;
    }

    fn drives(&self) -> bool {
        self.requested && self.direction == Direction::Output
    }

    /// A level that comes from outside, with its edge.
    fn take_outside(&mut self, level: Level) -> Effect {
        let mut effect = self.take_level(level);
        if self.requested {
            let edge = |level: &Level| {
                self.armed.contains(if level.is_high() {
                    Edge::Rising
                } else {
                    Edge::Falling
                })
            };
            effect.edge = effect.level.filter(edge);
        }
        effect
    }

    /// A level that the chip itself makes, where no net makes it.
    fn take_unwired(&mut self, level: Level) -> Effect {
        if self.wired {
            Effect::default()
        } else {
            self.take_level(level)
        }
    }

    fn take_level(&mut self, level: Level) -> Effect {
        let level = self.stuck.unwrap_or(level);
        let changed = (level != self.level).then_some(level);
        self.level = level;
        Effect {
            level: changed,
            ..Effect::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Level::{High, Low};

    const NOTHING: Effect = Effect {
        level: None,
        pull: None,
        edge: None,
    };

    /// A line that is requested, an input and armed for both edges.
    fn watched() -> SimLine {
        let mut line = SimLine::default();
        line.request();
        line.direction_input();
        line.arm(Edges::BOTH);
        line
    }

    #[test]
    fn a_new_line_is_a_free_input_low_and_pulled_down() {
        let line = SimLine::default();
        assert_eq!(
            (line.direction(), line.level(), line.pull()),
            (Direction::Input, Low, Low)
        );
    }

    #[test]
    fn request_changes_nothing_else() {
        let mut line = SimLine::default();
        let _ = line.apply_pull(High);
        let before = line;
        line.request();
        assert_eq!(
            line,
            SimLine {
                requested: true,
                ..before
            }
        );
    }

    #[test]
    fn free_falls_back_to_the_pull_and_keeps_the_direction() {
        let mut line = watched();
        let _ = line.direction_output(High);
        assert_eq!(
            line.free(),
            Effect {
                level: Some(Low),
                ..NOTHING
            }
        );
        assert_eq!((line.direction(), line.level()), (Direction::Output, Low));
        assert!(!line.requested);
    }

    #[test]
    fn direction_input_keeps_the_driven_level_until_a_pull_is_written() {
        let mut line = watched();
        let _ = line.direction_output(High);
        line.direction_input();
        assert_eq!(
            (line.direction(), line.level(), line.pull()),
            (Direction::Input, High, Low)
        );
        // The pull is down already; writing it again still brings the level and its edge.
        assert_eq!(
            line.apply_pull(Low),
            Effect {
                level: Some(Low),
                pull: None,
                edge: Some(Low)
            }
        );
    }

    #[test]
    fn direction_output_drives_and_set_ignores_the_direction() {
        let mut line = watched();
        assert_eq!(
            line.set(High),
            Effect {
                level: Some(High),
                ..NOTHING
            },
            "an input, no edge"
        );
        assert_eq!(line.direction_output(High), NOTHING);
        assert_eq!(
            line.set(Low),
            Effect {
                level: Some(Low),
                ..NOTHING
            }
        );
        assert_eq!(line.level(), Low);
    }

    #[test]
    fn a_pull_on_a_requested_input_is_a_level_and_an_edge() {
        let mut line = watched();
        let wanted = Effect {
            level: Some(High),
            pull: Some(High),
            edge: Some(High),
        };
        assert_eq!(line.apply_pull(High), wanted);
        assert_eq!(
            line.apply_pull(High),
            NOTHING,
            "the same pull again is nothing"
        );
        let wanted = Effect {
            level: Some(Low),
            pull: Some(Low),
            edge: Some(Low),
        };
        assert_eq!(line.apply_pull(Low), wanted);
    }

    #[test]
    fn a_pull_that_the_level_has_already_is_only_a_pull() {
        let mut line = watched();
        let _ = line.set(High);
        assert_eq!(
            line.apply_pull(High),
            Effect {
                pull: Some(High),
                ..NOTHING
            }
        );
    }

    #[test]
    fn only_armed_edges_are_reported() {
        let mut line = watched();
        line.arm(Edges {
            rising: false,
            falling: true,
        });
        assert_eq!(line.apply_pull(High).edge, None);
        assert_eq!(line.apply_pull(Low).edge, Some(Low));
        line.disarm();
        assert_eq!(
            line.apply_pull(High),
            Effect {
                level: Some(High),
                pull: Some(High),
                edge: None
            }
        );
    }

    #[test]
    fn a_pull_on_a_free_line_is_a_level_and_no_edge() {
        let mut line = watched();
        let _ = line.free();
        line.arm(Edges::BOTH);
        let wanted = Effect {
            level: Some(High),
            pull: Some(High),
            edge: None,
        };
        assert_eq!(line.apply_pull(High), wanted);
        let _ = line.direction_output(High);
        let wanted = Effect {
            level: Some(Low),
            pull: Some(Low),
            edge: None,
        };
        assert_eq!(
            line.apply_pull(Low),
            wanted,
            "free, though its direction is output"
        );
    }

    #[test]
    fn a_pull_on_a_driven_line_waits_for_the_release() {
        let mut line = watched();
        let _ = line.direction_output(Low);
        assert_eq!(
            line.apply_pull(High),
            Effect {
                pull: Some(High),
                ..NOTHING
            }
        );
        assert_eq!(line.level(), Low);
        assert_eq!(
            line.free(),
            Effect {
                level: Some(High),
                ..NOTHING
            }
        );
    }
}
