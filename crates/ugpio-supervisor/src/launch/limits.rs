//! The limits of a process that a run needs more of, and what to say when one is met. Used by `launch` and its caller.

use std::io;

use rustix::process::{Resource, Rlimit, getpid, getrlimit, setrlimit};

use super::ending::Failure;
use crate::outcome::Errno;

/// How many descriptors the processes of a run need for themselves.
const DESCRIPTORS: u64 = 64;

/// What this program needs in bytes, with its name and the letter of `ulimit`. Measured on a debug build with one chip:
/// 0.5 MB of stack, 29 MB of address space, 7 MB of data.
const NEEDS: [(Resource, u64, &str, char); 3] = [
    (Resource::Stack, 1 << 20, "stack", 's'),
    (Resource::As, 40 << 20, "address space", 'v'),
    (Resource::Data, 16 << 20, "data", 'd'),
];

/// What to say if this program may not have as much memory as it needs.
#[must_use]
pub fn memory() -> Option<String> {
    let short = |(resource, needed, name, letter): (Resource, u64, &str, char)| {
        let limit = getrlimit(resource).current?;
        (limit < needed).then(|| {
            let (needed, limit) = (needed >> 10, limit >> 10);
            format!(
                "ugpio needs {needed} kB of {name}, and the limit is {limit}: raise it with `ulimit -{letter}`"
            )
        })
    };
    NEEDS.into_iter().find_map(short)
}

/// Whether `/proc` shows this process under its own number, as a run needs it: what a program's descriptors are is
/// found there.
///
/// # Errors
///
/// It is not mounted, or it is that of another pid namespace.
pub fn proc() -> Result<(), Failure> {
    let own = getpid().as_raw_nonzero().to_string();
    match rustix::fs::readlink("/proc/self", Vec::new()) {
        Ok(number) if number.as_bytes() == own.as_bytes() => Ok(()),
        Ok(_) => Err(Failure::own(
            "a run needs the /proc of its own pid namespace, and this is another's: mount one with \
             `mount -t proc proc /proc`"
                .to_owned(),
        )),
        Err(_) => Err(Failure::own(
            "a run needs /proc, which is not mounted: mount it with `mount -t proc proc /proc`".to_owned(),
        )),
    }
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
        Errno::AGAIN => format!(
            "{text} (EAGAIN): raise the limit of processes with `ulimit -u`, or of memory with `ulimit -v`"
        ),
        Errno::NOMEM => format!("{text} (ENOMEM): is there a limit of `ulimit -v`?"),
        _ => text,
    }
}
