//! The test bench: chips, a program that opens them, and a clock that is only a number.

pub mod chips;
pub mod make;
mod process;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use gpio_sim::{Bank, Sim};
use gpio_uapi::abi::{FromBytes, Immutable, IntoBytes, KnownLayout, common, ioctl, v1, v2};
use gpio_uapi::{File, MemoryRecords, Outcome, PollMask};
use gpiolib::{Device, Errno, Level, ManualClock, Offset, Registry, Release, Timestamp};

pub use process::{ARG, BUFFER, NOWHERE, Process, READ_ONLY};

/// A chip, a second one beside it, and a program.
pub struct Rig {
    /// The registry's.
    clock: ManualClock,
    pub registry: Registry,
    pub device: Device,
    pub sim: Option<Sim>,
    pub other: Option<Sim>,
    pub program: Process,
    pub now: u64,
}

/// What a read gives: bytes, or why not.
pub type Bytes = Result<Vec<u8>, Errno>;

impl Rig {
    /// A simulated chip of `lines` lines.
    pub fn new(lines: u32) -> Self {
        Self::with(Bank::new(lines))
    }

    /// A simulated chip as described, and a second one of 4 lines.
    pub fn with(bank: Bank) -> Self {
        Self::of_release(Release::OLDEST, bank)
    }

    /// As [`Rig::with`], in another release.
    pub fn of_release(release: Release, bank: Bank) -> Self {
        let clock = ManualClock::new();
        let registry = Registry::of_release(release, clock.reader());
        let sim = bank.register(&registry).unwrap();
        let other = Bank::new(4).register(&registry).unwrap();
        let device = sim.device().clone();
        Self {
            clock,
            registry,
            device,
            sim: Some(sim),
            other: Some(other),
            program: Process::new(),
            now: 1_000_000_000,
        }
    }

    /// A bench around a device from elsewhere.
    pub fn around(registry: &Registry, device: &Device) -> Self {
        Self {
            clock: ManualClock::new(),
            registry: registry.clone(),
            device: device.clone(),
            sim: None,
            other: None,
            program: Process::new(),
            now: 1_000_000_000,
        }
    }

    /// Now, with the realtime clock a million seconds ahead; the registry's clock shows it too.
    pub fn time(&self) -> Timestamp {
        let now = Timestamp {
            monotonic_ns: self.now,
            realtime_ns: self.now + 1_000_000_000_000_000,
        };
        self.clock.set(now);
        now
    }

    pub fn sim(&self) -> &Sim {
        self.sim.as_ref().unwrap()
    }

    /// Opens the chip.
    pub fn open(&mut self) -> i32 {
        let file = File::open(&self.device, Box::new(MemoryRecords::new())).unwrap();
        self.program.add(file)
    }

    /// Opens the chip and watches all of its lines through v2.
    pub fn watcher(&mut self) -> i32 {
        let fd = self.open();
        for offset in 0..self.device.ngpio() {
            self.watch(fd, offset).unwrap();
        }
        fd
    }

    pub fn file(&self, fd: i32) -> Arc<File> {
        self.program.file(fd)
    }

    pub fn close(&mut self, fd: i32) {
        self.now += 1_000;
        self.time();
        self.program.close(fd);
    }

    /// `ioctl` at an address.
    pub fn ioctl_at(&mut self, fd: i32, cmd: u32, arg: u64) -> Result<u64, Errno> {
        self.now += 1_000;
        let file = self.file(fd);
        let now = self.time();
        match file.ioctl(cmd, arg, &mut self.program, now) {
            Outcome::Done(result) => Ok(result),
            Outcome::Fail(errno) => Err(errno),
            Outcome::Wait(_) => panic!("an ioctl never sleeps"),
        }
    }

    /// `ioctl` with a structure, which is read back also when the call fails.
    pub fn ioctl<T>(&mut self, fd: i32, cmd: u32, value: &mut T) -> Result<(), Errno>
    where
        T: FromBytes + IntoBytes + Immutable + KnownLayout,
    {
        self.program.put(ARG, value.as_bytes());
        let result = self.ioctl_at(fd, cmd, ARG);
        value
            .as_mut_bytes()
            .copy_from_slice(&self.program.get(ARG, size_of::<T>()));
        result.map(|number| assert_eq!(number, 0, "GPIO ioctls return 0"))
    }

