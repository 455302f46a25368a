//! The table against the kernel's own lists of calls.

use std::collections::BTreeSet;

use super::*;
use crate::arch::Arch;

/// The calls that take no path and no directory. Four carry names in their memory, and are the kernel's: `sendmsg` and
/// `sendmmsg` (an address), `mq_open` and `mq_unlink` (message queues); `landlock_add_rule`, `syncfs` and `fsmount`
/// take a descriptor only.
const OTHERS: &str = "\
    _sysctl accept accept4 add_key adjtimex afs_syscall alarm arch_prctl brk cachestat capget capset \
    clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep \
    clock_nanosleep_time64 clock_settime clock_settime64 clone clone3 close close_range copy_file_range \
    create_module delete_module dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait \
    epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 exit exit_group fadvise64 fallocate fanotify_init \
    fcntl fdatasync finit_module flock fork fsmount fsopen fsync ftruncate futex futex_requeue futex_time64 \
    futex_wait futex_waitv futex_wake get_kernel_syms get_mempolicy get_robust_list get_thread_area getcpu \
    getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getpmsg getppid getpriority \
    getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid \
    init_module inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents \
    io_pgetevents_time64 io_setup io_submit io_uring_enter io_uring_register ioctl ioperm iopl ioprio_get \
    ioprio_set kcmp kexec_file_load kexec_load keyctl kill landlock_add_rule landlock_create_ruleset \
    landlock_restrict_self listen listmount listns lookup_dcookie lseek lsm_get_self_attr lsm_list_modules \
    lsm_set_self_attr madvise map_shadow_stack mbind membarrier memfd_create memfd_secret migrate_pages mincore \
    mlock mlock2 mlockall mmap modify_ldt move_pages mprotect mq_getsetattr mq_notify mq_open mq_timedreceive \
    mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd \
    msync munlock munlockall munmap nanosleep nfsservctl pause perf_event_open personality pidfd_getfd \
    pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl \
    pread64 preadv preadv2 prlimit64 process_madvise process_mrelease process_vm_readv process_vm_writev \
    pselect6 pselect6_time64 ptrace putpmsg pwrite64 pwritev pwritev2 query_module read readahead readv reboot \
    recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages request_key restart_syscall riscv_flush_icache \
    rseq rseq_slice_yield rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend \
    rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min \
    sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval \
    sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield \
    seccomp security select semctl semget semop semtimedop semtimedop_time64 sendfile sendmmsg sendmsg \
    set_mempolicy set_mempolicy_home_node set_robust_list set_thread_area set_tid_address setdomainname setfsgid \
    setfsuid setgid setgroups sethostname setitimer setns setpgid setpriority setregid setresgid setresuid \
    setreuid setrlimit setsid setsockopt settimeofday setuid shmat shmctl shmdt shmget shutdown sigaltstack \
    signalfd signalfd4 socket socketpair splice statmount sync sync_file_range sync_file_range2 syncfs sysfs \
    sysinfo syslog tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 \
    timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime \
    timerfd_settime64 times tkill tuxcall umask uname unshare uprobe uretprobe userfaultfd ustat \
    utimensat_time64 vfork vhangup vmsplice vserver wait4 waitid write writev";

/// The headers from which programs have the numbers; what builds Rust has one of them.
const HEADERS: [&str; 4] = [
    "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "/usr/include/asm/unistd_64.h",
    "/usr/include/aarch64-linux-gnu/asm/unistd_64.h",
    "/usr/include/asm-generic/unistd.h",
];

/// The names and numbers in a header.
fn calls_of(header: &str) -> Vec<(String, u32)> {
    header
        .lines()
        .filter_map(|line| {
            let mut words = line.strip_prefix("#define __NR")?.split_whitespace();
            let name = words.next()?.trim_start_matches("3264").strip_prefix('_')?;
            Some((name.to_owned(), words.next()?.parse().ok()?))
        })
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
fn every_call_of_the_kernel_has_a_row_or_takes_no_path() {
    let rows: BTreeSet<String> = ROWS.iter().map(|row| name_of(row.sys)).collect();
    let others: BTreeSet<&str> = OTHERS.split_whitespace().collect();
    let mut seen = 0;
    for header in HEADERS {
        let Ok(text) = std::fs::read_to_string(header) else {
            continue;
        };
        for (name, _) in calls_of(&text) {
            // The generic list has names of its own for what 32-bit machines call otherwise.
            if matches!(
                name.as_str(),
                "syscalls" | "arch_specific_syscall" | "fstatat"
            ) {
                continue;
            }
            let is_row = rows.contains(&name);
            assert_ne!(
                is_row,
                others.contains(name.as_str()),
                "{name}, of {header}"
            );
            seen += 1;
        }
    }
    assert!(seen > 300, "no header with system calls is installed");
}

#[test]
fn a_call_has_one_row_and_a_reason() {
    let calls: BTreeSet<Sys> = ROWS.iter().map(|row| row.sys).collect();
    assert_eq!(calls.len(), ROWS.len());
    for row in ROWS {
        match row.then {
            Native(why) | Refused(_, why) => assert!(why.len() > 10, "{:?}", row.sys),
            Paths(_) => assert!(!row.paths.is_empty(), "{:?}", row.sys),
            Whole(_) => {}
        }
        let places = row.paths.iter().map(|at| at.path).chain(row.empty);
        assert!(places.max().unwrap_or(0) < 6, "{:?}", row.sys);
        assert_eq!(find(row.sys).unwrap().sys, row.sys);
    }
}

#[test]
fn what_has_a_handler_is_trapped_on_both_machines() {
    let spec = crate::filter::FilterSpec::standard();
    for arch in [Arch::X86_64, Arch::Aarch64] {
        for row in ROWS {
            let Some(number) = arch.number(row.sys) else {
                continue;
            };
            let verdict = crate::filter::tests::verdict_of(&spec, arch, number);
            let expected = match row.then {
                Paths(_) | Whole(_) => libc::SECCOMP_RET_USER_NOTIF,
                Native(_) => libc::SECCOMP_RET_ALLOW,
                Refused(errno, _) => libc::SECCOMP_RET_ERRNO | errno.raw_os_error().cast_unsigned(),
            };
            assert_eq!(verdict, expected, "{arch:?} {:?}", row.sys);
        }
    }
}
