use alloc::sync::Arc;
use alloc::task::Wake;
use core::sync::atomic::{AtomicU32, Ordering};

use gpio_sim::{Bank, Sim};
use gpiolib::{InfoChangeKind, InfoQueue, Label, Level, Registry, Release, Timestamp};

use super::*;

mod releases;

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicU32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Bench {
    class: Class,
    sim: Sim,
    bell: Arc<Bell>,
}

impl Bench {
    /// One chip of four lines, its line 513 exported.
    fn new() -> Bench {
        Bench::of_release(Release::OLDEST)
    }

    fn of_release(release: Release) -> Bench {
        let registry = Registry::of_release(release, Timestamp::default);
        let sim = Bank::new(4).register(&registry).unwrap();
        let mut class = Class::new();
        assert_eq!(class.add(sim.device()), Some(512));
        assert_eq!(class.export(Within::Machine, b"513\n"), Ok(Some(513)));
        let bell = Arc::default();
        Bench { class, sim, bell }
    }

    fn store(&mut self, attribute: ClassAttribute, text: &str) -> Result<usize, Errno> {
        let waker = Waker::from(Arc::clone(&self.bell));
        self.class.store(513, attribute, text.as_bytes(), &waker)
    }

    fn show(&self, attribute: ClassAttribute) -> Vec<u8> {
        self.class.show(513, attribute).unwrap()
    }

    fn pull(&self, level: Level) -> u32 {
        self.sim
            .set_pull(Offset::new(1), level, Timestamp::at(0))
            .unwrap();
        self.bell.0.swap(0, Ordering::Relaxed)
    }
}

#[test]
fn numbers_fill_the_first_gap() {
    let (one, two, three) = (Sim::simple(8).unwrap(), Sim::simple(4), Sim::simple(16));
    let (two, three) = (two.unwrap(), three.unwrap());
    let mut class = Class::new();
    // Each of these chips is the only one of its registry, so ids do not tell them apart.
    assert_eq!(class.add(one.device()), Some(512));
    assert_eq!(class.line(519).map(|(_, offset)| offset.get()), Some(7));
    assert!(class.line(520).is_none() && class.line(511).is_none());
    assert_eq!(class.remove(0).unwrap().base, 512);
    assert_eq!(class.add(two.device()), Some(512));
    assert_eq!(class.add(three.device()), Some(516));
    assert!(class.remove(7).is_none());
}

#[test]
fn a_chip_that_says_its_number_has_it_or_none() {
    let registry = Registry::of_release(Release::OLDEST, Timestamp::default);
    let chip = |lines, base: Option<u32>| {
        let bank = Bank::new(lines);
        let bank = base.map_or(bank.clone(), |base| bank.base(base));
        bank.register(&registry).unwrap()
    };
    let mut class = Class::new();
    let mut add = |sim: &Sim| class.add(sim.device());
    let (low, none, high) = (chip(54, Some(0)), chip(8, None), chip(8, Some(525)));
    assert_eq!(add(&low), Some(0));
    assert_eq!(add(&none), Some(512), "a low number moves no chip without");
    assert_eq!(add(&high), Some(525));
    for taken in [0, 53, 505, 519, 524, 526, 532, 2_147_483_640, u32::MAX] {
        assert_eq!(add(&chip(8, Some(taken))), None, "{taken}");
    }
    assert_eq!(add(&chip(6, None)), Some(533), "the gap has 5 numbers");
    assert_eq!(class.remove(low.device().id()).unwrap().base, 0);
    assert_eq!(class.add(chip(8, Some(46)).device()), Some(46));
}

#[test]
fn an_exported_line_is_held() {
    let mut bench = Bench::new();
    let info = |bench: &Bench| bench.sim.device().line(Offset::new(1)).unwrap().info();
    assert_eq!(info(&bench).consumer, Some(Label::from("sysfs")));
    assert_eq!(
        bench.class.export(Within::Machine, b"513"),
        Err(Errno::EBUSY)
    );
    let held = bench.sim.device().line(Offset::new(2)).unwrap();
    let held = held.request(Label::from("other")).unwrap();
    assert_eq!(
        bench.class.export(Within::Machine, b"514"),
        Err(Errno::EBUSY)
    );
    assert_eq!(
        bench.class.unexport(Within::Machine, b"514"),
        Err(Errno::EINVAL)
    );
    drop(held);
    assert_eq!(bench.class.export(Within::Machine, b"514"), Ok(Some(514)));
    for unknown in [&b"511"[..], b"516", b"-1", b"x", b"\n"] {
        assert_eq!(
            bench.class.export(Within::Machine, unknown),
            Err(Errno::EINVAL)
        );
        assert_eq!(
            bench.class.unexport(Within::Machine, unknown),
            Err(Errno::EINVAL)
        );
    }
    assert_eq!(bench.class.export(Within::Machine, b""), Ok(None));
    assert_eq!(bench.class.unexport(Within::Machine, b"513"), Ok(Some(513)));
    assert!(!info(&bench).used);
    assert_eq!(
        bench.class.show(513, ClassAttribute::Value),
        Err(Errno::ENODEV)
    );
}

