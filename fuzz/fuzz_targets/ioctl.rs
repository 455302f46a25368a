//! Bytes as a program's calls on open GPIO files: ioctls with patched payloads, reads, polls, closes,
//! with pulls, unplugs and time between them. Nothing may panic, whatever a payload says; a read gives
//! no more than was asked for; when everything is closed, every line is free again.
#![no_main]

use gpio_sim::{Bank, Sim};
use gpio_uapi::abi::ioctl;
use gpio_uapi::{Caller, File, MemoryFault, MemoryRecords, Outcome, Records};
use gpiolib::{Errno, Level, Offset, Registry, Timestamp};
use libfuzzer_sys::fuzz_target;

const LINES: u32 = 8;
const MAX_FILES: usize = 16;
/// Where the program's only memory begins; it has [`MEMORY`] bytes.
const BASE: u64 = 0x1000;
const MEMORY: usize = 4096;

/// The bytes not yet used; zeros when they have run out.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit.max(1)
    }

    fn word(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }
}

/// The program: its memory, and the files it has been given.
struct Program {
    memory: Vec<u8>,
    given: Vec<File>,
    places: usize,
}

impl Program {
    fn range(&self, addr: u64, len: usize) -> Result<std::ops::Range<usize>, MemoryFault> {
        let start = addr
            .checked_sub(BASE)
            .and_then(|at| usize::try_from(at).ok())
            .ok_or(MemoryFault)?;
        let end = start
            .checked_add(len)
            .filter(|end| *end <= MEMORY)
            .ok_or(MemoryFault)?;
        Ok(start..end)
    }
}

impl Caller for Program {
    fn copy_in(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), MemoryFault> {
        let range = self.range(addr, buf.len())?;
        buf.copy_from_slice(&self.memory[range]);
        Ok(())
    }

    fn copy_out(&mut self, addr: u64, data: &[u8]) -> Result<(), MemoryFault> {
        let range = self.range(addr, data.len())?;
        self.memory[range].copy_from_slice(data);
        Ok(())
    }

    fn records(&mut self) -> Box<dyn Records> {
        Box::new(MemoryRecords::new())
    }

    fn reserve_fd(&mut self) -> Result<i32, Errno> {
        if self.places == 0 {
            return Err(Errno::EMFILE);
        }
        Ok(3)
    }

    fn install_fd(&mut self, _fd: i32, file: File) {
        self.given.push(file);
    }
}

/// A program, the chip it uses, and what time it is.
struct World {
    registry: Registry,
    sim: Option<Sim>,
    files: Vec<File>,
    program: Program,
    now: u64,
}

impl World {
    fn new() -> Self {
        let program = Program {
            memory: vec![0; MEMORY],
            given: Vec::new(),
            places: MAX_FILES,
        };
        let mut world = World {
            registry: Registry::new(),
            sim: None,
            files: Vec::new(),
            program,
            now: 1,
        };
        world.plug();
        world
    }

    fn plug(&mut self) {
        let bank = Bank::new(LINES).label("fuzz").name(Offset::new(1), "one");
        self.sim = Some(bank.register(&self.registry).expect("a legal bank"));
        self.open();
    }

    fn open(&mut self) {
        let Some(sim) = &self.sim else { return };
        if self.files.len() < MAX_FILES {
            let file = File::open(sim.device(), Box::new(MemoryRecords::new()));
            self.files.push(file.expect("the chip is there"));
        }
    }

    fn time(&self) -> Timestamp {
        Timestamp::at(self.now)
    }

    fn ioctl(&mut self, input: &mut Input<'_>) {
        let which = input.byte();
        let command = match ioctl::ALL.get(usize::from(which)) {
            Some((command, _)) => *command,
            None => input.word(),
        };
        let addr = match input.byte() {
            255 => 8,
            254 => u64::MAX - 7,
            253 => BASE + MEMORY as u64 - 100,
            _ => BASE,
        };
        self.payload(command, input);
        let file = input.below(self.files.len());
        let now = self.time();
        self.program.places = MAX_FILES.saturating_sub(self.files.len());
        if let Some(file) = self.files.get(file) {
            _ = file.ioctl(command, addr, &mut self.program, now);
        }
        self.files.append(&mut self.program.given);
    }

    /// A payload of zeros, or the last one, or a plausible request; then a few bytes changed.
    fn payload(&mut self, command: u32, input: &mut Input<'_>) {
        let kind = input.byte();
        if kind & 1 == 0 {
            self.program.memory.fill(0);
        }
        if kind & 2 != 0 {
            self.plausible(command, input);
        }
        for _ in 0..kind >> 4 {
            let at = usize::from(input.byte()) | usize::from(input.byte()) << 8;
            let at = at % ioctl::size(command).clamp(1, MEMORY);
            self.program.memory[at] = input.byte();
        }
    }

    /// Enough of a request to get through the first checks.
    fn plausible(&mut self, command: u32, input: &mut Input<'_>) {
        let (lines, flags) = (input.byte() % 4, input.byte());
        let memory = &mut self.program.memory;
        match command {
            ioctl::GPIO_V2_GET_LINE => {
                for line in 0..lines {
                    memory[usize::from(line) * 4] = line;
                }
                memory[288] = flags << 2;
                memory[560] = lines;
            }
            ioctl::GPIO_V2_LINE_SET_CONFIG => memory[0] = flags << 2,
            ioctl::GPIO_GET_LINEHANDLE => {
                memory[256] = flags;
                memory[360 - 4] = lines;
            }
            _ => memory[0] = lines,
        }
    }

    fn read(&mut self, input: &mut Input<'_>) {
        let file = input.below(self.files.len());
        let len = match input.byte() {
            255 => u64::MAX,
            n => u64::from(n) * 16,
        };
        let addr = if input.byte() == 255 { 8 } else { BASE };
        let now = self.time();
        let Some(file) = self.files.get(file) else {
            return;
        };
        let outcome = file.read(addr, len, input.byte() & 1 == 1, &mut self.program, now);
        if let Outcome::Done(count) = outcome {
            assert!(count <= len, "{count} bytes where {len} were asked for");
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 16 {
            0..=7 => self.ioctl(input),
            8 | 9 => self.read(input),
            10 => {
                let level = Level::from(input.byte() & 1 == 1);
                let (offset, now) = (Offset::new(input.byte().into()), self.time());
                if let Some(sim) = &self.sim {
                    _ = sim.set_pull(offset, level, now);
                }
            }
            11 => self.now = self.now.saturating_add(u64::from(input.word()) * 1000),
            12 => {
                let file = input.below(self.files.len());
                if file < self.files.len() {
                    self.files.swap_remove(file);
                }
            }
            13 => self.open(),
            14 => {
                for file in &self.files {
                    file.advance(self.time());
                    _ = (file.poll(), file.next_deadline(), file.fdinfo());
                }
            }
            _ if input.byte() == 255 => match self.sim.take() {
                Some(sim) => sim.unplug(),
                None => self.plug(),
            },
            _ => {}
        }
    }

    /// After the last close nobody holds a line.
    fn end(mut self) {
        self.files.clear();
        let Some(sim) = &self.sim else { return };
        for offset in (0..LINES).map(Offset::new) {
            let line = sim
                .device()
                .line(offset)
                .expect("offsets below LINES exist");
            assert!(!line.info().used, "line {offset:?} is still held");
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let mut world = World::new();
    while !input.0.is_empty() {
        world.step(&mut input);
    }
    world.end();
});
