//! The tree by the tables of Linux's behaviour: what each file shows and takes, what is refused.

use alloc::format;
use alloc::string::ToString as _;
use alloc::vec;
use std::collections::{BTreeMap, BTreeSet};

use gpiolib::{Level, Registry, Timestamp};

use super::*;
use crate::Sim;

mod releases;

/// A host whose chips are in a registry of its own.
#[derive(Default)]
struct Bench {
    registry: Registry,
    sims: BTreeMap<u64, Sim>,
    ids: BTreeSet<u32>,
    next: u64,
}

impl Host for Bench {
    fn take_platform_id(&mut self) -> u32 {
        let id = (0..).find(|id| !self.ids.contains(id)).unwrap();
        self.ids.insert(id);
        id
    }

    fn free_platform_id(&mut self, id: u32) {
        assert!(self.ids.remove(&id));
    }

    fn plug(&mut self, bank: Bank) -> CoreResult<PluggedChip> {
        let sim = bank.register(&self.registry)?;
        self.next += 1;
        let name = sim.device().name();
        self.sims.insert(self.next, sim);
        Ok(PluggedChip {
            key: self.next,
            name,
        })
    }

    fn unplug(&mut self, key: u64) {
        self.sims.remove(&key).unwrap().unplug();
    }

    fn name(&self, key: u64) -> Option<String> {
        self.sims.get(&key).map(|sim| sim.device().name())
    }
}

struct Mounted {
    tree: Tree,
    bench: Bench,
}

fn mounted() -> Mounted {
    of_release(Release::OLDEST)
}

fn of_release(release: Release) -> Mounted {
    let bench = Bench {
        registry: Registry::of_release(release, Timestamp::default),
        ..Bench::default()
    };
    Mounted {
        tree: Tree::new(release),
        bench,
    }
}

fn names(path: &str) -> Vec<&[u8]> {
    path.split('/').map(str::as_bytes).collect()
}

impl Mounted {
    fn mkdir(&mut self, path: &str) -> Result<Vec<&'static [u8]>, Errno> {
        let made = self.tree.mkdir(&names(path), &mut self.bench)?;
        Ok(made.iter().map(|kind| kind.name()).collect())
    }

    fn dirs(&mut self, paths: &[&str]) {
        for path in paths {
            self.mkdir(path).unwrap();
        }
    }

    fn rmdir(&mut self, path: &str) -> Result<(), Errno> {
        self.tree.rmdir(&names(path), &mut self.bench)
    }

    fn show(&self, path: &str) -> String {
        let text = self
            .tree
            .show(self.tree.find(&names(path)).unwrap(), &self.bench)
            .unwrap();
        String::from_utf8(text).unwrap()
    }

    fn store(&mut self, path: &str, text: &str) -> Result<usize, Errno> {
        let attribute = self.tree.find(&names(path)).unwrap();
        self.tree.store(attribute, text.as_bytes(), &mut self.bench)
    }

    fn chip(&self) -> &Sim {
        self.bench.sims.values().next_back().unwrap()
    }
}

#[test]
fn new_directories_have_their_files_and_defaults() {
    let mut at = mounted();
    assert_eq!(at.mkdir("d").unwrap(), vec![&b"dev_name"[..], b"live"]);
    assert_eq!(
        at.mkdir("d/b").unwrap(),
        vec![&b"chip_name"[..], b"label", b"num_lines"]
    );
    assert_eq!(at.mkdir("d/b/line0").unwrap(), vec![b"name"]);
    assert_eq!(
        at.mkdir("d/b/line0/hog").unwrap(),
        vec![&b"name"[..], b"direction"]
    );
    for (path, text) in [
        ("d/dev_name", "gpio-sim.0\n"),
        ("d/live", "0\n"),
        ("d/b/chip_name", "none\n"),
        ("d/b/label", "\n"),
        ("d/b/num_lines", "1\n"),
        ("d/b/line0/name", "\n"),
        ("d/b/line0/hog/name", "\n"),
        ("d/b/line0/hog/direction", "input\n"),
    ] {
        assert_eq!(at.show(path), text, "{path}");
    }
    assert!(at.tree.find(&names("d/b/line0/valid")).is_none());
}

#[test]
fn modes() {
    for kind in Kind::ALL {
        let is_fixed = matches!(kind, Kind::DevName | Kind::ChipName);
        assert_eq!(kind.mode(), if is_fixed { 0o444 } else { 0o644 });
    }
}

