//! The program's open GPIO files: what is behind its descriptors, and how calls on them are answered.
//!
//! [`Files`] finds an open file by the identity of the object behind a descriptor at the moment of
//! the call (the inode of a pipe), never by its number, so that dup, fork, exec and
//! passing need no bookkeeping; what it remembers of numbers is checked at every use. The rules are `gpio_uapi`'s; here are the links to the program, the
//! hang-ups in both directions and the debounce timers. Called by `dispatch` and `world`, from any
//! thread.
//!
//! Lock order: leaving → reaping → table → the core's locks → mirror → link; the list of sleepers is the last. No lock is held over a copy to or from the program's
//! memory.

mod caller;
mod epoll;
mod guess;
pub(crate) mod handles;
mod ioctl;
mod leaks;
pub(crate) mod link;
mod lookers;
mod mirror;
pub(crate) mod moving;
mod onlookers;
mod open_file;
pub(crate) mod operations;
pub(crate) mod poll;
mod presence;
pub(crate) mod reads;
pub(crate) mod sleepers;
mod telling;
#[cfg(test)]
mod tests;
mod timers;
mod together;
mod witness;

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLockReadGuard};

use gpio_uapi::{File, Outcome, Records};
use gpiolib::{Device, Errno, Timestamp};
use rustix::fs::OFlags;
use rustix::process::Pid;

use self::leaks::Leaks;
use self::link::{Link, LinkRecords, Pair};
use self::mirror::MirrorRecords;
use self::onlookers::Onlookers;
pub(crate) use self::open_file::OpenFile;
use self::presence::Presence;
use self::sleepers::{Sleeper, Sleepers};
use self::timers::Timers;
use self::witness::Witness;
use crate::clock::now;
use crate::observe::Process;
use crate::outcome::{Call, Reply, errno_of, raw_errno};
use crate::path::Identity;
use crate::procdir::{Object, ProcDirs};
use crate::thread::Thread;

/// All open GPIO files of one run.
#[derive(Debug)]
pub struct Files {
    table: Mutex<HashMap<Object, Arc<OpenFile>>>,
    /// Held while closed files are let go, until all their lines are free.
    reaping: Mutex<()>,
    /// Held while the files of a chip hang up.
    leaving: Mutex<()>,
    presence: Presence,
    timers: Timers,
    sleepers: Arc<Sleepers>,
    /// Whether records are kept here, and every call that could show a difference is trapped.
    is_strict: bool,
    leaks: Leaks,
    onlookers: Onlookers,
    clock: OnceLock<Arc<dyn Clock>>,
}

/// A call that may be on one of the open files, and the thread that waits in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) files: &'a Files,
    pub(crate) thread: &'a Thread<'a>,
    pub(crate) call: &'a Call,
    /// What the thread slept in before, if it was called back.
    pub(crate) slept: Option<&'a Sleeper>,
}

impl Files {
    /// No open files yet.
    ///
    /// # Errors
    ///
    /// No descriptors are left.
    pub fn new() -> std::io::Result<Arc<Self>> {
        Self::with(false)
    }

    /// No open files yet; the records of those to come are kept here.
    ///
    /// # Errors
    ///
    /// As [`Files::new`].
    pub fn strict() -> std::io::Result<Arc<Self>> {
        Self::with(true)
    }

    fn with(is_strict: bool) -> std::io::Result<Arc<Self>> {
        let (presence, bell) = (Presence::new()?, Timers::bell()?);
        Ok(Arc::new_cyclic(|files| Self {
            table: Mutex::default(),
            reaping: Mutex::default(),
            leaving: Mutex::default(),
            presence,
            timers: Timers::new(bell, files),
            sleepers: Sleepers::new(),
            is_strict,
            leaks: Leaks::default(),
            onlookers: Onlookers::default(),
            clock: OnceLock::new(),
        }))
    }

    fn table(&self) -> MutexGuard<'_, HashMap<Object, Arc<OpenFile>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a device's chip file with the access mode in `flags` and gives the descriptor for the program.
    ///
    /// # Errors
    ///
    /// `ENODEV`: the chip is gone. `EMFILE`, `ENFILE`: no descriptor is free here.
    pub fn open_chip(&self, device: &Device, flags: OFlags) -> Result<OwnedFd, Errno> {
        let pair = self.pipe().map_err(errno_of)?;
        let file = File::open(device, self.records(&pair))?;
        let theirs = pair.theirs.try_clone().map_err(|_| Errno::ENFILE)?;
        self.insert(pair, file, flags & OFlags::RWMODE, None);
        Ok(theirs)
    }

