//! Requested lines of the second ABI.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::task::Waker;

use gpiolib::engine::{DescExt, EdgeQueue, Mutex, Overflow};
use gpiolib::{Desc, Device, Direction, Errno, InfoChangeKind, Offset, Timestamp};

use super::detector::{Detector, Target};
use super::lines;
use crate::abi::{ioctl, v2};
use crate::fifo::{Buffer, Fifo, LineEvents};
use crate::mem::{Caller, fetch, store};
use crate::outcome::Outcome;
use crate::refusal::{Reason, Refusal};
use crate::repr::v2::{EventBuffer, Request, parse_config};
use crate::repr::{Setup, real_lines};

/// Up to 64 requested lines with one queue of events.
#[derive(Debug)]
pub struct LineRequest {
    device: Device,
    offsets: Box<[Offset]>,
    fifo: Fifo,
    queue: EdgeQueue,
    /// Serialises everything that is done to the lines.
    lines: Mutex<Lines>,
}

/// The lines of a request, in its order.
#[derive(Debug)]
struct Lines {
    buffer: EventBuffer,
    /// Dropped in the order of the request.
    descs: Vec<Desc>,
    detectors: Vec<Detector>,
}

impl LineRequest {
    /// Requests and configures each line before the next is touched. A failure releases those
    /// taken so far, in order, and its own line too.
    // KERNEL: gpiolib-cdev.c linereq_create (v6.12).
    pub(super) fn new(device: &Device, request: &Request, fifo: Fifo) -> Result<Self, Refusal> {
        let offsets: Box<[Offset]> = request.lines.iter().map(|(offset, _)| *offset).collect();
        // A buffer that cannot be made never receives anything: edges are refused first.
        let capacity = request.buffer.capacity().unwrap_or(1);
        let events = Box::new(LineEvents(fifo.clone()));
        let queue = EdgeQueue::new(&offsets, capacity, Overflow::DropOldest, events);
        let mut lines = Lines::new(request.buffer, offsets.len());
        for (offset, setup) in &request.lines {
            let desc = lines::request(device, *offset, request.consumer)?;
            lines
                .add(desc, &queue, setup)
                .map_err(|why| why.at(*offset))?;
        }
        Ok(Self {
            device: device.clone(),
            offsets,
            fifo,
            queue,
            lines: Mutex::new(lines),
        })
    }

    pub(super) const fn device(&self) -> &Device {
        &self.device
    }

