//! `poll`, `ppoll`, `select` and `pselect6` under `--strict`.
//!
//! What stands for a GPIO file polls rightly while the kernel knows all its records and its chip is there; then the
//! call is let through. Else it is answered here, with the engine's word for our files and the kernel's, asked
//! through duplicates, for the others.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};

use gpio_uapi::PollMask;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::link::Link;
use super::sleepers::{MARGIN_NS, Need, Sleeper, Sleepers};
use super::{Asked, Files, OpenFile};
use crate::arch::Sys;
use crate::clock::now;
use crate::outcome::{Call, Reply};
use crate::sys::image::Image;
use crate::sys::seccomp::Listener;
use crate::thread::Thread;

/// The most descriptors in one call that are looked at; a call with more is the kernel's.
const FDS_MAX: u32 = 4096;
/// What poll reports without being asked.
const ALWAYS: u32 = 0x18;
/// What makes a descriptor readable, writable and exceptional to select. KERNEL: fs/select.c
const SETS: [u32; 3] = [0x1 | 0x40 | 0x80 | 0x18, 0x4 | 0x100 | 0x200 | 0x8, 0x2];

/// One descriptor that a call waits for.
pub(super) struct Waited {
    pub(super) fd: i32,
    /// What is asked for, `POLLERR` and `POLLHUP` included.
    pub(super) events: u32,
    pub(super) open: Option<Arc<OpenFile>>,
}

impl Waited {
    /// Whether no new record may wake who waits like this.
    // KERNEL: the wake-ups of gpiolib-cdev.c carry EPOLLIN alone (v6.12)
    fn need(&self) -> Need {
        if is_deaf(self.events) {
            Need::Deaf
        } else {
            Need::Nothing
        }
    }

    fn on(&self) -> Option<(Weak<Link>, Need)> {
        let open = self.open.as_ref()?;
        Some((Arc::downgrade(&open.link), self.need()))
    }
}

/// Whether these events include readable data, but not in the way in which records are announced.
pub(super) fn is_deaf(events: u32) -> bool {
    events & PollMask::RDNORM.bits() != 0 && events & PollMask::IN.bits() == 0
}

/// Whether the kernel would poll any of these wrongly.
pub(super) fn are_wrong<'a>(files: impl IntoIterator<Item = &'a Arc<OpenFile>>) -> bool {
    files
        .into_iter()
        .any(|open| open.file.kind().has_events() && (open.is_gone() || open.link.is_held()))
}

impl Files {
    /// Answers `poll` and `ppoll`. `slept` is what the thread slept in before, if it was called back.
    pub(crate) fn poll(&self, asked: &Asked<'_>) -> Reply {
        let Asked {
            thread,
            call,
            slept,
            ..
        } = *asked;
        let waited = self.waited(thread, call);
        let Some(waited) = waited.filter(|all| all.iter().any(|one| one.open.is_some())) else {
            return Reply::Continue;
        };
        let deadline_ns = slept.map_or_else(|| deadline(thread, call), |slept| slept.deadline_ns);
        self.sleepers.add(Sleeper {
            deadline_ns,
            ..Sleeper::new(call, waited.iter().filter_map(Waited::on).collect())
        });
        if !are_wrong(waited.iter().filter_map(|one| one.open.as_ref())) {
            return Reply::Continue;
        }
        let masks = masks(thread, &waited);
        let is_ready = |(one, mask): (&Waited, &u32)| *mask & one.events != 0;
        let ready = waited.iter().zip(&masks).filter(|both| is_ready(*both));
        let count = ready.clone().count();
        let only_deaf = ready
            .clone()
            .all(|(one, mask)| one.open.is_some() && is_deaf(one.events) && mask & ALWAYS == 0);
        // Who slept like this sees the record only when the time is over.
        let must_sleep_until = slept.and(deadline_ns).filter(|at| *at > now().monotonic_ns);
        let answer = Answer {
            addr: call.args[0],
            masks: waited
                .iter()
                .zip(&masks)
                .map(|(one, mask)| mask & one.events)
                .collect(),
            count: i64::try_from(count).unwrap_or(i64::MAX),
        };
        match must_sleep_until {
            _ if count == 0 => Reply::Continue,
            None if slept.is_some() && only_deaf && deadline_ns.is_none() => Reply::Continue,
            Some(at) if only_deaf => self.later(thread, call, at, answer),
            _ => {
                self.sleepers.remove(call.tid);
                thread.image().and_then(|image| answer.give(image)).into()
            }
        }
    }

    /// Answers at the end of the time, which is near; if it is not, the thread goes on sleeping.
    fn later(&self, thread: &Thread<'_>, call: &Call, at_ns: u64, answer: Answer) -> Reply {
        const NEAR_NS: u64 = MARGIN_NS + 5_000_000;
        let is_near = at_ns - now().monotonic_ns <= NEAR_NS;
        let (Ok(listener), Ok(image), true) =
            (thread.listener().try_clone(), thread.image(), is_near)
        else {
            return Reply::Continue;
        };
        // Pended, it must not be called back.
        let Some(sleeper) = self.sleepers.remove(call.tid) else {
            return Reply::Continue;
        };
        let pended = Pended {
            listener,
            image: Arc::clone(image),
            call: *call,
            sleeper,
            at_ns,
            answer,
        };
        pended.wait(&self.sleepers);
        Reply::Answered
    }

