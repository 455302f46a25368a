//! Running a test inside `ugpio run`, on a chip `demo` of 8 lines, and what it needs there.

use std::fs::{File, OpenOptions};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gpio_uapi::abi::v2::LineFlags;
use gpio_uapi::abi::{ioctl, v2};
use rustix::io::Errno;
use zerocopy::{FromZeros as _, IntoBytes};

use crate::again;

/// The gpio-sim tree of the chip.
const TREE: &str = "/sys/kernel/config/gpio-sim/rows";

/// Runs `test` as the program of a run with these options. `name` is the caller's own, with its module.
#[track_caller]
pub(crate) fn in_a_run(name: &str, options: &[&str], test: impl FnOnce(&Chip)) {
    if again::is_inside() {
        return test(&Chip::make());
    }
    again::in_a_run(name, options);
}

/// Runs `test` by default and under `--strict`, as Linux 6.12.
#[track_caller]
pub(crate) fn in_both(name: &str, test: impl Fn(&Chip)) {
    let release = ["--kernel-release", "6.12"];
    in_a_run(name, &release, &test);
    if !again::is_inside() {
        let [option, release] = release;
        in_a_run(name, &[option, release, "--strict"], test);
    }
}

/// A simulated chip of 8 lines, made by the program itself.
#[derive(Clone)]
pub(crate) struct Chip {
    node: String,
    sysfs: String,
}

impl Chip {
    fn make() -> Chip {
        for dir in ["", "/bank"] {
            std::fs::create_dir(format!("{TREE}{dir}")).unwrap();
        }
        std::fs::write(format!("{TREE}/bank/num_lines"), "8").unwrap();
        Chip::live()
    }

    fn live() -> Chip {
        std::fs::write(format!("{TREE}/live"), "1").unwrap();
        let text = |name: &str| {
            let text = std::fs::read_to_string(format!("{TREE}/{name}")).unwrap();
            text.trim().to_owned()
        };
        let name = text("bank/chip_name");
        Chip {
            node: format!("/dev/{name}"),
            sysfs: format!("/sys/devices/platform/{}/{name}", text("dev_name")),
        }
    }

    pub(crate) fn open(&self) -> File {
        let mut options = OpenOptions::new();
        options.read(true).write(true).open(&self.node).unwrap()
    }

    pub(crate) fn open_for_writing(&self) -> File {
        OpenOptions::new().write(true).open(&self.node).unwrap()
    }

    pub(crate) fn pull(&self, offset: u32, up: bool) {
        let pull = format!("{}/sim_gpio{offset}/pull", self.sysfs);
        std::fs::write(pull, if up { "pull-up" } else { "pull-down" }).unwrap();
    }

    /// Whether a line is high, as seen from outside the chip.
    pub(crate) fn level(&self, offset: u32) -> bool {
        let value = format!("{}/sim_gpio{offset}/value", self.sysfs);
        std::fs::read_to_string(value).unwrap() == "1\n"
    }

    pub(crate) fn unplug(&self) {
        std::fs::write(format!("{TREE}/live"), "0").unwrap();
    }

    /// The chip after it was plugged in again, perhaps under another name.
    pub(crate) fn plug(&self) -> Chip {
        Chip::live()
    }
}

/// One ioctl.
#[expect(unsafe_code, reason = "an ioctl that the C library has no name for")]
pub(crate) fn ioctl<T: IntoBytes>(fd: i32, command: u32, argument: &mut T) -> Result<(), Errno> {
    // SAFETY: every command here takes a structure of the size of `T`, which is live.
    let done = unsafe { libc::ioctl(fd, command.into(), core::ptr::from_mut(argument)) };
    if done == -1 {
        return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap());
    }
    Ok(())
}

/// Requests one line.
pub(crate) fn request(chip: &File, offset: u32, flags: LineFlags) -> Result<OwnedFd, Errno> {
    let mut request = v2::LineRequest::new_zeroed();
    request.offsets[0] = offset;
    request.num_lines = 1;
    request.config.flags = flags.bits();
    ioctl(chip.as_raw_fd(), ioctl::GPIO_V2_GET_LINE, &mut request)?;
    Ok(own(request.fd))
}

