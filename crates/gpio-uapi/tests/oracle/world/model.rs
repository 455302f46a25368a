//! The naive model: the character device as the reference's chapters 3 to 7 tell it, with vectors and
//! loops where the engine has queues, locks and counts.

use std::collections::VecDeque;

use gpio_uapi::abi::{Immutable, IntoBytes, ioctl, v1};
use gpiolib::Errno;

use super::line::Line;
use super::memory::Memory;
use super::queue::{Listening, Queue};
use super::records::{self, Abi};

/// One device, which may have lost its chip.
pub struct Device {
    pub id: u32,
    pub label: &'static str,
    pub is_gone: bool,
    pub lines: Vec<Line>,
}

/// An open file.
pub struct File {
    pub key: u64,
    pub device: usize,
    pub kind: Kind,
}

pub enum Kind {
    Chip {
        latch: Option<Abi>,
        watched: Vec<usize>,
        changes: VecDeque<Vec<u8>>,
    },
    Request(Queue),
    Handle(Vec<usize>),
    Event(Queue),
}

pub struct Model {
    pub memory: Memory,
    pub devices: Vec<Device>,
    pub files: Vec<File>,
    /// How many more files the program may have.
    pub places: usize,
    pub now: u64,
    pub realtime: u64,
    pub next_key: u64,
}

/// So that a stable name leads to a file.
fn by_key(files: &mut [File], key: u64) -> Option<&mut File> {
    files.iter_mut().find(|file| file.key == key)
}

impl Model {
    /// Plugs a chip in: the smallest number that no chip and no file of a dead one has.
    pub fn plug(&mut self, label: &'static str, lines: Vec<Line>) -> usize {
        let files = &self.files;
        let taken = |id: &u32| {
            self.devices.iter().enumerate().any(|(at, device)| {
                device.id == *id && (!device.is_gone || files.iter().any(|file| file.device == at))
            })
        };
        let id = (0..).find(|id| !taken(id)).expect("there are more numbers");
        let is_gone = false;
        self.devices.push(Device {
            id,
            label,
            is_gone,
            lines,
        });
        self.devices.len() - 1
    }

    pub fn open(&mut self, device: usize) -> Result<(), Errno> {
        if self.devices[device].is_gone {
            return Err(Errno::ENODEV);
        }
        let kind = Kind::Chip {
            latch: None,
            watched: Vec::new(),
            changes: VecDeque::new(),
        };
        self.add(device, kind);
        Ok(())
    }

    pub fn add(&mut self, device: usize, kind: Kind) {
        self.next_key += 1;
        self.files.push(File {
            key: self.next_key,
            device,
            kind,
        });
    }

    pub fn close(&mut self, at: usize) {
        let file = self.files.swap_remove(at);
        let offsets: Vec<usize> = match file.kind {
            Kind::Chip { .. } => Vec::new(),
            Kind::Handle(offsets) => offsets,
            Kind::Request(queue) | Kind::Event(queue) => queue.offsets(),
        };
        self.release(file.device, &offsets);
    }

    pub fn release(&mut self, device: usize, offsets: &[usize]) {
        if self.devices[device].is_gone {
            return;
        }
        for offset in offsets {
            self.line(device, *offset).free();
            self.announce(device, *offset, 2);
        }
    }

    pub fn line(&mut self, device: usize, offset: usize) -> &mut Line {
        &mut self.devices[device].lines[offset]
    }

    /// Tells every chip file that watches the line; a full one loses the news.
    pub fn announce(&mut self, device: usize, offset: usize, kind: u32) {
        let line = &self.devices[device].lines[offset];
        for file in &mut self.files {
            if file.device == device
                && let Kind::Chip {
                    latch: Some(abi),
                    watched,
                    changes,
                } = &mut file.kind
                && watched.contains(&offset)
                && changes.len() < 32
            {
                changes.push_back(records::change(*abi, offset, line, kind, self.now));
            }
        }
    }

    /// The world pulls a line.
    pub fn pull(&mut self, device: usize, offset: usize, pull: bool) {
        let edge = self.line(device, offset).pulled(pull);
        self.deliver(device, offset, edge);
    }

    pub fn deliver(&mut self, device: usize, offset: usize, edge: Option<bool>) {
        let (now, realtime) = (self.now, self.realtime);
        if let (Some(level), Some((key, index))) =
            (edge, self.devices[device].lines[offset].listener)
            && let Some(file) = by_key(&mut self.files, key)
            && let Kind::Request(queue) | Kind::Event(queue) = &mut file.kind
        {
            queue.edge(index, level, now, realtime);
        }
    }

    /// When the next debounce timer of a file expires.
    pub fn deadline(&self, at: usize) -> Option<u64> {
        match &self.files[at].kind {
            Kind::Request(queue) => queue.lines.iter().filter_map(Listening::deadline).min(),
            _ => None,
        }
    }

