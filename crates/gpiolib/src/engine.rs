//! For engines: what serves programs on top of the core, as the character device does.
//!
//! An engine makes requests on behalf of others, so it does what no consumer should: it says whose name a
//! line shows, announces what happened to it, overwrites the settings that the core keeps, and reports the
//! edges of many lines into one [`EdgeQueue`] over a [`Store`] of its own. Drivers and consumers need none
//! of this; `gpio-uapi` needs all of it.
//!
//! ```
//! use gpio_sim::Sim;
//! use gpiolib::engine::{DescExt, EdgeQueue, Overflow, Ring};
//! use gpiolib::{Edges, InfoChangeKind, Level, LineConfig, Offset, Timestamp};
//!
//! // One request of two lines, as GPIO_V2_GET_LINE_IOCTL makes it.
//! let sim = Sim::simple(2)?;
//! let offsets = [Offset::new(0), Offset::new(1)];
//! let queue = EdgeQueue::new(&offsets, 32, Overflow::DropOldest, Box::new(Ring::new()));
//! let mut request = Vec::new();
//! for (index, line) in sim.device().lines().enumerate() {
//!     let desc = line.request("program")?;
//!     desc.direction_input()?;
//!     queue.configure(index, &LineConfig { edges: Edges::BOTH, ..desc.config() });
//!     desc.arm(&queue, index, Edges::BOTH)?;
//!     desc.announce(InfoChangeKind::Requested);
//!     request.push(desc);
//! }
//! sim.set_pull(offsets[1], Level::High, Timestamp::at(7))?;
//! assert_eq!(queue.pop().map(|event| (event.offset, event.seqno)), Some((offsets[1], 1)));
//! # Ok::<(), gpiolib::Error>(())
//! ```

pub use revocable::sync::{Mutex, MutexGuard};

pub use crate::edge::EdgeQueue;
pub use crate::store::{Overflow, Ring, Store};

use crate::config::flags;
use crate::edge::arm::{self, Listener};
use crate::ops;
use crate::sync::atomic::Ordering;
use crate::{Desc, Edges, InfoChangeKind, Initial, Label, Level, LineConfig, LookupFlags, Result};

/// What an engine does with a descriptor that no consumer does.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::engine::DescExt;
/// use gpiolib::{LineConfig, Offset, Value};
///
/// let sim = Sim::simple(1)?;
/// let reset = sim.device().line(Offset::new(0)).expect("it has one").request("reset")?;
/// reset.apply_config(&LineConfig { active_low: true, ..reset.config() });
/// assert_eq!(reset.value()?, Value::Active, "low, that is");
/// # Ok::<(), gpiolib::Error>(())
/// ```
pub trait DescExt: sealed::Sealed {
    /// Overwrites the settings that the core keeps (polarity, drive, bias, edges, clock and, if one
    /// is given, the cached direction). Calls no driver: what follows applies them.
    fn apply_config(&self, config: &LineConfig);

    /// Sets a line up as its wiring and its consumer ask for. The polarity is only ever made
    /// active-low here; with [`Initial::AsIs`] a bias is remembered, not applied.
    ///
    /// # Errors
    /// `Invalid` for contradictory biases; as [`Desc::set_transitory`], [`Desc::direction_input`]
    /// and [`Desc::direction_output`].
    fn configure(&self, wiring: LookupFlags, initial: Initial) -> Result<()>;

    /// Makes the line an output with this electrical level, whatever its polarity and drive.
    ///
    /// # Errors
    /// As [`Desc::direction_output`], without the check for edges.
    fn direction_output_level(&self, level: Level) -> Result<()>;

    /// Whether the cached direction is output.
    #[must_use]
    fn is_output(&self) -> bool;

    /// Whether the line may lose its state over sleep; works when the chip is gone.
    #[must_use]
    fn is_transitory(&self) -> bool;

    /// Inverts the line's polarity; works when the chip is gone.
    fn toggle_active_low(&self);

    /// Renames the consumer.
    fn set_consumer_name(&self, consumer: Label);

    /// Sets the debounce period that the line's info shows, in microseconds; 0 for none.
    fn show_debounce_us(&self, period_us: u32);

    /// Reports the electrical `edges` of the line to `queue`, as its line number `index`.
    ///
    /// # Errors
    /// `Revoked`; `Busy` if it is armed already; `Io` if it is an output, unless an open drain;
    /// `NoEdges` if the line has no interrupt; what the driver answers.
    fn arm(&self, queue: &EdgeQueue, index: usize, edges: Edges) -> Result<()>;

    /// Stops reporting edges.
    fn disarm(&self);

    /// Reports to the watchers of the line what happened to it. Once anything was announced, so is
    /// the release.
    fn announce(&self, kind: InfoChangeKind);

    /// Has the release announced even if the request never is.
    fn announce_release(&self);
}

mod sealed {
    #[expect(
        unnameable_types,
        reason = "so that no other type implements the extension"
    )]
    pub trait Sealed {}
    impl Sealed for crate::Desc {}
}

impl DescExt for Desc {
    fn apply_config(&self, config: &LineConfig) {
        ops::apply(self.flags(), config);
    }

    fn configure(&self, wiring: LookupFlags, initial: Initial) -> Result<()> {
        self.set_up(wiring, initial)
    }

    fn direction_output_level(&self, level: Level) -> Result<()> {
        let offset = self.own_offset();
        self.call(|chip| ops::direction_output_level(chip, self.flags(), offset, level))
    }

    fn is_output(&self) -> bool {
        ops::is_output(self.flags())
    }

    fn is_transitory(&self) -> bool {
        self.flags().load(Ordering::Acquire) & flags::TRANSITORY != 0
    }

    fn toggle_active_low(&self) {
        self.flags().fetch_xor(flags::ACTIVE_LOW, Ordering::AcqRel);
    }

    fn set_consumer_name(&self, consumer: Label) {
        if let Some(active) = self.slot().active.lock().as_mut() {
            active.consumer = consumer;
        }
    }

    fn show_debounce_us(&self, period_us: u32) {
        if let Some(active) = self.slot().active.lock().as_mut() {
            active.debounce_us = period_us;
        }
    }

    fn arm(&self, queue: &EdgeQueue, index: usize, edges: Edges) -> Result<()> {
        let listener = Listener::Queue(queue.clone(), index);
        arm::attach(self.own(), self.own_offset(), listener, edges)
    }

    fn disarm(&self) {
        drop(arm::detach(self.own(), self.own_offset(), None));
    }

    fn announce(&self, kind: InfoChangeKind) {
        self.announce_release();
        self.own().announce(self.own_offset(), kind);
    }

    fn announce_release(&self) {
        self.flags().fetch_or(flags::ANNOUNCED, Ordering::AcqRel);
    }
}
