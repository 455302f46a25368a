//! The calls on an open chip (the reference's §3.1 to §3.4, §3.11, §3.13 and §6.6).

use gpio_uapi::abi::common::ChipInfo;
use gpio_uapi::abi::{v1, v2};
use gpiolib::Errno;

use super::judge::{self, Setup};
use super::model::{Kind, Model};
use super::queue::{Listening, Queue, Settled, Use, physical};
use super::records::{self, Abi};

impl Model {
    pub fn chip_info(&mut self, device: usize, addr: u64) -> Result<(), Errno> {
        let device = &self.devices[device];
        let raw = ChipInfo {
            name: records::name(format!("gpiochip{}", device.id).as_bytes()),
            label: records::name(device.label.as_bytes()),
            lines: device.lines.len() as u32,
        };
        self.store(addr, &raw)
    }

    pub fn asked_v2(&self, device: usize, addr: u64) -> Result<usize, Errno> {
        let raw: v2::LineInfo = self.memory.fetch(addr)?;
        if raw.padding != [0; 4] {
            return Err(Errno::EINVAL);
        }
        self.known(device, raw.offset)
    }

    pub fn show(&mut self, device: usize, offset: usize, abi: Abi, addr: u64) -> Result<(), Errno> {
        let line = &self.devices[device].lines[offset];
        match abi {
            Abi::V1 => self.store(addr, &records::info_v1(offset, line)),
            Abi::V2 => self.store(addr, &records::info_v2(offset, line)),
        }
    }

    pub fn watch(&mut self, at: usize, offset: usize, abi: Abi, addr: u64) -> Result<(), Errno> {
        let device = self.files[at].device;
        let Kind::Chip { latch, watched, .. } = &mut self.files[at].kind else {
            unreachable!("asked of a chip file");
        };
        if *latch.get_or_insert(abi) != abi {
            return Err(Errno::EPERM);
        }
        if watched.contains(&offset) {
            return Err(Errno::EBUSY);
        }
        self.show(device, offset, abi, addr)?;
        if let Kind::Chip { watched, .. } = &mut self.files[at].kind {
            watched.push(offset);
        }
        Ok(())
    }

    pub fn unwatch(&mut self, at: usize, addr: u64) -> Result<(), Errno> {
        let offset = self.known(self.files[at].device, self.memory.fetch(addr)?)?;
        let Kind::Chip { watched, .. } = &mut self.files[at].kind else {
            unreachable!("asked of a chip file");
        };
        let place = watched.iter().position(|watched| *watched == offset);
        watched.remove(place.ok_or(Errno::EBUSY)?);
        Ok(())
    }

    /// Requests one line.
    fn take(&mut self, device: usize, offset: u32, consumer: &[u8; 32]) -> Result<usize, Errno> {
        let offset = self.known(device, offset)?;
        let line = self.line(device, offset);
        if line.is_requested() {
            return Err(Errno::EBUSY);
        }
        line.consumer = Some(records::consumer(consumer));
        line.seen_as_output = line.is_output;
        Ok(offset)
    }

    /// Overwrites what a setup says of a line; the clock only for v2.
    pub fn apply(&mut self, device: usize, offset: usize, setup: &Setup, abi: Abi) {
        let line = self.line(device, offset);
        line.active_low = setup.active_low;
        line.drive = setup.drive;
        line.bias = setup.bias;
        if abi == Abi::V2 {
            line.edges = setup.edges;
            line.realtime = setup.realtime;
            line.seen_as_output = setup.output || line.seen_as_output && !setup.input;
        }
    }

    pub fn direct(&mut self, device: usize, offset: usize, setup: &Setup) {
        let line = self.line(device, offset);
        if setup.output {
            line.output(setup.value);
        } else if setup.input {
            let edge = line.input();
            self.deliver(device, offset, edge);
        }
    }

    /// The new file's number: not if there are no places, or nowhere to write it. Its lines are then
    /// released.
    fn install(
        &mut self,
        device: usize,
        kind: Kind,
        answer: Result<(), Errno>,
    ) -> Result<(), Errno> {
        let offsets = match &kind {
            Kind::Handle(offsets) => offsets.clone(),
            Kind::Request(queue) | Kind::Event(queue) => queue.offsets(),
            Kind::Chip { .. } => Vec::new(),
        };
        match answer {
            Ok(()) => self.add(device, kind),
            Err(_) => self.release(device, &offsets),
        }
        answer
    }

