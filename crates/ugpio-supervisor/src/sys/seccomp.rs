//! seccomp user notification: installing the filter and talking to the listener.
//!
//! [`install`] runs in the child that is about to become the program; [`Listener`] is the supervisor's end, used by
//! the dispatcher threads of `notif`. Needs Linux 5.14 (`ADDFD_FLAG_SEND`); uses the killable wait of 5.19 and the
//! synchronous wake-up of 6.6 where they exist.
#![expect(
    unsafe_code,
    reason = "ioctls and seccomp(2) have no safe wrapper; see each block"
)]

use core::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::Pid;

use super::check;
use super::insn::Insn;
use crate::arch::Arch;
use crate::outcome::Call;

/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP` of `<linux/seccomp.h>` (6.6), which the libc crate has not.
const FD_SYNC_WAKE_UP: u64 = 1;
/// `_IOW('!', 4, __u64)`: `SECCOMP_IOCTL_NOTIF_SET_FLAGS`.
const NOTIF_SET_FLAGS: u32 = 0x4008_2104;
/// `_IOW('!', 3, struct seccomp_notif_addfd)`.
const NOTIF_ADDFD: u32 = 0x4018_2103;
/// `_IOW('!', 2, __u64)`.
const NOTIF_ID_VALID: u32 = 0x4008_2102;
/// `_IOWR('!', 1, struct seccomp_notif_resp)`.
const NOTIF_SEND: u32 = 0xc018_2101;
/// `_IOWR('!', 0, struct seccomp_notif)`.
const NOTIF_RECV: u32 = 0xc050_2100;

const _: () = {
    assert!(size_of::<libc::seccomp_notif>() == 80);
    assert!(size_of::<libc::seccomp_notif_resp>() == 24);
    assert!(size_of::<libc::seccomp_notif_addfd>() == 24);
    assert!(size_of::<Insn>() == size_of::<libc::sock_filter>());
    assert!(align_of::<Insn>() == align_of::<libc::sock_filter>());
};

/// Bytes kept behind the structs for kernels whose structs have grown.
const SPARE: usize = 176;

/// A struct of the kernel with room behind it: the kernel copies its own size, not ours.
#[repr(C)]
struct Roomy<T> {
    known: T,
    spare: [u8; SPARE],
}

/// One trapped system call as the kernel tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Notification {
    /// Cookie of this call, to answer it with.
    pub id: u64,
    /// The calling thread, `None` if it cannot be named in our pid namespace.
    pub tid: Option<Pid>,
    /// The system call's number.
    pub nr: u32,
    /// The machine it was made for (`AUDIT_ARCH_*`).
    pub arch: u32,
    /// The six argument registers.
    pub args: [u64; 6],
}

impl Notification {
    /// The call, or `None` if it is not ours to answer: made for another machine, or by a thread that has no id in our
    /// pid namespace.
    #[must_use]
    pub fn call(&self) -> Option<Call> {
        if self.arch != Arch::NATIVE.audit() {
            return None;
        }
        Some(Call {
            id: self.id,
            tid: self.tid?,
            sys: Arch::NATIVE.call(self.nr),
            nr: self.nr,
            args: self.args,
        })
    }
}

#[cfg(fuzzing)]
impl Notification {
    /// A call of this machine's, as the kernel would tell it.
    #[must_use]
    pub fn of(tid: Pid, nr: u32, args: [u64; 6]) -> Self {
        Self {
            id: 1,
            tid: Some(tid),
            nr,
            arch: crate::arch::Arch::NATIVE.audit(),
            args,
        }
    }
}

/// Whether a signal may interrupt a call that we have received but not answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wait {
    /// Only a deadly one (Linux 5.19).
    Killable,
    /// Any; the call then comes a second time, and `notif` replays its answer.
    Interruptible,
}

/// Installs `program` on the calling thread and gives the descriptor of its listener (close-on-exec).
///
/// Sets `no_new_privs` first, which an unprivileged thread needs. To be called in a single-threaded child.
///
/// # Errors
///
/// `EBUSY`: a filter with a listener is installed already. `ENOSYS`: no seccomp. `EINVAL`: no seccomp filters, no
/// user notification, or a program the kernel refuses. `EOVERFLOW`: the kernel's structs have outgrown ours.
pub fn install(program: &[Insn]) -> Result<(OwnedFd, Wait), Errno> {
    check_sizes()?;
    rustix::thread::set_no_new_privs(true)?;
    let killable =
        libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    match set_mode_filter(program, killable) {
        Err(Errno::INVAL) => set_mode_filter(program, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER)
            .map(|fd| (fd, Wait::Interruptible)),
        done => done.map(|fd| (fd, Wait::Killable)),
    }
}

/// `seccomp(SECCOMP_SET_MODE_FILTER)` with a flag that makes it return a descriptor.
fn set_mode_filter(program: &[Insn], flags: libc::c_ulong) -> Result<OwnedFd, Errno> {
    let len = u16::try_from(program.len()).map_err(|_| Errno::INVAL)?;
    let fprog = libc::sock_fprog {
        len,
        filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    // SAFETY: `fprog` points at `len` instructions laid out as `sock_filter` (asserted above); the kernel reads only.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const fprog,
        )
    };
    let fd = RawFd::try_from(check(fd)?).map_err(|_| Errno::INVAL)?;
    // SAFETY: with NEW_LISTENER the kernel returned a fresh descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Fails if the kernel's notification structs do not fit into ours with their spare room.
fn check_sizes() -> Result<(), Errno> {
    let mut sizes = libc::seccomp_notif_sizes {
        seccomp_notif: 0,
        seccomp_notif_resp: 0,
        seccomp_data: 0,
    };
    // SAFETY: the kernel writes one `seccomp_notif_sizes` (6 bytes, stable since 5.0) to a live local.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_GET_NOTIF_SIZES,
            0,
            &raw mut sizes,
        )
    };
    check(result)?;
    let fits = usize::from(sizes.seccomp_notif) <= size_of::<Roomy<libc::seccomp_notif>>()
        && usize::from(sizes.seccomp_notif_resp) <= size_of::<Roomy<libc::seccomp_notif_resp>>();
    if fits { Ok(()) } else { Err(Errno::OVERFLOW) }
}

/// The supervisor's end of a filter: receives trapped calls and answers them. Usable from many threads at once.
///
/// Every answer fails with `ENOENT` if the call is gone: its thread died, or a signal took it back (see [`Wait`]).
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    wait: Wait,
}

impl Listener {
    /// Wraps the descriptor that [`install`] gave, perhaps in another process.
    #[must_use]
    pub fn new(fd: OwnedFd, wait: Wait) -> Self {
        Self { fd, wait }
    }

    /// Another handle of the same listener.
    ///
    /// # Errors
    ///
    /// No descriptor is free.
    pub fn try_clone(&self) -> std::io::Result<Self> {
        Ok(Self::new(self.fd.try_clone()?, self.wait))
    }

    /// Whether the kernel can hand over a descriptor and answer the call in one step.
    ///
    /// # Errors
    ///
    /// `EINVAL`: it is older than Linux 5.14. Filters with a listener are older, from 5.0.
    pub(crate) fn check_kernel(&self) -> Result<(), Errno> {
        // KERNEL: kernel/seccomp.c seccomp_notify_addfd (5.14): the flags are judged before the call is looked for.
        // No call has been received yet, so none can be meant: ids start at a random number.
        match self.add_fd_reply(0, self.fd.as_fd(), true) {
            Ok(_) | Err(Errno::NOENT | Errno::INPROGRESS) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// Whether signals can take back a call that was received.
    #[must_use]
    pub fn wait(&self) -> Wait {
        self.wait
    }

    /// Blocks for the next trapped call.
    ///
    /// # Errors
    ///
    /// `EINTR`: a signal came. `ENOENT`: the caller died just now, or (since Linux 6.11) nobody is left: see
    /// [`is_hung_up`](Self::is_hung_up).
    pub fn recv(&self) -> Result<Notification, Errno> {
        // SAFETY: `seccomp_notif` and bytes are plain integers; the kernel insists on a zeroed buffer.
        let mut buf: Roomy<libc::seccomp_notif> = unsafe { core::mem::zeroed() };
        self.ioctl(NOTIF_RECV, (&raw mut buf).cast())?;
        let (n, data) = (buf.known, buf.known.data);
        Ok(Notification {
            id: n.id,
            tid: i32::try_from(n.pid).ok().and_then(Pid::from_raw),
            nr: data.nr.cast_unsigned(),
            arch: data.arch,
            args: data.args,
        })
    }

    /// Answers the call with a result, or with an error.
    ///
    /// # Errors
    ///
    /// `ENOENT`: the call is gone.
    pub fn reply(&self, id: u64, result: Result<i64, Errno>) -> Result<(), Errno> {
        let (val, error) = match result {
            Ok(val) => (val, 0),
            Err(errno) => (0, -errno.raw_os_error()),
        };
        self.send(libc::seccomp_notif_resp {
            id,
            val,
            error,
            flags: 0,
        })
    }

    /// Lets the kernel carry out the call as if it had not been trapped.
    ///
    /// # Errors
    ///
    /// `ENOENT`: the call is gone.
    pub(crate) fn cont(&self, id: u64) -> Result<(), Errno> {
        let flags =
            u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).map_err(|_| Errno::INVAL)?;
        self.send(libc::seccomp_notif_resp {
            id,
            val: 0,
            error: 0,
            flags,
        })
    }

    /// Puts a duplicate of `fd` into the caller's table at the lowest free number and gives that number; the call
    /// stays unanswered.
    ///
    /// # Errors
    ///
    /// `EMFILE`: the caller's table is full. `ENOENT`: the call is gone. `EBADF`: `fd` was opened with `O_PATH`.
    pub(crate) fn add_fd(&self, id: u64, fd: BorrowedFd<'_>, cloexec: bool) -> Result<i32, Errno> {
        self.addfd(id, fd, cloexec, 0, None)
    }

    /// Like [`add_fd_reply`](Self::add_fd_reply), with a number of our choice; what has it is closed.
    ///
    /// # Errors
    ///
    /// As [`add_fd`](Self::add_fd); `EBADF` if the caller may not have that number.
    pub(crate) fn add_fd_reply_at(
        &self,
        id: u64,
        fd: BorrowedFd<'_>,
        cloexec: bool,
        number: i32,
    ) -> Result<i32, Errno> {
        let flags = libc::SECCOMP_ADDFD_FLAG_SEND | libc::SECCOMP_ADDFD_FLAG_SETFD;
        let flags = u32::try_from(flags).map_err(|_| Errno::INVAL)?;
        self.addfd(id, fd, cloexec, flags, Some(number))
    }

    /// Like [`add_fd`](Self::add_fd), and answers the call with the number in the same step.
    ///
    /// # Errors
    ///
    /// As [`add_fd`](Self::add_fd).
    pub(crate) fn add_fd_reply(
        &self,
        id: u64,
        fd: BorrowedFd<'_>,
        cloexec: bool,
    ) -> Result<i32, Errno> {
        self.addfd(
            id,
            fd,
            cloexec,
            u32::try_from(libc::SECCOMP_ADDFD_FLAG_SEND).map_err(|_| Errno::INVAL)?,
            None,
        )
    }

    /// Whether the call still waits for an answer, which also says that its thread id still means the caller.
    #[must_use]
    pub(crate) fn is_valid(&self, mut id: u64) -> bool {
        self.ioctl(NOTIF_ID_VALID, (&raw mut id).cast()).is_ok()
    }

    /// Asks the kernel to wake the answered thread on this CPU, about eight times quicker on an idle machine.
    /// Kernels before 6.6 do not know the flag, which is no error.
    pub fn set_sync_wake_up(&self) {
        // SAFETY: the request takes its argument by value and touches no memory of ours.
        let _ = unsafe {
            libc::ioctl(
                self.fd.as_raw_fd(),
                libc::Ioctl::from(NOTIF_SET_FLAGS),
                FD_SYNC_WAKE_UP,
            )
        };
    }

    /// Whether the last process under the filter has ended. Never blocks.
    #[must_use]
    pub(crate) fn is_hung_up(&self) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::empty())];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut fds, Some(&now)).is_ok() && fds[0].revents().contains(PollFlags::HUP)
    }

    fn send(&self, resp: libc::seccomp_notif_resp) -> Result<(), Errno> {
        let mut buf = Roomy {
            known: resp,
            spare: [0; SPARE],
        };
        self.ioctl(NOTIF_SEND, (&raw mut buf).cast()).map(drop)
    }

    fn addfd(
        &self,
        id: u64,
        fd: BorrowedFd<'_>,
        cloexec: bool,
        flags: u32,
        number: Option<i32>,
    ) -> Result<i32, Errno> {
        let mut request = libc::seccomp_notif_addfd {
            id,
            flags,
            srcfd: fd.as_raw_fd().cast_unsigned(),
            newfd: number.unwrap_or(0).cast_unsigned(),
            newfd_flags: if cloexec {
                libc::O_CLOEXEC.cast_unsigned()
            } else {
                0
            },
        };
        let number = self.ioctl(NOTIF_ADDFD, (&raw mut request).cast())?;
        i32::try_from(number).map_err(|_| Errno::IO)
    }

    /// One ioctl of the listener. Private, so that `arg` is always a struct that fits `request`.
    #[cfg(not(fuzzing))]
    fn ioctl(&self, request: u32, arg: *mut libc::c_void) -> Result<i64, Errno> {
        // SAFETY: the callers above pass a live struct of the size that `request` encodes, with room for growth
        // where the kernel's size may exceed it (checked when the filter was installed).
        check(unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::Ioctl::from(request), arg) })
    }

    /// The same, answered by the program of `fuzz`.
    #[cfg(fuzzing)]
    fn ioctl(&self, request: u32, arg: *mut libc::c_void) -> Result<i64, Errno> {
        use crate::fuzz::{self, Answer};
        match request {
            NOTIF_ID_VALID if fuzz::is_valid() => Ok(0),
            NOTIF_SEND => {
                // SAFETY: as above, a live struct of the kind that the request takes.
                let sent = unsafe { arg.cast::<libc::seccomp_notif_resp>().read() };
                let value = match sent.error {
                    0 => sent.val,
                    error => i64::from(error),
                };
                fuzz::answer(match sent.flags {
                    0 => Answer::Value(value),
                    _ => Answer::Continue,
                })
                .map(|()| 0)
            }
            NOTIF_ADDFD => {
                // SAFETY: as above, a live struct of the kind that the request takes.
                let added = unsafe { arg.cast::<libc::seccomp_notif_addfd>().read() };
                // SAFETY: the descriptor was borrowed by our caller, and lives as long as it waits.
                let fd = unsafe { BorrowedFd::borrow_raw(added.srcfd.cast_signed()) };
                let sends = u32::try_from(libc::SECCOMP_ADDFD_FLAG_SEND);
                fuzz::give(fd, sends.is_ok_and(|flag| added.flags & flag != 0)).map(i64::from)
            }
            _ => Err(Errno::NOENT),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
