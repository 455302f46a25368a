//! What the loom models share: a chip that sees who is inside it, and how a story is run.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use gpiolib::{
    Chip, ChipConfig, Desc, EdgeSink, Edges, Level, Offset, Registration, Registry, Result,
};
use loom::sync::atomic::{AtomicU32, Ordering};

/// A chip that sees who is inside it, and how often it was asked.
#[derive(Default)]
pub(crate) struct Probe {
    inside: AtomicU32,
    pub(crate) asked: Arc<Asked>,
}

/// Outlives the chip. Plain atomics: not part of the model.
#[derive(Default)]
pub(crate) struct Asked {
    requests: AtomicUsize,
    frees: AtomicUsize,
    /// How often a line was armed, less how often disarmed.
    pub(crate) armed: AtomicUsize,
    pub(crate) outputs: AtomicUsize,
    pub(crate) sink: std::sync::Mutex<Option<EdgeSink>>,
}

impl Asked {
    /// Requests that were granted, and those of them that the chip was told the end of.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (of(&self.requests), of(&self.frees))
    }
}

impl Probe {
    fn touch(&self) {
        self.inside.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.inside.with_mut(|touched| *touched = 0);
    }
}

impl Chip for Probe {
    fn request(&self, _: Offset) -> Result<()> {
        self.touch();
        self.asked.requests.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn free(&self, _: Offset) {
        self.touch();
        self.asked.frees.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self, _: Offset) -> Result<Level> {
        self.touch();
        Ok(Level::High)
    }

    fn arm(&self, _: Offset, _: Edges, sink: EdgeSink) -> Result<()> {
        self.touch();
        *self.asked.sink.lock().unwrap() = Some(sink);
        self.asked.armed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn disarm(&self, _: Offset) {
        self.touch();
        self.asked.armed.fetch_sub(1, Ordering::SeqCst);
    }

    fn direction_output(&self, _: Offset, _: Level) -> Result<()> {
        self.touch();
        self.asked.outputs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A bound that CI can afford; `scripts/proof` looks one preemption further.
pub(crate) fn deep(bound: usize) -> Option<usize> {
    Some(bound + usize::from(std::env::var_os("UGPIO_PROOF").is_some()))
}

/// Runs `story` in every interleaving with at most `preemptions` of a thread that could go on.
pub(crate) fn model(
    name: &str,
    preemptions: Option<usize>,
    story: impl Fn() + Send + Sync + 'static,
) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 50_000;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        story();
    });
    let runs = runs.load(Ordering::Relaxed);
    let bound = preemptions.map_or("none".to_owned(), |bound| bound.to_string());
    println!("loom: {name}: {runs} interleavings, preemption bound {bound}");
}

pub(crate) fn plug(registry: &Registry, label: &str) -> (Registration<Probe>, Arc<Asked>) {
    let chip = Probe::default();
    let asked = Arc::clone(&chip.asked);
    let chip = registry.register(&ChipConfig::new(label, 2), chip).unwrap();
    (chip, asked)
}

pub(crate) fn request(chip: &Registration<Probe>, offset: u32) -> Desc {
    let line = chip.device().line(Offset::new(offset)).unwrap();
    line.request("model").unwrap()
}

/// After everybody is gone the device is too: its id is the next one given out.
pub(crate) fn nothing_is_left(registry: &Registry) {
    let (next, _) = plug(registry, "next");
    assert_eq!(next.device().id(), 0);
}
