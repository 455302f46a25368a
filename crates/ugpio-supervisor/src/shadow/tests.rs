//! The tree on a file system: what a chip looks like, what is removed, and directory copies.

use std::{collections::BTreeSet, os::unix::fs::MetadataExt as _};

use super::*;
use crate::eventually::eventually;

fn shadow(base: &tempfile::TempDir) -> Shadow {
    Shadow::build(private_dir(base.path()).unwrap()).unwrap()
}

fn node(id: u32) -> Node {
    Node {
        id,
        label: "test".into(),
        parent: "platform/gpio-sim.0".into(),
        lines: 8,
    }
}

fn text(shadow: &Shadow, path: &str) -> String {
    fs::read_to_string(shadow.locate(path.as_bytes())).unwrap()
}

fn link(shadow: &Shadow, path: &str) -> String {
    fs::read_link(shadow.locate(path.as_bytes()))
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn exists(shadow: &Shadow, path: &str) -> bool {
    fs::symlink_metadata(shadow.locate(path.as_bytes())).is_ok()
}

#[test]
fn the_directory_is_private_and_goes_with_the_tree() {
    let base = tempfile::tempdir().unwrap();
    let shadow = shadow(&base);
    let dir = shadow.dir().to_owned();
    assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o7777, 0o700);
    shadow.mkdir(b"/sys/shut", 0).unwrap();
    drop(shadow);
    assert!(!dir.exists());
}

#[test]
fn the_first_place_that_works_is_taken() {
    let base = tempfile::tempdir().unwrap();
    let places = [
        base.path().join("missing"),
        PathBuf::from("relative"),
        base.path().to_owned(),
    ];
    let dir = place_in(places.into_iter()).unwrap();
    assert_eq!(dir.parent(), Some(base.path()));
    assert!(place_in([base.path().join("missing")].into_iter()).is_err());
}

#[test]
fn a_chip_has_the_names_and_texts_of_linux() {
    let base = tempfile::tempdir().unwrap();
    let shadow = shadow(&base);
    shadow.add_chip(&node(0)).unwrap();
    let device = "/sys/devices/platform/gpio-sim.0/gpiochip0";
    assert_eq!(text(&shadow, &format!("{device}/dev")), "254:0\n");
    assert_eq!(
        text(&shadow, &format!("{device}/uevent")),
        "MAJOR=254\nMINOR=0\nDEVNAME=gpiochip0\nDEVTYPE=gpio_chip\nDRIVER=gpio_stub_drv\n"
    );
    assert_eq!(
        link(&shadow, &format!("{device}/subsystem")),
        "../../../../bus/gpio"
    );
    assert_eq!(
        link(&shadow, "/sys/bus/gpio/devices/gpiochip0"),
        "../../../devices/platform/gpio-sim.0/gpiochip0"
    );
    assert_eq!(
        link(&shadow, "/sys/dev/char/254:0"),
        "../../devices/platform/gpio-sim.0/gpiochip0"
    );
    let subsystem = fs::canonicalize(shadow.locate(b"/sys/dev/char/254:0/subsystem")).unwrap();
    assert_eq!(subsystem, shadow.locate(b"/sys/bus/gpio"));
    let mode = |path: &str| {
        fs::symlink_metadata(shadow.locate(path.as_bytes()))
            .unwrap()
            .mode()
    };
    // What a listing shows; where the file system has no such thing, a plain file.
    assert!([libc::S_IFCHR | 0o600, libc::S_IFREG | 0o600].contains(&mode("/dev/gpiochip0")));
    assert_eq!(mode(&format!("{device}/dev")), libc::S_IFREG | 0o444);
    assert_eq!(mode(device), libc::S_IFDIR | 0o755);
}

