//! The child that becomes the program: installs the filter, hands over the listener, and executes.

use core::mem::MaybeUninit;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recv, recvmsg, send, sendmsg,
};

use rustix::process::{Pid, Resource, Signal, getppid, set_parent_process_death_signal, setrlimit};

use super::ending::Failure;
use super::limits;
use super::plan::Plan;
use crate::outcome::Errno;
use crate::sys::process::{exec, exit_now, set_mask};
use crate::sys::seccomp::{self, Listener, Wait};
use crate::sys::startup;

/// First byte of the packet: the listener comes with it, and signals cannot take calls back.
const KILLABLE: u8 = b'k';
/// The listener comes with it, on an older kernel.
const INTERRUPTIBLE: u8 = b'i';
/// The filter could not be installed; the error number follows.
const NO_FILTER: u8 = b'n';
/// The program could not be executed; the error number follows.
const NO_EXEC: u8 = b'x';

/// Runs in the child and does not come back.
pub(super) fn become_program(plan: &Plan, supervisor: &OwnedFd, parent: Pid) -> ! {
    startup::restore();
    if let Some(limit) = plan.descriptors {
        let _ = setrlimit(Resource::Nofile, limit);
    }
    // Without the supervisor its calls are not answered. Whom it starts, the guardian and the front find.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    if getppid() != Some(parent) {
        exit_now(125);
    }
    match seccomp::install(&plan.filter) {
        Ok((listener, wait)) => send_listener(supervisor.as_fd(), listener.as_fd(), wait),
        Err(errno) => {
            send_error(supervisor.as_fd(), NO_FILTER, errno);
            exit_now(125);
        }
    }
    // The listener must not survive in the program: it was closed at the end of the arm above.
    set_mask(&plan.mask);
    let errno = exec(&plan.argv, &plan.env);
    send_error(supervisor.as_fd(), NO_EXEC, errno);
    exit_now(exec_code(errno).into())
}

// The filter is live from here on: only calls that no spec traps may be made (sendmsg, sendto, exit).

fn send_listener(supervisor: BorrowedFd<'_>, listener: BorrowedFd<'_>, wait: Wait) {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [listener];
    control.push(SendAncillaryMessage::ScmRights(&fds));
    let kind = match wait {
        Wait::Killable => KILLABLE,
        Wait::Interruptible => INTERRUPTIBLE,
    };
    if sendmsg(
        supervisor,
        &[IoSlice::new(&[kind])],
        &mut control,
        SendFlags::NOSIGNAL,
    )
    .is_err()
    {
        exit_now(125);
    }
}

fn send_error(supervisor: BorrowedFd<'_>, kind: u8, errno: Errno) {
    let number = errno.raw_os_error().to_le_bytes();
    let _ = send(
        supervisor,
        &[&[kind], &number[..]].concat(),
        SendFlags::NOSIGNAL,
    );
}

/// The supervisor's side: blocks until the filter is installed.
pub(super) fn receive_listener(tracee: BorrowedFd<'_>) -> Result<Listener, Failure> {
    let mut bytes = [0; 5];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let got = recvmsg(tracee, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC);
    let got = got.map_err(|errno| Failure::own(format!("cannot receive the listener: {errno}")))?;
    if got.flags.contains(ReturnFlags::CTRUNC) {
        let errno = Errno::MFILE;
        let text = format!("cannot receive the listener: {}", limits::because(errno));
        return Err(Failure::own(text));
    }
    let len = got.bytes;
    let fd = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    let listener = match (bytes[0], fd) {
        (KILLABLE, Some(fd)) => Listener::new(fd, Wait::Killable),
        (INTERRUPTIBLE, Some(fd)) => Listener::new(fd, Wait::Interruptible),
        (NO_FILTER, None) => return Err(filter_failure(error_in(&bytes[..len]))),
        _ => {
            return Err(Failure::own(
                "the program's process died before it could start",
            ));
        }
    };
    // The program waits meanwhile: its execve(2) is trapped.
    listener.check_kernel().map_err(filter_failure)?;
    Ok(listener)
}

