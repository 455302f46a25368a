//! The rows against the kernel's own lists of calls, the filter, and the page in `docs/`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rustix::io::Errno;

use crate::arch::{Arch, Mark, Sys};
use crate::calls::table::{self, Step};
use crate::filter::{self, FilterSpec, Mode, When};

/// The calls without a row: they take no path and no directory, and show nothing of an open file that is not what it
/// stands for. Two carry names in their memory, and are the kernel's: `mq_open` and `mq_unlink` (message queues); `landlock_add_rule`, `syncfs` and `fsmount` take a descriptor only.
const OTHERS: &str = "\
    _sysctl add_key adjtimex afs_syscall alarm arch_prctl brk cachestat capget capset clock_adjtime \
    clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep \
    clock_nanosleep_time64 clock_settime clock_settime64 clone clone3 close close_range create_module \
    delete_module dup dup2 dup3 epoll_create epoll_create1 epoll_ctl_old epoll_wait_old eventfd eventfd2 exit \
    fanotify_init finit_module flock fork fsmount fsopen futex futex_requeue futex_time64 futex_wait futex_waitv \
    futex_wake get_kernel_syms get_mempolicy get_robust_list get_thread_area getcpu getegid geteuid getgid \
    getgroups getitimer getpgid getpgrp getpid getpmsg getppid getpriority getrandom getresgid getresuid getrlimit \
    getrusage getsid gettid gettimeofday getuid init_module inotify_init inotify_init1 inotify_rm_watch io_cancel \
    io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup ioperm \
    iopl ioprio_get ioprio_set kcmp kexec_file_load kexec_load keyctl kill landlock_add_rule \
    landlock_create_ruleset landlock_restrict_self listmount listns lookup_dcookie lsm_get_self_attr \
    lsm_list_modules lsm_set_self_attr madvise map_shadow_stack mbind membarrier memfd_create memfd_secret \
    migrate_pages mincore mlock mlock2 mlockall modify_ldt move_pages mprotect mq_getsetattr mq_notify mq_open \
    mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget \
    msgrcv msgsnd msync munlock munlockall munmap nanosleep nfsservctl pause perf_event_open personality \
    pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect ppoll_time64 prctl \
    prlimit64 process_madvise process_mrelease process_vm_readv process_vm_writev pselect6_time64 ptrace putpmsg \
    query_module reboot recvmmsg_time64 remap_file_pages request_key riscv_flush_icache rseq rseq_slice_yield \
    rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait \
    rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity \
    sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 \
    sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp security semctl semget \
    semop semtimedop semtimedop_time64 set_mempolicy set_mempolicy_home_node set_robust_list \
    set_thread_area set_tid_address setdomainname setfsgid setfsuid setgid setgroups sethostname setitimer \
    setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid settimeofday setuid shmat shmctl \
    shmdt shmget sigaltstack signalfd signalfd4 socketpair statmount sync sync_file_range2 syncfs sysfs sysinfo \
    syslog tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime \
    timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill \
    tuxcall umask uprobe uretprobe userfaultfd ustat utimensat_time64 vfork vhangup vserver wait4 waitid";

