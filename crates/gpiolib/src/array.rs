//! Arrays: many descriptors read or set at once, with one driver call per chip where the order allows.

use alloc::vec::Vec;

use crate::{Desc, Drive, Error, Level, Offset, Result, Value, ops};

/// A descriptor and the bit that stands for it.
pub(crate) type Member<'a> = (usize, &'a Desc);

/// The members of an array that a bit mask selects, with their places; at most 64 count.
fn selected(descs: &[Desc], mask: u64) -> impl Iterator<Item = Member<'_>> {
    descs
        .iter()
        .take(64)
        .enumerate()
        .filter(move |(index, _)| mask >> index & 1 == 1)
}

/// Calls `group` for each run of members on the same chip.
// KERNEL: gpiolib.c gpiod_get_array_value_complex (v6.12): consecutive members of one chip.
// DIFFERS: there is no cache of "all members in order", so none can be wrong.
fn by_chip(
    members: &[Member<'_>],
    mut group: impl FnMut(&[Member<'_>], &[Offset]) -> Result<()>,
) -> Result<()> {
    for run in members.chunk_by(|(_, one), (_, next)| one.own().is_same(next.own())) {
        let offsets: Vec<Offset> = run.iter().map(|(_, desc)| desc.own_offset()).collect();
        group(run, &offsets)?;
    }
    Ok(())
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
/// let lines: Result<Vec<_>, _> = sim.device().lines().map(|line| line.request("bus".into())).collect();
/// sim.set_pull(Offset::new(2), Level::High, Timestamp::default())?;
/// assert_eq!(gpiolib::values(&lines?, 0b110)?, 0b100);
/// # Ok::<(), gpiolib::Error>(())
/// ```
pub fn values(descs: &[Desc], mask: u64) -> Result<u64> {
    if let Some((index, desc)) = only(descs, mask) {
        return Ok(u64::from(desc.value()?.is_active()) << index);
    }
    let members: Vec<Member<'_>> = selected(descs, mask).collect();
    read(&members)
}

/// The member that a mask selects, if it is one: what most programs ask for, and needs no list.
fn only(descs: &[Desc], mask: u64) -> Option<Member<'_>> {
    let index = mask.trailing_zeros() as usize;
    (mask.is_power_of_two()).then(|| Some((index, descs.get(index)?)))?
}

/// Reads the logical values of members, each into its own bit.
pub(crate) fn read(members: &[Member<'_>]) -> Result<u64> {
    let mut found = 0;
    by_chip(members, |run, offsets| {
        let Some((_, first)) = run.first() else {
            return Ok(());
        };
        let levels = first.call(|chip| ops::cannot_is_io(chip.get_multiple(offsets)))?;
        for (place, (index, desc)) in run.iter().enumerate() {
            let level = Level::from(levels >> place & 1 == 1);
            found |= u64::from(level.value(desc.config().active_low).is_active()) << index;
        }
        Ok(())
    })?;
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
/// let lines: Result<Vec<_>, _> = sim.device().lines().map(|line| line.request("bus".into())).collect();
/// let lines = lines?;
/// for line in &lines {
///     line.direction_output(Value::Inactive)?;
/// }
/// gpiolib::set_values(&lines, 0b011, 0b101)?;
/// assert_eq!(gpiolib::values(&lines, 0b111)?, 0b001, "the third is outside the mask");
/// # Ok::<(), gpiolib::Error>(())
/// ```
pub fn set_values(descs: &[Desc], mask: u64, values: u64) -> Result<()> {
    if let Some((index, desc)) = only(descs, mask)
        && desc.config().drive == Drive::PushPull
    {
        return desc.set_value(Value::from(values >> index & 1 == 1));
    }
    write(selected(descs, mask).collect(), values)
}

/// Sets the logical values of members, each from its own bit.
// KERNEL: gpiolib.c gpiod_set_array_value_complex (v6.12): open drain and open source are switched
// one by one, errors ignored, then the others are written in one driver call.
// DIFFERS: that the chip is gone is not ignored.
pub(crate) fn write(members: Vec<Member<'_>>, values: u64) -> Result<()> {
    let value = |index: usize| Value::from(values >> index & 1 == 1);
    let (driven, switched): (Vec<_>, Vec<_>) = members
        .into_iter()
        .partition(|(_, desc)| desc.config().drive == Drive::PushPull);
    for (index, desc) in switched {
        if let Err(Error::Revoked) = desc.set_value(value(index)) {
            return Err(Error::Revoked);
        }
    }
    by_chip(&driven, |run, offsets| {
        let Some((_, first)) = run.first() else {
            return Ok(());
        };
        let mut levels = 0;
        for (place, (index, desc)) in run.iter().enumerate() {
            levels |= u64::from(value(*index).level(desc.config().active_low).is_high()) << place;
        }
        first.call(|chip| ops::no_outputs(chip.set_multiple(offsets, levels)))
    })
}
