//! What this process was started with, recorded before the Rust runtime changes it.
//!
//! The runtime ignores SIGPIPE and opens `/dev/null` for closed standard descriptors before `main`. `launch` undoes
//! both for the program, which must find exactly what it would have found without us.
#![expect(
    unsafe_code,
    reason = "a hook before main, and the calls it makes, have no safe form"
)]

use core::sync::atomic::{AtomicBool, Ordering};

/// Whether SIGPIPE was ignored.
static PIPE_IGNORED: AtomicBool = AtomicBool::new(false);
/// Which of the descriptors 0, 1 and 2 were closed.
static CLOSED: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];

#[used]
// SAFETY: `.init_array` holds functions that the loader calls once before main, with arguments `record` need not
// take; it uses nothing that main or the runtime sets up.
#[unsafe(link_section = ".init_array")]
static RECORD: extern "C" fn() = record;

extern "C" fn record() {
    // SAFETY: `sigaction` is a plain struct of integers and pointers, for which zero is a value.
    let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
    // SAFETY: asks for the disposition only; `action` is a live local.
    unsafe { libc::sigaction(libc::SIGPIPE, core::ptr::null(), &raw mut action) };
    PIPE_IGNORED.store(action.sa_sigaction == libc::SIG_IGN, Ordering::Relaxed);
    for (fd, closed) in (0..).zip(&CLOSED) {
        // SAFETY: `F_GETFD` takes no argument and any number is allowed.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        closed.store(flags == -1, Ordering::Relaxed);
    }
}

/// Puts SIGPIPE and closed standard descriptors back as they were. For the child that becomes the program: it must
/// not use `std`'s standard streams afterwards.
pub(crate) fn restore() {
    let disposition = if PIPE_IGNORED.load(Ordering::Relaxed) {
        libc::SIG_IGN
    } else {
        libc::SIG_DFL
    };
    // SAFETY: SIG_IGN and SIG_DFL name no handler, so nothing of ours can run in a signal.
    unsafe { libc::signal(libc::SIGPIPE, disposition) };
    for (fd, closed) in (0..).zip(&CLOSED) {
        if closed.load(Ordering::Relaxed) {
            // SAFETY: the number was closed when we started, so only the runtime's /dev/null is there.
            unsafe { libc::close(fd) };
        }
    }
}
