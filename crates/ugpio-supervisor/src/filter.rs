//! The seccomp filter as a value: which calls are trapped, when, and the program that says so to the kernel.
//!
//! A [`FilterSpec`] is a list of rules, [`FilterSpec::assemble`] turns it into classic BPF for one machine, and
//! `sys::seccomp::install` hands that to the kernel. The rules are those of `traps`, by [`Mode`]; `launch` takes the
//! spec, so that a run can add modes to [`FilterSpec::standard`]. The tests interpret the assembled program for both machines.

#[cfg(test)]
pub(crate) mod tests;

use core::ops::Range;

use rustix::io::Errno;

use Mode::{Lint, Release, Standard, Strict, Tree, Uevents};
use When::{Always, FileFcntl, GpioIoctl, Masked, RecordShaped, Refused};

use crate::arch::{Arch, Mark, Sys};
use crate::sys::insn::Insn;

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
pub(crate) enum When {
    /// Every time.
    Always,
    /// Never: it fails at once with this.
    Refused(Errno),
    /// If the low 32 bits of the argument, masked, equal a value.
    Masked {
        /// Which argument.
        arg: u8,
        /// The bits that count.
        mask: u32,
        /// What they must be.
        value: u32,
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

/// For what a call is trapped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// Every run.
    Standard,
    /// The gpio-sim control tree: every write, which may be a store whatever its size.
    Tree,
    /// The netlink sockets on which programs hear of devices that come and go. What is done with one is trapped by its
    /// number: see [`FilterSpec::read_from`].
    Uevents,
    /// A release of the kernel that is not the machine's.
    Release,
    /// What lint wants to know of: the ends of processes, and every wait for files.
    Lint,
    /// `--strict`: every call that could show that a descriptor is not what it seems to be.
    Strict,
}

const ALWAYS: (Mode, When) = (Standard, Always);
const TREE: (Mode, When) = (Tree, Always);
const LINT: (Mode, When) = (Lint, Always);
const STRICT: (Mode, When) = (Strict, Always);
/// Mappings of files that others see.
const SHARED_FILES: When = Masked {
    arg: 3,
    mask: (libc::MAP_SHARED | libc::MAP_ANONYMOUS).cast_unsigned(),
    value: libc::MAP_SHARED.cast_unsigned(),
};
/// Mounts of its own for a thread.
const NEW_MOUNTS: When = Masked {
    arg: 0,
    mask: libc::CLONE_NEWNS.cast_unsigned(),
    value: libc::CLONE_NEWNS.cast_unsigned(),
};
/// Sockets of the kernel's messages.
const NETLINK: When = Masked {
    arg: 0,
    mask: u32::MAX,
    value: libc::AF_NETLINK.cast_unsigned(),
};

macro_rules! whens {
    ($(
        $name:ident $x86:tt $arm:tt
        $(when [$($when:tt)*])? $(marks [$($mark:ident),*])? $(open [$($open:tt)*])? $(named [$($named:tt)*])?;
    )*) => {
        /// When each call is trapped or refused, by mode.
        pub(crate) const ROWS: &[(Sys, &[(Mode, When)])] = &[$((Sys::$name, &[$($($when)*)?])),*];
    };
}

for_each_call!(whens);

/// Which calls are trapped and which are refused; all others run untouched.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FilterSpec {
    rules: Vec<(Sys, When)>,
    /// On which descriptor numbers reads, seeks and the calls on sockets are trapped, whatever the rules say.
    read_from: Option<Range<u32>>,
}

impl FilterSpec {
    /// A filter that lets everything through.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// What `ugpio run` traps by default: path calls, GPIO ioctls, reads with the length of event records, which
    /// must fail with `ENODEV` after an unplug, and seldom used calls on descriptors whose errors differ.
    ///
    /// The calls of `io_uring` are refused as on a kernel without it, because opens through a ring bypass seccomp;
    /// programs fall back. All three, since a ring may come from outside the run. `fstat` and its like are trapped too: what stands for a chip is a pipe, and whoever walks a tree
    /// compares what `fstat` says of a directory with what `stat` said. `execve` is trapped because a thread's memory
    /// is another's afterwards (see `thread`); so are the calls by which a thread comes to another root, which is
    /// remembered of each.
    #[must_use]
    pub fn standard() -> Self {
        Self::empty().with(Standard)
    }

