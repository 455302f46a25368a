//! Calls that sleep under `--strict`, and what wakes them.

use std::os::fd::AsRawFd as _;

use rustix::event::{PollFd, PollFlags, epoll, poll};
use rustix::io::Errno;

use crate::inside::{asleep, button, in_a_run, read, restart_on_usr1, signal};

/// A read of an odd size must not take part of a record.
#[test]
fn a_reader_of_an_odd_size_gets_whole_records() {
    let name = "sleepers::a_reader_of_an_odd_size_gets_whole_records";
    in_a_run(name, &["--strict"], |chip| {
        restart_on_usr1();
        let line = button(&chip.open(), 0);
        let number = line.as_raw_fd();
        for up in [true, false, true] {
            let reader = asleep(move || read(number, &mut [0; 100]));
            signal(&reader);
            chip.pull(0, up);
            assert_eq!(reader.join().unwrap(), Ok(48));
        }
    });
}

#[test]
fn every_event_reaches_one_of_several_readers() {
    let name = "sleepers::every_event_reaches_one_of_several_readers";
    in_a_run(name, &["--strict"], |chip| {
        let line = button(&chip.open(), 0);
        let number = line.as_raw_fd();
        // Some read whole records and some do not.
        let readers: Vec<_> = [48, 100, 96, 50]
            .into_iter()
            .map(|size| {
                asleep(move || {
                    let mut room = vec![0; size];
                    read(number, &mut room).map(|count| (count, room[16]))
                })
            })
            .collect();
        for count in 0..8 {
            chip.pull(0, count % 2 == 0);
        }
        let mut read_by_all = 0;
        for reader in readers {
            let (count, _) = reader.join().unwrap().unwrap();
            assert_eq!(count % 48, 0);
            read_by_all += count / 48;
        }
        assert!((4..=8).contains(&read_by_all));
    });
}

#[test]
fn removal_wakes_whoever_sleeps_in_epoll() {
    let name = "sleepers::removal_wakes_whoever_sleeps_in_epoll";
    in_a_run(name, &["--strict"], |chip| {
        let line = button(&chip.open(), 0);
        let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let data = epoll::EventData::new_u64(7);
        epoll::add(&set, &line, data, epoll::EventFlags::IN).unwrap();
        let sleeper = asleep(move || {
            let mut events = Vec::with_capacity(4);
            let waited = epoll::wait(&set, rustix::buffer::spare_capacity(&mut events), None);
            waited.map(|_| {
                let event: epoll::Event = events[0];
                let (flags, data) = (event.flags, event.data);
                (flags, data.u64())
            })
        });
        chip.unplug();
        let hung_up = epoll::EventFlags::HUP | epoll::EventFlags::ERR;
        assert_eq!(sleeper.join().unwrap(), Ok((hung_up, 7)));
        assert_eq!(read(line.as_raw_fd(), &mut [0; 1]), Err(Errno::NODEV));
    });
}

/// The answer for a chip that is gone must not hide what else is ready.
#[test]
fn poll_tells_of_other_files_too_after_a_removal() {
    let name = "sleepers::poll_tells_of_other_files_too_after_a_removal";
    in_a_run(name, &["--strict"], |chip| {
        let line = button(&chip.open(), 0);
        let (reader, writer) = std::io::pipe().unwrap();
        rustix::io::write(&writer, b"x").unwrap();
        chip.unplug();
        let mut fds = [
            PollFd::new(&reader, PollFlags::IN),
            PollFd::new(&line, PollFlags::IN),
            PollFd::new(&writer, PollFlags::OUT),
        ];
        assert_eq!(poll(&mut fds, None), Ok(3));
        let seen = fds.map(|fd| fd.revents());
        let gone = PollFlags::HUP | PollFlags::ERR;
        assert_eq!(seen, [PollFlags::IN, gone, PollFlags::OUT]);
    });
}