    /// Timers that are due now expire.
    pub fn expire(&mut self) {
        let (now, realtime) = (self.now, self.realtime);
        for file in &mut self.files {
            let device = &self.devices[file.device];
            let level = |offset: usize| (!device.is_gone).then(|| device.lines[offset].level);
            if let Kind::Request(queue) = &mut file.kind {
                queue.expire(level, now, realtime);
            }
        }
    }

    pub fn poll(&self, at: usize) -> u32 {
        let file = &self.files[at];
        let is_empty = match &file.kind {
            Kind::Handle(_) => return 0x145,
            Kind::Chip { changes, .. } => changes.is_empty(),
            Kind::Request(queue) | Kind::Event(queue) => queue.records.is_empty(),
        };
        match (self.devices[file.device].is_gone, is_empty) {
            (true, _) => 0x18,
            (false, true) => 0,
            (false, false) => 0x41,
        }
    }

    pub fn fdinfo(&self, at: usize) -> String {
        let file = &self.files[at];
        let Kind::Request(queue) = &file.kind else {
            return String::new();
        };
        let lines = queue
            .offsets()
            .iter()
            .map(|offset| format!("gpio-line:\t{offset}\n"))
            .collect::<String>();
        format!(
            "gpio-chip:\tgpiochip{}\n{lines}",
            self.devices[file.device].id
        )
    }

    pub fn ioctl(&mut self, at: usize, command: u32, addr: u64) -> Result<(), Errno> {
        let device = self.files[at].device;
        if self.devices[device].is_gone {
            return Err(Errno::ENODEV);
        }
        match (&self.files[at].kind, command) {
            (Kind::Chip { .. }, ioctl::GPIO_GET_CHIPINFO) => self.chip_info(device, addr),
            (Kind::Chip { .. }, ioctl::GPIO_GET_LINEINFO) => {
                let raw: v1::LineInfoV1 = self.memory.fetch(addr)?;
                let offset = self.known(device, raw.line_offset)?;
                self.show(device, offset, Abi::V1, addr)
            }
            (Kind::Chip { .. }, ioctl::GPIO_V2_GET_LINEINFO) => {
                let offset = self.asked_v2(device, addr)?;
                self.show(device, offset, Abi::V2, addr)
            }
            (Kind::Chip { .. }, ioctl::GPIO_GET_LINEINFO_WATCH) => {
                let raw: v1::LineInfoV1 = self.memory.fetch(addr)?;
                let offset = self.known(device, raw.line_offset)?;
                self.watch(at, offset, Abi::V1, addr)
            }
            (Kind::Chip { .. }, ioctl::GPIO_V2_GET_LINEINFO_WATCH) => {
                let offset = self.asked_v2(device, addr)?;
                self.watch(at, offset, Abi::V2, addr)
            }
            (Kind::Chip { .. }, ioctl::GPIO_GET_LINEINFO_UNWATCH) => self.unwatch(at, addr),
            (Kind::Chip { .. }, ioctl::GPIO_V2_GET_LINE) => self.get_line(device, addr),
            (Kind::Chip { .. }, ioctl::GPIO_GET_LINEHANDLE) => self.get_handle(device, addr),
            (Kind::Chip { .. }, ioctl::GPIO_GET_LINEEVENT) => self.get_event(device, addr),
            (Kind::Request(_), ioctl::GPIO_V2_LINE_GET_VALUES) => self.get_values(at, addr),
            (Kind::Request(_), ioctl::GPIO_V2_LINE_SET_VALUES) => self.set_values(at, addr),
            (Kind::Request(_), ioctl::GPIO_V2_LINE_SET_CONFIG) => self.set_config(at, addr),
            (Kind::Handle(offsets), ioctl::GPIOHANDLE_GET_LINE_VALUES) => {
                let offsets = offsets.clone();
                self.show_values(device, &offsets, addr)
            }
            (Kind::Event(queue), ioctl::GPIOHANDLE_GET_LINE_VALUES) => {
                let offsets = queue.offsets();
                self.show_values(device, &offsets, addr)
            }
            (Kind::Handle(offsets), ioctl::GPIOHANDLE_SET_LINE_VALUES) => {
                let offsets = offsets.clone();
                self.set_all(device, &offsets, addr)
            }
            (Kind::Handle(offsets), ioctl::GPIOHANDLE_SET_CONFIG) => {
                let offsets = offsets.clone();
                self.configure_handle(device, &offsets, addr)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// Copies an answer out.
    pub fn store<T: Immutable + IntoBytes>(&mut self, addr: u64, raw: &T) -> Result<(), Errno> {
        Ok(self.memory.set(addr, raw.as_bytes())?)
    }

    /// An offset that the chip has.
    pub fn known(&self, device: usize, offset: u32) -> Result<usize, Errno> {
        let offset = offset as usize;
        (offset < self.devices[device].lines.len())
            .then_some(offset)
            .ok_or(Errno::EINVAL)
    }
}
