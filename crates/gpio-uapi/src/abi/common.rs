//! What both ABIs share: limits, the identifiers of events and changes, and chip information.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Size of name, label and consumer arrays; the last byte is always NUL on output.
pub const NAME_SIZE: usize = 32;

/// Most lines one request can hold.
pub const LINES_MAX: usize = 64;

/// A name, label or consumer, padded with NUL bytes.
pub type NameBytes = [u8; NAME_SIZE];

/// Edge event identifier: the line became active.
pub const EDGE_RISING: u32 = 1;
/// Edge event identifier: the line became inactive.
pub const EDGE_FALLING: u32 = 2;

/// Info change type: the line was requested.
pub const CHANGED_REQUESTED: u32 = 1;
/// Info change type: the line was released.
pub const CHANGED_RELEASED: u32 = 2;
/// Info change type: the line was reconfigured.
pub const CHANGED_CONFIG: u32 = 3;

/// `struct gpiochip_info`: the answer of `GPIO_GET_CHIPINFO`.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct ChipInfo {
    /// The device's name, `gpiochipN`.
    pub name: NameBytes,
    /// What the driver calls the chip.
    pub label: NameBytes,
    /// How many lines the chip has.
    pub lines: u32,
}
layout!(ChipInfo, size 68, align 4, { name @ 0, label @ 32, lines @ 64 });

/// The bytes of `name` up to the first NUL.
pub fn until_nul(name: &[u8]) -> &[u8] {
    let end = name.iter().position(|&byte| byte == 0);
    &name[..end.unwrap_or(name.len())]
}

/// Packs `text` into a name array: cut at the first NUL and after 31 bytes, zero beyond.
pub fn to_name(text: &[u8]) -> NameBytes {
    let text = until_nul(text);
    let length = text.len().min(NAME_SIZE - 1);
    let mut name = [0; NAME_SIZE];
    name[..length].copy_from_slice(&text[..length]);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_padded() {
        assert_eq!(until_nul(&to_name(b"led")), b"led");
        assert_eq!(until_nul(&to_name(b"a\0b")), b"a");
        assert_eq!(until_nul(&to_name(&[b'z'; 50])), [b'z'; 31]);
        assert_eq!(to_name(b""), [0; 32]);
        assert_eq!(until_nul(&[b'q'; 32]), [b'q'; 32]);
    }
}
