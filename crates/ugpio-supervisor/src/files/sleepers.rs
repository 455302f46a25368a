//! Threads that were let sleep in the kernel on a GPIO file, and how they are called back.
//!
//! A call that waits is never kept pending: it is let through and sleeps on what stands for the file. Where that
//! cannot finish it as Linux would (a chip goes, a record comes to a read of an odd size), the thread is stopped
//! once with ptrace, which takes it out of its sleep, and let go: its call comes again, trapped, and is answered.
//! [`Sleepers`] keeps who sleeps; a thread of its own stops and lets go, because nobody else must wait for that.
//! An entry may be out of date, since only trapped calls tell that a thread is awake; what the thread does now is
//! looked at before it is stopped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, Weak};
use std::time::Duration;

use rustix::process::Pid;

use super::link::Link;
use super::{lookers, together};
use crate::clock::now;
use crate::outcome::Call;
use crate::procdir::Object;
use crate::sys::ptrace::recall::{Asleep, recall};
use crate::sys::ptrace::still::hold_still;

/// The most entries kept; more threads than this asleep at once are not called back.
const SLEEPERS_MAX: usize = 1024;
/// How long before its time a call is called back that must not end earlier than Linux would end it. Come too
/// late, it would end with nothing; on a busy machine this thread may be kept waiting for some time.
pub(super) const MARGIN_NS: u64 = 250_000_000;

/// What a new record means to a sleeping call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Need {
    /// The kernel wakes it, and finishes it rightly.
    Nothing,
    /// It has to be called back before the kernel shows it the record.
    CallBack,
    /// It must not be woken.
    Deaf,
}

/// A call that was let through, and may sleep.
#[derive(Debug)]
pub(crate) struct Sleeper {
    /// The call, as it came first, and its thread.
    pub(super) asleep: Asleep,
    /// What it sleeps on. Weak: a sleeper does not keep a file open.
    pub(crate) on: Vec<(Weak<Link>, Need)>,
    /// What it has already read into its first segments, if it is a `readv`.
    pub(crate) read: u64,
    /// When it gives up, on the monotonic clock.
    pub(crate) deadline_ns: Option<u64>,
    /// Whether it was called back already.
    pub(super) is_called: AtomicBool,
}

impl Sleeper {
    pub(crate) fn new(call: &Call, on: Vec<(Weak<Link>, Need)>) -> Self {
        Self {
            asleep: Asleep::new(call),
            on,
            read: 0,
            deadline_ns: None,
            is_called: AtomicBool::new(false),
        }
    }

    /// The call, as it came first.
    pub(crate) fn call(&self) -> &Call {
        self.asleep.call()
    }

    fn need(&self, link: &Arc<Link>) -> Option<Need> {
        let found = self.on.iter().find(|(on, _)| is(on, link));
        found.map(|(_, need)| *need)
    }

    /// When it has to come back to be answered in time: it must not be woken, and what it waits for is there.
    fn is_due_ns(&self) -> Option<u64> {
        let waits = |(link, need): &(Weak<Link>, Need)| {
            *need == Need::Deaf && link.upgrade().is_some_and(|link| link.is_held())
        };
        let deadline = self.deadline_ns?;
        let is_waited_for = !self.is_called.load(Ordering::Relaxed) && self.on.iter().any(waits);
        is_waited_for.then(|| deadline.saturating_sub(MARGIN_NS))
    }
}

fn is(on: &Weak<Link>, link: &Arc<Link>) -> bool {
    core::ptr::eq(on.as_ptr(), Arc::as_ptr(link))
}

/// Hangs up those that are not yet.
fn close(files: &[(Object, Arc<Link>)]) {
    together::close(files.iter().filter_map(|(_, link)| link.let_go()).collect());
}

/// What is to be done by the thread.
enum Job {
    /// A record is held because of somebody who sleeps on this.
    Record(Weak<Link>),
    /// The chips of these are gone. Told when they have hung up.
    HangUp(Vec<(Object, Arc<Link>)>, Sender<()>),
    /// Something is to be done at this time.
    At(u64, Box<dyn FnOnce() + Send>),
}

