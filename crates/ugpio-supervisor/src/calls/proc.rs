//! Files of `/proc` that say what the machine has: with one line more, for what the board has, or with the release
//! that the run shows.
//!
//! Clients look for configfs among the mounts and for the chips' major number among the devices
//! before they use either, and some read the release from a file. They get a copy of the real file, taken when they
//! open it.
// DIFFERS: the copy does not change, and polling it tells nothing.

use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;

use super::{context::Context, uname};
use crate::path::{lexical, owned::MAJOR};
use crate::tree::CONFIGFS;

/// A file with a line to add.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Mounts,
    MountInfo,
    FileSystems,
    Devices,
}

/// A file that says which kernel this is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kernel {
    /// All that `uname` says in one line.
    Banner,
    Release,
    Version,
}

impl Kernel {
    fn of(path: &[u8]) -> Option<Self> {
        match path {
            b"/proc/version" => Some(Self::Banner),
            b"/proc/sys/kernel/osrelease" => Some(Self::Release),
            b"/proc/sys/kernel/version" => Some(Self::Version),
            _ => None,
        }
    }

    /// What the file says of the kernel that `uname` tells of; `banner` is the machine's.
    // KERNEL: init/version.c linux_proc_banner (v6.12)
    fn text(self, release: &str, banner: &str) -> String {
        let version = uname::version();
        match self {
            Self::Release => format!("{release}\n"),
            Self::Version => format!("{version}\n"),
            Self::Banner => {
                let real = rustix::system::uname();
                let (name, own) = (real.release(), real.version());
                let builder = banner
                    .trim_end()
                    .strip_prefix(&*format!("Linux version {} ", name.to_string_lossy()))
                    .and_then(|rest| rest.strip_suffix(&*own.to_string_lossy()));
                let builder = builder.unwrap_or_default();
                format!("Linux version {release} {builder}{version}\n")
            }
        }
    }
}

impl Kind {
    fn of(path: &[u8]) -> Option<Self> {
        let parts: Vec<&[u8]> = lexical::components(path).collect();
        let is_number = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
        match parts.as_slice() {
            [b"proc", b"filesystems"] => Some(Self::FileSystems),
            [b"proc", b"devices"] => Some(Self::Devices),
            [b"proc", pid, name] | [b"proc", pid, b"task", _, name] if is_number(pid) => {
                match *name {
                    b"mounts" => Some(Self::Mounts),
                    b"mountinfo" => Some(Self::MountInfo),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Mounts => "mounts",
            Self::MountInfo => "mountinfo",
            Self::FileSystems => "filesystems",
            Self::Devices => "devices",
        }
    }

    /// The file's text with the line in it; `None` if it says so already.
    fn amended(self, text: &str) -> Option<String> {
        let has = |word: &str| {
            text.lines()
                .any(|line| line.split_whitespace().any(|part| part == word))
        };
        match self {
            Self::Mounts | Self::MountInfo if has("configfs") => None,
            Self::Mounts => {
                let row = format!("configfs {CONFIGFS} configfs rw,relatime 0 0");
                Some(with_row(text, &row, |row| {
                    row.split(' ').nth(1) == Some("/sys")
                }))
            }
            Self::MountInfo => {
                let field = |row: &str, at: usize| row.split(' ').nth(at)?.parse::<u32>().ok();
                let ids = || text.lines().filter_map(|row| field(row, 0));
                let is_sys = |row: &str| row.split(' ').nth(4) == Some("/sys");
                let id = ids().max().unwrap_or(0).saturating_add(1);
                let below = text.lines().rfind(|row| is_sys(row));
                let below = below.and_then(|row| field(row, 0)).or(ids().min());
                let row = format!(
                    "{id} {} 0:{id} / {CONFIGFS} rw,relatime - configfs configfs rw",
                    below.unwrap_or(1)
                );
                Some(with_row(text, &row, is_sys))
            }
            Self::FileSystems if has("configfs") => None,
            Self::FileSystems => Some(format!("{text}nodev\tconfigfs\n")),
            Self::Devices => {
                let line = format!("{MAJOR} gpiochip\n");
                let is_other = |row: &&str| row.split_whitespace().next() != Some("254");
                let at = text.find("\nBlock devices:").unwrap_or(text.len());
                let rows: Vec<&str> = text[..at].lines().filter(is_other).collect();
                Some(format!(
                    "{}\n{line}{}",
                    rows.join("\n").trim_end(),
                    &text[at..]
                ))
            }
        }
    }
}

/// A table of mounts with one row more: behind the last row that `is_parent`, else the first, but never at the end.
/// The last row is the newest mount, which whoever has just made one compares with what it asked for.
fn with_row(text: &str, row: &str, is_parent: impl Fn(&str) -> bool) -> String {
    let mut rows: Vec<&str> = text.split_terminator('\n').collect();
    let parent = rows.iter().rposition(|row| is_parent(row));
    let at = parent.map_or(1, |at| at + 1);
    rows.insert(at.min(rows.len().saturating_sub(1)), row);
    rows.join("\n") + "\n"
}

/// Checks what must hold of any text that is taken for a table of mounts: all rows stay as they are, the last one the
/// last, and one is added. For tests and the fuzz target.
///
/// # Panics
///
/// If it does not hold.
#[cfg(any(test, fuzzing))]
#[cfg_attr(
    not(fuzzing),
    expect(unreachable_pub, reason = "the fuzz target reaches it")
)]
pub fn check_merging(text: &str) {
    let before: Vec<&str> = text.split_terminator('\n').collect();
    for kind in [Kind::Mounts, Kind::MountInfo] {
        let Some(amended) = kind.amended(text) else {
            continue;
        };
        let rows: Vec<&str> = amended.split_terminator('\n').collect();
        assert!(before.is_empty() || rows.last() == before.last());
        let is_added = |at: usize| {
            let others = [&rows[..at], &rows[at + 1..]].concat();
            others == before && rows[at].contains(CONFIGFS)
        };
        assert!((0..rows.len()).any(is_added), "{amended}");
        assert_eq!(kind.amended(&amended), None, "added once");
    }
    for mount in 0..4 {
        let name = crate::path::machine::name_in_mount(text.as_bytes(), mount, b"/sys/class/x");
        assert!(name.is_none_or(|name| name.starts_with(b"/sys")));
    }
}

