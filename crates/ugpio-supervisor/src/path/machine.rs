//! The machine's files as a caller finds them, and which of them are its own GPIO.
//!
//! [`Machine`] looks names up below a caller's root: the supervisor's own, or that of a program that has
//! another root or other mounts, by `/proc/TID/root`. Real GPIO is told by what it *is*, not by how a path is
//! spelled: a character device with the chips' major number, or a file of sysfs, configfs or debugfs below the
//! directories that gpiolib makes there, wherever they are mounted. [`super::Resolver`] asks.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    os::fd::{AsRawFd as _, OwnedFd},
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock, PoisonError},
};

use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, Statx, StatxFlags},
    io::Errno,
};

use super::{
    lexical,
    owned::{MAJOR, is_gpio_name},
};

/// The smallest number that the kernel allots to a driver that asks for any.
// KERNEL: include/linux/fs.h CHRDEV_MAJOR_DYN_END (v6.12)
const DYNAMIC_MAJOR: u32 = 234;
/// The file systems in which GPIO has names: sysfs, configfs, debugfs; and devtmpfs by its device nodes.
const GPIO_FILE_SYSTEMS: [u32; 3] = [0x6265_6572, 0x6265_6570, 0x6462_6720];

/// What was found: enough to tell GPIO by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The device number of a node.
    pub(crate) number: (u32, u32),
    /// The type of the file system, if it may be one in which GPIO has names.
    is_gpio_system: bool,
}

/// The machine below a root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine<'a> {
    /// Prefix of its files: empty for our own root.
    root: &'a [u8],
}

/// Which file systems may have GPIO in them, by device number.
static SYSTEMS: Mutex<BTreeMap<(u32, u32), bool>> = Mutex::new(BTreeMap::new());

/// Forgets what was learnt of file systems, since one may have gone and another have its number.
pub(crate) fn forget_file_systems() {
    SYSTEMS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clear();
}

impl<'a> Machine<'a> {
    pub(crate) fn new(root: &'a [u8]) -> Self {
        Self { root }
    }

    /// Where a canonical path of the caller lies for us.
    pub(crate) fn place(&self, path: &[u8]) -> PathBuf {
        PathBuf::from(OsString::from_vec([self.root, path].concat()))
    }

    /// What a path leads to, as the kernel follows it for the caller.
    pub(crate) fn look_through(&self, path: &[u8], follow: bool) -> Result<Found, Errno> {
        if self.root.is_empty() {
            let flags = if follow {
                AtFlags::empty()
            } else {
                AtFlags::SYMLINK_NOFOLLOW
            };
            let path = OsString::from_vec(path.to_vec());
            let found = rustix::fs::statx(
                CWD,
                &path,
                flags | AtFlags::NO_AUTOMOUNT,
                StatxFlags::BASIC_STATS,
            )?;
            return Ok(self.judge(&found, || {
                rustix::fs::statfs(&path).map(|system| system.f_type)
            }));
        }
        let file = self.open(path, follow, ResolveFlags::empty())?;
        self.examine(&file)
    }

    /// What a canonical path names, a link in the last place not followed.
    pub(crate) fn look(&self, path: &[u8]) -> Result<Found, Errno> {
        let place = self.place(path);
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        let found = rustix::fs::statx(CWD, &place, flags, StatxFlags::BASIC_STATS)?;
        Ok(self.judge(&found, || {
            rustix::fs::statfs(&place).map(|system| system.f_type)
        }))
    }

    /// Whether looking up a missing path meets a symbolic link.
    pub(crate) fn passes_link(&self, path: &[u8]) -> bool {
        let found = self.open(path, false, ResolveFlags::NO_SYMLINKS);
        // A kernel or sandbox without openat2 leaves it to the walk.
        !matches!(found, Err(Errno::NOENT | Errno::NOTDIR))
    }

    /// The path of what a path leads to, without links.
    pub(crate) fn real_path(&self, path: &[u8], follow: bool) -> Result<Vec<u8>, Errno> {
        let file = self.open(path, follow, ResolveFlags::empty())?;
        let link = link_of(&file)?;
        let inside = link.strip_prefix(self.root_link()?.as_slice());
        match inside {
            Some([]) => Ok(b"/".to_vec()),
            Some(inside @ [b'/', ..]) => Ok(inside.to_vec()),
            _ => Err(Errno::XDEV),
        }
    }

