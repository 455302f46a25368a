//! Path resolution: whether a path of a program is the host's or the board's, and which file it is.
//!
//! The board's files lie in the shadow tree, the host's where they always were, and a program sees
//! both as one name space. [`Resolver::resolve`] says for a path either *native*, so the kernel's
//! own answer is right and the call is let through, or what the path names. Most paths are settled
//! by one `readlink` of the host's file ([`Resolver::may_be_virtual`]); the rest are walked
//! component by component ([`walk`]) as the kernel would, following links from one world to the
//! other. The handlers in [`crate::calls`] call it.

pub(crate) mod machine;
mod walk;

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf, sync::Arc};

use rustix::io::Errno;

use self::machine::Machine;
pub(crate) use crate::names::{lexical, owned};
use crate::shadow::Shadow;

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
    /// No open file: a node `/dev/gpiochipN` that went with its chip and of which `O_PATH` has kept the name.
    Node(u32),
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
    /// The number of a node of the machine, if it is one of the chips' numbers.
    pub(crate) number: Option<(u32, u32)>,
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
        /// The directories of the machine on the way that not everybody may pass.
        guarded: Vec<Guarded>,
        /// For a path that led through the board: one of the machine that the kernel can go on with.
        exit: Option<Vec<u8>>,
    },
}

impl Resolution {
    /// There is nothing.
    fn nothing() -> Self {
        Self::Walked {
            is_native: false,
            target: Err(Errno::NOENT),
            guarded: Vec::new(),
            exit: None,
        }
    }
}

#[cfg(test)]
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

/// A directory that not everybody may pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Guarded {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Where relative paths begin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Base {
    /// A directory of the host: relative paths may be let through.
    Host(Dir),
    /// A directory of the shadow tree.
    Board(Vec<u8>),
    /// A directory of the shadow tree that has been removed: nothing is in it.
    Gone,
}

/// A directory of the host that a caller holds.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Dir {
    /// Its path for the caller; `None` if it has none below the caller's root.
    pub(crate) path: Option<Vec<u8>>,
    /// Where we find the directory itself, whatever has its path now; `None` if that is not known.
    pub(crate) place: Option<Vec<u8>>,
}

impl Dir {
    /// The root.
    pub(crate) fn root() -> Self {
        Self::named(b"/".to_vec())
    }

    /// The directory that has this path.
    pub(crate) fn named(path: Vec<u8>) -> Self {
        Self {
            path: Some(path),
            place: None,
        }
    }
}

/// How a path is to be resolved.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Want {
    /// Follow a link in the last place.
    pub(crate) follow: bool,
    /// Refuse every link on the way (`RESOLVE_NO_SYMLINKS`).
    pub(crate) no_links: bool,
}

/// Where a caller's names begin.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct View {
    /// Prefix of the machine's files as the supervisor finds them: empty for its own root, `/proc/TID/root` for a
    /// caller with another root or other mounts.
    pub(crate) prefix: Vec<u8>,
    /// The text that links of `/proc` have for the root: empty for our own.
    pub(crate) root: Vec<u8>,
    /// The number that the calling thread has in its own `/proc`.
    pub(crate) tid: u32,
}

impl View {
    /// What the text of a link of `/proc` is below the caller's root; `None` if it lies outside, or is no path.
    pub(crate) fn inside_root(&self, text: &[u8]) -> Option<Vec<u8>> {
        match text.strip_prefix(self.root.as_slice())? {
            [] => Some(b"/".to_vec()),
            inside @ [b'/', ..] => Some(inside.to_vec()),
            _ => None,
        }
    }
}

/// Resolves the paths of one call.
pub(crate) struct Resolver<'a> {
    shadow: &'a Shadow,
    owned: Arc<owned::Owned>,
    view: &'a View,
    identify: &'a dyn Fn(&[u8]) -> Option<Identity>,
}