/// A copy of the file of that path with the board's line in it, if it is one of these.
pub(super) fn open(context: &Context<'_>, path: &[u8]) -> Option<OwnedFd> {
    if let Some(link) = described_link(path) {
        return fdinfo(context, path, &link);
    }
    if let Some(kernel) = Kernel::of(path) {
        let release = context.layer.release.as_deref()?;
        let banner = std::fs::read_to_string(context.host_path(path)).ok()?;
        return copy("version", &kernel.text(release, &banner)).ok();
    }
    context.layer.tree.as_ref()?;
    let kind = Kind::of(path)?;
    let text = std::fs::read_to_string(context.host_path(path)).ok()?;
    let text = kind.amended(&text)?;
    copy(kind.name(), &text)
        .inspect_err(|error| tracing::debug!(%error, "no copy of a file of /proc"))
        .ok()
}

/// The path of the link in `fd` that a file of `fdinfo` describes.
fn described_link(path: &[u8]) -> Option<Vec<u8>> {
    let is_number = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let parts: Vec<&[u8]> = lexical::components(path).collect();
    let (dir, fd) = match parts.as_slice() {
        [b"proc", pid, b"fdinfo", fd] if is_number(pid) => (vec![*pid], *fd),
        [b"proc", pid, b"task", tid, b"fdinfo", fd] if is_number(pid) && is_number(tid) => {
            (vec![*pid, b"task", *tid], *fd)
        }
        _ => return None,
    };
    let dir = dir.join(&b"/"[..]);
    Some([b"/proc/", &*dir, b"/fd/", fd].concat())
}

/// A copy of a file of `fdinfo`, with what it says of one of our files.
fn fdinfo(context: &Context<'_>, path: &[u8], link: &[u8]) -> Option<OwnedFd> {
    let target = rustix::fs::readlink(context.host_path(link), Vec::new()).ok()?;
    let text = std::fs::read_to_string(context.host_path(path)).ok()?;
    let text = context.layer.opener.fdinfo(target.as_bytes(), &text)?;
    copy("fdinfo", &text).ok()
}

