//! The calls that name a path, answered; one file a call family.
//!
//! [`PathLayer::handle`] is what the dispatcher calls with a trapped call. [`table`] has a row for each
//! call that takes a path; [`route`] reads the paths, resolves them with [`crate::path`], and lets the
//! call through, has its own thread make it with other paths, or asks the handler of the row. Opening a chip's node is left to the [`Opener`], which also knows our open files again.
//! A call whose arguments cannot be read is let through: the kernel then gives the error, and the
//! right one. No lock is held while the program's memory is copied.

mod access;
pub(crate) mod attr;
mod attribute;
mod chdir;
mod credentials;
mod exec;
mod getcwd;
mod getdents;
mod handle;
mod inotify;
mod layout;
mod make;
mod mounts;
mod open;
mod openat2;
mod owner;
pub(crate) mod proc;
mod process;
mod read;
mod readlink;
mod remove;
mod route;
mod socket;
mod stat;
mod statfs;
mod statx;
pub(crate) mod table;
mod uname;
mod write;
mod xattr;

#[cfg(fuzzing)]
pub use self::proc::check_merging;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use core::cell::OnceCell;
use std::{
    os::fd::{AsFd as _, OwnedFd},
    path::PathBuf,
    sync::Arc,
};

use rustix::io::Errno;

