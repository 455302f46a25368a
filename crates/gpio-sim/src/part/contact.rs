//! A metal contact: open or closed, and bouncing on the way.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use gpiolib::Level;

use crate::net::PinDrive;
use crate::seed;

/// The most times that a contact opens again while it bounces.
const BOUNCES_MAX: u64 = 4;

/// A contact. The n-th change of the same seed always bounces in the same way.
#[derive(Debug)]
pub(super) struct Contact {
    seed: u64,
    bounce_ns: u64,
    changes: u64,
    wanted: bool,
    is_closed: bool,
    /// When it opens or closes next.
    toggles: VecDeque<u64>,
}

impl Contact {
    /// An open contact that bounces for at most so long.
    pub(super) fn new(seed: u64, bounce_ns: u64) -> Contact {
        Contact {
            seed,
            bounce_ns,
            changes: 0,
            wanted: false,
            is_closed: false,
            toggles: VecDeque::new(),
        }
    }

    /// Bounces for at most so long from the next change on.
    pub(super) fn set_bounce(&mut self, bounce_ns: u64) {
        self.bounce_ns = bounce_ns;
    }

    /// Closes or opens it.
    pub(super) fn set(&mut self, close: bool, now_ns: u64) {
        if close == self.wanted {
            return;
        }
        self.wanted = close;
        self.changes += 1;
        self.toggles.clear();
        let mut times = Vec::new();
        if self.is_closed != close {
            times.push(now_ns);
        }
        if self.bounce_ns > 1 {
            let chance = |n| seed::mix(self.seed, &[self.changes, n]);
            let bounces = 1 + chance(0) % BOUNCES_MAX;
            let later = |n| now_ns.saturating_add(1 + chance(n) % (self.bounce_ns - 1));
            times.extend((1..=2 * bounces).map(later));
        }
        times.sort_unstable();
        self.toggles.extend(times);
        self.advance(now_ns);
    }

    /// Lets it bounce up to now; whether it is closed then.
    pub(super) fn advance(&mut self, now_ns: u64) -> bool {
        while self.toggles.front().is_some_and(|at| *at <= now_ns) {
            self.toggles.pop_front();
            self.is_closed = !self.is_closed;
        }
        self.is_closed
    }

    /// When it opens or closes next.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.toggles.front().copied()
    }

    /// Whether it is closed, or will be when it has stopped bouncing.
    pub(super) fn is_set(&self) -> bool {
        self.wanted
    }
}

/// What a contact to a rail does to a net with a resistor to the other one.
pub(super) fn to_rail(is_closed: bool, rail: Level) -> PinDrive {
    let resistor = PinDrive::resistor(!rail);
    if is_closed {
        resistor.with(crate::net::Strength::Output, Some(rail))
    } else {
        resistor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(seed: u64) -> Vec<(u64, bool)> {
        let mut contact = Contact::new(seed, 5_000);
        let mut story = Vec::new();
        for (close, at) in [(true, 100), (false, 50_000), (true, 90_000)] {
            contact.set(close, at);
            story.push((at, contact.advance(at)));
            while let Some(next) = contact.deadline() {
                assert!(next < at + 5_000, "it bounces for {} ns", next - at);
                story.push((next, contact.advance(next)));
            }
            assert_eq!(
                contact.advance(at + 5_000),
                close,
                "it ends where it should"
            );
        }
        story
    }

    #[test]
    fn it_bounces_the_same_way_for_the_same_seed() {
        assert_eq!(story(1), story(1));
        assert_ne!(story(1), story(2));
        assert!(story(1).len() > 6, "it bounces at all");
    }

    #[test]
    fn a_change_of_mind_while_it_bounces_ends_at_the_last_wish() {
        let mut contact = Contact::new(3, 5_000);
        contact.set(true, 0);
        contact.set(false, 1_000);
        assert!(!contact.advance(10_000));
    }

    #[test]
    fn without_bounce_it_is_one_change() {
        let mut contact = Contact::new(3, 0);
        contact.set(true, 7);
        assert_eq!((contact.advance(7), contact.deadline()), (true, None));
    }
}
