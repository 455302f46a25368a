//! One classic BPF instruction, made by named constructors and shown in the usual assembler notation.
//!
//! Used by `filter` to assemble and by its tests to interpret; `sys::seccomp` passes it to the kernel as it is.

use core::fmt;

/// Load a word at an absolute offset of `seccomp_data`.
pub(crate) const LD_ABS: u16 = 0x20;
/// Jump if the accumulator equals the constant.
pub(crate) const JEQ: u16 = 0x15;
/// Jump if the accumulator is above the constant.
pub(crate) const JGT: u16 = 0x25;
/// Jump if the accumulator is at least the constant.
pub(crate) const JGE: u16 = 0x35;
/// Jump if the accumulator equals X.
pub(crate) const JEQ_X: u16 = 0x1d;
/// Accumulator &= constant.
pub(crate) const AND: u16 = 0x54;
/// Accumulator /= constant.
pub(crate) const DIV: u16 = 0x34;
/// Accumulator *= constant.
pub(crate) const MUL: u16 = 0x24;
/// X = accumulator.
pub(crate) const TAX: u16 = 0x07;
/// Return the constant.
pub(crate) const RET: u16 = 0x06;

/// Offset of `nr` in `seccomp_data`.
pub(crate) const NR: u32 = 0;
/// Offset of `arch` in `seccomp_data`.
pub(crate) const ARCH: u32 = 4;
/// Offset of `args` in `seccomp_data`.
pub(crate) const ARGS: u32 = 16;

/// One instruction, laid out as `struct sock_filter`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(C)]
pub struct Insn {
    pub(crate) code: u16,
    pub(crate) jt: u8,
    pub(crate) jf: u8,
    pub(crate) k: u32,
}

impl Insn {
    const fn plain(code: u16, k: u32) -> Self {
        Self {
            code,
            jt: 0,
            jf: 0,
            k,
        }
    }

    pub(crate) const fn load_nr() -> Self {
        Self::plain(LD_ABS, NR)
    }

    pub(crate) const fn load_arch() -> Self {
        Self::plain(LD_ABS, ARCH)
    }

    /// Loads the low half of an argument: the first on the little-endian machines we know.
    pub(crate) const fn load_low(arg: u8) -> Self {
        Self::plain(LD_ABS, ARGS + 8 * arg as u32)
    }

    /// Loads the high half of an argument.
    pub(crate) const fn load_high(arg: u8) -> Self {
        Self::plain(LD_ABS, ARGS + 8 * arg as u32 + 4)
    }

    pub(crate) const fn and(mask: u32) -> Self {
        Self::plain(AND, mask)
    }

    pub(crate) const fn divide(by: u32) -> Self {
        Self::plain(DIV, by)
    }

    pub(crate) const fn multiply(by: u32) -> Self {
        Self::plain(MUL, by)
    }

    pub(crate) const fn copy_to_x() -> Self {
        Self::plain(TAX, 0)
    }

    pub(crate) const fn ret(value: u32) -> Self {
        Self::plain(RET, value)
    }

    pub(crate) const fn skip_if_equal(k: u32, skip: u8) -> Self {
        Self {
            code: JEQ,
            jt: skip,
            jf: 0,
            k,
        }
    }

    pub(crate) const fn skip_if_above(k: u32, skip: u8) -> Self {
        Self {
            code: JGT,
            jt: skip,
            jf: 0,
            k,
        }
    }

    pub(crate) const fn skip_if_below(k: u32, skip: u8) -> Self {
        Self {
            code: JGE,
            jt: 0,
            jf: skip,
            k,
        }
    }

    pub(crate) const fn skip_unless_equal_x(skip: u8) -> Self {
        Self {
            code: JEQ_X,
            jt: 0,
            jf: skip,
            k: 0,
        }
    }

    /// # Panics
    ///
    /// If `skip` is above 255, which no rule's body is.
    pub(crate) fn skip_unless_equal(k: u32, skip: usize) -> Self {
        let jf = u8::try_from(skip).expect("the body of a rule is a dozen instructions");
        Self {
            code: JEQ,
            jt: 0,
            jf,
            k,
        }
    }
}

impl fmt::Display for Insn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, jt, jf, k } = *self;
        match code {
            LD_ABS => match k {
                NR => write!(f, "ld nr"),
                ARCH => write!(f, "ld arch"),
                _ => {
                    let half = if (k - ARGS).is_multiple_of(8) {
                        "low"
                    } else {
                        "high"
                    };
                    write!(f, "ld arg{}.{half}", (k - ARGS) / 8)
                }
            },
            JEQ => write!(f, "jeq {k:#x} +{jt} +{jf}"),
            JGT => write!(f, "jgt {k:#x} +{jt} +{jf}"),
            JGE => write!(f, "jge {k:#x} +{jt} +{jf}"),
            JEQ_X => write!(f, "jeq x +{jt} +{jf}"),
            AND => write!(f, "and {k:#x}"),
            DIV => write!(f, "div {k}"),
            MUL => write!(f, "mul {k}"),
            TAX => write!(f, "tax"),
            RET => match k & libc::SECCOMP_RET_ACTION_FULL {
                libc::SECCOMP_RET_ALLOW => write!(f, "ret allow"),
                libc::SECCOMP_RET_USER_NOTIF => write!(f, "ret notify"),
                libc::SECCOMP_RET_ERRNO => write!(f, "ret errno {}", k & libc::SECCOMP_RET_DATA),
                _ => write!(f, "ret {k:#x}"),
            },
            _ => write!(f, "code {code:#x} {jt} {jf} {k:#x}"),
        }
    }
}