/// The headers from which programs have the numbers, with their machine; what builds Rust has one of them.
const HEADERS: [(Arch, &str); 5] = [
    (
        Arch::X86_64,
        "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    ),
    (
        Arch::X86_64,
        "/usr/x86_64-linux-gnu/include/asm/unistd_64.h",
    ),
    (
        Arch::Aarch64,
        "/usr/include/aarch64-linux-gnu/asm/unistd_64.h",
    ),
    (
        Arch::Aarch64,
        "/usr/aarch64-linux-gnu/include/asm/unistd_64.h",
    ),
    (Arch::Aarch64, "/usr/include/asm-generic/unistd.h"),
];

/// Where the page with the calls is.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/trapped-calls.md");

/// The names and numbers in a header. The generic list has names of its own for what 32-bit machines call otherwise.
fn calls_of(header: &str) -> Vec<(String, u32)> {
    header
        .lines()
        .filter_map(|line| {
            let mut words = line.strip_prefix("#define __NR")?.split_whitespace();
            let name = words.next()?.trim_start_matches("3264").strip_prefix('_')?;
            let name = if name == "fstatat" {
                "newfstatat"
            } else {
                name
            };
            Some((name.to_owned(), words.next()?.parse().ok()?))
        })
        .filter(|(name, _)| name != "syscalls" && name != "arch_specific_syscall")
        .collect()
}

/// The name that a call has in the headers.
fn name_of(sys: Sys) -> String {
    let mut name = String::new();
    for letter in format!("{sys:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

#[test]
fn every_call_of_the_kernel_has_a_row_with_its_number_or_needs_none() {
    let rows: Vec<(String, Sys)> = filter::ROWS
        .iter()
        .map(|(sys, _)| (name_of(*sys), *sys))
        .collect();
    let others: BTreeSet<&str> = OTHERS.split_whitespace().collect();
    let mut seen = 0;
    for (arch, header) in HEADERS {
        let Ok(text) = std::fs::read_to_string(header) else {
            continue;
        };
        for (name, number) in calls_of(&text) {
            let row = rows.iter().find(|(row, _)| *row == name);
            let is_other = others.contains(name.as_str());
            assert_ne!(row.is_some(), is_other, "{name}, of {header}");
            if let Some((_, sys)) = row {
                assert_eq!(arch.number(*sys), Some(number), "{name}, of {header}");
            }
            seen += 1;
        }
    }
    assert!(seen > 300, "no header with system calls is installed");
}

#[test]
fn rows_are_complete() {
    for (sys, whens) in filter::ROWS {
        let steps = table::steps(*sys);
        for step in steps {
            match step {
                Step::Native(why) => assert!(why.len() > 10, "{sys:?}"),
                Step::Paths(row) => {
                    let places = row.paths.iter().map(|at| at.path).chain(row.empty);
                    assert!(places.max().is_some_and(|last| last < 6), "{sys:?}");
                }
                Step::Whole(_) => {}
            }
        }
        let is_native = matches!(steps, [.., Step::Native(_)]);
        let is_refused = matches!(whens, [(_, When::Refused(_))]);
        let is_trapped = !is_refused && !whens.is_empty() || sys.is(Mark::High);
        assert!(is_trapped || is_native, "{sys:?} has a row for nothing");
    }
}

#[test]
fn what_is_always_trapped_is_so_on_both_machines() {
    let spec = FilterSpec::standard();
    for arch in [Arch::X86_64, Arch::Aarch64] {
        for (sys, whens) in filter::ROWS {
            let Some(number) = arch.number(*sys) else {
                continue;
            };
            let expected = match whens {
                [(Mode::Standard, When::Always)] => libc::SECCOMP_RET_USER_NOTIF,
                [(Mode::Standard, When::Refused(errno))] => {
                    libc::SECCOMP_RET_ERRNO | errno.raw_os_error().cast_unsigned()
                }
                [] => libc::SECCOMP_RET_ALLOW,
                _ => continue,
            };
            let verdict = filter::tests::verdict_of(&spec, arch, number);
            assert_eq!(verdict, expected, "{arch:?} {sys:?}");
        }
    }
}

const NEW_MOUNTS: u32 = libc::CLONE_NEWNS.cast_unsigned();

/// When a call is trapped, in words.
fn condition((mode, when): &(Mode, When)) -> String {
    let mode = match mode {
        Mode::Standard | Mode::Tree | Mode::Uevents => "",
        Mode::Release => "with `--kernel-release`, ",
        Mode::Lint => "with `--lint`, ",
        Mode::Strict => "with `--strict`, ",
    };
    let when = match when {
        When::Always => "always".to_owned(),
        When::Refused(Errno::NOSYS) => "never; it fails with `ENOSYS`".to_owned(),
        When::Refused(errno) => format!("never; it fails with {errno}"),
        When::Masked { arg: 3, .. } => "for shared mappings of files".to_owned(),
        When::Masked {
            value: NEW_MOUNTS, ..
        } => "for `CLONE_NEWNS`".to_owned(),
        When::Masked { .. } => "for `AF_NETLINK`".to_owned(),
        When::GpioIoctl { .. } => "for GPIO's numbers and the old ones without a size".to_owned(),
        When::FileFcntl { .. } => "for status flags, leases, pipe sizes and seals".to_owned(),
        When::RecordShaped { .. } => "for lengths of whole event records".to_owned(),
    };
    format!("{mode}{when}")
}

fn page() -> String {
    let mut text = "\
# Trapped system calls

Every call that the supervisor has a row for in `crates/ugpio-supervisor/src/traps.rs`, from which this page is made:
`UGPIO_WRITE_PAGES=1 cargo test -p ugpio-supervisor --lib traps`. Calls without a row run untouched. A few high
descriptor numbers are those of netlink sockets for uevents and of polled `value` files.

| call | x86-64 | arm64 | trapped | why not |
|---|---|---|---|---|
"
    .to_owned();
    let number = |arch: Arch, sys| {
        let number = arch.number(sys).map(|number| number.to_string());
        number.unwrap_or_else(|| "none".to_owned())
    };
    for (sys, whens) in filter::ROWS {
        let mut when: Vec<String> = whens.iter().map(condition).collect();
        // What comes behind it adds nothing.
        match when.iter().position(|when| when == "always") {
            Some(always) => when.truncate(always + 1),
            None if sys.is(Mark::High) => when.push("on high descriptor numbers".to_owned()),
            None => {}
        }
        if when.is_empty() {
            when.push("never".to_owned());
        }
        let whys = table::steps(*sys).iter().filter_map(|step| match step {
            Step::Native(why) => Some(*why),
            _ => None,
        });
        let (x86, arm) = (number(Arch::X86_64, *sys), number(Arch::Aarch64, *sys));
        let (when, why) = (when.join("; "), whys.collect::<String>());
        writeln!(
            text,
            "| `{}` | {x86} | {arm} | {when} | {why} |",
            name_of(*sys)
        )
        .unwrap();
    }
    text
}

#[test]
fn the_page_says_what_the_rows_say() {
    let page = page();
    if std::env::var_os("UGPIO_WRITE_PAGES").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let there = std::fs::read_to_string(PAGE).unwrap_or_default();
    for (there, row) in there.lines().zip(page.lines()) {
        assert_eq!(there, row, "docs/trapped-calls.md says how to make it anew");
    }
    assert_eq!(there.len(), page.len());
}
