//! `struct stat` and `struct statx` as bytes.
//!
//! The layouts are the kernel's of `<asm/stat.h>` and `<linux/stat.h>`, written by hand: both
//! machines' are compiled everywhere and tested, and no byte of ours leaks in the padding. Called
//! by the stat handlers.

use super::attr::{Attr, Dev, Time};

/// A record under construction: zeroes, filled at known offsets.
struct Record<const N: usize>([u8; N]);

impl<const N: usize> Record<N> {
    fn new() -> Self {
        Self([0; N])
    }

    fn u16(&mut self, at: usize, value: u16) {
        self.0[at..at + 2].copy_from_slice(&value.to_ne_bytes());
    }

    fn u32(&mut self, at: usize, value: u32) {
        self.0[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }

    fn u64(&mut self, at: usize, value: u64) {
        self.0[at..at + 8].copy_from_slice(&value.to_ne_bytes());
    }

    /// A `struct timespec` of a 64-bit machine.
    fn timespec(&mut self, at: usize, time: Time) {
        self.u64(at, time.seconds.cast_unsigned());
        self.u64(at + 8, u64::from(time.nanoseconds));
    }

    /// A `struct statx_timestamp`.
    fn timestamp(&mut self, at: usize, time: Time) {
        self.u64(at, time.seconds.cast_unsigned());
        self.u32(at + 8, time.nanoseconds);
    }
}

impl Dev {
    /// A device number as `stat` gives it. KERNEL: include/linux/kdev_t.h new_encode_dev
    fn encode(self) -> u64 {
        let Self { major, minor } = self;
        u64::from((minor & 0xff) | (major << 8) | ((minor & !0xff) << 12))
    }
}

/// `struct stat` of this machine.
pub(super) fn stat(attr: &Attr) -> Vec<u8> {
    if cfg!(target_arch = "x86_64") {
        stat_x86_64(attr).to_vec()
    } else {
        stat_generic(attr).to_vec()
    }
}

/// `struct stat` of x86-64.
fn stat_x86_64(attr: &Attr) -> [u8; 144] {
    let mut record = Record::new();
    record.u64(0, attr.device.encode());
    record.u64(8, attr.inode);
    record.u64(16, u64::from(attr.links));
    record.u32(24, attr.mode);
    record.u32(28, attr.uid);
    record.u32(32, attr.gid);
    record.u64(40, attr.number.encode());
    record.u64(48, attr.size);
    record.u64(56, u64::from(attr.block_size));
    record.u64(64, attr.blocks);
    record.timespec(72, attr.accessed);
    record.timespec(88, attr.modified);
    record.timespec(104, attr.changed);
    record.0
}

/// `struct stat` of the machines that have no layout of their own, aarch64 among them.
fn stat_generic(attr: &Attr) -> [u8; 128] {
    let mut record = Record::new();
    record.u64(0, attr.device.encode());
    record.u64(8, attr.inode);
    record.u32(16, attr.mode);
    record.u32(20, attr.links);
    record.u32(24, attr.uid);
    record.u32(28, attr.gid);
    record.u64(32, attr.number.encode());
    record.u64(48, attr.size);
    record.u32(56, attr.block_size);
    record.u64(64, attr.blocks);
    record.timespec(72, attr.accessed);
    record.timespec(88, attr.modified);
    record.timespec(104, attr.changed);
    record.0
}

/// `struct statx`, the same on every machine.
pub(super) fn statx(attr: &Attr) -> [u8; 256] {
    let mut record = Record::new();
    record.u32(0, attr.mask);
    record.u32(4, attr.block_size);
    record.u64(8, attr.attributes);
    record.u32(16, attr.links);
    record.u32(20, attr.uid);
    record.u32(24, attr.gid);
    record.u16(28, u16::try_from(attr.mode & 0xffff).unwrap_or_default());
    record.u64(32, attr.inode);
    record.u64(40, attr.size);
    record.u64(48, attr.blocks);
    record.u64(56, attr.attributes_mask);
    record.timestamp(64, attr.accessed);
    record.timestamp(80, attr.born);
    record.timestamp(96, attr.changed);
    record.timestamp(112, attr.modified);
    record.u32(128, attr.number.major);
    record.u32(132, attr.number.minor);
    record.u32(136, attr.device.major);
    record.u32(140, attr.device.minor);
    record.u64(144, attr.mount);
    record.0
}

#[cfg(test)]
mod tests {
    use core::mem::{offset_of, size_of};
    use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

    use rustix::fs::{AtFlags, Statx};

    use super::*;
    use crate::calls::attr;

    fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
        let mut wide = [0; 8];
        wide[..len].copy_from_slice(&bytes[at..at + len]);
        u64::from_le_bytes(wide)
    }

