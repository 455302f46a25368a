//! Bytes as calls: any that may be trapped, with arguments that are often what it takes.

use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::LazyLock;

use gpio_uapi::abi::ioctl;
use ugpio_supervisor::inside::paths_of;
use ugpio_supervisor::inside::{Arch, Sys};

use crate::memory::{self, BUFFER, PATHS, STRUCTURE, address};

/// Parts that paths are made of; other bytes stand for themselves.
const PARTS: [&[u8]; 40] = [
    b"/",
    b"/dev/",
    b"gpiochip0",
    b"gpiochip9",
    b"..",
    b".",
    b"//",
    b"/sys/",
    b"bus/gpio/devices/",
    b"dev/char/254:0/",
    b"subsystem",
    b"/sys/devices/platform/gpio-sim.0/",
    b"/proc/self/fd/",
    b"/proc/thread-self/cwd/",
    b"0",
    b"3",
    b"/../",
    b"dev",
    b"uevent",
    b"\xff\xfe",
    b"null",
    b"/proc/self/root/",
    b"/sys/class/gpio/",
    b"gpiochip4294967296",
    b"export",
    b"unexport",
    b"gpio512/",
    b"value",
    b"direction",
    b"edge",
    b"/sys/kernel/config/gpio-sim/",
    b"a/",
    b"live",
    b"bank0/",
    b"num_lines",
    b"/proc/self/mountinfo",
    b"/sys/kernel/debug/gpio",
    b"sim_gpio1/",
    b"pull",
    b"faults",
];

/// Data that is written.
const DATA: [&[u8]; 14] = [
    b"512",
    b"513\n",
    b"516",
    b"0",
    b"1",
    b"in",
    b"out",
    b"high",
    b"both",
    b"none",
    b"4",
    b"pull-up",
    b"add",
    b"stuck 1 to=high",
];

/// The bytes not yet used; zeros when they have run out.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Input<'a> {
        Input(bytes)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn word(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }

    /// After how many looks the program goes, if it does.
    pub(crate) fn looks(&mut self) -> Option<u32> {
        match self.byte() {
            0..160 => None,
            byte => Some(u32::from(byte - 160) / 2 + 1),
        }
    }

    fn path(&mut self) -> Vec<u8> {
        let mut path = Vec::new();
        for _ in 0..self.byte() % 12 {
            let byte = self.byte();
            match PARTS.get(usize::from(byte)) {
                Some(part) => path.extend_from_slice(part),
                None => path.push(byte),
            }
        }
        if self.byte() == 255 {
            path.resize(path.len() + 4096, b'/');
        }
        // Nothing of the heir's is named.
        if path.windows(9).any(|part| part == b"gpiochip1")
            || path.windows(10).any(|part| part == b"gpio-sim.1")
        {
            path.clear();
        }
        path.push(0);
        path
    }
}

/// A call.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) sys: Sys,
    pub(crate) nr: u32,
    pub(crate) args: [u64; 6],
}

impl Made {
    /// Whether it may do something to a line.
    pub(crate) fn acts(&self) -> bool {
        matches!(
            self.sys,
            Sys::Ioctl | Sys::Write | Sys::Writev | Sys::Pwrite64 | Sys::Pwritev | Sys::Pwritev2
        )
    }

    /// Whether it may change what is on the board.
    pub(crate) fn changes_names(&self) -> bool {
        self.acts() && self.sys != Sys::Ioctl
            || matches!(
                self.sys,
                Sys::Mkdir
                    | Sys::Mkdirat
                    | Sys::Rmdir
                    | Sys::Unlink
                    | Sys::Unlinkat
                    | Sys::Rename
                    | Sys::Renameat
                    | Sys::Renameat2
            )
    }

    /// Whether it may change what is said of a file of the board.
    pub(crate) fn changes_attributes(&self) -> bool {
        matches!(
            self.sys,
            Sys::Chmod
                | Sys::Fchmodat
                | Sys::Fchmodat2
                | Sys::Chown
                | Sys::Lchown
                | Sys::Fchownat
                | Sys::Utime
                | Sys::Utimes
                | Sys::Futimesat
                | Sys::Utimensat
        )
    }
}

static CALLS: LazyLock<Vec<(Sys, u32)>> = LazyLock::new(|| Arch::NATIVE.calls().collect());

