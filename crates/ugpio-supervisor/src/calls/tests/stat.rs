//! `stat`, `statx`, `access` of virtual files.

use std::os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _};

use rustix::io::Errno;

use crate::{
    arch::Sys,
    calls::credentials::Credentials,
    calls::testing::{
        Arg::{Int, Raw, Text},
        BUFFER, CWD, UNMAPPED, World, fails, is_native, returns,
    },
};

const DEV: &str = "/sys/bus/gpio/devices/gpiochip0/dev";

/// The fields of `struct statx` in the answer: mode, links, inode, size, rdev.
fn statx(world: &World, path: &str, flags: i32) -> (u32, u32, u64, u64, (u32, u32)) {
    let mask = Int(0x7ff);
    returns(
        world.call(
            Sys::Statx,
            &[CWD, Text(path), Int(flags), mask, Raw(BUFFER)],
        ),
        0,
    );
    let bytes = world.answer(256);
    let u32_at = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    let u64_at = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
    (
        u32_at(28),
        u32_at(16),
        u64_at(32),
        u64_at(40),
        (u32_at(128), u32_at(132)),
    )
}

#[test]
fn a_node_is_a_character_device_of_the_caller() {
    let world = World::new();
    world.process.credentials.borrow_mut().uid = 1000;
    for flags in [0, libc::AT_SYMLINK_NOFOLLOW] {
        let (mode, links, _, size, number) = statx(&world, "/dev/gpiochip0", flags);
        assert_eq!(
            (mode, links, size, number),
            (libc::S_IFCHR | 0o600, 1, 0, (254, 0))
        );
    }
    assert_eq!(world.answer(24)[20..], 1000_u32.to_ne_bytes());
}

#[cfg(target_arch = "x86_64")]
#[test]
fn the_old_calls_say_the_same() {
    let world = World::new();
    world.link("/tmp/node", "/dev/gpiochip0");
    for (sys, path) in [
        (Sys::Stat, "/tmp/node"),
        (Sys::Stat, "/dev/gpiochip0"),
        (Sys::Lstat, "/dev/gpiochip0"),
    ] {
        returns(world.call(sys, &[Text(path), Raw(BUFFER)]), 0);
        let bytes = world.answer(144);
        assert_eq!(bytes[24..28], (libc::S_IFCHR | 0o600).to_ne_bytes());
        assert_eq!(bytes[40..48], 0xfe00_u64.to_ne_bytes());
    }
    is_native(world.call(Sys::Lstat, &[Text("/tmp/node"), Raw(BUFFER)]));
}

#[test]
fn directories_are_those_that_are_given_out() {
    let world = World::new();
    let (mode, _, inode, ..) = statx(&world, "/sys/bus/gpio/devices", 0);
    let shadow = std::fs::metadata(world.shadow.locate(b"/sys/bus/gpio/devices")).unwrap();
    assert_eq!((mode, inode), (libc::S_IFDIR | 0o755, shadow.ino()));
}

#[test]
fn attributes_and_links_have_the_sizes_of_sysfs() {
    let world = World::new();
    let (mode, _, _, size, _) = statx(&world, DEV, 0);
    assert_eq!((mode, size), (libc::S_IFREG | 0o444, 4096));
    let (mode, _, _, size, _) = statx(
        &world,
        "/sys/bus/gpio/devices/gpiochip0",
        libc::AT_SYMLINK_NOFOLLOW,
    );
    assert_eq!((mode, size), (libc::S_IFLNK | 0o777, 0));
}

#[test]
fn arguments_are_judged_as_the_kernel_does() {
    let world = World::new();
    let stat = |path, buf| world.call(Sys::Newfstatat, &[CWD, path, Raw(buf), Int(0)]);
    fails(stat(Text("/dev/gpiochip0"), UNMAPPED), Errno::FAULT);
    fails(stat(Text("/dev/gpiochip9"), BUFFER), Errno::NOENT);
    fails(stat(Text("/dev/gpiochip0/x"), BUFFER), Errno::NOTDIR);
    // What the kernel refuses anyway, it refuses itself.
    is_native(stat(Raw(0), BUFFER));
    is_native(stat(Raw(UNMAPPED), BUFFER));
    is_native(stat(Text(""), BUFFER));
    is_native(stat(Text(&"gpio/".repeat(1000)), BUFFER));
    let odd = Int(0x10);
    is_native(world.call(
        Sys::Newfstatat,
        &[CWD, Text("/dev/gpiochip0"), Raw(BUFFER), odd],
    ));
    let bad_fd = Int(1234);
    is_native(world.call(
        Sys::Newfstatat,
        &[bad_fd, Text("gpiochip0"), Raw(BUFFER), Int(0)],
    ));
}

#[test]
fn descriptors_are_what_they_stand_for() {
    let world = World::new();
    let empty = libc::AT_EMPTY_PATH;
    let mode = |fd, path| {
        returns(
            world.call(
                Sys::Statx,
                &[Int(fd), path, Int(empty), Int(0x7ff), Raw(BUFFER)],
            ),
            0,
        );
        u32::from_ne_bytes(world.answer(32)[28..].try_into().unwrap())
    };
    assert_eq!(mode(70, Text("")), libc::S_IFCHR | 0o600);
    assert_eq!(mode(71, Raw(0)), libc::S_IFCHR | 0o600);
    assert_eq!(mode(72, Text("")), 0o600);
    is_native(world.call(Sys::Fstat, &[Int(73), Raw(BUFFER)]));
    returns(world.call(Sys::Fstat, &[Int(70), Raw(BUFFER)]), 0);
    let bus = world.shadow.locate(b"/sys/bus/gpio");
    world.set_fd(5, bus.as_os_str().as_bytes());
    assert_eq!(mode(5, Text("")), libc::S_IFDIR | 0o755);
    assert_eq!(mode(5, Text("devices")), libc::S_IFDIR | 0o755);
}

