//! Bytes as trapped path calls. The program is this process itself: its memory is read and written as
//! another process's would be, and descriptors that a call is answered with become its own, to be used
//! as directories by the calls after it. Nothing may panic or hang, and an answer is a value or an errno.
//!
//! Calls reach the real files of the machine, so none may create or cut a file; run it without root.
#![no_main]

use std::fs::DirBuilder;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::{Arc, OnceLock};

use libfuzzer_sys::fuzz_target;
use rustix::process::Pid;
use ugpio_supervisor::inside::seccomp::{Listener, Wait};
use ugpio_supervisor::inside::{Arch, Identity, ChipNode, Opener, PathLayer, ProcDirs, Shadow, Sys};
use ugpio_supervisor::outcome::{Call, Errno, Reply};

/// Parts that paths are made of; other bytes stand for themselves.
const PARTS: [&[u8]; 24] = [
    b"/",
    b"/dev/",
    b"gpiochip0",
    b"gpiochip1",
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
];

/// The path calls that are trapped.
const CALLS: [Sys; 19] = [
    Sys::Open,
    Sys::Openat,
    Sys::Openat2,
    Sys::Stat,
    Sys::Lstat,
    Sys::Fstat,
    Sys::Newfstatat,
    Sys::Statx,
    Sys::Access,
    Sys::Faccessat,
    Sys::Faccessat2,
    Sys::Readlink,
    Sys::Readlinkat,
    Sys::Chdir,
    Sys::Getcwd,
    Sys::Getxattr,
    Sys::Lgetxattr,
    Sys::Listxattr,
    Sys::Llistxattr,
];

/// Most descriptors kept from answers.
const KEPT: usize = 6;

struct Chips;

impl Opener for Chips {
    fn open_chip(&self, _id: u32, _flags: u32) -> Result<OwnedFd, Errno> {
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().map_err(|_| Errno::MFILE)?;
        Ok(ours.into())
    }

    fn identify(&self, link: &[u8]) -> Option<Identity> {
        link.starts_with(b"socket:").then_some(Identity::Chip {
            id: 0,
            is_gone: false,
        })
    }
}

fn layer() -> &'static PathLayer {
    static LAYER: OnceLock<PathLayer> = OnceLock::new();
    LAYER.get_or_init(|| {
        let dir = std::env::temp_dir().join(format!("ugpio-fuzz-{}", std::process::id()));
        DirBuilder::new()
            .mode(0o700)
            .create(&dir)
            .expect("a place for the shadow tree");
        let shadow = Shadow::build(dir).expect("an empty shadow tree");
        let parent = "platform/gpio-sim.0".to_owned();
        shadow
            .add_chip(&ChipNode {
                id: 0,
                label: "fuzz".into(),
                parent,
                lines: 8,
            })
            .expect("a chip");
        PathLayer::new(Arc::new(shadow), Arc::new(ProcDirs::new()), Arc::new(Chips))
    })
}

/// A listener on which nothing can be answered: for `chdir`, which would answer through it.
fn listener() -> &'static Listener {
    static LISTENER: OnceLock<Listener> = OnceLock::new();
    LISTENER.get_or_init(|| {
        let null = std::fs::File::open("/dev/null").expect("every machine has it");
        Listener::new(null.into(), Wait::Interruptible)
    })
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn word(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    fn path(&mut self) -> Vec<u8> {
        let mut path = Vec::new();
        for _ in 0..self.byte() % 24 {
            let byte = self.byte();
            match PARTS.get(usize::from(byte)) {
                Some(part) => path.extend_from_slice(part),
                None => path.push(byte),
            }
        }
        if self.byte() == 255 {
            path.resize(path.len() + 4096, b'/');
        }
        path.push(0);
        path
    }
}

/// Flags of `open` without those that make or cut files.
fn harmless(flags: u32) -> u32 {
    let harmful = libc::O_CREAT | libc::O_TRUNC | libc::O_TMPFILE | libc::O_ACCMODE;
    flags & !harmful.cast_unsigned() | libc::O_NONBLOCK.cast_unsigned()
}

/// The six registers of a call, with everything they point to in `memory`.
fn registers(sys: Sys, input: &mut Input<'_>, kept: &[OwnedFd], memory: &mut [u8]) -> [u64; 6] {
    let path = input.path();
    memory[..path.len()].copy_from_slice(&path);
    let base = memory.as_ptr() as u64;
    let path = if input.byte() == 255 { 8 } else { base };
    let buffer = if input.byte() == 255 {
        8
    } else {
        base + 0x2000
    };
    let dirfd = match input.byte() {
        0..=127 => libc::AT_FDCWD,
        byte => kept
            .get(usize::from(byte % 8))
            .map_or(-1, |fd| fd.as_fd().as_raw_fd()),
    };
    let dirfd = u64::from(dirfd.cast_unsigned());
    let (flags, size) = (input.word(), u64::from(input.word() % 4096));
    let open = u64::from(harmless(flags));
    let flags = u64::from(flags);
    match sys {
        Sys::Open => [path, open, 0, 0, 0, 0],
        Sys::Openat => [dirfd, path, open, 0, 0, 0],
        Sys::Openat2 => {
            memory[0x2000..0x2018].fill(0);
            memory[0x2000..0x2008].copy_from_slice(&open.to_le_bytes());
            memory[0x2010] = input.byte();
            [dirfd, path, buffer, if size < 32 { size } else { 24 }, 0, 0]
        }
        Sys::Fstat => [dirfd, buffer, 0, 0, 0, 0],
        Sys::Stat | Sys::Lstat | Sys::Access => [path, buffer, 0, 0, 0, 0],
        Sys::Statx => [dirfd, path, flags, size, buffer, 0],
        Sys::Newfstatat | Sys::Faccessat | Sys::Faccessat2 => [dirfd, path, buffer, flags, 0, 0],
        Sys::Readlinkat => [dirfd, path, buffer, size, 0, 0],
        Sys::Readlink | Sys::Listxattr | Sys::Llistxattr => [path, buffer, size, 0, 0, 0],
        Sys::Getcwd => [buffer, size, 0, 0, 0, 0],
        Sys::Getxattr | Sys::Lgetxattr => [path, base + 0x1800, buffer, size, 0, 0],
        _ => [path, 0, 0, 0, 0, 0],
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let mut kept: Vec<OwnedFd> = Vec::new();
    let mut memory = vec![0; 0x4000];
    let tid = Pid::from_raw(rustix::thread::gettid().as_raw_nonzero().get()).expect("not zero");
    while !input.0.is_empty() {
        let sys = CALLS[usize::from(input.byte()) % CALLS.len()];
        let Some(nr) = Arch::NATIVE.number(sys) else {
            continue;
        };
        memory[0x1800..0x1810].copy_from_slice(b"user.something\0\0");
        let args = registers(sys, &mut input, &kept, &mut memory);
        let call = Call {
            id: 1,
            tid,
            sys: Some(sys),
            nr,
            args,
        };
        match layer().handle(&call, listener()) {
            Reply::Return(value) => assert!((0..=4096).contains(&value), "{sys:?} gives {value}"),
            Reply::Fd { fd, .. } | Reply::FdAt { fd, .. } => {
                kept.truncate(KEPT);
                kept.insert(0, fd);
            }
            Reply::Fail(errno) => assert!((1..4096).contains(&errno.raw_os_error())),
            Reply::Continue | Reply::Answered => {}
        }
    }
});
