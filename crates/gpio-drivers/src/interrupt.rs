//! The interrupt output of an expander, as a descriptor of the chip that it is wired to.

use alloc::sync::Arc;
use core::fmt;

use gpiolib::{Desc, EdgeEvent, Edges, Registry, Result, Subscription};

use crate::{Expander, Port};

/// How often a chip is read in a row while its interrupt stays low: then something else holds it.
const ROUNDS: usize = 16;

/// How many edges of the interrupt line are kept; a read answers any number of them.
const QUEUE: usize = 16;

/// An expander and the line that its interrupt output drives: low while there is something to read. The
/// line is this chip's alone.
///
/// Nothing here starts a thread: call [`Interrupt::service`] when the line's queue has something, or spawn
/// [`Interrupt::run`].
pub struct Interrupt<P> {
    chip: Arc<Expander<P>>,
    line: Desc,
    events: Subscription,
    registry: Registry,
}

impl<P: Port> Interrupt<P> {
    /// Makes the line an input and listens for it to go low, whatever polarity the descriptor has. The
    /// registry's clock says when, if the line was low before ([`Registry::with_clock`]).
    ///
    /// # Errors
    /// Those of [`Desc::direction_input`] and [`Desc::subscribe`].
    pub fn new(chip: Arc<Expander<P>>, line: Desc, registry: Registry) -> Result<Self> {
        line.direction_input()?;
        let falling = Edges {
            rising: false,
            falling: true,
        };
        let edges = falling.inverted(line.config().active_low);
        let events = line.subscribe(edges, QUEUE)?;
        Ok(Self {
            chip,
            line,
            events,
            registry,
        })
    }

    /// Reads the chip once for each edge that waits, and again while the line stays low: a line that changed
    /// while the chip was read makes no new edge. How many edges the expander reported.
    ///
    /// # Errors
    /// What the expander's bus says, and reading the line.
    pub fn service(&self) -> Result<usize> {
        let mut reported = 0;
        while let Some(event) = self.events.pop() {
            reported += self.read(event)?;
        }
        for _ in 0..ROUNDS {
            if self.line.level()?.is_high() {
                break;
            }
            reported += self.chip.interrupt(self.registry.now())?;
        }
        Ok(reported)
    }

    /// Serves the interrupt until the line reports no more, because its chip is gone.
    ///
    /// # Errors
    /// Those of [`Interrupt::service`]; it then ends.
    pub async fn run(&self) -> Result<()> {
        self.service()?;
        while let Some(event) = self.events.next().await {
            self.read(event)?;
            self.service()?;
        }
        Ok(())
    }

    fn read(&self, event: EdgeEvent) -> Result<usize> {
        let at = self.registry.now().moved_to(event.timestamp_ns);
        self.chip.interrupt(at)
    }
}

impl<P> fmt::Debug for Interrupt<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}
