//! `read` and `readv` of a GPIO file.
//!
//! By default the kernel reads, out of the pipe, and only what it would answer wrongly at once is answered
//! here: reads after an unplug, and `readv`. Under `--strict` the engine reads, and the kernel only sleeps: a read that has to wait is let through, and
//! finishes in the kernel if it takes whole records, else it is called back ([`super::sleepers`]).

use std::sync::Arc;

use gpio_uapi::Outcome;
use gpiolib::Errno;
use rustix::fs::OFlags;

use super::caller::Trapped;
use super::operations::{AT_ITS_OWN, RWF_HIPRI, at_position};
use super::sleepers::{Need, Sleeper};
use super::{Asked, OpenFile, fail};
use crate::outcome::Reply;

/// The most that one read transfers. KERNEL: include/linux/fs.h MAX_RW_COUNT
const READ_MAX: u64 = 0x7fff_f000;
/// The most segments of one `readv`. KERNEL: include/uapi/linux/uio.h UIO_MAXIOV
const SEGMENTS_MAX: u64 = 1024;

/// `preadv2(fd, segments, count, low, high, flags)`: at the file's own position it is a `readv`.
// KERNEL: fs/read_write.c do_preadv, do_loop_readv_writev (v6.12)
pub(crate) fn preadv2(asked: &Asked<'_>, open: &Arc<OpenFile>) -> Reply {
    if asked.call.args[3] != AT_ITS_OWN {
        return at_position(asked, open);
    }
    let has_reads = open.is_readable() && open.file.kind().has_events();
    if has_reads && asked.call.uint(5) & !RWF_HIPRI != 0 {
        return fail(Errno::EOPNOTSUPP);
    }
    readv(asked, open)
}

/// `read(fd, addr, len)`; by default the kernel reads, or sleeps.
pub(crate) fn read(asked: &Asked<'_>, open: &Arc<OpenFile>) -> Reply {
    let files = asked.files;
    if let Some(refused) = judge(asked, open) {
        return refused;
    }
    if files.is_strict {
        return Reading { asked, open }.one();
    }
    if open.is_gone() {
        files.hang_up_gone();
        return fail(Errno::ENODEV);
    }
    let on = vec![(Arc::downgrade(&open.link), Need::Nothing)];
    files.sleepers.add(Sleeper::new(asked.call, on));
    Reply::Continue
}

/// `readv(fd, segments, count)`.
pub(crate) fn readv(asked: &Asked<'_>, open: &Arc<OpenFile>) -> Reply {
    judge(asked, open).unwrap_or_else(|| Reading { asked, open }.segments())
}

/// How a read is refused that no GPIO file of this kind has.
fn judge(asked: &Asked<'_>, open: &Arc<OpenFile>) -> Option<Reply> {
    if !open.is_readable() {
        return Some(fail(Errno::EBADF));
    }
    // KERNEL: a handle has no read operation, whether its chip is there or not
    if !open.file.kind().has_events() {
        return Some(fail(Errno::EINVAL));
    }
    asked.files.reading(open, asked.call);
    None
}

/// One read that the engine answers.
struct Reading<'a> {
    asked: &'a Asked<'a>,
    open: &'a OpenFile,
}

