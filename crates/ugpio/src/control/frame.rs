//! Framing: the bytes of a stream cut at NUL.
//!
//! [`Frames`] is fed by the server as bytes come in; it keeps at most one unfinished message.

use super::protocol::{Code, Failure};

/// Cuts a byte stream into messages of a bounded length.
#[derive(Debug)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
    limit: usize,
}

impl Frames {
    /// Nothing read yet; messages longer than `limit` bytes are refused.
    pub(crate) fn new(limit: usize) -> Frames {
        Frames {
            buffer: Vec::new(),
            limit,
        }
    }

    /// Adds bytes that were read.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes are kept.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the next whole message, without its NUL.
    ///
    /// # Errors
    /// The message, whole or not, is too long; the stream cannot be read on.
    pub(crate) fn take(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let end = self.buffer.iter().position(|&b| b == 0);
        if end.unwrap_or(self.buffer.len()) > self.limit {
            let message = format!("a message is longer than {} bytes", self.limit);
            return Err(Failure::new(Code::BadMessage, message));
        }
        let Some(end) = end else { return Ok(None) };
        let rest = self.buffer.split_off(end + 1);
        let mut message = core::mem::replace(&mut self.buffer, rest);
        message.pop();
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::Frames;

    #[test]
    fn messages_are_cut_at_nul_however_they_arrive() {
        let mut frames = Frames::new(5);
        let mut seen = Vec::new();
        for byte in b"one\0\0three\0tw" {
            frames.push(&[*byte]);
            while let Some(message) = frames.take().unwrap() {
                seen.push(message);
            }
        }
        assert_eq!(seen, [&b"one"[..], b"", b"three"]);
        frames.push(b"o\0");
        assert_eq!(frames.take().unwrap().unwrap(), b"two");
    }

    #[test]
    fn too_long_is_refused_before_and_after_its_end() {
        let mut frames = Frames::new(5);
        frames.push(b"sixsix");
        assert!(frames.take().is_err());
        let mut frames = Frames::new(5);
        frames.push(b"sixsix\0");
        assert!(frames.take().is_err());
    }
}
