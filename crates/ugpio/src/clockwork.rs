//! The thread that moves the nets' time: delays, bouncing contacts, square waves.
//!
//! It sleeps until the next deadline of the run's [`Nets`], which read no clock, and is woken when one
//! comes nearer. A board without anything that takes time costs a sleeping thread.

use std::io;
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};
use std::time::Duration;

use gpio_sim::Changes;
use gpio_sim::net::Nets;
use gpiolib::Registry;

use crate::control::server;

/// Wakes the thread, and whoever turns the nets' reports into events.
struct Bell {
    thread: Thread,
    changes: Changes,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.thread.unpark();
        self.changes.wake();
    }
}

/// Starts the thread. It goes on until the process ends.
///
/// # Errors
/// No thread can be started.
pub(crate) fn start(nets: &Nets, registry: &Registry, changes: &Changes) -> io::Result<()> {
    let (own, registry) = (nets.clone(), registry.clone());
    let thread = thread::Builder::new().name("ugpio-nets".into());
    let handle = thread.spawn(move || run(&own, &registry))?;
    let bell = Bell {
        thread: handle.thread().clone(),
        changes: changes.clone(),
    };
    nets.set_waker(Arc::new(bell).into());
    // A deadline that came before the bell.
    handle.thread().unpark();
    Ok(())
}

fn run(nets: &Nets, registry: &Registry) {
    loop {
        let Some(next) = nets.next_deadline() else {
            thread::park();
            continue;
        };
        let now = server::now();
        if next > now.monotonic_ns {
            thread::park_timeout(Duration::from_nanos(next - now.monotonic_ns));
            continue;
        }
        registry.set_now(now);
        nets.advance(now);
    }
}