fn copy(name: &str, text: &str) -> Result<OwnedFd, Errno> {
    let file = memfd_create(name, MemfdFlags::CLOEXEC)?;
    rustix::io::pwrite(&file, text.as_bytes(), 0)?;
    // Reopened, so that it cannot be written to.
    let place = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file));
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
    rustix::fs::open(place, flags, rustix::fs::Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_by_path() {
        for (path, kind) in [
            ("/proc/42/mounts", Some(Kind::Mounts)),
            ("/proc/42/mountinfo", Some(Kind::MountInfo)),
            ("/proc/42/task/43/mounts", Some(Kind::Mounts)),
            ("/proc/filesystems", Some(Kind::FileSystems)),
            ("/proc/devices", Some(Kind::Devices)),
            ("/proc/42/devices", None),
            ("/sys/mounts", None),
            ("/proc/self/mounts", None),
        ] {
            assert_eq!(Kind::of(path.as_bytes()), kind, "{path}");
        }
    }

    const INFO: &str = "22 1 0:20 / / rw - ext4 /dev/vda rw\n23 22 0:5 / /sys rw - sysfs sysfs rw\n\
        24 22 0:6 / /tmp rw - tmpfs none rw\n";

    #[test]
    fn a_line_is_added_once() {
        let mounts = "/dev/vda / ext4 rw 0 0\nsysfs /sys sysfs rw 0 0\nnone /tmp tmpfs rw 0 0\n";
        let amended = Kind::Mounts.amended(mounts).unwrap();
        assert_eq!(
            amended.lines().nth(2),
            Some("configfs /sys/kernel/config configfs rw,relatime 0 0")
        );
        assert_eq!(amended.lines().count(), 4);
        assert_eq!(Kind::Mounts.amended(&amended), None);
        let amended = Kind::MountInfo.amended(INFO).unwrap();
        let row = "25 23 0:25 / /sys/kernel/config rw,relatime - configfs configfs rw";
        assert_eq!(amended.lines().nth(2), Some(row));
        assert_eq!(Kind::MountInfo.amended(&amended), None);
        assert_eq!(Kind::FileSystems.amended("nodev\tconfigfs\n"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_table_keeps_its_rows(text in "([0-3] [0-3] 0:[0-9] /[a-z\\\\0-9]{0,4} /(sys)?[a-z]{0,3} rw - (sysfs|x) y z\n?){0,5}") {
            check_merging(&text);
        }
    }

    #[test]
    fn the_newest_mount_stays_the_last_row() {
        for rows in [1, 2, 3] {
            let text: Vec<&str> = INFO.lines().take(rows).collect();
            let text = text.join("\n") + "\n";
            let amended = Kind::MountInfo.amended(&text).unwrap();
            assert_eq!(amended.lines().last(), text.lines().last());
            let without: Vec<&str> = amended
                .lines()
                .filter(|row| !row.contains("configfs"))
                .collect();
            assert_eq!(without, text.lines().collect::<Vec<_>>());
        }
        assert!(Kind::MountInfo.amended("").is_some());
        assert!(Kind::Mounts.amended("nonsense").is_some());
    }

    #[test]
    fn every_file_says_which_kernel_the_run_shows() {
        let real = rustix::system::uname();
        let text = |text: &core::ffi::CStr| text.to_string_lossy().into_owned();
        let (release, version) = (text(real.release()), text(real.version()));
        let banner = format!("Linux version {release} (me@here) (gcc 12) {version}\n");
        let shown = uname::version();
        for (path, says) in [
            ("/proc/sys/kernel/osrelease", "6.17.0\n".to_owned()),
            ("/proc/sys/kernel/version", format!("{shown}\n")),
            (
                "/proc/version",
                format!("Linux version 6.17.0 (me@here) (gcc 12) {shown}\n"),
            ),
        ] {
            let kernel = Kernel::of(path.as_bytes()).unwrap();
            assert_eq!(kernel.text("6.17.0", &banner), says, "{path}");
        }
        let other = Kernel::Banner.text("6.17.0", "nonsense");
        assert_eq!(other, format!("Linux version 6.17.0 {shown}\n"));
        assert_eq!(Kernel::of(b"/proc/42/version"), None);
    }

    #[test]
    fn the_chips_have_a_major_number() {
        let devices = "Character devices:\n  1 mem\n254 other\n\nBlock devices:\n254 virtblk\n";
        let amended = Kind::Devices.amended(devices).unwrap();
        assert_eq!(
            amended,
            "Character devices:\n  1 mem\n254 gpiochip\n\nBlock devices:\n254 virtblk\n"
        );
    }
}
