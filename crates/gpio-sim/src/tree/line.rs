//! The files of a simulated line in sysfs: `sim_gpio<K>/pull` and `value`.
// KERNEL: gpio-sim.c gpio_sim_sysfs_line_show, gpio_sim_sysfs_pull_store (v6.12)

use gpiolib::{Errno, Level};

use super::text;
use crate::model::SimLine;

/// Which of a line's files.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LineFile {
    /// What the line is pulled to, from outside.
    Pull,
    /// Its physical level.
    Value,
}

/// The longest text that a sysfs file takes; more is cut.
// KERNEL: fs/kernfs/file.c kernfs_fop_write_iter (v6.12)
pub const STORE_MAX: usize = 4096;

impl LineFile {
    /// Both, by name.
    pub const ALL: [LineFile; 2] = [LineFile::Pull, LineFile::Value];

    /// The file's name.
    #[must_use]
    pub fn name(self) -> &'static [u8] {
        match self {
            LineFile::Pull => b"pull",
            LineFile::Value => b"value",
        }
    }

    /// The file's text.
    #[must_use]
    pub fn show(self, line: &SimLine) -> &'static [u8] {
        match self {
            LineFile::Pull if line.pull().is_high() => b"pull-up\n",
            LineFile::Pull => b"pull-down\n",
            LineFile::Value if line.level().is_high() => b"1\n",
            LineFile::Value => b"0\n",
        }
    }

    /// What storing a text asks for: `None` if nothing.
    ///
    /// # Errors
    /// `EPERM` for `value`, `EINVAL` for a word that is no pull.
    pub fn parse(self, text: &[u8]) -> Result<Option<Level>, Errno> {
        match self {
            // KERNEL: fs/sysfs/file.c sysfs_kf_write (v6.12): no text is no store
            _ if text.is_empty() => Ok(None),
            LineFile::Value => Err(Errno::EPERM),
            LineFile::Pull if text::is_word(text, b"pull-up") => Ok(Some(Level::High)),
            LineFile::Pull if text::is_word(text, b"pull-down") => Ok(Some(Level::Low)),
            LineFile::Pull => Err(Errno::EINVAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulls_as_they_are_spelled() {
        for (text, expected) in [
            (&b"pull-up"[..], Ok(Some(Level::High))),
            (b"pull-up\0", Ok(Some(Level::High))),
            (b"pull-down\n", Ok(Some(Level::Low))),
            (b"", Ok(None)),
            (b"up", Err(Errno::EINVAL)),
            (b"pull-up ", Err(Errno::EINVAL)),
            (b" pull-up", Err(Errno::EINVAL)),
            (b"PULL-UP", Err(Errno::EINVAL)),
            (b"pull-upx", Err(Errno::EINVAL)),
            (b"pull", Err(Errno::EINVAL)),
            (b"1", Err(Errno::EINVAL)),
            (b"\n", Err(Errno::EINVAL)),
            (b"pull-up\n\n", Err(Errno::EINVAL)),
        ] {
            assert_eq!(
                LineFile::Pull.parse(text),
                expected,
                "{}",
                text.escape_ascii()
            );
        }
        assert_eq!(LineFile::Value.parse(b"1"), Err(Errno::EPERM));
    }

    #[test]
    fn a_new_line_shows_low_and_pulled_down() {
        let line = SimLine::default();
        assert_eq!(LineFile::Pull.show(&line), b"pull-down\n");
        assert_eq!(LineFile::Value.show(&line), b"0\n");
    }
}