    /// A pipe for a file with events.
    fn pipe(&self) -> Result<Pair, rustix::io::Errno> {
        if self.is_strict {
            Link::mirrored_pipe()
        } else {
            Link::pipe()
        }
    }

    /// The place for the records of a file that this link leads to.
    fn records(&self, pair: &Pair) -> Box<dyn Records> {
        let link = Arc::clone(&pair.link);
        if self.is_strict {
            Box::new(MirrorRecords::new(link, Arc::clone(&self.sleepers)))
        } else {
            Box::new(LinkRecords::new(link))
        }
    }

    /// Takes a file into the table; it stays until the program has closed its last descriptor.
    fn insert(&self, pair: Pair, file: File, access: OFlags, owner: Option<Process>) {
        self.count_leaks();
        self.timers.begin(self.hangups());
        if self.presence.add(&pair).is_err() {
            tracing::warn!(
                "a descriptor of the program cannot be watched; its line stays held until the run ends"
            );
        }
        file.set_timer_waker(self.timers.waker());
        if file.next_deadline().is_some() {
            self.timers.kick();
        }
        let is_gone = file.device().is_gone();
        let witness = match pair.object {
            Object::Handle(_) => None,
            _ => Witness::new(pair.theirs.as_fd()).ok(),
        };
        self.table().insert(
            pair.object,
            Arc::new(OpenFile {
                file,
                link: pair.link,
                access,
                witness,
                owner,
                is_left: AtomicBool::new(false),
            }),
        );
        // The chip may have gone while the descriptor was made.
        if is_gone {
            self.hang_up_gone();
        }
    }

    /// What is behind descriptor `fd` of a thread, if it is one of ours.
    pub(crate) fn find(&self, thread: &Thread<'_>, fd: i32) -> Option<Arc<OpenFile>> {
        if self.is_empty() {
            return None;
        }
        let found = self.find_unconfirmed(thread, fd)?;
        thread.confirm().ok().map(|()| found)
    }

    /// As [`Files::find`], for who confirms it later, before anything comes of it.
    fn find_unconfirmed(&self, thread: &Thread<'_>, fd: i32) -> Option<Arc<OpenFile>> {
        let tid = thread.tid();
        guess::look(tid, fd).or_else(|| self.find_anew(thread.dirs(), tid, fd))
    }

    #[cold]
    fn find_anew(&self, dirs: &ProcDirs, tid: Pid, fd: i32) -> Option<Arc<OpenFile>> {
        let object = dirs.object(tid, fd).ok()?;
        let open = self.table().get(&object).cloned()?;
        // KERNEL: fs/file.c fdget (v6.12): what was opened with O_PATH is no file to any call on it
        if dirs.fd_mode(tid, fd).is_ok_and(|mode| mode & 0o700 == 0) {
            return None;
        }
        guess::keep(dirs, tid, fd, object, &open);
        Some(open)
    }

    /// What the text of a link in `/proc/PID/fd` stands for, if it is one of ours.
    pub(crate) fn identify(&self, link: &[u8]) -> Option<Identity> {
        let open = self.table().get(&Object::parse(link)).cloned()?;
        let chip = || Identity::Chip {
            id: open.file.device().id(),
            is_gone: open.is_gone(),
        };
        let anonymous =
            |link: &'static str| Identity::Anonymous(link.trim_start_matches("anon_inode:"));
        Some(open.file.kind().link().map_or_else(chip, anonymous))
    }

    /// The chip that had this id and is gone, if anybody has it open. Its id is nobody else's until then.
    pub(crate) fn gone_chip(&self, id: u32) -> Option<Device> {
        let table = self.table();
        let mut gone = table.values().filter(|open| open.is_gone());
        let open = gone.find(|open| open.file.device().id() == id)?;
        Some(open.file.device().clone())
    }

    /// What `/proc/PID/fdinfo/N` says of one of ours whose link has this text, made from what it says of what
    /// stands for it.
    pub(crate) fn fdinfo(&self, link: &[u8], text: &str) -> Option<String> {
        let open = self.table().get(&Object::parse(link)).cloned()?;
        let row = |row: &str| {
            let flags = row.strip_prefix("flags:\t");
            let flags = flags.and_then(|octal| u32::from_str_radix(octal, 8).ok());
            flags.map_or_else(
                || format!("{row}\n"),
                |flags| format!("flags:\t0{:o}\n", open.shown_flags(flags)),
            )
        };
        let rows: String = text.lines().map(row).collect();
        Some(rows + &open.file.fdinfo())
    }