impl<'a> Resolver<'a> {
    /// For a call with this view. `identify` tells our open files from the text of a link.
    pub(crate) fn new(
        shadow: &'a Shadow,
        view: &'a View,
        identify: &'a dyn Fn(&[u8]) -> Option<Identity>,
    ) -> Self {
        Self {
            shadow,
            owned: shadow.owned(),
            view,
            identify,
        }
    }

    /// Whether the kernel is known to find by itself what `path` names, seen from `base`. The path is not empty. If it
    /// is not known, [`resolve`](Self::resolve) tells.
    pub(crate) fn is_native(&self, base: &Base, path: &[u8], want: Want) -> bool {
        let text = match base {
            _ if path.starts_with(b"/") => return !self.may_be_virtual(path, path, want),
            Base::Host(Dir {
                path: Some(dir), ..
            }) => lexical::join(dir, path),
            _ => return false,
        };
        match base {
            // Below our own root the kernel finds the same for us, so the directory itself is asked.
            Base::Host(Dir {
                place: Some(place), ..
            }) => {
                let seen = lexical::join(place, path);
                self.view.prefix.is_empty() && !self.may_be_virtual(&text, &seen, want)
            }
            _ => !self.may_be_virtual(&text, &text, want),
        }
    }

    /// What `path` names, seen from `base`. The path is not empty.
    pub(crate) fn resolve(&self, base: &Base, path: &[u8], want: Want) -> Resolution {
        if path.starts_with(b"/") {
            return self.resolve_from_host(path, path, want);
        }
        match base {
            Base::Host(dir) => self.resolve_from_dir(dir, path, want),
            Base::Board(dir) => walk::Walk::from_board(self, dir, path).run(want),
            Base::Gone => Resolution::nothing(),
        }
    }

    /// As [`resolve`](Self::resolve), component by component even where the kernel would find the same.
    pub(crate) fn walk(&self, base: &Base, path: &[u8], want: Want) -> Resolution {
        match base {
            Base::Host(Dir {
                path: Some(dir), ..
            }) if !path.starts_with(b"/") => {
                walk::Walk::from_host(self, &lexical::join(dir, path)).run(want)
            }
            Base::Board(dir) if !path.starts_with(b"/") => {
                walk::Walk::from_board(self, dir, path).run(want)
            }
            _ => walk::Walk::from_host(self, path).run(want),
        }
    }

    /// As [`resolve`](Self::resolve), from a directory of the host.
    fn resolve_from_dir(&self, dir: &Dir, path: &[u8], want: Want) -> Resolution {
        let text = dir.path.as_ref().map(|dir| lexical::join(dir, path));
        let Some(place) = &dir.place else {
            return text.map_or(Resolution::Native, |text| {
                self.resolve_from_host(&text, &text, want)
            });
        };
        let Some((text, dir)) = text.zip(dir.path.as_ref()) else {
            return self.look_elsewhere(place, path, want);
        };
        // Below our own root the kernel finds the same for us, so the directory itself is asked.
        let is_own = self.view.prefix.is_empty();
        let seen = is_own.then(|| lexical::join(place, path));
        if is_own && !self.may_be_virtual(&text, seen.as_deref().unwrap_or(&text), want) {
            return Resolution::Native;
        }
        if !self.machine().is_same(place, dir) {
            return self.look_elsewhere(place, path, want);
        }
        if is_own {
            return walk::Walk::from_host(self, &text).run(want);
        }
        self.resolve_from_host(&text, &text, want)
    }

    /// What a path names from a directory that its own path does not lead to: it is in a mount that was taken away or
    /// never put anywhere, in another mount namespace, or outside the caller's root. The board has no names there.
    fn look_elsewhere(&self, place: &[u8], path: &[u8], want: Want) -> Resolution {
        let path = lexical::join(place, path);
        let machine = Machine::new(b"");
        let Ok(found) = machine.look_through(&path, want.follow) else {
            return Resolution::Native;
        };
        if machine.is_chip(&found) {
            return Resolution::Walked {
                is_native: true,
                target: Ok(Target::At(Location {
                    path,
                    place: Place::Host,
                    mode: found.mode,
                    is_magic: true,
                    number: Some(found.number),
                })),
                guarded: Vec::new(),
                exit: None,
            };
        }
        if self.is_gpio_at(&found, &path, want.follow) {
            return Resolution::nothing();
        }
        Resolution::Native
    }

