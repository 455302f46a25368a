//! Every attribute and every way to write to it: what is taken, what is stored, and what fails how.

use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::{Errno, IoSlice};

use crate::inside::{TREE, in_a_run, make, text};

/// What an attribute takes.
enum Takes {
    /// Any text, without the blanks around it.
    Text,
    /// A number.
    Number,
    /// A yes or no, told by its first letter.
    Boolean,
    /// One of some words, with one newline behind it or none.
    Word,
}

struct Attribute {
    path: String,
    takes: Takes,
    /// A text that can be stored, and what it was before.
    good: &'static str,
    before: &'static str,
    /// How much of one write is taken.
    most: usize,
    /// What a write of nothing says.
    nothing: Result<usize, Errno>,
}

/// In the tree a store takes 4,095 bytes and is never empty; in sysfs 4,096, and nothing is none.
fn attributes() -> Vec<Attribute> {
    use Takes::{Boolean, Number, Text, Word};
    let line = "/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio0";
    let tree = [
        ("live", Boolean, "1", "0"),
        ("b/label", Text, "good", "before"),
        ("b/num_lines", Number, "16", "1"),
        ("b/line0/name", Text, "good", "before"),
        ("b/line0/valid", Boolean, "0", "1"),
        ("b/line0/hog/name", Text, "good", "before"),
        ("b/line0/hog/direction", Word, "output-high", "input"),
    ];
    let tree = tree
        .into_iter()
        .map(|(path, takes, good, before)| Attribute {
            path: format!("{TREE}/idle/{path}"),
            takes,
            good,
            before,
            most: 4095,
            nothing: Err(Errno::FAULT),
        });
    let pull = Attribute {
        path: format!("{line}/pull"),
        takes: Word,
        good: "pull-up",
        before: "pull-down",
        most: 4096,
        nothing: Ok(0),
    };
    tree.chain([pull]).collect()
}

impl Attribute {
    fn open(&self, more: OFlags) -> OwnedFd {
        rustix::fs::open(&*self.path, OFlags::WRONLY | more, Mode::empty()).unwrap()
    }

    /// Back to what it was before.
    fn reset(&self) {
        if text(&self.path) != format!("{}\n", self.before).as_bytes() {
            let written = rustix::io::write(self.open(OFlags::empty()), self.before.as_bytes());
            assert_eq!(written, Ok(self.before.len()), "{}", self.path);
        }
    }

    #[track_caller]
    fn shows(&self, expected: &str, after: &str) {
        let shown = String::from_utf8(text(&self.path)).unwrap();
        assert_eq!(
            shown,
            format!("{expected}\n"),
            "{} after {after}",
            self.path
        );
    }

    /// One write gives `result`, after which the attribute shows `expected`.
    #[track_caller]
    fn takes(&self, written: &[u8], result: Result<usize, Errno>, expected: &str) {
        self.reset();
        let what = || written[..written.len().min(40)].escape_ascii().to_string();
        let done = rustix::io::write(self.open(OFlags::empty()), written);
        assert_eq!(
            done,
            result,
            "{}: {} bytes {}",
            self.path,
            written.len(),
            what()
        );
        self.shows(expected, &what());
    }
}

/// Runs `test` on each attribute. The device `idle` is off, another one is on.
fn each(name: &str, test: impl Fn(&Attribute)) {
    in_a_run(
        name,
        &["--kernel-release", "6.14.0", "--chip", "on:2"],
        || {
            make("idle");
            for attribute in attributes() {
                attribute.reset();
                test(&attribute);
                attribute.reset();
            }
        },
    );
}

#[test]
fn nothing_newlines_and_nul() {
    each("stores::nothing_newlines_and_nul", |attribute| {
        let Attribute { good, before, .. } = *attribute;
        attribute.takes(b"", attribute.nothing, before);
        attribute.takes(good.as_bytes(), Ok(good.len()), good);
        let one = format!("{good}\n");
        attribute.takes(one.as_bytes(), Ok(one.len()), good);
        let two = format!("{good}\n\n");
        match attribute.takes {
            Takes::Text | Takes::Boolean => attribute.takes(two.as_bytes(), Ok(two.len()), good),
            _ => attribute.takes(two.as_bytes(), Err(Errno::INVAL), before),
        }
        let inside = format!("{good}\0rest");
        attribute.takes(inside.as_bytes(), Ok(inside.len()), good);
        let only_nul = match attribute.takes {
            Takes::Text => Ok(1),
            _ => Err(Errno::INVAL),
        };
        let left = if only_nul.is_ok() { "" } else { before };
        attribute.takes(b"\0", only_nul, left);
    });
}

