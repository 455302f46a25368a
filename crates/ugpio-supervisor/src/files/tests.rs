//! What holds while several threads look after the open files.

use std::sync::atomic::{AtomicBool, Ordering};

use gpiolib::{Chip, ChipConfig, Registry};

use super::*;
use crate::eventually::eventually;

struct Expander;

impl Chip for Expander {}

/// Raises the flag when dropped, so that a failed test ends too.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A file kept alive after its last close would keep its lines: the next request were `EBUSY`.
#[test]
fn a_closed_file_is_let_go_whoever_looks_at_the_timers() {
    let registry = Registry::new();
    let chip = registry
        .register(&ChipConfig::new("expander", 1), Expander)
        .unwrap();
    let files = Files::new().unwrap();
    let open = || files.open_chip(chip.device(), OFlags::RDWR).unwrap();
    // The more there are, the longer a look at their timers takes.
    let others: Vec<OwnedFd> = (0..100).map(|_| open()).collect();
    let before: Vec<Object> = files.table().keys().copied().collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                files.advance(now());
            }
        });
        let _done = Done(&done);
        for _ in 0..1000 {
            let theirs = open();
            let file = {
                let table = files.table();
                let new = table.iter().find(|(object, _)| !before.contains(object));
                Arc::downgrade(new.unwrap().1)
            };
            drop(theirs);
            // It may still be open in a child of another test, and the thread of the timers reaps too.
            eventually("the last close is seen", || {
                files.reap();
                files.len() == others.len()
            });
            // Waits for whoever took it out of the table.
            files.reap();
            assert_eq!(file.strong_count(), 0);
        }
    });
    assert_eq!(files.len(), others.len());
}