#[test]
fn access_follows_the_mode() {
    let world = World::new();
    let access = |path, mode| world.call(Sys::Faccessat2, &[CWD, Text(path), Int(mode), Int(0)]);
    returns(access("/dev/gpiochip0", libc::F_OK), 0);
    returns(access("/dev/gpiochip0", libc::R_OK | libc::W_OK), 0);
    fails(access("/dev/gpiochip0", libc::X_OK), Errno::ACCESS);
    returns(access("/sys/bus/gpio", libc::X_OK), 0);
    returns(access(DEV, libc::R_OK), 0);
    fails(access("/dev/gpiochip9", libc::F_OK), Errno::NOENT);
    is_native(access("/dev/gpiochip0", 8));
    is_native(access("/dev/null", libc::R_OK));
    returns(
        world.call(
            Sys::Faccessat,
            &[CWD, Text(DEV), Int(libc::R_OK), Int(0x5555)],
        ),
        0,
    );
}

/// No call of a run on a file of the board is refused for its user, and `stat` says so to each.
#[test]
fn who_asks_sees_that_it_may_write() {
    let world = World::new();
    let line = "/sys/devices/platform/gpio-sim.0/gpiochip0/gpio/gpio513";
    let chip = "/sys/devices/platform/gpio-sim.0/gpio/chip0/gpio1";
    for dir in [line, chip] {
        world.shadow.mkdir_all(dir.as_bytes()).unwrap();
        let value = format!("{dir}/value");
        world
            .shadow
            .write_file(value.as_bytes(), 0o644, b"0\n")
            .unwrap();
    }
    let seen_by = |uid: u32, path: &str| {
        let who = Credentials {
            uid,
            gid: uid,
            ..Credentials::default()
        };
        *world.process.credentials.borrow_mut() = who;
        let call = [CWD, Text(path), Int(0), Int(0x7ff), Raw(BUFFER)];
        returns(world.call(Sys::Statx, &call), 0);
        let record = world.answer(32);
        let number = |at: usize| u32::from_ne_bytes(record[at..at + 4].try_into().unwrap());
        assert_eq!((number(20), number(24)), (uid, uid), "{path}");
        number(28) & 0o777
    };
    for (path, user, root) in [
        (format!("{line}/value"), 0o664, 0o644),
        (format!("{chip}/value"), 0o644, 0o644),
        ("/dev/gpiochip0".to_owned(), 0o600, 0o600),
        (DEV.to_owned(), 0o444, 0o444),
    ] {
        assert_eq!(seen_by(1000, &path), user, "{path}");
        assert_eq!(seen_by(0, &path), root, "{path}");
    }
}

/// What is open is brought up to date before a call that can show it, and not before one that cannot.
#[test]
fn open_files_are_settled_for_the_board_alone() {
    let world = World::new();
    let stat = |path, flags| {
        let args = [CWD, Text(path), Raw(BUFFER), Int(flags)];
        world.call(Sys::Newfstatat, &args)
    };
    is_native(stat("/dev/null", 0));
    is_native(stat("missing", libc::AT_SYMLINK_NOFOLLOW));
    is_native(world.call(Sys::Fstat, &[Int(73), Raw(BUFFER)]));
    assert_eq!(world.settled(), 0);
    returns(stat("/dev/gpiochip0", 0), 0);
    assert_eq!(world.settled(), 1);
    returns(world.call(Sys::Fstat, &[Int(70), Raw(BUFFER)]), 0);
    assert_eq!(world.settled(), 2);
}

#[test]
fn a_call_that_waits_no_more_is_let_through() {
    let world = World::new();
    world.process.is_gone.set(true);
    let path = Text("/dev/gpiochip0");
    is_native(world.call(Sys::Newfstatat, &[CWD, path, Raw(BUFFER), Int(0)]));
    is_native(world.call(Sys::Openat, &[CWD, path, Int(libc::O_RDWR)]));
    is_native(world.call(Sys::Unlinkat, &[CWD, path, Int(0)]));
    is_native(world.call(Sys::Fstat, &[Int(70), Raw(BUFFER)]));
    assert!(world.opened().is_empty() && world.settled() == 0);
}

/// The directories of lines are made when a program looks them up, which no program can detect.
#[test]
fn a_chip_has_its_lines_before_anybody_looks() {
    let world = World::new();
    let device = "/sys/devices/platform/gpio-sim.0/gpiochip0";
    let place = world.shadow.locate(device.as_bytes());
    let is_there = |name: &str| place.join(name).exists();
    let looked = |path| {
        statx(&world, path, 0);
        world.answer(256)
    };
    let before = looked(device);
    // A directory's own two links, `power`, and eight lines.
    assert_eq!(before[16..20], (2 + 1 + 8_u32).to_ne_bytes());
    assert!(!is_there("sim_gpio0"));
    statx(&world, &format!("{device}/sim_gpio5/value"), 0);
    assert!(is_there("sim_gpio5") && !is_there("sim_gpio0"));
    assert_eq!(looked(device), before);
    let args = [CWD, Text(device), Int(libc::O_DIRECTORY)];
    let place = world.install(9, world.call(Sys::Openat, &args));
    assert_eq!(looked(device), before);
    // What there is besides: power, dev, uevent, subsystem, driver.
    assert_eq!(std::fs::read_dir(place).unwrap().count(), 8 + 5);
}