#[expect(unsafe_code, reason = "the number comes out of a structure")]
fn own(fd: i32) -> OwnedFd {
    // SAFETY: the supervisor has just put it into our table, and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// An input whose edges are events.
pub(crate) fn button(chip: &File, offset: u32) -> OwnedFd {
    let edges = LineFlags::EDGE_RISING | LineFlags::EDGE_FALLING;
    request(chip, offset, LineFlags::INPUT | edges).unwrap()
}

/// Starts a thread, and comes back when it sleeps in the kernel.
pub(crate) fn asleep<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let (tell, told) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        tell.send(rustix::thread::gettid()).unwrap();
        act()
    });
    let tid = told.recv().unwrap();
    let path = format!("/proc/self/task/{tid}/stat");
    let end = Instant::now() + Duration::from_secs(10);
    let mut looks = 0;
    // A call that is trapped sleeps as well, for a moment.
    while looks < 20 {
        let stat = std::fs::read_to_string(&path).unwrap();
        let state = stat.rsplit(") ").next().unwrap().chars().next();
        looks = if state == Some('S') { looks + 1 } else { 0 };
        assert!(Instant::now() < end, "the thread does not sleep: {stat}");
        std::thread::yield_now();
    }
    thread
}

/// Reads through a number that another thread may close meanwhile.
#[expect(unsafe_code, reason = "no owner of the number outlives the call")]
pub(crate) fn read(fd: i32, buf: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most as many bytes as `buf` has.
    let count = unsafe { libc::read(fd, buf.as_mut_ptr().cast(), buf.len()) };
    usize::try_from(count)
        .map_err(|_| Errno::from_io_error(&std::io::Error::last_os_error()).unwrap())
}

/// Which of the three sets of `select` a descriptor is in after a look without waiting.
#[expect(unsafe_code, reason = "select has no safe wrapper")]
pub(crate) fn select(fd: i32) -> [bool; 3] {
    // SAFETY: sets are bits, all of which may be zero.
    let mut sets: [libc::fd_set; 3] = unsafe { core::mem::zeroed() };
    let mut at_once = libc::timeval {
        tv_sec: 0,
        tv_usec: 0,
    };
    for set in &mut sets {
        // SAFETY: tests have few descriptors, far below the size of a set.
        unsafe { libc::FD_SET(fd, set) };
    }
    let [to_read, to_write, exceptional] = &mut sets;
    // SAFETY: all three sets and the time are live.
    let count = unsafe { libc::select(fd + 1, to_read, to_write, exceptional, &raw mut at_once) };
    assert_ne!(count, -1);
    // SAFETY: as above.
    sets.each_ref()
        .map(|set| unsafe { libc::FD_ISSET(fd, set) })
}

/// Has SIGUSR1 do nothing, and restart the calls that it interrupts.
#[expect(unsafe_code, reason = "signal handlers have no safe wrapper")]
pub(crate) fn restart_on_usr1() {
    extern "C" fn nothing(_signal: libc::c_int) {}
    // SAFETY: an action is integers, all of which may be zero.
    let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
    let handler: extern "C" fn(libc::c_int) = nothing;
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the handler does nothing, so it may run at any time.
    let done = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, core::ptr::null_mut()) };
    assert_eq!(done, 0);
}

/// Sends SIGUSR1 to a thread.
#[expect(unsafe_code, reason = "pthread_kill has no safe wrapper")]
pub(crate) fn signal<T>(thread: &JoinHandle<T>) {
    use std::os::unix::thread::JoinHandleExt as _;
    // SAFETY: the thread has not been joined.
    let done = unsafe { libc::pthread_kill(thread.as_pthread_t(), libc::SIGUSR1) };
    assert_eq!(done, 0);
}
