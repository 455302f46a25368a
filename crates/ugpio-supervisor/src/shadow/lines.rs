//! The directories of simulated chips' lines, made when somebody looks.
//!
//! Each line has a directory with two files, into which few programs look; to make them all with a chip would cost
//! more than the rest of it. So a line's are made when its name is looked up, and those of all lines when their chip's
//! directory is opened or watched. Until then they are counted where they show, in the links of that directory.
//!
//! Lock order: the chips, then the lines.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{MutexGuard, PoisonError};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, StatxFlags, StatxTimestamp, Timespec, Timestamps, chmodat,
    mkdirat, mknodat, statx, unlinkat, utimensat,
};
use rustix::io::Errno;
use rustix::path::Arg;

use super::Shadow;
use super::sim::SimAttribute;

/// What the names of the directories begin with.
const NAME: &str = "sim_gpio";
/// The mode of the directories.
const DIRECTORY: u32 = 0o755;
/// The mode of the files.
const FILE: u32 = 0o644;

/// The lines of a chip.
#[derive(Debug, Default)]
pub(super) struct Lines {
    count: u32,
    /// Those whose directories were made.
    made: BTreeSet<u32>,
}

/// By the directories of their chips.
pub(super) type LinesOfChips = BTreeMap<Vec<u8>, Lines>;

impl Shadow {
    /// Has the lines of the chip with this directory made when somebody looks.
    pub(super) fn add_lines(&self, device: &str, count: u32) {
        let made = BTreeSet::new();
        self.lock_lines()
            .insert(device.as_bytes().to_vec(), Lines { count, made });
    }

    /// Makes the line that a virtual path is of, if it is one's that was not looked for yet.
    pub(crate) fn look_for_line(&self, path: &[u8]) {
        if let Some((device, offset)) = line_of(path) {
            self.make(device, offset..=offset);
        }
    }

    /// Makes all lines of the chip whose directory a virtual path is, if it is one's: its listing is about to show.
    pub(crate) fn look_for_lines(&self, path: &[u8]) {
        self.make(path, 0..=u32::MAX);
    }

    /// How many directories a virtual directory still lacks, if it is that of a chip with lines.
    pub(crate) fn lines_to_come(&self, path: &[u8]) -> Option<u32> {
        let lines = self.lock_lines();
        let lines = lines.get(path)?;
        Some(lines.count - u32::try_from(lines.made.len()).unwrap_or(lines.count))
    }

    /// Removes what was made of the lines of the chip with this directory, in a third of the calls that looking would
    /// take. What cannot be removed so is left to those who look.
    pub(super) fn remove_lines(&self, device: &str) {
        let Some(lines) = self.lock_lines().remove(device.as_bytes()) else {
            return;
        };
        let Ok(dir) = self.open_device(device.as_bytes()) else {
            return;
        };
        for offset in lines.made {
            let line = format!("{NAME}{offset}");
            for name in SimAttribute::ALL.map(SimAttribute::name) {
                let _ = unlinkat(&dir, format!("{line}/{name}"), AtFlags::empty());
            }
            let _ = unlinkat(&dir, &line, AtFlags::REMOVEDIR);
        }
    }

    fn make(&self, device: &[u8], wanted: core::ops::RangeInclusive<u32>) {
        let mut lines = self.lock_lines();
        let Some(lines) = lines.get_mut(device) else {
            return;
        };
        let last = lines
            .count
            .checked_sub(1)
            .map(|last| last.min(*wanted.end()));
        let is_missing = |offset: &u32| !lines.made.contains(offset);
        let missing: Vec<u32> = (*wanted.start()..=last.unwrap_or_default())
            .filter(is_missing)
            .collect();
        if last.is_none() || missing.is_empty() {
            return;
        }
        match self.make_in(device, &missing) {
            Ok(()) => lines.made.extend(missing),
            Err(error) => tracing::warn!(%error, "the directories of lines cannot be made"),
        }
    }

    /// Makes the directories of lines. That of the chip shows no later time for it: to the program they were there.
    fn make_in(&self, device: &[u8], offsets: &[u32]) -> io::Result<()> {
        let dir = self.open_device(device)?;
        let wanted = StatxFlags::ATIME | StatxFlags::MTIME;
        let before = statx(&dir, c"", AtFlags::EMPTY_PATH, wanted)?;
        for offset in offsets {
            let line = format!("{NAME}{offset}");
            let mode = Mode::from_raw_mode(DIRECTORY);
            there(mkdirat(&dir, &line, mode))?;
            self.set_mode(&dir, &line, DIRECTORY)?;
            for name in SimAttribute::ALL.map(SimAttribute::name) {
                let (file, mode) = (format!("{line}/{name}"), Mode::from_raw_mode(FILE));
                there(mknodat(&dir, &file, FileType::RegularFile, mode, 0))?;
                self.set_mode(&dir, &file, FILE)?;
            }
        }
        let times = Timestamps {
            last_access: time(before.stx_atime),
            last_modification: time(before.stx_mtime),
        };
        Ok(utimensat(&dir, c".", &times, AtFlags::empty())?)
    }

