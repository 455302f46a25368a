//! Processes and signals: fork, exec, wait, masks, signalfd, and dying as another process died.
//!
//! For `launch` alone, which forks before any thread exists.
#![expect(
    unsafe_code,
    reason = "fork, exec and signal masks have no safe wrapper; see each block"
)]

use core::mem::MaybeUninit;
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use rustix::process::Pid;

use super::check;
use super::ptrace::again;

/// Held while children are waited for, and by whoever attaches to one with ptrace: see [`hold_waiting`].
static WAITING: Mutex<()> = Mutex::new(());

/// A set of signals.
#[derive(Clone, Copy)]
pub(crate) struct SignalSet(libc::sigset_t);

impl core::fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SignalSet(..)")
    }
}

impl SignalSet {
    /// Every signal.
    #[must_use]
    pub(crate) fn all() -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: `sigfillset` initialises the whole set.
        unsafe { libc::sigfillset(set.as_mut_ptr()) };
        // SAFETY: initialised by the call above, which cannot fail on a valid pointer.
        Self(unsafe { set.assume_init() })
    }

    /// One signal. Numbers that are none give the empty set.
    #[must_use]
    pub(crate) fn one(signal: i32) -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: `sigemptyset` initialises the whole set.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        // SAFETY: the set is initialised; a bad number is refused.
        unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
        // SAFETY: initialised by the first call above.
        Self(unsafe { set.assume_init() })
    }
}

/// Makes `set` the calling thread's signal mask and gives the previous one.
pub(crate) fn set_mask(set: &SignalSet) -> SignalSet {
    change_mask(libc::SIG_SETMASK, set)
}

fn change_mask(how: i32, set: &SignalSet) -> SignalSet {
    let mut old = SignalSet::all();
    // SAFETY: both sets are live and initialised.
    unsafe { libc::pthread_sigmask(how, &raw const set.0, &raw mut old.0) };
    old
}

/// Forks. `None` is the child.
///
/// # Errors
///
/// As fork(2): `EAGAIN` at the limit of processes, `ENOMEM`; and `EDEADLK` if this process has several threads, of
/// which the child would have only one.
pub(crate) fn fork() -> Result<Option<Pid>, Errno> {
    if std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() > 1) {
        return Err(Errno::DEADLK);
    }
    // SAFETY: there is one thread, so the child is a whole copy: no lock is held by a thread it lacks.
    let pid = check(unsafe { libc::fork() })?;
    Ok(i32::try_from(pid).ok().and_then(Pid::from_raw))
}

/// Ends this process at once, without destructors or exit handlers, which belong to the process it was forked from.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` takes any number and does not return.
    unsafe { libc::_exit(code) }
}

/// Replaces this process by the program `argv[0]`, looked up in `PATH`, with `env` added to its environment. Comes
/// back only to say why not. For a process with one thread.
#[must_use]
pub(crate) fn exec(argv: &[CString], env: &[(CString, CString)]) -> Errno {
    let Some(program) = argv.first() else {
        return Errno::INVAL;
    };
    for (name, value) in env {
        // SAFETY: both strings end in NUL; no other thread reads the environment meanwhile.
        unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) };
    }
    let null = core::iter::once(core::ptr::null());
    let pointers: Vec<*const libc::c_char> =
        argv.iter().map(|arg| arg.as_ptr()).chain(null).collect();
    // SAFETY: `pointers` is an array of strings that end in NUL, itself ended by a null pointer; all outlive the call.
    unsafe { libc::execvp(program.as_ptr(), pointers.as_ptr()) };
    super::last_errno()
}

/// One child that changed, with its status as wait(2) gives it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Change {
    /// The child.
    pub(crate) pid: Pid,
    /// What happened.
    pub(crate) status: ChildStatus,
}

/// What happened to a child.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ChildStatus {
    /// It ended with this code.
    Exited(i32),
    /// This signal killed it.
    Signaled(i32),
    /// This signal stopped it.
    Stopped(i32),
    /// It goes on.
    Continued,
}

