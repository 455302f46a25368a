//! Which lines report edges, and the changes that were read and wait to be reported.
//!
//! Every read of a chip may clear its interrupt, whoever asked for the levels. So every read is compared
//! with the one before, and what changed waits here for the interrupt that belongs to it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use gpiolib::{Edge, EdgeSink, Edges, Level, Timestamp};

/// How many changes wait before the oldest are dropped: the interrupt has long failed to come.
const WAITING: usize = 64;

/// Lines that changed between two reads.
#[derive(Clone, Copy, Debug)]
struct Changed {
    lines: u64,
    levels: u64,
    /// The time of its interrupt, once that has come.
    at: Option<Timestamp>,
}

/// A line that reports edges.
#[derive(Debug)]
struct Armed {
    bit: u64,
    edges: Edges,
    sink: EdgeSink,
}

#[derive(Debug, Default)]
pub(crate) struct Watch {
    armed: Vec<Armed>,
    /// The levels that armed lines were last seen to have.
    seen: u64,
    waiting: VecDeque<Changed>,
    /// Somebody reports just now; others leave what they find to them, so that the order holds.
    pub(crate) reporting: bool,
}

impl Watch {
    pub(crate) fn arm(&mut self, bit: u64, level: u64, edges: Edges, sink: EdgeSink) {
        self.seen = self.seen & !bit | level & bit;
        self.armed.push(Armed { bit, edges, sink });
    }

    pub(crate) fn disarm(&mut self, bit: u64) {
        self.armed.retain(|armed| armed.bit != bit);
        for changed in &mut self.waiting {
            changed.lines &= !bit;
        }
    }

    pub(crate) fn mask(&self) -> u64 {
        self.armed.iter().fold(0, |mask, armed| mask | armed.bit)
    }

    /// Some lines were read.
    pub(crate) fn note(&mut self, lines: u64, levels: u64) {
        let lines = (self.seen ^ levels) & lines & self.mask();
        if lines == 0 {
            return;
        }
        self.seen ^= lines;
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(Changed {
            lines,
            levels,
            at: None,
        });
    }

    /// An interrupt came: what was read until now belongs to it.
    pub(crate) fn stamp(&mut self, at: Timestamp) {
        for changed in &mut self.waiting {
            changed.at.get_or_insert(at);
        }
    }

    /// The edges of the next change that has its time, by offset; `None` if none has.
    pub(crate) fn next(&mut self) -> Option<(Vec<(EdgeSink, Level)>, Timestamp)> {
        let at = self.waiting.front()?.at?;
        let changed = self.waiting.pop_front()?;
        let mut edges = Vec::new();
        for bit in (0..u64::BITS).map(|line| 1 << line) {
            if changed.lines & bit == 0 {
                continue;
            }
            let level = Level::from(changed.levels & bit != 0);
            let edge = if level.is_high() {
                Edge::Rising
            } else {
                Edge::Falling
            };
            let wanted = |armed: &&Armed| armed.bit == bit && armed.edges.contains(edge);
            let sink = self.armed.iter().find(wanted);
            edges.extend(sink.map(|armed| (armed.sink.clone(), level)));
        }
        Some((edges, at))
    }
}