    /// The thread has made a call: what it slept in before, if it was let sleep. Told only under `--strict`.
    pub(crate) fn woken(&self, call: &Call) -> Option<Arc<Sleeper>> {
        self.is_strict.then(|| self.sleepers.remove(call.tid))?
    }

    /// Lets go what the program has closed. Called before every answer that could show it, so that a
    /// line is free for whoever asks after its last close.
    pub fn reap(&self) {
        let _one_at_a_time = self.reaping.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let closed = self.presence.closed();
            if closed.is_empty() {
                return;
            }
            let gone: Vec<_> = {
                let mut table = self.table();
                closed
                    .iter()
                    .filter_map(|object| table.remove(object))
                    .collect()
            };
            // Nothing taken out: the file is not in the table yet.
            if gone.is_empty() {
                return;
            }
            gone.iter().for_each(|open| self.closed(open));
            // Dropped without the table's lock: a release tells other open files.
            drop(gone);
        }
    }

    /// A descriptor that polls readable when [`Files::reap`] has something to do.
    fn hangups(&self) -> BorrowedFd<'_> {
        self.presence.fd()
    }

    /// Makes the files of chips that are gone report it. Called when a chip went; comes back when they do.
    pub(crate) fn hang_up_gone(&self) {
        let _one_at_a_time = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<_> = {
            let table = self.table();
            let gone = table.iter().filter(|(_, open)| open.is_gone());
            gone.map(|(object, open)| (*object, Arc::clone(&open.link)))
                .collect()
        };
        self.leaks.set_gone(!gone.is_empty());
        self.sleepers.hang_up(gone.into_iter());
    }

    /// A call is about to be told that its chip is gone: then all files of the chip show it.
    fn gone_together(&self, open: &OpenFile, outcome: Outcome) {
        if outcome == Outcome::Fail(Errno::ENODEV) && open.is_gone() {
            self.hang_up_gone();
        }
    }

    /// Held while a call is answered: no thread comes back from one while the files of a chip hang up.
    pub(crate) fn answering(&self) -> RwLockReadGuard<'_, ()> {
        self.sleepers.answering()
    }

    /// Forgets the files of dead chips that the program has closed since, so that their numbers are
    /// free. Called when a chip comes or goes.
    pub fn sweep_gone(&self) {
        let mut over = Vec::new();
        self.table().retain(|_, open| {
            let keep = !open.is_gone() || open.witness.as_ref().is_none_or(Witness::is_open);
            if !keep {
                over.push(Arc::clone(open));
            }
            keep
        });
        // Dropped without the table's lock.
        drop(over);
    }

    /// Lets the debounce timers that are due expire, and says when the next one is.
    fn advance(&self, now: Timestamp) -> Option<u64> {
        // A file that is held here while it is reaped would keep its lines after the last close.
        let _nobody_reaps = self.reaping.lock().unwrap_or_else(PoisonError::into_inner);
        let open: Vec<_> = self.table().values().cloned().collect();
        let next = open.iter().filter_map(|open| {
            open.file.next_deadline()?;
            open.file.advance(now);
            open.file.next_deadline()
        });
        next.min()
    }

    /// Takes the time from this clock from now on. The first one stays.
    pub fn keep_time(&self, clock: Arc<dyn Clock>) {
        let _ = self.clock.set(clock);
    }

    /// The time now, with all that is due until then done.
    fn time(&self) -> Timestamp {
        self.clock.get().map_or_else(now, |clock| clock.now())
    }

    /// The time, if it is needed or if something can be due.
    fn time_if(&self, is_needed: bool) -> Option<Timestamp> {
        let can_be_due = || self.clock.get().is_some_and(|clock| !clock.is_idle());
        (is_needed || can_be_due()).then(|| self.time())
    }

    /// Whether every call that could show a difference is trapped.
    pub(crate) fn is_strict(&self) -> bool {
        self.is_strict
    }

    /// How many files the program has open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table().len()
    }

    /// Whether the program has no file open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Who knows what time it is on the board.
pub trait Clock: core::fmt::Debug + Send + Sync {
    /// The time now, after everything has happened on the board that was due until then. Called with no lock held.
    fn now(&self) -> Timestamp;

    /// Whether nothing will be due as the board is now.
    fn is_idle(&self) -> bool;
}

/// A failure, in the words of the answer.
fn fail(errno: Errno) -> Reply {
    Reply::Fail(raw_errno(errno))
}
