//! What each ioctl checks, in the order in which it does.
//!
//! The words of a check are the engine's own ([`gpio_uapi::Reason`]), so that what is explained offline
//! is what `ugpio run --explain` says. [`super`] prints this table.

use gpio_uapi::Reason::{self, *};
use gpio_uapi::abi::ioctl;

/// One thing that can go wrong.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A check of the engine.
    Check(Reason),
    /// A failure elsewhere: errno and words.
    Other(&'static str, &'static str),
}

/// One ioctl.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// Its number.
    pub(super) command: u32,
    /// The files that have it.
    pub(super) file: &'static str,
    /// What it is for.
    pub(super) purpose: &'static str,
    /// What can go wrong, in order.
    pub(super) steps: &'static [Step],
}

const fn check(reason: Reason) -> Step {
    Step::Check(reason)
}

const MEMORY_OUT: Step = Step::Other(
    "EFAULT",
    "the answer cannot be written to the argument; what was done is undone",
);
const NO_FILE: Step = Step::Other(
    "EMFILE",
    "no descriptor is free (ENFILE: in the whole system); the lines are released again",
);
const DRIVER: Step = Step::Other("EIO", "the driver cannot do it, or its bus failed");

const INFO: &[Step] = &[
    check(Gone),
    check(Memory),
    check(InfoPadding),
    check(NoSuchLine),
    MEMORY_OUT,
];

const INFO_V1: &[Step] = &[check(Gone), check(Memory), check(NoSuchLine), MEMORY_OUT];

const WATCH: &[Step] = &[
    check(Gone),
    check(Memory),
    check(InfoPadding),
    check(NoSuchLine),
    check(OtherAbi),
    check(AlreadyWatched),
    MEMORY_OUT,
];

const WATCH_V1: &[Step] = &[
    check(Gone),
    check(Memory),
    check(NoSuchLine),
    check(OtherAbi),
    check(AlreadyWatched),
    MEMORY_OUT,
];

/// The checks of a configuration of the second ABI, for one line after the other from `UnknownFlag` on.
macro_rules! with_config_v2 {
    ([$($before:expr),*], [$($after:expr),*]) => {
        &[
            $($before,)*
            check(TooManyAttributes),
            check(ConfigPadding),
            check(AttributePadding),
            check(UnusedAttribute),
            check(UnknownFlag),
            check(UsedFlag),
            check(HardwareClock),
            check(TwoDirections),
            check(EdgesOfNoInput),
            check(TwoDrives),
            check(DriveOfNoOutput),
            check(BiasOfNoDirection),
            check(SeveralBiases),
            check(DebounceOfNoInput),
            $($after,)*
        ]
    };
}

/// The checks of the flags of a line handle.
macro_rules! with_flags_v1 {
    ([$($before:expr),*], [$($after:expr),*]) => {
        &[
            $($before,)*
            check(UnknownFlag),
            check(TwoDirections),
            check(TwoDrives),
            check(DriveOfNoOutput),
            check(BiasOfNoDirection),
            check(SeveralBiases),
            $($after,)*
        ]
    };
}

