//! `open` and its like: what is given out, what is refused, and listings.

use std::{collections::BTreeSet, fs, os::unix::ffi::OsStrExt as _, path::Path};

use libc::{
    O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_RDONLY, O_RDWR,
    O_WRONLY,
};
use rustix::{fs::OFlags, io::Errno};

use crate::{
    arch::Sys,
    calls::credentials::Credentials,
    calls::testing::{
        Arg::{Int, Raw, Text},
        BUFFER, CWD, World, fails, goes_to, is_native,
    },
    outcome::Reply,
};

const BUS_LINK: &str = "/sys/bus/gpio/devices/gpiochip0";
const DEV: &str = "/sys/bus/gpio/devices/gpiochip0/dev";

fn open(world: &World, path: &str, flags: i32) -> Reply {
    world.call(Sys::Openat, &[CWD, Text(path), Int(flags), Int(0o666)])
}

fn open_in(world: &World, fd: i32, path: &str, flags: i32) -> Reply {
    world.call(Sys::Openat, &[Int(fd), Text(path), Int(flags), Int(0o666)])
}

fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_node_is_opened_by_the_opener() {
    let world = World::new();
    world.link("/tmp/node", "/dev/gpiochip0");
    let reply = open(&world, "/dev/gpiochip0", O_RDWR | O_CLOEXEC);
    assert!(
        matches!(reply, Reply::Fd { cloexec: true, .. }),
        "{reply:?}"
    );
    let reply = open(&world, "/tmp/node", O_RDONLY | O_NONBLOCK);
    assert!(
        matches!(reply, Reply::Fd { cloexec: false, .. }),
        "{reply:?}"
    );
    open(&world, "/proc/self/fd/70", O_RDONLY);
    let flags: Vec<_> = world
        .opened()
        .into_iter()
        .map(|(id, flags)| (id, flags.cast_signed()))
        .collect();
    assert_eq!(
        flags,
        [
            (0, O_RDWR | O_CLOEXEC),
            (0, O_RDONLY | O_NONBLOCK),
            (0, O_RDONLY)
        ]
    );
}

#[test]
fn flags_are_refused_as_in_linux() {
    let world = World::new();
    let bus_link = "/sys/bus/gpio/devices/gpiochip0";
    for (path, flags, errno) in [
        ("/dev/gpiochip0", O_CREAT | O_EXCL | O_RDWR, Errno::EXIST),
        ("/dev/gpiochip0", O_DIRECTORY, Errno::NOTDIR),
        ("/dev/gpiochip9", O_RDWR, Errno::NOENT),
        ("/dev/gpiochip7", O_RDWR, Errno::NOENT),
        ("/dev/gpiochip9", O_RDWR | O_CREAT, Errno::ACCESS),
        (bus_link, O_NOFOLLOW, Errno::LOOP),
        (bus_link, O_NOFOLLOW | O_DIRECTORY, Errno::NOTDIR),
        (bus_link, O_CREAT | O_EXCL, Errno::EXIST),
        (bus_link, O_WRONLY, Errno::ISDIR),
        (DEV, O_WRONLY, Errno::ACCESS),
        (DEV, O_RDWR, Errno::ACCESS),
        (DEV, O_DIRECTORY, Errno::NOTDIR),
        ("/sys/bus/gpio/new", O_WRONLY | O_CREAT, Errno::ACCESS),
        ("/proc/self/fd/72", O_RDONLY, Errno::NXIO),
    ] {
        fails(open(&world, path, flags), errno);
    }
    assert_eq!(world.opened(), []);
}

#[test]
fn files_of_the_tree_are_given_out_with_the_flags_asked_for() {
    let world = World::new();
    for wanted in [0, O_NONBLOCK] {
        let Reply::Fd { fd, .. } = open(&world, DEV, O_RDONLY | wanted) else {
            panic!("refused")
        };
        let flags = rustix::fs::fcntl_getfl(&fd).unwrap();
        assert_eq!(flags.contains(OFlags::NONBLOCK), wanted != 0);
        assert_eq!(flags & OFlags::RWMODE, OFlags::RDONLY);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut fs::File::from(fd), &mut text).unwrap();
        assert_eq!(text, "254:0\n");
    }
}

/// Where the tree lies is for the caller's own open.
#[test]
fn a_path_only_descriptor_is_opened_by_the_caller() {
    for (path, flags, shown) in [
        ("/dev/gpiochip0", O_PATH, "/dev/gpiochip0"),
        (
            BUS_LINK,
            O_PATH,
            "/sys/devices/platform/gpio-sim.0/gpiochip0",
        ),
        (BUS_LINK, O_PATH | O_NOFOLLOW, BUS_LINK),
        ("/proc/self/fd/70", O_PATH, "/dev/gpiochip0"),
    ] {
        let world = World::new();
        let place = world.shadow.locate(shown.as_bytes());
        goes_to(&world, open(&world, path, flags), place.to_str().unwrap());
    }
    let world = World::new();
    is_native(open(&world, "/dev/null", O_PATH));
    is_native(open(&world, "/proc/self/fd/72", O_PATH));
    fails(
        open(&world, BUS_LINK, O_PATH | O_NOFOLLOW | O_DIRECTORY),
        Errno::NOTDIR,
    );
}

/// Another user cannot reach the tree.
#[test]
fn a_path_only_descriptor_becomes_a_readable_one_for_others() {
    let world = World::new();
    *world.process.credentials.borrow_mut() = Credentials {
        uid: 4_000_000,
        ..Credentials::default()
    };
    let place = world.install(5, open(&world, BUS_LINK, O_PATH | O_NOFOLLOW));
    let device = b"/sys/devices/platform/gpio-sim.0/gpiochip0";
    assert_eq!(place, world.shadow.locate(device));
}

