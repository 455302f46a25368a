//! An open chip: information, watches and their records, and the way to every other file.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::task::Waker;

use gpiolib::{Device, Errno, InfoQueue, Line, LineInfo, Offset};

use super::line_event::LineEvent;
use super::line_handle::LineHandle;
use super::line_request::LineRequest;
use super::{File, install};
use crate::abi::common::{ChipInfo, to_name};
use crate::abi::{ioctl, v1, v2};
use crate::fifo::{Abi, Buffer, Changes, Fifo, Latch};
use crate::mem::{Caller, fetch, store};
use crate::outcome::Outcome;
use crate::refusal::{Reason, Refusal};
use crate::repr;

/// An open `/dev/gpiochipN`. Keeps the device, holds no line.
#[derive(Debug)]
pub struct ChipFile {
    device: Device,
    fifo: Fifo,
    latch: Arc<Latch>,
    watches: InfoQueue,
}

impl ChipFile {
    pub(super) fn new(device: Device, fifo: Fifo) -> Self {
        let latch = Arc::new(Latch::default());
        let changes = Changes {
            fifo: fifo.clone(),
            latch: Arc::clone(&latch),
        };
        let watches = InfoQueue::with_store(InfoQueue::CAPACITY, Box::new(changes));
        device.attach(&watches);
        Self {
            device,
            fifo,
            latch,
            watches,
        }
    }

    pub(super) const fn device(&self) -> &Device {
        &self.device
    }

    pub(super) const fn fifo(&self) -> &Fifo {
        &self.fifo
    }

    pub(super) fn set_waker(&self, waker: Waker) {
        self.watches.set_waker(waker);
    }

    pub(super) fn ioctl(&self, cmd: u32, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        match cmd {
            ioctl::GPIO_GET_CHIPINFO => self.get_chip_info(arg, caller),
            ioctl::GPIO_V2_GET_LINEINFO => self.get_line_info(arg, caller),
            ioctl::GPIO_V2_GET_LINEINFO_WATCH => self.watch_line_info(arg, caller),
            ioctl::GPIO_V2_GET_LINE => self.get_line(arg, caller),
            ioctl::GPIO_GET_LINEINFO => self.get_line_info_v1(arg, caller),
            ioctl::GPIO_GET_LINEINFO_WATCH => self.watch_line_info_v1(arg, caller),
            ioctl::GPIO_GET_LINEHANDLE => self.get_line_handle(arg, caller),
            ioctl::GPIO_GET_LINEEVENT => self.get_line_event(arg, caller),
            ioctl::GPIO_GET_LINEINFO_UNWATCH => self.unwatch_line_info(arg, caller),
            _ => Err(Reason::UnknownCommand.into()),
        }
    }

    fn get_chip_info(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let info = ChipInfo {
            name: to_name(self.device.name().as_bytes()),
            label: to_name(self.device.label().as_bytes()),
            lines: self.device.ngpio(),
        };
        store(caller, arg, &info)
    }

    fn line(&self, offset: Offset) -> Result<Line, Refusal> {
        let found = self.device.line(offset);
        found.ok_or(Refusal::from(Reason::NoSuchLine).at(offset))
    }

    fn get_line_info(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let raw: v2::LineInfo = fetch(caller, arg)?;
        let line = self.line(repr::v2::parse_info(&raw)?)?;
        store(caller, arg, &repr::v2::line_info(&line.info()))
    }

    fn get_line_info_v1(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let raw: v1::LineInfoV1 = fetch(caller, arg)?;
        let line = self.line(Offset::new(raw.line_offset))?;
        store(caller, arg, &repr::v1::line_info(&line.info()))
    }

    fn watch_line_info(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let raw: v2::LineInfo = fetch(caller, arg)?;
        let line = self.line(repr::v2::parse_info(&raw)?)?;
        self.watch(&line, Abi::V2, |info| {
            store(caller, arg, &repr::v2::line_info(info))
        })
    }

    fn watch_line_info_v1(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let raw: v1::LineInfoV1 = fetch(caller, arg)?;
        let line = self.line(Offset::new(raw.line_offset))?;
        self.watch(&line, Abi::V1, |info| {
            store(caller, arg, &repr::v1::line_info(info))
        })
    }

    /// Watches a line and shows it as it is.
    ///
    /// The watch stands before the line is looked at, so that no change falls between. When the
    /// answer cannot be given the watch is taken back; the latched ABI is not.
    // KERNEL: gpiolib-cdev.c lineinfo_get (v6.12).
    fn watch(
        &self,
        line: &Line,
        abi: Abi,
        answer: impl FnOnce(&LineInfo) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let refuse = |reason: Reason| Refusal::from(reason).at(line.offset());
        self.latch.set(abi).map_err(|_| refuse(Reason::OtherAbi))?;
        let watched = self.watches.watch(line.offset());
        watched.map_err(|_| refuse(Reason::AlreadyWatched))?;
        if self.device.is_gone() {
            return Err(Reason::Gone.into());
        }
        answer(&line.info()).inspect_err(|_| {
            // Fails only if another thread unwatched the line meanwhile, which is as good.
            _ = self.watches.unwatch(line.offset());
        })
    }

    fn unwatch_line_info(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let line = self.line(Offset::new(fetch(caller, arg)?))?;
        let unwatched = self.watches.unwatch(line.offset());
        unwatched.map_err(|_| Refusal::from(Reason::NotWatched).at(line.offset()))
    }

    fn get_line(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let mut raw: v2::LineRequest = fetch(caller, arg)?;
        let request = repr::v2::parse_request(&raw)?;
        let file = LineRequest::new(&self.device, &request, Fifo::new(caller.records()))?;
        install(caller, File::LineRequest(file), |caller, fd| {
            raw.fd = fd;
            store(caller, arg, &raw)
        })
    }

    fn get_line_handle(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let mut raw: v1::HandleRequest = fetch(caller, arg)?;
        let file = LineHandle::new(&self.device, &repr::v1::parse_handle(&raw)?)?;
        install(caller, File::LineHandle(file), |caller, fd| {
            raw.fd = fd;
            store(caller, arg, &raw)
        })
    }

    fn get_line_event(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let mut raw: v1::EventRequest = fetch(caller, arg)?;
        let request = repr::v1::parse_event(&raw, self.device.ngpio())?;
        let file = LineEvent::new(&self.device, &request, Fifo::new(caller.records()))?;
        install(caller, File::LineEvent(file), |caller, fd| {
            raw.fd = fd;
            store(caller, arg, &raw)
        })
    }

    /// Reads info changes.
    ///
    /// The size of the buffer is judged only once there is a record, and whether another one may
    /// follow is measured in v2 records whatever the ABI.
    // KERNEL: gpiolib-cdev.c lineinfo_watch_read (v6.12).
    pub(super) fn read(&self, to: &mut Buffer<'_>) -> Outcome {
        if self.fifo.is_empty() {
            return to.nothing_more(0);
        }
        let size = self.latch.get().change_size();
        if to.len < size as u64 {
            return Outcome::Fail(Errno::EINVAL);
        }
        self.fifo.read(to, size, Abi::V2.change_size() as u64)
    }

    /// One record of v1 is all that a read of its size takes; more of them follow no simple rule.
    pub(super) fn takes_whole(&self, len: u64) -> bool {
        let size = self.latch.get().change_size() as u64;
        match self.latch.get() {
            Abi::V1 => len == size,
            Abi::V2 => len > 0 && len.is_multiple_of(size),
        }
    }
}
