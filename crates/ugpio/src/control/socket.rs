//! Where control sockets lie: making one for a run, and finding the one that is meant.
//!
//! A run listens on a path of its own in `$XDG_RUNTIME_DIR/ugpio`, or where that cannot be in
//! `/tmp/ugpio-UID`, or a directory like that elsewhere, or beside one that another user has made there. All of them
//! belong to the user alone; [`directories`] are those that a run may be in. [`bind`] makes the socket before anything is started, [`find`] is what
//! `ugpio ctl` does. The socket of a run that died is known by its refusing a connection, and removed.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, CWD, RenameFlags, access, renameat_with};
use thiserror::Error;

/// The variable that names a run's socket to PROGRAM and to everything it starts.
pub(crate) const ENV: &str = "UGPIO_SOCKET";

/// The longest path that a socket can have.
// KERNEL: <linux/un.h> UNIX_PATH_MAX, less the NUL
const MAX_PATH: usize = 107;

/// A socket could not be made or found.
#[derive(Debug, Error)]
pub(crate) enum SocketError {
    /// Another run listens there.
    #[error("control socket {}: taken, another run listens there", .0.display())]
    Taken(PathBuf),
    /// Something else lies there.
    #[error("control socket {}: taken by something that is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// The system said no.
    #[error("control socket {}: {}", .0.display(), crate::clean::reason(.1))]
    Io(PathBuf, io::Error),
    /// The directory is not safe to use.
    #[error("{}: not a directory of mode 0700 that belongs to uid {}", .0.display(), .1)]
    UnsafeDirectory(PathBuf, u32),
    /// Nothing to choose from.
    #[error(
        "no run of yours is going: start one with `ugpio run`, or name its socket with --socket PATH"
    )]
    NoRun,
    /// Too much to choose from.
    #[error("several runs are going: choose one with --socket PATH\n{}", lines(.0))]
    Several(Vec<Running>),
}

/// A run that is going.
#[derive(Debug)]
pub(crate) struct Running {
    /// Its socket.
    pub(crate) path: PathBuf,
    /// What it is, in words, if that was asked.
    pub(crate) what: Option<String>,
}

fn lines(runs: &[Running]) -> String {
    let line = |run: &Running| match &run.what {
        Some(what) => format!("  {}  {what}", run.path.display()),
        None => format!("  {}", run.path.display()),
    };
    runs.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A listening control socket; its path is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: UnixListener,
    path: PathBuf,
    inode: (u64, u64),
}

impl Bound {
    /// The path on which clients connect, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Another handle on the listener.
    ///
    /// # Errors
    /// Out of descriptors.
    pub(crate) fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }

    /// Stops listening in this process and leaves the socket to another process that holds it too.
    pub(crate) fn leave(mut self) {
        self.path = PathBuf::new();
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|m| (m.dev(), m.ino()) == self.inode);
        if ours {
            // It may have just gone, which is what we want.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the control socket of a run: on `path` if one is asked for, else in `directory`.
///
/// # Errors
/// The path is taken, or the directory cannot be used.
pub(crate) fn bind(path: Option<&Path>, directory: &Path) -> Result<Bound, SocketError> {
    match path {
        Some(path) => {
            let path = std::path::absolute(path).map_err(|e| SocketError::Io(path.into(), e))?;
            bind_at(&path)
        }
        None => bind_in(directory),
    }
}

fn bind_in(directory: &Path) -> Result<Bound, SocketError> {
    make_directory(directory)?;
    // What runs left that were killed to the last process goes with the next.
    running_in(directory);
    let pid = std::process::id();
    // A second name is needed where the number of a run that ended is taken while its daemons go on.
    for name in [format!("{pid}.sock"), format!("{pid}-2.sock")] {
        match bind_at(&directory.join(name)) {
            Err(SocketError::Taken(_)) => {}
            other => return other,
        }
    }
    bind_at(&directory.join(format!("{pid}-3.sock")))
}

/// A path for the socket of a run that this process starts, in a directory that is there.
///
/// # Errors
/// The directory cannot be used.
pub(crate) fn place() -> Result<PathBuf, SocketError> {
    let directory = directory();
    make_directory(&directory)?;
    Ok(directory.join(format!("{}.sock", std::process::id())))
}

/// Makes `directory`, and checks that no other user can use it.
fn make_directory(directory: &Path) -> Result<(), SocketError> {
    let fail = |e| SocketError::Io(directory.into(), e);
    match fs::DirBuilder::new().mode(0o700).create(directory) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(fail(e)),
        _ => {}
    }
    let is = fs::symlink_metadata(directory).map_err(fail)?;
    let uid = rustix::process::geteuid().as_raw();
    if is.is_dir() && is.uid() == uid && is.mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(SocketError::UnsafeDirectory(directory.into(), uid))
    }
}

/// Whether sockets can be made in `directory`, which is made if it is not there.
fn is_usable(directory: &Path) -> bool {
    let rights = Access::WRITE_OK | Access::EXEC_OK;
    make_directory(directory).is_ok() && access(directory, rights).is_ok()
}

fn bind_at(path: &Path) -> Result<Bound, SocketError> {
    let fail = |e| SocketError::Io(path.into(), e);
    // Bound and listening under another name first: a client that finds the real name finds a listener,
    // so that it does not look like the socket of a dead run.
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or(OsStr::new("ugpio")));
    let new = path.with_file_name(name);
    if new.as_os_str().len() > MAX_PATH {
        return Err(fail(io::Error::other("the path is too long for a socket")));
    }
    let _ = fs::remove_file(&new);
    let listener = UnixListener::bind(&new).map_err(fail)?;
    let result = publish(&new, path);
    if result.is_err() {
        let _ = fs::remove_file(&new);
    }
    result?;
    let is = fs::symlink_metadata(path).map_err(fail)?;
    Ok(Bound {
        listener,
        path: path.to_path_buf(),
        inode: (is.dev(), is.ino()),
    })
}

