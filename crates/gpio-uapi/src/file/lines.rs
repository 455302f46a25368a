//! What the three kinds of line files share: requesting one line, and setting its direction.

use gpiolib::engine::DescExt;
use gpiolib::{Desc, Device, Direction, Error, Feature, Label, LineConfig, Offset};

use crate::refusal::{Reason, Refusal};
use crate::repr::Setup;

/// Requests one line; from here on its watchers receive its release, whatever comes next.
///
/// # Errors
///
/// `EINVAL` beyond the last line, `EBUSY`, `ENODEV`, or what the driver says.
// KERNEL: gpiolib-cdev.c, and gpiolib.h gpiod_request_user (v6.12): a provider that is not ready
// looks to a program like one that is gone.
pub(super) fn request(device: &Device, offset: Offset, consumer: Label) -> Result<Desc, Refusal> {
    let refuse = |reason: Reason| Refusal::from(reason).at(offset);
    let line = device.line(offset).ok_or(refuse(Reason::NoSuchLine))?;
    let desc = line.request(consumer).map_err(|error| match error {
        Error::ProbeDefer => refuse(Reason::Gone),
        Error::Busy => refuse(Reason::Held),
        other => Refusal::from(other).at(offset),
    })?;
    desc.announce_release();
    Ok(desc)
}

/// Tells the driver that the line need not survive sleep any less than it does.
pub(super) fn persist(desc: &Desc) -> Result<(), Refusal> {
    Ok(desc.set_transitory(false)?)
}

/// Sets the direction a setup asks for; none asked for leaves the line as it is.
pub(super) fn set_direction(desc: &Desc, setup: &Setup) -> Result<(), Refusal> {
    match setup.config.direction {
        None => Ok(()),
        Some(Direction::Input) => Ok(desc.direction_input()?),
        Some(Direction::Output) => Ok(desc.direction_output(setup.value)?),
    }
}

/// Overwrites the flags of a v2 line, up to some release with the direction that was asked for, whatever
/// the driver says to it.
// KERNEL: gpiolib-cdev.c gpio_v2_line_config_flags_to_desc_flags (v6.12).
pub(super) fn apply_v2_flags(desc: &Desc, config: &LineConfig) {
    let is_early = !desc.device().release().has(Feature::RefusedKeepsDirection);
    desc.apply_config(&LineConfig {
        direction: config.direction.filter(|_| is_early),
        ..*config
    });
}

/// Overwrites the flags that a v1 request can express. The event clock is none of them: a clock
/// left behind by a v2 request stays; the direction follows only when the driver has agreed.
// KERNEL: gpiolib-cdev.c linehandle_flags_to_desc_flags (v6.12).
pub(super) fn apply_v1_flags(desc: &Desc, config: &LineConfig) {
    let clock = desc.config().clock;
    desc.apply_config(&LineConfig {
        direction: None,
        clock,
        ..*config
    });
}

/// The bit map with a bit for each of `count` lines.
pub(super) const fn all(count: usize) -> u64 {
    crate::repr::real_lines(u64::MAX, count)
}
