//! Rows of §11, in their order.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use gpio_uapi::abi::common::{CHANGED_RELEASED, ChipInfo};
use gpio_uapi::abi::ioctl::{GPIO_GET_CHIPINFO, GPIO_V2_GET_LINEINFO, GPIO_V2_GET_LINEINFO_WATCH};
use gpio_uapi::abi::v2::{LineFlags, LineInfo, LineInfoChanged};
use gpio_uapi::abi::{FromZeros as _, IntoBytes as _};
use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::fs::SeekFrom;
use rustix::io::Errno;

use crate::inside::{
    asleep, button, in_a_run, in_both, ioctl, read, request, restart_on_usr1, select, signal,
};

const AT_ONCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

fn is_used(chip: &File, offset: u32) -> bool {
    let mut info = LineInfo {
        offset,
        ..LineInfo::new_zeroed()
    };
    ioctl(chip.as_raw_fd(), GPIO_V2_GET_LINEINFO, &mut info).unwrap();
    info.flags & LineFlags::USED.bits() != 0
}

#[test]
fn row_065_a_sleeper_for_rdnorm_alone_is_not_woken() {
    let name = "rows::row_065_a_sleeper_for_rdnorm_alone_is_not_woken";
    in_a_run(name, &["--strict"], |chip| {
        let line = button(&chip.open(), 0);
        let start = Instant::now();
        let sleeper = asleep(move || {
            let mut fds = [PollFd::new(&line, PollFlags::RDNORM)];
            let half_a_second = Timespec {
                tv_sec: 0,
                tv_nsec: 500_000_000,
            };
            let count = poll(&mut fds, Some(&half_a_second)).unwrap();
            (count, fds[0].revents().bits())
        });
        chip.pull(0, true);
        assert_eq!(sleeper.join().unwrap(), (1, 0x40));
        assert!(start.elapsed() >= Duration::from_millis(500));
    });
}

#[test]
fn row_070_positions() {
    in_a_run("rows::row_070_positions", &["--strict"], |chip| {
        let chip = chip.open();
        let line = button(&chip, 0);
        assert_eq!(rustix::fs::seek(&line, SeekFrom::Start(5)), Ok(0));
        assert_eq!(rustix::io::pread(&line, &mut [0; 48], 0), Err(Errno::SPIPE));
        assert_eq!(
            rustix::fs::seek(&chip, SeekFrom::Start(0)),
            Err(Errno::SPIPE)
        );
    });
}

#[test]
fn row_071_nothing_can_be_written() {
    in_both("rows::row_071_nothing_can_be_written", |chip| {
        let chip = chip.open();
        let line = button(&chip, 0);
        assert_eq!(rustix::io::write(&line, b"x"), Err(Errno::BADF));
        assert_eq!(rustix::io::write(&chip, b"x"), Err(Errno::INVAL));
        assert_eq!(rustix::io::write(&chip, &[0; 9000]), Err(Errno::INVAL));
    });
}

#[test]
fn row_072_a_chip_opened_for_writing_serves_ioctls_and_no_reads() {
    let name = "rows::row_072_a_chip_opened_for_writing_serves_ioctls_and_no_reads";
    in_both(name, |chip| {
        let chip = chip.open_for_writing();
        let mut info = ChipInfo::new_zeroed();
        assert_eq!(
            ioctl(chip.as_raw_fd(), GPIO_GET_CHIPINFO, &mut info),
            Ok(())
        );
        assert!(request(&chip, 0, LineFlags::INPUT).is_ok());
        let mut room = [0; 288];
        assert_eq!(read(chip.as_raw_fd(), &mut room), Err(Errno::BADF));
    });
}

#[test]
fn row_109b_select_after_removal() {
    in_a_run(
        "rows::row_109b_select_after_removal",
        &["--strict"],
        |chip| {
            let file = chip.open();
            let line = button(&file, 0);
            assert_eq!(select(line.as_raw_fd()), [false; 3]);
            chip.unplug();
            for fd in [line.as_raw_fd(), file.as_raw_fd()] {
                assert_eq!(select(fd), [true, true, false]);
            }
        },
    );
}

#[test]
fn row_109c_epoll_for_rdnorm_alone_reports_no_event_ever() {
    let name = "rows::row_109c_epoll_for_rdnorm_alone_reports_no_event_ever";
    in_a_run(name, &["--strict"], |chip| {
        let line = button(&chip.open(), 0);
        let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let data = epoll::EventData::new_u64(7);
        epoll::add(&set, &line, data, epoll::EventFlags::RDNORM).unwrap();
        chip.pull(0, true);
        let mut fds = [PollFd::new(&line, PollFlags::IN)];
        assert_eq!(poll(&mut fds, None), Ok(1), "the event is there");
        let mut events = Vec::with_capacity(4);
        for _ in 0..2 {
            let room = rustix::buffer::spare_capacity(&mut events);
            assert_eq!(epoll::wait(&set, room, Some(&AT_ONCE)), Ok(0));
        }
        // Modifying it while the event waits does report it.
        epoll::modify(&set, &line, data, epoll::EventFlags::RDNORM).unwrap();
        let room = rustix::buffer::spare_capacity(&mut events);
        assert_eq!(epoll::wait(&set, room, Some(&AT_ONCE)), Ok(1));
        assert_eq!(read(line.as_raw_fd(), &mut [0; 48]), Ok(48));
    });
}

