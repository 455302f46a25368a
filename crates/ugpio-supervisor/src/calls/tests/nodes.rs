//! Calls that would change, replace, run or mount a node or an attribute of the board.

use std::os::unix::ffi::OsStrExt as _;

use rustix::io::Errno;

use crate::{
    arch::Sys,
    calls::{
        credentials::Credentials,
        testing::{
            Arg::{self, Int, Raw, Text},
            BUFFER, CWD, World, fails, goes_to, is_native, returns,
        },
    },
    outcome::Reply,
};

const NODE: &str = "/dev/gpiochip0";

/// A user without any rights.
fn stranger(world: &World) {
    *world.process.credentials.borrow_mut() = Credentials {
        uid: 4711,
        gid: 4711,
        ..Credentials::default()
    };
}

/// The owner of what the board shows.
fn owner(world: &World) {
    *world.process.credentials.borrow_mut() = Credentials {
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        groups: vec![20],
        ..Credentials::default()
    };
}

/// Mode, user and group, as `stat` shows them.
fn shown(world: &World) -> (u32, u32, u32) {
    let stat = [CWD, Text(NODE), Raw(BUFFER), Int(0)];
    returns(world.call(Sys::Newfstatat, &stat), 0);
    let bytes = world.answer(size_of::<libc::stat>());
    let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    (
        word(core::mem::offset_of!(libc::stat, st_mode)),
        word(core::mem::offset_of!(libc::stat, st_uid)),
        word(core::mem::offset_of!(libc::stat, st_gid)),
    )
}

#[test]
fn owners_change_modes_and_groups_and_others_nothing() {
    let world = World::new();
    let chmod = |mode| world.call(Sys::Fchmodat, &[CWD, Text(NODE), Int(mode)]);
    let chown = |user, group| {
        let call = [CWD, Text(NODE), Int(user), Int(group), Int(0)];
        world.call(Sys::Fchownat, &call)
    };
    owner(&world);
    let (mode, user, group) = shown(&world);
    returns(chmod(0o660), 0);
    returns(chown(-1, 20), 0);
    fails(chown(12345, -1), Errno::PERM);
    assert_eq!(shown(&world), (libc::S_IFCHR | 0o660, user, 20));
    // Whom root has given it to, it belongs to.
    world.process.credentials.borrow_mut().capabilities = 1;
    returns(chown(12345, -1), 0);
    stranger(&world);
    assert_eq!(shown(&world), (libc::S_IFCHR | 0o660, 12345, 20));
    fails(chmod(0o666), Errno::PERM);
    fails(chown(-1, 4711), Errno::PERM);
    // Another chip of that number is another node.
    world.shadow.remove_chip(0).unwrap();
    let node = crate::shadow::ChipNode {
        id: 0,
        label: "sim".into(),
        parent: "platform/gpio-sim.0".into(),
        lines: 8,
    };
    world.shadow.add_chip(&node).unwrap();
    owner(&world);
    assert_eq!(shown(&world), (mode, user, group));
}

