//! Every system call that the supervisor knows, a row each: what the filter, the dispatcher, the cache of answers and
//! `docs/trapped-calls.md` are made from.
//!
//! A row says, in this order:
//!
//! - the name and the numbers on x86-64 and aarch64, `_` for a machine without the call ([`crate::arch`]);
//! - `when` it is trapped, by mode of the run and by its arguments, or refused ([`crate::filter`]); a call without this
//!   is the kernel's;
//! - `marks` of [`crate::arch::Mark`];
//! - `open`: who answers it for open GPIO files and sockets of uevents, asked in this order until one does
//!   ([`crate::dispatch`]);
//! - `named`: who answers it for paths and for files of the shadow tree, asked after those ([`crate::calls::table`]), or
//!   why it is the kernel's although it takes a path or a directory.
//!
//! To trap another call, add its row here and its handler in a file of `calls/` or `files/`. Tests compare the rows with
//! the kernel's headers and with the page in `docs/`. Each of the modules named above expands the part it needs, since
//! the handlers lie above the numbers.

/// Gives the rows to the macro `$with`.
macro_rules! for_each_call {
    ($with:ident) => { $with! {
        // Calls on descriptors, the most frequent first: the filter compares in this order.
        Read 0 63
            when [(Standard, RecordShaped { arg: 2 }), STRICT]
            marks [High, Harmless, Ours]
            open [Socket(sockets::read), File(0, reads::read)]
            named [Whole(read::read)];
        Readv 19 65 when [ALWAYS] marks [High] open [File(0, reads::readv)] named [Whole(read::readv)];
        Ioctl 16 29 when [(Standard, GpioIoctl { arg: 1 }), STRICT] marks [Ours] open [Whole(Files::ioctl)];
        Fcntl 72 25 when [(Standard, FileFcntl { arg: 1 }), STRICT] open [File(0, operations::fcntl)];
        Mmap 9 222 when [(Standard, SHARED_FILES), STRICT] open [File(4, operations::mmap)] named [Whole(attribute::map)];
        Fsync 74 82 when [ALWAYS] open [File(0, operations::sync)] named [Whole(attribute::sync)];
        Fdatasync 75 83 when [ALWAYS] open [File(0, operations::sync)] named [Whole(attribute::sync)];

        // Opening.
        Open 2 _ when [ALWAYS] marks [Settles] named [Whole(open::open)];
        Creat 85 _ when [ALWAYS] marks [Settles] named [Whole(open::creat)];
        Openat 257 56 when [ALWAYS] marks [Settles] named [Whole(open::openat)];
        Openat2 437 437 when [ALWAYS] marks [Settles] named [Whole(openat2::openat2)];
        NameToHandleAt 303 264 when [ALWAYS] named [paths_or(4, &[at(0, 1, FollowIf(4, FOLLOW))], handle::name)];
        OpenByHandleAt 304 265 when [ALWAYS] named [Whole(handle::open)];

        // Attributes.
        Stat 4 _ when [ALWAYS] marks [Harmless] named [paths(&[here(0, Follow)], stat::stat)];
        Lstat 6 _ when [ALWAYS] marks [Harmless] named [paths(&[here(0, Stay)], stat::stat)];
        Fstat 5 80 when [ALWAYS] marks [Settles] named [Whole(stat::fstat)];
        Newfstatat 262 79
            when [ALWAYS]
            marks [Harmless]
            named [paths_or(3, &[at(0, 1, StayIf(3, NOFOLLOW))], stat::newfstatat)];
        Statx 332 291 when [ALWAYS] marks [Harmless] named [paths_or(2, &[at(0, 1, StayIf(2, NOFOLLOW))], statx::statx)];
        Access 21 _ when [ALWAYS] named [paths(&[here(0, Follow)], access::access)];
        Faccessat 269 48 when [ALWAYS] named [paths(&[at(0, 1, Follow)], access::faccessat)];
        Faccessat2 439 439 when [ALWAYS] named [paths_or(3, &[at(0, 1, StayIf(3, NOFOLLOW))], access::faccessat2)];
        Readlink 89 _ when [ALWAYS] marks [Settles] named [Whole(readlink::readlink)];
        Readlinkat 267 78 when [ALWAYS] marks [Settles] named [Whole(readlink::readlinkat)];
        Statfs 137 43 when [ALWAYS] named [paths(&[here(0, Follow)], statfs::statfs)];
        Fstatfs 138 44 when [ALWAYS] named [Whole(statfs::fstatfs)];
        Getxattr 191 8 when [ALWAYS] named [paths(&[here(0, Follow)], xattr::get)];
        Lgetxattr 192 9 when [ALWAYS] named [paths(&[here(0, Stay)], xattr::get)];
        Getxattrat 464 464 when [ALWAYS] named [paths_or(2, &[at(0, 1, StayIf(2, NOFOLLOW))], xattr::get_at)];
        Listxattr 194 11 when [ALWAYS] named [paths(&[here(0, Follow)], xattr::list)];
        Llistxattr 195 12 when [ALWAYS] named [paths(&[here(0, Stay)], xattr::list)];
        Listxattrat 465 465 when [ALWAYS] named [paths_or(2, &[at(0, 1, StayIf(2, NOFOLLOW))], xattr::list)];
        Setxattr 188 5 when [ALWAYS] named [paths(&[here(0, Follow)], xattr::change)];
        Lsetxattr 189 6 when [ALWAYS] named [paths(&[here(0, Stay)], xattr::change)];
        Setxattrat 463 463 when [ALWAYS] named [paths_or(2, &[at(0, 1, StayIf(2, NOFOLLOW))], xattr::change)];
        Removexattr 197 14 when [ALWAYS] named [paths(&[here(0, Follow)], xattr::change)];
        Lremovexattr 198 15 when [ALWAYS] named [paths(&[here(0, Stay)], xattr::change)];
        Removexattrat 466 466 when [ALWAYS] named [paths_or(2, &[at(0, 1, StayIf(2, NOFOLLOW))], xattr::change)];
        FileGetattr 468 468
            when [ALWAYS]
            named [paths_or(4, &[at(0, 1, StayIf(4, NOFOLLOW))], owner::no_file_attributes)];
        FileSetattr 469 469
            when [ALWAYS]
            named [paths_or(4, &[at(0, 1, StayIf(4, NOFOLLOW))], owner::no_file_attributes)];

        // Changing attributes.
        Chmod 90 _ when [ALWAYS] named [paths(&[here(0, Follow)], owner::chmod)];
        Fchmodat 268 53 when [ALWAYS] named [paths(&[at(0, 1, Follow)], owner::fchmodat)];
        Fchmodat2 452 452 when [ALWAYS] named [paths_or(3, &[at(0, 1, StayIf(3, NOFOLLOW))], owner::fchmodat)];
        Chown 92 _ when [ALWAYS] named [paths(&[here(0, Follow)], owner::chown)];
        Lchown 94 _ when [ALWAYS] named [paths(&[here(0, Stay)], owner::chown)];
        Fchownat 260 54 when [ALWAYS] named [paths_or(4, &[at(0, 1, StayIf(4, NOFOLLOW))], owner::fchownat)];
        Utime 132 _ when [ALWAYS] named [paths(&[here(0, Follow)], owner::times)];
        Utimes 235 _ when [ALWAYS] named [paths(&[here(0, Follow)], owner::times)];
        Futimesat 261 _ when [ALWAYS] named [paths(&[at(0, 1, Follow)], owner::times)];
        Utimensat 280 88 when [ALWAYS] named [paths_or(3, &[at(0, 1, StayIf(3, NOFOLLOW))], owner::times)];
        Truncate 76 45 when [ALWAYS] named [paths(&[here(0, Follow)], owner::truncate)];

        // Names.
        Mkdir 83 _ when [ALWAYS] named [paths(&[here(0, Name)], make::mkdir)];
        Mkdirat 258 34 when [ALWAYS] named [paths(&[at(0, 1, Name)], make::mkdir)];
        Mknod 133 _ when [ALWAYS] named [paths(&[here(0, Name)], make::node)];
        Mknodat 259 33 when [ALWAYS] named [paths(&[at(0, 1, Name)], make::node)];
        Symlink 88 _ when [ALWAYS] named [paths(&[here(1, Name)], make::node)];
        Symlinkat 266 36 when [ALWAYS] named [paths(&[at(1, 2, Name)], make::node)];
        Link 86 _ when [ALWAYS] named [paths(&[here(0, Stay), here(1, Name)], make::moved)];
        Linkat 265 37 when [ALWAYS] named [paths_or(4, &[at(0, 1, FollowIf(4, FOLLOW)), at(2, 3, Name)], make::moved)];
        Rename 82 _ when [ALWAYS] named [paths(&[here(0, Name), here(1, Name)], make::moved)];
        Renameat 264 38 when [ALWAYS] named [paths(&[at(0, 1, Name), at(2, 3, Name)], make::moved)];
        Renameat2 316 276 when [ALWAYS] named [paths(&[at(0, 1, Name), at(2, 3, Name)], make::moved)];
        Rmdir 84 _ when [ALWAYS] named [paths(&[here(0, Name)], remove::rmdir)];
        Unlink 87 _ when [ALWAYS] named [paths(&[here(0, Name)], remove::unlink)];
        Unlinkat 263 35 when [ALWAYS] named [paths(&[at(0, 1, Name)], remove::unlinkat)];

        // Directories.
        Chdir 80 49 when [ALWAYS] named [paths(&[here(0, Follow)], chdir::chdir)];
        Fchdir 81 50 named [Native("a descriptor of a directory of either world is one")];
        Getcwd 79 17 when [ALWAYS] named [Whole(getcwd::getcwd)];
        Getdents64 217 61 when [ALWAYS] named [Whole(getdents::getdents64)];
        Getdents 78 _ when [ALWAYS] named [Whole(getdents::getdents)];
        Chroot 161 51 when [ALWAYS] marks [Reroots] named [paths(&[here(0, Follow)], mounts::root)];
        PivotRoot 155 41
            when [ALWAYS]
            marks [Reroots]
            named [paths(&[here(0, Follow), here(1, Follow)], mounts::changed)];
        Unshare 272 97 when [(Standard, NEW_MOUNTS)] marks [Reroots];
        Setns 308 268 when [ALWAYS] marks [Reroots];

        // Watching.
        InotifyAddWatch 254 27 when [ALWAYS] named [Whole(inotify::add_watch)];
        FanotifyMark 301 263
            when [ALWAYS]
            named [paths(&[at(3, 4, StayIf(1, libc::FAN_MARK_DONT_FOLLOW.cast_signed()))], inotify::mark)];

        // Programs, and the settings of the machine.
        Execve 59 221 when [ALWAYS] named [paths(&[here(0, Follow)], exec::exec)];
        Execveat 322 281 when [ALWAYS] named [paths_or(4, &[at(0, 1, StayIf(4, NOFOLLOW))], exec::exec)];
        Uselib 134 _ when [ALWAYS] named [paths(&[here(0, Follow)], exec::exec)];
        Acct 163 89 when [ALWAYS] named [paths(&[here(0, Follow)], exec::exec)];
        Swapon 167 224 when [ALWAYS] named [paths(&[here(0, Follow)], mounts::no_block_device)];
        Swapoff 168 225 when [ALWAYS] named [paths(&[here(0, Follow)], mounts::no_block_device)];
        Quotactl 179 60 when [ALWAYS] named [paths(&[here(1, Follow)], mounts::no_block_device)];
        QuotactlFd 443 443 named [Native("a descriptor, whose file system has no quotas if it is ours")];

        // Mounts.
        Mount 165 40 when [ALWAYS] named [Whole(mounts::mount)];
        Umount2 166 39 when [ALWAYS] named [paths(&[here(0, StayIf(1, libc::UMOUNT_NOFOLLOW))], mounts::unmount)];
        OpenTree 428 428 when [ALWAYS] named [paths_or(2, &[at(0, 1, StayIf(2, NOFOLLOW))], mounts::changed)];
        OpenTreeAttr 467 467 when [ALWAYS] named [paths_or(2, &[at(0, 1, StayIf(2, NOFOLLOW))], mounts::changed)];
        MoveMount 429 429
            when [ALWAYS]
            named [paths(&[at(0, 1, FollowIf(4, 1)), at(2, 3, FollowIf(4, 0x10))], mounts::changed)];
        Fspick 433 433 when [ALWAYS] named [paths(&[at(0, 1, StayIf(2, 2))], mounts::changed)];
        MountSetattr 442 442 when [ALWAYS] named [paths_or(2, &[at(0, 1, StayIf(2, NOFOLLOW))], mounts::changed)];
        Fsconfig 431 431 named [Native("a path in it names the source of a mount, which no file of the board can be")];
        Bpf 321 280 named [Native("a path in its memory is one in bpffs, where the board has no names")];

        // Files behind descriptors.
        Fchmod 91 52 named [Native("of a descriptor; the file behind it is the run's own")];
        Fchown 93 55 named [Native("of a descriptor; the file behind it is the run's own")];
        Fsetxattr 190 7 named [Native("of a descriptor; the file behind it is the run's own")];
        Fgetxattr 193 10 named [Native("of a descriptor; the file behind it is the run's own")];
        Flistxattr 196 13 named [Native("of a descriptor; the file behind it is the run's own")];
        Fremovexattr 199 16 named [Native("of a descriptor; the file behind it is the run's own")];

        // Bytes that move, and what shows where they lie.
        Splice 275 76 when [ALWAYS] open [Ends(0, 2, moving::splice)] named [Whole(write::splice)];
        Tee 276 77 when [ALWAYS] open [Ends(0, 1, moving::tee)];
        Vmsplice 278 75 when [ALWAYS] open [File(0, moving::vmsplice)];
        Sendfile 40 71 when [ALWAYS] open [Ends(1, 0, moving::sendfile)] named [Whole(write::sendfile)];
        CopyFileRange 326 285
            when [ALWAYS]
            open [Ends(0, 2, moving::copy_file_range)]
            named [Whole(write::copy_file_range)];
        Fadvise64 221 223 when [ALWAYS] open [File(0, moving::fadvise)];
        Readahead 187 213 when [ALWAYS] open [File(0, moving::readahead)];
        Fallocate 285 47 when [ALWAYS] open [File(0, moving::fallocate)] named [Whole(attribute::allocate)];
        Ftruncate 77 46 when [ALWAYS] named [Whole(attribute::truncate)];
        SyncFileRange 277 84 when [ALWAYS] open [File(0, moving::sync_file_range)];
        Preadv2 327 286 when [ALWAYS] open [File(0, reads::preadv2)];
        Pwritev2 328 287 when [ALWAYS] marks [Ours] open [File(0, operations::pwritev2)] named [Whole(write::pwritev2)];
        IoSubmit 209 2 when [ALWAYS] open [Whole(Files::io_submit)] named [Whole(write::io_submit)];

        // Stores.
        Write 1 64
            when [TREE, STRICT]
            marks [Ours, Settles]
            open [File(0, operations::write)]
            named [Whole(write::write)];
        Writev 20 66
            when [TREE, STRICT]
            marks [Ours, Settles]
            open [File(0, operations::write)]
            named [Whole(write::writev)];
        Pwrite64 18 68
            when [TREE, STRICT]
            marks [Ours, Settles]
            open [File(0, operations::at_position)]
            named [Whole(write::pwrite64)];
        Pwritev 296 70
            when [TREE, STRICT]
            marks [Ours, Settles]
            open [File(0, operations::at_position)]
            named [Whole(write::pwritev)];

        // Positions.
        Pread64 17 67 when [STRICT] marks [High] open [File(0, operations::at_position)] named [Whole(read::pread64)];
        Preadv 295 69 when [STRICT] open [File(0, operations::at_position)];
        Lseek 8 62 when [STRICT] marks [High] open [File(0, operations::lseek)] named [Whole(read::lseek)];

        // Waiting.
        Poll 7 _ when [LINT, STRICT] open [Whole(Files::polling), Strict(Files::poll)];
        Ppoll 271 73 when [LINT, STRICT] open [Whole(Files::polling), Strict(Files::poll)];
        Select 23 _ when [LINT, STRICT] open [Whole(Files::polling), Strict(Files::select)];
        Pselect6 270 72 when [LINT, STRICT] open [Whole(Files::polling), Strict(Files::select)];
        EpollWait 232 _ when [LINT, STRICT] open [Whole(Files::polling), Strict(Files::epoll_wait)];
        EpollPwait 281 22 when [LINT, STRICT] open [Whole(Files::polling), Strict(Files::epoll_wait)];
        EpollPwait2 441 441 when [LINT, STRICT] open [Whole(Files::polling), Strict(Files::epoll_wait)];
        EpollCtl 233 21 when [STRICT] open [Whole(Files::epoll_ctl)];
        RestartSyscall 219 128 when [STRICT];

        // Sockets.
        Socket 41 198 when [(Uevents, NETLINK)] open [Net(Uevents::socket)];
        Bind 49 200
            when [ALWAYS]
            marks [High]
            open [Socket(sockets::bind)]
            named [Whole(read::no_socket), Whole(socket::bind)];
        Connect 42 203
            when [ALWAYS]
            marks [High]
            open [Socket(sockets::connect)]
            named [Whole(read::no_socket), Whole(socket::connect)];
        Listen 50 201 marks [High] open [Socket(sockets::unknown)] named [Whole(read::no_socket)];
        Accept 43 202 marks [High] open [Socket(sockets::unknown)] named [Whole(read::no_socket)];
        Accept4 288 242 marks [High] open [Socket(sockets::unknown)] named [Whole(read::no_socket)];
        Shutdown 48 210 marks [High] open [Socket(sockets::unknown)] named [Whole(read::no_socket)];
        Getsockname 51 204 marks [High] open [Socket(sockets::getsockname)] named [Whole(read::no_socket)];
        Getpeername 52 205 marks [High] open [Socket(sockets::getpeername)] named [Whole(read::no_socket)];
        Setsockopt 54 208 marks [High] open [Socket(sockets::setsockopt)] named [Whole(read::no_socket)];
        Getsockopt 55 209 marks [High] open [Socket(sockets::getsockopt)] named [Whole(read::no_socket)];
        Sendto 44 206
            marks [High]
            open [Socket(sockets::sendto)]
            named [
                Whole(read::no_socket),
                Native("the address of a datagram; relative ones from a virtual working directory fail"),
            ];
        Sendmsg 46 211 marks [High] open [Socket(sockets::sendmsg)] named [Whole(read::no_socket)];
        Sendmmsg 307 269
            marks [High]
            open [Socket(sockets::sendmmsg)]
            named [
                Whole(read::no_socket),
                Native("the addresses of datagrams; as of `sendto`"),
            ];
        Recvfrom 45 207 marks [High] open [Socket(sockets::recvfrom)] named [Whole(read::no_socket)];
        Recvmsg 47 212 marks [High] open [Socket(sockets::recvmsg)] named [Whole(read::no_socket)];
        Recvmmsg 299 243 marks [High] open [Socket(sockets::recvmmsg)] named [Whole(read::no_socket)];

        // Others.
        Uname 63 160 when [(Release, Always)] named [Whole(uname::uname)];
        ExitGroup 231 94 when [LINT] open [Whole(Files::exiting)];
        IoUringSetup 425 425
            when [(Standard, Refused(Errno::NOSYS))]
            named [Native("opens through a ring are not trapped")];
        IoUringEnter 426 426
            when [(Standard, Refused(Errno::NOSYS))]
            named [Native("a ring from outside the run opens unseen too")];
        IoUringRegister 427 427
            when [(Standard, Refused(Errno::NOSYS))]
            named [Native("a ring from outside the run opens unseen too")];
    } };
}

#[cfg(test)]
mod tests;
