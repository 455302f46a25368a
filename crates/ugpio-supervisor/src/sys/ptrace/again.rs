//! A thread that makes its own call again, with other arguments.
//!
//! Where a path leads through the board and out to a file of the machine, the kernel does not find that file at the
//! program's path, and nobody but the caller has the rights to act on it. So the call is answered, its thread
//! stopped as it returns and made to repeat its system-call instruction with the path that was found, which lies in
//! pages that are mapped for it. The call is the thread's own: its credentials, root, mounts and umask decide. Then
//! it has its registers back and the result in them.
//!
//! The repeated call is trapped like any other; `notif` asks [`is_expected`] and lets it through. It is known by its
//! arguments, not by its thread's number alone: another thread of the process may replace the image meanwhile, which
//! ends the caller and takes over the number of a first thread. It may sleep, in
//! the open of a FIFO for instance, and so each has a thread of ours, and the signal mask is the program's meanwhile:
//! a signal ends the attempt, and what happens then (restart, `EINTR`) the kernel decides by the first call's
//! registers.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use std::os::fd::{AsFd as _, OwnedFd};

use rustix::io::Errno;
use rustix::process::Pid;

use super::super::seccomp::{Listener, Wait};
use super::super::{check, remote};
use super::{PAUSE_MAX, PAUSE_MIN, Registers, SYSCALL_STOP, Traced};
use crate::outcome::Call;

/// How much is mapped for the texts: two of the longest paths and a mark.
const ROOM: u64 = 0x4000;
/// Where in it the mark is.
const MARK_AT: u64 = ROOM - 16;
/// Status of the stop of a thread that has become another program.
const EXEC_STOP: i32 = libc::SIGTRAP | (libc::PTRACE_EVENT_EXEC << 8);
/// Results of a call that a signal took back. KERNEL: include/linux/errno.h ERESTARTSYS and the like
const TAKEN_BACK: [i64; 4] = [-512, -513, -514, -516];

/// How long another thread of ours may take to let go of a thread.
const FREE_MAX: Duration = Duration::from_secs(3);

/// What an argument is to be instead.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Instead {
    /// The address of this string.
    Text(Vec<u8>),
    /// This.
    Value(u64),
}

/// A call that is to be made again.
#[derive(Debug)]
pub(crate) struct Again {
    /// The call as it was trapped, and still waits.
    pub(crate) call: Call,
    /// The arguments that change, by their positions.
    pub(crate) instead: Vec<(usize, Instead)>,
}

/// A call that a thread is made to make: number and arguments.
type Expected = (u32, [u64; 6]);

/// The threads that make a call again now, by their numbers, with the call that they make next.
static UNDER_WAY: Mutex<BTreeMap<i32, Option<Expected>>> = Mutex::new(BTreeMap::new());
/// Told when one fewer does.
static OVER: Condvar = Condvar::new();
/// How many they are; saves the lock, since nearly always it is none.
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// The pages of calls that a signal took back, by thread: used when the call comes again.
static LEFT: Mutex<BTreeMap<i32, Pages>> = Mutex::new(BTreeMap::new());

/// Mapped pages of a program.
#[derive(Clone, Copy, Debug)]
struct Pages {
    at: u64,
    mark: u128,
}

/// Whether a thread makes a call again for us, and this is the call: it is to be let through.
pub(crate) fn is_expected(call: &Call) -> bool {
    let made = Some((call.nr, call.args));
    COUNT.load(Ordering::Acquire) != 0 && lock(&UNDER_WAY).get(&number(call.tid)) == Some(&made)
}

/// Whether a thread of this number makes a call again.
pub(crate) fn is_under_way(tid: Pid) -> bool {
    COUNT.load(Ordering::Acquire) != 0 && lock(&UNDER_WAY).contains_key(&number(tid))
}

/// Whether any thread is. Such a thread's stops are not the session's to take.
pub(crate) fn is_any_under_way() -> bool {
    COUNT.load(Ordering::Acquire) != 0
}

/// Has the thread that waits in the call make it again. The call is answered by that, now or later.
///
/// # Errors
///
/// With the call unanswered: `ENOSYS`: this kernel lets any signal take a call back, and so would stopping the
/// thread. Or no thread of ours can be started.
// DIFFERS: a thread under a debugger cannot go from the board to the machine.
pub(crate) fn make(listener: &Listener, again: Again) -> Result<(), Errno> {
    let call = again.call;
    let answer = |listener: &Listener, call: &Call| listener.reply(call.id, Ok(0));
    let act = move |thread: &Traced, ()| again.carry_out(thread);
    begin(listener, call, Errno::ACCESS, answer, act)
}