#[test]
fn directions_are_levels_and_values_are_logical() {
    let mut bench = Bench::new();
    assert_eq!(bench.show(ClassAttribute::Direction), b"in\n");
    assert_eq!(bench.store(ClassAttribute::Value, "x"), Err(Errno::EPERM));
    assert_eq!(bench.store(ClassAttribute::ActiveLow, "7\n"), Ok(2));
    assert_eq!(bench.store(ClassAttribute::Direction, "high\n"), Ok(5));
    let level = |bench: &Bench| bench.sim.level(Offset::new(1)).unwrap();
    assert_eq!(level(&bench), Level::High);
    assert_eq!(bench.show(ClassAttribute::Value), b"0\n");
    assert_eq!(bench.store(ClassAttribute::Value, "1"), Ok(1));
    assert_eq!(level(&bench), Level::Low);
    assert_eq!(bench.store(ClassAttribute::Value, "x"), Err(Errno::EINVAL));
    assert_eq!(
        bench.store(ClassAttribute::Direction, "up"),
        Err(Errno::EINVAL)
    );
    assert_eq!(bench.store(ClassAttribute::Direction, ""), Ok(0));
    assert_eq!(bench.show(ClassAttribute::Direction), b"out\n");
    assert_eq!(bench.show(ClassAttribute::ActiveLow), b"1\n");
    assert_eq!(bench.store(ClassAttribute::Edge, "both"), Err(Errno::EIO));
    for word in ["out", "low", "in"] {
        assert_eq!(bench.store(ClassAttribute::Direction, word), Ok(word.len()));
    }
}

#[test]
fn edges_wake_by_value() {
    let mut bench = Bench::new();
    assert_eq!(bench.pull(Level::High), 0);
    bench.store(ClassAttribute::Edge, "falling\n").unwrap();
    assert_eq!(bench.show(ClassAttribute::Edge), b"falling\n");
    assert_eq!((bench.pull(Level::Low), bench.pull(Level::High)), (1, 0));
    bench.store(ClassAttribute::ActiveLow, "1").unwrap();
    assert_eq!((bench.pull(Level::Low), bench.pull(Level::High)), (0, 1));
    bench.store(ClassAttribute::Edge, "both").unwrap();
    assert_eq!((bench.pull(Level::Low), bench.pull(Level::High)), (1, 1));
    // The direction changes whatever is armed, which stays.
    bench.store(ClassAttribute::Direction, "out").unwrap();
    assert_eq!(bench.show(ClassAttribute::Edge), b"both\n");
    bench.store(ClassAttribute::Edge, "none").unwrap();
    bench.store(ClassAttribute::Direction, "in").unwrap();
    assert_eq!((bench.pull(Level::High), bench.pull(Level::Low)), (0, 0));
    assert_eq!(
        bench.store(ClassAttribute::Edge, "change"),
        Err(Errno::EINVAL)
    );
}

#[test]
fn a_chip_takes_its_exported_lines_with_it() {
    let mut bench = Bench::new();
    bench.class.export(Within::Machine, b"515").unwrap();
    let removed = bench.class.remove(0).unwrap();
    assert_eq!(
        removed,
        Removed {
            base: 512,
            exported: [513, 515].into()
        }
    );
    assert_eq!(
        bench.class.export(Within::Machine, b"513"),
        Err(Errno::EINVAL)
    );
    assert!(!bench.sim.device().line(Offset::new(1)).unwrap().info().used);
}

/// Rows of the uAPI reference's table of corners that are about the class.
#[test]
fn row_86_watchers_are_told_of_the_release_only() {
    let mut bench = Bench::new();
    let watch = InfoQueue::new(4);
    bench.sim.device().attach(&watch);
    watch.watch(Offset::new(2)).unwrap();
    bench.class.export(Within::Machine, b"514").unwrap();
    assert!(watch.is_empty());
    bench.class.unexport(Within::Machine, b"514").unwrap();
    assert_eq!(watch.pop().unwrap().kind, InfoChangeKind::Released);
    assert!(watch.is_empty());
}

#[test]
fn row_116_the_direction_is_judged_before_the_text() {
    let mut bench = Bench::new();
    assert_eq!(bench.store(ClassAttribute::Value, "x"), Err(Errno::EPERM));
}

#[test]
fn row_117_a_direction_is_a_level_whatever_the_polarity() {
    let mut bench = Bench::new();
    bench.store(ClassAttribute::ActiveLow, "1").unwrap();
    bench.store(ClassAttribute::Direction, "high").unwrap();
    assert_eq!(bench.sim.level(Offset::new(1)).unwrap(), Level::High);
    assert_eq!(bench.show(ClassAttribute::Value), b"0\n");
}

#[test]
fn row_118_a_direction_changes_while_an_edge_is_armed() {
    let mut bench = Bench::new();
    bench.store(ClassAttribute::Edge, "both").unwrap();
    assert_eq!(bench.store(ClassAttribute::Direction, "out"), Ok(3));
    assert_eq!(bench.show(ClassAttribute::Edge), b"both\n");
}
