//! System-call numbers of the machines ugpio runs on.
//!
//! [`Sys`] names the calls of `traps`, [`Arch`] is one machine's numbers for them. Both machines' are compiled
//! everywhere, so that the filter of the other one can be unit-tested too. `filter` builds programs from them and
//! `notif` turns a trapped number back into a [`Sys`].

macro_rules! calls {
    ($(
        $name:ident $x86:tt $arm:tt
        $(when [$($when:tt)*])? $(marks [$($mark:ident),*])? $(open [$($open:tt)*])? $(named [$($named:tt)*])?;
    )*) => {
        /// A system call by name, whatever its number is on this machine.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum Sys {$(
            #[doc = concat!("`", stringify!($name), "`, see `traps`.")]
            $name,
        )*}

        /// Every call with its number on x86-64 and on aarch64; a machine without the call has `None`.
        const TABLE: &[(Sys, Option<u32>, Option<u32>)] =
            &[$((Sys::$name, number!($x86), number!($arm)),)*];

        const MARKS: &[&[Mark]] = &[$(&[$($(Mark::$mark),*)?]),*];
    };
}

macro_rules! number {
    (_) => {
        None
    };
    ($number:literal) => {
        Some($number)
    };
}

for_each_call!(calls);

/// What is said of a call besides who answers it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mark {
    /// It is trapped on the descriptors of high numbers, whatever its arguments are: see `FilterSpec::read_from`.
    High,
    /// To carry it out twice is as good as once, so that an answer that was not received needs not be kept.
    Harmless,
    /// It fails if its handler panics. Others are the kernel's then, which does no harm.
    Ours,
    /// It looks at a path or a descriptor first and brings what is open up to date only when that is the board's. Calls
    /// with `paths` do so without the mark.
    Settles,
    /// It may give its thread another root or other mounts, which is remembered of each.
    Reroots,
}

impl Sys {
    /// Whether the row has this mark.
    pub(crate) fn is(self, mark: Mark) -> bool {
        MARKS[self as usize].contains(&mark)
    }
}

/// A machine's way of making system calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arch {
    /// 64-bit x86, without the x32 variant.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
}

impl Arch {
    /// The machine this build runs on.
    #[cfg(target_arch = "x86_64")]
    pub const NATIVE: Self = Self::X86_64;
    /// The machine this build runs on.
    #[cfg(target_arch = "aarch64")]
    pub const NATIVE: Self = Self::Aarch64;

    /// The value of `seccomp_data.arch`: `AUDIT_ARCH_*` of `<linux/audit.h>`.
    #[must_use]
    pub(crate) const fn audit(self) -> u32 {
        match self {
            Self::X86_64 => 0xc000_003e,
            Self::Aarch64 => 0xc000_00b7,
        }
    }

    /// The same of the 32-bit machine whose programs run beside this one's: i386, or Arm.
    pub(crate) const fn sibling(self) -> u32 {
        match self {
            Self::X86_64 => 0x4000_0003,
            Self::Aarch64 => 0x4000_0028,
        }
    }

    /// The numbers of `execve` and `execveat` there.
    pub(crate) const fn sibling_executes(self) -> [u32; 2] {
        match self {
            Self::X86_64 => [11, 358],
            Self::Aarch64 => [11, 387],
        }
    }

    /// The numbers of `chroot`, `pivot_root`, `unshare` and `setns` there.
    pub(crate) const fn sibling_reroots(self) -> [u32; 4] {
        match self {
            Self::X86_64 => [61, 217, 310, 346],
            Self::Aarch64 => [61, 218, 337, 375],
        }
    }

    /// The number of `sys` here, or `None` if this machine has no such call.
    #[must_use]
    pub const fn number(self, sys: Sys) -> Option<u32> {
        // INVARIANT: TABLE has one row per `Sys` in declaration order, as the macro writes both.
        let (_, x86, arm) = TABLE[sys as usize];
        match self {
            Self::X86_64 => x86,
            Self::Aarch64 => arm,
        }
    }

