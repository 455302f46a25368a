//! Making and removing chips through the gpio-sim tree, against the bare round trips that it needs.
//!
//! The yardstick is what the same number of trapped calls costs when nothing is done about them but
//! 16 bytes copied in and out: ten for a chip. The difference is the chip: its lines, its node, the
//! files of its 64 lines in sysfs, and their removal.

use std::fs;
use std::time::Instant;

use crate::round_trip::measure_floor;
use crate::{Effort, head, me, numbers, row, run};

const ROOT: &str = "/sys/kernel/config/gpio-sim";
/// Trapped calls that make a chip: two mkdir, and open and write of two attributes.
const TO_MAKE: f64 = 6.0;
/// Those that remove it: open and write of `live`, two rmdir.
const TO_REMOVE: f64 = 4.0;
/// How many chips there are at once in the last rows.
const MANY: u32 = 1_000;

/// Prints the rows.
pub(crate) fn print(effort: Effort) {
    head();
    let (mut bare, mut one) = (Vec::new(), Vec::new());
    let (mut made, mut removed) = (Vec::new(), Vec::new());
    let client = |what: &str, count: u32| {
        let mut command = run();
        command.arg(me()).args(["client", what, &count.to_string()]);
        numbers(&mut command)
    };
    for _ in 0..effort.samples {
        bare.extend(measure_floor(effort.calls));
        one.extend(client("tree", effort.calls / 100));
        let many = client("tree-many", MANY);
        made.push(many[0]);
        removed.push(many[1]);
    }
    let trips = |count: f64| bare.iter().map(|trip| trip * count).collect::<Vec<_>>();
    let both = trips(TO_MAKE + TO_REMOVE);
    row("a chip of 64 lines made and removed", "us", &both, &one);
    let (make, remove) = (trips(TO_MAKE), trips(TO_REMOVE));
    row("each of 1000 such chips made", "us", &make, &made);
    row("each of 1000 such chips removed", "us", &remove, &removed);
}

/// Makes and removes one chip after the other; prints microseconds for each.
pub(crate) fn one_by_one(count: u32) {
    let start = Instant::now();
    for _ in 0..count {
        make("one");
        remove("one");
    }
    print_each(start, count);
}

/// Makes many chips, then removes them all; prints microseconds for each, made and removed.
pub(crate) fn all_at_once(count: u32) {
    let names: Vec<String> = (0..count).map(|number| format!("d{number}")).collect();
    let start = Instant::now();
    names.iter().for_each(|name| make(name));
    print_each(start, count);
    assert_eq!(nodes(), count as usize + 1, "with the one of the board");
    let start = Instant::now();
    names.iter().for_each(|name| remove(name));
    print_each(start, count);
    assert_eq!(nodes(), 1);
}

fn print_each(start: Instant, count: u32) {
    println!("{}", start.elapsed().as_secs_f64() * 1e6 / f64::from(count));
}

fn nodes() -> usize {
    let entries = fs::read_dir("/dev").unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.as_encoded_bytes().starts_with(b"gpiochip"))
        .count()
}

fn make(device: &str) {
    fs::create_dir(format!("{ROOT}/{device}")).unwrap();
    fs::create_dir(format!("{ROOT}/{device}/bank")).unwrap();
    fs::write(format!("{ROOT}/{device}/bank/num_lines"), "64").unwrap();
    fs::write(format!("{ROOT}/{device}/live"), "1").unwrap();
}

fn remove(device: &str) {
    fs::write(format!("{ROOT}/{device}/live"), "0").unwrap();
    fs::remove_dir(format!("{ROOT}/{device}/bank")).unwrap();
    fs::remove_dir(format!("{ROOT}/{device}")).unwrap();
}
