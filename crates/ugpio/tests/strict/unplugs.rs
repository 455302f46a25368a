//! A chip goes at one moment: whoever finds one of its files hung up finds all of them so, and whoever looks at
//! something else notices nothing.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{JoinHandle, spawn};

use gpio_uapi::abi::ioctl as numbers;
use gpio_uapi::abi::v2::{LineFlags, LineValues};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, waitpid};
use zerocopy::FromZeros as _;

use crate::inside::{Chip, asleep, in_both, ioctl, request};

const FILES: usize = 8;
/// Without what they test, each of these fails in fewer.
const ROUNDS: usize = 100;
const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

type Lines = Arc<Vec<OwnedFd>>;
/// Looks until one is hung up, and says how many are.
type Look = fn(&[OwnedFd]) -> usize;

/// A request for each line.
fn lines(chip: &Chip) -> Lines {
    let file = chip.open();
    let line = |offset| request(&file, offset, LineFlags::INPUT).unwrap();
    Arc::new((0..8).map(line).collect())
}

/// Waits for the first, unless there is a time.
fn polled(lines: &[OwnedFd], time: Option<&Timespec>) -> usize {
    let poll_fd = |line| PollFd::new(line, PollFlags::IN);
    let mut all: Vec<_> = lines.iter().map(poll_fd).collect();
    poll(&mut all, time).unwrap();
    let hung_up = all
        .iter()
        .filter(|one| one.revents().contains(PollFlags::HUP));
    hung_up.count()
}

fn in_poll(lines: &[OwnedFd]) -> usize {
    polled(lines, None)
}

fn busily(lines: &[OwnedFd]) -> usize {
    let looks = std::iter::repeat_with(|| polled(lines, Some(&AT_ONCE)));
    looks.into_iter().find(|seen| *seen > 0).unwrap()
}

fn in_naps(lines: &[OwnedFd]) -> usize {
    let nap = std::time::Duration::from_micros(20);
    let mut seen = 0;
    while seen == 0 {
        std::thread::sleep(nap);
        seen = polled(lines, Some(&AT_ONCE));
    }
    seen
}

fn in_epoll(lines: &[OwnedFd]) -> usize {
    let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    for line in lines {
        epoll::add(
            &set,
            line,
            epoll::EventData::new_u64(0),
            epoll::EventFlags::IN,
        )
        .unwrap();
    }
    let mut events = Vec::with_capacity(2 * FILES);
    epoll::wait(&set, rustix::buffer::spare_capacity(&mut events), None).unwrap()
}

/// By calls, which are trapped.
fn by_an_error(lines: &[OwnedFd]) -> usize {
    let mut values = LineValues::new_zeroed();
    let number = numbers::GPIO_V2_LINE_GET_VALUES;
    loop {
        values.mask = 1;
        match ioctl(lines[0].as_raw_fd(), number, &mut values) {
            Ok(()) => {}
            Err(errno) => assert_eq!(errno, Errno::NODEV),
        }
        let seen = polled(lines, Some(&AT_ONCE));
        if seen > 0 {
            return seen;
        }
    }
}

/// By one of them.
fn by_the_last(lines: &[OwnedFd]) -> usize {
    polled(&lines[FILES - 1..], None);
    polled(lines, Some(&AT_ONCE))
}

/// Unplugs under threads that look so; the chip as it is afterwards.
fn unplug_under(chip: &Chip, looks: &[Look]) -> Chip {
    let lines = lines(chip);
    let start = Arc::new(Barrier::new(looks.len() + 1));
    let look = |look: &Look| -> JoinHandle<usize> {
        let (lines, start, look) = (Arc::clone(&lines), Arc::clone(&start), *look);
        spawn(move || {
            start.wait();
            look(&lines)
        })
    };
    let lookers: Vec<_> = looks.iter().map(look).collect();
    start.wait();
    chip.unplug();
    let seen: Vec<_> = lookers.into_iter().map(|one| one.join().unwrap()).collect();
    assert_eq!(seen, vec![FILES; looks.len()]);
    chip.plug()
}

fn always_whole(name: &str, looks: &[Look]) {
    in_both(name, |chip| {
        let mut chip = chip.clone();
        for _ in 0..ROUNDS {
            chip = unplug_under(&chip, looks);
        }
    });
}

#[test]
fn who_sleeps_sees_all_at_once() {
    let looks: [Look; 4] = [in_poll, in_epoll, by_the_last, in_poll];
    always_whole("unplugs::who_sleeps_sees_all_at_once", &looks);
}

#[test]
fn who_looks_all_the_time_sees_all_at_once() {
    let looks: [Look; 2] = [busily, busily];
    always_whole("unplugs::who_looks_all_the_time_sees_all_at_once", &looks);
}

#[test]
fn who_does_other_things_between_sees_all_at_once() {
    let looks: [Look; 2] = [in_naps, by_an_error];
    let name = "unplugs::who_does_other_things_between_sees_all_at_once";
    always_whole(name, &looks);
}

