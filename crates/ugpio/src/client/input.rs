//! Lines of text from standard input, read without blocking for longer than one `poll` asked.
//!
//! [`Input`] keeps its own buffer, so that `set` can wait for input and for its chips at once.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use super::error::Error;

/// More than that is not a line of assignments.
const LONGEST: usize = 64 * 1024;

/// Standard input, cut into lines.
#[derive(Debug)]
pub(super) struct Input {
    stdin: io::Stdin,
    buffer: Vec<u8>,
    has_ended: bool,
}

impl Input {
    /// Standard input, which no other code may read.
    pub(super) fn new() -> Input {
        Input {
            stdin: io::stdin(),
            buffer: Vec::new(),
            has_ended: false,
        }
    }

    /// Reads once, and blocks if there is nothing. `false` at the end of the input.
    ///
    /// # Errors
    /// The input cannot be read, or has a line without end.
    pub(super) fn read(&mut self) -> Result<bool, Error> {
        let mut chunk = [0; 4096];
        match rustix::io::read(&self.stdin, &mut chunk) {
            Ok(0) => self.has_ended = true,
            Ok(length) => self.buffer.extend_from_slice(&chunk[..length]),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => {
                let what = "cannot read standard input".to_owned();
                return Err(Error::System { what, errno });
            }
        }
        if self.buffer.len() > LONGEST && !self.buffer.contains(&b'\n') {
            return Err(Error::Usage(
                "a line of the input is longer than 64 KiB".to_owned(),
            ));
        }
        Ok(!self.has_ended)
    }

    /// The next line that is there; at the end of the input the rest is one too.
    pub(super) fn next_line(&mut self) -> Option<String> {
        take_line(&mut self.buffer, self.has_ended)
    }
}

impl AsFd for Input {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stdin.as_fd()
    }
}

fn take_line(buffer: &mut Vec<u8>, has_ended: bool) -> Option<String> {
    let end = match buffer.iter().position(|&byte| byte == b'\n') {
        Some(end) => end + 1,
        None if has_ended && !buffer.is_empty() => buffer.len(),
        None => return None,
    };
    let line: Vec<u8> = buffer.drain(..end).collect();
    Some(String::from_utf8_lossy(&line).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_when_they_are_whole() {
        let mut buffer = b"a=1\r\nb=0\nc=".to_vec();
        assert_eq!(take_line(&mut buffer, false).unwrap(), "a=1");
        assert_eq!(take_line(&mut buffer, false).unwrap(), "b=0");
        assert_eq!(take_line(&mut buffer, false), None);
        buffer.extend_from_slice(b"1");
        assert_eq!(take_line(&mut buffer, true).unwrap(), "c=1");
        assert_eq!(take_line(&mut buffer, true), None);
    }
}
