//! A value call of a program against the least that the mechanism can cost.
//!
//! The floor is a notification received, 16 bytes copied in, 16 bytes copied out, and answered; no
//! look-up, no engine. Both sides use the synchronous wake-up and neither is pinned. All sides live at the
//! same time and make short batches of calls in turn, a millisecond each, so that what the machine does
//! meanwhile meets all of them; the ratio is the median of the ratios of batches that were neighbours.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use ugpio_supervisor::filter::FilterSpec;
use ugpio_supervisor::inside::{Arch, remote, seccomp};

use crate::client::{call, turns};
use crate::{Effort, head, me, numbers, row, row_with, run, spread};

/// Calls in one batch.
const BATCH: u32 = 200;

/// Prints the rows.
pub(crate) fn print(effort: Effort) {
    head();
    let mut taken: [Vec<f64>; 5] = Default::default();
    for _ in 0..effort.samples {
        // The filter that refuses kcmp costs every call a little, those of the floor too.
        let mut sides = [
            Side::start(&mut floor_process()),
            Side::start(&mut client("get")),
            Side::start(&mut client("set")),
            Side::start(refuse_kcmp(&mut floor_process())),
            Side::start(refuse_kcmp(&mut client("get"))),
        ];
        for turn in 0..effort.calls / BATCH {
            // There and back, so that nobody always comes after the same.
            for at in 0..sides.len() {
                let at = if turn % 2 == 0 {
                    at
                } else {
                    sides.len() - 1 - at
                };
                taken[at].push(sides[at].batch());
            }
        }
        sides.into_iter().for_each(Side::end);
    }
    let [floor, get, set, filtered_floor, without_kcmp] = &taken;
    pairs("GET_VALUES vs the mechanism's floor", floor, get);
    pairs("SET_VALUES vs the mechanism's floor", floor, set);
    pairs(
        "GET_VALUES where kcmp is refused",
        filtered_floor,
        without_kcmp,
    );
    untrapped(effort);
}

/// One row: both sides, with the median of the ratios of neighbours.
fn pairs(what: &str, yardstick: &[f64], ours: &[f64]) {
    let ratios: Vec<f64> = ours.iter().zip(yardstick).map(|(our, y)| our / y).collect();
    row_with(what, "us", yardstick, ours, spread(&ratios).1);
}

/// A call that the filter lets through.
fn untrapped(effort: Effort) {
    let calls = (effort.calls * 50).to_string();
    let words = ["client", "getppid", &calls, "1"];
    let (mut bare, mut filtered) = (Vec::new(), Vec::new());
    for _ in 0..effort.samples {
        bare.extend(numbers(Command::new(me()).args(words)));
        filtered.extend(numbers(run().arg(me()).args(words)));
    }
    let what = "an untrapped system call vs no filter";
    row(what, "ns", &bare, &filtered);
}

/// A process that makes batches of calls when it is told to.
struct Side {
    process: Child,
    go: ChildStdin,
    took: BufReader<ChildStdout>,
}

impl Side {
    fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = piped.spawn().unwrap();
        let (go, took) = (
            process.stdin.take().unwrap(),
            process.stdout.take().unwrap(),
        );
        let took = BufReader::new(took);
        Self { process, go, took }
    }

    /// Microseconds for each call of a batch.
    fn batch(&mut self) -> f64 {
        self.go.write_all(b"g").unwrap();
        let mut line = String::new();
        self.took.read_line(&mut line).unwrap();
        line.trim().parse().unwrap()
    }

    /// Tells it to end, and waits for that.
    fn end(self) {
        let Self {
            mut process, go, ..
        } = self;
        drop(go);
        assert!(process.wait().unwrap().success());
    }
}

/// The client inside a run.
fn client(what: &str) -> Command {
    let mut command = run();
    command.arg(me()).args(["client", what, &BATCH.to_string()]);
    command
}

/// The floor: a process that answers a child which does nothing else.
fn floor_process() -> Command {
    let mut command = Command::new(me());
    command.args(["floor", &BATCH.to_string()]);
    command
}

/// The floor alone, in microseconds.
pub(crate) fn measure_floor(calls: u32) -> Vec<f64> {
    let mut floor = Side::start(&mut floor_process());
    let taken = (0..calls / BATCH).map(|_| floor.batch()).collect();
    floor.end();
    taken
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

/// The floor's supervisor.
pub(crate) fn floor(words: &[String]) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut child = Command::new(me())
        .args(["floor-client", &words[0]])
        .stderr(OwnedFd::from(theirs))
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
    child.wait().unwrap();
}

/// The child of the floor: installs the filter of a run, sends its listener away, and calls.
pub(crate) fn floor_client(words: &[String]) {
    let calls = words[0].parse().unwrap();
    // Everything but the ioctl is let through by not being made between here and the last call.
    let (listener, _) = seccomp::install(&FilterSpec::standard().assemble(Arch::NATIVE)).unwrap();
    send(std::io::stderr().as_fd(), listener);
    let file = std::fs::File::from(rustix::io::dup(std::io::stdin()).unwrap());
    let mut bytes = [0_u8; 16];
    let get = gpio_uapi::abi::ioctl::GPIO_V2_LINE_GET_VALUES;
    turns(calls, || call(&file, get, &mut bytes));
    bytes[0] = u8::MAX;
    call(&file, get, &mut bytes);
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
