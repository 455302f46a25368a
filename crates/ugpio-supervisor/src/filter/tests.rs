//! Interprets the assembled programs over tables of calls, for both machines.

use super::*;
use crate::sys::insn::{AND, ARCH, ARGS, DIV, JEQ, JEQ_X, JGE, JGT, LD_ABS, MUL, NR, RET, TAX};

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const TRAP: u32 = libc::SECCOMP_RET_USER_NOTIF;
const ENOSYS: u32 = libc::SECCOMP_RET_ERRNO | 38;
const BOTH: [Arch; 2] = [Arch::X86_64, Arch::Aarch64];

/// What the kernel would do with a call.
fn run(program: &[Insn], arch: u32, nr: u32, args: [u64; 6]) -> u32 {
    let word = |offset: u32| match offset {
        NR => nr,
        ARCH => arch,
        _ => {
            let arg = args[(offset - ARGS) as usize / 8];
            let half = if (offset - ARGS).is_multiple_of(8) {
                arg
            } else {
                arg >> 32
            };
            (half & u64::from(u32::MAX)).try_into().unwrap()
        }
    };
    let (mut a, mut x, mut pc) = (0_u32, 0_u32, 0);
    loop {
        let Insn { code, jt, jf, k } = program[pc];
        pc += 1;
        let taken = match code {
            LD_ABS => {
                a = word(k);
                continue;
            }
            AND => {
                a &= k;
                continue;
            }
            DIV => {
                a /= k;
                continue;
            }
            MUL => {
                a = a.wrapping_mul(k);
                continue;
            }
            TAX => {
                x = a;
                continue;
            }
            RET => return k,
            JEQ => a == k,
            JGT => a > k,
            JGE => a >= k,
            JEQ_X => a == x,
            other => panic!("unknown instruction {other:#x}"),
        };
        pc += usize::from(if taken { jt } else { jf });
    }
}

/// What `spec` does with a call of `arch`.
fn verdict(spec: &FilterSpec, arch: Arch, sys: Sys, args: [u64; 6]) -> u32 {
    run(
        &spec.assemble(arch),
        arch.audit(),
        arch.number(sys).unwrap(),
        args,
    )
}

/// What `spec` does with a call by its number, with all arguments 0.
pub(crate) fn verdict_of(spec: &FilterSpec, arch: Arch, number: u32) -> u32 {
    run(&spec.assemble(arch), arch.audit(), number, [0; 6])
}

#[test]
fn calls_without_a_name_run_untouched() {
    for arch in BOTH {
        let program = FilterSpec::standard().assemble(arch);
        for nr in 0..1000 {
            if arch.call(nr).is_none() {
                assert_eq!(
                    run(&program, arch.audit(), nr, [u64::MAX; 6]),
                    ALLOW,
                    "{arch:?} {nr}"
                );
            }
        }
    }
}

#[test]
fn gpio_ioctls_and_old_ones_are_trapped() {
    let spec = FilterSpec::standard();
    let table = [
        (0x8044_b401_u64, TRAP),
        (0xc250_b407, TRAP),
        (0xc010_b40f, TRAP),
        (0xb4ff, TRAP),
        (0xdead_beef_8044_b401, TRAP), // the kernel looks at 32 bits only
        (0x5401, TRAP),                // TCGETS
        (0x541b, TRAP),                // FIONREAD
        (0x54ff, TRAP),
        (0, TRAP),
        (0x5500, ALLOW),
        (0x8933, ALLOW), // SIOCGIFINDEX
        (0xae80, ALLOW), // KVM_RUN
        (0xb4_0000, ALLOW),
    ];
    for arch in BOTH {
        for (cmd, expected) in table {
            assert_eq!(
                verdict(&spec, arch, Sys::Ioctl, [3, cmd, 0, 0, 0, 0]),
                expected,
                "{cmd:#x}"
            );
        }
    }
}

#[test]
fn only_reads_of_whole_records_are_trapped() {
    let spec = FilterSpec::standard();
    let trapped = |count: u64| {
        u32::try_from(count).is_ok()
            && count != 0
            && (count.is_multiple_of(48) || count == 16 || count == 104)
    };
    let ends = [
        1 << 31,
        u64::from(u32::MAX),
        1 << 32,
        (1 << 32) + 48,
        u64::MAX,
        48 * 89_478_485,
    ];
    for arch in BOTH {
        for count in (0..5000).chain(ends) {
            let expected = if trapped(count) { TRAP } else { ALLOW };
            assert_eq!(
                verdict(&spec, arch, Sys::Read, [0, 0, count, 0, 0, 0]),
                expected,
                "{count}"
            );
        }
        for count in [16, 48, 96, 104, 288, 1536, 3072, 6144] {
            assert_eq!(
                verdict(&spec, arch, Sys::Read, [0, 0, count, 0, 0, 0]),
                TRAP,
                "{count}"
            );
        }
    }
}

