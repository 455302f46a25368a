//! The legacy class: lines exported by number, their files, and polling for edges.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::fs::{Mode, OFlags, SeekFrom};
use rustix::io::Errno;

use crate::inside::{in_a_run, make, text};

const CLASS: &str = "/sys/class/gpio";

fn store(path: &str, text: &str) -> Result<usize, Errno> {
    let file = rustix::fs::open(format!("{CLASS}/{path}"), OFlags::WRONLY, Mode::empty())?;
    rustix::io::write(file, text.as_bytes())
}

#[track_caller]
fn shows(path: &str, expected: &str) {
    let shown = String::from_utf8(text(format!("{CLASS}/{path}"))).unwrap();
    assert_eq!(shown, format!("{expected}\n"), "{path}");
}

fn value(number: u32, flags: OFlags) -> OwnedFd {
    rustix::fs::open(format!("{CLASS}/gpio{number}/value"), flags, Mode::empty()).unwrap()
}

/// Pulls a line of the first chip from outside.
fn pull(offset: u32, to: &str) {
    let chip = "/sys/devices/platform/gpio-sim.0/gpiochip0";
    fs::write(format!("{chip}/sim_gpio{offset}/pull"), to).unwrap();
}

/// What polls, waiting for it or not.
fn polled(fd: impl AsFd, wait: bool) -> PollFlags {
    let mut fds = [PollFd::new(&fd, PollFlags::PRI | PollFlags::ERR)];
    let limit = Timespec {
        tv_sec: if wait { 60 } else { 0 },
        tv_nsec: 0,
    };
    poll(&mut fds, Some(&limit)).unwrap();
    fds[0].revents()
}

const NOTHING: PollFlags = PollFlags::empty();

fn changed() -> PollFlags {
    PollFlags::PRI | PollFlags::ERR
}

fn at_start(fd: &OwnedFd) -> Vec<u8> {
    rustix::fs::seek(fd, SeekFrom::Start(0)).unwrap();
    let mut buf = [0; 16];
    let count = rustix::io::read(fd, &mut buf).unwrap();
    buf[..count].to_vec()
}

#[test]
fn chips_have_numbers() {
    let options = ["--chip", "one:8", "--chip", "two:4"];
    in_a_run("class::chips_have_numbers", &options, || {
        for (chip, label, count) in [("512", "one", "8"), ("520", "two", "4")] {
            shows(&format!("gpiochip{chip}/base"), chip);
            shows(&format!("gpiochip{chip}/label"), label);
            shows(&format!("gpiochip{chip}/ngpio"), count);
        }
        let link = fs::read_link(format!("{CLASS}/gpiochip512")).unwrap();
        let device = "devices/platform/gpio-sim.0/gpio/gpiochip512";
        assert_eq!(link.to_str().unwrap(), format!("../../{device}"));
        let device = fs::canonicalize(format!("{CLASS}/gpiochip512/device")).unwrap();
        assert_eq!(device.to_str().unwrap(), "/sys/devices/platform/gpio-sim.0");
        let class = fs::canonicalize(format!("{CLASS}/gpiochip512/subsystem")).unwrap();
        assert_eq!(class.to_str().unwrap(), CLASS);

        // A chip of the tree is numbered when its live is written, and loses its number with it.
        let device = make("d");
        fs::write(format!("{device}/b/num_lines"), "2").unwrap();
        fs::write(format!("{device}/live"), "1").unwrap();
        shows("gpiochip524/ngpio", "2");
        assert_eq!(store("export", "524"), Err(Errno::BUSY), "it is hogged");
        store("export", "525").unwrap();
        let open = value(525, OFlags::RDONLY);
        fs::write(format!("{device}/live"), "0").unwrap();
        for name in ["gpiochip524", "gpio525"] {
            assert!(
                fs::symlink_metadata(format!("{CLASS}/{name}")).is_err(),
                "{name}"
            );
        }
        assert_eq!(polled(&open, false), changed());
        assert_eq!(rustix::io::pread(&open, &mut [0; 4], 0), Err(Errno::NODEV));
    });
}

#[test]
fn lines_are_exported_and_unexported() {
    in_a_run(
        "class::lines_are_exported_and_unexported",
        &["--chip", "one:8"],
        || {
            for wrong in ["x", "\n", " 513", "-1", "511", "520", "513\n\n"] {
                assert_eq!(store("export", wrong), Err(Errno::INVAL), "{wrong:?}");
                assert_eq!(store("unexport", wrong), Err(Errno::INVAL), "{wrong:?}");
            }
            assert_eq!(store("export", "99999999999999999999"), Err(Errno::RANGE));
            assert_eq!(store("unexport", "513"), Err(Errno::INVAL));
            assert_eq!(store("export", ""), Ok(0));
            assert_eq!(store("export", "513\n"), Ok(4));
            assert_eq!(store("export", "0x201"), Err(Errno::BUSY));
            let mut names: Vec<_> = fs::read_dir(format!("{CLASS}/gpio513"))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            let all = "active_low device direction edge power subsystem uevent value";
            assert_eq!(names.join(" "), all);
            let place = fs::canonicalize(format!("{CLASS}/gpio513")).unwrap();
            let device = "/sys/devices/platform/gpio-sim.0/gpiochip0/gpio/gpio513";
            assert_eq!(place.to_str().unwrap(), device);
            let export = rustix::fs::open(format!("{CLASS}/export"), OFlags::RDONLY, Mode::empty());
            assert_eq!(export.unwrap_err(), Errno::ACCESS);

            assert_eq!(store("unexport", "513"), Ok(3));
            assert_eq!(store("gpio513/value", "1"), Err(Errno::NOENT));
            assert_eq!(store("unexport", "513"), Err(Errno::INVAL));
        },
    );
}