    /// What a `poll` or `ppoll` waits for; `None` if that cannot be read, or is too much.
    fn waited(&self, thread: &Thread<'_>, call: &Call) -> Option<Vec<Waited>> {
        let count = call.uint(1);
        if count > FDS_MAX || self.is_empty() {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(count).ok()? * 8];
        thread.read(call.args[0], &mut bytes).ok()?;
        let entry = |entry: &[u8]| {
            let fd = i32::from_ne_bytes(entry[..4].try_into().ok()?);
            let events = u32::from(u16::from_ne_bytes(entry[4..6].try_into().ok()?));
            let open = (fd >= 0)
                .then(|| self.find_unconfirmed(thread, fd))
                .flatten();
            let events = events | ALWAYS;
            Some(Waited { fd, events, open })
        };
        let waited = bytes.chunks_exact(8).map(entry).collect();
        thread.confirm().ok()?;
        waited
    }

    /// Answers `select` and `pselect6`.
    pub(crate) fn select(&self, asked: &Asked<'_>) -> Reply {
        let Asked { thread, call, .. } = *asked;
        let Some(mut sets) = Sets::read(thread, call).filter(|_| !self.is_empty()) else {
            return Reply::Continue;
        };
        let waited: Vec<_> = sets
            .descriptors()
            .map(|(fd, events)| {
                let open = self.find_unconfirmed(thread, fd);
                Waited { fd, events, open }
            })
            .collect();
        if thread.confirm().is_err() || waited.iter().all(|one| one.open.is_none()) {
            return Reply::Continue;
        }
        let on = waited.iter().filter_map(Waited::on).collect();
        self.sleepers.add(Sleeper::new(call, on));
        if !are_wrong(waited.iter().filter_map(|one| one.open.as_ref())) {
            return Reply::Continue;
        }
        let masks = masks(thread, &waited);
        let invalid = u32::from(PollFlags::NVAL.bits());
        if masks.iter().any(|mask| mask & invalid != 0) {
            return Reply::Continue;
        }
        let ready = waited.iter().zip(masks).map(|(one, mask)| (one.fd, mask));
        let count = sets.keep(ready);
        if count == 0 {
            return Reply::Continue;
        }
        self.sleepers.remove(call.tid);
        match sets.write(thread) {
            Ok(()) => Reply::Return(count),
            Err(errno) => Reply::Fail(errno),
        }
    }
}

/// What a `poll` is answered with.
struct Answer {
    /// Of the array of descriptors.
    addr: u64,
    masks: Vec<u32>,
    count: i64,
}

impl Answer {
    fn give(&self, image: &Image) -> Result<i64, Errno> {
        let mut addr = self.addr;
        for mask in &self.masks {
            // The last two bytes of the eight are what is reported.
            let reported = u16::try_from(*mask).unwrap_or(0).to_ne_bytes();
            image.write_all(addr.wrapping_add(6), &reported)?;
            addr = addr.wrapping_add(8);
        }
        Ok(self.count)
    }
}

/// When a `poll` or `ppoll` gives up.
fn deadline(thread: &Thread<'_>, call: &Call) -> Option<u64> {
    let left_ns = if call.sys == Some(Sys::Poll) {
        u64::try_from(call.int(2)).ok()?.saturating_mul(1_000_000)
    } else {
        let mut time = [0; 16];
        (call.args[2] != 0).then_some(())?;
        thread.read(call.args[2], &mut time).ok()?;
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).ok();
        let (seconds, ns) = (number(&time[..8])?, number(&time[8..])?);
        seconds.saturating_mul(1_000_000_000).saturating_add(ns)
    };
    Some(now().monotonic_ns.saturating_add(left_ns))
}

/// A call that is answered when its time is over, or let through again for a signal.
struct Pended {
    listener: Listener,
    image: Arc<Image>,
    call: Call,
    sleeper: Arc<Sleeper>,
    at_ns: u64,
    answer: Answer,
}

impl Pended {
    /// Looks again in a moment: the kernel tells a call that we hold of no signal.
    fn wait(self, sleepers: &Arc<Sleepers>) {
        const LOOK_NS: u64 = 20_000_000;
        let look_ns = self.at_ns.min(now().monotonic_ns.saturating_add(LOOK_NS));
        let sleepers_then = Arc::downgrade(sleepers);
        sleepers.at(look_ns, move || {
            if let Some(sleepers) = sleepers_then.upgrade() {
                self.look(&sleepers);
            }
        });
    }