/// As the `departures` cases have it: the reader is woken, and nothing hangs.
#[test]
fn row_114b_removal_wakes_a_reader_whose_signals_restart() {
    let name = "rows::row_114b_removal_wakes_a_reader_whose_signals_restart";
    in_both(name, |chip| {
        restart_on_usr1();
        let line = button(&chip.open(), 0);
        let reader = asleep(move || read(line.as_raw_fd(), &mut [0; 48]));
        signal(&reader);
        chip.unplug();
        assert_eq!(reader.join().unwrap(), Err(Errno::NODEV));
    });
}

#[test]
fn row_114d_a_reader_keeps_the_line_that_another_thread_closes() {
    let name = "rows::row_114d_a_reader_keeps_the_line_that_another_thread_closes";
    in_both(name, |chip| {
        let file = chip.open();
        let line = button(&file, 0);
        let number = line.as_raw_fd();
        let reader = asleep(move || read(number, &mut [0; 48]));
        drop(line);
        assert!(is_used(&file, 0));
        chip.pull(0, true);
        assert_eq!(reader.join().unwrap(), Ok(48));
        assert!(!is_used(&file, 0));
    });
}

/// The legacy class, with this line of the chip exported. Gives the line's directory.
fn export(offset: u32) -> String {
    let base = std::fs::read_dir("/sys/class/gpio")
        .unwrap()
        .find_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_prefix("gpiochip")?.parse::<u32>().ok()
        });
    let number = base.unwrap() + offset;
    std::fs::write("/sys/class/gpio/export", number.to_string()).unwrap();
    format!("/sys/class/gpio/gpio{number}")
}

fn store(path: String, text: &str) -> Result<(), Errno> {
    std::fs::write(path, text).map_err(|error| Errno::from_io_error(&error).unwrap())
}

fn text(path: String) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn row_086_an_export_announces_only_its_release() {
    let name = "rows::row_086_an_export_announces_only_its_release";
    in_both(name, |chip| {
        let watcher = chip.open();
        rustix::io::ioctl_fionbio(&watcher, true).unwrap();
        let mut info = LineInfo {
            offset: 1,
            ..LineInfo::new_zeroed()
        };
        ioctl(watcher.as_raw_fd(), GPIO_V2_GET_LINEINFO_WATCH, &mut info).unwrap();
        let line = export(1);
        assert!(is_used(&watcher, 1));
        let mut record = LineInfoChanged::new_zeroed();
        let mut next =
            || read(watcher.as_raw_fd(), record.as_mut_bytes()).map(|_| record.event_type);
        assert_eq!(next(), Err(Errno::AGAIN));
        let number = line.rsplit("gpio").next().unwrap();
        store("/sys/class/gpio/unexport".into(), number).unwrap();
        assert_eq!(next(), Ok(CHANGED_RELEASED));
        assert_eq!(next(), Err(Errno::AGAIN));
    });
}

#[test]
fn row_116_a_value_written_to_an_input_is_refused_before_it_is_read() {
    let name = "rows::row_116_a_value_written_to_an_input_is_refused_before_it_is_read";
    in_both(name, |_| {
        let line = export(0);
        assert_eq!(store(format!("{line}/value"), "x"), Err(Errno::PERM));
        store(format!("{line}/direction"), "out").unwrap();
        assert_eq!(store(format!("{line}/value"), "x"), Err(Errno::INVAL));
    });
}

#[test]
fn row_117_direction_high_is_the_electrical_level() {
    in_both(
        "rows::row_117_direction_high_is_the_electrical_level",
        |chip| {
            let line = export(0);
            store(format!("{line}/active_low"), "1").unwrap();
            store(format!("{line}/direction"), "high").unwrap();
            assert_eq!(text(format!("{line}/value")), "0\n");
            assert!(chip.level(0));
        },
    );
}

#[test]
fn row_118_a_line_with_an_edge_may_become_an_output() {
    let name = "rows::row_118_a_line_with_an_edge_may_become_an_output";
    in_both(name, |_| {
        let line = export(0);
        store(format!("{line}/edge"), "both").unwrap();
        assert_eq!(store(format!("{line}/direction"), "out"), Ok(()));
        assert_eq!(text(format!("{line}/direction")), "out\n");
        assert_eq!(text(format!("{line}/edge")), "both\n");
    });
}
