//! Making, moving and removing names in the tree: the errno that Linux gives.

use std::fs;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::inside::{TREE, in_a_run, make, text};

const MODE: Mode = Mode::from_raw_mode(0o755);

fn mkdir(path: &str) -> Result<(), Errno> {
    rustix::fs::mkdir(path, MODE)
}

fn open(path: &str, flags: OFlags) -> Result<(), Errno> {
    rustix::fs::open(path, flags, Mode::from_raw_mode(0o644)).map(drop)
}

#[test]
fn directories_that_cannot_be_made() {
    in_a_run("names::directories_that_cannot_be_made", &[], || {
        let d = make("d");
        let at = |rest: &str| mkdir(&format!("{d}/{rest}"));
        for taken in [
            "",
            "/",
            "live",
            "dev_name",
            "b",
            "b/label",
            "b/line0",
            "b/line0/name",
        ] {
            assert_eq!(at(taken), Err(Errno::EXIST), "{taken:?}");
        }
        for taken in ["b/line0/hog", "b/line0/hog/name", "b/line0/hog/direction"] {
            assert_eq!(at(taken), Err(Errno::EXIST), "{taken:?}");
        }
        for wrong in [
            "b/foo", "b/line", "b/linex", "b/line1x", "b/line-1", "b/Line1", "b/hog",
        ] {
            assert_eq!(at(wrong), Err(Errno::INVAL), "{wrong:?}");
        }
        assert_eq!(at("b/line0/pig"), Err(Errno::INVAL));
        assert_eq!(at("b/line0/hog/any"), Err(Errno::PERM));
        assert_eq!(at("no/any"), Err(Errno::NOENT));
        assert_eq!(at("live/any"), Err(Errno::NOTDIR));
        assert_eq!(at(&"x".repeat(256)), Err(Errno::NAMETOOLONG));
        assert_eq!(at("b/line99"), Ok(()));
        for elsewhere in [
            "/sys/kernel/config/any",
            "/sys/bus/gpio/any",
            "/sys/class/gpio/any",
        ] {
            assert_eq!(mkdir(elsewhere), Err(Errno::PERM), "{elsewhere}");
        }
        assert_eq!(mkdir(TREE), Err(Errno::EXIST));

        fs::write(format!("{d}/live"), "1").unwrap();
        for busy in ["c", "b/line1"] {
            assert_eq!(at(busy), Err(Errno::BUSY), "{busy:?}");
        }
        assert_eq!(at("b/foo"), Err(Errno::INVAL));
        let sysfs = "/sys/devices/platform/gpio-sim.0/gpiochip0";
        assert_eq!(mkdir(&format!("{sysfs}/any")), Err(Errno::PERM));
        assert_eq!(mkdir(&format!("{sysfs}/sim_gpio0/any")), Err(Errno::PERM));
        assert_eq!(mkdir(&format!("{sysfs}/dev")), Err(Errno::EXIST));
    });
}

#[test]
fn directories_that_cannot_be_removed() {
    in_a_run("names::directories_that_cannot_be_removed", &[], || {
        let d = make("d");
        let at = |rest: &str| rustix::fs::rmdir(format!("{d}/{rest}"));
        for full in ["", "b", "b/line0"] {
            assert_eq!(at(full), Err(Errno::NOTEMPTY), "{full:?}");
        }
        for file in ["live", "b/label", "b/line0/hog/name"] {
            assert_eq!(at(file), Err(Errno::NOTDIR), "{file:?}");
        }
        assert_eq!(at("no"), Err(Errno::NOENT));
        assert_eq!(at("b/."), Err(Errno::INVAL));
        assert_eq!(at("b/line0/hog/.."), Err(Errno::NOTEMPTY));
        assert_eq!(rustix::fs::rmdir(TREE), Err(Errno::PERM));

        fs::write(format!("{d}/live"), "1").unwrap();
        assert_eq!(at("b/line0/hog"), Err(Errno::BUSY));
        assert_eq!(at("b/line0"), Err(Errno::NOTEMPTY));
        let sysfs = "/sys/devices/platform/gpio-sim.0/gpiochip0";
        assert_eq!(rustix::fs::rmdir(sysfs), Err(Errno::PERM));
        fs::write(format!("{d}/live"), "0").unwrap();
        for dir in ["b/line0/hog", "b/line0", "b", ""] {
            assert_eq!(at(dir), Ok(()), "{dir:?}");
        }
        assert_eq!(fs::read_dir(TREE).unwrap().count(), 0);
    });
}