    fn look(self, sleepers: &Arc<Sleepers>) {
        // An answer fails if the thread has died meanwhile.
        if now().monotonic_ns >= self.at_ns {
            let _ = self
                .listener
                .reply(self.call.id, self.answer.give(&self.image));
        } else if has_signal(self.call.tid) {
            sleepers.add(self.sleeper);
            let _ = self.listener.cont(self.call.id);
        } else {
            self.wait(sleepers);
        }
    }
}

/// Whether a signal waits for the thread that it does not block.
fn has_signal(tid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
    let set = |name: &str| {
        let hex = status.lines().find_map(|row| row.strip_prefix(name));
        hex.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
            .unwrap_or(0)
    };
    (set("SigPnd:") | set("ShdPnd:")) & !set("SigBlk:") != 0
}

/// What each descriptor polls now.
fn masks(thread: &Thread<'_>, waited: &[Waited]) -> Vec<u32> {
    let process = process_of(thread);
    let mask = |one: &Waited| match &one.open {
        _ if one.fd < 0 => 0,
        Some(open) => open.file.poll().bits(),
        None => process
            .as_ref()
            .map_or(0, |process| mask_of(process, one.fd, one.events)),
    };
    waited.iter().map(mask).collect()
}

/// What a descriptor that is none of ours polls now; nothing if this machine does not let us look.
fn mask_of(process: &OwnedFd, fd: i32, events: u32) -> u32 {
    let file = match shared(process, fd) {
        Ok(file) => file,
        Err(Errno::BADF) => return u32::from(PollFlags::NVAL.bits()),
        Err(_) => return 0,
    };
    let events = PollFlags::from_bits_retain(u16::try_from(events & 0xffff).unwrap_or(0));
    let mut fds = [PollFd::new(&file, events)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    match poll(&mut fds, Some(&at_once)) {
        Ok(_) => u32::from(fds[0].revents().bits()),
        Err(_) => 0,
    }
}

/// The process of a thread.
pub(crate) fn process_of(thread: &Thread<'_>) -> Option<OwnedFd> {
    let first = thread.dirs().first_thread(thread.tid()).ok()?;
    pidfd_open(first, PidfdFlags::empty()).ok()
}

/// Another descriptor of what is behind a descriptor of a process.
///
/// # Errors
///
/// `EBADF`: there is no such descriptor. `EPERM`: the process is not ours to look at.
pub(crate) fn shared(process: &OwnedFd, fd: i32) -> Result<OwnedFd, Errno> {
    // Programs pass negative numbers for none; to rustix they are none either.
    if fd < 0 {
        return Err(Errno::BADF);
    }
    pidfd_getfd(process, fd, PidfdGetfdFlags::empty())
}

/// The sets of a `select`: what is to be read, written and exceptional.
struct Sets {
    addrs: [u64; 3],
    bits: [Vec<u8>; 3],
    count: usize,
}

impl Sets {
    /// `None` if they cannot be read, or are too large.
    fn read(thread: &Thread<'_>, call: &Call) -> Option<Self> {
        let count = usize::try_from(call.int(0)).ok()?;
        if call.uint(0) > FDS_MAX {
            return None;
        }
        let addrs = [call.args[1], call.args[2], call.args[3]];
        let mut bits = [const { Vec::new() }; 3];
        for (set, addr) in bits.iter_mut().zip(addrs) {
            // The kernel reads whole words of 64.
            *set = vec![0; count.div_ceil(64) * 8];
            if addr != 0 {
                thread.read(addr, set).ok()?;
            }
        }
        Some(Self { addrs, bits, count })
    }

    fn has(&self, set: usize, fd: usize) -> bool {
        self.bits[set][fd / 8] >> (fd % 8) & 1 == 1
    }

    /// Each descriptor in any set, and what it is to be polled for.
    fn descriptors(&self) -> impl Iterator<Item = (i32, u32)> {
        (0..self.count).filter_map(|fd| {
            let sets = (0..3).filter(|set| self.has(*set, fd));
            let events = sets.fold(0, |events, set| events | SETS[set]);
            (events != 0).then_some((i32::try_from(fd).ok()?, events))
        })
    }

    /// Leaves what is ready, and says how much that is.
    fn keep(&mut self, ready: impl Iterator<Item = (i32, u32)>) -> i64 {
        let mut count = 0;
        for (fd, mask) in ready {
            let fd = usize::try_from(fd).unwrap_or(0);
            for (set, events) in SETS.iter().enumerate() {
                if !self.has(set, fd) {
                    continue;
                }
                if mask & events == 0 {
                    self.bits[set][fd / 8] &= !(1 << (fd % 8));
                } else {
                    count += 1;
                }
            }
        }
        count
    }

    fn write(&self, thread: &Thread<'_>) -> Result<(), Errno> {
        for (addr, set) in self.addrs.iter().zip(&self.bits) {
            if *addr != 0 {
                thread.write(*addr, set)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_no_descriptor() {
        let own = pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).unwrap();
        assert!(shared(&own, 0).is_ok());
        for none in [-1, libc::AT_FDCWD, i32::MIN, i32::MAX] {
            assert_eq!(shared(&own, none).err(), Some(Errno::BADF), "{none}");
        }
    }
}