    /// The call numbered `nr` here, or `None` for a call the supervisor has no name for.
    #[must_use]
    pub fn call(self, nr: u32) -> Option<Sys> {
        static X86_64: [u8; NUMBERS] = rows(Arch::X86_64);
        static AARCH64: [u8; NUMBERS] = rows(Arch::Aarch64);
        let rows = match self {
            Self::X86_64 => &X86_64,
            Self::Aarch64 => &AARCH64,
        };
        let row = *rows.get(usize::try_from(nr).ok()?)?;
        TABLE.get(usize::from(row)).map(|row| row.0)
    }

    /// Every call this machine has.
    pub fn calls(self) -> impl Iterator<Item = (Sys, u32)> {
        TABLE
            .iter()
            .filter_map(move |row| Some((row.0, self.number(row.0)?)))
    }
}

/// Whether call `nr` of the machine `audit` executes another program. The 32-bit sibling counts too.
pub(crate) fn executes(audit: u32, nr: u32) -> bool {
    let own = || matches!(Arch::NATIVE.call(nr), Some(Sys::Execve | Sys::Execveat));
    audit == Arch::NATIVE.audit() && own()
        || audit == Arch::NATIVE.sibling() && Arch::NATIVE.sibling_executes().contains(&nr)
}

/// Whether call `nr` of the machine `audit` may give its thread another root or other mounts. The 32-bit sibling
/// counts too.
pub(crate) fn reroots(audit: u32, nr: u32) -> bool {
    let own = || {
        Arch::NATIVE
            .call(nr)
            .is_some_and(|sys| sys.is(Mark::Reroots))
    };
    audit == Arch::NATIVE.audit() && own()
        || audit == Arch::NATIVE.sibling() && Arch::NATIVE.sibling_reroots().contains(&nr)
}

/// Above every number in [`TABLE`].
const NUMBERS: usize = 512;

/// For each number the row in [`TABLE`] of its call, or a row that is not there.
const fn rows(arch: Arch) -> [u8; NUMBERS] {
    let mut rows = [u8::MAX; NUMBERS];
    let mut row: u8 = 0;
    while (row as usize) < TABLE.len() {
        if let Some(nr) = arch.number(TABLE[row as usize].0) {
            rows[nr as usize] = row;
        }
        row += 1;
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_and_names_are_one_to_one() {
        for arch in [Arch::X86_64, Arch::Aarch64] {
            let numbers: BTreeSet<u32> = arch.calls().map(|(_, nr)| nr).collect();
            assert_eq!(
                numbers.len(),
                arch.calls().count(),
                "{arch:?} has a number twice"
            );
            for (sys, nr) in arch.calls() {
                assert_eq!(arch.call(nr), Some(sys));
            }
        }
    }

    #[test]
    fn whoever_may_change_its_root_is_known() {
        let own = |nr: libc::c_long| reroots(Arch::NATIVE.audit(), u32::try_from(nr).unwrap());
        for nr in [
            libc::SYS_chroot,
            libc::SYS_pivot_root,
            libc::SYS_unshare,
            libc::SYS_setns,
        ] {
            assert!(own(nr), "{nr}");
        }
        assert!(!own(libc::SYS_chdir));
        assert!(reroots(Arch::NATIVE.sibling(), 61) && !reroots(Arch::NATIVE.sibling(), 12));
    }

    #[test]
    fn whoever_executes_is_known() {
        let own = |nr: libc::c_long| executes(Arch::NATIVE.audit(), u32::try_from(nr).unwrap());
        assert!(own(libc::SYS_execve) && own(libc::SYS_execveat));
        assert!(!own(libc::SYS_openat));
        assert!(executes(Arch::NATIVE.sibling(), 11));
        assert!(!executes(Arch::NATIVE.sibling(), 5));
    }
}
