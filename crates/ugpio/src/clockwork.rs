//! The thread that moves the board's time: delays, bouncing contacts, square waves, chips that come back.
//!
//! It sleeps until the next deadline of the run's [`Nets`](gpio_sim::net::Nets), which read no clock, and is woken when one
//! comes nearer. A board without anything that takes time costs a sleeping thread.

use std::io;
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};
use std::time::Duration;

use crate::control::plugged::Shared;
use crate::control::server;

/// Wakes the thread.
struct Bell(Thread);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Starts the thread. It goes on until the process ends.
///
/// # Errors
/// No thread can be started.
pub(crate) fn start(plugged: &Shared) -> io::Result<()> {
    let own = plugged.clone();
    let thread = thread::Builder::new().name("ugpio-nets".into());
    let handle = thread.spawn(move || run(&own))?;
    let bell = Bell(handle.thread().clone());
    plugged.borrow().nets().set_waker(Arc::new(bell).into());
    // A deadline that came before the bell.
    handle.thread().unpark();
    Ok(())
}

fn run(plugged: &Shared) {
    let nets = plugged.borrow().nets().clone();
    loop {
        let now = server::now();
        let back = plugged.borrow_mut().come_back_in_time(now);
        let Some(next) = nets.next_deadline().into_iter().chain(back).min() else {
            thread::park();
            continue;
        };
        if next > now.monotonic_ns {
            thread::park_timeout(Duration::from_nanos(next - now.monotonic_ns));
            continue;
        }
        nets.advance(now);
    }
}
