//! The seccomp filter as a value: which calls are trapped, when, and the program that says so to the kernel.
//!
//! A [`FilterSpec`] is a list of rules, [`FilterSpec::assemble`] turns it into classic BPF for one machine, and
//! `sys::seccomp::install` hands that to the kernel. `launch` takes the spec, so that strict mode and the gpio-sim
//! tree can add calls to [`FilterSpec::standard`]. The tests interpret the assembled program for both machines.

mod insn;
#[cfg(test)]
pub(crate) mod tests;

use core::ops::Range;

use rustix::io::Errno;

pub use self::insn::Insn;
use crate::arch::{Arch, Sys};
use crate::calls::table;

/// Bit that marks an x32 call on x86-64.
const X32_BIT: u32 = 0x4000_0000;
/// Size of an edge event record of ABI v2; an info change record of v2 is six of it.
const EVENT_V2: u32 = 48;
/// Size of an edge event record of ABI v1.
const EVENT_V1: u32 = 16;
/// Size of an info change record of ABI v1.
const INFO_CHANGED_V1: u32 = 104;

/// The largest of the old ioctl numbers that carry no size, up to those of terminals.
const OLD_IOCTL_MAX: u32 = 0x54ff;

/// Under which condition on its arguments a call is trapped. Arguments are counted from 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum When {
    /// Every time.
    Always,
    /// If the low 32 bits of the argument, masked, equal a value.
    Masked {
        /// Which argument.
        arg: u8,
        /// The bits that count.
        mask: u32,
        /// What they must be.
        value: u32,
    },
    /// Unless the low 32 bits of the argument are this.
    Unless {
        /// Which argument.
        arg: u8,
        /// The value that is let through.
        value: u32,
    },
    /// If the argument, as 64 bits, is at most this.
    AtMost {
        /// Which argument.
        arg: u8,
        /// The largest value that is trapped.
        max: u32,
    },
    /// If the low 32 bits of the argument are in this range, both ends included.
    Between {
        /// Which argument.
        arg: u8,
        /// The smallest value that is trapped.
        min: u32,
        /// The largest.
        max: u32,
    },
    /// If the argument is the number of an ioctl that is GPIO's, or one of the old numbers without a size that
    /// programs try on every file (`TCGETS`, `FIONREAD`).
    GpioIoctl {
        /// Which argument.
        arg: u8,
    },
    /// If the argument is a command of `fcntl` that shows or changes what a descriptor stands for: the status flags,
    /// leases, the size of a pipe, seals. Commands that duplicate a descriptor, set its own flags or lock records do
    /// not, and are the ones that programs repeat.
    FileFcntl {
        /// Which argument.
        arg: u8,
    },
    /// If the argument is a length with which event records are read: a multiple of 48 (v2 edges and info changes),
    /// 16 (a v1 edge) or 104 (a v1 info change), but not 0.
    RecordShaped {
        /// Which argument.
        arg: u8,
    },
}

/// What the filter does with a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Action {
    Trap(When),
    Refuse(Errno),
}

/// Which calls are trapped and which are refused; all others run untouched.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FilterSpec {
    rules: Vec<(Sys, Action)>,
    /// On which descriptor numbers reads, seeks and the calls on sockets are trapped, whatever the rules say.
    read_from: Option<Range<u32>>,
}

/// Calls that would take records out of what stands for a GPIO file, or show that it is a pipe. None is frequent.
const MOVING: [Sys; 13] = [
    Sys::Splice,
    Sys::Tee,
    Sys::Vmsplice,
    Sys::Sendfile,
    Sys::CopyFileRange,
    Sys::Fadvise64,
    Sys::Readahead,
    Sys::Fallocate,
    Sys::Ftruncate,
    Sys::SyncFileRange,
    Sys::Preadv2,
    Sys::Pwritev2,
    Sys::IoSubmit,
];

