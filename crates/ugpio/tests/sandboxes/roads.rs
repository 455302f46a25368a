//! A device of the machine that stands for a GPIO chip of its own, and every road to it.
//!
//! Machines that run tests have no GPIO, but drivers with a number that is allotted when they start, as gpiolib's is. A
//! mount namespace in which `/proc/devices` calls one of them `gpiochip` makes it a chip for a run. Making its node
//! takes root; then all roads are tried as root, as a user, and in sandboxes of both.

use std::io::IoSlice;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::{is_root, python, run, script};

/// The numbers that are allotted. KERNEL: include/linux/fs.h CHRDEV_MAJOR_DYN_END (v6.12)
const DYNAMIC: core::ops::RangeInclusive<u32> = 234..=254;

/// A device that anybody's open of its node reaches.
struct StandIn {
    base: tempfile::TempDir,
    major: u32,
}

impl StandIn {
    /// One of this machine, if it has any and we may make nodes.
    fn find() -> Option<StandIn> {
        if !is_root() {
            return None;
        }
        let base = tempfile::tempdir_in("/tmp").unwrap();
        let everybody = Mode::from_raw_mode(0o1777);
        rustix::fs::chmod(base.path(), everybody).unwrap();
        let place = base.path().join("place");
        std::fs::create_dir_all(place.join("dev")).unwrap();
        rustix::fs::chmod(&place, everybody).unwrap();
        let list = std::fs::read_to_string("/proc/devices").unwrap();
        let list = list.split("Block devices").next()?.to_owned();
        let majors = list.lines().filter_map(|row| row.trim().split_once(' '));
        let majors = majors.filter_map(|(number, _)| number.parse().ok());
        // 254 is the board's.
        let major = majors
            .filter(|major| DYNAMIC.contains(major) && *major != 254)
            .find(|major| make_node(&place.join("node"), *major).is_some())?;
        for name in ["dev/gpiochip0", "dev/other"] {
            make_node(&place.join(name), major)?;
        }
        let shown: String = list
            .lines()
            .map(|row| match row.trim().split_once(' ') {
                Some((number, _)) if number == major.to_string() => format!("{major} gpiochip\n"),
                _ => format!("{row}\n"),
            })
            .collect();
        std::fs::write(base.path().join("devices"), shown).unwrap();
        Some(StandIn { base, major })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    /// What the roads say for a program that `words` begin.
    fn roads(&self, words: &[&str], socket: Option<&Path>) -> Vec<(String, String)> {
        // Where every user can read it.
        let copy = self.path("roads.py");
        std::fs::copy(script("roads.py"), &copy).unwrap();
        rustix::fs::chmod(&copy, Mode::from_raw_mode(0o644)).unwrap();
        let home = self.path("home");
        let _ = std::fs::create_dir(&home);
        rustix::fs::chmod(&home, Mode::from_raw_mode(0o1777)).unwrap();
        let device = format!("{}:0", self.major);
        let place = self.path("place");
        let line = "mount --bind $0 /proc/devices && exec \"$@\"";
        let devices = self.path("devices");
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (devices, copy, place) = (text(&devices), text(&copy), text(&place));
        let mut all = vec!["unshare", "-m", "sh", "-c", line, &devices];
        all.extend(words);
        all.extend([python(), "-B", &copy, &place, &device]);
        let socket = socket.map(text);
        all.extend(socket.as_deref());
        let done = run(&home, &all);
        let (out, err) = (
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr),
        );
        assert!(out.ends_with("\nend\n"), "{words:?}: {out}\n{err}");
        let rows = out.lines().filter_map(|row| row.split_once(": "));
        rows.map(|(road, end)| (road.to_owned(), end.to_owned()))
            .collect()
    }

    /// Passes descriptors of the node, of its name and of its directory to whoever connects, so many times.
    fn pass(&self, times: usize) -> PathBuf {
        let path = self.path("socket");
        let listener = UnixListener::bind(&path).unwrap();
        rustix::fs::chmod(&path, Mode::from_raw_mode(0o777)).unwrap();
        let open = |name: &str, flags| {
            rustix::fs::openat(CWD, self.path(name), flags, Mode::empty()).unwrap()
        };
        let files: [OwnedFd; 3] = [
            open("place/node", OFlags::RDWR),
            open("place/node", OFlags::PATH),
            open("place", OFlags::RDONLY),
        ];
        thread::spawn(move || {
            for stream in listener.incoming().take(times) {
                let files = files.each_ref().map(|file| file.as_fd());
                let mut space =
                    [core::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
                let mut passed = SendAncillaryBuffer::new(&mut space);
                assert!(passed.push(SendAncillaryMessage::ScmRights(&files)));
                let text = [IoSlice::new(b"x")];
                sendmsg(stream.unwrap(), &text, &mut passed, SendFlags::empty()).unwrap();
            }
        });
        path
    }
}

/// Makes a node that everybody may open; `None` if opening it reaches nothing.
fn make_node(path: &Path, major: u32) -> Option<()> {
    let everybody = Mode::from_raw_mode(0o666);
    let device = rustix::fs::makedev(major, 0);
    rustix::fs::mknodat(CWD, path, FileType::CharacterDevice, everybody, device).unwrap();
    rustix::fs::chmod(path, everybody).unwrap();
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path);
    if opened.is_err() {
        std::fs::remove_file(path).unwrap();
    }
    opened.ok().map(drop)
}

/// Of root, of a user, and of both in sandboxes.
const WHO: [&str; 7] = [
    "",
    "setpriv --reuid=61234 --regid=61234 --clear-groups --inh-caps=-all",
    "unshare -Urm",
    "setpriv --reuid=61234 --regid=61234 --clear-groups --inh-caps=-all unshare -Urm",
    "unshare -m",
    "bwrap --dev-bind / /",
    "setpriv --reuid=61234 --regid=61234 --clear-groups --inh-caps=-all bwrap --dev-bind / /",
];

#[test]
fn no_road_leads_to_a_chip_of_the_machine() {
    let Some(chip) = StandIn::find() else {
        println!("not tested: that takes root, and a device that can stand for a chip");
        return;
    };
    let socket = chip.pass(1 + 2 * WHO.len());
    let bare = chip.roads(&["env"], Some(&socket));
    let reached = bare.iter().filter(|(_, end)| end == "REACHED").count();
    assert!(reached >= 25, "the device stands for nothing: {bare:?}");
    for who in WHO {
        let who: Vec<&str> = who.split_whitespace().collect();
        let run = ["ugpio", "run", "--chip", "a:8", "--"];
        // The sandbox in the run, and the run in the sandbox.
        for words in [[&run[..], &who].concat(), [&who[..], &run].concat()] {
            let roads = chip.roads(&words, Some(&socket));
            assert_eq!(roads.len(), bare.len(), "{words:?}");
            for (road, end) in roads {
                assert_ne!(end, "REACHED", "{words:?}: {road}");
                if road == "ioctl of a passed one" {
                    assert_eq!(end, "ENODEV", "{words:?}");
                }
            }
        }
    }
}
