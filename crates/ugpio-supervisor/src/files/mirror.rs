//! The records of an open file under `--strict`: kept here, and mirrored in the program's pipe.
//!
//! The ring holds what has not been read, and every read that finds something is answered from it. The pipe is
//! there for what sleeps or polls in the kernel: it holds something exactly if the ring does, and gets one record
//! for each that was queued, so that it wakes whoever Linux would wake. It holds the ring's records as long as
//! both agree; then a read asleep in the kernel may finish there. While a call sleeps on it that the kernel would
//! finish wrongly, or must not see the record at all, the record is *held*: the ring has it, the pipe has not,
//! until [`super::sleepers`] has called that thread back.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use gpio_uapi::Records;

use super::link::{self, Link};
use super::sleepers::Sleepers;

/// What was queued and not read, and what of it lies in the pipe.
#[derive(Debug, Default)]
pub(crate) struct Mirror {
    ring: VecDeque<u8>,
    /// How many bytes were in the pipe when it was last looked at.
    piped: usize,
    /// Whether the pipe holds only something, and not the first records of the ring.
    is_stale: bool,
}

impl Mirror {
    /// Learns what was read in the kernel meanwhile.
    fn learn(&mut self, end: BorrowedFd<'_>) {
        let left = link::unread(end);
        let taken = self.piped.saturating_sub(left);
        if taken > 0 && !self.is_stale {
            self.ring.drain(..taken.min(self.ring.len()));
        }
        self.piped = left;
    }

    /// Takes one record's bytes out of the pipe, but never the last: the ring is not empty.
    fn shorten(&mut self, end: BorrowedFd<'_>, record: usize) {
        if self.is_stale || self.piped == 0 {
            return;
        }
        if self.piped > record && link::take(end, &mut vec![0; record]) {
            self.piped -= record;
        } else {
            self.is_stale = true;
        }
    }

    /// The ring is empty, so the pipe has to be.
    fn clear(&mut self, end: BorrowedFd<'_>) {
        if self.piped > 0 {
            link::drain(end);
        }
        (self.piped, self.is_stale) = (0, false);
    }

    fn write(&mut self, end: BorrowedFd<'_>, bytes: &[u8]) {
        if link::put(end, bytes) {
            self.piped += bytes.len();
        }
    }
}

impl Link {
    fn mirror(&self) -> Option<MutexGuard<'_, Mirror>> {
        let mirror = self.mirror.as_ref()?;
        Some(mirror.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether records wait that the kernel does not know of.
    pub(crate) fn is_held(&self) -> bool {
        self.mirror()
            .is_some_and(|mirror| !mirror.ring.is_empty() && mirror.piped == 0)
    }

    /// Shows the kernel what was held.
    pub(crate) fn release(&self) {
        let Some(mut mirror) = self.mirror() else {
            return;
        };
        self.with(|end| {
            mirror.learn(end);
            if mirror.piped == 0 && !mirror.ring.is_empty() {
                let bytes: Vec<u8> = mirror.ring.iter().copied().collect();
                mirror.write(end, &bytes);
                mirror.is_stale = mirror.piped < bytes.len();
            }
        });
    }
}

/// The records of an open file, lying here.
#[derive(Debug)]
pub(crate) struct MirrorRecords {
    link: Arc<Link>,
    sleepers: Arc<Sleepers>,
}

impl MirrorRecords {
    pub(crate) fn new(link: Arc<Link>, sleepers: Arc<Sleepers>) -> Self {
        Self { link, sleepers }
    }

    /// Runs `act` with the mirror and our end of the pipe, unless the chip is gone and nothing counts any more.
    fn with<R>(&self, act: impl FnOnce(&mut Mirror, BorrowedFd<'_>) -> R) -> Option<R> {
        let mut mirror = self.link.mirror()?;
        self.link.with(|end| {
            mirror.learn(end);
            act(&mut mirror, end)
        })
    }
}

impl Records for MirrorRecords {
    fn bytes(&self) -> usize {
        self.with(|mirror, _| mirror.ring.len()).unwrap_or(0)
    }

