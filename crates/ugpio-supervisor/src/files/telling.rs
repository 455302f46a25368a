//! Who looks on while calls are answered: the observer of a trace, and lint.
//!
//! Without onlookers this costs one load for each call.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gpio_uapi::{Reason, Refusal};
use gpiolib::{Device, Offset};
use rustix::process::Pid;

use super::onlookers::Onlookers;
use super::{Asked, Files, OpenFile};
use crate::clock::now;
use crate::lint::{Lint, Subject, Vain};
use crate::observe::{CallObserver, Process, RefusedCall};
use crate::outcome::{Call, Reply};

impl Files {
    /// Reports calls to `observer` from now on. Only the first observer is set.
    pub fn observe(&self, observer: Arc<dyn CallObserver>) {
        let _ = self.onlookers.observer.set(observer);
    }

    /// Reports calls to `lint` from now on. Only the first is set.
    pub fn lint(&self, lint: Arc<Lint>) {
        let _ = self.onlookers.lint.set(lint);
    }

    /// Whether lint wants to know of calls that need no answer.
    pub(crate) fn is_linted(&self) -> bool {
        self.onlookers.lint.get().is_some()
    }

    /// Who makes a file, if anybody wants to know.
    pub(super) fn owner(&self, thread: Pid) -> Option<Process> {
        let Onlookers { observer, lint } = &self.onlookers;
        let is_wanted = observer.get().is_some() || lint.get().is_some();
        is_wanted.then(|| Process::of(thread))
    }

    /// An ioctl was answered.
    pub(super) fn looked_on(&self, open: &Arc<OpenFile>, call: &Call, refusal: Option<Refusal>) {
        if refusal.is_some() || self.is_linted() {
            self.tell(open, call, refusal);
        }
    }

    #[cold]
    fn tell(&self, open: &Arc<OpenFile>, call: &Call, refusal: Option<Refusal>) {
        if let Some(lint) = self.onlookers.lint.get() {
            lint.called(call.tid, call.uint(1));
            if refusal.is_some_and(|refusal| refusal.reason == Reason::Gone) {
                self.in_vain(lint, Vain::Gone, open, call);
            }
        }
        let (Some(observer), Some(refusal)) = (self.onlookers.observer.get(), refusal) else {
            return;
        };
        let device = open.file.device();
        let holder = match (refusal.reason, refusal.line) {
            (Reason::Held, Some(gpio_uapi::LineRef::Line(offset))) => self.holder(device, offset),
            _ => None,
        };
        observer.refused(&RefusedCall {
            now: now(),
            caller: Process::of(call.tid),
            device,
            command: call.uint(1),
            refusal,
            holder,
        });
    }

    /// Whose file holds a line.
    fn holder(&self, device: &Device, line: Offset) -> Option<Process> {
        let holds = |open: &&Arc<OpenFile>| {
            open.file.device().is_same(device) && open.file.offsets().contains(&line)
        };
        self.table().values().find(holds)?.owner.clone()
    }

    /// A file is about to be read.
    pub(super) fn reading(&self, open: &Arc<OpenFile>, call: &Call) {
        let Some(lint) = self.onlookers.lint.get() else {
            return;
        };
        if open.is_gone() {
            self.in_vain(lint, Vain::Gone, open, call);
        } else if open.file.poll().is_empty() {
            self.in_vain(lint, Vain::EmptyRead, open, call);
        } else {
            lint.of_use(key(open));
        }
    }

    fn in_vain(&self, lint: &Lint, vain: Vain, open: &Arc<OpenFile>, call: &Call) {
        let subject = || Subject {
            owner: Process::of(call.tid),
            ..subject(open)
        };
        lint.in_vain(vain, subject, key(open), now());
    }

    /// A thread polls, whatever it is. If it has a file whose chip is gone, that may be a busy loop.
    pub(crate) fn polling(&self, asked: &Asked<'_>) -> Reply {
        if let Some(lint) = self.onlookers.lint.get() {
            self.note_gone(lint, asked.call);
        }
        Reply::Continue
    }

    fn note_gone(&self, lint: &Lint, call: &Call) {
        let gone: Vec<_> = {
            let table = self.table();
            table
                .values()
                .filter(|open| open.is_gone())
                .cloned()
                .collect()
        };
        if gone.is_empty() {
            return;
        }
        let caller = Process::of(call.tid);
        let is_callers = |open: &&Arc<OpenFile>| {
            let owner = open.owner.as_ref();
            owner.is_some_and(|owner| owner.pid == caller.pid)
        };
        for open in gone.iter().filter(is_callers) {
            self.in_vain(lint, Vain::Gone, open, call);
        }
    }

    /// A process is about to exit. What it has closed itself was let go before.
    pub(crate) fn exiting(&self, asked: &Asked<'_>) -> Reply {
        let caller = Process::of(asked.call.tid);
        for open in self.table().values() {
            let owner = open.owner.as_ref();
            if owner.is_some_and(|owner| owner.pid == caller.pid) {
                open.is_left.store(true, Ordering::Relaxed);
            }
        }
        Reply::Continue
    }

    /// A file was closed for the last time.
    pub(super) fn closed(&self, open: &Arc<OpenFile>) {
        if let Some(lint) = self.onlookers.lint.get() {
            let is_line = !open.file.offsets().is_empty();
            let by_exit = is_line && open.is_left.load(Ordering::Relaxed);
            lint.closed(&subject(open), by_exit, open.file.lost_events());
        }
    }
}

fn key(open: &Arc<OpenFile>) -> u64 {
    Arc::as_ptr(open).addr() as u64
}

fn subject(open: &Arc<OpenFile>) -> Subject {
    let nobody = || Process {
        pid: Pid::INIT,
        name: String::new(),
    };
    Subject {
        file: key(open),
        device: open.file.device().clone(),
        lines: open.file.offsets(),
        owner: open.owner.clone().unwrap_or_else(nobody),
    }
}

impl Files {
    /// The most files of two or more chips that were gone, open while another was opened.
    #[must_use]
    pub fn leaked(&self) -> usize {
        self.leaks.most()
    }

    /// Something is about to be opened.
    pub(super) fn count_leaks(&self) {
        if !self.leaks.has_gone() {
            return;
        }
        // Files without a witness may have been closed, for all that is known.
        self.sweep_gone();
        let mut devices: Vec<Device> = Vec::new();
        let mut count = 0;
        for open in self.table().values() {
            if !open.is_gone() || open.witness.is_none() {
                continue;
            }
            count += 1;
            let device = open.file.device();
            if !devices.iter().any(|other| other.is_same(device)) {
                devices.push(device.clone());
            }
        }
        if devices.len() > 1 {
            self.leaks.note(count);
        }
    }
}
