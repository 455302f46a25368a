//! The client that is measured inside `ugpio run`: an ordinary program that makes GPIO ioctls.
#![expect(unsafe_code, reason = "ioctl(2) has no safe wrapper")]

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::time::Instant;

use gpio_uapi::abi::ioctl;
use gpio_uapi::abi::v2::{LineFlags, LineRequest, LineValues};
use zerocopy::FromZeros;

/// Calls `ioctl` with a structure.
pub(crate) fn call<T>(file: &File, cmd: u32, argument: &mut T) {
    // SAFETY: `argument` is a live structure of the size that `cmd` encodes.
    let done = unsafe {
        libc::ioctl(
            file.as_raw_fd(),
            libc::Ioctl::from(cmd),
            core::ptr::from_mut(argument),
        )
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

/// Opens the run's chip.
pub(crate) fn chip() -> File {
    File::options()
        .read(true)
        .write(true)
        .open("/dev/gpiochip0")
        .unwrap()
}

/// Requests the first `lines` lines.
pub(crate) fn request(chip: &File, lines: u32, flags: LineFlags) -> File {
    let mut request = LineRequest::new_zeroed();
    for (offset, place) in (0..lines).zip(&mut request.offsets) {
        *place = offset;
    }
    request.num_lines = lines;
    request.config.flags = flags.bits();
    request.event_buffer_size = 1024;
    call(chip, ioctl::GPIO_V2_GET_LINE, &mut request);
    // SAFETY: the call has just made this descriptor, and nobody else owns it.
    unsafe { File::from_raw_fd(request.fd) }
}

/// Prints microseconds per call, one number for each sample.
pub(crate) fn main(words: &[String]) {
    let number = |at: usize| {
        words
            .get(at)
            .and_then(|word| word.parse().ok())
            .unwrap_or(1_u32)
    };
    let (calls, samples) = (number(1), number(2));
    match words.first().map(String::as_str) {
        Some("get") => values(ioctl::GPIO_V2_LINE_GET_VALUES, calls),
        Some("set") => values(ioctl::GPIO_V2_LINE_SET_VALUES, calls),
        Some("getppid") => getppid(calls, samples),
        Some("pages") => crate::pages::program(),
        Some("toggle") => toggle(calls, samples),
        Some("edges") => crate::edges::measure(calls),
        Some("tree") => crate::tree::one_by_one(calls),
        Some("tree-many") => crate::tree::all_at_once(calls),
        other => panic!("no client {other:?}"),
    }
}

fn values(cmd: u32, calls: u32) {
    let line = request(&chip(), 1, LineFlags::OUTPUT);
    let mut values = LineValues { bits: 1, mask: 1 };
    turns(calls, || call(&line, cmd, &mut values));
}

/// Makes calls whenever it is asked for a batch, and prints microseconds for each.
pub(crate) fn turns(calls: u32, mut call: impl FnMut()) {
    /// Not measured: the caches are full of the other side.
    const WARM: u32 = 20;
    // One byte a time: reads of some other sizes are trapped.
    while rustix::io::read(std::io::stdin(), &mut [0]) == Ok(1) {
        for _ in 0..WARM {
            call();
        }
        let start = Instant::now();
        for _ in 0..calls {
            call();
        }
        println!("{}", start.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
}

/// Drives a line up and down, so that each call is a change.
fn toggle(calls: u32, samples: u32) {
    let line = request(&chip(), 1, LineFlags::OUTPUT);
    for _ in 0..samples {
        let start = Instant::now();
        for call_number in 0..calls {
            let bits = u64::from(call_number % 2 == 0);
            let mut values = LineValues { bits, mask: 1 };
            call(&line, ioctl::GPIO_V2_LINE_SET_VALUES, &mut values);
        }
        println!("{}", start.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
}

/// An untrapped system call, in nanoseconds.
pub(crate) fn getppid(calls: u32, samples: u32) {
    for _ in 0..samples {
        let start = Instant::now();
        for _ in 0..calls {
            // SAFETY: takes nothing, changes nothing.
            unsafe { libc::syscall(libc::SYS_getppid) };
        }
        println!("{}", start.elapsed().as_secs_f64() * 1e9 / f64::from(calls));
    }
}
