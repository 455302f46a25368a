//! What every path call has at hand: the layer that answers, the call, and the program that made it.

use core::cell::OnceCell;
use std::{os::fd::OwnedFd, path::PathBuf, sync::Arc};

use rustix::io::Errno;

use super::process::Process;
use crate::{
    attributes::{AttributeTree, Attributes},
    class::ClassDir,
    outcome::{Call, Reply},
    path::{
        Base, Dir, Identity, Location, Place, Resolution, Resolver, Target, View, Want,
        machine::{self, Machine},
        owned::chip_of_node,
    },
    procdir::ProcDirs,
    shadow::Shadow,
    sys::{
        ptrace::again::{self, Again, Instead},
        seccomp::{Listener, Wait},
    },
    tree::Mounted,
};

/// Longest path with its NUL. KERNEL: include/uapi/linux/limits.h PATH_MAX
const PATH_MAX: usize = 4096;

/// Opens chips and recognises our open files.
pub trait Opener: Send + Sync {
    /// Opens the chip `id`, or the one that had this id and that somebody has open still; the
    /// descriptor returned goes to the program. The path layer sees to
    /// `O_NONBLOCK` and `O_CLOEXEC` of `flags`, which are those of `open`.
    ///
    /// # Errors
    ///
    /// `ENXIO` or `ENODEV` if there is no such chip any more, and what making descriptors reports.
    fn open_chip(&self, id: u32, flags: u32) -> Result<OwnedFd, Errno>;

    /// Brings what is open up to date, since it is about to be looked at: what was closed for good is let go.
    fn settle(&self) {}

    /// Which file of ours a link of `/proc/PID/fd` names, such as `socket:[17]`.
    fn identify(&self, link: &[u8]) -> Option<Identity>;

    /// What `/proc/PID/fdinfo/N` says of a file of ours, whose link is `link`, where the kernel says `text`.
    fn fdinfo(&self, link: &[u8], text: &str) -> Option<String> {
        let _ = (link, text);
        None
    }
}

/// Carries out a call with another file than its path says, in the thread that waits in it.
///
/// No other thread has the caller's rights, root, mounts and umask; and no value can answer `chdir` into a directory that
/// the kernel does not find at that path. So this needs another way into the program.
pub(super) trait Mover {
    /// Moves the caller of `call` to `dir`.
    fn enter(&self, call: &Call, dir: OwnedFd) -> Reply;

    /// Whether this kernel lets a caller make its call with other arguments.
    fn can_repeat(&self) -> bool;

    /// Has the caller of `call` make it with other arguments.
    fn again(&self, call: &Call, instead: Vec<(usize, Instead)>) -> Reply;
}

/// Threads of the fuzzed process itself are moved nowhere.
#[cfg(fuzzing)]
impl Mover for Listener {
    fn enter(&self, _: &Call, _: OwnedFd) -> Reply {
        crate::fuzz::elsewhere();
        Reply::Answered
    }

    fn can_repeat(&self) -> bool {
        true
    }

    fn again(&self, _: &Call, _: Vec<(usize, Instead)>) -> Reply {
        crate::fuzz::elsewhere();
        Reply::Answered
    }
}

#[cfg(not(fuzzing))]
impl Mover for Listener {
    fn enter(&self, call: &Call, dir: OwnedFd) -> Reply {
        match again::enter(self, call, dir) {
            Ok(()) => Reply::Answered,
            Err(errno) => {
                // DIFFERS: before Linux 5.19 no thread can be moved there.
                tracing::warn!(%errno, "cannot move a program to a virtual directory");
                Reply::Fail(Errno::NOENT)
            }
        }
    }

    fn can_repeat(&self) -> bool {
        self.wait() == Wait::Killable
    }

    fn again(&self, call: &Call, instead: Vec<(usize, Instead)>) -> Reply {
        let again = Again {
            call: *call,
            instead,
        };
        match again::make(self, again) {
            Ok(()) => Reply::Answered,
            Err(errno) => {
                // DIFFERS: before Linux 5.19 a thread cannot go from the board to the machine.
                tracing::warn!(%errno, "cannot have a program make its call again");
                Reply::Fail(Errno::ACCESS)
            }
        }
    }
}

/// What answers path calls.
pub struct PathLayer {
    pub(super) shadow: Arc<Shadow>,
    pub(super) dirs: Arc<ProcDirs>,
    pub(super) opener: Arc<dyn Opener>,
    pub(super) tree: Option<Arc<Mounted>>,
    pub(super) class: Option<Arc<ClassDir>>,
    /// The files that show and take texts.
    pub(super) attributes: Attributes,
    /// What `uname` says, if not the truth.
    pub(super) release: Option<String>,
    /// Prefix of the host's files: empty but in tests.
    pub(super) host: Vec<u8>,
}

impl core::fmt::Debug for PathLayer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PathLayer")
            .field("shadow", &self.shadow)
            .finish_non_exhaustive()
    }
}

impl PathLayer {
    /// A layer over the shadow tree.
    #[must_use]
    pub fn new(shadow: Arc<Shadow>, dirs: Arc<ProcDirs>, opener: Arc<dyn Opener>) -> Self {
        machine::learn();
        Self {
            shadow,
            dirs,
            opener,
            tree: None,
            class: None,
            attributes: Attributes::default(),
            release: None,
            host: Vec::new(),
        }
    }

    /// Shows the gpio-sim control tree.
    #[must_use]
    pub fn with_tree(mut self, tree: Arc<Mounted>) -> Self {
        self.attributes.add(Arc::clone(&tree) as _);
        self.tree = Some(tree);
        self
    }