#[test]
fn other_machines_run_untouched_but_for_other_programs_and_roots() {
    const AUDIT_ARCH_I386: u32 = 0x4000_0003;
    const AUDIT_ARCH_ARM: u32 = 0x4000_0028;
    const AUDIT_ARCH_S390X: u32 = 0x8000_0016;
    for arch in BOTH {
        let program = FilterSpec::standard().assemble(arch);
        let open = FilterSpec::empty().assemble(arch);
        let (sibling, trapped) = match arch {
            Arch::X86_64 => (AUDIT_ARCH_I386, [11, 358, 61, 217, 310, 346]),
            Arch::Aarch64 => (AUDIT_ARCH_ARM, [11, 387, 61, 218, 337, 375]),
        };
        for nr in 0..500 {
            let is_trapped = trapped.contains(&nr);
            let expected = if is_trapped { TRAP } else { ALLOW };
            assert_eq!(run(&program, sibling, nr, [0xb400; 6]), expected, "{nr}");
            assert_eq!(run(&open, sibling, nr, [0xb400; 6]), ALLOW);
            assert_eq!(run(&program, AUDIT_ARCH_S390X, nr, [0xb400; 6]), ALLOW);
        }
    }
}

#[test]
fn x32_calls_do_not_exist() {
    let program = FilterSpec::standard().assemble(Arch::X86_64);
    for nr in [X32_BIT, X32_BIT | 257, X32_BIT | 514, 0x7fff_ffff, u32::MAX] {
        assert_eq!(
            run(&program, Arch::X86_64.audit(), nr, [0; 6]),
            ENOSYS,
            "{nr:#x}"
        );
    }
    let program = FilterSpec::standard().assemble(Arch::Aarch64);
    assert_eq!(
        run(&program, Arch::Aarch64.audit(), X32_BIT | 56, [0; 6]),
        ALLOW
    );
}

#[test]
fn later_rules_replace_earlier_ones() {
    let spec = FilterSpec::standard().trap(Sys::Read, Always);
    for arch in BOTH {
        assert_eq!(verdict(&spec, arch, Sys::Read, [0; 6]), TRAP);
    }
}

#[test]
fn programs_are_short_and_jump_only_forward_inside() {
    let full = Arch::X86_64
        .calls()
        .fold(FilterSpec::empty(), |spec, (sys, _)| {
            spec.trap(sys, RecordShaped { arg: 2 })
        });
    for arch in BOTH {
        assert!(FilterSpec::standard().assemble(arch).len() < 300);
        for program in [FilterSpec::standard().assemble(arch), full.assemble(arch)] {
            assert!(program.len() <= 4096, "the kernel's limit");
            for (at, insn) in program.iter().enumerate() {
                assert!(
                    at + 1 + usize::from(insn.jt.max(insn.jf)) < program.len() || insn.code == RET
                );
            }
        }
    }
}

#[test]
fn a_program_reads_as_assembler() {
    let spec = FilterSpec::empty()
        .trap(
            Sys::Ioctl,
            Masked {
                arg: 1,
                mask: 0xff00,
                value: 0xb400,
            },
        )
        .trap(Sys::Read, RecordShaped { arg: 2 })
        .trap(Sys::Chdir, Always)
        .trap(Sys::IoUringSetup, Refused(Errno::NOSYS));
    let listing: Vec<String> = spec
        .assemble(Arch::X86_64)
        .iter()
        .map(Insn::to_string)
        .collect();
    let expected = [
        "ld arch",
        "jeq 0xc000003e +1 +0",
        "ret allow",
        "ld nr",
        "jge 0x40000000 +0 +1",
        "ret errno 38",
        "jeq 0x10 +0 +5",
        "ld arg1.low",
        "and 0xff00",
        "jeq 0xb400 +0 +1",
        "ret notify",
        "ret allow",
        "jeq 0x0 +0 +13",
        "ld arg2.high",
        "jeq 0x0 +0 +10",
        "ld arg2.low",
        "jeq 0x0 +8 +0",
        "jeq 0x10 +6 +0",
        "jeq 0x68 +5 +0",
        "div 48",
        "mul 48",
        "tax",
        "ld arg2.low",
        "jeq x +0 +1",
        "ret notify",
        "ret allow",
        "jeq 0x50 +0 +1",
        "ret notify",
        "jeq 0x1a9 +0 +1",
        "ret errno 38",
        "ret allow",
    ];
    assert_eq!(listing, expected);
}

