//! The program's memory: one range of addresses, which can be made unwritable.

use gpio_uapi::MemoryFault;
use gpio_uapi::abi::FromBytes;
use gpiolib::Errno;

/// Where the memory begins.
pub const BASE: u64 = 0x1000;
/// How many bytes there are.
pub const SIZE: usize = 1024;

/// What the program's addresses lead to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Memory {
    pub bytes: Vec<u8>,
    pub writable: bool,
}

impl Memory {
    pub fn new() -> Self {
        Self {
            bytes: vec![0; SIZE],
            writable: true,
        }
    }

    pub fn get(&self, addr: u64, len: usize) -> Result<&[u8], MemoryFault> {
        let start = usize::try_from(addr.wrapping_sub(BASE)).map_err(|_| MemoryFault)?;
        let end = start.checked_add(len).ok_or(MemoryFault)?;
        self.bytes.get(start..end).ok_or(MemoryFault)
    }

    pub fn set(&mut self, addr: u64, data: &[u8]) -> Result<(), MemoryFault> {
        self.get(addr, data.len())?;
        if !self.writable {
            return Err(MemoryFault);
        }
        let start = usize::try_from(addr - BASE).map_err(|_| MemoryFault)?;
        self.bytes[start..][..data.len()].copy_from_slice(data);
        Ok(())
    }

    /// The structure at an address.
    pub fn fetch<T: FromBytes>(&self, addr: u64) -> Result<T, Errno> {
        let bytes = self.get(addr, size_of::<T>())?;
        Ok(T::read_from_bytes(bytes).expect("as long as the structure"))
    }
}