impl Reading<'_> {
    /// `read(fd, addr, len)`.
    fn one(&self) -> Reply {
        let (addr, len) = (self.asked.call.args[1], self.asked.call.args[2]);
        if len.cast_signed() < 0 {
            return fail(Errno::EINVAL);
        }
        let need = if self.open.file.takes_whole(len) {
            Need::Nothing
        } else {
            Need::CallBack
        };
        self.sleep(need, 0);
        match self.ask_engine(addr, len.min(READ_MAX)) {
            // The kernel finishes a read of nothing at once.
            // DIFFERS: a blocking one does not wait for the record that it is too small for.
            Outcome::Wait(_) if len == 0 && self.is_nonblocking() => {
                self.awake(Outcome::Fail(Errno::EAGAIN))
            }
            Outcome::Wait(_) if len == 0 => self.awake(Outcome::Fail(Errno::EINVAL)),
            Outcome::Wait(_) => Reply::Continue,
            outcome => self.awake(outcome),
        }
    }

    /// `readv(fd, segments, count)`: one read for each segment, until one is not filled.
    // KERNEL: fs/read_write.c do_loop_readv_writev (v6.12)
    fn segments(&self) -> Reply {
        let Some(segments) = self.table() else {
            return Reply::Continue;
        };
        if segments.iter().all(|(_, len)| *len == 0) {
            return Reply::Return(0);
        }
        let same = |slept: &&Sleeper| {
            slept.call().nr == self.asked.call.nr && slept.call().args == self.asked.call.args
        };
        let before = self.asked.slept.filter(same).map_or(0, |slept| slept.read);
        self.sleep(Need::CallBack, before);
        let (mut read, mut skipped) = (before, 0);
        for (addr, len) in segments {
            if skipped < before {
                skipped += len;
                continue;
            }
            match self.ask_engine(addr, len.min(READ_MAX)) {
                Outcome::Done(count) => {
                    read += count;
                    if count != len {
                        break;
                    }
                }
                // DIFFERS: by default a blocking one ends with what it has.
                Outcome::Wait(_) if read > 0 && self.ends() => break,
                Outcome::Wait(_) => {
                    self.sleep(Need::CallBack, read);
                    return Reply::Continue;
                }
                Outcome::Fail(_) if read > 0 => break,
                failed => return self.awake(failed),
            }
        }
        self.awake(Outcome::Done(read))
    }

    /// The segments of a `readv`; `None` if the kernel refuses them.
    fn table(&self) -> Option<Vec<(u64, u64)>> {
        let count = self.asked.call.args[2];
        if count > SEGMENTS_MAX {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(count).ok()? * 16];
        self.asked
            .thread
            .read(self.asked.call.args[1], &mut bytes)
            .ok()?;
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).ok();
        let segments = bytes
            .chunks_exact(16)
            .map(|segment| Some((number(&segment[..8])?, number(&segment[8..])?)));
        let segments: Vec<_> = segments.collect::<Option<_>>()?;
        let are_lengths = segments.iter().all(|(_, len)| len.cast_signed() >= 0);
        are_lengths.then_some(segments)
    }

    /// Whether a `readv` that has something and finds no more ends.
    fn ends(&self) -> bool {
        !self.asked.files.is_strict || self.is_nonblocking()
    }

    fn is_nonblocking(&self) -> bool {
        self.asked
            .thread
            .status_flags(self.asked.call.int(0))
            .is_ok_and(|flags| flags & OFlags::NONBLOCK.bits() != 0)
    }

    fn ask_engine(&self, addr: u64, len: u64) -> Outcome {
        let mut caller = Trapped::new(self.asked.files, self.asked.thread, self.asked.call);
        // Whether the descriptor blocks is the kernel's to know: it is let through if there is nothing.
        let outcome = self
            .open
            .file
            .read(addr, len, false, &mut caller, self.asked.files.time());
        if self.open.file.next_deadline().is_some() {
            self.asked.files.timers.kick();
        }
        outcome
    }

    /// The call may be let through. Said before the queue is looked at, so that no record comes in between unseen.
    fn sleep(&self, need: Need, read: u64) {
        let on = vec![(Arc::downgrade(&self.open.link), need)];
        self.asked.files.sleepers.add(Sleeper {
            read,
            ..Sleeper::new(self.asked.call, on)
        });
    }

    fn awake(&self, outcome: Outcome) -> Reply {
        self.asked.files.sleepers.remove(self.asked.call.tid);
        self.asked.files.gone_together(self.open, outcome);
        match outcome {
            Outcome::Done(count) => Reply::Return(i64::try_from(count).unwrap_or(i64::MAX)),
            Outcome::Fail(errno) => fail(errno),
            Outcome::Wait(_) => Reply::Continue,
        }
    }
}