    /// Adds what the gpio-sim control tree needs.
    #[must_use]
    pub fn with_tree(self) -> Self {
        self.with(Tree)
    }

    /// Adds the sockets on which programs hear of devices.
    #[must_use]
    pub fn with_uevents(self) -> Self {
        self.with(Uevents)
    }

    /// Adds what tells the release of the kernel.
    #[must_use]
    pub fn with_release(self) -> Self {
        self.with(Release)
    }

    /// Adds what lint wants to know of.
    #[must_use]
    pub fn with_lint(self) -> Self {
        self.with(Lint)
    }

    /// Adds what `--strict` needs.
    #[must_use]
    pub fn strict(self) -> Self {
        self.with(Strict)
    }

    /// Adds the rules of a mode.
    fn with(self, mode: Mode) -> Self {
        ROWS.iter().fold(self, |spec, (sys, whens)| {
            let mut of_mode = whens.iter().filter(|(other, _)| *other == mode);
            match of_mode.next() {
                Some((_, when)) => spec.trap(*sys, *when),
                None => spec,
            }
        })
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

    /// Adds a rule for a call. One for the same call that is there already is replaced.
    fn trap(mut self, sys: Sys, when: When) -> Self {
        self.rules.retain(|rule| rule.0 != sys);
        self.rules.push((sys, when));
        self
    }

    /// Assembles the program for `arch`. Calls that this machine has not are left out.
    ///
    /// Calls of another machine (i386 on x86-64) run untouched, but for `execve` and what changes roots; x32 calls fail
    /// with `ENOSYS`, as in most kernels.
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
        for &(sys, when) in &self.rules {
            let Some(nr) = arch.number(sys) else { continue };
            let body = [self.high(sys), when.body()].concat();
            program.push(Insn::skip_unless_equal(nr, body.len()));
            program.extend(body);
        }
        let has_rule = |sys: &Sys| self.rules.iter().any(|rule| rule.0 == *sys);
        let high = arch.calls().filter(|(sys, _)| sys.is(Mark::High));
        for (sys, nr) in high.filter(|(sys, _)| self.read_from.is_some() && !has_rule(sys)) {
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
        let trapped = arch.sibling_executes().into_iter();
        let traps = trapped.chain(arch.sibling_reroots()).flat_map(trap);
        let body: Vec<_> = core::iter::once(Insn::load_nr()).chain(traps).collect();
        let mut program = vec![Insn::skip_unless_equal(arch.sibling(), body.len())];
        program.extend(body);
        program.push(allow);
        program
    }

    /// What comes before a call's own instructions: the look at its descriptor's number.
    fn high(&self, sys: Sys) -> Vec<Insn> {
        match self.read_from.as_ref().filter(|_| sys.is(Mark::High)) {
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

impl When {
    /// The instructions for one call; they end in a return on every path.
    fn body(self) -> Vec<Insn> {
        let trap = Insn::ret(libc::SECCOMP_RET_USER_NOTIF);
        let allow = Insn::ret(libc::SECCOMP_RET_ALLOW);
        match self {
            Self::Refused(errno) => vec![Insn::ret(refusal(errno))],
            Self::Always => vec![trap],
            Self::Masked { arg, mask, value } => {
                vec![
                    Insn::load_low(arg),
                    Insn::and(mask),
                    Insn::skip_unless_equal(value, 1),
                    trap,
                    allow,
                ]
            }
            Self::FileFcntl { arg } => file_fcntl(arg),
            Self::GpioIoctl { arg } => vec![
                Insn::load_low(arg),
                Insn::skip_if_above(OLD_IOCTL_MAX, 1),
                trap,
                Insn::and(0xff00),
                Insn::skip_unless_equal(0xb400, 1),
                trap,
                allow,
            ],
            Self::RecordShaped { arg } => record_shaped(arg),
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