#[test]
fn names_that_cannot_be_moved_or_removed() {
    in_a_run(
        "names::names_that_cannot_be_moved_or_removed",
        &["--chip", "on:2"],
        || {
            let d = make("d");
            let at = |rest: &str| format!("{d}/{rest}");
            let line = "/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio0";
            let pull = format!("{line}/pull");
            for path in [at("live"), at("b/label"), pull.clone()] {
                assert_eq!(rustix::fs::unlink(&*path), Err(Errno::PERM), "{path}");
            }
            assert_eq!(rustix::fs::unlink(at("b")), Err(Errno::ISDIR));
            let empty = AtFlags::empty();
            assert_eq!(rustix::fs::unlinkat(CWD, at("b"), empty), Err(Errno::ISDIR));
            assert_eq!(rustix::fs::unlink(at("no")), Err(Errno::NOENT));

            let moves = [
                (at(""), format!("{TREE}/e")),
                (at("b"), at("c")),
                (at("live"), at("dead")),
            ];
            for (old, new) in &moves {
                let old = old.trim_end_matches('/');
                assert_eq!(rustix::fs::rename(old, &**new), Err(Errno::PERM), "{old}");
            }
            assert_eq!(rustix::fs::rename(at("no"), at("c")), Err(Errno::NOENT));
            assert_eq!(
                rustix::fs::rename(&*pull, format!("{line}/push")),
                Err(Errno::PERM)
            );
            assert_eq!(rustix::fs::symlink("b", at("l")), Err(Errno::PERM));
            assert_eq!(rustix::fs::symlink("b", at("b")), Err(Errno::EXIST));
            assert_eq!(rustix::fs::link(at("live"), at("l")), Err(Errno::PERM));
            assert_eq!(
                rustix::fs::chmod(at("live"), Mode::from_raw_mode(0o600)),
                Ok(())
            );
            assert_eq!(
                rustix::fs::chmod(at("no"), Mode::from_raw_mode(0o600)),
                Err(Errno::NOENT)
            );
            assert_eq!(text(at("live")), b"0\n");
        },
    );
}

#[test]
fn opens_with_every_flag() {
    in_a_run("names::opens_with_every_flag", &["--chip", "on:2"], || {
        let d = make("d");
        let pull = "/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio0/pull";
        fs::write(format!("{d}/b/label"), "kept").unwrap();
        for path in [format!("{d}/b/label"), pull.to_owned()] {
            let before = text(&path);
            let open = |flags| open(&path, flags);
            assert_eq!(
                open(OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC),
                Ok(())
            );
            assert_eq!(open(OFlags::RDWR | OFlags::APPEND), Ok(()));
            assert_eq!(
                open(OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW),
                Ok(())
            );
            let exclusive = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
            assert_eq!(open(exclusive), Err(Errno::EXIST));
            assert_eq!(open(OFlags::RDONLY | OFlags::DIRECTORY), Err(Errno::NOTDIR));
            // What was cut off was a copy, or nothing.
            assert_eq!(text(&path), before);
        }
        for new in [
            format!("{d}/new"),
            format!("{d}/b/new"),
            pull.replace("pull", "new"),
        ] {
            assert_eq!(
                open(&new, OFlags::WRONLY | OFlags::CREATE),
                Err(Errno::ACCESS),
                "{new}"
            );
            let exclusive = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
            assert_eq!(open(&new, exclusive), Err(Errno::ACCESS), "{new}");
            assert_eq!(open(&new, OFlags::WRONLY), Err(Errno::NOENT), "{new}");
        }
        for dir in [d.clone(), format!("{d}/b"), pull.replace("/pull", "")] {
            assert_eq!(
                open(&dir, OFlags::RDONLY | OFlags::DIRECTORY),
                Ok(()),
                "{dir}"
            );
            assert_eq!(open(&dir, OFlags::WRONLY), Err(Errno::ISDIR), "{dir}");
            assert_eq!(
                open(&dir, OFlags::RDONLY | OFlags::CREATE),
                Err(Errno::ISDIR),
                "{dir}"
            );
        }
        assert_eq!(
            open(&format!("{d}/live/x"), OFlags::RDONLY),
            Err(Errno::NOTDIR)
        );
    });
}

#[test]
fn by_a_directory_descriptor() {
    in_a_run("names::by_a_directory_descriptor", &[], || {
        let tree = rustix::fs::open(TREE, OFlags::RDONLY, Mode::empty()).unwrap();
        rustix::fs::mkdirat(&tree, "d", Mode::empty()).unwrap();
        let d = rustix::fs::openat(&tree, "d", OFlags::RDONLY, Mode::empty()).unwrap();
        rustix::fs::mkdirat(&d, "b", Mode::empty()).unwrap();
        rustix::fs::mkdirat(&d, "b/line0", Mode::empty()).unwrap();
        let live = rustix::fs::openat(&d, "live", OFlags::WRONLY, Mode::empty()).unwrap();
        rustix::io::write(&live, b"1\0").unwrap();
        let busy = rustix::fs::unlinkat(&d, "b/line0", AtFlags::REMOVEDIR);
        assert_eq!(busy, Err(Errno::BUSY));
        rustix::io::write(&live, b"0\0").unwrap();
        for name in ["b/line0", "b"] {
            rustix::fs::unlinkat(&d, name, AtFlags::REMOVEDIR).unwrap();
        }
        rustix::fs::unlinkat(&tree, "d", AtFlags::REMOVEDIR).unwrap();

        // The descriptors outlive the directory, and lead nowhere.
        let gone = |done: Result<(), Errno>| assert_eq!(done, Err(Errno::NOENT));
        gone(rustix::fs::mkdirat(&d, "b", MODE));
        gone(rustix::fs::openat(&d, "live", OFlags::RDONLY, Mode::empty()).map(drop));
        gone(rustix::fs::accessat(
            &d,
            "live",
            rustix::fs::Access::EXISTS,
            AtFlags::empty(),
        ));
        assert!(rustix::io::write(&live, b"1").is_err());
        assert_eq!(rustix::fs::Dir::new(d).unwrap().skip(2).count(), 0);
    });
}