    /// Gives what was just made with a mode that mode.
    pub(super) fn set_mode(&self, dir: impl AsFd, name: impl Arg, mode: u32) -> io::Result<()> {
        if self.is_masked(mode) {
            chmodat(dir, name, Mode::from_raw_mode(mode), AtFlags::empty())?;
        }
        Ok(())
    }

    fn open_device(&self, device: &[u8]) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::open(self.locate(device), flags, Mode::empty())?)
    }

    fn lock_lines(&self) -> MutexGuard<'_, LinesOfChips> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was made before by somebody who did not come to the end is there.
fn there(made: Result<(), Errno>) -> Result<(), Errno> {
    made.or_else(|errno| {
        if errno == Errno::EXIST {
            Ok(())
        } else {
            Err(errno)
        }
    })
}

fn time(moment: StatxTimestamp) -> Timespec {
    Timespec {
        tv_sec: moment.tv_sec,
        tv_nsec: moment.tv_nsec.into(),
    }
}

/// The directory of the chip and the line that a virtual path is of, by its form.
fn line_of(path: &[u8]) -> Option<(&[u8], u32)> {
    let name = [b"/", NAME.as_bytes()].concat();
    let at = path.windows(name.len()).position(|part| part == name)?;
    let rest = &path[at + name.len()..];
    let digits = rest.split(|byte| *byte == b'/').next()?;
    let number = core::str::from_utf8(digits).ok()?;
    let offset: u32 = number.parse().ok()?;
    (offset.to_string() == number).then_some((&path[..at], offset))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;
    use crate::shadow::ChipNode;

    const DEVICE: &str = "/sys/devices/platform/gpio-sim.0/gpiochip3";

    fn with_chip() -> (tempfile::TempDir, Shadow) {
        let base = tempfile::tempdir().unwrap();
        let place = base.path().join(".ugpio-shadow-1-0");
        fs::create_dir(&place).unwrap();
        let shadow = Shadow::build(place).unwrap();
        shadow
            .add_chip(&ChipNode {
                id: 3,
                label: "sim".into(),
                parent: "platform/gpio-sim.0".into(),
                lines: 12,
            })
            .unwrap();
        (base, shadow)
    }

    fn lines(shadow: &Shadow) -> usize {
        let names = fs::read_dir(shadow.locate(DEVICE.as_bytes())).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_string_lossy().starts_with(NAME))
            .count()
    }

    #[test]
    fn a_line_is_made_when_its_name_is_looked_up() {
        let (_base, shadow) = with_chip();
        let looks = |path: &str| shadow.look_for_line(format!("{DEVICE}/{path}").as_bytes());
        assert_eq!(lines(&shadow), 0);
        for other in [
            "",
            "dev",
            "sim_gpio",
            "sim_gpio12",
            "sim_gpio03",
            "sim_gpio+1",
            "sim_gpio-1",
        ] {
            looks(other);
            assert_eq!(lines(&shadow), 0, "{other}");
        }
        looks("sim_gpio3");
        looks("sim_gpio3/value");
        looks("sim_gpio11/pull");
        assert_eq!(lines(&shadow), 2);
        assert_eq!(shadow.lines_to_come(DEVICE.as_bytes()), Some(10));
        for (name, mode) in [("", 0o40755), ("pull", 0o100_644), ("value", 0o100_644)] {
            let place = shadow.locate(format!("{DEVICE}/sim_gpio3/{name}").as_bytes());
            assert_eq!(fs::metadata(place).unwrap().permissions().mode(), mode);
        }
    }

    #[test]
    fn all_lines_are_made_for_a_listing_and_the_directory_does_not_show_when() {
        let (_base, shadow) = with_chip();
        let place = shadow.locate(DEVICE.as_bytes());
        let times = |place: &std::path::Path| {
            let found = fs::metadata(place).unwrap();
            (found.mtime(), found.mtime_nsec())
        };
        let before = times(&place);
        shadow.look_for_lines(b"/sys/devices/platform/gpio-sim.0");
        assert_eq!(lines(&shadow), 0);
        shadow.look_for_lines(DEVICE.as_bytes());
        assert_eq!(lines(&shadow), 12);
        assert_eq!(shadow.lines_to_come(DEVICE.as_bytes()), Some(0));
        assert_eq!(times(&place), before);
    }

    #[test]
    fn lines_go_with_their_chip() {
        let (_base, shadow) = with_chip();
        shadow.look_for_line(format!("{DEVICE}/sim_gpio3").as_bytes());
        shadow.remove_chip(3).unwrap();
        assert!(!shadow.locate(DEVICE.as_bytes()).exists());
        shadow.look_for_lines(DEVICE.as_bytes());
        assert!(!shadow.locate(DEVICE.as_bytes()).exists());
        assert_eq!(shadow.lines_to_come(DEVICE.as_bytes()), None);
    }
}
