//! Chips that the simulator is not: ones that refuse.

use std::sync::{Arc, Mutex};

use gpiolib::{
    Chip, ChipConfig, Direction, EdgeSink, Edges, Errno, Error, Level, Offset, PinConfig,
    Registration, Registry, Release, Result, Timestamp,
};

use super::Rig;

/// What a refusing chip says, and what it was told.
#[derive(Default)]
pub struct Script {
    /// What the chip answers to a bias.
    pub bias: Option<Error>,
    /// What the chip answers to a debounce period; `None` takes it.
    pub debounce: Option<Error>,
    /// What the chip answers to being armed; `None` takes it.
    pub arm: Option<Error>,
    /// What the chip answers to being read.
    pub get: Option<Error>,
    /// What the chip answers to being requested.
    pub request: Option<Error>,
    /// What the chip answers to the hint that state should persist.
    pub persist: Option<Error>,
    /// Every call, in order.
    pub calls: Vec<String>,
}

/// A chip of inputs that stay low, with a script.
#[derive(Clone, Default)]
pub struct Refusing(pub Arc<Mutex<Script>>);

impl Refusing {
    fn say(&self, call: String, answer: impl FnOnce(&Script) -> Option<Error>) -> Result<()> {
        let mut script = self.0.lock().unwrap();
        script.calls.push(call);
        answer(&script).map_or(Ok(()), Err)
    }

    /// The calls since the last time this was asked.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().calls)
    }

    /// A bench around this chip, registered with `config`.
    pub fn rig(&self, config: &ChipConfig) -> (Rig, Registration<Self>) {
        self.rig_of(Release::OLDEST, config)
    }

    /// As [`Refusing::rig`], in another release.
    pub fn rig_of(&self, release: Release, config: &ChipConfig) -> (Rig, Registration<Self>) {
        let registry = Registry::of_release(release, Timestamp::default);
        let registration = registry.register(config, self.clone()).unwrap();
        (Rig::around(&registry, registration.device()), registration)
    }

    /// A bench around a chip of 4 lines with this script.
    pub fn scripted(script: Script) -> (Self, Rig, Registration<Self>) {
        Self::scripted_in(Release::OLDEST, script)
    }

    /// As [`Refusing::scripted`], in another release.
    pub fn scripted_in(release: Release, script: Script) -> (Self, Rig, Registration<Self>) {
        let chip = Self(Arc::new(Mutex::new(script)));
        let (rig, registration) = chip.rig_of(release, &ChipConfig::new("refusing", 4));
        chip.calls();
        (chip, rig, registration)
    }
}

impl Chip for Refusing {
    fn request(&self, offset: Offset) -> Result<()> {
        self.say(format!("request {offset}"), |script| script.request)
    }

    fn free(&self, offset: Offset) {
        let _ = self.say(format!("free {offset}"), |_| None);
    }

    fn direction(&self, _offset: Offset) -> Result<Direction> {
        Err(Error::Unsupported)
    }

    fn direction_input(&self, offset: Offset) -> Result<()> {
        self.say(format!("input {offset}"), |_| None)
    }

    fn direction_output(&self, offset: Offset, level: Level) -> Result<()> {
        self.say(format!("output {offset} {level:?}"), |_| None)
    }

    fn get(&self, _offset: Offset) -> Result<Level> {
        self.0.lock().unwrap().get.map_or(Ok(Level::Low), Err)
    }

    fn set(&self, offset: Offset, level: Level) -> Result<()> {
        self.say(format!("set {offset} {level:?}"), |_| None)
    }

    fn set_config(&self, offset: Offset, config: PinConfig) -> Result<()> {
        self.say(
            format!("config {offset} {config:?}"),
            |script| match config {
                PinConfig::BiasDisable | PinConfig::BiasPullDown | PinConfig::BiasPullUp => {
                    script.bias
                }
                PinConfig::InputDebounce(_) => script.debounce,
                PinConfig::PersistState(_) => script.persist,
                _ => Some(Error::Unsupported),
            },
        )
    }

    fn arm(&self, offset: Offset, edges: Edges, _: EdgeSink) -> Result<()> {
        self.say(
            format!(
                "arm {offset} {}{}",
                u8::from(edges.rising),
                u8::from(edges.falling)
            ),
            |s| s.arm,
        )
    }

    fn disarm(&self, offset: Offset) {
        let _ = self.say(format!("disarm {offset}"), |_| None);
    }
}

/// `ENOTSUPP`, the one errno that is ever swallowed.
pub const ENOTSUPP: Error = Error::Unsupported;
/// `EOPNOTSUPP`, which is not.
pub const EOPNOTSUPP: Error = Error::Driver(Errno::EOPNOTSUPP);