/// The next change of a child of the calling thread, or `None` if there is none now.
///
/// # Errors
///
/// `ECHILD`: no child is left.
pub(crate) fn poll_children() -> Result<Option<Change>, Errno> {
    let _held = hold_waiting();
    while again::is_any_under_way() {
        match peek()? {
            None => return Ok(None),
            // Its tracer takes this stop in a moment.
            Some(pid) if again::is_under_way(pid) => std::thread::yield_now(),
            Some(pid) => return wait_for(pid.as_raw_nonzero().get(), CHANGES),
        }
    }
    wait_for(-1, CHANGES)
}

/// What the session waits for. The tracees of other threads are not its children.
const CHANGES: i32 = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED | libc::__WNOTHREAD;

/// The child whose change is next, which stays to be taken.
fn peek() -> Result<Option<Pid>, Errno> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let options = CHANGES | libc::WEXITED | libc::WNOWAIT;
    // SAFETY: `info` is a live siginfo_t that the kernel fills.
    check(unsafe { libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), options) })?;
    // SAFETY: zeroed at first, and all of its fields are integers.
    let info = unsafe { info.assume_init() };
    // SAFETY: zero, or filled by a successful wait for a child.
    Ok(Pid::from_raw(unsafe { info.si_pid() }))
}

/// Blocks until a child ends.
///
/// # Errors
///
/// `ECHILD`: no child is left.
pub(crate) fn wait_child() -> Result<Option<Change>, Errno> {
    wait_for(-1, 0)
}

fn wait_for(who: i32, options: i32) -> Result<Option<Change>, Errno> {
    let mut status = 0;
    // SAFETY: `status` is a live local.
    let pid = check(unsafe { libc::waitpid(who, &raw mut status, options) })?;
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Ok(None);
    };
    let status = if libc::WIFEXITED(status) {
        ChildStatus::Exited(libc::WEXITSTATUS(status))
    } else if libc::WIFSIGNALED(status) {
        ChildStatus::Signaled(libc::WTERMSIG(status))
    } else if libc::WIFSTOPPED(status) {
        ChildStatus::Stopped(libc::WSTOPSIG(status))
    } else {
        ChildStatus::Continued
    };
    Ok(Some(Change { pid, status }))
}

/// Keeps the session from waiting for children while this is held.
///
/// The session's `waitpid(-1)` would take the stop of a child that another thread has attached to with ptrace. Held
/// for the whole of such an attachment, which must therefore be short.
pub(crate) fn hold_waiting() -> MutexGuard<'static, ()> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A signal as a signalfd tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Received {
    /// Its number.
    pub(crate) signal: i32,
    /// Whether a process sent it, with kill(2) or the like, and not the kernel.
    pub(crate) is_sent: bool,
    /// Who sent it, if a process did.
    pub(crate) sender: Option<Pid>,
}

