//! The program as the engine sees it: the memory and the descriptor table behind one trapped ioctl.
//!
//! The engine holds no lock while it copies. What it cannot know is that a descriptor once put into
//! the program's table cannot be taken back: so before that is done, the argument is proved writable
//! by writing back the very bytes that were read from it.

use std::os::fd::AsFd;

use gpio_uapi::abi::ioctl::GPIO_GET_LINEHANDLE;
use gpio_uapi::{Caller, File, MemoryFault, MemoryRecords, Records, Refusal};
use gpiolib::Errno;
use rustix::fs::OFlags;

use super::Files;
use super::link::{Link, Pair};
use crate::outcome::Call;
use crate::outcome::errno_of;
use crate::thread::Thread;

/// One trapped ioctl.
pub(crate) struct Trapped<'a> {
    pub(crate) files: &'a Files,
    pub(crate) thread: &'a Thread<'a>,
    pub(crate) id: u64,
    pub(crate) cmd: u32,
    /// The last argument read, and where.
    pub(crate) input: Option<(u64, Vec<u8>)>,
    /// The link of the file being made.
    pub(crate) pair: Option<Pair>,
    /// Why it was refused.
    pub(crate) refusal: Option<Refusal>,
}

impl<'a> Trapped<'a> {
    pub(crate) fn new(files: &'a Files, thread: &'a Thread<'a>, call: &Call) -> Self {
        Self {
            files,
            thread,
            id: call.id,
            cmd: call.uint(1),
            input: None,
            pair: None,
            refusal: None,
        }
    }
}

impl Trapped<'_> {
    fn pair(&mut self) -> Result<&Pair, Errno> {
        if self.pair.is_none() {
            let pair = if self.cmd == GPIO_GET_LINEHANDLE {
                Link::handle()
            } else {
                self.files.pipe()
            };
            self.pair = Some(pair.map_err(errno_of)?);
        }
        self.pair.as_ref().ok_or(Errno::ENFILE)
    }

    /// Whether an answer can be written where the argument was read.
    fn is_writable(&self) -> bool {
        let input = self.input.as_ref();
        input.is_none_or(|(addr, bytes)| self.thread.write(*addr, bytes).is_ok())
    }
}

impl Caller for Trapped<'_> {
    fn copy_in(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), MemoryFault> {
        self.thread.read(addr, buf).map_err(|_| MemoryFault)?;
        // Only the large arguments make files.
        if buf.len() > 16 {
            self.input = Some((addr, buf.to_vec()));
        }
        Ok(())
    }

    fn copy_out(&mut self, addr: u64, data: &[u8]) -> Result<(), MemoryFault> {
        self.thread.write(addr, data).map_err(|_| MemoryFault)
    }

    fn records(&mut self) -> Box<dyn Records> {
        match self.pair() {
            Ok(_) => {}
            // `reserve_fd` reports the failure.
            Err(_) => return Box::new(MemoryRecords::new()),
        }
        let pair = self.pair.as_ref();
        pair.map_or_else(
            || Box::new(MemoryRecords::new()) as Box<dyn Records>,
            |pair| self.files.records(pair),
        )
    }

    fn reserve_fd(&mut self) -> Result<i32, Errno> {
        if !self.is_writable() {
            // Copying out fails next; a number taken now could not be given back.
            return Ok(-1);
        }
        let (id, listener) = (self.id, self.thread.listener());
        let fd = listener.add_fd(id, self.pair()?.theirs.as_fd(), true);
        fd.map_err(errno_of)
    }

    fn install_fd(&mut self, _fd: i32, file: File) {
        if let Some(pair) = self.pair.take() {
            let owner = self.files.owner(self.thread.tid());
            self.files.insert(pair, file, OFlags::RDONLY, owner);
        }
    }

    fn refused(&mut self, refusal: &Refusal) {
        self.refusal = Some(*refusal);
    }
}
