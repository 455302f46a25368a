//! `execve`, `execveat`, `uselib` and `acct` of the board's files: none can be run, or written an account to.

use rustix::io::Errno;

use super::{context::Context, route::Targets};
use crate::{outcome::Reply, path::Target};

/// `execve(path, …)`, `execveat(dirfd, path, …)`, `uselib(path)`, `acct(path)`
// KERNEL: fs/exec.c do_open_execat, kernel/acct.c acct_on (v6.12): anything but a regular file, or one without the
// permission, is EACCES
pub(super) fn exec(_: &Context<'_>, targets: &Targets) -> Result<Reply, Errno> {
    Err(match &targets[0] {
        Some(Target::Missing { .. }) => Errno::NOENT,
        _ => Errno::ACCESS,
    })
}
