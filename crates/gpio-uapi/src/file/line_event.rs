//! One line of the first ABI, requested for its edges.

use alloc::boxed::Box;
use core::task::Waker;

use gpiolib::engine::{DescExt, EdgeQueue, Mutex, Overflow};
use gpiolib::{
    Desc, Device, Errno, Error, EventClock, Feature, InfoChangeKind, LineConfig, Offset,
};

use super::lines;
use crate::abi::common::LINES_MAX;
use crate::abi::{ioctl, v1};
use crate::fifo::{Buffer, EventData, Fifo};
use crate::mem::{Caller, store};
use crate::outcome::Outcome;
use crate::refusal::{Reason, Refusal};
use crate::repr::v1::EventRequest;

/// How many edges are kept; further ones are dropped.
const CAPACITY: usize = 16;

/// A requested line with a queue of edges.
#[derive(Debug)]
pub struct LineEvent {
    device: Device,
    fifo: Fifo,
    queue: EdgeQueue,
    line: Mutex<Desc>,
}

impl LineEvent {
    /// Requests the line and listens to it.
    ///
    /// A line that cannot report edges is `ENODEV` here, where the second ABI says `ENXIO`. The
    /// request is told of before that is known. No flag shows the edges.
    // KERNEL: gpiolib-cdev.c lineevent_create (v6.12): the interrupt is taken even for no edges;
    // lineevent_irq_handler stamps with the monotonic clock, whatever the line's clock is.
    pub(super) fn new(
        device: &Device,
        request: &EventRequest,
        fifo: Fifo,
    ) -> Result<Self, Refusal> {
        let desc = lines::request(device, request.offset, request.consumer)?;
        lines::apply_v1_flags(&desc, &request.config);
        desc.direction_input()
            .map_err(|error| Refusal::from(error).at(request.offset))?;
        if device.release().has(Feature::EventDirectionAnnounced) {
            desc.announce(InfoChangeKind::Reconfigured);
        }
        desc.announce(InfoChangeKind::Requested);
        let events = Box::new(EventData(fifo.clone()));
        let queue = EdgeQueue::new(&[request.offset], CAPACITY, Overflow::DropNewest, events);
        let edges = request.edges;
        let listened = LineConfig {
            edges,
            clock: EventClock::Monotonic,
            ..request.config
        };
        queue.configure(0, &listened);
        let armed = desc.arm(&queue, 0, edges.inverted(request.config.active_low));
        armed.map_err(|error| match error {
            Error::NoEdges => Refusal::from(Reason::NoEdgesV1).at(request.offset),
            other => Refusal::from(other).at(request.offset),
        })?;
        Ok(Self {
            device: device.clone(),
            fifo,
            queue,
            line: Mutex::new(desc),
        })
    }

    pub(super) const fn device(&self) -> &Device {
        &self.device
    }

    pub(super) fn offset(&self) -> Offset {
        self.line.lock().offset()
    }

    pub(super) fn lost_events(&self) -> u64 {
        self.queue.lost()
    }

    pub(super) const fn fifo(&self) -> &Fifo {
        &self.fifo
    }

    pub(super) fn set_waker(&self, waker: Waker) {
        self.queue.set_waker(waker);
    }

    pub(super) fn ioctl(&self, cmd: u32, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        match cmd {
            ioctl::GPIOHANDLE_GET_LINE_VALUES => self.get_line_values(arg, caller),
            _ => Err(Reason::UnknownCommand.into()),
        }
    }

    fn get_line_values(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let value = self.line.lock().value()?;
        let mut values = [0; LINES_MAX];
        values[0] = u8::from(value.is_active());
        store(caller, arg, &v1::HandleData { values })
    }

    // KERNEL: gpiolib-cdev.c lineevent_read (v6.12).
    pub(super) fn read(&self, to: &mut Buffer<'_>) -> Outcome {
        const SIZE: usize = size_of::<v1::EventDataV1>();
        if to.len < SIZE as u64 {
            return Outcome::Fail(Errno::EINVAL);
        }
        self.fifo.read(to, SIZE, SIZE as u64)
    }
}
