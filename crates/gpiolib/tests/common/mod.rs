//! A chip for tests: writes down what is asked of it, and does what it is told.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use gpiolib::{
    Chip, ChipConfig, Desc, Direction, EdgeSink, Edges, Error, Level, Offset, PinConfig,
    Registration, Registry, Result, Timestamp,
};

/// What a [`TestChip`] has seen and does; shared with the test.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) calls: Vec<String>,
    pub(crate) levels: u64,
    pub(crate) outputs: u64,
    /// The settings the chip has.
    pub(crate) accepts: Vec<PinConfig>,
    /// Calls that fail, by name, and how.
    pub(crate) fails: Vec<(&'static str, Error)>,
    /// Where armed lines report.
    pub(crate) sinks: BTreeMap<u32, EdgeSink>,
    pub(crate) alive: bool,
}

/// A chip of up to 64 lines.
#[derive(Clone, Default)]
pub(crate) struct TestChip(Arc<Mutex<Log>>);

impl TestChip {
    pub(crate) fn new() -> Self {
        let chip = Self::default();
        chip.0.lock().unwrap().alive = true;
        chip
    }

    /// Registers a clone of the chip under this label.
    pub(crate) fn register(
        &self,
        registry: &Registry,
        label: &str,
        lines: u32,
    ) -> Registration<TestChip> {
        self.register_as(registry, &ChipConfig::new(label, lines))
    }

    pub(crate) fn register_as(
        &self,
        registry: &Registry,
        config: &ChipConfig,
    ) -> Registration<TestChip> {
        registry.register(config, self.clone()).unwrap()
    }

    /// What was called since the last time.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().calls)
    }

    /// How often calls of this name were made since the last [`TestChip::calls`].
    pub(crate) fn count(&self, name: &str) -> usize {
        let log = self.0.lock().unwrap();
        log.calls
            .iter()
            .filter(|call| call.starts_with(name))
            .count()
    }

    pub(crate) fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.0.lock().unwrap()
    }

    pub(crate) fn level(&self, offset: u32) -> Level {
        Level::from(self.log().levels >> offset & 1 == 1)
    }

    /// The world outside changes a line.
    pub(crate) fn pull(&self, offset: u32, level: Level) {
        self.pull_at(offset, level, Timestamp::default());
    }

    /// The same at an instant.
    pub(crate) fn pull_at(&self, offset: u32, level: Level, at: Timestamp) {
        let sink = {
            let mut log = self.log();
            log.put_level(Offset::new(offset), level);
            log.sinks.get(&offset).cloned()
        };
        if let Some(sink) = sink {
            sink.edge(level, at);
        }
    }

    fn note(&self, name: &'static str, call: String) -> Result<()> {
        let mut log = self.log();
        assert!(log.alive, "a chip that is gone was called: {call}");
        log.calls.push(call);
        let failure = log.fails.iter().find(|(other, _)| *other == name);
        failure.map_or(Ok(()), |(_, error)| Err(*error))
    }
}

impl Log {
    fn put_level(&mut self, offset: Offset, level: Level) {
        let bit = 1 << offset.get();
        self.levels = self.levels & !bit | if level.is_high() { bit } else { 0 };
    }
}

impl Chip for TestChip {
    fn request(&self, offset: Offset) -> Result<()> {
        self.note("request", format!("request {offset}"))
    }

    fn free(&self, offset: Offset) {
        let _ = self.note("free", format!("free {offset}"));
    }

    fn direction(&self, offset: Offset) -> Result<Direction> {
        let out = self.log().outputs >> offset.get() & 1 == 1;
        Ok(if out {
            Direction::Output
        } else {
            Direction::Input
        })
    }

    fn direction_input(&self, offset: Offset) -> Result<()> {
        self.note("input", format!("input {offset}"))?;
        self.log().outputs &= !(1 << offset.get());
        Ok(())
    }

    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        self.note("output", format!("output {offset} {level:?}"))?;
        let mut log = self.log();
        log.outputs |= 1 << offset.get();
        log.put_level(offset, level);
        Ok(())
    }

    fn get(&self, offset: Offset) -> Result<Level> {
        self.note("get", format!("get {offset}"))?;
        Ok(self.level(offset.get()))
    }

    fn get_multiple(&self, offsets: &[Offset]) -> Result<u64> {
        let list: Vec<u32> = offsets.iter().map(|offset| offset.get()).collect();
        self.note("get_multiple", format!("get_multiple {list:?}"))?;
        let levels = self.log().levels;
        let bits = list.iter().enumerate();
        Ok(bits.fold(0, |all, (bit, offset)| all | (levels >> offset & 1) << bit))
    }

    fn set(&self, offset: Offset, level: Level) -> Result<()> {
        self.note("set", format!("set {offset} {level:?}"))?;
        self.log().put_level(offset, level);
        Ok(())
    }

    fn set_config(&self, offset: Offset, config: PinConfig) -> Result<()> {
        self.note("config", format!("config {offset} {config:?}"))?;
        match self.log().accepts.contains(&config) {
            true => Ok(()),
            false => Err(Error::Unsupported),
        }
    }

    fn arm(&self, offset: Offset, _: Edges, sink: EdgeSink) -> Result<()> {
        self.note("arm", format!("arm {offset}"))?;
        self.log().sinks.insert(offset.get(), sink);
        Ok(())
    }

    fn disarm(&self, offset: Offset) {
        let _ = self.note("disarm", format!("disarm {offset}"));
        self.log().sinks.remove(&offset.get());
    }
}

/// Requests a line of a chip.
pub(crate) fn request<C>(chip: &Registration<C>, offset: u32) -> Desc {
    let line = chip.device().line(Offset::new(offset)).unwrap();
    line.request("test").unwrap()
}

/// The offsets that somebody holds.
pub(crate) fn used<C>(chip: &Registration<C>) -> BTreeSet<u32> {
    let lines = chip.device().lines();
    lines
        .filter(|line| line.info().used)
        .map(|line| line.offset().get())
        .collect()
}