/// Makes `dir` the working directory of the thread that waits in the call. The call is answered by that, now or later.
///
/// # Errors
///
/// As [`make`].
// DIFFERS: a thread under a debugger cannot be moved there.
pub(crate) fn enter(listener: &Listener, call: &Call, dir: OwnedFd) -> Result<(), Errno> {
    let answer = move |listener: &Listener, call: &Call| {
        let number = listener.add_fd(call.id, dir.as_fd(), true);
        listener.reply(call.id, number.map(|_| 0)).and(number)
    };
    begin(listener, *call, Errno::NOENT, answer, Traced::enter)
}

/// Starts a thread of ours that answers the call, and has its thread `act` with the answer as it returns. No other thread
/// waits for that. A thread that cannot be traced gets `refused`.
fn begin<T>(
    listener: &Listener,
    call: Call,
    refused: Errno,
    answer: impl FnOnce(&Listener, &Call) -> Result<T, Errno> + Send + 'static,
    act: impl FnOnce(&Traced, T) -> Result<i32, Errno> + Send + 'static,
) -> Result<(), Errno> {
    if listener.wait() != Wait::Killable {
        return Err(Errno::NOSYS);
    }
    let failed = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::AGAIN);
    let own = listener.try_clone().map_err(failed)?;
    let started = std::thread::Builder::new().name("ugpio-again".into());
    started
        .spawn(move || run(&own, &call, refused, answer, act))
        .map(drop)
        .map_err(failed)
}

/// One thread of ours, from the answer to the result.
fn run<T>(
    listener: &Listener,
    call: &Call,
    refused: Errno,
    answer: impl FnOnce(&Listener, &Call) -> Result<T, Errno>,
    act: impl FnOnce(&Traced, T) -> Result<i32, Errno>,
) {
    let under_way = UnderWay::begin(call.tid);
    let thread = match seize_when_free(call.tid) {
        Ok(thread) => thread,
        Err(errno) => {
            drop(under_way);
            tracing::warn!(%errno, "cannot have a program make its call in another way");
            let _ = listener.reply(call.id, Err(refused));
            return;
        }
    };
    // Attached to by its number. If the call has gone meanwhile that is perhaps another's, whom the end of this thread
    // of ours lets go.
    if !listener.is_valid(call.id) {
        return;
    }
    // From here on the call is answered whatever happens: its thread stops only as it returns.
    let answered = answer(listener, call);
    let done = await_interruption().and_then(|()| match answered {
        Ok(answered) => act(&thread, answered),
        // The call failed or is gone; there is nothing to do but to let go.
        Err(_) => Ok(0),
    });
    // Before the thread runs: its next call is its own.
    drop(under_way);
    match done {
        Ok(signal) => thread.detach_with(signal),
        Err(errno) => {
            tracing::debug!(%errno, tid = %call.tid, "a thread died while it made a call again");
            thread.detach();
        }
    }
}

/// Attaches to a thread, also if another thread of ours is just about to let go of it: one that attached by this number
/// to a thread that had gone, or that calls it back.
fn seize_when_free(tid: Pid) -> Result<Traced, Errno> {
    let limit = Instant::now() + FREE_MAX;
    let mut pause = PAUSE_MIN;
    loop {
        match Traced::seize(tid) {
            Err(Errno::PERM) if is_traced_by_us(tid) && Instant::now() < limit => {
                std::thread::sleep(pause);
                pause = (2 * pause).min(PAUSE_MAX);
            }
            // It may have been let go since.
            Err(Errno::PERM) => return Traced::seize(tid),
            done => return done,
        }
    }
}

/// Whether the debugger of a thread, if it has one, is a thread of ours.
fn is_traced_by_us(tid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
    let tracer = status
        .lines()
        .find_map(|row| row.strip_prefix("TracerPid:"));
    let tracer = tracer.unwrap_or_default().trim();
    std::fs::exists(format!("/proc/self/task/{tracer}")).unwrap_or(false)
}

/// How the repeated call ended.
enum End {
    /// With this result.
    Result(i64),
    /// A signal took it back.
    TakenBack(i64),
    /// It was not made: this signal came first, or none and the thread is to stop.
    Early(i32),
    /// The thread is another program now.
    Exec,
}