/// The next call of an input; `kept` is what the program has.
pub(crate) fn next(input: &mut Input<'_>, kept: &[OwnedFd]) -> Made {
    // The frequent ones are as many as all others.
    const FREQUENT: [Sys; 8] = [
        Sys::Openat,
        Sys::Ioctl,
        Sys::Read,
        Sys::Write,
        Sys::Newfstatat,
        Sys::Readlinkat,
        Sys::Getdents64,
        Sys::Statx,
    ];
    let byte = input.byte();
    let (sys, nr) =
        match FREQUENT.get(usize::from(byte).wrapping_sub(usize::from(u8::MAX) - 63) / 8) {
            Some(sys) => (*sys, Arch::NATIVE.number(*sys).unwrap_or_default()),
            None => CALLS[(usize::from(byte) + 192 * usize::from(input.flag())) % CALLS.len()],
        };
    let args = match sys {
        Sys::Ioctl => command(input, kept),
        _ => arguments(sys, input, kept),
    };
    Made { sys, nr, args }
}

fn some_fd(input: &mut Input<'_>, kept: &[OwnedFd]) -> u64 {
    let fd = match input.byte() {
        0..64 => libc::AT_FDCWD,
        64..72 => -1,
        byte => kept
            .get(usize::from(byte) % crate::KEPT)
            .map_or(0, |fd| fd.as_raw_fd()),
    };
    u64::from(fd.cast_unsigned())
}

/// Flags of `open` without those that make or cut files.
fn harmless(flags: u32) -> u32 {
    let harmful = libc::O_CREAT | libc::O_TRUNC | libc::O_TMPFILE;
    flags & !harmful.cast_unsigned() | libc::O_NONBLOCK.cast_unsigned()
}

/// What most calls take: descriptors, paths, and numbers and addresses for the rest.
fn arguments(sys: Sys, input: &mut Input<'_>, kept: &[OwnedFd]) -> [u64; 6] {
    let mut args = [0; 6];
    for arg in &mut args {
        *arg = match input.byte() {
            0..64 => address(BUFFER),
            64..112 => u64::from(input.byte()),
            112..144 => u64::from(input.word()),
            144..176 => address(STRUCTURE),
            176..208 => some_fd(input, kept),
            208..240 => 0,
            240..248 => 8,
            _ => u64::MAX - u64::from(input.byte()),
        };
    }
    match sys {
        Sys::Open | Sys::Creat => {
            (args[0], args[1]) = (place(0, input), u64::from(harmless(input.word() & 0o7)))
        }
        Sys::Openat | Sys::Readlinkat | Sys::Openat2 => {
            (args[0], args[1]) = (some_fd(input, kept), place(0, input))
        }
        Sys::Readlink | Sys::InotifyAddWatch => args[0] = place(0, input),
        Sys::Mount => (args[0], args[1]) = (place(0, input), place(1, input)),
        _ => {}
    }
    let mut number = 0;
    let mut first_is_path = false;
    for (dir, path) in paths_of(sys) {
        if let Some(dir) = dir {
            args[usize::from(dir)] = some_fd(input, kept);
        }
        first_is_path |= path == 0;
        args[usize::from(path)] = place(number % 2, input);
        number += 1;
    }
    if number == 0
        && !matches!(
            sys,
            Sys::Open | Sys::Creat | Sys::Readlink | Sys::Mount | Sys::Poll | Sys::Ppoll
        )
    {
        args[0] = some_fd(input, kept);
    }
    if sys == Sys::Openat {
        args[2] = u64::from(harmless(
            u32::from(input.byte() % 3) | input.word() & 0o2_200_000,
        ));
    }
    if input.flag() {
        structure(input, kept);
    }
    if matches!(
        sys,
        Sys::Write | Sys::Pwrite64 | Sys::Read | Sys::Pread64 | Sys::Getdents64 | Sys::Getdents
    ) {
        let data = input.of(&DATA);
        memory::put(BUFFER, data);
        args[1] = address(BUFFER);
        args[2] = if matches!(sys, Sys::Write | Sys::Pwrite64) {
            data.len() as u64
        } else {
            16 * u64::from(input.byte())
        };
        args[3] = 0;
    }
    args
}

/// Puts a path where paths are.
fn place(number: usize, input: &mut Input<'_>) -> u64 {
    if input.byte() == 255 {
        return 8;
    }
    memory::put(PATHS[number], &input.path());
    address(PATHS[number])
}