/// What is trapped on a descriptor of a high number.
const HIGH: [Sys; 19] = [
    Sys::Read,
    Sys::Readv,
    Sys::Pread64,
    Sys::Lseek,
    Sys::Connect,
    Sys::Accept,
    Sys::Accept4,
    Sys::Sendto,
    Sys::Sendmsg,
    Sys::Recvfrom,
    Sys::Recvmsg,
    Sys::Recvmmsg,
    Sys::Shutdown,
    Sys::Bind,
    Sys::Listen,
    Sys::Getsockname,
    Sys::Getpeername,
    Sys::Setsockopt,
    Sys::Getsockopt,
];

impl FilterSpec {
    /// A filter that lets everything through.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// What `ugpio run` traps by default: path calls, GPIO ioctls, reads with the length of event records, which
    /// must fail with `ENODEV` after an unplug, and seldom used calls on descriptors whose errors differ.
    ///
    /// `io_uring_setup` is refused as on a kernel without it, because opens through a ring bypass seccomp; programs
    /// fall back. `fstat` and its like are trapped too: what stands for a chip is a pipe, and whoever walks a tree
    /// compares what `fstat` says of a directory with what `stat` said. `execve` is trapped because a thread's memory
    /// is another's afterwards (see `thread`).
    #[must_use]
    pub fn standard() -> Self {
        let spec = Self::empty()
            .trap(Sys::Read, When::RecordShaped { arg: 2 })
            .trap(Sys::Readv, When::Always)
            .trap(Sys::Ioctl, When::GpioIoctl { arg: 1 })
            .trap(Sys::Fcntl, When::FileFcntl { arg: 1 })
            .trap(
                Sys::Mmap,
                // Shared mappings of files.
                When::Masked {
                    arg: 3,
                    mask: (libc::MAP_SHARED | libc::MAP_ANONYMOUS).cast_unsigned(),
                    value: libc::MAP_SHARED.cast_unsigned(),
                },
            )
            .trap(Sys::Fsync, When::Always)
            .trap(Sys::Fdatasync, When::Always);
        let spec = table::trapped()
            .chain(MOVING)
            .fold(spec, |spec, sys| spec.trap(sys, When::Always));
        table::refused().fold(spec, |spec, (sys, errno)| spec.refuse(sys, errno))
    }

    /// Adds what the gpio-sim control tree needs: every write, which may be a store whatever its size.
    #[must_use]
    pub fn with_tree(self) -> Self {
        let calls = [Sys::Write, Sys::Writev, Sys::Pwrite64, Sys::Pwritev];
        calls
            .into_iter()
            .fold(self, |spec, sys| spec.trap(sys, When::Always))
    }

    /// Adds the netlink sockets on which programs hear of devices that come and go. What is done with one is trapped
    /// by its number: see [`FilterSpec::read_from`].
    #[must_use]
    pub fn with_uevents(self) -> Self {
        let is_netlink = When::Masked {
            arg: 0,
            mask: u32::MAX,
            value: libc::AF_NETLINK.cast_unsigned(),
        };
        self.trap(Sys::Socket, is_netlink)
    }

    /// Adds what lint wants to know of: the ends of processes, and every wait for files.
    #[must_use]
    pub fn with_lint(self) -> Self {
        let calls = [
            Sys::ExitGroup,
            Sys::Poll,
            Sys::Ppoll,
            Sys::Select,
            Sys::Pselect6,
            Sys::EpollWait,
            Sys::EpollPwait,
            Sys::EpollPwait2,
        ];
        calls
            .into_iter()
            .fold(self, |spec, sys| spec.trap(sys, When::Always))
    }

    /// Adds what `--strict` needs: every call that could show that a descriptor is not what it seems to be.
    #[must_use]
    pub fn strict(self) -> Self {
        let calls = [
            Sys::Read,
            Sys::Readv,
            Sys::Pread64,
            Sys::Preadv,
            Sys::Write,
            Sys::Writev,
            Sys::Pwrite64,
            Sys::Pwritev,
            Sys::Lseek,
            Sys::Fcntl,
            Sys::Mmap,
            Sys::Ioctl,
            Sys::Poll,
            Sys::Ppoll,
            Sys::Select,
            Sys::Pselect6,
            Sys::EpollCtl,
            Sys::EpollWait,
            Sys::EpollPwait,
            Sys::EpollPwait2,
            Sys::RestartSyscall,
        ];
        calls
            .into_iter()
            .fold(self, |spec, sys| spec.trap(sys, When::Always))
    }

