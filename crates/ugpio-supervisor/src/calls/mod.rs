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
mod context;
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
pub use self::{proc::check_merging, table::paths_of};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use core::cell::OnceCell;

use rustix::io::Errno;

use self::context::{Context, Mover};
pub use self::context::{Opener, PathLayer};
use self::process::Process;
use self::table::Step;
use crate::{
    outcome::{Call, Reply},
    sys::seccomp::Listener,
    thread::Thread,
};

impl PathLayer {
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
            settled: OnceCell::new(),
        };
        dispatch(&context).unwrap_or_else(Reply::Fail)
    }
}

/// Asks the steps of the call's row until one answers.
fn dispatch(context: &Context<'_>) -> Result<Reply, Errno> {
    let Some(sys) = context.call.sys else {
        return Ok(Reply::Continue);
    };
    for step in table::steps(sys) {
        let reply = match step {
            Step::Paths(paths) => route::route(context, paths)?,
            Step::Whole(handler) => handler(context, &[])?,
            Step::Native(_) => Reply::Continue,
        };
        if !matches!(reply, Reply::Continue) {
            return Ok(reply);
        }
    }
    Ok(Reply::Continue)
}