    /// A record of `struct stat` read back through the C library's own layout.
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    fn agrees_with_the_c_library(path: &Path) {
        let attr = attr::lookup(path, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        let meta = fs::symlink_metadata(path).unwrap();
        let bytes = stat(&attr);
        assert_eq!(bytes.len(), size_of::<libc::stat>());
        macro_rules! same {
            ($($field:ident: $len:literal = $value:expr),* $(,)?) => {
                $(assert_eq!(
                    number(&bytes, offset_of!(libc::stat, $field), $len),
                    u64::try_from($value).unwrap(),
                    "{} of {}", stringify!($field), path.display()
                );)*
            };
        }
        let nlink = if cfg!(target_arch = "x86_64") { 8 } else { 4 };
        assert_eq!(
            number(&bytes, offset_of!(libc::stat, st_nlink), nlink),
            meta.nlink()
        );
        same! {
            st_dev: 8 = meta.dev(), st_ino: 8 = meta.ino(), st_mode: 4 = meta.mode(),
            st_uid: 4 = meta.uid(), st_gid: 4 = meta.gid(), st_rdev: 8 = meta.rdev(),
            st_size: 8 = meta.size(), st_blksize: 4 = meta.blksize(), st_blocks: 8 = meta.blocks(),
            st_mtime: 8 = meta.mtime(), st_mtime_nsec: 8 = meta.mtime_nsec(),
            st_ctime: 8 = meta.ctime(), st_ctime_nsec: 8 = meta.ctime_nsec(),
        }
    }

    #[test]
    fn stat_of_real_files_is_as_the_c_library_lays_it_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "some text").unwrap();
        for path in [
            dir.path(),
            &file,
            Path::new("/dev/null"),
            Path::new("/proc/self"),
        ] {
            agrees_with_the_c_library(path);
        }
    }

    #[test]
    fn statx_is_as_the_kernel_lays_it_out() {
        let attr = attr::lookup(Path::new("/dev/null"), AtFlags::empty()).unwrap();
        let bytes = statx(&attr);
        assert_eq!(bytes.len(), size_of::<Statx>());
        macro_rules! same {
            ($($field:ident: $len:literal = $value:expr),* $(,)?) => {
                $(assert_eq!(number(&bytes, offset_of!(Statx, $field), $len), u64::from($value), stringify!($field));)*
            };
        }
        same! {
            stx_mask: 4 = attr.mask, stx_blksize: 4 = attr.block_size, stx_attributes: 8 = attr.attributes,
            stx_nlink: 4 = attr.links, stx_uid: 4 = attr.uid, stx_gid: 4 = attr.gid, stx_ino: 8 = attr.inode,
            stx_size: 8 = attr.size, stx_blocks: 8 = attr.blocks, stx_attributes_mask: 8 = attr.attributes_mask,
            stx_rdev_major: 4 = 1_u32, stx_rdev_minor: 4 = 3_u32, stx_dev_major: 4 = attr.device.major,
            stx_dev_minor: 4 = attr.device.minor, stx_mnt_id: 8 = attr.mount, stx_mode: 2 = attr.mode,
        }
        for (at, time) in [
            (offset_of!(Statx, stx_atime), attr.accessed),
            (offset_of!(Statx, stx_btime), attr.born),
            (offset_of!(Statx, stx_ctime), attr.changed),
            (offset_of!(Statx, stx_mtime), attr.modified),
        ] {
            assert_eq!(number(&bytes, at, 8), time.seconds.cast_unsigned());
            assert_eq!(number(&bytes, at + 8, 4), u64::from(time.nanoseconds));
        }
    }

    /// Offsets of the machine that this is not, from its `<asm/stat.h>`.
    #[test]
    fn both_layouts_have_their_known_offsets() {
        let attr = Attr {
            mode: 0o20600,
            links: 7,
            uid: 1000,
            size: 0x1122,
            block_size: 4096,
            ..Attr::default()
        };
        let (x86, generic) = (stat_x86_64(&attr), stat_generic(&attr));
        assert_eq!((number(&x86, 16, 8), number(&generic, 20, 4)), (7, 7));
        assert_eq!(
            (number(&x86, 24, 4), number(&generic, 16, 4)),
            (0o20600, 0o20600)
        );
        assert_eq!((number(&x86, 28, 4), number(&generic, 24, 4)), (1000, 1000));
        assert_eq!(
            (number(&x86, 48, 8), number(&generic, 48, 8)),
            (0x1122, 0x1122)
        );
        assert_eq!((number(&x86, 56, 8), number(&generic, 56, 4)), (4096, 4096));
    }

    #[test]
    fn device_numbers_are_split_as_the_kernel_does() {
        assert_eq!(
            Dev {
                major: 254,
                minor: 3
            }
            .encode(),
            0xfe03
        );
        assert_eq!(
            Dev {
                major: 254,
                minor: 256
            }
            .encode(),
            0x0010_fe00
        );
        assert_eq!(
            Dev {
                major: 254,
                minor: 300
            }
            .encode(),
            libc::makedev(254, 300)
        );
    }
}