#[test]
fn directories_of_the_tree_lead_on() {
    let world = World::new();
    let place = world.install(5, open(&world, "/sys/bus/gpio", O_RDONLY | O_DIRECTORY));
    assert_eq!(
        names(&place),
        BTreeSet::from(["devices".into(), "drivers".into()])
    );
    world.install(6, open_in(&world, 5, "devices/gpiochip0", O_RDONLY));
    world.install(7, open_in(&world, 6, "dev", O_RDONLY));
    fails(open_in(&world, 6, "missing", O_RDONLY), Errno::NOENT);
    fails(open_in(&world, 7, "x", O_RDONLY), Errno::NOTDIR);
}

#[test]
fn a_removed_directory_is_empty() {
    let world = World::new();
    let place = world.install(5, open(&world, "/sys/bus/gpio/devices/gpiochip0", O_RDONLY));
    world.shadow.remove_chip(0).unwrap();
    world.set_fd(5, &[place.as_os_str().as_bytes(), b" (deleted)"].concat());
    fails(open_in(&world, 5, "dev", O_RDONLY), Errno::NOENT);
}

#[test]
fn directories_of_the_machine_are_the_kernels() {
    let world = World::new();
    for dir in ["/dev", "/sys", "/sys/bus", "/tmp", "/sys/dev/char"] {
        is_native(open(&world, dir, O_RDONLY | O_DIRECTORY));
        is_native(open(&world, dir, O_PATH | O_DIRECTORY));
    }
    world.set_fd(5, b"/dev");
    open_in(&world, 5, "gpiochip0", O_RDWR);
    assert_eq!(world.opened().len(), 1);
    for path in ["null", "pts", ".", "new", "missing", "../tmp/dir"] {
        is_native(open_in(&world, 5, path, O_RDWR | O_CREAT));
    }
    fails(open_in(&world, 5, "gpiochip7", O_RDONLY), Errno::NOENT);
}

#[test]
fn files_of_the_machine_are_opened_by_the_caller_alone() {
    let world = World::new();
    world.install(5, open(&world, "/sys/bus/gpio", O_RDONLY | O_DIRECTORY));
    let up = |path: &str| open_in(&world, 5, path, O_RDWR | O_CREAT);
    for (path, machine) in [
        ("../../../tmp/dir", "/sys/bus/../../tmp/dir"),
        ("../../../tmp/new", "/sys/bus/../../tmp/new"),
        ("../../../tmp/no/file", "/sys/bus/../../tmp/no/file"),
        ("..", "/sys/bus"),
        ("../", "/sys/bus/"),
    ] {
        goes_to(&world, up(path), machine);
    }
    assert!(!world.host("/tmp/new").exists());
}

#[test]
fn nobody_passes_a_closed_directory_by_our_rights() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    fs::create_dir(world.host("/tmp/closed")).unwrap();
    fs::create_dir(world.host("/tmp/open")).unwrap();
    for (dir, mode) in [("closed", 0o700), ("open", 0o755)] {
        world.link(&format!("/tmp/{dir}/bus"), "/sys/bus/gpio");
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(world.host(&format!("/tmp/{dir}")), mode).unwrap();
    }
    *world.process.credentials.borrow_mut() = Credentials {
        uid: 4711,
        ..Credentials::default()
    };
    let dir = O_RDONLY | O_DIRECTORY;
    fails(open(&world, "/tmp/closed/bus/devices", dir), Errno::ACCESS);
    world.install(5, open(&world, "/tmp/open/bus/devices", dir));
    fails(
        world.call(
            Sys::Readlinkat,
            &[CWD, Text("/tmp/closed/bus/x"), Raw(BUFFER), Int(9)],
        ),
        Errno::ACCESS,
    );
}

#[test]
fn openat2_reads_its_arguments_from_memory() {
    let world = World::new();
    let openat2 = |path, how: [u64; 4], size| {
        let bytes: Vec<u8> = how.iter().flat_map(|field| field.to_ne_bytes()).collect();
        crate::calls::process::Process::write(&world.process, BUFFER, &bytes).unwrap();
        world.call(Sys::Openat2, &[CWD, Text(path), Raw(BUFFER), Raw(size)])
    };
    let cloexec = u64::from(O_CLOEXEC.cast_unsigned());
    assert!(matches!(
        openat2(DEV, [cloexec, 0, 0, 0], 32),
        Reply::Fd { cloexec: true, .. }
    ));
    let no_symlinks = 4;
    fails(openat2(DEV, [0, 0, no_symlinks, 0], 24), Errno::LOOP);
    // Refused by the kernel: too small, too big, rubbish behind, a mode without need.
    is_native(openat2(DEV, [0; 4], 16));
    is_native(openat2(DEV, [0; 4], 5000));
    is_native(openat2(DEV, [0, 0, 0, 1], 32));
    is_native(openat2(DEV, [0, 0o644, 0, 0], 24));
    let in_root = 16;
    is_native(openat2(DEV, [0, 0, in_root, 0], 24));
    is_native(world.call(Sys::Openat2, &[CWD, Text(DEV), Raw(0), Raw(24)]));
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_old_calls_open_too() {
    let world = World::new();
    assert!(matches!(
        world.call(Sys::Open, &[Text(DEV), Int(O_RDONLY)]),
        Reply::Fd { .. }
    ));
    fails(
        world.call(Sys::Creat, &[Text(DEV), Int(0o644)]),
        Errno::ACCESS,
    );
    is_native(world.call(Sys::Creat, &[Text("/tmp/new"), Int(0o644)]));
}