#[test]
fn an_exported_line_is_nobody_elses() {
    in_a_run(
        "class::an_exported_line_is_nobody_elses",
        &["--chip", "one:8"],
        || {
            let ugpio = |words: &[&str]| {
                let done = Command::new(env!("CARGO_BIN_EXE_ugpio"))
                    .args(words)
                    .output()
                    .unwrap();
                let out = String::from_utf8_lossy(&done.stdout).into_owned();
                (done.status.success(), out)
            };
            store("export", "514").unwrap();
            let (_, info) = ugpio(&["info", "one"]);
            assert!(info.contains("consumer=\"sysfs\""), "{info}");
            assert!(!ugpio(&["get", "--chip", "one", "2"]).0);
            store("unexport", "514").unwrap();
            assert!(ugpio(&["get", "--chip", "one", "2"]).0);
            assert!(!ugpio(&["info", "one"]).1.contains("sysfs"));
        },
    );
}

#[test]
fn directions_and_values() {
    in_a_run("class::directions_and_values", &["--chip", "one:8"], || {
        store("export", "513").unwrap();
        for (file, text) in [
            ("direction", "in"),
            ("value", "0"),
            ("edge", "none"),
            ("active_low", "0"),
        ] {
            shows(&format!("gpio513/{file}"), text);
        }
        assert_eq!(store("gpio513/value", "x"), Err(Errno::PERM));
        assert_eq!(store("gpio513/direction", "up"), Err(Errno::INVAL));
        assert_eq!(store("gpio513/direction", ""), Ok(0));
        let level = "/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio1/value";
        for (word, expected) in [("high\n", "1"), ("low", "0"), ("high", "1"), ("out", "0")] {
            assert_eq!(store("gpio513/direction", word), Ok(word.len()));
            shows("gpio513/value", expected);
            shows("gpio513/direction", "out");
        }
        assert_eq!(store("gpio513/value", "7\n"), Ok(2));
        assert_eq!(text(level), b"1\n");
        assert_eq!(store("gpio513/active_low", "1"), Ok(1));
        shows("gpio513/value", "0");
        // The direction's word is the level, not the value.
        store("gpio513/direction", "high").unwrap();
        assert_eq!(text(level), b"1\n");
        assert_eq!(store("gpio513/edge", "rising"), Err(Errno::IO));
        assert_eq!(store("gpio513/value", "x"), Err(Errno::INVAL));
        assert_eq!(store("gpio513/value", &"1".repeat(5000)), Err(Errno::RANGE));
        let long = format!("1\0{}", "x".repeat(9000));
        assert_eq!(store("gpio513/value", &long), Ok(4096));
    });
}

#[test]
fn a_value_polls_at_edges() {
    let name = "class::a_value_polls_at_edges";
    in_a_run(name, &["--chip", "one:8"], polls_at_edges);
}

#[test]
fn a_value_polls_at_edges_of_a_strict_run() {
    let name = "class::a_value_polls_at_edges_of_a_strict_run";
    in_a_run(name, &["--strict", "--chip", "one:8"], polls_at_edges);
}

fn polls_at_edges() {
    store("export", "513").unwrap();
    let open = value(513, OFlags::RDWR);
    assert_eq!(at_start(&open), b"0\n");
    pull(1, "pull-up");
    assert_eq!(polled(&open, false), NOTHING, "no edge is armed");
    store("gpio513/edge", "both").unwrap();
    for (to, shown) in [
        ("pull-down", b"0\n"),
        ("pull-up", b"1\n"),
        ("pull-down", b"0\n"),
    ] {
        assert_eq!(polled(&open, false), NOTHING);
        pull(1, to);
        assert_eq!(
            polled(&open, false),
            changed(),
            "in order: the store has returned"
        );
        assert_eq!(polled(&open, false), changed(), "until it is read");
        assert_eq!(at_start(&open), shown);
    }
    // Who waits is woken, and a read at an offset calms as well.
    std::thread::scope(|scope| {
        scope.spawn(|| pull(1, "pull-up"));
        assert_eq!(polled(&open, true), changed());
    });
    let mut one = [0; 1];
    assert_eq!(rustix::io::pread(&open, &mut one, 0), Ok(1));
    assert_eq!((&one, polled(&open, false)), (b"1", NOTHING));

    // One edge, seen from the other side.
    store("gpio513/edge", "rising").unwrap();
    store("gpio513/active_low", "1").unwrap();
    shows("gpio513/edge", "rising");
    pull(1, "pull-down");
    assert_eq!(polled(&open, false), changed());
    assert_eq!(at_start(&open), b"1\n");
    pull(1, "pull-up");
    assert_eq!(polled(&open, false), NOTHING);
    store("gpio513/edge", "none").unwrap();
    pull(1, "pull-down");
    assert_eq!(polled(&open, false), NOTHING);
}