/// The supervisor's side, later: why the program could not be executed, if so. Never blocks.
pub(super) fn receive_exec_failure(tracee: BorrowedFd<'_>, program: &str) -> Option<Failure> {
    let mut bytes = [0; 5];
    let (len, _) = recv(tracee, &mut bytes, RecvFlags::DONTWAIT).ok()?;
    (len == bytes.len() && bytes[0] == NO_EXEC)
        .then(|| exec_failure(program, reason(program, error_in(&bytes))))
}

fn error_in(bytes: &[u8]) -> Errno {
    let number = bytes.get(1..).and_then(|rest| rest.first_chunk());
    number.map_or(Errno::IO, |number| {
        Errno::from_raw_os_error(i32::from_le_bytes(*number))
    })
}

/// Why the program cannot be executed. A directory of `PATH` that cannot be searched makes execvp(3) say `EACCES` for
/// a program that is nowhere; shells say that it is not found.
fn reason(program: &str, errno: Errno) -> Errno {
    let is_somewhere = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|dir| dir.join(program).symlink_metadata().is_ok())
    };
    if errno == Errno::ACCESS && !program.contains('/') && !is_somewhere() {
        Errno::NOENT
    } else {
        errno
    }
}

/// As in a shell: 127 for a program that is not there, 126 for one that cannot be executed.
fn exec_code(errno: Errno) -> u8 {
    if matches!(errno, Errno::NOENT | Errno::NOTDIR) {
        127
    } else {
        126
    }
}

fn exec_failure(program: &str, errno: Errno) -> Failure {
    let code = exec_code(errno);
    let reason = match errno {
        Errno::NOENT if !program.contains('/') => "not found".into(),
        errno => std::io::Error::from(errno).to_string(),
    };
    // "Permission denied (os error 13)": the number adds nothing.
    let reason = reason
        .split(" (os error")
        .next()
        .unwrap_or(&reason)
        .to_lowercase();
    let verb = if code == 127 {
        "cannot run"
    } else {
        "cannot execute"
    };
    Failure {
        code,
        message: format!("{verb} {program}: {reason}"),
    }
}

/// What to do when the kernel refuses the filter.
fn filter_failure(errno: Errno) -> Failure {
    Failure::own(match errno {
        Errno::BUSY => "a seccomp listener is already installed here, and the kernel allows one: this is a `ugpio run` \
             inside another, or a container manager (LXD with system call interception) or WSL2 (mirrored networking) \
             has one. Start ugpio outside of it; on WSL2 set networkingMode=nat"
            .into(),
        Errno::NOSYS | Errno::INVAL => "this kernel's seccomp cannot do what ugpio run needs: that is Linux 5.14 or \
             newer with CONFIG_SECCOMP_FILTER, and no emulated kernel such as gVisor. Run it on such a kernel, or ask \
             `ugpio doctor`"
            .into(),
        Errno::PERM | Errno::ACCESS => "this container forbids seccomp(2): allow it in the container's seccomp profile \
             (Docker's and Podman's default profiles do)"
            .into(),
        Errno::OVERFLOW => "this kernel's seccomp is newer than this ugpio can handle: update ugpio".into(),
        errno => format!("cannot install the seccomp filter: {errno}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_to_execute_are_told_as_a_shell_does() {
        let failure = exec_failure("prog", Errno::NOENT);
        assert_eq!(
            (failure.code, failure.message.as_str()),
            (127, "cannot run prog: not found")
        );
        let failure = exec_failure("./prog", Errno::NOENT);
        assert_eq!(
            (failure.code, failure.message.as_str()),
            (127, "cannot run ./prog: no such file or directory")
        );
        let failure = exec_failure("./prog", Errno::ACCESS);
        assert_eq!(
            (failure.code, failure.message.as_str()),
            (126, "cannot execute ./prog: permission denied")
        );
    }

    #[test]
    fn refusals_of_the_kernel_say_what_to_do() {
        for (errno, word) in [
            (Errno::BUSY, "already installed"),
            (Errno::NOSYS, "5.14"),
            (Errno::PERM, "profile"),
        ] {
            let failure = filter_failure(errno);
            assert_eq!(failure.code, 125);
            assert!(
                failure.message.contains(word) && !failure.message.contains("  "),
                "{}",
                failure.message
            );
        }
    }
}
