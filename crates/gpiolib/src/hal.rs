//! Descriptors as pins of `embedded-hal` 1.0, blocking and async (feature `embedded-hal`).
//!
//! High and low are electrical here, as `embedded-hal` has them, whatever the line's polarity;
//! open drain and open source are emulated as everywhere. The direction is the line's own: get it
//! as an input or an output first. Waiting needs a chip that reports edges.

use alloc::boxed::Box;
use core::future::poll_fn;
use core::task::Poll;

use embedded_hal::digital::{
    Error as PinError, ErrorKind, ErrorType, InputPin, OutputPin, StatefulOutputPin,
};
use embedded_hal_async::digital::Wait;

use crate::{Desc, EdgeQueue, Edges, Error, Level, LineConfig, Overflow, Result, Ring};

impl PinError for Error {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl ErrorType for Desc {
    type Error = Error;
}

impl InputPin for Desc {
    fn is_high(&mut self) -> Result<bool> {
        Ok(self.level()?.is_high())
    }

    fn is_low(&mut self) -> Result<bool> {
        Ok(!self.level()?.is_high())
    }
}

impl Desc {
    /// Sets the electrical level, through the emulation of open drain and open source.
    fn drive(&self, level: Level) -> Result<()> {
        self.set_value(level.value(self.config().active_low))
    }
}

impl OutputPin for Desc {
    fn set_low(&mut self) -> Result<()> {
        self.drive(Level::Low)
    }

    fn set_high(&mut self) -> Result<()> {
        self.drive(Level::High)
    }
}

/// What an output is set to is what the chip reads back.
impl StatefulOutputPin for Desc {
    fn is_set_high(&mut self) -> Result<bool> {
        self.is_high()
    }

    fn is_set_low(&mut self) -> Result<bool> {
        self.is_low()
    }
}

/// Ends a subscription when the wait is over, or given up.
struct Subscription<'a>(&'a Desc);

impl Drop for Subscription<'_> {
    fn drop(&mut self) {
        self.0.detach_edges();
    }
}

impl Desc {
    /// Waits for one of these electrical edges; for none if the line is at `enough` already.
    async fn wait(&mut self, edges: Edges, enough: Option<Level>) -> Result<()> {
        let config = LineConfig {
            edges,
            ..LineConfig::default()
        };
        let store = Box::new(Ring::new());
        let queue = EdgeQueue::new(&[self.offset()], 1, Overflow::DropNewest, store);
        queue.configure(0, &config);
        self.attach_edges(&queue, 0, edges)?;
        let subscription = Subscription(self);
        // Looked at after the subscription stands, so that no change falls in between.
        if let Some(enough) = enough
            && self.level()? == enough
        {
            return Ok(());
        }
        let seen = poll_fn(|context| {
            queue.set_waker(context.waker().clone());
            if queue.pop().is_some() {
                Poll::Ready(Ok(()))
            } else if self.device().is_gone() {
                Poll::Ready(Err(Error::Revoked))
            } else {
                Poll::Pending
            }
        })
        .await;
        drop(subscription);
        seen
    }
}

const RISING: Edges = Edges {
    rising: true,
    falling: false,
};

const FALLING: Edges = Edges {
    rising: false,
    falling: true,
};

impl Wait for Desc {
    async fn wait_for_high(&mut self) -> Result<()> {
        self.wait(RISING, Some(Level::High)).await
    }

    async fn wait_for_low(&mut self) -> Result<()> {
        self.wait(FALLING, Some(Level::Low)).await
    }

    async fn wait_for_rising_edge(&mut self) -> Result<()> {
        self.wait(RISING, None).await
    }

    async fn wait_for_falling_edge(&mut self) -> Result<()> {
        self.wait(FALLING, None).await
    }

    async fn wait_for_any_edge(&mut self) -> Result<()> {
        self.wait(Edges::BOTH, None).await
    }
}
