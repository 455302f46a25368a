//! The GPIO ioctls, one function each, over one unsafe call.
//!
//! The only file of this crate with `unsafe`. [`call`] takes any GPIO command together with the
//! structure whose size the command states; the functions below it pair them. Called by
//! [`super::chip`] and [`super::request`].
#![expect(unsafe_code, reason = "system calls that rustix has no function for")]

use core::ffi::c_void;
use core::ptr;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};

use gpio_uapi::abi::common::ChipInfo;
use gpio_uapi::abi::v2::{LineInfo, LineRequest, LineValues};
use gpio_uapi::abi::{FromBytes, FromZeros, IntoBytes, ioctl};
use rustix::io::{Errno, Result};
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode};

/// A GPIO command and the structure that travels with it.
struct Payload<'a, const COMMAND: u32, T>(&'a mut T);

// SAFETY: a GPIO command carries no pointer besides its argument, and Linux reads and writes as many
// bytes there as bits 16..30 of the command say; `as_ptr` gives a writable `T` of that size, asserted
// at compile time, and `T: FromBytes` accepts whatever is written.
unsafe impl<const COMMAND: u32, T: FromBytes + IntoBytes> Ioctl for Payload<'_, COMMAND, T> {
    type Output = ();

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        const { assert!(ioctl::size(COMMAND) == size_of::<T>()) };
        Opcode::from(COMMAND)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        ptr::from_mut(self.0).cast()
    }

    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> Result<()> {
        Ok(())
    }
}

fn call<const COMMAND: u32, T: FromBytes + IntoBytes>(
    file: BorrowedFd<'_>,
    payload: &mut T,
) -> Result<()> {
    // SAFETY: `Payload` describes the call truthfully, as its `Ioctl` implementation proves.
    unsafe { rustix::ioctl::ioctl(file, Payload::<COMMAND, T>(payload)) }
}

/// `GPIO_GET_CHIPINFO` on a chip file.
///
/// # Errors
/// ENODEV if the chip is gone; ENOTTY and others if the file is no chip.
pub(super) fn get_chipinfo(chip: BorrowedFd<'_>) -> Result<ChipInfo> {
    let mut info = ChipInfo::new_zeroed();
    call::<{ ioctl::GPIO_GET_CHIPINFO }, _>(chip, &mut info)?;
    Ok(info)
}

/// `GPIO_V2_GET_LINEINFO` on a chip file.
///
/// # Errors
/// ENODEV if the chip is gone, EINVAL if it has no such line.
pub(super) fn get_lineinfo(chip: BorrowedFd<'_>, offset: u32) -> Result<LineInfo> {
    let mut info = LineInfo::new_zeroed();
    info.offset = offset;
    call::<{ ioctl::GPIO_V2_GET_LINEINFO }, _>(chip, &mut info)?;
    Ok(info)
}

/// `GPIO_V2_GET_LINEINFO_WATCH` on a chip file.
///
/// # Errors
/// As [`get_lineinfo`]; EBUSY if the file watches the line already.
pub(super) fn get_lineinfo_watch(chip: BorrowedFd<'_>, offset: u32) -> Result<LineInfo> {
    let mut info = LineInfo::new_zeroed();
    info.offset = offset;
    call::<{ ioctl::GPIO_V2_GET_LINEINFO_WATCH }, _>(chip, &mut info)?;
    Ok(info)
}

/// `GPIO_V2_GET_LINE` on a chip file: the file of the new line request.
///
/// # Errors
/// EBUSY if a line is in use, ENXIO if it cannot report edges, EINVAL, ENODEV and the driver's.
pub(super) fn get_line(chip: BorrowedFd<'_>, request: &mut LineRequest) -> Result<OwnedFd> {
    request.fd = -1;
    call::<{ ioctl::GPIO_V2_GET_LINE }, _>(chip, request)?;
    if request.fd < 0 {
        return Err(Errno::BADF);
    }
    // SAFETY: the call succeeded, so `fd` is a descriptor it opened for us and nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(request.fd) })
}

/// `GPIO_V2_LINE_GET_VALUES` on a line request: the logical values of the lines in `mask`.
///
/// # Errors
/// EINVAL if `mask` names no line, ENODEV and the driver's.
pub(super) fn line_get_values(request: BorrowedFd<'_>, mask: u64) -> Result<u64> {
    let mut values = LineValues { bits: 0, mask };
    call::<{ ioctl::GPIO_V2_LINE_GET_VALUES }, _>(request, &mut values)?;
    Ok(values.bits)
}

/// `GPIO_V2_LINE_SET_VALUES` on a line request: drives the lines in `mask`.
///
/// # Errors
/// EPERM if a line is not an output, EINVAL if `mask` names no line, ENODEV and the driver's.
pub(super) fn line_set_values(request: BorrowedFd<'_>, bits: u64, mask: u64) -> Result<()> {
    let mut values = LineValues { bits, mask };
    call::<{ ioctl::GPIO_V2_LINE_SET_VALUES }, _>(request, &mut values)
}
