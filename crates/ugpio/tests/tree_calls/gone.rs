//! When a call reports that a chip is gone, none of its names remains.

use std::fs;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::inside::in_a_run;

const ROUNDS: u32 = 5;

/// The lines of the chip. All but the first are exported, which gives it many names to lose.
const LINES: u32 = 64;

/// The entries of a directory that stand for a chip.
fn chips(dir: &str) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    // The machine may have names of any bytes there.
    let names = entries.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    names.filter(|name| name.starts_with("gpiochip")).collect()
}

/// Calls without a pause until the chip is gone.
fn wait_for_its_end(chip: &OwnedFd) {
    // As large as a record: reads of other sizes may end as those of a file.
    let mut record = [0; 288];
    loop {
        match rustix::io::read(chip, &mut record) {
            Err(Errno::AGAIN) => {}
            said => return assert_eq!(said, Err(Errno::NODEV)),
        }
    }
}

/// Does something to the board from outside.
fn ctl(words: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ugpio"));
    command.arg("ctl").args(words).stdout(Stdio::null());
    command.spawn().unwrap()
}

#[test]
fn no_name_of_a_chip_outlives_it() {
    let name = "gone::no_name_of_a_chip_outlives_it";
    in_a_run(name, &["--chip", "a:64"], || {
        for round in 0..ROUNDS {
            for line in 1..LINES {
                fs::write("/sys/class/gpio/export", (512 + line).to_string()).unwrap();
            }
            let node = format!("/dev/{}", chips("/dev").pop().unwrap());
            let flags = OFlags::RDWR | OFlags::NONBLOCK;
            let chip = rustix::fs::open(node, flags, Mode::empty()).unwrap();
            let mut unplug = ctl(&["unplug", "a"]);
            wait_for_its_end(&chip);
            for dir in ["/dev", "/sys/bus/gpio/devices", "/sys/class/gpio"] {
                assert_eq!(chips(dir), [""; 0], "{dir}, round {round}");
            }
            assert!(unplug.wait().unwrap().success());
            assert!(ctl(&["plug", "a:64"]).wait().unwrap().success());
        }
    });
}
