//! The limits of a process that a run needs more of, and what to say when one is met. Used by `launch` and its caller.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::ending::Failure;
use crate::outcome::Errno;

/// How many descriptors the processes of a run need for themselves.
const DESCRIPTORS: u64 = 64;

/// How many bytes of stack this program needs; half of it was measured to be too little.
const STACK: u64 = 1 << 20;

/// What to say if the stack may not grow as large as this program needs it.
#[must_use]
pub fn stack() -> Option<String> {
    let limit = getrlimit(Resource::Stack).current?;
    (limit < STACK).then(|| {
        let (needed, limit) = (STACK >> 10, limit >> 10);
        format!(
            "ugpio needs {needed} kB of stack, and the limit is {limit}: raise it with `ulimit -s`"
        )
    })
}

/// Lets this process and its children open as much as the system allows, and gives the limit that was: the program's.
///
/// # Errors
///
/// Even that is too little for a run.
pub fn raise_descriptors() -> Result<Rlimit, Failure> {
    let limit = getrlimit(Resource::Nofile);
    if let Some(most) = limit.maximum.filter(|most| *most < DESCRIPTORS) {
        return Err(Failure::own(format!(
            "a run needs {DESCRIPTORS} open files, and the limit is {most} (EMFILE): raise it with `ulimit -n`"
        )));
    }
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // With the limit as it was, fewer files can be open; each refusal is told to who opens one too many.
    let _ = setrlimit(Resource::Nofile, raised);
    Ok(limit)
}

/// As [`because`], for an error that may have no number.
#[must_use]
pub fn because_of(error: &io::Error) -> String {
    Errno::from_io_error(error).map_or_else(|| error.to_string(), because)
}

/// What an error number means, with the limit to raise if it is one.
#[must_use]
pub fn because(errno: Errno) -> String {
    let text = io::Error::from(errno).to_string().to_lowercase();
    let text = text.split(" (os error").next().unwrap_or(&text).to_owned();
    match errno {
        Errno::MFILE => format!("{text} (EMFILE): raise the limit with `ulimit -n`"),
        Errno::NFILE => format!("{text} (ENFILE): the machine has no more"),
        Errno::AGAIN => format!("{text} (EAGAIN): raise the limit of processes with `ulimit -u`"),
        Errno::NOMEM => format!("{text} (ENOMEM): is there a limit of `ulimit -v`?"),
        _ => text,
    }
}