/// Gives the listening socket its real name, if that is free or was left by a dead run.
fn publish(new: &Path, path: &Path) -> Result<(), SocketError> {
    let fail = |e| SocketError::Io(path.into(), e);
    fs::set_permissions(new, fs::Permissions::from_mode(0o600)).map_err(fail)?;
    for _ in 0..2 {
        match renameat_with(CWD, new, CWD, path, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::EXIST) => {}
            Err(e) => return Err(fail(e.into())),
        }
        match fs::symlink_metadata(path) {
            Ok(is) if !is.file_type().is_socket() => {
                return Err(SocketError::NotASocket(path.into()));
            }
            Ok(_) if is_stale(path) => {
                let _ = fs::remove_file(path);
            }
            Ok(_) => break,
            Err(_) => {}
        }
    }
    Err(SocketError::Taken(path.into()))
}

/// This socket has no listener and never will.
fn is_stale(path: &Path) -> bool {
    UnixStream::connect(path).is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused)
}

/// The directory for the sockets of runs that are started here: the first that can be used.
pub(crate) fn directory() -> PathBuf {
    let uid = rustix::process::geteuid().as_raw();
    let places = places_of(std::env::var_os("XDG_RUNTIME_DIR").as_deref(), uid);
    directory_among(&places)
}

/// The first of these that can be used, or a new one beside one that cannot be, which another user has made.
fn directory_among(places: &[PathBuf]) -> PathBuf {
    let others = |place: &PathBuf| {
        let own = format!("{}-{}", place.display(), std::process::id());
        (0..4).map(move |number| PathBuf::from(format!("{own}.{number}")))
    };
    let found = places.iter().find(|place| is_usable(place)).cloned();
    let beside = || {
        places
            .iter()
            .flat_map(others)
            .find(|place| is_usable(place))
    };
    // Where nothing is usable, the reason given is that of the first.
    let first = || places.first().cloned().unwrap_or_default();
    found.or_else(beside).unwrap_or_else(first)
}

/// The directories in which runs of this user may listen.
pub(crate) fn directories() -> Vec<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let places = places_of(std::env::var_os("XDG_RUNTIME_DIR").as_deref(), uid);
    directories_among(&places)
}

fn directories_among(places: &[PathBuf]) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for place in places {
        all.push(place.clone());
        let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else {
            continue;
        };
        let start = [name.as_bytes(), b"-"].concat();
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        let beside = entries.filter(|entry| entry.file_name().as_bytes().starts_with(&start));
        all.extend(beside.map(|entry| entry.path()));
        if would_do(place, parent) {
            break;
        }
    }
    all
}

/// Whether [`is_usable`] would say yes; nothing is made.
fn would_do(place: &Path, parent: &Path) -> bool {
    let rights = Access::WRITE_OK | Access::EXEC_OK;
    match fs::symlink_metadata(place) {
        Ok(_) => is_usable(place),
        Err(_) => access(parent, rights).is_ok(),
    }
}

/// Where the sockets' directory may be, the best first.
fn places_of(runtime: Option<&OsStr>, uid: u32) -> Vec<PathBuf> {
    let fits = |dir: &&Path| {
        // Room for `ugpio/.1234567890-2.sock` behind it.
        dir.is_absolute() && dir.as_os_str().len() + 28 <= MAX_PATH && dir.is_dir()
    };
    let runtime = runtime.map(Path::new).filter(fits);
    let shared = ["/tmp", "/dev/shm", "/var/tmp"].map(|dir| format!("{dir}/ugpio-{uid}"));
    runtime
        .map(|dir| dir.join("ugpio"))
        .into_iter()
        .chain(shared.map(PathBuf::from))
        .collect()
}

/// Finds the socket that is meant: the variable's, else the option's, else that of the only run.
///
/// # Errors
/// Nothing is named, and not exactly one run is going.
pub(crate) fn find(
    variable: Option<&OsStr>,
    option: Option<&Path>,
    directories: &[PathBuf],
) -> Result<PathBuf, SocketError> {
    if let Some(path) = variable.filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    if let Some(path) = option {
        return Ok(path.into());
    }
    let found = directories.iter().flat_map(|dir| running_in(dir));
    let mut running: Vec<PathBuf> = found.collect();
    running.dedup();
    match running.len() {
        0 => Err(SocketError::NoRun),
        1 => Ok(running.remove(0)),
        _ => {
            let run = |path| Running { path, what: None };
            Err(SocketError::Several(running.into_iter().map(run).collect()))
        }
    }
}

/// The sockets in `directory` that have a listener; removes those of dead runs.
fn running_in(directory: &Path) -> Vec<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let safe = fs::symlink_metadata(directory).is_ok_and(|is| is.is_dir() && is.uid() == uid);
    let Some(entries) = safe.then(|| fs::read_dir(directory).ok()).flatten() else {
        return Vec::new();
    };
    let mut running = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        let hidden = entry.file_name().as_bytes().starts_with(b".");
        if hidden || !entry.file_type().is_ok_and(|kind| kind.is_socket()) {
            continue;
        }
        if is_stale(&path) {
            let _ = fs::remove_file(&path);
        } else {
            running.push(path);
        }
    }
    running.sort();
    running
}

#[cfg(test)]
mod tests;
