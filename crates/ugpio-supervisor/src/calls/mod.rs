//! The calls that name a path, answered; one file a call family.
//!
//! [`PathLayer::handle`] is what the dispatcher calls with a trapped call. It reads the path,
//! resolves it with [`crate::path`], and either lets the call through or answers it from the shadow
//! tree. Opening a chip's node is left to the [`Opener`], which also knows our open files again.
//! A call whose arguments cannot be read is let through: the kernel then gives the error, and the
//! right one. No lock is held while the program's memory is copied.

mod access;
pub(crate) mod attr;
mod chdir;
mod getcwd;
mod inotify;
mod layout;
mod make;
mod open;
mod openat2;
mod owner;
pub(crate) mod proc;
mod process;
mod read;
mod readlink;
mod remove;
mod stat;
mod statfs;
mod statx;
mod uname;
mod write;
mod xattr;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::{
    os::fd::{AsFd as _, OwnedFd},
    path::PathBuf,
    sync::Arc,
};

use rustix::io::Errno;

use self::process::{Process, Remote};
use crate::{
    arch::Sys,
    class::ClassDir,
    outcome::{Call, Reply},
    path::{Base, Identity, Location, Place, Resolution, Resolver, Target, Want},
    procdir::ProcDirs,
    shadow::Shadow,
    sys::{ptrace, seccomp::Listener},
    tree::Mounted,
};

/// Longest path with its NUL. KERNEL: include/uapi/linux/limits.h PATH_MAX
const PATH_MAX: usize = 4096;

/// Opens chips and recognises our open files.
pub trait Opener: Send + Sync {
    /// Opens the chip `id`; the descriptor returned goes to the program. The path layer sees to
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
/// No value can answer `chdir` into a directory that the kernel does not find at that path, nor
/// `inotify_add_watch`, so this needs another way into the program.
trait Mover {
    /// Moves the caller of `call` to `dir`.
    fn enter(&self, call: &Call, dir: OwnedFd) -> Reply;

    /// Has the caller of `call` watch the machine's file at `path`.
    fn watch(&self, call: &Call, path: &[u8]) -> Reply;
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

