//! The threads of the run that could see the files of a chip hang up one after the other.
//!
//! [`find`] gives them to [`crate::sys::ptrace::still`]: all threads of a process that has one of the files, or an
//! epoll set with one in it, except those asleep in calls that a stop would harm. Those of trapped calls are left to
//! sleep as well: no call is answered meanwhile.

use std::collections::HashSet;

use rustix::process::Pid;

use crate::descendants;
use crate::procdir::Object;
use crate::sys::ptrace::Slept;
use crate::sys::ptrace::still::{Doing, Looker};

/// What `/proc` shows for an epoll set.
const EPOLL: &[u8] = b"anon_inode:[eventpoll]";

/// Calls that go on after a stop as if there had been none, by all that a program can see of them: they begin anew
/// with the rest of their time, or have none.
// KERNEL: signal(7), "Interruption of system calls and library functions by stop signals"
const RESTARTED: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_select,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_pause,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_restart_syscall,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_futex,
    libc::SYS_rt_sigsuspend,
    libc::SYS_wait4,
    libc::SYS_waitid,
];
/// Reads, which do so of anything but a socket with a time-out.
const READS: &[i64] = &[libc::SYS_read, libc::SYS_readv, libc::SYS_preadv2];
/// Waits that end with `EINTR`, and begin anew with all of their time.
const EPOLL_WAITS: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
];

/// The threads below this process that could see one of these files, and may be stopped.
pub(super) fn find(files: &HashSet<Object>) -> Vec<Looker> {
    let processes = descendants::of_this().into_iter();
    processes
        .flat_map(|process| lookers_of(process, files))
        .collect()
}

fn lookers_of(process: Pid, files: &HashSet<Object>) -> Vec<Looker> {
    let threads = numbers(&format!("/proc/{process}/task"));
    let threads: Vec<_> = threads.filter_map(Pid::from_raw).collect();
    // Not the first thread's table alone: it may have ended before the others, and each can have its own.
    if !threads.iter().any(|thread| has_one(*thread, files)) {
        return Vec::new();
    }
    let lookers = threads.into_iter().filter_map(Looker::new);
    lookers.filter(|looker| may_stop(looker, files)).collect()
}

fn may_stop(looker: &Looker, files: &HashSet<Object>) -> bool {
    let tid = looker.tid();
    match looker.doing() {
        Doing::Running | Doing::Waiting => true,
        Doing::Asleep(Slept { nr, first }) => {
            // A descriptor is an int, whatever its register has above it.
            #[expect(clippy::cast_possible_truncation, reason = "see above")]
            let number = first as i32;
            RESTARTED.contains(&nr)
                || READS.contains(&nr) && !link(tid, number).starts_with(b"socket:")
                || EPOLL_WAITS.contains(&nr) && is_in_set(tid, number, files)
        }
        Doing::Gone => false,
    }
}

/// Whether a thread has one of the files, or an epoll set with one in it.
fn has_one(tid: Pid, files: &HashSet<Object>) -> bool {
    numbers(&format!("/proc/{tid}/fd")).any(|number| {
        let link = link(tid, number);
        files.contains(&Object::parse(&link)) || link == EPOLL && is_in_set(tid, number, files)
    })
}

/// Whether one of the files may be in an epoll set: it is, or another set is, which is not looked into.
// KERNEL: fs/eventpoll.c ep_show_fdinfo (v6.12): a row for each file, with its inode
fn is_in_set(tid: Pid, number: i32, files: &HashSet<Object>) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{tid}/fdinfo/{number}")).unwrap_or_default();
    let own = text.lines().find_map(|row| row.strip_prefix("ino:\t"));
    let own = own.and_then(|inode| inode.trim().parse().ok());
    text.lines()
        .filter(|row| row.starts_with("tfd:"))
        .any(|row| {
            let inode = row
                .split_whitespace()
                .find_map(|word| word.strip_prefix("ino:"));
            let inode = inode.and_then(|inode| u64::from_str_radix(inode, 16).ok());
            inode.is_none_or(|inode| Some(inode) == own || files.contains(&Object::Pipe(inode)))
        })
}

fn link(tid: Pid, number: i32) -> Vec<u8> {
    rustix::fs::readlink(format!("/proc/{tid}/fd/{number}"), Vec::new())
        .map(std::ffi::CString::into_bytes)
        .unwrap_or_default()
}

/// The numbers that are names in a directory.
fn numbers(dir: &str) -> impl Iterator<Item = i32> + use<> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}