#[test]
fn directory_names_and_places() {
    let mut at = mounted();
    at.dirs(&["d", "d/b", "d/b/line0", "d/b/line0/hog"]);
    for (path, errno) in [
        ("d", Errno::EEXIST),
        ("d/live", Errno::EEXIST),
        ("d/b", Errno::EEXIST),
        ("d/b/label", Errno::EEXIST),
        ("d/b/line0", Errno::EEXIST),
        ("d/b/linex", Errno::EINVAL),
        ("d/b/hog", Errno::EINVAL),
        ("d/b/line0/name", Errno::EEXIST),
        ("d/b/line0/foo", Errno::EINVAL),
        ("d/b/line0/hog", Errno::EEXIST),
        ("d/b/line0/hog/name", Errno::EEXIST),
        ("d/b/line0/hog/x", Errno::EPERM),
        ("e/b", Errno::ENOENT),
        ("d/c/line0", Errno::ENOENT),
        ("d/b/line1/hog", Errno::ENOENT),
    ] {
        assert_eq!(at.mkdir(path), Err(errno), "{path}");
    }
}

#[test]
fn removal_from_the_leaves_up() {
    let mut at = mounted();
    at.dirs(&["d", "d/b", "d/b/line0", "d/b/line0/hog"]);
    for path in ["d", "d/b", "d/b/line0"] {
        assert_eq!(at.rmdir(path), Err(Errno::ENOTEMPTY), "{path}");
    }
    assert_eq!(at.rmdir("d/b/label"), Err(Errno::ENOTDIR));
    assert_eq!(at.rmdir("d/x"), Err(Errno::ENOENT));
    for path in ["d/b/line0/hog", "d/b/line0", "d/b", "d"] {
        assert_eq!(at.rmdir(path), Ok(()), "{path}");
    }
    assert!(at.bench.ids.is_empty());
}

#[test]
fn live_cycle() {
    let mut at = mounted();
    at.dirs(&["d"]);
    assert_eq!(at.store("d/live", "1"), Err(Errno::ENODATA));
    assert_eq!(at.store("d/live", "0"), Err(Errno::EPERM));
    at.dirs(&["d/b"]);
    assert_eq!(at.store("d/live", ""), Err(Errno::EFAULT));
    assert_eq!(at.store("d/live", "1\n"), Ok(2));
    assert_eq!(
        (
            at.show("d/live").as_str(),
            at.show("d/b/chip_name").as_str()
        ),
        ("1\n", "gpiochip0\n")
    );
    assert_eq!(at.store("d/live", "1"), Err(Errno::EPERM));
    assert_eq!(at.store("d/live", "2"), Err(Errno::EINVAL));
    assert_eq!(at.store("d/live", "0"), Ok(1));
    assert_eq!(
        (
            at.show("d/live").as_str(),
            at.show("d/b/chip_name").as_str()
        ),
        ("0\n", "none\n")
    );
    assert!(at.bench.sims.is_empty());
}

#[test]
fn what_is_busy_while_live() {
    let mut at = mounted();
    at.dirs(&["d", "d/b", "d/b/line1", "d/b/line1/hog", "d/b/line2"]);
    at.store("d/b/num_lines", "4").unwrap();
    at.store("d/live", "1").unwrap();
    for (path, text, errno) in [
        ("d/b/num_lines", "4", Errno::EBUSY),
        ("d/b/num_lines", "0", Errno::EINVAL),
        ("d/b/num_lines", "x", Errno::EINVAL),
        ("d/b/label", "l", Errno::EBUSY),
        ("d/b/line1/name", "b", Errno::EBUSY),
        ("d/b/line1/hog/name", "g", Errno::EBUSY),
        ("d/b/line1/hog/direction", "input", Errno::EBUSY),
        ("d/b/line1/hog/direction", "sideways", Errno::EBUSY),
    ] {
        assert_eq!(at.store(path, text), Err(errno), "{path} {text}");
    }
    for (path, errno) in [
        ("d/c", Errno::EBUSY),
        ("d/b/line3", Errno::EBUSY),
        ("d/b/other", Errno::EINVAL),
        ("d/b/line2/hog", Errno::EBUSY),
    ] {
        assert_eq!(at.mkdir(path), Err(errno), "mkdir {path}");
    }
    for (path, errno) in [
        ("d", Errno::ENOTEMPTY),
        ("d/b", Errno::ENOTEMPTY),
        ("d/b/line1", Errno::ENOTEMPTY),
        ("d/b/line2", Errno::EBUSY),
        ("d/b/line1/hog", Errno::EBUSY),
    ] {
        assert_eq!(at.rmdir(path), Err(errno), "rmdir {path}");
    }
}

#[test]
fn a_live_device_whose_banks_are_gone_goes_down_with_its_directory() {
    let mut at = mounted();
    at.dirs(&["d", "d/b"]);
    at.store("d/live", "1").unwrap();
    assert_eq!(at.rmdir("d/b"), Ok(()));
    assert_eq!(at.bench.sims.len(), 1);
    assert_eq!(at.rmdir("d"), Ok(()));
    assert!(at.bench.sims.is_empty());
}

