//! The program under test: memory with good, read-only and unmapped parts, and a descriptor table.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use gpio_uapi::{Caller, File, MemoryFault, MemoryRecords, Records};
use gpiolib::Errno;

/// Where structures are put.
pub const ARG: u64 = 0x1000;
/// Where reads go.
pub const BUFFER: u64 = 0x2000;
/// Start of memory that can be read but not written.
pub const READ_ONLY: u64 = 0x2_0000;
/// An address with nothing behind it.
pub const NOWHERE: u64 = 0xDEAD_0000_0000;

const MAPPED: Range<u64> = 0x1000..0x2_1000;

/// A program's memory and files.
pub struct Process {
    memory: Vec<u8>,
    files: BTreeMap<i32, Arc<File>>,
    /// How many descriptors the program may have.
    pub limit: usize,
    reserved: Vec<i32>,
}

impl Process {
    pub fn new() -> Self {
        let size = usize::try_from(MAPPED.end - MAPPED.start).unwrap();
        Self {
            memory: vec![0; size],
            files: BTreeMap::new(),
            limit: 64,
            reserved: Vec::new(),
        }
    }

    /// Puts a file behind the lowest free number.
    pub fn add(&mut self, file: File) -> i32 {
        let fd = self.reserve_fd().unwrap();
        self.install_fd(fd, file);
        fd
    }

    pub fn file(&self, fd: i32) -> Arc<File> {
        Arc::clone(&self.files[&fd])
    }

    pub fn close(&mut self, fd: i32) {
        drop(self.files.remove(&fd).unwrap());
    }

    /// How many descriptors are open, or reserved for ever by mistake.
    pub fn open_count(&self) -> usize {
        self.files.len() + self.reserved.len()
    }

    /// Writes to memory, whatever its protection.
    pub fn put(&mut self, addr: u64, data: &[u8]) {
        let range = place(addr, data.len()).unwrap();
        self.memory[range].copy_from_slice(data);
    }

    pub fn get(&self, addr: u64, len: usize) -> Vec<u8> {
        self.memory[place(addr, len).unwrap()].to_vec()
    }
}

/// The part of the memory that an access touches, if all of it is mapped.
fn place(addr: u64, len: usize) -> Option<Range<usize>> {
    let end = addr.checked_add(len as u64)?;
    let mapped = addr >= MAPPED.start && end <= MAPPED.end;
    let at = |addr: u64| usize::try_from(addr - MAPPED.start).unwrap();
    mapped.then(|| at(addr)..at(end))
}

impl Caller for Process {
    fn copy_in(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), MemoryFault> {
        let range = place(addr, buf.len()).ok_or(MemoryFault)?;
        buf.copy_from_slice(&self.memory[range]);
        Ok(())
    }

    fn copy_out(&mut self, addr: u64, data: &[u8]) -> Result<(), MemoryFault> {
        let range = place(addr, data.len()).ok_or(MemoryFault)?;
        if addr + data.len() as u64 > READ_ONLY {
            return Err(MemoryFault);
        }
        self.memory[range].copy_from_slice(data);
        Ok(())
    }

    fn records(&mut self) -> Box<dyn Records> {
        Box::new(MemoryRecords::new())
    }

    fn reserve_fd(&mut self) -> Result<i32, Errno> {
        let taken = |fd: &i32| self.files.contains_key(fd) || self.reserved.contains(fd);
        let fd = (3..).find(|fd| !taken(fd)).unwrap();
        if self.open_count() >= self.limit {
            return Err(Errno::EMFILE);
        }
        self.reserved.push(fd);
        Ok(fd)
    }

    fn cancel_fd(&mut self, fd: i32) {
        self.reserved.retain(|reserved| *reserved != fd);
    }

    fn install_fd(&mut self, fd: i32, file: File) {
        assert!(
            self.reserved.contains(&fd),
            "installed without being reserved"
        );
        self.cancel_fd(fd);
        self.files.insert(fd, Arc::new(file));
    }
}
