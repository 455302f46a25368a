//! Calls that move bytes between descriptors, or give advice on a file's pages: no GPIO file can be an end of them.
//!
//! The pipe that stands for a GPIO file could, and its records would be gone. Which errno a call gives is decided by
//! what it checks first, so the other descriptor counts too. All of these calls are rare and always trapped. Called
//! by `dispatch`.

use std::sync::Arc;

use gpio_uapi::FileKind;
use rustix::io::Errno;

use super::{Asked, Files, OpenFile};
use crate::outcome::{Call, Reply};
use crate::procdir::Object;
use crate::thread::Thread;

/// The flags of `splice`, `tee` and `vmsplice`. KERNEL: include/linux/splice.h SPLICE_F_ALL (v6.12)
const SPLICE_FLAGS: u32 = 0xf;
/// The highest advice of `fadvise64`. KERNEL: mm/fadvise.c generic_fadvise (v6.12)
const ADVICE_MAX: u32 = 5;
/// The flags of `sync_file_range`. KERNEL: fs/sync.c VALID_FLAGS (v6.12)
const SYNC_FLAGS: u32 = 7;
/// `FALLOC_FL_*` that a file system may know. KERNEL: include/uapi/linux/falloc.h (v6.12)
const FALLOCATE_FLAGS: u32 = 0x7b;
/// How many requests of one `io_submit` are looked at.
const REQUESTS_MAX: u64 = 1024;
/// `IOCB_CMD_POLL` of `<linux/aio_abi.h>`: the one request that every file takes.
const REQUEST_POLL: u16 = 5;

/// The two descriptors of a call that has two, of which one at least is a GPIO file.
pub(crate) struct Ends<'a> {
    asked: &'a Asked<'a>,
    input: (usize, Option<Arc<OpenFile>>),
    output: (usize, Option<Arc<OpenFile>>),
}

impl<'a> Ends<'a> {
    /// The ends whose descriptors are these arguments; `None` if neither is ours.
    pub(crate) fn find(asked: &'a Asked<'a>, input: u8, output: u8) -> Option<Self> {
        let find = |arg| {
            let arg = usize::from(arg);
            (arg, asked.files.find(asked.thread, asked.call.int(arg)))
        };
        let (input, output) = (find(input), find(output));
        (input.1.is_some() || output.1.is_some()).then_some(Self {
            asked,
            input,
            output,
        })
    }

    fn input(&self) -> Result<Side, Errno> {
        self.side(&self.input)
    }

    fn output(&self) -> Result<Side, Errno> {
        self.side(&self.output)
    }

    fn side(&self, (arg, open): &(usize, Option<Arc<OpenFile>>)) -> Result<Side, Errno> {
        Side::new(
            self.asked.thread,
            self.asked.call.int(*arg),
            open.as_deref(),
        )
    }
}

impl Files {
    /// Refuses `io_submit` of anything but polls on our files; `Continue` if there is no such thing in it.
    // KERNEL: fs/aio.c aio_read, aio_write (v6.12): EINVAL without read_iter and write_iter
    // DIFFERS: the requests before the refused one are not begun.
    pub(crate) fn io_submit(&self, asked: &Asked<'_>) -> Reply {
        let Asked { thread, call, .. } = *asked;
        let count = call.args[1].min(REQUESTS_MAX);
        if self.is_empty() || count.cast_signed() <= 0 {
            return Reply::Continue;
        }
        let is_refused = |number| {
            let request = Request::read(thread, call.args[2], number)?;
            let is_ours =
                request.operation != REQUEST_POLL && self.find(thread, request.fd).is_some();
            Some(is_ours)
        };
        // What cannot be read is the kernel's to refuse.
        if (0..count).map_while(is_refused).any(|is| is) {
            return Reply::Fail(Errno::INVAL);
        }
        Reply::Continue
    }
}

/// One descriptor of a call that has two.
struct Side {
    reads: bool,
    writes: bool,
    is_pipe: bool,
    kind: Option<FileKind>,
}

