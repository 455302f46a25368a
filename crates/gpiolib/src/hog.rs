//! Hogs: lines that the board itself holds, from before anybody can see the chip.
//!
//! A chip brings its own ([`ChipConfig::hogs`](crate::ChipConfig)); the machine adds others by the
//! chip's label ([`Registry::add_hogs`]), for chips that are there and for those that come later. A
//! hog holds neither the device nor the module, and ends with the chip. Registration is the caller.

use alloc::string::String;
use alloc::vec::Vec;

use crate::config::flags;
use crate::ops;
use crate::sync::atomic::Ordering;
use crate::{
    Chip, ChipConfig, Device, Error, Hog, HogDirection, Initial, Label, LineConfig, LookupFlags,
    Offset, Registry, Result,
};

/// A line that the machine holds, of whichever chip has the label.
///
/// ```
/// use gpio_sim::Bank;
/// use gpiolib::{Initial, LookupFlags, MachineHog, Offset, Registry};
///
/// let registry = Registry::new();
/// let hog = MachineHog {
///     chip: "u5".into(),
///     offset: Offset::new(0),
///     consumer: "fan".into(),
///     wiring: LookupFlags::NONE,
///     initial: Initial::OutputActive,
/// };
/// registry.add_hogs(vec![hog]);
/// let u5 = Bank::new(1).label("u5").register(&registry)?;
/// let line = u5.device().line(Offset::new(0)).expect("it has one");
/// assert_eq!(line.info().consumer, Some("fan".into()));
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MachineHog {
    /// The chip's label.
    pub chip: String,
    /// The line; an offset that the chip does not have is ignored.
    pub offset: Offset,
    /// The consumer shown for it.
    pub consumer: Label,
    /// How the line is wired.
    pub wiring: LookupFlags,
    /// What the line is set to; the value is logical.
    pub initial: Initial,
}

/// Names hogs that were added, to forget them.
///
/// ```
/// use gpiolib::Registry;
///
/// let registry = Registry::new();
/// let id = registry.add_hogs(Vec::new());
/// assert!(registry.remove_hogs(id).is_some());
/// assert!(registry.remove_hogs(id).is_none(), "forgotten already");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HogsId(u32);

/// The machine's hogs, as they were added.
#[derive(Default)]
pub(crate) struct MachineHogs {
    added: Vec<(HogsId, Vec<MachineHog>)>,
    next: u32,
}

impl Registry {
    /// Hogs lines: at once where the chip is there, and of every chip that comes with such a label
    /// as long as the entries are not removed. What cannot be hogged is left out.
    ///
    /// ```
    /// use gpio_sim::Bank;
    /// use gpiolib::{Initial, Level, LookupFlags, MachineHog, Offset, Registry};
    ///
    /// let registry = Registry::new();
    /// registry.add_hogs(vec![MachineHog {
    ///     chip: "u5".into(),
    ///     offset: Offset::new(2),
    ///     consumer: "power".into(),
    ///     wiring: LookupFlags::ACTIVE_LOW,
    ///     initial: Initial::OutputInactive,
    /// }]);
    /// let u5 = Bank::new(4).label("u5").register(&registry)?; // comes later
    /// assert_eq!(u5.level(Offset::new(2))?, Level::High, "inactive, that is: high");
    /// # Ok::<(), gpiolib::Error>(())
    /// ```
    // KERNEL: gpiolib.c gpiod_add_hogs (v6.12): stored first, then tried on the chip of that label.
    pub fn add_hogs(&self, hogs: Vec<MachineHog>) -> HogsId {
        let id = {
            let mut machine = self.0.hogs.lock();
            let id = HogsId(machine.next);
            machine.next = machine.next.wrapping_add(1);
            machine.added.push((id, hogs.clone()));
            id
        };
        for hog in &hogs {
            if let Some(device) = self.device_by_label(&hog.chip) {
                // A hog that cannot be is the machine's problem, as below.
                let _ = hog.take(&device);
            }
        }
        id
    }

