//! Chips come and go; descriptors stay: the lifetime rules of the core.

#![cfg(not(loom))]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use gpiolib::engine::{DescExt, EdgeQueue, Overflow, Ring};
use gpiolib::{
    Chip, ChipConfig, Direction, EdgeSink, Edges, Error, Hog, HogDirection, InfoChangeKind,
    InfoQueue, Label, Level, Name, Offset, Registration, Registry, Result, Timestamp, Value,
};

/// A chip that counts what is asked of it.
#[derive(Default)]
struct Recorder {
    calls: Arc<Mutex<Vec<String>>>,
    levels: AtomicU32,
    sinks: Arc<Mutex<Vec<EdgeSink>>>,
}

impl Recorder {
    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }
}

impl Chip for Recorder {
    fn request(&self, offset: Offset) -> Result<()> {
        self.note(format!("request {offset}"));
        Ok(())
    }

    fn free(&self, offset: Offset) {
        self.note(format!("free {offset}"));
    }

    fn direction_input(&self, _: Offset) -> Result<()> {
        Ok(())
    }

    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        self.set(offset, level)
    }

    fn get(&self, offset: Offset) -> Result<Level> {
        Ok(Level::from(
            self.levels.load(Ordering::SeqCst) >> offset.get() & 1 == 1,
        ))
    }

    fn set(&self, offset: Offset, level: Level) -> Result<()> {
        let bit = 1 << offset.get();
        match level {
            Level::High => self.levels.fetch_or(bit, Ordering::SeqCst),
            Level::Low => self.levels.fetch_and(!bit, Ordering::SeqCst),
        };
        Ok(())
    }

    fn arm(&self, offset: Offset, _: Edges, sink: EdgeSink) -> Result<()> {
        self.sinks.lock().unwrap().push(sink);
        self.note(format!("arm {offset}"));
        Ok(())
    }

    fn disarm(&self, offset: Offset) {
        self.note(format!("disarm {offset}"));
    }
}

fn register(registry: &Registry, label: &str) -> Registration<Recorder> {
    registry
        .register(&ChipConfig::new(label, 4), Recorder::default())
        .unwrap()
}

fn request<C>(chip: &Registration<C>, offset: u32) -> gpiolib::Desc {
    chip.device()
        .line(Offset::new(offset))
        .unwrap()
        .request("test")
        .unwrap()
}

#[test]
fn the_request_ends_with_the_last_clone() {
    let registry = Registry::new();
    let recorder = Recorder::default();
    let calls = Arc::clone(&recorder.calls);
    let chip = registry
        .register(&ChipConfig::new("a", 4), recorder)
        .unwrap();
    let first = request(&chip, 2);
    let second = first.clone();
    drop(first);
    assert_eq!(
        chip.device()
            .line(Offset::new(2))
            .unwrap()
            .request("b")
            .err(),
        Some(Error::Busy)
    );
    assert_eq!(*calls.lock().unwrap(), ["request 2"]);
    drop(second);
    assert_eq!(*calls.lock().unwrap(), ["request 2", "free 2"]);
    assert!(!chip.device().line(Offset::new(2)).unwrap().info().used);
}

#[test]
fn descriptors_are_numb_when_the_chip_is_gone() {
    let registry = Registry::new();
    let chip = register(&registry, "a");
    let desc = request(&chip, 0);
    desc.direction_output(Value::Active).unwrap();
    assert_eq!(desc.value(), Ok(Value::Active));
    let device = chip.device().clone();
    assert!(chip.unregister().is_some(), "the chip is handed back");

    assert!(device.is_gone());
    assert_eq!(desc.value(), Err(Error::Revoked));
    assert_eq!(desc.set_value(Value::Active), Err(Error::Revoked));
    assert_eq!(desc.direction_input(), Err(Error::Revoked));
    assert_eq!(
        gpiolib::values(std::slice::from_ref(&desc), 1),
        Err(Error::Revoked)
    );
    let other = desc.clone();
    drop(desc);
    assert_eq!(other.value(), Err(Error::Revoked));
    assert_eq!(
        device.line(Offset::new(1)).unwrap().request("b").err(),
        Some(Error::Revoked)
    );
}

#[test]
fn an_id_is_reused_only_after_the_last_user() {
    let registry = Registry::new();
    let first = register(&registry, "a");
    assert_eq!(first.device().id(), 0);
    let desc = request(&first, 0);
    first.unregister();
    assert!(registry.device(0).is_none());
    let second = register(&registry, "b");
    assert_eq!(
        second.device().id(),
        1,
        "a lone descriptor keeps the old number taken"
    );
    drop(desc);
    let third = register(&registry, "c");
    assert_eq!(third.device().id(), 0);
}