#[test]
fn labels_are_told_apart_within_one_device() {
    let mut at = mounted();
    at.dirs(&["d", "d/b", "d/c", "e", "e/b"]);
    for path in ["d/b/label", "d/c/label", "e/b/label"] {
        at.store(path, " same \n").unwrap();
    }
    assert_eq!(at.store("d/live", "1"), Err(Errno::EINVAL));
    at.store("d/c/label", "other").unwrap();
    assert_eq!(at.store("d/live", "1"), Ok(1));
    assert_eq!(at.store("e/live", "1"), Ok(1));
    assert_eq!(at.chip().device().label(), "same");
    at.dirs(&["f", "f/b", "f/c"]);
    at.store("f/b/label", "\n").unwrap();
    assert_eq!(
        at.store("f/live", "1"),
        Ok(1),
        "one empty label and one never written"
    );
    assert_eq!(at.chip().device().label(), "gpio-sim.2:node1");
}

#[test]
fn too_many_lines_is_enxio_and_undone() {
    let mut at = mounted();
    at.dirs(&["d", "d/b", "d/c"]);
    at.store("d/c/num_lines", "1025").unwrap();
    assert_eq!(at.store("d/live", "1"), Err(Errno::ENXIO));
    assert_eq!(
        (
            at.show("d/live").as_str(),
            at.show("d/b/chip_name").as_str()
        ),
        ("0\n", "none\n")
    );
    assert!(at.bench.sims.is_empty());
    at.store("d/c/num_lines", "1024").unwrap();
    assert_eq!(at.store("d/live", "1"), Ok(1));
    assert_eq!(at.chip().device().ngpio(), 1024);
}

#[test]
fn names_and_hogs_reach_the_chip() {
    let mut at = mounted();
    at.dirs(&[
        "d",
        "d/b",
        "d/b/line1",
        "d/b/line001",
        "d/b/line9",
        "d/b/line9/hog",
    ]);
    at.dirs(&[
        "d/b/line1/hog",
        "d/b/line001/hog",
        "d/b/line2",
        "d/b/line2/hog",
    ]);
    for (path, text) in [
        ("d/b/num_lines", "3"),
        ("d/b/line1/name", "first"),
        ("d/b/line001/name", "second"),
        ("d/b/line9/name", "far"),
        ("d/b/line1/hog/direction", "output-high\n"),
        ("d/b/line001/hog/direction", "output-low"),
        ("d/b/line2/hog/name", " \n"),
    ] {
        at.store(path, text).unwrap();
    }
    at.store("d/live", "1").unwrap();
    let chip = at.chip();
    let line = |offset| chip.device().line(gpiolib::Offset::new(offset)).unwrap();
    assert_eq!(line(1).name().unwrap().to_string(), "second");
    assert_eq!(line(1).info().consumer.unwrap().as_bytes(), b"?");
    assert_eq!(chip.level(gpiolib::Offset::new(1)).unwrap(), Level::High);
    let unnamed = line(2).info();
    assert!(unnamed.used);
    assert_eq!(unnamed.consumer.map_or(0, |name| name.as_bytes().len()), 0);
}

#[test]
fn hog_directions() {
    let mut at = mounted();
    at.dirs(&["d", "d/b", "d/b/line0", "d/b/line0/hog"]);
    let path = "d/b/line0/hog/direction";
    for word in ["output-high", "output-low\n", "input"] {
        assert_eq!(at.store(path, word), Ok(word.len()));
        assert_eq!(at.show(path), format!("{}\n", word.trim()));
    }
    for word in ["output", "in", "\n", " input", "input ", "Input"] {
        assert_eq!(at.store(path, word), Err(Errno::EINVAL), "{word}");
    }
    assert_eq!(at.show(path), "input\n");
}

#[test]
fn long_texts_are_cut() {
    let mut at = mounted();
    at.dirs(&["d", "d/b"]);
    assert_eq!(at.store("d/b/label", &"x".repeat(5000)), Ok(4095));
    assert_eq!(at.show("d/b/label").len(), 4096);
}

#[test]
fn numbers_of_devices_are_the_smallest_free() {
    let mut at = mounted();
    at.dirs(&["a", "b"]);
    at.rmdir("a").unwrap();
    at.dirs(&["c", "d"]);
    let shown = ["b", "c", "d"].map(|name| at.show(&format!("{name}/dev_name")));
    assert_eq!(shown, ["gpio-sim.1\n", "gpio-sim.0\n", "gpio-sim.2\n"]);
}

#[test]
fn an_attribute_of_a_removed_directory_is_not_that_of_its_successor() {
    let mut at = mounted();
    at.dirs(&["d", "d/b"]);
    let label = at.tree.find(&names("d/b/label")).unwrap();
    at.rmdir("d/b").unwrap();
    at.dirs(&["d/b"]);
    assert_eq!(at.tree.show(label, &at.bench), Err(Errno::ENOENT));
    assert_eq!(
        at.tree.store(label, b"x", &mut at.bench),
        Err(Errno::ENOENT)
    );
    assert_ne!(at.tree.find(&names("d/b/label")), Some(label));
}