/// Puts what calls take by address: segments, descriptors to wait for, how to open.
fn structure(input: &mut Input<'_>, kept: &[OwnedFd]) {
    let mut words = [0_u64; 8];
    match input.byte() % 4 {
        // struct iovec
        0 => {
            for pair in words.chunks_mut(2) {
                (pair[0], pair[1]) = (address(BUFFER), u64::from(input.byte()));
            }
        }
        // struct pollfd
        1 => {
            for word in &mut words {
                *word = some_fd(input, kept) & 0xffff_ffff | u64::from(input.byte()) << 32;
            }
        }
        // struct open_how
        2 => (words[0], words[2]) = (u64::from(harmless(input.word())), u64::from(input.byte())),
        _ => words.fill_with(|| u64::from(input.word())),
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    memory::put(STRUCTURE, &bytes);
}

fn command(input: &mut Input<'_>, kept: &[OwnedFd]) -> [u64; 6] {
    let which = input.byte();
    let command = match ioctl::ALL.get(usize::from(which) % (ioctl::ALL.len() + 4)) {
        Some((command, _)) => *command,
        None => input.of(&[0x5401, 0x541b, 0x5421, 0x5451, 0xb401]),
    };
    let kind = input.byte();
    if kind & 1 == 0 {
        memory::fill(STRUCTURE, BUFFER, 0);
    }
    if kind & 2 != 0 && command == ioctl::GPIO_V2_GET_LINE {
        memory::put(
            STRUCTURE,
            &line_request(u32::from(input.byte() % 4), b"ours"),
        );
        memory::put(STRUCTURE + 288, &[input.byte() << 2]);
    } else if kind & 2 != 0 && command == ioctl::GPIO_GET_LINEHANDLE {
        memory::put(STRUCTURE + 256, &[input.byte() & 0x1f]);
        memory::put(STRUCTURE + 324, b"ours");
        memory::put(STRUCTURE + 356, &[1]);
    } else if kind & 2 != 0 {
        memory::put(STRUCTURE, &[input.byte() % 4]);
    }
    for _ in 0..kind >> 6 {
        let at = usize::from(u16::from_le_bytes([input.byte(), input.byte()]));
        memory::put(
            STRUCTURE + at % ioctl::size(command).clamp(1, BUFFER - STRUCTURE),
            &[input.byte()],
        );
    }
    let address = match input.byte() {
        255 => 8,
        254 => u64::MAX - 7,
        _ => address(STRUCTURE),
    };
    [some_fd(input, kept), u64::from(command), address, 0, 0, 0]
}

/// Whether an ioctl that succeeds has given a descriptor.
pub(crate) fn gives_descriptor(command: u64) -> bool {
    [
        ioctl::GPIO_V2_GET_LINE,
        ioctl::GPIO_GET_LINEHANDLE,
        ioctl::GPIO_GET_LINEEVENT,
    ]
    .iter()
    .any(|known| u64::from(*known) == command & 0xffff_ffff)
}

/// A request of one line as an input.
pub(crate) fn line_request(line: u32, consumer: &[u8]) -> [u8; 592] {
    let mut request = [0; 592];
    request[..4].copy_from_slice(&line.to_ne_bytes());
    request[256..256 + consumer.len()].copy_from_slice(consumer);
    // GPIO_V2_LINE_FLAG_INPUT
    request[288] = 4;
    request[560] = 1;
    request
}

pub(crate) fn open_theirs() -> Made {
    let path = address(PATHS[0]);
    let nr = Arch::NATIVE.number(Sys::Openat).unwrap_or_default();
    let here = u64::from(libc::AT_FDCWD.cast_unsigned());
    Made {
        sys: Sys::Openat,
        nr,
        args: [here, path, 2, 0, 0, 0],
    }
}

pub(crate) fn request_theirs(chip: &OwnedFd) -> Made {
    let nr = Arch::NATIVE.number(Sys::Ioctl).unwrap_or_default();
    let chip = u64::from(chip.as_raw_fd().cast_unsigned());
    let args = [
        chip,
        u64::from(ioctl::GPIO_V2_GET_LINE),
        address(STRUCTURE),
        0,
        0,
        0,
    ];
    Made {
        sys: Sys::Ioctl,
        nr,
        args,
    }
}
