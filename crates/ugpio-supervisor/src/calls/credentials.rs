//! Who a caller is, where a directory of the machine on the way to a virtual file asks for that.
//!
//! The supervisor finds virtual files with its own rights. A caller that has others must not learn by them what is
//! behind a directory that it may not pass. [`Credentials`] are read from `/proc/TID/status` only when such a
//! directory was met.
// DIFFERS: access control lists and security modules are not asked.

use crate::path::Guarded;

/// CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
const SEARCHING: u64 = 1 << 1 | 1 << 2;
/// CAP_CHOWN.
const CHOWN: u64 = 1 << 0;
/// CAP_SYS_ADMIN.
const ADMINISTERING: u64 = 1 << 21;
/// CAP_FOWNER.
const OWNING: u64 = 1 << 3;

/// The identity that decides on access to files.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Credentials {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<u32>,
    /// Its capabilities over files that belong to anybody.
    pub(super) capabilities: u64,
}

impl Credentials {
    /// Reads `/proc/TID/status`. Capabilities count only where user ids mean what they do for us: in another user
    /// namespace they are over that namespace's files alone.
    pub(super) fn parse(status: &str, is_our_namespace: bool) -> Option<Self> {
        let field = |name: &str| status.lines().find_map(|row| row.strip_prefix(name));
        // Real, effective, saved, and that for files.
        let fourth = |row: &str| row.split_whitespace().nth(3)?.parse().ok();
        let groups = field("Groups:")?.split_whitespace();
        let capabilities = u64::from_str_radix(field("CapEff:")?.trim(), 16).ok()?;
        Some(Self {
            uid: fourth(field("Uid:")?)?,
            gid: fourth(field("Gid:")?)?,
            groups: groups.filter_map(|group| group.parse().ok()).collect(),
            capabilities: if is_our_namespace { capabilities } else { 0 },
        })
    }

    /// Whether it may pass a directory.
    // KERNEL: fs/namei.c generic_permission, acl_permission_check (v6.12)
    pub(super) fn may_pass(&self, dir: &Guarded) -> bool {
        let bit = if self.uid == dir.uid {
            0o100
        } else if self.is_in(dir.gid) {
            0o010
        } else {
            0o001
        };
        dir.mode & bit != 0 || self.capabilities & SEARCHING != 0
    }

    /// Whether it may change the mode of a file that belongs to `owner`.
    // KERNEL: fs/attr.c setattr_prepare (v6.12)
    pub(super) fn owns(&self, owner: u32) -> bool {
        self.uid == owner || self.capabilities & OWNING != 0
    }

    /// Whether it may give a file of `owner` and `group` to `to_user` and `to_group`, where `None` leaves it.
    // KERNEL: fs/attr.c chown_ok, chgrp_ok (v6.12)
    pub(super) fn may_give(&self, owner: u32, to_user: Option<u32>, to_group: Option<u32>) -> bool {
        if self.capabilities & CHOWN != 0 {
            return true;
        }
        let is_owner = self.uid == owner;
        to_user.is_none_or(|user| is_owner && user == owner)
            && to_group.is_none_or(|group| is_owner && self.is_in(group))
    }

    /// Whether it may change mounts.
    pub(super) fn may_mount(&self) -> bool {
        self.capabilities & ADMINISTERING != 0
    }

    fn is_in(&self, group: u32) -> bool {
        self.gid == group || self.groups.contains(&group)
    }
}

/// The number of a thread in its own `/proc`: the last of those it has, from outside in.
pub(super) fn own_number(status: &str) -> Option<u32> {
    let row = status.lines().find_map(|row| row.strip_prefix("NSpid:"))?;
    row.split_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tx\nUid:\t0\t0\t0\t1000\nGid:\t0\t0\t0\t100\nGroups:\t20 30 \n\
        NSpid:\t4711\t12\t3\nCapEff:\t0000000000000000\n";

    fn dir(mode: u32, uid: u32, gid: u32) -> Guarded {
        Guarded { mode, uid, gid }
    }

    #[test]
    fn the_identity_for_files_counts() {
        let who = Credentials::parse(STATUS, true).unwrap();
        assert_eq!(
            (who.uid, who.gid, who.groups.as_slice()),
            (1000, 100, &[20, 30][..])
        );
        for (dir, may) in [
            (dir(0o700, 1000, 0), true),
            (dir(0o077, 1000, 100), false),
            (dir(0o700, 0, 0), false),
            (dir(0o750, 0, 30), true),
            (dir(0o750, 0, 40), false),
            (dir(0o705, 0, 100), false),
        ] {
            assert_eq!(who.may_pass(&dir), may, "{dir:?}");
        }
    }

    #[test]
    fn capabilities_count_in_our_namespace_only() {
        let status = STATUS.replace("CapEff:\t0000000000000000", "CapEff:\t0000000000000004");
        let closed = dir(0o700, 0, 0);
        assert!(Credentials::parse(&status, true).unwrap().may_pass(&closed));
        assert!(
            !Credentials::parse(&status, false)
                .unwrap()
                .may_pass(&closed)
        );
    }

    #[test]
    fn owners_give_files_to_their_groups_and_root_to_anybody() {
        let who = Credentials::parse(STATUS, true).unwrap();
        assert!(who.owns(1000) && !who.owns(0));
        assert!(who.may_give(1000, None, Some(20)) && who.may_give(1000, Some(1000), None));
        assert!(!who.may_give(1000, Some(0), None) && !who.may_give(0, None, Some(20)));
        assert!(who.may_give(0, None, None));
        let root = STATUS.replace("CapEff:\t0000000000000000", "CapEff:\t0000000000000001");
        assert!(
            Credentials::parse(&root, true)
                .unwrap()
                .may_give(0, Some(7), Some(7))
        );
    }

    #[test]
    fn a_thread_has_its_innermost_number() {
        assert_eq!(own_number(STATUS), Some(3));
        assert_eq!(own_number("Name:\tx\n"), None);
    }
}
