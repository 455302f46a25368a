//! Making a thread that waits in a call begin it anew, or carry out another one.
//!
//! [`recall::recall`] takes threads out of calls in which they sleep, so that the calls come again and can be answered.
//!
//! [`again::enter`] is another use: no value answers `chdir` into a directory that the kernel does not find at
//! that path, so the thread is stopped once as its call returns, made to repeat its system-call instruction as
//! `fchdir` and `close` of a descriptor that was put into its table, and let go with its registers as they were.
//! [`again::make`] has it repeat its own call with other arguments; [`still`] only holds threads. Called by `world` through the path layer and by
//! `files`. The thread cannot be one that a debugger holds already.
#![expect(
    unsafe_code,
    reason = "ptrace(2) and waitid(2) for stops have no safe wrapper"
)]

pub(crate) mod again;
pub(crate) mod recall;
pub(crate) mod still;

use core::mem::MaybeUninit;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::Pid;

use super::{check, remote};
use crate::outcome::Call;

/// Stops that are passed over before we give up: each is a signal that arrived meanwhile.
const PATIENCE: u32 = 64;
/// The longest pause between two looks whether a thread has stopped, and the first.
const PAUSE_MAX: Duration = Duration::from_millis(5);
/// See [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_micros(20);
/// How long a thread of ours may take to be gone once it has ended; a debugger of ours may keep it.
const ENDING_MAX: Duration = Duration::from_secs(1);
/// Bit that marks a stop at a system call, with `PTRACE_O_TRACESYSGOOD`.
const SYSCALL_STOP: i32 = libc::SIGTRAP | 0x80;
/// `PTRACE_GETSIGMASK` and `PTRACE_SETSIGMASK` of `<linux/ptrace.h>`.
const GET_MASK: u32 = 0x420a;
/// See [`GET_MASK`].
const SET_MASK: u32 = 0x420b;
/// `NT_PRSTATUS` of `<linux/elf.h>`: the general registers.
const GENERAL: usize = 1;
/// The instruction that makes a system call: `syscall`.
#[cfg(target_arch = "x86_64")]
const INSTRUCTION: [u8; 2] = [0x0f, 0x05];
/// The instruction that makes a system call: `svc #0`.
#[cfg(target_arch = "aarch64")]
const INSTRUCTION: [u8; 4] = [0x01, 0x00, 0x00, 0xd4];

