//! A busy machine: so many threads that do nothing but use processors, until the end of a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Busy loops that end when this is dropped.
pub(crate) struct Loops {
    goes_on: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Loops {
    /// Starts so many.
    pub(crate) fn start(count: usize) -> Loops {
        let goes_on = Arc::new(AtomicBool::new(true));
        let spin = |flag: Arc<AtomicBool>| {
            thread::spawn(move || {
                while flag.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        let threads = (0..count).map(|_| spin(Arc::clone(&goes_on))).collect();
        Loops { goes_on, threads }
    }
}

impl Drop for Loops {
    fn drop(&mut self) {
        self.goes_on.store(false, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A loop does not panic.
            let _ = thread.join();
        }
    }
}