impl Again {
    /// Makes the call in the stopped thread; gives the signal that it is to go on with, or 0.
    fn carry_out(&self, thread: &Traced) -> Result<i32, Errno> {
        let before = thread.registers()?;
        let mask = thread.swap_mask(u64::MAX)?;
        let mut stopped = 0;
        let start = before.repeating(thread);
        let prepared = start.and_then(|start| {
            let pages = self.prepare(thread, start, &mut stopped)?;
            Ok((start, pages))
        });
        let (start, pages) = match prepared {
            Ok(prepared) => prepared,
            Err(errno) => {
                let failed = -i64::from(errno.raw_os_error());
                thread.set_registers(before.returning(failed))?;
                thread.swap_mask(mask)?;
                return Ok(stopped);
            }
        };
        thread.swap_mask(mask)?;
        let nr = i64::from(self.call.nr);
        match thread.attempt(start, (self.call.nr, self.arguments(pages.at)))? {
            End::Exec => return Ok(stopped),
            End::Result(result) => {
                let mask = thread.swap_mask(u64::MAX)?;
                let unmap = [pages.at, ROOM, 0, 0, 0, 0];
                thread.own_call(start, (libc::SYS_munmap, unmap), &mut stopped)?;
                thread.set_registers(before.returning(result))?;
                thread.swap_mask(mask)?;
            }
            End::TakenBack(result) => {
                lock(&LEFT).insert(number(self.call.tid), pages);
                let is_first_kept = self.arguments(pages.at)[0] == self.call.args[0];
                let registers = if is_first_kept {
                    before.taken_back(self.call.nr, result)
                } else {
                    start.taken_back_anew(&self.call, before, result)
                };
                thread.set_registers(registers)?;
            }
            End::Early(signal) => {
                lock(&LEFT).insert(number(self.call.tid), pages);
                thread.set_registers(start.call_with(nr, self.call.args))?;
                return Ok(if signal == 0 { stopped } else { signal });
            }
        }
        Ok(stopped)
    }

    /// Pages of the thread with the texts in them: those of an attempt that a signal ended, if they are still there.
    fn prepare(
        &self,
        thread: &Traced,
        start: Registers,
        stopped: &mut i32,
    ) -> Result<Pages, Errno> {
        let kept = lock(&LEFT).remove(&number(thread.tid));
        let pages = match kept.filter(|pages| pages.are_there(thread.tid)) {
            Some(pages) => pages,
            None => Pages::map(thread, start, stopped)?,
        };
        let mut at = pages.at;
        for (_, instead) in &self.instead {
            if let Instead::Text(text) = instead {
                let text = [text.as_slice(), b"\0"].concat();
                let length = u64::try_from(text.len()).map_err(|_| Errno::NAMETOOLONG)?;
                if at + length > pages.at + MARK_AT {
                    return Err(Errno::NAMETOOLONG);
                }
                remote::write_all(thread.tid, at, &text)?;
                at += length;
            }
        }
        Ok(pages)
    }

    /// The arguments of the call, with the texts from `at` on.
    fn arguments(&self, mut at: u64) -> [u64; 6] {
        let mut arguments = self.call.args;
        for (position, instead) in &self.instead {
            arguments[*position] = match instead {
                Instead::Value(value) => *value,
                Instead::Text(text) => {
                    let here = at;
                    at += u64::try_from(text.len()).unwrap_or_default() + 1;
                    here
                }
            };
        }
        arguments
    }
}

impl Pages {
    fn map(thread: &Traced, start: Registers, stopped: &mut i32) -> Result<Self, Errno> {
        let wide = |value: i32| i64::from(value).cast_unsigned();
        let access = wide(libc::PROT_READ | libc::PROT_WRITE);
        let kind = wide(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let arguments = [0, ROOM, access, kind, wide(-1), 0];
        let at = thread.own_call(start, (libc::SYS_mmap, arguments), stopped)?;
        let at = u64::try_from(at).map_err(|_| Errno::NOMEM)?;
        let mut mark = [0; 16];
        rustix::rand::getrandom(&mut mark, rustix::rand::GetRandomFlags::empty())?;
        remote::write_all(thread.tid, at + MARK_AT, &mark)?;
        let mark = u128::from_ne_bytes(mark);
        Ok(Self { at, mark })
    }

    fn are_there(self, tid: Pid) -> bool {
        let mut mark = [0; 16];
        let read = remote::read_exact(tid, self.at + MARK_AT, &mut mark);
        read.is_ok() && u128::from_ne_bytes(mark) == self.mark
    }
}

impl Traced {
    /// Makes the stopped thread change to the directory behind its descriptor `number` and close that. If that
    /// fails, so does the call that the program made. Gives the signal that it is to go on with, or 0.
    fn enter(&self, number: i32) -> Result<i32, Errno> {
        let before = self.registers()?;
        let mask = self.swap_mask(u64::MAX)?;
        let mut stopped = 0;
        let result = before.repeating(self).and_then(|start| {
            let arguments = [i64::from(number).cast_unsigned(), 0, 0, 0, 0, 0];
            let result = self.own_call(start, (libc::SYS_fchdir, arguments), &mut stopped)?;
            self.own_call(start, (libc::SYS_close, arguments), &mut stopped)?;
            Ok(result)
        });
        let result = result.unwrap_or(-i64::from(libc::ENOENT));
        self.set_registers(before.returning(result))?;
        self.swap_mask(mask)?;
        Ok(stopped)
    }

