//! An exported line: what a program holds by its number, and what the texts of its files do to it.

use alloc::boxed::Box;
use core::task::Waker;

use gpiolib::engine::{DescExt, EdgeQueue, Overflow, Store};
use gpiolib::{
    Desc, EdgeEvent, Edges, Errno, Feature, InfoChangeKind, Label, Level, Line, LineConfig, Value,
};

use super::text;

/// A line that a program holds by its number.
pub(super) struct Exported {
    pub(super) desc: Desc,
    pub(super) edges: Edges,
}

impl Exported {
    /// Requests a line, as consumer `sysfs`.
    pub(super) fn request(line: &Line) -> Result<Self, Errno> {
        let desc = line
            .request(Label::from("sysfs"))
            .map_err(|error| match error {
                gpiolib::Error::ProbeDefer => Errno::ENODEV,
                error => error.errno(),
            })?;
        let edges = Edges::NONE;
        let exported = Self { desc, edges };
        // In early releases watchers receive no change for the export, but one for its end.
        exported.desc.announce_release();
        exported.announce(InfoChangeKind::Requested);
        Ok(exported)
    }

    /// The electrical level is meant, whatever the polarity.
    pub(super) fn set_direction(&self, text: &[u8]) -> Result<(), Errno> {
        let done = match text::word(text) {
            b"in" => self.desc.direction_input(),
            b"out" | b"low" => self.desc.direction_output_level(Level::Low),
            b"high" => self.desc.direction_output_level(Level::High),
            _ => return Err(Errno::EINVAL),
        };
        done.map_err(|error| error.errno())?;
        self.announce(InfoChangeKind::Reconfigured);
        Ok(())
    }

    pub(super) fn set_value(&self, text: &[u8]) -> Result<(), Errno> {
        // KERNEL: value_store (v6.12): the direction is judged before the text
        if !self.desc.is_output() {
            return Err(Errno::EPERM);
        }
        let value = Value::from(text::number(text)? != 0);
        self.desc.set_value(value).map_err(|error| error.errno())
    }

    pub(super) fn set_edges(&mut self, edges: Edges, waker: &Waker) -> Result<(), Errno> {
        if edges == self.edges {
            return Ok(());
        }
        self.disarm();
        if edges.is_empty() {
            return Ok(());
        }
        // KERNEL: gpiolib.c gpiochip_lock_as_irq (v6.12)
        if self.desc.is_output() {
            return Err(Errno::EIO);
        }
        self.arm(edges, waker)?;
        self.announce(InfoChangeKind::Reconfigured);
        Ok(())
    }

    fn arm(&mut self, edges: Edges, waker: &Waker) -> Result<(), Errno> {
        let queue = EdgeQueue::new(
            &[self.desc.offset()],
            1,
            Overflow::DropOldest,
            Box::new(Nowhere),
        );
        let active_low = self.desc.config().active_low;
        let config = LineConfig {
            edges,
            active_low,
            ..LineConfig::default()
        };
        queue.configure(0, &config);
        queue.set_waker(waker.clone());
        let armed = self.desc.arm(&queue, 0, edges.inverted(active_low));
        armed.map_err(|error| match error {
            gpiolib::Error::Revoked => Errno::ENODEV,
            _ => Errno::EIO,
        })?;
        self.edges = edges;
        self.show_edges();
        Ok(())
    }

    fn disarm(&mut self) {
        if !self.edges.is_empty() {
            self.desc.disarm();
        }
        self.edges = Edges::NONE;
        self.show_edges();
    }

    /// Lets the line's info show the edges.
    // KERNEL: gpiolib-sysfs.c gpio_sysfs_request_irq, gpio_sysfs_free_irq (v6.13)
    fn show_edges(&self) {
        if self.is_announced() {
            self.desc.apply_config(&LineConfig {
                direction: None,
                edges: self.edges,
                ..self.desc.config()
            });
        }
    }

    pub(super) fn set_active_low(&mut self, active_low: bool, waker: &Waker) -> Result<(), Errno> {
        if active_low == self.desc.config().active_low {
            return Ok(());
        }
        self.desc.toggle_active_low();
        let edges = self.edges;
        if !edges.is_empty() {
            // An edge of the value is the other one of the level now.
            self.disarm();
            self.arm(edges, waker)?;
        }
        self.announce(InfoChangeKind::Reconfigured);
        Ok(())
    }

    fn is_announced(&self) -> bool {
        let release = self.desc.device().release();
        release.has(Feature::SysfsAnnounced)
    }

    /// Tells the watchers of the line what was done to it.
    fn announce(&self, kind: InfoChangeKind) {
        if self.is_announced() {
            self.desc.announce(kind);
        }
    }
}

/// A store for edges that only wake a poller: there is always room.
#[derive(Debug)]
struct Nowhere;

impl Store<EdgeEvent> for Nowhere {
    fn unread(&mut self) -> usize {
        0
    }

    fn push(&mut self, _: EdgeEvent) {}

    fn pop(&mut self) -> Option<EdgeEvent> {
        None
    }
}
