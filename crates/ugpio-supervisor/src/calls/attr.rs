//! The attributes of a file as we hold them between looking and answering.
//!
//! [`Attr`] is what `stat` and `statx` tell, free of any machine's layout; [`super::layout`] puts it
//! into bytes. [`Attr::of`] makes it for a target of the path layer, which is where a chip's node
//! turns from an empty file into a character device.

use std::path::Path;

use rustix::{
    fs::{AtFlags, CWD, Statx, StatxFlags, StatxTimestamp},
    io::Errno,
    process::{getegid, geteuid},
};

use super::{context::Context, credentials::Credentials};
use crate::{
    class,
    path::{
        Identity, Location, Place, Target,
        owned::{MAJOR, chip_of_node},
    },
    shadow::Changed,
};

/// Size that sysfs says its attributes have, and block size of every virtual file.
const PAGE: u32 = 4096;
/// Permissions of a chip's node, and all that an anonymous file has in its mode.
const OWNER_ONLY: u32 = 0o600;

/// A moment as the file system keeps it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Time {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
}

/// A device number.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Dev {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

/// The attributes of a file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Attr {
    pub(crate) mask: u32,
    pub(crate) block_size: u32,
    pub(crate) attributes: u64,
    pub(crate) attributes_mask: u64,
    pub(crate) links: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) blocks: u64,
    pub(crate) accessed: Time,
    pub(crate) born: Time,
    pub(crate) changed: Time,
    pub(crate) modified: Time,
    pub(crate) number: Dev,
    pub(crate) device: Dev,
    pub(crate) mount: u64,
}

impl Attr {
    /// The type and the permissions.
    pub(crate) fn mode(&self) -> u32 {
        self.mode
    }

    /// The attributes of what a path names.
    pub(super) fn of(context: &Context<'_>, target: &Target) -> Result<Self, Errno> {
        match target {
            Target::At(location) => Self::at(context, location),
            Target::Descriptor(identity) => Self::of_descriptor(context, *identity),
            Target::Missing { .. } => Err(Errno::NOENT),
        }
    }

    fn at(context: &Context<'_>, location: &Location) -> Result<Self, Errno> {
        if location.place == Place::Host {
            // What the machine's files are like, the kernel tells the caller.
            return Err(Errno::ACCESS);
        }
        Self::shown(context, &location.path)
    }

    /// A file of the shadow tree, as it is shown.
    fn shown(context: &Context<'_>, path: &[u8]) -> Result<Self, Errno> {
        let shadow = &context.layer.shadow;
        let found = lookup(&shadow.locate(path), AtFlags::SYMLINK_NOFOLLOW)?;
        let mut shown = found.disguised(path);
        if let Some(size) = shadow.size(path) {
            shown.size = size;
        }
        if let Some(to_come) = shadow.lines_to_come(path) {
            shown.links += to_come;
            // To the program they are there, so nothing changes when they are made.
            shown.changed = shown.modified;
        }
        if let Ok(who) = context.process.credentials() {
            shown = shown.offered_to(&who, path);
        }
        Ok(match shadow.changed(path) {
            Some(changed) => shown.with(changed),
            None => shown,
        })
    }

    /// As one that its caller may use, since no file of the board is refused for its user: the caller's
    /// own. Programs that are not root look at the group of a line's files in `/sys/class/gpio`, which boards
    /// give to them.
    // DIFFERS: in Linux all are root's, 0644, until a rule of udev's changes that.
    fn offered_to(self, who: &Credentials, path: &[u8]) -> Self {
        let is_line = who.uid != 0 && class::is_of_numbered_line(path);
        let for_group = if is_line { (self.mode & 0o200) >> 3 } else { 0 };
        Self {
            uid: who.uid,
            gid: who.gid,
            mode: self.mode | for_group,
            ..self
        }
    }

    /// With what `chmod` and `chown` have changed.
    fn with(self, changed: Changed) -> Self {
        let mode = changed.mode.map(|mode| self.mode & libc::S_IFMT | mode);
        Self {
            mode: mode.unwrap_or(self.mode),
            uid: changed.uid.unwrap_or(self.uid),
            gid: changed.gid.unwrap_or(self.gid),
            ..self
        }
    }

    /// One of our open files, by what it stands for and not by what it is.
    fn of_descriptor(context: &Context<'_>, identity: Identity) -> Result<Self, Errno> {
        let blank = Self {
            mask: StatxFlags::BASIC_STATS.bits(),
            block_size: PAGE,
            ..Self::default()
        };
        match identity {
            Identity::Chip { id, is_gone: false } => {
                let path = format!("/dev/gpiochip{id}").into_bytes();
                Self::shown(context, &path)
            }
            Identity::Chip { id, is_gone: true } | Identity::Node(id) => Ok(Self {
                links: 0,
                ..blank.chip(id)
            }),
            // KERNEL: all anonymous files share one inode without a type, owned by root.
            Identity::Anonymous(_) => Ok(Self {
                mode: OWNER_ONLY,
                links: 1,
                ..blank
            }),
        }
    }

    /// What a file of the shadow tree passes for.
    fn disguised(self, path: &[u8]) -> Self {
        if let Some(id) = chip_of_node(path) {
            return self.chip(id);
        }
        let is_sysfs = path.starts_with(b"/sys/");
        match self.mode & libc::S_IFMT {
            libc::S_IFREG if is_sysfs => Self {
                size: u64::from(PAGE),
                blocks: 0,
                block_size: PAGE,
                ..self
            },
            // KERNEL: fs/kernfs/inode.c, fs/configfs/inode.c (v6.12): neither links nor directories have a size
            libc::S_IFLNK | libc::S_IFDIR if is_sysfs => Self {
                size: 0,
                blocks: 0,
                block_size: PAGE,
                ..self
            },
            _ => self,
        }
    }

    fn chip(self, id: u32) -> Self {
        Self {
            mode: libc::S_IFCHR | OWNER_ONLY,
            links: 1,
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
            number: Dev {
                major: MAJOR,
                minor: id,
            },
            size: 0,
            blocks: 0,
            block_size: PAGE,
            ..self
        }
    }
}

/// The attributes of a file of the shadow tree.
pub(super) fn lookup(path: &Path, flags: AtFlags) -> Result<Attr, Errno> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME | StatxFlags::MNT_ID;
    let found = rustix::fs::statx(CWD, path, flags | AtFlags::NO_AUTOMOUNT, wanted)?;
    Ok(Attr::from(&found))
}

impl From<&Statx> for Attr {
    fn from(found: &Statx) -> Self {
        Self {
            mask: found.stx_mask,
            block_size: found.stx_blksize,
            attributes: found.stx_attributes.bits(),
            attributes_mask: found.stx_attributes_mask.bits(),
            links: found.stx_nlink,
            uid: found.stx_uid,
            gid: found.stx_gid,
            mode: u32::from(found.stx_mode),
            inode: found.stx_ino,
            size: found.stx_size,
            blocks: found.stx_blocks,
            accessed: Time::from(&found.stx_atime),
            born: Time::from(&found.stx_btime),
            changed: Time::from(&found.stx_ctime),
            modified: Time::from(&found.stx_mtime),
            number: Dev {
                major: found.stx_rdev_major,
                minor: found.stx_rdev_minor,
            },
            device: Dev {
                major: found.stx_dev_major,
                minor: found.stx_dev_minor,
            },
            mount: found.stx_mnt_id,
        }
    }
}

impl From<&StatxTimestamp> for Time {
    fn from(time: &StatxTimestamp) -> Self {
        Self {
            seconds: time.tv_sec,
            nanoseconds: time.tv_nsec,
        }
    }
}
