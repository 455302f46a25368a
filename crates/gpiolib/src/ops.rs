//! What can be done to one line: the core's rules over the driver's operations.
//!
//! Plain functions over a chip that is inside its guard, so that descriptors, hogs and array calls
//! share them. Each follows the kernel's order of steps; the errors are the reference's §3.

use revocable::{AtWord, Last, Refused, Word};

use crate::claim::{Pass, Request};
use crate::config::flags;
use crate::device::{Device, Slot, State};
use crate::edge::arm;
use crate::sync::atomic::Ordering;
use crate::{
    Bias, Chip, Direction, Drive, Error, InfoChangeKind, Label, Level, LineConfig, Offset,
    PinConfig, Result, Value,
};

/// There is no such line.
pub(crate) const NO_LINE: Error = Error::Invalid("offset beyond the last line");

/// What a request sets at once.
const TAKEN: u32 = flags::REQUESTED | flags::UNNAMED;

/// Requests a line for one consumer. A driver that refuses, or panics, leaves it free.
#[inline]
pub(crate) fn claim(device: &Device, offset: Offset, consumer: Label) -> Result<Pass> {
    let slot = device.slot(offset).ok_or(NO_LINE)?;
    Pass::take(
        &device.0,
        offset.index(),
        TAKEN,
        flags::UNNAMED,
        |at_line| {
            ask(at_line, slot, offset, consumer)?;
            Ok(Request { offset })
        },
    )
}

/// Requests a line for the board, which frees it when the chip goes.
pub(crate) fn claim_hog(device: &Device, offset: Offset, consumer: Label) -> Result<()> {
    let slot = device.slot(offset).ok_or(NO_LINE)?;
    let at_line = device.0.enter_word(offset.index(), TAKEN, TAKEN, TAKEN)?;
    ask(&at_line, slot, offset, consumer)?;
    at_line.leave(flags::UNNAMED);
    Ok(())
}

/// Asks the driver for a line that nobody has, and writes down who has it now.
// KERNEL: gpiolib.c gpiod_request_commit (v6.12).
// DIFFERS: the valid mask is always checked, also for a chip without a request operation.
#[inline]
fn ask(
    at_line: &AtWord<'_, dyn Chip>,
    slot: Slot<'_>,
    offset: Offset,
    consumer: Label,
) -> Result<()> {
    if at_line.before() & flags::INVALID != 0 {
        return Err(Error::Invalid("the chip has no such line"));
    }
    at_line.request(offset)?;
    refresh_direction(&**at_line, slot.flags, offset);
    slot.rename(consumer);
    Ok(())
}

/// Ends a request; works on a dead chip too, which is then not told.
// KERNEL: gpiolib.c gpiod_free_commit (v6.12): no driver call, no event once the chip is gone.
// DIFFERS: the slot is cleaned in any case, so nothing stale is kept on a dead device.
pub(crate) fn give_back(device: &Device, line: Last<'_, dyn Chip, State>, offset: Offset) {
    if let Some(listener) = arm::detach(device, offset, None) {
        listener.end();
    }
    end(device, offset, line.enter(flags::FREED));
}

/// Ends a hog, as [`give_back`] does a request.
pub(crate) fn free_hog(device: &Device, offset: Offset) {
    let at_line = device.0.enter_word(offset.index(), 0, 0, flags::FREED);
    if let (Err(_), Some(slot)) = (&at_line, device.slot(offset)) {
        slot.flags.fetch_and(!flags::FREED, Ordering::AcqRel);
    }
    end(device, offset, at_line);
}

/// Tells the driver and the watchers of the end of a request, if the chip is still there.
fn end(
    device: &Device,
    offset: Offset,
    at_line: core::result::Result<AtWord<'_, dyn Chip>, Refused>,
) {
    let Ok(at_line) = at_line else {
        if let Some(slot) = device.slot(offset) {
            arm::hang_up(slot);
        }
        return;
    };
    at_line.free(offset);
    let before = at_line.before();
    drop(at_line);
    if before & (flags::ANNOUNCED | flags::HOGGED) != 0 {
        device.announce(offset, InfoChangeKind::Released);
    }
}

