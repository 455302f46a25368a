//! Resolution over a made-up machine: which world answers, links between the two, and `..`.

use std::{fs, os::unix::ffi::OsStrExt as _};

use rustix::io::Errno;

use super::{Place, Resolution, Target, Want};
use crate::calls::testing::World;

const DEVICE: &str = "Board /sys/devices/platform/gpio-sim.0/gpiochip0";

fn found(world: &World, path: &str) -> String {
    world.find(path).expect(path).expect(path)
}

#[test]
fn ordinary_files_are_the_kernels() {
    let world = World::new();
    for path in [
        "/",
        "/tmp",
        "/tmp/",
        "/dev",
        "/dev/null",
        "/sys/bus/pci",
        "/tmp/missing",
        "dir",
        "../tmp",
        "/proc/meminfo",
    ] {
        assert_eq!(world.find(path), None, "{path}");
    }
}

#[test]
fn board_names_are_found_in_the_shadow_tree() {
    let world = World::new();
    assert_eq!(found(&world, "/dev/gpiochip0"), "Board /dev/gpiochip0");
    assert_eq!(found(&world, "/dev//./gpiochip0"), "Board /dev/gpiochip0");
    assert_eq!(found(&world, "/sys/bus/gpio"), "Board /sys/bus/gpio");
    assert_eq!(found(&world, "/sys/bus/gpio/devices/gpiochip0"), DEVICE);
    assert_eq!(
        found(&world, "/sys/dev/char/254:0/subsystem"),
        "Board /sys/bus/gpio"
    );
    assert_eq!(found(&world, "../dev/gpiochip0"), "Board /dev/gpiochip0");
}

#[test]
fn the_hosts_own_chips_are_hidden() {
    let world = World::new();
    assert_eq!(found(&world, "/dev/gpiochip7"), "no Board /dev/gpiochip7");
    fs::create_dir_all(world.host("/sys/class/gpio")).unwrap();
    assert_eq!(found(&world, "/sys/class/gpio"), "no Board /sys/class/gpio");
    fs::create_dir_all(world.host("/sys/bus/gpio/devices/gpiochip7")).unwrap();
    assert_eq!(
        found(&world, "/sys/bus/gpio/devices/gpiochip7"),
        "no Board /sys/bus/gpio/devices/gpiochip7"
    );
}

#[test]
fn names_that_only_look_like_chips_stay_the_hosts() {
    let world = World::new();
    world.link("/dev/gpiochip0-lnk", "gpiochip0");
    assert_eq!(found(&world, "/dev/gpiochip0-lnk"), "Board /dev/gpiochip0");
    let at = world.resolve("/dev/gpiochip0-lnk", Want::default());
    assert_eq!(at.answer(), None, "the link itself is the host's");
    assert_eq!(world.find("/tmp/gpiochip0"), None);
}

#[test]
fn parent_of_a_link_is_where_it_led() {
    let world = World::new();
    assert_eq!(
        found(&world, "/sys/bus/gpio/devices/gpiochip0/.."),
        "Board /sys/devices/platform/gpio-sim.0"
    );
    assert_eq!(
        found(&world, "/sys/bus/gpio/devices/gpiochip0/../.."),
        "Host /sys/devices/platform"
    );
    assert_eq!(
        found(&world, "/sys/bus/gpio/devices/gpiochip0/../../foo"),
        "Host /sys/devices/platform/foo"
    );
    assert_eq!(found(&world, "/sys/bus/gpio/../pci"), "Host /sys/bus/pci");
}

#[test]
fn links_of_the_host_lead_to_the_board() {
    let world = World::new();
    world.link("/tmp/node", "/dev/gpiochip0");
    world.link("/tmp/relative", "../dev/gpiochip0");
    world.link("/tmp/twice", "node");
    world.link("/tmp/bus", "/sys/bus");
    world.link("/tmp/plain", "dir");
    for path in [
        "/tmp/node",
        "/tmp/relative",
        "/tmp/twice",
        "twice",
        "./dir/../node",
    ] {
        assert_eq!(found(&world, path), "Board /dev/gpiochip0", "{path}");
    }
    // A link in the middle of a path, where the host has nothing at the end of it.
    assert_eq!(found(&world, "/tmp/bus/gpio/devices/gpiochip0"), DEVICE);
    assert_eq!(world.find("/tmp/bus/pci"), None);
    assert_eq!(world.find("/tmp/plain"), None);
    assert_eq!(world.find("/tmp/plain/missing"), None);
}

