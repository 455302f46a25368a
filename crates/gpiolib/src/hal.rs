//! Pins as those of `embedded-hal` 1.0, blocking and async (feature `embedded-hal`).
//!
//! High and low are electrical here, as `embedded-hal` has them, whatever the line's polarity; open
//! drain and open source are emulated as everywhere. Waiting needs a chip that reports edges.
//!
//! The first wait of an [`Input`] arms its line, which stays armed until the pin is dropped or turned:
//! an edge between two waits ends the second one. The newest 64 edges are kept. Who waits for a *level*
//! has seen the edges up to then.

use embedded_hal::digital::{
    Error as PinError, ErrorKind, ErrorType, InputPin, OutputPin, StatefulOutputPin,
};
use embedded_hal_async::digital::Wait;

use crate::{Edges, Error, Input, Level, Output, Result, Subscription};

/// How many edges are kept between two waits.
const KEPT: usize = 64;

impl PinError for Error {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl ErrorType for Input {
    type Error = Error;
}

impl ErrorType for Output {
    type Error = Error;
}

impl InputPin for Input {
    fn is_high(&mut self) -> Result<bool> {
        Ok(self.level()?.is_high())
    }

    fn is_low(&mut self) -> Result<bool> {
        Ok(!self.level()?.is_high())
    }
}

/// An output reads what its line has, which others may pull where it is an open drain.
impl InputPin for Output {
    fn is_high(&mut self) -> Result<bool> {
        Ok(self.level()?.is_high())
    }

    fn is_low(&mut self) -> Result<bool> {
        Ok(!self.level()?.is_high())
    }
}

impl OutputPin for Output {
    fn set_low(&mut self) -> Result<()> {
        self.set_level(Level::Low)
    }

    fn set_high(&mut self) -> Result<()> {
        self.set_level(Level::High)
    }
}

/// What an output is set to is what the chip reads back.
impl StatefulOutputPin for Output {
    fn is_set_high(&mut self) -> Result<bool> {
        self.is_high()
    }

    fn is_set_low(&mut self) -> Result<bool> {
        self.is_low()
    }
}

impl Input {
    /// Arms the line, if no wait has yet: edges from here on are for the waits to come.
    ///
    /// # Errors
    /// As [`crate::Desc::subscribe`].
    pub fn listen(&mut self) -> Result<()> {
        self.edges().map(|_| ())
    }

    fn edges(&mut self) -> Result<&Subscription> {
        let edges = match self.edges.take() {
            Some(edges) => edges,
            None => self.subscribe_electrically(Edges::BOTH, KEPT)?,
        };
        Ok(self.edges.insert(edges))
    }

    async fn wait_for(&mut self, wanted: Edges) -> Result<()> {
        let edges = self.edges()?;
        loop {
            let event = edges.next().await.ok_or(Error::Revoked)?;
            if wanted.contains(event.edge) {
                return Ok(());
            }
        }
    }

    async fn wait_until(&mut self, wanted: Level) -> Result<()> {
        // Those before the look are seen by it; one that comes after it ends the wait.
        while self.edges()?.pop().is_some() {}
        if self.level()? == wanted {
            return Ok(());
        }
        self.wait_for(if wanted.is_high() { RISING } else { FALLING })
            .await
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

impl Wait for Input {
    async fn wait_for_high(&mut self) -> Result<()> {
        self.wait_until(Level::High).await
    }

    async fn wait_for_low(&mut self) -> Result<()> {
        self.wait_until(Level::Low).await
    }

    async fn wait_for_rising_edge(&mut self) -> Result<()> {
        self.wait_for(RISING).await
    }

    async fn wait_for_falling_edge(&mut self) -> Result<()> {
        self.wait_for(FALLING).await
    }

    async fn wait_for_any_edge(&mut self) -> Result<()> {
        self.wait_for(Edges::BOTH).await
    }
}