    /// Whether the directory that has this path for the caller is the one at `place`, which is a path for us.
    pub(crate) fn is_same(&self, place: &[u8], path: &[u8]) -> bool {
        if self.is_stand_in() {
            return true;
        }
        let mask = StatxFlags::MNT_ID | StatxFlags::INO;
        let look = |path: OsString| {
            let found = rustix::fs::statx(CWD, path, AtFlags::NO_AUTOMOUNT, mask).ok()?;
            let device = (found.stx_dev_major, found.stx_dev_minor);
            Some((found.stx_mnt_id, found.stx_ino, device))
        };
        let known = look(OsString::from_vec(place.to_vec()));
        known.is_some() && known == look(self.place(path).into_os_string())
    }

    /// Whether what a path for us leads to is the machine's GPIO, nodes aside: the file itself is asked where it is.
    pub(crate) fn is_gpio_at(&self, place: &[u8], follow: bool) -> bool {
        let name = || {
            let file = Machine::new(b"").open(place, follow, ResolveFlags::empty());
            let file = file.ok()?;
            let link = link_of(&file).ok()?;
            let root = self.root_link().ok()?;
            self.name_of(&file, link.strip_prefix(root.as_slice())?)
        };
        name().is_none_or(|name| is_gpio_name(&name, |dir| self.subsystem(dir)))
    }

    /// Whether GPIO may be in the file system of an open file.
    pub(crate) fn may_hold_gpio(file: &OwnedFd) -> Result<bool, Errno> {
        let kind = rustix::fs::fstatfs(file)?.f_type;
        if u32::try_from(kind).is_ok_and(|kind| GPIO_FILE_SYSTEMS.contains(&kind)) {
            return Ok(true);
        }
        let device = |stat: rustix::fs::Stat| stat.st_dev;
        Ok(device(rustix::fs::fstat(file)?) == rustix::fs::stat("/dev").map(device)?)
    }

    /// Whether an open file is the node of a GPIO chip.
    pub(crate) fn is_open_chip(file: &OwnedFd) -> Result<bool, Errno> {
        let machine = Machine::new(b"");
        Ok(machine.is_chip(&machine.examine(file)?))
    }

    /// Whether a file is, or may be, the machine's GPIO.
    pub(crate) fn may_be_gpio(&self, found: &Found) -> bool {
        found.is_gpio_system || self.is_chip(found)
    }

    /// Whether a file is the node of a GPIO chip: the machine's, or one of the board's number.
    pub(crate) fn is_chip(&self, found: &Found) -> bool {
        let (major, _) = found.number;
        found.mode & libc::S_IFMT == libc::S_IFCHR
            && (major == MAJOR || major >= DYNAMIC_MAJOR && Some(major) == self.chip_major())
    }

    /// Whether the file that was found at a canonical path is the machine's own GPIO, nodes aside.
    pub(crate) fn is_gpio(&self, path: &[u8], found: &Found) -> bool {
        if !found.is_gpio_system {
            return false;
        }
        let standard = ["/sys/kernel/debug", "/sys/kernel/config", "/sys"]
            .iter()
            .any(|top| lexical::below(path, top.as_bytes()).is_some());
        let name = if standard {
            Some(path.to_vec())
        } else if self.is_stand_in() {
            return false;
        } else {
            self.name_in_system(path)
        };
        // A mount of which nobody says what it shows, shows nothing.
        name.is_none_or(|name| is_gpio_name(&name, |dir| self.subsystem(dir)))
    }

    /// Where a file lies in `/sys`, told by what is mounted and not by where.
    fn name_in_system(&self, path: &[u8]) -> Option<Vec<u8>> {
        let file = self.open(path, false, ResolveFlags::empty()).ok()?;
        self.name_of(&file, path)
    }