impl Side {
    /// `EBADF` if there is no such descriptor.
    fn new(thread: &Thread<'_>, fd: i32, open: Option<&OpenFile>) -> Result<Self, Errno> {
        if let Some(open) = open {
            return Ok(Self {
                reads: open.is_readable(),
                writes: open.is_writable(),
                is_pipe: false,
                kind: Some(open.file.kind()),
            });
        }
        let mode = thread.fd_mode(fd).map_err(|_| Errno::BADF)?;
        let object = thread.object(fd).map_err(|_| Errno::BADF)?;
        Ok(Self {
            reads: mode & 0o400 != 0,
            writes: mode & 0o200 != 0,
            is_pipe: matches!(object, Object::Pipe(_)),
            kind: None,
        })
    }
}

/// One of the requests of an `io_submit`.
struct Request {
    operation: u16,
    fd: i32,
}

impl Request {
    // KERNEL: include/uapi/linux/aio_abi.h struct iocb: aio_lio_opcode at 16, aio_fildes at 20
    fn read(thread: &Thread<'_>, table: u64, number: u64) -> Option<Self> {
        let mut at = [0; 8];
        thread.read(table.checked_add(number * 8)?, &mut at).ok()?;
        let mut request = [0; 24];
        thread.read(u64::from_ne_bytes(at), &mut request).ok()?;
        Some(Self {
            operation: u16::from_ne_bytes(request[16..18].try_into().ok()?),
            fd: i32::from_ne_bytes(request[20..24].try_into().ok()?),
        })
    }
}

/// Whether 8 bytes at an address that is given can be read.
fn is_readable(thread: &Thread<'_>, call: &Call, arg: usize) -> Result<(), Errno> {
    let addr = call.args[arg];
    if addr == 0 {
        return Ok(());
    }
    thread.read(addr, &mut [0; 8]).map_err(|_| Errno::FAULT)
}

/// `splice(in, off_in, out, off_out, len, flags)`
// KERNEL: fs/splice.c __do_splice, do_splice, warn_unsupported (v6.12)
pub(crate) fn splice(ends: &Ends<'_>) -> Result<i64, Errno> {
    let Asked { thread, call, .. } = *ends.asked;
    if call.args[4] == 0 {
        return Ok(0);
    }
    if call.uint(5) & !SPLICE_FLAGS != 0 {
        return Err(Errno::INVAL);
    }
    let (input, output) = (ends.input()?, ends.output()?);
    if input.is_pipe && call.args[1] != 0 || output.is_pipe && call.args[3] != 0 {
        return Err(Errno::SPIPE);
    }
    is_readable(thread, call, 3)?;
    is_readable(thread, call, 1)?;
    if !input.reads || !output.writes {
        return Err(Errno::BADF);
    }
    Err(Errno::INVAL)
}

/// `tee(in, out, len, flags)`
// KERNEL: fs/splice.c SYSCALL_DEFINE4(tee), do_tee (v6.12)
pub(crate) fn tee(ends: &Ends<'_>) -> Result<i64, Errno> {
    let call = ends.asked.call;
    if call.uint(3) & !SPLICE_FLAGS != 0 {
        return Err(Errno::INVAL);
    }
    if call.args[2] == 0 {
        return Ok(0);
    }
    let (input, output) = (ends.input()?, ends.output()?);
    if !input.reads || !output.writes {
        return Err(Errno::BADF);
    }
    Err(Errno::INVAL)
}

/// `sendfile(out, in, offset, count)`
// KERNEL: fs/read_write.c do_sendfile, fs/splice.c splice_direct_to_actor (v6.12)
pub(crate) fn sendfile(ends: &Ends<'_>) -> Result<i64, Errno> {
    let Asked { thread, call, .. } = *ends.asked;
    is_readable(thread, call, 2)?;
    let input = ends.input()?;
    if !input.reads {
        return Err(Errno::BADF);
    }
    if call.args[2] != 0 && (input.kind.is_some() || input.is_pipe) {
        return Err(Errno::SPIPE);
    }
    let output = ends.output()?;
    if !output.writes {
        return Err(Errno::BADF);
    }
    // A chip cannot be sought in, which is asked before the length; the others can.
    let is_sought = input.kind != Some(FileKind::Chip);
    if call.args[3] == 0 && is_sought {
        return Ok(0);
    }
    Err(Errno::INVAL)
}