/// Reads the direction from the hardware into the cached flag; errors are ignored.
fn refresh_direction(chip: &dyn Chip, line: &Word, offset: Offset) {
    if let Ok(direction) = chip.direction(offset) {
        remember(line, direction);
    }
}

/// The cached direction.
pub(crate) fn is_output(line: &Word) -> bool {
    line.load(Ordering::Acquire) & flags::OUT != 0
}

/// Caches a direction.
pub(crate) fn remember(line: &Word, direction: Direction) {
    put_flag(line, flags::OUT, direction == Direction::Output);
}

/// Sets or clears a flag; writes only if that changes it.
pub(crate) fn put_flag(line: &Word, flag: u32, on: bool) {
    match (line.load(Ordering::Acquire) & flag != 0, on) {
        (false, true) => line.fetch_or(flag, Ordering::AcqRel),
        (true, false) => line.fetch_and(!flag, Ordering::AcqRel),
        (was, _) => u32::from(was),
    };
}

/// Overwrites the settings that a line has, and its cached direction if one is given.
pub(crate) fn apply(line: &Word, config: &LineConfig) {
    let word = config.to_flags();
    let (mask, word) = match config.direction {
        Some(Direction::Output) => (flags::SETTINGS | flags::OUT, word | flags::OUT),
        Some(Direction::Input) => (flags::SETTINGS | flags::OUT, word),
        None => (flags::SETTINGS, word),
    };
    // Never fails: the closure always answers a word.
    let _ = line.fetch_update(Ordering::AcqRel, Ordering::Acquire, |old| {
        Some(old & !mask | word)
    });
}

/// The settings a line has now.
pub(crate) fn config(line: &Word) -> LineConfig {
    LineConfig::from_flags(line.load(Ordering::Acquire))
}

/// Makes the line an input and applies its bias.
// KERNEL: gpiolib.c gpiod_direction_input_nonotify (v6.12).
// DIFFERS: "can set input but cannot read" is not looked for before the driver is called.
pub(crate) fn direction_input(chip: &dyn Chip, line: &Word, offset: Offset) -> Result<()> {
    match chip.direction_input(offset) {
        Ok(()) => {}
        Err(Error::Unsupported) if chip.direction(offset) == Ok(Direction::Output) => {
            return Err(Error::Io);
        }
        Err(Error::Unsupported) => {}
        Err(error) => return Err(error),
    }
    remember(line, Direction::Input);
    apply_bias(chip, config(line).bias, offset)
}

/// Makes the line an output with this logical value, emulating open drain and open source.
// KERNEL: gpiolib.c gpiod_direction_output_nonotify (v6.12).
pub(crate) fn direction_output(
    chip: &dyn Chip,
    line: &Word,
    offset: Offset,
    value: Value,
) -> Result<()> {
    let _driving = Driving::begin(line)?;
    let config = config(line);
    let level = value.level(config.active_low);
    let (native, floats) = match config.drive {
        Drive::OpenDrain => (PinConfig::DriveOpenDrain, level == Level::High),
        Drive::OpenSource => (PinConfig::DriveOpenSource, level == Level::Low),
        Drive::PushPull => (PinConfig::DrivePushPull, false),
    };
    let accepted = chip.set_config(offset, native).is_ok();
    if !accepted && floats {
        let done = direction_input(chip, line, offset);
        remember(line, Direction::Output);
        return done;
    }
    apply_bias(chip, config.bias, offset)?;
    direction_output_level(chip, line, offset, level)
}