#[test]
fn a_link_in_the_middle_is_seen_without_our_letters_in_the_path() {
    let world = World::new();
    fs::create_dir(world.host("/tmp/real")).unwrap();
    world.link("/tmp/d", "/sys/bus/gpio");
    assert_eq!(
        found(&world, "/tmp/d/devices"),
        "Board /sys/bus/gpio/devices"
    );
    assert_eq!(world.find("/tmp/real/devices"), None);
}

#[test]
fn links_are_not_followed_where_that_is_asked() {
    let world = World::new();
    world.link("/tmp/node", "/dev/gpiochip0");
    assert_eq!(world.resolve("/tmp/node", Want::default()).answer(), None);
    let Some(Ok(Target::At(link))) = world
        .resolve("/sys/bus/gpio/devices/gpiochip0", Want::default())
        .answer()
    else {
        panic!("not found")
    };
    assert_eq!(
        (link.place, link.mode & libc::S_IFMT),
        (Place::Board, libc::S_IFLNK)
    );
    // A slash at the end asks for the directory behind the link.
    let slash = world
        .resolve("/sys/bus/gpio/devices/gpiochip0/", Want::default())
        .answer();
    assert!(matches!(slash, Some(Ok(Target::At(dir))) if dir.mode & libc::S_IFMT == libc::S_IFDIR));
    let no_links = Want {
        follow: true,
        no_links: true,
    };
    assert_eq!(
        world
            .resolve("/sys/bus/gpio/devices/gpiochip0/dev", no_links)
            .answer(),
        Some(Err(Errno::LOOP))
    );
}

#[test]
fn errors_are_those_of_a_lookup() {
    let world = World::new();
    world.link("/tmp/gpio-loop", "gpio-loop");
    let long = format!("/sys/bus/gpio/{}", "x".repeat(256));
    for (path, errno) in [
        ("/dev/gpiochip0/x", Errno::NOTDIR),
        ("/dev/gpiochip0/", Errno::NOTDIR),
        ("/dev/gpiochip0/..", Errno::NOTDIR),
        ("/sys/bus/gpio/devices/gpiochip0/dev/.", Errno::NOTDIR),
        ("/sys/bus/gpio/missing/x", Errno::NOENT),
        ("/dev/gpiochip9/", Errno::NOENT),
        (long.as_str(), Errno::NAMETOOLONG),
    ] {
        assert_eq!(world.find(path), Some(Err(errno)), "{path}");
    }
    // The same lookup on the host fails the same way without us.
    assert_eq!(world.find("/tmp/gpio-loop"), None);
}

#[test]
fn a_chain_of_links_ends() {
    let world = World::new();
    world
        .shadow
        .symlink(b"/sys/bus/gpio/loop", b"loop")
        .unwrap();
    assert_eq!(world.find("/sys/bus/gpio/loop"), Some(Err(Errno::LOOP)));
}

#[test]
fn inside_the_shadow_tree_everything_is_answered() {
    let world = World::new();
    let cwd = world.shadow.locate(b"/sys/bus/gpio/devices");
    world.set_cwd(cwd.as_os_str().as_bytes());
    assert_eq!(found(&world, "gpiochip0"), DEVICE);
    assert_eq!(found(&world, "."), "Board /sys/bus/gpio/devices");
    assert_eq!(found(&world, "../../pci"), "Host /sys/bus/pci");
    assert_eq!(found(&world, "../../../../dev/null"), "Host /dev/null");
    assert_eq!(
        found(&world, "missing"),
        "no Board /sys/bus/gpio/devices/missing"
    );
    assert_eq!(found(&world, "../../missing"), "no Host /sys/bus/missing");
    assert_eq!(world.find("/dev/null"), None);
}

#[test]
fn the_tree_itself_is_not_to_be_found() {
    let world = World::new();
    let inside = world.shadow.locate(b"/sys/bus/gpio");
    assert_eq!(
        world.find(inside.to_str().unwrap()),
        Some(Err(Errno::NOENT))
    );
    let tree = world.shadow.dir().to_str().unwrap().to_owned();
    assert_eq!(world.find(&tree), Some(Ok(format!("no Board {tree}"))));
}

#[test]
fn directories_that_the_host_lacks_are_the_boards() {
    let world = World::new();
    fs::remove_dir_all(world.host("/sys")).unwrap();
    assert_eq!(found(&world, "/sys"), "Board /sys");
    assert_eq!(
        found(&world, "/sys/devices/platform"),
        "Board /sys/devices/platform"
    );
}