    pub(super) fn offsets(&self) -> &[Offset] {
        &self.offsets
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

    pub(super) fn set_timer_waker(&self, waker: Waker) {
        self.queue.set_timer_waker(waker);
    }

    pub(super) fn ioctl(&self, cmd: u32, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        match cmd {
            ioctl::GPIO_V2_LINE_GET_VALUES => self.get_values(arg, caller),
            ioctl::GPIO_V2_LINE_SET_VALUES => self.set_values(arg, caller),
            ioctl::GPIO_V2_LINE_SET_CONFIG => self.set_config(arg, caller),
            _ => Err(Reason::UnknownCommand.into()),
        }
    }

    /// Reads values; a line that the core debounces shows its debounced value.
    // KERNEL: gpiolib-cdev.c linereq_get_values (v6.12): the mask comes back as it was given.
    fn get_values(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let raw: v2::LineValues = fetch(caller, arg)?;
        let mask = real_lines(raw.mask, self.offsets.len());
        if mask == 0 {
            return Err(Reason::EmptyMask.into());
        }
        let bits = self.read_values(mask)?;
        store(
            caller,
            arg,
            &v2::LineValues {
                bits,
                mask: raw.mask,
            },
        )
    }

    fn read_values(&self, mask: u64) -> Result<u64, Refusal> {
        let lines = self.lines.lock();
        let mut bits = gpiolib::values(&lines.descs, mask)?;
        for (index, (desc, detector)) in lines.descs.iter().zip(&lines.detectors).enumerate() {
            if detector.is_debouncing()
                && mask >> index & 1 == 1
                && let Some(level) = self.queue.debounced_level(index)
            {
                let value = level.value(desc.config().active_low);
                bits = bits & !(1 << index) | u64::from(value.is_active()) << index;
            }
        }
        Ok(bits)
    }

    /// Sets values; refused as a whole when any selected line is not an output.
    // KERNEL: gpiolib-cdev.c linereq_set_values (v6.12).
    fn set_values(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let raw: v2::LineValues = fetch(caller, arg)?;
        let mask = real_lines(raw.mask, self.offsets.len());
        let descs = &self.lines.lock().descs;
        let mut selected = descs
            .iter()
            .enumerate()
            .filter(|(index, _)| mask >> index & 1 == 1);
        if let Some((_, desc)) = selected.find(|(_, desc)| !desc.is_output()) {
            return Err(Refusal::from(Reason::NotOutput).at(desc.offset()));
        }
        if mask == 0 {
            return Err(Reason::EmptyMask.into());
        }
        Ok(gpiolib::set_values(descs, mask, raw.bits)?)
    }

    /// Reconfigures line by line; a failure leaves the lines before it changed, with their info changes sent.
    // KERNEL: gpiolib-cdev.c linereq_set_config (v6.12).
    // Apart from the calls that programs repeat most: its structures are large.
    #[inline(never)]
    fn set_config(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let raw: v2::LineConfig = fetch(caller, arg)?;
        let offset_of = |index: usize| self.offsets.get(index).copied();
        let setups = parse_config(&raw, self.offsets.len()).map_err(|why| why.among(offset_of))?;
        let mut lines = self.lines.lock();
        for (index, setup) in setups.iter().enumerate() {
            if setup.config.direction.is_some() {
                let done = lines.reconfigure(index, &self.queue, setup);
                done.map_err(|why| why.at_index(index).among(offset_of))?;
            }
        }
        Ok(())
    }

    // KERNEL: gpiolib-cdev.c linereq_read (v6.12): the size is judged first, even with no event.
    pub(super) fn read(&self, to: &mut Buffer<'_>) -> Outcome {
        const SIZE: usize = size_of::<v2::LineEvent>();
        if to.len < SIZE as u64 {
            return Outcome::Fail(Errno::EINVAL);
        }
        self.fifo.read(to, SIZE, SIZE as u64)
    }

    pub(super) fn fdinfo(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        _ = writeln!(text, "gpio-chip:\t{}", self.device.name());
        for offset in &self.offsets {
            _ = writeln!(text, "gpio-line:\t{offset}");
        }
        text
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.queue.next_deadline_ns()
    }

    pub(super) fn advance(&self, now: Timestamp) {
        self.queue.expire(now, |index| {
            self.lines.lock().descs.get(index)?.level().ok()
        });
    }
}

impl Lines {
    fn new(buffer: EventBuffer, count: usize) -> Self {
        Self {
            buffer,
            descs: Vec::with_capacity(count),
            detectors: Vec::with_capacity(count),
        }
    }

    /// The line at `index`, and how it is listened to.
    fn target<'a>(
        &'a mut self,
        index: usize,
        queue: &'a EdgeQueue,
    ) -> Option<(Target<'a>, &'a mut Detector)> {
        let desc = self.descs.get(index)?;
        let detector = self.detectors.get_mut(index)?;
        Some((
            Target {
                desc,
                queue,
                index,
                buffer: self.buffer,
            },
            detector,
        ))
    }

    /// Adds a line just requested and configures it, up to telling its watchers.
    ///
    /// It is added even when that fails: the lines are released in the order of the request.
    fn add(&mut self, desc: Desc, queue: &EdgeQueue, setup: &Setup) -> Result<(), Refusal> {
        let index = self.descs.len();
        self.descs.push(desc);
        self.detectors.push(Detector::default());
        let Some((target, detector)) = self.target(index, queue) else {
            return Ok(());
        };
        lines::apply_v2_flags(target.desc, &setup.config);
        lines::persist(target.desc)?;
        lines::set_direction(target.desc, setup)?;
        if setup.config.direction == Some(Direction::Input) {
            detector.start(&target, setup)?;
        }
        detector.settle(&target, &setup.config);
        target.desc.announce(InfoChangeKind::Requested);
        Ok(())
    }

    /// Takes over a new configuration that has a direction.
    fn reconfigure(
        &mut self,
        index: usize,
        queue: &EdgeQueue,
        setup: &Setup,
    ) -> Result<(), Refusal> {
        let Some((target, detector)) = self.target(index, queue) else {
            return Ok(());
        };
        lines::apply_v2_flags(target.desc, &setup.config);
        if setup.config.direction == Some(Direction::Output) {
            detector.stop(&target);
            lines::set_direction(target.desc, setup)?;
        } else {
            lines::set_direction(target.desc, setup)?;
            detector.update(&target, setup)?;
        }
        detector.settle(&target, &setup.config);
        target.desc.announce(InfoChangeKind::Reconfigured);
        Ok(())
    }
}
