//! How one line of a v2 request is listened to: not at all, for edges, or through a debouncer.
//!
//! [`Detector`] keeps what was last asked for, because what a reconfiguration does depends on it.
//! The detecting itself (filter, timers, numbers) is the core's [`EdgeQueue`].

use gpiolib::engine::{DescExt, EdgeQueue};
use gpiolib::{Desc, Edges, Error, LineConfig, PinConfig};

use crate::refusal::Refusal;
use crate::repr::Setup;
use crate::repr::v2::EventBuffer;

/// The settings whose change makes a line be listened to afresh.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct EdgeSettings {
    active_low: bool,
    edges: Edges,
}

impl From<&LineConfig> for EdgeSettings {
    fn from(config: &LineConfig) -> Self {
        Self {
            active_low: config.active_low,
            edges: config.edges,
        }
    }
}

/// What the line's interrupt is used for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Use {
    /// It is not taken.
    #[default]
    Nothing,
    /// For edges as they come.
    Edges,
    /// For the debouncer, which makes the edges.
    Debouncer,
}

/// How one line is listened to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Detector {
    settings: EdgeSettings,
    period_us: u32,
    interrupt: Use,
}

/// The line a detector is about to work on.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) desc: &'a Desc,
    pub(super) queue: &'a EdgeQueue,
    pub(super) index: usize,
    pub(super) buffer: EventBuffer,
}

impl Target<'_> {
    /// Makes sure there is room for events.
    fn allocate(&self, edges: Edges) -> Result<(), Refusal> {
        if edges.is_empty() {
            Ok(())
        } else {
            self.buffer.capacity().map(|_| ())
        }
    }

    fn listen(&self, edges: Edges) -> Result<(), Refusal> {
        Ok(self.desc.arm(self.queue, self.index, edges)?)
    }
}

impl Detector {
    /// Remembers what the line is configured for, once that has succeeded.
    pub(super) fn settle(&mut self, target: &Target<'_>, config: &LineConfig) {
        self.settings = config.into();
        target.queue.configure(target.index, config);
    }

    /// Whether the core debounces the line, so that its value is not simply its level.
    pub(super) fn is_debouncing(&self) -> bool {
        self.interrupt == Use::Debouncer
    }

    /// Starts listening to an input that is not listened to.
    // KERNEL: gpiolib-cdev.c edge_detector_setup (v6.12).
    pub(super) fn start(&mut self, target: &Target<'_>, setup: &Setup) -> Result<(), Refusal> {
        let config = &setup.config;
        target.allocate(config.edges)?;
        if let Some(period_us) = setup.debounce_us {
            self.debounce(target, period_us)?;
            self.set_period(target, period_us);
        }
        target.queue.configure(target.index, config);
        if config.edges.is_empty() || self.interrupt == Use::Debouncer {
            return Ok(());
        }
        target.listen(config.edges.inverted(config.active_low))?;
        self.interrupt = Use::Edges;
        Ok(())
    }

    /// Has the hardware debounce the line, or the core where the hardware cannot.
    // KERNEL: gpiolib-cdev.c debounce_setup (v6.12): the level is read before the interrupt is
    // looked for; both edges are listened to whatever the program asked for.
    fn debounce(&mut self, target: &Target<'_>, period_us: u32) -> Result<(), Refusal> {
        match target.desc.set_config(PinConfig::InputDebounce(period_us)) {
            Err(Error::Unsupported) if period_us == 0 => return Ok(()),
            Err(Error::Unsupported) => {}
            other => return Ok(other?),
        }
        let level = target.desc.level()?;
        target.queue.start_debounce(target.index, period_us, level);
        target
            .listen(Edges::BOTH)
            .inspect_err(|_| target.queue.stop_debounce(target.index))?;
        self.interrupt = Use::Debouncer;
        Ok(())
    }

    fn set_period(&mut self, target: &Target<'_>, period_us: u32) {
        self.period_us = period_us;
        target.desc.show_debounce_us(period_us);
    }

    /// Stops listening; a pending debounce is lost, and no period is shown any more.
    // KERNEL: gpiolib-cdev.c edge_detector_stop (v6.12). Hardware debouncing is not switched off.
    pub(super) fn stop(&mut self, target: &Target<'_>) {
        target.desc.disarm();
        target.queue.stop_debounce(target.index);
        self.interrupt = Use::Nothing;
        self.set_period(target, 0);
    }

    /// Takes over a new setup of an input.
    // KERNEL: gpiolib-cdev.c edge_detector_update (v6.12).
    pub(super) fn update(&mut self, target: &Target<'_>, setup: &Setup) -> Result<(), Refusal> {
        let period_us = setup.debounce_us.unwrap_or(0);
        if self.settings == (&setup.config).into() && self.period_us == period_us {
            return Ok(());
        }
        if self.interrupt == Use::Debouncer && period_us > 0 {
            target.queue.set_debounce_period(target.index, period_us);
            self.set_period(target, period_us);
            return target.allocate(setup.config.edges);
        }
        if self.interrupt != Use::Nothing {
            self.stop(target);
        }
        self.start(target, setup)
    }
}
