//! Edges: waited for in a task of tokio, and in a bare executor of twenty lines.
//!
//!     cargo run -p gpiolib --example edges

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use embedded_hal_async::digital::Wait;
use gpio_sim::{Bank, Sim};
use gpiolib::{EdgeEvent, Edges, Error, Input, Level, Offset, Registry, Result, Timestamp};

const DOOR: Offset = Offset::new(0);

/// Somebody comes, and goes.
fn visit(sim: &Sim, begin_ns: u64) -> Result<()> {
    sim.set_pull(DOOR, Level::High, Timestamp::at(begin_ns))?;
    sim.set_pull(DOOR, Level::Low, Timestamp::at(begin_ns + 1_000))
}

/// A future that waits for edges is `Send`: it may be spawned on any executor.
async fn count(door: Input) -> Result<Vec<EdgeEvent>> {
    let events = door.subscribe(Edges::BOTH, 16)?;
    let mut seen = Vec::new();
    // Ends when the chip does.
    while let Some(event) = events.next().await {
        seen.push(event);
    }
    Ok(seen)
}

/// A driver of the embedded-hal ecosystem: it knows no gpiolib.
async fn ring<P: Wait>(mut door: P) -> core::result::Result<&'static str, P::Error> {
    door.wait_for_rising_edge().await?;
    Ok("ding")
}

fn on_tokio() -> Result<()> {
    let sim = Bank::new(1).label("door").register(&Registry::new())?;
    let door = sim
        .device()
        .line(DOOR)
        .ok_or(Error::NotFound)?
        .input("counter")?;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|_| Error::Io)?;
    let seen = runtime.block_on(async {
        let counter = tokio::spawn(count(door));
        tokio::task::yield_now().await; // it subscribes
        visit(&sim, 1_000)?;
        sim.unplug();
        counter.await.map_err(|_| Error::Io)?
    })?;
    let times: Vec<_> = seen.iter().map(|event| event.timestamp_ns).collect();
    println!("tokio: edges at {times:?} ns");
    assert_eq!(times, [1_000, 2_000]);
    Ok(())
}

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, which sleeps while it waits.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

fn on_a_bare_executor() -> Result<()> {
    let sim = Bank::new(1).label("door").register(&Registry::new())?;
    let mut door = sim
        .device()
        .line(DOOR)
        .ok_or(Error::NotFound)?
        .input("bell")?;
    // Armed from here on: an edge before the first wait is not lost.
    door.listen()?;
    let visitor = thread::spawn(move || visit(&sim, 1_000).map(|()| sim));
    println!("a bare executor: {}", block_on(ring(door))?);
    visitor.join().map_err(|_| Error::Io)?.map(drop)
}

pub(crate) fn main() -> Result<()> {
    on_tokio()?;
    on_a_bare_executor()
}
