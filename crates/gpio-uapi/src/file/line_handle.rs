//! Requested lines of the first ABI, without events.

use alloc::vec::Vec;

use gpiolib::engine::{DescExt, Mutex};
use gpiolib::{Desc, Device, Feature, InfoChangeKind, Offset};

use super::lines::{self, all};
use crate::abi::common::LINES_MAX;
use crate::abi::{ioctl, v1};
use crate::mem::{Caller, fetch, store};
use crate::refusal::{Reason, Refusal};
use crate::repr::Setup;
use crate::repr::v1::{HandleRequest, parse_config};

/// Up to 64 requested lines.
#[derive(Debug)]
pub struct LineHandle {
    device: Device,
    count: usize,
    /// Dropped in the order of the request.
    lines: Mutex<Vec<Desc>>,
}

impl LineHandle {
    /// Requests and configures each line before the next is touched.
    // KERNEL: gpiolib-cdev.c linehandle_create (v6.12).
    pub(super) fn new(device: &Device, request: &HandleRequest) -> Result<Self, Refusal> {
        let count = request.lines.len();
        let mut lines = Vec::with_capacity(count);
        for (offset, setup) in &request.lines {
            let desc = lines::request(device, *offset, request.consumer)?;
            let done = configure_first(&desc, setup).map_err(|why| why.at(*offset));
            // Kept also when it failed: the lines are released in the order of the request.
            lines.push(desc);
            done?;
        }
        Ok(Self {
            device: device.clone(),
            count,
            lines: Mutex::new(lines),
        })
    }

    pub(super) const fn device(&self) -> &Device {
        &self.device
    }

    pub(super) fn offsets(&self) -> Vec<Offset> {
        self.lines.lock().iter().map(Desc::offset).collect()
    }

    pub(super) fn ioctl(&self, cmd: u32, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        match cmd {
            ioctl::GPIOHANDLE_GET_LINE_VALUES => self.get_line_values(arg, caller),
            ioctl::GPIOHANDLE_SET_LINE_VALUES => self.set_line_values(arg, caller),
            ioctl::GPIOHANDLE_SET_CONFIG => self.set_config(arg, caller),
            _ => Err(Reason::UnknownCommand.into()),
        }
    }

    fn get_line_values(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let bits = gpiolib::values(&self.lines.lock(), all(self.count))?;
        let values = core::array::from_fn(|index| u8::from(bits >> index & 1 == 1));
        store(caller, arg, &v1::HandleData { values })
    }

    /// Sets all lines. The first line's direction is looked at before the pointer is, those of the
    /// others after it and in later releases only.
    // KERNEL: gpiolib-cdev.c linehandle_ioctl (v6.12).
    fn set_line_values(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        must_be_outputs(self.lines.lock().iter().take(1))?;
        let raw: v1::HandleData = fetch(caller, arg)?;
        let lines = self.lines.lock();
        if self.device.release().has(Feature::SetNeedsOutputs) {
            must_be_outputs(lines.iter())?;
        }
        let bits = bits(&raw.values);
        Ok(gpiolib::set_values(&lines, all(self.count), bits)?)
    }

    /// Reconfigures line by line; a failure leaves the lines before it changed, with their info changes sent.
    // KERNEL: gpiolib-cdev.c linehandle_set_config (v6.12).
    fn set_config(&self, arg: u64, caller: &mut dyn Caller) -> Result<(), Refusal> {
        let raw: v1::HandleConfig = fetch(caller, arg)?;
        let setups = parse_config(&raw, self.count)?;
        for (desc, setup) in self.lines.lock().iter().zip(&setups) {
            lines::apply_v1_flags(desc, &setup.config);
            lines::set_direction(desc, setup).map_err(|why| why.at(desc.offset()))?;
            desc.announce(InfoChangeKind::Reconfigured);
        }
        Ok(())
    }
}

/// Refuses the first line that is an input.
fn must_be_outputs<'a>(mut lines: impl Iterator<Item = &'a Desc>) -> Result<(), Refusal> {
    match lines.find(|desc| !desc.is_output()) {
        Some(input) => Err(Refusal::from(Reason::NotOutput).at(input.offset())),
        None => Ok(()),
    }
}

fn configure_first(desc: &Desc, setup: &Setup) -> Result<(), Refusal> {
    lines::apply_v1_flags(desc, &setup.config);
    lines::persist(desc)?;
    lines::set_direction(desc, setup)?;
    desc.announce(InfoChangeKind::Requested);
    Ok(())
}

/// One bit for each byte that is not zero.
fn bits(values: &[u8; LINES_MAX]) -> u64 {
    values
        .iter()
        .rev()
        .fold(0, |bits, &byte| bits << 1 | u64::from(byte != 0))
}