    /// Shows the legacy class.
    #[must_use]
    pub(crate) fn with_class(mut self, class: Arc<ClassDir>) -> Self {
        self.attributes.add(Arc::clone(&class) as _);
        self.class = Some(class);
        self
    }

    /// Shows more attributes.
    #[must_use]
    pub(crate) fn with_attributes(mut self, tree: Arc<dyn AttributeTree>) -> Self {
        self.attributes.add(tree);
        self
    }

    /// Sets the kernel release that `uname` tells.
    #[must_use]
    pub fn with_release(self, release: String) -> Self {
        Self {
            release: Some(release),
            ..self
        }
    }
}

/// One call being answered.
pub(crate) struct Context<'a> {
    pub(super) layer: &'a PathLayer,
    pub(super) call: &'a Call,
    pub(super) process: &'a dyn Process,
    pub(super) mover: &'a dyn Mover,
    pub(super) view: OnceCell<View>,
    pub(super) settled: OnceCell<Result<(), Errno>>,
}

/// A path argument: where it begins and its bytes, never empty.
pub(super) struct PathArg {
    pub(super) base: Base,
    pub(super) path: Vec<u8>,
}

impl Context<'_> {
    /// The path at address argument `arg`, relative to the directory descriptor `dirfd`.
    ///
    /// `None` if it cannot be read or is empty, or its directory is none: the kernel's error then.
    pub(super) fn path(&self, dirfd: i32, arg: usize) -> Option<PathArg> {
        let path = self.process.read_path(self.call.args[arg], PATH_MAX).ok()?;
        let base = match path.first()? {
            b'/' => Base::Host(Dir::root()),
            _ => self.base(dirfd)?,
        };
        Some(PathArg { base, path })
    }

    /// Whether the string at address argument `arg` is empty, or absent where that means the same.
    pub(super) fn is_empty(&self, arg: usize) -> bool {
        let addr = self.call.args[arg];
        // KERNEL: fs/namei.c getname_maybe_null (6.11): with AT_EMPTY_PATH, NULL is the empty path
        addr == 0
            || self
                .process
                .read_path(addr, 1)
                .is_ok_and(|path| path.is_empty())
    }

    /// Where the caller's names begin.
    pub(super) fn view(&self) -> &View {
        self.view.get_or_init(|| {
            let own = View {
                prefix: self.layer.host.clone(),
                root: Vec::new(),
                tid: self.call.tid.as_raw_nonzero().get().cast_unsigned(),
            };
            self.process.view().unwrap_or(own)
        })
    }

    /// The directory that paths relative to `dirfd` begin at; `None` if the kernel alone can say.
    pub(super) fn base(&self, dirfd: i32) -> Option<Base> {
        let link = self.process.link(dirfd).ok();
        let link = link.filter(|link| link.starts_with(b"/"))?;
        let Some(path) = self.layer.shadow.inside(&link) else {
            return Some(Base::Host(Dir {
                path: self.view().inside_root(&link),
                place: self.process.place(dirfd),
            }));
        };
        Some(if path.ends_with(b" (deleted)") {
            Base::Gone
        } else {
            Base::Board(path)
        })
    }

    /// Resolves a path. The machine's files are looked at, which may take as long as they like.
    ///
    /// A path of a call that waits no more is called native: it is let through, which then has no effect.
    pub(super) fn resolve(&self, arg: &PathArg, want: Want) -> Resolution {
        self.resolver(&|link| self.layer.opener.identify(link), |resolver| {
            if resolver.is_native(&arg.base, &arg.path, want) || self.settle().is_err() {
                Resolution::Native
            } else {
                resolver.resolve(&arg.base, &arg.path, want)
            }
        })
    }

    /// Confirms what was found of the caller up to now, and sees to it that what is looked at from now on is up to
    /// date. Most path calls turn out to be the kernel's and need neither.
    pub(super) fn settle(&self) -> Result<(), Errno> {
        *self.settled.get_or_init(|| {
            self.process.confirm()?;
            self.layer.opener.settle();
            self.layer.dirs.images().tidy();
            Ok(())
        })
    }

    pub(super) fn resolver<T>(
        &self,
        identify: &dyn Fn(&[u8]) -> Option<Identity>,
        work: impl FnOnce(&Resolver<'_>) -> T,
    ) -> T {
        work(&Resolver::new(&self.layer.shadow, self.view(), identify))
    }

    /// Where a canonical path of the caller lies for us.
    pub(super) fn host_path(&self, path: &[u8]) -> PathBuf {
        Machine::new(&self.view().prefix).place(path)
    }

    /// What an open descriptor is, if it is ours: by itself, or as a file of the shadow tree.
    pub(super) fn descriptor(&self, fd: i32) -> Option<Target> {
        let link = self.process.link(fd).ok()?;
        if let Some(identity) = self.layer.opener.identify(&link) {
            self.settle().ok()?;
            return Some(Target::Descriptor(identity));
        }
        let path = self.layer.shadow.inside(&link)?;
        self.settle().ok()?;
        if let Some(path) = path.strip_suffix(b" (deleted)") {
            return chip_of_node(path).map(|id| Target::Descriptor(Identity::Node(id)));
        }
        // INVARIANT: the mode is only read of a location that a walk has found.
        Some(Target::At(Location {
            path,
            place: Place::Board,
            mode: 0,
            is_magic: false,
            number: None,
        }))
    }

    /// Copies an answer out and returns `value`.
    pub(super) fn give(&self, addr: u64, bytes: &[u8], value: i64) -> Result<Reply, Errno> {
        self.process.write(addr, bytes)?;
        Ok(Reply::Return(value))
    }
}