    /// The name in `/sys` of an open file, whose path is known.
    fn name_of(&self, file: &OwnedFd, path: &[u8]) -> Option<Vec<u8>> {
        let wanted = StatxFlags::MNT_ID;
        let found = rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, wanted).ok()?;
        let thread = core::str::from_utf8(self.root).ok()?;
        let thread = thread.strip_suffix("/root").unwrap_or("/proc/self");
        let table = std::fs::read(format!("{thread}/mountinfo")).ok()?;
        name_in_mount(&table, found.stx_mnt_id, &real_text(path))
    }

    /// The text of the link that says of which class or bus a device is.
    fn subsystem(&self, dir: &[u8]) -> Option<Vec<u8>> {
        let place = self.place(&lexical::join(dir, b"subsystem"));
        rustix::fs::readlink(place, Vec::new())
            .ok()
            .map(std::ffi::CString::into_bytes)
    }

    /// The major number of the machine's chips, if it has the driver.
    fn chip_major(&self) -> Option<u32> {
        // The numbers are the same in every root, and a caller's root need not have a /proc.
        static KNOWN: OnceLock<u32> = OnceLock::new();
        if self.is_stand_in() {
            return chip_major_in(&self.place(b"/proc/devices"));
        }
        if let Some(known) = KNOWN.get() {
            return Some(*known);
        }
        let found = chip_major_in("/proc/devices".as_ref())?;
        Some(*KNOWN.get_or_init(|| found))
    }

    /// Whether plain directories stand for the machine, as in tests.
    fn is_stand_in(&self) -> bool {
        cfg!(test) && !self.root.is_empty() && !self.root.starts_with(b"/proc/")
    }

    fn open(&self, path: &[u8], follow: bool, how: ResolveFlags) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let flags = if follow {
            flags
        } else {
            flags | OFlags::NOFOLLOW
        };
        let text = OsString::from_vec(path.to_vec());
        if self.root.is_empty() {
            return rustix::fs::openat2(CWD, text, flags, Mode::empty(), how);
        }
        let root = self.root_dir()?;
        let how = how | ResolveFlags::IN_ROOT;
        rustix::fs::openat2(root, text, flags, Mode::empty(), how)
    }

    fn root_dir(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::DIRECTORY;
        rustix::fs::open(self.place(b""), flags, Mode::empty())
    }

    fn root_link(&self) -> Result<Vec<u8>, Errno> {
        if self.root.is_empty() {
            return Ok(Vec::new());
        }
        let link = link_of(&self.root_dir()?)?;
        Ok(if link == b"/" { Vec::new() } else { link })
    }

    fn examine(&self, file: &OwnedFd) -> Result<Found, Errno> {
        let found = rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?;
        Ok(self.judge(&found, || {
            rustix::fs::fstatfs(file).map(|system| system.f_type)
        }))
    }

    fn judge(
        &self,
        found: &Statx,
        file_system: impl FnOnce() -> Result<libc::__fsword_t, Errno>,
    ) -> Found {
        let device = (found.stx_dev_major, found.stx_dev_minor);
        Found {
            mode: u32::from(found.stx_mode),
            uid: found.stx_uid,
            gid: found.stx_gid,
            number: (found.stx_rdev_major, found.stx_rdev_minor),
            // Only file systems without a device of their own have an anonymous number.
            is_gpio_system: self.is_stand_in()
                || device.0 == 0 && is_gpio_system(device, file_system),
        }
    }
}

/// Whether a file system is one in which GPIO has names; asked once for each.
fn is_gpio_system(
    device: (u32, u32),
    file_system: impl FnOnce() -> Result<libc::__fsword_t, Errno>,
) -> bool {
    let known = |systems: &BTreeMap<_, bool>| systems.get(&device).copied();
    if let Some(is) = known(&SYSTEMS.lock().unwrap_or_else(PoisonError::into_inner)) {
        return is;
    }
    let Ok(kind) = file_system() else {
        return false;
    };
    let is = u32::try_from(kind).is_ok_and(|kind| GPIO_FILE_SYSTEMS.contains(&kind));
    SYSTEMS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(device, is);
    is
}

/// The major number of the driver of chips in a list of devices as `/proc/devices`.
fn chip_major_in(list: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(list).ok()?;
    text.lines()
        .find_map(|row| row.trim().strip_suffix(" gpiochip")?.trim().parse().ok())
}

/// Learns the number of the machine's chips, if it has the driver, before a program can change what we see.
pub(crate) fn learn() {
    Machine::new(b"").chip_major();
}

fn link_of(file: &OwnedFd) -> Result<Vec<u8>, Errno> {
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    rustix::fs::readlink(link, Vec::new()).map(std::ffi::CString::into_bytes)
}

fn real_text(path: &[u8]) -> Vec<u8> {
    lexical::normalize(path)
}

