//! The part of `traps` that is answered by path: which arguments are paths, how their last name is treated, and who
//! answers.
//!
//! The rule is the same for all: a path that the kernel finds by itself is the kernel's; one that leads through the
//! board to a file of the machine is given to the caller's own call as the path that was found; one that leads to a
//! file of the board is answered by the row's handler. So nothing is done to the machine with other rights than the
//! caller's.

use Last::{Follow, FollowIf, Name, Stay, StayIf};
use Step::{Native, Whole};

use super::{
    access, attribute, chdir, exec, getcwd, getdents, handle, inotify, make, mounts, open, openat2,
    owner, read, readlink, remove,
    route::{Handler, Last, PathAt, Paths},
    socket, stat, statfs, statx, uname, write, xattr,
};
use crate::arch::{Mark, Sys};

const NOFOLLOW: i32 = libc::AT_SYMLINK_NOFOLLOW;
const FOLLOW: i32 = libc::AT_SYMLINK_FOLLOW;

/// Who may answer a call.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the reasons are for the reader, and the tests")
)]
pub(crate) enum Step {
    /// The paths are resolved, and the handler answers for the board.
    Paths(Paths),
    /// The handler looks at the arguments itself.
    Whole(Handler),
    /// The kernel answers, or no one does: the reason.
    Native(&'static str),
}

const fn at(dir: u8, path: u8, last: Last) -> PathAt {
    PathAt {
        dir: Some(dir),
        path,
        last,
    }
}

const fn here(path: u8, last: Last) -> PathAt {
    PathAt {
        dir: None,
        path,
        last,
    }
}

/// The handler of a call with these paths.
const fn paths(paths: &'static [PathAt], handler: Handler) -> Step {
    Step::Paths(Paths {
        paths,
        empty: None,
        handler,
    })
}

/// The same, where `AT_EMPTY_PATH` in an argument makes the descriptor itself the file meant.
const fn paths_or(empty: u8, paths: &'static [PathAt], handler: Handler) -> Step {
    Step::Paths(Paths {
        paths,
        empty: Some(empty),
        handler,
    })
}

macro_rules! steps {
    ($(
        $name:ident $x86:tt $arm:tt
        $(when [$($when:tt)*])? $(marks [$($mark:ident),*])? $(open [$($open:tt)*])? $(named [$($named:tt)*])?;
    )*) => {
        /// The steps of each call, in the order of [`Sys`].
        static STEPS: &[&[Step]] = &[$(&[$($($named)*)?]),*];
    };
}

for_each_call!(steps);

/// Whether a call sees to it by itself that what it looks at is up to date: only when it comes to the board.
pub(crate) fn settles(sys: Sys) -> bool {
    matches!(steps(sys), [Step::Paths(_)]) || sys.is(Mark::Settles)
}

/// Where a call has paths, each with the argument of its directory. For the fuzz target.
#[cfg(fuzzing)]
pub fn paths_of(sys: Sys) -> impl Iterator<Item = (Option<u8>, u8)> {
    let paths = steps(sys).iter().flat_map(|step| match step {
        Step::Paths(all) => all.paths,
        Whole(_) | Native(_) => &[],
    });
    paths.map(|path| (path.dir, path.path))
}

/// The steps of a call.
pub(crate) fn steps(sys: Sys) -> &'static [Step] {
    STEPS[sys as usize]
}
