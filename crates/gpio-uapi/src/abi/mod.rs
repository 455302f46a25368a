//! The raw layout of `<linux/gpio.h>`: structures, flag words and ioctl numbers, without behaviour.
//!
//! [`common`] has what both ABIs share, [`v1`] and [`v2`] the structures of each, [`ioctl`] the
//! command numbers. Every structure is plain bytes: all bit patterns are valid, no byte is
//! unnamed, and sizes and offsets are asserted when the crate is compiled. Nothing here judges a
//! value; that is [`crate::repr`]'s job. Callers: `repr`, the open files, and client programs.

pub use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// Asserts the size, alignment and field offsets of a structure at compile time.
macro_rules! layout {
    ($type:ty, size $size:literal, align $align:literal, { $($field:ident @ $offset:literal),+ $(,)? }) => {
        const _: () = {
            assert!(size_of::<$type>() == $size);
            assert!(align_of::<$type>() == $align);
            $(assert!(core::mem::offset_of!($type, $field) == $offset);)+
        };

        impl Default for $type {
            /// All bytes zero.
            fn default() -> Self {
                zerocopy::FromZeros::new_zeroed()
            }
        }
    };
}

pub mod common;
pub mod ioctl;
pub mod v1;
pub mod v2;