/// Every ioctl: first those of the second ABI.
pub(super) const CALLS: &[Call] = &[
    Call {
        command: ioctl::GPIO_GET_CHIPINFO,
        file: "a chip",
        purpose: "name, label and number of lines of a chip",
        steps: &[check(Gone), check(Memory)],
    },
    Call {
        command: ioctl::GPIO_V2_GET_LINEINFO,
        file: "a chip",
        purpose: "what is publicly known of a line",
        steps: INFO,
    },
    Call {
        command: ioctl::GPIO_V2_GET_LINEINFO_WATCH,
        file: "a chip",
        purpose: "the same, and a record of each change to come",
        steps: WATCH,
    },
    Call {
        command: ioctl::GPIO_GET_LINEINFO_UNWATCH,
        file: "a chip, of both ABIs",
        purpose: "no more records for a line",
        steps: &[
            check(Gone),
            check(Memory),
            check(NoSuchLine),
            check(NotWatched),
        ],
    },
    Call {
        command: ioctl::GPIO_V2_GET_LINE,
        file: "a chip",
        purpose: "request 1 to 64 lines; from \"the chip has no such line\" on, one line after the \
                  other is requested and configured completely",
        steps: with_config_v2!(
            [
                check(Gone),
                check(Memory),
                check(LineCount),
                check(RequestPadding)
            ],
            [
                check(NoSuchLine),
                check(Held),
                DRIVER,
                check(BufferOfOne),
                check(NoEdges),
                NO_FILE,
                MEMORY_OUT
            ]
        ),
    },
    Call {
        command: ioctl::GPIO_V2_LINE_GET_VALUES,
        file: "a line request",
        purpose: "read values",
        steps: &[
            check(Gone),
            check(Memory),
            check(EmptyMask),
            DRIVER,
            MEMORY_OUT,
        ],
    },
    Call {
        command: ioctl::GPIO_V2_LINE_SET_VALUES,
        file: "a line request",
        purpose: "set values",
        steps: &[
            check(Gone),
            check(Memory),
            check(NotOutput),
            check(EmptyMask),
            DRIVER,
        ],
    },
    Call {
        command: ioctl::GPIO_V2_LINE_SET_CONFIG,
        file: "a line request",
        purpose: "configure lines anew; a line without a direction is skipped, and an error leaves \
                  the lines before it changed",
        steps: with_config_v2!(
            [check(Gone), check(Memory)],
            [DRIVER, check(BufferOfOne), check(NoEdges)]
        ),
    },
    Call {
        command: ioctl::GPIO_GET_LINEINFO,
        file: "a chip, of the first ABI",
        purpose: "what is publicly known of a line",
        steps: INFO_V1,
    },
    Call {
        command: ioctl::GPIO_GET_LINEINFO_WATCH,
        file: "a chip, of the first ABI",
        purpose: "the same, and a record of each change to come",
        steps: WATCH_V1,
    },
    Call {
        command: ioctl::GPIO_GET_LINEHANDLE,
        file: "a chip, of the first ABI",
        purpose: "request 1 to 64 lines",
        steps: with_flags_v1!(
            [check(Gone), check(Memory), check(LineCount)],
            [check(NoSuchLine), check(Held), DRIVER, NO_FILE, MEMORY_OUT]
        ),
    },
    Call {
        command: ioctl::GPIO_GET_LINEEVENT,
        file: "a chip, of the first ABI",
        purpose: "request a line for its edges",
        steps: &[
            check(Gone),
            check(Memory),
            check(NoSuchLine),
            check(UnknownFlag),
            check(UnknownEdge),
            check(OutputFlagOnEvent),
            check(SeveralBiases),
            check(Held),
            DRIVER,
            check(NoEdgesV1),
            NO_FILE,
            MEMORY_OUT,
        ],
    },
    Call {
        command: ioctl::GPIOHANDLE_GET_LINE_VALUES,
        file: "a line handle or a line event, of the first ABI",
        purpose: "read values",
        steps: &[check(Gone), DRIVER, MEMORY_OUT],
    },
    Call {
        command: ioctl::GPIOHANDLE_SET_LINE_VALUES,
        file: "a line handle, of the first ABI",
        purpose: "set all values; only the first line's direction is looked at",
        steps: &[check(Gone), check(NotOutput), check(Memory), DRIVER],
    },
    Call {
        command: ioctl::GPIOHANDLE_SET_CONFIG,
        file: "a line handle, of the first ABI",
        purpose: "configure all lines anew",
        steps: with_flags_v1!([check(Gone), check(Memory)], [check(NoDirection), DRIVER]),
    },
];

impl Step {
    /// The errno.
    pub(super) fn errno(self) -> String {
        match self {
            Step::Check(reason) => reason.errno().to_string(),
            Step::Other(errno, _) => errno.to_owned(),
        }
    }

    /// What is wrong.
    pub(super) fn words(self) -> String {
        match self {
            Step::Check(reason) => reason.to_string(),
            Step::Other(_, words) => words.to_owned(),
        }
    }
}