#[test]
fn removal_waits_for_the_call_inside_and_for_nobody_else() {
    /// Blocks in `get` until told to go on.
    struct Slow(Mutex<mpsc::Sender<()>>, Mutex<mpsc::Receiver<()>>);
    impl Chip for Slow {
        fn get(&self, _: Offset) -> Result<Level> {
            self.0.lock().unwrap().send(()).unwrap();
            self.1.lock().unwrap().recv().unwrap();
            Ok(Level::High)
        }
    }
    let registry = Registry::new();
    let (entered, is_inside) = mpsc::channel();
    let (go, may_go) = mpsc::channel();
    let chip = Slow(Mutex::new(entered), Mutex::new(may_go));
    let chip = registry
        .register(&ChipConfig::new("slow", 2), chip)
        .unwrap();
    let desc = request(&chip, 0);
    let idle = request(&chip, 1);
    let reader = std::thread::spawn(move || desc.level());
    is_inside.recv().unwrap();
    let device = chip.device().clone();
    let remover = std::thread::spawn(move || chip.unregister().is_some());
    while !device.is_gone() {
        std::thread::yield_now();
    }
    assert_eq!(
        idle.level(),
        Err(Error::Revoked),
        "others are refused at once"
    );
    assert!(!remover.is_finished());
    go.send(()).unwrap();
    assert_eq!(reader.join().unwrap(), Ok(Level::High));
    assert!(remover.join().unwrap());
}

#[test]
fn readers_are_woken_before_the_call_inside_has_ended() {
    /// Blocks in `get` until told to go on; reports edges of every line.
    struct Slow(Mutex<mpsc::Sender<()>>, Mutex<mpsc::Receiver<()>>);
    impl Chip for Slow {
        fn get(&self, _: Offset) -> Result<Level> {
            self.0.lock().unwrap().send(()).unwrap();
            self.1.lock().unwrap().recv().unwrap();
            Ok(Level::High)
        }
        fn arm(&self, _: Offset, _: Edges, _: EdgeSink) -> Result<()> {
            Ok(())
        }
    }
    struct Bell(Mutex<mpsc::Sender<()>>);
    impl std::task::Wake for Bell {
        fn wake(self: Arc<Self>) {
            // Rung again after the wait; nobody listens then.
            let _ = self.0.lock().unwrap().send(());
        }
    }
    let registry = Registry::new();
    let (entered, is_inside) = mpsc::channel();
    let (go, may_go) = mpsc::channel();
    let chip = Slow(Mutex::new(entered), Mutex::new(may_go));
    let chip = registry
        .register(&ChipConfig::new("slow", 2), chip)
        .unwrap();
    let caller = request(&chip, 0);
    let reader = request(&chip, 1);
    let queue = reader.subscribe(Edges::BOTH, 4).unwrap();
    let (rung, is_rung) = mpsc::channel();
    queue.set_waker(Arc::new(Bell(Mutex::new(rung))).into());
    let inside = std::thread::spawn(move || caller.level());
    is_inside.recv().unwrap();
    let remover = std::thread::spawn(move || chip.unregister().is_some());
    let waits = std::time::Duration::from_secs(60);
    assert!(is_rung.recv_timeout(waits).is_ok(), "woken while it waits");
    assert!(reader.device().is_gone() && !remover.is_finished());
    go.send(()).unwrap();
    assert_eq!(inside.join().unwrap(), Ok(Level::High));
    assert!(remover.join().unwrap());
}

#[test]
fn hogs_are_in_place_before_anybody_can_look() {
    let registry = Registry::new();
    let mut config = ChipConfig::new("a", 4);
    config.hogs = vec![
        Hog {
            offset: Offset::new(1),
            consumer: "led".into(),
            direction: HogDirection::Output(Value::Active),
            active_low: false,
        },
        Hog {
            offset: Offset::new(9),
            consumer: "nowhere".into(),
            direction: HogDirection::Input,
            active_low: false,
        },
    ];
    config.names = vec![(Offset::new(1), Name::from("LED"))];
    let chip = registry.register(&config, Recorder::default()).unwrap();
    let line = registry.find_line("LED").unwrap();
    let info = line.info();
    assert_eq!(info.consumer, Some(Label::from("led")));
    assert_eq!(info.config.direction, Some(Direction::Output));
    assert_eq!(line.request("b").err(), Some(Error::Busy));
    chip.unregister();
    assert!(!line.info().used);
}

#[test]
fn edges_reach_the_queue_until_the_chip_is_gone() {
    let registry = Registry::new();
    let recorder = Recorder::default();
    let (sinks, calls) = (Arc::clone(&recorder.sinks), Arc::clone(&recorder.calls));
    let chip = registry
        .register(&ChipConfig::new("a", 4), recorder)
        .unwrap();
    let desc = request(&chip, 3);
    let queue = EdgeQueue::new(
        &[Offset::new(3)],
        16,
        Overflow::DropOldest,
        Box::new(Ring::new()),
    );
    queue.configure(
        0,
        &gpiolib::LineConfig {
            edges: Edges::BOTH,
            ..Default::default()
        },
    );
    desc.arm(&queue, 0, Edges::BOTH).unwrap();
    assert_eq!(desc.arm(&queue, 0, Edges::BOTH), Err(Error::Busy));
    assert_eq!(
        desc.direction_output(Value::Active),
        Err(Error::Io),
        "an armed line cannot be driven"
    );
    let sink = sinks.lock().unwrap().pop().unwrap();
    assert_eq!(sink.offset(), Offset::new(3));
    sink.edge(Level::High, Timestamp::at(1));
    assert_eq!(queue.len(), 1);
    assert!(!queue.is_closed());
    chip.unregister();
    sink.edge(Level::Low, Timestamp::at(2));
    assert_eq!(queue.len(), 1);
    assert!(queue.is_closed(), "its only line has ended");
    assert_eq!(
        *calls.lock().unwrap(),
        ["request 3", "arm 3", "disarm 3"],
        "a dead chip is not told of the free"
    );
}