use self::process::Process;
use crate::{
    arch::Sys,
    class::ClassDir,
    outcome::{Call, Reply},
    path::{
        Base, Identity, Location, Place, Resolution, Resolver, Target, View, Want,
        machine::Machine, owned::chip_of_node,
    },
    procdir::ProcDirs,
    shadow::Shadow,
    sys::{
        ptrace::{
            self,
            again::{self, Again, Instead},
        },
        seccomp::{Listener, Wait},
    },
    thread::Thread,
    tree::Mounted,
    uevent::Uevents,
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
/// Nobody else has the caller's rights, root, mounts and umask; and no value can answer `chdir` into a directory that
/// the kernel does not find at that path. So this needs another way into the program.
trait Mover {
    /// Moves the caller of `call` to `dir`.
    fn enter(&self, call: &Call, dir: OwnedFd) -> Reply;

    /// Whether this kernel lets a caller make its call with other arguments.
    fn can_repeat(&self) -> bool;

    /// Has the caller of `call` make it with other arguments.
    fn again(&self, call: &Call, instead: Vec<(usize, Instead)>) -> Reply;
}

impl Mover for Listener {
    fn enter(&self, call: &Call, dir: OwnedFd) -> Reply {
        match ptrace::change_directory(self, call.id, call.tid, dir.as_fd()) {
            Ok(()) => Reply::Answered,
            Err(errno) => {
                // DIFFERS: a thread under a debugger cannot be moved there.
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
    shadow: Arc<Shadow>,
    dirs: Arc<ProcDirs>,
    opener: Arc<dyn Opener>,
    tree: Option<Arc<Mounted>>,
    class: Option<Arc<ClassDir>>,
    uevents: Option<Arc<Uevents>>,
    /// What `uname` says, if not the truth.
    release: Option<String>,
    /// Prefix of the host's files: empty but in tests.
    host: Vec<u8>,
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
        Self {
            shadow,
            dirs,
            opener,
            tree: None,
            class: None,
            uevents: None,
            release: None,
            host: Vec::new(),
        }
    }

    /// Shows the gpio-sim control tree.
    #[must_use]
    pub fn with_tree(self, tree: Arc<Mounted>) -> Self {
        Self {
            tree: Some(tree),
            ..self
        }
    }

    /// Shows the legacy class.
    #[must_use]
    pub(crate) fn with_class(self, class: Arc<ClassDir>) -> Self {
        Self {
            class: Some(class),
            ..self
        }
    }

    /// Tells of devices whose `uevent` files are stored to.
    #[must_use]
    pub(crate) fn with_uevents(self, uevents: Arc<Uevents>) -> Self {
        Self {
            uevents: Some(uevents),
            ..self
        }
    }

    /// Sets the kernel release that `uname` tells.
    #[must_use]
    pub fn with_release(self, release: String) -> Self {
        Self {
            release: Some(release),
            ..self
        }
    }

    /// Answers a call that came from `listener`, or says that it is the kernel's. A call that names
    /// no path is the kernel's.
    #[must_use]
    pub fn handle(&self, call: &Call, listener: &Listener) -> Reply {
        self.answer(call, &Thread::new(listener, &self.dirs, call), listener)
    }

    fn answer(&self, call: &Call, process: &dyn Process, mover: &dyn Mover) -> Reply {
        let context = Context {
            layer: self,
            call,
            process,
            mover,
            view: OnceCell::new(),
        };
        dispatch(&context).unwrap_or_else(Reply::Fail)
    }
}

/// The calls of the table, and those on descriptors of files that are not native.
fn dispatch(context: &Context<'_>) -> Result<Reply, Errno> {
    let Some(sys) = context.call.sys else {
        return Ok(Reply::Continue);
    };
    // KERNEL: net/socket.c sockfd_lookup_light (v6.12); a `value` that can be polled is a socket underneath
    if sys.is_of_sockets() && read::is_value(context) {
        return Err(Errno::NOTSOCK);
    }
    if let Some(row) = table::find(sys) {
        return route::route(context, row);
    }
    match sys {
        Sys::Read | Sys::Readv | Sys::Pread64 => read::read(context),
        Sys::Lseek => read::lseek(context),
        Sys::Write | Sys::Pwrite64 => write::write(context),
        Sys::Writev | Sys::Pwritev | Sys::Pwritev2 => write::writev(context),
        Sys::Sendfile | Sys::Splice | Sys::CopyFileRange => write::splice(context),
        Sys::Fsync | Sys::Fdatasync => attribute::sync(context),
        Sys::Ftruncate => attribute::truncate(context),
        Sys::Fallocate => attribute::allocate(context),
        Sys::Mmap => attribute::map(context),
        Sys::Uname => uname::uname(context),
        _ => Ok(Reply::Continue),
    }
}

/// One call being answered.
struct Context<'a> {
    layer: &'a PathLayer,
    call: &'a Call,
    process: &'a dyn Process,
    mover: &'a dyn Mover,
    view: OnceCell<View>,
}

/// A path argument: where it begins and its bytes, never empty.
struct PathArg {
    base: Base,
    path: Vec<u8>,
}

impl Context<'_> {
    /// The path at address argument `arg`, relative to the directory descriptor `dirfd`.
    ///
    /// `None` if it cannot be read or is empty, or its directory is none: the kernel's error then.
    fn path(&self, dirfd: i32, arg: usize) -> Option<PathArg> {
        let path = self.process.read_cstr(self.call.args[arg], PATH_MAX).ok()?;
        let base = match path.first()? {
            b'/' => Base::Host(b"/".to_vec()),
            _ => self.base(dirfd)?,
        };
        Some(PathArg { base, path })
    }

    /// Whether the string at address argument `arg` is empty, or absent where that means the same.
    fn is_empty(&self, arg: usize) -> bool {
        let addr = self.call.args[arg];
        // KERNEL: fs/namei.c getname_maybe_null (6.11): with AT_EMPTY_PATH, NULL is the empty path
        addr == 0
            || self
                .process
                .read_cstr(addr, 1)
                .is_ok_and(|path| path.is_empty())
    }

    /// Where the caller's names begin.
    fn view(&self) -> &View {
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
    fn base(&self, dirfd: i32) -> Option<Base> {
        let link = match dirfd {
            libc::AT_FDCWD => self.process.cwd(),
            fd => self.process.fd_link(fd),
        };
        let link = link.ok().filter(|link| link.starts_with(b"/"))?;
        let Some(path) = self.layer.shadow.inside(&link) else {
            return self.view().inside_root(&link).map(Base::Host);
        };
        Some(if path.ends_with(b" (deleted)") {
            Base::Gone
        } else {
            Base::Board(path)
        })
    }

    /// Resolves a path. The machine's files are looked at, which may take as long as they like.
    fn resolve(&self, arg: &PathArg, want: Want) -> Resolution {
        self.resolver(&|link| self.layer.opener.identify(link), |resolver| {
            resolver.resolve(&arg.base, &arg.path, want)
        })
    }

    fn resolver<T>(
        &self,
        identify: &dyn Fn(&[u8]) -> Option<Identity>,
        work: impl FnOnce(&Resolver<'_>) -> T,
    ) -> T {
        work(&Resolver::new(&self.layer.shadow, self.view(), identify))
    }

    /// Where a canonical path of the caller lies for us.
    fn host_path(&self, path: &[u8]) -> PathBuf {
        Machine::new(&self.view().prefix).place(path)
    }

    /// What an open descriptor is, if it is ours: by itself, or as a file of the shadow tree.
    fn descriptor(&self, fd: i32) -> Option<Target> {
        let link = match fd {
            libc::AT_FDCWD => self.process.cwd(),
            fd => self.process.fd_link(fd),
        };
        let link = link.ok()?;
        if let Some(identity) = self.layer.opener.identify(&link) {
            return Some(Target::Descriptor(identity));
        }
        let path = self.layer.shadow.inside(&link)?;
        if let Some(path) = path.strip_suffix(b" (deleted)") {
            return chip_of_node(path).map(|id| Target::Descriptor(Identity::Node(id)));
        }
        // INVARIANT: nobody asks the mode of a location that no walk has found.
        Some(Target::At(Location {
            path,
            place: Place::Board,
            mode: 0,
            is_magic: false,
            number: None,
        }))
    }

    /// Copies an answer out and returns `value`.
    fn give(&self, addr: u64, bytes: &[u8], value: i64) -> Result<Reply, Errno> {
        self.process.write(addr, bytes)?;
        Ok(Reply::Return(value))
    }
}
