//! The figures of the core, all in one run: `cargo bench -p gpiolib --bench core`. The call guard beside
//! others: `cargo bench -p revocable`.
//!
//! Each figure is the best of many short batches, because the machine has other work too; the
//! ratios are of figures taken in turn, batch by batch. The portable guard is measured by the same
//! program, started once more with `REVOCABLE_GUARD=portable`. `docs/performance-core.md` has the
//! numbers and the machine. `UGPIO_BENCH_PART=guard`, `portable`, `threads`, `requests` or `memory`
//! runs that part alone.

#![expect(clippy::unwrap_used, reason = "a bench may panic")]

mod guards;
mod scale;

use std::sync::atomic::{AtomicBool, Ordering};

use gpiolib::{Chip, Direction, Level, Offset, Result};

/// Says which part the program is started again for.
const PART: &str = "UGPIO_BENCH_PART";

fn main() {
    match std::env::var(PART).as_deref() {
        Ok("portable") => return guards::overhead("portable guard"),
        Ok("memory") => return scale::memory(),
        Ok("guard") => {
            guards::floor();
            return guards::overhead("guard of this machine");
        }
        Ok("threads") => return guards::two_threads(),
        Ok("requests") => return scale::requests(),
        _ => {}
    }
    guards::floor();
    guards::overhead("guard of this machine");
    again("portable");
    guards::two_threads();
    scale::requests();
    scale::registrations();
    again("memory");
    scale::look_up();
    scale::unregister_while_called();
}

/// Runs one part in a process of its own.
fn again(part: &str) {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.env(PART, part);
    if part == "portable" {
        child.env("REVOCABLE_GUARD", "portable");
    }
    assert!(child.status().unwrap().success());
}

/// A chip as cheap as can be: each line a word of its own cache lines.
pub(crate) struct Latch(Vec<Cell>);

#[repr(align(128))]
#[derive(Default)]
struct Cell(AtomicBool);

impl Latch {
    pub(crate) fn new(lines: usize) -> Self {
        Self(std::iter::repeat_with(Cell::default).take(lines).collect())
    }

    fn line(&self, offset: Offset) -> &AtomicBool {
        &self.0[offset.index()].0
    }
}

impl Chip for Latch {
    fn get(&self, offset: Offset) -> Result<Level> {
        Ok(Level::from(self.line(offset).load(Ordering::Relaxed)))
    }

    fn set(&self, offset: Offset, level: Level) -> Result<()> {
        self.line(offset).store(level.is_high(), Ordering::Relaxed);
        Ok(())
    }

    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        self.set(offset, level)
    }
}

/// A chip that keeps nothing: for figures of the core's own memory and tables.
pub(crate) struct Nothing;

impl Chip for Nothing {
    fn direction(&self, _: Offset) -> Result<Direction> {
        Ok(Direction::Input)
    }

    fn get(&self, _: Offset) -> Result<Level> {
        Ok(Level::Low)
    }
}

/// Measures the ways in turn, batch by batch; answers the best nanoseconds per call of each.
pub(crate) fn in_turn<const N: usize>(calls: u32, mut ways: [&mut dyn FnMut(u32); N]) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..400 {
        for (way, best) in ways.iter_mut().zip(&mut best) {
            let start = std::time::Instant::now();
            way(calls);
            let each = start.elapsed().as_nanos() as f64 / f64::from(calls);
            *best = best.min(each);
        }
    }
    best
}