/// A descriptor that tells the signals in `set`, which must be blocked. It never blocks itself.
///
/// # Errors
///
/// As signalfd(2).
pub(crate) fn signal_fd(set: &SignalSet) -> Result<OwnedFd, Errno> {
    // SAFETY: the set is live; -1 asks for a new descriptor.
    let fd = check(unsafe {
        libc::signalfd(-1, &raw const set.0, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    })?;
    let fd = RawFd::try_from(fd).map_err(|_| Errno::IO)?;
    // SAFETY: fresh from the kernel and owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The next signal, or `None` if none is pending.
#[must_use]
pub(crate) fn read_signal(fd: BorrowedFd<'_>) -> Option<Received> {
    let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
    let size = size_of::<libc::signalfd_siginfo>();
    // SAFETY: the kernel writes at most `size` bytes to `info`.
    let got = unsafe { libc::read(fd.as_raw_fd(), info.as_mut_ptr().cast(), size) };
    if usize::try_from(got) != Ok(size) {
        return None;
    }
    // SAFETY: the kernel filled the struct, whose fields are integers.
    let info = unsafe { info.assume_init() };
    Some(Received {
        signal: info.ssi_signo.cast_signed(),
        is_sent: info.ssi_code <= 0,
        sender: i32::try_from(info.ssi_pid).ok().and_then(Pid::from_raw),
    })
}

/// A process to send signals to: by a descriptor that cannot come to mean another one, else by number.
#[derive(Debug)]
pub(crate) struct Target {
    pid: Pid,
    /// Or why there is none: the process may have been gone already.
    fd: Result<OwnedFd, Errno>,
}

impl Target {
    /// The process that has this number now.
    #[must_use]
    pub(crate) fn new(pid: Pid) -> Self {
        let fd = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty());
        Self { pid, fd }
    }

    /// Its number.
    #[must_use]
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends any signal, real-time ones included.
    ///
    /// # Errors
    ///
    /// `ESRCH`: it is gone. `EPERM`: not ours to signal.
    pub(crate) fn send(&self, signal: i32) -> Result<(), Errno> {
        let fd = match &self.fd {
            Ok(fd) => fd,
            // Its number may mean another process by now.
            Err(Errno::SRCH) => return Err(Errno::SRCH),
            Err(_) => {
                let pid = self.pid.as_raw_nonzero().get();
                // SAFETY: kill(2) touches no memory.
                return check(unsafe { libc::kill(pid, signal) }).map(drop);
            }
        };
        let null = core::ptr::null::<libc::siginfo_t>();
        // SAFETY: a null pointer asks the kernel to fill in the details.
        check(unsafe {
            libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), signal, null, 0)
        })
        .map(drop)
    }
}

/// Lets `signal` do to this process what it does by default, for as long as that takes: comes back after a stop was
/// continued, or if the signal has no effect (an orphaned process group does not stop, process 1 does not die).
pub(crate) fn suffer(signal: i32) {
    suffer_if(signal, || true);
}

/// Like [`suffer`] if `still` says so when the signal is already pending: a SIGCONT from then on takes it back, so
/// that a stop is not missed by whoever continues us. (SIGSTOP cannot be pending and acts at once.)
pub(crate) fn suffer_if(signal: i32, still: impl FnOnce() -> bool) {
    let one = SignalSet::one(signal);
    // SAFETY: SIG_DFL names no handler.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    change_mask(libc::SIG_BLOCK, &one);
    // SAFETY: raise(3) touches no memory.
    unsafe { libc::raise(signal) };
    if still() {
        change_mask(libc::SIG_UNBLOCK, &one);
        change_mask(libc::SIG_BLOCK, &one);
    } else {
        let now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: set and time are live; no details are asked for.
        unsafe { libc::sigtimedwait(&raw const one.0, core::ptr::null_mut(), &raw const now) };
    }
}

/// Closes what was inherited from our parent above the standard descriptors, in a process that must not keep it
/// open: whatever has no close-on-exec flag, which everything we open has.
pub(crate) fn close_inherited() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let numbers =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<RawFd>().ok());
    for fd in numbers.filter(|&fd| fd > 2).collect::<Vec<_>>() {
        // SAFETY: `F_GETFD` takes no argument and any number is allowed.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        if flags != -1 && flags & libc::FD_CLOEXEC == 0 {
            // SAFETY: std and rustix open with close-on-exec, so no owner in this process has this number.
            unsafe { libc::close(fd) };
        }
    }
}

/// Puts `/dev/null` in place of standard descriptors.
pub(crate) fn null_stdio(fds: impl IntoIterator<Item = RawFd>) {
    // SAFETY: the path ends in NUL.
    let null = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
    for fd in fds {
        // SAFETY: std's streams stay valid: the number means another file, which they allow for.
        unsafe { libc::dup2(null, fd) };
    }
    if null > 2 {
        // SAFETY: opened above and not used any more.
        unsafe { libc::close(null) };
    }
}

/// Renames the calling thread, as `ps` and `pkill` see it.
pub(crate) fn rename(name: &CStr) {
    let _ = rustix::thread::set_name(name);
}
