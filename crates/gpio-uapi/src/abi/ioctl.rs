//! The fifteen ioctl numbers, computed from direction, number and structure, and their names.
//!
//! The encoding is the generic one (x86, Arm, RISC-V); commands compare as exact 32-bit values.

use super::common::ChipInfo;
use super::{v1, v2};

const TYPE: u32 = 0xB4;

/// Which way the structure travels, as encoded in bits 30 and 31.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum Transfer {
    /// The caller only receives (`_IOR`).
    Read = 2,
    /// The caller passes a structure and receives it back (`_IOWR`).
    ReadWrite = 3,
}

/// The command number of `(transfer, number, size)` with the GPIO type byte.
///
/// # Panics
///
/// When `size` does not fit the 14 bits a command has for it.
pub const fn encode(transfer: Transfer, number: u8, size: usize) -> u32 {
    assert!(size < 1 << 14, "an ioctl's size has 14 bits");
    #[expect(clippy::cast_possible_truncation, reason = "asserted above")]
    let size = size as u32;
    ((transfer as u32) << 30) | (size << 16) | (TYPE << 8) | number as u32
}

/// Size of the structure a command carries, read from the command itself.
pub const fn size(command: u32) -> usize {
    ((command >> 16) & 0x3FFF) as usize
}

const fn read<T>(number: u8) -> u32 {
    encode(Transfer::Read, number, size_of::<T>())
}

const fn read_write<T>(number: u8) -> u32 {
    encode(Transfer::ReadWrite, number, size_of::<T>())
}

macro_rules! commands {
    ($($(#[$doc:meta])+ $name:ident = $value:expr;)+) => {
        $($(#[$doc])+ pub const $name: u32 = $value;)+

        /// Every command with its name in `<linux/gpio.h>`, in the order of their numbers.
        pub const ALL: &[(u32, &str)] = &[$(($name, stringify!($name))),+];
    };
}

commands! {
    /// Chip file: who are you and how many lines.
    GPIO_GET_CHIPINFO = read::<ChipInfo>(0x01);
    /// Chip file, v1: information about a line.
    GPIO_GET_LINEINFO = read_write::<v1::LineInfoV1>(0x02);
    /// Chip file, v1: request lines.
    GPIO_GET_LINEHANDLE = read_write::<v1::HandleRequest>(0x03);
    /// Chip file, v1: request a line for its edges.
    GPIO_GET_LINEEVENT = read_write::<v1::EventRequest>(0x04);
    /// Chip file, v2: information about a line.
    GPIO_V2_GET_LINEINFO = read_write::<v2::LineInfo>(0x05);
    /// Chip file, v2: information about a line, and a record of each later change.
    GPIO_V2_GET_LINEINFO_WATCH = read_write::<v2::LineInfo>(0x06);
    /// Chip file, v2: request lines.
    GPIO_V2_GET_LINE = read_write::<v2::LineRequest>(0x07);
    /// Line handle and line event, v1: read values.
    GPIOHANDLE_GET_LINE_VALUES = read_write::<v1::HandleData>(0x08);
    /// Line handle, v1: set values.
    GPIOHANDLE_SET_LINE_VALUES = read_write::<v1::HandleData>(0x09);
    /// Line handle, v1: reconfigure.
    GPIOHANDLE_SET_CONFIG = read_write::<v1::HandleConfig>(0x0A);
    /// Chip file, v1: information about a line, and a record of each later change.
    GPIO_GET_LINEINFO_WATCH = read_write::<v1::LineInfoV1>(0x0B);
    /// Chip file, both ABIs: no more records for a line.
    GPIO_GET_LINEINFO_UNWATCH = read_write::<u32>(0x0C);
    /// Line request, v2: reconfigure.
    GPIO_V2_LINE_SET_CONFIG = read_write::<v2::LineConfig>(0x0D);
    /// Line request, v2: read values.
    GPIO_V2_LINE_GET_VALUES = read_write::<v2::LineValues>(0x0E);
    /// Line request, v2: set values.
    GPIO_V2_LINE_SET_VALUES = read_write::<v2::LineValues>(0x0F);
}

/// The command's name in `<linux/gpio.h>`, for traces and messages.
pub fn name(command: u32) -> Option<&'static str> {
    ALL.iter()
        .find(|(number, _)| *number == command)
        .map(|&(_, name)| name)
}

/// The command with that name in `<linux/gpio.h>`.
pub fn by_name(name: &str) -> Option<u32> {
    ALL.iter()
        .find(|(_, known)| *known == name)
        .map(|&(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_linux() {
        let expected = [
            0x8044_B401,
            0xC048_B402,
            0xC16C_B403,
            0xC030_B404,
            0xC100_B405,
            0xC100_B406,
            0xC250_B407,
            0xC040_B408,
            0xC040_B409,
            0xC054_B40A,
            0xC048_B40B,
            0xC004_B40C,
            0xC110_B40D,
            0xC010_B40E,
            0xC010_B40F,
        ];
        let numbers: [u32; 15] = core::array::from_fn(|index| ALL[index].0);
        assert_eq!(numbers, expected);
    }

    #[test]
    fn names_and_sizes_are_found() {
        assert_eq!(name(0xC250_B407), Some("GPIO_V2_GET_LINE"));
        assert_eq!(by_name("GPIO_V2_GET_LINE"), Some(0xC250_B407));
        assert_eq!(size(GPIO_V2_GET_LINE), 592);
        assert_eq!(name(0x5401), None);
    }
}