    fn push(&mut self, record: &[u8]) {
        let is_held = self.with(|mirror, end| {
            mirror.ring.extend(record);
            let must_wait =
                self.link.is_deaf.load(Ordering::Relaxed) || self.sleepers.must_wait(&self.link);
            if must_wait {
                mirror.is_stale |= mirror.piped > 0;
            } else {
                mirror.write(end, record);
            }
            must_wait
        });
        if is_held == Some(true) {
            self.sleepers.call_back(&self.link);
        }
    }

    fn pop(&mut self, record: &mut [u8]) -> bool {
        let popped = self.with(|mirror, end| {
            let size = record.len();
            if mirror.ring.len() < size {
                mirror.clear(end);
                return false;
            }
            for (place, byte) in record.iter_mut().zip(mirror.ring.drain(..size)) {
                *place = byte;
            }
            if mirror.ring.is_empty() {
                mirror.clear(end);
            } else {
                mirror.shorten(end, size);
            }
            true
        });
        popped.unwrap_or(false)
    }

    /// Overflow: the kernel is told nothing, so that no edge-triggered epoll wakes.
    fn replace_oldest(&mut self, record: &[u8]) {
        self.with(|mirror, end| {
            let oldest = record.len().min(mirror.ring.len());
            mirror.ring.drain(..oldest);
            mirror.ring.extend(record);
            mirror.shorten(end, record.len());
        });
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;
    use crate::files::link::Pair;

    fn mirrored() -> (Pair, MirrorRecords) {
        let pair = Link::mirrored_pipe().unwrap();
        let sleepers = Sleepers::new();
        let records = MirrorRecords::new(Arc::clone(&pair.link), sleepers);
        (pair, records)
    }

    fn is_readable(pair: &Pair) -> bool {
        let mut fds = [PollFd::new(&pair.theirs, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut fds, Some(&now)).unwrap() == 1
    }

    fn popped(records: &mut MirrorRecords) -> Option<u8> {
        let mut record = [0; 48];
        records.pop(&mut record).then_some(record[0])
    }

    #[test]
    fn the_pipe_is_readable_while_the_ring_holds_something() {
        let (pair, mut records) = mirrored();
        assert!(!is_readable(&pair));
        for n in 1..=3 {
            records.push(&[n; 48]);
        }
        for n in 1..=3 {
            assert!(is_readable(&pair));
            assert_eq!(popped(&mut records), Some(n));
        }
        assert!(!is_readable(&pair));
        assert_eq!(popped(&mut records), None);
    }

    #[test]
    fn what_the_kernel_read_is_gone_here_too() {
        let (pair, mut records) = mirrored();
        for n in 1..=3 {
            records.push(&[n; 48]);
        }
        let mut record = [0; 48];
        rustix::io::read(&pair.theirs, &mut record).unwrap();
        assert_eq!((record[0], records.bytes()), (1, 96));
        assert_eq!(popped(&mut records), Some(2));
    }

    #[test]
    fn an_overflow_keeps_the_newest_and_the_pipe_readable() {
        let (pair, mut records) = mirrored();
        records.push(&[1; 48]);
        records.push(&[2; 48]);
        for n in 3..=6 {
            records.replace_oldest(&[n; 48]);
        }
        assert_eq!(records.bytes(), 96);
        assert_eq!(popped(&mut records), Some(5));
        assert!(is_readable(&pair));
        assert_eq!(popped(&mut records), Some(6));
        assert!(!is_readable(&pair));
    }

    #[test]
    fn a_held_record_is_not_seen_by_the_kernel_until_released() {
        let (pair, mut records) = mirrored();
        pair.link.is_deaf.store(true, Ordering::Relaxed);
        records.push(&[1; 48]);
        assert!(pair.link.is_held());
        assert!(!is_readable(&pair));
        pair.link.release();
        assert!(!pair.link.is_held());
        assert!(is_readable(&pair));
        assert_eq!(popped(&mut records), Some(1));
        assert!(!is_readable(&pair));
    }
}