    fn watch(&self, call: &Call, path: &[u8]) -> Reply {
        match ptrace::watch(self, call, path) {
            Ok(()) => Reply::Answered,
            Err(errno) => {
                // DIFFERS: a thread under a debugger cannot be made to watch.
                tracing::warn!(%errno, "cannot have a program watch a virtual file");
                Reply::Fail(Errno::NOENT)
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
        self.answer(
            call,
            &Remote {
                tid: call.tid,
                dirs: &self.dirs,
            },
            listener,
        )
    }

    fn answer(&self, call: &Call, process: &dyn Process, mover: &dyn Mover) -> Reply {
        let context = Context {
            layer: self,
            call,
            process,
            mover,
        };
        dispatch(&context).unwrap_or_else(Reply::Fail)
    }

    fn host_path(&self, path: &[u8]) -> PathBuf {
        use std::os::unix::ffi::OsStringExt as _;
        PathBuf::from(std::ffi::OsString::from_vec([&self.host, path].concat()))
    }
}

/// The handlers by call.
fn dispatch(context: &Context<'_>) -> Result<Reply, Errno> {
    let Some(sys) = context.call.sys else {
        return Ok(Reply::Continue);
    };
    match sys {
        Sys::Open => open::open(context),
        Sys::Creat => open::creat(context),
        Sys::Openat => open::openat(context),
        Sys::Openat2 => openat2::openat2(context),
        Sys::Stat => stat::stat(context),
        Sys::Lstat => stat::lstat(context),
        Sys::Fstat => stat::fstat(context),
        Sys::Newfstatat => stat::newfstatat(context),
        Sys::Statx => statx::statx(context),
        Sys::Access => access::access(context),
        Sys::Faccessat => access::faccessat(context),
        Sys::Faccessat2 => access::faccessat2(context),
        Sys::Readlink => readlink::readlink(context),
        Sys::Readlinkat => readlink::readlinkat(context),
        Sys::Chdir => chdir::chdir(context),
        Sys::Getcwd => getcwd::getcwd(context),
        Sys::Getxattr => xattr::getxattr(context, true),
        Sys::Lgetxattr => xattr::getxattr(context, false),
        Sys::Listxattr => xattr::listxattr(context, true),
        Sys::Llistxattr => xattr::listxattr(context, false),
        _ => dispatch_tree(context, sys),
    }
}

/// The calls that the gpio-sim control tree needs.
fn dispatch_tree(context: &Context<'_>, sys: Sys) -> Result<Reply, Errno> {
    match sys {
        Sys::Read | Sys::Readv | Sys::Pread64 => read::read(context),
        Sys::Lseek => read::lseek(context),
        Sys::Write | Sys::Pwrite64 => write::write(context),
        Sys::Writev | Sys::Pwritev | Sys::Pwritev2 => write::writev(context),
        Sys::Sendfile | Sys::Splice | Sys::CopyFileRange => write::splice(context),
        Sys::Mkdir => make::mkdir(context),
        Sys::Mkdirat => make::mkdirat(context),
        Sys::Symlink => make::symlink(context),
        Sys::Symlinkat => make::symlinkat(context),
        Sys::Link | Sys::Rename => make::two_paths(context),
        Sys::Linkat | Sys::Renameat | Sys::Renameat2 => make::two_paths_at(context),
        Sys::Rmdir => remove::rmdir(context),
        Sys::Unlink => remove::unlink(context),
        Sys::Unlinkat => remove::unlinkat(context),
        Sys::Chmod | Sys::Chown => owner::follow(context),
        Sys::Lchown => owner::stay(context),
        Sys::Fchmodat => owner::at(context, false),
        Sys::Fchmodat2 | Sys::Utimensat => owner::at(context, true),
        Sys::Statfs => statfs::statfs(context),
        Sys::Fstatfs => statfs::fstatfs(context),
        Sys::InotifyAddWatch => inotify::add_watch(context),
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

    /// The directory that paths relative to `dirfd` begin at.
    fn base(&self, dirfd: i32) -> Option<Base> {
        let link = match dirfd {
            libc::AT_FDCWD => self.process.cwd(),
            fd => self.process.fd_link(fd),
        };
        let link = link.ok().filter(|link| link.starts_with(b"/"))?;
        let Some(inside) = self.layer.shadow.inside(&link) else {
            return Some(Base::Host(link));
        };
        Some(
            match (inside.path.strip_suffix(b" (deleted)"), inside.snapshot) {
                (None, _) => Base::Board(inside.path),
                (Some(path), true) => Base::Board(path.to_vec()),
                (Some(_), false) => Base::Gone,
            },
        )
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
        let tid = self.call.tid.as_raw_nonzero().get().cast_unsigned();
        work(&Resolver::new(
            &self.layer.shadow,
            &self.layer.host,
            tid,
            identify,
        ))
    }

    /// What the path at address argument `arg` names; `None` if the kernel's answer is right.
    fn target(&self, dirfd: i32, arg: usize, follow: bool) -> Result<Option<Target>, Errno> {
        let Some(path) = self.path(dirfd, arg) else {
            return Ok(None);
        };
        self.resolve(
            &path,
            Want {
                follow,
                ..Want::default()
            },
        )
        .answer()
        .transpose()
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
        let inside = self.layer.shadow.inside(&link)?;
        let (path, place) = match (inside.snapshot, inside.path.strip_suffix(b" (deleted)")) {
            (true, path) => (path.unwrap_or(&inside.path).to_vec(), Place::Host),
            (false, None) => (inside.path, Place::Board),
            (false, Some(_)) => return None,
        };
        // INVARIANT: nobody asks the mode of a location that no walk has found.
        Some(Target::At(Location {
            path,
            place,
            mode: 0,
            is_magic: false,
        }))
    }

    /// Copies an answer out and returns `value`.
    fn give(&self, addr: u64, bytes: &[u8], value: i64) -> Result<Reply, Errno> {
        self.process.write(addr, bytes)?;
        Ok(Reply::Return(value))
    }
}
