//! What the program writes while the board has the terminal.
//!
//! The program writes to a pseudo-terminal of its own, so that it writes lines as it does for people.
//! [`Pane`] keeps the end of it: as lines to show, and as it was, to be written to the real terminal when
//! the board has gone.

use std::collections::VecDeque;
use std::fs::File;
use std::io;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::counted::counted;

/// Lines that are kept to be shown.
const LINES: usize = 1000;

/// Bytes that are kept to be written in the end.
const KEPT: usize = 1 << 20;

/// The longest line, in bytes; what follows is another.
const LONGEST: usize = 4096;

/// A pseudo-terminal: our end and the program's.
///
/// # Errors
/// The system has none left.
pub(super) fn pty(columns: u16) -> io::Result<(File, File)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let name = ptsname(&ours, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let theirs = open(name, flags, Mode::empty())?;
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&ours, size)?;
    Ok((ours.into(), theirs.into()))
}

/// The end of what was written.
#[derive(Debug, Default)]
pub(super) struct Pane {
    lines: VecDeque<String>,
    line: Vec<u8>,
    /// A carriage return was the last byte: the line begins again, unless it ends.
    is_returned: bool,
    escape: Escape,
    kept: VecDeque<u8>,
    left_out: u64,
}

/// The position in an escape sequence. The lines do not contain them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// After ESC.
    Begun,
    /// In `ESC [ …`, until a letter.
    Control,
    /// In `ESC ] …`, until BEL or `ESC \`.
    Text,
}

impl Pane {
    /// Takes what was written.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.kept.extend(bytes);
        let surplus = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..surplus);
        self.left_out += surplus as u64;
        for byte in bytes {
            self.byte(*byte);
        }
    }

    fn byte(&mut self, byte: u8) {
        self.escape = match (self.escape, byte) {
            (Escape::None | Escape::Text, 0x1b) => Escape::Begun,
            (Escape::None, _) => {
                self.print(byte);
                Escape::None
            }
            (Escape::Begun, b'[') => Escape::Control,
            (Escape::Begun, b']') => Escape::Text,
            (Escape::Control, 0x40..=0x7e) | (Escape::Text, 0x07) | (Escape::Begun, _) => {
                Escape::None
            }
            (inside, _) => inside,
        };
    }

    fn print(&mut self, byte: u8) {
        let returned = core::mem::take(&mut self.is_returned);
        match byte {
            b'\n' => self.end_line(),
            b'\r' => self.is_returned = true,
            b'\t' => self.line.extend(b"    "),
            0x08 => _ = self.line.pop(),
            0..0x20 | 0x7f => {}
            _ => {
                if returned {
                    self.line.clear();
                }
                self.line.push(byte);
                if self.line.len() >= LONGEST {
                    self.end_line();
                }
            }
        }
    }

    fn end_line(&mut self) {
        let line = core::mem::take(&mut self.line);
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines
            .push_back(String::from_utf8_lossy(&line).into_owned());
    }

    /// The last lines, at most so many; the one that has not ended is one.
    pub(super) fn last(&self, count: usize) -> Vec<String> {
        let open =
            (!self.line.is_empty()).then(|| String::from_utf8_lossy(&self.line).into_owned());
        let whole = count.saturating_sub(usize::from(open.is_some()));
        let skipped = self.lines.len().saturating_sub(whole);
        self.lines
            .iter()
            .skip(skipped)
            .cloned()
            .chain(open)
            .collect()
    }

    /// All that is kept, as it was written, after a line that says what is not.
    pub(super) fn write_to(&self, to: &mut impl io::Write) -> io::Result<()> {
        if self.left_out > 0 {
            let bytes = counted(self.left_out, "byte");
            writeln!(to, "[ugpio: {bytes} of output left out]")?;
        }
        let (first, second) = self.kept.as_slices();
        to.write_all(first)?;
        to.write_all(second)?;
        to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(bytes: &[u8]) -> Pane {
        let mut pane = Pane::default();
        pane.feed(bytes);
        pane
    }

    #[test]
    fn lines_are_shown_without_what_is_for_terminals() {
        let pane =
            fed(b"\x1b[1;31mred\x1b[0m\r\n\x1b]0;title\x07a\tb\r\n50%\r100%\r\nopen \xc3\xa4\xff");
        assert_eq!(pane.last(9), ["red", "a    b", "100%", "open ä\u{fffd}"]);
        assert_eq!(pane.last(2), ["100%", "open ä\u{fffd}"]);
        assert_eq!(fed(b"\x1b]0;never ends").last(9), Vec::<String>::new());
    }

    #[test]
    fn the_end_is_kept_as_it_was_and_the_rest_is_counted() {
        let mut written = Vec::new();
        fed(b"a\x1b[1mb\r\n").write_to(&mut written).unwrap();
        assert_eq!(written, b"a\x1b[1mb\r\n");
        let long = vec![b'x'; KEPT + 5];
        let pane = fed(&long);
        let mut written = Vec::new();
        pane.write_to(&mut written).unwrap();
        assert!(written.starts_with(b"[ugpio: 5 bytes of output left out]\nxxx"));
        assert!(pane.lines.iter().all(|line| line.len() <= LONGEST));
        assert!(pane.lines.len() <= LINES);
    }

    #[test]
    fn a_pseudo_terminal_connects_its_ends() {
        use std::io::{Read, Write};
        let (mut ours, mut theirs) = pty(80).unwrap();
        theirs.write_all(b"hello\n").unwrap();
        let mut read = [0; 7];
        ours.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"hello\r\n");
    }
}