/// Who sleeps.
#[derive(Debug)]
pub(crate) struct Sleepers {
    list: Mutex<Vec<Arc<Sleeper>>>,
    jobs: Sender<Job>,
    /// Held for reading while a call is answered, for writing while files hang up.
    answers: RwLock<()>,
    /// What the thread will read, until there is one: most runs never need it.
    todo: Mutex<Option<Receiver<Job>>>,
    own: Weak<Self>,
}

impl Sleepers {
    /// Nobody yet.
    pub(crate) fn new() -> Arc<Self> {
        let (jobs, todo) = channel();
        Arc::new_cyclic(|own| Self {
            list: Mutex::default(),
            jobs,
            answers: RwLock::default(),
            todo: Mutex::new(Some(todo)),
            own: Weak::clone(own),
        })
    }

    /// Gives the thread a job. The first starts it; it ends with the last reference.
    fn ask(&self, job: Job) {
        let mut todo = self.todo.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(todo) = todo.take() {
            let own = Weak::clone(&self.own);
            let thread = std::thread::Builder::new().name("ugpio-recall".into());
            if let Err(error) = thread.spawn(move || run(&todo, &own)) {
                tracing::error!(%error, "cannot call back who sleeps: no thread can be started");
            }
        }
        // Fails only if there is no thread.
        let _ = self.jobs.send(job);
    }

    fn list(&self) -> MutexGuard<'_, Vec<Arc<Sleeper>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call is about to be let through. To be told before it is looked whether the call has to wait.
    pub(crate) fn add(&self, sleeper: impl Into<Arc<Sleeper>>) {
        let sleeper = sleeper.into();
        let mut list = self.list();
        list.retain(|other| other.call().tid != sleeper.call().tid);
        if list.len() == SLEEPERS_MAX {
            list.remove(0);
        }
        list.push(sleeper);
    }

    /// The thread is awake: it has made a call, or is answered. What it slept in last.
    pub(crate) fn remove(&self, tid: Pid) -> Option<Arc<Sleeper>> {
        let mut list = self.list();
        let at = list.iter().position(|sleeper| sleeper.call().tid == tid)?;
        Some(list.swap_remove(at))
    }

    fn on(&self, link: &Arc<Link>) -> Vec<(Arc<Sleeper>, Need)> {
        let found = |sleeper: &Arc<Sleeper>| Some((Arc::clone(sleeper), sleeper.need(link)?));
        self.list().iter().filter_map(found).collect()
    }

    /// Whether a new record must not be shown to the kernel yet.
    pub(crate) fn must_wait(&self, link: &Arc<Link>) -> bool {
        let asks = |sleeper: &Arc<Sleeper>| {
            matches!(sleeper.need(link), Some(Need::CallBack | Need::Deaf))
        };
        self.list().iter().any(asks)
    }

    /// Has those called back for whom a record of this link is held.
    pub(crate) fn call_back(&self, link: &Arc<Link>) {
        self.ask(Job::Record(Arc::downgrade(link)));
    }

    /// Held while a call is answered: no thread comes back from one while files hang up.
    pub(crate) fn answering(&self) -> RwLockReadGuard<'_, ()> {
        self.answers.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hangs all of these up at one moment, for whoever can look; comes back when that is done.
    pub(crate) fn hang_up(&self, files: impl Iterator<Item = (Object, Arc<Link>)>) {
        let up: Vec<_> = files.filter(|(_, link)| !link.is_hung_up()).collect();
        if let [_, _, ..] = &*up {
            self.hang_up_by_thread(&up);
        } else if up.iter().any(|(_, link)| !self.on(link).is_empty()) {
            self.hang_up_by_thread(&up);
        }
        // The others: one on which no thread sleeps is a moment of its own.
        close(&up);
    }

    fn hang_up_by_thread(&self, files: &[(Object, Arc<Link>)]) {
        let (done, is_done) = channel();
        self.ask(Job::HangUp(files.to_vec(), done));
        // Fails only if there is no thread.
        let _ = is_done.recv();
    }

    /// Runs `act` at this time of the monotonic clock.
    pub(crate) fn at(&self, time_ns: u64, act: impl FnOnce() + Send + 'static) {
        self.ask(Job::At(time_ns, Box::new(act)));
    }