/// Runs `act` in a thread of its own, whose end detaches from every thread that it has attached to, and waits for it.
///
/// # Errors
///
/// With nothing done: no thread can be started.
fn on_own_thread<T: Send>(act: impl FnOnce() -> T + Send) -> Result<T, Errno> {
    let failed = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::AGAIN);
    let named = std::thread::Builder::new().name("ugpio-tracer".into());
    let (own, done) = std::thread::scope(|scope| {
        let thread = named.spawn_scoped(scope, || (rustix::thread::gettid(), act()));
        let joined = thread.map_err(failed)?.join();
        Ok(joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    // Joined before the kernel is done with it. KERNEL: kernel/exit.c do_exit: exit_mm, then exit_notify detaches
    let path = format!("/proc/self/task/{own}");
    let limit = Instant::now() + ENDING_MAX;
    while std::fs::exists(&path).unwrap_or(false) && Instant::now() < limit {
        std::thread::yield_now();
    }
    Ok(done)
}

/// A thread that the calling one traces.
struct Traced {
    tid: Pid,
    /// Until when it is waited for. None for [`again`], which waits for nothing else and holds up no other thread.
    limit: Option<Instant>,
}

/// A call in which a thread sleeps: what the kernel shows of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Slept {
    /// Its number.
    pub(crate) nr: i64,
    /// Its first argument.
    pub(crate) first: u64,
}

/// The general registers of a thread.
#[derive(Clone, Copy)]
struct Registers(libc::user_regs_struct);

impl Traced {
    /// Attaches, and has the thread stop when it next returns to its program.
    fn seize(tid: Pid) -> Result<Self, Errno> {
        let thread = Self { tid, limit: None };
        let options = usize::try_from(libc::PTRACE_O_TRACESYSGOOD).map_err(|_| Errno::INVAL)?;
        thread.request(libc::PTRACE_SEIZE, 0, options)?;
        // Fails only if the thread has died, which the wait for its stop tells too.
        let _ = thread.request(libc::PTRACE_INTERRUPT, 0, 0);
        Ok(thread)
    }

    /// Waits for the stop that was asked for.
    fn await_interruption(&self) -> Result<(), Errno> {
        for _ in 0..PATIENCE {
            let status = self.await_stop()?;
            if status >> 8 == libc::PTRACE_EVENT_STOP {
                return Ok(());
            }
            // A signal that came first is delivered as without the stop.
            let signal = usize::try_from(status & 0x7f).map_err(|_| Errno::INVAL)?;
            self.request(libc::PTRACE_CONT, 0, signal)?;
        }
        Err(Errno::AGAIN)
    }

    /// Waits for the thread to stop and says why: a signal, and an event above it. Its death is left to whoever
    /// waits for that, and is `ECHILD` here; `ETIMEDOUT` if it has not stopped in time.
    fn await_stop(&self) -> Result<i32, Errno> {
        // No descriptor tells of a stop, and the signal for one goes to the session.
        let mut pause = PAUSE_MIN;
        loop {
            match self.look_for_stop() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
            if let Some(limit) = self.limit {
                if Instant::now() >= limit {
                    return Err(Errno::TIMEDOUT);
                }
                std::thread::sleep(pause);
                pause = (2 * pause).min(PAUSE_MAX);
            }
        }
    }

    /// The stop of the thread; waits for it if there is no limit.
    fn look_for_stop(&self) -> Result<Option<i32>, Errno> {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let id = self.tid.as_raw_nonzero().get().cast_unsigned();
        let wait = self.limit.map_or(0, |_| libc::WNOHANG);
        let options = libc::WSTOPPED | libc::__WALL | wait;
        // SAFETY: `info` is a live siginfo_t that the kernel fills.
        check(unsafe { libc::waitid(libc::P_PID, id, info.as_mut_ptr(), options) })?;
        // SAFETY: zeroed at first, and all of its fields are integers.
        let info = unsafe { info.assume_init() };
        // SAFETY: zero, or filled by a successful wait for a child.
        let pid = unsafe { info.si_pid() };
        // SAFETY: as above.
        let status = unsafe { info.si_status() };
        Ok((pid != 0).then_some(status))
    }

    /// Lets the thread go, if it still is.
    fn detach(self) {
        // Fails only for a thread that is gone.
        let _ = self.request(libc::PTRACE_DETACH, 0, 0);
    }

    /// The signal mask that the thread had; it gets another.
    fn swap_mask(&self, mut mask: u64) -> Result<u64, Errno> {
        let mut before = 0_u64;
        self.request(GET_MASK, size_of::<u64>(), (&raw mut before).addr())?;
        self.request(SET_MASK, size_of::<u64>(), (&raw mut mask).addr())?;
        Ok(before)
    }

    fn registers(&self) -> Result<Registers, Errno> {
        let mut registers = MaybeUninit::<libc::user_regs_struct>::zeroed();
        let mut vector = libc::iovec {
            iov_base: registers.as_mut_ptr().cast(),
            iov_len: size_of_val(&registers),
        };
        self.request(libc::PTRACE_GETREGSET, GENERAL, (&raw mut vector).addr())?;
        // SAFETY: zeroed at first, and all of its fields are integers.
        Ok(Registers(unsafe { registers.assume_init() }))
    }

    fn set_registers(&self, mut registers: Registers) -> Result<(), Errno> {
        let mut vector = libc::iovec {
            iov_base: (&raw mut registers.0).cast(),
            iov_len: size_of::<libc::user_regs_struct>(),
        };
        self.request(libc::PTRACE_SETREGSET, GENERAL, (&raw mut vector).addr())
    }

    /// One ptrace request. Private, so that `data` is always what `request` wants: a number, or the address of a
    /// live local that fits.
    fn request(&self, request: libc::c_uint, addr: usize, data: usize) -> Result<(), Errno> {
        let tid = self.tid.as_raw_nonzero().get();
        // SAFETY: the callers above pass no pointers but to live locals of the size that the request has.
        check(unsafe { libc::ptrace(request, tid, addr, data) }).map(drop)
    }
}

impl Registers {
    /// These registers, set back to the system-call instruction they have just passed.
    fn repeating(mut self, thread: &Traced) -> Result<Self, Errno> {
        let length = u64::try_from(INSTRUCTION.len()).map_err(|_| Errno::INVAL)?;
        let at = self.at().wrapping_sub(length);
        let mut code = INSTRUCTION;
        remote::read_exact(thread.tid, at, &mut code)?;
        self.set_at(at);
        if code == INSTRUCTION {
            Ok(self)
        } else {
            Err(Errno::NOSYS)
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Registers {
    fn at(&self) -> u64 {
        self.0.rip
    }

    fn set_at(&mut self, at: u64) {
        self.0.rip = at;
    }

    /// About to make the call `nr`.
    fn call_with(mut self, nr: i64, arguments: [u64; 6]) -> Self {
        self.0.rax = nr.cast_unsigned();
        [
            self.0.rdi, self.0.rsi, self.0.rdx, self.0.r10, self.0.r8, self.0.r9,
        ] = arguments;
        self.unrestarted()
    }

    /// Returned from a call with `result`.
    fn returning(mut self, result: i64) -> Self {
        self.0.rax = result.cast_unsigned();
        self.unrestarted()
    }

    /// On its way out of the call `nr`, which a signal took back.
    fn taken_back(mut self, nr: u32, result: i64) -> Self {
        self.0.rax = result.cast_unsigned();
        self.0.orig_rax = u64::from(nr);
        self
    }

    /// As [`taken_back`](Self::taken_back) of `before`, where the first argument was another meanwhile.
    fn taken_back_anew(self, call: &Call, before: Self, result: i64) -> Self {
        before.taken_back(call.nr, result)
    }

    /// The call that has just been ended with `EINTR`, about to be made again at another place. `close` has done its
    /// work even so.
    fn interrupted(mut self, _slept: Option<Slept>) -> Option<Self> {
        let nr = self.0.orig_rax.cast_signed();
        let is_call = nr >= 0 && nr != libc::SYS_close;
        (is_call && self.result() == -i64::from(libc::EINTR)).then(|| {
            self.0.rax = self.0.orig_rax;
            self.unrestarted()
        })
    }

    /// No call is under way that the kernel might begin anew.
    fn unrestarted(mut self) -> Self {
        self.0.orig_rax = u64::MAX;
        self
    }

    fn result(&self) -> i64 {
        self.0.rax.cast_signed()
    }
}

#[cfg(target_arch = "aarch64")]
impl Registers {
    fn at(&self) -> u64 {
        self.0.pc
    }

    fn set_at(&mut self, at: u64) {
        self.0.pc = at;
    }

    /// About to make the call `nr`.
    fn call_with(mut self, nr: i64, arguments: [u64; 6]) -> Self {
        self.0.regs[8] = nr.cast_unsigned();
        self.0.regs[..6].copy_from_slice(&arguments);
        self
    }

    /// Returned from a call with `result`.
    fn returning(mut self, result: i64) -> Self {
        self.0.regs[0] = result.cast_unsigned();
        self
    }

    /// On its way out of a call that a signal took back. The kernel knows its number and first argument still.
    fn taken_back(mut self, _nr: u32, result: i64) -> Self {
        self.0.regs[0] = result.cast_unsigned();
        self
    }

    /// As [`taken_back`](Self::taken_back), where the first argument was another meanwhile, which the kernel would
    /// restart the call with: it is begun anew instead.
    // DIFFERS: such a call restarts even for a signal whose handler asks for EINTR.
    fn taken_back_anew(self, call: &Call, _before: Self, _result: i64) -> Self {
        self.call_with(i64::from(call.nr), call.args)
    }

    /// The call that has just been ended with `EINTR`, about to be made again at another place. The kernel shows its
    /// first argument no more, so it has to be the one in which the thread was found asleep.
    // DIFFERS: a call that the thread was about to sleep in ends with EINTR.
    fn interrupted(mut self, slept: Option<Slept>) -> Option<Self> {
        let slept = slept.filter(|slept| self.0.regs[8].cast_signed() == slept.nr)?;
        let is_call = slept.nr != libc::SYS_close;
        (is_call && self.result() == -i64::from(libc::EINTR)).then(|| {
            self.0.regs[0] = slept.first;
            self
        })
    }

    fn result(&self) -> i64 {
        self.0.regs[0].cast_signed()
    }
}