#[test]
fn watchers_see_requests_and_releases() {
    let registry = Registry::new();
    let chip = register(&registry, "a");
    let queue = InfoQueue::new(InfoQueue::CAPACITY);
    chip.device().attach(&queue);
    queue.watch(Offset::new(0)).unwrap();
    let desc = request(&chip, 0);
    assert!(
        queue.is_empty(),
        "the request is announced by whoever configured it"
    );
    desc.announce(InfoChangeKind::Requested);
    drop(desc);
    let kinds: Vec<_> = std::iter::from_fn(|| queue.pop())
        .map(|change| (change.kind, change.info.used))
        .collect();
    assert_eq!(
        kinds,
        [
            (InfoChangeKind::Requested, true),
            (InfoChangeKind::Released, false)
        ]
    );
}

#[test]
fn many_threads_and_an_unplug() {
    for _ in 0..200 {
        let registry = Registry::new();
        let chip = register(&registry, "a");
        let descs: Vec<_> = (0..3).map(|offset| request(&chip, offset)).collect();
        let threads: Vec<_> = descs
            .into_iter()
            .map(|desc| {
                std::thread::spawn(move || {
                    while desc.set_value(Value::Active).is_ok() {
                        assert!(matches!(desc.clone().value(), Ok(_) | Err(Error::Revoked)));
                    }
                })
            })
            .collect();
        drop(chip.unregister());
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(register(&registry, "b").device().id(), 0);
    }
}

/// A driver that finds its bus dead inside a call: it closes the gate there, and gets its chip later.
#[test]
fn a_chip_can_be_revoked_from_inside_its_own_call() {
    #[derive(Default)]
    struct Dying(std::sync::OnceLock<gpiolib::Revoker>);
    impl Chip for Dying {
        fn get(&self, _: Offset) -> Result<Level> {
            assert!(self.0.get().unwrap().revoke());
            Err(Error::Io)
        }
        fn arm(&self, _: Offset, _: Edges, _: EdgeSink) -> Result<()> {
            Ok(())
        }
        fn disarm(&self, _: Offset) {
            panic!("a dead chip is asked nothing more");
        }
        fn free(&self, _: Offset) {
            panic!("a dead chip is asked nothing more");
        }
    }
    let registry = Registry::new();
    let chip = Arc::new(Dying::default());
    let registration = registry
        .register(&ChipConfig::new("a", 2), Arc::clone(&chip))
        .unwrap();
    assert!(chip.0.set(registration.revoker()).is_ok());
    let [armed, line] = [1, 0].map(|offset| request(&registration, offset));
    let events = armed.subscribe(Edges::BOTH, 4).unwrap();
    assert_eq!(line.level(), Err(Error::Io), "this call had begun");
    assert_eq!(line.level(), Err(Error::Revoked));
    assert!(events.is_closed() && registration.device().is_gone());
    assert!(registry.devices().is_empty());
    assert!(!registration.revoke(), "it is revoked already");
    let back = registration.unregister().unwrap();
    assert!(Arc::ptr_eq(&back, &chip), "the very chip");
}

/// What is woken when a chip goes finds it unlisted before any call is refused, so that names go first.
#[test]
fn a_chip_that_goes_is_not_listed_before_calls_are_refused() {
    struct Look {
        registry: Registry,
        line: Mutex<Option<gpiolib::Desc>>,
        seen: Mutex<Vec<(bool, bool)>>,
    }
    impl std::task::Wake for Look {
        fn wake(self: Arc<Self>) {
            let line = self.line.lock().unwrap();
            let Some(line) = &*line else { return };
            let seen = (self.registry.devices().is_empty(), line.level().is_ok());
            self.seen.lock().unwrap().push(seen);
        }
    }
    let registry = Registry::new();
    let look = Arc::new(Look {
        registry: registry.clone(),
        line: Mutex::default(),
        seen: Mutex::default(),
    });
    let _watch = registry.on_change(Arc::clone(&look).into());
    let chip = registry
        .register(&ChipConfig::new("a", 2), Recorder::default())
        .unwrap();
    *look.line.lock().unwrap() = Some(request(&chip, 0));
    chip.unregister();
    assert_eq!(*look.seen.lock().unwrap(), [(true, true), (true, false)]);
}
