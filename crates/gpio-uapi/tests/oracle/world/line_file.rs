//! The calls on requested lines (the reference's §3.6 to §3.10, §3.12, §3.14 and §4), and reads.

use gpio_uapi::abi::{v1, v2};
use gpiolib::Errno;

use super::judge::{self, Setup};
use super::line::Drive;
use super::model::{Kind, Model};
use super::queue::{Queue, Settled, Use, any, deafen, physical};
use super::records::Abi;

impl Queue {
    /// Events are made by this setup from now on.
    pub fn settle(&mut self, index: usize, setup: &Setup) {
        let line = &mut self.lines[index];
        line.settled = Settled {
            active_low: setup.active_low,
            edges: setup.edges,
        };
        line.realtime = setup.realtime;
    }

    /// Room for events: a queue of one cannot be made.
    fn allocate(&self, edges: (bool, bool)) -> Result<(), Errno> {
        if any(edges) && self.size == 1 {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }
}

impl Model {
    /// The queue of a request, taken out while its lines are worked on.
    fn queue(&mut self, at: usize) -> &mut Queue {
        match &mut self.files[at].kind {
            Kind::Request(queue) => queue,
            _ => unreachable!("asked of a request"),
        }
    }

    /// Starts listening to a fresh input (§3.10).
    pub fn start(
        &mut self,
        device: usize,
        key: u64,
        queue: &mut Queue,
        index: usize,
        setup: &Setup,
    ) -> Result<(), Errno> {
        queue.allocate(setup.edges)?;
        let listening = &mut queue.lines[index];
        let line = &mut self.devices[device].lines[listening.offset];
        if let Some(period_us) = setup.debounce_us {
            listening.period_us = period_us;
            line.debounce_us = period_us;
        }
        if setup.debounce_us.unwrap_or(0) > 0 {
            listening.usage = Use::Debouncer {
                level: line.level,
                deadline: None,
            };
            line.armed = (true, true);
        } else if any(setup.edges) {
            listening.usage = Use::Edges;
            line.armed = physical(setup.edges, setup.active_low);
        } else {
            return Ok(());
        }
        line.listener = Some((key, index));
        Ok(())
    }

    fn stop(&mut self, at: usize, index: usize) {
        let device = self.files[at].device;
        let listening = &mut self.queue(at).lines[index];
        listening.usage = Use::Nothing;
        listening.period_us = 0;
        let offset = listening.offset;
        let line = self.line(device, offset);
        line.debounce_us = 0;
        deafen(line);
    }

    pub fn set_config(&mut self, at: usize, addr: u64) -> Result<(), Errno> {
        let raw: v2::LineConfig = self.memory.fetch(addr)?;
        let count = self.queue(at).lines.len();
        let setups = judge::config(&raw, count)?;
        for (index, setup) in setups.iter().enumerate() {
            if setup.input || setup.output {
                self.configure(at, index, setup)?;
            }
        }
        Ok(())
    }

    fn configure(&mut self, at: usize, index: usize, setup: &Setup) -> Result<(), Errno> {
        let device = self.files[at].device;
        let offset = self.queue(at).lines[index].offset;
        self.apply(device, offset, setup, Abi::V2);
        if setup.output {
            self.stop(at, index);
            self.direct(device, offset, setup);
        } else {
            self.direct(device, offset, setup);
            self.update(at, index, setup)?;
        }
        self.queue(at).settle(index, setup);
        self.announce(device, offset, 3);
        Ok(())
    }

    /// The table of §4.7.
    fn update(&mut self, at: usize, index: usize, setup: &Setup) -> Result<(), Errno> {
        let (device, key) = (self.files[at].device, self.files[at].key);
        let period_us = setup.debounce_us.unwrap_or(0);
        let listening = &mut self.queue(at).lines[index];
        let wanted = Settled {
            active_low: setup.active_low,
            edges: setup.edges,
        };
        if listening.settled == wanted && listening.period_us == period_us {
            return Ok(());
        }
        let offset = listening.offset;
        let is_debouncing = matches!(listening.usage, Use::Debouncer { .. });
        if is_debouncing && period_us > 0 {
            listening.period_us = period_us;
            self.line(device, offset).debounce_us = period_us;
            return self.queue(at).allocate(setup.edges);
        }
        if listening.usage != Use::Nothing {
            self.stop(at, index);
        }
        let mut queue = self.queue(at).clone();
        let done = self.start(device, key, &mut queue, index, setup);
        *self.queue(at) = queue;
        done
    }

