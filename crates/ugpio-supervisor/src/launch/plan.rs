//! What a run is to be: what was asked for, and what is decided of it before the first fork.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use rustix::process::Rlimit;

use super::ending::Failure;
use crate::arch::Arch;
use crate::filter::FilterSpec;
use crate::sys::insn::Insn;
use crate::sys::process::{self, SignalSet};

/// What happens to processes that outlive the program.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Leftover {
    /// They run on under a supervisor in the background; the front ends with the program.
    #[default]
    Leave,
    /// The front waits for the last of them.
    Wait,
    /// They are killed when the program ends.
    Kill,
}

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct LaunchOptions {
    /// The program, looked up in `PATH` unless it contains a slash.
    pub program: OsString,
    /// Its arguments, without its own name.
    pub args: Vec<OsString>,
    /// What it gets into its environment besides ours.
    pub env: Vec<(OsString, OsString)>,
    /// Which system calls are trapped.
    pub filter: FilterSpec,
    /// What happens to processes that outlive the program.
    pub leftover: Leftover,
    /// Whether the supervisor keeps standard error, to log to. It then keeps it open as long as it lives.
    pub keep_stderr: bool,
    /// Directories that are removed, with all they contain, when the run is over, however it ended.
    pub remove_at_end: Vec<PathBuf>,
    /// The limit of open files that the program gets, if not this process's: see [`raise_descriptors`](super::limits::raise_descriptors).
    pub descriptors: Option<Rlimit>,
    /// Whether the front ends only when [`Session::conclude`](super::Session::conclude) says how, and not with the program.
    pub hold_front: bool,
}

impl LaunchOptions {
    /// Runs `program` with the standard filter and nothing special.
    #[must_use]
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            filter: FilterSpec::standard(),
            leftover: Leftover::default(),
            keep_stderr: false,
            remove_at_end: Vec::new(),
            descriptors: None,
            hold_front: false,
        }
    }
}

/// Everything decided before the first fork.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) argv: Vec<CString>,
    pub(super) env: Vec<(CString, CString)>,
    pub(super) filter: Vec<Insn>,
    pub(super) leftover: Leftover,
    pub(super) keep_stderr: bool,
    pub(super) remove_at_end: Vec<PathBuf>,
    pub(super) descriptors: Option<Rlimit>,
    /// From which number on calls on descriptors may be trapped.
    pub(super) trapped_from: Option<u32>,
    pub(super) hold_front: bool,
    /// The signal mask the front was started with.
    pub(super) mask: SignalSet,
}

impl Plan {
    pub(super) fn new(options: LaunchOptions) -> Result<Self, Failure> {
        let text = |text: OsString| {
            let shown = text.to_string_lossy().into_owned();
            CString::new(text.into_vec())
                .map_err(|_| Failure::own(format!("{shown:?} contains a NUL byte")))
        };
        let argv = core::iter::once(options.program)
            .chain(options.args)
            .map(text)
            .collect::<Result<_, _>>()?;
        let pair = |(name, value)| Ok((text(name)?, text(value)?));
        let env = options
            .env
            .into_iter()
            .map(pair)
            .collect::<Result<_, Failure>>()?;
        Ok(Self {
            argv,
            env,
            trapped_from: options.filter.reads_from(),
            filter: options.filter.assemble(Arch::NATIVE),
            leftover: options.leftover,
            keep_stderr: options.keep_stderr,
            hold_front: options.hold_front,
            remove_at_end: options.remove_at_end,
            descriptors: options.descriptors,
            mask: process::set_mask(&SignalSet::all()),
        })
    }
}
