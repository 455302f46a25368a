//! The software debouncer: a pure state machine over levels and instants.
//!
//! Every physical edge (re)starts a one-shot timer of the full period; when it expires, the level
//! that the line has then becomes the debounced level. Nothing here reads a clock or a line.
//!
//! DIFFERS: Linux rounds the period up to timer ticks; here it is exact.

use crate::Level;

/// One line's debouncer. Levels are electrical.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Debounce {
    period_us: u32,
    level: Level,
    deadline_ns: Option<u64>,
}

impl Debounce {
    /// A debouncer that starts from the level the line has now; makes no initial event.
    #[must_use]
    pub(crate) const fn new(period_us: u32, level: Level) -> Self {
        Self {
            period_us,
            level,
            deadline_ns: None,
        }
    }

    /// Replaces the period; a pending timer keeps its old expiry.
    // KERNEL: gpiolib-cdev.c edge_detector_update (v6.12).
    pub(crate) const fn set_period_us(&mut self, period_us: u32) {
        self.period_us = period_us;
    }

    /// The debounced level.
    #[must_use]
    pub(crate) const fn level(&self) -> Level {
        self.level
    }

    /// When the pending timer expires, in nanoseconds of the monotonic clock.
    #[must_use]
    pub(crate) const fn deadline_ns(&self) -> Option<u64> {
        self.deadline_ns
    }

    /// The line changed at `now_ns`: (re)starts the timer.
    pub(crate) const fn edge(&mut self, now_ns: u64) {
        self.deadline_ns = Some(now_ns.saturating_add(self.period_us as u64 * 1_000));
    }

    /// Lets the timer expire if its time has come, with the level the line has (`None`: it could
    /// not be read). Answers the new debounced level if it changed.
    pub(crate) fn expire(&mut self, now_ns: u64, level: Option<Level>) -> Option<Level> {
        if self.deadline_ns.is_none_or(|deadline| now_ns < deadline) {
            return None;
        }
        self.deadline_ns = None;
        let level = level.filter(|level| *level != self.level)?;
        self.level = level;
        Some(level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glitch_is_suppressed_and_a_change_is_not() {
        let mut line = Debounce::new(10, Level::Low);
        line.edge(1_000);
        line.edge(5_000);
        assert_eq!(line.deadline_ns(), Some(15_000));
        assert_eq!(line.expire(14_999, Some(Level::High)), None);
        assert_eq!(
            line.expire(15_000, Some(Level::Low)),
            None,
            "back at the old level"
        );
        line.edge(20_000);
        assert_eq!(line.expire(30_000, Some(Level::High)), Some(Level::High));
        assert_eq!(line.level(), Level::High);
    }

    #[test]
    fn a_new_period_leaves_the_pending_timer() {
        let mut line = Debounce::new(10, Level::Low);
        line.edge(0);
        line.set_period_us(1_000);
        assert_eq!(line.deadline_ns(), Some(10_000));
        line.edge(1);
        assert_eq!(line.deadline_ns(), Some(1_000_001));
    }

    #[test]
    fn an_unreadable_line_stops_silently() {
        let mut line = Debounce::new(1, Level::Low);
        line.edge(0);
        assert_eq!(line.expire(5_000, None), None);
        assert_eq!(line.deadline_ns(), None);
    }
}