/// Asserts that each call fails with its errno.
#[track_caller]
fn all_fail(world: &World, calls: &[(Sys, &[Arg<'_>], Errno)]) {
    for (sys, args, errno) in calls {
        let reply = world.call(*sys, args);
        assert!(
            matches!(reply, Reply::Fail(got) if got == *errno),
            "{sys:?} {args:?}: not {errno:?} but {reply:?}"
        );
    }
}

const NONE: &str = "/dev/gpiochip9";
const BUS: &str = "/sys/bus/gpio";
const NEW: &str = "/dev/x";

#[test]
fn a_node_answers_as_one_of_linux() {
    let world = World::new();
    owner(&world);
    #[rustfmt::skip]
    let calls: &[(Sys, &[Arg<'_>], Errno)] = &[
        (Sys::Mknodat, &[CWD, Text(NODE), Int(0), Int(0)], Errno::EXIST),
        (Sys::Mknodat, &[CWD, Text(NONE), Int(0), Int(0)], Errno::PERM),
        (Sys::Mkdirat, &[CWD, Text(NODE), Int(0)], Errno::EXIST),
        (Sys::Truncate, &[Text(NODE), Int(0)], Errno::INVAL),
        (Sys::Truncate, &[Text(BUS), Int(0)], Errno::ISDIR),
        (Sys::Execve, &[Text(NODE)], Errno::ACCESS),
        (Sys::Execve, &[Text(BUS)], Errno::ACCESS),
        (Sys::Execve, &[Text(NONE)], Errno::NOENT),
        (Sys::Setxattr, &[Text(NODE), Text("user.x")], Errno::PERM),
        (Sys::Removexattr, &[Text(NODE), Text("user.x")], Errno::PERM),
    ];
    all_fail(&world, calls);
}

#[test]
fn no_name_of_the_board_is_moved_doubled_or_removed() {
    let world = World::new();
    owner(&world);
    #[rustfmt::skip]
    let calls: &[(Sys, &[Arg<'_>], Errno)] = &[
        (Sys::Renameat2, &[CWD, Text(NODE), CWD, Text(NEW), Int(0)], Errno::PERM),
        (Sys::Renameat2, &[CWD, Text("/tmp/dir"), CWD, Text(NODE), Int(0)], Errno::XDEV),
        (Sys::Linkat, &[CWD, Text(NODE), CWD, Text(NEW), Int(0)], Errno::PERM),
        (Sys::Unlinkat, &[CWD, Text(NODE), Int(0)], Errno::PERM),
    ];
    all_fail(&world, calls);
    assert!(!world.host(NEW).exists());
}

#[test]
fn nothing_of_the_board_is_mounted_watched_or_made_a_root() {
    let world = World::new();
    owner(&world);
    #[rustfmt::skip]
    let calls: &[(Sys, &[Arg<'_>], Errno)] = &[
        (Sys::Chroot, &[Text(BUS)], Errno::PERM),
        (Sys::Swapon, &[Text(NODE), Int(0)], Errno::PERM),
        (Sys::Umount2, &[Text(BUS), Int(0)], Errno::PERM),
        (Sys::Mount, &[Text("none"), Text(BUS)], Errno::PERM),
        (Sys::OpenTree, &[CWD, Text(BUS), Int(0)], Errno::PERM),
        (Sys::FanotifyMark, &[Int(3), Int(0), Int(0), CWD, Text(NODE)], Errno::NODEV),
        (Sys::NameToHandleAt, &[CWD, Text(NODE), Raw(0), Raw(0), Int(0)], Errno::OPNOTSUPP),
    ];
    all_fail(&world, calls);
}

#[test]
fn names_that_only_look_like_chips_are_the_machines() {
    let world = World::new();
    for path in ["/dev/gpiochip0x", "/dev/gpiochipx", "/dev/gpiochip0-lnk"] {
        is_native(world.call(Sys::Mknodat, &[CWD, Text(path), Int(0), Int(0)]));
        is_native(world.call(Sys::Unlinkat, &[CWD, Text(path), Int(0)]));
        is_native(world.call(Sys::Fchownat, &[CWD, Text(path), Int(0), Int(0), Int(0)]));
    }
}

#[test]
fn a_last_step_that_is_no_name_stays_what_it_is() {
    let world = World::new();
    let cwd = world.shadow.locate(b"/sys/bus/gpio");
    world.set_cwd(cwd.as_os_str().as_bytes());
    for (path, machine) in [
        ("../../../tmp/dir/", "/sys/bus/../../tmp/dir/"),
        ("../../../tmp/dir/..", "/sys/bus/../../tmp/dir/.."),
        ("../../../tmp/dir/../", "/sys/bus/../../tmp/dir/../"),
        ("../../../tmp/dir/.", "/sys/bus/../../tmp/dir/."),
        ("..", "/sys/bus/."),
    ] {
        let rmdir = [CWD, Text(path), Int(libc::AT_REMOVEDIR)];
        goes_to(&world, world.call(Sys::Unlinkat, &rmdir), machine);
    }
}