    fn number(&self) -> Result<(), Errno> {
        (self.places > 0).then_some(()).ok_or(Errno::EMFILE)
    }

    pub fn get_line(&mut self, device: usize, addr: u64) -> Result<(), Errno> {
        let mut raw: v2::LineRequest = self.memory.fetch(addr)?;
        let count = raw.num_lines as usize;
        if count == 0 || count > 64 || raw.padding != [0; 5] {
            return Err(Errno::EINVAL);
        }
        let setups = judge::config(&raw.config, count)?;
        let size = match raw.event_buffer_size as usize {
            0 => count * 16,
            size => size.min(1024),
        };
        let mut queue = Queue::new(false, size);
        let mut done = Ok(());
        for (offset, setup) in raw.offsets.iter().zip(&setups) {
            done = self
                .take(device, *offset, &raw.consumer)
                .and_then(|offset| self.add_line(device, &mut queue, offset, setup));
            if done.is_err() {
                break;
            }
        }
        raw.fd = super::FD;
        let answer = done
            .and_then(|()| self.number())
            .and_then(|()| self.store(addr, &raw));
        self.install(device, Kind::Request(queue), answer)
    }

    fn add_line(
        &mut self,
        device: usize,
        queue: &mut Queue,
        offset: usize,
        setup: &Setup,
    ) -> Result<(), Errno> {
        let index = queue.lines.len();
        queue.lines.push(Listening {
            offset,
            ..Listening::default()
        });
        self.apply(device, offset, setup, Abi::V2);
        self.direct(device, offset, setup);
        let key = self.next_key + 1;
        if setup.input {
            self.start(device, key, queue, index, setup)?;
        }
        queue.settle(index, setup);
        self.announce(device, offset, 1);
        Ok(())
    }

    pub fn get_handle(&mut self, device: usize, addr: u64) -> Result<(), Errno> {
        let mut raw: v1::HandleRequest = self.memory.fetch(addr)?;
        let count = raw.lines as usize;
        if count == 0 || count > 64 {
            return Err(Errno::EINVAL);
        }
        let setup = judge::handle(raw.flags)?;
        let (mut offsets, mut done) = (Vec::new(), Ok(()));
        for (offset, value) in raw.lineoffsets.iter().zip(raw.default_values).take(count) {
            match self.take(device, *offset, &raw.consumer_label) {
                Ok(offset) => {
                    offsets.push(offset);
                    let value = value != 0;
                    self.apply(device, offset, &setup, Abi::V1);
                    self.direct(device, offset, &Setup { value, ..setup });
                    self.announce(device, offset, 1);
                }
                Err(errno) => {
                    done = Err(errno);
                    break;
                }
            }
        }
        raw.fd = super::FD;
        let answer = done
            .and_then(|()| self.number())
            .and_then(|()| self.store(addr, &raw));
        self.install(device, Kind::Handle(offsets), answer)
    }

    pub fn get_event(&mut self, device: usize, addr: u64) -> Result<(), Errno> {
        let mut raw: v1::EventRequest = self.memory.fetch(addr)?;
        self.known(device, raw.lineoffset)?;
        let setup = judge::event(raw.handleflags, raw.eventflags)?;
        let offset = self.take(device, raw.lineoffset, &raw.consumer_label)?;
        self.apply(device, offset, &setup, Abi::V1);
        self.direct(device, offset, &setup);
        self.announce(device, offset, 1);
        let key = self.next_key + 1;
        let line = self.line(device, offset);
        line.armed = physical(setup.edges, setup.active_low);
        line.listener = Some((key, 0));
        let mut queue = Queue::new(true, 16);
        let (active_low, edges) = (setup.active_low, setup.edges);
        queue.lines.push(Listening {
            offset,
            settled: Settled { active_low, edges },
            usage: Use::Edges,
            ..Listening::default()
        });
        raw.fd = super::FD;
        let answer = self.number().and_then(|()| self.store(addr, &raw));
        self.install(device, Kind::Event(queue), answer)
    }
}
