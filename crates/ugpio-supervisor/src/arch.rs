//! System-call numbers of the machines ugpio runs on.
//!
//! [`Sys`] names the calls the supervisor may ever trap or deny, [`Arch`] is one machine's numbers for them. Both
//! tables are compiled everywhere, so that the filter of the other machine can be unit-tested too. `filter` builds
//! programs from them and `notif` turns a trapped number back into a [`Sys`].

/// Defines [`Sys`] and the number tables, one line a call: name, x86-64 number, aarch64 number.
macro_rules! system_calls {
    ($($(#[$doc:meta])* $name:ident: $x86:expr, $arm:expr;)*) => {
        /// A system call by name, whatever its number is on this machine.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum Sys { $($(#[$doc])* $name,)* }

        /// Every call with its number on x86-64 and on aarch64; a machine without the call has `None`.
        const TABLE: &[(Sys, Option<u32>, Option<u32>)] = &[$((Sys::$name, $x86, $arm),)*];
    };
}

system_calls! {
    /// `read`.
    Read: Some(0), Some(63);
    /// `write`.
    Write: Some(1), Some(64);
    /// `open`, which aarch64 has not.
    Open: Some(2), None;
    /// `stat`, which aarch64 has not.
    Stat: Some(4), None;
    /// `fstat`.
    Fstat: Some(5), Some(80);
    /// `lstat`, which aarch64 has not.
    Lstat: Some(6), None;
    /// `poll`, which aarch64 has not.
    Poll: Some(7), None;
    /// `lseek`.
    Lseek: Some(8), Some(62);
    /// `mmap`.
    Mmap: Some(9), Some(222);
    /// `ioctl`.
    Ioctl: Some(16), Some(29);
    /// `pread64`.
    Pread64: Some(17), Some(67);
    /// `pwrite64`.
    Pwrite64: Some(18), Some(68);
    /// `readv`.
    Readv: Some(19), Some(65);
    /// `writev`.
    Writev: Some(20), Some(66);
    /// `access`, which aarch64 has not.
    Access: Some(21), None;
    /// `select`, which aarch64 has not.
    Select: Some(23), None;
    /// `sendfile`.
    Sendfile: Some(40), Some(71);
    /// `uname`.
    Uname: Some(63), Some(160);
    /// `fcntl`.
    Fcntl: Some(72), Some(25);
    /// `fsync`.
    Fsync: Some(74), Some(82);
    /// `fdatasync`.
    Fdatasync: Some(75), Some(83);
    /// `truncate`.
    Truncate: Some(76), Some(45);
    /// `getcwd`.
    Getcwd: Some(79), Some(17);
    /// `chdir`.
    Chdir: Some(80), Some(49);
    /// `fchdir`.
    Fchdir: Some(81), Some(50);
    /// `rename`, which aarch64 has not.
    Rename: Some(82), None;
    /// `mkdir`, which aarch64 has not.
    Mkdir: Some(83), None;
    /// `rmdir`, which aarch64 has not.
    Rmdir: Some(84), None;
    /// `creat`, which aarch64 has not.
    Creat: Some(85), None;
    /// `link`, which aarch64 has not.
    Link: Some(86), None;
    /// `unlink`, which aarch64 has not.
    Unlink: Some(87), None;
    /// `symlink`, which aarch64 has not.
    Symlink: Some(88), None;
    /// `readlink`, which aarch64 has not.
    Readlink: Some(89), None;
    /// `chmod`, which aarch64 has not.
    Chmod: Some(90), None;
    /// `chown`, which aarch64 has not.
    Chown: Some(92), None;
    /// `lchown`, which aarch64 has not.
    Lchown: Some(94), None;
    /// `statfs`.
    Statfs: Some(137), Some(43);
    /// `fstatfs`.
    Fstatfs: Some(138), Some(44);
    /// `getxattr`.
    Getxattr: Some(191), Some(8);
    /// `lgetxattr`.
    Lgetxattr: Some(192), Some(9);
    /// `listxattr`.
    Listxattr: Some(194), Some(11);
    /// `llistxattr`.
    Llistxattr: Some(195), Some(12);
    /// `getdents64`.
    Getdents64: Some(217), Some(61);
    /// `restart_syscall`.
    RestartSyscall: Some(219), Some(128);
    /// `epoll_wait`, which aarch64 has not.
    EpollWait: Some(232), None;
    /// `epoll_ctl`.
    EpollCtl: Some(233), Some(21);
    /// `inotify_add_watch`.
    InotifyAddWatch: Some(254), Some(27);
    /// `openat`.
    Openat: Some(257), Some(56);
    /// `mkdirat`.
    Mkdirat: Some(258), Some(34);
    /// `newfstatat`.
    Newfstatat: Some(262), Some(79);
    /// `unlinkat`.
    Unlinkat: Some(263), Some(35);
    /// `renameat`.
    Renameat: Some(264), Some(38);
    /// `linkat`.
    Linkat: Some(265), Some(37);
    /// `symlinkat`.
    Symlinkat: Some(266), Some(36);
    /// `readlinkat`.
    Readlinkat: Some(267), Some(78);
    /// `fchmodat`.
    Fchmodat: Some(268), Some(53);
    /// `faccessat`.
    Faccessat: Some(269), Some(48);
    /// `pselect6`.
    Pselect6: Some(270), Some(72);
    /// `ppoll`.
    Ppoll: Some(271), Some(73);
    /// `splice`.
    Splice: Some(275), Some(76);
    /// `utimensat`.
    Utimensat: Some(280), Some(88);
    /// `epoll_pwait`.
    EpollPwait: Some(281), Some(22);
    /// `preadv`.
    Preadv: Some(295), Some(69);
    /// `pwritev`.
    Pwritev: Some(296), Some(70);
    /// `renameat2`.
    Renameat2: Some(316), Some(276);
    /// `seccomp`.
    Seccomp: Some(317), Some(277);
    /// `copy_file_range`.
    CopyFileRange: Some(326), Some(285);
    /// `pwritev2`.
    Pwritev2: Some(328), Some(287);
    /// `statx`.
    Statx: Some(332), Some(291);
    /// `exit_group`.
    ExitGroup: Some(231), Some(94);
    /// `io_uring_setup`.
    IoUringSetup: Some(425), Some(425);
    /// `openat2`.
    Openat2: Some(437), Some(437);
    /// `faccessat2`.
    Faccessat2: Some(439), Some(439);
    /// `epoll_pwait2`.
    EpollPwait2: Some(441), Some(441);
    /// `fchmodat2`.
    Fchmodat2: Some(452), Some(452);
    /// `socket`.
    Socket: Some(41), Some(198);
    /// `connect`.
    Connect: Some(42), Some(203);
    /// `accept`.
    Accept: Some(43), Some(202);
    /// `sendto`.
    Sendto: Some(44), Some(206);
    /// `recvfrom`.
    Recvfrom: Some(45), Some(207);
    /// `sendmsg`.
    Sendmsg: Some(46), Some(211);
    /// `recvmsg`.
    Recvmsg: Some(47), Some(212);
    /// `shutdown`.
    Shutdown: Some(48), Some(210);
    /// `bind`.
    Bind: Some(49), Some(200);
    /// `listen`.
    Listen: Some(50), Some(201);
    /// `getsockname`.
    Getsockname: Some(51), Some(204);
    /// `getpeername`.
    Getpeername: Some(52), Some(205);
    /// `setsockopt`.
    Setsockopt: Some(54), Some(208);
    /// `getsockopt`.
    Getsockopt: Some(55), Some(209);
    /// `accept4`.
    Accept4: Some(288), Some(242);
    /// `recvmmsg`.
    Recvmmsg: Some(299), Some(243);
    /// `ftruncate`.
    Ftruncate: Some(77), Some(46);
    /// `tee`.
    Tee: Some(276), Some(77);
    /// `vmsplice`.
    Vmsplice: Some(278), Some(75);
    /// `fadvise64`.
    Fadvise64: Some(221), Some(223);
    /// `readahead`.
    Readahead: Some(187), Some(213);
    /// `fallocate`.
    Fallocate: Some(285), Some(47);
    /// `sync_file_range`.
    SyncFileRange: Some(277), Some(84);
    /// `preadv2`.
    Preadv2: Some(327), Some(286);
    /// `io_submit`.
    IoSubmit: Some(209), Some(2);
    /// `execve`.
    Execve: Some(59), Some(221);
    /// `getdents`, which aarch64 has not.
    Getdents: Some(78), None;
    /// `fchmod`.
    Fchmod: Some(91), Some(52);
    /// `fchown`.
    Fchown: Some(93), Some(55);
    /// `utime`, which aarch64 has not.
    Utime: Some(132), None;
    /// `mknod`, which aarch64 has not.
    Mknod: Some(133), None;
    /// `uselib`, which aarch64 has not.
    Uselib: Some(134), None;
    /// `pivot_root`.
    PivotRoot: Some(155), Some(41);
    /// `chroot`.
    Chroot: Some(161), Some(51);
    /// `acct`.
    Acct: Some(163), Some(89);
    /// `mount`.
    Mount: Some(165), Some(40);
    /// `umount2`.
    Umount2: Some(166), Some(39);
    /// `swapon`.
    Swapon: Some(167), Some(224);
    /// `swapoff`.
    Swapoff: Some(168), Some(225);
    /// `quotactl`.
    Quotactl: Some(179), Some(60);
    /// `setxattr`.
    Setxattr: Some(188), Some(5);
    /// `lsetxattr`.
    Lsetxattr: Some(189), Some(6);
    /// `fsetxattr`.
    Fsetxattr: Some(190), Some(7);
    /// `fgetxattr`.
    Fgetxattr: Some(193), Some(10);
    /// `flistxattr`.
    Flistxattr: Some(196), Some(13);
    /// `removexattr`.
    Removexattr: Some(197), Some(14);
    /// `lremovexattr`.
    Lremovexattr: Some(198), Some(15);
    /// `fremovexattr`.
    Fremovexattr: Some(199), Some(16);
    /// `utimes`, which aarch64 has not.
    Utimes: Some(235), None;
    /// `mknodat`.
    Mknodat: Some(259), Some(33);
    /// `fchownat`.
    Fchownat: Some(260), Some(54);
    /// `futimesat`, which aarch64 has not.
    Futimesat: Some(261), None;
    /// `fanotify_mark`.
    FanotifyMark: Some(301), Some(263);
    /// `name_to_handle_at`.
    NameToHandleAt: Some(303), Some(264);
    /// `open_by_handle_at`.
    OpenByHandleAt: Some(304), Some(265);
    /// `execveat`.
    Execveat: Some(322), Some(281);
    /// `open_tree`.
    OpenTree: Some(428), Some(428);
    /// `move_mount`.
    MoveMount: Some(429), Some(429);
    /// `fsconfig`.
    Fsconfig: Some(431), Some(431);
    /// `fspick`.
    Fspick: Some(433), Some(433);
    /// `mount_setattr`.
    MountSetattr: Some(442), Some(442);
    /// `quotactl_fd`.
    QuotactlFd: Some(443), Some(443);
    /// `setxattrat`.
    Setxattrat: Some(463), Some(463);
    /// `getxattrat`.
    Getxattrat: Some(464), Some(464);
    /// `listxattrat`.
    Listxattrat: Some(465), Some(465);
    /// `removexattrat`.
    Removexattrat: Some(466), Some(466);
    /// `open_tree_attr`.
    OpenTreeAttr: Some(467), Some(467);
    /// `file_getattr`.
    FileGetattr: Some(468), Some(468);
    /// `file_setattr`.
    FileSetattr: Some(469), Some(469);
    /// `bpf`.
    Bpf: Some(321), Some(280);
}

impl Sys {
    /// Whether sockets alone have the call; most are trapped on those descriptors only that have a number for it.
    pub(crate) const fn is_of_sockets(self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::Accept
                | Self::Accept4
                | Self::Sendto
                | Self::Sendmsg
                | Self::Recvfrom
                | Self::Recvmsg
                | Self::Recvmmsg
                | Self::Shutdown
                | Self::Bind
                | Self::Listen
                | Self::Getsockname
                | Self::Getpeername
                | Self::Setsockopt
                | Self::Getsockopt
        )
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
    pub const fn audit(self) -> u32 {
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
    fn own_numbers_agree_with_the_c_library() {
        let sample = [
            (Sys::Read, libc::SYS_read),
            (Sys::Ioctl, libc::SYS_ioctl),
            (Sys::Openat, libc::SYS_openat),
            (Sys::Openat2, libc::SYS_openat2),
            (Sys::Newfstatat, libc::SYS_newfstatat),
            (Sys::Statx, libc::SYS_statx),
            (Sys::Faccessat, libc::SYS_faccessat),
            (Sys::Faccessat2, libc::SYS_faccessat2),
            (Sys::Readlinkat, libc::SYS_readlinkat),
            (Sys::Chdir, libc::SYS_chdir),
            (Sys::Getcwd, libc::SYS_getcwd),
            (Sys::Getxattr, libc::SYS_getxattr),
            (Sys::Lgetxattr, libc::SYS_lgetxattr),
            (Sys::Listxattr, libc::SYS_listxattr),
            (Sys::Llistxattr, libc::SYS_llistxattr),
            (Sys::Getdents64, libc::SYS_getdents64),
            (Sys::RestartSyscall, libc::SYS_restart_syscall),
            (Sys::Mkdirat, libc::SYS_mkdirat),
            (Sys::Unlinkat, libc::SYS_unlinkat),
            (Sys::Write, libc::SYS_write),
            (Sys::Writev, libc::SYS_writev),
            (Sys::Readv, libc::SYS_readv),
            (Sys::Pread64, libc::SYS_pread64),
            (Sys::Pwrite64, libc::SYS_pwrite64),
            (Sys::Fstat, libc::SYS_fstat),
            (Sys::Fcntl, libc::SYS_fcntl),
            (Sys::Mmap, libc::SYS_mmap),
            (Sys::Fsync, libc::SYS_fsync),
            (Sys::Fdatasync, libc::SYS_fdatasync),
            (Sys::Preadv, libc::SYS_preadv),
            (Sys::Pwritev, libc::SYS_pwritev),
            (Sys::Lseek, libc::SYS_lseek),
            (Sys::Fchdir, libc::SYS_fchdir),
            (Sys::Statfs, libc::SYS_statfs),
            (Sys::Fstatfs, libc::SYS_fstatfs),
            (Sys::EpollCtl, libc::SYS_epoll_ctl),
            (Sys::EpollPwait, libc::SYS_epoll_pwait),
            (Sys::EpollPwait2, libc::SYS_epoll_pwait2),
            (Sys::Ppoll, libc::SYS_ppoll),
            (Sys::Pselect6, libc::SYS_pselect6),
            (Sys::InotifyAddWatch, libc::SYS_inotify_add_watch),
            (Sys::Renameat, libc::SYS_renameat),
            (Sys::Renameat2, libc::SYS_renameat2),
            (Sys::Linkat, libc::SYS_linkat),
            (Sys::Symlinkat, libc::SYS_symlinkat),
            (Sys::Fchmodat, libc::SYS_fchmodat),
            (Sys::Utimensat, libc::SYS_utimensat),
            (Sys::Uname, libc::SYS_uname),
            (Sys::Truncate, libc::SYS_truncate),
            (Sys::Seccomp, libc::SYS_seccomp),
            (Sys::IoUringSetup, libc::SYS_io_uring_setup),
        ];
        agree(&sample);
    }

    #[test]
    fn numbers_of_calls_that_move_bytes_agree_with_the_c_library() {
        agree(&[
            (Sys::Socket, libc::SYS_socket),
            (Sys::Connect, libc::SYS_connect),
            (Sys::Accept, libc::SYS_accept),
            (Sys::Sendto, libc::SYS_sendto),
            (Sys::Recvfrom, libc::SYS_recvfrom),
            (Sys::Sendmsg, libc::SYS_sendmsg),
            (Sys::Recvmsg, libc::SYS_recvmsg),
            (Sys::Shutdown, libc::SYS_shutdown),
            (Sys::Bind, libc::SYS_bind),
            (Sys::Listen, libc::SYS_listen),
            (Sys::Getsockname, libc::SYS_getsockname),
            (Sys::Getpeername, libc::SYS_getpeername),
            (Sys::Setsockopt, libc::SYS_setsockopt),
            (Sys::Getsockopt, libc::SYS_getsockopt),
            (Sys::Accept4, libc::SYS_accept4),
            (Sys::Recvmmsg, libc::SYS_recvmmsg),
            (Sys::Ftruncate, libc::SYS_ftruncate),
            (Sys::Tee, libc::SYS_tee),
            (Sys::Vmsplice, libc::SYS_vmsplice),
            (Sys::Fadvise64, libc::SYS_fadvise64),
            (Sys::Readahead, libc::SYS_readahead),
            (Sys::Fallocate, libc::SYS_fallocate),
            (Sys::SyncFileRange, libc::SYS_sync_file_range),
            (Sys::Preadv2, libc::SYS_preadv2),
            (Sys::Pwritev2, libc::SYS_pwritev2),
            (Sys::IoSubmit, libc::SYS_io_submit),
            (Sys::Splice, libc::SYS_splice),
            (Sys::Sendfile, libc::SYS_sendfile),
            (Sys::CopyFileRange, libc::SYS_copy_file_range),
        ]);
    }

    fn agree(sample: &[(Sys, i64)]) {
        for (sys, number) in sample {
            assert_eq!(
                Arch::NATIVE.number(*sys).map(i64::from),
                Some(*number),
                "{sys:?}"
            );
        }
    }

    #[test]
    fn whoever_executes_is_known() {
        let own = |nr: libc::c_long| executes(Arch::NATIVE.audit(), u32::try_from(nr).unwrap());
        assert!(own(libc::SYS_execve) && own(libc::SYS_execveat));
        assert!(!own(libc::SYS_openat));
        assert!(executes(Arch::NATIVE.sibling(), 11));
        assert!(!executes(Arch::NATIVE.sibling(), 5));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn old_calls_of_x86_agree_with_the_c_library() {
        let sample = [
            (Sys::Open, libc::SYS_open),
            (Sys::Creat, libc::SYS_creat),
            (Sys::Stat, libc::SYS_stat),
            (Sys::Lstat, libc::SYS_lstat),
            (Sys::Access, libc::SYS_access),
            (Sys::Readlink, libc::SYS_readlink),
            (Sys::Mkdir, libc::SYS_mkdir),
            (Sys::Rmdir, libc::SYS_rmdir),
            (Sys::Unlink, libc::SYS_unlink),
            (Sys::Symlink, libc::SYS_symlink),
            (Sys::Link, libc::SYS_link),
            (Sys::Rename, libc::SYS_rename),
            (Sys::Chmod, libc::SYS_chmod),
            (Sys::Chown, libc::SYS_chown),
            (Sys::Lchown, libc::SYS_lchown),
            (Sys::Poll, libc::SYS_poll),
            (Sys::Select, libc::SYS_select),
            (Sys::EpollWait, libc::SYS_epoll_wait),
        ];
        for (sys, number) in sample {
            assert_eq!(
                Arch::NATIVE.number(sys).map(i64::from),
                Some(number),
                "{sys:?}"
            );
        }
    }
}
