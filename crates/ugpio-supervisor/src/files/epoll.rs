//! `epoll_wait` and its like, and `epoll_ctl`, under `--strict`.
//!
//! The program's epoll sets are the kernel's. What is in one is told by its `fdinfo`; as long as no chip of it is
//! gone the call is let through. Else the set is asked here, through a duplicate, which takes what is ready out of
//! it just as the program's call would, and what the kernel says of our files is put right.

use std::io::Read as _;
use std::mem::MaybeUninit;
use std::sync::{Arc, OnceLock};

use gpio_uapi::PollMask;
use rustix::event::{Timespec, epoll};
use rustix::fs::OFlags;

use super::poll::{are_wrong, is_deaf, process_of, shared};
use super::sleepers::{Need, Sleeper};
use super::{Asked, Files, OpenFile};
use crate::outcome::{Call, Reply};
use crate::procdir::Object;
use crate::thread::Thread;

/// The most events answered at once; a set with more ready gives the others next time.
const EVENTS_MAX: usize = 256;
/// The size of `struct epoll_event`, which is packed on x86-64.
#[cfg(target_arch = "x86_64")]
const EVENT: usize = 12;
/// The size of `struct epoll_event`.
#[cfg(target_arch = "aarch64")]
const EVENT: usize = 16;

/// A file of ours in an epoll set.
struct Item {
    events: u32,
    data: u64,
    open: Arc<OpenFile>,
}

impl Files {
    /// Answers `epoll_wait(set, events, max, timeout)` and its like.
    pub(crate) fn epoll_wait(&self, asked: &Asked<'_>) -> Reply {
        let Asked { thread, call, .. } = *asked;
        let items = self.items(thread, call);
        if items.is_empty() {
            return Reply::Continue;
        }
        let need = |item: &Item| {
            let need = if is_deaf(item.events) {
                Need::Deaf
            } else {
                Need::Nothing
            };
            (Arc::downgrade(&item.open.link), need)
        };
        let on = items.iter().map(need).collect();
        self.sleepers.add(Sleeper::new(call, on));
        if !are_wrong(items.iter().map(|item| &item.open)) {
            return Reply::Continue;
        }
        // The set is looked into by the kernel's means: not while some of the files of a chip have hung up.
        if items.iter().any(|item| item.open.is_gone()) {
            self.hang_up_gone();
        }
        let max = usize::try_from(call.int(2)).unwrap_or(0);
        let Some(events) = ready(thread, call, max) else {
            return Reply::Continue;
        };
        self.sleepers.remove(call.tid);
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let bytes: Vec<u8> = events
            .into_iter()
            .flat_map(|(mask, data)| event(right(&items, mask, data), data))
            .collect();
        match thread.write(call.args[1], &bytes) {
            Ok(()) => Reply::Return(count),
            Err(errno) => Reply::Fail(errno),
        }
    }

    /// Watches `epoll_ctl(set, op, fd, event)`: a file that is waited for in a way that no record announces.
    pub(crate) fn epoll_ctl(&self, asked: &Asked<'_>) -> Reply {
        let Asked { thread, call, .. } = *asked;
        if self.is_empty() {
            return Reply::Continue;
        }
        let Some(open) = self.find(thread, call.int(2)) else {
            return Reply::Continue;
        };
        let mut events = [0; 4];
        let is_read =
            call.int(1) != libc::EPOLL_CTL_DEL && thread.read(call.args[3], &mut events).is_ok();
        // One that is ready when it is added is reported.
        let is_empty = !open.file.poll().contains(PollMask::RDNORM);
        let deaf = is_read && is_empty && is_deaf(u32::from_ne_bytes(events));
        open.link.set_deaf(deaf);
        if !self.sleepers.must_wait(&open.link) && !deaf {
            open.link.release();
        }
        Reply::Continue
    }