#[test]
fn a_parent_stays_until_its_last_chip_goes() {
    let base = tempfile::tempdir().unwrap();
    let shadow = shadow(&base);
    shadow.add_chip(&node(0)).unwrap();
    shadow.add_chip(&node(1)).unwrap();
    assert_eq!(
        shadow.add_chip(&node(1)).unwrap_err().kind(),
        io::ErrorKind::AlreadyExists
    );
    shadow.remove_chip(0).unwrap();
    shadow.remove_chip(0).unwrap();
    assert!(!exists(&shadow, "/dev/gpiochip0") && !exists(&shadow, "/sys/dev/char/254:0"));
    assert!(exists(
        &shadow,
        "/sys/devices/platform/gpio-sim.0/gpiochip1/dev"
    ));
    shadow.remove_chip(1).unwrap();
    assert!(!exists(&shadow, "/sys/devices/platform/gpio-sim.0"));
    assert!(exists(&shadow, "/sys/bus/gpio/devices"));
    assert!(shadow.owned().contains(b"/sys/devices/platform/gpio-sim.0"));
}

#[test]
fn a_parent_that_others_use_is_left_to_them() {
    let base = tempfile::tempdir().unwrap();
    let shadow = shadow(&base);
    let node = Node {
        parent: "virtual".into(),
        ..node(3)
    };
    shadow.add_chip(&node).unwrap();
    assert!(
        shadow
            .owned()
            .contains(b"/sys/devices/virtual/gpiochip3/dev")
    );
    assert!(!shadow.owned().contains(b"/sys/devices/virtual"));
    assert_eq!(
        link(&shadow, "/sys/devices/virtual/gpiochip3/subsystem"),
        "../../../bus/gpio"
    );
    shadow.remove_chip(3).unwrap();
    assert!(!exists(&shadow, "/sys/devices/virtual/gpiochip3"));
}

