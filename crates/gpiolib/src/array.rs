//! Arrays: many descriptors read or set at once, with one driver call per chip where the order allows.

use core::borrow::Borrow;

use crate::{Desc, Drive, Error, Level, Offset, Result, Value, ops};

/// How many members an array has at most: as many as a mask has bits.
const MOST: usize = 64;

/// Consecutive members of an array that are lines of one chip.
// KERNEL: gpiolib.c gpiod_get_array_value_complex (v6.12): consecutive members of one chip.
// DIFFERS: there is no cache of "all members in order", so none can be wrong.
struct Run<'a> {
    first: &'a Desc,
    /// Which members, by their bits, and their lines.
    places: [u8; MOST],
    offsets: [Offset; MOST],
    len: usize,
}

impl<'a> Run<'a> {
    /// Takes the next run out of the members that `mask` still selects.
    fn take(member: &impl Fn(usize) -> Option<&'a Desc>, mask: &mut u64) -> Option<Self> {
        let first = member(mask.trailing_zeros() as usize)?;
        let mut run = Self {
            first,
            places: [0; MOST],
            offsets: [Offset::default(); MOST],
            len: 0,
        };
        while *mask != 0 {
            let place = mask.trailing_zeros();
            let Some(desc) = member(place as usize).filter(|desc| desc.own().is_same(first.own()))
            else {
                break;
            };
            if let (Some(at), Some(offset)) =
                (run.places.get_mut(run.len), run.offsets.get_mut(run.len))
            {
                (*at, *offset) = (u8::try_from(place).unwrap_or(0), desc.own_offset());
                run.len += 1;
            }
            *mask &= *mask - 1;
        }
        Some(run)
    }

    fn offsets(&self) -> &[Offset] {
        self.offsets.get(..self.len).unwrap_or_default()
    }

    /// The bits of the members, in order.
    fn places(&self) -> impl Iterator<Item = usize> + '_ {
        self.places
            .iter()
            .take(self.len)
            .map(|place| usize::from(*place))
    }
}

/// The bits of a mask that an array with so many members has.
pub(crate) const fn within(mask: u64, members: usize) -> u64 {
    match members {
        0..MOST => mask & !(u64::MAX << members),
        _ => mask,
    }
}

/// Reads the logical values of up to 64 descriptors, one driver call per chip. Bit *i* is for
/// `descs[i]`; members outside `mask` read 0.
///
/// # Errors
/// `Revoked`; `Io` if a chip cannot read; the driver's.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::{Level, Offset, Timestamp};
///
/// let sim = Sim::simple(3)?;
/// let lines: Result<Vec<_>, _> = sim.device().lines().map(|line| line.request("bus")).collect();
/// let lines = lines?;
/// sim.set_pull(Offset::new(2), Level::High, Timestamp::default())?;
/// assert_eq!(gpiolib::values(&lines, 0b110)?, 0b100);
/// assert_eq!(gpiolib::values(&[&lines[2], &lines[0]], 0b11)?, 0b01, "references, in any order");
/// # Ok::<(), gpiolib::Error>(())
/// ```
pub fn values<D: Borrow<Desc>>(descs: &[D], mask: u64) -> Result<u64> {
    let mask = within(mask, descs.len());
    if let Some((index, desc)) = only(descs, mask) {
        return Ok(u64::from(desc.value()?.is_active()) << index);
    }
    read(|index| descs.get(index).map(Borrow::borrow), mask)
}

/// The member that a mask selects, if it is one: what most programs ask for, and needs no run.
fn only<D: Borrow<Desc>>(descs: &[D], mask: u64) -> Option<(usize, &Desc)> {
    let index = mask.trailing_zeros() as usize;
    (mask.is_power_of_two()).then(|| Some((index, descs.get(index)?.borrow())))?
}

/// Reads the logical values of the members that `mask` selects, each into its own bit.
pub(crate) fn read<'a>(member: impl Fn(usize) -> Option<&'a Desc>, mut mask: u64) -> Result<u64> {
    let mut found = 0;
    while let Some(run) = Run::take(&member, &mut mask) {
        let levels = run
            .first
            .call(|chip| ops::cannot_is_io(chip.get_multiple(run.offsets())))?;
        for (bit, place) in run.places().enumerate() {
            let active_low = member(place).is_some_and(|desc| desc.config().active_low);
            let level = Level::from(levels >> bit & 1 == 1);
            found |= u64::from(level.value(active_low).is_active()) << place;
        }
    }
    Ok(found)
}

/// Sets the logical values of up to 64 descriptors. Bit *i* of `values` is for `descs[i]`; members
/// outside `mask` are left alone.
///
/// # Errors
/// `Revoked`; `OpNotSupported` if a chip has no outputs; the driver's. Chips before the one that
/// failed are set.
///
/// ```
/// use gpio_sim::Sim;
/// use gpiolib::Value;
///
/// let sim = Sim::simple(3)?;
/// let lines: Result<Vec<_>, _> = sim.device().lines().map(|line| line.request("bus")).collect();
/// let lines = lines?;
/// for line in &lines {
///     line.direction_output(Value::Inactive)?;
/// }
/// gpiolib::set_values(&lines, 0b011, 0b101)?;
/// assert_eq!(gpiolib::values(&lines, 0b111)?, 0b001, "the third is outside the mask");
/// # Ok::<(), gpiolib::Error>(())
/// ```
pub fn set_values<D: Borrow<Desc>>(descs: &[D], mask: u64, values: u64) -> Result<()> {
    let mask = within(mask, descs.len());
    if let Some((index, desc)) = only(descs, mask)
        && desc.config().drive == Drive::PushPull
    {
        return desc.set_value(Value::from(values >> index & 1 == 1));
    }
    write(|index| descs.get(index).map(Borrow::borrow), mask, values)
}

/// Sets the logical values of the members that `mask` selects, each from its own bit.
// KERNEL: gpiolib.c gpiod_set_array_value_complex (v6.12): open drain and open source are switched
// one by one, errors ignored, then the others are written in one driver call.
// DIFFERS: that the chip is gone is not ignored.
pub(crate) fn write<'a>(
    member: impl Fn(usize) -> Option<&'a Desc>,
    mask: u64,
    values: u64,
) -> Result<()> {
    let value = |place: usize| Value::from(values >> place & 1 == 1);
    let mut driven = mask;
    for place in (0..MOST).filter(|place| mask >> place & 1 == 1) {
        let Some(desc) = member(place).filter(|desc| desc.config().drive != Drive::PushPull) else {
            continue;
        };
        driven &= !(1 << place);
        if let Err(Error::Revoked) = desc.set_value(value(place)) {
            return Err(Error::Revoked);
        }
    }
    while let Some(run) = Run::take(&member, &mut driven) {
        let mut levels = 0;
        for (bit, place) in run.places().enumerate() {
            let active_low = member(place).is_some_and(|desc| desc.config().active_low);
            levels |= u64::from(value(place).level(active_low).is_high()) << bit;
        }
        run.first
            .call(|chip| ops::no_outputs(chip.set_multiple(run.offsets(), levels)))?;
    }
    Ok(())
}