    /// What an epoll set holds of ours.
    // KERNEL: fs/eventpoll.c ep_show_fdinfo: tfd, events, data, pos, ino, sdev of each file
    fn items(&self, thread: &Thread<'_>, call: &Call) -> Vec<Item> {
        if self.is_empty() {
            return Vec::new();
        }
        let name = std::ffi::CString::new(format!("fdinfo/{}", call.int(0)));
        let open = name.map(|name| thread.open(&name, OFlags::RDONLY));
        let Ok(Ok(file)) = open else {
            return Vec::new();
        };
        let mut text = String::new();
        if std::fs::File::from(file).read_to_string(&mut text).is_err() {
            return Vec::new();
        }
        let table = self.table();
        let item = |row: &str| {
            let (events, data, inode) = parse(row)?;
            let open = table.get(&Object::Pipe(inode)).cloned()?;
            Some(Item { events, data, open })
        };
        text.lines().filter_map(item).collect()
    }
}

/// The events, data and inode of a row of an epoll set's `fdinfo`, if it is of a pipe.
fn parse(row: &str) -> Option<(u32, u64, u64)> {
    let row = row.strip_prefix("tfd:")?;
    let value = |key: &str| {
        let (_, rest) = row.split_once(key)?;
        rest.split_whitespace().next()
    };
    let hex = |key: &str| u64::from_str_radix(value(key)?, 16).ok();
    if hex("sdev:")? != pipes()? {
        return None;
    }
    let events = u32::try_from(hex("events:")?).ok()?;
    Some((events, hex("data:")?, hex("ino:")?))
}

/// The number of the device that all pipes lie on, as the kernel has it.
fn pipes() -> Option<u64> {
    static DEVICE: OnceLock<Option<u64>> = OnceLock::new();
    *DEVICE.get_or_init(|| {
        let (reader, _writer) = rustix::pipe::pipe().ok()?;
        let device = rustix::fs::fstat(&reader).ok()?.st_dev;
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        Some(u64::from(major) << 20 | u64::from(minor))
    })
}

/// What is ready in the set now; `None` if nothing is, or this machine does not let us look.
fn ready(thread: &Thread<'_>, call: &Call, max: usize) -> Option<Vec<(u32, u64)>> {
    let process = process_of(thread)?;
    let set = shared(&process, call.int(0)).ok()?;
    // What is taken out of the set is gone: it must be the caller's.
    thread.confirm().ok()?;
    let mut room = vec![MaybeUninit::uninit(); max.min(EVENTS_MAX)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let (events, _) = epoll::wait(&set, &mut room[..], Some(&at_once)).ok()?;
    let events = events.iter().map(|event| {
        // Copied, since the struct is packed.
        let (flags, data) = (event.flags, event.data);
        (flags.bits(), data.u64())
    });
    let events: Vec<_> = events.collect();
    (!events.is_empty()).then_some(events)
}

/// What Linux reports where the kernel says `mask` of a file with this data.
fn right(items: &[Item], mask: u32, data: u64) -> u32 {
    let hangs_up = mask & PollMask::HUP.bits() != 0;
    let is_gone = |item: &&Item| item.data == data && item.open.is_gone();
    match items.iter().find(is_gone) {
        Some(_) if hangs_up => PollMask::GONE.bits(),
        _ => mask,
    }
}

/// A `struct epoll_event`.
fn event(mask: u32, data: u64) -> [u8; EVENT] {
    let mut bytes = [0; EVENT];
    bytes[..4].copy_from_slice(&mask.to_ne_bytes());
    bytes[EVENT - 8..].copy_from_slice(&data.to_ne_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn a_set_tells_which_pipes_are_in_it() {
        let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let (reader, _writer) = rustix::pipe::pipe().unwrap();
        let data = epoll::EventData::new_u64(0xabcd);
        epoll::add(&set, &reader, data, epoll::EventFlags::IN).unwrap();
        let text =
            std::fs::read_to_string(format!("/proc/self/fdinfo/{}", set.as_raw_fd())).unwrap();
        let items: Vec<_> = text.lines().filter_map(parse).collect();
        let inode = rustix::fs::fstat(&reader).unwrap().st_ino;
        assert_eq!(items.len(), 1);
        // The kernel adds ERR and HUP.
        assert_eq!((items[0].0 & 1, items[0].1, items[0].2), (1, 0xabcd, inode));
    }
}
