//! The tree on a file system: what a chip looks like, and what is removed.

use std::{collections::BTreeSet, os::unix::fs::MetadataExt as _};

use super::*;

fn shadow(base: &tempfile::TempDir) -> Shadow {
    Shadow::build(private_dir(base.path()).unwrap().path).unwrap()
}

fn node(id: u32) -> ChipNode {
    ChipNode {
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
    assert_eq!(dir.path().parent(), Some(base.path()));
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
    let node = ChipNode {
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
        let node = ChipNode {
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
            .map(|path| String::from_utf8(path).unwrap())
    };
    assert_eq!(inside("/root"), Some("/".into()));
    assert_eq!(inside("/root/sys/bus"), Some("/sys/bus".into()));
    assert_eq!(inside(""), None);
    assert_eq!(inside("x/root"), None);
    assert_eq!(shadow.inside(b"/dev"), None);
}

#[test]
fn only_a_simulated_chip_has_faults_and_they_go_with_it() {
    let base = tempfile::tempdir().unwrap();
    let shadow = shadow(&base);
    let faults = |id| format!("/sys/kernel/debug/gpio-sim/gpiochip{id}/faults");
    let other = ChipNode {
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

#[test]
fn what_a_killed_run_left_goes_with_the_next_and_nothing_else() {
    let base = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let path = base.path().join(name);
        fs::create_dir_all(path.join("root/dev")).unwrap();
        path
    };
    let (left, other) = (make(".ugpio-shadow-1-0"), make("ugpio"));
    let link = base.path().join(".ugpio-shadow-1-1");
    std::os::unix::fs::symlink(&other, &link).unwrap();
    let first = place_in([base.path().to_owned()].into_iter()).unwrap();
    assert!(!left.exists());
    let second = place_in([base.path().to_owned()].into_iter()).unwrap();
    assert!(first.path().exists() && second.path().exists());
    assert!(other.join("root/dev").exists() && link.symlink_metadata().is_ok());
    let path = first.path().to_owned();
    drop(first);
    sweep(base.path());
    assert!(!path.exists() && second.path().exists());
}