    /// Makes a call of ours, for which all signals are held back.
    fn own_call(
        &self,
        start: Registers,
        (nr, arguments): (i64, [u64; 6]),
        stopped: &mut i32,
    ) -> Result<i64, Errno> {
        let number = u32::try_from(nr).map_err(|_| Errno::NOSYS)?;
        expect(self.tid, (number, arguments));
        self.set_registers(start.call_with(nr, arguments))?;
        for _ in 0..2 {
            loop {
                match self.go_on()? {
                    SYSCALL_STOP => break,
                    // A stop that no mask keeps off is made up for at the end.
                    signal if signal >> 8 == 0 => *stopped = signal,
                    _ => {}
                }
            }
        }
        Ok(self.registers()?.result())
    }

    /// Makes the program's call.
    fn attempt(&self, start: Registers, call: Expected) -> Result<End, Errno> {
        let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACEEXEC;
        let options = usize::try_from(options).map_err(|_| Errno::INVAL)?;
        self.request(libc::PTRACE_SETOPTIONS, 0, options)?;
        expect(self.tid, call);
        self.set_registers(start.call_with(call.0.into(), call.1))?;
        match self.go_on()? {
            SYSCALL_STOP => {}
            event if event >> 8 == libc::PTRACE_EVENT_STOP => return Ok(End::Early(0)),
            signal => return Ok(End::Early(signal & 0x7f)),
        }
        loop {
            match self.go_on()? {
                SYSCALL_STOP => break,
                EXEC_STOP => return Ok(End::Exec),
                _ => {}
            }
        }
        let result = self.registers()?.result();
        Ok(if TAKEN_BACK.contains(&result) {
            End::TakenBack(result)
        } else {
            End::Result(result)
        })
    }

    /// Lets the thread run to its next stop.
    fn go_on(&self) -> Result<i32, Errno> {
        self.request(libc::PTRACE_SYSCALL, 0, 0)?;
        await_own()
    }

    /// Lets the thread go, with a signal if the number is one.
    fn detach_with(self, signal: i32) {
        // Fails only for a thread that is gone.
        let _ = self.request(
            libc::PTRACE_DETACH,
            0,
            usize::try_from(signal).unwrap_or_default(),
        );
    }
}

/// Waits for the stop that was asked for. Signals that come before it wait: the mask lets none through later.
fn await_interruption() -> Result<(), Errno> {
    await_own().map(drop)
}

/// Waits for the one thread that this thread traces, which has no other children, whatever its id has become.
fn await_own() -> Result<i32, Errno> {
    let options = libc::WSTOPPED | libc::__WALL | libc::__WNOTHREAD;
    loop {
        let mut info = core::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: `info` is a live siginfo_t that the kernel fills.
        let result = unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options) };
        match check(result) {
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
            Ok(_) => {
                // SAFETY: zeroed at first, and all of its fields are integers.
                let info = unsafe { info.assume_init() };
                // SAFETY: a successful wait for a child fills the fields of SIGCHLD, si_status among them.
                return Ok(unsafe { info.si_status() });
            }
        }
    }
}

/// Notes for as long as it lives that a thread makes a call again.
struct UnderWay(Pid);

impl UnderWay {
    /// Waits until no other thread of this number is: one that another image has replaced, of which our thread for it
    /// does not know yet. Two of ours cannot trace one.
    fn begin(tid: Pid) -> Self {
        let mut under_way = lock(&UNDER_WAY);
        while under_way.contains_key(&number(tid)) {
            under_way = OVER.wait(under_way).unwrap_or_else(PoisonError::into_inner);
        }
        under_way.insert(number(tid), None);
        COUNT.fetch_add(1, Ordering::AcqRel);
        Self(tid)
    }
}

/// Lets this call of a thread that makes a call again through.
fn expect(tid: Pid, call: Expected) {
    if let Some(expected) = lock(&UNDER_WAY).get_mut(&number(tid)) {
        *expected = Some(call);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Ordering::AcqRel);
        lock(&UNDER_WAY).remove(&number(self.0));
        OVER.notify_all();
    }
}

fn number(tid: Pid) -> i32 {
    tid.as_raw_nonzero().get()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