#[test]
fn status_flags_and_shared_mappings_are_trapped() {
    let spec = FilterSpec::standard();
    for arch in BOTH {
        let fcntl = |cmd| verdict(&spec, arch, Sys::Fcntl, [3, cmd, 0, 0, 0, 0]);
        assert_eq!(
            [fcntl(2), fcntl(3), fcntl(4), fcntl(5), fcntl(1030)],
            [ALLOW, TRAP, TRAP, ALLOW, ALLOW]
        );
        let (lease, pipe) = ([1024, 1025].map(fcntl), [1031, 1032, 1033, 1034].map(fcntl));
        assert_eq!((lease, pipe), ([TRAP; 2], [TRAP; 4]));
        assert_eq!([0, 1, 7, 1023, 1027, 1035, 1 << 31].map(fcntl), [ALLOW; 7]);
        let mmap = |flags| verdict(&spec, arch, Sys::Mmap, [0, 4096, 1, flags, 3, 0]);
        assert_eq!(
            [mmap(1), mmap(2), mmap(0x21), mmap(0x22)],
            [TRAP, ALLOW, ALLOW, ALLOW]
        );
    }
}

#[test]
fn strict_traps_whatever_could_show_a_difference() {
    let spec = FilterSpec::standard().with_tree().strict();
    for arch in BOTH {
        for sys in [
            Sys::Read,
            Sys::Write,
            Sys::Ppoll,
            Sys::EpollPwait,
            Sys::Fcntl,
        ] {
            assert_eq!(verdict(&spec, arch, sys, [u64::MAX; 6]), TRAP, "{sys:?}");
        }
        assert_eq!(verdict(&spec, arch, Sys::Fchdir, [0; 6]), ALLOW);
    }
}

#[test]
fn reads_of_high_descriptors_are_trapped_whatever_the_rules_say() {
    let plain = FilterSpec::empty().trap(Sys::Read, RecordShaped { arg: 2 });
    let spec = plain.clone().read_from(960..1024);
    for arch in [Arch::X86_64, Arch::Aarch64] {
        for sys in [
            Sys::Read,
            Sys::Readv,
            Sys::Pread64,
            Sys::Lseek,
            Sys::Recvmsg,
            Sys::Bind,
        ] {
            let on = |spec: &FilterSpec, fd| verdict(spec, arch, sys, [fd, 0, 5, 0, 0, 0]);
            assert_eq!(on(&spec, 960), libc::SECCOMP_RET_USER_NOTIF, "{sys:?}");
            assert_eq!(on(&spec, 1023), libc::SECCOMP_RET_USER_NOTIF, "{sys:?}");
            assert_eq!(on(&spec, 959), libc::SECCOMP_RET_ALLOW, "{sys:?}");
            assert_eq!(on(&spec, 1024), libc::SECCOMP_RET_ALLOW, "{sys:?}");
            assert_eq!(on(&plain, 960), libc::SECCOMP_RET_ALLOW, "{sys:?}");
        }
        let shaped = verdict(&spec, arch, Sys::Read, [3, 0, 48, 0, 0, 0]);
        assert_eq!(shaped, libc::SECCOMP_RET_USER_NOTIF);
    }
}

/// Only with mounts of its own does a thread come to another root by `unshare`.
#[test]
fn new_roots_are_trapped() {
    let spec = FilterSpec::standard();
    for arch in BOTH {
        for (flags, expected) in [
            (libc::CLONE_NEWNS, TRAP),
            (libc::CLONE_NEWNS | libc::CLONE_NEWUSER, TRAP),
            (libc::CLONE_NEWUSER, ALLOW),
            (libc::CLONE_FILES | libc::CLONE_FS, ALLOW),
        ] {
            let mut args = [0; 6];
            args[0] = u64::from(flags.cast_unsigned());
            assert_eq!(
                verdict(&spec, arch, Sys::Unshare, args),
                expected,
                "{flags:x}"
            );
        }
    }
}
