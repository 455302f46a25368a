//! A chip file: opening it, listing chips, asking it about lines.
//!
//! [`Chip`] is an open `/dev/gpiochipN` with what it said about itself. [`super::find`] opens them.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use gpio_uapi::abi::FromBytes;
use gpio_uapi::abi::common::until_nul;
use gpio_uapi::abi::v2::{LineInfo, LineInfoChanged, LineRequest};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::error::Error;
use super::sys;

/// Where chip files are.
const DEVICES: &str = "/dev";

/// An open chip file.
#[derive(Debug)]
pub(super) struct Chip {
    file: OwnedFd,
    /// The path it was opened by.
    pub(super) path: PathBuf,
    /// `gpiochipN`.
    pub(super) name: String,
    /// What the driver calls it.
    pub(super) label: String,
    /// How many lines it has.
    pub(super) lines: u32,
}

impl Chip {
    /// Opens the chip file at `path`.
    ///
    /// # Errors
    /// It cannot be opened, or is not a chip.
    pub(super) fn open(path: &Path) -> Result<Chip, Error> {
        let cannot = |errno| Error::System {
            what: format!("cannot open {}", path.display()),
            errno,
        };
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::empty()).map_err(cannot)?;
        let info = sys::get_chipinfo(file.as_fd()).map_err(|errno| match errno {
            // KERNEL: a file that is no chip answers ENOTTY, or EINVAL where it has ioctls of its own.
            Errno::NOTTY | Errno::INVAL => {
                Error::NotFound(format!("{} is not a GPIO chip", path.display()))
            }
            errno => cannot(errno),
        })?;
        Ok(Chip {
            file,
            path: path.to_owned(),
            name: text(&info.name),
            label: text(&info.label),
            lines: info.lines,
        })
    }

    /// `gpiochipN [LABEL]`, as messages name it.
    pub(super) fn title(&self) -> String {
        format!("{} [{}]", self.name, self.label)
    }

    /// What the chip says about a line.
    ///
    /// # Errors
    /// The chip is gone or has no such line.
    pub(super) fn line_info(&self, offset: u32) -> Result<LineInfo, Error> {
        sys::get_lineinfo(self.file.as_fd(), offset).map_err(|errno| {
            let what = format!("cannot get information about {}:{offset}", self.name);
            Error::on_chip(&self.title(), what, errno)
        })
    }

    /// The names of all lines, empty where a line has none.
    ///
    /// # Errors
    /// The chip is gone.
    pub(super) fn line_names(&self) -> Result<Vec<String>, Error> {
        (0..self.lines)
            .map(|offset| Ok(text(&self.line_info(offset)?.name)))
            .collect()
    }

    /// Asks for a record of each later change of a line.
    ///
    /// # Errors
    /// The chip is gone, or the line is watched through this file already.
    pub(super) fn watch_line(&self, offset: u32) -> Result<(), Error> {
        let watched = sys::get_lineinfo_watch(self.file.as_fd(), offset);
        watched.map(drop).map_err(|errno| {
            let what = format!("cannot watch {}:{offset}", self.name);
            Error::on_chip(&self.title(), what, errno)
        })
    }

    /// Reads the records that are there; blocks if there is none.
    ///
    /// # Errors
    /// The chip is gone.
    pub(super) fn read_changes(&self) -> Result<Vec<LineInfoChanged>, Error> {
        read_records(self.as_fd()).map_err(|errno| {
            let what = format!("cannot read changes of {}", self.name);
            Error::on_chip(&self.title(), what, errno)
        })
    }

    /// Requests lines; the caller says what failed.
    pub(super) fn request(&self, request: &mut LineRequest) -> Result<OwnedFd, Errno> {
        sys::get_line(self.file.as_fd(), request)
    }
}

impl AsFd for Chip {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Opens all chips in the order of their numbers. Second comes why others could not be opened.
///
/// # Errors
/// The directory of devices cannot be read.
pub(super) fn open_all() -> Result<(Vec<Chip>, Vec<Error>), Error> {
    let entries = fs::read_dir(DEVICES).map_err(|error| Error::System {
        what: format!("cannot read {DEVICES}"),
        errno: Errno::from_io_error(&error).unwrap_or(Errno::IO),
    })?;
    let mut numbers: Vec<u32> = entries
        .filter_map(|entry| chip_number(entry.ok()?.file_name().to_str()?))
        .filter(|&number| is_device(&device_path(number)))
        .collect();
    numbers.sort_unstable();
    let mut chips = Vec::new();
    let mut refused = Vec::new();
    for number in numbers {
        match Chip::open(&device_path(number)) {
            Ok(chip) => chips.push(chip),
            // Unplugged since the directory was read.
            Err(Error::System {
                errno: Errno::NOENT | Errno::NODEV | Errno::NXIO,
                ..
            }) => {}
            Err(error) => refused.push(error),
        }
    }
    Ok((chips, refused))
}

/// A device file, and no link to one, which would list a chip twice.
fn is_device(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_char_device())
}

/// `/dev/gpiochipN`.
pub(super) fn device_path(number: u32) -> PathBuf {
    Path::new(DEVICES).join(format!("gpiochip{number}"))
}

/// N of `gpiochipN`.
pub(super) fn chip_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("gpiochip")?;
    if digits.starts_with('+') {
        return None;
    }
    digits.parse().ok()
}

/// A name, label or consumer as text; bytes that are not UTF-8 are replaced.
pub(super) fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(until_nul(name)).into_owned()
}

/// Reads what records there are; blocks if there is none. An end of file is a chip that is gone.
///
/// # Errors
/// The read's.
pub(super) fn read_records<T: FromBytes>(file: BorrowedFd<'_>) -> Result<Vec<T>, Errno> {
    let mut bytes = vec![0; size_of::<T>() * 32];
    let length = loop {
        match rustix::io::read(file, &mut bytes) {
            Err(Errno::INTR) => {}
            Ok(0) => return Err(Errno::NODEV),
            other => break other?,
        }
    };
    let records = bytes[..length].chunks_exact(size_of::<T>());
    Ok(records
        .filter_map(|record| T::read_from_bytes(record).ok())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chip_numbers() {
        assert_eq!(chip_number("gpiochip12"), Some(12));
        for other in [
            "gpiochip",
            "gpiochip1x",
            "gpio1",
            "gpiochip+1",
            "gpiochip99999999999",
        ] {
            assert_eq!(chip_number(other), None, "{other}");
        }
    }

    #[test]
    fn a_file_that_is_no_chip_is_named() {
        let error = Chip::open(Path::new("/dev/null")).unwrap_err();
        assert_eq!(error.to_string(), "/dev/null is not a GPIO chip");
        let error = Chip::open(Path::new("/dev/gpiochip-none")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot open /dev/gpiochip-none: no such file or directory"
        );
    }

    #[test]
    fn an_end_of_file_is_a_chip_that_is_gone() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        drop(writer);
        assert_eq!(read_records::<u64>(reader.as_fd()), Err(Errno::NODEV));
    }
}