#[test]
fn each_open_value_has_a_state_of_its_own() {
    in_a_run(
        "class::each_open_value_has_a_state_of_its_own",
        &["--chip", "one:8"],
        || {
            store("export", "513").unwrap();
            store("gpio513/edge", "both").unwrap();
            let fresh = value(513, OFlags::RDONLY);
            assert_eq!(polled(&fresh, false), changed(), "never read");
            let one = value(513, OFlags::RDONLY);
            at_start(&one);
            let other = value(513, OFlags::RDONLY);
            at_start(&other);
            let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
            let flags = epoll::EventFlags::PRI | epoll::EventFlags::ET;
            epoll::add(&set, &other, epoll::EventData::new_u64(7), flags).unwrap();
            let events = || {
                let mut events = Vec::with_capacity(4);
                let now = Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                };
                epoll::wait(
                    &set,
                    rustix::buffer::spare_capacity(&mut events),
                    Some(&now),
                )
                .unwrap();
                events.iter().map(|event| event.flags).collect::<Vec<_>>()
            };
            for to in ["pull-up", "pull-down"] {
                pull(1, to);
                assert_eq!(events(), [epoll::EventFlags::PRI | epoll::EventFlags::ERR]);
                assert_eq!(events(), []);
            }
            assert_eq!(
                (polled(&one, false), polled(&other, false)),
                (changed(), changed())
            );
            at_start(&one);
            assert_eq!(
                (polled(&one, false), polled(&other, false)),
                (NOTHING, changed())
            );
            assert_eq!(rustix::io::write(&one, b"1"), Err(Errno::BADF));

            store("unexport", "513").unwrap();
            assert_eq!(polled(&one, false), changed());
            assert_eq!(rustix::io::pread(&one, &mut [0; 4], 0), Err(Errno::NODEV));
            // What is exported again is another file.
            store("export", "513").unwrap();
            assert_eq!(rustix::io::pread(&one, &mut [0; 4], 0), Err(Errno::NODEV));
            assert_eq!(at_start(&value(513, OFlags::RDONLY)), b"0\n");
        },
    );
}

#[test]
fn many_values_can_be_open() {
    in_a_run(
        "class::many_values_can_be_open",
        &["--chip", "one:8"],
        || {
            store("export", "513").unwrap();
            for _ in 0..200 {
                assert_eq!(at_start(&value(513, OFlags::RDONLY)), b"0\n");
            }
            let kept: Vec<OwnedFd> = (0..80).map(|_| value(513, OFlags::RDWR)).collect();
            store("gpio513/edge", "both").unwrap();
            pull(1, "pull-up");
            assert!(kept.iter().all(|open| polled(open, false) == changed()));
            assert_eq!(at_start(&kept[0]), b"1\n");
        },
    );
}

#[test]
fn shells_read_and_write_by_redirection() {
    in_a_run(
        "class::shells_read_and_write_by_redirection",
        &["--chip", "one:8"],
        || {
            let script = "cd /sys/class/gpio; echo 513 >export; cd gpio513
            echo high >direction; read v <value; echo $v; cat <value; cat value; echo 0 >value
            exec 3<value; read a <&3; echo $a; head -c 1 value; echo; wc -c <value";
            let done = Command::new("sh").args(["-ec", script]).output().unwrap();
            let out = String::from_utf8_lossy(&done.stdout);
            assert_eq!(
                out,
                "1\n1\n1\n0\n0\n2\n",
                "{}",
                String::from_utf8_lossy(&done.stderr)
            );
        },
    );
}

#[test]
fn debugfs_lists_every_line() {
    let options = ["--chip", "one:2", "--chip", "two:1"];
    in_a_run("class::debugfs_lists_every_line", &options, || {
        store("export", "513").unwrap();
        store("gpio513/direction", "high").unwrap();
        pull(0, "pull-up");
        let expected = "\
gpiochip0: GPIOs 512-513, parent: platform/gpio-sim.0, one, can sleep:
 gpio-512 (<unused>) input,pull-up
 gpio-513 (sysfs) output-high,pull-down

gpiochip1: GPIOs 514-514, parent: platform/gpio-sim.1, two, can sleep:
 gpio-514 (<unused>) input,pull-down
";
        let shown = String::from_utf8(text("/sys/kernel/debug/gpio")).unwrap();
        assert_eq!(shown, expected);
        store("unexport", "513").unwrap();
        let shown = String::from_utf8(text("/sys/kernel/debug/gpio")).unwrap();
        assert!(
            shown.contains(" gpio-513 (<unused>) output-low,pull-down\n"),
            "{shown}"
        );
        let write = rustix::fs::open("/sys/kernel/debug/gpio", OFlags::WRONLY, Mode::empty());
        assert_eq!(write.unwrap_err(), Errno::ACCESS);
    });
}