#[test]
fn wrong_words() {
    each("stores::wrong_words", |attribute| {
        let wrong = "Xrong words";
        match attribute.takes {
            Takes::Text => attribute.takes(wrong.as_bytes(), Ok(wrong.len()), wrong),
            _ => attribute.takes(wrong.as_bytes(), Err(Errno::INVAL), attribute.before),
        }
    });
}

#[test]
fn long_writes_are_cut() {
    each("stores::long_writes_are_cut", |attribute| {
        for length in [4095, 4096, 5000, 8191, 8192, 65536, 1 << 20] {
            let taken = length.min(attribute.most);
            let mut long = vec![b'X'; length];
            match attribute.takes {
                // The NUL behind the text is beyond what one page shows.
                Takes::Text => attribute.takes(&long, Ok(taken), &"X".repeat(taken)),
                _ => attribute.takes(&long, Err(Errno::INVAL), attribute.before),
            }
            let good = attribute.good.as_bytes();
            long[..good.len()].copy_from_slice(good);
            long[good.len()] = 0;
            attribute.takes(&long, Ok(taken), attribute.good);
        }
    });
}

#[test]
fn each_write_is_a_store_wherever_it_goes() {
    each(
        "stores::each_write_is_a_store_wherever_it_goes",
        |attribute| {
            let (good, before) = (attribute.good, attribute.before);
            let whole = Ok(good.len());
            let file = attribute.open(OFlags::empty());
            assert_eq!(rustix::io::pwrite(&file, good.as_bytes(), 3), whole);
            attribute.shows(good, "a write at an offset");
            attribute.reset();
            rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(5)).unwrap();
            assert_eq!(rustix::io::write(&file, good.as_bytes()), whole);
            attribute.shows(good, "a write behind a seek");
            attribute.reset();
            let end = attribute.open(OFlags::APPEND | OFlags::TRUNC | OFlags::CREATE);
            assert_eq!(rustix::io::write(&end, good.as_bytes()), whole);
            attribute.shows(good, "an append");

            attribute.reset();
            let (first, second) = good.split_at(good.len() / 2);
            for half in [first, second].into_iter().filter(|half| !half.is_empty()) {
                let done = rustix::io::write(&file, half.as_bytes());
                match attribute.takes {
                    Takes::Word => assert_eq!(done, Err(Errno::INVAL)),
                    _ => assert_eq!(done, Ok(half.len())),
                }
            }
            match attribute.takes {
                Takes::Word => attribute.shows(before, "two halves"),
                _ => attribute.shows(second, "two halves"),
            }
        },
    );
}

#[test]
fn pieces_are_one_store() {
    each("stores::pieces_are_one_store", |attribute| {
        let (first, second) = attribute.good.split_at(attribute.good.len() / 2);
        let pieces = [
            IoSlice::new(first.as_bytes()),
            IoSlice::new(second.as_bytes()),
        ];
        let file = attribute.open(OFlags::empty());
        let whole = Ok(attribute.good.len());
        assert_eq!(rustix::io::writev(&file, &pieces), whole);
        attribute.shows(attribute.good, "writev");
        attribute.reset();
        assert_eq!(rustix::io::pwritev(&file, &pieces, 7), whole);
        attribute.shows(attribute.good, "pwritev");
        assert_eq!(rustix::io::writev(&file, &[IoSlice::new(b"")]), Ok(0));
        attribute.shows(attribute.good, "writev of nothing");

        attribute.reset();
        let rest = vec![0; 1 << 20];
        let pieces = [IoSlice::new(attribute.good.as_bytes()), IoSlice::new(&rest)];
        assert_eq!(rustix::io::writev(&file, &pieces), Ok(attribute.most));
        attribute.shows(attribute.good, "a long writev");
    });
}

#[test]
fn two_writers_at_once_do_not_mix() {
    each("stores::two_writers_at_once_do_not_mix", |attribute| {
        let write = |value: &'static str| {
            let file = attribute.open(OFlags::empty());
            for _ in 0..50 {
                match rustix::io::write(&file, value.as_bytes()) {
                    // `live` is that already.
                    Err(Errno::PERM) if attribute.path.ends_with("/live") => {}
                    done => assert_eq!(done, Ok(value.len()), "{}", attribute.path),
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| write(attribute.good));
            scope.spawn(|| write(attribute.before));
        });
        let shown = String::from_utf8(text(&attribute.path)).unwrap();
        let shown = shown.trim_end();
        assert!(
            [attribute.good, attribute.before].contains(&shown),
            "{shown}"
        );
    });
}

