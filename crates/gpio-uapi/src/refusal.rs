//! Why a call was refused: which check failed, and at which line.
//!
//! Every check of this crate returns a [`Refusal`]; the program sees only its errno. The code that
//! carries the call receives the rest ([`Caller::refused`](crate::Caller::refused)), and may show it to a
//! person. [`Reason::ALL`] is every check with its errno, in the words of this one table.

use core::fmt;

use gpiolib::{Errno, Error, Offset};

use crate::mem::MemoryFault;

/// Defines [`Reason`], one line a check: name, errno, what is wrong.
macro_rules! reasons {
    ($($name:ident: $errno:ident, $text:literal;)*) => {
        /// A check that failed.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[non_exhaustive]
        pub enum Reason {
            $(#[doc = concat!("`", stringify!($errno), "`: ", $text, ".")] $name,)*
            /// The core or the driver refused.
            Core(Error),
            /// The caller has no free descriptor, or no memory.
            Caller(Errno),
        }

        impl Reason {
            /// Every check of this crate.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What the program sees.
            pub const fn errno(self) -> Errno {
                match self {
                    $(Self::$name => Errno::$errno,)*
                    Self::Core(error) => error.errno(),
                    Self::Caller(errno) => errno,
                }
            }
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name => f.write_str($text),)*
                    Self::Core(error) => error.fmt(f),
                    Self::Caller(Errno::ENOMEM) => f.write_str("no memory is left"),
                    Self::Caller(_) => f.write_str("no descriptor is free"),
                }
            }
        }
    };
}

reasons! {
    Gone: ENODEV, "the chip is gone";
    Memory: EFAULT, "the argument does not point to memory that can be read and written";
    UnknownCommand: EINVAL, "this kind of file has no such ioctl";
    LineCount: EINVAL, "a request is for 1 to 64 lines";
    RequestPadding: EINVAL, "the padding of the request is not zero";
    TooManyAttributes: EINVAL, "a configuration has at most 10 attributes";
    ConfigPadding: EINVAL, "the padding of the configuration is not zero";
    AttributePadding: EINVAL, "the padding of an attribute is not zero";
    UnusedAttribute: EINVAL, "an attribute beyond num_attrs is not zero";
    UnknownFlag: EINVAL, "there is no such flag";
    UsedFlag: EINVAL, "USED is for line information, nobody can ask for it";
    HardwareClock: EOPNOTSUPP, "there is no hardware timestamp engine";
    TwoDirections: EINVAL, "INPUT and OUTPUT exclude each other";
    EdgesOfNoInput: EINVAL, "edges need INPUT";
    TwoDrives: EINVAL, "OPEN_DRAIN and OPEN_SOURCE exclude each other";
    DriveOfNoOutput: EINVAL, "a drive needs OUTPUT";
    SeveralBiases: EINVAL, "only one bias at a time";
    BiasOfNoDirection: EINVAL, "bias needs a direction";
    DebounceOfNoInput: EINVAL, "debouncing needs INPUT, even with a period of 0";
    NoDirection: EINVAL, "a line handle is configured with a direction";
    OutputFlagOnEvent: EINVAL, "a line event is an input";
    UnknownEdge: EINVAL, "there are rising and falling edges only";
    InfoPadding: EINVAL, "the padding of the line information is not zero";
    NoSuchLine: EINVAL, "the chip has no such line";
    Held: EBUSY, "the line is held";
    OtherAbi: EPERM, "this file watches with the other ABI already";
    AlreadyWatched: EBUSY, "this file watches the line already";
    NotWatched: EBUSY, "this file does not watch the line";
    BufferOfOne: EINVAL, "event buffer of 1 with edges";
    NoEdges: ENXIO, "the line cannot report edges";
    NoEdgesV1: ENODEV, "the line cannot report edges (ENXIO in the second ABI)";
    EmptyMask: EINVAL, "the mask selects no line of the request";
    NotOutput: EPERM, "the line is not an output";
}

/// A check that failed, and for which line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The check.
    pub reason: Reason,
    /// The line, if it is about one.
    pub line: Option<LineRef>,
}

/// Which line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LineRef {
    /// By its place in the request.
    Index(usize),
    /// By its offset in the chip.
    Line(Offset),
}

impl Refusal {
    /// What the program sees.
    pub const fn errno(self) -> Errno {
        self.reason.errno()
    }

    /// The same, about this line.
    pub(crate) const fn at(self, line: Offset) -> Self {
        Self {
            line: Some(LineRef::Line(line)),
            ..self
        }
    }

    /// The same, about the line at this place in the request.
    pub(crate) const fn at_index(self, index: usize) -> Self {
        Self {
            line: Some(LineRef::Index(index)),
            ..self
        }
    }

    /// The same with the line by its offset, where these are the offsets of the request.
    pub(crate) fn among(self, mut offset_of: impl FnMut(usize) -> Option<Offset>) -> Self {
        match self.line {
            Some(LineRef::Index(index)) => offset_of(index).map_or(self, |line| self.at(line)),
            _ => self,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            None => {}
            Some(LineRef::Line(offset)) => write!(f, "line {offset}: ")?,
            Some(LineRef::Index(index)) => write!(f, "the line at {index}: ")?,
        }
        self.reason.fmt(f)
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, line: None }
    }
}

impl From<MemoryFault> for Refusal {
    fn from(_: MemoryFault) -> Self {
        Reason::Memory.into()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let reason = match error {
            Error::Revoked => Reason::Gone,
            Error::NotOutput => Reason::NotOutput,
            Error::NoEdges => Reason::NoEdges,
            other => Reason::Core(other),
        };
        reason.into()
    }
}

impl From<Refusal> for Errno {
    fn from(refusal: Refusal) -> Self {
        refusal.errno()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_refusal_says_where_and_why() {
        let refusal = Refusal::from(Reason::BiasOfNoDirection).at_index(1);
        assert_eq!(refusal.to_string(), "the line at 1: bias needs a direction");
        let offsets = [Offset::new(7), Offset::new(3)];
        let refusal = refusal.among(|index| offsets.get(index).copied());
        assert_eq!(refusal.to_string(), "line 3: bias needs a direction");
        assert_eq!(Errno::from(refusal), Errno::EINVAL);
        let other = Refusal::from(Error::Driver(Errno::EIO));
        assert_eq!(other.to_string(), "the driver answered EIO");
        assert_eq!(other.errno(), Errno::EIO);
    }

    #[test]
    fn reasons_are_told_apart_by_their_words() {
        for (index, reason) in Reason::ALL.iter().enumerate() {
            let words = reason.to_string();
            let rest = &Reason::ALL[index + 1..];
            assert!(
                rest.iter().all(|other| other.to_string() != words),
                "{words}"
            );
        }
    }
}