/// Makes the line an output with this electrical level.
pub(crate) fn direction_output_level(
    chip: &dyn Chip,
    line: &Word,
    offset: Offset,
    level: Level,
) -> Result<()> {
    match chip.direction_output(offset, level) {
        Ok(()) => {}
        Err(Error::Unsupported) => {
            if chip.direction(offset) == Ok(Direction::Input) {
                return Err(Error::Io);
            }
            match chip.set(offset, level) {
                Err(Error::Unsupported) => return Err(Error::Io),
                other => other?,
            }
        }
        Err(error) => return Err(error),
    }
    remember(line, Direction::Output);
    Ok(())
}

/// Asks the chip for the bias; a chip without that resistor is left alone.
fn apply_bias(chip: &dyn Chip, bias: Bias, offset: Offset) -> Result<()> {
    let config = match bias {
        Bias::AsIs => return Ok(()),
        Bias::Disabled => PinConfig::BiasDisable,
        Bias::PullUp => PinConfig::BiasPullUp,
        Bias::PullDown => PinConfig::BiasPullDown,
    };
    ignore_unsupported(chip.set_config(offset, config))
}

pub(crate) fn ignore_unsupported(result: Result<()>) -> Result<()> {
    match result {
        Err(Error::Unsupported) => Ok(()),
        other => other,
    }
}

/// The direction, from the hardware where it can tell.
// KERNEL: gpiolib.c gpiod_get_direction (v6.12): an open-drain output is one without asking.
pub(crate) fn direction(chip: &dyn Chip, line: &Word, offset: Offset) -> Result<Direction> {
    let word = line.load(Ordering::Acquire);
    if word & flags::OPEN_DRAIN != 0 && word & flags::OUT != 0 {
        return Ok(Direction::Output);
    }
    let direction = chip.direction(offset)?;
    remember(line, direction);
    Ok(direction)
}

/// What a chip without `get` answers is `EIO`.
#[inline]
pub(crate) fn cannot_is_io<T>(result: Result<T>) -> Result<T> {
    result.map_err(|error| instead_of_unsupported(error, Error::Io))
}

/// Out of line: the good answer is then read field by field as the driver wrote it, and not
/// together with room for an error, for which the processor would have to wait.
#[cold]
#[inline(never)]
fn instead_of_unsupported(error: Error, instead: Error) -> Error {
    match error {
        Error::Unsupported => instead,
        other => other,
    }
}

/// What a chip without outputs answers is `EOPNOTSUPP`.
#[inline]
pub(crate) fn no_outputs(mut result: Result<()>) -> Result<()> {
    // In place, as the good answer is nothing but a mark that the driver has made already.
    if let Err(error) = &mut result {
        *error = instead_of_unsupported(*error, Error::OpNotSupported);
    }
    result
}

/// Sets the value of an open-drain or open-source line, which switches between input and output.
// KERNEL: gpiolib.c gpiod_set_value_nocheck (v6.12): the emulation is used even where the
// hardware accepted the mode.
pub(crate) fn set_open(chip: &dyn Chip, line: &Word, offset: Offset, value: Value) -> Result<()> {
    let word = line.load(Ordering::Acquire);
    let level = value.level(word & flags::ACTIVE_LOW != 0);
    let open_drain = word & flags::OPEN_DRAIN != 0;
    let released = if open_drain { Level::High } else { Level::Low };
    if level == released {
        return chip.direction_input(offset);
    }
    chip.direction_output(offset, level)?;
    remember(line, Direction::Output);
    Ok(())
}

/// Says, for as long as it lives, that the line is being made an output.
pub(crate) struct Driving<'a> {
    line: &'a Word,
    /// Not said by another handle already.
    is_own: bool,
}

impl<'a> Driving<'a> {
    /// `Io` if the line is armed, or about to be.
    pub(crate) fn begin(line: &'a Word) -> Result<Self> {
        let before = line.fetch_or(flags::DRIVING, Ordering::AcqRel);
        let driving = Self {
            line,
            is_own: before & flags::DRIVING == 0,
        };
        match before & flags::ARMED {
            0 => Ok(driving),
            _ => Err(Error::Io),
        }
    }
}

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        if self.is_own {
            self.line.fetch_and(!flags::DRIVING, Ordering::AcqRel);
        }
    }
}