    /// `read` into good memory, without sleeping.
    pub fn read(&mut self, fd: i32, len: u64) -> Bytes {
        match self.read_at(fd, BUFFER, len, true) {
            Outcome::Done(count) => Ok(self.program.get(BUFFER, usize::try_from(count).unwrap())),
            Outcome::Fail(errno) => Err(errno),
            Outcome::Wait(_) => panic!("a non-blocking read never sleeps"),
        }
    }

    /// How many bytes a `read` gives.
    pub fn read_len(&mut self, fd: i32, len: u64) -> Result<usize, Errno> {
        self.read(fd, len).map(|bytes| bytes.len())
    }

    pub fn read_at(&mut self, fd: i32, addr: u64, len: u64, nonblock: bool) -> Outcome {
        self.now += 1_000;
        let file = self.file(fd);
        let now = self.time();
        file.read(addr, len, nonblock, &mut self.program, now)
    }

    /// All records of a kind that are queued.
    pub fn records<T: FromBytes>(&mut self, fd: i32) -> Vec<T> {
        match self.read(fd, 48 * 1024) {
            Ok(bytes) => bytes
                .chunks(size_of::<T>())
                .map(|r| T::read_from_bytes(r).unwrap())
                .collect(),
            Err(errno) => {
                assert_eq!(errno, Errno::EAGAIN);
                Vec::new()
            }
        }
    }

    pub fn events(&mut self, fd: i32) -> Vec<v2::LineEvent> {
        self.records(fd)
    }

