//! Path resolution: whether a path of a program is the host's or the board's, and which file it is.
//!
//! The board's files lie in the shadow tree, the host's where they always were, and a program sees
//! both as one name space. [`Resolver::resolve`] says for a path either *native*, so the kernel's
//! own answer is right and the call is let through, or what the path names. Most paths are settled
//! by one `readlink` of the host's file ([`Resolver::may_be_virtual`]); the rest are walked
//! component by component ([`walk`]) as the kernel would, following links from one world to the
//! other. The handlers in [`crate::calls`] call it.

pub(crate) mod lexical;
pub(crate) mod owned;
mod walk;

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf, sync::Arc};

use rustix::{
    fs::{Mode, OFlags, ResolveFlags},
    io::Errno,
};

use self::owned::Owned;
use crate::{calls::proc, shadow::Shadow};

/// What a descriptor of ours stands for, told from the text of its link in `/proc/PID/fd`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Identity {
    /// An open `/dev/gpiochipN`.
    Chip {
        /// The N.
        id: u32,
        /// Whether the chip has been removed since.
        is_gone: bool,
    },
    /// An anonymous file: `gpio-line`, `gpio-linehandle` or `gpio-event`.
    Anonymous(&'static str),
}

/// In which world a file was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// The machine's own file, at the same path.
    Host,
    /// A file of the shadow tree.
    Board,
}

/// A file that exists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Location {
    /// Its virtual path: absolute, without links on the way.
    pub(crate) path: Vec<u8>,
    /// Where it lies.
    pub(crate) place: Place,
    /// `st_mode`.
    pub(crate) mode: u32,
    /// Whether the last step is a link of `/proc` that only the kernel can follow.
    pub(crate) is_magic: bool,
}

/// What a path names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    /// A file.
    At(Location),
    /// One of our open files, named through `/proc/PID/fd/N`.
    Descriptor(Identity),
    /// Nothing, but the directory it would be in exists.
    Missing {
        /// Its virtual path.
        path: Vec<u8>,
        /// In whose directory it would be made.
        place: Place,
    },
}

/// The answer of [`Resolver::resolve`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Resolution {
    /// The kernel finds the same; nothing else was looked at.
    Native,
    /// The path was walked.
    Walked {
        /// Whether the kernel would find the same.
        is_native: bool,
        /// What is there, or what the call fails with.
        target: Result<Target, Errno>,
    },
}

impl Resolution {
    /// What to answer with; `None` if the kernel's own answer is right.
    pub(crate) fn answer(self) -> Option<Result<Target, Errno>> {
        match self {
            Self::Native
            | Self::Walked {
                is_native: true, ..
            } => None,
            Self::Walked { target, .. } => Some(target),
        }
    }
}

/// Where relative paths begin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Base {
    /// A directory of the host: relative paths may be let through.
    Host(Vec<u8>),
    /// A directory of the shadow tree, or a copy that stands for one of the host.
    Board(Vec<u8>),
    /// A directory of the shadow tree that has been removed: nothing is in it.
    Gone,
}

/// Whether a path is resolved to list a directory.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Listing {
    /// No.
    #[default]
    No,
    /// If it is one. Looked into only where the board has names too, since most such paths are files.
    Perhaps,
    /// Yes.
    Sure,
}

/// How a path is to be resolved.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Want {
    /// Follow a link in the last place.
    pub(crate) follow: bool,
    /// Whether a directory's names may be asked for, so that it must be found even on the host.
    pub(crate) listing: Listing,
    /// Refuse every link on the way (`RESOLVE_NO_SYMLINKS`).
    pub(crate) no_links: bool,
}

/// Resolves the paths of one call.
pub(crate) struct Resolver<'a> {
    shadow: &'a Shadow,
    owned: Arc<Owned>,
    /// Prefix of the host's files: empty but in tests.
    host: &'a [u8],
    tid: u32,
    identify: &'a dyn Fn(&[u8]) -> Option<Identity>,
}

impl<'a> Resolver<'a> {
    /// For a call of the thread `tid`. `identify` tells our open files from the text of a link.
    pub(crate) fn new(
        shadow: &'a Shadow,
        host: &'a [u8],
        tid: u32,
        identify: &'a dyn Fn(&[u8]) -> Option<Identity>,
    ) -> Self {
        Self {
            shadow,
            owned: shadow.owned(),
            host,
            tid,
            identify,
        }
    }

    /// What `path` names, seen from `base`. The path is not empty.
    pub(crate) fn resolve(&self, base: &Base, path: &[u8], want: Want) -> Resolution {
        if path.starts_with(b"/") {
            return self.resolve_from_host(path, want);
        }
        match base {
            Base::Host(dir) => self.resolve_from_host(&lexical::join(dir, path), want),
            Base::Board(dir) => walk::Walk::from_board(self, dir, path).run(want),
            Base::Gone => Resolution::Walked {
                is_native: false,
                target: Err(Errno::NOENT),
            },
        }
    }

    /// Where the host's file of a virtual path lies.
    pub(crate) fn host_path(&self, path: &[u8]) -> PathBuf {
        PathBuf::from(OsString::from_vec([self.host, path].concat()))
    }

    fn resolve_from_host(&self, path: &[u8], want: Want) -> Resolution {
        if self.may_be_virtual(path, want) {
            walk::Walk::from_host(self, path).run(want)
        } else {
            Resolution::Native
        }
    }

    /// The quick test: `false` only if the kernel's answer for this absolute path is right.
    ///
    /// Costs one or two system calls for a path that does not look like ours.
    fn may_be_virtual(&self, path: &[u8], want: Want) -> bool {
        // Every node, bus and class of ours has the letters, and so has the tree's directory. What
        // passes a descriptor's name must not be looked up by us: it would be our descriptor.
        if contains(path, b"gpio") || contains(path, b"/fd") || self.passes_owned(path) {
            return true;
        }
        let normal = lexical::normalize(path);
        if lexical::below(&normal, b"/proc").is_some() {
            return contains(path, b"/cwd")
                || contains(path, b"/root")
                || want.follow && proc::may_be(&normal);
        }
        let is_shared = [&b"/dev"[..], b"/sys"]
            .iter()
            .any(|top| lexical::below(&normal, top).is_some());
        match rustix::fs::readlink(self.host_path(path), Vec::new()) {
            Ok(_) => want.follow,
            Err(Errno::INVAL) => match want.listing {
                Listing::No => false,
                Listing::Perhaps => is_shared,
                Listing::Sure => true,
            },
            Err(Errno::NOENT | Errno::NOTDIR) => is_shared || self.passes_link(path),
            Err(_) => false,
        }
    }

    fn passes_owned(&self, path: &[u8]) -> bool {
        lexical::visits(path, |at| self.owned.contains(at))
    }

    /// Whether looking up a missing path on the host meets a symbolic link.
    fn passes_link(&self, path: &[u8]) -> bool {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let place = self.host_path(path);
        let links = ResolveFlags::NO_SYMLINKS;
        let found = rustix::fs::openat2(rustix::fs::CWD, place, flags, Mode::empty(), links);
        // A kernel or sandbox without openat2 leaves it to the walk.
        !matches!(found, Err(Errno::NOENT | Errno::NOTDIR))
    }
}

impl core::fmt::Debug for Resolver<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Resolver")
            .field("tid", &self.tid)
            .finish_non_exhaustive()
    }
}

fn contains(path: &[u8], part: &[u8]) -> bool {
    path.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests;