/// A stop would end these calls with `EINTR`, or make their time begin anew.
#[test]
fn who_sleeps_in_other_calls_notices_nothing() {
    let name = "unplugs::who_sleeps_in_other_calls_notices_nothing";
    in_both(name, |chip| {
        let (mut far, near) = UnixStream::pair().unwrap();
        let hour = std::time::Duration::from_secs(3600);
        near.set_read_timeout(Some(hour)).unwrap();
        let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let data = epoll::EventData::new_u64(7);
        epoll::add(&set, &near, data, epoll::EventFlags::PRI).unwrap();
        let (end, ended) = (std::io::pipe().unwrap(), epoll::EventFlags::IN);
        epoll::add(&set, &end.0, data, ended).unwrap();
        let in_epoll = asleep(move || {
            let mut events = Vec::with_capacity(1);
            let hour = Timespec {
                tv_sec: 3600,
                tv_nsec: 0,
            };
            epoll::wait(
                &set,
                rustix::buffer::spare_capacity(&mut events),
                Some(&hour),
            )
        });
        let in_receive = asleep(move || {
            let mut near = near;
            near.read(&mut [0; 7])
        });
        let mut chip = chip.clone();
        for _ in 0..20 {
            chip = unplug_under(&chip, &[in_poll, busily]);
        }
        far.write_all(b"message").unwrap();
        assert_eq!(in_receive.join().unwrap().unwrap(), 7);
        rustix::io::write(&end.1, b"x").unwrap();
        assert_eq!(in_epoll.join().unwrap(), Ok(1));
    });
}

/// A parent in vfork does not stop, and its child has the files.
#[test]
fn a_child_of_vfork_sees_all_at_once() {
    let name = "unplugs::a_child_of_vfork_sees_all_at_once";
    in_both(name, |chip| {
        let mut chip = chip.clone();
        for _ in 0..20 {
            let lines = lines(&chip);
            let looks = Arc::new(AtomicBool::new(false));
            let (own, tell) = (Arc::clone(&lines), Arc::clone(&looks));
            let parent = spawn(move || in_vfork(&own, &tell));
            while !looks.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            let looker = spawn(move || busily(&lines));
            chip.unplug();
            assert_eq!(looker.join().unwrap(), FILES);
            assert_eq!(parent.join().unwrap(), FILES);
            chip = chip.plug();
        }
    });
}

/// What a child of vfork is given.
struct Given<'a> {
    all: Vec<libc::pollfd>,
    /// Set when it has looked.
    looks: &'a AtomicBool,
}

/// What a child that shares the memory sees.
#[expect(unsafe_code, reason = "clone(2) has no safe wrapper")]
fn in_vfork(lines: &[OwnedFd], looks: &AtomicBool) -> usize {
    let mut stack = vec![0_u128; 4096];
    let poll_fd = |line: &OwnedFd| libc::pollfd {
        fd: line.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let all = lines.iter().map(poll_fd).collect();
    let mut given = Given { all, looks };
    let top = stack.as_mut_ptr_range().end.cast();
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the child has a stack of its own, and its parent waits until it has ended.
    let child = unsafe { libc::clone(look_and_end, top, flags, (&raw mut given).cast()) };
    let ended = waitpid(Pid::from_raw(child), WaitOptions::empty());
    let (_, status) = ended.unwrap().unwrap();
    usize::try_from(status.exit_status().unwrap()).unwrap()
}

/// Runs on memory that is another's: makes one system call after the other, and nothing else.
#[expect(unsafe_code, reason = "see `in_vfork`")]
extern "C" fn look_and_end(given: *mut core::ffi::c_void) -> i32 {
    // SAFETY: the parent's, which lives as long as the parent waits.
    let given = unsafe { &mut *given.cast::<Given<'_>>() };
    // SAFETY: nothing is passed but numbers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    loop {
        // SAFETY: as many as there are.
        let count = unsafe { libc::poll(given.all.as_mut_ptr(), 8, 0) };
        if count != 0 {
            return count;
        }
        given.looks.store(true, Ordering::Relaxed);
    }
}

/// Processes begin, change to a directory of the board and become other programs all the time meanwhile.
#[test]
fn children_begin_and_execute_during_unplugs() {
    let name = "unplugs::children_begin_and_execute_during_unplugs";
    in_both(name, |chip| {
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let starter = spawn(move || {
            let mut ends: Vec<ExitStatus> = Vec::new();
            while !until.load(Ordering::Relaxed) {
                let mut command = Command::new("/bin/pwd");
                let done = command.current_dir("/sys/class/gpio").output().unwrap();
                assert_eq!(done.stdout, b"/sys/class/gpio\n");
                ends.push(done.status);
            }
            ends
        });
        let mut chip = chip.clone();
        for _ in 0..ROUNDS {
            chip = unplug_under(&chip, &[busily, in_poll]);
        }
        is_over.store(true, Ordering::Relaxed);
        let ends = starter.join().unwrap();
        assert!(ends.iter().all(ExitStatus::success), "{ends:?}");
    });
}
