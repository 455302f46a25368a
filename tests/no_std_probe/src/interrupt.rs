//! Edges reported from an interrupt handler: one comes wherever one can, which is outside of critical
//! sections, and whatever the core is doing there must leave room for it.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use critical_section::RawRestoreState;
use gpiolib::{
    Chip, ChipConfig, EdgeSink, Edges, Error, Level, Offset, Registry, Result, Timestamp,
};
use revocable::sync::IrqLock;

/// One core that is interrupted before and after each of its critical sections.
struct Core;

critical_section::set_impl!(Core);

/// How many sections are nested.
static DEPTH: AtomicU32 = AtomicU32::new(0);
/// Whether there is a handler at work: it is not interrupted.
static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// How many edges were reported.
static REPORTED: AtomicU32 = AtomicU32::new(0);
/// Where the armed line reports.
static SINK: IrqLock<Option<EdgeSink>> = IrqLock::new(None);

// SAFETY: there is one thread, and its handler runs outside of sections only.
unsafe impl critical_section::Impl for Core {
    unsafe fn acquire() -> RawRestoreState {
        if DEPTH.load(Relaxed) == 0 {
            handler();
        }
        DEPTH.fetch_add(1, Relaxed);
    }

    unsafe fn release((): RawRestoreState) {
        if DEPTH.fetch_sub(1, Relaxed) == 1 {
            handler();
        }
    }
}

/// The interrupt handler of the chip below.
fn handler() {
    if IS_INTERRUPTED.swap(true, Relaxed) {
        return;
    }
    let sink = SINK.lock().clone();
    if let Some(sink) = sink {
        let count = REPORTED.fetch_add(1, Relaxed);
        sink.edge(Level::from(count % 2 == 0), Timestamp::at(u64::from(count)));
    }
    IS_INTERRUPTED.store(false, Relaxed);
}

struct Button;

impl Chip for Button {
    fn arm(&self, _: Offset, _: Edges, sink: EdgeSink) -> Result<()> {
        *SINK.lock() = Some(sink);
        Ok(())
    }

    fn disarm(&self, _: Offset) {
        let sink = SINK.lock().take();
        drop(sink);
    }
}

/// Every edge of a story is in the queue, was read, or is counted as lost.
pub(crate) fn story(registry: &Registry) -> Result<i32> {
    let chip = registry.register(&ChipConfig::new("button", 2), Button)?;
    let line = chip.device().line(Offset::new(0)).ok_or(Error::NotFound)?;
    let press = line.input("press")?;
    for _ in 0..3 {
        let before = REPORTED.load(Relaxed);
        let events = press.subscribe(Edges::BOTH, 4)?;
        let mut read = 0;
        for _ in 0..20 {
            read += u32::from(events.pop().is_some());
            let other = chip.device().line(Offset::new(1)).ok_or(Error::NotFound)?;
            drop(other.request("other")?);
            let _ = (line.info(), registry.find_line("none"), events.is_closed());
        }
        chip.device().line(Offset::new(0)).ok_or(Error::NotFound)?;
        // The chip is asked directly: from here on no more come.
        Button.disarm(Offset::new(0));
        let left = u32::try_from(events.len()).unwrap_or(u32::MAX);
        let lost = u32::try_from(events.lost()).unwrap_or(u32::MAX);
        let reported = REPORTED.load(Relaxed) - before;
        if reported < 100 || read + left + lost != reported {
            return Ok(10);
        }
    }
    match chip.unregister() {
        Some(Button) => Ok(0),
        None => Ok(11),
    }
}
