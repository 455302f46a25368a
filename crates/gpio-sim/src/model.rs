//! The model of one simulated line: four facts, and what each event does to them.
//!
//! Pure: no lock, no time, no delivery. [`SimChip`](crate::SimChip) keeps one [`Line`] for each offset
//! and turns the [`Effect`] of an event into edges and noted changes.
// KERNEL: gpio-sim.c (v6.12), all of the chip callbacks and gpio_sim_apply_pull.

use gpiolib::{Direction, Edge, Edges, Level};

/// One simulated line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Line {
    requested: bool,
    direction: Direction,
    level: Level,
    pull: Level,
    armed: Edges,
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

impl Default for Line {
    fn default() -> Line {
        Line {
            requested: false,
            direction: Direction::Input,
            level: Level::Low,
            pull: Level::Low,
            armed: Edges::NONE,
        }
    }
}

impl Line {
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
        self.take_level(self.pull)
    }

    /// Becomes an input; the level stays as it was driven, until something changes it.
    pub fn direction_input(&mut self) {
        self.direction = Direction::Input;
    }

    /// Becomes an output that drives `level`.
    pub fn direction_output(&mut self, level: Level) -> Effect {
        self.direction = Direction::Output;
        self.take_level(level)
    }

    /// Sets the level, whatever the direction. Never an edge.
    pub fn set(&mut self, level: Level) -> Effect {
        self.take_level(level)
    }

    /// Is pulled elsewhere from outside, or by a bias that the consumer asks for.
    ///
    /// Seen at once by a line that is an input or free, and by a driven one only when it is released.
    /// An edge is raised only on a line that is requested and an input.
    pub fn apply_pull(&mut self, pull: Level) -> Effect {
        let driven = self.requested && self.direction == Direction::Output;
        let mut effect = if driven {
            Effect::default()
        } else {
            self.take_level(pull)
        };
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
        effect.pull = (pull != self.pull).then_some(pull);
        self.pull = pull;
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

    fn take_level(&mut self, level: Level) -> Effect {
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
    fn watched() -> Line {
        let mut line = Line::default();
        line.request();
        line.direction_input();
        line.arm(Edges::BOTH);
        line
    }

    #[test]
    fn a_new_line_is_a_free_input_low_and_pulled_down() {
        let line = Line::default();
        assert_eq!(
            (line.direction(), line.level(), line.pull()),
            (Direction::Input, Low, Low)
        );
    }

    #[test]
    fn request_changes_nothing_else() {
        let mut line = Line::default();
        let _ = line.apply_pull(High);
        let before = line;
        line.request();
        assert_eq!(
            line,
            Line {
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