    /// Stops those of `sleepers` that still sleep, and forgets the others; acts, and lets the stopped ones go.
    fn stop(&self, sleepers: &[Arc<Sleeper>], act: impl FnOnce() + Send) {
        for sleeper in sleepers {
            sleeper.is_called.store(true, Ordering::Relaxed);
        }
        let asleep: Vec<_> = sleepers.iter().map(|sleeper| &sleeper.asleep).collect();
        let stopped = recall(&asleep, act);
        for (sleeper, _) in sleepers.iter().zip(stopped).filter(|(_, stopped)| !stopped) {
            self.list().retain(|other| !Arc::ptr_eq(other, sleeper));
        }
    }

    /// A record is held: whom the kernel would finish wrongly comes back; then, unless somebody is deaf, it is shown.
    fn show_record(&self, link: &Arc<Link>) {
        let sleepers = self.on(link);
        let is_deaf = link.is_deaf.load(Ordering::Relaxed)
            || sleepers.iter().any(|(_, need)| *need == Need::Deaf);
        let comes = |need: Need| need == Need::CallBack || is_deaf && need == Need::Nothing;
        let called = sleepers.into_iter().filter(|(_, need)| comes(*need));
        let called: Vec<_> = called.map(|(sleeper, _)| sleeper).collect();
        self.stop(&called, || {
            if !is_deaf {
                link.release();
            }
        });
    }

    /// Hangs all of these up while no thread of the run that has one of them can look at the others.
    // DIFFERS: threads that cannot be traced, and those asleep in calls that a stop would harm, go on meanwhile.
    fn leave(&self, files: &[(Object, Arc<Link>)], done: &Sender<()>) {
        let objects = files.iter().map(|(object, _)| *object).collect();
        let stopped = hold_still(
            || self.answers.write().unwrap_or_else(PoisonError::into_inner),
            || lookers::find(&objects),
            |answers| {
                close(files);
                drop(answers);
                let _ = done.send(());
            },
        );
        let stopped = stopped.unwrap_or_else(|errno| {
            tracing::error!(%errno, "cannot call back who sleeps: no thread can be started");
            Vec::new()
        });
        for (sleeper, _) in files.iter().flat_map(|(_, link)| self.on(link)) {
            sleeper.is_called.store(true, Ordering::Relaxed);
            if !stopped.contains(&sleeper.call().tid) {
                self.list().retain(|other| !Arc::ptr_eq(other, &sleeper));
            }
        }
    }

    /// Calls back who is due, and says when the next one is.
    fn call_due(&self) -> Option<u64> {
        let all: Vec<_> = self.list().clone();
        let due = all.iter().filter(|sleeper| {
            sleeper
                .is_due_ns()
                .is_some_and(|at| at <= now().monotonic_ns)
        });
        let due: Vec<_> = due.cloned().collect();
        self.stop(&due, || ());
        all.iter().filter_map(|sleeper| sleeper.is_due_ns()).min()
    }
}

/// The thread: does the jobs, and what is due, until nobody can ask any more.
fn run(todo: &Receiver<Job>, sleepers: &Weak<Sleepers>) {
    let mut planned: Vec<(u64, Box<dyn FnOnce() + Send>)> = Vec::new();
    let mut next: Option<u64> = None;
    loop {
        let left = next.map(|at| Duration::from_nanos(at.saturating_sub(now().monotonic_ns)));
        let job = match left {
            None => todo.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(left) => todo.recv_timeout(left),
        };
        let Some(sleepers) = sleepers.upgrade() else {
            return;
        };
        match job {
            Ok(Job::Record(link)) => {
                if let Some(link) = link.upgrade() {
                    sleepers.show_record(&link);
                }
            }
            Ok(Job::HangUp(files, done)) => sleepers.leave(&files, &done),
            Ok(Job::At(time, act)) => planned.push((time, act)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let time = now().monotonic_ns;
        let (due, later): (Vec<_>, Vec<_>) = planned.into_iter().partition(|(at, _)| *at <= time);
        planned = later;
        due.into_iter().for_each(|(_, act)| act());
        let planned_next = planned.iter().map(|(at, _)| *at).min();
        next = sleepers.call_due().into_iter().chain(planned_next).min();
    }
}