/// The name in `/sys` of the file at `path`, by the row of `mount` in a table as `/proc/PID/mountinfo`.
pub(crate) fn name_in_mount(table: &[u8], mount: u64, path: &[u8]) -> Option<Vec<u8>> {
    let row = table.split(|byte| *byte == b'\n').find(|row| {
        let id = row.split(|byte| *byte == b' ').next();
        id == Some(mount.to_string().as_bytes())
    })?;
    let mut fields = row.split(|byte| *byte == b' ').skip(3);
    let (root, point) = (unescape(fields.next()?), unescape(fields.next()?));
    let kind = row.windows(3).position(|window| window == b" - ")?;
    let kind = row[kind + 3..].split(|byte| *byte == b' ').next()?;
    let top: &[u8] = match kind {
        b"sysfs" => b"/sys",
        b"configfs" => b"/sys/kernel/config",
        b"debugfs" => b"/sys/kernel/debug",
        _ => return None,
    };
    let rest = if point == b"/" {
        path
    } else {
        lexical::below(path, &point)?
    };
    // By itself first: no `..` of a damaged row leads out of the file system.
    let inside = lexical::normalize(&[b"/", &root[..], b"/", rest].concat());
    Some(lexical::normalize(&[top, &inside].concat()))
}

/// A field of `mountinfo` without its escapes.
// KERNEL: fs/proc_namespace.c mangle, fs/seq_file.c (v6.12): space, tab, newline, backslash and # as octal
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail.get(..3).filter(|_| byte == b'\\');
        let octal = digits
            .and_then(|digits| core::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal {
            Some(octal) => {
                text.push(octal);
                rest = &tail[3..];
            }
            None => {
                text.push(byte);
                rest = tail;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 0:20 / /sys rw - sysfs sysfs rw\n\
        30 1 0:20 /class/gpio /tmp/a\\040b rw shared:1 - sysfs sysfs rw\n\
        31 1 0:21 / /mnt rw - debugfs debugfs rw\n\
        32 1 0:22 / / rw - ext4 /dev/vda rw\n";

    #[test]
    fn nodes_are_told_by_their_number() {
        let base = tempfile::tempdir().unwrap();
        std::fs::create_dir(base.path().join("proc")).unwrap();
        let devices = "Character devices:\n  1 mem\n251 gpiochip\n252 rtc\n";
        std::fs::write(base.path().join("proc/devices"), devices).unwrap();
        let root = base.path().as_os_str().as_encoded_bytes();
        let found = |mode, number| Found {
            mode,
            uid: 0,
            gid: 0,
            number,
            is_gpio_system: false,
        };
        for (mode, major, is) in [
            (libc::S_IFCHR, 251, true),
            (libc::S_IFCHR, MAJOR, true),
            (libc::S_IFCHR, 252, false),
            (libc::S_IFCHR, 1, false),
            (libc::S_IFBLK, 251, false),
            (libc::S_IFREG, 251, false),
        ] {
            let machine = Machine::new(root);
            assert_eq!(
                machine.is_chip(&found(mode, (major, 0))),
                is,
                "{mode:o} {major}"
            );
        }
    }

    #[test]
    fn files_have_the_names_of_their_file_system_wherever_it_is_mounted() {
        for (mount, path, name) in [
            (22, "/sys/class/net", Some("/sys/class/net")),
            (30, "/tmp/a b/export", Some("/sys/class/gpio/export")),
            (30, "/tmp/a b", Some("/sys/class/gpio")),
            (31, "/mnt/gpio", Some("/sys/kernel/debug/gpio")),
            (30, "/elsewhere", None),
            (32, "/tmp", None),
            (99, "/tmp", None),
        ] {
            let found = name_in_mount(TABLE, mount, path.as_bytes());
            assert_eq!(found.as_deref(), name.map(str::as_bytes), "{mount} {path}");
        }
    }

    #[test]
    fn a_damaged_row_leads_to_no_other_file_system() {
        for root in ["s/..", "/../..", "..", "/a/../../.."] {
            let row = format!("3 1 0:1 {root} / - sysfs sysfs rw");
            let found = name_in_mount(row.as_bytes(), 3, b"/x");
            assert_eq!(found.as_deref(), Some(&b"/sys/x"[..]), "{root}");
        }
    }
}
