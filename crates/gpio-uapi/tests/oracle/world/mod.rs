//! Two worlds that are told the same: the engine over two simulated chips, and a naive model of it.
//!
//! [`run`] takes bytes as a story: calls of both ABIs with valid and nearly valid payloads, reads,
//! polls, closes, pulls, unplugs and time. After every step both worlds must have given the same
//! answer, and the program's memory must be the same in both, byte for byte. The model is written
//! from the reference, and shares with the engine only the raw structures.

mod chip_file;
mod judge;
mod line;
mod line_file;
mod memory;
mod model;
mod payload;
mod queue;
mod records;

use gpio_sim::{Bank, Sim};
use gpio_uapi::abi::ioctl;
use gpio_uapi::{Caller, File, MemoryFault, MemoryRecords, Outcome, Records};
use gpiolib::{Errno, HogDirection, Level, ManualClock, Offset, Registry, Timestamp, Value};

use line::Line;
use memory::{BASE, Memory, SIZE};
use model::Model;
use payload::Input;

/// The number every new file is given.
const FD: i32 = 3;
const MAX_FILES: usize = 8;
/// How far the real clock is ahead.
const REAL: u64 = 1_000_000_000_000;

/// The program that calls the engine.
struct Program {
    memory: Memory,
    given: Option<File>,
    places: usize,
}

impl Caller for Program {
    fn copy_in(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), MemoryFault> {
        buf.copy_from_slice(self.memory.get(addr, buf.len())?);
        Ok(())
    }

    fn copy_out(&mut self, addr: u64, data: &[u8]) -> Result<(), MemoryFault> {
        self.memory.set(addr, data)
    }

    fn records(&mut self) -> Box<dyn Records> {
        Box::new(MemoryRecords::new())
    }

    fn reserve_fd(&mut self) -> Result<i32, Errno> {
        (self.places > 0).then_some(FD).ok_or(Errno::EMFILE)
    }

    fn install_fd(&mut self, _fd: i32, file: File) {
        self.given = Some(file);
    }
}

/// The engine and the model, side by side.
struct Worlds {
    registry: Registry,
    clock: ManualClock,
    /// The chip in each of two sockets, and the model's device for it.
    plugged: [Option<(Sim, usize)>; 2],
    files: Vec<File>,
    program: Program,
    model: Model,
}

/// Tells a story to both worlds.
///
/// # Panics
/// Where they part.
pub fn run(bytes: &[u8]) {
    let mut worlds = Worlds::new();
    let mut input = Input(bytes);
    while !input.0.is_empty() {
        worlds.step(&mut input);
        worlds.compare();
    }
    worlds.end();
}

impl Worlds {
    fn new() -> Self {
        let model = Model {
            memory: Memory::new(),
            devices: Vec::new(),
            files: Vec::new(),
            places: 0,
            now: 1,
            realtime: 1 + REAL,
            next_key: 0,
        };
        let program = Program {
            memory: Memory::new(),
            given: None,
            places: 0,
        };
        let clock = ManualClock::new();
        let mut worlds = Self {
            registry: Registry::with_clock(clock.reader()),
            clock,
            plugged: [None, None],
            files: Vec::new(),
            program,
            model,
        };
        worlds.clock.set(worlds.time());
        for socket in 0..2 {
            worlds.plug(socket);
            worlds.open(socket);
        }
        worlds
    }

    fn time(&self) -> Timestamp {
        Timestamp {
            monotonic_ns: self.model.now,
            realtime_ns: self.model.realtime,
        }
    }

    /// A chip of four lines, one named and one hogged, or one of three.
    fn plug(&mut self, socket: usize) {
        let mut lines = vec![Line::default(); 4 - socket];
        lines[1].name = "one";
        let label = ["left", "right"][socket];
        let mut bank = Bank::new(lines.len() as u32)
            .label(label)
            .platform(socket as u32, 0)
            .name(Offset::new(1), "one");
        if socket == 0 {
            bank = bank.hog(Offset::new(3), "hog", HogDirection::Output(Value::Active));
            lines[3].consumer = Some(b"hog".to_vec());
            lines[3].output(true);
        }
        let sim = bank.register(&self.registry).expect("a legal bank");
        let device = self.model.plug(label, lines);
        self.plugged[socket] = Some((sim, device));
    }

    fn unplug(&mut self, socket: usize) {
        if let Some((sim, device)) = self.plugged[socket].take() {
            sim.unplug();
            self.model.devices[device].is_gone = true;
        }
    }