    /// Forgets hogs: chips that come later keep their lines. Lines hogged already stay so. `None` if
    /// they are forgotten already.
    #[expect(clippy::must_use_candidate, reason = "most only want them forgotten")]
    pub fn remove_hogs(&self, id: HogsId) -> Option<Vec<MachineHog>> {
        let added = &mut self.0.hogs.lock().added;
        let at = added.iter().position(|(other, _)| *other == id)?;
        Some(added.remove(at).1)
    }

    /// Takes what the machine wants of a chip.
    // KERNEL: gpiochip_machine_hog (v6.12): a failing hog does not fail the chip.
    pub(crate) fn take_machine_hogs(&self, device: &Device) {
        let wanted: Vec<MachineHog> = {
            let machine = self.0.hogs.lock();
            let all = machine.added.iter().flat_map(|(_, hogs)| hogs);
            all.filter(|hog| hog.chip == device.label())
                .cloned()
                .collect()
        };
        for hog in wanted {
            let _ = hog.take(device);
        }
    }
}

impl MachineHog {
    fn take(&self, device: &Device) -> Result<()> {
        hold(device, self.offset, self.consumer, |chip, line| {
            let config = LineConfig {
                direction: None,
                active_low: self.wiring.contains(LookupFlags::ACTIVE_LOW),
                drive: self.wiring.drive(),
                bias: self.wiring.bias()?,
                ..ops::config(line.flags)
            };
            ops::apply(line.flags, &config);
            match (self.initial, self.initial.value()) {
                (_, Some(value)) => ops::direction_output(chip, line.flags, self.offset, value),
                (Initial::Input, None) => ops::direction_input(chip, line.flags, self.offset),
                (_, None) => Ok(()),
            }
        })
    }
}

/// Takes what a chip wants of itself.
pub(crate) fn take(device: &Device, hog: &Hog) -> Result<()> {
    hold(device, hog.offset, hog.consumer, |chip, line| {
        if hog.active_low {
            ops::put_flag(line.flags, flags::ACTIVE_LOW, true);
        }
        match hog.direction {
            HogDirection::Input => ops::direction_input(chip, line.flags, hog.offset),
            HogDirection::Output(value) => {
                let level = value.level(hog.active_low);
                ops::direction_output_level(chip, line.flags, hog.offset, level)
            }
        }
    })
}

/// Requests the lines that several consumers may share, for all of them. One that is a hog, or that the
/// driver refuses, is not shared.
// KERNEL: gpiolib-shared.c (v7.3): the label is "shared".
pub(crate) fn take_shared(device: &Device, config: &ChipConfig) {
    for offset in &config.shared {
        if ops::claim_hog(device, *offset, Label::from("shared")).is_ok()
            && let Some(line) = device.slot(*offset)
        {
            line.flags.fetch_or(flags::SHARED, Ordering::AcqRel);
        }
    }
}

/// Requests a line for the board and sets it. A failure leaves it free.
// KERNEL: gpiolib.c gpiod_hog (v6.12): no module is held, no REQUESTED event, RELEASED when freed.
fn hold(
    device: &Device,
    offset: Offset,
    consumer: Label,
    set: impl FnOnce(&dyn Chip, crate::device::Slot<'_>) -> Result<()>,
) -> Result<()> {
    ops::claim_hog(device, offset, consumer)?;
    let line = device.slot(offset).ok_or(ops::NO_LINE)?;
    let entered = device.0.enter().map_err(Error::from);
    let done = entered.and_then(|chip| set(&*chip, line));
    match done {
        Ok(()) => {
            line.flags.fetch_or(flags::HOGGED, Ordering::AcqRel);
            // Where the chip went meanwhile, its removal has missed this one.
            if device.is_gone() {
                ops::free_hog(device, offset);
            }
        }
        Err(_) => ops::free_hog(device, offset),
    }
    done
}
