//! A value call of a program against the least that the mechanism can cost.
//!
//! The floor is a notification received, 16 bytes copied in, 16 bytes copied out, and answered; no
//! look-up, no engine. Both sides use the synchronous wake-up and neither is pinned.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use ugpio_supervisor::arch::Arch;
use ugpio_supervisor::filter::FilterSpec;
use ugpio_supervisor::sys::{remote, seccomp};

use crate::client::call;
use crate::{Effort, head, me, numbers, row, run};

/// Prints the rows.
pub(crate) fn print(effort: Effort) {
    head();
    let (mut floor, mut get, mut set) = (Vec::new(), Vec::new(), Vec::new());
    let (mut filtered_floor, mut without_kcmp) = (Vec::new(), Vec::new());
    for _ in 0..effort.samples {
        floor.extend(measure_floor(effort.calls));
        get.extend(sample("get", effort.calls));
        set.extend(sample("set", effort.calls));
        // The filter that refuses it costs every call a little, those of the floor too.
        let mut alone = Command::new(me());
        alone.args(["floor", &effort.calls.to_string()]);
        filtered_floor.extend(numbers(refuse_kcmp(&mut alone)));
        without_kcmp.extend(numbers(refuse_kcmp(&mut client("get", effort.calls))));
    }
    row("GET_VALUES vs the mechanism's floor", "us", &floor, &get);
    row("SET_VALUES vs the mechanism's floor", "us", &floor, &set);
    row(
        "GET_VALUES where kcmp is refused",
        "us",
        &filtered_floor,
        &without_kcmp,
    );

    let calls = effort.calls * 50;
    let (mut bare, mut filtered) = (Vec::new(), Vec::new());
    for _ in 0..effort.samples {
        bare.extend(numbers(Command::new(me()).args([
            "client",
            "getppid",
            &calls.to_string(),
            "1",
        ])));
        filtered.extend(sample("getppid", calls));
    }
    row(
        "an untrapped system call vs no filter",
        "ns",
        &bare,
        &filtered,
    );
}

/// One sample of the client inside a run.
fn sample(what: &str, calls: u32) -> Vec<f64> {
    numbers(&mut client(what, calls))
}

/// The client inside a run.
fn client(what: &str, calls: u32) -> Command {
    let mut command = run();
    command
        .arg(me())
        .args(["client", what, &calls.to_string(), "1"]);
    command
}

/// Makes `kcmp` fail with `EPERM` for a command and all it starts, as containers do by default.
fn refuse_kcmp(command: &mut Command) -> &mut Command {
    const KCMP: u32 = if cfg!(target_arch = "x86_64") {
        312
    } else {
        272
    };
    // BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, BPF_RET | BPF_K
    const LOAD: u16 = 0x20;
    const SKIP_UNLESS: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const fn insn(code: u16, jf: u8, k: u32) -> libc::sock_filter {
        libc::sock_filter { code, jt: 0, jf, k }
    }
    static FILTER: [libc::sock_filter; 4] = [
        // The number of the call is the first word of `seccomp_data`.
        insn(LOAD, 0, 0),
        insn(SKIP_UNLESS, 1, KCMP),
        insn(
            RETURN,
            0,
            libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned(),
        ),
        insn(RETURN, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let install = || {
        let program = libc::sock_fprog {
            len: 4,
            filter: FILTER.as_ptr().cast_mut(),
        };
        rustix::thread::set_no_new_privs(true)?;
        // SAFETY: the kernel reads one live struct and the instructions it points at.
        let done = unsafe {
            libc::prctl(
                libc::PR_SET_SECCOMP,
                libc::SECCOMP_MODE_FILTER,
                &raw const program,
            )
        };
        if done == 0 {
            Ok(())
        } else {
            Err(std::io::Error::last_os_error())
        }
    };
    // SAFETY: the closure makes two system calls and nothing else.
    unsafe { command.pre_exec(install) }
}

/// One sample of the floor, printed.
pub(crate) fn floor(words: &[String]) {
    for sample in measure_floor(words[0].parse().unwrap()) {
        println!("{sample}");
    }
}

/// One sample of the floor: this process answers a child that does nothing else.
pub(crate) fn measure_floor(calls: u32) -> Vec<f64> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut child = Command::new(me())
        .args(["floor-client", &calls.to_string()])
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let listener = seccomp::Listener::new(receive(&ours), seccomp::Wait::Killable);
    listener.set_sync_wake_up();
    let mut bytes = [0; 16];
    while let Ok(call) = listener.recv() {
        let Some(tid) = call.tid else { continue };
        remote::read_exact(tid, call.args[2], &mut bytes).unwrap();
        remote::write_all(tid, call.args[2], &bytes).unwrap();
        let _ = listener.reply(call.id, Ok(0));
        if bytes[0] == u8::MAX {
            break;
        }
    }
    drop(listener);
    let mut text = String::new();
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut text).unwrap();
    child.wait().unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

/// The child of the floor: installs the filter of a run, sends its listener away, and calls.
pub(crate) fn floor_client(words: &[String]) {
    let calls: u32 = words[0].parse().unwrap();
    // Everything but the ioctl is let through by not being made between here and the last call.
    let (listener, _) = seccomp::install(&FilterSpec::standard().assemble(Arch::NATIVE)).unwrap();
    send(std::io::stdin().as_fd(), listener);
    let file = std::fs::File::from(rustix::io::dup(std::io::stderr()).unwrap());
    let mut bytes = [0_u8; 16];
    let start = Instant::now();
    for _ in 0..calls {
        call(
            &file,
            gpio_uapi::abi::ioctl::GPIO_V2_LINE_GET_VALUES,
            &mut bytes,
        );
    }
    let took = start.elapsed().as_secs_f64() * 1e6 / f64::from(calls);
    println!("{took}");
    bytes[0] = u8::MAX;
    call(
        &file,
        gpio_uapi::abi::ioctl::GPIO_V2_LINE_GET_VALUES,
        &mut bytes,
    );
}

fn send(socket: impl AsFd, listener: OwnedFd) {
    let mut space = [core::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [listener.as_fd()];
    assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
    rustix::net::sendmsg(
        socket,
        &[std::io::IoSlice::new(b"l")],
        &mut control,
        SendFlags::empty(),
    )
    .unwrap();
}

fn receive(socket: &UnixStream) -> OwnedFd {
    let mut space = [core::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut into = [std::io::IoSliceMut::new(&mut byte)];
    rustix::net::recvmsg(socket, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    let rights = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    rights.unwrap()
}
