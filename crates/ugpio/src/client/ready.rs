//! Waiting for files, for time to pass, and for our reader to leave.
//!
//! [`wait`] and [`wait_while_read`] are where client verbs sleep, and nowhere else.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::error::Error;

/// What became of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ready {
    /// Nothing yet.
    No,
    /// Something can be read.
    Readable,
    /// The other side is gone: a chip unplugged, a pipe closed.
    HungUp,
}

impl Ready {
    // KERNEL: of an unplugged chip's files poll says HUP and ERR, whatever is still queued (v6.12).
    fn of(flags: PollFlags) -> Ready {
        if flags.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            Ready::HungUp
        } else if flags.contains(PollFlags::IN) {
            Ready::Readable
        } else {
            Ready::No
        }
    }
}

/// Waits until a file is readable or hung up; an empty answer means that `deadline` passed.
///
/// # Errors
/// The system cannot wait, which is not to be expected.
pub(super) fn wait(
    files: &[BorrowedFd<'_>],
    deadline: Option<Instant>,
) -> Result<Vec<Ready>, Error> {
    let mut polled = polled(files);
    if sleep(&mut polled, deadline)? == 0 {
        return Ok(Vec::new());
    }
    Ok(polled
        .iter()
        .map(|file| Ready::of(file.revents()))
        .collect())
}

/// As [`wait`], for verbs that exist for their output.
///
/// # Errors
/// [`Error::reader_gone`] if standard output is a pipe without a reader.
pub(super) fn wait_while_read(
    files: &[BorrowedFd<'_>],
    deadline: Option<Instant>,
) -> Result<Vec<Ready>, Error> {
    let stdout = io::stdout();
    let mut polled = polled(files);
    // Asking for nothing, poll still says when the other end of a pipe is closed.
    polled.push(PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::empty()));
    if sleep(&mut polled, deadline)? == 0 {
        return Ok(Vec::new());
    }
    let (files, out) = polled.split_at(files.len());
    if out[0].revents().contains(PollFlags::ERR) {
        return Err(Error::reader_gone());
    }
    Ok(files.iter().map(|file| Ready::of(file.revents())).collect())
}

fn polled<'a>(files: &[BorrowedFd<'a>]) -> Vec<PollFd<'a>> {
    let polled = files
        .iter()
        .map(|file| PollFd::from_borrowed_fd(*file, PollFlags::IN));
    polled.collect()
}

/// `poll`, again after each signal; zero means that `deadline` passed.
fn sleep(polled: &mut [PollFd<'_>], deadline: Option<Instant>) -> Result<usize, Error> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        match poll(polled, left.as_ref()) {
            Err(Errno::INTR) => {}
            Err(errno) => {
                let what = "cannot wait for a line".to_owned();
                return Err(Error::System { what, errno });
            }
            Ok(count) => return Ok(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipes_tell_what_they_are() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        assert_eq!(wait(&[reader.as_fd()], Some(Instant::now())).unwrap(), []);
        rustix::io::write(&writer, b"x").unwrap();
        assert_eq!(wait(&[reader.as_fd()], None).unwrap(), [Ready::Readable]);
        drop(writer);
        assert_eq!(wait(&[reader.as_fd()], None).unwrap(), [Ready::HungUp]);
    }
}