#[test]
fn a_parent_outside_the_tree_is_refused() {
    let base = tempfile::tempdir().unwrap();
    let shadow = shadow(&base);
    for parent in ["", "../../x", "platform//x", "/platform"] {
        let node = Node {
            parent: parent.into(),
            ..node(0)
        };
        assert_eq!(
            shadow.add_chip(&node).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }
}

#[test]
fn a_file_keeps_its_identity_when_rewritten() {
    let base = tempfile::tempdir().unwrap();
    let shadow = shadow(&base);
    shadow.mkdir_all(b"/sys/a").unwrap();
    shadow.write_file(b"/sys/a/value", 0o444, b"0\n").unwrap();
    let first = fs::metadata(shadow.locate(b"/sys/a/value")).unwrap();
    shadow.write_file(b"/sys/a/value", 0o444, b"1\n").unwrap();
    let second = fs::metadata(shadow.locate(b"/sys/a/value")).unwrap();
    assert_eq!((first.ino(), second.mode() & 0o777), (second.ino(), 0o444));
    assert_eq!(text(&shadow, "/sys/a/value"), "1\n");
}

#[test]
fn paths_in_the_directory_map_back() {
    let base = tempfile::tempdir().unwrap();
    let shadow = shadow(&base);
    let inside = |rest: &str| {
        let path = [shadow.dir().as_os_str().as_bytes(), rest.as_bytes()].concat();
        shadow
            .inside(&path)
            .map(|it| (String::from_utf8(it.path).unwrap(), it.snapshot))
    };
    assert_eq!(inside("/root"), Some(("/".into(), false)));
    assert_eq!(inside("/root/sys/bus"), Some(("/sys/bus".into(), false)));
    assert_eq!(inside("/snap/12/dev"), Some(("/dev".into(), true)));
    assert_eq!(inside("/snap/12"), Some(("/".into(), true)));
    assert_eq!(inside(""), None);
    assert_eq!(inside("x/root"), None);
    assert_eq!(shadow.inside(b"/dev"), None);
}

/// A stand-in for the host's `/dev`, with a chip that must not show.
fn host_dev(base: &tempfile::TempDir) -> PathBuf {
    let dev = base.path().join("dev");
    fs::create_dir_all(dev.join("pts")).unwrap();
    fs::write(dev.join("null"), "").unwrap();
    fs::write(dev.join("gpiochip7"), "").unwrap();
    std::os::unix::fs::symlink("gpiochip0", dev.join("gpiochip0-lnk")).unwrap();
    dev
}

fn copies(shadow: &Shadow) -> usize {
    names(&shadow.dir().join("snap")).len()
}

#[test]
fn a_copy_lists_both_worlds_and_hides_the_hosts_chips() {
    let base = tempfile::tempdir().unwrap();
    let shadow = shadow(&base);
    shadow.add_chip(&node(0)).unwrap();
    let dev = host_dev(&base);
    let fd = shadow.snapshot(b"/dev", &dev).unwrap().unwrap();
    let place = fs::read_link(format!(
        "/proc/self/fd/{}",
        std::os::fd::AsRawFd::as_raw_fd(&fd)
    ))
    .unwrap();
    let listed = names(&place);
    assert_eq!(
        listed.iter().collect::<Vec<_>>(),
        ["gpiochip0", "gpiochip0-lnk", "null", "pts"]
    );
    assert_eq!(
        fs::read_link(place.join("gpiochip0-lnk")).unwrap(),
        Path::new("gpiochip0")
    );
    assert!(place.join("pts").is_dir());
    let inside = shadow.inside(place.as_os_str().as_bytes()).unwrap();
    assert_eq!(
        inside,
        Inside {
            path: b"/dev".to_vec(),
            snapshot: true
        }
    );
}

#[test]
fn a_copy_is_made_only_where_the_listing_is_wrong() {
    let base = tempfile::tempdir().unwrap();
    let shadow = shadow(&base);
    let dev = host_dev(&base);
    fs::remove_file(dev.join("gpiochip7")).unwrap();
    assert!(shadow.snapshot(b"/dev", &dev).unwrap().is_none());
    assert!(shadow.snapshot(b"/etc", &dev).unwrap().is_none());
    shadow.add_chip(&node(0)).unwrap();
    assert!(shadow.snapshot(b"/dev", &dev).unwrap().is_some());
}

#[test]
fn a_copy_goes_after_its_last_descriptor() {
    let base = tempfile::tempdir().unwrap();
    let shadow = shadow(&base);
    shadow.add_chip(&node(0)).unwrap();
    let dev = host_dev(&base);
    let first = shadow.snapshot(b"/dev", &dev).unwrap().unwrap();
    let twin = first.try_clone().unwrap();
    drop(first);
    shadow.sweep();
    assert_eq!(copies(&shadow), 1);
    drop(twin);
    eventually("the copy goes", || {
        shadow.sweep();
        copies(&shadow) == 0
    });
}

#[test]
fn without_watches_the_newest_copies_stay() {
    let base = tempfile::tempdir().unwrap();
    let shadow = shadow(&base);
    shadow.add_chip(&node(0)).unwrap();
    shadow.lock_snapshots().forget_watch();
    let dev = host_dev(&base);
    for _ in 0..70 {
        drop(shadow.snapshot(b"/dev", &dev).unwrap());
    }
    shadow.sweep();
    assert_eq!(copies(&shadow), 64);
}

#[test]
fn only_a_simulated_chip_has_faults_and_they_go_with_it() {
    let base = tempfile::tempdir().unwrap();
    let shadow = shadow(&base);
    let faults = |id| format!("/sys/kernel/debug/gpio-sim/gpiochip{id}/faults");
    let other = Node {
        parent: "platform/other".into(),
        ..node(1)
    };
    shadow.add_chip(&node(0)).unwrap();
    shadow.add_chip(&other).unwrap();
    assert!(exists(&shadow, &faults(0)) && !exists(&shadow, &faults(1)));
    shadow.remove_chip(0).unwrap();
    shadow.remove_chip(1).unwrap();
    let dir = shadow.locate(b"/sys/kernel/debug/gpio-sim");
    assert_eq!(names(&dir), BTreeSet::new());
}
