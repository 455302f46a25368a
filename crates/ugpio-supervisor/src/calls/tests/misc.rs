//! Links, working directories and extended attributes.

use std::os::unix::ffi::OsStrExt as _;

use rustix::io::Errno;

use crate::{
    arch::Sys,
    calls::testing::{
        Arg::{Int, Raw, Text},
        BUFFER, CWD, UNMAPPED, World, fails, goes_to, is_native, returns,
    },
};

const BUS_LINK: &str = "/sys/bus/gpio/devices/gpiochip0";

/// The text of a link, read with room to spare.
fn readlink(world: &World, path: &str) -> String {
    let reply = world.call(Sys::Readlinkat, &[CWD, Text(path), Raw(BUFFER), Int(1023)]);
    let crate::outcome::Reply::Return(length) = reply else {
        panic!("{path}: {reply:?}")
    };
    String::from_utf8(world.answer(usize::try_from(length).unwrap())).unwrap()
}

#[test]
fn links_have_the_kernels_text() {
    let world = World::new();
    assert_eq!(
        readlink(&world, BUS_LINK),
        "../../../devices/platform/gpio-sim.0/gpiochip0"
    );
    assert_eq!(
        readlink(&world, "/sys/dev/char/254:0"),
        "../../devices/platform/gpio-sim.0/gpiochip0"
    );
    assert_eq!(
        readlink(&world, &format!("{BUS_LINK}/subsystem")),
        "../../../../bus/gpio"
    );
}

#[test]
fn what_is_no_link_says_so() {
    let world = World::new();
    let readlink = |path| world.call(Sys::Readlinkat, &[CWD, Text(path), Raw(BUFFER), Int(64)]);
    // Every component of a real path must say that it is no link, and not that it is missing.
    for path in [
        "/dev/gpiochip0",
        "/sys/bus/gpio",
        "/sys/devices/platform/gpio-sim.0",
    ] {
        fails(readlink(path), Errno::INVAL);
    }
    for path in ["/sys", "/sys/dev", "/sys/dev/char", "/sys/bus", "/dev/null"] {
        is_native(readlink(path));
    }
    fails(readlink("/dev/gpiochip9"), Errno::NOENT);
}

#[test]
fn a_short_buffer_cuts_the_text() {
    let world = World::new();
    let readlink =
        |buf, size| world.call(Sys::Readlinkat, &[CWD, Text(BUS_LINK), Raw(buf), Int(size)]);
    returns(readlink(BUFFER, 5), 5);
    assert_eq!(world.answer(6), b"../..\0");
    is_native(readlink(BUFFER, 0));
    is_native(readlink(BUFFER, -1));
    fails(readlink(UNMAPPED, 5), Errno::FAULT);
}

#[test]
fn descriptors_of_ours_have_the_names_of_linux() {
    let world = World::new();
    assert_eq!(readlink(&world, "/proc/self/fd/70"), "/dev/gpiochip0");
    assert_eq!(
        readlink(&world, "/proc/42/fd/71"),
        "/dev/gpiochip1 (deleted)"
    );
    assert_eq!(readlink(&world, "/dev/fd/72"), "anon_inode:gpio-line");
    let bus = world.shadow.locate(b"/sys/bus/gpio");
    world.set_fd(5, bus.as_os_str().as_bytes());
    assert_eq!(readlink(&world, "/proc/self/fd/5"), "/sys/bus/gpio");
    is_native(world.call(
        Sys::Readlinkat,
        &[CWD, Text("/proc/self/fd/73"), Raw(BUFFER), Int(64)],
    ));
    is_native(world.call(
        Sys::Readlinkat,
        &[CWD, Text("/proc/self/exe"), Raw(BUFFER), Int(64)],
    ));
}

#[test]
fn changing_into_the_board_moves_the_program() {
    let world = World::new();
    let chdir = |path| world.call(Sys::Chdir, &[Text(path)]);
    returns(chdir("/sys/bus/gpio/devices"), 0);
    let shadow = world.shadow.locate(b"/sys/bus/gpio/devices");
    assert_eq!(world.moved(), [shadow.as_os_str().as_bytes()]);
    is_native(chdir("/dev"));
    fails(chdir("/dev/gpiochip0"), Errno::NOTDIR);
    fails(chdir("/dev/gpiochip9"), Errno::NOENT);
    // From there, a directory of the machine is not where the kernel would look.
    world.set_cwd(shadow.as_os_str().as_bytes());
    goes_to(&world, chdir("../../pci"), "/sys/bus/pci");
}

#[test]
fn the_working_directory_is_the_virtual_one() {
    let world = World::new();
    let getcwd = |size| world.call(Sys::Getcwd, &[Raw(BUFFER), Raw(size)]);
    is_native(getcwd(4096));
    let shadow = world.shadow.locate(b"/sys/bus/gpio");
    world.set_cwd(shadow.as_os_str().as_bytes());
    returns(getcwd(4096), 14);
    assert_eq!(world.answer(14), b"/sys/bus/gpio\0");
    returns(getcwd(14), 14);
    fails(getcwd(13), Errno::RANGE);
    fails(
        world.call(Sys::Getcwd, &[Raw(UNMAPPED), Raw(4096)]),
        Errno::FAULT,
    );
    world.set_cwd(&[shadow.as_os_str().as_bytes(), b" (deleted)"].concat());
    fails(getcwd(4096), Errno::NOENT);
}

#[test]
fn virtual_files_have_no_extended_attributes() {
    let world = World::new();
    let get = |path, name| {
        world.call(
            Sys::Getxattr,
            &[Text(path), Text(name), Raw(BUFFER), Raw(64)],
        )
    };
    for path in ["/dev/gpiochip0", "/sys/bus/gpio", "/proc/self/fd/70"] {
        fails(get(path, "security.selinux"), Errno::NODATA);
        fails(get(path, "system.posix_acl_access"), Errno::OPNOTSUPP);
        fails(get(path, "user.x"), Errno::OPNOTSUPP);
        returns(
            world.call(Sys::Listxattr, &[Text(path), Raw(BUFFER), Raw(64)]),
            0,
        );
    }
    fails(get("/dev/gpiochip0", ""), Errno::RANGE);
    let long = "x".repeat(256);
    fails(get("/dev/gpiochip0", &long), Errno::RANGE);
    fails(get("/dev/gpiochip9", "user.x"), Errno::NOENT);
    is_native(get("/dev/null", "user.x"));
    let lget = world.call(
        Sys::Lgetxattr,
        &[
            Text(BUS_LINK),
            Text("security.selinux"),
            Raw(BUFFER),
            Raw(64),
        ],
    );
    fails(lget, Errno::NODATA);
    returns(
        world.call(Sys::Llistxattr, &[Text(BUS_LINK), Raw(BUFFER), Raw(64)]),
        0,
    );
}