#[test]
fn what_cannot_be_written() {
    in_a_run(
        "stores::what_cannot_be_written",
        &["--chip", "on:2"],
        || {
            let idle = make("idle");
            for path in ["dev_name", "b/chip_name"] {
                let path = format!("{idle}/{path}");
                let refused = |flags| rustix::fs::open(&*path, flags, Mode::empty()).unwrap_err();
                assert_eq!(refused(OFlags::WRONLY), Errno::ACCESS, "{path}");
                assert_eq!(refused(OFlags::RDWR), Errno::ACCESS, "{path}");
                let reader = rustix::fs::open(&*path, OFlags::RDONLY, Mode::empty()).unwrap();
                assert_eq!(rustix::io::write(reader, b"x"), Err(Errno::BADF), "{path}");
            }
            let value = "/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio0/value";
            let value = rustix::fs::open(value, OFlags::RDWR, Mode::empty()).unwrap();
            for text in [&b"1"[..], b"x", &[b'1'; 8192]] {
                assert_eq!(rustix::io::write(&value, text), Err(Errno::PERM));
            }
            assert_eq!(rustix::io::write(&value, b""), Ok(0));

            let label = rustix::fs::openat(
                CWD,
                format!("{idle}/b/label"),
                OFlags::WRONLY,
                Mode::empty(),
            );
            let label = label.unwrap();
            let from = rustix::fs::open("/proc/self/exe", OFlags::RDONLY, Mode::empty()).unwrap();
            let sent = rustix::fs::sendfile(&label, &from, None, 10);
            assert_eq!(sent, Err(Errno::INVAL));
            let copied = rustix::fs::copy_file_range(&from, None, &label, None, 10);
            assert_eq!(copied, Err(Errno::XDEV));
            assert_eq!(text(format!("{idle}/b/label")), b"\n");
        },
    );
}

#[test]
fn files_of_a_chip_that_is_gone() {
    in_a_run("stores::files_of_a_chip_that_is_gone", &[], || {
        let device = make("d");
        rustix::io::write(open(&format!("{device}/live"), OFlags::WRONLY), b"1").unwrap();
        let line = "/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio0";
        let pull = open(&format!("{line}/pull"), OFlags::RDWR);
        let value = open(&format!("{line}/value"), OFlags::RDONLY);
        let mut buf = [0; 16];
        assert_eq!(rustix::io::pread(&value, &mut buf, 0), Ok(2));
        rustix::io::write(open(&format!("{device}/live"), OFlags::WRONLY), b"0").unwrap();

        // A read of a size that is not looked at ends at once, and never gives an old level.
        assert_eq!(rustix::io::pread(&value, &mut buf, 0), Ok(0));
        assert_eq!(rustix::io::read(&value, &mut buf), Err(Errno::NODEV));
        assert_eq!(rustix::io::read(&pull, &mut buf), Err(Errno::NODEV));
        assert_eq!(rustix::io::write(&pull, b"pull-up"), Err(Errno::NODEV));
        assert_eq!(rustix::io::write(&pull, &[b'x'; 8192]), Err(Errno::NODEV));
    });
}

fn open(path: &str, flags: OFlags) -> OwnedFd {
    rustix::fs::open(path, flags, Mode::empty()).unwrap()
}

#[test]
fn a_strict_run_reads_nothing_of_a_chip_that_is_gone() {
    let name = "stores::a_strict_run_reads_nothing_of_a_chip_that_is_gone";
    in_a_run(name, &["--strict"], || {
        let device = make("d");
        let live = open(&format!("{device}/live"), OFlags::WRONLY);
        rustix::io::write(&live, b"1").unwrap();
        let line = "/sys/devices/platform/gpio-sim.0/gpiochip0/sim_gpio0";
        let value = open(&format!("{line}/value"), OFlags::RDONLY);
        let mut buf = [0; 3];
        assert_eq!(rustix::io::read(&value, &mut buf), Ok(2));
        rustix::io::write(&live, b"0").unwrap();
        assert_eq!(rustix::io::read(&value, &mut buf), Err(Errno::NODEV));
        assert_eq!(rustix::io::pread(&value, &mut buf, 0), Err(Errno::NODEV));
    });
}