    fn open(&mut self, socket: usize) {
        let Some((sim, device)) = &self.plugged[socket] else {
            return;
        };
        if self.files.len() < MAX_FILES {
            let file = File::open(sim.device(), Box::new(MemoryRecords::new()));
            self.files.push(file.expect("the chip is there"));
            self.model.open(*device).expect("the chip is there");
        }
    }

    /// Opens again what is open already, also where the chip is gone.
    fn reopen(&mut self, at: usize) {
        let (Some(file), true) = (self.files.get(at), self.files.len() < MAX_FILES) else {
            return;
        };
        let opened = File::open(file.device(), Box::new(MemoryRecords::new()));
        let model = self.model.open(self.model.files[at].device);
        assert_eq!(opened.as_ref().err(), model.as_ref().err());
        self.files.extend(opened);
    }

    fn close(&mut self, at: usize) {
        if at < self.files.len() {
            drop(self.files.swap_remove(at));
            self.model.close(at);
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let at = |input: &mut Input<'_>, files: usize| input.below(files);
        match input.byte() {
            0..=127 => self.ioctl(input),
            128..=159 => self.read(input),
            160..=207 => {
                let what = input.byte();
                self.pull(usize::from(what & 1), what >> 1 & 3, what & 8 != 0);
            }
            208..=223 => {
                let steps = [500, 1_000, 5_000, 100_000, 30_000_000_000];
                self.pass(steps[input.below(steps.len())]);
            }
            224..=239 => {
                let at = at(input, self.files.len());
                self.close(at);
            }
            240..=247 => self.open(input.below(2)),
            248..=250 => {
                let at = at(input, self.files.len());
                self.reopen(at);
            }
            _ => {
                let socket = input.below(2);
                match self.plugged[socket] {
                    Some(_) => self.unplug(socket),
                    None => self.plug(socket),
                }
            }
        }
    }

    fn ioctl(&mut self, input: &mut Input<'_>) {
        let at = input.below(self.files.len());
        if self.files.is_empty() {
            return;
        }
        let choice = input.byte();
        // Mostly what such a file is for, now and then anything.
        let all = ioctl::ALL.iter().map(|(command, _)| *command);
        let fits: &[u32] = match &self.model.files[at].kind {
            model::Kind::Chip { .. } => &OF_CHIPS,
            model::Kind::Request(_) => &OF_REQUESTS,
            _ => &OF_HANDLES,
        };
        let command = match choice {
            0..=239 => fits[usize::from(choice) % fits.len()],
            240..=254 => all.into_iter().nth(usize::from(choice) - 240).unwrap_or(0),
            255 => 0x5401,
        };
        payload::write(&mut self.program.memory, input, command);
        let (addr, writable) = match input.byte() {
            255 => (8, true),
            254 => (BASE + SIZE as u64 - 40, true),
            253 => (BASE, false),
            _ => (BASE, true),
        };
        self.program.memory.writable = writable;
        self.program.places = MAX_FILES - self.files.len();
        self.model.places = self.program.places;
        self.model.memory.clone_from(&self.program.memory);
        let now = self.time();
        let file = &self.files[at];
        let outcome = file.ioctl(command, addr, &mut self.program, now);
        let expected = match self.model.ioctl(at, command, addr) {
            Ok(()) => Outcome::Done(0),
            Err(errno) => Outcome::Fail(errno),
        };
        assert_eq!(outcome, expected, "ioctl {command:#x} on file {at}");
        self.files.extend(self.program.given.take());
    }

    fn read(&mut self, input: &mut Input<'_>) {
        let at = input.below(self.files.len());
        if self.files.is_empty() {
            return;
        }
        let how = input.byte();
        let len = [
            48,
            16,
            288,
            104,
            96,
            600,
            0,
            47,
            15,
            103,
            287,
            391,
            392,
            1000,
            32,
            u64::MAX,
        ][usize::from(how & 15)];
        let addr = match how >> 5 {
            7 => 8,
            6 => BASE + SIZE as u64 - 100,
            _ => BASE,
        };
        self.program.memory.writable = true;
        self.model.memory.clone_from(&self.program.memory);
        let nonblock = how & 16 == 0;
        let now = self.time();
        let file = &self.files[at];
        let outcome = file.read(addr, len, nonblock, &mut self.program, now);
        let expected = match self.model.read(at, addr, len, nonblock) {
            Some(Ok(count)) => Outcome::Done(count),
            Some(Err(errno)) => Outcome::Fail(errno),
            None => Outcome::Wait(gpio_uapi::Readiness::Readable),
        };
        assert_eq!(outcome, expected, "read of {len} from file {at}");
    }

    fn pull(&mut self, socket: usize, offset: u8, high: bool) {
        if let Some((sim, device)) = &self.plugged[socket] {
            let offset = usize::from(offset) % self.model.devices[*device].lines.len();
            let line = Offset::new(offset as u32);
            sim.set_pull(line, Level::from(high), self.time())
                .expect("the chip has the line");
            self.model.pull(*device, offset, high);
        }
    }

    /// Time passes, timer by timer.
    fn pass(&mut self, ns: u64) {
        let end = self.model.now + ns;
        loop {
            let deadlines = (0..self.files.len()).filter_map(|at| self.model.deadline(at));
            let next = deadlines.min().map_or(end, |due| due.min(end));
            self.model.now = next;
            self.model.realtime = next + REAL;
            self.clock.set(self.time());
            for file in &self.files {
                file.advance(self.time());
            }
            self.model.expire();
            if next == end {
                return;
            }
        }
    }

    /// What can be seen without a call must be the same too.
    fn compare(&self) {
        assert_eq!(self.program.memory.bytes, self.model.memory.bytes, "memory");
        for (at, file) in self.files.iter().enumerate() {
            assert_eq!(file.poll().bits(), self.model.poll(at), "poll of file {at}");
            assert_eq!(
                file.next_deadline(),
                self.model.deadline(at),
                "timer of file {at}"
            );
        }
        for (sim, device) in self.plugged.iter().flatten() {
            for (offset, line) in (0..).zip(&self.model.devices[*device].lines) {
                let offset = Offset::new(offset);
                let real = sim.chip().line(offset).expect("the chip has the line");
                assert_eq!(real.level().is_high(), line.level, "level of {offset}");
                assert_eq!(real.pull().is_high(), line.pull, "pull of {offset}");
            }
        }
    }

    /// When everything is closed nobody holds a line, and every device of a dead chip is gone.
    fn end(mut self) {
        for (at, file) in self.files.iter().enumerate() {
            assert_eq!(file.fdinfo(), self.model.fdinfo(at), "fdinfo of file {at}");
        }
        while let Some(last) = self.files.len().checked_sub(1) {
            self.close(last);
        }
        for (sim, device) in self.plugged.iter().flatten() {
            for (line, model) in sim.device().lines().zip(&self.model.devices[*device].lines) {
                assert_eq!(line.info().used, model.is_requested(), "only hogs are left");
            }
        }
        self.unplug(0);
        self.unplug(1);
        self.plug(0);
        let id = self.plugged[0].as_ref().map(|(sim, _)| sim.device().id());
        assert_eq!(id, Some(0), "no number is lost");
    }
}

const OF_CHIPS: [u32; 12] = [
    ioctl::GPIO_V2_GET_LINE,
    ioctl::GPIO_V2_GET_LINE,
    ioctl::GPIO_V2_GET_LINE,
    ioctl::GPIO_GET_LINEHANDLE,
    ioctl::GPIO_GET_LINEEVENT,
    ioctl::GPIO_V2_GET_LINEINFO,
    ioctl::GPIO_V2_GET_LINEINFO_WATCH,
    ioctl::GPIO_GET_LINEINFO,
    ioctl::GPIO_GET_LINEINFO_WATCH,
    ioctl::GPIO_GET_LINEINFO_UNWATCH,
    ioctl::GPIO_V2_GET_LINEINFO_WATCH,
    ioctl::GPIO_GET_CHIPINFO,
];
const OF_REQUESTS: [u32; 5] = [
    ioctl::GPIO_V2_LINE_SET_CONFIG,
    ioctl::GPIO_V2_LINE_SET_CONFIG,
    ioctl::GPIO_V2_LINE_GET_VALUES,
    ioctl::GPIO_V2_LINE_SET_VALUES,
    ioctl::GPIO_V2_LINE_GET_VALUES,
];
const OF_HANDLES: [u32; 4] = [
    ioctl::GPIOHANDLE_GET_LINE_VALUES,
    ioctl::GPIOHANDLE_SET_LINE_VALUES,
    ioctl::GPIOHANDLE_SET_CONFIG,
    ioctl::GPIOHANDLE_GET_LINE_VALUES,
];