    /// The queued info changes, as `REQ2 CFG2 REL2`.
    pub fn changes(&mut self, fd: i32) -> String {
        let records: Vec<v2::LineInfoChanged> = self.records(fd);
        let word = |record: &v2::LineInfoChanged| {
            let kind = match record.event_type {
                common::CHANGED_REQUESTED => "REQ",
                common::CHANGED_RELEASED => "REL",
                common::CHANGED_CONFIG => "CFG",
                _ => "???",
            };
            format!("{kind}{}", record.info.offset)
        };
        records.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    pub fn poll(&self, fd: i32) -> PollMask {
        self.file(fd).poll()
    }

    pub fn info(&mut self, fd: i32, offset: u32) -> v2::LineInfo {
        let mut info = v2::LineInfo {
            offset,
            ..Default::default()
        };
        self.ioctl(fd, ioctl::GPIO_V2_GET_LINEINFO, &mut info)
            .unwrap();
        info
    }

    pub fn flags(&mut self, fd: i32, offset: u32) -> v2::LineFlags {
        v2::LineFlags::from_bits(self.info(fd, offset).flags).unwrap()
    }

    /// The consumer of a line, up to the first NUL.
    pub fn consumer(&mut self, fd: i32, offset: u32) -> Vec<u8> {
        common::until_nul(&self.info(fd, offset).consumer).to_vec()
    }

    /// The debounce period that a line's info shows.
    pub fn period(&mut self, fd: i32, offset: u32) -> Option<u32> {
        let info = self.info(fd, offset);
        assert!(info.num_attrs < 2);
        (info.num_attrs == 1).then(|| info.attrs[0].debounce_period_us())
    }

    pub fn watch(&mut self, fd: i32, offset: u32) -> Result<v2::LineInfo, Errno> {
        let mut info = v2::LineInfo {
            offset,
            ..Default::default()
        };
        self.ioctl(fd, ioctl::GPIO_V2_GET_LINEINFO_WATCH, &mut info)
            .map(|()| info)
    }

    pub fn watch_v1(&mut self, fd: i32, line_offset: u32) -> Result<v1::LineInfoV1, Errno> {
        let mut info = v1::LineInfoV1 {
            line_offset,
            ..Default::default()
        };
        self.ioctl(fd, ioctl::GPIO_GET_LINEINFO_WATCH, &mut info)
            .map(|()| info)
    }

    pub fn unwatch(&mut self, fd: i32, mut offset: u32) -> Result<(), Errno> {
        self.ioctl(fd, ioctl::GPIO_GET_LINEINFO_UNWATCH, &mut offset)
    }

    /// Requests lines through v2.
    pub fn get_line(&mut self, fd: i32, mut request: v2::LineRequest) -> Result<i32, Errno> {
        self.ioctl(fd, ioctl::GPIO_V2_GET_LINE, &mut request)
            .map(|()| request.fd)
    }

    pub fn get_handle(&mut self, fd: i32, mut request: v1::HandleRequest) -> Result<i32, Errno> {
        self.ioctl(fd, ioctl::GPIO_GET_LINEHANDLE, &mut request)
            .map(|()| request.fd)
    }

    pub fn get_event(&mut self, fd: i32, mut request: v1::EventRequest) -> Result<i32, Errno> {
        self.ioctl(fd, ioctl::GPIO_GET_LINEEVENT, &mut request)
            .map(|()| request.fd)
    }

    /// The values of the first lines of a v2 request.
    pub fn values(&mut self, fd: i32, mask: u64) -> Result<u64, Errno> {
        let mut values = v2::LineValues { bits: 0, mask };
        self.ioctl(fd, ioctl::GPIO_V2_LINE_GET_VALUES, &mut values)
            .map(|()| values.bits)
    }

    pub fn set_values(&mut self, fd: i32, mask: u64, bits: u64) -> Result<(), Errno> {
        self.ioctl(
            fd,
            ioctl::GPIO_V2_LINE_SET_VALUES,
            &mut v2::LineValues { bits, mask },
        )
    }

    pub fn set_config(&mut self, fd: i32, mut config: v2::LineConfig) -> Result<(), Errno> {
        self.ioctl(fd, ioctl::GPIO_V2_LINE_SET_CONFIG, &mut config)
    }

    /// The first `count` bytes of the values of a v1 file; the rest must be zero.
    pub fn handle_values(&mut self, fd: i32, count: usize) -> Result<Vec<u8>, Errno> {
        let mut data = v1::HandleData { values: [0xFF; 64] };
        self.ioctl(fd, ioctl::GPIOHANDLE_GET_LINE_VALUES, &mut data)?;
        assert_eq!(data.values[count..], [0; 64][count..]);
        Ok(data.values[..count].to_vec())
    }

    pub fn set_handle_values(&mut self, fd: i32, given: &[u8]) -> Result<(), Errno> {
        let mut data = v1::HandleData::default();
        data.values[..given.len()].copy_from_slice(given);
        self.ioctl(fd, ioctl::GPIOHANDLE_SET_LINE_VALUES, &mut data)
    }

    /// Pulls a line of the simulated chip, a microsecond after whatever was before.
    pub fn pull(&mut self, offset: u32, level: u8) {
        self.now += 1_000;
        let level = Level::from(level == 1);
        self.sim()
            .set_pull(Offset::new(offset), level, self.time())
            .unwrap();
    }

    /// Pulls a line up and down, `count` changes in all, starting from low.
    pub fn pulse(&mut self, offset: u32, count: u32) {
        for number in 1..=count {
            self.pull(offset, u8::from(number % 2 == 1));
        }
    }

    pub fn level(&self, offset: u32) -> u8 {
        u8::from(self.sim().level(Offset::new(offset)).unwrap().is_high())
    }

    /// Lets time pass for one file, in microseconds.
    pub fn wait(&mut self, fd: i32, us: u64) {
        self.now += us * 1_000;
        self.file(fd).advance(self.time());
    }

    /// Takes the chip away.
    pub fn unplug(&mut self) {
        self.now += 1_000;
        self.time();
        self.sim.take().unwrap().unplug();
    }
}

/// Counts how often it is woken.
#[derive(Default)]
pub struct Wakes(AtomicUsize);

impl Wakes {
    /// A counter, and a waker that counts.
    pub fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (Arc::clone(&wakes), Waker::from(wakes))
    }

    /// How often since the last time this was asked.
    pub fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