/// `copy_file_range(in, off_in, out, off_out, len, flags)`
// KERNEL: fs/read_write.c copy_file_range, generic_file_rw_checks (v6.12)
pub(crate) fn copy_file_range(ends: &Ends<'_>) -> Result<i64, Errno> {
    let Asked { thread, call, .. } = *ends.asked;
    ends.input()?;
    ends.output()?;
    is_readable(thread, call, 1)?;
    is_readable(thread, call, 3)?;
    // A directory at the other end would be EISDIR.
    Err(Errno::INVAL)
}

/// `vmsplice(fd, segments, count, flags)`
// KERNEL: fs/splice.c SYSCALL_DEFINE4(vmsplice) (v6.12): EBADF for what is no pipe, after the segments
pub(crate) fn vmsplice(asked: &Asked<'_>, open: &Arc<OpenFile>) -> Reply {
    gifted(asked, open).into()
}

fn gifted(asked: &Asked<'_>, open: &OpenFile) -> Result<i64, Errno> {
    const SEGMENTS_MAX: u64 = 1024;
    let Asked { thread, call, .. } = *asked;
    if call.uint(3) & !SPLICE_FLAGS != 0 {
        return Err(Errno::INVAL);
    }
    if !open.is_readable() && !open.is_writable() {
        return Err(Errno::BADF);
    }
    let count = call.args[2];
    if count > SEGMENTS_MAX {
        return Err(Errno::INVAL);
    }
    let mut bytes = vec![0; usize::try_from(count).map_err(|_| Errno::INVAL)? * 16];
    thread
        .read(call.args[1], &mut bytes)
        .map_err(|_| Errno::FAULT)?;
    let is_empty = bytes
        .chunks_exact(16)
        .all(|segment| segment[8..].iter().all(|byte| *byte == 0));
    if is_empty { Ok(0) } else { Err(Errno::BADF) }
}

/// `fadvise64(fd, offset, len, advice)`: nothing to do, but said to be done.
// KERNEL: mm/fadvise.c generic_fadvise (v6.12): devtmpfs and anon_inodefs have no backing device
pub(crate) fn fadvise(asked: &Asked<'_>, _: &Arc<OpenFile>) -> Reply {
    if asked.call.args[2].cast_signed() < 0 || asked.call.uint(3) > ADVICE_MAX {
        return Reply::Fail(Errno::INVAL);
    }
    Reply::Return(0)
}

/// `readahead(fd, offset, count)`
// KERNEL: mm/readahead.c ksys_readahead (v6.12)
pub(crate) fn readahead(_: &Asked<'_>, open: &Arc<OpenFile>) -> Reply {
    Reply::Fail(if open.is_readable() {
        Errno::INVAL
    } else {
        Errno::BADF
    })
}

/// `fallocate(fd, mode, offset, len)`
// KERNEL: fs/open.c vfs_fallocate (v6.12)
pub(crate) fn fallocate(asked: &Asked<'_>, open: &Arc<OpenFile>) -> Reply {
    let call = asked.call;
    Reply::Fail(
        if call.args[2].cast_signed() < 0 || call.args[3].cast_signed() <= 0 {
            Errno::INVAL
        } else if call.uint(1) & !FALLOCATE_FLAGS != 0 {
            Errno::OPNOTSUPP
        } else if !open.is_writable() {
            Errno::BADF
        } else {
            Errno::NODEV
        },
    )
}

/// `sync_file_range(fd, offset, bytes, flags)`
// KERNEL: fs/sync.c sync_file_range (v6.12)
pub(crate) fn sync_file_range(asked: &Asked<'_>, _: &Arc<OpenFile>) -> Reply {
    let call = asked.call;
    let (offset, bytes) = (call.args[1].cast_signed(), call.args[2].cast_signed());
    let is_range = offset >= 0 && bytes >= 0 && offset.checked_add(bytes).is_some();
    if call.uint(3) & !SYNC_FLAGS != 0 || !is_range {
        return Reply::Fail(Errno::INVAL);
    }
    Reply::Fail(Errno::SPIPE)
}