    pub fn get_values(&mut self, at: usize, addr: u64) -> Result<(), Errno> {
        let mut raw: v2::LineValues = self.memory.fetch(addr)?;
        let device = self.files[at].device;
        let lines = self.queue(at).lines.clone();
        let (mut bits, mut is_any) = (0, false);
        for (index, listening) in lines.iter().enumerate() {
            if raw.mask >> index & 1 == 0 {
                continue;
            }
            is_any = true;
            let line = self.line(device, listening.offset);
            let value = match listening.usage {
                Use::Debouncer { level, .. } => level != line.active_low,
                _ => line.value(),
            };
            bits |= u64::from(value) << index;
        }
        if !is_any {
            return Err(Errno::EINVAL);
        }
        raw.bits = bits;
        self.store(addr, &raw)
    }

    pub fn set_values(&mut self, at: usize, addr: u64) -> Result<(), Errno> {
        let raw: v2::LineValues = self.memory.fetch(addr)?;
        let device = self.files[at].device;
        let wanted: Vec<(usize, bool)> = (self.queue(at).offsets().into_iter().enumerate())
            .filter(|(index, _)| raw.mask >> index & 1 == 1)
            .map(|(index, offset)| (offset, raw.bits >> index & 1 == 1))
            .collect();
        for (offset, _) in &wanted {
            if !self.line(device, *offset).seen_as_output {
                return Err(Errno::EPERM);
            }
        }
        if wanted.is_empty() {
            return Err(Errno::EINVAL);
        }
        self.drive(device, &wanted);
        Ok(())
    }

    /// Those that switch between input and output one by one, then all others.
    fn drive(&mut self, device: usize, wanted: &[(usize, bool)]) {
        for is_driven in [false, true] {
            for (offset, value) in wanted {
                let line = self.line(device, *offset);
                if (line.drive == Drive::PushPull) == is_driven {
                    line.set(*value);
                }
            }
        }
    }

    pub fn show_values(
        &mut self,
        device: usize,
        offsets: &[usize],
        addr: u64,
    ) -> Result<(), Errno> {
        let mut values = [0; 64];
        for (value, offset) in values.iter_mut().zip(offsets) {
            *value = self.line(device, *offset).value().into();
        }
        self.store(addr, &v1::HandleData { values })
    }

    pub fn set_all(&mut self, device: usize, offsets: &[usize], addr: u64) -> Result<(), Errno> {
        if !self.line(device, offsets[0]).seen_as_output {
            return Err(Errno::EPERM);
        }
        let raw: v1::HandleData = self.memory.fetch(addr)?;
        let wanted: Vec<(usize, bool)> = (offsets.iter().copied())
            .zip(raw.values.map(|value| value != 0))
            .collect();
        self.drive(device, &wanted);
        Ok(())
    }

    pub fn configure_handle(
        &mut self,
        device: usize,
        offsets: &[usize],
        addr: u64,
    ) -> Result<(), Errno> {
        let raw: v1::HandleConfig = self.memory.fetch(addr)?;
        let setup = judge::handle(raw.flags)?;
        if !setup.input && !setup.output {
            return Err(Errno::EINVAL);
        }
        for (offset, value) in offsets.iter().zip(raw.default_values) {
            let value = value != 0;
            self.apply(device, *offset, &setup, Abi::V1);
            self.direct(device, *offset, &Setup { value, ..setup });
            self.announce(device, *offset, 3);
        }
        Ok(())
    }

    /// Reads; no answer yet is `None`.
    pub fn read(
        &mut self,
        at: usize,
        addr: u64,
        len: u64,
        nonblock: bool,
    ) -> Option<Result<u64, Errno>> {
        let file = &mut self.files[at];
        if matches!(file.kind, Kind::Handle(_)) {
            return Some(Err(Errno::EINVAL));
        }
        if self.devices[file.device].is_gone {
            return Some(Err(Errno::ENODEV));
        }
        // The size of a record, and how much room another one takes to be tried.
        let (records, size, step) = match &mut file.kind {
            Kind::Chip { latch, changes, .. } => {
                let size = latch.unwrap_or(Abi::V1).change_size();
                if !changes.is_empty() && len < size {
                    return Some(Err(Errno::EINVAL));
                }
                (changes, size, 288)
            }
            Kind::Request(queue) | Kind::Event(queue) => {
                let size = if queue.is_v1 { 16 } else { 48 };
                if len < size {
                    return Some(Err(Errno::EINVAL));
                }
                (&mut queue.records, size, size)
            }
            Kind::Handle(_) => unreachable!("answered above"),
        };
        let mut copied = 0;
        while let Some(record) = records.pop_front() {
            if self.memory.set(addr.wrapping_add(copied), &record).is_err() {
                return Some(Err(Errno::EFAULT));
            }
            copied += size;
            if len - copied < step {
                break;
            }
        }
        match (copied, nonblock) {
            (0, true) => Some(Err(Errno::EAGAIN)),
            (0, false) => None,
            _ => Some(Ok(copied)),
        }
    }
}