    /// Traps reads, seeks and the calls on sockets of descriptors with these numbers.
    #[must_use]
    pub fn read_from(self, numbers: Range<u32>) -> Self {
        Self {
            read_from: Some(numbers).filter(|numbers| !numbers.is_empty()),
            ..self
        }
    }

    /// From which descriptor number on calls are trapped by it; see [`FilterSpec::read_from`].
    pub(crate) fn reads_from(&self) -> Option<u32> {
        self.read_from.as_ref().map(|numbers| numbers.start)
    }

    /// Adds a trapped call. A rule for the same call that is there already is replaced.
    #[must_use]
    pub fn trap(self, sys: Sys, when: When) -> Self {
        self.with(sys, Action::Trap(when))
    }

    /// Adds a call that fails at once with `errno`. A rule for the same call that is there already is replaced.
    #[must_use]
    pub fn refuse(self, sys: Sys, errno: Errno) -> Self {
        self.with(sys, Action::Refuse(errno))
    }

    /// Removes the rule for a call, if any.
    #[must_use]
    pub fn allow(mut self, sys: Sys) -> Self {
        self.rules.retain(|rule| rule.0 != sys);
        self
    }

    fn with(self, sys: Sys, action: Action) -> Self {
        let mut spec = self.allow(sys);
        spec.rules.push((sys, action));
        spec
    }

    /// Assembles the program for `arch`. Calls that this machine has not are left out.
    ///
    /// Calls of another machine (i386 on x86-64) run untouched, but for `execve`; x32 calls fail with `ENOSYS`, as in
    /// most kernels.
    #[must_use]
    pub fn assemble(&self, arch: Arch) -> Vec<Insn> {
        let foreign = self.foreign(arch);
        let skipped = u8::try_from(foreign.len()).unwrap_or(u8::MAX);
        let mut program = vec![
            Insn::load_arch(),
            Insn::skip_if_equal(arch.audit(), skipped),
        ];
        program.extend(foreign);
        program.push(Insn::load_nr());
        if arch == Arch::X86_64 {
            program.push(Insn::skip_if_below(X32_BIT, 1));
            program.push(Insn::ret(refusal(Errno::NOSYS)));
        }
        for &(sys, action) in &self.rules {
            let Some(nr) = arch.number(sys) else { continue };
            let body = [self.high(sys), action.body()].concat();
            program.push(Insn::skip_unless_equal(nr, body.len()));
            program.extend(body);
        }
        let has_rule = |sys: &Sys| self.rules.iter().any(|rule| rule.0 == *sys);
        for sys in HIGH.into_iter().filter(|sys| !has_rule(sys)) {
            let (Some(nr), Some(_)) = (arch.number(sys), &self.read_from) else {
                continue;
            };
            let body = [self.high(sys), vec![Insn::ret(libc::SECCOMP_RET_ALLOW)]].concat();
            program.push(Insn::skip_unless_equal(nr, body.len()));
            program.extend(body);
        }
        program.push(Insn::ret(libc::SECCOMP_RET_ALLOW));
        program
    }

    /// What is done with calls of another machine.
    fn foreign(&self, arch: Arch) -> Vec<Insn> {
        let allow = Insn::ret(libc::SECCOMP_RET_ALLOW);
        if !self.rules.iter().any(|rule| rule.0 == Sys::Execve) {
            return vec![allow];
        }
        let trap = |nr| {
            let trap = Insn::ret(libc::SECCOMP_RET_USER_NOTIF);
            [Insn::skip_unless_equal(nr, 1), trap]
        };
        let traps = arch.sibling_executes().into_iter().flat_map(trap);
        let body: Vec<_> = core::iter::once(Insn::load_nr()).chain(traps).collect();
        let mut program = vec![Insn::skip_unless_equal(arch.sibling(), body.len())];
        program.extend(body);
        program.push(allow);
        program
    }

