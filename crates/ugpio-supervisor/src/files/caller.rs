//! The program as the engine sees it: one trapped ioctl, its memory and its descriptor table.
//!
//! The engine runs under the lock of an open file, and no lock may be held over a copy to or from
//! another process, whose pages may never come. So the argument is copied in before the engine runs
//! and the answer is copied out after it ([`Staged`]). The few calls whose failure to copy out must
//! undo something find out beforehand whether the argument can be written, by writing back the very
//! bytes that were read.

use std::os::fd::AsFd;
use std::sync::Arc;

use gpio_uapi::abi::ioctl;
use gpio_uapi::{Caller, Fault, File, Records, Ring};
use gpiolib::Errno;
use rustix::process::Pid;

use super::link::{Link, LinkRecords, Pair};
use super::{Files, errno_of};
use crate::sys::remote;
use crate::sys::seccomp::Listener;

/// The largest argument of a GPIO ioctl: a v2 line request.
const LARGEST: usize = 592;

/// One ioctl in the making.
pub(crate) struct Staged<'a> {
    files: &'a Files,
    listener: &'a Listener,
    id: u64,
    addr: u64,
    /// What was read at `addr`; `None` if it could not be.
    input: Option<([u8; LARGEST], usize)>,
    /// Whether `addr` can be written, as far as that matters before the end.
    writable: bool,
    output: Option<Vec<u8>>,
    pair: Option<Pair>,
}

impl<'a> Staged<'a> {
    /// Reads the argument of a call, and proves it writable where the engine must know.
    pub(crate) fn read(files: &'a Files, listener: &'a Listener, id: u64, tid: Pid, cmd: u32, addr: u64) -> Self {
        let mut staged =
            Self { files, listener, id, addr, input: None, writable: true, output: None, pair: None };
        let size = ioctl::argument_size(cmd).min(LARGEST);
        let mut bytes = [0; LARGEST];
        if ioctl::is_read(cmd) && remote::read_exact(tid, addr, &mut bytes[..size]).is_ok() {
            staged.input = Some((bytes, size));
            staged.writable = !must_be_writable(cmd) || remote::write_all(tid, addr, &bytes[..size]).is_ok();
        }
        staged
    }

    /// Copies the answer out.
    pub(crate) fn finish(self, tid: Pid) -> Result<(), Errno> {
        match self.output {
            Some(output) => remote::write_all(tid, self.addr, &output).map_err(|_| Errno::EFAULT),
            None => Ok(()),
        }
    }

    /// The link of the file being made.
    fn pair(&mut self) -> Result<&Pair, Errno> {
        if self.pair.is_none() {
            self.pair = Some(Link::pipe().map_err(errno_of)?);
        }
        self.pair.as_ref().ok_or(Errno::ENFILE)
    }
}

/// Whether the engine undoes the call if its answer cannot be written.
fn must_be_writable(cmd: u32) -> bool {
    matches!(
        cmd,
        ioctl::GPIO_V2_GET_LINE
            | ioctl::GPIO_GET_LINEHANDLE
            | ioctl::GPIO_GET_LINEEVENT
            | ioctl::GPIO_V2_GET_LINEINFO_WATCH
            | ioctl::GPIO_GET_LINEINFO_WATCH
    )
}

impl Caller for Staged<'_> {
    fn copy_in(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), Fault> {
        let (bytes, size) = self.input.as_ref().filter(|_| addr == self.addr).ok_or(Fault)?;
        let bytes = bytes.get(..*size).and_then(|bytes| bytes.get(..buf.len())).ok_or(Fault)?;
        buf.copy_from_slice(bytes);
        Ok(())
    }

    fn copy_out(&mut self, addr: u64, data: &[u8]) -> Result<(), Fault> {
        if addr != self.addr || !self.writable {
            return Err(Fault);
        }
        self.output = Some(data.to_vec());
        Ok(())
    }

    fn records(&mut self) -> Box<dyn Records> {
        match self.pair() {
            Ok(pair) => Box::new(LinkRecords::new(Arc::clone(&pair.link))),
            // `reserve_fd` reports the failure.
            Err(_) => Box::new(Ring::new()),
        }
    }

    fn reserve_fd(&mut self) -> Result<i32, Errno> {
        if !self.writable {
            // Copying out will fail; a number taken now could not be given back.
            return Ok(-1);
        }
        let (id, listener) = (self.id, self.listener);
        let fd = listener.add_fd(id, self.pair()?.theirs.as_fd(), true);
        fd.map_err(errno_of)
    }

    fn install_fd(&mut self, _fd: i32, file: File) {
        if let Some(pair) = self.pair.take() {
            self.files.insert(pair, file);
        }
    }
}
