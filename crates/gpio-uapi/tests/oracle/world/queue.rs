//! Events of a line file: who listens how, and the records that wait.

use std::collections::VecDeque;

use gpio_uapi::abi::{IntoBytes, v1, v2};

use super::line::Line;

/// What events of a line are made by.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Settled {
    pub active_low: bool,
    pub edges: (bool, bool),
}

/// What a line's interrupt is used for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Use {
    #[default]
    Nothing,
    Edges,
    Debouncer {
        level: bool,
        deadline: Option<u64>,
    },
}

/// One line of a line file.
#[derive(Clone, Debug, Default)]
pub struct Listening {
    pub offset: usize,
    pub settled: Settled,
    pub realtime: bool,
    pub period_us: u32,
    pub usage: Use,
    pub seqno: u32,
}

/// The lines of a file and its records.
#[derive(Clone, Debug)]
pub struct Queue {
    pub is_v1: bool,
    /// How many records the program asked for; `capacity` is what it gets.
    pub size: usize,
    pub lines: Vec<Listening>,
    pub records: VecDeque<Vec<u8>>,
    pub seqno: u32,
}

impl Listening {
    pub fn deadline(&self) -> Option<u64> {
        match self.usage {
            Use::Debouncer { deadline, .. } => deadline,
            _ => None,
        }
    }
}

impl Queue {
    pub fn new(is_v1: bool, size: usize) -> Self {
        Self {
            is_v1,
            size,
            lines: Vec::new(),
            records: VecDeque::new(),
            seqno: 0,
        }
    }

    pub fn offsets(&self) -> Vec<usize> {
        self.lines.iter().map(|line| line.offset).collect()
    }

    /// A physical edge of one of its lines.
    pub fn edge(&mut self, index: usize, level: bool, now: u64, realtime: u64) {
        let line = &mut self.lines[index];
        if let Use::Debouncer { deadline, .. } = &mut line.usage {
            *deadline = Some(now + u64::from(line.period_us) * 1000);
        } else {
            self.emit(index, level, now, realtime);
        }
    }

    pub fn expire(&mut self, level: impl Fn(usize) -> Option<bool>, now: u64, realtime: u64) {
        for index in 0..self.lines.len() {
            let line = &mut self.lines[index];
            let Use::Debouncer {
                level: stable,
                deadline,
            } = &mut line.usage
            else {
                continue;
            };
            if deadline.is_none_or(|deadline| deadline > now) {
                continue;
            }
            *deadline = None;
            let found = level(line.offset).filter(|found| found != stable);
            if let Some(found) = found {
                *stable = found;
                self.emit(index, found, now, realtime);
            }
        }
    }

    fn emit(&mut self, index: usize, level: bool, now: u64, realtime: u64) {
        let line = &mut self.lines[index];
        let rises = level != line.settled.active_low;
        let (rising, falling) = line.settled.edges;
        if !(if rises { rising } else { falling }) {
            return;
        }
        self.seqno += 1;
        line.seqno += 1;
        let id = if rises { 1 } else { 2 };
        let record = if self.is_v1 {
            v1::EventDataV1 {
                timestamp: now,
                id,
                tail: [0; 4],
            }
            .as_bytes()
            .to_vec()
        } else {
            v2::LineEvent {
                timestamp_ns: if line.realtime { realtime } else { now },
                id,
                offset: line.offset as u32,
                seqno: self.seqno,
                line_seqno: line.seqno,
                padding: [0; 6],
            }
            .as_bytes()
            .to_vec()
        };
        self.store(record);
    }

    fn store(&mut self, record: Vec<u8>) {
        if self.is_v1 {
            if self.records.len() < 16 {
                self.records.push_back(record);
            }
            return;
        }
        if self.records.len() == self.size.next_power_of_two() {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }
}

/// A line's physical edges for its logical ones.
pub fn physical(edges: (bool, bool), active_low: bool) -> (bool, bool) {
    if active_low {
        (edges.1, edges.0)
    } else {
        edges
    }
}

/// Whether anything is reported of a line.
pub fn any(edges: (bool, bool)) -> bool {
    edges.0 || edges.1
}

/// The line is not listened to any more.
pub fn deafen(line: &mut Line) {
    line.armed = (false, false);
    line.listener = None;
}