    /// What comes before a call's own instructions: the look at its descriptor's number.
    fn high(&self, sys: Sys) -> Vec<Insn> {
        match self.read_from.as_ref().filter(|_| HIGH.contains(&sys)) {
            Some(numbers) => vec![
                Insn::load_low(0),
                Insn::skip_if_below(numbers.start, 2),
                Insn::skip_if_above(numbers.end - 1, 1),
                Insn::ret(libc::SECCOMP_RET_USER_NOTIF),
            ],
            None => Vec::new(),
        }
    }
}

impl Action {
    /// The instructions for one call; they end in a return on every path.
    fn body(self) -> Vec<Insn> {
        let trap = Insn::ret(libc::SECCOMP_RET_USER_NOTIF);
        let allow = Insn::ret(libc::SECCOMP_RET_ALLOW);
        match self {
            Self::Refuse(errno) => vec![Insn::ret(refusal(errno))],
            Self::Trap(When::Always) => vec![trap],
            Self::Trap(When::Masked { arg, mask, value }) => {
                vec![
                    Insn::load_low(arg),
                    Insn::and(mask),
                    Insn::skip_unless_equal(value, 1),
                    trap,
                    allow,
                ]
            }
            Self::Trap(When::Unless { arg, value }) => vec![
                Insn::load_low(arg),
                Insn::skip_if_equal(value, 1),
                trap,
                allow,
            ],
            Self::Trap(When::AtMost { arg, max }) => vec![
                Insn::load_high(arg),
                Insn::skip_unless_equal(0, 3),
                Insn::load_low(arg),
                Insn::skip_if_above(max, 1),
                trap,
                allow,
            ],
            Self::Trap(When::Between { arg, min, max }) => vec![
                Insn::load_low(arg),
                Insn::skip_if_below(min, 2),
                Insn::skip_if_above(max, 1),
                trap,
                allow,
            ],
            Self::Trap(When::FileFcntl { arg }) => file_fcntl(arg),
            Self::Trap(When::GpioIoctl { arg }) => vec![
                Insn::load_low(arg),
                Insn::skip_if_above(OLD_IOCTL_MAX, 1),
                trap,
                Insn::and(0xff00),
                Insn::skip_unless_equal(0xb400, 1),
                trap,
                allow,
            ],
            Self::Trap(When::RecordShaped { arg }) => record_shaped(arg),
        }
    }
}

/// Traps lengths of whole records.
fn record_shaped(arg: u8) -> Vec<Insn> {
    vec![
        Insn::load_high(arg),
        Insn::skip_unless_equal(0, 10),
        Insn::load_low(arg),
        Insn::skip_if_equal(0, 8),
        Insn::skip_if_equal(EVENT_V1, 6),
        Insn::skip_if_equal(INFO_CHANGED_V1, 5),
        // X = count / 48 * 48; seccomp knows no remainder.
        Insn::divide(EVENT_V2),
        Insn::multiply(EVENT_V2),
        Insn::copy_to_x(),
        Insn::load_low(arg),
        Insn::skip_unless_equal_x(1),
        Insn::ret(libc::SECCOMP_RET_USER_NOTIF),
        Insn::ret(libc::SECCOMP_RET_ALLOW),
    ]
}

/// Traps the commands of [`When::FileFcntl`].
fn file_fcntl(arg: u8) -> Vec<Insn> {
    [
        vec![Insn::load_low(arg)],
        between(libc::F_GETFL, libc::F_SETFL),
        between(libc::F_SETLEASE, libc::F_GETLEASE),
        between(libc::F_SETPIPE_SZ, libc::F_GET_SEALS),
        vec![Insn::ret(libc::SECCOMP_RET_ALLOW)],
    ]
    .concat()
}

/// Traps if the number that was loaded is in this range, both ends included.
fn between(min: i32, max: i32) -> Vec<Insn> {
    vec![
        Insn::skip_if_below(min.cast_unsigned(), 2),
        Insn::skip_if_above(max.cast_unsigned(), 1),
        Insn::ret(libc::SECCOMP_RET_USER_NOTIF),
    ]
}

/// The return value that makes a call fail with `errno`.
fn refusal(errno: Errno) -> u32 {
    libc::SECCOMP_RET_ERRNO | (errno.raw_os_error().cast_unsigned() & libc::SECCOMP_RET_DATA)
}
