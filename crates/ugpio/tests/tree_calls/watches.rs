//! Waiting for names to come and go by inotify.

use std::fs;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use crate::inside::{TREE, in_a_run, make};

struct Watcher(OwnedFd);

impl Watcher {
    fn new() -> Watcher {
        Watcher(inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap())
    }

    fn watch(&self, path: &str) -> Result<i32, Errno> {
        let all = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::DELETE_SELF;
        inotify::add_watch(&self.0, path, all | WatchFlags::MODIFY)
    }

    /// What has happened: the kind, the watch and the name.
    fn events(&self) -> Vec<(ReadFlags, i32, String)> {
        let mut buf = [core::mem::MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.0, &mut buf);
        let mut events = Vec::new();
        while let Ok(event) = reader.next() {
            let name = event
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            events.push((event.events(), event.wd(), name.unwrap_or_default()));
        }
        events
    }
}

#[test]
fn nodes_come_and_go_in_dev() {
    in_a_run(
        "watches::nodes_come_and_go_in_dev",
        &["--chip", "one:2"],
        || {
            let watcher = Watcher::new();
            let dev = watcher.watch("/dev").unwrap();
            assert_eq!(watcher.watch("/dev/"), Ok(dev), "the same place");
            let device = make("d");
            assert!(watcher.events().is_empty());
            let node = || "gpiochip1".to_owned();
            fs::write(format!("{device}/live"), "1").unwrap();
            assert_eq!(watcher.events(), [(ReadFlags::CREATE, dev, node())]);
            let of_node = watcher.watch("/dev/gpiochip1").unwrap();
            fs::write(format!("{device}/live"), "0").unwrap();
            let gone = watcher.events();
            assert!(gone.contains(&(ReadFlags::DELETE, dev, node())), "{gone:?}");
            let own = (ReadFlags::DELETE_SELF, of_node, String::new());
            assert!(gone.contains(&own), "{gone:?}");
        },
    );
}

#[test]
fn who_sleeps_is_woken() {
    in_a_run("watches::who_sleeps_is_woken", &[], || {
        let watcher = Watcher::new();
        watcher.watch("/dev").unwrap();
        let device = make("d");
        std::thread::scope(|scope| {
            scope.spawn(|| fs::write(format!("{device}/live"), "1").unwrap());
            let mut fds = [PollFd::new(&watcher.0, PollFlags::IN)];
            let limit = Timespec {
                tv_sec: 60,
                tv_nsec: 0,
            };
            assert_eq!(poll(&mut fds, Some(&limit)), Ok(1));
            // The node is the last thing of a chip that appears.
            assert!(fs::metadata("/sys/bus/gpio/devices/gpiochip0/dev").is_ok());
        });
    });
}

#[test]
fn directories_of_the_tree_can_be_watched() {
    in_a_run(
        "watches::directories_of_the_tree_can_be_watched",
        &["--chip", "one:2"],
        || {
            let watcher = Watcher::new();
            let tree = watcher.watch(TREE).unwrap();
            let class = watcher.watch("/sys/class/gpio").unwrap();
            let bus = watcher.watch("/sys/bus/gpio/devices").unwrap();
            assert_eq!(watcher.watch("/sys/class/gpio/nothing"), Err(Errno::NOENT));
            assert_eq!(watcher.watch("/no/such/place"), Err(Errno::NOENT));
            fs::create_dir(format!("{TREE}/d")).unwrap();
            fs::write("/sys/class/gpio/export", "512").unwrap();
            fs::remove_dir(format!("{TREE}/d")).unwrap();
            let events = watcher.events();
            let names: Vec<(i32, &str)> = events
                .iter()
                .map(|(_, watch, name)| (*watch, name.as_str()))
                .collect();
            assert_eq!(names, [(tree, "d"), (class, "gpio512"), (tree, "d")]);

            std::env::set_current_dir(format!("{TREE}/..")).unwrap();
            assert_eq!(watcher.watch("gpio-sim"), Ok(tree), "by a relative path");
            assert_ne!(bus, class);
            // A place of the machine's own is watched as ever.
            let place = std::env::temp_dir();
            watcher.watch(place.to_str().unwrap()).unwrap();
            let file = place.join(format!("watched-{}", std::process::id()));
            fs::write(&file, "").unwrap();
            assert!(
                watcher
                    .events()
                    .iter()
                    .any(|(_, _, name)| name.starts_with("watched-"))
            );
            fs::remove_file(file).unwrap();
        },
    );
}