    /// Where the host's file of a virtual path lies.
    pub(crate) fn host_path(&self, path: &[u8]) -> PathBuf {
        PathBuf::from(OsString::from_vec([&self.view.prefix, path].concat()))
    }

    /// What an absolute path names. `seen` is where we find what the kernel finds by it.
    fn resolve_from_host(&self, path: &[u8], seen: &[u8], want: Want) -> Resolution {
        if self.may_be_virtual(path, seen, want) {
            walk::Walk::from_host(self, path).run(want)
        } else {
            Resolution::Native
        }
    }

    /// The quick test: `false` only if the kernel's answer for this absolute path is right.
    ///
    /// Costs one or two system calls for a path that does not look like ours: what it leads to decides, whatever
    /// links are on the way.
    fn may_be_virtual(&self, path: &[u8], seen: &[u8], want: Want) -> bool {
        // Every node, bus and class of ours has the letters, and so has the tree's directory. What
        // passes a descriptor's name must not be looked up by us: it would be our descriptor.
        if contains(path, b"gpio") || contains(path, b"/fd") || self.passes_owned(path) {
            return true;
        }
        let normal = lexical::normalize(path);
        if lexical::below(&normal, b"/proc").is_some() {
            return contains(path, b"/cwd")
                || contains(path, b"/root")
                || want.follow && may_be_amended(&normal);
        }
        let machine = self.machine();
        match machine.look_through(seen, want.follow) {
            Ok(found) => {
                machine.is_chip(&found)
                    || machine.may_be_gpio(&found) && !self.is_plain(seen, want.follow)
            }
            Err(Errno::NOENT | Errno::NOTDIR) => is_shared(&normal) || machine.passes_link(path),
            Err(_) => false,
        }
    }

    /// Whether a file that was found at a place of ours is the machine's GPIO, nodes aside.
    fn is_gpio_at(&self, found: &machine::Found, place: &[u8], follow: bool) -> bool {
        let machine = self.machine();
        machine.may_be_gpio(found) && machine.is_gpio_at(place, follow)
    }

    fn passes_owned(&self, path: &[u8]) -> bool {
        lexical::visits(path, |at| self.owned.may_contain(at))
    }

    /// Whether a path to a file of a file system in which GPIO may be leads to something else, by a name that it
    /// has without links.
    fn is_plain(&self, path: &[u8], follow: bool) -> bool {
        let Ok(real) = self.machine().real_path(path, follow) else {
            return false;
        };
        !contains(&real, b"gpio")
            && !self.owned.contains(&real)
            && (is_shared(&real) || lexical::below(&real, b"/proc").is_some())
    }

    /// The machine's files.
    pub(crate) fn machine(&self) -> Machine<'_> {
        Machine::new(&self.view.prefix)
    }
}

/// Whether a canonical path is where both worlds have names.
fn is_shared(path: &[u8]) -> bool {
    [&b"/dev"[..], b"/sys"]
        .iter()
        .any(|top| lexical::below(path, top).is_some())
}

impl core::fmt::Debug for Resolver<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Resolver")
            .field("view", &self.view)
            .finish_non_exhaustive()
    }
}

fn contains(path: &[u8], part: &[u8]) -> bool {
    path.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests;

/// Whether this may be a file of `/proc` to which the board has rows to add.
fn may_be_amended(path: &[u8]) -> bool {
    let ends = [
        &b"/mounts"[..],
        b"/mountinfo",
        b"/filesystems",
        b"/devices",
        b"/version",
        b"/osrelease",
    ];
    ends.iter().any(|end| path.ends_with(end))
}