#[test]
fn descriptors_of_ours_are_known_by_their_link() {
    let world = World::new();
    for path in [
        "/proc/self/fd/70",
        "/proc/42/fd/70",
        "/dev/fd/70",
        "/proc/thread-self/../../../self/fd/70",
    ] {
        assert_eq!(
            found(&world, path),
            "Chip { id: 0, is_gone: false }",
            "{path}"
        );
    }
    assert_eq!(
        found(&world, "/proc/self/fd/72"),
        "Anonymous(\"gpio-line\")"
    );
    // A socket is no directory either.
    assert_eq!(world.find("/proc/self/fd/70/x"), None);
    assert_eq!(world.find("/proc/self/fd/99"), None);
    let bus = world.shadow.locate(b"/sys/bus/gpio");
    world.set_fd(5, bus.as_os_str().as_bytes());
    assert_eq!(found(&world, "/proc/self/fd/5/devices/gpiochip0"), DEVICE);
}

/// A machine with a chip of its own, wherever the kernel shows it.
fn machine_with_gpio() -> World {
    let world = World::new();
    for dir in [
        "sys/class/gpio/gpiochip512",
        "sys/bus/gpio/devices",
        "sys/devices/platform/soc/gpio/GPIO17",
        "sys/devices/platform/soc/gpiochip0",
    ] {
        fs::create_dir_all(world.host(&format!("/{dir}"))).unwrap();
    }
    fs::write(world.host("/sys/class/gpio/export"), "").unwrap();
    fs::write(
        world.host("/sys/devices/platform/soc/gpio/GPIO17/value"),
        "",
    )
    .unwrap();
    world
}

#[test]
fn links_in_the_middle_lead_to_the_board_on_a_machine_with_gpio() {
    let world = machine_with_gpio();
    world.link("/tmp/c", "/sys/class/gpio");
    world.link("/tmp/s", "/sys");
    world.link("/tmp/up", "../sys/class");
    world.link("/tmp/far", "s/class");
    for path in [
        "/tmp/c/export",
        "/tmp/s/class/gpio/export",
        "/tmp/up/gpio/export",
        "/tmp/far/gpio/export",
        "c/export",
        "/sys/class/gpio/export",
        "/sys/../tmp/c/export",
    ] {
        assert_eq!(world.find(path), Some(Err(Errno::NOENT)), "{path}");
    }
}

#[test]
fn a_way_through_the_board_and_out_is_a_path_of_the_machine() {
    let world = World::new();
    let cwd = world.shadow.locate(b"/sys/bus/gpio/devices");
    world.set_cwd(cwd.as_os_str().as_bytes());
    for (path, expected) in [
        ("../../../../tmp/dir", Some("/sys/bus/../../tmp/dir")),
        ("../../../../tmp/new/", Some("/sys/bus/../../tmp/new/")),
        (
            "../../../../tmp/no/../file",
            Some("/sys/bus/../../tmp/no/../file"),
        ),
        ("../../../../dev/null/x", Some("/sys/bus/../../dev/null/x")),
        ("../..", Some("/sys/bus")),
        ("/sys/bus/gpio/../pci/.", Some("/sys/bus/pci/.")),
        ("../../../../dev/gpiochip0", None),
        ("../../../../dev/gpiochip9", None),
        ("..", None),
    ] {
        let Resolution::Walked { exit, .. } = world.resolve(path, Want::default()) else {
            panic!("{path}")
        };
        assert_eq!(exit.as_deref(), expected.map(str::as_bytes), "{path}");
    }
}

#[test]
fn devices_of_gpio_are_hidden_by_their_class_and_bus() {
    let world = machine_with_gpio();
    let line = "/sys/devices/platform/soc/gpio/GPIO17";
    let chip = "/sys/devices/platform/soc/gpiochip0";
    world.link(&format!("{line}/subsystem"), "../../../../../class/gpio");
    world.link(&format!("{chip}/subsystem"), "../../../../bus/gpio");
    fs::create_dir(world.host("/sys/devices/platform/soc/spi")).unwrap();
    world.link(
        "/sys/devices/platform/soc/spi/subsystem",
        "../../../../bus/spi",
    );
    world.link("/tmp/line", line);
    for path in [&format!("{line}/value"), "/tmp/line/value"] {
        assert_eq!(world.find(path), Some(Err(Errno::NOENT)), "{path}");
    }
    assert_eq!(found(&world, line), format!("no Board {line}"));
    assert_eq!(found(&world, chip), format!("no Board {chip}"));
    for path in [
        "/sys/devices/platform/soc/spi",
        "/sys/devices/platform/soc/gpio",
    ] {
        assert_eq!(world.find(path), None, "{path}");
    }
}
